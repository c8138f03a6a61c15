"""The forms of setting up a connection: what stands in them, and what the rules are given of it. Knows no page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from daftari.connectors import CONNECTORS, ConnectorFailed
from daftari.console.connection_systems import DATABASES, Ask, asks
from daftari.errors import ValidationFailed
from daftari.model.connections import ConnectionDefinition, GroupMapping
from daftari.model.contacts import TEXT_FIELDS
from daftari.rules.connections.mapping import EVERY, read_consent_target, read_time_target
from daftari.rules.connections.model import read_property
from daftari.web.params import Params

NAMED = ("name", *TEXT_FIELDS)
"""Fields of a contact that one field of a record fills."""
NUMBERS = 3
SPARE_ROWS = 2
"""Rows that are empty, for what is added."""
ATTRIBUTES = "attributes."
ATTRIBUTE_CHARS = 40
KEY_CODES = frozenset(
    {"access", "key_refused", "no_credentials", "no_secret", "scope_missing", "unsealed", "other_account"}
)
"""Failures that are about the credentials."""
PLACES: Mapping[str, str] = {
    "database": "settings.database",
    "file": "settings.database",
    "file_not_allowed": "settings.database",
    "own_database": "settings.database",
    "table": "settings.table",
    "not_readable": "settings.table",
    "columns": "settings.columns.id",
    "ids": "settings.columns.id",
    "updated_at": "settings.columns.updated_at",
    "tls": "settings.ca",
}
"""Failures that are about another field."""


# ---- the account ------------------------------------------------------------------------------------------


def account_form(kind: str, definition: ConnectionDefinition | None, name: str) -> dict[str, object]:
    """What stands in the form of a system at first; no secret."""
    settings: Mapping[str, Any] = {} if definition is None else definition.settings
    columns = settings.get("columns", {})
    found: dict[str, object] = {"name": name}
    for ask in asks(kind):
        place = ask.name.removeprefix("settings.")
        value = columns.get(place.removeprefix("columns.")) if place.startswith("columns.") else settings.get(place)
        if not ask.is_secret:
            found[ask.name] = "yes" if value is True else "" if value in (None, False) else str(value)
    return found


def read_account(params: Params, kind: str, *, is_new: bool) -> dict[str, object]:
    """The name, the credentials and the settings that were typed. Raises ``ValidationFailed``."""
    credentials: dict[str, object] = {}
    settings: dict[str, Any] = {"columns": {}} if kind in DATABASES else {}
    missing: list[Ask] = []
    for ask in asks(kind):
        value = params.given(ask.name)
        if value is None:
            missing += [ask] if ask.required and (is_new or not ask.is_secret) else []
        elif ask.is_secret:
            credentials[ask.name.removeprefix("credentials.")] = str(value)
        elif ask.name.startswith("settings.columns."):
            settings["columns"][ask.name.removeprefix("settings.columns.")] = str(value)
        elif ask.name.startswith("settings."):
            settings[ask.name.removeprefix("settings.")] = value == "yes" if ask.kind == "yes" else str(value)
    if params.given("name") is None:
        params.problems.add("name", "is required.")
    for ask in missing:
        params.problems.add(ask.name, "is required.")
    params.refuse_wrong()
    given: dict[str, object] = {"name": params.given("name"), "settings": settings}
    if mobile := params.given("mobile"):
        given["fields"] = {str(mobile): "mobile"}
    return given | ({"credentials": credentials} if credentials else {})


def at_field(kind: str, failure: ConnectorFailed) -> ValidationFailed:
    """A failure of a check at the field that it is about, in the system's own words."""
    names = [ask.name for ask in asks(kind)]
    secrets = [ask.name for ask in asks(kind) if ask.is_secret]
    place = PLACES.get(failure.code, "")
    if failure.code in KEY_CODES and secrets:
        return ValidationFailed({secrets[0]: [failure.message]})
    return ValidationFailed({place if place in names else names[0]: [failure.message]})


def with_fields(kind: str, error: ValidationFailed) -> ValidationFailed:
    """What the rules found wrong, at the fields of the form."""
    first_secret = next((ask.name for ask in asks(kind) if ask.is_secret), "name")
    places = {"credentials": first_secret, "settings": "settings.table", "fields": "mobile"}
    return ValidationFailed({places.get(path, path): sentences for path, sentences in error.errors.items()})


# ---- fields -----------------------------------------------------------------------------------------------


def fields_form(definition: ConnectionDefinition) -> dict[str, object]:
    """What stands in the form of the fields."""
    fields = definition.fields
    by_target = {target: name for name, target in fields.items()}
    consents = [(name, target) for name, target in fields.items() if is_consent(target)]
    return {
        "mobile": [name for name, target in fields.items() if target == "mobile"],
        **{f"use.{target}": by_target.get(target, "") for target in NAMED},
        "consent": [name for name, _target in consents],
        "consent_use": [target for _name, target in consents],
        "keep": [name for name, target in fields.items() if target.startswith(ATTRIBUTES)],
    }


def is_consent(target: str) -> bool:
    """Whether a field is used for what it says about consent."""
    return read_time_target(target) is not None or read_consent_target(target) is not None


