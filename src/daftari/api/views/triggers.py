"""What the calls under ``/v1/triggers`` answer."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from daftari.model.limits import TRIGGERS_MAX
from daftari.rules.triggers.views import TriggerView


class TriggerList(Struct, frozen=True):
    triggers: Annotated[list[TriggerView], Meta(max_length=TRIGGERS_MAX)]
    """In order of creation."""


class TriggerAnswer(Struct, frozen=True):
    trigger: TriggerView


class TriggerCreated(Struct, frozen=True, tag_field="message", tag="Trigger created successfully"):
    trigger: TriggerView


class TriggerUpdated(Struct, frozen=True, tag_field="message", tag="Trigger updated successfully"):
    trigger: TriggerView


class TriggerDeleted(Struct, frozen=True, tag_field="message", tag="Trigger deleted successfully"):
    pass


class TriggerPaused(Struct, frozen=True, tag_field="message", tag="Trigger paused successfully"):
    trigger: TriggerView


class TriggerResumed(Struct, frozen=True, tag_field="message", tag="Trigger resumed successfully"):
    trigger: TriggerView
