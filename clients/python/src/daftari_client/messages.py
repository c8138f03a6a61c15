"""Messages: one text to one number, or to a thousand, and their outcome. No HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal, Unpack

from daftari_client.api import WriteOptions, path_part
from daftari_client.consent import list_items
from daftari_client.flows import Flow, Iteration, iterate_pages, read_as, read_member, read_page
from daftari_client.message_records import MessagesCreated
from daftari_client.records import Message, Page
from daftari_client.resources import Mode, Resource, call, iteration
from daftari_client.types import Mobile, Purpose

MessageState = Literal[
    "waiting", "sending", "unknown", "accepted", "delivered", "failed", "expired", "skipped", "cancelled"
]


class Messages(Resource[Mode]):
    """The messages of the project."""

    @call
    def create(
        self,
        mobiles: Iterable[Mobile | Mapping[str, object]],
        *,
        sender: str | int,
        text: str | None = None,
        plain: bool = False,
        template: str | None = None,
        language: str | None = None,
        params: Iterable[str] | None = None,
        purpose: Purpose | None = None,
        key: str | None = None,
        at: datetime | str | None = None,
        until: datetime | str | None = None,
        results: bool = False,
        **options: Unpack[WriteOptions],
    ) -> Flow[MessagesCreated]:
        """Asks for up to 1,000 messages, which the server's worker sends.

        An item may be a mapping: a ``mobile`` with a ``text`` or ``params`` and a ``key`` of its own. The same key for
        the same number is one message. Wrong items do not stop the others; they count as ``invalid``.
        """
        said = {"text": text, "plain": plain or None, "template": template, "language": language}
        body = {
            **said,
            "params": None if params is None else tuple(params),
            "sender": sender,
            "purpose": purpose,
            "key": key,
            "at": at,
            "until": until,
            **list_items(mobiles),
            "results": results or None,
        }
        return self._api.write("/messages", read_as(MessagesCreated), body=body, **options)

    @call
    def list(
        self,
        *,
        mobile: Mobile | None = None,
        state: MessageState | None = None,
        trigger: int | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Flow[Page[Message]]:
        """Part of the messages, oldest first. A part may be shorter than ``limit`` and yet have a ``next``."""
        return self._page(after, mobile=mobile, state=state, trigger=trigger, limit=limit)

    @iteration
    def iterate(
        self, *, mobile: Mobile | None = None, state: MessageState | None = None, trigger: int | None = None
    ) -> Iteration[Message]:
        """Every message, oldest first: those to a number, in a state, or of a trigger by its id."""
        return iterate_pages(lambda after: self._page(after, mobile=mobile, state=state, trigger=trigger))

    @call
    def list_contact(
        self,
        reference: int | str,
        *,
        state: MessageState | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> Flow[Page[Message]]:
        """Part of the messages to a contact, by id or mobile, or to a number that no contact has."""
        query = {"state": state, "after": after, "limit": limit}
        path = f"/contacts/{path_part(reference)}/messages"
        return self._api.read(path, read_page("messages", Message), query=query)

    @call
    def get(self, number: int) -> Flow[Message]:
        """One message, with what was written back. Raises ``MessageNotFound``."""
        return self._api.read(f"/messages/{number}", read_member("message", Message))

    def _page(self, after: str | None, **filters: object) -> Flow[Page[Message]]:
        return self._api.read("/messages", read_page("messages", Message), query={**filters, "after": after})
