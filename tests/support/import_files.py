"""Files on their way in, for tests: sent over HTTP, worked on in this process, or put there without being read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from daftari.files import Layout, match_columns
from daftari.model.projects import Actor, Project
from daftari.rules.imports.lifecycle import begin_import, end_import, get_import, pause_import, queue_import
from daftari.rules.imports.model import ImportSettings
from daftari.rules.imports.reasons import reject
from daftari.store import Store, imports
from daftari.worker.imports import ImportWork
from tests.support.clients import Answer, Client
from tests.support.stores import NOW

BOUNDARY = "a-boundary-that-is-nowhere-else"
TESTER = Actor(None, "test")
PEOPLE = Layout("csv", ("Phone", "First name"))
Part = tuple[str, str | None, bytes]
"""A name, a file's name if it is one, and bytes."""


def work(store: Store, project: Project) -> None:
    """Do all that waits in a project."""
    with ImportWork(store, project, may_continue=lambda: True) as worker:
        while worker.step():
            pass


def send(client: Client, file: bytes, *, media: str = "text/csv", key: str | None = None, **query: Any) -> Answer:
    """A file as the body. A list is repeated in the query, and a truth is written as JSON has it."""
    headers = {"Content-Type": media} | ({} if key is None else {"Idempotency-Key": key})
    asked = {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}
    return client.call("POST", "/v1/imports", query=asked, body=file, headers=headers)


def sent(client: Client, file: bytes, **given: Any) -> int:
    """The id of a file that was taken."""
    answer = send(client, file, **given)
    assert answer.status == 202, answer.body
    return int(answer.json()["import"]["id"])


def send_form(client: Client, *parts: Part, **query: Any) -> Answer:
    """A file as a part of a form."""
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return client.call("POST", "/v1/imports", query=query, body=written_form(parts), headers=headers)


def written_form(parts: Sequence[Part]) -> bytes:
    """A form as browsers and curl write it."""
    written = b""
    for name, file, data in parts:
        said = f'form-data; name="{name}"' + ("" if file is None else f'; filename="{file}"')
        written += f"--{BOUNDARY}\r\nContent-Disposition: {said}\r\n".encode()
        written += b"\r\n" if file is None else b"Content-Type: text/csv\r\n\r\n"
        written += data + b"\r\n"
    return written + f"--{BOUNDARY}--\r\n".encode()


def queued(store: Store, project: Project, *, layout: Layout = PEOPLE, planned: bool = False) -> int:
    """An import that is not begun, of a file that is not read yet; its id."""
    columns = layout.columns or ("TEL",)
    settings = ImportSettings("people.x", 0, layout, match_columns(columns, given={}), "KE", 1, planned=planned)
    number = store.write(project, TESTER, 1, begin_import, settings=settings)
    store.write(project, TESTER, 1, queue_import, import_id=number)
    return number


def ready_for(store: Store, project: Project, command: str) -> int:
    """An import that accepts this command; its id."""
    number = queued(store, project, planned=command == "apply")
    if command == "resume":
        store.write(project, TESTER, NOW, pause_import, import_id=number)
    elif command in ("apply", "undo"):
        found = store.read(project, NOW, get_import, import_id=number)
        store.write(project, TESTER, 1, end_import, found=found, state="done")
    return number


def keep_rejects(store: Store, project: Project, number: int, *records: str) -> None:
    """Records of an import that could not be taken, as JSON, each with its number as the reason."""
    rejects = [reject(place, f"is row {place}.", record, cell="") for place, record in enumerate(records, 1)]
    store.write(
        project, TESTER, NOW, imports.save_rejects, import_id=number, first=1, last=len(rejects), rejects=rejects
    )


def show(client: Client, number: int) -> Any:
    """An import as its owner sees it."""
    return client.get(f"/v1/imports/{number}").json()["import"]


def counted(client: Client, number: int) -> dict[str, int]:
    """The outcomes of the rows, without the zeros."""
    return {name: many for name, many in show(client, number)["counts"].items() if many}
