"""What is known of MySQL without a server; tests/system/test_mariadb.py has one."""

from __future__ import annotations

import ssl

import pytest
from msgspec.structs import replace

from daftari.connectors.sql import SqlColumns, SqlSettings
from daftari.connectors.sql.mysql import age_of, rights_in, tls_parameters
from daftari.connectors.sql.timeline import SECOND
from tests.outbound.server import CERTIFICATES

SHOP = SqlSettings(
    kind="mysql",
    host="db.intra",
    port=3306,
    database="shop",
    user="daftari",
    table="customers",
    columns=SqlColumns("id"),
)


@pytest.mark.parametrize(("seconds", "age"), [(0, 0), (7, 7), (-3_000, 600), (-9_000, 0)])
def test_a_transaction_that_seems_to_come_began_before_the_clock_was_set_back(seconds: int, age: int) -> None:
    assert age_of(seconds * SECOND) == age * SECOND


def test_rights_are_read_without_the_columns_that_they_are_for() -> None:
    assert rights_in("SELECT (`id`, `phone`), INSERT (`id`), USAGE") == ["SELECT", "INSERT", "USAGE"]


@pytest.mark.parametrize(
    ("address", "given", "verified"),
    [
        ("127.0.0.1", {}, False),
        ("10.0.0.1", {}, True),
        ("10.0.0.1", {"insecure": True}, False),
        ("127.0.0.1", {"ca": (CERTIFICATES / "authority.pem").read_text()}, True),
    ],
)
def test_tls_is_verified_beyond_this_machine_unless_the_settings_say_otherwise(
    address: str, given: dict[str, object], verified: bool
) -> None:
    parameters = tls_parameters(replace(SHOP, **given), address)
    assert bool(parameters) == verified
    for context in parameters.values():
        assert context.verify_mode == ssl.CERT_REQUIRED and context.check_hostname
