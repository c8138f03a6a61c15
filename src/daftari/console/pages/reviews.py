"""What people wrote that may be an opt-out: each is read by a person, who says what it is."""

from __future__ import annotations

from daftari.console.languages import gettext as _
from daftari.console.page import Page
from daftari.errors import ReviewNotFound
from daftari.model.inbound import Review, Settlement
from daftari.rules.inbound.quarantine import count_quarantine
from daftari.rules.inbound.review import SETTLEMENTS, settle_review
from daftari.rules.people.reviews import list_waiting
from daftari.web.params import read_id
from daftari.web.responses import Response

PATH = "/consent/review"
SHOWN = 20


def show(page: Page) -> Response:
    """``GET /p/{project}/consent/review``."""
    after = page.params.cursor("after")
    # A form that is refused brings fields of its own.
    if page.refusal is None:
        page.params.refuse_wrong()
    found = page.read(list_waiting, after=after, limit=SHOWN)
    cards = {one.review.id: page.form(str(one.review.id), mobile="") for one in found.waiting}
    return page.show(
        "consent_review.html",
        section="/consent",
        after=after,
        found=found,
        cards=cards,
        lost=None if any(form.is_refused for form in cards.values()) else page.form(_form_sent(page)),
        quarantined=page.read(count_quarantine),
        may_record=page.may("record_consent"),
    )


def settle(page: Page, review: str) -> Response:
    """``POST /p/{project}/consent/review/{review}``."""
    settled_as = page.params.choice("as", SETTLEMENTS, default=None)
    if settled_as is None and not page.params.problems.has("as"):
        page.params.problems.add("as", "is required.")
    page.params.refuse_wrong()
    assert settled_as is not None
    return page.write(
        settle_review,
        lambda settled: page.done(page.link(PATH), _say(settled, settled_as)),
        review_id=read_id(review, missing=ReviewNotFound),
        settled_as=settled_as,
        mobile=page.params.given("mobile"),
    )


def _form_sent(page: Page) -> str:
    return "" if page.refusal is None else str(page.refusal.typed.given("form") or "")


def _say(review: Review, settled_as: Settlement) -> str:
    if settled_as == "opt_out":
        return _("Written down: they opted out. It holds until they agree again.")
    if settled_as == "opt_in":
        return _("Written down: they agree. What they said after that still holds.")
    if settled_as == "retract" and review.mobile is not None:
        return _("The opt-out is taken back. What they said at other times still holds.")
    if settled_as == "retract":
        return _("It is forgotten, as if they had never written it.")
    return _("Off the list. Nothing else changed.")
