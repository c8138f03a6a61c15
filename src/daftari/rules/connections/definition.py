"""Reads what people set of a connection, and notes every field that is wrong. No store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, get_args
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from daftari.connectors import CONNECTORS, ConnectorFailed, ConnectorKind
from daftari.errors import quote
from daftari.mobile import is_region
from daftari.model.connections import ConnectionDefinition, GroupMapping, Keeping
from daftari.model.contacts import TEXT_FIELDS
from daftari.model.limits import (
    ATTRIBUTE_NAME_MAX,
    CONNECTION_FIELDS_MAX,
    CONNECTION_GROUPS_MAX,
    CONNECTION_NAME_MAX,
    POLL_SECONDS_MAX,
    POLL_SECONDS_MIN,
)
from daftari.model.secrets import Secret
from daftari.rules.connections.cart_settings import read_cart_settings
from daftari.rules.connections.mapping import CONTACT_TARGETS, EVERY, TARGETS, read_consent_target, read_time_target
from daftari.rules.connections.model import PROPERTY, read_property
from daftari.rules.fields import Problems, fold_name, read_flag, read_group_name, read_text

FIELDS = (
    *("name", "kind", "credentials", "settings", "fields", "filter", "groups", "write_back", "write_back_opt_ins"),
    *("fire_triggers", "carts_group", "carts_need", "poll_seconds", "when_deleted", "region", "zone"),
)
"""What a connection is given as."""
KEEPING: tuple[Keeping, ...] = get_args(Keeping)


def read_name(value: object) -> str:
    """The name of a connection. Raises ``ValueError``."""
    name = read_text(value, most=CONNECTION_NAME_MAX)
    if name is None:
        raise ValueError("is required: how you call the connection, such as crm.")
    return name


def read_kind(value: object) -> str:
    """A kind of connection. Raises ``ValueError``."""
    if value not in CONNECTORS:
        wanted = ", ".join(CONNECTORS)
        raise ValueError(f"is {quote(value)}; it must be one of: {wanted}." if value else f"must be one of: {wanted}.")
    return str(value)


def read_credentials(
    kind: str, value: object, *, before: Mapping[str, Secret], problems: Problems
) -> dict[str, Secret]:
    """The credentials of a kind; those that are left out stay as they are.

    Where there are several ways to connect, one that is blank is forgotten.
    """
    about = CONNECTORS[kind]
    given = _read_object(value, "credentials", problems)
    for name in given.keys() - set(about.credentials):
        problems.add(f"credentials.{name}", f"is none of {about.title}: it has {', '.join(about.credentials)}.")
    found = dict(before)
    for name in about.credentials:
        text = given.get(name)
        if isinstance(text, str) and text.strip():
            found[name] = Secret(text.strip())
            if not text.strip().isprintable():
                problems.add(f"credentials.{name}", "must be one line without control characters.")
        elif not about.ways:
            if name not in found:
                problems.add(f"credentials.{name}", f"is required for {about.title}.")
        elif name in given:
            found.pop(name, None)
    if about.ways:
        _refuse_half(about, found, has_some=bool(before), problems=problems)
    return found


def _refuse_half(about: ConnectorKind, found: Mapping[str, Secret], *, has_some: bool, problems: Problems) -> None:
    """Note what is missing of a way to connect that is half given, or that there is none."""
    for way in about.ways:
        missing = [name for name in way if name not in found]
        if missing and len(missing) < len(way) and (way[0] in found or not about.can_call(found)):
            given = next(name for name in way if name in found)
            for name in missing:
                problems.add(f"credentials.{name}", f"is required with {given} for {about.title}.")
    may_wait = about.push_way and not (found or has_some)
    if not (may_wait or about.can_call(found) or (about.push_way and all(one in found for one in about.push_way))):
        ways = [" and ".join(way) for way in (*about.ways, about.push_way) if way]
        problems.add("credentials", f"must be, for {about.title}, {', or '.join(ways)}.")


def read_definition(
    kind: str, given: Mapping[str, object], *, before: ConnectionDefinition, is_new: bool, problems: Problems
) -> ConnectionDefinition:
    """What is given of a definition; what is left out stays as it is, unless ``is_new``."""
    about = CONNECTORS[kind]
    found = before
    if "settings" in given or is_new:
        found = replace(found, settings=_read_settings(about, given.get("settings"), problems))
    if given.get("fields"):
        found = replace(found, fields=_read_fields(given["fields"], problems))
    elif not found.fields:
        problems.add("fields", 'is required: what each column is used for, as in {"phone": "mobile"}.')
    if "filter" in given:
        found = replace(found, filter=_read_filter(given["filter"], problems))
    if "groups" in given:
        found = replace(found, groups=_read_groups(about, given["groups"], found.groups, problems))
    for name in ("write_back", "write_back_opt_ins", "fire_triggers"):
        if name in given:
            flag = problems.read(name, given[name], read_flag)
            found = replace(found, **{name: bool(flag)})
    if found.write_back and not about.facts.writes_back:
        problems.add("write_back", f"is not for {about.title}, to which nothing is written.")
    if found.write_back_opt_ins and not found.write_back:
        problems.add("write_back_opt_ins", "needs write_back, which is off.")
    _refuse_own_fields(about, found, problems)
    found = read_cart_settings(about, given, before=found, problems=problems)
    refuse_uncalled(about, found, problems)
    return _read_rest(given, found, problems)


def refuse_uncalled(about: ConnectorKind, found: ConnectionDefinition, problems: Problems) -> None:
    """Note what is not possible where the system is never called: to write to it, and groups that no delivery names."""
    if not found.push_only:
        return
    needs = f"needs an app of {about.title}: give {', or '.join(' and '.join(way) for way in about.ways)}."
    if found.write_back:
        problems.add("write_back", needs)
    for place, group in enumerate(found.groups):
        if group.source.partition(":")[0] in (*about.in_records, *about.walked):
            problems.add(f"groups.{place}.from", f"is {quote(group.source)}, which {needs}")


def _refuse_own_fields(about: ConnectorKind, found: ConnectionDefinition, problems: Problems) -> None:
    """What is written back is not read: nothing that it says came from there."""
    named = [(f"fields.{name}", name) for name in found.fields] + [(f"filter.{name}", name) for name in found.filter]
    properties = [(group.source, read_property(group.source)) for group in found.groups]
    named += [(f"groups.{source}", of_value[0]) for source, of_value in properties if of_value is not None]
    for place, name in named:
        if about.own_prefix and name.startswith(about.own_prefix):
            problems.add(place, "is written by Daftari, and cannot be read: choose another field.")


def _read_rest(given: Mapping[str, object], found: ConnectionDefinition, problems: Problems) -> ConnectionDefinition:
    if given.get("when_deleted") not in (None, "", "leave_groups"):
        problems.add("when_deleted", f"is {quote(given['when_deleted'])}; it must be leave_groups.")
    if "poll_seconds" in given:
        found = replace(found, poll_seconds=problems.read("poll_seconds", given["poll_seconds"], _read_poll) or 0)
    if "region" in given:
        found = replace(found, region=problems.read("region", given["region"], _read_region) or "")
    if "zone" in given:
        found = replace(found, zone=problems.read("zone", given["zone"], _read_zone) or "")
    return found


def _read_object(value: object, name: str, problems: Problems) -> dict[str, Any]:
    """An object, or JSON of one."""
    if value in (None, ""):
        return {}
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            value = None
    if not isinstance(value, dict):
        problems.add(name, "must be an object.")
        return {}
    return value


def _read_settings(about: ConnectorKind, value: object, problems: Problems) -> dict[str, Any]:
    given = _read_object(value, "settings", problems)
    if about.read_settings is not None:
        columns = given.get("columns")
        if isinstance(columns, str):
            given["columns"] = _read_object(columns, "settings.columns", problems)
        try:
            about.read_settings(given)
        except ConnectorFailed as failure:
            problems.include({"settings": [failure.message]})
        return given
    known = (*about.settings, *about.more_settings)
    found = {}
    for name, written in given.items():
        text = str(written).strip() if isinstance(written, str | int) and not isinstance(written, bool) else ""
        if name not in known:
            problems.add(f"settings.{name}", f"is none of {about.title}: it has {', '.join(known)}.")
        elif text:
            found[name] = text
    for name in about.settings:
        if name not in found:
            problems.add(f"settings.{name}", f"is required for {about.title}.")
    return found


def _read_fields(value: object, problems: Problems) -> dict[str, str]:
    given = _read_object(value, "fields", problems)
    if len(given) > CONNECTION_FIELDS_MAX:
        problems.add("fields", f"must not have more than {CONNECTION_FIELDS_MAX} members.")
        return {}
    found: dict[str, str] = {}
    for name, target in given.items():
        read = problems.read(f"fields.{name}", target, _read_target)
        if read is not None:
            found[name] = read
    if "mobile" not in found.values() and not problems:
        problems.add("fields", 'must use a field for mobile, as in {"mobilephone": "mobile"}.')
    texts = [
        target for target in found.values() if target in (*TEXT_FIELDS, "name") or target.startswith("attributes.")
    ]
    for target in sorted({one for one in texts if texts.count(one) > 1}):
        problems.add("fields", f"must use one field for {target}.")
    return found


def _read_target(value: object) -> str:
    target = str(value).strip()
    if target in CONTACT_TARGETS or read_time_target(target) or read_consent_target(target) is not None:
        return target
    name = target.removeprefix("attributes.")
    if name != target and 0 < len(name) <= ATTRIBUTE_NAME_MAX:
        return target
    raise ValueError(f"is {quote(value)}; it must be one of: {', '.join(TARGETS)}.")


def _read_filter(value: object, problems: Problems) -> dict[str, tuple[str, ...]]:
    found = {}
    for name, words in _read_object(value, "filter", problems).items():
        listed = words if isinstance(words, list) else [] if words in (None, "", True) else [words]
        found[name] = tuple("true" if one is True else "false" if one is False else str(one) for one in listed)
    return found


def _read_groups(
    about: ConnectorKind, value: object, before: tuple[GroupMapping, ...], problems: Problems
) -> tuple[GroupMapping, ...]:
    if isinstance(value, str) and value:
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            value = None
    if value in (None, ""):
        return ()
    if not isinstance(value, list) or len(value) > CONNECTION_GROUPS_MAX:
        problems.add(
            "groups", f'must be a list of at most {CONNECTION_GROUPS_MAX}, as in [{{"from": "all", "to": "crm"}}].'
        )
        return ()
    known = {(fold_name(group.group), group.source): group.group_id for group in before}
    found: dict[str, GroupMapping] = {}
    for place, one in enumerate(value):
        if not isinstance(one, dict):
            problems.add(f"groups.{place}", 'must be an object, as in {"from": "all", "to": "crm"}.')
            continue
        group = _read_group(about, one, place, problems)
        if group is None:
            continue
        folded = fold_name(group.group)
        if folded in found:
            problems.add(f"groups.{place}.to", f"is {quote(group.group)} again; a group is kept from one source.")
        found[folded] = replace(group, group_id=known.get((folded, group.source), 0))
    return tuple(found.values())


def _read_group(about: ConnectorKind, given: dict[str, object], place: int, problems: Problems) -> GroupMapping | None:
    source = str(given.get("from") or "").strip()
    kinds = (*about.in_records, *about.walked)
    kind, _, name = source.partition(":")
    if source != EVERY and not (kind in kinds and name) and read_property(source) is None:
        wanted = ", ".join([EVERY, f"{PROPERTY}:city=Kisumu", *(f"{one}:12" for one in kinds)])
        problems.add(f"groups.{place}.from", f"is {quote(source)}; it must be like one of: {wanted}.")
    group = problems.read(f"groups.{place}.to", given.get("to"), read_group_name)
    keep = given.get("keep") or "in_step"
    if keep not in KEEPING:
        problems.add(f"groups.{place}.keep", f"is {quote(keep)}; it must be one of: {', '.join(KEEPING)}.")
    if group is None:
        if not problems.has(f"groups.{place}.to"):
            problems.add(f"groups.{place}.to", "is required: the name of the group.")
        return None
    return GroupMapping(source, group, cast(Keeping, keep))


def _read_poll(value: object) -> int:
    return _read_whole(value, least=POLL_SECONDS_MIN, most=POLL_SECONDS_MAX)


def _read_whole(value: object, *, least: int, most: int) -> int:
    if value in (None, ""):
        return 0
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise ValueError(f"must be a whole number from {least} to {most}.")
    return int(text)


def _read_region(value: object) -> str:
    region = str(value or "").strip().upper()
    if region and not is_region(region):
        raise ValueError(f"is {quote(value)}; write two capital letters like KE.")
    return region


def _read_zone(value: object) -> str:
    zone = str(value or "").strip()
    try:
        return ZoneInfo(zone).key if zone else ""
    except (ValueError, LookupError, OSError):
        raise ValueError(f"is {quote(value)}; write a time zone such as Africa/Nairobi.") from None
