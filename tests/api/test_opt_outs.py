"""``POST /v1/opt-outs`` and ``/v1/opt-ins``, their list, a number's consent and the near misses."""

from __future__ import annotations

import time
from typing import Any

import pytest

from daftari.model.consent import NewFact, Scope
from daftari.model.limits import ERRORS_MAX, FACTS_PER_CALL_MAX, FACTS_PER_NUMBER_MAX
from daftari.model.projects import Actor
from daftari.model.time import format_time
from daftari.rules.access import users
from daftari.rules.access.users import NewUser
from daftari.rules.consent.ledger import record_facts
from daftari.store import Store
from daftari.store.consent import find_fact_before
from tests.conftest import People
from tests.support import calls
from tests.support.builders import (
    NO_MOBILE,
    assert_sound,
    consent_of,
    create,
    facts_of,
    get,
    groups,
    ids_on,
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
from tests.support.clients import Client
from tests.support.stores import NOW

OPT_OUTS = "/v1/opt-outs"
OPT_INS = "/v1/opt-ins"
THEN = "2024-03-21T07:06:37.000000Z"
LATER = "2024-03-21T08:00:00.000000Z"
ANY_CELL = {"channel": None, "purpose": None}
SCOPE = ("channel", "sender", "purpose")


def listed(client: Client, **asked: object) -> list[str]:
    """The numbers of the opt-outs in force, all pages of them."""
    found: list[str] = []
    after: str | None = "0"
    while after is not None:
        said = client.get(OPT_OUTS, query={"after": after, **asked}).json()
        found += [one["mobile"] for one in said["opt_outs"]]
        after = said["next"]
    return found


# ---- recording --------------------------------------------------------------------------------------


def test_a_bare_number_opts_out_of_everything_and_leaves_its_groups(ana: Client, store: Store, people: Any) -> None:
    create(ana, *rows(2), group="One")
    create(ana, *rows(2), group="Two")
    answer = ana.post(OPT_OUTS, {"mobile": "0700 000 001", "results": True})
    assert (answer.status, answer.json()) == (
        200,
        {
            "message": "Opt-outs recorded successfully",
            "recorded": 1,
            "unchanged": 0,
            "refused": 0,
            "invalid": 0,
            "left_groups": ["One", "Two"],
            "results": [
                {
                    "index": 0,
                    "outcome": "recorded",
                    "mobile": mobile(1),
                    "suppressed": True,
                    "left_groups": ["One", "Two"],
                }
            ],
        },
    )
    assert facts_of(ana, 1, *SCOPE, "source") == [(None, None, None, "api")]
    assert (groups(ana), ids_on(page(ana))) == ({"One": 1, "Two": 1}, [2])
    assert_sound(store, people.shopify)


def test_mobile_mobiles_and_items_are_rows_in_this_order_and_items_may_differ(ana: Client) -> None:
    body = {
        "mobile": mobile(1),
        "mobiles": [mobile(2), int(mobile(3))],
        "items": [
            mobile(4),
            {"mobile": mobile(5), "channel": "whatsapp", "purpose": "any"},
            {
                "mobile": mobile(6),
                "sender": 20414,
                "at": LATER,
                "source": "form",
                "evidence": {"note": "b", "text": "a"},
            },
        ],
        "channel": "sms",
        "sender": "DUKA",
        "purpose": "promotional",
        "at": THEN,
        "evidence": "Form 7",
        "results": True,
    }
    answer = ana.post(OPT_OUTS, body)
    assert [row["mobile"] for row in answer.json()["results"]] == [mobile(number) for number in range(1, 7)]
    for number in range(1, 5):
        assert facts_of(ana, f"+{mobile(number)}", *SCOPE, "at", "evidence") == [
            ("sms", "DUKA", "marketing", THEN, {"note": "Form 7"})
        ]
    assert facts_of(ana, f"+{mobile(5)}", *SCOPE) == [("whatsapp", "DUKA", None)]
    assert facts_of(ana, f"+{mobile(6)}", *SCOPE, "at", "source", "evidence") == [
        ("sms", "20414", "marketing", LATER, "form", {"text": "a", "note": "b"})
    ]


def test_a_form_or_query_records_too(ana: Client) -> None:
    assert ana.post(OPT_OUTS, form={"mobiles": f"{mobile(1)},{mobile(2)}", "channel": "sms"}).json()["recorded"] == 2
    asked = {"mobile": mobile(3), "source": "bulk", "override": "true", "evidence": "Form 7"}
    assert ana.post(OPT_INS, query=asked).json()["recorded"] == 1
    assert facts_of(ana, f"+{mobile(3)}", "kind", "source", "override") == [("opt_in", "bulk", True)]


def test_what_is_sent_again_changes_nothing(ana: Client) -> None:
    body = {"mobiles": [mobile(1), mobile(1)], "channel": "sms", "sender": " Duka ", "at": THEN}
    first = ana.post(OPT_OUTS, body).json()
    again = ana.post(OPT_OUTS, body | {"sender": "DUKA"}).json()
    assert [(said["recorded"], said["unchanged"]) for said in (first, again)] == [(1, 1), (0, 2)]
    given = {"mobile": mobile(2), "evidence": {"message_id": "m-1"}}
    said = [ana.post(OPT_OUTS, given | {"at": at}).json()["recorded"] for at in (THEN, LATER)]
    assert said == [1, 1], "a caller's message id is evidence; only the time distinguishes one word from the next"


def test_any_is_any_sender_too(ana: Client) -> None:
    opt_out(ana, mobile(1), channel="any", sender="any", purpose="any")
    opt_out(ana, mobile(2), sender="SHOP")
    assert may_message(ana, mobile(1), sender="SHOP") == [False]
    assert may_message(ana, mobile(2), sender="Any") == [False]


def test_no_number_is_weighed_more_than_so_often_in_a_call(ana: Client) -> None:
    items = [{"mobile": mobile(1), "at": at} for at in range(1, FACTS_PER_NUMBER_MAX + 2)]
    said = ana.post(OPT_OUTS, {"items": items}).json()
    assert (said["recorded"], said["invalid"]) == (FACTS_PER_NUMBER_MAX, 1)
    assert list(said["errors"]) == [f"items.{FACTS_PER_NUMBER_MAX}.mobile"]


def test_the_good_rows_are_recorded_and_the_bad_ones_named(ana: Client) -> None:
    bad: list[Any] = ["CALL-ME", None, True, {"channel": "sms"}, {"mobile": mobile(3), "channel": "fax", "at": "soon"}]
    answer = ana.post(OPT_OUTS, {"mobiles": [mobile(1)], "items": [*bad, mobile(2)]})
    assert answer.status == 200
    said = answer.json()
    assert (said["recorded"], said["invalid"]) == (2, 5)
    assert list(said["errors"]) == [
        "items.1.mobile",
        "items.2.mobile",
        "items.3.mobile",
        "items.4.mobile",
        "items.5.channel",
        "items.5.at",
    ]
    assert listed(ana) == [mobile(1), mobile(2)]
    results = ana.post(OPT_OUTS, {"items": bad, "results": True}).json()
    assert [row["outcome"] for row in results["results"]] == ["invalid"] * 5
    assert [list(row["errors"]) for row in results["results"]][3:] == [["mobile"], ["channel", "at"]]


def test_no_more_than_a_thousand_errors_are_named(ana: Client) -> None:
    said = ana.post(OPT_OUTS, {"mobiles": ["CALL-ME"] * (ERRORS_MAX + 5)}).json()
    assert (said["invalid"], len(said["errors"])) == (ERRORS_MAX + 5, ERRORS_MAX)


@pytest.mark.parametrize("call", [OPT_OUTS, OPT_INS])
def test_every_wrong_field_of_a_call_is_named_and_nothing_recorded(ana: Client, call: str) -> None:
    wrong: dict[str, list[object]] = {
        "channel": ["fax", 5, ["sms"]],
        "sender": ["x" * 65, True, ["x"], "a\0b"],
        "purpose": ["spam", 5],
        "at": ["soon", "2024-03-21T07:06:37", int(time.time()) + 600, True],
        "source": ["delete", "erasure", "nobody", 5],
        "evidence": [5, "x" * 2001, {"unknown": "x"}, {"text": 5}, ["x"]],
        "override": ["yes", 5, True],
        "results": ["maybe", 5],
    }
    for field, values in wrong.items():
        for value in values:
            body = {"mobile": mobile(1), "source": "bulk", field: value}
            assert wrong_fields(ana.post(call, body)) == [field], (field, value)
    both = {"channel": "fax", "results": 5, "mobiles": 5, "source": "form"}
    assert wrong_fields(ana.post(call, both))[:2] == ["results", "mobiles"]
    empties: list[dict[str, object]] = [
        {},
        {"mobiles": []},
        {"items": None},
        {"mobiles": [mobile(1)] * (FACTS_PER_CALL_MAX + 1)},
    ]
    for empty in empties:
        assert wrong_fields(ana.post(call, {"source": "form", **empty})) == ["mobiles"]
    assert consent_of(ana, f"+{mobile(1)}")["facts"] == []


def test_an_opt_in_must_say_where_it_comes_from(ana: Client) -> None:
    assert wrong_fields(ana.post(OPT_INS, {"mobile": mobile(1)})) == ["source"]
    assert ana.post(OPT_INS, {"items": [{"mobile": mobile(1)}], "source": "form"}).json()["recorded"] == 1


def test_a_number_without_a_contact_opts_out_and_its_contact_is_suppressed_once_it_comes(ana: Client) -> None:
    opt_out(ana, NO_MOBILE)
    assert consent_of(ana, f"+{NO_MOBILE}")["contact_id"] is None
    create(ana, {"mobile": NO_MOBILE}, group="VIP")
    assert (page(ana)["total"], groups(ana)) == (0, {"VIP": 0})


# ---- what lifts what --------------------------------------------------------------------------------


def test_an_opt_in_lifts_the_earlier_opt_outs_that_it_covers_and_restores_no_group(
    ana: Client, store: Store, people: Any
) -> None:
    create(ana, *rows(1), group="VIP")
    opt_out(ana, mobile(1), at=THEN)
    opt_in(ana, mobile(1), at=THEN, source="api")
    assert may_message(ana, mobile(1)) == [False], "on a tie the opt-out wins"
    opt_in(ana, mobile(1), at=LATER, source="api", channel="sms")
    assert may_message(ana, mobile(1)) == [False], "an opt-in that does not cover the opt-out does not lift it"
    opt_in(ana, mobile(1), at=LATER, source="api")
    assert may_message(ana, mobile(1)) == [True]
    assert (ids_on(page(ana)), get(ana, 1, include="groups")["groups"]) == ([1], [])
    assert_sound(store, people.shopify)


@pytest.mark.parametrize("source", ["form", "inbound", "provider"])
def test_an_opt_in_that_a_key_writes_down_is_never_the_persons_own_word(ana: Client, source: str) -> None:
    opt_out(ana, mobile(1), at=THEN)
    opt_in(ana, mobile(1), at=LATER, channel="sms", source=source, evidence={"form": "shop"})
    assert facts_of(ana, f"+{mobile(1)}", "kind", "source", "evidence")[1:] == [
        ("opt_in", "api", {"form": "shop", "source": source})
    ]
    assert may_message(ana, mobile(1)) == [False], "it is narrower than the opt-out"
    opt_in(ana, mobile(1), at=LATER, source=source)
    assert may_message(ana, mobile(1)) == [True]


def test_a_persons_own_opt_out_is_lifted_with_evidence_of_ten_characters_that_is_not_older(ana: Client) -> None:
    opt_out(ana, mobile(1), at=THEN, source="inbound")
    enough = "a" * 10
    refused: list[dict[str, Any]] = [
        {},
        {"evidence": "asked us", "at": "2024-03-21T08:00:01Z"},
        {"evidence": enough, "at": "2024-03-21T06:00:00Z"},
        {"evidence": enough, "channel": "sms"},
    ]
    for more in refused:
        body = {"mobile": mobile(1), "source": "api", "at": LATER, "results": True, **more}
        (row,) = ana.post(OPT_INS, body).json()["results"]
        assert (row["outcome"], row["suppressed"]) == ("refused", True), more
    opt_in(ana, mobile(1), at=LATER, source="api", evidence=enough)
    assert may_message(ana, mobile(1)) == [True]
    assert facts_of(ana, f"+{mobile(1)}", "override")[-1] == (None,)


def test_what_comes_late_counts_from_when_it_happened(ana: Client) -> None:
    opt_in(ana, mobile(1), at=LATER)
    opt_out(ana, mobile(1), at=THEN)
    assert may_message(ana, mobile(1)) == [True]
    assert listed(ana) == []


def test_an_opt_out_that_comes_after_an_opt_in_is_later_unless_it_happened_long_before(ana: Client) -> None:
    opt_in(ana, mobile(1), at=LATER)
    opt_out(ana, mobile(1), at="2024-03-21T07:54:59Z")
    assert may_message(ana, mobile(1)) == [True]
    opt_out(ana, mobile(1), at="2024-03-21T07:55:00Z")
    assert may_message(ana, mobile(1)) == [False]
    assert facts_of(ana, f"+{mobile(1)}", "kind", "at", "evidence")[-1] == (
        "opt_out",
        "2024-03-21T08:00:00.000001Z",
        {"at": "2024-03-21T07:55:00.000000Z"},
    )


def test_a_fact_ahead_of_the_clock_counts_from_its_receipt_and_keeps_its_time_as_evidence(ana: Client) -> None:
    ahead = int(time.time()) + 240
    opt_in(ana, mobile(1), at=ahead)
    opt_out(ana, mobile(1), at=int(time.time()))
    assert may_message(ana, mobile(1)) == [False]
    (at, recorded_at, evidence), _ = facts_of(ana, f"+{mobile(1)}", "at", "recorded_at", "evidence")
    assert (at, evidence["at"]) == (recorded_at, format_time(ahead * 1_000_000))


def test_a_fact_without_a_time_is_later_than_all_that_is_known_whatever_the_clock_says(
    ana: Client, store: Store, people: Any
) -> None:
    soon = int(time.time() * 1_000_000) + 3_600_000_000
    for kind in ("opt_in", "opt_out", "opt_in"):
        # Another server's clock is an hour ahead.
        start = NewFact(0, int(mobile(1)), kind, Scope(), None, "api")
        store.write(people.shopify, Actor(None, "another server"), soon, record_facts, facts=[start])
    for say, allowed in ((opt_out, False), (opt_in, True), (opt_out, False)):
        say(ana, mobile(1))
        assert may_message(ana, mobile(1)) == [allowed]
    assert ana.delete(f"/v1/contacts/+{mobile(1)}").status == 404
    assert may_message(ana, mobile(1)) == [False]
    times = [at for (at,) in facts_of(ana, f"+{mobile(1)}", "at")]
    assert times == [format_time(soon + number) for number in range(7)]


@pytest.mark.parametrize("source", ["bulk", "import"])
def test_a_bulk_opt_in_does_not_lift_what_a_key_or_staff_gave_for_one_number(ana: Client, source: str) -> None:
    numbers = [mobile(number) for number in range(1, 7)]
    opt_out(ana, numbers[0])
    ana.post(OPT_OUTS, {"items": [{"mobile": numbers[1]}]})
    ana.post(OPT_OUTS, {"mobile": numbers[2]})
    opt_out(ana, numbers[3], numbers[4], source="console")
    opt_out(ana, numbers[4], numbers[5])
    said = ana.post(OPT_INS, {"mobiles": numbers, "source": source, "results": True}).json()
    assert [row["outcome"] for row in said["results"]] == ["refused"] * 5 + ["recorded"]
    assert may_message(ana, *numbers) == [False] * 5 + [True]
    body = {"mobiles": numbers, "source": source, "override": True, "evidence": "Form 7"}
    assert ana.post(OPT_INS, body).json()["recorded"] == 6
    assert may_message(ana, *numbers) == [True] * 6


def test_an_opt_out_for_one_number_is_one_however_often_the_call_names_it(ana: Client) -> None:
    by_channel = [{"mobile": mobile(1), "channel": channel} for channel in ("sms", "whatsapp", "premium_sms")]
    assert ana.post(OPT_OUTS, {"items": by_channel}).json()["recorded"] == 3
    assert ana.post(OPT_OUTS, {"mobiles": [mobile(2), f"+{mobile(2)}", "O725"]}).json()["invalid"] == 1
    said = ana.post(OPT_INS, {"mobiles": [mobile(1), mobile(2)], "source": "bulk"}).json()
    assert said["refused"] == 2
    assert may_message(ana, mobile(1), mobile(2)) == [False, False]


def test_a_bulk_opt_in_is_refused_by_a_persons_own_opt_out_unless_it_overrides(ana: Client, store: Store) -> None:
    create(ana, *rows(2))
    assert ana.delete("/v1/contacts/1", {"at": THEN}).status == 200
    opt_out(ana, mobile(2), at=THEN, source="bulk")
    for source in ("bulk", "import"):
        body = {"mobiles": [mobile(1), mobile(2)], "source": source, "at": LATER, "results": True}
        said = ana.post(OPT_INS, body).json()
        assert [row["outcome"] for row in said["results"]] == ["refused", "recorded"]
    assert may_message(ana, mobile(1), mobile(2)) == [False, True]
    assert ana.get("/v1/opt-outs/near-misses").json()["near_misses"][0]["source"] == "opt_in"
    body = {"mobile": mobile(1), "source": "bulk", "override": True, "at": LATER}
    assert wrong_fields(ana.post(OPT_INS, body)) == ["override"], "an override needs evidence"
    assert ana.post(OPT_INS, body | {"evidence": "Form 7"}).json()["recorded"] == 1
    assert may_message(ana, mobile(1)) == [True]


# ---- reading ----------------------------------------------------------------------------------------


def test_a_channel_and_a_purpose_may_be_written_in_any_case(ana: Client) -> None:
    opt_out(ana, mobile(1), channel="SMS", purpose="Marketing")
    opt_out(ana, mobile(2), channel=" WhatsApp ")
    assert listed(ana, channel="Sms") == listed(ana, purpose="MARKETING", channel="sms") == [mobile(1)]
    assert may_message(ana, mobile(1), mobile(2), channel="SMS", purpose="marketing") == [False, True]
    assert may_message(ana, mobile(1), mobile(2), channel="WHATSAPP") == [True, False]
    assert ana.post(OPT_OUTS, {"mobile": mobile(3), "channel": "pigeon"}).status == 422


def test_opt_outs_in_force_are_listed_in_the_order_of_recording(ana: Client) -> None:
    opt_out(ana, mobile(3), at=LATER)
    opt_out(ana, mobile(1), at=THEN)
    opt_out(ana, mobile(2), channel="sms", sender="DUKA", purpose="marketing")
    opt_out(ana, mobile(4))
    opt_in(ana, mobile(4))
    assert listed(ana) == listed(ana, limit=1) == listed(ana, limit=2) == [mobile(3), mobile(1), mobile(2)]
    assert listed(ana, channel="whatsapp") == listed(ana, purpose="transactional") == [mobile(3), mobile(1)]
    assert listed(ana, sender="OTHER") == [mobile(3), mobile(1)]
    assert listed(ana, sender=" duka ", channel="sms", purpose="promotional") == [mobile(3), mobile(1), mobile(2)]
    recorded_at = ana.get(OPT_OUTS).json()["opt_outs"][1]["recorded_at"]
    assert listed(ana, since=recorded_at) == [mobile(1), mobile(2)]


def test_where_a_time_begins_is_found_whatever_was_recorded_before_and_after(store: Store, people: Any) -> None:
    times = [5, 5, 7, 7, 7, 9, 12]
    for place, at in enumerate(times):
        fact = NewFact(0, int(mobile(place)), "opt_out", Scope(), 1, "api")
        store.write(people.shopify, Actor(None, "test"), at, record_facts, facts=[fact])
    for asked in range(4, 14):
        before = sum(at < asked for at in times)
        assert store.read(people.shopify, NOW, find_fact_before, recorded_at=asked) == before, asked
    assert store.read(people.kalro, NOW, find_fact_before, recorded_at=9) == 0


def test_what_the_list_cannot_be_asked_for_is_named_all_at_once(ana: Client) -> None:
    asked = {"channel": "fax", "sender": "x" * 65, "purpose": "spam", "since": "soon", "after": "x", "limit": 1_001}
    assert sorted(wrong_fields(ana.get(OPT_OUTS, query=asked))) == sorted(asked)
    assert wrong_fields(ana.get("/v1/opt-outs/near-misses", query="limit=0")) == ["limit"]


def test_a_numbers_consent_shows_what_holds_and_why(ana: Client) -> None:
    create(ana, *rows(1))
    opt_out(ana, mobile(1), at=THEN, channel="sms", purpose="marketing")
    opt_out(ana, mobile(1), at=THEN, channel="sms", sender="DUKA")
    opt_in(ana, mobile(1), at=LATER, channel="whatsapp")
    consent = consent_of(ana, 1)
    assert consent == consent_of(ana, f"+{mobile(1)}")
    assert (consent["mobile"], consent["contact_id"], consent["suppressed"]) == (mobile(1), 1, False)
    assert consent["blocked"] == [{"channel": "sms", "purpose": "marketing"}]
    assert consent["opted_in"] == [{"channel": "whatsapp", "purpose": None}]
    assert [(one["sender"], one["blocked"]) for one in consent["senders"]] == [
        ("duka", [{"channel": "sms", "purpose": None}])
    ]
    assert [fact["kind"] for fact in consent["facts"]] == ["opt_out", "opt_out", "opt_in"]
    assert "DUKA" in consent["facts"][1]["text"]
    shown = get(ana, 1, include="consent")["consent"]
    assert shown == {name: consent[name] for name in shown}


def test_a_number_of_which_nothing_is_known_and_a_path_that_names_none(ana: Client) -> None:
    consent = consent_of(ana, f"+{NO_MOBILE}")
    assert (consent["suppressed"], consent["blocked"], consent["facts"]) == (False, [], [])
    assert refusal(ana.get("/v1/contacts/nobody/consent")) == (404, "CONTACT_NOT_FOUND")
    assert refusal(ana.get("/v1/contacts/nobody/export")) == (404, "CONTACT_NOT_FOUND")


def test_attempts_to_bring_people_back_are_counted(ana: Client) -> None:
    create(ana, *rows(2), group="VIP")
    opt_out(ana, mobile(1), mobile(2))
    create(ana, *rows(2), group="VIP")
    create(ana, *rows(1), group="VIP")
    ana.put("/v1/contacts/1", {"group": "VIP"})
    ana.post("/v1/groups/VIP/contacts", {"ids": [1, 2]})
    misses = ana.get("/v1/opt-outs/near-misses").json()["near_misses"]
    assert [(miss["source"], miss["tries"]) for miss in misses] == [
        ("create_contacts", 3),
        ("join_group", 2),
        ("update_contact", 1),
    ]
    assert len(ana.get("/v1/opt-outs/near-misses", query="limit=1").json()["near_misses"]) == 1


def test_near_misses_of_users_name_them_and_what_a_user_wrote_down_is_theirs(
    ana: Client, store: Store, people: People, database: str
) -> None:
    create(ana, *rows(1))
    given = {"given": NewUser("asha@example.com", "Asha"), "role": None, "project": None, "is_operator": False}
    asha = store.system_write(NOW, users.add_user, **given).user
    actor = Actor(None, "r1", asha.id)
    fact = NewFact(0, int(mobile(1)), "opt_out", Scope("sms"), None, "console")
    store.write(people.shopify, actor, time.time_ns() // 1000, record_facts, facts=[fact])
    assert rows_of(database, "SELECT key_id, user_id FROM fact") == [(None, asha.id)]
    calls.create_contacts(store, people.shopify, [{"mobile": mobile(1)}], group="VIP", actor=actor)
    opt_out(ana, mobile(1))
    calls.create_contacts(store, people.shopify, [{"mobile": mobile(1)}], group="VIP", actor=actor)
    shown = ana.get("/v1/opt-outs/near-misses").json()["near_misses"]
    named = {"id": asha.id, "name": "Asha", "former": False}
    assert {(miss["key"], tuple(miss["user"].items()), miss["source"]) for miss in shown} == {
        (None, tuple(named.items()), "create_contacts")
    }
