"""What becomes known of a message when its call has ended: by the transport, by each provider's codes, by number."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from daftari.gateways import SENDING_GATEWAYS
from daftari.gateways.answers import digits_of
from daftari.gateways.protocol import LogLine, OutgoingMessage
from daftari.gateways.signals import find_scope
from daftari.model.limits import MESSAGE_ID_MAX, REASON_MAX
from daftari.outbound.exchange import NotSent, OutboundResponse, PerhapsSent
from tests.support.cases import each
from tests.support.sending import (
    AKINYI,
    OTIENO,
    SECRET,
    WANJIRU,
    account,
    answer,
    message,
    outcomes,
    words,
)

NETWORK = [name for name in SENDING_GATEWAYS if name != "log"]
MANY = ("sozuri", "africas_talking", "infobip")
A, W, T = message(), message(WANJIRU, 2), message(OTIENO, 3)


def sozuri(*entries: Mapping[str, object]) -> dict[str, object]:
    return {"messageData": {"messages": len(entries)}, "recipients": list(entries)}


def talking(*entries: Mapping[str, object]) -> dict[str, object]:
    return {"SMSMessageData": {"Message": f"Sent to {len(entries)}", "Recipients": list(entries)}}


def infobip(*entries: Mapping[str, object]) -> dict[str, object]:
    return {"bulkId": "b", "messages": list(entries)}


def taken(name: str, one: OutgoingMessage, number: str | None = None) -> dict[str, object]:
    """What a provider answers about a message that it took."""
    number = number or str(one.mobile)
    match name:
        case "sozuri":
            return {"messageId": f"S{one.id}", "to": number, "status": "sent", "statusCode": "11", "messagePart": "2"}
        case "africas_talking":
            return {
                "statusCode": 101,
                "number": number,
                "status": "Success",
                "cost": "KES 0.8",
                "messageId": f"S{one.id}",
            }
        case _:
            status = {"groupId": 1, "groupName": "PENDING", "id": 26, "name": "PENDING_ACCEPTED", "description": "ok"}
            return {"messageId": one.id, "destination": number, "status": status, "details": {"messageCount": 2}}


WRAP = {"sozuri": sozuri, "africas_talking": talking, "infobip": infobip}


# ---- what the transport proves ------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORK)
@each(
    "result, word, code",
    [
        (NotSent("resolve", "no name"), "again", "resolve"),
        (NotSent("busy", "busy"), "again", "busy"),
        (NotSent("address", "private"), "stop", "address"),
        (NotSent("request", "bad"), "stop", "request"),
        (PerhapsSent("timeout", "late"), "unknown", "timeout"),
        (PerhapsSent("closed", "cut"), "unknown", "closed"),
        (answer(b"<html>", 429, retry_after=3.0), "slow", "HTTP 429"),
        (answer(b"", 401), "stop", "HTTP 401"),
        (answer(b"nope", 403), "stop", "HTTP 403"),
        (answer(b"", 413), "refused", "HTTP 413"),
        (answer(b"<html>Bad Request</html>", 400), "unknown", "HTTP 400"),
        (answer(b"", 500), "unknown", "HTTP 500"),
        (answer(b"", 503, retry_after=1.0), "unknown", "HTTP 503"),
        (answer(b"", 302), "unknown", "HTTP 302"),
        (answer(b"<!doctype html><html>ok</html>"), "unknown", ""),
        (answer(b""), "unknown", ""),
        (answer(b'{"recipients": [{"to": "2547'), "unknown", ""),
        (answer([]), "unknown", ""),
        (answer({}), "unknown", ""),
        (answer({"ok": True}), "unknown", ""),
        (answer(None), "unknown", ""),
    ],
)
def test_without_a_word_of_the_provider_the_end_of_the_call_decides(
    name: str, result: OutboundResponse, word: str, code: str
) -> None:
    (outcome,) = outcomes(name, result, A)
    assert (outcome.word, outcome.code, outcome.provider_id) == (word, code, "")


@pytest.mark.parametrize("name", NETWORK)
@each("status", range(200, 300))
def test_a_2xx_alone_is_never_accepted(name: str, status: int) -> None:
    assert words(name, answer(b"OK", status), A) == ["unknown"]


@pytest.mark.parametrize("name", MANY)
@pytest.mark.parametrize("status", [100, 301, 500, 502, 503, 504])
def test_what_comes_with_a_status_that_proves_nothing_proves_nothing(name: str, status: int) -> None:
    assert words(name, answer(WRAP[name](taken(name, A)), status), A) == ["unknown"]


@pytest.mark.parametrize("name", MANY)
def test_half_a_body_proves_nothing(name: str) -> None:
    whole = answer(WRAP[name](taken(name, A)))
    cut = replace(whole, body=b"", incomplete="closed")
    assert words(name, cut, A) == ["unknown"]


@pytest.mark.parametrize("name", NETWORK)
@given(
    body=st.one_of(
        st.binary(max_size=80),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "recipients",
                            "SMSMessageData",
                            "Recipients",
                            "messages",
                            "status",
                            "sid",
                            "error",
                            "code",
                            "id",
                            "to",
                            "number",
                            "errorCode",
                            "message",
                            "messageData",
                        ]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        ),
    ),
    status=st.sampled_from((200, 201, 400, 401, 429, 500)),
)
def test_whatever_is_answered_each_message_has_one_outcome(name: str, body: object, status: int) -> None:
    found = outcomes(name, answer(body, status), A)
    assert [outcome.message for outcome in found] == [A]
    if found[0].word == "accepted":
        assert status in (200, 201, 400)


# ---- matched by number or id ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MANY)
@pytest.mark.parametrize("order", list(itertools.permutations((A, W, T))))
def test_an_answer_is_matched_by_number_whatever_its_order(name: str, order: tuple[OutgoingMessage, ...]) -> None:
    found = outcomes(name, answer(WRAP[name](*(taken(name, one) for one in order))), A, W, T)
    assert [(outcome.message, outcome.word) for outcome in found] == [(A, "accepted"), (W, "accepted"), (T, "accepted")]
    expected = [one.id if name == "infobip" else f"S{one.id}" for one in (A, W, T)]
    assert [outcome.provider_id for outcome in found] == expected


@pytest.mark.parametrize("name", MANY)
def test_a_message_that_the_answer_leaves_out_is_unknown(name: str) -> None:
    found = outcomes(name, answer(WRAP[name](taken(name, T), taken(name, A))), A, W, T)
    assert [outcome.word for outcome in found] == ["accepted", "unknown", "accepted"]
    assert "leaves this message out" in found[1].says


@pytest.mark.parametrize("name", ["sozuri", "africas_talking"])
@pytest.mark.parametrize("written", ["254722000001", "+254722000001", "00254722000001", "+254 722 000-001"])
def test_a_number_is_the_same_with_and_without_its_plus(name: str, written: str) -> None:
    assert words(name, answer(WRAP[name](taken(name, A, written))), A) == ["accepted"]


@pytest.mark.parametrize("name", ["sozuri", "africas_talking"])
def test_a_number_that_is_not_exactly_ours_matches_nothing(name: str) -> None:
    for written in ("0722000001", "22000001", "2547220000011", "", "254722000002"):
        entry = taken(name, A) | ({"to": written} if name == "sozuri" else {"number": written})
        assert words(name, answer(WRAP[name](entry)), A) == ["unknown"], written


def test_one_entry_that_cannot_be_read_hides_no_other() -> None:
    for name in MANY:
        found = words(name, answer(WRAP[name](taken(name, A), "no object", {"to": 5.5}, taken(name, T))), A, W, T)
        assert found == ["accepted", "unknown", "accepted"]


def test_a_number_that_is_answered_twice_counts_as_taken_if_it_was_once() -> None:
    refused = {"to": str(AKINYI), "statusCode": "12", "status": "unsupported_number"}
    for entries in ((taken("sozuri", A), refused), (refused, taken("sozuri", A))):
        assert words("sozuri", answer(sozuri(*entries)), A) == ["accepted"]
    doubtful = {"to": str(AKINYI), "statusCode": "99"}
    assert words("sozuri", answer(sozuri(refused, doubtful)), A) == ["unknown"]


def test_infobip_matches_by_our_id_where_two_messages_go_to_one_number() -> None:
    second = message(AKINYI, 2)
    refused = taken("infobip", second) | {"status": {"groupId": 5, "id": 14, "name": "REJECTED"}}
    assert words("infobip", answer(infobip(refused, taken("infobip", A))), A, second) == ["accepted", "refused"]
    nameless = {"destination": str(AKINYI), "status": {"groupId": 1, "id": 26}}
    assert words("infobip", answer(infobip(nameless)), A, second) == ["unknown", "unknown"]
    assert words("infobip", answer(infobip(nameless)), A) == ["accepted"]


@given(st.text(max_size=30))
def test_digits_are_digits(written: str) -> None:
    digits = digits_of(written)
    assert digits == "" or (digits.isascii() and digits.isdecimal())


# ---- codes ------------------------------------------------------------------------------------------------

EXPECTED: dict[str, dict[str, str]] = {
    "sozuri": {
        **dict.fromkeys(["11", "13", "14", "15", "16"], "accepted"),
        "12": "dead",
        "17": "refused",
        "18": "opt_out",
        "19": "opt_out",
        "21": "refused",
        "22": "stop",
        "23": "slow",
        "99": "unknown",
    },
    "africas_talking": {
        **dict.fromkeys(["100", "101", "102"], "accepted"),
        **dict.fromkeys(["401", "402", "405"], "stop"),
        **dict.fromkeys(["403", "404"], "dead"),
        "406": "opt_out",
        **dict.fromkeys(["407", "409", "502"], "refused"),
        **dict.fromkeys(["500", "501", "999"], "unknown"),
    },
    "twilio": {
        "21610": "opt_out",
        **dict.fromkeys(["21211", "21214", "21614", "30005", "30006"], "dead"),
        **dict.fromkeys(["21612", "30003", "30008", "30017", "30036", "30004", "30007"], "refused"),
        **dict.fromkeys(["63016", "63024", "63032", "63049"], "refused"),
        **dict.fromkeys(["21408", "21606", "21601", "20003"], "stop"),
        **dict.fromkeys(["20429", "30022", "63018", "21611", "30001"], "slow"),
        "20500": "unknown",
        "99999": "refused",
    },
    "infobip": {
        **dict.fromkeys(["3", "7", "26", "23"], "accepted"),
        **dict.fromkeys(["10", "14", "20"], "refused"),
        **dict.fromkeys(["12", "11", "17", "19", "52"], "stop"),
    },
    "whatsapp": {
        "131050": "opt_out",
        **dict.fromkeys(["131026", "131049", "130472", "131047", "131030"], "refused"),
        **dict.fromkeys(["4", "80007", "130429", "131048", "131056", "133016"], "slow"),
        **dict.fromkeys(["131000", "131016", "131057", "135000"], "unknown"),
        **dict.fromkeys(["132000", "132001", "132005", "132007", "132008", "132012", "132015", "132016"], "stop"),
        **dict.fromkeys(["0", "3", "10", "190", "200", "250", "299", "368", "130497", "131031", "131042"], "stop"),
        "999999": "refused",
    },
}


def refusal(name: str, code: str) -> OutboundResponse:
    """An answer that says one code of one message."""
    match name:
        case "sozuri":
            return answer(sozuri({"to": str(AKINYI), "statusCode": code, "status": "said"}))
        case "africas_talking":
            entry = {"number": f"+{AKINYI}", "statusCode": int(code), "status": "said", "messageId": "None"}
            return answer(talking(entry), 201)
        case "twilio":
            return answer({"code": int(code), "message": "said", "more_info": "x", "status": 400}, 400)
        case "infobip":
            status = {"groupId": 0, "id": int(code), "name": "X", "description": "said"}
            return answer(infobip({"messageId": A.id, "destination": str(AKINYI), "status": status}))
        case _:
            error = {"message": "x", "type": "OAuthException", "code": int(code), "error_data": {"details": "said"}}
            return answer({"error": error}, 400)


@each("name, code, word", [(name, code, word) for name, codes in EXPECTED.items() for code, word in codes.items()])
def test_a_code_means_what_the_table_says(name: str, code: str, word: str) -> None:
    (outcome,) = outcomes(name, refusal(name, code), A)
    assert (outcome.word, outcome.says) == (word, "said")
    assert outcome.code.removeprefix("status ") == code
    if word != "accepted":
        assert outcome.provider_id in ("", A.id)


@pytest.mark.parametrize(
    ("group", "word"),
    [(0, "accepted"), (1, "accepted"), (2, "refused"), (3, "accepted"), (4, "refused"), (5, "refused"), (9, "unknown")],
)
def test_infobip_falls_back_to_the_group_of_a_status(group: int, word: str) -> None:
    status = {"groupId": group, "id": 900, "name": "NEW"}
    assert words("infobip", answer(infobip({"messageId": A.id, "status": status})), A) == [word]


def test_infobip_that_knows_the_id_already_took_the_message_before() -> None:
    duplicate = answer({"errorCode": "5492", "description": "duplicate"}, 400)
    assert words("infobip", duplicate, A) == ["accepted"]
    assert words("infobip", duplicate, A, W) == ["unknown", "unknown"]
    assert words("infobip", answer({"errorCode": "E400", "description": "bad", "violations": []}, 400), A) == [
        "refused"
    ]
    older = {"requestError": {"serviceException": {"messageId": "UNAUTHORIZED", "text": "Invalid login details"}}}
    (outcome,) = outcomes("infobip", answer(older, 401), A)
    assert (outcome.word, outcome.code, outcome.says) == ("stop", "UNAUTHORIZED", "Invalid login details")


@pytest.mark.parametrize(
    ("body", "status", "word", "code"),
    [
        ({"messageData": {"message": "Insufficient balance"}}, 200, "stop", "22"),
        ({"messageData": {"message": "Invalid sender"}}, 200, "refused", ""),
        ({"messageData": {"message": "Insufficient credit"}, "recipients": []}, 400, "stop", "22"),
        ({"message": "Unauthenticated."}, 401, "stop", "AUTHENTICATION_FAILED"),
        (
            {"error_code": "AUTHENTICATION_FAILED", "message": "no", "retryable": False},
            401,
            "stop",
            "AUTHENTICATION_FAILED",
        ),
        ({"recipients": []}, 200, "unknown", ""),
        ({"messageData": {"messages": 1}}, 200, "unknown", ""),
    ],
)
def test_sozuri_without_recipients_took_nothing_if_it_says_why(body: object, status: int, word: str, code: str) -> None:
    (outcome,) = outcomes("sozuri", answer(body, status), A)
    assert (outcome.word, outcome.code) == (word, code)


@pytest.mark.parametrize(
    ("said", "word", "code"),
    [
        ("InvalidSenderId", "stop", "402"),
        ("InsufficientBalance", "stop", "405"),
        ("Something new", "refused", "Something new"),
        ("InternalServerError", "unknown", "500"),
        ("Sent to 1/1 Total Cost: KES 0.8000", "unknown", ""),
        ("", "unknown", ""),
    ],
)
def test_africas_talking_without_recipients_refuses_all_with_a_word(said: str, word: str, code: str) -> None:
    found = outcomes("africas_talking", answer({"SMSMessageData": {"Message": said, "Recipients": []}}, 201), A, W)
    assert [(outcome.word, outcome.code) for outcome in found] == [(word, code)] * 2


def test_what_a_provider_counts_and_charges_is_kept() -> None:
    (outcome,) = outcomes("africas_talking", answer(talking(taken("africas_talking", A)), 201), A)
    assert (outcome.cost, outcome.provider_id) == ("KES 0.8", f"S{A.id}")
    for name in ("sozuri", "infobip"):
        assert outcomes(name, answer(WRAP[name](taken(name, A))), A)[0].parts == 2
    sent = {"sid": "SM1", "status": "queued", "num_segments": "3", "price": "-0.0075", "price_unit": "USD"}
    (outcome,) = outcomes("twilio", answer(sent, 201), A)
    assert (outcome.word, outcome.provider_id, outcome.parts, outcome.cost) == ("accepted", "SM1", 3, "-0.0075 USD")
    failed = sent | {"status": "failed", "error_code": 21610, "error_message": "unsubscribed"}
    (outcome,) = outcomes("twilio", answer(failed, 201), A)
    assert (outcome.word, outcome.code, outcome.says) == ("opt_out", "21610", "unsubscribed")


@pytest.mark.parametrize("status", ["accepted", "held_for_quality_assessment", "paused", None])
def test_whatsapp_took_what_it_holds_too(status: str | None) -> None:
    sent = {"id": "wamid.1"} | ({"message_status": status} if status else {})
    body = {"contacts": [{"input": "254722000001", "wa_id": "254722000001"}], "messages": [sent]}
    (outcome,) = outcomes("whatsapp", answer(body), A, channel="whatsapp")
    assert (outcome.word, outcome.provider_id, outcome.code) == ("accepted", "wamid.1", status or "")


def test_a_whatsapp_template_error_is_told_from_one_of_the_sender_by_its_code() -> None:
    gateway = SENDING_GATEWAYS["whatsapp"]
    assert {"132000", "132001", "132015", "132016"} <= gateway.template_codes
    assert all(gateway.codes[code] == "stop" for code in gateway.template_codes)
    assert not {"190", "131031", "131042"} & gateway.template_codes
    # Of 404 the status alone would stop the sender.
    (outcome,) = outcomes("whatsapp", answer({"error": {"code": 132001, "message": "no template"}}, 404), A)
    assert outcome.code in gateway.template_codes


# ---- all tables --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORK)
def test_every_opt_out_code_says_what_it_is_about(name: str) -> None:
    gateway = SENDING_GATEWAYS[name]
    for code, word in gateway.codes.items():
        scope = find_scope(name, code, sender="DUKA", channel=gateway.channels[0])
        assert (scope is not None) == (word == "opt_out"), code
    assert find_scope("sozuri", "18", sender="DUKA", channel="sms").sender == "DUKA"
    assert find_scope("sozuri", "19", sender="DUKA", channel="sms").sender == "*"
    assert find_scope("twilio", "21610", sender="x", channel="whatsapp").channel == "whatsapp"


def test_what_proves_no_refusal_is_unknown() -> None:
    doubtful = {
        name: {code for code, word in one.codes.items() if word == "unknown"} for name, one in SENDING_GATEWAYS.items()
    }
    assert doubtful["africas_talking"] == {"500", "501"}
    assert doubtful["whatsapp"] >= {"131000", "131016", "131057", "135000"}


# ---- what is kept of an answer ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORK)
def test_a_credential_that_is_repeated_is_left_out(name: str) -> None:
    says = f"The key {SECRET} is not valid"
    bodies = {
        "sozuri": {"message": says},
        "africas_talking": {"SMSMessageData": {"Message": says, "Recipients": []}},
        "twilio": {"code": 20003, "message": says},
        "infobip": {"errorCode": "E401", "description": says},
        "whatsapp": {"error": {"code": 190, "message": says}},
        "generic": {"error": says},
    }
    (outcome,) = outcomes(name, answer(bodies[name], 401), A)
    assert outcome.word == "stop" and SECRET not in outcome.says and "is not valid" in outcome.says


def test_what_a_provider_says_is_cut_to_what_is_kept() -> None:
    entry = {"to": str(AKINYI), "statusCode": "11", "status": "x" * 5_000, "messageId": "y" * 5_000}
    (outcome,) = outcomes("sozuri", answer(sozuri(entry)), A)
    assert (outcome.word, len(outcome.says), len(outcome.provider_id)) == ("accepted", REASON_MAX, MESSAGE_ID_MAX)


def test_a_log_line_is_no_answer_of_a_provider() -> None:
    for name in NETWORK:
        with pytest.raises(TypeError):
            SENDING_GATEWAYS[name].outcomes(LogLine("x", "y"), [A], account(name))


# ---- checks ---------------------------------------------------------------------------------------------

CHECKS = {
    "africas_talking": ({"UserData": {"balance": "KES 1785.50"}}, "KES 1785.50", "/version1/user?username=duka"),
    "twilio": ({"balance": "4.20", "currency": "USD", "account_sid": "AC1"}, "4.20 USD", "/Accounts/AC1/Balance.json"),
    "infobip": ({"balance": 47.79134, "currency": "EUR"}, "47.79134 EUR", "/account/1/balance"),
    "whatsapp": (
        {"display_phone_number": "+254 700 000009", "verified_name": "Duka", "quality_rating": "GREEN", "id": "1"},
        "",
        "/106540352242922?fields=display_phone_number,verified_name,quality_rating",
    ),
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_asks_and_sends_nothing(name: str) -> None:
    body, balance, path = CHECKS[name]
    gateway, sender = SENDING_GATEWAYS[name], account(name)
    request = gateway.compose_check(sender)
    assert request is not None and (request.method, request.body) == ("GET", b"") and request.url.endswith(path)
    found = gateway.read_check(answer(body), sender)
    assert (found.works, found.balance) == (True, balance)
    assert not gateway.read_check(answer({}), sender).works
    assert not gateway.read_check(NotSent("resolve", "No address."), sender).works
    refused = gateway.read_check(answer({"error": {"message": f"bad {SECRET}"}}, 401), sender)
    assert not refused.works and "401: bad" in refused.says and SECRET not in refused.says


@pytest.mark.parametrize("name", [name for name in SENDING_GATEWAYS if name not in CHECKS])
def test_where_a_provider_has_no_check_there_is_none(name: str) -> None:
    gateway, sender = SENDING_GATEWAYS[name], account(name)
    assert gateway.compose_check(sender) is None
    assert not gateway.read_check(answer({}), sender).works
