"""How a fake CRM counts calls: in a moving window, and in a day."""

from __future__ import annotations

from collections import deque

from tests.support.fake_crm.exchange import Clock


class Window:
    """At most ``most`` in any ``seconds``; ``refused`` counts what was too much."""

    def __init__(self, clock: Clock, most: int, seconds: float) -> None:
        self.clock = clock
        self.most = most
        self.seconds = seconds
        self.refused = 0
        self._taken: deque[float] = deque()

    def take(self) -> bool:
        now = self.clock.now()
        while self._taken and self._taken[0] <= now - self.seconds:
            self._taken.popleft()
        if len(self._taken) >= self.most:
            self.refused += 1
            return False
        self._taken.append(now)
        return True

    @property
    def remaining(self) -> int:
        return self.most - len(self._taken)


class Day:
    """At most ``most`` from one midnight to the next, in a zone so far ahead of UTC."""

    def __init__(self, clock: Clock, most: int, *, ahead_seconds: float = 0.0) -> None:
        self.clock = clock
        self.most = most
        self.ahead_seconds = ahead_seconds
        self.used = 0
        self._day = 0

    def take(self, cost: int = 1) -> bool:
        day = int((self.clock.now() + self.ahead_seconds) // 86_400)
        if day != self._day:
            self._day, self.used = day, 0
        if self.used + cost > self.most:
            return False
        self.used += cost
        return True

    @property
    def remaining(self) -> int:
        return self.most - self.used
