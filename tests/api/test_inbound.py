"""What providers send, the whole way: from their request to the ledger, to groups, to review and to quarantine."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from daftari.gateways import GATEWAYS
from daftari.gateways.twilio import sign as sign_as_twilio
from daftari.model.inbound import InboundRequest
from daftari.model.limits import INBOUND_BODY_BYTES_MAX
from daftari.model.projects import ConsentSettings
from daftari.rules.access import inbound_tokens, projects
from daftari.rules.consent.keywords import Reading, read_message
from daftari.rules.inbound import quarantine, requests
from daftari.rules.inbound.summary import summarize_inbound
from daftari.store import Store
from tests.support.builders import (
    assert_sound,
    consent_of,
    create,
    facts_of,
    get,
    groups,
    may_message,
    mobile,
    page,
    refusal,
    rows,
    wrong_fields,
)
from tests.support.calls import ACTOR
from tests.support.cases import each
from tests.support.clients import Client
from tests.support.gateway_samples import (
    AKINYI,
    FORM,
    JSON,
    SAMPLES,
    WANJIRU,
    Sent,
    arrived,
    as_form,
    as_json,
    from_meta,
)
from tests.support.inbound import OPEN, SECRET, THEN, OpenAddress, proven, reviews, send, text
from tests.support.stores import NOW

FORGED = (401, "FORGED")
MALFORMED = (400, "MALFORMED")
SCOPE = ("kind", "channel", "sender", "purpose")
EVERYTHING = ("opt_out", None, None, None)
# ---- what a message leads to ------------------------------------------------------------------------


def test_a_stop_suppresses_the_number_on_every_channel(
    ana: Client, client: Client, address: str, store: Store, people: Any
) -> None:
    create(ana, *rows(2), group="VIP")
    send(client, address, text(" Stop! ", message="m1", at=THEN))
    assert facts_of(ana, 1, *SCOPE, "source", "at", "evidence") == [
        (
            *EVERYTHING,
            "inbound",
            "2024-03-21T07:06:37.000000Z",
            {"provider": "generic", "message_id": "m1", "text": "Stop!"},
        )
    ]
    assert (groups(ana), page(ana)["total"], reviews(ana)) == ({"VIP": 1}, 1, [])
    assert_sound(store, people.shopify)


def test_stop_and_the_name_of_a_group_leaves_that_group_permanently(
    ana: Client, client: Client, address: str, store: Store, people: Any
) -> None:
    create(ana, *rows(1), group="Michezo")
    create(ana, *rows(1), group="Pesa")
    send(client, address, text("STOP michezo.", message="m1"))
    assert facts_of(ana, 1, "kind", "group", "channel") == [("left_group", "michezo", "sms")]
    assert get(ana, 1, include="groups")["groups"] == ["Pesa"]
    assert may_message(ana, mobile(1)) == [True]
    assert ana.put("/v1/contacts/1", {"group": "MICHEZO"}).json()["kept_out"] is True
    assert ana.post("/v1/groups/Michezo/contacts", {"ids": [1]}).json()["kept_out"] == 1
    said = ana.post("/v1/contacts", {"contacts": rows(1), "group": "Michezo", "results": True}).json()
    assert said["results"][0]["kept_out"] is True
    assert get(ana, 1, include="groups")["groups"] == ["Pesa"]
    send(client, address, text("START", message="m2", at=int(time.time()) + 60))
    assert ana.post("/v1/groups/Michezo/contacts", {"ids": [1]}).json()["joined"] == 1
    assert_sound(store, people.shopify)


def test_a_repeated_message_means_what_it_meant_even_if_its_group_is_deleted(
    ana: Client, client: Client, address: str
) -> None:
    create(ana, *rows(1), group="Michezo")
    send(client, address, text("STOP michezo", message="m1"))
    assert ana.delete("/v1/groups/Michezo").status == 200
    send(client, address, text("STOP michezo", message="m1"))
    assert facts_of(ana, 1, "kind") == [("left_group",)]
    assert (may_message(ana, mobile(1)), reviews(ana)) == ([True], [])


def test_others_write_while_messages_are_read(
    client: Client, address: str, store: Store, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_at: list[int] = []

    def read_message_meanwhile(said: str, *, settings: ConsentSettings) -> Reading:
        with ThreadPoolExecutor(1) as other:
            written = other.submit(store.write, people.shopify, ACTOR, NOW, lambda tx: tx.book.next_seq)
            read_at.append(written.result())
        return read_message(said, settings=settings)

    monkeypatch.setattr(requests, "read_message", read_message_meanwhile)
    send(client, address, text("STOP", message="m1"), text("hello", message="m2"))
    assert len(read_at) == 2


def test_a_stop_counts_whatever_else_had_its_message_id(
    ana: Client, client: Client, address: str, open_address: OpenAddress
) -> None:
    ended = {"mobile": f"+{mobile(1)}", "sender": "20414", "keyword": "tips", "active": False, "id": "X1"}
    assert client.post(address, {"subscriptions": [ended]}).status == 200
    send(client, address, text("STOP", message="X1"))
    other = open_address()
    send(client, address, text("START", number=2, message="17", at=THEN))
    send(client, other, text("STOP", number=2, message="17", at=THEN + 1))
    send(client, address, text("please stop", number=3, message="9"), text("do stop", number=4, message="9"))
    send(client, address, text("START", number=5, message="1", at=THEN))
    send(client, address, text("STOP", number=5, message="1", at=THEN + 9))
    send(client, address, text("START", number=5, message="1", at=THEN))
    assert may_message(ana, mobile(1), mobile(2), mobile(5)) == [False, False, False]
    assert len(facts_of(ana, mobile(5), "kind")) == 2
    assert [said for said, _ in reviews(ana)] == ["please stop", "do stop"]


def test_a_resume_on_another_channel_brings_no_group_back(ana: Client, client: Client, address: str) -> None:
    create(ana, *rows(1), group="Michezo")
    send(client, address, text("STOP michezo", message="m1", at=THEN))
    resume = {
        "mobile": mobile(1),
        "channel": "whatsapp",
        "sender": "254700000009",
        "purpose": "marketing",
        "at": THEN + 9,
    }
    assert client.post(address, {"opt_ins": [resume]}).status == 200
    assert ana.post("/v1/groups/Michezo/contacts", {"ids": [1]}).json()["kept_out"] == 1


def test_what_names_no_number_that_can_be_read_is_kept_with_all_that_it_names(
    ana: Client, client: Client, address: str
) -> None:
    send(
        client,
        address,
        text("STOP", message="m1") | {"from": "+722000003"},
        text("STOP") | {"from": "DUKA", "id": "m2"},
    )
    assert facts_of(ana, "0722000003", *SCOPE) == [EVERYTHING]
    assert reviews(ana) == [("STOP", "comes from a number that cannot be read; number 'DUKA'; message 'm2'")]


def test_a_stop_that_says_more_is_a_stop_and_is_listed_for_review(ana: Client, client: Client, address: str) -> None:
    send(client, address, text("STOP nobody's group", message="m1"), text("Stopall please", number=2, message="m2"))
    for number in (1, 2):
        assert facts_of(ana, f"+{mobile(number)}", *SCOPE) == [EVERYTHING]
    why = "begins with an opt-out word and says more"
    assert reviews(ana) == [("STOP nobody's group", why), ("Stopall please", why)]


def test_other_words_count_only_alone_and_otherwise_wait_for_review(ana: Client, client: Client, address: str) -> None:
    words = ["END", "cancel", "Quit.", "ondoka", "toka"]
    send(client, address, *[text(word, number=n, message=word) for n, word in enumerate(words, start=1)])
    assert may_message(ana, *[mobile(number) for number in range(1, 6)]) == [False] * 5
    doubts = ["The END of it", "please stop", "Cancel my order", "I said quit it"]
    send(client, address, *[text(said, number=n, message=said) for n, said in enumerate(doubts, start=6)])
    send(client, address, text("Hello there", number=6, message="h"), text("HELP", number=6, message="i"))
    assert may_message(ana, *[mobile(number) for number in range(6, 10)]) == [True] * 4
    assert [said for said, _ in reviews(ana)] == doubts


def test_acha_opts_out_and_refusals_in_other_words_wait_for_review(ana: Client, client: Client, address: str) -> None:
    words = ["ACHA", "wacha"]
    doubts = ["Wacha kunitumia sms", "Sitaki", "Usinitumie", "arrêt", "توقف", "አቁም", "wrong number", "ST0P", "STPO"]
    said = [*words, *doubts, "acha nikuambie", "step by step"]
    send(client, address, *[text(one, number=n, message=one) for n, one in enumerate(said, start=1)])
    assert may_message(ana, *[mobile(n) for n in range(1, len(said) + 1)]) == [False] * 2 + [True] * (len(said) - 2)
    assert [one for one, _ in reviews(ana)] == doubts


def test_a_start_speaks_for_its_own_channel_and_restores_no_group(
    ana: Client, client: Client, address: str, store: Store, people: Any
) -> None:
    create(ana, *rows(1), group="VIP")
    send(client, address, text("STOP", message="m1", at=THEN))
    send(client, address, text("START", message="m2", at=THEN + 1))
    assert facts_of(ana, 1, *SCOPE)[1] == ("opt_in", "sms", None, None)
    assert may_message(ana, mobile(1)) == [True]
    assert may_message(ana, mobile(1), channel="whatsapp") == [False]
    assert (page(ana)["total"], get(ana, 1, include="groups")["groups"]) == (1, [])
    assert_sound(store, people.shopify)


def test_how_wide_a_stop_is_is_the_projects_setting(ana: Client, client: Client, address: str, store: Store) -> None:
    scopes = {
        "channel": ("opt_out", "sms", None, None),
        "sender": ("opt_out", "sms", "20414", None),
        "marketing": ("opt_out", None, None, "marketing"),
        "everything": EVERYTHING,
    }
    for number, (scope, expected) in enumerate(scopes.items(), start=1):
        consent = {"stop_scope": scope}
        store.system_write(NOW, projects.set_project, name="Shopify", region=None, on_error=None, consent=consent)
        send(client, address, text("STOP", number=number, message=scope))
        assert facts_of(ana, f"+{mobile(number)}", *SCOPE) == [expected]


# ---- again, out of order, at odd times --------------------------------------------------------------


def test_the_same_requests_in_any_order_and_more_than_once_lead_to_the_same(
    ana: Client, client: Client, address: str
) -> None:
    sent = [("STOP", THEN), ("START", THEN + 1_000), ("STOP", THEN + 2_000), ("START", THEN + 3_000)]
    states = []
    for number, order in enumerate(permutations(sent), start=1):
        for said, at in (*order, order[0], order[-1]):
            send(client, address, text(said, number=number, message=f"{number}-{at}", at=at))
        consent = consent_of(ana, f"+{mobile(number)}")
        assert len(consent["facts"]) == len(sent)
        states.append((consent["suppressed"], consent["blocked"]))
    assert len(states) == 24
    assert all(state == states[0] for state in states)
    assert may_message(ana, mobile(1)) == [True]


def test_a_late_stop_does_not_undo_a_later_start(ana: Client, client: Client, address: str) -> None:
    send(client, address, text("START", message="m2", at=THEN + 301))
    send(client, address, text("STOP", message="m1", at=THEN))
    assert may_message(ana, mobile(1)) == [True]
    send(client, address, text("STOP", message="m3", at=THEN + 1))
    assert may_message(ana, mobile(1)) == [False], "clocks may differ by five minutes"


def test_a_time_without_a_zone_or_far_ahead_is_the_time_of_receipt(ana: Client, client: Client, address: str) -> None:
    for number, at in enumerate(("2024-03-21 07:06:37", "soon", int(time.time()) + 3600, None), start=1):
        before = datetime.now(UTC)
        send(client, address, text("STOP", number=number, message=f"m{number}", at=at))
        ((kept,),) = facts_of(ana, f"+{mobile(number)}", "at")
        assert before <= datetime.fromisoformat(kept) <= datetime.now(UTC), at


def test_what_names_no_readable_number_waits_for_review(ana: Client, client: Client, address: str) -> None:
    send(client, address, text("STOP", message="m1") | {"from": "DUKA"})
    (review,) = ana.get(OPEN).json()["reviews"]
    assert (review["mobile"], review["text"], review["channel"]) == (None, "STOP", "sms")
    for settled_as in ("opt_in", "retract"):
        assert wrong_fields(ana.post(f"{OPEN}/{review['id']}", {"as": settled_as})) == ["as"]
    assert wrong_fields(ana.post(f"{OPEN}/{review['id']}", {"as": "opt_out"})) == ["mobile"]
    assert ana.post(f"{OPEN}/{review['id']}", {"as": "dismiss"}).status == 200


# ---- what each provider's signal is about -----------------------------------------------------------


SHORT_CODE = "20414"
TWILIO = "+254700000009"
BUSINESS = "254700000009"
TALKING_406_OF_A_SENDER = as_form(
    {"id": "A1", "status": "Failed", "phoneNumber": AKINYI, "failureReason": "406", "senderId": "DUKA"}
)
ROWS = [
    ("an Africa's Talking opt-out", None, AKINYI, ("opt_out", "sms", "DUKA", None)),
    ("an Africa's Talking report", None, AKINYI, ("opt_out", "sms", None, None)),
    ("an Africa's Talking report", TALKING_406_OF_A_SENDER, AKINYI, ("opt_out", "sms", "DUKA", None)),
    ("what Sozuri answers to a send", None, AKINYI, ("opt_out", "sms", "DUKA", None)),
    ("what Sozuri answers to a send", None, WANJIRU, ("opt_out", "sms", None, None)),
    ("a Twilio status", None, AKINYI, ("opt_out", "sms", TWILIO, None)),
    ("WhatsApp preferences", None, AKINYI, ("opt_out", "whatsapp", BUSINESS, "marketing")),
    ("WhatsApp preferences", None, WANJIRU, ("opt_in", "whatsapp", BUSINESS, "marketing")),
    ("WhatsApp statuses", None, AKINYI, ("opt_out", "whatsapp", BUSINESS, "marketing")),
    ("a Sozuri text", None, AKINYI, EVERYTHING),
    ("an Africa's Talking message", None, AKINYI, EVERYTHING),
    ("a Twilio text", None, AKINYI, EVERYTHING),
    ("Infobip results", None, AKINYI, EVERYTHING),
    ("WhatsApp messages", None, AKINYI, EVERYTHING),
]
"""The contract's table: what is sent, whom it is about, and what is in the ledger then."""


