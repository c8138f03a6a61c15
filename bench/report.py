"""What was measured, for people: a table on the terminal and a block in ``docs/performance.md``."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path

import apsw
import msgspec
from msgspec import Struct
from rich.console import Console
from rich.table import Table

from bench.plan import FOLDER, HOME, Plan, describe_machine
from bench.postgres import SETTINGS
from bench.rounds import Line

DOCUMENT = HOME / "docs" / "performance.md"
RESULTS = FOLDER / "results.json"
BEGIN = "<!-- bench: begin (written by make bench; do not edit) -->"
END = "<!-- bench: end -->"
HEAD = """# How fast, how big

Measured by `make bench`, which runs every side of a comparison by turns on one machine. Machines differ and are
noisy: trust the ratios, not the rates.
"""
LEGEND = """\
(a) the limit: a bare callable on the same Granian that returns the same bytes from memory, at the interface, threads
and workers that make it fastest; (b) the peer, `bench/peer.py`: FastAPI, SQLAlchemy Core and pydantic on uvicorn, same
contract, database, durability, foreign keys and workers, its totals and page starts handed to it; (c) the same rows put
into the same tables by a bare `executemany` or `COPY` in transactions of the same size. The load comes from another
process, wrk. Every ratio is the median over rounds in which the sides take turns.
"""
PACKAGES = ("granian", "msgspec", "apsw", "psycopg", "fastapi", "sqlalchemy", "pydantic", "uvicorn", "uvloop")


class RowResult(Struct, frozen=True, kw_only=True):
    """A row's lines, and when and with what they were measured."""

    name: str
    title: str
    measured_at: str
    plan: Plan
    lines: list[Line]


def keep_results(results: list[RowResult]) -> list[RowResult]:
    """Keep these beside those of other rows; returns all that are kept."""
    merged = {each.name: each for each in [*_kept_results(), *results]}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(list(merged.values())), indent=1))
    return list(merged.values())


def _kept_results() -> list[RowResult]:
    """What earlier runs kept; nothing when another version of the bench kept it."""
    try:
        return msgspec.json.decode(RESULTS.read_bytes(), type=list[RowResult])
    except (FileNotFoundError, msgspec.ValidationError):
        return []


def print_results(results: list[RowResult]) -> None:
    """The table, a row a goal."""
    table = Table(show_lines=False)
    for heading in ("work", "goal", "measured", "met"):
        table.add_column(heading, overflow="fold")
    for result in results:
        table.add_section()
        for line in result.lines:
            table.add_row(line.what, line.goal, line.measured, _mark(line), style=_style(line))
    Console(width=160).print(table)


def print_settings(plan: Plan) -> None:
    """Everything that the figures depend on."""
    for setting in describe_settings(plan):
        Console(width=160, highlight=False).print(setting, markup=False)


def describe_settings(plan: Plan) -> list[str]:
    """The machine, the versions, the plan and the databases' settings."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    postgres = ", ".join(f"{name}={value}" for name, value in SETTINGS.items())
    servers = f"servers: {plan.workers} worker(s) each, bound to no core"
    load = f"wrk: one thread, {plan.connections} connections"
    books = f"books: {plan.rows:,} contacts, {plan.depth_rows:,} for depth and memory"
    return [
        f"machine: {describe_machine()}",
        f"Python {platform.python_version()}, SQLite {apsw.sqlite_lib_version()}, {packages}",
        f"{servers}; {load}, {plan.few_connections} for pages and creates",
        f"{books}; {plan.rounds} rounds of {plan.seconds} s a side; soak {plan.soak_minutes:g} minutes",
        "SQLite, all sides: WAL, synchronous=FULL, foreign_keys=ON",
        f"PostgreSQL 18, all sides: {postgres}",
    ]


def write_document(plan: Plan, results: list[RowResult]) -> Path:
    """Replace the block between the markers; the rest of the page is people's."""
    text = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else f"{HEAD}\n{BEGIN}\n{END}\n"
    if BEGIN not in text or END not in text:
        text = f"{text.rstrip()}\n\n{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    DOCUMENT.parent.mkdir(parents=True, exist_ok=True)
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{_block(plan, results)}\n{END}{after}", encoding="utf-8")
    return DOCUMENT


def _block(plan: Plan, results: list[RowResult]) -> str:
    parts = [LEGEND, *(f"- {setting}" for setting in describe_settings(plan)), ""]
    parts += ["| work | goal | measured | met |", "|---|---|---|---|"]
    for result in results:
        parts += [f"| {line.what} | {line.goal} | {line.measured} | {_mark(line)} |" for line in result.lines]
    other = [result for result in results if result.plan != plan]
    if other:
        parts += ["", "Measured in another run, with other sizes or rounds:", ""]
        parts += [f"- {each.title}, {each.measured_at}: {_sizes(each.plan)}" for each in other]
    return "\n".join([*parts, ""])


def _sizes(plan: Plan) -> str:
    return f"{plan.rows:,} contacts, {plan.rounds} rounds of {plan.seconds} s, soak {plan.soak_minutes:g} minutes"


def _mark(line: Line) -> str:
    return {True: "yes", False: "**no**", None: ""}[line.met]


def _style(line: Line) -> str | None:
    return {True: None, False: "bold red", None: "dim"}[line.met]
