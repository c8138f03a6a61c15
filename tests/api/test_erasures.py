"""Erasure: nothing of a number is left anywhere, and it stays opted out; and the export of all that is held of one."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from typing import Any

import pytest

from daftari.rules.access import inbound_tokens
from daftari.serving.server import Server
from daftari.store import Store
from daftari.worker import run_worker
from tests.support.builders import (
    NO_MOBILE,
    assert_sound,
    consent_of,
    create,
    facts_of,
    get,
    groups,
    may_message,
    mobile,
    opt_in,
    opt_out,
    page,
    refusal,
    rows,
    rows_of,
    wrong_fields,
)
from tests.support.clients import Answer, Client

NATIONAL_DIGITS = 9
GONE = "254711223344"
"""Whose digits are in no id, time or count."""


@pytest.fixture
def address(store: Store, people: Any) -> str:
    """Where Ana's provider calls."""
    token, _ = store.system_write(
        1,
        inbound_tokens.create_token,
        project=people.shopify,
        provider="generic",
        label="",
        signing_secret=None,
        verify_token=None,
    )
    return f"/v1/inbound/generic/{token}"


@pytest.fixture
def known(ana: Client, client: Client, address: str) -> Client:
    """Ana, whose book knows of one number in every way there is, as contact 2 among others."""
    contact = {"mobile": GONE, "fname": "Wanjiru", "attributes": {"note": f"call {GONE}"}}
    create(ana, *rows(1), contact, *rows(1, first=3), group="VIP")
    create(ana, contact, group="Other")
    for asked in ({"everyone": True}, {"groups": ["VIP"]}):
        assert ana.post("/v1/audiences", {"channel": "sms", **asked}).status == 201
    opt_out(ana, GONE, channel="whatsapp", sender="DUKA", evidence=f"said so from {GONE}")
    opt_in(ana, GONE, purpose="transactional", evidence={"note": GONE, "message_id": f"m-{GONE}"})
    messages = [
        {"from": GONE, "to": "20414", "text": f"please stop calling 0{GONE[3:]}", "id": f"doubt-{GONE}"},
        {"from": GONE, "to": "20414", "text": "STOP VIP", "id": f"stop-{GONE}"},
        {"from": f"+{GONE}", "channel": "fax", "text": "STOP", "id": f"unread-{GONE}"},
        {
            "from": "DUKA",
            "to": "20414",
            "text": f"stop writing to 0{GONE[3:6]} {GONE[6:9]} {GONE[9:]}",
            "id": "of others",
        },
    ]
    subscription = {"mobile": GONE, "sender": "84320", "keyword": "PESA", "active": True, "id": f"s-{GONE}"}
    body = {"messages": messages, "subscriptions": [subscription]}
    assert client.post(address, body).status == 200
    assert client.call("POST", address, body=json.dumps(body).encode()[:-1]).status == 400
    return ana


def erase(client: Client, number: str = GONE) -> dict[str, int]:
    answer = client.post("/v1/erasures", {"mobile": number})
    assert answer.status == 201, answer.body
    removed: dict[str, int] = answer.json()["removed"]
    return removed


def traces(database: str) -> list[str]:
    """The tables that hold the number: as an integer, in a text, or packed within bytes."""
    return [
        table for table in tables(database) if any(holds(value) for row in rows_in(database, table) for value in row)
    ]


def tables(database: str) -> list[str]:
    listed = (
        "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        if database.startswith("postgresql://")
        else "SELECT name FROM sqlite_master WHERE type = 'table'"
    )
    found = sorted(str(row[0]) for row in rows_of(database, listed))
    assert {"contact", "fact", "consent", "journal", "review"} <= set(found)
    return found


def rows_in(database: str, table: str) -> Iterator[tuple[Any, ...]]:
    yield from rows_of(database, f'SELECT * FROM "{table}"')


def holds(value: object) -> bool:
    national = GONE[-NATIONAL_DIGITS:]
    match value:
        case int():
            return abs(value) == int(GONE)
        case bytes():
            packed = [struct.pack(order + "q", int(GONE)) for order in "<>"]
            return any(piece in value for piece in (*packed, national.encode()))
        case _:
            return national in "".join(filter(str.isdecimal, str(value)))


def work(store: Store) -> None:
    """The worker does all there is to do."""
    run_worker(lambda pause_seconds: pause_seconds > 0, store=store)


# ---- what goes --------------------------------------------------------------------------------------


