"""A trigger as it is written down: what it is on, what stops it, what is sent, read with everything that is wrong.

No HTTP, no SQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial

import msgspec
from msgspec import Struct

from daftari.errors import quote
from daftari.model.limits import (
    AGAIN_DAYS_MAX,
    EVENT_NAME_MAX,
    LATE_DAYS_MAX,
    UNLESS_MAX,
    WAIT_DAYS_MAX,
)
from daftari.model.messages import Content, StoredSender
from daftari.model.time import DAY_MICROSECONDS
from daftari.model.triggers import Condition, ConditionKind, StoredTrigger, TriggerDefinition
from daftari.rules.fields import Problems, fold_name, read_name, read_text
from daftari.rules.firing import read_definition
from daftari.rules.messages.content import list_kept, read_content
from daftari.rules.messages.template import CONTACT_FIELDS, TRIGGER_FIELDS
from daftari.rules.senders.lifecycle import read_sender_of
from daftari.rules.senders.model import decode_definition, read_message_purpose, refuse_purpose
from daftari.rules.triggers.durations import read_duration, write_duration
from daftari.store import Tx, groups, senders

FIELDS = (
    *("name", "on", "wait", "unless", "again", "late", "sender", "channel", "purpose"),
    *("text", "plain", "template", "language", "params"),
)
MINUTE_MICROSECONDS = 60_000_000
LATE = "4h"
ALWAYS, ONCE = "always", "once"
NAMED_MAX = 10
"""Groups that an error names."""
_EXAMPLE = '{"event": "cart"} or {"joins": "abandoned-cart"}'


class GivenTrigger(Struct, frozen=True):
    """A trigger that was read and found good."""

    sender: StoredSender
    group_id: int
    event_name: str
    definition: TriggerDefinition


class _On(Struct, frozen=True):
    """What a trigger is on: the name as it was written, and the group's id, or the event's name as it is kept."""

    written: str
    group_id: int = 0
    event_name: str = ""


def read_trigger(tx: Tx, given: Mapping[str, object], *, before: StoredTrigger | None) -> GivenTrigger:
    """Read a trigger. Fields that are left out stay as they are ``before``; ``None`` gives one its default again.

    Raises ``ValidationFailed``, which names every field that is wrong.
    """
    problems = Problems()
    values = _merge(tx, given, before)
    name = problems.read("name", values.get("name"), read_text)
    if name is None and not problems.has("name"):
        problems.add("name", "is required: what you call the trigger; the people who are messaged do not see it.")
    on = _keep_on(before) if before is not None else _read_on(tx, problems, values.get("on"))
    if before is not None and "on" in given:
        _refuse_other_on(problems, given["on"], before)
    wait = problems.read("wait", values.get("wait"), _read_wait)
    late = problems.read("late", LATE if values.get("late") is None else values["late"], _read_late)
    again = problems.read("again", values.get("again"), _read_again)
    if before is not None and "unless" not in given:
        unless = read_definition(before.definition).unless
    else:
        unless = _read_unless(tx, problems, values.get("unless"), on)
    sender = problems.read_part(partial(read_sender_of, tx, values))
    purpose = problems.read("purpose", values.get("purpose"), read_message_purpose)
    content = None
    if sender is not None:
        chosen = decode_definition(sender.definition)
        purpose = purpose or chosen.purpose
        problems.read_part(partial(refuse_purpose, sender, chosen, purpose))
        fields = CONTACT_FIELDS if on is not None and on.group_id else TRIGGER_FIELDS
        content = problems.read_part(partial(read_content, values, channel=sender.channel, fields_allowed=fields))
    problems.refuse()
    assert sender is not None and on is not None and purpose is not None, "nothing is wrong"
    assert wait is not None and late is not None, "nothing is wrong"
    definition = TriggerDefinition(
        name=name or "",
        written=on.written,
        content=content or Content(),
        purpose=purpose,
        wait=wait,
        late=late,
        again=again,
        unless=unless,
    )
    return GivenTrigger(sender, on.group_id, on.event_name, definition)


# ---- what it is on --------------------------------------------------------------------------------------


def read_event_name(value: object) -> str:
    """The name of an event as it is kept: names equal in all but capital letters and spacing are one.

    Raises ``ValueError``.
    """
    name = read_name(value)
    if name is None:
        raise ValueError("is required: the name of an event, such as cart.")
    if len(name) > EVENT_NAME_MAX:
        raise ValueError(f"must not be longer than {EVENT_NAME_MAX} characters.")
    return fold_name(name)


def _read_on(tx: Tx, problems: Problems, value: object) -> _On | None:
    found = _read_one(problems, "on", value, ("event", "joins"), example=_EXAMPLE)
    if found is None:
        return None
    kind, written = found
    if kind == "event":
        name = problems.read("on.event", written, read_event_name)
        return None if name is None else _On(str(written).strip(), event_name=name)
    group = _find_group(tx, problems, "on.joins", written)
    return None if group is None else _On(*group)


def _keep_on(before: StoredTrigger) -> _On:
    return _On(read_definition(before.definition).written, before.group_id, before.event_name)


def _refuse_other_on(problems: Problems, value: object, before: StoredTrigger) -> None:
    """Messages that wait are about what the trigger is on, so that this stays."""
    written = read_definition(before.definition).written
    kept = {"joins": written} if before.group_id else {"event": written}
    found = _read_one(problems, "on", value, ("event", "joins"), example=_EXAMPLE)
    if found is not None and (found[0] not in kept or fold_name(str(found[1])) != fold_name(written)):
        problems.add("on", f"is {quote(value)}, and stays {quote(kept)}: add another trigger instead.")


def _read_one(
    problems: Problems, path: str, value: object, kinds: tuple[str, ...], *, example: str
) -> tuple[str, object] | None:
    """The one member of an object, with its name."""
    if isinstance(value, str):
        with suppress(msgspec.DecodeError):
            value = msgspec.json.decode(value)
    if value is None:
        problems.add(path, f"is required, such as {example}.")
    elif not isinstance(value, Mapping) or len(value) != 1 or not set(value) <= set(kinds):
        problems.add(path, f"is {quote(value)}; write one of {', '.join(kinds)} with a name, such as {example}.")
    else:
        return next(iter(value.items()))
    return None


def _find_group(tx: Tx, problems: Problems, path: str, value: object) -> tuple[str, int] | None:
    """The name of a group that there is, and its id."""
    name = problems.read(path, value, read_name)
    if name is None:
        if not problems.has(path):
            problems.add(path, "is required: the name of a group.")
        return None
    group_id = groups.find_group_id(tx, folded=fold_name(name))
    if group_id is None:
        known = ", ".join(quote(group.name) for group in groups.list_groups(tx, after=0, limit=NAMED_MAX))
        problems.add(path, f"names {quote(name)}, and there is no such group; there are: {known or 'none yet'}.")
        return None
    return name, group_id


# ---- what stops it, and when ----------------------------------------------------------------------------


def _read_unless(tx: Tx, problems: Problems, value: object, on: _On | None) -> tuple[Condition, ...]:
    if isinstance(value, str):
        with suppress(msgspec.DecodeError):
            value = msgspec.json.decode(value)
    listed = [] if value is None else [value] if isinstance(value, Mapping) else value
    if not isinstance(listed, list | tuple) or len(listed) > UNLESS_MAX:
        problems.add("unless", f'must be a list of at most {UNLESS_MAX} conditions, such as [{{"event": "order"}}].')
        return ()
    found = [_read_condition(tx, problems, f"unless.{place}", one, on) for place, one in enumerate(listed)]
    return tuple(dict.fromkeys(condition for condition in found if condition is not None))


def _read_condition(tx: Tx, problems: Problems, path: str, value: object, on: _On | None) -> Condition | None:
    kinds: tuple[ConditionKind, ...] = ("event", "in", "leaves")
    found = _read_one(problems, path, value, kinds, example='{"event": "order"} or {"in": "staff"}')
    if found is None:
        return None
    kind, written = found
    if kind == "event":
        name = problems.read(f"{path}.event", written, read_event_name)
        if name is not None and on is not None and name == on.event_name:
            problems.add(f"{path}.event", f"is {quote(written)}, which the trigger is on: nothing would ever be sent.")
        return None if name is None else Condition("event", str(written).strip(), event_name=name)
    group = _find_group(tx, problems, f"{path}.{kind}", written)
    return None if group is None else Condition("in" if kind == "in" else "leaves", group[0], group_id=group[1])


def _read_wait(value: object) -> int:
    if value is None:
        raise ValueError("is required: how long after it the message is sent, such as 1h; 0s for at once.")
    return read_duration(value, least=0, most=WAIT_DAYS_MAX * DAY_MICROSECONDS)


def _read_late(value: object) -> int:
    return read_duration(value, least=MINUTE_MICROSECONDS, most=LATE_DAYS_MAX * DAY_MICROSECONDS)


def _read_again(value: object) -> int | None:
    """How long a number gets no second message; ``None``: forever."""
    word = value.strip().casefold() if isinstance(value, str) else value
    if word is None or word == ALWAYS:
        return 0
    if word == ONCE:
        return None
    try:
        return read_duration(value, least=MINUTE_MICROSECONDS, most=AGAIN_DAYS_MAX * DAY_MICROSECONDS)
    except ValueError as error:
        raise ValueError(f"{str(error)[:-1]}; or write {ALWAYS} or {ONCE}.") from None


def write_again(again: int | None) -> str:
    """How often a number may get the message, as it is read."""
    return ONCE if again is None else write_duration(again) if again else ALWAYS


# ---- what is kept ---------------------------------------------------------------------------------------


def _merge(tx: Tx, given: Mapping[str, object], before: StoredTrigger | None) -> dict[str, object]:
    if before is None:
        return dict(given)
    known, sender = read_definition(before.definition), senders.get_sender(tx, sender_id=before.sender_id)
    stored: dict[str, object] = {
        "name": known.name,
        "wait": write_duration(known.wait),
        "late": write_duration(known.late),
        "again": write_again(known.again),
        "purpose": known.purpose,
        **list_kept(known.content, given),
    }
    if given.get("sender") is None and sender is not None:
        stored |= {"sender": str(sender.id), "channel": sender.channel}
    elif given.get("purpose") is None:
        # Another sender may be for another purpose.
        del stored["purpose"]
    return stored | dict(given)
