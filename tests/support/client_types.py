"""The types that a type checker sees in the two clients. mypy reads this file with the sources; it is never run.

The same methods return what they do in the one and an awaitable of it in the other.
"""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any, assert_type

from daftari_client import AsyncClient, Client, Contact
from daftari_client.import_records import Import, StreamedRow
from daftari_client.records import AudienceMember, ContactPage, Created, Group, Judgement, Page


def check_sync(client: Client) -> None:
    assert_type(client.contacts.get("0722000000"), Contact)
    assert_type(client.contacts.list(group="VIP", page=2), ContactPage)
    assert_type(client.contacts.create([{"mobile": "0722000000"}], group="VIP", idempotency_key="a"), Created)
    assert_type(client.contacts.iterate(group="VIP"), Generator[Contact, None, None])
    assert_type(client.contacts.stream([{"mobile": "0722000000"}]), Generator[StreamedRow, None, None])
    assert_type(client.groups.list(), Page[Group])
    assert_type(client.may_message(["0722000000"], channel="sms"), list[Judgement])
    for member in client.audiences.stream(["VIP"], channel="sms"):
        assert_type(member, AudienceMember)
    for piece in client.imports.rejects(1):
        assert_type(piece, bytes)
    assert_type(client.exports.save(1, io.BytesIO()), int)


async def check_async(client: AsyncClient) -> None:
    asked: Callable[..., Coroutine[Any, Any, Contact]] = client.contacts.get
    assert_type(await asked("0722000000"), Contact)
    assert_type(await client.contacts.get(12, include=["groups"]), Contact)
    assert_type(await client.contacts.list(group="VIP", page=2), ContactPage)
    assert_type(client.contacts.iterate(group="VIP"), AsyncGenerator[Contact, None])
    assert_type(await client.groups.list(), Page[Group])
    assert_type(await client.imports.wait(await client.imports.create(b"phone\n")), Import)
    async for member in client.audiences.stream(["VIP"], channel="sms"):
        assert_type(member, AudienceMember)
    assert_type(await client.exports.save(1, io.BytesIO()), int)
