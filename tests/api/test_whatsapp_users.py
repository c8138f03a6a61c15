"""WhatsApp persons whose number is withheld: known by an id until a request names their number next to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from daftari.store import Store
from tests.support.builders import assert_sound, create, facts_of, groups, may_message, mobile, rows, wrong_fields
from tests.support.clients import Client
from tests.support.gateway_samples import Sent, as_json, from_meta
from tests.support.inbound import OPEN, SECRET, THEN, OpenAddress, proven

SCOPE = ("kind", "channel", "sender", "purpose")
EVERYTHING = ("opt_out", None, None, None)
MARKETING = ("opt_out", "whatsapp", "254700000009", "marketing")
MARY = "KE.1349"
AT = "2024-03-21T07:06:37.000000Z"

Arrive = Callable[..., None]


@pytest.fixture
def path(open_address: OpenAddress) -> str:
    return open_address("whatsapp", secret=SECRET)


@pytest.fixture
def arrive(client: Client, path: str) -> Arrive:
    """A webhook of Meta arrives: ``arrive("messages", messages=[…])``."""

    def arrive(field: str, *, to: str = path, **value: object) -> None:
        request = as_json(from_meta(field, **value))
        answer = client.call("POST", to, body=request.body, headers=proven(request, "whatsapp", to))
        assert answer.status == 200, answer.body

    return arrive


def said(text: str, *, message: str = "w1", at: int = THEN, user: str = MARY, **more: object) -> Sent:
    sent: Sent = {"from_user_id": user, "id": message, "timestamp": str(at), "type": "text", "text": {"body": text}}
    return sent | more


def contact(number: int = 1, *, user: str = MARY) -> Sent:
    return {"profile": {"name": "Mary", "username": "mary"}, "wa_id": mobile(number), "user_id": user}


def waiting(ana: Client) -> list[tuple[str | None, str | None, str]]:
    answer = ana.get(OPEN).json()
    assert answer["quarantined"] == 0
    return [(review["user_id"], review["mobile"], review["text"]) for review in answer["reviews"]]


def test_a_stop_without_a_number_is_listed_by_its_user_id(ana: Client, arrive: Arrive) -> None:
    for _ in range(2):
        arrive("messages", messages=[said("STOP")])
    assert waiting(ana) == [(MARY, None, "STOP")]
    (review,) = ana.get(OPEN).json()["reviews"]
    assert MARY in review["why"]
    assert (review["channel"], review["sender"], review["at"]) == ("whatsapp", "254700000009", AT)


def test_what_is_about_no_consent_is_accepted_and_kept_nowhere(ana: Client, arrive: Arrive) -> None:
    arrive("messages", messages=[said("Hello"), said("", message="w2", type="image", image={"id": "1"})])
    arrive("messages", contacts=[{"user_id": MARY}], messages=[{"id": "w3", "type": "reaction", "reaction": {}}])
    arrive("messages", messages=[said("START", message="w4")])
    assert waiting(ana) == []


def test_the_stop_becomes_an_opt_out_of_the_number_when_a_request_names_both(
    ana: Client, arrive: Arrive, store: Store, people: Any
) -> None:
    create(ana, *rows(1), group="VIP")
    arrive("messages", messages=[said("STOP")])
    assert (may_message(ana, mobile(1)), groups(ana)) == ([True], {"VIP": 1})
    arrive("messages", contacts=[contact()], statuses=[{"id": "w9", "status": "delivered"}])
    assert facts_of(ana, 1, *SCOPE, "source", "at") == [(*EVERYTHING, "inbound", AT)]
    assert (waiting(ana), groups(ana)) == ([], {"VIP": 0})
    arrive("messages", contacts=[contact()], messages=[said("STOP")])
    assert len(facts_of(ana, 1, "kind")) == 1, "the same message again is not a new one"
    assert_sound(store, people.shopify)


def test_a_stop_without_a_time_counts_from_its_first_receipt(ana: Client, arrive: Arrive) -> None:
    before = datetime.now(UTC)
    arrive("messages", messages=[said("STOP") | {"timestamp": None}])
    between = datetime.now(UTC)
    arrive("messages", contacts=[contact()])
    ((at,),) = facts_of(ana, f"+{mobile(1)}", "at")
    assert before <= datetime.fromisoformat(at) <= between


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("messages", {"messages": [{"from": mobile(1), "from_user_id": MARY, "id": "w8", "type": "reaction"}]}),
        ("messages", {"statuses": [{"recipient_id": mobile(1), "recipient_user_id": MARY, "id": "w8"}]}),
        ("user_preferences", {"user_preferences": [{"wa_id": mobile(1), "user_id": MARY, "category": "weather"}]}),
        ("history", {"contacts": [contact()], "messages": "not read"}),
    ],
)
def test_any_part_of_a_request_may_name_both(ana: Client, arrive: Arrive, field: str, value: Sent) -> None:
    arrive("messages", messages=[said("STOP")])
    arrive(field, **value)
    assert may_message(ana, mobile(1)) == [False]


def test_a_preference_without_a_number_is_held_too(ana: Client, arrive: Arrive) -> None:
    preference = {"user_id": MARY, "category": "marketing_messages", "value": "stop", "timestamp": THEN}
    arrive("user_preferences", user_preferences=[preference])
    assert waiting(ana) == [(MARY, None, "")]
    arrive("messages", contacts=[contact()])
    assert facts_of(ana, f"+{mobile(1)}", *SCOPE, "at") == [(*MARKETING, AT)]


def test_a_failed_status_without_a_number_is_held_too(ana: Client, arrive: Arrive) -> None:
    failed = {"id": "w5", "status": "failed", "recipient_user_id": MARY, "errors": [{"code": 131050}]}
    arrive("messages", statuses=[failed])
    assert [user for user, _, _ in waiting(ana)] == [MARY]
    arrive("messages", contacts=[contact()])
    assert facts_of(ana, f"+{mobile(1)}", *SCOPE) == [MARKETING]


def test_a_start_after_the_stop_is_held_in_its_order(ana: Client, arrive: Arrive) -> None:
    arrive("messages", messages=[said("STOP", message="w1", at=THEN)])
    arrive("messages", messages=[said("START", message="w2", at=THEN + 9)])
    arrive("messages", contacts=[contact()])
    assert may_message(ana, mobile(1), channel="whatsapp") == [True]
    assert may_message(ana, mobile(1), channel="sms") == [False]


def test_a_known_id_stands_for_its_number(ana: Client, arrive: Arrive) -> None:
    arrive("messages", contacts=[contact()], messages=[said("Habari")])
    arrive("messages", messages=[said("STOP", message="w2")])
    assert (may_message(ana, mobile(1)), waiting(ana)) == ([False], [])


def test_an_id_counts_at_its_own_address_only(ana: Client, arrive: Arrive, open_address: OpenAddress) -> None:
    other = open_address("whatsapp", secret=SECRET)
    arrive("messages", messages=[said("STOP")])
    arrive("messages", to=other, contacts=[contact()])
    assert (may_message(ana, mobile(1)), waiting(ana)) == ([True], [(MARY, None, "STOP")])


def test_a_doubtful_message_gets_its_number_and_waits_still(ana: Client, arrive: Arrive) -> None:
    arrive("messages", messages=[said("please stop")])
    arrive("messages", contacts=[contact()])
    assert (waiting(ana), may_message(ana, mobile(1))) == ([(MARY, mobile(1), "please stop")], [True])


def test_a_message_may_leave_the_person_to_the_only_contact(ana: Client, arrive: Arrive) -> None:
    bare = {"id": "w1", "timestamp": str(THEN), "type": "text", "text": {"body": "STOP"}}
    arrive("messages", contacts=[{"user_id": MARY}], messages=[bare])
    assert waiting(ana) == [(MARY, None, "STOP")]


def test_other_providers_may_put_the_id_where_the_number_was(
    ana: Client, client: Client, open_address: OpenAddress
) -> None:
    message = {"from": MARY, "to": "20414", "channel": "whatsapp", "text": "STOP", "id": "m1"}
    assert client.post(open_address(), {"messages": [message]}).status == 200
    assert waiting(ana) == [(MARY, None, "STOP")]


# ---- what a person does about it ----------------------------------------------------------------------


def test_a_person_may_know_the_number(ana: Client, arrive: Arrive) -> None:
    arrive("messages", messages=[said("STOP")])
    (review,) = ana.get(OPEN).json()["reviews"]
    settled = ana.post(f"{OPEN}/{review['id']}", {"as": "opt_out", "mobile": f"+{mobile(1)}"}).json()["review"]
    assert (settled["mobile"], settled["user_id"]) == (mobile(1), MARY)
    assert (may_message(ana, mobile(1)), waiting(ana)) == ([False], [])


@pytest.mark.parametrize(("settled_as", "allowed"), [("dismiss", False), ("retract", True)])
def test_a_dismissed_stop_stays_held_and_a_retracted_one_does_not(
    ana: Client, arrive: Arrive, settled_as: str, allowed: bool
) -> None:
    arrive("messages", messages=[said("STOP by our shop")])
    (review,) = ana.get(OPEN).json()["reviews"]
    for wrong in ({"as": "opt_in"}, {"as": "retract", "mobile": f"+{mobile(1)}"}):
        assert wrong_fields(ana.post(f"{OPEN}/{review['id']}", wrong))
    assert ana.post(f"{OPEN}/{review['id']}", {"as": settled_as}).status == 200
    arrive("messages", contacts=[contact()])
    assert may_message(ana, mobile(1)) == [allowed]


def test_an_erased_number_has_no_id_left(ana: Client, arrive: Arrive, store: Store, people: Any) -> None:
    create(ana, *rows(1))
    arrive("messages", contacts=[contact()], messages=[said("please stop")])
    assert ana.get("/v1/contacts/1/export").json()["export"]["whatsapp_users"] == [MARY]
    assert ana.post("/v1/erasures", {"mobile": f"+{mobile(1)}"}).json()["removed"]["whatsapp_users"] == 1
    assert waiting(ana) == []
    arrive("messages", messages=[said("STOP", message="w2")])
    assert waiting(ana) == [(MARY, None, "STOP")]
    assert_sound(store, people.shopify)


def test_a_held_message_that_names_an_erased_number_forgets_it(ana: Client, arrive: Arrive) -> None:
    create(ana, *rows(1))
    arrive("messages", messages=[said(f"STOP writing to {mobile(2)}")])
    assert ana.post("/v1/erasures", {"mobile": f"+{mobile(2)}"}).status == 201
    arrive("messages", contacts=[contact()])
    assert facts_of(ana, 1, *SCOPE) == [EVERYTHING]
    assert mobile(2) not in str(ana.get("/v1/contacts/1/consent").json())


def test_many_ids_are_learned_from_one_request(ana: Client, arrive: Arrive) -> None:
    arrive("messages", messages=[said("STOP", message=f"w{number}", user=f"KE.{number}") for number in range(1, 21)])
    arrive("messages", contacts=[contact(number, user=f"KE.{number}") for number in range(1, 21)])
    assert may_message(ana, *[mobile(number) for number in range(1, 21)]) == [False] * 20
    assert waiting(ana) == []
