"""Contacts: the five calls, walking through all of them, and what is known about one number.

This module must not know how a call is sent, nor in which mode it runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal, Unpack
from urllib.parse import parse_qs, urlsplit

from daftari_client.api import WriteOptions, path_part
from daftari_client.errors import UnexpectedAnswer
from daftari_client.flows import Flow, Iteration, Yield, read_member, read_message, with_etag
from daftari_client.records import (
    Contact,
    ContactPage,
    Created,
    Deleted,
    NumberConsent,
    NumberExport,
    StreamedRow,
    Updated,
)
from daftari_client.resources import Mode, Resource, call, iteration
from daftari_client.streams import stream_rows
from daftari_client.types import Purpose

Reference = int | str
"""A contact's id, or its mobile as anybody writes it."""
ContactInput = Contact | Mapping[str, object]
"""A contact to write: one that was read, or a mapping with ``mobile``, ``fname`` and so on."""
Include = Literal["groups", "consent", "updated_at"]

PER_PAGE = 1_000
_WRITABLE = ("fname", "mname", "lname", "mobile", "email", "city", "company")


class Contacts(Resource[Mode]):
    """The people in the book."""

    @call
    def list(
        self,
        *,
        group: str | None = None,
        page: int | None = None,
        per_page: int | None = None,
        include: Iterable[Include] = (),
        suppressed: bool = False,
    ) -> Flow[ContactPage]:
        """One page, in the order of the ids. A group that is not there is empty.

        ``suppressed`` lists those who opted out of everything as well.
        """
        return self._page(page, group=group, per_page=per_page, include=include, suppressed=suppressed)

    @iteration
    def iterate(
        self,
        *,
        group: str | None = None,
        per_page: int = PER_PAGE,
        include: Iterable[Include] = (),
        suppressed: bool = False,
    ) -> Iteration[Contact]:
        """Every contact, page by page."""
        include = tuple(include)
        number: int | None = None
        while True:
            page = yield from self._page(number, group=group, per_page=per_page, include=include, suppressed=suppressed)
            for contact in page.data:
                yield Yield(contact)
            if page.next_page_url is None:
                return
            number = next_page(page.next_page_url, page.current_page)

    @call
    def get(self, reference: Reference, *, include: Iterable[Include] = ()) -> Flow[Contact]:
        """One contact by id or mobile. Nobody there: ``ContactNotFound``."""
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
        **options: Unpack[WriteOptions],
    ) -> Flow[Created]:
        """Creates up to 10,000 contacts, or merges them into those with the same mobile, and lets them join a group.

        A row that is wrong: ``ValidationFailed`` and nothing is written, unless ``on_error`` is ``skip``.
        ``results`` asks for the outcome of each row.
        """
        body = {
            "group": group,
            "contacts": [contact_body(contact) for contact in contacts],
            "on_error": on_error,
            "results": results or None,
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
        """Changes the fields given; ``None`` and ``""`` clear one. A group moves the contact, or is added.

        ``ContactNotFound``; ``MobileTaken`` when another contact has the new mobile.
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
        """Deletes a contact, which is an opt-out too, unless ``reason`` is ``"removal"``.

        ``ContactNotFound`` when nobody is there; its ``opt_out_recorded`` says that the opt-out was kept all the same.
        """
        query = {"reason": reason, "at": at, "purpose": purpose}
        path = f"/contacts/{path_part(reference)}"
        read = read_message(Deleted)
        return self._api.write(path, read, method="DELETE", query=query, if_match=if_match, **options)

    @iteration
    def stream(self, contacts: Iterable[ContactInput], *, group: str | None = None) -> Iteration[StreamedRow]:
        """Creates or merges any number of contacts, and tells what became of each while the next ones go.

        Taken up again by itself after a cut, from the last row that was acknowledged. At most 5,000 rows are kept at a
        time, so ``contacts`` may be without end. Each 5,000 are an import of their own, named by ``import_id``.
        """
        return stream_rows(self._api, map(contact_body, contacts), group=group)

    @call
    def consent(self, reference: Reference) -> Flow[NumberConsent]:
        """All that is known about one number, whether it is a contact or not."""
        return self._api.read(f"/contacts/{path_part(reference)}/consent", read_member("consent", NumberConsent))

    @call
    def export(self, reference: Reference) -> Flow[NumberExport]:
        """All that is held about one number, for whoever asks for it."""
        return self._api.read(f"/contacts/{path_part(reference)}/export", read_member("export", NumberExport))

    def _page(
        self, page: int | None, *, group: str | None, per_page: int | None, include: Iterable[str], suppressed: bool
    ) -> Flow[ContactPage]:
        query = {
            "group": group,
            "page": page,
            "per_page": per_page,
            "include": ",".join(include) or None,
            "suppressed": "include" if suppressed else None,
        }
        return self._api.read("/contacts", read_member("contacts", ContactPage), query=query)


def contact_body(contact: ContactInput) -> Mapping[str, object]:
    """A contact as it is sent. One that was read goes without what only the server writes."""
    if not isinstance(contact, Contact):
        return contact
    fields = {name: getattr(contact, name) for name in _WRITABLE}
    return fields | {"attributes": contact.attributes} if contact.attributes else fields


def next_page(url: str, page: int) -> int:
    """The page that a page URL leads to. Its host is left aside: the way there may be another from here."""
    written = parse_qs(urlsplit(url).query).get("page", [""])[-1]
    if not written.isdecimal() or int(written) <= page:
        raise UnexpectedAnswer(f"After page {page} the answer leads to {url!r}, which is no later page.")
    return int(written)
