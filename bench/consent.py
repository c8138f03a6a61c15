"""Rows about consent: decisions, audiences, what the ledger costs a create, and how soon a STOP is durable.

The book's people are all in one group; 5 % of them opted out, half of marketing by SMS, half of that sender alone, so
that none is suppressed and each must be judged.
"""

from __future__ import annotations

import http.client
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from statistics import median

import msgspec

from bench.data import ACTOR, Book, Books
from bench.load import Creates, run_wrk
from bench.people import CREATED_AT, mobile_of
from bench.plan import FOLDER, HOME, SECRET, BenchFailed, Plan
from bench.rounds import Line, at_most, interleave, median_ratio, remark, shown_rate
from bench.server import FIRST_FRESH, Server, free_port, run_daftari, run_server
from daftari.model.consent import NewFact, Scope
from daftari.rules.access.inbound_tokens import create_token
from daftari.rules.access.projects import list_projects
from daftari.rules.consent.ledger import record_facts
from daftari.rules.contacts.groups import create_group, join_group
from daftari.store import Store, WriteTx, open_store

EVERYBODY = "everybody"
ASKED = 10_000
BATCH = 10_000
OPTED_OUT_EVERY = 20
"""One number of so many: 5 %."""
SCATTER = 7_919
"""A prime, so that the numbers asked about lie all over the book, 5 % of them opted out."""
DECISIONS_MIN = 100_000
NUMBERS_MIN = 400_000
FLAT_BYTES_MAX = 32 * 1024 * 1024
"""What a server's memory may grow by while it sends an audience, and still count as flat."""
BEFORE = "37f247d"
"""The last commit without the ledger."""
CREATE_ROWS = 1_000
SLOWER_MAX = 1.10
STOP_MAX = 2.0
SINGLE_CALLS = 200

Seconds = float


# ---- decisions and audiences ----------------------------------------------------------------------------


def decide_sqlite(plan: Plan, books: Books) -> list[Line]:
    """Decisions, 10,000 a call, and an audience of everybody, SQLite."""
    book = books.copy(books.sqlite(plan.rows), to="consent")
    _open_out(book)
    with run_daftari(plan, database=book.database, key=book.key) as server:
        return [_decide(plan, server, "SQLite"), *_stream(plan, server, "SQLite")]


def decide_postgres(plan: Plan, books: Books) -> list[Line]:
    """The same on PostgreSQL."""
    book = books.copy(books.on_postgres(plan.rows), to="consent")
    _open_out(book)
    with run_daftari(plan, database=book.database, key=book.key) as server:
        return [_decide(plan, server, "PostgreSQL"), *_stream(plan, server, "PostgreSQL")]


def _open_out(book: Book) -> None:
    """Let everybody join one group, and one in twenty opt out of something."""
    store = open_store(book.database, threads=1, secret=SECRET)
    try:
        store.write(book.project_id, ACTOR, create_group, name=EVERYBODY, now=CREATED_AT)
        for first in range(1, book.rows + 1, BATCH):
            ids = list(range(first, min(first + BATCH, book.rows + 1)))
            store.write(book.project_id, ACTOR, join_group, name=EVERYBODY, ids=ids, mobiles=[], now=CREATED_AT)
        people = range(OPTED_OUT_EVERY, book.rows + 1, OPTED_OUT_EVERY)
        for place in range(0, len(people), BATCH):
            _opt_out(store, book, list(people[place : place + BATCH]))
    finally:
        store.close()


def _opt_out(store: Store, book: Book, people: list[int]) -> None:
    scopes = (Scope("sms", "*", "marketing"), Scope("sms", "SHOP", "*"))
    facts = [
        NewFact(place, mobile_of(person), "opt_out", scopes[place % 2], CREATED_AT, "inbound")
        for place, person in enumerate(people)
    ]
    store.write(book.project_id, ACTOR, _record, facts=facts)


def _record(tx: WriteTx, *, facts: list[NewFact]) -> None:
    record_facts(tx, facts=facts, now=CREATED_AT)


