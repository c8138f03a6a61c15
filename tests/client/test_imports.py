"""The Python client's calls for files and streams, against a server in processes of its own, with its worker."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from daftari_client import errors, streams
from daftari_client.drivers import PIECE_BYTES
from tests.conftest import NewDatabase, Serve
from tests.support.client_modes import MODES, QUICK, Caller
from tests.support.stores import open_store

FILE = b"Phone,Shoe size,Fax\n0722000001,41,020\nO725,42,\n0722 000001,43,\n"


def test_files_and_streams_go_in_and_are_undone(
    new_database: NewDatabase, serve: Serve, introduce: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = new_database("sqlite")
    store = open_store(database, threads=1)
    people = introduce(store)
    store.close()
    live = serve(database)
    for mode in MODES:
        book = Caller(mode, live.url, {"key": people.ana, "retries": QUICK, "project": "Shopify"})
        _send_a_file(book, tmp_path)
        _send_a_large_file(book, tmp_path)
        _stream(book, monkeypatch)
        assert list(book(lambda b: b.contacts.iterate())) == []


def _send_a_file(book: Caller, folder: Path) -> None:
    """Planned, looked at, applied, undone."""
    file = folder / "people.csv"
    file.write_bytes(FILE)
    with file.open("rb") as opened:
        columns = {"Fax": None, "Shoe size": "attributes.size:number"}
        started = book(lambda b: b.imports.create(opened, group="VIP", plan=True, columns=columns))
    number = started.id
    planned = book(lambda b: b.imports.wait(started, timeout_seconds=30))
    assert (planned.name, planned.state, planned.phase, planned.rows) == ("people.csv", "done", "plan", 3)
    assert [column.field for column in planned.columns] == ["mobile", "attributes.size:number", None]
    outcomes = [(row.row, row.outcome) for row in book(lambda b: b.imports.rows(number))]
    assert outcomes == [(1, "created"), (2, "invalid"), (3, "duplicate")]
    assert b"".join(book(lambda b: b.imports.rejects(number))).startswith(b"Phone,Shoe size,Fax,why\r\nO725,42,,")
    assert list(book(lambda b: b.contacts.iterate())) == []
    book(lambda b: b.imports.apply(number))
    applied = book(lambda b: b.imports.wait(number, timeout_seconds=30))
    assert {name: many for name, many in applied.counts.items() if many} == {"created": 1, "duplicate": 1, "invalid": 1}
    assert [contact.attributes for contact in book(lambda b: b.contacts.iterate())] == [{"size": 43}]
    assert book(lambda b: b.imports.iterate())[0].id == number
    with pytest.raises(errors.DaftariError, match="cannot be paused"):
        book(lambda b: b.imports.pause(number))
    with pytest.raises(errors.DaftariError, match="PDF"):
        book(lambda b: b.imports.create(io.BytesIO(b"%PDF-1.7"), name="people.csv"))
    book(lambda b: b.imports.undo(number, reason="the wrong file"))
    undone = book(lambda b: b.imports.wait(number, timeout_seconds=30))
    assert (undone.phase, undone.undo.reversed) == ("undo", 1)


def _send_a_large_file(book: Caller, folder: Path) -> None:
    """Uploaded from a disk with progress, watched, its rejects and an export of what it brought saved to a disk."""
    path = folder / "large.csv"
    notes = "n" * 4_000
    lines = [f"07220{number:05},{notes}\r\n" for number in range(1_500)] + [f"O725,{notes}\r\n"] * 500
    path.write_text("Phone,Notes\r\n" + "".join(lines), newline="")
    size, sent, states = path.stat().st_size, list[tuple[int, int | None]](), list[str]()
    with path.open("rb") as file:
        ask = {"columns": {"Notes": None}, "group": "Large", "progress": lambda *given: sent.append(given)}
        started = book(lambda b: b.imports.create(file, **ask))
    # A busy server may ask for the file again, and the client then sends all of it.
    assert len(sent) % -(-size // PIECE_BYTES) == 0 and sent[-1] == (size, size)
    watch = {"on_poll": lambda found: states.append(found.state), "timeout_seconds": 60, "pause_seconds_max": 0.1}
    done = book(lambda b: b.imports.wait(started, **watch))
    assert (done.state, done.bytes, done.bytes_read, states[-1]) == ("done", size, size, "done")
    assert (done.counts["created"], done.counts["invalid"]) == (1_500, 500)
    last = list(book(lambda b: b.imports.rows(started.id, after=1_998)))
    assert [(row.row, row.outcome) for row in last] == [(1_999, "invalid"), (2_000, "invalid")] and last[0].why
    with (folder / "rejects.csv").open("w+b") as file:
        length = book(lambda b: b.imports.save_rejects(started.id, file))
        assert length == file.tell() > 500 * 4_000
        file.seek(0)
        assert file.read() == b"".join(book(lambda b: b.imports.rejects(started.id)))
    queued = book(lambda b: b.exports.create("csv", group="Large"))
    export = book(lambda b: b.exports.wait(queued, timeout_seconds=60))
    assert (export.state, export.rows, export.group) == ("done", 1_500, "Large")
    with (folder / "large-export.csv").open("w+b") as file:
        assert (
            book(lambda b: b.exports.save(export.id, file, progress=lambda *given: sent.append(given))) == export.bytes
        )
        assert sent[-1] == (export.bytes, export.bytes)
        file.seek(0)
        saved = file.read()
    assert saved == b"".join(book(lambda b: b.exports.download(export.id))) and saved.count(b"\r\n") == 1_501
    assert book(lambda b: b.exports.delete(export.id)).message
    with pytest.raises(errors.ExportNotFound):
        book(lambda b: b.exports.save(export.id, io.BytesIO()))
    book(lambda b: b.imports.undo(started.id))
    assert book(lambda b: b.imports.wait(started, timeout_seconds=60)).undo.reversed == 1_500


def _stream(book: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """In several turns, each an import of its own."""
    monkeypatch.setattr(streams, "BATCH_ROWS_MAX", 2)
    rows = [{"mobile": f"072200000{number}", "groups": ["VIP"]} for number in range(1, 4)] + [{"mobile": "O725"}]
    found = book(lambda b: b.contacts.stream(rows, group="Streamed"))
    assert [row.outcome for row in found] == ["created"] * 3 + ["invalid"]
    assert [row.row for row in found] == [1, 2, 3, 4]
    numbers = sorted({row.import_id for row in found})
    assert len(numbers) == 2
    for number in numbers:
        book(lambda b, number=number: b.imports.undo(number))
        assert book(lambda b, number=number: b.imports.wait(number, timeout_seconds=30)).state == "done"
