"""This checkout compared with another one: get one, pages, create and import, alternately.

Both are started by their own command line and measured over HTTP, each over datasets that it made itself. Each run has
new servers over new copies of the datasets. A turn is short and a run has several, because the load of a machine
changes within seconds. The median ratio of the rates decides; the ratio of each side's best turn, and that by processor
time, depend less on what else the machine does.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from statistics import median

from msgspec import Struct
from rich.console import Console
from rich.table import Table

from bench.checkout import HERE, Checkout, open_base
from bench.csv_file import make_csv
from bench.datasets import Dataset, Datasets, Engine
from bench.imports import run_import
from bench.ratios import interleave, judge, ratios, show_rate
from bench.reads import pages
from bench.server import cpu_seconds, run_daftari
from bench.settings import CONNECTIONS, FEW_CONNECTIONS
from bench.writes import ROWS as ROWS_A_CALL
from bench.writes import create_rate
from bench.wrk import Reads, run_wrk

RUNS = 7
SECONDS = 2
TICK_SECONDS = 0.01
"""What the kernel counts processor time in."""
TURNS = 2
"""Of a side in a run."""
ROWS = 100_000
IMPORTED_ROWS = 100_000
CREATE = f"create {ROWS_A_CALL:,} a call into a group, rows"
IMPORT = f"import {IMPORTED_ROWS:,} rows of CSV into a group, rows"


class Turn(Struct, frozen=True):
    """Requests or rows a second, and for each second of processor time of Daftari's own processes."""

    rate: float
    per_cpu_second: float


class Side(Struct, frozen=True):
    """A checkout, and the datasets that it made: one to serve, and one without contacts to import into."""

    name: str
    checkout: Checkout
    dataset: Dataset
    empty: Dataset


Run = dict[str, list[Turn]]
"""The turns of each side in a run of a row."""


def compare(base: str, *, engine: Engine, runs: int) -> bool:
    """Print the median ratio and the verdict of each row. Returns whether none fails."""
    console = Console(width=150, highlight=False)
    checkouts = {"base": open_base(base), "here": HERE}
    console.print(f"base: {checkouts['base'].root}; here: {HERE.root}; {engine}, {ROWS:,} contacts")
    console.print(f"{runs} runs; in each run a side has {TURNS} turns of {SECONDS} s a row, and {TURNS} imports")
    load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
    if load > cores / 2:
        console.print(f"The load is {load:.1f} on {cores} cores: other programs make the rates unreliable.")
    found: dict[str, list[Run]] = {}
    with closing(Datasets()) as datasets:
        sides = [_prepare(datasets, engine, name, checkout) for name, checkout in checkouts.items()]
        for number in range(runs):
            for row, run in _run_rows(datasets, sides[:: -1 if number % 2 else 1]).items():
                found.setdefault(row, []).append(run)
            print(f"  run {number + 1} of {runs}", file=sys.stderr)
    table = Table("row", "base", "here", "ratio, median", "lowest", "highest", "best turns", "CPU time", "verdict")
    verdicts = []
    for row, of_row in found.items():
        rates = {side: [turn.rate for run in of_row for turn in run[side]] for side in checkouts}
        by_rate = _ratios(of_row, lambda turn: turn.rate)
        by_cpu = _ratios(of_row, lambda turn: turn.per_cpu_second)
        best = max(rates["here"]) / max(rates["base"])
        shown = [f"{value:.3f}" for value in (median(by_rate), min(by_rate), max(by_rate), best, median(by_cpu))]
        verdicts.append(judge(median(by_rate)))
        table.add_row(row, *(show_rate(median(each)) for each in rates.values()), *shown, verdicts[-1])
    console.print(table)
    return "fails" not in verdicts


def _ratios(runs: list[Run], figure: Callable[[Turn], float]) -> list[float]:
    """Here over base, run by run."""
    here, base = ([sum(map(figure, run[side])) for run in runs] for side in ("here", "base"))
    return ratios(here, base)


def _prepare(datasets: Datasets, engine: Engine, name: str, checkout: Checkout) -> Side:
    kind = f"{name}_{engine.lower()}"
    dataset = datasets.make(engine, name=kind, rows=ROWS, checkout=checkout)
    empty = datasets.make(engine, name=f"{kind}_empty", rows=0, checkout=checkout)
    return Side(name, checkout, dataset, empty)


def _run_rows(datasets: Datasets, sides: list[Side]) -> dict[str, Run]:
    """One run of every row: both servers run meanwhile, but only one has work."""
    with ExitStack() as stack:
        served = {side.name: _serve(stack, datasets, side) for side in sides}
        found = {
            row: interleave({name: rows[row] for name, rows in served.items()}, rounds=TURNS)
            for row in served[sides[0].name]
        }
    imports = {side.name: partial(_import, datasets, side) for side in sides}
    return {**found, IMPORT: interleave(imports, rounds=TURNS, warm_up=False)}


def _serve(stack: ExitStack, datasets: Datasets, side: Side) -> dict[str, Callable[[], Turn]]:
    """A turn of each row over HTTP. The server runs until the stack is closed."""
    database = datasets.copy(side.dataset, to=f"{side.name}_run").database
    server = stack.enter_context(run_daftari(database=database, key=side.dataset.key, checkout=side.checkout))

    def get(work: Reads, connections: int) -> float:
        return run_wrk(server, work, connections=connections, seconds=SECONDS).rate

    def turn(rate: Callable[[], float]) -> Turn:
        before = cpu_seconds(server.process.pid)
        found = rate()
        return Turn(found, found * SECONDS / max(cpu_seconds(server.process.pid) - before, TICK_SECONDS))

    rates: dict[str, Callable[[], float]] = {
        "get one": partial(get, Reads(path="/v1/contacts/{n}", range=ROWS), CONNECTIONS),
        **{f"page of 1,000 of {whose}": partial(get, work, FEW_CONNECTIONS) for whose, work in pages(ROWS).items()},
        CREATE: create_rate(server, rows=ROWS_A_CALL, seconds=SECONDS),
    }
    return {row: partial(turn, rate) for row, rate in rates.items()}


def _import(datasets: Datasets, side: Side) -> Turn:
    copy = datasets.copy(side.empty, to=f"{side.name}_import")
    before = _ended_cpu_seconds()
    seconds = run_import(copy, make_csv(IMPORTED_ROWS), checkout=side.checkout)[0].seconds
    return Turn(IMPORTED_ROWS / seconds, IMPORTED_ROWS / (_ended_cpu_seconds() - before))


def _ended_cpu_seconds() -> float:
    """Processor time of all processes that this one started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
