"""Calls to another system: their pace, the day's budget, and what is tried again. No system's format, no database.

Time is given: the clock and the wait are the caller's. What a status means is decided by the system's own module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol, TypeVar

import msgspec
from msgspec import Struct

from daftari.connectors.protocol import ConnectorFailed
from daftari.connectors.times import SECOND, find_zone, next_midnight, show_clock
from daftari.outbound.exchange import NotSent, OutboundRequest, OutboundResponse, OutboundResult, PerhapsSent

PAUSE_SECONDS_MAX = 15.0
"""A longer pause is not waited for within a call: the run ends and continues after it."""
RETRY_SECONDS = (1.0, 4.0)
"""The pauses after the first and the second failure, where the other system names none. After the third the call fails,
and the rest is left to the next run."""
RESPONSE_BYTES_MAX = 16 * 1024 * 1024
CALL_SECONDS = 30.0
PACE = 0.985
"""The part of an allowed rate that is used: the other system counts calls as they arrive, not as they leave."""
BURST_MAX = 4
"""Calls that may follow a first one at once."""
SAYS_MAX = 200
"""Characters of the other system's own words in a message."""
SHARE_PERCENT = 60
"""How much of a day's calls a connection uses for reading; the rest is for the owner's other programs."""

Send = Callable[[OutboundRequest], OutboundResult]
"""``OutboundClient.send``."""
T = TypeVar("T")


class TryAgain(Exception):
    """The call failed and may be sent again after a pause; ``failure`` is what is raised if it is not.

    ``taken``: whether the other system may have obeyed it. ``seconds``: the pause; ``None`` leaves it to the caller.
    """

    def __init__(self, failure: ConnectorFailed, *, seconds: float | None = None, taken: bool = True) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.seconds = seconds
        self.taken = taken


# ---- pace -------------------------------------------------------------------------------------------


class Pace(Protocol):
    """Says when the next call may be sent."""

    def take(self, now: float) -> float:
        """Returns how many seconds to wait before the next call, which is counted now."""