def test_what_others_said_in_a_refused_request_outlives_an_erasure(
    ana: Client, client: Client, store: Store, people: Any
) -> None:
    now = time.time_ns() // 1000
    token, _ = store.system_write(
        now,
        inbound_tokens.create_token,
        project=people.shopify,
        provider="generic",
        label="",
        signing_secret="kikapu",
        verify_token=None,
    )
    hello = {"from": f"+{GONE}", "to": "20414", "text": "hello", "id": "m1"}
    stop = {"from": f"+{mobile(2)}", "to": "20414", "text": "STOP", "id": "m2"}
    report = {"id": "1-1-1", "state": "delivered", "mobile": f"+{mobile(3)}"}
    sent = {"messages": [hello, stop, 5], "reports": [report]}
    assert client.post(f"/v1/inbound/generic/{token}", sent).status == 401
    assert ana.post("/v1/erasures", {"mobile": GONE}).json()["removed"]["refused_requests"] == 1
    waiting = ana.get("/v1/inbound/review").json()
    assert waiting["quarantined"] == 0
    assert [(review["mobile"], review["text"]) for review in waiting["reviews"]] == [(mobile(2), "STOP"), (None, "5")]
    assert may_message(ana, mobile(2)) == [True]
    settled = f"/v1/inbound/review/{waiting['reviews'][0]['id']}"
    assert ana.post(settled, {"as": "opt_out"}).status == 200
    assert may_message(ana, mobile(2)) == [False]


def test_nothing_of_an_erased_number_is_left_in_any_table(
    known: Client, store: Store, people: Any, database: str
) -> None:
    before = traces(database)
    assert {"contact", "fact", "consent", "review", "audience_part"} <= set(before)
    # What a refused request holds is sealed: it shows no trace, and is counted.
    refused = "SELECT COUNT(*) FROM quarantine"
    assert rows_of(database, refused) == [(1,)]
    assert erase(known) == {
        "contacts": 1,
        "memberships": 1,
        "evidence": 4,
        "reviews": 3,
        "refused_requests": 1,
        "whatsapp_users": 0,
        "import_rows": 0,
        "import_files": 0,
        "audience_numbers": 2,
        "kept_answers": 0,
        "carts": 0,
        "announced_records": 0,
        "external_links": 0,
        "messages": 0,
        "replies": 0,
        "events": 0,
        "exports": 0,
    }
    work(store)
    assert (traces(database), rows_of(database, refused)) == ([], [(0,)])
    assert_sound(store, people.shopify)


def test_others_lose_nothing(known: Client, store: Store) -> None:
    opt_out(known, mobile(1), channel="whatsapp", evidence="Form 7")
    before = [get(known, number, include="groups,consent,updated_at") for number in (1, 3)]
    journal = known.get("/v1/contacts/1/export").json()["export"]["journal"]
    erase(known)
    work(store)
    assert [get(known, number, include="groups,consent,updated_at") for number in (1, 3)] == before
    assert known.get("/v1/contacts/1/export").json()["export"]["journal"] == journal
    assert facts_of(known, 1, "evidence") == [({"note": "Form 7"},)]
    assert groups(known) == {"VIP": 2, "Other": 0}


def test_the_worker_clears_the_contact_from_the_journal_and_from_nothing_else(
    known: Client, store: Store, database: str
) -> None:
    named = "SELECT contacts FROM journal ORDER BY seq"
    assert rows_of(database, named)[0] == ("1-3",)
    erase(known)
    work(store)
    assert rows_of(database, named)[0] == ("1,3",)
    assert all("2" not in str(contacts) for (contacts,) in rows_of(database, named))
    assert rows_of(database, "SELECT COUNT(*) FROM job") == [(0,)]
    assert rows_of(database, "SELECT contact_id FROM erasure") == [(None,)]


def test_an_erased_number_is_gone_from_frozen_audiences_whose_count_and_digest_stay(known: Client) -> None:
    before = known.get("/v1/audiences/1").json()
    compared = known.get("/v1/audiences/1/compare/2").json()["comparison"]["counts"]
    erase(known)
    for asked in ("", "as_frozen=true"):
        after = known.get("/v1/audiences/1", query=asked).json()
        assert after["audience"] == before["audience"] | {"erased": 1}
        assert after["mobiles"]["data"] == [mobile(1), mobile(3)]
    assert known.get("/v1/audiences/1/recheck").json()["blocked"] == []
    counts = known.get("/v1/audiences/1/compare/2").json()["comparison"]["counts"]
    assert counts == compared | {"both": compared["both"] - 1}


# ---- what stays -------------------------------------------------------------------------------------


def test_an_erased_number_stays_opted_out_when_it_is_created_again(known: Client, store: Store, people: Any) -> None:
    erase(known)
    assert may_message(known, GONE, channel="whatsapp") == may_message(known, GONE) == [False]
    answer = known.post("/v1/contacts", {"contacts": [{"mobile": GONE}], "group": "VIP", "results": True})
    assert (answer.json()["created"], answer.json()["suppressed"]) == (1, 1)
    assert page(known, group="VIP")["total"] == 2
    assert consent_of(known, f"+{GONE}")["suppressed"] is True
    assert [row["mobile"] for row in known.get("/v1/opt-outs").json()["opt_outs"]] == []
    assert_sound(store, people.shopify)


