"""Providers' secrets in the database: sealed, bound to their rows, and shown by nothing."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from daftari.rules.access import inbound_tokens
from daftari.rules.access.inbound_tokens import find_token
from daftari.store import Store
from daftari.store.catalog import list_tables
from tests.support.builders import create, mobile, refusal, rows, rows_of
from tests.support.clients import Client
from tests.support.commands import runner_for
from tests.support.gateway_samples import SOZURI_SMS
from tests.support.inbound import OpenAddress, reviews
from tests.support.message_steps import Sending
from tests.support.schema import execute
from tests.support.stores import NOW

SECRET = "kikapu cha ndizi mbivu"
CHECK = "karibu sana nyumbani"
FORGED = (401, "FORGED")
STOP = {**SOZURI_SMS, "authKey": SECRET}
AKINYI = "254722000001"


def everything(database: str) -> bytes:
    """All that the tables hold, as one text."""
    return b"\n".join(
        value if isinstance(value, bytes) else str(value).encode()
        for table in list_tables()
        for row in rows_of(database, f'SELECT * FROM "{table.name}"')
        for value in row
    )


def check(client: Client, address: str, token: str) -> int:
    return client.get(
        address, query={"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": "115820"}
    ).status


def test_secrets_are_used_and_stand_in_no_table(client: Client, open_address: OpenAddress, database: str) -> None:
    sozuri = open_address("sozuri", secret=SECRET)
    whatsapp = open_address("whatsapp", secret=SECRET, verify_token=CHECK)
    assert client.post(sozuri, STOP).status == 200
    assert (check(client, whatsapp, CHECK), check(client, whatsapp, "karibu")) == (200, 401)
    held = everything(database)
    assert b"sozuri" in held
    for secret in (SECRET, CHECK):
        assert secret.encode() not in held
        assert secret.encode().hex().encode() not in held


def test_a_refused_request_keeps_the_providers_secret_sealed_too(
    client: Client, open_address: OpenAddress, database: str, store: Store, people: Any
) -> None:
    """Sozuri sends its key with each request, and what is refused is kept as it came."""
    address = open_address("sozuri", secret="a wrong one")
    assert refusal(client.post(address, STOP)) == FORGED
    assert refusal(client.post(address, SOZURI_SMS, headers={"X-Auth-Key": SECRET})) == FORGED
    assert rows_of(database, "SELECT COUNT(*) FROM quarantine") == [(2,)]
    held = everything(database)
    assert SECRET.encode() not in held
    assert AKINYI.encode() not in held
    run = runner_for(database)
    start = address.rpartition("/")[2][:10]
    run("inbound", "set-secret", start, "--secret-file", "-", typed=SECRET)
    assert "2 accepted, 0 refused again." in run("inbound", "replay", "--project", "Shopify").output
    assert SECRET.encode() not in everything(database)


def test_a_secret_that_was_moved_to_another_row_or_column_is_refused_and_nothing_is_lost(
    ana: Client, client: Client, open_address: OpenAddress, database: str
) -> None:
    create(ana, {"mobile": AKINYI})
    first, second = open_address("sozuri", secret=SECRET), open_address("sozuri", secret="a wrong one")
    # Who can write to the database puts a secret of their own choice into a row: one that is sealed for another row.
    moved = "(SELECT x.signing_secret FROM inbound_token AS x WHERE x.start = '{}')"
    start_of = {address: address.rpartition("/")[2][:10] for address in (first, second)}
    execute(
        database,
        f"UPDATE inbound_token SET signing_secret = {moved.format(start_of[first])} WHERE start = '{start_of[second]}'",
    )
    answer = client.post(second, STOP)
    assert refusal(answer) == FORGED
    assert answer.json()["message"] == (
        "The provider's secret of this address cannot be unsealed; set it again with "
        f"'daftari inbound set-secret {start_of[second]}'."
    )
    assert client.post(first, STOP).status == 200
    run = runner_for(database)
    run("inbound", "set-secret", start_of[second], "--secret-file", "-", typed=SECRET)
    assert "1 accepted" in run("inbound", "replay", "--project", "Shopify").output


def test_a_secret_of_which_one_bit_changed_is_refused(client: Client, open_address: OpenAddress, database: str) -> None:
    address = open_address("whatsapp", secret=SECRET, verify_token=CHECK)
    ((sealed,),) = rows_of(database, "SELECT verify_token FROM inbound_token")
    changed = (bytes(sealed)[:-1] + bytes([sealed[-1] ^ 1])).hex()
    literal = f"'\\x{changed}'::bytea" if database.startswith("postgresql://") else f"x'{changed}'"
    execute(database, f"UPDATE inbound_token SET verify_token = {literal}")
    answer = client.get(address, query={"hub.mode": "subscribe", "hub.verify_token": CHECK, "hub.challenge": "115820"})
    assert refusal(answer) == FORGED
    assert "verify token of this address cannot be unsealed" in answer.json()["message"]
    # The other secret of the row is read as before.
    assert "cannot be unsealed" not in client.post(address, {"object": "x"}).json()["message"]


def test_a_refused_request_that_was_changed_is_not_replayed_and_goes_with_the_next_erasure(
    ana: Client, client: Client, open_address: OpenAddress, database: str
) -> None:
    address = open_address("sozuri", secret="a wrong one")
    assert refusal(client.post(address, STOP)) == FORGED
    assert refusal(client.post(address, {**STOP, "messageId": "another"})) == FORGED
    execute(database, "UPDATE quarantine SET body = request WHERE id = (SELECT MIN(id) FROM quarantine)")
    run = runner_for(database)
    run("inbound", "set-secret", address.rpartition("/")[2][:10], "--secret-file", "-", typed=SECRET)
    result = run("inbound", "replay", "--project", "Shopify")
    assert "It cannot be unsealed" in result.output
    assert "1 accepted, 1 refused again." in result.output
    assert len(run("inbound", "quarantine", "--project", "Shopify").stdout.splitlines()) == 1
    create(ana, *rows(1))
    assert ana.post("/v1/erasures", {"mobile": mobile(1)}).json()["removed"]["refused_requests"] == 1
    assert (rows_of(database, "SELECT COUNT(*) FROM quarantine"), reviews(ana)) == ([(0,)], [])


def test_nothing_shows_a_secret(
    client: Client,
    ana: Client,
    open_address: OpenAddress,
    database: str,
    store: Store,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    address = open_address("whatsapp", secret=SECRET, verify_token=CHECK)
    refused = client.post(address, {"object": "x"})
    assert refusal(refused) == FORGED
    written = address.rpartition("/")[2]
    stored = store.system_read(NOW, find_token, provider="whatsapp", written=written)
    run = runner_for(database)
    listed = [run("inbound", verb, "--project", "Shopify", "--json").output for verb in ("list", "quarantine")]
    shown = [
        *(repr(stored), caplog.text, refused.body.decode(), *listed),
        ana.get("/v1/inbound/review").body.decode(),
        repr(rows_of(database, "SELECT * FROM journal")),
    ]
    assert stored.signing_secret == SECRET and stored.verify_token == CHECK
    for text in shown:
        assert SECRET not in text
        assert CHECK not in text


def test_a_new_secret_replaces_the_sealed_one(store: Store, people: Any) -> None:
    written, token = store.system_write(
        NOW,
        inbound_tokens.create_token,
        project=people.shopify,
        provider="whatsapp",
        label="",
        signing_secret=SECRET,
        verify_token=None,
    )
    store.system_write(NOW, inbound_tokens.set_signing_secret, start=token.start, signing_secret="another")
    stored = store.system_read(NOW, find_token, provider="whatsapp", written=written)
    assert (stored.signing_secret, stored.verify_token, stored.broken) == ("another", None, ())


def test_a_check_names_what_the_present_secret_does_not_open(
    ana: Client, client: Client, open_address: OpenAddress, store: Store, people: Any, database: str
) -> None:
    run = runner_for(database)
    address = open_address("sozuri", secret="a wrong one")
    assert refusal(client.post(address, STOP)) == FORGED
    sender = Sending(store, people.shopify)
    assert "consistent" in run("check").output
    # A value that was sealed for another place is one that another secret sealed.
    other = "(SELECT request FROM quarantine)"
    execute(database, f"UPDATE sender SET credentials = {other}")
    execute(database, f"UPDATE inbound_token SET signing_secret = {other}")
    execute(database, "UPDATE quarantine SET body = request")
    found = run("check", "--repair", code=1)
    start = address.rpartition("/")[2][:10]
    for said in (f"sender {sender.sender_id}", f"begins with {start}", "requests 1 cannot be replayed"):
        assert said in found.stdout
    assert found.stdout.count("DAFTARI_SECRET") == 3