@pytest.mark.parametrize(("sample", "other", "number", "expected"), ROWS)
def test_each_signal_leads_to_exactly_its_scope_in_the_ledger(
    ana: Client,
    client: Client,
    open_address: OpenAddress,
    sample: str,
    other: InboundRequest | None,
    number: str,
    expected: tuple[str | None, ...],
) -> None:
    provider, request, _ = SAMPLES[sample]
    request = other or request
    address = open_address(provider) if provider == "africas_talking" else open_address(provider, secret=SECRET)
    headers = proven(request, provider, address)
    for _ in range(2):
        answer = client.call("POST", address, body=request.body, headers=headers)
        assert answer.status == 200, answer.body
        assert (answer.headers["content-type"] == "text/xml") is (provider == "twilio")
    assert facts_of(ana, number, *SCOPE)[:1] == [expected]
    once = provider != "africas_talking" or "opt-out" not in sample
    assert len(facts_of(ana, number, *SCOPE)) == (1 if once else 2), "what has an id or a time is known again"


def test_a_report_that_names_the_message_alone_waits_for_review(
    ana: Client, client: Client, open_address: OpenAddress
) -> None:
    provider, request, _ = SAMPLES["a Sozuri report that names the message alone"]
    address = open_address(provider, secret=SECRET)
    for _ in range(2):
        answer = client.call("POST", address, body=request.body, headers=proven(request, provider, address))
        assert answer.status == 200
    assert len(reviews(ana)) == 1


