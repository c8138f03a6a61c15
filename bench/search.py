"""Rows about search: how fast the index is filled, what creates cost while it waits, and how long searches take.

The people have names as unlike as those of a country: 400 first and 4,000 last names, some far more common than others.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from itertools import combinations
from urllib.parse import quote

import apsw
import msgspec
import psycopg

from bench.checkout import HERE
from bench.datasets import PER_CALL, Datasets, Engine, join_group
from bench.ratios import Line, at_least, interleave, median_ratio, remark, show_rate
from bench.server import Server, cpu_seconds, run_daftari, start_process
from bench.settings import FOLDER, BenchFailed, Settings
from bench.writes import ROWS, create_rate

PROJECTS = 3
SEED = 7
SYLLABLES = (
    *("wa", "mu", "ka", "ni", "jo", "ma", "ki", "a", "o", "che", "ru", "to", "nga", "ndi", "shi", "li", "be", "ra"),
    *("su", "ya", "ha", "zi", "pe", "te"),
)
FIRST_MOBILE = 254_710_000_000
NUMBERS = 10_000_000
"""Numbers of the people, in an order as good as random."""
GROUP = "vip"
GROUP_SHARE = 11
"""One in so many contacts is in the group."""
FILL_MIN = 15_000
CREATE_MIN = 0.9
P95_MS: dict[Engine, float] = {"SQLite": 50.0, "PostgreSQL": 150.0}
FILL_SECONDS_MAX = 3_600.0
WHOLE = """
SELECT COUNT(*) FROM search_index AS i JOIN book AS b ON b.project_id = i.project_id
WHERE i.filled_to IS NULL AND i.seq = b.next_change - 1
"""
NAMES = 100
PAIRS = 6
"""So many of the commonest first names are searched for in pairs, which no one has."""


def search_sqlite(settings: Settings, datasets: Datasets) -> list[Line]:
    """Search, SQLite."""
    return _search(settings, datasets, "SQLite")


def search_postgres(settings: Settings, datasets: Datasets) -> list[Line]:
    """Search, PostgreSQL."""
    return _search(settings, datasets, "PostgreSQL")


def _search(settings: Settings, datasets: Datasets, engine: Engine) -> list[Line]:
    people = _People()
    name = f"search_{engine.lower()}"
    if engine == "SQLite":
        for left in FOLDER.glob(f"{name}.db*"):
            left.unlink()
        database = str(FOLDER / f"{name}.db")
    else:
        datasets.postgres.create_database(name)
        database = datasets.postgres.url(name)
    HERE.run("migrate", "--database", database)
    keys = [HERE.run("project", "create", f"P{number}", "--database", database).strip() for number in range(PROJECTS)]
    with run_daftari(database=database, key=keys[0]) as server:
        projects = [Server(process=server.process, port=server.port, key=key) for key in keys]
        for project in projects:
            _fill(project, people, rows=settings.rows)
        filled = _fill_index(database, rows=settings.rows * PROJECTS, engine=engine)
        if engine == "PostgreSQL":
            datasets.postgres.settle(name)
        searched = _time_searches(projects, people, rows=settings.rows, engine=engine)
        return [*filled, *searched, _compare_creates(settings, database, projects[0], engine)]


class _People:
    """Names, and how common each is."""

    def __init__(self) -> None:
        self.chance = random.Random(SEED)
        self.first = self._names(400, (2, 2, 3))
        self.last = self._names(4_000, (2, 3, 3, 4))
        self.cities = self._names(60, (3,))
        self.companies = self._names(300, (2,))

    def _names(self, count: int, syllables: Sequence[int]) -> list[str]:
        found: dict[str, None] = {}
        while len(found) < count:
            found["".join(self.chance.choices(SYLLABLES, k=self.chance.choice(syllables)))] = None
        return [*found]

    def draw(self, names: Sequence[str], count: int) -> list[str]:
        """Some of the names, the first ones most often."""
        return self.chance.choices(names, [1 / (place + 1) ** 0.8 for place in range(len(names))], k=count)

    def rows(self, first: int, count: int) -> list[dict[str, str]]:
        """So many contacts."""
        drawn = zip(
            *(self.draw(names, count) for names in (self.first, self.last, self.cities, self.companies)), strict=True
        )
        rows = []
        for number, (fname, lname, city, company) in enumerate(drawn, start=first):
            row = {"mobile": str(FIRST_MOBILE + number * 7_919 % NUMBERS), "fname": fname.title()}
            row |= {"lname": lname.title(), "city": city.title(), "company": f"{company.title()} Ltd"}
            rows.append(row | ({"email": f"{fname}{number}@example.com"} if number % 3 == 0 else {}))
        return rows

    def searches(self) -> dict[str, list[str]]:
        """What is searched for, by kind."""
        names = [name for name in self.draw([*self.first, *self.last], 4 * NAMES) if len(name) >= 3][:NAMES]
        lengths = self.chance.choices(range(3, 9), k=NAMES)
        firsts, lasts = self.draw(self.first, NAMES // 2), self.draw(self.last, NAMES // 2)
        ends = [f"{self.chance.randrange(10**4):04}" for _ in range(NAMES // 4)]
        return {
            "names of 3 to 8 letters": [name[:length] for name, length in zip(names, lengths, strict=True)],
            "one letter": [*"abcjkmnorstwyz"],
            "two words": [f"{one[:4]} {other[:5]}" for one, other in zip(firsts, lasts, strict=True)],
            "pairs of common names that no one has": [" ".join(pair) for pair in combinations(self.first[:PAIRS], 2)],
            "number ends": ends,
            "number beginnings": [f"071{self.chance.randrange(10**4):04}" for _ in range(NAMES // 4)],
        }


def _fill(server: Server, people: _People, *, rows: int) -> None:
    for first in range(1, rows + 1, PER_CALL):
        server.call("POST", "/v1/contacts", {"contacts": people.rows(first, min(PER_CALL, rows + 1 - first))})
    server.call("POST", "/v1/groups", {"name": GROUP})
    join_group(server, GROUP, range(GROUP_SHARE, rows + 1, GROUP_SHARE))


def _fill_index(database: str, *, rows: int, engine: Engine) -> list[Line]:
    """Start a worker, and wait until the index has everything."""
    with start_process(name="worker", command=HERE.command("worker", "--database", database)) as worker:
        began, spent = time.monotonic(), cpu_seconds(worker.pid)
        while _count_whole(database) < PROJECTS:
            if time.monotonic() - began > FILL_SECONDS_MAX:
                raise BenchFailed(f"The index was not filled in {FILL_SECONDS_MAX:.0f} s.")
            time.sleep(1)
        seconds, processor = time.monotonic() - began, cpu_seconds(worker.pid) - spent
    rate = rows / seconds
    what = f"fill the search index of {PROJECTS} projects of {rows // PROJECTS:,} contacts, {engine}"
    shown = f"{rate:,.0f}/s ({seconds:.0f} s; {rows / processor:,.0f} a second of the worker's processor time)"
    return [Line(what=what, goal=f"≥ {FILL_MIN:,}/s", measured=shown, met=rate >= FILL_MIN)]


def _count_whole(database: str) -> int:
    """In how many projects the index has all that was written."""
    if database.startswith("postgresql"):
        with psycopg.connect(database) as session:
            row = session.execute(WHOLE.encode()).fetchone()
    else:
        connection = apsw.Connection(database)
        row = connection.execute(WHOLE).fetchone()
        connection.close()
    assert row is not None
    return int(row[0])


def _ask(server: Server, query: str) -> dict[str, object]:
    answer: dict[str, object] = msgspec.json.decode(server.call("GET", f"/v1/search?{query}"))
    return answer


def _time_searches(projects: Sequence[Server], people: _People, *, rows: int, engine: Engine) -> list[Line]:
    """Each search in each project, alone and within the group, one after the other."""
    by_kind: dict[str, list[float]] = {}
    for kind, texts in people.searches().items():
        for text in texts:
            for project in projects:
                for within in ("", f"&group={GROUP}"):
                    began = time.perf_counter()
                    _ask(project, f"q={quote(text)}{within}")
                    by_kind.setdefault(kind, []).append(1_000 * (time.perf_counter() - began))
    times = [one for some in by_kind.values() for one in some]
    p95, most = _percentile(times, 0.95), P95_MS[engine]
    what = f"search {rows:,} contacts, in {PROJECTS} projects, half within a group of {rows // GROUP_SHARE:,}, {engine}"
    shown = (
        f"p95 {p95:.1f} ms, median {_percentile(times, 0.5):.1f} ms, longest {max(times):.0f} ms ({len(times):,} calls)"
    )
    lines = [Line(what=what, goal=f"p95 ≤ {most:.0f} ms", measured=shown, met=p95 <= most)]
    return lines + [
        remark(f"of these, {kind}", f"p95 {_percentile(some, 0.95):.1f} ms, median {_percentile(some, 0.5):.1f} ms")
        for kind, some in by_kind.items()
    ]


def _percentile(times: Sequence[float], share: float) -> float:
    return sorted(times)[int(share * (len(times) - 1))]


def _compare_creates(settings: Settings, database: str, server: Server, engine: Engine) -> Line:
    """Creates of 1,000 a call with a worker, whose index waits for them, and without one."""
    create = create_rate(server, rows=ROWS, seconds=settings.seconds)

    def with_worker() -> float:
        with start_process(name="worker", command=HERE.command("worker", "--database", database)):
            time.sleep(2)
            return create()

    rates = interleave({"with": with_worker, "without": create}, rounds=settings.rounds)
    shown = f"{show_rate(sum(rates['with']) / settings.rounds)} to {show_rate(sum(rates['without']) / settings.rounds)}"
    what = f"create {ROWS:,} a call while the index waits, {engine}, rows"
    return at_least(what, median_ratio(rates["with"], rates["without"]), CREATE_MIN, of="without a worker", rates=shown)
