"""``python -m bench``: run rows, print them and keep their results, or compare two checkouts."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

from rich.console import Console

from bench import (
    announced,
    campaign,
    carts,
    connections,
    consent,
    console,
    deep_pages,
    deliveries,
    imports,
    memory,
    reads,
    search,
    sending,
    slow_clients,
    writes,
)
from bench.compare import RUNS, compare
from bench.datasets import Datasets
from bench.ratios import Line
from bench.report import RowResult, describe_settings, keep_results, print_results, write_document
from bench.settings import FOLDER, BenchFailed, Settings, make_settings
from bench.wrk import find_wrk

Row = Callable[[Settings, Datasets], list[Line]]

ROWS: dict[str, Row] = {
    "get": reads.get_sqlite,
    "list": reads.list_sqlite,
    "create": writes.create_sqlite,
    "get-postgres": reads.get_postgres,
    "list-postgres": reads.list_postgres,
    "create-postgres": writes.create_postgres,
    "deep-pages": deep_pages.deep_pages_sqlite,
    "deep-pages-postgres": deep_pages.deep_pages_postgres,
    "small-creates": writes.small_creates,
    "slow-clients": slow_clients.slow_clients_sqlite,
    "slow-clients-postgres": slow_clients.slow_clients_postgres,
    "decisions": consent.decisions_sqlite,
    "decisions-postgres": consent.decisions_postgres,
    "stop": consent.stop_sqlite,
    "stop-postgres": consent.stop_postgres,
    "import": imports.import_sqlite,
    "import-postgres": imports.import_postgres,
    "during-import": imports.during_import,
    "import-kills": imports.import_kills,
    "export": imports.export_sqlite,
    "export-postgres": imports.export_postgres,
    "send": sending.send_sqlite,
    "send-postgres": sending.send_postgres,
    "two-workers": sending.two_workers_sqlite,
    "two-workers-postgres": sending.two_workers_postgres,
    "reports": sending.reports_sqlite,
    "preview": campaign.preview_sqlite,
    "preview-postgres": campaign.preview_postgres,
    "campaign": campaign.campaign_sqlite,
    "announced": announced.announced_sqlite,
    "announced-postgres": announced.announced_postgres,
    "carts": carts.carts_sqlite,
    "carts-postgres": carts.carts_postgres,
    "deliveries": deliveries.deliveries_sqlite,
    "deliveries-postgres": deliveries.deliveries_postgres,
    "connect": connections.connect_sqlite,
    "connect-postgres": connections.connect_postgres,
    "connect-limited": connections.connect_limited,
    "connect-table": connections.connect_table,
    "search": search.search_sqlite,
    "search-postgres": search.search_postgres,
    "console": console.console_sqlite,
    "console-postgres": console.console_postgres,
    "memory": memory.memory_sqlite,
    "start": memory.start_sqlite,
}


def main() -> int:
    """0 when all ran, met or not; 1 when a row failed or this checkout is slower; 2 when nothing can be measured."""
    given = _read_arguments()
    FOLDER.mkdir(exist_ok=True)
    try:
        find_wrk()
        if given.command == "compare":
            ok = compare(given.base, engine="PostgreSQL" if given.postgres else "SQLite", runs=given.runs)
            return 0 if ok else 1
        settings = make_settings(quick=given.quick, rows=given.rows, soak_minutes=given.soak)
    except BenchFailed as error:
        print(error, file=sys.stderr)
        return 2
    for setting in describe_settings(settings):
        Console(width=160, highlight=False).print(setting, markup=False)
    results, failures = _run_rows(settings, given.only or list(ROWS))
    print_results(results)
    kept = keep_results(results)
    if given.write or not (given.quick or given.only or given.rows or failures):
        order = list(ROWS)
        rows = sorted((each for each in kept if each.name in ROWS), key=lambda each: order.index(each.name))
        print(f"Written to {write_document(settings, rows)}")
    else:
        print("Not written to docs/performance.md: that takes a whole run, or --write.")
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Daftari.")
    option = parser.add_argument
    option("--only", action="append", choices=list(ROWS), help="a row to run, instead of all; may be repeated")
    option("--quick", action="store_true", help="small datasets and short rounds, to see each row work")
    option("--rows", type=int, metavar="N", help="contacts in the dataset (1,000,000); ten times that for deep pages")
    option("--soak", type=float, metavar="MIN", help="minutes of load for the memory row (3; the goal: 60)")
    option("--write", action="store_true", help="write docs/performance.md from all results that are kept")
    commands = parser.add_subparsers(dest="command", metavar="compare")
    comparing = commands.add_parser("compare", help="compare this checkout with another revision")
    option = comparing.add_argument
    option("--base", required=True, metavar="REV", help="a git revision, or the folder of a checkout")
    option("--postgres", action="store_true", help="on PostgreSQL instead of SQLite")
    option("--runs", type=int, default=RUNS, metavar="N", help=f"alternating runs of each row ({RUNS})")
    return parser.parse_args()


def _run_rows(settings: Settings, names: list[str]) -> tuple[list[RowResult], list[str]]:
    results, failures = [], []
    datasets = Datasets()
    try:
        for name in names:
            row = ROWS[name]
            started = time.monotonic()
            title = (row.__doc__ or name).splitlines()[0].rstrip(".")
            print(f"{name}: {title} …", file=sys.stderr, flush=True)
            try:
                lines = row(settings, datasets)
            except BenchFailed as error:
                failures.append(f"{name} failed: {error}")
                print(f"  failed: {error}", file=sys.stderr)
                continue
            at = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
            results.append(RowResult(name=name, title=title, measured_at=at, settings=settings, lines=lines))
            print(f"  {time.monotonic() - started:.0f} s", file=sys.stderr)
    finally:
        datasets.close()
    return results, failures


if __name__ == "__main__":
    sys.exit(main())