def test_a_delivery_report_of_a_message_that_we_did_not_send_has_no_effect(
    ana: Client, client: Client, open_address: OpenAddress
) -> None:
    address = open_address()
    reported = {"id": "1-1-1", "state": "failed", "mobile": f"+{mobile(1)}"}
    assert client.post(address, {"reports": [reported]}).status == 200
    assert client.get(f"{address}?id=1-1-1&status=delivered").json() == {"message": "Received"}
    assert reviews(ana) == [] and facts_of(ana, f"+{mobile(1)}", *SCOPE) == []
    assert may_message(ana, mobile(1)) == [True]


def test_a_caption_opts_out_and_an_edit_and_a_button_wait_for_review(
    ana: Client, client: Client, open_address: OpenAddress
) -> None:
    address = open_address("whatsapp", secret=SECRET)
    messages: list[Sent] = [
        {"from": mobile(1), "id": "w1", "type": "image", "image": {"caption": "STOP"}},
        {"from": mobile(2), "id": "w2", "type": "edit", "edit": {"message": {"text": {"body": "Stop"}}}},
        {"from": mobile(3), "id": "w3", "type": "button", "button": {"text": "Katizeni", "payload": "stop_promotions"}},
        {"from": mobile(4), "id": "w4", "type": "button", "button": {"text": "ACHA", "payload": "STOP"}},
        {"from": mobile(5), "id": "w5", "type": "button", "button": {"text": "Ndiyo", "payload": "cancel_order"}},
    ]
    request = as_json(from_meta("messages", messages=messages))
    for _ in range(2):
        answer = client.call("POST", address, body=request.body, headers=proven(request, "whatsapp", address))
        assert answer.status == 200
    assert may_message(ana, *[mobile(n) for n in range(1, 6)]) == [False, True, True, False, True]
    assert reviews(ana) == [
        ("Stop", "is an edited message that may be an opt-out"),
        ("Katizeni", "is a button that stands for 'stop_promotions'"),
    ]


