"""The opt-outs in force: looked through, looked up, written down and lifted."""

from __future__ import annotations

from daftari.console.forms import Refusal
from daftari.console.languages import gettext as _
from daftari.console.languages import isolated
from daftari.console.page import CSV, Page, name_file
from daftari.console.pages.consent_forms import (
    SCOPE,
    blank_fact,
    list_sender_names,
    read_given,
    require_evidence,
    say_agreed,
)
from daftari.console.wording import name_of
from daftari.errors import ValidationFailed
from daftari.model.consent import ANY, CHANNELS, Scope
from daftari.model.limits import ID_MAX, SENDER_MAX
from daftari.rules.consent import facts
from daftari.rules.consent.facts import FactsOutcome
from daftari.rules.numbers import read_number
from daftari.rules.people.agreements import record_agreement
from daftari.rules.people.opt_outs import (
    ListedOptOut,
    Looked,
    OptOutNotFound,
    OptOuts,
    get_opt_out,
    list_opt_outs,
    look_up,
    write_opt_outs,
)
from daftari.rules.people.person import find_authors
from daftari.web.params import read_id
from daftari.web.responses import Response

PATH = "/consent/opt-outs"
ROWS = 50


def show(page: Page) -> Response:
    """``GET /p/{project}/consent/opt-outs``."""
    given = page.params.given
    channel = next((one for one in CHANNELS if one == given("channel")), "")
    sender = str(given("sender") or "")[:SENDER_MAX]
    before = page.params.cursor("before")
    scope = _read_scope(page)
    looked = _look_up(page, scope)
    wrong = page.refusal is not None
    if looked is not None or wrong:
        found = OptOuts([] if looked is None else looked.opt_outs)
    else:
        found = page.read(list_opt_outs, scope=scope, before=before or None, limit=ROWS)
    user_ids = {one.fact.user_id for one in found.opt_outs if one.fact.user_id is not None}
    key_ids = {one.fact.key_id for one in found.opt_outs if one.fact.key_id is not None}
    return page.show(
        "consent_opt_outs.html",
        status=422 if wrong else 200,
        section="/consent",
        form=page.form(q=given("q") or "", channel=channel, sender=sender),
        senders=list_sender_names(page),
        channel=channel,
        sender=sender,
        before=before,
        looked=looked,
        wrong=wrong,
        found=found,
        authors=page.read(find_authors, user_ids=user_ids, key_ids=key_ids),
        may_record=page.may("record_consent"),
        may_download=page.leads_to("/consent/opt-outs/download"),
    )


def download(page: Page) -> Response:
    """``GET /p/{project}/consent/opt-outs/download``: those in force, as a file."""
    scope = _read_scope(page)
    spool, _written = page.request.spool(lambda tx, spool: write_opt_outs(tx, scope=scope, write=spool.write))
    return Response(200, spool, CSV, name_file("opt-outs.csv"))


def _read_scope(page: Page) -> Scope:
    """The channel and the sender that are asked for. Raises ``ValidationFailed``."""
    channel = next((one for one in CHANNELS if one == page.params.given("channel")), ANY)
    sender = str(page.params.given("sender") or "")[:SENDER_MAX]
    read = page.params.problems.read("sender", sender, facts.read_sender) or ANY
    page.params.refuse_wrong()
    return Scope(channel, read)


def show_new(page: Page) -> Response:
    """``GET /p/{project}/consent/opt-outs/new``."""
    mobile = str(page.params.given("mobile") or "")
    form = page.form(**blank_fact(page), mobile=mobile)
    return page.show("consent_opt_out_new.html", section="/consent", form=form, senders=list_sender_names(page))


def create(page: Page) -> Response:
    """``POST /p/{project}/consent/opt-outs/new``."""
    typed = page.params.text("mobile")
    if typed is None:
        page.params.problems.add("mobile", "is required.")
    given = read_given(page, typed or "", kind="opt_out")

    def respond(outcome: FactsOutcome) -> Response:
        if outcome.counts["unchanged"]:
            return page.done(page.link(PATH), _("That was known already."))
        said = [_("Written down. It holds until they agree again.")]
        if outcome.left_groups:
            groups = ", ".join(map(isolated, outcome.left_groups))
            said.append(_("Left %(groups)s.", groups=groups))
        return page.done(page.link(PATH), " ".join(said))

    return page.write(facts.record_given, respond, given=given, kind="opt_out")


def show_agreed(page: Page, fact: str) -> Response:
    """``GET /p/{project}/consent/opt-outs/{fact}/agreed``."""
    found = _find(page, fact)
    scope = {name: "" if value == ANY else value for name, value in _members(found.fact.scope)}
    return page.show(
        "consent_agreed.html",
        section="/consent",
        mobile=found.mobile,
        name="" if found.card is None else name_of(found.card),
        form=page.form(**{**blank_fact(page), **scope}),
        action=page.link(f"{PATH}/{found.fact.id}/agreed"),
        back=page.link(PATH),
        back_title=_("Opt-outs"),
        senders=list_sender_names(page),
        last=found.fact,
    )


def agree(page: Page, fact: str) -> Response:
    """``POST /p/{project}/consent/opt-outs/{fact}/agreed``: how they said it is required."""
    found = _find(page, fact)
    require_evidence(page)
    given = read_given(page, f"+{found.mobile}", kind="opt_in")
    return page.write(
        record_agreement, lambda is_allowed: say_agreed(page, page.link(PATH), is_allowed=is_allowed), given=given
    )


def _look_up(page: Page, scope: Scope) -> Looked | None:
    """What is found of the number that is looked for; ``None`` where none is, or it is none."""
    typed = page.params.given("q")
    if typed is None:
        return None
    try:
        number = read_number(typed, region=page.require_project().region)
    except ValueError as error:
        page.refusal = Refusal(page.params, ValidationFailed({"q": [f"The q field {error}"]}))
        return None
    return page.read(look_up, number=number, scope=scope)


def _find(page: Page, written: str) -> ListedOptOut:
    return page.read(get_opt_out, fact_id=min(read_id(written, missing=OptOutNotFound), ID_MAX))


def _members(scope: Scope) -> list[tuple[str, str]]:
    return [(name, getattr(scope, name)) for name in SCOPE]
