"""Shapes of single providers: captions, edits, buttons, codes, other names. What each becomes is decided elsewhere."""

from __future__ import annotations

import pytest

from daftari.gateways import GATEWAYS
from daftari.gateways.signals import SIGNALS
from daftari.model.consent import Scope
from daftari.model.inbound import (
    DeliveryReport,
    InboundDoubt,
    InboundEvent,
    InboundMessage,
    InboundRequest,
    InboundSignal,
)
from tests.support.gateway_samples import (
    AKINYI,
    DUKA,
    MARKETING,
    SENT,
    SOZURI_SMS,
    TWILIO_SMS,
    TWILIO_STATUS,
    Sent,
    as_form,
    as_json,
    from_meta,
)

PERSON = "254722000001"


def read(name: str, request: InboundRequest) -> list[InboundEvent]:
    """The events but for delivery reports, which ``test_delivery_reports`` is about."""
    return [event for event in GATEWAYS[name].read(request) if not isinstance(event, DeliveryReport)]


def read_message(name: str, request: InboundRequest) -> InboundMessage:
    (event,) = read(name, request)
    assert isinstance(event, InboundMessage)
    return event


def read_doubt(name: str, request: InboundRequest) -> InboundDoubt:
    (event,) = read(name, request)
    assert isinstance(event, InboundDoubt)
    return event


def meta(message: Sent) -> InboundRequest:
    return as_json(from_meta("messages", messages=[{"from": PERSON, "id": "wamid.9"} | message]))


def sozuri_whatsapp(message: Sent) -> InboundRequest:
    sent = {"channel": "whatsapp", "to": "254700000009", "messages": [{"from": PERSON, "message_id": "w"} | message]}
    return as_json(sent)


# ---- what stands under a picture ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["image", "video", "document"])
def test_a_caption_is_what_the_person_wrote(kind: str) -> None:
    message: Sent = {"type": kind, kind: {"id": "1", "mime_type": "x", "caption": "STOP"}}
    assert read_message("whatsapp", meta(message)).text == "STOP"
    assert read_message("sozuri", sozuri_whatsapp(message)).text == "STOP"


@pytest.mark.parametrize(
    "result",
    [
        {"message": {"type": "IMAGE", "url": "x", "caption": "STOP"}},
        {"content": [{"type": "IMAGE", "url": "x", "caption": "STOP"}]},
    ],
)
def test_infobip_has_captions_too(result: Sent) -> None:
    sent = {"results": [{"from": PERSON, "to": "20414", "integrationType": "WHATSAPP"} | result]}
    event = read_message("infobip", as_json(sent))
    assert (event.text, event.channel) == ("STOP", "whatsapp")


# ---- edits and buttons --------------------------------------------------------------------------------


@pytest.mark.parametrize("inner", [{"type": "text", "text": {"body": "STOP"}}, {"image": {"caption": "STOP"}}])
def test_an_edit_says_what_the_message_was_changed_into(inner: Sent) -> None:
    message: Sent = {"type": "edit", "edit": {"original_message_id": "wamid.1", "message": inner}}
    for event in (read_message("whatsapp", meta(message)), read_message("sozuri", sozuri_whatsapp(message))):
        assert (event.text, event.is_edit) == ("STOP", True)


@pytest.mark.parametrize(
    "message",
    [
        {"button": {"text": "Katiza", "payload": "STOP"}},
        {"interactive": {"button_reply": {"id": "STOP", "title": "Katiza"}}},
        {"interactive": {"list_reply": {"id": "STOP", "title": "Katiza"}}},
    ],
)
def test_a_button_says_its_title_and_what_it_stands_for(message: Sent) -> None:
    for event in (read_message("whatsapp", meta(message)), read_message("sozuri", sozuri_whatsapp(message))):
        assert (event.text, event.payload) == ("Katiza", "STOP")


