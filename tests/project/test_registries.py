"""The registries are whole: no table and no kind of job is forgotten where it must be known.

The tables are those of real databases, so that a new one is seen without being named here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from daftari.model.jobs import JobKind
from daftari.rules.access.projects import delete_project
from daftari.rules.erasure.holders import HOLDERS
from daftari.store import Store
from daftari.store.catalog import list_tables
from daftari.store.purge import SYSTEM_TABLES, TABLES
from daftari.worker import run_worker
from daftari.worker.jobs import EXPIRING, JOBS
from tests.conftest import ROOT
from tests.support import calls
from tests.support.builders import rows_of
from tests.support.calls import NOW
from tests.support.schema import Schema, execute, insert_rows, quoted, read_schema

PERSONAL = re.compile(r"mobile|subject|contact|digits|^ids$|^card$")
"""The columns that hold a number, a subject or a contact are called like this."""

HELD = {table for holder in HOLDERS for table in holder.tables}
NOT_HELD = {
    "book": "counters",
    "contact_group": "names of groups",
    "directory": "counts of members",
    "near_miss": "counts by key and source",
    "inbound_count": "counts by token",
    "audience": "a definition and counts; the numbers are in audience_part",
    "import": "settings and counts; the records are in tables of their own",
    "bulk": "names of groups and counts; the contacts are in bulk_part",
    "erasure": "the keyed hash; the contact's id goes when the holders are cleared of it",
    "sender": "names and numbers of ours",
    "trigger": "a text and counts; the numbers are in event and message",
    "campaign": "a text and counts; the numbers are in audience_part and message",
    "campaign_delivery": "counts by minute",
    "webhook": "an address, names of groups, and numbers of changes",
    "webhook_delivery": "numbers of changes, and first words of answers without digits",
    "connection": "settings, names of fields and groups, and counts",
    "write_back": "ids of records of other systems, whose numbers are in external_link",
    "cart_figure": "counts by day",
    "daily": "counts by day",
    "job": "its subject is the name of a thing to work on",
}
"""Tables that no erasure has to look into, and why."""

PURGED = {table.name for table in TABLES} | SYSTEM_TABLES.keys()
EXPIRING_TABLES = {expiring.table for expiring in EXPIRING}
NOT_PURGED = {"job": "the purge is a job itself; the jobs of a project that is gone are deleted when they are taken"}
"""Tables with rows of a project that its purge leaves, and why."""


def find_gaps(schema: Schema) -> list[str]:
    """What the registries do not know of some tables."""
    gaps = []
    for table, columns in schema.items():
        personal = [column for column in columns if PERSONAL.search(column)]
        if table not in HELD | NOT_HELD.keys():
            if personal:
                gaps.append(f"{table}.{personal[0]} holds personal data, and no erasure holder has the table")
            elif "project_id" in columns and table not in SYSTEM_TABLES:
                gaps.append(f"{table} has no erasure holder, and NOT_HELD does not say why")
        if "project_id" in columns and table not in PURGED | NOT_PURGED.keys():
            gaps.append(f"{table} has rows of projects, and store/purge.py does not delete them")
        if {"expires_at", "project_id"} <= columns.keys() and table not in SYSTEM_TABLES.keys() | EXPIRING_TABLES:
            gaps.append(f"{table} expires, and worker/jobs.py does not list it")
    return gaps


def find_idle_kinds(kinds: Iterable[str]) -> list[str]:
    """The kinds of jobs that no work is registered for."""
    return [kind for kind in kinds if kind not in JOBS]


# ---- nothing is forgotten -------------------------------------------------------------------------------


def test_the_catalog_has_the_tables_and_columns_of_the_database(database: str) -> None:
    schema = {table: set(columns) for table, columns in read_schema(database).items()}
    schema["system"].remove("schema_version")
    assert schema == {table.name: set(table.columns) for table in list_tables()}


def test_every_table_is_known_to_whatever_erases_purges_and_expires(database: str) -> None:
    assert find_gaps(read_schema(database)) == []


def test_the_registries_name_only_tables_that_there_are(database: str) -> None:
    named = HELD | NOT_HELD.keys() | PURGED | NOT_PURGED.keys() | EXPIRING_TABLES
    assert named <= read_schema(database).keys()
    assert not HELD & NOT_HELD.keys() and not PURGED & NOT_PURGED.keys()


MADE_UP = {
    "CREATE TABLE made_up (project_id bigint, id bigint, mobile bigint)": [
        "made_up.mobile holds personal data, and no erasure holder has the table",
        "made_up has rows of projects, and store/purge.py does not delete them",
    ],
    "CREATE TABLE made_up (project_id bigint, subject_id bigint, note text)": [
        "made_up.subject_id holds personal data, and no erasure holder has the table",
        "made_up has rows of projects, and store/purge.py does not delete them",
    ],
    "CREATE TABLE made_up (project_id bigint, contact_id bigint)": [
        "made_up.contact_id holds personal data, and no erasure holder has the table",
        "made_up has rows of projects, and store/purge.py does not delete them",
    ],
    "CREATE TABLE made_up (project_id bigint, seq bigint, contacts text)": [
        "made_up.contacts holds personal data, and no erasure holder has the table",
        "made_up has rows of projects, and store/purge.py does not delete them",
    ],
    "CREATE TABLE made_up (id bigint, last_mobile bigint)": [
        "made_up.last_mobile holds personal data, and no erasure holder has the table",
    ],
    "CREATE TABLE made_up (project_id bigint, body text, expires_at bigint)": [
        "made_up has no erasure holder, and NOT_HELD does not say why",
        "made_up has rows of projects, and store/purge.py does not delete them",
        "made_up expires, and worker/jobs.py does not list it",
    ],
    "CREATE TABLE made_up (id bigint, name text)": [],
}


@pytest.mark.parametrize("sql", MADE_UP)
def test_a_new_table_that_no_registry_knows_is_found(database: str, sql: str) -> None:
    execute(database, sql)
    assert find_gaps(read_schema(database)) == MADE_UP[sql]


def test_a_table_is_purged_before_those_that_it_references() -> None:
    names = [table.name for table in TABLES]
    places = {name: place for place, name in enumerate(names)}
    early = [
        (table.name, other)
        for table in list_tables()
        for other in table.references
        if {table.name, other} <= places.keys() and places[table.name] > places[other]
    ]
    assert early == []
    assert max(places["membership"], places["directory"]) < places["contact"]
    assert names[-1] == "book"


def test_tables_with_bytes_are_purged_in_small_steps() -> None:
    heavy = {table.name for table in list_tables() if table.rows_at_once < max(t.rows_at_once for t in list_tables())}
    assert {table.name for table in TABLES if table.is_heavy} == heavy & PURGED - SYSTEM_TABLES.keys()


def test_every_kind_of_job_has_work() -> None:
    assert find_idle_kinds(JobKind) == []
    assert find_idle_kinds([*JobKind, "made_up"]) == ["made_up"]
    assert set(JOBS) == set(JobKind)


def test_the_page_on_running_names_every_table_for_citus() -> None:
    page = (ROOT / "docs" / "running.md").read_text()
    reference, distributed = re.findall(r"FROM unnest\(ARRAY\[(.*?)\]\)", page, re.DOTALL)
    assert set(re.findall(r"'(\w+)'", distributed)) == {table.name for table in TABLES}
    others = {table.name for table in list_tables()} - {table.name for table in TABLES}
    assert set(re.findall(r"'(\w+)'", reference)) == others


# ---- and the purge keeps its word -----------------------------------------------------------------------


def test_nothing_of_a_deleted_project_is_left_in_any_table(store: Store, database: str) -> None:
    project = calls.create_project(store)
    assert set(insert_rows(database, project_id=project.id)) == (PURGED | NOT_PURGED.keys()) - {"project"}
    store.system_write(NOW, delete_project, name=project.name)
    run_worker(lambda pause_seconds: pause_seconds > 0, store=store)
    schema = read_schema(database)
    left = [table for table in schema if rows_of(database, f"SELECT 1 FROM {quoted(table)} LIMIT 1")]
    assert left == ["system"]
