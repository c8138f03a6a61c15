"""Contacts: list, get, create, update, delete and stream, and what is stored about one number. No HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal, Unpack
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from daftari_client.api import WriteOptions, path_part
from daftari_client.errors import UnexpectedAnswer
from daftari_client.flows import Flow, Iteration, Response, Yield, read_as, read_member, read_message, with_etag
from daftari_client.import_records import StreamedRow
from daftari_client.records import (
    Contact,
    ContactPage,
    Created,
    Deleted,
    NumberConsent,
    NumberExport,
    Updated,
)
from daftari_client.resources import Mode, Resource, call, iteration
from daftari_client.streams import stream_rows
from daftari_client.types import Purpose

Reference = int | str
"""The id of a contact, or its mobile in any spelling."""
ContactInput = Contact | Mapping[str, object]
"""A contact to write: a record from a read, or a mapping with ``mobile``, ``fname`` and so on."""
Include = Literal["groups", "consent", "updated_at"]

PER_PAGE = 1_000
_WRITABLE = ("fname", "mname", "lname", "mobile", "email", "city", "company")


class Contacts(Resource[Mode]):
    """The contacts of the project."""

    @call
    def list(
        self,
        *,
        group: str | None = None,
        page: int | None = None,
        after_id: int | None = None,
        per_page: int | None = None,
        include: Iterable[Include] = (),
        suppressed: bool = False,
        ids: Iterable[int] = (),
    ) -> Flow[ContactPage]:
        """One page of contacts, by id: the ``page``-th, or the one after an id. A group that does not exist has none.

        ``include`` asks for more members. ``suppressed`` includes contacts that opted out of everything. ``ids`` asks
        for up to 1,000 contacts, whether or not they opted out.
        """
        place = {"page": page, "after_id": after_id, "ids": ",".join(map(str, ids)) or None}
        return self._page(place, group=group, per_page=per_page, include=include, suppressed=suppressed)

    @iteration
    def iterate(
        self,
        *,
        group: str | None = None,
        per_page: int = PER_PAGE,
        include: Iterable[Include] = (),
        suppressed: bool = False,
    ) -> Iteration[Contact]:
        """Every contact, by id. Contacts may be deleted meanwhile; no other is passed over for it.

        The parameters are as in ``list``.
        """
        include = tuple(include)
        place: dict[str, int | str | None] = {"after_id": 0}
        while True:
            page = yield from self._page(place, group=group, per_page=per_page, include=include, suppressed=suppressed)
            for contact in page.data:
                yield Yield(contact)
            if page.next_page_url is None:
                return
            place = {**_next_place(page.next_page_url, place, page)}

    @call
    def get(self, reference: Reference, *, include: Iterable[Include] = ()) -> Flow[Contact]:
        """One contact by id or mobile. Raises ``ContactNotFound``, or ``AmbiguousContact`` if the digits fit two."""
        query = {"include": ",".join(include) or None}
        read = with_etag(read_member("contact", Contact))
        return self._api.read(f"/contacts/{path_part(reference)}", read, query=query)

    @call
    def create(
        self,
        contacts: Iterable[ContactInput],
        *,
        group: str | None = None,
        on_error: Literal["refuse", "skip"] | None = None,
        results: bool = False,
        fire_triggers: bool = False,
        **options: Unpack[WriteOptions],
    ) -> Flow[Created]:
        """Creates up to 10,000 contacts, or merges them into contacts with the same mobile. All join ``group``.

        ``results`` asks for the outcome of each row; ``fire_triggers`` lets more than one contact fire triggers. Raises
        ``ValidationFailed`` if a row is wrong, and then nothing is written; with ``on_error="skip"`` only the wrong
        rows are left out.
        """
        body = {
            "group": group,
            "contacts": [contact_body(contact) for contact in contacts],
            "on_error": on_error,
            "results": results or None,
            "fire_triggers": fire_triggers or None,
        }
        return self._api.write("/contacts", read_message(Created), body=body, **options)

    @call
    def update(
        self,
        reference: Reference,
        contact: ContactInput | None = None,
        *,
        group: str | None = None,
        group_mode: Literal["move", "add"] | None = None,
        if_match: str | None = None,
        **options: Unpack[WriteOptions],
    ) -> Flow[Updated]:
        """Changes the given fields; ``None`` and ``""`` clear a field. ``group`` moves the contact into that group, or
        adds it with ``group_mode="add"``.

        ``if_match`` is the ``etag`` that the contact must still have. Raises ``PreconditionFailed`` if it has another,
        ``ContactNotFound``, or ``MobileTaken`` if another contact has the new mobile.
        """
        body = {"group": group, "group_mode": group_mode, "contact": None if contact is None else contact_body(contact)}
        path = f"/contacts/{path_part(reference)}"
        read = with_etag(read_message(Updated))
        return self._api.write(path, read, method="PUT", body=body, if_match=if_match, **options)

    @call
    def delete(
        self,
        reference: Reference,
        *,
        reason: str | None = None,
        at: datetime | str | None = None,
        purpose: Purpose | None = None,
        if_match: str | None = None,
        **options: Unpack[WriteOptions],
    ) -> Flow[Deleted]:
        """Deletes a contact. This also records an opt-out, unless ``reason`` is ``"removal"``.

        ``if_match`` is as in ``update``. Raises ``ContactNotFound``, with ``opt_out_recorded`` set if the number was
        opted out although it has no contact.
        """
        query = {"reason": reason, "at": at, "purpose": purpose}
        path = f"/contacts/{path_part(reference)}"
        read = read_message(Deleted)
        return self._api.write(path, read, method="DELETE", query=query, if_match=if_match, **options)

    @iteration
    def stream(
        self, contacts: Iterable[ContactInput], *, group: str | None = None, fire_triggers: bool = False
    ) -> Iteration[StreamedRow]:
        """Creates or merges any number of contacts, and yields the outcome of each while the next ones are sent.

        After a cut the stream resumes after the last acknowledged row. At most 5,000 rows are kept in memory, so
        ``contacts`` may be endless. Each 5,000 rows are one import, named by ``import_id``.
        """
        return stream_rows(self._api, map(contact_body, contacts), group=group, fire_triggers=fire_triggers)

    @call
    def consent(self, reference: Reference) -> Flow[NumberConsent]:
        """The consent of a number and all facts about it, whether it has a contact or not."""
        return self._api.read(f"/contacts/{path_part(reference)}/consent", read_member("consent", NumberConsent))

    @call
    def export(self, reference: Reference) -> Flow[NumberExport]:
        """Everything that is stored about a number, for a subject access request."""
        return self._api.read(f"/contacts/{path_part(reference)}/export", read_member("export", NumberExport))

    def _page(
        self,
        place: Mapping[str, int | str | None],
        *,
        group: str | None,
        per_page: int | None,
        include: Iterable[str],
        suppressed: bool,
    ) -> Flow[ContactPage]:
        query = {
            "group": group,
            **place,
            "per_page": per_page,
            "include": ",".join(include) or None,
            "suppressed": "include" if suppressed else None,
        }
        return self._api.read("/contacts", _read_page, query=query)


def _read_page(response: Response) -> ContactPage:
    page, seq = read_member("contacts", ContactPage)(response), response.headers.get("x-daftari-seq", "")
    missing = read_as(_Missing)(response).missing
    return replace(page, missing=missing, seq=int(seq) if seq.isdecimal() else None)


class _Missing(Struct, frozen=True):
    missing: list[int] = []


def contact_body(contact: ContactInput) -> Mapping[str, object]:
    """A contact as it is sent: of a record, the members that a caller may write."""
    if not isinstance(contact, Contact):
        return contact
    fields = {name: getattr(contact, name) for name in _WRITABLE}
    return fields | {"attributes": contact.attributes} if contact.attributes else fields


def next_page(url: str, page: int) -> int:
    """The number of the page that a page URL names. Its host does not matter, because a proxy may have another name.

    Raises ``UnexpectedAnswer`` if it is no later page, which would iterate forever.
    """
    number = _read_number(url, "page")
    if number is None or number <= page:
        raise UnexpectedAnswer(f"After page {page} the answer leads to {url!r}, which is no later page.")
    return number


def _next_place(url: str, place: Mapping[str, int | str | None], page: ContactPage) -> dict[str, int | None]:
    """Where the next page of a list is: after an id, or at a number on servers that know no other place."""
    after_id, before = _read_number(url, "after_id"), place.get("after_id")
    if after_id is None:
        return {"page": next_page(url, page.current_page)}
    if not isinstance(before, int) or after_id <= before:
        raise UnexpectedAnswer(f"After the id {before} the answer leads to {url!r}, which is no later place.")
    return {"after_id": after_id}


def _read_number(url: str, field: str) -> int | None:
    written = parse_qs(urlsplit(url).query).get(field, [""])[-1]
    return int(written) if written.isdecimal() else None