def test_twilio_and_infobip_have_payloads_of_buttons_too() -> None:
    sent = {"From": "whatsapp:+254722000001", "Body": "Katiza", "ButtonText": "Katiza", "ButtonPayload": "STOP"}
    assert read_message("twilio", as_form(sent)).payload == "STOP"
    pressed = {"from": PERSON, "message": {"type": "BUTTON", "text": "Katiza", "payload": "STOP"}}
    assert read_message("infobip", as_json({"results": [pressed]})).payload == "STOP"


# ---- Twilio -------------------------------------------------------------------------------------------


def test_rcs_shares_its_opt_outs_with_sms() -> None:
    sent = {**TWILIO_SMS, "From": "rcs:+254722000001", "To": "rcs:duka_agent"}
    event = read_message("twilio", as_form(sent))
    assert (event.number, event.channel, event.sender) == (AKINYI, "sms", "duka_agent")
    status = {**TWILIO_STATUS, "From": "rcs:duka_agent", "To": "rcs:+254722000001"}
    scope = Scope(channel="sms", sender="duka_agent")
    assert read("twilio", as_form(status)) == [InboundSignal(AKINYI, "opt_out", scope, "21610", "SM7", None)]


def test_a_person_who_blocked_the_sender_is_a_doubt() -> None:
    sent = {**TWILIO_STATUS, "ErrorCode": "63014", "From": "whatsapp:+254700000009", "To": "whatsapp:+254722000001"}
    doubt = read_doubt("twilio", as_form(sent))
    assert (doubt.number, doubt.channel, doubt.sender) == (AKINYI, "whatsapp", "+254700000009")
    assert "63014" in doubt.why


# ---- WhatsApp -----------------------------------------------------------------------------------------


def test_a_sign_up_is_an_opt_in_to_marketing() -> None:
    preference = {"wa_id": PERSON, "category": "marketing_messages", "value": "signup", "signup_id": "s1"}
    event = InboundSignal(AKINYI, "opt_in", MARKETING, "user_preferences", "s1", None)
    assert read("whatsapp", as_json(from_meta("user_preferences", user_preferences=[preference]))) == [event]


@pytest.mark.parametrize("value", ["pause", "", None, 7])
def test_a_preference_that_is_not_known_is_a_doubt(value: object) -> None:
    preference = {"wa_id": PERSON, "category": "marketing_messages", "value": value, "timestamp": 1603713484}
    doubt = read_doubt("whatsapp", as_json(from_meta("user_preferences", user_preferences=[preference])))
    assert (doubt.number, doubt.channel, doubt.sender, doubt.at) == (AKINYI, "whatsapp", "254700000009", SENT)
    assert "unknown value" in doubt.why


# ---- Infobip ------------------------------------------------------------------------------------------


def report(**members: object) -> InboundRequest:
    sent = {"messageId": "M1", "to": PERSON, "from": "DUKA", "doneAt": "2020-10-26T11:58:04Z"} | members
    return as_json({"results": [sent]})


@pytest.mark.parametrize("error", [{"id": 603}, {"id": "603"}, {"name": "EC_CONTENT_BLOCKED"}])
def test_infobip_reports_an_answered_stop(error: Sent) -> None:
    assert read("infobip", report(error=error)) == [InboundSignal(AKINYI, "opt_out", DUKA, "603", "M1", SENT)]


@pytest.mark.parametrize("error", [{"id": 7033}, {"name": "EC_MARKETING_OPT_OUT"}])
def test_infobip_reports_a_marketing_stop(error: Sent) -> None:
    scope = Scope(channel="whatsapp", sender="DUKA", purpose="marketing")
    assert read("infobip", report(error=error)) == [InboundSignal(AKINYI, "opt_out", scope, "7033", "M1", SENT)]


@pytest.mark.parametrize(
    "members",
    [
        {"error": {"id": 2052, "name": "EC_BLACKLISTED_DESTINATIONADDRESS"}},
        {"error": {"name": "EC_BLACKLISTED_DESTINATIONADDRESS"}},
        {"status": {"id": 14}, "error": {"id": 0}},
        {"status": {"name": "REJECTED_DESTINATION_BLOCKLISTED"}},
    ],
)
def test_a_number_on_infobips_block_list_is_a_doubt(members: Sent) -> None:
    doubt = read_doubt("infobip", report(**members))
    assert (doubt.number, doubt.channel, doubt.sender, doubt.message_id) == (AKINYI, "sms", "DUKA", "M1")
    assert "blocks the number" in doubt.why


