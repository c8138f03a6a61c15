"""Reads the fields of a record that are not a contact's own: groups, an id, a time, and consent facts.

Each reader returns the value or raises ``ValueError`` with the end of a sentence. No layout of files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeVar, get_args

import msgspec

from daftari.files import is_system_label
from daftari.model.consent import ANY, FactKind, NewFact, Scope, Source
from daftari.model.limits import FIRST_ID_MAX, GROUPS_PER_ROW_MAX, MOBILE_TEXT_MAX
from daftari.model.time import format_time
from daftari.rules.consent.facts import (
    EXPORTED_MEMBERS,
    is_well_founded,
    read_channel,
    read_evidence,
    read_purpose,
    read_sender,
)
from daftari.rules.consent.state import TEAM_SOURCES
from daftari.rules.fields import Problems, fold_name, read_group_name, read_text, read_time
from daftari.rules.imports.cells import repair_number

T = TypeVar("T")

FACTS_PER_ROW_MAX = 10_000
"""Facts that one record may bring: all that is known of a number, which grows over the years."""
FACT_KINDS = tuple(kind for kind in get_args(FactKind) if kind != "retraction")
"""What a file may say about a number; what was taken back is not in it."""


def decode_cell(text: str, type: Any) -> Any:
    """The JSON in a cell. Raises ``msgspec.DecodeError``, for what is nested beyond all measure too."""
    try:
        return msgspec.json.decode(text, type=type)
    except RecursionError:
        raise msgspec.DecodeError("JSON is nested too deep") from None


def read_more(problems: Problems, field: str, more: Mapping[str, Any], read: Callable[[Any], T]) -> T | None:
    """A field as ``read`` returns it; ``None`` when it is absent, or wrong, which is noted."""
    if field == "groups":
        value: Any = [*_listed(more.get("group"), one=True), *_listed(more.get("groups"), one=False)]
    else:
        value = more.get(field)
    return None if value in (None, "", []) else problems.read(field, value, read)


def _listed(value: object, *, one: bool) -> Iterable[object]:
    """The groups in a cell: a list, JSON of one, or names between semicolons or Google's three colons."""
    if value is None or isinstance(value, list):
        return value or ()
    text = str(value).strip()
    if text.startswith("["):
        with suppress(msgspec.DecodeError):
            listed: list[object] = decode_cell(text, list[object])
            return listed
    if one:
        return [text]
    names = text.split(" ::: " if " ::: " in text else ";")
    # Google Contacts marks its own groups with a star.
    return [name.strip().removeprefix("* ") for name in names if not is_system_label(name)]


def read_groups(names: list[object]) -> list[str]:
    read: dict[str, str] = {}
    for name in names:
        found = read_group_name(name)
        if found is not None:
            read.setdefault(fold_name(found), found)
    if len(read) > GROUPS_PER_ROW_MAX:
        raise ValueError(f"must not name more than {GROUPS_PER_ROW_MAX} groups.")
    return list(read.values())


def read_id(value: object) -> int:
    number = repair_number(value)
    if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) <= MOBILE_TEXT_MAX:
        number = int(number)
    if not isinstance(number, int) or not 1 <= number <= FIRST_ID_MAX:
        raise ValueError(f"must be a whole number between 1 and {FIRST_ID_MAX}.")
    return number


def read_created_at(value: object) -> str:
    at = read_time(value, now=None)
    return "" if at is None else format_time(at)


def is_listed(value: object) -> bool:
    """Whether a cell holds facts as an export writes them; other people's column of that name says what it likes."""
    return isinstance(value, list) or (isinstance(value, str) and value.lstrip().startswith("[{"))


def read_consent(value: object, number: int, mobile: int) -> list[NewFact]:
    """The facts in a cell of our own exports."""
    try:
        found = decode_cell(value, Any) if isinstance(value, str) else value
    except msgspec.DecodeError:
        raise ValueError("must be a JSON array, as an export writes it.") from None
    if not isinstance(found, list) or len(found) > FACTS_PER_ROW_MAX:
        raise ValueError("must be an array of facts, as an export writes it.")
    return [_read_fact(fact, number, mobile) for fact in found]


def _read_fact(given: object, number: int, mobile: int) -> NewFact:
    if not isinstance(given, dict):
        raise ValueError("must be an array of objects, as an export writes it.")
    kind: Any = given.get("kind")
    source: Any = given.get("source")
    at = read_time(given.get("at"), now=None)
    if kind not in FACT_KINDS or source not in get_args(Source) or at is None:
        raise ValueError("has a fact without a known kind, source or time.")
    evidence = read_evidence(given.get("evidence"), EXPORTED_MEMBERS)
    override = given.get("override") is True and evidence is not None
    if kind == "opt_in" and source in TEAM_SOURCES:
        override = is_well_founded(evidence)
    return NewFact(
        index=number,
        mobile=mobile,
        kind=kind,
        scope=Scope(
            read_channel(given.get("channel", ANY)),
            read_sender(given.get("sender", ANY)),
            read_purpose(given.get("purpose", ANY)),
        ),
        at=at,
        source=source,
        keyword=read_text(given.get("keyword")) or "",
        override=override,
        evidence=evidence,
        single=given.get("single") is True,
    )