def _decide(plan: Plan, server: Server, engine: str) -> Line:
    """How many decisions a second one server process gives one caller, from the first byte sent to the last read."""
    people = [1 + place * SCATTER % plan.rows for place in range(ASKED)]
    mobiles = [f"0{str(mobile_of(person))[3:]}" for person in people]
    body = msgspec.json.encode({"mobiles": mobiles, "channel": "sms", "sender": "SHOP", "purpose": "marketing"})
    times = []
    answer = b""
    for _ in range(plan.rounds * 3):
        seconds, answer = _call(server, "POST", "/v1/can-message", body)
        times.append(seconds)
    refused = answer.count(b'"allowed":false')
    rate = ASKED / median(times)
    return Line(
        what=f"decisions, {ASKED:,} a call, {engine}, one server process",
        goal=f"≥ {DECISIONS_MIN:,}/s",
        measured=f"{shown_rate(rate)} ({refused:,} of {ASKED:,} refused, {median(times) * 1000:.0f} ms a call)",
        met=rate >= DECISIONS_MIN,
    )


def _stream(plan: Plan, server: Server, engine: str) -> list[Line]:
    path = f"/v1/audience?group={EVERYBODY}&channel=sms&sender=SHOP&purpose=marketing"
    before = max(server.resident_bytes().values())
    times, counts = [], []
    largest = before
    for _ in range(plan.rounds):
        seconds, answer = _call(server, "GET", path, None)
        times.append(seconds)
        counts.append(msgspec.json.decode(answer.rstrip().rpartition(b"\n")[2])["count"])
        largest = max(largest, *server.resident_bytes().values())
    rate = counts[0] / median(times)
    grown = largest - before
    what = f"audience of {plan.rows:,} members, 5 % opted out, NDJSON, {engine}"
    shown = f"{shown_rate(rate)} ({counts[0]:,} numbers in {median(times):.2f} s)"
    if engine != "SQLite":
        return [remark(what, shown), remark("the server's memory meanwhile", f"{grown / 1_000_000:+.1f} MB")]
    return [
        Line(what=what, goal=f"≥ {NUMBERS_MIN:,} numbers a second", measured=shown, met=rate >= NUMBERS_MIN),
        Line(
            what="the server's memory meanwhile",
            goal="flat (≤ 32 MB more)",
            measured=f"{grown / 1_000_000:+.1f} MB",
            met=grown <= FLAT_BYTES_MAX,
        ),
    ]


def _call(server: Server, method: str, path: str, body: bytes | None) -> tuple[Seconds, bytes]:
    """One call, and how long it took. Raises ``BenchFailed`` when it is refused."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    headers = {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"}
    try:
        begun = time.perf_counter()
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        taken = time.perf_counter() - begun
    finally:
        connection.close()
    if answer.status >= 400:
        raise BenchFailed(f"{method} {path} answered {answer.status}: {content[:500]!r}")
    return taken, content


# ---- what the ledger costs a create ------------------------------------------------------------------------


def before_sqlite(plan: Plan, books: Books) -> list[Line]:
    """Create 1,000 a call beside the last commit without the ledger, SQLite."""
    old = _unpack_before()
    with ExitStack() as stack:
        sides: dict[str, Callable[[], float]] = {}
        for name, source in (("before", old), ("now", HOME / "src")):
            server = stack.enter_context(_run_fresh(plan, source, name))
            sides[name] = _create_rate(plan, server)
        rates = interleave(sides, rounds=plan.rounds * 2)
    slower = 1 / median_ratio(rates["now"], rates["before"])
    shown = f"{shown_rate(median(rates['before']))} before, {shown_rate(median(rates['now']))} now"
    what = f"time of a create of {CREATE_ROWS:,} into a group, SQLite, beside {BEFORE}"
    return [at_most(what, slower, SLOWER_MAX, of="before this ledger", rates=shown)]


def _unpack_before() -> Path:
    """The sources of that commit, from the repository's own history."""
    folder = FOLDER / f"before-{BEFORE}"
    if not folder.exists():
        found = subprocess.run(["git", "-C", str(HOME), "archive", BEFORE, "src"], capture_output=True, check=False)
        if found.returncode:
            raise BenchFailed(f"The commit {BEFORE} is not in this clone; 'git fetch --unshallow' brings it.")
        with tarfile.open(fileobj=BytesIO(found.stdout)) as archive:
            archive.extractall(folder, filter="data")
    return folder / "src"


