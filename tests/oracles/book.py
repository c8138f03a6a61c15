"""A phonebook in plain dictionaries: contacts and groups as the contract describes them.

The stateful tests play every call against it and against both engines. It has no blocks, cards, locks or SQL, and it
is never fast; who may be in a group or in a list it asks the ledger each time. This module must not know the code that
it judges.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from daftari.model.consent import NewFact, Scope
from daftari.model.projects import ConsentSettings
from tests.oracles.ledger import Arrival, Ledger, stop_scope

Given = Any
"""What a caller sent as a contact: an object, or anything else that JSON can say."""
Contact = dict[str, Any]
Row = tuple[int, str, int | None, str | None, list[str], bool, bool]
"""The outcome of a row: index, outcome, id, mobile, wrong fields, and whether it is suppressed or kept out."""
OUTCOMES = ("created", "updated", "unchanged", "duplicate", "invalid")

TEXTS = ("fname", "mname", "lname", "email", "city", "company")
SUBSCRIBERS = range(721_999_990, 722_001_000)
"""The people of this book, by their numbers within Kenya."""
SPELLINGS: dict[object, int] = {
    written: int(f"254{number}")
    for number in SUBSCRIBERS
    for written in (
        f"+254{number}",
        f"00254{number}",
        f"0{number}",
        f"{number}",
        f"254{number}",
        f"+254 {str(number)[:3]}-{str(number)[3:]}",
        int(f"254{number}"),
        number,
    )
}
"""Every way in which a number is written here; anything else is no number."""


class Refused(Exception):
    """A call that changes nothing: the error's code, and the wrong fields when it is about fields."""

    def __init__(self, code: str, fields: Iterable[str] = ()) -> None:
        super().__init__(code)
        self.code = code
        self.fields = sorted(fields)


@dataclass
class Group:
    name: str
    created_at: int
    members: set[int] = field(default_factory=set)
    deleted: int = 0
    """Which deletion of a group it was, from 1 on."""


