"""``python -m bench``: run the rows that are asked for, print them, and keep what was measured."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

from bench import consent, depth, imports, memory, reads, stalled, writes
from bench.data import Books
from bench.plan import BenchFailed, Plan, make_plan, need_wrk
from bench.report import RowResult, keep_results, print_results, print_settings, write_document
from bench.rounds import Line

Row = Callable[[Plan, Books], list[Line]]

ROWS: dict[str, Row] = {
    "get": reads.get_sqlite,
    "list": reads.list_sqlite,
    "create": writes.create_sqlite,
    "get-postgres": reads.get_postgres,
    "list-postgres": reads.list_postgres,
    "create-postgres": writes.create_postgres,
    "depth": depth.depth_sqlite,
    "depth-postgres": depth.depth_postgres,
    "beside": writes.beside_bulk,
    "stalled": stalled.stalled_sqlite,
    "stalled-postgres": stalled.stalled_postgres,
    "decide": consent.decide_sqlite,
    "decide-postgres": consent.decide_postgres,
    "before": consent.before_sqlite,
    "stop": consent.stop_sqlite,
    "stop-postgres": consent.stop_postgres,
    "import": imports.import_sqlite,
    "import-postgres": imports.import_postgres,
    "import-beside": imports.import_beside,
    "import-killed": imports.import_killed,
    "export": imports.export_sqlite,
    "export-postgres": imports.export_postgres,
    "memory": memory.memory_sqlite,
    "start": memory.start_sqlite,
}


def main() -> int:
    """0 when every row ran, met or not; 1 when one failed; 2 for wrong usage."""
    given = _read_arguments()
    try:
        plan = make_plan(quick=given.quick, rows=given.rows, soak_minutes=given.soak)
        need_wrk()
    except BenchFailed as error:
        print(error, file=sys.stderr)
        return 2
    print_settings(plan)
    results, failures = _run_rows(plan, given.only or list(ROWS))
    print_results(results)
    kept = keep_results(results)
    if given.write or not (given.quick or given.only or given.rows or failures):
        order = list(ROWS)
        print(f"Written to {write_document(plan, sorted(kept, key=lambda each: order.index(each.name)))}")
    else:
        print("Not written to docs/performance.md: that takes a whole run, or --write.")
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure Daftari beside what it is held against."
    )
    parser.add_argument(
        "--only", action="append", choices=list(ROWS), help="a row to run, instead of all; may be repeated"
    )
    parser.add_argument("--quick", action="store_true", help="small books and short rounds, to see each row work")
    parser.add_argument(
        "--rows", type=int, metavar="N", help="contacts in the book (1,000,000); ten times that for depth"
    )
    parser.add_argument(
        "--soak", type=float, metavar="MIN", help="minutes of load for the memory row (3; the goal: 60)"
    )
    parser.add_argument("--write", action="store_true", help="write docs/performance.md from all results that are kept")
    return parser.parse_args()


def _run_rows(plan: Plan, names: list[str]) -> tuple[list[RowResult], list[str]]:
    results, failures = [], []
    books = Books(plan)
    try:
        for name in names:
            row = ROWS[name]
            started = time.monotonic()
            title = (row.__doc__ or name).splitlines()[0].rstrip(".")
            print(f"{name}: {title} …", file=sys.stderr, flush=True)
            try:
                lines = row(plan, books)
            except BenchFailed as error:
                failures.append(f"{name} failed: {error}")
                print(f"  failed: {error}", file=sys.stderr)
                continue
            at = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
            results.append(RowResult(name=name, title=title, measured_at=at, plan=plan, lines=lines))
            print(f"  {time.monotonic() - started:.0f} s", file=sys.stderr)
    finally:
        books.close()
    return results, failures


if __name__ == "__main__":
    sys.exit(main())
