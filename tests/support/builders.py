"""What tests make and look at again and again: contacts, pages, counts, errors, and rows of the database itself.

This module must not know which engine a database is of, but for ``rows_of``, which looks past the store on purpose.
"""

from __future__ import annotations

import atexit
import re
import threading
from collections import Counter
from contextlib import suppress
from typing import Any

import apsw
import psycopg

from daftari.api.routes import ROUTES, VERSION
from daftari.model.projects import Project
from daftari.rules.integrity.check import check_project
from daftari.store import Store
from daftari.web.routing import Route
from tests.support.clients import Answer, Client
from tests.support.stores import NOW

Json = dict[str, Any]

CONTACT_MEMBERS = ["id", "fname", "mname", "lname", "mobile", "email", "city", "company", "created_at"]
PAGINATOR_MEMBERS = [
    "current_page",
    "data",
    "first_page_url",
    "from",
    "last_page",
    "last_page_url",
    "next_page_url",
    "path",
    "per_page",
    "prev_page_url",
    "to",
    "total",
]
OUTCOMES = ("created", "updated", "unchanged", "duplicate", "invalid")
NO_MOBILE = "254799999999"
"""A mobile that no builder gives to a contact."""
PARTS = {
    **{part: "1" for route in ROUTES for part in re.findall(r"{(\w+)}", route.path)},
    "name": "VIP",
    "provider": "generic",
    "token": "nobody",
}
"""What may stand in the path of any route."""


def mobile(number: int) -> str:
    """The digits of a Kenyan mobile, another one for each number."""
    return f"2547{number:08d}"


def rows(count: int, *, first: int = 1) -> list[Json]:
    """So many contacts to create, with the mobiles from ``first`` on."""
    return [{"mobile": mobile(number)} for number in range(first, first + count)]


def create(client: Client, *contacts: Json, **fields: object) -> list[int]:
    """Create or merge contacts; their ids, in the order given."""
    answer = client.post("/v1/contacts", {"contacts": contacts, "results": True, **fields})
    assert answer.status in (200, 201), answer.body
    return [row["id"] for row in answer.json()["results"]]


def get(client: Client, reference: object, **query: object) -> Json:
    """One contact that is there."""
    answer = client.get(f"/v1/contacts/{reference}", query=query)
    assert answer.status == 200, answer.body
    contact: Json = answer.json()["contact"]
    return contact


def page(client: Client, **query: object) -> Json:
    """One page of the list."""
    answer = client.get("/v1/contacts", query=query)
    assert answer.status == 200, answer.body
    paginator: Json = answer.json()["contacts"]
    return paginator


def ids_on(paginator: Json) -> list[int]:
    """Whose contacts are on a page."""
    return [contact["id"] for contact in paginator["data"]]


def counts(answer: Answer) -> Json:
    """What a create counted, without the zeros; the outcomes add up to the rows that it says it has."""
    assert answer.status in (200, 201), answer.body
    said = answer.json()
    if "results" in said:
        assert Counter(row["outcome"] for row in said["results"]) == Counter({name: said[name] for name in OUTCOMES})
    assert (answer.status == 201) is (said["created"] > 0)
    return {name: said[name] for name in (*OUTCOMES, "suppressed") if said[name]}


def refusal(answer: Answer) -> tuple[int, str]:
    """Status and code of an error."""
    assert answer.status >= 400, answer.body
    said = answer.json()
    assert said["request_id"] == answer.headers["x-request-id"]
    assert ("errors" in said) is (answer.status == 422)
    return answer.status, said["error_code"]


def wrong_fields(answer: Answer) -> list[str]:
    """The fields that a 422 names."""
    assert refusal(answer) == (422, "VALIDATION_FAILED"), answer.body
    said = answer.json()
    sentences = [sentence for of_field in said["errors"].values() for sentence in of_field]
    assert said["message"].startswith(sentences[0])
    assert (f"(and {len(sentences) - 1} more error" in said["message"]) is (len(sentences) > 1)
    return list(said["errors"])


def path_of(route: Route, **parts: str) -> str:
    """The path of a route, with its parts filled in."""
    path = route.path.format(**parts)
    return path if path == "/docs" else VERSION + path


def groups(client: Client) -> dict[str, int]:
    """Every group's count, in order of creation."""
    answer = client.get("/v1/groups")
    assert answer.status == 200, answer.body
    return {group["name"]: group["contacts"] for group in answer.json()["groups"]}


def opt_out(client: Client, *mobiles: str, **members: object) -> Json:
    """Numbers opt out, and all of them are recorded."""
    return _recorded(client, "opt-outs", mobiles, members)


def opt_in(client: Client, *mobiles: str, **members: object) -> Json:
    """Numbers opt in, with evidence enough to lift their own opt-outs, and all of them are recorded."""
    return _recorded(client, "opt-ins", mobiles, {"source": "form", "evidence": "asked for it again", **members})


def _recorded(client: Client, call: str, mobiles: tuple[str, ...], members: Json) -> Json:
    answer = client.post(f"/v1/{call}", {"mobiles": mobiles, **members})
    assert answer.status == 200, answer.body
    said: Json = answer.json()
    assert said["recorded"] == len(mobiles), said
    return said


def consent_of(client: Client, reference: object) -> Json:
    """All that is known of a number's consent."""
    answer = client.get(f"/v1/contacts/{reference}/consent")
    assert answer.status == 200, answer.body
    consent: Json = answer.json()["consent"]
    return consent


def facts_of(client: Client, reference: object, *members: str) -> list[tuple[Any, ...]]:
    """What is known of a number, in the order in which it happened: the members of each fact that are asked for."""
    return [tuple(fact.get(member) for member in members) for fact in consent_of(client, reference)["facts"]]


def may_message(client: Client, *mobiles: object, **asked: object) -> list[bool]:
    """Whether each number may be messaged, by SMS unless another channel is asked for."""
    answer = client.post("/v1/can-message", {"mobiles": mobiles, "channel": "sms", **asked})
    assert answer.status == 200, answer.body
    return [result["allowed"] for result in answer.json()["results"]]


def rows_of(database: str, sql: str) -> list[tuple[Any, ...]]:
    """What is in the database itself, as no call shows it."""
    if database.startswith("postgresql://"):
        return _last.rows(database, sql)
    file = apsw.Connection(database, flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return list(file.execute(sql))
    finally:
        file.close()


class _LastConnection:
    """The connection of the last ``rows_of`` on PostgreSQL, kept because opening one takes longer than most queries."""

    def __init__(self) -> None:
        self._database = ""
        self._server: psycopg.Connection[tuple[Any, ...]] | None = None
        self._lock = threading.Lock()

    def rows(self, database: str, sql: str) -> list[tuple[Any, ...]]:
        with self._lock:
            if self._server is not None and database == self._database:
                with suppress(psycopg.OperationalError):
                    return self._server.execute(sql.encode()).fetchall()
            self.close()
            self._server, self._database = psycopg.connect(database, autocommit=True), database
            return self._server.execute(sql.encode()).fetchall()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None


_last = _LastConnection()
atexit.register(_last.close)


def assert_sound(store: Store, project: Project) -> None:
    """Every invariant of the project's book holds."""
    assert store.read(project, NOW, check_project) == []
