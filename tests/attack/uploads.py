"""Files that are made to cost memory and time, while another client writes."""

from __future__ import annotations

import io
import threading
import time
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import xlsxwriter

from tests.attack.service import Answer, Found, Service

XML_BYTES = 15_000_000
MEMORY_MEGABYTES_MAX = 300
"""Of the processes that remain: each file is read by a process of its own."""
WRITE_SECONDS_MAX = 5.0
SECONDS_MAX = 90.0
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHEET = "xl/worksheets/sheet1.xml"
HEAD = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
TAIL = "</sheetData></worksheet>"
CARD = "BEGIN:VCARD\nVERSION:3.0\nFN:Ana\nTEL:0722000001\n%s\nEND:VCARD\n"


def files_that_cost_time(service: Service) -> Found:
    """Bombs, and files that a careless reader reads in quadratic or exponential time, all at once."""
    files = {
        "a bomb": _workbook("<row/>" + " " * 120_000_000),
        "a long comment": _workbook(f"<!--{'x' * XML_BYTES}-->"),
        "a long attribute": _workbook(f'<row x="{"x" * XML_BYTES}"/>'),
        "the same cell": _workbook('<c r="A2"><v/></c>' * 1_200_000),
        "a shared text": _workbook(f'<c t="s"><v>{"1" * XML_BYTES}</v></c>'),
        "parameters": (CARD % f"TEL;TYPE={','.join('a' * 60)}").encode(),
        "a backslash": (CARD % f"N:{'a' * 60_000}\\").encode(),
        "numbers": (CARD % "\n".join(f"TEL:0722{number:06}" for number in range(4_000))).encode(),
        "a wide table": (",".join(["Phone", *map(str, range(999))]) + "\n" + "1\n" * 5_000).encode(),
        "open quotes": ("Phone,Name\n" + '0722000001,"a\n' * 50_000).encode(),
        "deep JSON": b'[{"phone":' + b"[" * 1_000_000,
    }
    service.forget_peaks()
    stop = threading.Event()
    began = time.monotonic()
    with ThreadPoolExecutor(len(files) + 1) as pool:
        writing = pool.submit(_write_until, service, stop)
        statuses = sorted(answer.status for answer in pool.map(lambda body: _send(service, body), files.values()))
        _wait_for_imports(service)
        seconds = time.monotonic() - began
        stop.set()
        written, slowest = writing.result()
    measured = (
        f"{len(files)} files at once, {_counted(statuses)} in {seconds:.0f} s; {written} other writes, "
        f"slowest {slowest:.2f} s; memory of the server {service.peak_megabytes()} MB"
    )
    held = (
        set(statuses) <= {202, 422, 503}
        and seconds < SECONDS_MAX
        and slowest < WRITE_SECONDS_MAX
        and service.peak_megabytes() <= MEMORY_MEGABYTES_MAX
    )
    return Found("files that cost time", measured, held)


def _send(service: Service, body: bytes) -> Answer:
    media_type = XLSX if body.startswith(b"PK") else "text/vcard" if body.startswith(b"BEGIN") else "text/csv"
    return service.call("POST", "/v1/imports", key=service.ana, body=body, headers={"Content-Type": media_type})


def _write_until(service: Service, stop: threading.Event) -> tuple[int, float]:
    """How many contacts were written meanwhile, and how long the slowest took."""
    written, slowest = 0, 0.0
    while not stop.is_set():
        began = time.monotonic()
        row = {"mobile": f"2547{10_000_000 + written}"}
        assert service.call("POST", "/v1/contacts", key=service.chao, json={"contacts": [row]}).status == 201
        slowest = max(slowest, time.monotonic() - began)
        written += 1
        time.sleep(0.02)
    return written, slowest


def _wait_for_imports(service: Service) -> None:
    """Wait until the worker is done with what was taken."""
    end = time.monotonic() + SECONDS_MAX
    while time.monotonic() < end:
        listed = service.call("GET", "/v1/imports", key=service.ana).body
        if b'"queued"' not in listed and b'"running"' not in listed:
            return
        time.sleep(0.5)


def _workbook(sheet: str) -> bytes:
    made, changed = io.BytesIO(), io.BytesIO()
    with xlsxwriter.Workbook(made) as book:
        book.add_worksheet().write_row(0, 0, ["Phone"])
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename != SHEET:
                new.writestr(entry, old.read(entry))
        new.writestr(SHEET, f"{HEAD}{sheet}{TAIL}")
    return changed.getvalue()


def _counted(statuses: Iterable[int]) -> str:
    given = list(statuses)
    return ", ".join(f"{given.count(status)} × {status}" for status in sorted(set(given)))
