"""Rows about reading: one contact, and a page of 1,000, beside the limit and the peer."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from statistics import median

from bench.data import Book, Books
from bench.limit import DOORS_OWN, find_fastest, keep_answer, run_limit
from bench.load import Measured, Reads, run_wrk
from bench.peerbook import KEY as PEER_KEY
from bench.people import group_name
from bench.plan import GROUPS, Plan
from bench.rounds import Line, at_least, at_most, interleave, median_ratio, remark, shown_rate
from bench.server import Server, free_port, run_daftari, run_server

PAGE = 1_000
GROUP = group_name(7)


@contextmanager
def run_peer(plan: Plan, *, database: str, totals: str, bulk: str) -> Iterator[Server]:
    """The peer over its book, with as many workers as Daftari."""
    port = free_port()
    command = [
        sys.executable, "-m", "bench.peer", "--database", database, "--totals", totals, "--bulk", bulk,
        "--port", str(port), "--workers", str(plan.workers),
    ]  # fmt: skip
    with run_server(name="peer", command=command, port=port, key=PEER_KEY, path="/v1/contacts/1") as server:
        yield server


def get_sqlite(plan: Plan, books: Books) -> list[Line]:
    """Get one, SQLite."""
    work = Reads(path="/v1/contacts/{n}", range=plan.rows)
    book = books.sqlite(plan.rows)
    with ExitStack() as stack:
        ours = stack.enter_context(run_daftari(plan, database=book.database, key=book.key))
        answer = keep_answer(ours, f"/v1/contacts/{plan.rows // 2}", name="get")
        setting = find_fastest(plan, answer=answer, work=work, connections=plan.connections)
        limit = stack.enter_context(run_limit(answer=answer, setting=setting))
        bare = stack.enter_context(run_limit(answer=answer, setting=DOORS_OWN))
        peer = stack.enter_context(run_peer(plan, database=books.peer_sqlite(), totals="handed", bulk="rows"))
        sides = {"ours": (ours, work), "limit": (limit, work), "bare": (bare, work), "peer": (peer, work)}
        measured = _measure(plan, sides, connections=plan.connections)
    rates = {name: [each.rate for each in rounds] for name, rounds in measured.items()}
    p99 = {name: [float(each.p99) for each in rounds] for name, rounds in measured.items()}
    return [
        _rates_at_least("get one, SQLite", measured, "limit", 0.4, of="(a)"),
        _rates_at_least("get one, SQLite", measured, "peer", 8, of="(b)"),
        at_most(
            "its p99 under load",
            median_ratio(p99["ours"], p99["limit"]),
            3,
            of="(a)'s",
            rates=f"{median(p99['ours']) / 1000:.2f} ms to {median(p99['limit']) / 1000:.2f} ms",
        ),
        remark("(a) at its fastest", str(setting)),
        remark(
            "the same callable at the door's own interface, RSGI",
            f"{median_ratio(rates['bare'], rates['limit']):.2f} × (a); "
            f"Daftari {median_ratio(rates['ours'], rates['bare']):.2f} × that",
        ),
    ]


def list_sqlite(plan: Plan, books: Books) -> list[Line]:
    """A page of 1,000, SQLite."""
    book = books.sqlite(plan.rows)
    everyone, group = _pages(plan, for_peer=False)
    with ExitStack() as stack:
        ours = stack.enter_context(run_daftari(plan, database=book.database, key=book.key))
        answers = [
            keep_answer(ours, f"/v1/contacts?page={_middle(everyone)}", name="list"),
            keep_answer(ours, f"/v1/contacts?page={_middle(group)}&group={GROUP}", name="list-group"),
        ]
        setting = find_fastest(plan, answer=answers[0], work=everyone, connections=plan.few_connections)
        limits = [stack.enter_context(run_limit(answer=each, setting=setting)) for each in answers]
        peers = _run_peers(stack, plan, database=books.peer_sqlite())
        lines: list[Line] = []
        for number, (who, goal) in enumerate((("everyone", 0.25), ("a group", 0.15))):
            work = (everyone, group)[number]
            sides = {"ours": (ours, work), "limit": (limits[number], work), **_peer_sides(plan, peers, number)}
            measured = _measure(plan, sides, connections=plan.few_connections)
            what = f"page of 1,000 of {who}, SQLite"
            lines.append(_rates_at_least(what, measured, "limit", goal, of="(a)"))
            lines += _against_peers(what, measured, 8)
    return [*lines, remark("(a) at its fastest", str(setting))]


def get_postgres(plan: Plan, books: Books) -> list[Line]:
    """Get one, PostgreSQL."""
    work = Reads(path="/v1/contacts/{n}", range=plan.rows)
    book = books.on_postgres(plan.rows)
    with ExitStack() as stack:
        ours = stack.enter_context(run_daftari(plan, database=book.database, key=book.key))
        peer = stack.enter_context(run_peer(plan, database=books.peer_postgres(), totals="handed", bulk="rows"))
        measured = _measure(plan, {"ours": (ours, work), "peer": (peer, work)}, connections=plan.connections)
    return [_rates_at_least("get one, PostgreSQL", measured, "peer", 4, of="(b)")]


def list_postgres(plan: Plan, books: Books) -> list[Line]:
    """A page of 1,000, PostgreSQL."""
    book: Book = books.on_postgres(plan.rows)
    works = _pages(plan, for_peer=False)
    lines: list[Line] = []
    with ExitStack() as stack:
        ours = stack.enter_context(run_daftari(plan, database=book.database, key=book.key))
        peers = _run_peers(stack, plan, database=books.peer_postgres())
        for number, who in enumerate(("everyone", "a group")):
            sides = {"ours": (ours, works[number]), **_peer_sides(plan, peers, number)}
            measured = _measure(plan, sides, connections=plan.few_connections)
            lines += _against_peers(f"page of 1,000 of {who}, PostgreSQL", measured, 6)
    return lines


def _run_peers(stack: ExitStack, plan: Plan, *, database: str) -> dict[str, Server]:
    return {
        totals: stack.enter_context(run_peer(plan, database=database, totals=totals, bulk="rows"))
        for totals in ("handed", "counted")
    }


def _peer_sides(plan: Plan, peers: Mapping[str, Server], number: int) -> dict[str, tuple[Server, Reads]]:
    """The peer that is handed its totals is handed where the page begins, too."""
    return {
        "peer": (peers["handed"], _pages(plan, for_peer=True)[number]),
        "counted": (peers["counted"], _pages(plan, for_peer=False)[number]),
    }


def _pages(plan: Plan, *, for_peer: bool) -> tuple[Reads, Reads]:
    """Pages drawn at random, of everyone and of a group. Ids are dense, and a group has one id in ``GROUPS``."""
    after = "&after={after}" if for_peer else ""
    in_group = max(1, plan.rows // GROUPS // PAGE)
    return (
        Reads(path=f"/v1/contacts?page={{n}}{after}", range=plan.rows // PAGE, step=PAGE),
        Reads(path=f"/v1/contacts?group={GROUP}&page={{n}}{after}", range=in_group, step=PAGE * GROUPS),
    )


def _middle(work: Reads) -> int:
    return max(1, work.range // 2)


def _measure(plan: Plan, sides: Mapping[str, tuple[Server, Reads]], *, connections: int) -> dict[str, list[Measured]]:
    def turn(server: Server, work: Reads) -> Measured:
        return run_wrk(plan, server=server, work=work, connections=connections)

    return interleave({name: partial(turn, *side) for name, side in sides.items()}, rounds=plan.rounds)


def _against_peers(what: str, measured: Mapping[str, list[Measured]], goal: float) -> list[Line]:
    counted = median_ratio(_rates(measured, "ours"), _rates(measured, "counted"))
    return [
        _rates_at_least(what, measured, "peer", goal, of="(b)"),
        remark(
            f"{what}, beside (b) with COUNT and OFFSET",
            f"{counted:.1f} × ({shown_rate(median(_rates(measured, 'counted')))})",
        ),
    ]


def _rates_at_least(what: str, measured: Mapping[str, list[Measured]], other: str, goal: float, *, of: str) -> Line:
    ours, theirs = _rates(measured, "ours"), _rates(measured, other)
    rates = f"{shown_rate(median(ours))} to {shown_rate(median(theirs))}"
    return at_least(what, median_ratio(ours, theirs), goal, of=of, rates=rates)


def _rates(measured: Mapping[str, list[Measured]], name: str) -> list[float]:
    return [each.rate for each in measured[name]]
