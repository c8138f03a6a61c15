"""The options that say what a fact or a question is about: channel, sender, purpose. Nothing here judges them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from daftari.cli.terminal.commands import Options
from daftari.cli.terminal.output import WRONG_USAGE, fail
from daftari.model.consent import ANY, CHANNELS
from daftari.model.limits import SENDER_MAX

if TYPE_CHECKING:
    from daftari.rules.consent.decisions import Question

T = TypeVar("T")

_CHANNELS = ", ".join(CHANNELS)
SenderOption = Annotated[
    str | None, typer.Option("--sender", metavar="SENDER", help="A short code or sender name. [default: any]")
]
PurposeOption = Annotated[
    str | None,
    typer.Option("--purpose", metavar="PURPOSE", help="One of: marketing, promotional, transactional. [default: any]"),
]


class ScopeOptions(Options, frozen=True, kw_only=True):
    """What a fact is about."""

    channel: Annotated[
        str | None, typer.Option("--channel", metavar="CHANNEL", help=f"One of: {_CHANNELS}. [default: any]")
    ] = None
    sender: SenderOption = None
    purpose: PurposeOption = None


class QuestionOptions(Options, frozen=True, kw_only=True):
    """What is to be sent."""

    channel: Annotated[str, typer.Option("--channel", metavar="CHANNEL", help=f"One of: {_CHANNELS}.")]
    sender: SenderOption = None
    purpose: PurposeOption = None

    def read(self, *, keyword: str | None = None) -> Question:
        """The question. Raises ``typer.Exit`` after its message when an option is wrong."""
        from daftari.rules.consent.decisions import Question
        from daftari.rules.consent.facts import read_channel, read_purpose, read_sender
        from daftari.rules.fields import read_text

        channel = read_option("--channel", self.channel, read_channel)
        if channel == ANY:
            raise fail(f"--channel must be one of: {_CHANNELS}.", code=WRONG_USAGE)
        return Question(
            channel,
            read_option("--sender", self.sender, read_sender),
            read_option("--purpose", self.purpose, read_purpose),
            read_option("--keyword", keyword, lambda value: read_text(value, most=SENDER_MAX)) or "",
        )


def read_moment(option: str, written: str | None) -> int | None:
    """A time in microseconds, in the past or future. Raises ``typer.Exit`` after its message when it is none."""
    from daftari.rules.fields import read_time

    return read_option(option, written, lambda value: read_time(value, now=None))


def read_option(option: str, written: object, read: Callable[[object], T]) -> T:
    """What ``read`` makes of an option. Raises ``typer.Exit`` after its message when ``read`` raises ``ValueError``."""
    try:
        return read(written)
    except ValueError as error:
        raise fail(f"{option} {error}", code=WRONG_USAGE) from None
