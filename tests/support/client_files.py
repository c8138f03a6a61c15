"""The calls for files and streams as their specification has them, on the rough server: just enough to be called.

It reads CSV with the columns ``phone`` and ``name``, takes numbers with letters for bad ones, and forgets all else.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable

import msgspec
from msgspec import Struct

from tests.support.faulty_server import Got, Says, says

ROWS_A_PAGE = 2
EXPORTED = b"mobile,fname\n254722000000,Suzan\n"


class Kept(Struct):
    """An import that was sent."""

    id: int
    query: dict[str, str]
    rows: list[list[str]]
    header: list[str]
    state: str = "queued"
    phase: str = "apply"
    undo: object = None

    def told(self) -> dict[str, object]:
        bad = sum(1 for row in self.rows if not _is_good(row))
        return {
            "import": {
                "id": self.id,
                "state": self.state,
                "phase": self.phase,
                "name": self.query.get("name"),
                "rows": len(self.rows),
                "counts": {"created": len(self.rows) - bad, "invalid": bad},
                "columns": [{"name": "phone", "field": "mobile"}, {"name": "shoe size", "field": None}],
                "created_at": "2026-11-23T04:18:40.599486Z",
                "undo": self.undo,
                "a member of a later version": {"x": 1},
            }
        }


def _is_good(row: list[str]) -> bool:
    return row[0].strip().isdecimal()


class FilesService:
    """Answers what ``/v1/imports``, ``/v1/exports`` and ``/v1/contacts/stream`` are asked.

    ``cuts`` says after how many lines the answer of each stream is cut; when they are used up, none is.
    """

    def __init__(self, *, cuts: tuple[int | None, ...] = ()) -> None:
        self.imports: list[Kept] = []
        self.streamed: dict[int, list[dict[str, object]]] = {}
        self._cuts = list(cuts)
        self._looks = 0

    def __call__(self, got: Got) -> Says:
        for method, path, answer in ROUTES:
            found = re.fullmatch(path, got.path)
            if found and method == got.method:
                return answer(self, got, *found.groups())
        return says({"message": "Nothing here.", "error_code": "ROUTE_NOT_FOUND", "retryable": False}, 404)

    def create_import(self, got: Got) -> Says:
        header, *rows = csv.reader(got.body.decode().splitlines())
        phase = "plan" if got.query.get("plan") == "true" else "apply"
        self.imports.append(Kept(len(self.imports) + 1, got.query, rows, header, phase=phase))
        return says(self.imports[-1].told(), 202)

    def get_import(self, got: Got, number: str) -> Says:
        kept = self.imports[int(number) - 1]
        kept.state = {"queued": "running", "running": "done"}.get(kept.state, kept.state)
        return says(kept.told())

    def list_imports(self, got: Got) -> Says:
        after = int(got.query.get("after", "0"))
        more = len(self.imports) > after + 1
        told = [kept.told()["import"] for kept in self.imports[after : after + 1]]
        return says({"imports": told, "next": str(after + 1) if more else None})

    def list_rows(self, got: Got, number: str) -> Says:
        rows = self.imports[int(number) - 1].rows
        after = int(got.query.get("after", "0"))
        page = [
            {"row": place, "outcome": "created" if _is_good(row) else "invalid", "why": None if _is_good(row) else "no"}
            for place, row in enumerate(rows[after : after + ROWS_A_PAGE], after + 1)
        ]
        end = after + ROWS_A_PAGE
        return says({"rows": page, "next": str(end) if end < len(rows) else None})

    def get_rejects(self, got: Got, number: str) -> Says:
        bad = [",".join([*row, "no number"]) for row in self.imports[int(number) - 1].rows if not _is_good(row)]
        header = ",".join([*self.imports[int(number) - 1].header, "why"])
        return Says(200, "\n".join([header, *bad, ""]).encode(), {"content-type": "text/csv"})

    def tell_import(self, got: Got, number: str, what: str) -> Says:
        kept = self.imports[int(number) - 1]
        kept.state = {"pause": "paused", "cancel": "cancelled"}.get(what, "queued")
        if what == "undo":
            kept.phase, kept.undo = "undo", {"reversed": len(kept.rows), "kept": 0, "failed": 0, "asked": got.json()}
        elif what == "apply":
            kept.phase = "apply"
        return says(kept.told())

    def create_export(self, got: Got) -> Says:
        self._looks = 0
        return says(
            {"export": {"id": 1, "state": "queued", **msgspec.json.decode(got.body, type=dict[str, object])}}, 202
        )

    def get_export(self, got: Got, number: str) -> Says:
        self._looks += 1
        state = "done" if self._looks > 2 else "running"
        return says({"export": {"id": int(number), "state": state, "format": "csv", "bytes": len(EXPORTED)}})

    def get_file(self, got: Got, number: str) -> Says:
        return Says(200, EXPORTED, {"content-type": "text/csv"})

    def stream(self, got: Got) -> Says:
        number = int(got.query.get("resume", len(self.streamed) + 1))
        kept = self.streamed.setdefault(number, [])
        after = int(got.query.get("after", "0"))
        del kept[after:]
        kept += [msgspec.json.decode(line) for line in got.body.splitlines()]
        told: list[dict[str, object]] = [{"import": number}]
        told += [
            {"row": place, "outcome": "created" if str(row["mobile"]).isdecimal() else "invalid"}
            for place, row in enumerate(kept[after:], after + 1)
        ]
        told.append({"end": True, "created": len(kept)})
        cut = self._cuts.pop(0) if self._cuts else None
        body = b"".join(msgspec.json.encode(line) + b"\n" for line in told[:cut])
        return Says(200, body if cut is None else body + b'{"row": 1, "outc', cut=cut is not None)


ROUTES: tuple[tuple[str, str, Callable[..., Says]], ...] = (
    ("POST", "/v1/imports", FilesService.create_import),
    ("GET", "/v1/imports", FilesService.list_imports),
    ("GET", r"/v1/imports/(\d+)", FilesService.get_import),
    ("GET", r"/v1/imports/(\d+)/rows", FilesService.list_rows),
    ("GET", r"/v1/imports/(\d+)/rejects", FilesService.get_rejects),
    ("POST", r"/v1/imports/(\d+)/(apply|pause|resume|cancel|undo)", FilesService.tell_import),
    ("POST", "/v1/exports", FilesService.create_export),
    ("GET", r"/v1/exports/(\d+)", FilesService.get_export),
    ("GET", r"/v1/exports/(\d+)/file", FilesService.get_file),
    ("POST", "/v1/contacts/stream", FilesService.stream),
)
