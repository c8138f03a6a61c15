"""What the calls under ``/v1/contacts`` answer.

A contact is served as the bytes that the store keeps: its records here only describe it, and every answer of the tests
is held to them.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from daftari.api.views.pagination import NumberedPage
from daftari.model.contacts import RowOutcome
from daftari.model.limits import (
    ATTRIBUTE_NAME_MAX,
    ATTRIBUTE_TEXT_MAX,
    ATTRIBUTES_MAX,
    CONTACTS_PER_CALL_MAX,
    PER_PAGE_MAX,
    TEXT_MAX,
)
from daftari.model.members import ContactId, Count, Errors, Mobile, Number, Time
from daftari.rules.consent.views import Consent

KnownText = Annotated[str, Meta(min_length=1, max_length=TEXT_MAX)]
AttributeName = Annotated[str, Meta(min_length=1, max_length=ATTRIBUTE_NAME_MAX)]
Attributes = Annotated[
    dict[AttributeName, Annotated[str, Meta(max_length=ATTRIBUTE_TEXT_MAX)] | int | float | bool],
    Meta(
        title="AttributesOut",
        min_length=1,
        max_length=ATTRIBUTES_MAX,
        description="The contact's custom fields by name. Left out when it has none.",
    ),
]


class CardView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One person in the phonebook, as the store keeps them. What is not known is `null`."""

    id: ContactId
    fname: KnownText | None
    """First name."""
    mname: KnownText | None
    """Middle name."""
    lname: KnownText | None
    """Last name."""
    mobile: Mobile
    email: KnownText | None
    """E-mail address, as it was given."""
    city: KnownText | None
    """City or town."""
    company: KnownText | None
    """Company."""
    created_at: Time
    """When the contact was first made."""
    attributes: Attributes | None = None


class ContactView(CardView, frozen=True, kw_only=True, omit_defaults=True):
    """One person in the phonebook. What is not known is `null`."""

    groups: Annotated[list[KnownText], Meta(extra_json_schema={"uniqueItems": True})] | None = None
    """The names of the groups the contact is in. Only with `include=groups`."""
    consent: Consent | None = None
    """What the number opted out of and in to. Only with `include=consent`."""
    updated_at: Time | None = None
    """When the contact last changed. Only with `include=updated_at`."""
    suppressed: bool = False
    """There when the number has opted out of everything. Only with `ids`."""


class ContactPage(NumberedPage, frozen=True, kw_only=True):
    """One page of a list, and the way to the others."""

    data: Annotated[list[ContactView], Meta(max_length=PER_PAGE_MAX)]
    """The contacts on this page, in the order of their ids."""
    from_: Number | None = field(name="from")
    """The place in the whole list of the first contact here, counted from 1; `null` when there are none."""
    per_page: Annotated[int, Meta(ge=1, le=PER_PAGE_MAX)]
    """How many contacts a page has."""
    to: Number | None
    """The place in the whole list of the last contact here; `null` when there are none."""
    total: Count
    """How many contacts match in all. It is exact."""


class ContactList(Struct, frozen=True, omit_defaults=True):
    group: Annotated[str, Meta(max_length=TEXT_MAX)]
    """The group that was asked for; an empty text when none was."""
    contacts: ContactPage
    missing: Annotated[list[ContactId], Meta(max_length=PER_PAGE_MAX)] | None = None
    """The ids that no contact has. Only with `ids`."""


class ContactAnswer(Struct, frozen=True):
    contact: ContactView


class ContactsCreated(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="message", tag="Contacts created successfully"
):
    """What the call did. created + updated + unchanged + duplicate + invalid is the number of rows."""

    created: Count
    """Rows that made a new contact."""
    updated: Count
    """Rows that changed a contact that was there, if only by joining the group."""
    unchanged: Count
    """Rows that said nothing new."""
    duplicate: Count
    """Rows whose number was in an earlier row of the same call; they merged over it."""
    invalid: Count
    """Rows that could not be read and were left out; only with `on_error` `skip`."""
    suppressed: Count
    """Rows whose number has opted out of everything. They are counted above as well."""
    results: Annotated[list[RowOutcome], Meta(max_length=CONTACTS_PER_CALL_MAX)] | None = None
    """The outcome of each row, in the order sent. Only when `results` was asked for."""
    errors: Errors | None = None
    """What was wrong with the rows that were left out, by dotted path. Only when there are such rows."""


class ContactUpdated(Struct, frozen=True, omit_defaults=True, tag_field="message", tag="Contact updated successfully"):
    suppressed: bool = False
    """There when the number has opted out of everything. The contact is in no group, and joined none."""
    kept_out: bool = False
    """There when the person left this very group by their own word. The contact stayed in the groups it is in."""
    kept_groups: list[KnownText] = []
    """There when a move left the contact in groups that connections keep in step."""


class ContactDeleted(Struct, frozen=True, tag_field="message", tag="Contact deleted successfully"):
    pass
