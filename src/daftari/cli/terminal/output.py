"""What commands print: lists for people and for programs, and every failure as one sentence.

Lists go to stdout: a table on a terminal, tab-separated rows in a pipe, JSON when asked. What is said about them
goes to stderr.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import typer
from typer.core import TyperGroup

from daftari.errors import BadSettings, DaftariError, ValidationFailed
from daftari.model.time import format_time

FAILED = 1
WRONG_USAGE = 2
NOT_ALLOWED = 3
"""The answer to a question was no."""
INTERRUPTED = 130


_CONTROLS = dict.fromkeys([*range(32), *range(127, 160)], " ")


class Commands(TyperGroup):
    """The root of all commands: the door at which an error becomes a sentence and an exit code."""

    def invoke(self, *context: Any) -> Any:
        """Run a command; what it raises ends in ``fail``."""
        return answering(super().invoke, *context)


def answering(call: Callable[..., object], *given: object) -> object:
    """Call, and turn an error that has words into those words. Raises ``typer.Exit`` then."""
    try:
        return call(*given)
    except ValidationFailed as error:
        raise fail(*[sentence for sentences in error.errors.values() for sentence in sentences]) from error
    except BadSettings as error:
        raise fail(error.message, code=WRONG_USAGE) from error
    except DaftariError as error:
        raise fail(error.message) from error
    except PermissionError as error:
        raise fail(f"{error.filename or 'A file'} may not be used: {error.strerror}.") from error


def fail(*sentences: str, code: int = FAILED) -> typer.Exit:
    """Print why on stderr; raise what this returns to end with ``code``."""
    for sentence in sentences:
        say(f"daftari: {sentence}")
    return typer.Exit(code)


def say(text: str) -> None:
    """A sentence for people, out of the way of what a program may read from stdout."""
    typer.echo(text, err=True)


def print_list(columns: Sequence[str], rows: Sequence[Sequence[object]], *, as_json: bool) -> None:
    """A list with one value a column, as whoever reads stdout wants it."""
    if as_json:
        members = [dict(zip(columns, row, strict=True)) for row in rows]
        typer.echo(msgspec.json.format(msgspec.json.encode(members), indent=2).decode())
    elif sys.stdout.isatty():
        _print_table(columns, rows)
    else:
        for row in rows:
            typer.echo("\t".join(map(_shown, row)))


def shown_time(microseconds: int | None) -> str | None:
    """A time as the API writes it, or nothing."""
    return None if microseconds is None else format_time(microseconds)


def _shown(value: object) -> str:
    if value is None or value is False:
        return ""
    return "yes" if value is True else plain(str(value))


def plain(text: str) -> str:
    """What strangers wrote must not become a line, a column or a command to the terminal."""
    return text.translate(_CONTROLS)


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*[column.replace("_", " ") for column in columns], box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*[Text(_shown(value)) for value in row])
    Console().print(table)
