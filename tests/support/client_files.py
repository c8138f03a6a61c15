"""A service of ``/v1/contacts/stream`` that cuts its answers where a test says, which a good server cannot do."""

from __future__ import annotations

import msgspec

from tests.support.faulty_server import Got, Says


class StreamService:
    """Keeps the rows of each stream. A row whose mobile has letters is invalid.

    ``cuts`` says after how many lines the answer of each request is cut; once they are used up, none is.
    """

    def __init__(self, *, cuts: tuple[int | None, ...] = ()) -> None:
        self.streamed: dict[int, list[dict[str, object]]] = {}
        self._cuts = list(cuts)

    def __call__(self, got: Got) -> Says:
        number = int(got.query.get("resume", len(self.streamed) + 1))
        kept = self.streamed.setdefault(number, [])
        after = int(got.query.get("after", "0"))
        del kept[after:]
        kept += [msgspec.json.decode(line) for line in got.body.splitlines()]
        lines: list[dict[str, object]] = [{"import": number}]
        lines += [
            {"row": row, "outcome": "created" if str(given["mobile"]).isdecimal() else "invalid"}
            for row, given in enumerate(kept[after:], after + 1)
        ]
        lines.append({"end": True, "rows": len(kept)})
        cut = self._cuts.pop(0) if self._cuts else None
        body = b"".join(msgspec.json.encode(line) + b"\n" for line in lines[:cut])
        return Says(200, body if cut is None else body + b'{"row": 1, "outc', cut=cut is not None)