@contextmanager
def _run_fresh(plan: Plan, source: Path, name: str) -> Iterator[Server]:
    """A server of these sources on a new file with one project."""
    file = FOLDER / f"fresh-{name}.db"
    for left in FOLDER.glob(f"{file.name}*"):
        left.unlink()
    extra = {"PYTHONPATH": f"{source}:{HOME}"}
    daftari = [sys.executable, "-m", "daftari"]
    where = ["--database", str(file)]
    environ = {**extra, "DAFTARI_SECRET": SECRET}
    said = ""
    for words in (["migrate"], ["project", "create", "Big"]):
        said = subprocess.run(
            [*daftari, *words, *where], env=environ, cwd=FOLDER, capture_output=True, check=True, text=True
        ).stdout
    key = next(word for word in said.split() if word.startswith("daf_"))
    port = free_port()
    command = [*daftari, "serve", *where, "--host", "127.0.0.1", "--port", str(port), "--no-worker"]
    with run_server(name=name, command=command, port=port, key=key, path="/v1/health", extra=extra) as server:
        yield server


def _create_rate(plan: Plan, server: Server) -> Callable[[], float]:
    def turn() -> float:
        first, last = server.take_numbers(round(250_000 * plan.seconds))
        work = Creates(rows=CREATE_ROWS, group="fresh", first=first, last=last)
        return run_wrk(plan, server=server, work=work, connections=plan.few_connections).rate * CREATE_ROWS

    return turn


# ---- how soon a STOP is durable ------------------------------------------------------------------------------


def stop_sqlite(plan: Plan, books: Books) -> list[Line]:
    """One inbound STOP, acknowledged durable, beside one create, SQLite."""
    book = books.copy(books.sqlite(plan.rows), to="stop")
    return _stop(plan, book, "SQLite")


def stop_postgres(plan: Plan, books: Books) -> list[Line]:
    """The same on PostgreSQL."""
    book = books.copy(books.on_postgres(plan.rows), to="stop")
    return _stop(plan, book, "PostgreSQL")


def _stop(plan: Plan, book: Book, engine: str) -> list[Line]:
    store = open_store(book.database, threads=1, secret=SECRET)
    try:
        big = next(one for one in store.system_read(list_projects) if one.id == book.project_id)
        token, _ = store.system_write(
            create_token,
            project=big,
            provider="generic",
            label="bench",
            signing_secret=None,
            verify_token=None,
            now=CREATED_AT,
        )
    finally:
        store.close()
    with run_daftari(plan, database=book.database, key=book.key) as server:
        sides = {"stop": _stop_time(server, f"/v1/inbound/generic/{token}"), "create": _create_time(server)}
        times = interleave(sides, rounds=plan.rounds)
    shown = f"{median(times['stop']) * 1000:.2f} ms to {median(times['create']) * 1000:.2f} ms, one after the other"
    ratio = median_ratio(times["stop"], times["create"])
    return [
        at_most(
            f"one inbound STOP of a contact in two groups, {engine}", ratio, STOP_MAX, of="one create", rates=shown
        ),
        remark("what is compared", f"the median of {SINGLE_CALLS} calls on one connection, each durable when answered"),
    ]


def _stop_time(server: Server, path: str) -> Callable[[], Seconds]:
    people = iter(range(7, 10_000_000, 7))

    def body() -> bytes:
        person = next(people)
        event = {"from": f"+{mobile_of(person)}", "to": "20880", "text": "STOP", "id": f"m{person}"}
        return msgspec.json.encode({"messages": [event]})

    return lambda: _single_time(server, path, body)


def _create_time(server: Server) -> Callable[[], Seconds]:
    numbers = iter(range(FIRST_FRESH, FIRST_FRESH + 10_000_000))

    def body() -> bytes:
        return msgspec.json.encode({"contact": {"mobile": f"+{next(numbers)}"}, "group": "fresh"})

    return lambda: _single_time(server, "/v1/contacts", body)


def _single_time(server: Server, path: str, body: Callable[[], bytes]) -> Seconds:
    """The median time of single calls on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"}
    times = []
    for _ in range(SINGLE_CALLS):
        content = body()
        begun = time.perf_counter()
        connection.request("POST", path, content, headers)
        answer = connection.getresponse()
        answer.read()
        times.append(time.perf_counter() - begun)
        if answer.status >= 400:
            raise BenchFailed(f"POST {path} answered {answer.status}")
    connection.close()
    return median(times)
