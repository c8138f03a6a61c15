"""A messaging provider that is none: a real HTTP server, in a process of its own, that speaks each provider's dialect.

It takes every message that a real one would take and remembers it, so that a test knows who got what, and how often. It
can be asked to behave badly in every way that is known of providers (``Rule``), and to report (``Reports``). It knows
nothing of Daftari: its dialects are written from the providers' documentation, and compared with their own SDKs.
By hand: ``python -m tests.support.fake_provider --port 9000``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.request import Request, urlopen

from msgspec import convert, to_builtins

from tests.support.fake_provider.dialects import Taken
from tests.support.fake_provider.rules import Reports, Rule, Seen

__all__ = ["SECRET", "FakeProvider", "Reports", "Rule", "Seen", "Taken", "fake_provider"]

SECRET = "kikapu"
"""What it proves its reports with, unless it is given another one."""
STOP_SECONDS_MAX = 10.0


class FakeProvider:
    """One that runs, as a test sees it."""

    def __init__(self, port: int) -> None:
        self.port = port

    def url(self, provider: str) -> str:
        """What a gateway has for ``base_url``, or the generic one for its URL."""
        return f"http://127.0.0.1:{self.port}/{provider}"

    def behave(self, *rules: Rule) -> None:
        """Follow these rules in turn, each for as many calls as it says; then, or without rules, behave well."""
        self._ask("rules", to_builtins(rules))

    def release(self) -> None:
        """Give the answers that were held back."""
        self._ask("release", None)

    def wait_until_held(self, calls: int = 1) -> None:
        """Return as soon as so many answers are held back."""
        self._ask("held", calls)

    def report(self, reports: Reports) -> list[int]:
        """Report on all messages taken so far, now; the statuses that it was answered."""
        return convert(self._ask("report", to_builtins(reports)), list[int])

    def use_secret(self, secret: str) -> None:
        self._ask("secret", secret)

    @property
    def taken(self) -> list[Taken]:
        """Every message that was taken, in order."""
        return convert(self._ask("taken", None), list[Taken])

    @property
    def calls(self) -> int:
        """How many calls came that send, taken or not."""
        return convert(self._ask("calls", None), int)

    def seen(self) -> Seen:
        """How many messages were taken, without the messages."""
        return convert(self._ask("seen", None), Seen)

    def forget(self) -> None:
        """Forget messages and rules."""
        self._ask("forget", None)

    def _ask(self, what: str, given: object) -> object:
        request = Request(f"http://127.0.0.1:{self.port}/_fake/{what}", data=json.dumps(given).encode(), method="POST")
        with urlopen(request, timeout=60) as response:
            return json.loads(response.read())


@contextmanager
def fake_provider(arguments: Sequence[str] = ()) -> Iterator[FakeProvider]:
    """One until the block ends. It also ends with this process, however that ends."""
    command = [sys.executable, "-m", "tests.support.fake_provider", *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    try:
        yield FakeProvider(int(process.stdout.readline()))
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(STOP_SECONDS_MAX)
