"""Who tried to bring back people who opted out, for people to read: with the names of keys, users and files. No SQL."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from daftari.rules.people.person import Authors, find_authors
from daftari.store import Tx, consent, imports
from daftari.store.consent import NearMiss

NAMED_MAX = 100
"""Sources that are shown."""
OF_NUMBER_MAX = 20
"""Of one number."""


class NearMisses(Struct, frozen=True):
    """The sources, those with the most tries first. ``files``: the names of imports, by id."""

    misses: list[NearMiss]
    authors: Authors
    files: dict[int, str]


class _Named(Struct):
    name: str = ""


_read_name = msgspec.json.Decoder(_Named).decode


def list_near_misses(tx: Tx) -> NearMisses:
    """The sources with the most tries."""
    return _name(tx, consent.list_near_misses(tx, limit=NAMED_MAX))


def list_near_misses_of(tx: Tx, *, mobile: int) -> NearMisses:
    """Who tried to bring back a number, the last first."""
    return _name(tx, consent.list_number_near_misses(tx, mobile=mobile, limit=OF_NUMBER_MAX))


def _name(tx: Tx, misses: list[NearMiss]) -> NearMisses:
    authors = find_authors(
        tx,
        user_ids={miss.user_id for miss in misses if miss.user_id is not None},
        key_ids={miss.key_id for miss in misses if miss.key_id is not None},
    )
    files = {}
    for import_id in {miss.import_id for miss in misses if miss.import_id is not None}:
        kept = imports.get_import(tx, import_id=import_id)
        if kept is not None and (name := _read_name(kept.settings).name):
            files[import_id] = name
    return NearMisses(misses, authors, files)
