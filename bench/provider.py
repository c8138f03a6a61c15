"""The fake provider of the tests, in a process of its own, and Daftari's processes that send to it.

Only HTTP and command lines: the benchmark imports neither Daftari nor its tests.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

import msgspec
from msgspec import Struct

from bench.checkout import HERE, environment
from bench.datasets import Dataset
from bench.server import IMPORTABLE, Server, cpu_seconds, free_port, run_server, serve_command, start_process
from bench.settings import BenchFailed

ANSWER_SECONDS = 0.005
WAIT_SECONDS_MAX = 1_800.0
POLL_SECONDS = 0.05
SENDER = "DUKA"
SECRET = "kikapu"
ACCOUNTS: Mapping[int, Mapping[str, Any]] = {
    1: {"gateway": "twilio", "settings": {"account_sid": "AC1"}, "credentials": {"secret": SECRET}},
    100: {"gateway": "sozuri", "settings": {"project": "Duka"}, "credentials": {"api_key": SECRET}},
}
"""By how many messages a call carries at most."""


class Provider:
    """A fake provider that runs."""

    def __init__(self, port: int) -> None:
        self.port = port

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"

    def behave(self, **rule: object) -> None:
        """Treat every call so."""
        self._ask("rules", [rule])

    @property
    def calls(self) -> int:
        """How many calls came that send."""
        return int(self._ask("calls", None))

    def taken(self) -> int:
        """How many messages were taken. Raises ``BenchFailed`` when a number got two."""
        seen = self._ask("seen", None)
        if seen["twice"]:
            raise BenchFailed(f"{len(seen['twice'])} numbers got more than one message.")
        return int(seen["taken"])

    def report(self) -> int:
        """Report every message so far as delivered, a call each. Returns how many were answered 200."""
        return sum(status == 200 for status in self._ask("report", {"states": ["delivered"]}))

    def _ask(self, what: str, given: object) -> Any:
        request = Request(f"http://127.0.0.1:{self.port}/_fake/{what}", data=json.dumps(given).encode(), method="POST")
        with urlopen(request, timeout=600) as response:
            return json.loads(response.read())


@contextmanager
def run_provider() -> Iterator[Provider]:
    """One that answers every call after ``ANSWER_SECONDS``, until the block ends."""
    command = [str(HERE.python), "-m", "tests.support.fake_provider", "--secret", SECRET]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment() | IMPORTABLE)
    assert process.stdin is not None and process.stdout is not None
    try:
        provider = Provider(int(process.stdout.readline()))
        provider.behave(delay_seconds=ANSWER_SECONDS)
        yield provider
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


class Service(Struct, frozen=True):
    """A server without a worker, the provider that its senders send to, and the settings of its processes."""

    server: Server
    provider: Provider
    dataset: Dataset
    settings: Mapping[str, str]

    def create_sender(self, call_max: int, *, parts_per_second: int, in_flight: int) -> None:
        """A sender at the provider, so many messages a call."""
        account = ACCOUNTS[call_max]
        settings = {**account["settings"], "base_url": self.provider.url(account["gateway"])}
        speed = {"parts_per_second": parts_per_second, "in_flight": in_flight}
        sender = {"name": SENDER, "channel": "sms", "purpose": "transactional", **account, "settings": settings}
        self.server.call("POST", "/v1/senders", sender | speed)

    def create_campaign(self, text: str) -> str:
        """A draft to everyone. Returns its path."""
        draft = {"name": "Offer", "sender": SENDER, "text": text, "everyone": True}
        return f"/v1/campaigns/{self.ask('POST', '/v1/campaigns', draft)['campaign']['id']}"

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The answer of a call, read."""
        return msgspec.json.decode(self.server.call(method, path, body))

    @contextmanager
    def worker(self, name: str = "worker") -> Iterator[int]:
        """A worker, until the block ends: the id of its process."""
        command = HERE.command("worker", "--database", self.dataset.database)
        with start_process(name=name, command=command, extra=self.settings) as process:
            yield process.pid

    def wait_for_calls(self, calls: int = 1) -> None:
        """Wait until the provider had so many calls. Raises ``BenchFailed``."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while self.provider.calls < calls:
            if time.monotonic() > deadline:
                raise BenchFailed("The worker sends nothing; see .bench/logs/worker.log.")
            time.sleep(0.002)

    def wait_for_end(self, campaign: str) -> None:
        """Wait until a campaign is finished. Raises ``BenchFailed``."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while self.ask("GET", campaign)["campaign"]["state"] != "finished":
            if time.monotonic() > deadline:
                raise BenchFailed("The campaign does not end; see .bench/logs/worker.log.")
            time.sleep(POLL_SECONDS)


@contextmanager
def run_service(dataset: Dataset) -> Iterator[Service]:
    """A server over a dataset, which providers reach, and a provider."""
    with run_provider() as provider:
        port = free_port()
        settings = {
            "DAFTARI_OUTBOUND_HOSTS": f"127.0.0.1:{provider.port}",
            "DAFTARI_PUBLIC_URL": f"http://127.0.0.1:{port}",
        }
        command = serve_command(database=dataset.database, port=port)
        with run_server(
            name="daftari", command=command, port=port, key=dataset.key, path="/v1/health", extra=settings
        ) as server:
            yield Service(server, provider, dataset, settings)


class Spent(Struct, frozen=True):
    """How long something took, and the processor time of a process meanwhile, in seconds."""

    seconds: float
    cpu: float


@contextmanager
def measured(pid: int) -> Iterator[list[Spent]]:
    """What the block took, in a list that has it when the block has ended."""
    found: list[Spent] = []
    began, before = time.perf_counter(), cpu_seconds(pid)
    yield found
    found.append(Spent(time.perf_counter() - began, cpu_seconds(pid) - before))
