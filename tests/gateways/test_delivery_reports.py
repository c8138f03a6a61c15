"""Delivery reports of each provider: what they say of a message, next to what they say of consent."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from msgspec.structs import replace

from daftari.errors import Forged, Malformed
from daftari.gateways import GATEWAYS, SENDING_GATEWAYS, Proof
from daftari.gateways.reports import STATES
from daftari.model.inbound import DeliveryReport, InboundDoubt, InboundRequest, InboundSignal, ReportState
from tests.support.gateway_samples import (
    AKINYI,
    FORM,
    SENT,
    SOZURI_STOPPED,
    TALKING_REPORT,
    TWILIO_STATUS,
    Sent,
    arrived,
    as_form,
    as_json,
    from_meta,
)

PERSON = AKINYI.removeprefix("+")


def read(name: str, request: InboundRequest) -> list[DeliveryReport]:
    return [event for event in GATEWAYS[name].read(request) if isinstance(event, DeliveryReport)]


def read_one(name: str, request: InboundRequest) -> DeliveryReport:
    (report,) = read(name, request)
    return report


def called(request: InboundRequest, query: str, *, method: str = "POST") -> InboundRequest:
    """The same request to an address with a query."""
    return replace(request, method=method, query=query, url=f"{request.url}?{query}")


# ---- Sozuri -------------------------------------------------------------------------------------------

SOZURI: Sent = {
    "project": "Duka",
    "messageId": "SMSG1",
    "channel": "sms",
    "status": "success",
    "network": "safaricom",
    "type": "bulkDelivery",
    "timestamp": "1603713484",
    "authKey": "kikapu",
}


@pytest.mark.parametrize(
    ("said", "state", "code"),
    [
        ({"status": "success"}, "delivered", "success"),
        ({"status": "accepted", "statusCode": "11"}, "accepted", "11"),
        ({"status": "queued"}, "accepted", "13"),
        ({"status": "device_ack"}, "delivered", "15"),
        ({"status": "read", "statusCode": 16}, "delivered", "16"),
        ({"status": "expired"}, "expired", "17"),
        ({"status": "unsupported_number", "statusCode": "12"}, "failed", "12"),
        ({"status": "delivery_failure"}, "failed", "21"),
        ({"status": "insufficient_balance"}, "failed", "22"),
        ({"status": "failed"}, "failed", "failed"),
        ({"type": "premiumDelivery", "channel": "premium"}, "delivered", "success"),
        ({"type": "x", "direction": "outbound", "status": "delivered"}, "delivered", "delivered"),
    ],
)
def test_sozuri_reports_name_the_message_alone(said: Sent, state: ReportState, code: str) -> None:
    report = read_one("sozuri", as_json(SOZURI | said))
    assert (report.state, report.code, report.provider_id, report.number) == (state, code, "SMSG1", "")
    assert (report.own_id, report.at) == ("", SENT)


def test_a_sozuri_stop_is_a_signal_and_a_failed_message() -> None:
    signal, report = GATEWAYS["sozuri"].read(as_json(SOZURI_STOPPED))
    assert isinstance(signal, InboundSignal) and signal.number is None
    assert isinstance(report, DeliveryReport)
    assert (report.state, report.code, report.provider_id) == ("failed", "18", SOZURI_STOPPED["messageId"])


@pytest.mark.parametrize(
    "sent",
    [
        {
            "number": PERSON,
            "shortcode": "20414",
            "message": "Jambo",
            "messageId": "I1",
            "type": "received",
            "status": "success",
        },
        {"recipients": [{"messageId": "M1", "to": PERSON, "status": "accepted", "statusCode": "11"}]},
        SOZURI | {"status": "a word of next year"},
        SOZURI | {"messageId": ""},
    ],
)
def test_what_is_no_report_of_sozuri_reports_nothing(sent: Sent) -> None:
    assert read("sozuri", as_json(sent)) == []


# ---- Africa's Talking -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "state", "code"),
    [
        ({"status": "Success", "failureReason": ""}, "delivered", "101"),
        ({"status": "Sent", "failureReason": ""}, "accepted", "101"),
        ({"status": "Submitted", "failureReason": ""}, "accepted", "Submitted"),
        ({"status": "Buffered", "failureReason": ""}, "accepted", "Buffered"),
        ({"status": "Rejected", "failureReason": "InsufficientCredit"}, "failed", "405"),
        ({"status": "Failed", "failureReason": "UserInBlacklist"}, "failed", "406"),
        ({"status": "Failed", "failureReason": "DeliveryFailure"}, "failed", "DeliveryFailure"),
        ({"status": "AbsentSubscriber", "failureReason": ""}, "failed", "AbsentSubscriber"),
        ({"status": "Expired", "failureReason": ""}, "expired", "Expired"),
    ],
)
def test_africas_talking_reports_a_state_and_a_reason(said: Sent, state: ReportState, code: str) -> None:
    report = read_one("africas_talking", as_form(TALKING_REPORT | said))
    assert (report.state, report.code, report.provider_id, report.number) == (state, code, "ATXid_1", AKINYI)


def test_the_answer_to_a_send_that_is_passed_on_is_no_report() -> None:
    recipient = {"statusCode": 101, "number": AKINYI, "status": "Success", "messageId": "AT1"}
    assert read("africas_talking", as_json({"SMSMessageData": {"Recipients": [recipient]}})) == []
    assert read("africas_talking", as_form(TALKING_REPORT | {"id": "None"})) == []


# ---- Twilio -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "state"),
    [
        *(("queued", "accepted"), ("sending", "accepted"), ("sent", "accepted"), ("delivered", "delivered")),
        *(("read", "delivered"), ("undelivered", "failed"), ("failed", "failed"), ("canceled", "failed")),
    ],
)
def test_twilio_repeats_our_id_in_the_address(status: str, state: ReportState) -> None:
    form = {
        "MessageSid": "SM7",
        "MessageStatus": status,
        "To": "whatsapp:+254722000001",
        "From": "whatsapp:+254700000009",
    }
    for request in (called(as_form(form), "message=1-1-1"), called(as_form(form), "a=1&message=1-1-1&message=2")):
        report = read_one("twilio", request)
        assert (report.state, report.own_id, report.provider_id, report.number) == (state, "1-1-1", "SM7", AKINYI)


def test_twilio_reports_by_get_and_without_our_id() -> None:
    query = "message=1-1-1&MessageSid=SM7&MessageStatus=undelivered&ErrorCode=30005&To=%2B254722000001"
    report = read_one("twilio", called(arrived(b"", media_type=""), query, method="GET"))
    assert (report.own_id, report.code, report.state) == ("1-1-1", "30005", "failed")
    assert read_one("twilio", as_form({"SmsSid": "SM1", "MessageStatus": "sent", "To": AKINYI})).own_id == ""


def test_twilio_says_of_a_person_who_left_that_the_message_failed_too() -> None:
    signal, report = GATEWAYS["twilio"].read(as_form(TWILIO_STATUS))
    assert isinstance(signal, InboundSignal) and isinstance(report, DeliveryReport)
    assert (report.state, report.code) == ("failed", "21610")
    blocked = GATEWAYS["twilio"].read(as_form(TWILIO_STATUS | {"ErrorCode": "63014"}))
    assert [type(event) for event in blocked] == [InboundDoubt, DeliveryReport]


# ---- Infobip ----------------------------------------------------------------------------------------------


def infobip(**said: object) -> Sent:
    result = {
        "bulkId": "b",
        "messageId": "1-1-1",
        "to": PERSON,
        "sender": "DUKA",
        "doneAt": "2020-10-26T14:58:04.000+0300",
        "messageCount": 2,
        "price": {"pricePerMessage": 0.01, "currency": "EUR"},
        "status": {"groupId": 3, "groupName": "DELIVERED", "id": 5, "name": "DELIVERED_TO_HANDSET"},
        "error": {"groupId": 0, "groupName": "OK", "id": 0, "name": "NO_ERROR", "permanent": False},
    }
    return {"results": [result | said]}


def test_infobip_reports_by_our_own_id() -> None:
    assert read_one("infobip", as_json(infobip())) == DeliveryReport(
        state="delivered",
        provider_id="1-1-1",
        own_id="1-1-1",
        number=AKINYI,
        code="status 5",
        says="DELIVERED_TO_HANDSET",
        at=SENT,
        parts=2,
        cost="0.01 EUR",
    )


@pytest.mark.parametrize(
    ("group", "state"), [(1, "accepted"), (2, "failed"), (3, "delivered"), (4, "expired"), (5, "failed")]
)
def test_infobip_groups_its_statuses(group: int, state: ReportState) -> None:
    names = {1: "PENDING", 2: "UNDELIVERABLE", 3: "DELIVERED", 4: "EXPIRED", 5: "REJECTED"}
    for status in ({"groupId": group, "id": 99}, {"groupName": names[group]}):
        assert read_one("infobip", as_json(infobip(status=status))).state == state
    assert read("infobip", as_json(infobip(status={"groupId": 9}))) == []


def test_infobip_reports_an_error_by_its_number_and_words() -> None:
    error = {"id": 27, "name": "EC_ABSENT_SUBSCRIBER", "description": "Absent Subscriber", "permanent": False}
    report = read_one("infobip", as_json(infobip(status={"groupId": 2, "id": 9}, error=error)))
    assert (report.state, report.code, report.says) == ("failed", "EC 27", "Absent Subscriber")
    assert SENDING_GATEWAYS["infobip"].codes[report.code] == "refused"


@pytest.mark.parametrize("code", [603, 573])
def test_an_infobip_opt_out_is_a_signal_and_a_failed_message(code: int) -> None:
    events = GATEWAYS["infobip"].read(as_json(infobip(status={"groupId": 5}, error={"id": code, "name": "X"})))
    signal, report = events
    assert isinstance(signal, InboundSignal) and signal.code == str(code)
    assert isinstance(report, DeliveryReport) and report.code == f"EC {code}"
    assert SENDING_GATEWAYS["infobip"].codes[report.code] == "opt_out"


@pytest.mark.parametrize(
    "said",
    [
        {"status": {"groupId": 5, "id": 23, "name": "REJECTED_DUPLICATE_MESSAGE_ID"}},
        {"status": {"groupId": 5, "id": 8}, "error": {"id": 5492, "name": "EC_DUPLICATE"}},
    ],
)
def test_that_infobip_refused_a_repeat_says_nothing_about_the_message_itself(said: Sent) -> None:
    assert read("infobip", as_json(infobip(**said))) == []


# ---- WhatsApp ---------------------------------------------------------------------------------------------


def meta(**status: object) -> InboundRequest:
    given = {"id": "wamid.1", "recipient_id": PERSON, "timestamp": "1603713484", "biz_opaque_callback_data": "1-1-1"}
    return as_json(from_meta("messages", statuses=[given | status]))


@pytest.mark.parametrize(
    ("status", "state"),
    [
        *(("sent", "accepted"), ("delivered", "delivered"), ("read", "delivered"), ("played", "delivered")),
        ("failed", "failed"),
    ],
)
def test_whatsapp_repeats_our_id_in_each_status(status: str, state: ReportState) -> None:
    report = read_one("whatsapp", meta(status=status))
    assert (report.state, report.own_id, report.provider_id, report.number, report.at) == (
        *(state, "1-1-1", "wamid.1", AKINYI, SENT),
    )


def test_whatsapp_errors_come_in_a_status_after_an_answer_of_200() -> None:
    error = {"code": 131026, "title": "Message undeliverable", "error_data": {"details": "No WhatsApp"}}
    report = read_one("whatsapp", meta(status="failed", errors=[error]))
    assert (report.state, report.code, report.says) == ("failed", "131026", "No WhatsApp")
    stopped = GATEWAYS["whatsapp"].read(meta(status="failed", errors=[{"code": 131050, "title": "Stopped"}]))
    assert {InboundSignal, DeliveryReport} <= {type(event) for event in stopped}


def test_a_whatsapp_user_whose_number_is_withheld_is_reported_by_the_id_of_the_message() -> None:
    report = read_one("whatsapp", meta(status="delivered", recipient_id="KE.1349"))
    assert (report.number, report.own_id) == ("", "1-1-1")


# ---- our own ----------------------------------------------------------------------------------------------


def test_our_own_json_reports_in_a_list_and_alone() -> None:
    one = {
        "id": "1-1-1",
        "provider_id": "x",
        "mobile": AKINYI,
        "state": "delivered",
        "at": 1603713484,
        "part": 2,
        "parts": 3,
    }
    expected = DeliveryReport(
        state="delivered", own_id="1-1-1", provider_id="x", number=AKINYI, at=SENT, part=2, parts=3
    )
    assert read("generic", as_json({"reports": [one, one | {"state": "later"}]})) == [expected]
    assert read("generic", as_json(one | {"type": "report"})) == [expected]


@pytest.mark.parametrize(
    "request_",
    [
        called(arrived(b"", media_type=""), "id=1-1-1&status=DELIVRD", method="GET"),
        called(arrived(b"", media_type=""), "id=1-1-1&state=1", method="GET"),
        called(arrived(b"", media_type=""), "id=1-1-1&state=delivered&id=theirs", method="GET"),
        as_form({"id": "1-1-1", "status": "delivered"}),
        called(as_form({"status": "Delivered", "id": "theirs"}), "id=1-1-1"),
        called(as_json({"status": "delivered", "msgid": "theirs"}), "id=1-1-1"),
    ],
)
def test_a_provider_may_report_with_fields_of_its_own_to_an_address_with_our_id(request_: InboundRequest) -> None:
    report = read_one("generic", request_)
    assert (report.own_id, report.state) == ("1-1-1", "delivered")


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (as_form({"id": "1", "status": "perhaps"}), "accepted, delivered, failed or expired"),
        (as_form({"status": "delivered"}), "must have the id"),
        (as_json({"status": "delivered"}), "must have one of"),
        (as_json({"type": "report", "state": "failed"}), "must have the id"),
    ],
)
def test_a_report_of_our_own_that_says_too_little_is_refused(request_: InboundRequest, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        read("generic", request_)


def test_json_that_is_called_a_form_is_json_still() -> None:
    request = arrived(b'\n{"opt_outs": [{"mobile": "0722000001"}]}', media_type=FORM)
    (event,) = GATEWAYS["generic"].read(request)
    assert isinstance(event, InboundSignal)


def test_a_signature_covers_the_query_where_there_is_no_body() -> None:
    request = called(arrived(b"", media_type=""), "id=1-1-1&state=delivered", method="GET")
    signature = hmac.new(b"kikapu", request.query.encode(), hashlib.sha256).hexdigest()
    proof = Proof(secret="kikapu")
    signed = replace(request, headers={"x-daftari-signature": f"sha256={signature}"})
    GATEWAYS["generic"].verify(signed, proof=proof)
    with pytest.raises(Forged):
        GATEWAYS["generic"].verify(replace(signed, query="id=1-1-1&state=failed"), proof=proof)


def test_every_word_of_a_state_is_in_lower_case() -> None:
    assert all(word == word.lower() for word in STATES)
