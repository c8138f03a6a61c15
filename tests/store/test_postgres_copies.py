"""The tests' own databases of PostgreSQL: what one test leaves in a database never reaches the next."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg
import pytest

from tests.support import calls, postgres
from tests.support.stores import open_store


@pytest.fixture
def copies(postgres_server: str, postgres_template: str) -> Iterator[postgres.Copies]:
    copies = postgres.Copies(postgres_server, postgres_template, name=f"daftari_{os.getpid()}_copies")
    yield copies
    copies.close()


def test_a_database_is_handed_on_without_what_was_in_it_and_its_connections(
    copies: postgres.Copies, postgres_server: str
) -> None:
    name = copies.take()
    store = open_store(postgres.database_address(postgres_server, name), threads=2)
    many = [{"mobile": f"+2547{number:08d}"} for number in range(3_000)]
    for given in (many, many[:1]):
        project = calls.create_project(store)
        assert project.id == 1
        assert calls.create_contacts(store, project, given, group="Farmers").created == len(given)
        calls.list_contacts(store, project)
        copies.give_back(name)
        assert copies.take() == name
        with psycopg.connect(postgres.database_address(postgres_server, name)) as session:
            # The session that emptied it, and the server's own autovacuum, may be in the database too.
            clients = (
                "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = %s"
                " AND backend_type = 'client backend' AND application_name <> %s"
            )
            assert session.execute(clients, [name, postgres.SESSION]).fetchone() == (1,)
            assert session.execute("SELECT COUNT(*) FROM contact").fetchone() == (0,)
    store.close()
    copies.give_back(name)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE contact DROP COLUMN card",
        "ALTER TABLE contact ALTER COLUMN card DROP NOT NULL",
        "ALTER TABLE membership DROP CONSTRAINT membership_project_id_contact_id_fkey",
        "DROP INDEX contact_mobile",
        "CREATE TABLE orders (id bigint)",
        "ANALYZE project",
    ],
)
def test_a_database_of_another_shape_is_not_handed_on(
    copies: postgres.Copies, postgres_server: str, change: str
) -> None:
    name = copies.take()
    with psycopg.connect(postgres.database_address(postgres_server, name), autocommit=True) as session:
        session.execute(
            "INSERT INTO project (id, name, region, on_error, created_at) VALUES (1, 'Shopify', 'KE', 'refuse', 1)"
        )
        session.execute(change.encode())
    copies.give_back(name)
    other = copies.take()
    assert other != name
    copies.give_back(other)


def test_a_database_that_was_dropped_is_not_handed_on(copies: postgres.Copies, postgres_server: str) -> None:
    name = copies.take()
    postgres.drop_database(postgres_server, name)
    copies.give_back(name)
    other = copies.take()
    assert other != name
    copies.give_back(other)