def test_a_doubt_of_the_provider_waits_for_review_once(ana: Client, client: Client, open_address: OpenAddress) -> None:
    address = open_address("infobip", secret=SECRET)
    report = {"messageId": "M1", "to": mobile(1), "from": "DUKA", "error": {"id": 2052, "description": "On a list."}}
    request = as_json({"results": [report]})
    for _ in range(2):
        answer = client.call("POST", address, body=request.body, headers=proven(request, "infobip", address))
        assert answer.status == 200
    (review,) = ana.get(OPEN).json()["reviews"]
    assert (review["mobile"], review["channel"], review["sender"]) == (mobile(1), "sms", "DUKA")
    assert (review["text"], review["why"]) == (
        "On a list.",
        "is the code 2052 of the provider, which blocks the number",
    )
    assert may_message(ana, mobile(1)) == [True]


# ---- what is refused --------------------------------------------------------------------------------


def test_an_address_that_is_not_ours_is_refused_in_the_same_words(
    ana: Client, client: Client, address: str, open_address: OpenAddress, store: Store
) -> None:
    revoked = open_address()
    store.system_write(time.time_ns() // 1000, inbound_tokens.revoke_token, start=revoked.rsplit("/", 1)[1])
    wrong = [address[:-1], address + "x", address.replace("generic", "sozuri"), revoked, "/v1/inbound/fax/x"]
    answers = [client.call(method, path, body=b"{}") for path in wrong for method in ("GET", "POST")]
    assert {refusal(answer) for answer in answers} == {FORGED}
    assert len({answer.json()["message"] for answer in answers}) == 1
    assert ana.get(OPEN).json()["quarantined"] == 0


def test_what_is_forged_is_refused_kept_and_counted_and_nothing_else_happens(
    ana: Client, chao: Client, client: Client, open_address: OpenAddress, store: Store, people: Any
) -> None:
    create(ana, *rows(1), group="VIP")
    address = open_address(secret=SECRET)
    body = json.dumps({"messages": [text("STOP", message="m1")]}).encode()
    for headers in ({}, {"X-Daftari-Signature": "sha256=" + "0" * 64}):
        assert refusal(client.call("POST", address, body=body, headers=headers)) == FORGED
    assert (groups(ana), may_message(ana, mobile(1))) == ({"VIP": 1}, [True])
    assert ana.get(OPEN).json()["quarantined"] == 2
    assert chao.get(OPEN).json()["quarantined"] == 0
    (count,) = store.read(people.shopify, NOW, summarize_inbound).counts.values()
    assert (count.received, count.refused) == (0, 2)
    kept = store.read(people.shopify, NOW, quarantine.list_quarantine, after=0, limit=9)
    assert [one.request.body for one in kept] == [body, body]
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert client.call("POST", address, body=body, headers={"X-Daftari-Signature": f"sha256={signature}"}).status == 200
    assert may_message(ana, mobile(1)) == [False]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"messages": 5}', b'{"type": "fax"}', b"\xff", b'{"messages"'])
def test_what_is_cut_short_or_no_request_of_theirs_is_400_and_kept(
    ana: Client, client: Client, address: str, body: bytes
) -> None:
    assert refusal(client.call("POST", address, body=body)) == MALFORMED
    assert ana.get(OPEN).json()["quarantined"] == 1


@pytest.mark.parametrize("provider", GATEWAYS)
@each("body", [b"{", b"[]", b'{"hello": 1}', b'{"entry": 1}', b"hello=1"])
def test_what_is_proved_and_cannot_be_read_is_kept_and_answered_with_200(
    ana: Client, client: Client, open_address: OpenAddress, provider: str, body: bytes
) -> None:
    given = {} if GATEWAYS[provider].secret_name is None else {"secret": SECRET}
    address = open_address(provider, **given)
    before = ana.get(OPEN).json()["quarantined"]
    request = arrived(body, media_type=FORM if body.startswith(b"hello") else JSON)
    for _ in range(2):
        answer = client.call("POST", address, body=body, headers=proven(request, provider, address))
        assert (answer.status, answer.body) == (200, GATEWAYS[provider].reply[1])
    assert ana.get(OPEN).json()["quarantined"] == before + 1
    if given:
        answer = client.call("POST", address, body=body, headers={"Content-Type": request.media_type})
        assert refusal(answer) == FORGED
        assert ana.get(OPEN).json()["quarantined"] == before + 2


def test_twilio_may_be_set_to_send_with_get(ana: Client, client: Client, open_address: OpenAddress) -> None:
    address = open_address("twilio", secret=SECRET)
    query = "From=%2B" + mobile(1) + "&To=%2B254700000009&Body=STOP&MessageSid=SM1"
    signature = sign_as_twilio(f"http://127.0.0.1:8000{address}?{query}", token=SECRET)
    assert refusal(client.call("GET", f"{address}?{query}", headers={"X-Twilio-Signature": signature[:-2]})) == FORGED
    assert may_message(ana, mobile(1)) == [True]
    answer = client.call("GET", f"{address}?{query}", headers={"X-Twilio-Signature": signature})
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"<Response/>", "text/xml")
    assert may_message(ana, mobile(1)) == [False]
    assert facts_of(ana, f"+{mobile(1)}", *SCOPE) == [EVERYTHING]


