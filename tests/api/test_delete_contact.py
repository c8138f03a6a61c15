"""``DELETE /v1/contacts/{id}``: gone from every list, and the number's opt-out is kept with its time and reason."""

from __future__ import annotations

import time
from typing import Any

import pytest

from daftari.rules.access import keys, projects
from daftari.store import Store
from tests.support.builders import (
    NO_MOBILE,
    assert_sound,
    counts,
    create,
    get,
    groups,
    ids_on,
    mobile,
    page,
    refusal,
    rows,
    rows_of,
    wrong_fields,
)
from tests.support.clients import Answer, Client

FACTS = "SELECT id, subject_id, kind, channel, sender, purpose, source FROM fact ORDER BY id"
EVIDENCE = "SELECT evidence FROM fact ORDER BY id"


def deleted(answer: Answer) -> None:
    assert answer.status == 200
    assert answer.json() == {"message": "Contact deleted successfully"}


def microseconds() -> int:
    return time.time_ns() // 1000


def test_a_deleted_contact_is_gone_from_every_list_at_once(ana: Client, store: Store, people: Any) -> None:
    create(ana, *rows(3), group="One")
    create(ana, *rows(3), group="Two")
    deleted(ana.delete("/v1/contacts/2"))
    assert refusal(ana.get("/v1/contacts/2")) == (404, "CONTACT_NOT_FOUND")
    assert refusal(ana.get(f"/v1/contacts/{mobile(2)}")) == (404, "CONTACT_NOT_FOUND")
    assert [ids_on(page(ana, **asked)) for asked in ({}, {"group": "one"}, {"group": "two"})] == [[1, 3]] * 3
    assert groups(ana) == {"One": 2, "Two": 2}
    assert_sound(store, people.shopify)


def test_the_second_delete_is_404_by_id_and_by_mobile(ana: Client) -> None:
    create(ana, *rows(1))
    deleted(ana.delete("/v1/contacts/1"))
    again = ana.delete("/v1/contacts/1")
    assert refusal(again) == (404, "CONTACT_NOT_FOUND")
    assert "opt_out" not in again.json()
    by_mobile = ana.delete(f"/v1/contacts/{mobile(1)}")
    assert refusal(by_mobile) == (404, "CONTACT_NOT_FOUND")
    assert by_mobile.json()["opt_out"] == "recorded"


def test_any_reference_and_way_of_asking_deletes(ana: Client) -> None:
    create(ana, *rows(5))
    deleted(ana.delete(f"/v1/contacts/{mobile(1)}"))
    deleted(ana.delete(f"/api/v1/contacts/+{mobile(2)}/", {"project": "Shopify"}))
    deleted(ana.delete("/v1/contacts/3", query={"project": "shopify", "reason": "STOP"}))
    deleted(ana.delete("/v1/contacts/4", form={"reason": "STOP"}))
    deleted(ana.delete("/v1/contacts/5", body=[b'{"reason":', b'"STOP"}']))
    assert page(ana)["total"] == 0


def test_every_delete_keeps_its_number_time_and_reason_and_who_did_it(ana: Client, database: str) -> None:
    create(ana, *rows(2), group="VIP")
    before = microseconds()
    first = ana.delete("/v1/contacts/1", {"reason": "  asked by phone ", "purpose": "marketing"})
    second = ana.delete("/v1/contacts/2")
    after = microseconds()
    assert rows_of(database, FACTS) == [
        (1, int(mobile(1)), "opt_out", "*", "*", "marketing", "delete"),
        (2, int(mobile(2)), "opt_out", "*", "*", "*", "delete"),
    ]
    assert rows_of(database, EVIDENCE) == [('{"note":"asked by phone"}',), (None,)]
    key = rows_of(database, "SELECT id FROM key WHERE label = 'Ana'")[0][0]
    journal = rows_of(database, "SELECT key_id, request_id, action, contacts FROM journal WHERE seq > 1 ORDER BY seq")
    assert journal == [
        (key, first.headers["x-request-id"], "delete_contact", "1"),
        (key, second.headers["x-request-id"], "delete_contact", "2"),
    ]
    assert rows_of(database, "SELECT DISTINCT key_id FROM fact") == [(key,)]
    times = rows_of(
        database, "SELECT f.at, f.recorded_at, j.at FROM fact f JOIN journal j ON j.seq = f.id + 1 ORDER BY f.id"
    )
    assert before <= times[0][0] <= times[1][0] <= after
    assert all(len(set(of_one)) == 1 for of_one in times)


def test_the_time_of_the_opt_out_may_be_given(ana: Client, database: str) -> None:
    written = ["2024-03-21T07:06:37Z", "2024-03-21T10:06:37.5+03:00", 1711004797, "1711004797", 1711004797.25, ""]
    create(ana, *rows(len(written)))
    before = microseconds()
    for number, at in enumerate(written, start=1):
        deleted(ana.delete(f"/v1/contacts/{number}", {"at": at}))
    kept = [row[0] for row in rows_of(database, "SELECT at FROM fact ORDER BY id")]
    second = 1_711_004_797_000_000
    assert kept[:5] == [second, second + 500_000, second, second, second + 250_000]
    assert kept[5] >= before


