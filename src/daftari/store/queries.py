"""Reads the named queries of ``sql/*.sql`` and translates each, and the migrations, into an engine's dialect.

A query is a block that begins with ``-- name: its_name`` and a comment line saying what it is for. Values are
written ``:name``; a set of rows is written ``rows(:name AS alias, column type, …)`` and becomes ``json_each``
on SQLite and ``unnest`` on PostgreSQL. ``sql/sqlite/`` and ``sql/postgres/`` hold the few that must differ.

Handles text only and opens no connection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from msgspec import Struct

Dialect = Literal["sqlite", "postgres"]

_NAME = re.compile(r"^-- name: (\w+)\n((?:--.*\n)+)", re.MULTILINE)
_ROWS = re.compile(r"rows\(:(\w+) AS (\w+),\s*([^)]+)\)")
_WRITES = re.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)")
_VALUE = re.compile(r"(?<!:):(\w+)")
_TABLE_END = re.compile(r"^\) STRICT(?:, WITHOUT ROWID)?;(?: -- postgres: (.+))?$", re.MULTILINE)
_TYPES = {"INTEGER": "bigint", "TEXT": 'text COLLATE "C"', "BLOB": "bytea"}
_TYPE = re.compile(rf"\b({'|'.join(_TYPES)})\b")


class Query(Struct, frozen=True):
    """One query in one dialect. ``row_sets`` maps a row set's name to the columns of its rows.

    ``writes``: the table that it writes to; empty if it reads.
    """

    name: str
    purpose: str
    text: str
    writes: str
    row_sets: Mapping[str, tuple[str, ...]]


@cache
def load_queries(dialect: Dialect) -> Mapping[str, Query]:
    """All queries of a dialect by name. Raises ``ValueError`` when two share a name."""
    queries = files("daftari.store").joinpath("sql")
    found: dict[str, Query] = {}
    for folder in (queries, queries.joinpath(dialect)):
        for file in sorted(folder.iterdir(), key=lambda item: item.name):
            if not file.name.endswith(".sql"):
                continue
            for query in read_queries(file.read_text(encoding="utf-8"), dialect):
                if query.name in found:
                    raise ValueError(f"two queries are called {query.name}")
                found[query.name] = query
    return found


def read_queries(source: str, dialect: Dialect) -> list[Query]:
    """The queries of one file's text."""
    pieces = _NAME.split(source)[1:]
    return [
        _translate(name, purpose, body, dialect)
        for name, purpose, body in zip(pieces[0::3], pieces[1::3], pieces[2::3], strict=True)
    ]


def _translate(name: str, purpose: str, body: str, dialect: Dialect) -> Query:
    row_sets = {match[1]: tuple(column for column, _ in _columns(match)) for match in _ROWS.finditer(body)}
    if dialect == "sqlite":
        text = _ROWS.sub(_json_each, body)
    else:
        text = _VALUE.sub(r"%(\1)s", _ROWS.sub(_unnest, body.replace("%", "%%")))
    words = " ".join(line.removeprefix("--").strip() for line in purpose.splitlines())
    written = _WRITES.match(body)
    return Query(
        name=name,
        purpose=words,
        text=text.strip().removesuffix(";"),
        writes=written[1] if written else "",
        row_sets=row_sets,
    )


def translate_migration(source: str, dialect: Dialect) -> str:
    """A migration, which is written for SQLite, in an engine's dialect."""
    if dialect == "sqlite":
        return source
    typed = _TYPE.sub(lambda match: _TYPES[match[1]], source)
    return _TABLE_END.sub(lambda match: f") {match[1]};" if match[1] else ");", typed)


def _columns(match: re.Match[str]) -> list[tuple[str, str]]:
    return [(column, kind) for column, kind in (item.split() for item in match[3].split(","))]


def _json_each(match: re.Match[str]) -> str:
    columns = _columns(match)
    if len(columns) == 1:
        taken = f"value AS {columns[0][0]}"
    else:
        taken = ", ".join(f"value ->> {place} AS {column}" for place, (column, _) in enumerate(columns))
    return f"(SELECT {taken} FROM json_each(:{match[1]})) AS {match[2]}"


def _unnest(match: re.Match[str]) -> str:
    columns = _columns(match)
    arrays = ", ".join(f":{match[1]}_{place}\x00{kind}[]" for place, (_, kind) in enumerate(columns))
    names = ", ".join(column for column, _ in columns)
    return f"unnest({arrays}) AS {match[2]}({names})".replace("\x00", "::")
