"""What commands print: lists for people and for programs, and each failure as one sentence.

Lists go to standard output: a table on a terminal, tab-separated rows in a pipe, JSON with ``--json``. Messages about
them go to standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from daftari.model.time import format_time

FAILED = 1
WRONG_USAGE = 2
NOT_ALLOWED = 3
"""``may-message``: at least one number may not be messaged."""
INTERRUPTED = 130

_CONTROLS = dict.fromkeys([*range(32), *range(127, 160), 0x2028, 0x2029], " ")


def fail(*sentences: str, code: int = FAILED) -> typer.Exit:
    """Prints why a command fails. Returns the exception that ends it with ``code``, for the caller to raise."""
    for sentence in sentences:
        say(f"daftari: {strip_controls(sentence)}")
    return typer.Exit(code)


def say(text: str) -> None:
    """Prints a message for people on standard error, so that standard output holds only data."""
    typer.echo(text, err=True)


def print_list(columns: Sequence[str], rows: Sequence[Sequence[object]], *, as_json: bool) -> None:
    """Prints rows with one value for each column: as JSON, as a table on a terminal, else tab-separated."""
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif sys.stdout.isatty():
        _print_table(columns, rows)
    else:
        for row in rows:
            typer.echo("\t".join(map(_format_value, row)))


def print_json(value: object) -> None:
    """Prints a value as indented JSON."""
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def format_optional_time(microseconds: int | None) -> str | None:
    """A time as the API writes it; ``None`` stays ``None``."""
    return None if microseconds is None else format_time(microseconds)


def format_count(number: int, noun: str) -> str:
    """``1 project``, ``2,000 projects``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def strip_controls(text: str) -> str:
    """The text without control characters: foreign text must not add lines, columns or terminal commands."""
    return text.translate(_CONTROLS)


def _format_value(value: object) -> str:
    if value is None or value is False:
        return ""
    return "yes" if value is True else strip_controls(str(value))


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    # A value that does not fit has several lines; nothing of it is left out.
    headers = [Column(column.replace("_", " "), overflow="fold") for column in columns]
    table = Table(*headers, box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*[Text(_format_value(value)) for value in row])
    Console().print(table)
