"""The options that say what a fact or a question is about, and how they are read.

This room must not know who asks, nor what follows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

import typer

from daftari.cli.terminal.output import WRONG_USAGE, fail
from daftari.model.consent import ANY, CHANNELS
from daftari.model.limits import SENDER_MAX
from daftari.rules.consent.decisions import Question
from daftari.rules.consent.facts import read_channel, read_purpose, read_sender
from daftari.rules.fields import read_text, read_time

T = TypeVar("T")

_CHANNELS = ", ".join(CHANNELS)
ChannelOption = Annotated[
    str | None, typer.Option("--channel", metavar="CHANNEL", help=f"One of: {_CHANNELS}. [default: any]")
]
QuestionChannelOption = Annotated[str, typer.Option("--channel", metavar="CHANNEL", help=f"One of: {_CHANNELS}.")]
SenderOption = Annotated[
    str | None, typer.Option("--sender", metavar="SENDER", help="A short code or a sender's name. [default: any]")
]
PurposeOption = Annotated[
    str | None,
    typer.Option("--purpose", metavar="PURPOSE", help="One of: marketing, promotional, transactional. [default: any]"),
]


def read_question(*, channel: str, sender: str | None, purpose: str | None, keyword: str | None) -> Question:
    """What is to be sent. Ends the command when something is wrong."""
    kept = read_option("--channel", channel, read_channel)
    if kept == ANY:
        raise fail(f"--channel must be one of: {_CHANNELS}.", code=WRONG_USAGE)
    return Question(
        kept,
        read_option("--sender", sender, read_sender),
        read_option("--purpose", purpose, read_purpose),
        read_option("--keyword", keyword, lambda value: read_text(value, most=SENDER_MAX)) or "",
    )


def read_moment(option: str, written: str | None) -> int | None:
    """A time in microseconds, past or to come. Ends the command when it is none."""
    return read_option(option, written, lambda value: read_time(value, now=None))


def read_option(option: str, written: object, read: Callable[[object], T]) -> T:
    """What an option says; the end of a sentence that ``read`` raises ends the command."""
    try:
        return read(written)
    except ValueError as error:
        raise fail(f"{option} {error}", code=WRONG_USAGE) from None
