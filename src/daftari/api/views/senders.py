"""What the calls under ``/v1/senders`` answer."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from daftari.model.limits import SENDERS_MAX
from daftari.rules.senders.check import SenderCheck
from daftari.rules.senders.lifecycle import SenderView


class SenderList(Struct, frozen=True):
    senders: Annotated[list[SenderView], Meta(max_length=SENDERS_MAX)]


class SenderAnswer(Struct, frozen=True):
    sender: SenderView


class SenderCreated(Struct, frozen=True, tag_field="message", tag="Sender created successfully"):
    sender: SenderView


class SenderUpdated(Struct, frozen=True, tag_field="message", tag="Sender updated successfully"):
    sender: SenderView


class SenderDeleted(Struct, frozen=True, tag_field="message", tag="Sender deleted successfully"):
    pass


class SenderChecked(Struct, frozen=True):
    check: SenderCheck