def test_twilio_may_report_to_an_address_with_our_id_in_it(client: Client, open_address: OpenAddress) -> None:
    address = f"{open_address('twilio', secret=SECRET)}?message=1-1-1"
    form = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": f"+{mobile(1)}"}
    signed = f"http://127.0.0.1:8000{address}" + "".join(name + form[name] for name in sorted(form))
    headers = {"Content-Type": FORM, "X-Twilio-Signature": sign_as_twilio(signed, token=SECRET)}
    body = as_form(form).body
    assert client.call("POST", address, body=body, headers=headers).status == 200
    other = address.replace("1-1-1", "1-2-1")
    assert refusal(client.call("POST", other, body=body, headers=headers)) == FORGED


def test_a_full_quarantine_drops_the_oldest_of_its_commonest_kind(
    ana: Client, client: Client, open_address: OpenAddress, store: Store, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "QUARANTINE_MAX", 5)
    flooded, other = open_address(secret=SECRET), open_address("sozuri", secret=SECRET)
    client.call("POST", other, body=b'{"message": "STOP"}')
    request = arrived(b'{"hello": 1}', media_type=JSON)
    client.call("POST", flooded, body=request.body, headers=proven(request, "generic", flooded))
    for number in range(20):
        assert client.call("POST", flooded, body=b'{"forged": %d}' % number).status == 401
    kept = [one.request.body for one in store.read(people.shopify, NOW, quarantine.list_quarantine, after=0, limit=9)]
    assert kept == [b'{"message": "STOP"}', b'{"hello": 1}', *(b'{"forged": %d}' % number for number in (17, 18, 19))]
    assert ana.get(OPEN).json()["quarantined"] == 5