def test_earlier_opt_outs_stay_without_their_evidence(known: Client) -> None:
    erase(known)
    facts = facts_of(known, f"+{GONE}", "kind", "channel", "sender", "source", "evidence")
    assert ("opt_out", "whatsapp", "DUKA", "api", None) in facts
    assert facts[-1] == ("opt_out", None, None, "erasure", None)
    assert not any(evidence for *_, evidence in facts)


def test_only_an_opt_in_lifts_it_and_later_facts_count(known: Client, store: Store, people: Any) -> None:
    erase(known)
    assert known.post("/v1/opt-ins", {"mobile": GONE, "source": "bulk"}).json()["refused"] == 1
    assert may_message(known, GONE) == [False]
    opt_in(known, GONE, evidence="asked us to")
    assert may_message(known, GONE) == [True]
    create(known, {"mobile": GONE})
    assert page(known)["total"] == 3
    opt_out(known, GONE)
    assert page(known)["total"] == 2
    assert_sound(store, people.shopify)


def test_a_number_may_be_erased_again_and_without_a_contact(
    known: Client, store: Store, people: Any, database: str
) -> None:
    erase(known)
    assert set(erase(known).values()) <= {0, 1}
    create(known, {"mobile": GONE}, group="VIP")
    opt_in(known, GONE, evidence=GONE)
    assert erase(known)["contacts"] == 1
    work(store)
    assert traces(database) == []
    assert may_message(known, GONE) == [False]
    assert set(erase(known, NO_MOBILE).values()) == {0}
    assert may_message(known, NO_MOBILE) == [False]
    assert_sound(store, people.shopify)


def test_the_provider_message_of_before_is_known_again_after_the_erasure(
    known: Client, client: Client, address: str, server: Server
) -> None:
    erase(known)
    opt_in(known, GONE, evidence="asked us to")
    sent = {"from": GONE, "to": "20414", "text": "STOP VIP", "id": f"stop-{GONE}"}
    assert client.post(address, {"messages": [sent]}).status == 200
    assert [kind for (kind,) in facts_of(known, f"+{GONE}", "kind")].count("left_group") == 1


def test_every_wrong_field_is_named_and_nothing_is_erased(known: Client) -> None:
    for wrong in (None, "", "CALL-ME", True, 5.5, [GONE], "2" * 65):
        assert wrong_fields(known.post("/v1/erasures", {"mobile": wrong})) == ["mobile"]
    assert wrong_fields(known.post("/v1/erasures", {"mobile": "x", "project": 5})) == ["project", "mobile"]
    assert get(known, 2)["mobile"] == GONE


# ---- export -----------------------------------------------------------------------------------------


def test_an_export_has_everything(known: Client, database: str) -> None:
    answer: Answer = known.get("/v1/contacts/2/export")
    assert answer.status == 200
    export = answer.json()["export"]
    assert export == known.get(f"/v1/contacts/+{GONE}/export").json()["export"] | {"exported_at": export["exported_at"]}
    assert export["contact"] == get(known, 2)
    assert export["contact"]["attributes"] == {"note": f"call {GONE}"}
    assert (export["mobile"], export["groups"], export["audiences"]) == (GONE, ["Other"], [1, 2])
    assert [fact["kind"] for fact in export["consent"]["facts"]] == ["opt_out", "opt_in", "left_group", "activated"]
    assert all(fact["evidence"] for fact in export["consent"]["facts"])
    assert export["consent"]["subscriptions"] == [{"sender": "84320", "keyword": "pesa"}]
    assert [review["text"] for review in export["reviews"]] == [f"please stop calling 0{GONE[3:]}"]
    key = rows_of(database, "SELECT id FROM key WHERE label = 'Ana'")[0][0]
    actions = [(entry["action"], entry["key_id"]) for entry in export["journal"]]
    assert actions == [("create_contacts", key)] * 2 + [("opt_outs", key), ("opt_ins", key), ("inbound", None)]


def test_an_export_of_a_number_without_a_contact_and_of_an_erased_one(known: Client, ben: Client) -> None:
    opt_out(known, NO_MOBILE)
    export = ben.get(f"/v1/contacts/{NO_MOBILE}/export").json()["export"]
    assert (export["contact"], export["groups"], export["journal"]) == (None, [], [])
    assert len(export["consent"]["facts"]) == 1
    erase(known)
    export = ben.get(f"/v1/contacts/{GONE}/export").json()["export"]
    assert (export["contact"], export["reviews"], export["audiences"]) == (None, [], [])
    assert refusal(ben.get("/v1/contacts/2/export")) == (404, "CONTACT_NOT_FOUND")