def test_a_time_that_is_none_or_far_ahead_is_refused_and_nothing_is_deleted(ana: Client, database: str) -> None:
    create(ana, *rows(1))
    ahead = int(time.time()) + 360
    for wrong in ("yesterday", "2024-13-01T00:00:00Z", "2024-03-21T07:06:37", ahead, True, [1], 10**30, "9" * 99):
        assert wrong_fields(ana.delete("/v1/contacts/1", {"at": wrong})) == ["at"], wrong
    for absurd in ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+03:00", "1899-12-31T23:59:59Z", -3_000_000_000):
        assert wrong_fields(ana.delete("/v1/contacts/1", {"at": absurd})) == ["at"], absurd
    asked = {"at": "soon", "reason": "x" * 256, "purpose": "spam"}
    assert sorted(wrong_fields(ana.delete("/v1/contacts/1", asked))) == ["at", "purpose", "reason"]
    assert get(ana, 1)
    assert rows_of(database, FACTS) == []
    deleted(ana.delete("/v1/contacts/1", {"at": int(time.time()) + 240}))


def test_a_readable_mobile_without_a_contact_still_gets_its_opt_out(
    ana: Client, database: str, store: Store, people: Any
) -> None:
    answer = ana.delete("/v1/contacts/0799 999 999".replace(" ", "%20"), {"reason": "STOP", "at": 1711004797})
    assert refusal(answer) == (404, "CONTACT_NOT_FOUND")
    assert answer.json()["opt_out"] == "recorded"
    assert rows_of(database, "SELECT id, subject_id, at, evidence FROM fact") == [
        (1, int(NO_MOBILE), 1_711_004_797_000_000, '{"note":"STOP"}')
    ]
    assert rows_of(database, "SELECT action, contacts FROM journal") == [("delete_contact", "")]
    assert_sound(store, people.shopify)


def test_a_removal_keeps_its_number_time_and_reason_until_the_number_is_erased(ana: Client, database: str) -> None:
    create(ana, *rows(1))
    deleted(ana.delete("/v1/contacts/1", {"reason": "removal", "at": "2024-03-21T07:06:37Z"}))
    kept = "SELECT r.mobile, r.at, r.reason, j.action FROM removal r JOIN journal j ON j.seq = r.seq"
    assert rows_of(database, kept) == [(int(mobile(1)), 1_711_004_797_000_000, "removal", "delete_contact")]
    removals = ana.get(f"/v1/contacts/+{mobile(1)}/export").json()["export"]["removals"]
    assert removals == [{"at": "2024-03-21T07:06:37.000000Z", "reason": "removal"}]
    assert ana.post("/v1/erasures", {"mobile": mobile(1)}).status == 201
    assert rows_of(database, kept) == []


def test_a_removal_or_what_is_no_mobile_is_no_opt_out(ana: Client, database: str) -> None:
    create(ana, *rows(1))
    answers = [
        ana.delete(f"/v1/contacts/{NO_MOBILE}", {"reason": "removal"}),
        ana.delete("/v1/contacts/nobody"),
        ana.delete("/v1/contacts/77"),
        ana.delete(f"/v1/contacts/{2**70}"),
    ]
    for answer in answers:
        assert refusal(answer) == (404, "CONTACT_NOT_FOUND")
        assert "opt_out" not in answer.json()
    deleted(ana.delete("/v1/contacts/1", {"reason": "removal"}))
    assert rows_of(database, FACTS) == []
    assert rows_of(database, "SELECT action, contacts FROM journal WHERE seq > 1") == [("delete_contact", "1")]


def test_digits_that_are_one_id_and_another_mobile_are_409_and_nothing_is_deleted(
    client: Client, store: Store, database: str
) -> None:
    now = microseconds()
    project = store.system_write(
        now, projects.create_project, name="Moved in", region="KE", on_error="refuse", first_id=725164290
    )
    secret, _ = store.system_write(now, keys.create_key, project=project, label="", kind="write", expires_at=None)
    moved_in = client.with_key(secret)
    create(moved_in, {"mobile": mobile(1)}, {"mobile": "725164290"})
    assert refusal(moved_in.delete("/v1/contacts/725164290")) == (409, "AMBIGUOUS_CONTACT")
    assert page(moved_in)["total"] == 2
    assert rows_of(database, FACTS) == []


@pytest.mark.parametrize(
    ("said", "kept"),
    [("marketing", "marketing"), ("promotional", "marketing"), ("transactional", "transactional"), ("any", "*")],
)
def test_a_purpose_narrows_the_opt_out_that_a_delete_is(ana: Client, database: str, said: str, kept: str) -> None:
    create(ana, *rows(1))
    deleted(ana.delete("/v1/contacts/1", {"purpose": said}))
    assert [row[3:6] for row in rows_of(database, FACTS)] == [("*", "*", kept)]


def test_a_number_that_comes_back_is_a_new_contact_that_is_still_opted_out(
    ana: Client, store: Store, people: Any
) -> None:
    create(ana, {"mobile": mobile(1), "fname": "Old"}, group="VIP")
    deleted(ana.delete("/v1/contacts/1"))
    again = ana.post("/v1/contacts", {"contacts": rows(2), "group": "VIP", "results": True})
    assert counts(again) == {"created": 2, "suppressed": 1}
    assert [row["id"] for row in again.json()["results"]] == [2, 3]
    contact = get(ana, 2, include="groups,consent")
    assert (contact["fname"], contact["groups"], contact["consent"]["suppressed"]) == (None, [], True)
    assert ids_on(page(ana)) == ids_on(page(ana, group="VIP")) == [3]
    assert ids_on(page(ana, suppressed="include")) == [2, 3]
    assert_sound(store, people.shopify)


def test_a_removed_number_may_be_created_and_join_again(ana: Client, store: Store, people: Any) -> None:
    create(ana, *rows(1), group="VIP")
    deleted(ana.delete("/v1/contacts/1", {"reason": "removal"}))
    assert counts(ana.post("/v1/contacts", {"contacts": rows(1), "group": "VIP"})) == {"created": 1}
    assert ids_on(page(ana)) == ids_on(page(ana, group="VIP")) == [2]
    assert_sound(store, people.shopify)