@dataclass
class Book:
    """One project's contacts, groups, journal and ledger."""

    next_id: int
    contacts: dict[int, Contact] = field(default_factory=dict)
    updated_at: dict[int, int] = field(default_factory=dict)
    groups: dict[int, Group] = field(default_factory=dict)
    next_group_id: int = 1
    journal: list[tuple[str, int | None, list[int]]] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    removals: Counter[int] = field(default_factory=Counter)
    """Deletes of a number that were no opt-outs."""
    settings: ConsentSettings = field(default_factory=ConsentSettings)
    near_misses: Counter[str] = field(default_factory=Counter)
    """How often each call tried to bring back a contact."""

    # ---- the five calls -----------------------------------------------------------------------------

    def list_contacts(
        self, group: str | None, page: int, per_page: int, include: frozenset[str], suppressed: bool
    ) -> Mapping[str, Any]:
        ids = [number for number in sorted(self.contacts) if suppressed or not self.is_suppressed(number)]
        if group is not None:
            found = self.find_group(group)
            ids = sorted(self.groups[found].members) if found else []
        shown = ids[(page - 1) * per_page : page * per_page]
        return {"total": len(ids), "contacts": [self.show(number, include) for number in shown]}

    def list_after(self, group: str | None, after_id: int, per_page: int, suppressed: bool) -> Mapping[str, Any]:
        whole = self.list_contacts(group, 1, 1_000_000, frozenset(), suppressed)["contacts"]
        left = [contact for contact in whole if contact["id"] > after_id]
        shown = left[:per_page]
        last_id = shown[-1]["id"] if shown else None
        return {"total": len(whole), "before": len(whole) - len(left), "contacts": shown, "last_id": last_id}

    def get(self, reference: str, include: frozenset[str]) -> Contact:
        by_id, by_mobile = self.find(reference)
        found = by_id or by_mobile
        if found is None:
            raise Refused("CONTACT_NOT_FOUND")
        return self.show(found, include)

    def create(self, given: list[Given], path: str, group: str | None, skip: bool, now: int) -> Mapping[str, Any]:
        """``path`` names a row for errors: ``contacts.{}``, or ``contact`` when it is the only one."""
        if not given:
            raise Refused("VALIDATION_FAILED", ["contacts"])
        wrong: dict[int, list[str]] = {}
        merged: dict[int, tuple[int, Contact]] = {}
        duplicates: list[tuple[int, int]] = []
        for index, row in enumerate(given):
            fields, errors = read_fields(row)
            errors += ["mobile"] * ("mobile" not in fields and not {"", "mobile"} & set(errors))
            if errors:
                wrong[index] = name_fields(path.format(index), errors)
            elif (mobile := fields["mobile"]) in merged:
                first, contact = merged[mobile]
                contact = merge(dict(contact), fields)
                if len(contact.get("attributes", {})) > 50:
                    wrong[index] = name_fields(path.format(index), ["attributes"])
                else:
                    duplicates.append((index, mobile))
                    merged[mobile] = (first, contact)
            else:
                merged[mobile] = (index, merge(new_contact(mobile, now), fields))
        for mobile, (index, contact) in list(merged.items()):
            there = self.by_mobile(mobile)
            result = merge(dict(self.contacts[there]), contact) if there else contact
            if len(result.get("attributes", {})) > 50:
                wrong[index] = name_fields(path.format(index), ["attributes"])
                del merged[mobile]
        if wrong and not skip:
            raise Refused("VALIDATION_FAILED", [name for names in wrong.values() for name in names])
        rows = self.write_rows(merged, group, now)
        written = {row[3]: row for row in rows}
        for index, mobile in duplicates:
            first_row = written.get(str(mobile), (0, "", None, str(mobile), [], False, False))
            rows.append((index, "duplicate", *first_row[2:]))
        rows += [(index, "invalid", None, None, sorted(names), False, False) for index, names in wrong.items()]
        return result_of(rows)

    def create_many(self, first: int, many: int, group: str | None, now: int) -> Mapping[str, Any]:
        """Contacts that are nothing but a number, from ``first`` on, which the table of spellings does not hold."""
        merged = {mobile: (index, new_contact(mobile, now)) for index, mobile in enumerate(range(first, first + many))}
        return result_of(self.write_rows(merged, group, now))

    def write_rows(self, merged: Mapping[int, tuple[int, Contact]], group: str | None, now: int) -> list[Row]:
        """Write rows that are good."""
        rows: list[Row] = []
        joins = self.use_group(group, now) if group and merged else None
        touched = set()
        for mobile, (index, contact) in merged.items():
            number = self.by_mobile(mobile)
            if number is None:
                outcome, number = "created", self.next_id
                self.next_id += 1
                self.put(number, {**contact, "id": number}, now)
            else:
                changed = merge(dict(self.contacts[number]), contact)
                outcome = "unchanged" if is_same(changed, self.contacts[number]) else "updated"
                if outcome == "updated":
                    self.put(number, changed, now)
            suppressed, kept_out = self.is_suppressed(number), self.is_kept_out(number, joins)
            if joins and not suppressed and not kept_out and number not in self.groups[joins].members:
                self.groups[joins].members.add(number)
                outcome = "updated" if outcome == "unchanged" else outcome
            if outcome != "unchanged":
                touched.add(number)
            self.near_misses["create_contacts"] += suppressed or kept_out
            rows.append((index, outcome, number, str(mobile), [], suppressed, kept_out))
        if touched:
            self.journal.append(("create_contacts", joins, sorted(touched)))
        return rows

    def update(self, reference: str, given: Given | None, group: str | None, move: bool, now: int) -> tuple[bool, bool]:
        """Whether the number is suppressed, and whether its person had left the very group."""
        fields, errors = read_fields(given) if given is not None else ({}, [])
        if given is not None and isinstance(given, dict) and "mobile" in given and "mobile" not in fields:
            errors = [*errors, "mobile"]
        if errors:
            raise Refused("VALIDATION_FAILED", set(name_fields("contact", errors)))
        number = self.find_one(reference)
        changed = change(dict(self.contacts[number]), fields)
        if len(changed.get("attributes", {})) > 50:
            raise Refused("VALIDATION_FAILED", ["contact.attributes"])
        if self.by_mobile(int(changed["mobile"])) not in (None, number):
            raise Refused("MOBILE_TAKEN")
        has_changed = not is_same(changed, self.contacts[number])
        if has_changed:
            self.put(number, changed, now)
            self.settle(number)
        joined = self.use_group(group, now) if group and not self.is_suppressed(number) else None
        suppressed, kept_out = self.is_suppressed(number), self.is_kept_out(number, joins=joined)
        if joined and kept_out:
            joined = None
        if joined:
            inside = {other for other, found in self.groups.items() if number in found.members}
            stay = {joined} if move else inside | {joined}
            for other, found in self.groups.items():
                (found.members.add if other in stay else found.members.discard)(number)
            has_changed = has_changed or inside != stay
        if group:
            self.near_misses["update_contact"] += suppressed or kept_out
        if has_changed:
            self.journal.append(("update_contact", joined, [number]))
        return suppressed, kept_out

    def delete(self, reference: str, reason: str | None, purpose: str | None, at: int | None, now: int) -> int | None:
        by_id, by_mobile = self.find(reference)
        mobile = SPELLINGS.get(reference)
        number = None
        if by_id or by_mobile:
            number = self.find_one(reference)
            mobile = self.remove(number)
        elif mobile is None or reason == "removal":
            raise Refused("CONTACT_NOT_FOUND")
        if reason == "removal":
            self.removals[mobile or 0] += 1
        else:
            scope = stop_scope(self.settings.stop_scope) if purpose is None else Scope(purpose=purpose)
            self.record([NewFact(0, mobile or 0, "opt_out", scope, at, "delete")], now)
        self.journal.append(("delete_contact", None, [number] if number else []))
        return number

    def remove(self, number: int) -> int:
        """A contact goes, out of every group; returns its mobile."""
        for group in self.groups.values():
            group.members.discard(number)
        return int(self.contacts.pop(number)["mobile"])

    # ---- what is known of numbers ---------------------------------------------------------------------

    def record(
        self, given: list[NewFact], now: int, arrival: Arrival | None = None
    ) -> tuple[list[str], dict[int, list[str]], list[int]]:
        """Facts go in: the outcome of each, the groups that each number left, and the contacts they are about.

        ``arrival``: when they came, if not now.
        """
        arrival = arrival or self.ledger.arrive(now)
        outcomes = [self.ledger.record(fact, now, arrival) for fact in given]
        self.near_misses["opt_in"] += outcomes.count("refused")
        new = {fact.mobile for fact, outcome in zip(given, outcomes, strict=True) if outcome != "unchanged"}
        there = {mobile: number for mobile in new if (number := self.by_mobile(mobile))}
        left = {mobile: self.settle(number) for mobile, number in there.items()}
        return outcomes, left, sorted(there.values())

    def settle(self, number: int) -> list[str]:
        """A contact leaves the groups that it may not be in; their names."""
        names = []
        for group_id, group in self.groups.items():
            barred = self.is_suppressed(number) or self.is_kept_out(number, group_id)
            if barred and number in group.members:
                group.members.discard(number)
                names += [group.name] * (not group.deleted)
        return names

    def is_suppressed(self, number: int) -> bool:
        return self.ledger.is_suppressed(int(self.contacts[number]["mobile"]))

    def is_kept_out(self, number: int, joins: int | None) -> bool:
        """Whether a contact that is not suppressed left this group by the person's own word."""
        if joins is None or self.is_suppressed(number):
            return False
        mobile = int(self.contacts[number]["mobile"])
        return self.ledger.has_left(mobile, joins, folded(self.groups[joins].name))

    # ---- groups -------------------------------------------------------------------------------------

    def list_groups(self) -> list[tuple[str, int, int]]:
        return [(group.name, len(group.members), group.created_at) for group in self.groups.values() if group.name]

    def get_group(self, name: str) -> tuple[str, int, int]:
        group = self.groups[self.named_group(name)]
        return (group.name, len(group.members), group.created_at)

    def create_group(self, name: str, now: int) -> tuple[str, int, int]:
        if self.find_group(name):
            raise Refused("GROUP_TAKEN")
        number = self.use_group(name, now)
        self.journal.append(("create_group", number, []))
        return self.get_group(name)

    def update_group(self, name: str, new_name: str) -> tuple[str, int, int]:
        number = self.named_group(name)
        if self.find_group(new_name) not in (None, number):
            raise Refused("GROUP_TAKEN")
        if self.groups[number].name != kept(new_name):
            self.groups[number].name = kept(new_name)
            members = set(self.groups[number].members)
            for member in sorted(members):
                self.settle(member)
            self.journal.append(("update_group", number, sorted(members - self.groups[number].members)))
        return self.get_group(new_name)

    def delete_group(self, name: str) -> None:
        number = self.named_group(name)
        self.groups[number].name = ""
        self.groups[number].deleted = 1 + max(group.deleted for group in self.groups.values())
        self.journal.append(("delete_group", number, []))

    def join_group(self, name: str, ids: list[int], mobiles: list[int]) -> tuple[int, ...]:
        """How many joined, were there, are unknown, suppressed, and had left."""
        number = self.named_group(name)
        named, unknown = self.find_named(ids, mobiles)
        suppressed = {one for one in named if self.is_suppressed(one)}
        kept_out = {one for one in named if self.is_kept_out(one, number)}
        already = named & self.groups[number].members
        joining = named - already - suppressed - kept_out
        self.near_misses["join_group"] += len(suppressed | kept_out)
        if joining:
            self.groups[number].members |= joining
            self.journal.append(("join_group", number, sorted(joining)))
        return len(joining), len(already), unknown, len(suppressed), len(kept_out)

    def leave_group(self, name: str, ids: list[int], mobiles: list[int]) -> tuple[int, ...]:
        number = self.named_group(name)
        named, unknown = self.find_named(ids, mobiles)
        leaving = named & self.groups[number].members
        if leaving:
            self.groups[number].members -= leaving
            self.journal.append(("leave_group", number, sorted(leaving)))
        return len(leaving), len(named - leaving), unknown, 0, 0

    def purge_group(self, rows: int) -> bool:
        """One turn of the worker: some members of the group that was deleted first, or that group."""
        for number, group in sorted(self.groups.items(), key=lambda item: item[1].deleted):
            if group.deleted:
                if group.members:
                    group.members -= set(sorted(group.members)[:rows])
                else:
                    del self.groups[number]
                return True
        return False

    # ---- finding ------------------------------------------------------------------------------------

    def by_mobile(self, mobile: int) -> int | None:
        return next((number for number, found in self.contacts.items() if found["mobile"] == str(mobile)), None)

    def find(self, reference: str) -> tuple[int | None, int | None]:
        """Who has these digits as an id, and who has this mobile."""
        may_be_id = reference.isdigit() and not reference.startswith("0") and int(reference) in self.contacts
        mobile = SPELLINGS.get(reference)
        return int(reference) if may_be_id else None, self.by_mobile(mobile) if mobile else None

    def find_one(self, reference: str) -> int:
        found = {number for number in self.find(reference) if number is not None}
        if not found:
            raise Refused("CONTACT_NOT_FOUND")
        if len(found) == 2:
            raise Refused("AMBIGUOUS_CONTACT")
        return found.pop()

    def find_named(self, ids: list[int], mobiles: list[int]) -> tuple[set[int], int]:
        named = [number if number in self.contacts else None for number in set(ids)]
        named += [self.by_mobile(mobile) for mobile in set(mobiles)]
        return {number for number in named if number is not None}, named.count(None)

    def find_group(self, name: str) -> int | None:
        return next((number for number, group in self.groups.items() if folded(group.name) == folded(name)), None)

    def named_group(self, name: str) -> int:
        found = self.find_group(name)
        if found is None:
            raise Refused("GROUP_NOT_FOUND")
        return found

    def use_group(self, name: str, now: int) -> int:
        found = self.find_group(name)
        if found is None:
            found = self.next_group_id
            self.next_group_id += 1
            self.groups[found] = Group(kept(name), now)
        return found

    def put(self, number: int, contact: Contact, now: int) -> None:
        self.contacts[number] = contact
        self.updated_at[number] = now

    def show(self, number: int, include: frozenset[str]) -> Contact:
        shown = dict(self.contacts[number])
        if "groups" in include:
            inside = [group.name for group in self.groups.values() if number in group.members and not group.deleted]
            shown["groups"] = inside
        if "updated_at" in include:
            shown["updated_at"] = self.updated_at[number]
        return shown


