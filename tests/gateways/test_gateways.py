"""What each provider sends, read into events: by example, repeated, cut short, and in shapes that no provider sends."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.errors import Forged, Malformed
from daftari.gateways import GATEWAYS, Proof
from daftari.gateways.fields import FORM_FIELDS_MAX, international, read_moment
from daftari.gateways.protocol import RECEIVED
from daftari.gateways.signals import SIGNALS
from daftari.model.consent import ANY, Scope
from daftari.model.inbound import (
    DeliveryReport,
    InboundEvent,
    InboundLink,
    InboundMessage,
    InboundRequest,
    InboundSignal,
    InboundSubscription,
    InboundUnreadable,
)
from daftari.model.limits import MESSAGE_ID_MAX, SENDER_MAX
from tests.support.gateway_samples import (
    AKINYI,
    DUKA,
    FORM,
    JSON,
    MARKETING,
    SAMPLES,
    SENT,
    SOZURI_PREMIUM,
    SOZURI_SMS,
    SOZURI_STOPPED,
    TALKING_MESSAGE,
    TALKING_OPT_OUT,
    TALKING_REPORT,
    TALKING_SUBSCRIPTION,
    TWILIO_SMS,
    TWILIO_STATUS,
    Sample,
    Sent,
    arrived,
    as_form,
    as_json,
    from_meta,
)


def read(name: str, request: InboundRequest) -> list[InboundEvent]:
    """The events but for delivery reports, which ``test_delivery_reports`` is about."""
    return [event for event in GATEWAYS[name].read(request) if not isinstance(event, DeliveryReport)]


def outcome(name: str, request: InboundRequest) -> list[InboundEvent] | None:
    """What was read, or ``None`` when it could not be; anything else that is raised fails the test."""
    try:
        return read(name, request)
    except Malformed:
        return None


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_what_a_provider_sends_is_read(sample: Sample) -> None:
    name, request, events = sample
    assert read(name, request) == events


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_what_is_sent_again_is_read_the_same(sample: Sample) -> None:
    name, request, _ = sample
    assert read(name, request) == read(name, request)


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_what_is_cut_short_is_refused_or_read_and_never_breaks_anything(sample: Sample) -> None:
    name, request, _ = sample
    for end in range(len(request.body)):
        cut = outcome(name, arrived(request.body[:end], media_type=request.media_type))
        assert cut is None or request.media_type == FORM, request.body[:end]


@pytest.mark.parametrize(
    ("name", "sent", "write"),
    [
        ("sozuri", SOZURI_SMS, as_json),
        ("sozuri", SOZURI_PREMIUM, as_json),
        ("africas_talking", TALKING_MESSAGE, as_form),
        ("africas_talking", TALKING_OPT_OUT, as_form),
        ("twilio", TWILIO_SMS, as_form),
        ("twilio", TWILIO_STATUS, as_form),
    ],
)
def test_the_case_of_names_and_unknown_members_change_nothing(
    name: str, sent: Sent, write: Callable[[Sent], InboundRequest]
) -> None:
    shouted = {member.upper(): value for member, value in sent.items()} | {"added_next_year": "1"}
    assert read(name, write(shouted)) == read(name, write(sent))


def test_a_form_may_come_as_json() -> None:
    assert read("africas_talking", as_json(TALKING_MESSAGE)) == read("africas_talking", as_form(TALKING_MESSAGE))


# ---- nothing to report ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("sozuri", as_json({"messages": []})),
        ("sozuri", as_json({"recipients": []})),
        ("sozuri", as_json({**SOZURI_STOPPED, "status": "success", "statusCode": "11"})),
        ("sozuri", as_json({**SOZURI_SMS, "message": " "})),
        ("sozuri", as_json({"messageId": "1", "channel": "premium", "type": "premiumDelivery", "status": "success"})),
        ("sozuri", as_json({"to": "254722000001", "channel": "premium", "type": "subscription", "status": "accepted"})),
        ("sozuri", as_json({**SOZURI_SMS, "direction": "outbound", "channel": "whatsapp", "status": "delivered"})),
        ("sozuri", as_json({"message": "STOP", "number": "254722000001", "from": "DUKA", "type": "bulkDelivery"})),
        ("africas_talking", as_form({**TALKING_REPORT, "failureReason": "InsufficientCredit"})),
        ("africas_talking", as_form({**TALKING_MESSAGE, "text": ""})),
        ("twilio", as_form({**TWILIO_STATUS, "ErrorCode": "30003"})),
        ("twilio", as_form({"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+254722000001"})),
        ("twilio", as_form({"MessageSid": "MM1", "NumMedia": "1", "From": "+254722000001", "Body": ""})),
        ("infobip", as_json({"results": []})),
        ("infobip", as_json({"results": [{"from": "254722000001", "message": {"type": "IMAGE", "url": "x"}}]})),
        ("whatsapp", as_json({"entry": []})),
        ("whatsapp", as_json({"entry": [{"id": "1", "changes": []}]})),
        ("whatsapp", as_json(from_meta("smb_message_echoes", messages=[{"to": "254722000001"}]))),
        ("generic", as_json({"messages": []})),
    ],
)
def test_what_is_about_no_consent_is_no_event(name: str, request_: InboundRequest) -> None:
    assert read(name, request_) == []


@pytest.mark.parametrize(
    ("name", "request_", "said"),
    [
        ("sozuri", as_json({**SOZURI_SMS, "number": " "}), "number is missing"),
        ("sozuri", as_json({"messages": [{"text": {"body": "STOP"}}]}), r"messages\[0\]\.from is missing"),
        ("sozuri", as_json({**SOZURI_PREMIUM, "number": None}), "number is missing"),
        ("sozuri", as_json({"hello": 1}), "neither a message nor"),
        ("africas_talking", as_form({"text": "STOP", "to": "22384"}), "from is missing"),
        ("africas_talking", as_form({**TALKING_OPT_OUT, "phoneNumber": ""}), "phoneNumber is missing"),
        ("africas_talking", as_form({**TALKING_SUBSCRIPTION, "updateType": "pause"}), "addition or deletion"),
        ("africas_talking", as_form({"hello": 1}), "neither a message"),
        ("twilio", as_form({"Body": "STOP"}), "From is missing"),
        ("twilio", as_form({"Body": "STOP", "From": "whatsapp:"}), "From must be a number"),
        ("twilio", as_form({"hello": 1}), "neither a message"),
        ("infobip", as_json({"results": [{"text": "STOP", "from": ""}]}), r"results\[0\]\.from is missing"),
        ("infobip", as_json({}), "results is missing"),
        ("infobip", as_json({"results": {}}), "results must be a list"),
        ("whatsapp", as_json({}), "entry is missing"),
        ("whatsapp", as_json({"entry": [1]}), r"entry\[0\] must be a JSON object"),
        ("whatsapp", as_json(from_meta("messages", messages=[{"text": {"body": "STOP"}}])), "from is missing"),
        ("generic", as_json({}), "must have one of messages, opt_outs, opt_ins, subscriptions"),
        ("generic", as_json({"type": "message", "from": "0722000001"}), "text is missing"),
        ("generic", as_json({"type": "message", "text": "STOP"}), "from is missing"),
        ("generic", as_json({"type": "message", "from": "1", "text": "STOP", "channel": "fax"}), "channel must be"),
        ("generic", as_json({"type": "opt_out", "mobile": "1", "channel": "fax"}), "channel must be"),
        ("generic", as_json({"type": "opt_out", "mobile": "1", "purpose": "fun"}), "purpose must be"),
        ("generic", as_json({"type": "opt_out"}), "mobile is missing"),
        ("generic", as_json({"type": "opt_out", "mobile": "1", "provider": "sozuri", "code": "11"}), "code must be"),
        ("generic", as_json({"type": "subscription", "mobile": "1"}), "active must be"),
        ("generic", as_json([]), "The body must be a JSON object"),
        ("generic", arrived(b"[" * 60_000, media_type=JSON), "not JSON"),
        ("generic", arrived(b'{"type": "\xff"}', media_type=JSON), "not JSON"),
        ("twilio", arrived(b"Body=%ff", media_type=FORM), "not a form"),
        ("twilio", arrived(b"&".join([b"a=1"] * (FORM_FIELDS_MAX + 1)), media_type=FORM), "not a form"),
        ("generic", as_json({"type": "opt_out", "mobile": "1", "sender": "x" * (SENDER_MAX + 1)}), "at most 64"),
        ("generic", as_json({"type": "opt_out", "mobile": "1", "id": "x" * (MESSAGE_ID_MAX + 1)}), "at most 200"),
    ],
)
def test_what_cannot_be_read_is_said_in_words(name: str, request_: InboundRequest, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        read(name, request_)


# ---- the shapes of single providers -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "active"),
    [
        ({"channel": "premium", "type": "deactivation"}, False),
        ({"channel": "premium", "type": "subscription", "status": "inactive"}, False),
        ({"channel": "premium", "type": "subscription", "updateType": "Addition"}, True),
        ({"channel": "sms", "type": "premiumSubscription", "status": "SUBSCRIBED"}, True),
        ({"channel": "sms", "type": "x", "event": "unsubscribe", "status": "active"}, None),
        ({"channel": "premium", "event": "unsubscribe", "status": "active", "type": "x"}, False),
    ],
)
def test_sozuri_says_in_several_words_whether_a_subscription_is_active(changed: Sent, active: bool | None) -> None:
    events = read("sozuri", as_json(SOZURI_PREMIUM | changed))
    assert [event.active for event in events if isinstance(event, InboundSubscription)] == (
        [] if active is None else [active]
    )


@pytest.mark.parametrize(("channel", "meant"), [("sms", "sms"), ("premium", "premium_sms"), ("WhatsApp", "whatsapp")])
def test_sozuri_names_the_channel_of_a_message(channel: str, meant: str) -> None:
    (event,) = read("sozuri", as_json({**SOZURI_SMS, "channel": channel}))
    assert isinstance(event, InboundMessage)
    assert event.channel == meant


@pytest.mark.parametrize("said", [{"status": 18}, {"code": "18"}, {"statusCode": 18}, {"status": "Stopped_By_User"}])
def test_sozuri_reports_a_stop_in_several_places(said: Sent) -> None:
    events = read("sozuri", as_json({"messageId": "MSG1", "to": "254722000001", "from": "DUKA"} | said))
    assert events == [InboundSignal(AKINYI, "opt_out", DUKA, "18", "MSG1", None)]


@pytest.mark.parametrize("said", [{"status": "406"}, {"statusCode": "406"}, {"status": "UserInBlackList"}])
def test_africas_talking_reports_a_blacklist_in_several_places(said: Sent) -> None:
    events = read("africas_talking", as_form({"id": "1", "phoneNumber": "254722000001", "from": "DUKA"} | said))
    assert events == [InboundSignal(AKINYI, "opt_out", DUKA, "406", "1", None)]


def test_a_plus_that_was_not_encoded_comes_back() -> None:
    (event,) = read("africas_talking", arrived(b"from=+254722000001&text=STOP&to=22384&id=1", media_type=FORM))
    assert event.number == AKINYI


@pytest.mark.parametrize(("said", "means"), [("START", "opt_in"), ("help", "help"), ("OTHER", None)])
def test_twilio_says_what_it_took_a_message_for(said: str, means: str | None) -> None:
    (event,) = read("twilio", as_form({**TWILIO_SMS, "OptOutType": said}))
    assert isinstance(event, InboundMessage)
    assert event.means == means


def test_a_number_that_left_a_twilio_sender_on_whatsapp_left_it_there() -> None:
    sent = {**TWILIO_STATUS, "From": "whatsapp:+254700000009", "To": "whatsapp:+254722000001"}
    (event,) = read("twilio", as_form(sent))
    assert isinstance(event, InboundSignal)
    assert event.scope == Scope(channel="whatsapp", sender="+254700000009")
    assert event.number == AKINYI


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ({"cleanText": "", "keyword": "STOP"}, "STOP"),
        ({"cleanText": "MICHEZO", "keyword": "STOP"}, "STOP MICHEZO"),
        ({"message": {"type": "INTERACTIVE_BUTTON_REPLY", "title": "Toka"}}, "Toka"),
        ({"content": [{"type": "TEXT", "text": "Toka"}]}, "Toka"),
    ],
)
def test_infobip_has_several_places_for_a_text(result: Sent, text: str) -> None:
    (event,) = read("infobip", as_json({"results": [{"sender": "254722000001", "destination": "20414"} | result]}))
    assert event == InboundMessage(AKINYI, "sms", "20414", text, None, None)


def test_a_whatsapp_business_without_a_number_is_named_by_its_id() -> None:
    sent = from_meta("messages", metadata={"phone_number_id": 1065}, messages=[{"from": "1", "text": {"body": "Hi"}}])
    (event,) = read("whatsapp", as_json(sent))
    assert isinstance(event, InboundMessage)
    assert event.sender == "1065"


def test_a_single_event_of_our_own_needs_no_list() -> None:
    sent = {"type": "opt_out", "mobile": "0722000001", "provider": "whatsapp", "code": "131050", "sender": "Duka"}
    scope = Scope(channel="whatsapp", sender="Duka", purpose="marketing")
    assert read("generic", as_json(sent)) == [InboundSignal("0722000001", "opt_out", scope, "131050", None, None)]


# ---- what all of them share -------------------------------------------------------------------------


def test_every_gateway_is_found_by_its_name_and_describes_itself() -> None:
    described = {
        name: (one.name, one.title, one.secret_name, one.secret_required, one.has_check)
        for name, one in GATEWAYS.items()
    }
    assert described == {
        "sozuri": ("sozuri", "Sozuri", "Auth Key", True, False),
        "africas_talking": ("africas_talking", "Africa's Talking", None, False, False),
        "twilio": ("twilio", "Twilio", "Auth Token", True, False),
        "infobip": ("infobip", "Infobip", "user:password", False, False),
        "whatsapp": ("whatsapp", "WhatsApp", "App Secret", True, True),
        "generic": ("generic", "Generic JSON", "HMAC secret", False, False),
    }
    assert {name: one.reply for name, one in GATEWAYS.items() if one.reply != RECEIVED} == {
        "twilio": ("text/xml", b"<Response/>")
    }
    assert {name: one.proof_headers for name, one in GATEWAYS.items() if one.proof_headers} == {
        "sozuri": ("authorization", "authkey", "x-auth-key", "x-sozuri-signature"),
        "twilio": ("x-twilio-signature",),
        "infobip": ("authorization",),
        "whatsapp": ("x-hub-signature-256",),
        "generic": ("x-daftari-signature",),
    }


@pytest.mark.parametrize(
    ("provider", "code", "sender", "scope"),
    [
        ("africas_talking", "406", "DUKA", DUKA),
        ("africas_talking", "optout", "DUKA", DUKA),
        ("infobip", "603", "DUKA", DUKA),
        ("infobip", "7033", "254700000009", MARKETING),
        ("sozuri", "18", "DUKA", DUKA),
        ("sozuri", "18", "", Scope(channel="sms", sender=ANY)),
        ("sozuri", "19", "DUKA", Scope(channel="sms", sender=ANY)),
        ("twilio", "21610", "DUKA", DUKA),
        ("whatsapp", "131050", "254700000009", MARKETING),
        ("whatsapp", "user_preferences", "254700000009", MARKETING),
    ],
)
def test_every_code_about_consent_has_its_scope(provider: str, code: str, sender: str, scope: Scope) -> None:
    assert SIGNALS[provider, code](sender) == scope
    assert {provider for provider, _ in SIGNALS} <= set(GATEWAYS)


@pytest.mark.parametrize(
    ("written", "number"),
    [("254722000001", AKINYI), (AKINYI, AKINYI), ("0722000001", "0722000001"), ("", ""), ("DUKA", "DUKA")],
)
def test_only_what_is_surely_international_gets_a_plus(written: str, number: str) -> None:
    assert international(written) == number


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("1603713484", SENT),
        (" 1603713484 ", SENT),
        (1603713484, SENT),
        (1603713484.25, SENT + 250_000),
        ("2020-10-26T11:58:04Z", SENT),
        ("2020-10-26T14:58:04.000+0300", SENT),
        ("2020-10-26T14:58:04+03:00", SENT),
        ("2020-10-26 14:58:04", None),
        ("2020-10-26", None),
        ("1999-12-31T23:59:59Z", None),
        ("9999-12-31T23:59:59-23:59", None),
        ("0001-01-01T00:00:00+23:59", None),
        (0, None),
        (-1, None),
        (1603713484000, None),
        (1e300, None),
        (True, None),
        (None, None),
        ([], None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_time_counts_only_when_it_is_plausible_and_has_a_zone(written: object, at: int | None) -> None:
    assert read_moment(written) == at


# ---- what no one sends ------------------------------------------------------------------------------

NAMES = sorted(
    {"entry", "changes", "field", "value", "metadata", "statuses", "errors", "content", "type", "keyword", "active"}
    | {"messages", "recipients", "results", "opt_outs", "opt_ins", "subscriptions", "mobile", "provider", "code"}
    | {"from", "to", "text", "message", "number", "status", "updateType", "channel", "timestamp", "user_preferences"}
    | {"Body", "From", "ErrorCode", "senderId", "phoneNumber", "wa_id", "interactive", "list_reply", "at", "event"}
    | {"edit", "image", "caption", "button", "payload", "error", "status", "Recipients", "SMSMessageData", "body"}
    | {"from_user_id", "user_id", "contacts", "recipient_user_id", "caption", "content", "sender", "messageId"}
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.sampled_from(
        ["18", "sozuri", "stop", "premium", "active", "406", "21610", "opt_out", "message", "254722000001"]
    ),
)
MEMBERS = st.one_of(st.sampled_from(NAMES), st.text(max_size=5))
SHAPES = st.recursive(
    VALUES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(MEMBERS, inner, max_size=6)),
    max_leaves=25,
)


def assert_fit_to_keep(events: list[InboundEvent] | None) -> None:
    for event in events or []:
        assert "\0" not in repr(event)
        assert repr(event).encode()
        if isinstance(event, InboundMessage):
            assert event.number or event.user_id
        if isinstance(event, InboundLink):
            assert event.number
            assert event.user_id


@given(shape=SHAPES)
def test_json_of_any_shape_is_read_or_refused(shape: object) -> None:
    for name in GATEWAYS:
        assert_fit_to_keep(outcome(name, as_json(shape)))


@given(members=st.dictionaries(MEMBERS, VALUES.map(str), max_size=8))
def test_a_form_of_any_shape_is_read_or_refused(members: Sent) -> None:
    for name in GATEWAYS:
        assert_fit_to_keep(outcome(name, as_form(members)))


@given(body=st.binary(), media_type=st.sampled_from([FORM, JSON, "", "text/plain"]))
def test_bytes_of_any_kind_are_read_or_refused_and_prove_nothing(body: bytes, media_type: str) -> None:
    request = arrived(body, media_type=media_type)
    for name, gateway in GATEWAYS.items():
        assert_fit_to_keep(outcome(name, request))
        if gateway.secret_name:
            with pytest.raises(Forged):
                gateway.verify(request, proof=Proof(secret="a secret that no one guesses"))


def test_a_text_with_half_of_a_surrogate_pair_is_refused() -> None:
    body = b'{"type": "message", "from": "0722000001", "text": "\\ud83d STOP"}'
    assert outcome("generic", arrived(body, media_type=JSON)) is None


def test_a_text_loses_its_nul_characters() -> None:
    (event,) = read("generic", as_json({"type": "message", "from": "0722000001", "text": "ST\0OP"}))
    assert isinstance(event, InboundMessage)
    assert event.text == "STOP"


@pytest.mark.parametrize("broken", [1, {"text": "no number"}], ids=["no object", "no number"])
def test_an_item_that_cannot_be_read_hides_no_stop_next_to_it(broken: object) -> None:
    stop = {"from": "+254722000001", "to": "20880", "text": "STOP", "id": "1"}
    found = GATEWAYS["generic"].read(as_json({"messages": [broken, stop]}))
    assert [type(event) for event in found] == [InboundUnreadable, InboundMessage]
    assert isinstance(found[0], InboundUnreadable)
    assert found[0].said == msgspec.json.encode(broken).decode()
