"""The five calls under ``/v1/contacts``.

This room must not know how a contact is read or stored: its JSON passes through as bytes.
"""

from __future__ import annotations

from itertools import islice

import msgspec

from daftari.api.pagination import write_page
from daftari.errors import ContactNotFound
from daftari.model.contacts import CreateOutcome, UpdateOutcome
from daftari.model.limits import ERRORS_MAX, ID_MAX, PER_PAGE_MAX, REASON_MAX
from daftari.rules.consent.facts import read_purpose
from daftari.rules.contacts import contacts, parse
from daftari.rules.contacts.parse import Rows
from daftari.rules.fields import Reference
from daftari.web.etags import hashed
from daftari.web.params import Params
from daftari.web.requests import JSON, Call, Handled, Reply

INCLUDES = ("groups", "consent", "updated_at")
"""Members that a contact shows when they are asked for."""
PAGE_MAX = ID_MAX // PER_PAGE_MAX
"""A page beyond this one is beyond the end of any list, and beyond what the databases can count."""
FILTERS = ("group", "per_page", "include", "suppressed")
"""What page URLs carry on."""


def list_contacts(call: Call) -> Reply:
    """``GET /v1/contacts``."""
    params = call.params
    group = params.name("group")
    number = params.whole("page", default=1)
    per_page = params.whole("per_page", default=PER_PAGE_MAX, most=PER_PAGE_MAX)
    include = params.choices("include", INCLUDES)
    suppressed = params.choice("suppressed", ("include",), default="") == "include"
    params.refuse_wrong()
    page = call.read(
        contacts.list_contacts,
        group=group,
        page=min(number, PAGE_MAX),
        per_page=per_page,
        include=include,
        suppressed=suppressed,
    )
    filters = [(field, _write_filter(params, field)) for field in FILTERS if params.given(field) is not None]
    paginator = write_page(page, number=number, per_page=per_page, url=call.url, filters=filters)
    asked = msgspec.json.encode(params.given("group") or "")
    pieces = (b'{"group":', asked, b',"contacts":', *paginator, b"}")
    # Cards are most of a page, and hashing them takes a third of the time that the page does. What they depend on is
    # hashed in their place, where it is known.
    named = pieces if page.state is None else (page.state, *(piece for piece in pieces if piece is not page.cards))
    return call.show(b"".join(pieces), tag=hashed(*named))


def get_contact(call: Call, reference: str) -> Reply:
    """``GET /v1/contacts/{id}``."""
    include = call.params.choices("include", INCLUDES)
    call.params.refuse_wrong()
    named = Reference(reference, call.project.region)
    shown = call.read_unisolated(contacts.get_contact, reference=named, include=include)
    version = contacts.version_of(shown.card)
    tag = f"{version}.{hashed(shown.served)}" if include else version
    return call.show(b'{"contact":%b}' % shown.served, tag=tag)


def create_contacts(call: Call) -> Handled:
    """``POST /v1/contacts``: 201 when anything was created."""
    params = call.params
    group = params.name("group")
    skip = params.choice("on_error", ("refuse", "skip"), default=call.project.on_error) == "skip"
    results = params.flag("results")
    given = _read_rows(call)
    params.refuse_wrong({} if skip else given.errors)
    # Skipped rows are named in the answer, so their outcomes are needed whether or not all are asked for.
    return call.write(
        contacts.create_contacts,
        lambda outcome: (201 if outcome.created else 200, _write_outcome(outcome, results=results)),
        rows=given,
        group=group,
        skip=skip,
        results=results or skip,
    )


def update_contact(call: Call, reference: str) -> Handled:
    """``PUT`` and ``PATCH /v1/contacts/{id}``."""
    params = call.params
    group = params.name("group")
    move = params.choice("group_mode", ("move", "add"), default="move") == "move"
    raw, change = params.nested("contact"), None
    if raw is not None:
        change = params.problems.read_part(lambda: parse.read_change(raw, field="contact", region=call.project.region))
    params.refuse_wrong()
    named = Reference(reference, call.project.region)
    return call.write(
        contacts.update_contact,
        _write_update,
        reference=named,
        change=change,
        group=group,
        move=move,
        versions=call.versions,
    )


def _write_update(outcome: UpdateOutcome) -> Reply:
    answer: dict[str, object] = {"message": "Contact updated successfully"}
    if outcome.suppressed:
        answer["suppressed"] = True
    if outcome.kept_out:
        answer["kept_out"] = True
    return Reply(200, JSON, msgspec.json.encode(answer), (("etag", f'"{outcome.version}"'),))


def delete_contact(call: Call, reference: str) -> Handled:
    """``DELETE /v1/contacts/{id}``: the number's opt-out is kept even where there is no contact."""
    params = call.params
    reason = params.text("reason", most=REASON_MAX)
    given = params.given("purpose")
    purpose = None if given is None else params.problems.read("purpose", given, read_purpose)
    at = params.moment("at", now=call.now)
    params.refuse_wrong()
    named = Reference(reference, call.project.region)
    deletion = contacts.read_delete(
        reason=reason, purpose=purpose, at=call.now if at is None else at, settings=call.project.consent
    )

    def write_deleted(deleted: int | None) -> Handled:
        if deleted is None:
            return call.refuse(ContactNotFound(opt_out_recorded=True))
        return 200, b'{"message":"Contact deleted successfully"}'

    return call.write(
        contacts.delete_contact,
        write_deleted,
        reference=named,
        deletion=deletion,
        versions=call.versions,
    )


def _write_filter(params: Params, field: str) -> str:
    """A filter that came, as page URLs carry it: only what is a list may be taken apart, never a group's name."""
    return ",".join(map(str, params.items(field))) if field == "include" else str(params.given(field))


def _read_rows(call: Call) -> Rows:
    """The rows of a create, in ``contacts`` or the one in ``contact``."""
    params = call.params
    many, one = params.nested("contacts"), params.nested("contact")
    read, field, raw = (parse.read_contact, "contact", one) if many is None else (parse.read_contacts, "contacts", many)
    given = None
    if raw is None:
        params.problems.add("contacts", "is required.")
    elif many is not None and one is not None:
        params.problems.add("contact", "must not be sent together with contacts.")
    else:
        given = params.problems.read_part(lambda: read(raw, field=field, region=call.project.region, now=call.now))
    if given is None:
        given = params.problems.require(given)
    return given


def _write_outcome(outcome: CreateOutcome, *, results: bool) -> bytes:
    answer: dict[str, object] = {
        "message": "Contacts created successfully",
        "created": outcome.created,
        "updated": outcome.updated,
        "unchanged": outcome.unchanged,
        "duplicate": outcome.duplicate,
        "invalid": outcome.invalid,
        "suppressed": outcome.suppressed,
    }
    if results:
        answer["results"] = outcome.rows
    if outcome.invalid:
        wrong = (field for row in outcome.rows if row.errors for field in row.errors.items())
        answer["errors"] = dict(islice(wrong, ERRORS_MAX))
    return msgspec.json.encode(answer)
