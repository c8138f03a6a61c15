"""The five calls under ``/v1/contacts``.

Knows neither how a contact is read nor how it is stored: its JSON passes through as bytes.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import msgspec

from daftari.api.missing import note_missing
from daftari.api.pagination import PAGE_MAX, write_page, write_page_after
from daftari.api.views.contacts import ContactDeleted, ContactsCreated, ContactUpdated
from daftari.errors import ContactNotFound
from daftari.model.contacts import TEXT_FIELDS, CreateOutcome, UpdateOutcome
from daftari.model.limits import ERRORS_MAX, PER_PAGE_MAX, REASON_MAX
from daftari.rules.consent.facts import read_purpose
from daftari.rules.contacts import contacts, parse
from daftari.rules.contacts.parse import Rows
from daftari.rules.numbers import Reference
from daftari.web.etags import hashed
from daftari.web.params import Params, read_whole
from daftari.web.requests import Request
from daftari.web.responses import Response, json_response

INCLUDES = ("groups", "consent", "updated_at")
"""Members that a contact shows on request."""
CONTACT_FIELDS = frozenset({"mobile", *TEXT_FIELDS, "attributes"})
"""Members of a contact, which do nothing at the top of a body."""
FILTERS = ("group", "per_page", "include", "suppressed", "ids")
"""Fields that the URLs of other pages repeat."""

SEQ_HEADER = "x-daftari-seq"
"""The last change in the feed when a page was read."""

_encode = msgspec.json.encode


def list_contacts(request: Request) -> Response:
    """``GET /v1/contacts``."""
    params = request.params
    group = params.name("group")
    number = params.whole("page", default=1)
    after_id = _read_position(params)
    per_page = params.whole("per_page", default=PER_PAGE_MAX, most=PER_PAGE_MAX)
    include = params.choices("include", INCLUDES)
    suppressed = params.choice("suppressed", ("include",), default="") == "include"
    ids = _read_ids(params)
    params.refuse_wrong()
    if ids is not None:
        return _find_contacts(request, ids, include)
    wanted: dict[str, Any] = {"group": group, "per_page": per_page, "include": include, "suppressed": suppressed}
    filters = _list_filters(params)
    if after_id is None:
        page = request.read(contacts.list_contacts, page=min(number, PAGE_MAX), **wanted)
        paginator = write_page(page, number=number, per_page=per_page, url=request.url, filters=filters)
    else:
        page = request.read(contacts.list_contacts_after, after_id=after_id, **wanted)
        paginator = write_page_after(page, per_page=per_page, url=request.url, filters=filters)
    asked = msgspec.json.encode(params.given("group") or "")
    pieces = (b'{"group":', asked, b',"contacts":', *paginator, b"}")
    # Cards are most of a page, and hashing them takes a third of the time that the page does. Where the state of the
    # book is known, it is hashed in their place.
    named = pieces if page.state is None else (page.state, *(piece for piece in pieces if piece is not page.cards))
    headers = () if page.last_change is None else ((SEQ_HEADER, str(page.last_change)),)
    return request.show(b"".join(pieces), tag=hashed(*named), headers=headers)


def _find_contacts(request: Request, ids: list[int], include: frozenset[str]) -> Response:
    """Some contacts on a page of their own, and the ids that are none."""
    page = request.read(contacts.find_contacts, ids=ids, include=include)
    paginator = write_page(
        page, number=1, per_page=PER_PAGE_MAX, url=request.url, filters=_list_filters(request.params)
    )
    missing = _encode(page.missing)
    body = b"".join((b'{"group":"","contacts":', *paginator, b',"missing":', missing, b"}"))
    return request.show(body, tag=hashed(body))


def _list_filters(params: Params) -> list[tuple[str, str]]:
    return [(field, _write_filter(params, field)) for field in FILTERS if params.given(field) is not None]


def _read_ids(params: Params) -> list[int] | None:
    """The ids of the contacts that are asked for; ``None`` for a list of all."""
    if "ids" not in params.names_given:
        return None
    ids = params.ids("ids")
    if len(ids) > PER_PAGE_MAX:
        params.problems.add("ids", f"must not have more than {PER_PAGE_MAX} items.")
    elif not ids and not params.problems:
        params.problems.add("ids", "must name at least one contact.")
    for field in ("group", "after_id"):
        if params.given(field) is not None:
            params.problems.add(field, "must not be sent together with ids.")
    return ids


def _read_position(params: Params) -> int | None:
    """The id after which to list; ``None`` for a numbered page. A page URL wins over a body of the other kind.

    Page 1 excludes no id: generated clients send it with every request, because it is the default.
    """
    after_id = params.position("after_id")
    if after_id is None:
        return None
    number = params.given("page")
    if number is None:
        return after_id
    by_id_in_query, by_number_in_query = params.is_in_query("after_id"), params.is_in_query("page")
    if by_id_in_query != by_number_in_query:
        return after_id if by_id_in_query else None
    if read_whole(number) != 1:
        params.problems.add("after_id", "must not be sent together with a page other than 1.")
    return after_id


def get_contact(request: Request, reference: str) -> Response:
    """``GET /v1/contacts/{id}``."""
    include = request.params.choices("include", INCLUDES)
    request.params.refuse_wrong()
    named = Reference(reference, request.project.region)
    shown = request.read_unisolated(contacts.get_contact, reference=named, include=include)
    version = contacts.version_of(shown.card)
    tag = f"{version}.{hashed(shown.served)}" if include else version
    return request.show(b'{"contact":%b}' % shown.served, tag=tag)


def create_contacts(request: Request) -> Response:
    """``POST /v1/contacts``: 201 when anything was created."""
    params = request.params
    group = params.group_name("group")
    skip = params.choice("on_error", ("refuse", "skip"), default=request.project.on_error) == "skip"
    results = params.flag("results")
    fire_triggers = params.flag("fire_triggers")
    given = _read_rows(request)
    params.refuse_wrong({} if skip else given.errors)
    # Skipped rows are named in the answer, so their outcomes are needed whether or not all are asked for.
    return request.write(
        contacts.create_contacts,
        lambda outcome: _write_outcome(outcome, results=results),
        rows=given,
        group=group,
        skip=skip,
        results=results or skip,
        fire_triggers=fire_triggers,
    )


def update_contact(request: Request, reference: str) -> Response:
    """``PUT`` and ``PATCH /v1/contacts/{id}``."""
    params = request.params
    group = params.group_name("group")
    has_group = group is not None or params.problems.has("group")
    move = params.choice("group_mode", ("move", "add"), default="move") == "move"
    raw, change = params.nested("contact"), None
    if raw is not None:
        change = params.problems.read_part(
            lambda: parse.read_change(raw, field="contact", region=request.project.region)
        )
    elif not has_group or not CONTACT_FIELDS.isdisjoint(params.names_given):
        unless = [] if has_group else ["group"]
        note_missing(
            params, "contact", members=CONTACT_FIELDS, example='{"contact": {"fname": "Suzan"}}', unless=unless
        )
    params.refuse_wrong()
    named = Reference(reference, request.project.region)
    return request.write(
        contacts.update_contact,
        _write_update,
        reference=named,
        change=change,
        group=group,
        move=move,
        versions=request.versions,
    )


def _write_update(outcome: UpdateOutcome) -> Response:
    body = msgspec.json.encode(ContactUpdated(outcome.suppressed, outcome.kept_out, [*outcome.kept_groups]))
    return Response(200, body, headers=(("etag", f'"{outcome.version}"'),))


def delete_contact(request: Request, reference: str) -> Response:
    """``DELETE /v1/contacts/{id}``: records the number's opt-out even where there is no contact."""
    params = request.params
    reason = params.text("reason", most=REASON_MAX)
    given = params.given("purpose")
    purpose = None if given is None else params.problems.read("purpose", given, read_purpose)
    at = params.moment("at", now=request.now)
    params.refuse_wrong()
    named = Reference(reference, request.project.region)
    deletion = contacts.read_delete(reason=reason, purpose=purpose, at=at, settings=request.project.consent)

    def write_deleted(deleted: int | None) -> Response:
        if deleted is None:
            return request.refuse(ContactNotFound(opt_out_recorded=True))
        return json_response(ContactDeleted())

    return request.write(
        contacts.delete_contact,
        write_deleted,
        reference=named,
        deletion=deletion,
        versions=request.versions,
    )


