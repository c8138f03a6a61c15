"""The test of an inbound address: a person looks for a while at what arrives, and at what is refused. No HTTP, no SQL.

What is kept of it is no personal data: what something was taken for, our side, and the last digits of the number.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from daftari.model.inbound import (
    Arrival,
    DeliveryReport,
    InboundDoubt,
    InboundEvent,
    InboundLink,
    InboundMessage,
    InboundSignal,
    InboundSubscription,
    InboundTest,
    InboundUnreadable,
)
from daftari.model.time import DAY_MICROSECONDS
from daftari.rules.inbound.requests import ReadEvent
from daftari.store import Tx, WriteTx, inbound

TEST_SECONDS = 1_800
"""How long what arrives is kept after a test began."""
KEPT_MICROSECONDS = DAY_MICROSECONDS
"""How long what a test showed is kept after its end."""
ARRIVALS_MAX = 20
"""What is kept of a test; of more, the latest."""
DIGITS_SHOWN = 3


class Trial(Struct, frozen=True):
    """A test, and what was refused since it began: when, and why."""

    test: InboundTest
    refused: list[tuple[int, str]]


def start_test(tx: WriteTx, *, token_id: int) -> int:
    """Keep what arrives at an address for a while. Returns until when."""
    until = tx.now + TEST_SECONDS * 1_000_000
    inbound.start_test(tx, token_id=token_id, until=until)
    return until


def find_trial(tx: Tx, *, token_id: int) -> Trial | None:
    """The last test of an address, if there was one; the newest first."""
    test = inbound.get_test(tx, token_id=token_id)
    if test is None:
        return None
    refused = inbound.list_refusals(tx, token_id=token_id, since=test.begun_at, limit=ARRIVALS_MAX)
    arrived = tuple(reversed(test.arrived))
    return Trial(InboundTest(test.begun_at, test.until, arrived), refused)


def count_refusals(tx: Tx, *, token_id: int) -> int:
    """How many refused requests of an address are kept, to be verified again."""
    return inbound.count_refusals(tx, token_id=token_id)


def has_expired_test(tx: Tx) -> bool:
    """Whether a test ended long enough ago."""
    return inbound.has_expired_test(tx, before=tx.now - KEPT_MICROSECONDS)


def expire_tests(tx: WriteTx) -> None:
    """Clear what those showed."""
    inbound.clear_expired_tests(tx, before=tx.now - KEPT_MICROSECONDS)


def note_arrivals(tx: WriteTx, *, token_id: int, events: Sequence[ReadEvent]) -> None:
    """Keep what a request of an address that is tested brought."""
    test = inbound.get_test(tx, token_id=token_id)
    assert test is not None, "the address is tested"
    found = [_arrival_of(read, at=tx.now) for read in events if not isinstance(read.event, InboundLink)]
    arrived = [*test.arrived, *(found or [Arrival(tx.now, "nothing")])]
    inbound.save_arrived(tx, token_id=token_id, arrived=arrived[-ARRIVALS_MAX:])


def _arrival_of(read: ReadEvent, *, at: int) -> Arrival:
    event = read.event
    match event:
        case InboundMessage():
            means = "review" if read.reading.why else read.reading.meaning
            return Arrival(at, "message", means, event.channel, event.sender, _ends_of(event))
        case InboundSignal():
            return Arrival(at, "signal", event.kind, event.scope.channel, event.scope.sender, _ends_of(event))
        case InboundSubscription():
            return Arrival(
                at, "subscription", "begins" if event.active else "ends", sender=event.sender, ends=_ends_of(event)
            )
        case InboundDoubt():
            return Arrival(at, "doubt", "review", event.channel, event.sender, _ends_of(event))
        case DeliveryReport():
            return Arrival(at, "report", event.state, ends=_ends_of(event))
        case InboundUnreadable():
            return Arrival(at, "unreadable")
        case _:
            return Arrival(at, "nothing")


def _ends_of(event: InboundEvent) -> str:
    """The last digits of the number; blank where none is named."""
    written = getattr(event, "number", None) or ""
    return "".join(filter(str.isdecimal, written))[-DIGITS_SHOWN:]
