"""Triggers: a text that is sent a while after something happened to a number. No HTTP."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from typing import Literal, Unpack

from daftari_client.api import WriteOptions
from daftari_client.flows import Flow, read_member, read_message
from daftari_client.message_records import Trigger
from daftari_client.records import Deleted
from daftari_client.resources import Mode, Resource, call
from daftari_client.types import Channel

TriggerPurpose = Literal["marketing", "promotional", "transactional"]
TriggerList = builtins.list[Trigger]


class Triggers(Resource[Mode]):
    """The triggers of the project. To change them needs a key of kind ``manage``."""

    @call
    def list(self) -> Flow[TriggerList]:
        """All triggers, in order of creation."""
        return self._api.read("/triggers", read_member("triggers", TriggerList))

    @call
    def create(
        self,
        name: str,
        *,
        on: Mapping[str, str],
        wait: str,
        unless: Iterable[Mapping[str, str]] | None = None,
        again: str | None = None,
        late: str | None = None,
        sender: str | int,
        channel: Channel | None = None,
        text: str | None = None,
        plain: bool | None = None,
        template: str | None = None,
        language: str | None = None,
        params: Iterable[str] | None = None,
        purpose: TriggerPurpose | None = None,
        **options: Unpack[WriteOptions],
    ) -> Flow[Trigger]:
        """Adds a trigger, which is on at once: ``on={"event": "cart"}`` or ``on={"joins": "VIP"}``.

        ``unless`` has conditions such as ``{"event": "order"}``, ``{"in": "Staff"}`` or ``{"leaves": "VIP"}``. It has a
        ``text``, or on WhatsApp a ``template``.
        """
        body = {
            "name": name,
            "on": dict(on),
            "wait": wait,
            "unless": None if unless is None else [dict(condition) for condition in unless],
            "again": again,
            "late": late,
            "sender": sender,
            "channel": channel,
            "text": text,
            "plain": plain,
            "template": template,
            "language": language,
            "params": None if params is None else tuple(params),
            "purpose": purpose,
        }
        return self._api.write("/triggers", read_member("trigger", Trigger), body=body, **options)

    @call
    def get(self, number: int) -> Flow[Trigger]:
        """One trigger with the counts of its messages. Raises ``TriggerNotFound``."""
        return self._api.read(f"/triggers/{number}", read_member("trigger", Trigger))

    @call
    def update(
        self,
        number: int,
        *,
        name: str | None = None,
        on: Mapping[str, str] | None = None,
        wait: str | None = None,
        unless: Iterable[Mapping[str, str]] | None = None,
        again: str | None = None,
        late: str | None = None,
        sender: str | int | None = None,
        channel: Channel | None = None,
        text: str | None = None,
        plain: bool | None = None,
        template: str | None = None,
        language: str | None = None,
        params: Iterable[str] | None = None,
        purpose: TriggerPurpose | None = None,
        **options: Unpack[WriteOptions],
    ) -> Flow[Trigger]:
        """Changes what is given; ``""`` gives a field its default again. What it is ``on`` stays."""
        body = {
            "name": name,
            "on": None if on is None else dict(on),
            "wait": wait,
            "unless": None if unless is None else [dict(condition) for condition in unless],
            "again": again,
            "late": late,
            "sender": sender,
            "channel": channel,
            "text": text,
            "plain": plain,
            "template": template,
            "language": language,
            "params": None if params is None else tuple(params),
            "purpose": purpose,
        }
        answer = read_member("trigger", Trigger)
        return self._api.write(f"/triggers/{number}", answer, method="PUT", body=body, **options)

    @call
    def delete(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Deleted]:
        """Deletes a trigger and cancels its messages that wait."""
        return self._api.write(f"/triggers/{number}", read_message(Deleted), method="DELETE", **options)

    @call
    def pause(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Trigger]:
        """Pauses a trigger within a second; its messages wait."""
        return self._step(number, "pause", options)

    @call
    def resume(self, number: int, **options: Unpack[WriteOptions]) -> Flow[Trigger]:
        """Lets a trigger send again; a message that is too late by then expires."""
        return self._step(number, "resume", options)

    def _step(self, number: int, step: str, options: WriteOptions) -> Flow[Trigger]:
        return self._api.write(f"/triggers/{number}/{step}", read_member("trigger", Trigger), body={}, **options)
