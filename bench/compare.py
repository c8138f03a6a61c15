"""This checkout compared with another one: get one, pages, create and import, on each by turns.

Both are started by their own command line and measured over HTTP, each over datasets that it made itself. A turn is
short and a run has several, because the load of a machine changes within seconds. The processor time of the work is
shown too, which depends less on what else runs on the machine; the rate decides.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from statistics import median

from msgspec import Struct
from rich.console import Console
from rich.table import Table

from bench.checkout import HERE, Checkout, open_base
from bench.csv_file import make_csv
from bench.datasets import Datasets, Engine
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
TURNS = 3
"""Of a side in a run."""
ROWS = 100_000
IMPORTED_ROWS = 100_000
IMPORT_TURNS = 2


class Turn(Struct, frozen=True):
    """Requests or rows a second, and for each second of processor time of Daftari's own processes."""

    rate: float
    per_cpu_second: float


class Work(Struct, frozen=True):
    """A row of one side: a turn of it, and how many turns a run has."""

    turn: Callable[[], Turn]
    turns: int


class Comparison(Struct, frozen=True):
    """A row's turns on both sides, in order."""

    row: str
    base: list[Turn]
    here: list[Turn]
    turns: int

    def ratios(self, figure: Callable[[Turn], float]) -> list[float]:
        """Here over base, run by run."""
        return ratios(*(self._by_run([figure(turn) for turn in side]) for side in (self.here, self.base)))

    def _by_run(self, figures: list[float]) -> list[float]:
        return [sum(figures[at : at + self.turns]) for at in range(0, len(figures), self.turns)]

    def cells(self) -> list[str]:
        """The row as it is printed."""
        by_rate = self.ratios(lambda turn: turn.rate)
        by_cpu = self.ratios(lambda turn: turn.per_cpu_second)
        rates = [show_rate(median(turn.rate for turn in side)) for side in (self.base, self.here)]
        shown = [f"{value:.3f}" for value in (median(by_rate), min(by_rate), max(by_rate), median(by_cpu))]
        return [self.row, *rates, *shown, self.verdict]

    @property
    def verdict(self) -> str:
        """What the median ratio of the rates means."""
        return judge(median(self.ratios(lambda turn: turn.rate)))


def compare(base: str, *, engine: Engine, runs: int) -> bool:
    """Print the median ratio and the verdict of each row. Returns whether none fails."""
    console = Console(width=140, highlight=False)
    checkouts = {"base": open_base(base), "here": HERE}
    console.print(f"base: {checkouts['base'].root}; here: {HERE.root}; {engine}, {ROWS:,} contacts")
    console.print(f"{runs} runs; each side has {TURNS} turns of {SECONDS} s in a run, {IMPORT_TURNS} for the import")
    load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
    if load > cores / 2:
        console.print(f"The load is {load:.1f} on {cores} cores: other programs make the rates unreliable.")
    table = Table("row", "base", "here", "ratio, median", "lowest", "highest", "by CPU time", "verdict")
    verdicts = []
    with closing(Datasets()) as datasets, ExitStack() as stack:
        sides = {side: _start(stack, datasets, engine, side, each) for side, each in checkouts.items()}
        for row, work in sides["here"].items():
            found = interleave({side: sides[side][row].turn for side in checkouts}, rounds=runs * work.turns)
            comparison = Comparison(row, found["base"], found["here"], work.turns)
            table.add_row(*comparison.cells())
            verdicts.append(comparison.verdict)
            console.print(f"  {row}: {comparison.verdict}")
    console.print(table)
    return "fails" not in verdicts


def _start(stack: ExitStack, datasets: Datasets, engine: Engine, side: str, checkout: Checkout) -> dict[str, Work]:
    """The rows of one side, whose server runs until the stack is closed."""
    name = f"{side}_{engine.lower()}"
    dataset = datasets.make(engine, name=name, rows=ROWS, checkout=checkout)
    empty = datasets.make(engine, name=f"{name}_empty", rows=0, checkout=checkout)
    file = make_csv(IMPORTED_ROWS)
    server = stack.enter_context(run_daftari(database=dataset.database, key=dataset.key, checkout=checkout))

    def get(work: Reads, connections: int) -> float:
        return run_wrk(server, work, connections=connections, seconds=SECONDS).rate

    def serve(rate: Callable[[], float]) -> Turn:
        before = cpu_seconds(server.process.pid)
        found = rate()
        used = max(cpu_seconds(server.process.pid) - before, TICK_SECONDS)
        return Turn(found, found * SECONDS / used)

    def import_file() -> Turn:
        copy = datasets.copy(empty, to=f"{side}_import")
        before = _ended_cpu_seconds()
        finished, _ = run_import(copy, file, checkout=checkout)
        return Turn(IMPORTED_ROWS / finished.seconds, IMPORTED_ROWS / (_ended_cpu_seconds() - before))

    everyone, group = pages(ROWS).values()
    rates: dict[str, Callable[[], float]] = {
        "get one": partial(get, Reads(path="/v1/contacts/{n}", range=ROWS), CONNECTIONS),
        "page of 1,000 of everyone": partial(get, everyone, FEW_CONNECTIONS),
        "page of 1,000 of a group": partial(get, group, FEW_CONNECTIONS),
        f"create {ROWS_A_CALL:,} a call into a group, rows": create_rate(server, rows=ROWS_A_CALL, seconds=SECONDS),
    }
    return {
        **{row: Work(partial(serve, rate), TURNS) for row, rate in rates.items()},
        f"import {IMPORTED_ROWS:,} rows of CSV into a group, rows": Work(import_file, IMPORT_TURNS),
    }


def _ended_cpu_seconds() -> float:
    """Processor time of all processes that this one started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
