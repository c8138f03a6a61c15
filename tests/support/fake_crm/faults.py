"""The fault layer of a fake CRM: which calls go wrong, and how. Everything random comes from one integer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Literal, TypeVar

from tests.support.fake_crm.exchange import Answer

Fault = Literal[
    "limit",  # 429 with its headers
    "bare_limit",  # 429 without a header and without JSON
    "page",  # 403 with a page for people
    "moving",  # 477
    "error",  # 500
    "gateway",  # 502 with a page
    "closed",  # 503 for two minutes
    "lost",  # obeyed, no answer
    "cut",  # obeyed, half an answer
    "drip",  # obeyed, a byte at a time
    "nonsense",  # 200 with what is no JSON
]
FAULTS: tuple[Fault, ...] = (
    *("limit", "bare_limit", "page", "moving", "error"),
    *("gateway", "closed", "lost", "cut", "drip", "nonsense"),
)
T = TypeVar("T")


class Faults:
    """Chooses the fault of each call. ``next`` are those of the next calls, before any that is random."""

    def __init__(self, seed: int, *, rate: float = 0.0, kinds: Sequence[Fault] = FAULTS) -> None:
        self._random = Random(seed)
        self.rate = rate
        self.kinds = kinds
        self.next: list[Fault | None] = []
        self.broken = ""
        """A parameter with which every call fails."""

    def choose(self) -> Fault | None:
        if self.next:
            return self.next.pop(0)
        return self._random.choice(self.kinds) if self._random.random() < self.rate else None

    def treat(self, obey: Callable[[], Answer], limit: Callable[[bool], Answer]) -> Answer:
        """The answer to a call that ``obey`` would answer well."""
        match self.choose():
            case "limit":
                return limit(True)
            case "bare_limit":
                return limit(False)
            case "page":
                return Answer.page(403)
            case "moving":
                return Answer.of({"status": "error", "message": "Migration in progress"}, 477, {"retry-after": "120"})
            case "error":
                return Answer.of({"status": "error", "message": "internal error"}, 500)
            case "gateway":
                return Answer.page(502, "<html>502 Bad Gateway</html>")
            case "closed":
                return Answer.of({"message": "maintenance"}, 503, {"retry-after": "120"})
            case "nonsense":
                return Answer(200, b'{"results": [{"id": "1', {"content-type": "application/json"})
            case "lost" | "cut" | "drip" as kind:
                good = obey()
                return Answer(
                    good.status, good.body, good.headers, lost=kind == "lost", cut=kind == "cut", drips=kind == "drip"
                )
            case None:
                return obey()

    def deliver(self, events: Iterable[T], *, drop: float = 0.1, repeat: float = 0.05, late: float = 0.1) -> list[T]:
        """Webhooks as they arrive: some never, some twice, some after all the others, none in a sure order."""
        soon: list[T] = []
        later: list[T] = []
        for event in events:
            if self._random.random() < drop:
                continue
            times = 2 if self._random.random() < repeat else 1
            (later if self._random.random() < late else soon).extend([event] * times)
        self._random.shuffle(later)
        return soon + later
