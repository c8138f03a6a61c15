"""HubSpot's answers as records. What is not needed is not read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from daftari.connectors.times import read_time

T = TypeVar("T")


class Details(Struct, rename="camel"):
    portal_id: int
    time_zone: str = "UTC"


class Contact(Struct, rename="camel"):
    """A contact, or a member of a list, which is its id alone."""

    id: str = ""
    record_id: str = ""
    properties: dict[str, str | int | float | bool | None] = {}
    created_at: str | None = None
    updated_at: str | None = None
    archived_at: str | None = None

    def __post_init__(self) -> None:
        self.id = self.id or self.record_id
        if not self.id.isdecimal():
            raise ValueError(f"the id {self.id!r} is no number")

    @property
    def version(self) -> int:
        modified = self.properties.get("lastmodifieddate")
        return read_time(modified if isinstance(modified, str) else self.updated_at or self.created_at) or 0

    @property
    def deleted_at(self) -> int:
        return read_time(self.archived_at or self.updated_at) or 0

    @property
    def merged_ids(self) -> Sequence[str]:
        """The contacts that were merged into this one."""
        written = self.properties.get("hs_merged_object_ids")
        if not written:
            return ()
        found = re.findall("[0-9]+", str(written))
        return [one for one in dict.fromkeys(found) if one != self.id]


class _Next(Struct):
    after: str = ""


class _Paging(Struct):
    next: _Next | None = None


class Contacts(Struct):
    """A page of contacts or of members."""

    results: list[Contact]
    paging: _Paging | None = None
    total: int | None = None

    @property
    def after(self) -> str:
        """Where the next page begins; blank at the end."""
        return self.paging.next.after if self.paging and self.paging.next else ""


class List(Struct, rename="camel"):
    list_id: str
    name: str = ""
    object_type_id: str = "0-1"
    additional_properties: dict[str, str | None] = {}
    additional_filter_properties: dict[str, str | None] = {}

    @property
    def facts(self) -> Mapping[str, str]:
        """Its size and times; versions of the API call the member differently."""
        both = self.additional_properties | self.additional_filter_properties
        return {name: value for name, value in both.items() if value}


class Lists(Struct, rename="camel"):
    lists: list[List]
    has_more: bool = False


class Property(Struct):
    name: str
    label: str = ""
    type: str = "string"
    archived: bool = False


class Properties(Struct):
    results: list[Property]


class _Detail(Struct, rename="camel"):
    message: str = ""
    context: dict[str, object] = {}


class Error(Struct, rename="camel"):
    """An error of a call, or of some records of a batch."""

    message: str = ""
    category: str = ""
    policy_name: str = ""
    context: dict[str, object] = {}
    errors: list[_Detail] = []

    @property
    def says(self) -> str:
        """Its message with those of its details, each once."""
        found = [self.message, *(one.message for one in self.errors)]
        return " ".join(dict.fromkeys(filter(None, found))) or "no reason given"

    @property
    def policy(self) -> str:
        """The limit that was reached, in one word; searches name theirs in the message alone."""
        if self.policy_name:
            return self.policy_name.upper()
        for word in ("secondly", "daily"):
            if f"your {word} limit" in self.message.lower():
                return word.upper()
        return ""

    @property
    def scopes(self) -> list[str]:
        """The scopes that are missing."""
        contexts = [self.context, *(one.context for one in self.errors)]
        return [
            scope
            for context in contexts
            for name, value in context.items()
            if "scope" in name.lower() and isinstance(value, list)
            for scope in map(str, value)
        ]

    @property
    def is_not_found(self) -> bool:
        return self.category == "OBJECT_NOT_FOUND"

    @property
    def ids(self) -> set[str]:
        """The records that it is about."""
        contexts = [self.context, *(one.context for one in self.errors)]
        listed = [value for context in contexts for name in ("ids", "id") if (value := context.get(name)) is not None]
        return {str(one) for value in listed for one in (value if isinstance(value, list) else [value])}


class Batch(Struct):
    results: list[Contact] = field(default_factory=list)
    errors: list[Error] = field(default_factory=list)


def read_error(body: bytes) -> Error:
    """The error of a response; one without members when the body is anything else."""
    try:
        return msgspec.json.decode(body, type=Error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Error()
