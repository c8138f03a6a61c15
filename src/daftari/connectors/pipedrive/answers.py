"""Pipedrive's answers as records. What is not needed is not read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct, field

from daftari.connectors.times import read_time

T = TypeVar("T")


class Me(Struct):
    """The user whose token it is."""

    company_id: int
    company_name: str = ""
    name: str = ""
    timezone_name: str = "UTC"
    is_admin: int | bool = 0


class Entry(Struct):
    """A phone or e-mail of a person."""

    value: str | None = None
    primary: bool = False
    label: str | None = None


class Person(Struct):
    id: int
    add_time: str | None = None
    update_time: str | None = None
    is_deleted: bool = False
    phones: list[Entry] = []
    emails: list[Entry] = []
    label_ids: list[int] = []
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    org_id: int | None = None
    custom_fields: dict[str, object] = {}

    @property
    def version(self) -> int:
        return read_time(self.update_time or self.add_time) or 0

    def value(self, name: str) -> object:
        """A field by the name that settings use; phones begin with the mobile one, then the primary one."""
        match name:
            case "phones":
                in_order = sorted(self.phones, key=lambda one: ((one.label or "").lower() != "mobile", not one.primary))
                return [one.value for one in in_order if one.value]
            case "emails":
                in_order = sorted(self.emails, key=lambda one: not one.primary)
                return [one.value for one in in_order if one.value]
            case "name" | "first_name" | "last_name" | "org_id":
                return getattr(self, name)
            case _:
                return _plain(self.custom_fields.get(name))


def _plain(value: object) -> object:
    """The value of a field of the company's own: of an option its label, of an amount or an address its value."""
    match value:
        case {"label": label}:
            return label
        case {"value": inner}:
            return inner
        case [*items]:
            return [_plain(item) for item in items]
        case _:
            return value


class _Additional(Struct):
    next_cursor: str | None = None


class Page(Struct, Generic[T]):
    """A page of a list of version 2."""

    data: list[T] | None = None
    additional_data: _Additional | None = None

    @property
    def next_cursor(self) -> str:
        return (self.additional_data.next_cursor if self.additional_data else None) or ""


class _Pagination(Struct):
    more_items_in_collection: bool = False
    next_start: int | None = None


class _AdditionalV1(Struct):
    pagination: _Pagination | None = None


class PageV1(Struct, Generic[T]):
    """A page of a list of version 1."""

    data: list[T] | None = None
    additional_data: _AdditionalV1 | None = None

    @property
    def next_start(self) -> int | None:
        """Where the next page begins; ``None`` at the end."""
        pagination = self.additional_data.pagination if self.additional_data else None
        return pagination.next_start if pagination and pagination.more_items_in_collection else None


class One(Struct, Generic[T]):
    data: T


class Option(Struct):
    id: int | str
    label: str = ""


class FieldV1(Struct):
    """A field of a person."""

    key: str
    name: str = ""
    field_type: str = ""
    options: list[Option] | None = None


class Filter(Struct):
    id: int
    name: str = ""
    active_flag: bool = True


class Webhook(Struct):
    id: int
    subscription_url: str = ""
    is_active: int | bool = 1
    version: str = "2.0"


class _RecentPerson(Struct):
    active_flag: bool = True
    is_deleted: bool = False
    update_time: str | None = None
    delete_time: str | None = None


class Recent(Struct):
    """A recent change of anything; one without its data was deleted."""

    item: str = ""
    id: int = 0
    data: _RecentPerson | None = None

    @property
    def is_deleted_person(self) -> bool:
        return self.item == "person" and (self.data is None or self.data.is_deleted or not self.data.active_flag)

    @property
    def changed_at(self) -> int | None:
        return read_time(self.data.delete_time or self.data.update_time) if self.data else None


class Error(Struct):
    error: str = ""
    error_info: str | None = None

    @property
    def says(self) -> str:
        return self.error or "no reason given"


def read_error(body: bytes) -> Error:
    """The error of a response; one without members when the body is anything else."""
    try:
        return msgspec.json.decode(body, type=Error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Error()


class Meta(Struct):
    """The part of a delivery that is about the delivery. Ids come as texts or as numbers."""

    action: str = ""
    entity: str = ""
    entity_id: str | int = ""
    company_id: str | int = ""
    id: str | int = ""
    timestamp: str | int | None = None
    version: str = ""
    merged_to_id: str | int | None = None
    merged_from_id: str | int | list[str | int] | None = None

    def merged(self) -> Iterator[tuple[str, str]]:
        """Each person that was merged away, and the winner."""
        here = str(self.entity_id)
        if self.merged_to_id is not None:
            yield here, str(self.merged_to_id)
        losers = self.merged_from_id if isinstance(self.merged_from_id, list) else [self.merged_from_id]
        yield from ((str(loser), here) for loser in losers if loser is not None)


class Delivery(Struct):
    meta: Meta = field(default_factory=Meta)