def _write_filter(params: Params, field: str) -> str:
    """A filter as page URLs repeat it. Only a list may be split at commas, never a group's name."""
    return ",".join(map(str, params.items(field))) if field in ("include", "ids") else str(params.given(field))


def _read_rows(request: Request) -> Rows:
    """The rows of a create, in ``contacts`` or the one in ``contact``."""
    params = request.params
    many, one = params.nested("contacts"), params.nested("contact")
    read, field, raw = (parse.read_contact, "contact", one) if many is None else (parse.read_contacts, "contacts", many)
    given = None
    if raw is None:
        if not (params.problems.has("contacts") or params.problems.has("contact")):
            note_missing(params, "contacts", members=CONTACT_FIELDS, example='{"contacts": [{"mobile": "0722000001"}]}')
    elif many is not None and one is not None:
        params.problems.add("contact", "must not be sent together with contacts.")
    else:
        given = params.problems.read_part(
            lambda: read(raw, field=field, region=request.project.region, now=request.now)
        )
    if given is None:
        given = params.problems.require(given)
    return given


def _write_outcome(outcome: CreateOutcome, *, results: bool) -> Response:
    wrong = (field for row in outcome.rows if row.errors for field in row.errors.items())
    created = ContactsCreated(
        created=outcome.created,
        updated=outcome.updated,
        unchanged=outcome.unchanged,
        duplicate=outcome.duplicate,
        invalid=outcome.invalid,
        suppressed=outcome.suppressed,
        results=outcome.rows if results else None,
        errors=dict(islice(wrong, ERRORS_MAX)) if outcome.invalid else None,
    )
    return json_response(created, status=201 if outcome.created else 200)
