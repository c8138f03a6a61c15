"""Rows about reading: one contact, and a page of 1,000, compared with the limit and the peer."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from statistics import median

from bench.contacts import group_name
from bench.datasets import Datasets
from bench.limit import AS_DAFTARI, find_fastest, keep_answer, run_limit
from bench.peer_data import KEY as PEER_KEY
from bench.ratios import Line, at_least, at_most, interleave, median_ratio, remark, show_rate
from bench.server import IMPORTABLE, Server, free_port, run_daftari, run_server
from bench.settings import CONNECTIONS, FEW_CONNECTIONS, GROUPS, WORKERS, Settings
from bench.wrk import Measured, Reads, run_wrk

PAGE = 1_000
GROUP = group_name(7)

Side = tuple[Server, Reads]


@contextmanager
def run_peer(database: str) -> Iterator[Server]:
    """The peer over its dataset, with as many workers as Daftari."""
    port = free_port()
    command = [
        sys.executable, "-m", "bench.peer", "--database", database, "--port", str(port), "--workers", str(WORKERS)
    ]  # fmt: skip
    with run_server(
        name="peer", command=command, port=port, key=PEER_KEY, path="/v1/contacts/1", extra=IMPORTABLE
    ) as server:
        yield server


def get_sqlite(settings: Settings, datasets: Datasets) -> list[Line]:
    """Get one, SQLite."""
    work = Reads(path="/v1/contacts/{n}", range=settings.rows)
    dataset = datasets.get("SQLite", rows=settings.rows)
    with ExitStack() as stack:
        ours = stack.enter_context(run_daftari(database=dataset.database, key=dataset.key))
        answer = keep_answer(ours, f"/v1/contacts/{settings.rows // 2}", name="get")
        fastest = find_fastest(answer, work=work, connections=CONNECTIONS, seconds=settings.seconds)
        limit = stack.enter_context(run_limit(answer=answer, setting=fastest))
        bare = stack.enter_context(run_limit(answer=answer, setting=AS_DAFTARI))
        peer = stack.enter_context(run_peer(datasets.peer("SQLite", rows=settings.rows)))
        sides = {"ours": (ours, work), "limit": (limit, work), "bare": (bare, work), "peer": (peer, work)}
        measured = _measure(settings, sides, connections=CONNECTIONS)
    rates = {name: _rates(measured, name) for name in measured}
    ours_p99, limit_p99 = ([float(each.p99) for each in measured[name]] for name in ("ours", "limit"))
    return [
        _compare("get one, SQLite", measured, "limit", 0.4, of="(a)"),
        _compare("get one, SQLite", measured, "peer", 8, of="(b)"),
        at_most(
            "its p99 under load",
            median_ratio(ours_p99, limit_p99),
            3,
            of="(a)'s",
            rates=f"{median(ours_p99) / 1000:.2f} ms to {median(limit_p99) / 1000:.2f} ms",
        ),
        remark("(a) at its fastest", str(fastest)),
        remark(
            "the same callable at Daftari's own interface, RSGI",
            f"{median_ratio(rates['bare'], rates['limit']):.2f} × (a); "
            f"Daftari {median_ratio(rates['ours'], rates['bare']):.2f} × that",
        ),
    ]


def list_sqlite(settings: Settings, datasets: Datasets) -> list[Line]:
    """A page of 1,000, SQLite."""
    dataset = datasets.get("SQLite", rows=settings.rows)
    works = pages(settings.rows)
    lines = []
    with ExitStack() as stack:
        ours = stack.enter_context(run_daftari(database=dataset.database, key=dataset.key))
        answers = [
            keep_answer(ours, work.path.format(n=max(1, work.range // 2)), name=f"list-{number}")
            for number, work in enumerate(works.values())
        ]
        fastest = find_fastest(
            answers[0], work=works["everyone"], connections=FEW_CONNECTIONS, seconds=settings.seconds
        )
        peer = stack.enter_context(run_peer(datasets.peer("SQLite", rows=settings.rows)))
        for answer, goal, (whose, work) in zip(answers, (0.25, 0.15), works.items(), strict=True):
            limit = stack.enter_context(run_limit(answer=answer, setting=fastest))
            sides = {"ours": (ours, work), "limit": (limit, work), "peer": (peer, _for_peer(work))}
            measured = _measure(settings, sides, connections=FEW_CONNECTIONS)
            what = f"page of 1,000 of {whose}, SQLite"
            lines.append(_compare(what, measured, "limit", goal, of="(a)"))
            lines.append(_compare(what, measured, "peer", 8, of="(b)"))
    return [*lines, remark("(a) at its fastest", str(fastest))]


@contextmanager
def _run_both(settings: Settings, datasets: Datasets) -> Iterator[tuple[Server, Server]]:
    dataset = datasets.get("PostgreSQL", rows=settings.rows)
    peer_database = datasets.peer("PostgreSQL", rows=settings.rows)
    with run_daftari(database=dataset.database, key=dataset.key) as ours, run_peer(peer_database) as peer:
        yield ours, peer


def get_postgres(settings: Settings, datasets: Datasets) -> list[Line]:
    """Get one, PostgreSQL."""
    work = Reads(path="/v1/contacts/{n}", range=settings.rows)
    with _run_both(settings, datasets) as (ours, peer):
        measured = _measure(settings, {"ours": (ours, work), "peer": (peer, work)}, connections=CONNECTIONS)
    return [_compare("get one, PostgreSQL", measured, "peer", 4, of="(b)")]


def list_postgres(settings: Settings, datasets: Datasets) -> list[Line]:
    """A page of 1,000, PostgreSQL."""
    lines = []
    with _run_both(settings, datasets) as (ours, peer):
        for whose, work in pages(settings.rows).items():
            sides = {"ours": (ours, work), "peer": (peer, _for_peer(work))}
            measured = _measure(settings, sides, connections=FEW_CONNECTIONS)
            lines.append(_compare(f"page of 1,000 of {whose}, PostgreSQL", measured, "peer", 6, of="(b)"))
    return lines


def pages(rows: int) -> dict[str, Reads]:
    """Pages drawn at random, by whose they are. Ids are dense, and a group has one id in ``GROUPS``."""
    in_group = max(1, rows // GROUPS // PAGE)
    return {
        "everyone": Reads(path="/v1/contacts?page={n}", range=rows // PAGE, step=PAGE),
        "a group": Reads(path=f"/v1/contacts?page={{n}}&group={GROUP}", range=in_group, step=PAGE * GROUPS),
    }


def _for_peer(work: Reads) -> Reads:
    """The peer is also given the id after which a page begins."""
    return Reads(path=f"{work.path}&after={{after}}", range=work.range, step=work.step)


def _measure(settings: Settings, sides: Mapping[str, Side], *, connections: int) -> dict[str, list[Measured]]:
    run = partial(run_wrk, connections=connections, seconds=settings.seconds)
    return interleave({name: partial(run, *side) for name, side in sides.items()}, rounds=settings.rounds)


def _compare(what: str, measured: Mapping[str, list[Measured]], other: str, goal: float, *, of: str) -> Line:
    ours, theirs = _rates(measured, "ours"), _rates(measured, other)
    rates = f"{show_rate(median(ours))} to {show_rate(median(theirs))}"
    return at_least(what, median_ratio(ours, theirs), goal, of=of, rates=rates)


def _rates(measured: Mapping[str, list[Measured]], name: str) -> list[float]:
    return [each.rate for each in measured[name]]
