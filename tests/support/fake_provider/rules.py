"""What a fake provider can be asked to do, and what it answers. Records only."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

State = Literal["accepted", "delivered", "failed", "expired"]


class Reports(Struct, frozen=True):
    """Which reports each message gets: ``states`` in order, or ``backwards``, each so many ``times``.

    ``early``: before the call that sent the message is answered; else at once after it. ``parts``: one report for each
    of so many parts. ``url``: where they go, unless the message names an address.
    """

    states: tuple[State, ...] = ("accepted", "delivered")
    url: str = ""
    early: bool = False
    backwards: bool = False
    times: int = 1
    parts: int = 0
    code: str = ""


class Rule(Struct, frozen=True):
    """How to treat the next calls that send; all of them when ``calls`` is 0."""

    calls: int = 0
    delay_seconds: float = 0.0
    """Before the answer; the message is taken at once."""
    hold: bool = False
    """Take the messages and give no answer before the release."""
    lose: bool = False
    """Take the messages and close the connection without an answer."""
    half: bool = False
    """Take the messages, and leave every second one out of the answer, the first one too."""
    html: bool = False
    """Take the messages and answer 200 with a page for people."""
    drip_seconds: float = 0.0
    """Send the answer a byte at a time, so far apart."""
    code: str = ""
    """Take nothing and answer with this code of the provider's for every message."""
    codes: dict[str, str] = {}
    """The same for some numbers."""
    status: int = 0
    """Take nothing and answer with this status, in the provider's words."""
    retry_after: int | None = None
    """With it, a ``Retry-After`` of so many seconds."""
    retry_after_is_date: bool = False
    cut: bool = False
    """Take the messages and close the connection in the middle of the answer."""
    reports: Reports | None = None


class Seen(Struct, frozen=True):
    """How many messages were taken, to how many numbers, and the numbers that got more than one."""

    taken: int
    numbers: int
    twice: list[str]
