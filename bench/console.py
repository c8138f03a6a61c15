"""Rows about the console: how soon a page is seen on an old phone on a poor line, and what a page costs the server.

The phone is Chromium with a processor four times as slow and a line of 400 kbit/s on which each request takes 400 ms.
"""

from __future__ import annotations

import http.client
import random
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.checkout import HERE
from bench.datasets import Dataset, Datasets, Engine
from bench.ratios import Line, interleave, remark
from bench.server import CALL_SECONDS_MAX, Server, cpu_seconds, run_daftari
from bench.settings import BenchFailed, Settings

EMAIL = "asha@example.com"
PASSWORD = "as long as it has to be"
PER_PAGE = 50
SEED = 7
PAGES = 40
"""So many pages, anywhere in the book, are asked for by both sides."""
LATENCY_MS = 400
LINE_BYTES = 400_000 // 8
"""A second."""
SLOWER = 4
"""So many times as slow is the phone's processor."""
FIRST_SECONDS_MAX = 2.0
LATER_SECONDS_MAX = 1.2
BEYOND_MS_MAX = 25.0
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")


def console_sqlite(settings: Settings, datasets: Datasets) -> list[Line]:
    """Pages of the console, SQLite."""
    return _console(settings, datasets, "SQLite")


def console_postgres(settings: Settings, datasets: Datasets) -> list[Line]:
    """Pages of the console, PostgreSQL."""
    return _console(settings, datasets, "PostgreSQL")


def _console(settings: Settings, datasets: Datasets, engine: Engine) -> list[Line]:
    lines = []
    with _run_chromium() as chromium:
        for rows in (settings.rows,) if settings.quick else (settings.rows, settings.deep_rows):
            dataset = datasets.copy(datasets.get(engine, rows=rows), to="console")
            link = HERE.run("user", "add", EMAIL, "--project", "Big", "--role", "owner", "--database", dataset.database)
            with run_daftari(database=dataset.database, key=dataset.key) as server:
                context = _sign_in(chromium, server, link)
                if rows == settings.rows:
                    lines += _time_paints(settings, chromium, server, context, rows=rows, engine=engine)
                lines += _compare_with_api(server, dataset, context, engine=engine)
                context.close()
    return lines


@contextmanager
def _run_chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        raise BenchFailed("chromium is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield chromium
        chromium.close()


def _address(server: Server, path: str) -> str:
    return f"http://127.0.0.1:{server.port}{path}"


def _sign_in(chromium: Browser, server: Server, printed: str) -> BrowserContext:
    """A browser of the user whose link a command printed."""
    found = re.search(r"/link/\S+", printed)
    if found is None:
        raise BenchFailed(f"daftari user add printed no link: {printed!r}")
    context = chromium.new_context()
    page = context.new_page()
    page.goto(_address(server, found[0]))
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Save it and sign in").click()
    page.wait_for_url("**/p/*")
    return context


def _project_of(context: BrowserContext) -> str:
    """The path of the user's project, where the browser is."""
    found = re.search(r"/p/\d+", context.pages[0].url)
    if found is None:
        raise BenchFailed(f"The console went to {context.pages[0].url} after the sign-in.")
    return found[0]


def _time_paints(
    settings: Settings, chromium: Browser, server: Server, context: BrowserContext, *, rows: int, engine: Engine
) -> list[Line]:
    """The first visit of a browser that has nothing of the console yet, and the page after it."""
    first, later = [], []
    path = f"{_project_of(context)}/contacts"
    for turn in range(settings.rounds):
        phone = chromium.new_context(storage_state=context.storage_state(), viewport={"width": 360, "height": 740})
        page = _slow_down(phone)
        first.append(_paint(page, _address(server, path)))
        later.append(_paint(page, _address(server, f"{path}?page={turn + 2}")))
        phone.close()
    what = f"{PER_PAGE} of {rows:,} contacts on a slow phone, {engine}: first paint"
    return [
        _seconds(f"{what} of a first visit", first, FIRST_SECONDS_MAX),
        _seconds(f"{what} of a later page", later, LATER_SECONDS_MAX),
    ]


def _slow_down(phone: BrowserContext) -> Page:
    page = phone.new_page()
    devtools = phone.new_cdp_session(page)
    devtools.send("Network.enable")
    line = {"latency": LATENCY_MS, "downloadThroughput": LINE_BYTES, "uploadThroughput": LINE_BYTES}
    devtools.send("Network.emulateNetworkConditions", {"offline": False, **line})
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    return page


def _paint(page: Page, address: str) -> float:
    """Seconds from the request until something of the page is seen."""
    answer = page.goto(address, wait_until="load")
    if answer is None or not answer.ok:
        raise BenchFailed(f"{address} was not answered with a page.")
    page.wait_for_function(PAINTED)
    return float(page.evaluate(PAINTED)) / 1_000


def _seconds(what: str, found: list[float], most: float) -> Line:
    shown = f"{median(found):.2f} s ({min(found):.2f} to {max(found):.2f} s)"
    return Line(what=what, goal=f"≤ {most:g} s", measured=shown, met=median(found) <= most)


def _compare_with_api(server: Server, dataset: Dataset, context: BrowserContext, *, engine: Engine) -> list[Line]:
    """The time of pages anywhere in the book, beyond that of the API's pages of the same contacts."""
    chance = random.Random(SEED)
    numbers = [chance.randrange(dataset.rows // PER_PAGE) + 1 for _ in range(PAGES)]
    cookies = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in context.cookies())
    project, api = _project_of(context), f"/v1/contacts?per_page={PER_PAGE}"

    def time_page(number: int) -> float:
        return _time(server, f"{project}/contacts?page={number}", {"Cookie": cookies})

    def time_api(number: int) -> float:
        return _time(server, f"{api}&page={number}", {"Authorization": f"Bearer {dataset.key}"})

    page_times, api_times = [], []
    for number in numbers:
        found = interleave({"page": partial(time_page, number), "api": partial(time_api, number)}, rounds=2)
        page_times += found["page"]
        api_times += found["api"]
    beyond = [page - api for page, api in zip(page_times, api_times, strict=True)]
    used = {side: _processor_ms(server, partial(map, side, numbers)) for side in (time_page, time_api)}
    what = f"a page of {PER_PAGE} of {dataset.rows:,} contacts, {engine}"
    shown = f"{median(beyond):.1f} ms ({median(page_times):.1f} to {median(api_times):.1f} ms)"
    met = median(beyond) <= BEYOND_MS_MAX
    return [
        Line(what=f"{what}, beyond the API's page", goal=f"≤ {BEYOND_MS_MAX:g} ms", measured=shown, met=met),
        remark(f"{what}, processor time of the server", f"{used[time_page]:.1f} ms; the API's {used[time_api]:.1f} ms"),
    ]


def _processor_ms(server: Server, ask: Callable[[], Iterable[float]]) -> float:
    """The processor time of the server for each answer."""
    before = cpu_seconds(server.process.pid)
    count = len([*ask()])
    return 1_000 * (cpu_seconds(server.process.pid) - before) / count


def _time(server: Server, path: str, headers: dict[str, str]) -> float:
    """Milliseconds that an answer takes, compressed as a browser takes it."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=CALL_SECONDS_MAX)
    try:
        began = time.perf_counter()
        connection.request("GET", path, headers={"Accept-Encoding": "gzip", **headers})
        answer = connection.getresponse()
        answer.read()
        spent = time.perf_counter() - began
    finally:
        connection.close()
    if answer.status != 200:
        raise BenchFailed(f"{path} answered {answer.status}.")
    return 1_000 * spent