def read_fields(params: Params, before: ConnectionDefinition, titles: Mapping[str, str]) -> dict[str, str]:
    """What each field is used for. Raises ``ValidationFailed`` where one is used twice, or none is the number."""
    found: dict[str, str] = {}
    errors: dict[str, list[str]] = {}

    def use(place: str, name: str, target: str) -> None:
        if name in found:
            errors[place] = [f"The {place} field names a field that is used for something else already."]
        elif name:
            found[name] = target

    for row, name in enumerate(params.texts("mobile")):
        if name not in found:
            use(f"mobile.{row}", name, "mobile")
    if not found:
        errors["mobile.0"] = ["The mobile.0 field is required."]
    for target in NAMED:
        use(f"use.{target}", str(params.given(f"use.{target}") or ""), target)
    for row, (name, target) in enumerate(_rows(params, "consent", "consent_use")):
        use(f"consent.{row}", name, target)
    taken = {target for name, target in before.fields.items() if target.startswith(ATTRIBUTES)}
    for name in params.texts("keep"):
        if name in found:
            continue
        target = before.fields.get(name, "")
        if not target.startswith(ATTRIBUTES):
            target = _name_attribute(titles.get(name, name), taken)
        taken.add(target)
        found[name] = target
    if errors:
        raise ValidationFailed(errors)
    return found


def _name_attribute(title: str, taken: set[str]) -> str:
    """The attribute of a field that is kept, called as the field is."""
    words = "_".join("".join(one if one.isalnum() else " " for one in title.casefold()).split())
    name = words[:ATTRIBUTE_CHARS] or "field"
    tried = next(tried for tried in range(1, len(taken) + 2) if f"{ATTRIBUTES}{_numbered(name, tried)}" not in taken)
    return f"{ATTRIBUTES}{_numbered(name, tried)}"


def _numbered(name: str, tried: int) -> str:
    return name if tried == 1 else f"{name}_{tried}"


# ---- records and groups -----------------------------------------------------------------------------------


def groups_form(definition: ConnectionDefinition, *, name: str) -> dict[str, object]:
    """What stands in the form of the records and their groups. A new connection has one group, called as it is."""
    groups = definition.groups or (GroupMapping(EVERY, name),)
    listed = [group for group in groups if read_property(group.source) is None]
    valued = [(group, found) for group in groups if (found := read_property(group.source)) is not None]
    return {
        "where": [*definition.filter],
        "is": ["\n".join(words) for words in definition.filter.values()],
        "source": [group.source for group in listed],
        "group": [group.group for group in listed],
        "keep": [group.keep for group in listed],
        "value_of": [found[0] for _group, found in valued],
        "value": [found[1] for _group, found in valued],
        "value_group": [group.group for group, _found in valued],
        "value_keep": [group.keep for group, _found in valued],
        "write_back": "yes" if definition.write_back else "",
        "write_back_opt_ins": "yes" if definition.write_back_opt_ins else "",
        "fire_triggers": "yes" if definition.fire_triggers else "",
        "poll_seconds": definition.poll_seconds or "",
        "region": definition.region,
        "zone": definition.zone,
    }


def read_groups(params: Params, kind: str) -> tuple[dict[str, object], list[str]]:
    """What was typed of records and groups, and the field of the form that each group stands in."""
    facts = CONNECTORS[kind].facts
    places: list[str] = []
    groups: list[dict[str, str]] = []
    for row, (source, group, keep) in enumerate(_rows(params, "source", "group", "keep")):
        if source or group.strip():
            groups.append({"from": source, "to": group, "keep": keep})
            places.append(f"group.{row}")
    valued = _rows(params, "value_of", "value", "value_group", "value_keep")
    for row, (name, value, group, keep) in enumerate(valued):
        if name or value.strip() or group.strip():
            groups.append({"from": f"property:{name}={value.strip()}", "to": group, "keep": keep})
            places.append(f"value.{row}")
    words: dict[str, list[str]] = {}
    for name, written in _rows(params, "where", "is"):
        if name:
            words.setdefault(name, []).extend(line.strip() for line in written.splitlines() if line.strip())
    given: dict[str, object] = {"filter": words, "groups": groups}
    for name in ("poll_seconds", "region", "zone"):
        given[name] = params.given(name)
    flags = ["fire_triggers"]
    flags += ["write_back"] * facts.writes_back + ["write_back_opt_ins"] * (facts.writes_back and facts.keeps_consent)
    for name in flags:
        given[name] = params.given(name) == "yes"
    return given, places


def _rows(params: Params, *names: str) -> Iterator[tuple[str, ...]]:
    """The rows of fields that are repeated; of those that are all blank nothing is read."""
    return zip_longest(*map(params.texts, names), fillvalue="")


def at_rows(error: ValidationFailed, places: Sequence[str]) -> ValidationFailed:
    """What the rules found wrong with groups, at the rows of the form."""
    errors: dict[str, list[str]] = {}
    for path, sentences in error.errors.items():
        kind, _dot, rest = path.partition(".")
        row = rest.partition(".")[0]
        at = places[int(row)] if kind == "groups" and row.isdecimal() and int(row) < len(places) else path
        if kind == "groups" and at == path:
            at = "group.0"
        if kind == "filter":
            at = "where"
        errors.setdefault(at, []).extend(sentences)
    return ValidationFailed(errors)
