"""The numbers that a command was given: as arguments, or one a line on standard input, as many as there are.

This room must not know what is done with them, nor which of them can be read.
"""

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
"""How often a long run says how far it is."""

NumbersArgument = Annotated[
    list[str],
    typer.Argument(metavar="NUMBER...", help="Numbers, as people write them; or - for one a line on standard input."),
]


def take_calls(numbers: Sequence[str]) -> Iterator[list[str]]:
    """The numbers, as many at a time as one call takes; now and then a sentence says how many are done."""
    rest = _lines() if list(numbers) == [STDIN] else iter(numbers)
    done, said_at = 0, time.monotonic()
    while call := list(islice(rest, FACTS_PER_CALL_MAX)):
        yield call
        done += len(call)
        if time.monotonic() - said_at >= PROGRESS_SECONDS:
            say(f"{done:,} numbers are done.")
            said_at = time.monotonic()


def _lines() -> Iterator[str]:
    """The lines of standard input that are not blank; one that is far too long is cut, since it is no number."""
    return (line[: MOBILE_TEXT_MAX + 1] for read in sys.stdin if (line := read.strip()))
