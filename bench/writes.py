"""Rows about writing: bulk creates compared with bare inserts and the peer, and small creates during bulk creates."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from statistics import median

from bench.datasets import Datasets, Engine
from bench.inserts import run_inserts
from bench.ratios import Line, at_least, interleave, median_ratio, remark, show_rate
from bench.reads import run_peer
from bench.server import FIRST_NEW, Server, run_daftari
from bench.settings import FEW_CONNECTIONS, Settings
from bench.wrk import Creates, finish_wrk, run_wrk, start_wrk

ROWS = 1_000
ROWS_MANY = 10_000
RATE_MAX = 250_000
"""Rows a second that no side reaches: so many numbers are set aside for each second of a run."""
GROUP = "new"
SMALL_WORKERS = 3
SMALL_WRITERS = 8
SMALL_P99_MS = 150.0


def create_sqlite(settings: Settings, datasets: Datasets) -> list[Line]:
    """Create into a group, SQLite."""
    rates = _create(settings, datasets, "SQLite")
    what, many = _works("SQLite")
    return [
        at_least(what, _ratio(rates, "ours", "bare"), 0.7, of="(c)", rates=_show(rates, "ours", "bare")),
        at_least(what, _ratio(rates, "ours", "peer"), 2, of="(b)", rates=_show(rates, "ours", "peer")),
        at_least(many, _ratio(rates, "many", "ours"), 1.3, of="1,000 a call", rates=_show(rates, "many", "ours")),
        _remark(f"{many}, compared with (c)", rates, "many", "bare many"),
    ]


def create_postgres(settings: Settings, datasets: Datasets) -> list[Line]:
    """Create into a group, PostgreSQL."""
    rates = _create(settings, datasets, "PostgreSQL")
    what, many = _works("PostgreSQL")
    return [
        at_least(what, _ratio(rates, "ours", "peer"), 2, of="(b)", rates=_show(rates, "ours", "peer")),
        _remark(f"{what}, compared with (c)", rates, "ours", "bare"),
        _remark(f"{many}, compared with 1,000 a call", rates, "many", "ours"),
        _remark(f"{many}, compared with (c)", rates, "many", "bare many"),
    ]


def _create(settings: Settings, datasets: Datasets, engine: Engine) -> dict[str, list[float]]:
    """Rows a second of each side, a round an item."""
    dataset = datasets.get(engine, rows=settings.rows)
    ours_database, bare_database = (datasets.copy(dataset, to=to).database for to in ("ours", "bare"))
    peer_database = datasets.peer(engine, rows=settings.rows, to="peer")
    with ExitStack() as stack:
        ours = stack.enter_context(run_daftari(database=ours_database, key=dataset.key))
        peer = stack.enter_context(run_peer(peer_database))
        sides = {
            "ours": create_rate(ours, rows=ROWS, seconds=settings.seconds),
            "bare": _bare_rate(settings, bare_database, rows=ROWS, first=FIRST_NEW),
            # Longer, so that the call that is cut off at the end weighs little.
            "many": create_rate(ours, rows=ROWS_MANY, seconds=settings.seconds * 2),
            "bare many": _bare_rate(settings, bare_database, rows=ROWS_MANY, first=FIRST_NEW + 40_000_000),
            "peer": create_rate(peer, rows=ROWS, seconds=settings.seconds),
        }
        return interleave(sides, rounds=settings.rounds)


def create_rate(server: Server, *, rows: int, seconds: float) -> Callable[[], float]:
    """A run that returns rows a second over HTTP."""

    def run() -> float:
        work = _new_contacts(server, rows=rows, seconds=seconds)
        return run_wrk(server, work, connections=FEW_CONNECTIONS, seconds=seconds).rate * rows

    return run


def _bare_rate(settings: Settings, database: str, *, rows: int, first: int) -> Callable[[], float]:
    def run() -> float:
        nonlocal first
        inserted = run_inserts(database, rows=rows, first=first, seconds=settings.seconds)
        first = inserted.next
        return inserted.rate

    return run


def _new_contacts(server: Server, *, rows: int, seconds: float) -> Creates:
    first, last = server.take_numbers(round(RATE_MAX * seconds))
    return Creates(rows=rows, group=GROUP, first=first, last=last)


def _works(engine: Engine) -> tuple[str, str]:
    return f"create {ROWS:,} a call into a group, {engine}, rows", f"create {ROWS_MANY:,} a call, {engine}, rows"


def _ratio(rates: dict[str, list[float]], one: str, other: str) -> float:
    return median_ratio(rates[one], rates[other])


def _show(rates: dict[str, list[float]], one: str, other: str) -> str:
    return f"{show_rate(median(rates[one]))} to {show_rate(median(rates[other]))}"


def _remark(what: str, rates: dict[str, list[float]], one: str, other: str) -> Line:
    return remark(what, f"{_ratio(rates, one, other):.2f} × ({_show(rates, one, other)})")


def small_creates(settings: Settings, datasets: Datasets) -> list[Line]:
    """Small creates by several processes while one client writes in bulk without a pause."""
    dataset = datasets.copy(datasets.get("SQLite", rows=settings.rows), to="small_creates")
    with run_daftari(database=dataset.database, key=dataset.key, workers=SMALL_WORKERS) as server:
        return [_small_creates(settings, server, rows=rows) for rows in (ROWS, ROWS_MANY)]


def _small_creates(settings: Settings, server: Server, *, rows: int) -> Line:
    seconds = settings.seconds * 3
    bulk_work = _new_contacts(server, rows=rows, seconds=seconds + 1)
    small_work = _new_contacts(server, rows=1, seconds=1)
    bulk = start_wrk(server=server, work=bulk_work, connections=1, seconds=seconds + 1)
    small = start_wrk(server=server, work=small_work, connections=SMALL_WRITERS, seconds=seconds)
    small_measured = finish_wrk(small, work=small_work, refusals_allowed=True)
    bulk_measured = finish_wrk(bulk, work=bulk_work, refusals_allowed=True)
    p99 = small_measured.p99 / 1000
    busy = small_measured.busy + bulk_measured.busy
    refused = small_measured.refused + bulk_measured.refused
    rates = f"{show_rate(small_measured.rate)} small, {show_rate(bulk_measured.rate * rows)} rows in bulk"
    return Line(
        what=f"{SMALL_WRITERS} writers of one contact during one of {rows:,} a call, {SMALL_WORKERS} processes",
        goal=f"p99 ≤ {SMALL_P99_MS:.0f} ms, no 503",
        measured=f"p99 {p99:.0f} ms, longest {small_measured.longest / 1000:.0f} ms, {busy} × 503,"
        f" {refused} refused ({rates})",
        met=p99 <= SMALL_P99_MS and refused == 0,
    )
