"""PostgreSQL as a shop's own database: rights, limits, types, TLS, errors, and word of changes."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import certifi
import psycopg
import pytest
from msgspec.structs import replace

from daftari.connectors.protocol import ConnectorFailed
from daftari.connectors.sql import Allowed, SqlColumns, open_connector
from daftari.connectors.sql import doorbell as sql_doorbell
from daftari.connectors.sql import failures as sql_failures
from daftari.connectors.sql import postgres as sql_postgres
from daftari.connectors.sql.connector import SqlConnector
from daftari.connectors.sql.doorbell import PostgresDoorbell
from daftari.connectors.sql.postgres import ANNOUNCEMENT, tls_parameters
from tests.outbound.calls import NAME
from tests.outbound.server import CERTIFICATES
from tests.support.postgres import database_address
from tests.support.relay import Relay, relay_to
from tests.support.sql_shops import Shop, ids_of, now, read_all


@pytest.fixture
def kind() -> str:
    return "postgresql"


@contextmanager
def failing() -> Iterator[list[ConnectorFailed]]:
    """What the block fails with."""
    caught: list[ConnectorFailed] = []
    with pytest.raises(ConnectorFailed) as raised:
        yield caught
    caught.append(raised.value)


def test_a_check_shows_columns_rows_and_what_the_role_may_do(shop: Shop) -> None:
    shop.add("0722000001", "0722000002")
    shop.run("CREATE INDEX ON customers (updated_at, id)")
    account = shop.open("phone").check()

    assert account.id == shop.settings.place
    assert account.count == 2
    assert [(field.name, field.kind) for field in account.fields] == [
        ("id", "number"),
        ("phone", "text"),
        ("name", "text"),
        ("updated_at", "time"),
        ("deleted", "boolean"),
    ]
    assert [(record.id, record.values["phone"]) for record in account.sample] == [
        ("2", "0722000002"),
        ("1", "0722000001"),
    ]
    assert (account.missing, account.warnings) == ((), [])


def test_a_check_warns_of_a_role_that_may_write_and_of_a_missing_index(shop: Shop) -> None:
    user = shop.settings.user
    shop.run(f"GRANT UPDATE ON customers TO {user}; REVOKE pg_read_all_stats FROM {user}")
    shop.run("INSERT INTO customers (id, updated_at) VALUES (1, NULL)")
    account = shop.open().check()

    assert account.missing == ()
    assert account.warnings == [
        f"The role {user} may change customers; SELECT is enough.",
        f"The role may not see the transactions of others: GRANT pg_read_all_stats TO {user}; "
        "until then each poll reads 15 minutes again.",
        "No index begins with updated_at, so each poll reads the whole table: "
        "CREATE INDEX ON customers (updated_at, id).",
        "Rows rejected because updated_at is empty, so that no change of them would be seen: 1.",
    ]


def test_columns_that_the_role_may_not_read_are_not_there(shop: Shop) -> None:
    user = shop.settings.user
    shop.run(
        f"REVOKE SELECT ON customers FROM {user}; GRANT SELECT (id, phone, updated_at, deleted) ON customers TO {user}"
    )
    shop.add("0722000001")
    connector = shop.open()
    assert [field.name for field in connector.check().fields] == ["id", "phone", "updated_at", "deleted"]
    assert ids_of(read_all(connector)[0]) == ["1"]


def test_a_superuser_is_warned_of(shop: Shop) -> None:
    (warning, *_) = shop.open(settings=replace(shop.settings, user="postgres")).check().warnings
    assert warning == "postgres is a superuser; make a role that may only read customers."


def test_without_the_grant_fifteen_minutes_are_read_again_and_the_page_says_so(shop: Shop) -> None:
    user = shop.settings.user
    shop.add("0722000001", minutes=10)
    shop.add("0722000002", first=2, minutes=20)
    connector = shop.open("phone")
    _, page = read_all(connector)
    shop.run(f"REVOKE pg_read_all_stats FROM {user}")
    for _ in range(2):
        records, page = read_all(connector, page.cursor)
        assert ids_of(records) == ["1"]
    assert page.warnings == [
        f"The role may not see the transactions of others: GRANT pg_read_all_stats TO {user}; "
        "until then each poll reads 15 minutes again."
    ]
    assert page.complete_until is not None and page.complete_until < now() - 15 * 60 * 10**6


def test_only_select_is_possible_even_for_a_role_that_may_write(shop: Shop) -> None:
    shop.run(f"GRANT ALL ON customers TO {shop.settings.user}")
    connector = shop.open()
    statement = "INSERT INTO customers (id) VALUES (1)"
    with pytest.raises(ConnectorFailed, match="read-only"), connector._transaction() as connection:
        connection.exec_driver_sql(statement)
    # And without the transaction's own word, by the session's.
    raw = connector._pool.raw_connection()
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        raw.cursor().execute(statement)
    raw.close()


def test_a_statement_that_takes_too_long_is_ended_there(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_postgres, "TRANSACTION", "SET LOCAL statement_timeout = '50ms'")
    shop.add("0722000001")
    shop.run("CREATE VIEW slow AS SELECT id, phone, updated_at, deleted FROM customers, pg_sleep(20)")
    with failing() as caught:
        read_all(shop.open("phone", settings=replace(shop.settings, table="slow")))
    assert (caught[0].kind, caught[0].code) == ("again", "slow")
    assert caught[0].message == (
        "PostgreSQL did not answer within 30 s. An index helps: CREATE INDEX ON slow (updated_at, id)."
    )


def test_a_locked_table_is_tried_again_later(shop: Shop, postgres_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connector = shop.open("phone")
    _, page = read_all(connector)
    monkeypatch.setattr(sql_postgres, "TRANSACTION", "SET LOCAL lock_timeout = '50ms'")
    with psycopg.connect(database_address(postgres_server, shop.settings.database)) as other:
        other.execute("LOCK customers IN ACCESS EXCLUSIVE MODE")
        with failing() as caught:
            connector.read_changes(page.cursor, now=now())
    assert (caught[0].kind, caught[0].code) == ("again", "locked")


@pytest.mark.parametrize(
    ("change", "given", "code", "says"),
    [
        ("", {"table": "clients"}, "table", 'There is no table or view "clients"'),
        ("", {"database": "nowhere"}, "database", 'There is no database "nowhere" at 127.0.0.1:'),
        ("", {"user": "no_one"}, "access", "refused the user no_one"),
        (
            "",
            {"columns": SqlColumns("id", "updatd_at")},
            "columns",
            'has no column "updatd_at"; it has id, phone, name',
        ),
        ("", {"columns": SqlColumns("id", "name")}, "", ""),
        ("REVOKE SELECT ON customers FROM {user}", {}, "not_readable", "GRANT SELECT ON customers TO {user}"),
        ("", {"ca": (CERTIFICATES / "authority.pem").read_text()}, "tls", "has no TLS that can be verified"),
    ],
)
def test_an_error_says_what_would_be_right(
    shop: Shop, change: str, given: dict[str, object], code: str, says: str
) -> None:
    user = shop.settings.user
    shop.run(change.format(user=user) or "SELECT 1")
    if not code:
        shop.add("0722000001")
        shop.run("UPDATE customers SET name = 'Ana'")
        code, says = "updated_at", '"name" holds "Ana", which is no time; write 2026-11-27 13:02:00.'
    with failing() as caught:
        shop.open(settings=replace(shop.settings, **given)).check()
    assert (caught[0].kind, caught[0].code) == ("broken", code)
    assert says.format(user=user) in caught[0].message
    assert "s3cret" not in caught[0].message


def test_columns_that_change_while_it_reads_are_said(shop: Shop) -> None:
    connector = shop.open("phone")
    _, page = read_all(connector)
    shop.run("ALTER TABLE customers RENAME phone TO mobile")
    with failing() as caught:
        connector.read_changes(page.cursor, now=now())
    assert caught[0].code == "columns"
    assert caught[0].message.startswith("The columns of customers have changed: column ")


def test_a_server_that_is_away_is_tried_again_and_a_cut_connection_is_made_again(
    shop: Shop, postgres_server: str
) -> None:
    with relay_to(postgres_server) as relay:
        connector = opened(shop, relay)
        _, page = read_all(connector)
        relay.cut()
        assert read_all(connector, page.cursor)[0] == []
        assert relay.connections == 2
    with failing() as caught:
        connector.read_changes(page.cursor, now=now())
    assert (caught[0].kind, caught[0].code) == ("again", "unreachable")
    connector.close()


def test_every_type_of_column_is_read(shop: Shop) -> None:
    shop.run("CREATE TYPE plan AS ENUM ('free', 'paid'); CREATE DOMAIN phone AS text")
    shop.run(
        "CREATE TABLE everything (id uuid PRIMARY KEY, phone phone, whole numeric(20, 2), float8 float8, "
        "float4 float4, padded char(12), flag boolean, plan plan, born date, seen timestamp, at timestamptz, "
        "tags text[], more jsonb, address inet, raw bytea)"
    )
    shop.run(
        "INSERT INTO everything VALUES ('00000000-0000-0000-0000-000000000011', '0722000001', 722000001.00, 722000001, "
        "722000001, '0722', true, 'paid', '1990-05-01', '2026-11-27 12:00', '2026-11-27 12:00Z', '{vip,new}', "
        """'{"city": "Kisumu"}', '10.0.0.1', '\\x01ff')"""
    )
    settings = replace(shop.settings, table="everything", columns=SqlColumns("id"), time_zone="Africa/Nairobi")
    connector = shop.open(settings=settings)
    ((record,), _) = read_all(connector)
    assert record.values == {
        "id": "00000000-0000-0000-0000-000000000011",
        "phone": "0722000001",
        "whole": 722000001,
        "float8": 722000001,
        "padded": "0722",
        "flag": True,
        "plan": "paid",
        "born": "1990-05-01",
        "seen": "2026-11-27T12:00:00+03:00",
        "at": "2026-11-27T12:00:00+00:00",
        "tags": ["vip", "new"],
        "more": '{"city":"Kisumu"}',
        "address": "10.0.0.1",
        "raw": "01ff",
    }
    assert list(record.unreadable) == ["float4"]
    assert connector.read_records([record.id]) == [record]
    assert list(connector.list_ids(after=record.id)) == []


@pytest.mark.parametrize("key", ["bigint", "text", "char(9)", "uuid", "bytea", "numeric"])
def test_ids_of_every_type_are_read_page_by_page(shop: Shop, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setattr("daftari.connectors.sql.connector.PAGE_ROWS_MAX", 2)
    made = {
        "uuid": "lpad(n::text, 32, '0')::uuid",
        "bytea": "decode(lpad(n::text, 8, '0'), 'hex')",
        "text": "'Ä' || n",
    }.get(key, f"n::{key}")
    shop.run(f"CREATE TABLE keyed AS SELECT {made} AS id, 'x' AS phone FROM generate_series(1, 5) n")
    connector = shop.open("phone", settings=replace(shop.settings, table="keyed", columns=SqlColumns("id")))
    records, _ = read_all(connector)
    assert len(set(ids_of(records))) == 5
    assert sorted(ids_of(connector.read_records(ids_of(records)))) == sorted(ids_of(records))


def test_a_table_of_a_schema_and_names_that_need_quotes_are_found(shop: Shop) -> None:
    shop.run('CREATE SCHEMA "My Shop"; CREATE TABLE "My Shop"."Kunden" ("Nr." int PRIMARY KEY, "select" text)')
    shop.run(f'GRANT USAGE ON SCHEMA "My Shop" TO {shop.settings.user}')
    shop.run(f'GRANT SELECT ON "My Shop"."Kunden" TO {shop.settings.user}')
    shop.run("""INSERT INTO "My Shop"."Kunden" VALUES (1, 'it''s')""")
    connector = shop.open("select", settings=replace(shop.settings, table="My Shop.Kunden", columns=SqlColumns("Nr.")))
    assert connector.check().count == 1
    assert read_all(connector)[0][0].values == {"select": "it's"}


# ---- TLS --------------------------------------------------------------------------------------------------


def opened(shop: Shop, relay: Relay, **given: object) -> SqlConnector:
    """A connector by way of a relay, whose host has a name."""
    settings = replace(shop.settings, **{"host": NAME, "port": relay.port, **given})
    allowed = Allowed(hosts=frozenset({(NAME, relay.port), ("other.example", relay.port)}))
    return open_connector(
        settings, password="s3cret", fields=("phone",), allowed=allowed, resolve=lambda host, port: ["127.0.0.1"]
    )


@pytest.fixture
def server_side() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem")
    return context


def test_the_certificate_is_checked_for_the_name_although_the_address_is_called(
    shop: Shop, postgres_server: str, server_side: ssl.SSLContext
) -> None:
    ca = (CERTIFICATES / "authority.pem").read_text()
    with relay_to(postgres_server, tls=server_side) as relay:
        connector = opened(shop, relay, ca=ca)
        assert connector.check().count == 0
        connector.close()
        for given in ({"ca": ca, "host": "other.example"}, {"ca": Path(certifi.where()).read_text()}):
            connector = opened(shop, relay, **given)
            with failing() as caught:
                connector.check()
            assert (caught[0].kind, caught[0].code) == ("broken", "tls")
            connector.close()


@pytest.mark.parametrize(
    ("address", "given", "mode"),
    [
        ("127.0.0.1", {}, "prefer"),
        ("::1", {}, "prefer"),
        ("10.0.0.1", {}, "verify-full"),
        ("203.0.113.7", {}, "verify-full"),
        ("10.0.0.1", {"insecure": True}, "prefer"),
        ("10.0.0.1", {"insecure": True, "ca": "PEM"}, "verify-full"),
        ("127.0.0.1", {"ca": "PEM"}, "verify-full"),
    ],
)
def test_tls_is_verified_beyond_this_machine_unless_the_settings_say_otherwise(
    shop: Shop, address: str, given: dict[str, object], mode: str
) -> None:
    assert tls_parameters(replace(shop.settings, **given), address, ca="ca.pem")[0] == mode


# ---- word of changes --------------------------------------------------------------------------------------


def test_a_change_is_heard_at_once_and_the_next_reading_has_it(shop: Shop, postgres_server: str) -> None:
    shop.run(ANNOUNCEMENT.format(table="customers"))
    connector = shop.open("phone")
    with relay_to(postgres_server) as relay:
        allowed = Allowed(hosts=frozenset({("127.0.0.1", relay.port)}))
        doorbell = PostgresDoorbell(replace(shop.settings, port=relay.port), password="", allowed=allowed)
        assert doorbell.wait(0.1)
        _, page = read_all(connector)
        assert not doorbell.wait(0.1)

        later = threading.Timer(0.2, lambda: shop.add("0722000001", minutes=0))
        later.start()
        assert doorbell.wait(30)
        later.join()
        assert ids_of(read_all(connector, page.cursor)[0]) == ["1"]

        relay.cut()
        assert doorbell.wait(30), "what was not heard may have been a change"
        assert doorbell.wait(30)
        doorbell.close()
    with failing() as caught:
        doorbell.wait(0)
    assert caught[0].code == "unreachable"


def test_a_server_that_does_not_let_us_listen_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_doorbell, "CHANNEL", "*, as on a replica")
    doorbell = PostgresDoorbell(shop.settings, password="", allowed=shop.allowed)
    for _ in range(2):
        with failing() as caught:
            doorbell.wait(0)
        assert caught[0].code == "failed" and "syntax error" in caught[0].message


def test_a_check_shows_the_trigger_that_is_missing(shop: Shop) -> None:
    announced = replace(shop.settings, notify=True)
    (warning,) = [said for said in shop.open("phone", settings=announced).check().warnings if "announces" in said]
    assert warning.startswith("Nothing announces changes of customers, so polls find them. Its owner runs once: CREATE")
    shop.run(warning.partition("once: ")[2])
    assert "announces" not in str(shop.open("phone", settings=announced).check().warnings)
    assert "announces" not in str(shop.open("phone").check().warnings)
    shop.run("ALTER TABLE customers DISABLE TRIGGER daftari_notify")
    assert "announces" in str(shop.open("phone", settings=announced).check().warnings)


def test_a_view_is_announced_by_the_tables_that_it_reads(shop: Shop) -> None:
    shop.run("CREATE VIEW buyers AS SELECT * FROM customers")
    view = replace(shop.settings, notify=True, table="buyers")
    assert "ON each table that the view reads" in str(shop.open("phone", settings=view).check().warnings)
    shop.run(ANNOUNCEMENT.format(table="customers"))
    assert "announces" not in str(shop.open("phone", settings=view).check().warnings)


def test_a_driver_says_no_secret() -> None:
    for said in ("no: s3cr=et", "postgresql://me:x@db/shop", "password='other'", "password = other"):
        words = sql_failures.words_of(ValueError(f"{said}\nDETAIL: 0722000001"), secret="s3cr=et")
        assert not any(secret in words for secret in ("s3cr", "me:x", "other", "0722"))


def test_what_the_server_says_is_shown_and_not_how_it_was_reached() -> None:
    said = 'connection failed: connection to server at "db", port 5432 failed: FATAL:  password authentication failed'
    assert sql_failures.words_of(ValueError(said), secret="s3cret") == "password authentication failed"
