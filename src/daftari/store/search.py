"""The search index: which contacts have which tokens, a row a token and block of ids, and what it has of each contact.

A row's contacts are one container of a roaring bitmap: as bytes they are few, and sets of them are intersected at once.
What a token is, and when the index is written, belongs to the rules.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Collection, Mapping, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace
from pyroaring import BitMap

from daftari.model.limits import ID_MAX
from daftari.store.engine import Tx, WriteTx
from daftari.store.feed import ChangeContacts

BLOCK_SHIFT = 16
"""A block holds 2 ** shift ids, as a container of a roaring bitmap does."""
BLOCK_MASK = (1 << BLOCK_SHIFT) - 1
POSTINGS_AT_ONCE = 10_000

PostingKey = tuple[int, str]
"""A block, and a token that contacts in it have."""

_HEAD = struct.Struct("<IIHHI")
_COOKIE, _OFFSET = 12346, 16
"""How roaring writes a bitmap of one container without runs: this head, then what is stored."""
_SET_BYTES = 8192
"""A container of more than 4,096 ids is a bit for each id of its block, a smaller one 16 bits for each of its ids."""
_SMALL_BYTES = 128
"""Up to so many bytes, Python's own sets are faster."""


class IndexState(Struct, frozen=True):
    """How far the index is.

    ``seq``: the last change of the feed that is in it. ``filled_to``: while it is filled, the id up to which contacts
    are in it; ``None`` when all are. ``revision`` rises with each write to it.
    """

    seq: int
    filled_to: int | None
    searchable: tuple[str, ...]
    """The attributes that it was filled with."""
    version: int
    """The way of folding that it was filled with."""
    revision: int


class Entry(Struct, frozen=True):
    """What the index holds of a contact: its number, and its words with a space between."""

    contact_id: int
    mobile: int
    words: str


class IndexChanges(Struct, frozen=True):
    """What is to be written to the index. ``gone``: what is deleted before; ``postings``: what is inserted then."""

    gone_entries: Collection[int]
    entries: Sequence[Entry]
    gone_postings: Collection[PostingKey]
    postings: Mapping[PostingKey, bytes]


_read_names = msgspec.json.Decoder(tuple[str, ...]).decode


# ---- how far it is ------------------------------------------------------------------------------------


def get_state(tx: Tx) -> IndexState | None:
    """How far the index is; ``None`` before it is begun."""
    row = tx.fetch_one(tuple[int, int | None, str, int, int], "get_search_index")
    return None if row is None else IndexState(row[0], row[1], _read_names(row[2]), *row[3:])


def get_indexed_seq(tx: Tx) -> int | None:
    """The last change of the feed that is in the index; ``None`` before it is begun."""
    state = get_state(tx)
    return None if state is None else state.seq


def save_state(tx: WriteTx, *, state: IndexState) -> None:
    """Save how far the index is, as its next revision."""
    searchable = msgspec.json.encode(state.searchable).decode()
    tx.run("save_search_index", **(asdict(replace(state, revision=state.revision + 1)) | {"searchable": searchable}))


# ---- postings -----------------------------------------------------------------------------------------


def read_posting(ids: bytes) -> BitMap:
    """The places in their block of the contacts that have a token."""
    if len(ids) & 1:
        # Only a container of runs has an odd number of bytes, and it is stored with its head.
        return BitMap.deserialize(ids)
    count = len(ids) // 2 if len(ids) < _SET_BYTES else int.from_bytes(ids, "little").bit_count()
    return BitMap.deserialize(_HEAD.pack(_COOKIE, 1, 0, count - 1, _OFFSET) + ids)


def write_posting(places: BitMap) -> bytes:
    """Places in a block as they are stored; there is at least one."""
    places.run_optimize()
    written: bytes = places.serialize()
    return written[_OFFSET:] if written.startswith(_COOKIE.to_bytes(4, "little")) else written


