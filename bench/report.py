"""The results as a table on the terminal, and as a block in ``docs/performance.md``."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

import apsw
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from bench.postgres import SETTINGS
from bench.ratios import Line
from bench.settings import CONNECTIONS, FEW_CONNECTIONS, FOLDER, ROOT, WORKERS, Settings

DOCUMENT = ROOT / "docs" / "performance.md"
RESULTS = FOLDER / "results.json"
BEGIN = "<!-- bench: begin (written by make bench; do not edit) -->"
END = "<!-- bench: end -->"
LEGEND = """\
(a) the limit: a bare callable on the same Granian that returns the same bytes from memory, at the interface, threads
and workers that make it fastest; (b) the peer, `bench/peer.py`: FastAPI, SQLAlchemy Core and pydantic on uvicorn, same
contract, database, durability, foreign keys and workers, its totals counted once and its page starts given by the
caller; (c) the same rows put into the same tables by a bare `executemany` or `COPY` in transactions of the same size.
The load comes from another process, wrk. Every ratio is the median over rounds in which the sides take turns.
"""
MARKS = {True: "yes", False: "**no**", None: ""}
STYLES = {True: None, False: "bold red", None: "dim"}
PACKAGES = ("granian", "msgspec", "apsw", "psycopg", "fastapi", "sqlalchemy", "pydantic", "uvicorn", "uvloop")


class RowResult(Struct, frozen=True, kw_only=True):
    """A row's lines, and when and with what they were measured."""

    name: str
    title: str
    measured_at: str
    settings: Settings
    lines: list[Line]


def keep_results(results: list[RowResult]) -> list[RowResult]:
    """Keep these with those of other rows. Returns all that are kept."""
    merged = {each.name: each for each in [*_kept_results(), *results]}
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(list(merged.values())), indent=1))
    return list(merged.values())


def _kept_results() -> list[RowResult]:
    """What earlier runs kept; nothing when another version of the benchmark kept it."""
    try:
        return msgspec.json.decode(RESULTS.read_bytes(), type=list[RowResult])
    except (FileNotFoundError, msgspec.ValidationError):
        return []


def print_results(results: list[RowResult]) -> None:
    """The table, with a section a row."""
    table = Table(*("work", "goal", "measured", "met"))
    for column in table.columns:
        column.overflow = "fold"
    for result in results:
        table.add_section()
        for line in result.lines:
            table.add_row(line.what, line.goal, line.measured, MARKS[line.met], style=STYLES[line.met])
    Console(width=160).print(table)


def describe_settings(settings: Settings) -> list[str]:
    """Everything that the figures depend on: the machine, the versions, the sizes and the databases' settings."""
    packages = ", ".join(f"{name} {version}" for name, version in _locked_versions().items())
    postgres = ", ".join(f"{name}={value}" for name, value in SETTINGS.items())
    servers = f"servers: {WORKERS} worker(s) each, bound to no core"
    load = f"wrk: one thread, {CONNECTIONS} connections, {FEW_CONNECTIONS} for pages and creates"
    data = f"data: {settings.rows:,} contacts, {settings.deep_rows:,} for deep pages and memory"
    rounds = f"{settings.rounds} rounds of {settings.seconds} s a side; soak {settings.soak_minutes:g} minutes"
    return [
        f"machine: {describe_machine()}",
        f"Python {platform.python_version()}, SQLite {apsw.sqlite_lib_version()}, {packages}",
        f"{servers}; {load}",
        f"{data}; {rounds}",
        "SQLite, all sides: WAL, synchronous=FULL, foreign_keys=ON",
        f"PostgreSQL 18, all sides: {postgres}",
    ]


def describe_machine() -> str:
    """The processor, memory and kernel, in one line."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = f"{len(os.sched_getaffinity(0))} cores of {model[1] if model else platform.machine()}"
    return f"{cores}, {memory:.0f} GiB, Linux {platform.release()}"


def _locked_versions() -> dict[str, str]:
    """The versions of ``PACKAGES``, as both lock files have them installed."""
    locks = (ROOT / "requirements.lock").read_text() + (ROOT / "bench" / "requirements.lock").read_text()
    found = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", locks, re.MULTILINE))
    return {name: found[name] for name in PACKAGES if name in found}


def write_document(settings: Settings, results: list[RowResult]) -> Path:
    """Replace the block between the markers; the rest of the page is written by hand."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{_block(settings, results)}\n{END}{after}", encoding="utf-8")
    return DOCUMENT


def _block(settings: Settings, results: list[RowResult]) -> str:
    parts = [LEGEND, *(f"- {setting}" for setting in describe_settings(settings)), ""]
    parts += ["| work | goal | measured | met |", "|---|---|---|---|"]
    for result in results:
        parts += [f"| {line.what} | {line.goal} | {line.measured} | {MARKS[line.met]} |" for line in result.lines]
    other = [result for result in results if result.settings != settings]
    if other:
        parts += ["", "Measured in another run, with other sizes or rounds:", ""]
        parts += [f"- {each.title}, {each.measured_at}: {_sizes(each.settings)}" for each in other]
    return "\n".join([*parts, ""])


def _sizes(settings: Settings) -> str:
    rounds = f"{settings.rounds} rounds of {settings.seconds} s"
    return f"{settings.rows:,} contacts, {rounds}, soak {settings.soak_minutes:g} minutes"