class Bucket:
    """Spreads calls so that at most ``most`` fall into any ``seconds``; a few may follow each other at once."""

    def __init__(self, most: int, seconds: float) -> None:
        self._at = 0.0
        self._tokens = 0.0
        self._size = 0.0
        self.allow(most, seconds)
        self._tokens = self._size

    def allow(self, most: int, seconds: float) -> None:
        """From now on, so many calls in so many seconds."""
        self._size = 1.0 + min(most // 40, BURST_MAX)
        self._rate = PACE * (most + 1 - self._size) / seconds
        self._tokens = min(self._tokens, self._size)

    def leave(self, remaining: int) -> None:
        """The other system counts so many calls left."""
        self._tokens = min(self._tokens, float(remaining))

    def take(self, now: float) -> float:
        """Returns how many seconds to wait before the next call, which is counted now."""
        self._tokens = min(self._size, self._tokens + max(now - self._at, 0.0) * self._rate)
        self._at = now
        self._tokens -= 1.0
        return max(-self._tokens, 0.0) / self._rate


# ---- the day ----------------------------------------------------------------------------------------


class Usage(Struct):
    """What a connection has used of a day, in calls or tokens. It outlives the connector; keep it with the cursor."""

    day: str = ""
    used: int = 0
    allowed: int = 0
    """What the system allows all programs together; 0 when it is not known."""


class Clock(Protocol):
    """The time in seconds since 1970, and a wait."""

    def now(self) -> float: ...

    def wait(self, seconds: float) -> None: ...


class Budget:
    """The calls of a day, counted by ourselves. A reading that would use more than our share ends."""

    def __init__(self, usage: Usage, *, zone: str, percent: int = SHARE_PERCENT) -> None:
        self.usage = usage
        self.zone = find_zone(zone)
        self._percent = percent

    @property
    def share(self) -> int:
        return self.usage.allowed * self._percent // 100

    def charge(self, cost: int, *, now: float, in_share: bool) -> bool:
        """Count a call. Returns whether it may be sent.

        Only a call that is ``in_share`` is refused, and then not counted.
        """
        day = datetime.fromtimestamp(now, self.zone).date().isoformat()
        if day != self.usage.day:
            self.usage.day, self.usage.used = day, 0
        if in_share and self.usage.used + cost > self.share:
            return False
        self.usage.used += cost
        return True

    def spent(self, title: str, unit: str, *, now: float) -> ConnectorFailed:
        """The error of a day whose calls are used up."""
        until = next_midnight(int(now * SECOND), self.zone)
        return ConnectorFailed(
            "limited",
            "daily_limit",
            f"{title}'s {unit} for today are used up ({self.usage.allowed:,}; {self.usage.used:,} by us). "
            f"It continues at {show_clock(until, self.zone)} its time.",
            until=until,
        )


# ---- calls ------------------------------------------------------------------------------------------

Judge = Callable[[OutboundResult], OutboundResponse]
"""Returns a response that can be used. Raises ``TryAgain`` or ``ConnectorFailed``."""
Charge = Callable[[], None]
"""Counts a call. Raises ``ConnectorFailed`` when there is no budget for it."""


class Caller:
    """Sends the calls of one connection, one at a time."""

    def __init__(self, send: Send, clock: Clock, *, usage: Usage | None = None) -> None:
        self._send = send
        self._clock = clock
        self.usage = usage or Usage()

    def now(self) -> float:
        return self._clock.now()

    def after(self, seconds: float) -> int:
        """So many seconds from now, in microseconds."""
        return int((self.now() + seconds) * SECOND)

    def call(
        self,
        request: OutboundRequest,
        *,
        bucket: Pace,
        judge: Judge,
        charge: Charge,
        repeats: bool = True,
    ) -> OutboundResponse:
        """Returns the first response that can be used.

        ``repeats``: whether a call that may have been obeyed does no harm when it is sent again. Raises
        ``ConnectorFailed``.
        """
        for pause in (*RETRY_SECONDS, None):
            if ahead := bucket.take(self._clock.now()):
                self._clock.wait(ahead)
            charge()
            try:
                return judge(self._send(request))
            except TryAgain as again:
                seconds = again.seconds or pause
                if pause is None or seconds is None or seconds > PAUSE_SECONDS_MAX or (again.taken and not repeats):
                    raise again.failure from None
                self._clock.wait(seconds)
        raise AssertionError("The last try returns or raises.")


def require_response(result: OutboundResult, *, title: str) -> OutboundResponse:
    """A whole response. Raises ``TryAgain`` when there is none, and ``ConnectorFailed`` when there cannot be one."""
    match result:
        case NotSent(cause="request" | "address", message=message):
            raise ConnectorFailed("broken", "address", f"{title} cannot be called: {message}")
        case NotSent(message=message):
            raise TryAgain(_unreachable(title, message), taken=False)
        case PerhapsSent(message=message):
            raise TryAgain(_unreachable(title, message))
        case OutboundResponse(incomplete=None):
            return result
        case OutboundResponse():
            raise TryAgain(unavailable(title, f"its answer broke off ({result.incomplete})"))


def _unreachable(title: str, message: str) -> ConnectorFailed:
    says = f"{title} cannot be reached now: {message} The next run tries again."
    return ConnectorFailed("again", "unreachable", says)


def unavailable(title: str, why: str, *, until: int | None = None) -> ConnectorFailed:
    """The error of a fault that may pass; ``until``: when it is worth trying again, if the other system says so."""
    says = f"{title} cannot be read now: {why}. The next run tries again."
    return ConnectorFailed("again", "unavailable", says, until=until)


def decode(body: bytes, kind: type[T], *, title: str) -> T:
    """A response's JSON as a record. Raises ``ConnectorFailed``."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        failure = unavailable(title, f"its answer is not what its documentation says ({str(error)[:SAYS_MAX]})")
        raise failure from None


def is_page(response: OutboundResponse) -> bool:
    """Whether this is a page for people, as a network in front of the system sends it."""
    return "html" in response.headers.get("content-type", "").lower() or response.body.lstrip()[:1] == b"<"


def read_number(headers: Mapping[str, str], name: str) -> int | None:
    """A header that is a whole number; ``None`` for any other one."""
    written = headers.get(name, "").strip()
    return int(written) if written.isdecimal() and len(written) < 12 else None


def without_secrets(text: str, secrets: Mapping[str, str]) -> str:
    """What the system says, cut, and without a secret that it may repeat."""
    for secret in secrets.values():
        if len(secret) >= 4:
            text = text.replace(secret, "…")
    return text[:SAYS_MAX]
