"""Rows about deep pages: the last page compared with the first, and the cost of a total as the dataset grows."""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import Any

import msgspec

from bench.datasets import Dataset, Datasets, Engine
from bench.ratios import Line, at_most, interleave, median_ratio
from bench.reads import GROUP, PAGE
from bench.server import Server, run_daftari
from bench.settings import FEW_CONNECTIONS, GROUPS, SMALL_ROWS, BenchFailed, Settings
from bench.wrk import Reads, run_wrk

SLOWER_MAX = 1.3


def deep_pages_sqlite(settings: Settings, datasets: Datasets) -> list[Line]:
    """Deep pages, SQLite."""
    return _deep_pages(settings, datasets.get("SQLite", rows=settings.deep_rows), "SQLite")


def deep_pages_postgres(settings: Settings, datasets: Datasets) -> list[Line]:
    """Deep pages, PostgreSQL."""
    return _deep_pages(settings, datasets.get("PostgreSQL", rows=settings.deep_rows), "PostgreSQL")


def _deep_pages(settings: Settings, dataset: Dataset, engine: Engine) -> list[Line]:
    size = f"{dataset.rows:,}, {engine}"
    in_group = dataset.rows // GROUPS
    lines = []
    with run_daftari(database=dataset.database, key=dataset.key) as big:
        small = Server(process=big.process, port=big.port, key=dataset.small_key)
        for whose, group, total in (("everyone", "", dataset.rows), (f"a group of {in_group:,}", GROUP, in_group)):
            last = -(-total // PAGE)
            for page in (1, last):
                _check_page(big, group=group, page=page, total=total)
            sides = {"last": (big, _page(group, last)), "first": (big, _page(group, 1))}
            lines.append(_compare(settings, f"last page of {whose} of {size}", sides, of="the first's time"))
        _check_page(small, group="", page=1, total=SMALL_ROWS)
        one = "/v1/contacts?per_page=1"
        sides = {"big": (big, one), "small": (small, one)}
        what = f"total (exact) with one contact, {size}"
        lines.append(_compare(settings, what, sides, of=f"the time at {SMALL_ROWS:,}"))
    return lines


def _page(group: str, page: int) -> str:
    return f"/v1/contacts?page={page}" + (f"&group={group}" if group else "")


def _check_page(server: Server, *, group: str, page: int, total: int) -> None:
    """Raise ``BenchFailed`` when a page is wrong: it must be right before it may be fast."""
    contacts: dict[str, Any] = msgspec.json.decode(server.call("GET", _page(group, page)))["contacts"]
    count = min(PAGE, total - (page - 1) * PAGE)
    ids = [contact["id"] for contact in contacts["data"]]
    if contacts["total"] != total or len(ids) != count or ids != sorted(set(ids)):
        found = f"{contacts['total']} in all, {len(ids)} here."
        raise BenchFailed(f"Page {page} of {group or 'everyone'} is wrong: {found}")
    if contacts["from"] != (page - 1) * PAGE + 1:
        raise BenchFailed(f"Page {page} of {group or 'everyone'} begins at {contacts['from']}.")


def _compare(settings: Settings, what: str, sides: dict[str, tuple[Server, str]], *, of: str) -> Line:
    """The first side's time a request over the second's."""

    def microseconds(server: Server, path: str) -> float:
        return 1_000_000 / run_wrk(server, Reads(path=path), connections=FEW_CONNECTIONS, seconds=settings.seconds).rate

    runs = {name: partial(microseconds, *side) for name, side in sides.items()}
    times, others = interleave(runs, rounds=settings.rounds).values()
    shown = f"{median(times):,.0f} µs to {median(others):,.0f} µs"
    return at_most(what, median_ratio(times, others), SLOWER_MAX, of=of, rates=shown)
