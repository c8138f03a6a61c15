"""Rows about writing: bulk creates beside bare inserts and the peer, and small creates beside a bulk writer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from statistics import median

from bench.bare import run_bare
from bench.data import Book, Books
from bench.load import Creates, finish_wrk, run_wrk, start_wrk
from bench.plan import Plan
from bench.reads import run_peer
from bench.rounds import Line, at_least, interleave, median_ratio, remark, shown_rate
from bench.server import FIRST_FRESH, Server, run_daftari

ROWS = 1_000
ROWS_MANY = 10_000
RATE_MAX = 250_000
"""Rows a second that no side reaches: so many numbers are set aside for each second of a run."""
GROUP = "fresh"
BESIDE_WORKERS = 3
BESIDE_WRITERS = 8
BESIDE_P99_MS = 150.0


def create_sqlite(plan: Plan, books: Books) -> list[Line]:
    """Create into a group, SQLite."""
    return _create(
        plan,
        books,
        engine="SQLite",
        book=books.sqlite(plan.rows),
        peers={"peer": (books.peer_sqlite(to="peer"), "rows")},
        bare_goal=0.7,
    )


def create_postgres(plan: Plan, books: Books) -> list[Line]:
    """Create into a group, PostgreSQL."""
    peers = {
        "peer": (books.peer_postgres(to="peer"), "rows"),
        "arrays": (books.peer_postgres(to="arrays"), "arrays"),
    }
    return _create(plan, books, engine="PostgreSQL", book=books.on_postgres(plan.rows), peers=peers, bare_goal=None)


def _create(
    plan: Plan,
    books: Books,
    *,
    engine: str,
    book: Book,
    peers: dict[str, tuple[str, str]],
    bare_goal: float | None,
) -> list[Line]:
    ours_book, bare_book = books.copy(book, to="ours"), books.copy(book, to="bare")
    with ExitStack() as stack:
        ours = stack.enter_context(run_daftari(plan, database=ours_book.database, key=book.key))
        sides = {
            "ours": _rows_rate(plan, ours, rows=ROWS),
            "bare": _bare_rate(plan, bare_book, rows=ROWS),
            "many": _rows_rate(plan, ours, rows=ROWS_MANY),
            "bare many": _bare_rate(plan, bare_book, rows=ROWS_MANY, skip=40_000_000),
        }
        for name, (database, bulk) in peers.items():
            peer = stack.enter_context(run_peer(plan, database=database, totals="handed", bulk=bulk))
            sides[name] = _rows_rate(plan, peer, rows=ROWS)
        rates = interleave(sides, rounds=plan.rounds)
    what = f"create {ROWS:,} a call into a group, {engine}, rows"
    bare = _shown(rates, "ours", "bare")
    lines = [
        at_least(what, median_ratio(rates["ours"], rates["peer"]), 2, of="(b)", rates=_shown(rates, "ours", "peer"))
    ]
    if "arrays" in rates:
        ratio = median_ratio(rates["ours"], rates["arrays"])
        shown = f"{ratio:.2f} × ({_shown(rates, 'ours', 'arrays')})"
        lines.append(remark(f"{what}, beside (b) with an array a column", shown))
    ratio = median_ratio(rates["ours"], rates["bare"])
    if bare_goal is None:
        lines.append(remark(f"{what}, beside (c)", f"{ratio:.2f} × ({bare})"))
    else:
        lines.insert(0, at_least(what, ratio, bare_goal, of="(c)", rates=bare))
    faster = median_ratio(rates["many"], rates["ours"])
    many = f"create {ROWS_MANY:,} a call, {engine}, rows"
    shown = _shown(rates, "many", "ours")
    if bare_goal is None:
        lines.append(remark(f"{many}, beside 1,000 a call", f"{faster:.2f} × ({shown})"))
    else:
        lines.append(at_least(many, faster, 1.3, of="1,000 a call", rates=shown))
    ratio = median_ratio(rates["many"], rates["bare many"])
    lines.append(remark(f"{many}, beside (c)", f"{ratio:.2f} × ({_shown(rates, 'many', 'bare many')})"))
    return lines


def _shown(rates: dict[str, list[float]], one: str, other: str) -> str:
    return f"{shown_rate(median(rates[one]))} to {shown_rate(median(rates[other]))}"


def _rows_rate(plan: Plan, server: Server, *, rows: int) -> Callable[[], float]:
    """Rows a second over HTTP; long calls get longer runs, so that the one cut off at the end weighs little."""
    seconds = plan.seconds * (2 if rows > ROWS else 1)

    def turn() -> float:
        work = _fresh(server, rows=rows, seconds=seconds)
        return run_wrk(plan, server=server, work=work, connections=plan.few_connections, seconds=seconds).rate * rows

    return turn


def _fresh(server: Server, *, rows: int, seconds: float) -> Creates:
    first, last = server.take_numbers(round(RATE_MAX * seconds))
    return Creates(rows=rows, group=GROUP, first=first, last=last)


def _bare_rate(plan: Plan, book: Book, *, rows: int, skip: int = 0) -> Callable[[], float]:
    numbers = [FIRST_FRESH + skip]

    def turn() -> float:
        poured = run_bare(plan, book=book, rows=rows, first=numbers[0])
        numbers[0] = poured.next
        return poured.rate

    return turn


def beside_bulk(plan: Plan, books: Books) -> list[Line]:
    """Small creates by several processes while one client writes in bulk without a pause."""
    book = books.copy(books.sqlite(plan.rows), to="beside")
    with run_daftari(plan, database=book.database, key=book.key, workers=BESIDE_WORKERS) as server:
        return [line for rows in (ROWS, ROWS_MANY) for line in _beside(plan, server, rows=rows)]


def _beside(plan: Plan, server: Server, *, rows: int) -> list[Line]:
    seconds = plan.seconds * 3
    bulk_work = _fresh(server, rows=rows, seconds=seconds + 1)
    small_work = _fresh(server, rows=1, seconds=1)
    bulk = start_wrk(server=server, work=bulk_work, connections=1, seconds=seconds + 1)
    small = start_wrk(server=server, work=small_work, connections=BESIDE_WRITERS, seconds=seconds)
    small_measured = finish_wrk(small, work=small_work, refusals_allowed=True)
    bulk_measured = finish_wrk(bulk, work=bulk_work, refusals_allowed=True)
    p99 = small_measured.p99 / 1000
    busy = small_measured.busy + bulk_measured.busy
    refused = small_measured.refused + bulk_measured.refused
    rates = f"{shown_rate(small_measured.rate)} small, {shown_rate(bulk_measured.rate * rows)} rows in bulk"
    what = f"{BESIDE_WRITERS} writers of one contact beside one of {rows:,} a call, {BESIDE_WORKERS} processes"
    return [
        Line(
            what=what,
            goal=f"p99 ≤ {BESIDE_P99_MS:.0f} ms, no 503",
            measured=f"p99 {p99:.0f} ms, longest {small_measured.longest / 1000:.0f} ms, {busy} × 503,"
            f" {refused} refused ({rates})",
            met=p99 <= BESIDE_P99_MS and refused == 0,
        )
    ]
