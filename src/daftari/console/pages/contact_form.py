"""Adding a contact, and changing the fields of one."""

from __future__ import annotations

from itertools import zip_longest

import msgspec

from daftari.console.forms import Form
from daftari.console.languages import gettext as _
from daftari.console.languages import isolated
from daftari.console.page import Page
from daftari.console.pages.contact import called, find_person, kept_attributes, show_attribute
from daftari.console.pages.contacts import offer_groups
from daftari.errors import Conflict, MobileTaken, PreconditionFailed, ValidationFailed
from daftari.model.contacts import TEXT_FIELDS, AttributeValue, Card, CreateOutcome, UpdateOutcome
from daftari.model.limits import ATTRIBUTES_MAX
from daftari.rules.contacts import contacts, parse
from daftari.rules.fields import Errors
from daftari.rules.numbers import Reference, read_number
from daftari.rules.people.person import find_holder
from daftari.web.responses import Response

CONTACT = "contact"
"""What the rules call the record of which the fields are."""
BLANK_ROWS = 3
CHANGED_MEANWHILE = "Someone changed this contact meanwhile."
TAKEN = "belongs to another contact already."


def show_new(page: Page) -> Response:
    """``GET /p/{project}/contacts/new``."""
    given = {name: str(page.params.given(name) or "") for name in ("mobile", "fname", "group")}
    form = page.form(**{**dict.fromkeys(TEXT_FIELDS, ""), **given}, key=[], value=[])
    offered = offer_groups(page)
    return page.show(
        "contact_form.html",
        section="/contacts",
        form=form,
        person=None,
        title=_("Add a contact"),
        attributes=_list_attributes(form),
        holder=_find_holder(page),
        offered=[one.name for one in offered if not one.mirrored_by],
    )


def create(page: Page) -> Response:
    """``POST /p/{project}/contacts/new``."""
    group = page.params.group_name("group")
    page.params.refuse_wrong()
    record = {**_read_texts(page), "attributes": {key: value for key, value in _read_attributes(page) if value}}
    raw, region = msgspec.json.encode(record), page.require_project().region
    rows = parse.read_contact(raw, field=CONTACT, region=region, now=page.now)
    if errors := {**_without_record(rows.errors), **_refuse_taken(page, 0)}:
        raise ValidationFailed(errors)

    def respond(outcome: CreateOutcome) -> Response:
        row = outcome.rows[0]
        path = page.link(f"/contacts/{row.id}")
        if row.suppressed:
            return page.done(path, _("Added. They opted out earlier: they join no group."), tone="warn")
        return page.done(path, _("Added to the book."))

    try:
        return page.write(contacts.create_contacts, respond, rows=rows, group=group, skip=False, results=True)
    except ValidationFailed as error:
        raise ValidationFailed(_without_record(error.errors)) from None


def show(page: Page, contact: str) -> Response:
    """``GET /p/{project}/contacts/{contact}/edit``."""
    person = find_person(page, contact)
    card = person.card
    kept = kept_attributes(card)
    form = page.form(
        **{name: getattr(card, name) or "" for name in TEXT_FIELDS},
        mobile=f"+{card.mobile}",
        group="",
        key=list(kept),
        value=[show_attribute(value) for value in kept.values()],
    )
    name = called(person)
    return page.show(
        "contact_form.html",
        section="/contacts",
        form=form,
        person=person,
        title=_("Change %(name)s", name=isolated(name)) if name else _("Change the contact"),
        attributes=_list_attributes(form),
        holder=_find_holder(page),
        offered=[],
    )


def update(page: Page, contact: str) -> Response:
    """``POST /p/{project}/contacts/{contact}/edit``."""
    person, region = find_person(page, contact), page.require_project().region
    raw = msgspec.json.encode({**_read_texts(page), "attributes": _changed_attributes(page, person.card)})
    errors = _refuse_taken(page, person.card.id)
    try:
        change = parse.read_change(raw, field=CONTACT, region=region)
    except ValidationFailed as error:
        raise ValidationFailed({**_without_record(error.errors), **errors}) from None
    if errors:
        raise ValidationFailed(errors)

    def respond(outcome: UpdateOutcome) -> Response:
        return page.done(page.link(f"/contacts/{person.card.id}"), _("Saved."))

    try:
        return page.write(
            contacts.update_contact,
            respond,
            reference=Reference(str(person.card.id), region),
            change=change,
            group=None,
            move=False,
            versions=frozenset({str(page.params.given("version") or "")}),
        )
    except MobileTaken:
        raise ValidationFailed({"mobile": [f"The mobile field {TAKEN}"]}) from None
    except ValidationFailed as error:
        raise ValidationFailed(_without_record(error.errors)) from None
    except PreconditionFailed:
        raise Conflict(CHANGED_MEANWHILE) from None


def _list_attributes(form: Form) -> list[tuple[str, str]]:
    """The rows of attributes, some of them blank."""
    rows = [*zip_longest(form.values("key"), form.values("value"), fillvalue="")]
    filled = [row for row in rows if any(row)]
    return [*filled, *[("", "")] * min(BLANK_ROWS, ATTRIBUTES_MAX - len(filled))]


def _read_texts(page: Page) -> dict[str, str]:
    return {name: str(page.params.given(name) or "") for name in ("mobile", *TEXT_FIELDS)}


def _read_attributes(page: Page) -> list[tuple[str, str]]:
    rows = zip_longest(page.params.texts("key"), page.params.texts("value"), fillvalue="")
    read = [(key.strip(), value.strip()) for key, value in rows]
    if any(value and not key for key, value in read):
        raise ValidationFailed({"key": ["The key field is required."]})
    return [(key, value) for key, value in read if key]


def _changed_attributes(page: Page, card: Card) -> dict[str, AttributeValue]:
    """The attributes that were typed; ``None`` for those that are gone. What was not changed keeps its type."""
    kept, typed = kept_attributes(card), dict(_read_attributes(page))
    changed: dict[str, AttributeValue] = {key: None for key in kept if not typed.get(key)}
    for key, value in typed.items():
        if value and (key not in kept or show_attribute(kept[key]) != value):
            changed[key] = value
    return changed


def _find_holder(page: Page) -> Card | None:
    """The contact that has the number which was typed and refused."""
    refusal = page.refusal
    error = None if refusal is None else refusal.error
    if not isinstance(error, ValidationFailed) or TAKEN not in "".join(error.errors.get("mobile", ())):
        return None
    number = read_number(str(page.params.given("mobile")), region=page.require_project().region).number
    return page.read(find_holder, mobile=number)


def _refuse_taken(page: Page, own_id: int) -> Errors:
    """What is wrong with the number, if another contact has it."""
    try:
        read = read_number(page.params.given("mobile"), region=page.require_project().region)
    except ValueError:
        return {}
    holder = page.read(find_holder, mobile=read.number)
    if holder is None or holder.id == own_id:
        return {}
    return {"mobile": [f"The mobile field {TAKEN}"]}


def _without_record(errors: Errors) -> Errors:
    """Errors by the names that the fields have in the form."""
    start = f"{CONTACT}."
    return {path.removeprefix(start): sentences for path, sentences in errors.items()}