def change_posting(stored: bytes | None, *, joined: Sequence[int], left: Collection[int]) -> bytes:
    """A row's ids with other places in its block; empty when none is left."""
    before = stored or b""
    if len(before) + 2 * len(joined) <= _SMALL_BYTES and not len(before) & 1:
        places = {*array("H", before), *joined}
        if left:
            places.difference_update(left)
        return array("H", sorted(places)).tobytes()
    known = read_posting(before) if before else BitMap()
    known |= BitMap(array("I", joined))
    if left:
        known -= BitMap(array("I", left))
    return write_posting(known) if known else b""


def find_postings(tx: Tx, *, keys: Sequence[PostingKey]) -> dict[PostingKey, bytes]:
    """The rows of some tokens in some blocks."""
    rows = tx.fetch(tuple[int, str, bytes], "find_postings", keys=keys) if keys else []
    return {(block, token): bytes(ids) for block, token, ids in rows}


def list_block_postings(tx: Tx, *, block: int) -> dict[str, bytes]:
    """Every row of a block, by token."""
    found: dict[str, bytes] = {}
    after = ""
    while rows := tx.fetch(
        tuple[str, bytes], "list_block_postings", block=block, after_token=after, limit=POSTINGS_AT_ONCE
    ):
        found |= {token: bytes(ids) for token, ids in rows}
        after = rows[-1][0]
    return found


# ---- entries ------------------------------------------------------------------------------------------


def find_entries(tx: Tx, *, ids: Sequence[int]) -> dict[int, Entry]:
    """What the index holds of some contacts, by id."""
    rows = tx.fetch(Entry, "find_search_entries", ids=ids) if ids else []
    return {entry.contact_id: entry for entry in rows}


def list_entries(tx: Tx, *, first: int, last: int) -> list[Entry]:
    """What the index holds of contacts from one id to another, in order."""
    return tx.fetch(Entry, "list_search_entries", first=first, last=last)


def list_used_blocks(tx: Tx) -> set[int]:
    """The blocks that the index has rows for."""
    blocks: set[int] = set()
    block: int | None = -1
    while (block := tx.fetch_one(int, "find_block_after", after=block)) is not None:
        blocks.add(block)
    contact_id: int | None = -1
    while (contact_id := tx.fetch_one(int, "find_search_entry_after", after=contact_id)) is not None:
        blocks.add(contact_id >> BLOCK_SHIFT)
        contact_id |= BLOCK_MASK
    return blocks


def write_index(tx: WriteTx, *, changes: IndexChanges) -> None:
    """Write to the index."""
    project = tx.project.id
    if changes.gone_entries:
        tx.run("delete_search_entries", ids=[*changes.gone_entries])
    if changes.entries:
        tx.insert_many(
            "search_entry", [(project, entry.contact_id, entry.mobile, entry.words) for entry in changes.entries]
        )
    if changes.gone_postings:
        tx.run("delete_postings", keys=[*changes.gone_postings])
    if changes.postings:
        tx.insert_many("search_posting", [(project, *key, ids) for key, ids in changes.postings.items()])


# ---- the book and the feed, as the index needs them -----------------------------------------------------


def find_ids_by_prefix(tx: Tx, *, digits: str, longest: int) -> list[int]:
    """The ids of the contacts whose numbers begin with some digits and have at most ``longest``."""
    lowest = int(digits)
    found: list[int] = []
    for more in range(longest - len(digits) + 1):
        first, last = lowest * 10**more, (lowest + 1) * 10**more - 1
        if last <= ID_MAX:
            found += tx.fetch(int, "find_ids_by_mobiles_between", first=first, last=last)
    return found


def list_newest_changes(tx: Tx, *, after: int, before: int, limit: int) -> list[ChangeContacts]:
    """At most ``limit`` changes of contacts between two numbers, the newest first."""
    return tx.fetch(ChangeContacts, "list_contact_changes", after=after, before=before, limit=limit)


def get_change_time(tx: Tx, *, seq: int) -> int | None:
    """When a change was made; ``None`` when it is no longer kept."""
    return tx.fetch_one(int, "get_change_time", seq=seq)