def test_a_body_beyond_the_limit_is_413_and_not_kept(ana: Client, client: Client, address: str) -> None:
    body = b'{"messages": [], "x": "' + b"x" * INBOUND_BODY_BYTES_MAX + b'"}'
    assert refusal(client.call("POST", address, body=body)) == (413, "TOO_LARGE")
    assert ana.get(OPEN).json()["quarantined"] == 0


def test_one_request_is_taken_in_whole(ana: Client, client: Client, address: str) -> None:
    messages = [text("STOP", number=number, message=f"m{number}") for number in range(1, 301)]
    send(client, address, *messages)
    assert not any(may_message(ana, *[mobile(number) for number in range(1, 301)]))


def test_only_whatsapp_checks_its_address(client: Client, open_address: OpenAddress) -> None:
    address = open_address("whatsapp", secret=SECRET, verify_token="karibu")
    asked = {"hub.mode": "subscribe", "hub.verify_token": "karibu", "hub.challenge": "1158201444"}
    answer = client.get(address, query=asked)
    assert (answer.status, answer.body) == (200, b"1158201444")
    assert answer.headers["content-type"].startswith("text/plain")
    for wrong in ({"hub.verify_token": "x"}, {"hub.mode": "unsubscribe"}, {"hub.verify_token": ""}):
        assert refusal(client.get(address, query={**asked, **wrong})) == FORGED
    assert refusal(client.get(open_address("whatsapp", secret=SECRET), query=asked)) == FORGED
    other = client.get(open_address("sozuri", secret=SECRET))
    assert refusal(other) == (405, "METHOD_NOT_ALLOWED")
    assert other.headers["allow"] == "OPTIONS, POST"
