"""Senders: what people see messages come from, each at one account of a provider. No HTTP."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from typing import Unpack

from daftari_client.api import WriteOptions
from daftari_client.flows import Flow, read_member, read_message
from daftari_client.message_records import Sender, SenderCheck
from daftari_client.records import Deleted
from daftari_client.resources import Mode, Resource, call
from daftari_client.types import Channel, Gateway, MessagePurpose, OnUnknown

SenderList = builtins.list[Sender]


class Senders(Resource[Mode]):
    """The senders of the project. All but ``list`` and ``get`` need a key of kind ``manage``."""

    @call
    def list(self) -> Flow[SenderList]:
        """Every sender, oldest first."""
        return self._api.read("/senders", read_member("senders", SenderList))

    @call
    def create(
        self,
        name: str,
        *,
        gateway: Gateway,
        channel: Channel,
        settings: Mapping[str, str | float] | None = None,
        credentials: Mapping[str, str] | None = None,
        purpose: MessagePurpose | None = None,
        parts_per_second: int | None = None,
        daily_max: int | None = None,
        in_flight: int | None = None,
        hours: str | None = None,
        suffix: str | None = None,
        part_price: str | float | None = None,
        on_unknown: OnUnknown | None = None,
        keyword: str | None = None,
        answers_as: Iterable[str] = (),
        **options: Unpack[WriteOptions],
    ) -> Flow[Sender]:
        """Adds a sender. ``reports_url`` of the answer is the address to give the provider.

        Raises ``ValidationFailed``, which names each setting and credential that is missing or wrong, ``SenderTaken``
        or ``SendersFull``.
        """
        body = {
            "name": name,
            "gateway": gateway,
            "channel": channel,
            "settings": settings,
            "credentials": credentials,
            "purpose": purpose,
            "parts_per_second": parts_per_second,
            "daily_max": daily_max,
            "in_flight": in_flight,
            "hours": hours,
            "suffix": suffix,
            "part_price": part_price,
            "on_unknown": on_unknown,
            "keyword": keyword,
            "answers_as": [*answers_as] or None,
        }
        return self._api.write("/senders", read_member("sender", Sender), body=body, **options)

    @call
    def get(self, number: int) -> Flow[Sender]:
        """One sender. Raises ``SenderNotFound``."""
        return self._api.read(f"/senders/{number}", read_member("sender", Sender))

    @call
    def update(
        self,
        number: int,
        *,
        name: str | None = None,
        settings: Mapping[str, str | float] | None = None,
        credentials: Mapping[str, str] | None = None,
        purpose: MessagePurpose | None = None,
        parts_per_second: int | None = None,
        daily_max: int | None = None,
        in_flight: int | None = None,
        hours: str | None = None,
        suffix: str | None = None,
        part_price: str | float | None = None,
        on_unknown: OnUnknown | None = None,
        keyword: str | None = None,
        answers_as: Iterable[str] = (),
        **options: Unpack[WriteOptions],
    ) -> Flow[Sender]:
        """Changes what is given; an empty text sets the default again. ``settings`` are all of them.

        Raises ``SenderNotFound``, ``SenderTaken`` or ``ValidationFailed``.
        """
        body = {
            "name": name,
            "settings": settings,
            "credentials": credentials,
            "purpose": purpose,
            "parts_per_second": parts_per_second,
            "daily_max": daily_max,
            "in_flight": in_flight,
            "hours": hours,
            "suffix": suffix,
            "part_price": part_price,
            "on_unknown": on_unknown,
            "keyword": keyword,
            "answers_as": [*answers_as] or None,
        }
        return self._api.write(f"/senders/{number}", read_member("sender", Sender), method="PUT", body=body, **options)

    @call
    def delete(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Deleted]:
        """Deletes a sender and its credentials. Raises ``SenderNotFound``, or ``SenderBusy`` while messages wait."""
        return self._api.write(f"/senders/{number}", read_message(Deleted), method="DELETE", **options)

    @call
    def check(self, number: int, **options: Unpack[WriteOptions]) -> Flow[SenderCheck]:
        """Asks the provider whether the account works; no message is sent. Raises ``SenderNotFound``."""
        return self._api.write(f"/senders/{number}/check", read_member("check", SenderCheck), **options)

    @call
    def rotate(self, number: int, *, keep_hours: int | None = None, **options: Unpack[WriteOptions]) -> Flow[Sender]:
        """Gives it another ``reports_url``; the former one works for ``keep_hours``, 24 if they are not given.

        Raises ``SenderNotFound``.
        """
        body = {"keep_hours": keep_hours}
        return self._api.write(f"/senders/{number}/rotate", read_member("sender", Sender), body=body, **options)

    @call
    def pause(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Sender]:
        """Sends nothing more until it is resumed. Raises ``SenderNotFound``."""
        return self._api.write(f"/senders/{number}/pause", read_member("sender", Sender), **options)

    @call
    def resume(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Sender]:
        """Sends again. Raises ``SenderNotFound``."""
        return self._api.write(f"/senders/{number}/resume", read_member("sender", Sender), **options)
