"""MariaDB as a shop's own database: the fence, the rights, the types, TLS, and what its errors mean."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import threading
from pathlib import Path

import certifi
import pymysql
import pytest
from msgspec import Struct
from msgspec.structs import replace

from daftari.connectors.protocol import ConnectorFailed
from daftari.connectors.sql import Allowed, SqlColumns, SqlSettings, open_connector
from daftari.connectors.sql.connector import SqlConnector
from daftari.connectors.sql.mysql import MySql
from daftari.connectors.sql.window import Sight
from tests.conftest import ROOT, free_port
from tests.outbound.calls import NAME
from tests.support.fence_race import Race, race_of_profile, run_race
from tests.support.sql_shops import ids_of, now, read_all
from tests.support.waiting import wait_for
from tests.system.conftest import Run, find_program

CERTIFICATES = ROOT / "tests" / "outbound" / "certificates"
AS_USER = ["--user=mysql"] if os.geteuid() == 0 else []
PASSWORD = "p@ss: word"
CUSTOMERS = (
    "CREATE TABLE customers (id bigint PRIMARY KEY, phone varchar(40), updated_at timestamp(6) NOT NULL "
    "DEFAULT current_timestamp(6) ON UPDATE current_timestamp(6), KEY (updated_at, id))"
)


class MariaDb(Struct, frozen=True):
    """A server that runs. The user ``reader`` may read the database shop, ``owner`` may do everything."""

    port: int

    def owner(self, **given: object) -> pymysql.Connection:
        return pymysql.connect(
            host="127.0.0.1", port=self.port, user="owner", password=PASSWORD, database="shop", **given
        )

    def run(self, *statements: str) -> None:
        with self.owner(autocommit=True) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def settings(self, **given: object) -> SqlSettings:
        common = SqlSettings(
            kind="mysql",
            host=NAME,
            port=self.port,
            database="shop",
            user="reader",
            table="customers",
            columns=SqlColumns("id", "updated_at"),
            times_set_by="database",
        )
        return replace(common, **given)

    def open(self, *fields: str, password: str = PASSWORD, **given: object) -> SqlConnector:
        allowed = Allowed(hosts=frozenset({(NAME, self.port)}))
        return open_connector(
            self.settings(**given),
            password=password,
            fields=fields,
            allowed=allowed,
            resolve=lambda host, port: ["127.0.0.1"],
        )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mariadb")


@pytest.fixture(scope="module")
def data(folder: Path) -> Path:
    """The files of a new server, made once."""
    install = find_program("mariadb-install-db", package="mariadb-server")
    # It does not run as root, and its user must reach the folder.
    for path in (folder, *folder.parents):
        if os.geteuid() == 0 and not path.stat().st_mode & stat.S_IXOTH:
            path.chmod(path.stat().st_mode | stat.S_IXOTH)
    command = [install, "--no-defaults", *AS_USER, f"--datadir={folder / 'data'}"]
    subprocess.run([*command, "--auth-root-authentication-method=normal"], check=True, capture_output=True)
    return folder / "data"


@pytest.fixture
def mariadb(data: Path, run: Run) -> MariaDb:
    """A server with the empty database shop."""
    port = free_port()
    certificate = shutil.copy(CERTIFICATES / "server.pem", data)
    run(
        find_program("mariadbd", package="mariadb-server"),
        *("--no-defaults", *AS_USER, f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1"),
        *(f"--socket={data / 'socket'}", f"--pid-file={data / 'pid'}", "--innodb-flush-log-at-trx-commit=0"),
        *(f"--ssl-cert={certificate}", f"--ssl-key={certificate}", "--skip-networking=0"),
        port=port,
    )
    root = pymysql.connect(unix_socket=str(data / "socket"), user="root", autocommit=True)
    with root, root.cursor() as cursor:
        for statement in (
            # Accounts without a name, which would be found before ours.
            "DELETE FROM mysql.global_priv WHERE user = ''",
            "FLUSH PRIVILEGES",
            "DROP DATABASE IF EXISTS shop",
            "CREATE DATABASE shop CHARACTER SET utf8mb4",
            f"CREATE OR REPLACE USER owner@'%' IDENTIFIED BY '{PASSWORD}'",
            "GRANT ALL ON *.* TO owner@'%' WITH GRANT OPTION",
            f"CREATE OR REPLACE USER reader@'%' IDENTIFIED BY '{PASSWORD}'",
            "GRANT SELECT ON shop.* TO reader@'%'",
            "GRANT PROCESS ON *.* TO reader@'%'",
        ):
            cursor.execute(statement)
    return MariaDb(port)


def test_everything_is_read_once_and_then_what_changed(mariadb: MariaDb) -> None:
    mariadb.run(CUSTOMERS, "INSERT INTO customers VALUES (1, '0722000001', now(6)), (2, '0722000002', now(6))")
    connector = mariadb.open("phone")
    records, page = read_all(connector)
    assert ids_of(records) == ["1", "2"] and records[0].values == {"phone": "0722000001"}

    mariadb.run("UPDATE customers SET phone = '0733000001' WHERE id = 1")
    records, page = read_all(connector, page.cursor)
    assert {record.id: record.values["phone"] for record in records}["1"] == "0733000001"
    assert [record.id for record in connector.read_records(["2", "9"])] == ["2"]
    assert list(connector.list_ids()) == [["1", "2"]]
    connector.close()


def test_no_row_is_missed_or_read_twice_while_transactions_are_open(
    mariadb: MariaDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    mariadb.run(CUSTOMERS)
    connector = mariadb.open("phone")
    outcome = run_race(connector, race_of_profile(), connect=mariadb.owner, monkeypatch=monkeypatch)

    assert outcome.written > 100
    assert outcome.missed == 0
    assert outcome.repeated <= outcome.written / 100
    connector.close()


def test_rows_would_be_missed_without_the_fence(mariadb: MariaDb, monkeypatch: pytest.MonkeyPatch) -> None:
    mariadb.run(CUSTOMERS)
    connector = mariadb.open("phone")
    look = MySql.look
    monkeypatch.setattr(MySql, "look", lambda *args, **given: Sight(look(*args, **given).now))
    race = Race(seconds=4, writers=12, open_seconds_max=2)
    assert run_race(connector, race, connect=mariadb.owner, monkeypatch=monkeypatch).missed > 0
    connector.close()


def test_a_statement_that_waits_for_a_locked_table_holds_the_window_back(mariadb: MariaDb) -> None:
    """It has taken its time already, and its transaction begins when the table is free."""
    mariadb.run(CUSTOMERS)
    connector = mariadb.open("phone")
    with mariadb.owner() as locker, mariadb.owner() as waiter:
        locker.cursor().execute("LOCK TABLES customers WRITE")
        thread = threading.Thread(target=waiter.cursor().execute, args=("INSERT INTO customers (id) VALUES (1)",))
        thread.start()
        try:
            wait_for(lambda: bool(seen(connector).transactions))
        finally:
            locker.cursor().execute("UNLOCK TABLES")
            thread.join()
        (waiting,) = seen(connector).transactions
        assert waiting.user == "owner"
    connector.close()


def seen(connector: SqlConnector) -> Sight:
    with connector._transaction() as connection:
        return connector._engine.look(connection, now=now())


def test_without_process_fifteen_minutes_are_read_again_and_the_page_says_so(mariadb: MariaDb) -> None:
    mariadb.run(
        CUSTOMERS,
        "INSERT INTO customers VALUES (1, '07', now(6) - INTERVAL 10 MINUTE), (2, '07', now(6) - INTERVAL 20 MINUTE)",
        "REVOKE PROCESS ON *.* FROM reader@'%'",
    )
    connector = mariadb.open("phone")
    _, page = read_all(connector)
    for _ in range(2):
        records, page = read_all(connector, page.cursor)
        assert ids_of(records) == ["1"]
    (warning,) = page.warnings
    assert warning == (
        "The user may not see the transactions of others: GRANT PROCESS ON *.* TO reader; "
        "until then each poll reads 15 minutes again."
    )
    check = connector.check()
    assert warning in check.warnings and not check.missing
    connector.close()


def test_a_check_shows_columns_rows_and_what_the_user_may_do(mariadb: MariaDb) -> None:
    mariadb.run(CUSTOMERS, "INSERT INTO customers (id, phone) VALUES (1, '0722000001'), (2, '0722000002')")
    connector = mariadb.open("phone")
    account = connector.check()
    assert (account.count, account.missing, account.warnings) == (2, (), [])
    assert [(field.name, field.kind) for field in account.fields] == [
        ("id", "number"),
        ("phone", "text"),
        ("updated_at", "time"),
    ]
    connector.close()

    mariadb.run("ALTER TABLE customers DROP KEY updated_at", "GRANT INSERT, DELETE ON shop.* TO reader@'%'")
    connector = mariadb.open("phone")
    assert connector.check().warnings == [
        "The user reader may do more than SELECT: DELETE, INSERT.",
        "No index begins with updated_at, so each poll reads the whole table: "
        "CREATE INDEX ON customers (updated_at, id).",
    ]
    connector.close()


def test_only_select_is_possible_even_for_a_user_who_may_write(mariadb: MariaDb) -> None:
    mariadb.run(CUSTOMERS, "GRANT ALL ON *.* TO reader@'%'")
    connector = mariadb.open("phone")
    statement = "INSERT INTO customers (id) VALUES (1)"
    with pytest.raises(ConnectorFailed, match="READ ONLY transaction"), connector._transaction() as connection:
        connection.exec_driver_sql(statement)
    raw = connector._pool.raw_connection()
    with pytest.raises(pymysql.OperationalError, match="READ ONLY transaction"):
        raw.cursor().execute(statement)
    with pytest.raises(pymysql.OperationalError):
        raw.cursor().execute("LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE customers")
    raw.close()
    connector.close()


def test_every_type_of_column_is_read(mariadb: MariaDb) -> None:
    """JSON is a text there, which MariaDB itself does not distinguish."""
    mariadb.run(
        "CREATE TABLE everything (id binary(2) PRIMARY KEY, phone double, single float, whole decimal(20, 2), "
        "flag tinyint(1), flag2 bit(1), bits bit(9), padded char(12), plan enum('free', 'paid'), "
        "tags set('vip', 'new'), more json, born date, zero datetime, seen datetime, at timestamp NULL, raw blob)",
        "SET sql_mode = ''",
    )
    with mariadb.owner(autocommit=True, sql_mode="") as connection, connection.cursor() as cursor:
        cursor.execute("SET time_zone = '+00:00'")
        cursor.execute(
            "INSERT INTO everything VALUES (x'0017', 722000001, 722000001, 722000001, 1, 1, 257, '0722', 'paid', "
            "'vip,new', '[\"a\", 1]', '1990-05-01', '0000-00-00', '2026-11-27 12:00', '2026-11-27 12:00', x'ff')"
        )
    connector = mariadb.open(table="everything", columns=SqlColumns("id"), time_zone="Africa/Nairobi")
    ((record,), _) = read_all(connector)
    assert record.id == "0017"
    assert record.values == {
        "id": "0017",
        "phone": 722000001,
        "whole": 722000001,
        "flag": True,
        "flag2": True,
        "bits": 257,
        "padded": "0722",
        "plan": "paid",
        "tags": ["vip", "new"],
        "more": '["a", 1]',
        "born": "1990-05-01",
        "seen": "2026-11-27T12:00:00+03:00",
        "at": "2026-11-27T12:00:00+00:00",
        "raw": "ff",
    }
    assert list(record.unreadable) == ["single"]
    assert connector.read_records(["0017"]) == [record]
    connector.close()


def test_the_certificate_is_checked_for_the_name_although_the_address_is_called(mariadb: MariaDb) -> None:
    mariadb.run(CUSTOMERS, "ALTER USER reader@'%' REQUIRE SSL")
    connector = mariadb.open(ca=(CERTIFICATES / "authority.pem").read_text())
    assert connector.check().count == 0
    connector.close()
    connector = mariadb.open(ca=Path(certifi.where()).read_text())
    with pytest.raises(ConnectorFailed) as caught:
        connector.check()
    assert (caught.value.kind, caught.value.code) == ("broken", "tls")
    connector.close()


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        ({"password": "wr0ng"}, "access", "refused the user reader: Access denied for user 'reader'@'localhost'"),
        ({"database": "nowhere"}, "database", 'There is no database "nowhere"'),
        ({"table": "clients"}, "table", 'There is no table or view "clients"'),
        (
            {"columns": SqlColumns("id", "updatd_at")},
            "columns",
            'customers has no column "updatd_at"; it has id, phone',
        ),
        ({"columns": SqlColumns("id", "phone")}, "updated_at", '"phone" holds "0722000001", which is no time'),
    ],
)
def test_an_error_says_what_would_be_right(mariadb: MariaDb, given: dict[str, object], code: str, says: str) -> None:
    mariadb.run(CUSTOMERS, "INSERT INTO customers (id, phone) VALUES (1, '0722000001')")
    connector = mariadb.open(**given)
    with pytest.raises(ConnectorFailed) as caught:
        connector.check()
    assert (caught.value.kind, caught.value.code) == ("broken", code)
    assert says in caught.value.message
    assert "wr0ng" not in caught.value.message and PASSWORD not in caught.value.message
    connector.close()


def test_a_statement_that_takes_too_long_is_ended_there(mariadb: MariaDb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daftari.connectors.sql.mysql.LIMITS", {"max_statement_time": "0.05"})
    mariadb.run("CREATE VIEW slow AS SELECT 1 AS id, SLEEP(20) AS phone")
    connector = mariadb.open("phone", table="slow", columns=SqlColumns("id"))
    with pytest.raises(ConnectorFailed) as caught:
        read_all(connector)
    assert (caught.value.kind, caught.value.code) == ("again", "slow")
    connector.close()
