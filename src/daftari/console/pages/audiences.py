"""Audiences: who of some groups may be messaged, counted and downloaded; frozen ones, looked at and compared."""

from __future__ import annotations

from msgspec import Struct

from daftari.console.forms import Form, Refusal
from daftari.console.languages import gettext as _
from daftari.console.page import CSV, Page, name_file
from daftari.console.pages.campaign_form import EVERYONE, list_ticked
from daftari.console.pages.contacts import OFFERED_MAX
from daftari.console.wording import explain_field
from daftari.errors import AudienceNotFound, ValidationFailed
from daftari.model.audiences import MATCHES, FrozenAudience
from daftari.model.consent import ANY, CHANNELS
from daftari.model.limits import AUDIENCE_DAYS, AUDIENCE_GROUPS_MAX, ID_MAX, SENDER_MAX
from daftari.rules import audiences
from daftari.rules.audiences import Counted, Definition
from daftari.rules.campaigns.draft import ask_as_sender
from daftari.rules.connections.freshness import Freshness, show_freshness
from daftari.rules.consent import facts
from daftari.rules.consent.decisions import Question
from daftari.rules.contacts import groups
from daftari.rules.senders.lifecycle import list_senders
from daftari.store import Tx
from daftari.web.params import read_id
from daftari.web.responses import Response

SECTION = "/audiences"
QUICK_MAX = 100_000
"""Contacts of a book in which it is counted after each change."""
FROZEN_ROWS = 25
BLOCKED_ROWS = 50
OTHERS_MAX = 50
"""Audiences that are offered to compare one with."""
COMPARED_ROWS = 50
"""Numbers that a comparison shows on each side."""


class Count(Struct, frozen=True):
    """How many may be messaged, or what is wrong with the question."""

    counted: Counted | None = None
    freshness: Freshness | None = None
    wrong: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """All that are meant."""
        return 0 if self.counted is None else self.counted.count + sum(self.counted.excluded.values())


# ---- built and counted ----------------------------------------------------------------------------------


def show(page: Page) -> Response:
    """``GET /p/{project}/audiences``: build one and count it; the frozen ones below."""
    before = page.params.cursor("before")
    count, error = None, None
    if page.params.given("match") is not None:
        try:
            counted, freshness = page.read(_count, definition=_read_definition(page))
            count = Count(counted, freshness)
        except ValidationFailed as wrong:
            error = wrong
            count = Count(wrong=tuple(explain_field(said[0]) for said in wrong.errors.values()))
    form = _open_form(page, error)
    offered = page.read(groups.list_groups, after=0, limit=OFFERED_MAX)
    frozen = page.read(audiences.list_audiences, before=before, limit=FROZEN_ROWS + 1)
    book = page.overview.contacts
    return page.show(
        "audiences.html",
        section=SECTION,
        form=form,
        count=count,
        again=_write_query(page),
        offered=[one.name for one in offered],
        ticked={field: list_ticked(form, offered, field) for field in ("groups", "not")},
        book=book,
        is_live=book <= QUICK_MAX,
        senders=sorted({one.name for one in page.read(list_senders)}),
        frozen=frozen[:FROZEN_ROWS],
        following=frozen[FROZEN_ROWS - 1].id if len(frozen) > FROZEN_ROWS else None,
        days=AUDIENCE_DAYS,
    )


def _count(tx: Tx, *, definition: Definition) -> tuple[Counted, Freshness | None]:
    names = [*definition.groups, *definition.without]
    counted = audiences.count_audience(tx, definition=ask_as_sender(tx, definition))
    return counted, show_freshness(tx, names=names)


def download(page: Page) -> Response:
    """``GET /p/{project}/audiences/download``: who may be messaged now, as a file."""
    definition = _read_definition(page)
    spool, _counted = page.request.spool(
        lambda tx, spool: audiences.write_audience(
            tx, definition=ask_as_sender(tx, definition), write=spool.write, as_csv=True
        )
    )
    return Response(200, spool, CSV, name_file("audience.csv"))


def freeze(page: Page) -> Response:
    """``POST /p/{project}/audiences``."""
    definition = page.read(ask_as_sender, definition=_read_definition(page))
    found = page.read(audiences.find_numbers, definition=definition)

    def respond(frozen: FrozenAudience) -> Response:
        return page.done(page.link(f"{SECTION}/{frozen.id}"), _("It is frozen as it is now."))

    return page.write(audiences.freeze_audience, respond, definition=definition, found=found)


