"""They asked to stop, no one asked, they asked to be forgotten, they agreed: four things, each a form."""

from __future__ import annotations

from daftari.console.languages import gettext as _
from daftari.console.page import Page
from daftari.console.pages.consent_forms import (
    blank_fact,
    list_sender_names,
    read_given,
    require_evidence,
    say_agreed,
)
from daftari.console.pages.contact import called, find_person
from daftari.errors import ValidationFailed
from daftari.rules.consent.facts import FactsOutcome
from daftari.rules.contacts import many
from daftari.rules.erasure import erase
from daftari.rules.erasure.erase import Erasure
from daftari.rules.numbers import read_number
from daftari.rules.people.agreements import record_agreement
from daftari.rules.people.person import Person
from daftari.web.responses import Response


def show(page: Page, contact: str) -> Response:
    """``GET /p/{project}/contacts/{contact}/remove``."""
    person = find_person(page, contact)
    return page.show(
        "contact_remove.html",
        section="/contacts",
        person=person,
        card=person.card,
        name=called(person),
        form=page.form("stop", **blank_fact(page), delete=""),
        senders=list_sender_names(page),
    )


def stop(page: Page, contact: str) -> Response:
    """``POST /p/{project}/contacts/{contact}/remove/stop``: they asked us to stop."""
    person, removes = find_person(page, contact), page.params.flag("delete")
    given = read_given(page, _number(person), kind="opt_out")

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
        "consent_agreed.html",
        section="/contacts",
        mobile=person.card.mobile,
        name=called(person),
        form=page.form(**{**blank_fact(page), "purpose": "marketing"}),
        action=_at(page, person) + "/agreed",
        back=_at(page, person),
        back_title=_("Back to the contact"),
        senders=list_sender_names(page),
        last=next((fact for fact in person.facts if fact.kind == "opt_out"), None),
    )


def agree(page: Page, contact: str) -> Response:
    """``POST /p/{project}/contacts/{contact}/agreed``: how they said it is required."""
    person = find_person(page, contact)
    require_evidence(page)
    given = read_given(page, _number(person), kind="opt_in")

    return page.write(
        record_agreement, lambda is_allowed: say_agreed(page, _at(page, person), is_allowed=is_allowed), given=given
    )


def _at(page: Page, person: Person) -> str:
    return page.link(f"/contacts/{person.card.id}")


def _number(person: Person) -> str:
    return f"+{person.card.mobile}"