# ---- reading ----------------------------------------------------------------------------------------


def result_of(rows: list[Row]) -> Mapping[str, Any]:
    """What a create says: a count an outcome, those that are suppressed, and the rows in their order."""
    said = [row[1] for row in rows]
    return {"counts": [*map(said.count, OUTCOMES), sum(row[5] for row in rows)], "rows": sorted(rows)}


def read_fields(given: Given) -> tuple[dict[str, Any], list[str]]:
    """The fields that were given, blank as ``None``, and the names of those that are wrong."""
    if given == []:
        given = {}
    if not isinstance(given, dict):
        return {}, [""]
    fields: dict[str, Any] = {}
    wrong: list[str] = []
    for name in TEXTS:
        if name in given:
            if is_text(given[name], most=255):
                fields[name] = (given[name] or "").strip() or None
            else:
                wrong.append(name)
    mobile = given.get("mobile")
    if isinstance(mobile, str | int) and mobile in SPELLINGS:
        fields["mobile"] = SPELLINGS[mobile]
    elif "mobile" in given and mobile is not None and mobile not in ("", "  "):
        wrong.append("mobile")
    if "attributes" in given:
        fields["attributes"] = {} if given["attributes"] == [] else given["attributes"]
        wrong += wrong_attributes(given["attributes"])
    return fields, wrong


