"""``daftari copy``: a whole database to another one, of either engine, so that a book can grow or move."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from msgspec.structs import replace

from daftari.cli.terminal.options import ConfigOption, examples, settings_from
from daftari.cli.terminal.output import FAILED, INTERRUPTED, fail, print_list, say
from daftari.cli.terminal.signals import Stop, told_to_stop
from daftari.settings import Settings, read_database
from daftari.store import default_secret_file, dialect_of
from daftari.store.copy.run import Difference, Outcome, Progress, compare_databases, copy_database

SECONDS_A_LINE = 5.0
"""How often progress is told where no bar can be drawn."""
REFRESHES_A_SECOND = 4

EPILOG = examples(
    "daftari copy --from sqlite:///daftari.db --to postgresql://daftari:PASSWORD@localhost/daftari",
    "daftari copy --from sqlite:///daftari.db --to postgresql://daftari:PASSWORD@localhost/daftari --verify",
    note="Stop the service first. Ctrl-C stops the copy; the same command goes on where it was.\n\n"
    "Exit codes: 0 the target equals the source, 1 it does not.",
)

Note = Callable[[Progress], None]


def copy(
    source: Annotated[str, typer.Option("--from", metavar="URL", help="The database that is copied.")],
    target: Annotated[str, typer.Option("--to", metavar="URL", help="The database that becomes its equal.")],
    verify: Annotated[bool, typer.Option("--verify", help="Only compare the two; write nothing.")] = False,
    config: ConfigOption = None,
) -> None:
    """Copy a whole database to another one, and prove that both are equal.

    The target is empty, or a copy that was begun. It can be served when it is finished.
    """
    here, there = _read_settings("--from", source, config), _read_settings("--to", target, config)
    started = time.monotonic()
    with told_to_stop() as told, _shown_progress() as note:
        outcome = _compare(here, there, told, note) if verify else _copy(here, there, told, note)
    _tell(outcome, here, there, verify=verify, seconds=time.monotonic() - started)


def _read_settings(option: str, written: str, config: str | None) -> Settings:
    """The settings with which a database is opened: its own name, and the secret that is in force."""
    return replace(settings_from(config), database=read_database(written, said_by=option))


def _copy(here: Settings, there: Settings, told: Stop, note: Note) -> Outcome:
    return copy_database(
        here.database,
        there.database,
        secret=here.secret,
        secret_file=here.secret_file,
        should_stop=told,
        note=note,
    )


def _compare(here: Settings, there: Settings, told: Stop, note: Note) -> Outcome:
    return compare_databases(here.database, there.database, should_stop=told, note=note)


# ---- what is told at the end --------------------------------------------------------------------------


def _tell(outcome: Outcome, here: Settings, there: Settings, *, verify: bool, seconds: float) -> None:
    """Print what a run came to; raises ``typer.Exit`` unless both are equal."""
    both = f"{there.shown_database} equals {here.shown_database}"
    match outcome.end:
        case "stopped":
            raise fail(f"Stopped. {_AGAIN}", code=INTERRUPTED)
        case "changed":
            raise fail(
                f"{here.shown_database} was written to while it was copied, so the copy is not finished. Stop the "
                "service that uses it, then run the same command again: only what changed is copied."
            )
        case "different":
            columns = ("table", "project", "source_rows", "target_rows", "first_difference")
            print_list(columns, [_row(found) for found in outcome.differences], as_json=False)
            again = "" if verify else f" {_AGAIN}"
            raise fail(f"{there.shown_database} is not equal to {here.shown_database}: see above.{again}", code=FAILED)
        case "done":
            say(f"{both}: {outcome.rows:,} rows of {_counted(outcome.projects, 'project')}, compared one by one.")
    if not verify:
        rate = f", {outcome.written / seconds:,.0f} a second" if outcome.written and seconds > 1 else ""
        say(f"{outcome.written:,} rows were copied in {seconds:,.0f} s{rate}.")
        say(_about_secret(here, there))


_AGAIN = "Run the same command again: it goes on where it was."


def _row(difference: Difference) -> tuple[object, ...]:
    return (
        difference.table,
        difference.project,
        difference.source_rows,
        difference.target_rows,
        difference.first,
    )


def _about_secret(here: Settings, there: Settings) -> str:
    """Where the secret is now, or must be put. The secret itself is never told."""
    if dialect_of(there.database) == "sqlite":
        return f"The secret is in {default_secret_file(there.database)}: keep it with the database."
    file = here.secret_file or default_secret_file(here.database)
    if here.secret is not None or file is None:
        return "Give 'daftari serve' the same DAFTARI_SECRET as this command had."
    return f"Before 'daftari serve', set DAFTARI_SECRET to the text in {file}, or DAFTARI_SECRET_FILE to a copy of it."


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


# ---- while it runs --------------------------------------------------------------------------------------


@contextmanager
def _shown_progress() -> Iterator[Note]:
    """A live bar on a terminal, a line now and then elsewhere."""
    if not sys.stderr.isatty():
        yield _Lines().note
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), refresh_per_second=REFRESHES_A_SECOND, transient=True) as bar:
        tasks = {}

        def note(progress: Progress) -> None:
            if progress.doing not in tasks:
                tasks[progress.doing] = bar.add_task(progress.doing, total=progress.rows_in_all, rate="")
            task = tasks[progress.doing]
            speed = bar.tasks[task].speed
            rate = "" if speed is None else f"{speed:,.0f}/s"
            shown = f"{progress.doing} {progress.table}"
            bar.update(task, completed=progress.rows, description=shown, rate=rate)

        yield note


class _Lines:
    """Progress as sentences: at each new table after some seconds, and now and then within a long one."""

    def __init__(self) -> None:
        self._told_at = self._started = time.monotonic()
        self._doing = ""
        self._rows_before = 0

    def note(self, progress: Progress) -> None:
        """Tell it, if it is time."""
        now = time.monotonic()
        if progress.doing != self._doing:
            self._doing, self._started, self._rows_before = progress.doing, now, progress.rows
        if now - self._told_at < SECONDS_A_LINE:
            return
        self._told_at = now
        rate = (progress.rows - self._rows_before) / max(now - self._started, 0.001)
        left = (progress.rows_in_all - progress.rows) / rate if rate else 0
        doing = f"{progress.doing.capitalize()} {progress.table}"
        say(f"{doing}: {progress.rows:,} of {progress.rows_in_all:,} rows, {rate:,.0f}/s, {left:,.0f} s left.")
