"""They asked to stop, no one asked, they asked to be forgotten, they agreed: four things, each a form."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from daftari.console.languages import gettext as _
from daftari.console.page import Page
from daftari.console.pages.contact import called, find_person
from daftari.errors import ValidationFailed
from daftari.rules.access.zones import zone_of
from daftari.rules.consent import facts
from daftari.rules.consent.facts import EVIDENCE_CHARACTERS_MIN, FactsOutcome, Given, Kind
from daftari.rules.contacts import many
from daftari.rules.erasure import erase
from daftari.rules.erasure.erase import Erasure
from daftari.rules.numbers import read_number
from daftari.rules.people.person import Person
from daftari.rules.senders.lifecycle import list_senders
from daftari.web.responses import Response

TYPED_TIME = "%Y-%m-%dT%H:%M"
"""How a browser writes a time that was typed."""
SCOPE = ("channel", "sender", "purpose")


def show(page: Page, contact: str) -> Response:
    """``GET /p/{project}/contacts/{contact}/remove``."""
    person = find_person(page, contact)
    return page.show(
        "contact_remove.html",
        section="/contacts",
        person=person,
        card=person.card,
        name=called(person),
        form=page.form("stop", **_blank(page)),
        senders=_list_names(page),
    )


def stop(page: Page, contact: str) -> Response:
    """``POST /p/{project}/contacts/{contact}/remove/stop``: they asked us to stop."""
    person, removes = find_person(page, contact), page.params.flag("delete")
    given = _read_given(page, person, kind="opt_out")

    def respond(outcome: FactsOutcome) -> Response:
        if removes:
            return page.done(page.link("/contacts"), _("Written down, and out of the book. The opt-out stays."))
        if outcome.counts["unchanged"]:
            return page.done(_at(page, person), _("That was known already."))
        return page.done(_at(page, person), _("Written down. It holds until they agree again."))

    return page.write(many.record_and_remove, respond, contact_id=person.card.id, given=given, removes=removes)


def remove(page: Page, contact: str) -> Response:
    """``POST /p/{project}/contacts/{contact}/remove``: no one asked."""
    person = find_person(page, contact)
    said = _("Out of the book. The number may be added again, and messaged.")
    return page.write(many.remove_contacts, lambda count: page.done(page.link("/contacts"), said), ids=[person.card.id])


def show_erase(page: Page, contact: str) -> Response:
    """``GET /p/{project}/contacts/{contact}/erase``."""
    person = find_person(page, contact)
    return page.show(
        "contact_erase.html",
        section="/contacts",
        card=person.card,
        name=called(person),
        form=page.form(mobile=""),
    )


def erase_contact(page: Page, contact: str) -> Response:
    """``POST /p/{project}/contacts/{contact}/erase``: they asked to be forgotten. The number is typed again."""
    person = find_person(page, contact)
    mobile = int(person.card.mobile)
    typed = page.params.problems.read(
        "mobile", page.params.given("mobile"), lambda one: read_number(one, region=page.require_project().region)
    )
    page.params.refuse_wrong()
    if typed is None or mobile not in (typed.number, typed.digits):
        raise ValidationFailed({"mobile": ["The mobile field is not the number of this contact."]})

    def respond(erasure: Erasure) -> Response:
        return page.done(page.link("/contacts"), _("Erased. We will never message that number."))

    return page.write(erase.erase_number, respond, mobile=mobile)


def show_agreed(page: Page, contact: str) -> Response:
    """``GET /p/{project}/contacts/{contact}/agreed``."""
    person = find_person(page, contact)
    return page.show(
        "contact_agreed.html",
        section="/contacts",
        person=person,
        card=person.card,
        name=called(person),
        form=page.form(**{**_blank(page), "purpose": "marketing"}),
        senders=_list_names(page),
        last=next((fact for fact in person.facts if fact.kind == "opt_out"), None),
    )


def agree(page: Page, contact: str) -> Response:
    """``POST /p/{project}/contacts/{contact}/agreed``: how they said it is required."""
    person = find_person(page, contact)
    evidence = page.params.text("evidence", most=2_000)
    if evidence is None:
        page.params.problems.add("evidence", "is required.")
    elif len(evidence) < EVIDENCE_CHARACTERS_MIN:
        page.params.problems.add("evidence", f"must be longer: {EVIDENCE_CHARACTERS_MIN} characters at least.")
    given = _read_given(page, person, kind="opt_in")

    def respond(outcome: FactsOutcome) -> Response:
        if outcome.counts["refused"]:
            said = _("Written down, and it lifts nothing: their own opt-out is later, or about more than this.")
            return page.done(_at(page, person), said, tone="warn")
        return page.done(_at(page, person), _("Written down. They may be messaged so from now on."))

    return page.write(facts.record_given, respond, given=given, kind="opt_in")


def _read_given(page: Page, person: Person, *, kind: Kind) -> Given:
    """The fact that was typed, about the contact's number."""
    at = _read_moment(page)
    page.params.refuse_wrong()
    common = {
        **{name: page.params.given(name) for name in (*SCOPE, "evidence")},
        "at": at,
        "source": "console",
    }
    region = page.require_project().region
    mobile = f"+{person.card.mobile}"
    return facts.read_facts([mobile], common=common, kind=kind, writer="console", region=region, now=page.now)


def _read_moment(page: Page) -> str | None:
    """A time as a browser writes it, in the project's zone; none, or the minute that the form proposed, for now."""
    typed = page.params.given("at")
    if typed is None or typed == page.params.given("now"):
        return None
    try:
        moment = datetime.fromisoformat(str(typed))
    except ValueError:
        page.params.problems.add("at", "must be a time.")
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone_of(page.require_project())))
    return moment.isoformat()


def _blank(page: Page) -> dict[str, str]:
    zone = ZoneInfo(zone_of(page.require_project()))
    now = datetime.fromtimestamp(page.now / 1_000_000, zone).strftime(TYPED_TIME)
    return {**dict.fromkeys((*SCOPE, "evidence", "delete"), ""), "at": now, "now": now}


def _list_names(page: Page) -> list[str]:
    return sorted({sender.name for sender in page.read(list_senders)})


def _at(page: Page, person: Person) -> str:
    return page.link(f"/contacts/{person.card.id}")