def wrong_attributes(given: Given) -> list[str]:
    if given is None or given == []:
        return []
    if not isinstance(given, dict) or len(given) > 50:
        return ["attributes"]
    return [
        f"attributes.{name}"
        for name, value in given.items()
        if not name.strip() or not (isinstance(value, bool | int | float) or is_text(value, most=1_000))
    ]


def is_text(value: object, *, most: int) -> bool:
    return value is None or (isinstance(value, str) and len(value.strip()) <= most and "\0" not in value)


def new_contact(mobile: int, now: int) -> Contact:
    return {
        "id": None,
        "fname": None,
        "mname": None,
        "lname": None,
        "mobile": str(mobile),
        "email": None,
        "city": None,
        "company": None,
        "created_at": now,
    }


def merge(contact: Contact, fields: Mapping[str, Any]) -> Contact:
    """Given and not blank overwrites; blank or absent keeps what is there."""
    contact.update({name: fields[name] for name in TEXTS if fields.get(name) is not None})
    given = {name: value for name, value in (fields.get("attributes") or {}).items() if not is_blank(value)}
    return with_attributes(contact, {**contact.get("attributes", {}), **trimmed(given)})


def change(contact: Contact, fields: Mapping[str, Any]) -> Contact:
    """Absent keeps, blank clears; attributes merge by key, blank removes one, null all."""
    contact.update({name: fields[name] for name in TEXTS if name in fields})
    if "mobile" in fields:
        contact["mobile"] = str(fields["mobile"])
    if "attributes" not in fields:
        return contact
    given = trimmed(fields["attributes"] or {})
    kept = contact.get("attributes", {}) if fields["attributes"] is not None else {}
    return with_attributes(contact, {name: value for name, value in {**kept, **given}.items() if not is_blank(value)})


def with_attributes(contact: Contact, attributes: dict[str, Any]) -> Contact:
    contact.pop("attributes", None)
    if attributes:
        contact["attributes"] = attributes
    return contact


def trimmed(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name.strip(): value.strip() if isinstance(value, str) else value for name, value in attributes.items()}


def is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def is_same(one: Contact, other: Contact) -> bool:
    """``1``, ``1.0`` and ``true`` are three values everywhere but in Python."""
    return repr(one) == repr(other)


def name_fields(path: str, names: Iterable[str]) -> list[str]:
    return [f"{path}.{name}" if name else path for name in names]


def kept(name: str) -> str:
    """A name as it is kept: trimmed, in normal form C."""
    return unicodedata.normalize("NFC", name.strip())


def folded(name: str) -> str:
    """What names have in common that differ only in case or spacing. A deleted group has none."""
    return " ".join(unicodedata.normalize("NFC", kept(name).casefold()).split())
