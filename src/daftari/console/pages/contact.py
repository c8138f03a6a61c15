"""A contact: may it be messaged, and why not; its fields and groups; what was said, sent and done."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import UNSET

from daftari.console.languages import gettext as _
from daftari.console.languages import isolated
from daftari.console.page import Page
from daftari.console.pages.contacts import offer_groups
from daftari.console.pages.contacts_many import say_kept_out
from daftari.console.wording import name_of
from daftari.errors import ContactNotFound, ValidationFailed
from daftari.model.contacts import AttributeValue, Card, MembershipOutcome
from daftari.model.limits import ID_MAX
from daftari.rules.contacts import groups, many
from daftari.rules.erasure import subject_export
from daftari.rules.messages.views import list_newest_messages, name_origins
from daftari.rules.numbers import Reference
from daftari.rules.people.near_misses import list_near_misses_of
from daftari.rules.people.person import Authors, History, Person, find_authors, get_person, list_history
from daftari.web.params import read_id
from daftari.web.responses import JSON, Response

MESSAGES = 50
"""Messages on a page of them."""


def show(page: Page, contact: str) -> Response:
    """``GET /p/{project}/contacts/{contact}``."""
    person = find_person(page, contact)
    before = page.params.cursor("before")
    page.params.refuse_wrong()
    history = page.read(list_history, contact_id=person.card.id, mobile=int(person.card.mobile), before=before or None)
    offered = offer_groups(page)
    return page.show(
        "contact.html",
        section="/contacts",
        person=person,
        card=person.card,
        name=called(person),
        attributes=[(key, show_attribute(value)) for key, value in kept_attributes(person.card).items()],
        history=history,
        near=page.read(list_near_misses_of, mobile=int(person.card.mobile)),
        before=before,
        authors=_find_authors(page, person, history),
        form=page.form("group", group=""),
        offered=[one.name for one in offered if not one.mirrored_by and one.name not in person.groups],
    )


def join(page: Page, contact: str) -> Response:
    """``POST /p/{project}/contacts/{contact}/join``."""
    person, name = find_person(page, contact), page.params.group_name("group")
    page.params.refuse_wrong()
    if name is None:
        raise ValidationFailed({"group": ["The group field is required."]})

    def respond(outcome: MembershipOutcome) -> Response:
        kept_out = say_kept_out(outcome)
        said = _("In %(group)s now.", group=isolated(name))
        return page.done(_at(page, person), kept_out or said, tone="warn" if kept_out else "good")

    return page.write(many.add_to_group, respond, ids=[person.card.id], name=name)


def leave(page: Page, contact: str) -> Response:
    """``POST /p/{project}/contacts/{contact}/leave``."""
    person, name = find_person(page, contact), page.params.name("group")
    page.params.refuse_wrong()
    if name is None:
        raise ValidationFailed({"group": ["The group field is required."]})

    def respond(outcome: MembershipOutcome) -> Response:
        return page.done(_at(page, person), _("Out of %(group)s now.", group=isolated(name)))

    return page.write(groups.leave_group, respond, name=name, ids=[person.card.id], mobiles=())


def show_consent(page: Page, contact: str) -> Response:
    """``GET /p/{project}/contacts/{contact}/consent``: to print, for who asks."""
    person = find_person(page, contact)
    return page.show(
        "contact_consent.html",
        section="/contacts",
        person=person,
        card=person.card,
        name=called(person),
        authors=_find_authors(page, person, None),
    )


def show_messages(page: Page, contact: str) -> Response:
    """``GET /p/{project}/contacts/{contact}/messages``: all that was sent, the newest first."""
    person = find_person(page, contact)
    before = page.params.cursor("before")
    page.params.refuse_wrong()
    found = page.read(list_newest_messages, mobile=int(person.card.mobile), before=before, limit=MESSAGES)
    return page.show(
        "contact_messages.html",
        section="/contacts",
        card=person.card,
        name=called(person),
        found=found,
        origins=page.read(name_origins, found=found.messages),
    )


def show_everything(page: Page, contact: str) -> Response:
    """``GET /p/{project}/contacts/{contact}/everything``: all that is held, as a file to give away."""
    person = find_person(page, contact)
    reference = Reference(f"+{person.card.mobile}", page.require_project().region)
    held = page.read(subject_export.export_number, reference=reference)
    body = msgspec.json.format(msgspec.json.encode(held))
    name = f'attachment; filename="contact-{person.card.id}.json"'
    return Response(200, body, JSON, (("content-disposition", name), ("x-content-type-options", "nosniff")))


def find_person(page: Page, written: str) -> Person:
    """The contact of a path. Raises ``ContactNotFound``."""
    contact_id = read_id(written, missing=ContactNotFound)
    return page.read(get_person, contact_id=min(contact_id, ID_MAX))


def called(person: Person) -> str:
    """What a contact is called; blank for one without a name."""
    return name_of(person.card)


def kept_attributes(card: Card) -> Mapping[str, AttributeValue]:
    """The attributes of a contact."""
    return {} if card.attributes is UNSET else card.attributes


def show_attribute(value: AttributeValue) -> str:
    """The value of an attribute as it is shown, and typed."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _find_authors(page: Page, person: Person, history: History | None) -> Authors:
    rows = [*person.facts, *(history.acts if history else ())]
    user_ids = {row.user_id for row in rows if row.user_id is not None}
    key_ids = {row.key_id for row in rows if row.key_id is not None}
    return page.read(find_authors, user_ids=user_ids, key_ids=key_ids)


def _at(page: Page, person: Person) -> str:
    return page.link(f"/contacts/{person.card.id}")