def _read_definition(page: Page) -> Definition:
    """Whom the form means. Raises ``ValidationFailed``."""
    params = page.params
    match = params.choice("match", (*MATCHES, EVERYONE), default=MATCHES[0])
    question = Question(
        params.choice("channel", CHANNELS, default=CHANNELS[0]),
        params.problems.read("sender", params.given("sender"), facts.read_sender) or ANY,
        params.problems.read("purpose", params.given("purpose"), facts.read_purpose) or ANY,
        params.text("keyword", most=SENDER_MAX) or "",
    )
    named = () if match == EVERYONE else tuple(dict.fromkeys(params.names("groups")))
    without = tuple(dict.fromkeys(params.names("not")))
    if match != EVERYONE and not named:
        params.problems.add("groups", "needs a group.")
    if len(named) + len(without) > AUDIENCE_GROUPS_MAX:
        params.problems.add("groups", f"must not have more than {AUDIENCE_GROUPS_MAX} items, those of not included.")
    params.refuse_wrong()
    matched = next((one for one in MATCHES if one == match), MATCHES[0])
    return Definition(question, match == EVERYONE, named, matched, without)


def _open_form(page: Page, error: ValidationFailed | None) -> Form:
    """The form with what was chosen. It is sent by GET, so that its address can be kept."""
    if error is not None:
        return Form("", {}, Refusal(page.params, error))
    initial: dict[str, object] = {"match": "any", "channel": "sms", "purpose": "marketing", "groups": [], "not": []}
    if page.params.given("match") is not None or page.refusal is not None:
        texts = ("match", "channel", "sender", "purpose", "keyword")
        initial = {name: str(page.params.given(name) or "") for name in texts}
        initial |= {name: list(page.params.names(name)) for name in ("groups", "not")}
    elif (group := page.params.name("group")) is not None:
        initial["groups"] = [group]
    return page.form(**initial)


def _write_query(page: Page) -> dict[str, object]:
    """What was asked, for links and for the form that freezes it."""
    params = page.params
    return {
        **{name: params.given(name) for name in ("match", "channel", "sender", "purpose", "keyword")},
        **{name: [one for one in params.texts(name) if one.strip()] for name in ("groups", "not")},
    }


# ---- frozen ones ----------------------------------------------------------------------------------------


def show_one(page: Page, number: str) -> Response:
    """``GET /p/{project}/audiences/{number}``: what was frozen, and who was blocked since."""
    audience_id, after = _read_id(number), page.params.cursor("after")
    page.params.refuse_wrong()
    frozen = page.read(audiences.get_audience, audience_id=audience_id)
    checked = page.read(audiences.recheck_audience, audience_id=audience_id, after=after, limit=BLOCKED_ROWS)
    others = page.read(audiences.list_audiences, before=0, limit=OTHERS_MAX)
    return page.show(
        "audience.html",
        section=SECTION,
        audience=audiences.show_audience(frozen),
        checked=checked,
        is_first=not after,
        others=[one for one in others if one.id != audience_id],
        form=page.form(other=""),
    )


def download_frozen(page: Page, number: str) -> Response:
    """``GET /p/{project}/audiences/{number}/download``: the numbers that may still be messaged."""
    audience_id = _read_id(number)
    spool, _frozen = page.request.spool(
        lambda tx, spool: audiences.write_frozen(tx, audience_id=audience_id, write=spool.write)
    )
    return Response(200, spool, CSV, name_file(f"audience-{audience_id}.csv"))


def compare(page: Page, number: str) -> Response:
    """``GET /p/{project}/audiences/{number}/compare``: with ``other``, what two frozen ones have in common."""
    audience_id, other_id = _read_id(number), _read_id(str(page.params.given("other") or ""))
    one, other = (page.read(audiences.get_audience, audience_id=found) for found in (audience_id, other_id))
    return page.show(
        "audience_compare.html",
        section=SECTION,
        audience=audiences.show_audience(one),
        other=audiences.show_audience(other),
        found=page.read(audiences.compare_audiences, audience_id=audience_id, other_id=other_id),
        most=COMPARED_ROWS,
    )


def _read_id(number: str) -> int:
    return min(read_id(number, missing=AudienceNotFound), ID_MAX)
