"""Rows about sending: messages a second, one speed for two workers, and reports that arrive meanwhile.

The provider is a process of its own on loopback, which answers after 5 ms and remembers every message that it took. It
shares the machine's cores, so that what counts is the processor time of Daftari's own process.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from statistics import median

from bench.checkout import HERE, environment
from bench.datasets import Datasets, Engine
from bench.provider import Service, Spent, measured, run_provider, run_service
from bench.ratios import Line, at_most, remark, show_rate
from bench.settings import ROOT, BenchFailed, Settings

TEXT = "We open at nine."
MESSAGES = {1: 10_000, 100: 100_000}
"""Contacts in the dataset, each of which gets a message, by how many a call carries."""
QUICK = 10_000
IN_FLIGHT = {1: 50, 100: 10}
GOALS: dict[tuple[int, Engine], int] = {
    (1, "SQLite"): 1_000,
    (1, "PostgreSQL"): 700,
    (100, "SQLite"): 5_000,
    (100, "PostgreSQL"): 3_500,
}
SPEED_MAX = 10_000
LIMITED = 200
LIMITED_SHARE = 0.02
SETTLE_SECONDS = 4.0
LIMITED_SECONDS = 20.0
REPORTS_MIN = 1_000
REPORTED = 4_000
SEND_TIMES = 1.2
PROBES = 200


# ---- messages a second ----------------------------------------------------------------------------------


def send_sqlite(settings: Settings, datasets: Datasets) -> list[Line]:
    """Messages a second of one worker, SQLite."""
    return [line for call_max in MESSAGES for line in _send(settings, datasets, "SQLite", call_max)]


def send_postgres(settings: Settings, datasets: Datasets) -> list[Line]:
    """Messages a second of one worker, PostgreSQL."""
    return [line for call_max in MESSAGES for line in _send(settings, datasets, "PostgreSQL", call_max)]


def _send(settings: Settings, datasets: Datasets, engine: Engine, call_max: int) -> list[Line]:
    messages = QUICK if settings.quick else MESSAGES[call_max]
    runs, plain = [], []
    for _ in range(1 if settings.quick else 3):
        dataset = datasets.copy(datasets.get(engine, rows=messages), to="sending")
        with run_service(dataset) as service:
            runs.append(_run_campaign(service, call_max))
        plain.append(_run_plain(messages, call_max))
    rate = median(messages / run.seconds for run in runs)
    per_cpu = median(messages / run.cpu for run in runs)
    theirs = median(messages / run.seconds for run in plain)
    their_cpu = median(messages / run.cpu for run in plain)
    goal = GOALS[call_max, engine]
    return [
        Line(
            what=f"messages a second, one worker, {call_max} a call, {IN_FLIGHT[call_max]} calls under way, {engine}",
            goal=f"≥ {goal:,} a second of processor time",
            measured=f"{show_rate(per_cpu)} of the worker's processor time; {show_rate(rate)} by the clock",
            met=per_cpu >= goal,
        ),
        remark(
            "compared with a loop of the same HTTP library that keeps nothing, in the same run",
            f"{rate / theirs:.2f} × ({show_rate(theirs)}); by processor time {per_cpu / their_cpu:.2f} ×",
        ),
    ]


def _run_campaign(service: Service, call_max: int) -> Spent:
    """From the first call to the end of a campaign to everyone."""
    service.create_sender(call_max, parts_per_second=SPEED_MAX, in_flight=IN_FLIGHT[call_max])
    campaign = service.create_campaign(TEXT)
    service.ask("POST", f"{campaign}/start")
    with service.worker() as pid:
        service.wait_for_calls()
        with measured(pid) as spent:
            service.wait_for_end(campaign)
    if service.provider.taken() != service.dataset.rows:
        raise BenchFailed(f"The provider took {service.provider.taken():,} messages.")
    return spent[0]


def _run_plain(messages: int, call_max: int) -> Spent:
    """The same messages from a loop that keeps nothing."""
    with run_provider() as provider:
        place = "twilio/2010-04-01/Accounts/AC1" if call_max == 1 else "sozuri/v1"
        words = [provider.url(place), str(messages), str(IN_FLIGHT[call_max]), str(call_max)]
        command = [str(HERE.python), str(ROOT / "bench" / "plain_sender.py"), *words]
        done = subprocess.run(command, env=environment(), capture_output=True, check=False)
        if done.returncode:
            raise BenchFailed(f"The plain loop failed: {done.stderr.decode()[-500:]}")
        return Spent(*json.loads(done.stdout))


# ---- two workers ----------------------------------------------------------------------------------------


def two_workers_sqlite(settings: Settings, datasets: Datasets) -> list[Line]:
    """Two workers on one sender that may send 200 parts a second, SQLite."""
    return [_two_workers(settings, datasets, "SQLite")]


def two_workers_postgres(settings: Settings, datasets: Datasets) -> list[Line]:
    """Two workers on one sender that may send 200 parts a second, PostgreSQL."""
    return [_two_workers(settings, datasets, "PostgreSQL")]


def _two_workers(settings: Settings, datasets: Datasets, engine: Engine) -> Line:
    dataset = datasets.copy(datasets.get(engine, rows=QUICK), to="sending")
    with run_service(dataset) as service:
        service.create_sender(1, parts_per_second=LIMITED, in_flight=IN_FLIGHT[1])
        service.ask("POST", f"{service.create_campaign(TEXT)}/start")
        with service.worker("worker"), service.worker("worker-2"):
            service.wait_for_calls()
            time.sleep(SETTLE_SECONDS)
            began, before = time.perf_counter(), service.provider.taken()
            time.sleep(LIMITED_SECONDS / 4 if settings.quick else LIMITED_SECONDS)
            rate = (service.provider.taken() - before) / (time.perf_counter() - began)
    return Line(
        what=f"two workers on one sender of {LIMITED} parts a second, {engine}",
        goal=f"{LIMITED}/s ± {LIMITED_SHARE:.0%}",
        measured=f"{rate:.1f}/s",
        met=abs(rate - LIMITED) <= LIMITED * LIMITED_SHARE,
    )


# ---- reports --------------------------------------------------------------------------------------------


def reports_sqlite(settings: Settings, datasets: Datasets) -> list[Line]:
    """Delivery reports, each a call of its own, while a campaign is sent, SQLite."""
    dataset = datasets.copy(datasets.get("SQLite", rows=QUICK), to="sending")
    with run_service(dataset) as service:
        service.create_sender(1, parts_per_second=LIMITED, in_flight=10)
        service.ask("POST", f"{service.create_campaign(TEXT)}/start")
        with service.worker():
            service.wait_for_calls(REPORTED // (10 if settings.quick else 1))
            alone = _time_sends(service)
            with measured(service.server.process.pid) as spent:
                count = service.provider.report()
            meanwhile = _time_sends_during_reports(service)
    reports, cpu = count / spent[0].seconds, count / spent[0].cpu
    return [
        Line(
            what="delivery reports as single calls while a campaign is sent, SQLite",
            goal=f"≥ {REPORTS_MIN:,} a second of processor time",
            measured=f"{show_rate(cpu)} of the server's processor time; {show_rate(reports)} by the clock",
            met=cpu >= REPORTS_MIN,
        ),
        at_most(
            "p99 of a call that sends one message, meanwhile",
            meanwhile / alone,
            SEND_TIMES,
            of="without reports",
            rates=f"{meanwhile * 1000:.0f} ms to {alone * 1000:.0f} ms",
        ),
    ]


def _time_sends_during_reports(service: Service) -> float:
    """The p99 in seconds of calls that send one message each, while all reports come again."""
    reporting = threading.Thread(target=service.provider.report)
    reporting.start()
    p99 = _time_sends(service)
    reporting.join()
    return p99


def _time_sends(service: Service) -> float:
    """The p99 in seconds of calls that send one message each, one after the other."""
    times = []
    for _ in range(PROBES):
        number, _ = service.server.take_numbers(1)
        began = time.perf_counter()
        service.ask("POST", "/v1/messages", {"sender": "DUKA", "text": TEXT, "mobiles": [str(number)]})
        times.append(time.perf_counter() - began)
    return sorted(times)[int(len(times) * 0.99)]
