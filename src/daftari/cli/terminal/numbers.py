"""The numbers that a command gets: as arguments, or one a line on standard input. Nothing here parses them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Annotated

import typer

from daftari.cli.terminal.output import say
from daftari.model.limits import FACTS_PER_CALL_MAX, MOBILE_TEXT_MAX

STDIN = "-"
PROGRESS_SECONDS = 2.0
"""The time between two progress messages of a long run."""

NumbersArgument = Annotated[
    list[str],
    typer.Argument(metavar="NUMBER...", help="Phone numbers; or - to read one a line from standard input."),
]


def read_batches(numbers: Sequence[str]) -> Iterator[list[str]]:
    """The numbers in batches of one call each. A message says every few seconds how many are done."""
    rest = _read_lines() if list(numbers) == [STDIN] else iter(numbers)
    done, said_at = 0, time.monotonic()
    while batch := list(islice(rest, FACTS_PER_CALL_MAX)):
        yield batch
        done += len(batch)
        if time.monotonic() - said_at >= PROGRESS_SECONDS:
            say(f"{done:,} numbers are done.")
            said_at = time.monotonic()


def _read_lines() -> Iterator[str]:
    """The lines of standard input that are not blank. A line that is too long for a number is cut."""
    return (line[: MOBILE_TEXT_MAX + 1] for read in sys.stdin if (line := read.strip()))
