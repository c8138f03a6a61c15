"""The rows of an export by format: the cells of a table, a line of NDJSON, a vCard record.

A batch has the cards as they are served and, in the same order, what goes with each. Groups come in few combinations,
so what is made of a combination is cached. No transaction, no file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec
from msgspec import Raw, Struct

from daftari.model.consent import ANY, Fact, FactKind, Source
from daftari.model.time import format_time
from daftari.rules.consent.state import TEAM_SOURCES, is_single, without_retracted

Cell = str | int | float | bool | None

COLUMNS = (
    *("id", "fname", "mname", "lname", "mobile", "email", "city", "company", "created_at"),
    *("groups", "attributes"),
)
"""The header of a table; one with consent has another column of that name."""
CONSENT = "consent"
GROUPS_JOINT = "; "
SETS_REMEMBERED_MAX = 10_000
"""Sets of groups of which what is written is remembered."""

_MOBILE = COLUMNS.index("mobile")
_encode = msgspec.json.encode


class ContactRows(Struct, frozen=True, gc=False):
    """Some contacts in order of id: their cards, the names of their groups, and their consent when it was asked for.

    Consent is a JSON array of facts; ``None`` where nothing is known.
    """

    cards: Sequence[str]
    groups: Sequence[tuple[str, ...]]
    consent: Sequence[str | None] | None

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.cards)


class NumberRows(Struct, frozen=True, gc=False):
    """Some numbers that no contact has, with their consent."""

    mobiles: Sequence[int]
    consent: Sequence[str]

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.mobiles)


ExportRows = ContactRows | NumberRows


class WrittenFact(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A fact as an export has it: what is any, blank, false or unknown is absent. ``evidence`` is a JSON object.

    The ``keyword`` of a group that was left is the group's folded name.
    """

    kind: FactKind
    channel: str = ANY
    sender: str = ANY
    purpose: str = ANY
    at: str
    source: Source
    keyword: str = ""
    single: bool = False
    override: bool = False
    evidence: Raw | None = None


class _Cells(Struct, gc=False):
    """A card as it is read for a table: its attributes stay the text that they are."""

    id: int
    fname: str | None
    mname: str | None
    lname: str | None
    mobile: str
    email: str | None
    city: str | None
    company: str | None
    created_at: str
    attributes: Raw = Raw()


_read_cells = msgspec.json.Decoder(_Cells).decode


# ---- tables -----------------------------------------------------------------------------------------


def columns_of(*, with_consent: bool) -> tuple[str, ...]:
    """The header of a table."""
    return (*COLUMNS, CONSENT) if with_consent else COLUMNS


def to_cells(rows: ExportRows) -> list[list[Cell]]:
    """The rows of a table, with the columns of ``columns_of``."""
    if isinstance(rows, NumberRows):
        before, after = [None] * _MOBILE, [None] * (len(COLUMNS) - _MOBILE - 1)
        return [[*before, str(mobile), *after, said] for mobile, said in zip(rows.mobiles, rows.consent, strict=True)]
    # One loop, and nothing called in it that is not C: a table of a million is made here.
    cells: list[list[Cell]] = [
        [
            card.id, card.fname, card.mname, card.lname, card.mobile, card.email, card.city, card.company,
            card.created_at, names, str(card.attributes, "utf-8") if card.attributes else None,
        ]
        for card, names in zip(map(_read_cells, rows.cards), map(group_cell, rows.groups), strict=True)
    ]  # fmt: skip
    for row, said in zip(cells, rows.consent or (), strict=bool(rows.consent)):
        row.append(said)
    return cells


@lru_cache(maxsize=SETS_REMEMBERED_MAX)
def group_cell(names: tuple[str, ...]) -> str | None:
    """The names of groups in one cell: with semicolons between, or as JSON where that would be ambiguous."""
    if not names:
        return None
    if any(";" in name or " ::: " in name or name.startswith(("[", "* ")) for name in names):
        return _encode(names).decode()
    return GROUPS_JOINT.join(names)


# ---- records ----------------------------------------------------------------------------------------


def to_lines(rows: ExportRows) -> list[str]:
    """A JSON object each: the card as it is served, then ``groups`` and ``consent`` where there are any."""
    if isinstance(rows, NumberRows):
        return [
            f'{{"mobile":"{mobile}","consent":{said}}}' for mobile, said in zip(rows.mobiles, rows.consent, strict=True)
        ]
    if rows.consent is None:
        return [card[:-1] + tail for card, tail in zip(rows.cards, map(_tail, rows.groups), strict=True)]
    return [
        card[:-1] + (_tail(names) if said is None else f'{_tail(names)[:-1]},"consent":{said}}}')
        for card, names, said in zip(rows.cards, rows.groups, rows.consent, strict=True)
    ]


@lru_cache(maxsize=SETS_REMEMBERED_MAX)
def _tail(names: tuple[str, ...]) -> str:
    """What stands after a card's own members."""
    return f',"groups":{_encode(names).decode()}}}' if names else "}"


def to_records(rows: ExportRows) -> list[dict[str, object]]:
    """A card's members and its groups, for what is no table; consent has no place in it."""
    if isinstance(rows, NumberRows):
        return []
    return [
        {**msgspec.json.decode(card), "groups": list(names)}
        for card, names in zip(rows.cards, rows.groups, strict=True)
    ]


# ---- consent ----------------------------------------------------------------------------------------


def write_facts(facts: Sequence[Fact], *, group_names: Mapping[int, str]) -> str | None:
    """A JSON array of the facts of a number that hold, in the order of recording; ``None`` when there is none.

    ``group_names``: the folded names that the groups have now. One that was renamed after a person left it stays left
    under both of its names.
    """
    written = [each for fact in without_retracted(facts) for each in _written(fact, group_names)]
    return _encode(written).decode() if written else None


def _written(fact: Fact, group_names: Mapping[int, str]) -> Iterable[WrittenFact]:
    keywords = [fact.keyword]
    if fact.kind == "left_group" and fact.group_id is not None:
        keywords.append(group_names.get(fact.group_id, fact.keyword))
    scope = fact.scope
    for keyword in dict.fromkeys(keywords):
        yield WrittenFact(
            kind=fact.kind,
            channel=scope.channel,
            sender=scope.sender,
            purpose=scope.purpose,
            at=format_time(fact.at),
            source=fact.source,
            keyword=keyword,
            single=is_single(fact),
            override=fact.override and fact.source not in TEAM_SOURCES,
            evidence=None if fact.evidence is None else Raw(fact.evidence.encode()),
        )