@pytest.mark.parametrize("members", [{"status": {"id": 5}, "error": {"id": 0}}, {"status": "x"}, {"error": {"id": 1}}])
def test_other_reports_of_infobip_are_about_no_consent(members: Sent) -> None:
    assert read("infobip", report(**members)) == []


def test_the_codes_of_infobip_may_be_passed_on() -> None:
    assert {code for provider, code in SIGNALS if provider == "infobip"} == {"573", "603", "7033"}


# ---- Africa's Talking ---------------------------------------------------------------------------------

ANSWER: Sent = {
    "SMSMessageData": {
        "Message": "Sent to 1/3 Total Cost: KES 0.8000",
        "Recipients": [
            {"statusCode": 101, "number": "+254733000002", "status": "Success", "cost": "KES 0.8", "messageId": "AT1"},
            {"statusCode": 406, "number": "+254722000001", "status": "UserInBlacklist", "messageId": "None"},
            "no object",
        ],
    }
}


@pytest.mark.parametrize(("more", "sender"), [({"from": "DUKA"}, "DUKA"), ({"senderId": "DUKA"}, "DUKA"), ({}, "*")])
def test_what_africas_talking_answers_to_a_send_is_read(more: Sent, sender: str) -> None:
    stopped, unreadable = read("africas_talking", as_json(ANSWER | more))
    scope = Scope(channel="sms", sender=sender)
    assert stopped == InboundSignal(AKINYI, "opt_out", scope, "406", None, None)
    assert type(unreadable).__name__ == "InboundUnreadable"


# ---- Sozuri -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["text", "content", "body"])
@pytest.mark.parametrize("person", ["number", "sender", "from", "phoneNumber", "msisdn", "mobile"])
def test_a_text_of_sozuri_by_another_name_is_a_message(name: str, person: str) -> None:
    event = read_message("sozuri", as_json({person: PERSON, "shortcode": "20414", name: "STOP", "messageId": "I1"}))
    assert event == InboundMessage(AKINYI, "sms", "20414", "STOP", "I1", None)
    event = read_message("sozuri", as_json({person: PERSON, "to": "20414", name: {"body": "STOP"}, "messageId": "I1"}))
    assert (event.text, event.sender) == ("STOP", "20414")


def test_the_sender_of_sozuri_is_the_person_only_where_no_other_member_is() -> None:
    event = read_message("sozuri", as_json({"number": PERSON, "sender": "DUKA", "from": "DUKA", "text": "STOP"}))
    assert (event.number, event.sender) == (AKINYI, "DUKA")
    event = read_message("sozuri", as_json({"from": "DUKA", "sender": PERSON, "text": "STOP"}))
    assert event.number == AKINYI


@pytest.mark.parametrize("members", [{"msg": "STOP"}, {"text": {"foo": "STOP"}}, {"data": ["STOP"]}])
def test_a_call_of_sozuri_in_no_known_form_is_a_doubt_and_shows_no_key(members: Sent) -> None:
    doubt = read_doubt("sozuri", as_json({"messageId": "X1", "sender": PERSON, "authKey": "kikapu"} | members))
    assert (doubt.number, doubt.message_id) == (AKINYI, "X1")
    assert "STOP" in doubt.text
    assert "kikapu" not in doubt.text


@pytest.mark.parametrize(
    "members", [{"status": "delivered"}, {"statusCode": "1"}, {"type": "bulkDelivery", "text": "Our offer; STOP*456#"}]
)
def test_a_report_of_sozuri_is_no_message(members: Sent) -> None:
    assert read("sozuri", as_json({"messageId": "X1", "number": PERSON} | members)) == []


def test_a_blank_text_of_sozuri_is_no_event() -> None:
    for name in ("message", "text"):
        sent = {key: value for key, value in SOZURI_SMS.items() if key != "message"} | {name: " "}
        assert read("sozuri", as_json(sent)) == []
