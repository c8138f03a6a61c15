"""Rows about depth: the last page beside the first, and what a total costs as the book grows."""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from bench.data import Book, Books
from bench.load import Reads, run_wrk
from bench.people import group_name
from bench.plan import GROUPS, SMALL_ROWS, BenchFailed, Plan
from bench.rounds import Line, at_most, interleave, median_ratio
from bench.server import Server, run_daftari

PAGE = 1_000
GROUP = group_name(7)
FLAT_MAX = 1.3
CONNECTIONS = 4


def depth_sqlite(plan: Plan, books: Books) -> list[Line]:
    """Depth, SQLite."""
    return _depth(plan, books.sqlite(plan.depth_rows), engine="SQLite")


def depth_postgres(plan: Plan, books: Books) -> list[Line]:
    """Depth, PostgreSQL."""
    return _depth(plan, books.on_postgres(plan.depth_rows), engine="PostgreSQL")


def _depth(plan: Plan, book: Book, *, engine: str) -> list[Line]:
    with run_daftari(plan, database=book.database, key=book.key) as big:
        small = Server(process=big.process, port=big.port, key=book.small_key)
        lines = []
        for who, group, total in (
            ("everyone", "", book.rows),
            (f"a group of {book.rows // GROUPS:,}", GROUP, book.rows // GROUPS),
        ):
            last = -(-total // PAGE)
            for page in (1, last):
                _check_page(big, group=group, page=page, total=total)
            times = _times(plan, {"last": (big, _page(group, last)), "first": (big, _page(group, 1))})
            what = f"last page of {who} of {book.rows:,}, {engine}"
            lines.append(_flat(what, times["last"], times["first"], of="the first's time"))
        _check_page(small, group="", page=1, total=SMALL_ROWS)
        one = "/v1/contacts?per_page=1"
        times = _times(plan, {"big": (big, one), "small": (small, one)})
        what = f"total (exact) with one contact, {book.rows:,}, {engine}"
        lines.append(_flat(what, times["big"], times["small"], of=f"the time at {SMALL_ROWS:,}"))
    return lines


def _page(group: str, page: int) -> str:
    return f"/v1/contacts?page={page}" + (f"&group={group}" if group else "")


def _check_page(server: Server, *, group: str, page: int, total: int) -> None:
    """The page must be right before it may be fast."""
    answer: dict[str, Any] = msgspec.json.decode(server.get(_page(group, page)))
    contacts = answer["contacts"]
    count = min(PAGE, total - (page - 1) * PAGE)
    ids = [contact["id"] for contact in contacts["data"]]
    if contacts["total"] != total or len(ids) != count or ids != sorted(set(ids)):
        raise BenchFailed(
            f"Page {page} of {group or 'everyone'} is wrong: {contacts['total']} in all, {len(ids)} here."
        )
    if contacts["from"] != (page - 1) * PAGE + 1:
        raise BenchFailed(f"Page {page} of {group or 'everyone'} begins at {contacts['from']}.")


def _times(plan: Plan, sides: dict[str, tuple[Server, str]]) -> dict[str, list[float]]:
    """Microseconds of server time a request, by turns."""

    def turn(server: Server, path: str) -> float:
        return 1_000_000 / run_wrk(plan, server=server, work=Reads(path=path), connections=CONNECTIONS).rate

    return interleave({name: partial(turn, *side) for name, side in sides.items()}, rounds=plan.rounds)


def _flat(what: str, deep: list[float], shallow: list[float], *, of: str) -> Line:
    shown = f"{sorted(deep)[len(deep) // 2]:,.0f} µs to {sorted(shallow)[len(shallow) // 2]:,.0f} µs"
    return at_most(what, median_ratio(deep, shallow), FLAT_MAX, of=of, rates=shown)
