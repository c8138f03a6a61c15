"""What handlers get: bodies that are written from one snapshot, whatever happens to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest

from daftari.model.time import current_time
from daftari.rules.access.keys import find_key
from daftari.store import Store, Tx
from daftari.web.errors import render_json
from daftari.web.params import decode
from daftari.web.requests import AppContext, Request
from daftari.web.spool import ResponseSpool
from tests.conftest import People
from tests.support.stores import open_store


def request_of(store: Store, api_key: str) -> Request:
    """A request with a key. What is tested here does not look at its head."""
    now = current_time()
    access = store.system_read(now, find_key, api_key=api_key)
    context = AppContext(store, render_json, public_url=None, version="1")
    return Request(context, cast(Any, None), params=decode("", None, b""), now=now, access=access)


def test_a_spooled_body_has_what_the_rule_wrote_and_its_result(store: Store, people: People) -> None:
    request = request_of(store, people.ana)
    spool, result = request.spool(lambda tx, spool: (spool.write(b"of "), spool.write(tx.project.name.encode())))
    assert result == (None, None)
    assert (spool.length, Path(spool.path).read_bytes()) == (10, b"of Shopify")
    spool.close()


def test_a_spool_that_cannot_be_filled_leaves_no_file(store: Store, people: People) -> None:
    made: list[ResponseSpool] = []

    def fail(tx: Tx, spool: ResponseSpool) -> None:
        made.append(spool)
        raise RuntimeError("the rule failed")

    with pytest.raises(RuntimeError):
        request_of(store, people.ana).spool(fail)
    with pytest.raises(ValueError, match="closed"):
        made[0].write(b"more")


def test_a_body_whose_snapshot_was_lost_is_written_from_its_beginning(
    new_database: Callable[[str], str], introduce: Callable[[Store], People]
) -> None:
    """Only PostgreSQL takes a snapshot away, as a standby server does when its primary removes the rows."""
    store = open_store(new_database("postgres"), threads=1)
    people = introduce(store)
    tries: list[int] = []

    def write(tx: Tx, spool: ResponseSpool) -> None:
        tries.append(spool.length)
        spool.write(b"everything")
        if len(tries) == 1:
            raise psycopg.errors.SerializationFailure("canceling statement due to conflict with recovery")

    spool, _ = request_of(store, people.ana).spool(write)
    assert (tries, Path(spool.path).read_bytes()) == ([0, 0], b"everything")
    spool.close()
    store.close()
