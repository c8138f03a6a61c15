"""What each provider is sent, as its documentation and its clients show it."""

from __future__ import annotations

import base64
import json
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.gateways import GATEWAYS, SENDING_GATEWAYS
from daftari.gateways.accounts import find_account_mistakes
from daftari.gateways.calls import group_messages
from daftari.gateways.protocol import LogLine, SendingAccount
from daftari.outbound.exchange import OutboundRequest
from tests.support.sending import AKINYI, OTIENO, REPORTS, SECRET, SETTINGS, WANJIRU, account, composed, message

Request = OutboundRequest
TEMPLATE = {"text": "", "template": "karibu", "language": "sw", "params": ("Akinyi", "20 Nov")}


def body_of(request: Request) -> dict[str, object]:
    found: dict[str, object] = json.loads(request.body)
    return found


def form_of(request: Request) -> dict[str, str]:
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


# ---- Sozuri -----------------------------------------------------------------------------------------


def test_sozuri_gets_one_text_for_many_numbers() -> None:
    request = composed("sozuri", message(), message(WANJIRU, 2), settings={"campaign": "Novemba"})
    assert (request.method, request.url) == ("POST", "https://sozuri.net/api/v1/messaging")
    assert request.headers["Authorization"] == f"Bearer {SECRET}"
    assert body_of(request) == {
        "project": "Duka",
        "from": "DUKA",
        "to": "254722000001,254733000002",
        "message": "Habari & karibu",
        "channel": "sms",
        "type": "promotional",
        "campaign": "Novemba",
    }


def test_sozuri_sends_by_the_route_of_the_purpose() -> None:
    assert body_of(composed("sozuri", message(), purpose="transactional"))["type"] == "transactional"


def test_sozuri_premium_on_demand_answers_a_request_and_a_subscription_does_not() -> None:
    premium = {"channel": "premium_sms", "name": "84320", "keyword": "PESA"}
    asked = composed("sozuri", message(link_id="LNK1"), **premium)
    assert asked.url == "https://sozuri.net/api/v1/premium"
    assert body_of(asked) == {
        "project": "Duka",
        "from": "84320",
        "to": "254722000001",
        "channel": "premium",
        "type": "ondemand",
        "keyword": "PESA",
        "linkId": "LNK1",
        "message": "Habari & karibu",
    }
    subscribed = body_of(composed("sozuri", message(), **premium))
    assert (subscribed["type"], subscribed["number"], "to" in subscribed) == ("subscription", "254722000001", False)


def test_sozuri_whatsapp_has_a_typed_object() -> None:
    text = body_of(composed("sozuri", message(), channel="whatsapp"))
    assert (text["type"], text["text"], text["recipient_type"]) == ("text", {"body": "Habari & karibu"}, "individual")
    template = body_of(composed("sozuri", message(**TEMPLATE), channel="whatsapp"))
    assert (template["type"], template["template"]) == ("template", CLOUD_TEMPLATE)


# ---- Africa's Talking -------------------------------------------------------------------------------


def test_africas_talking_gets_a_list_at_its_newer_endpoint() -> None:
    request = composed("africas_talking", message(), message(WANJIRU, 2))
    assert request.url == "https://api.africastalking.com/version1/messaging/bulk"
    assert (request.headers["apiKey"], request.headers["Accept"]) == (SECRET, "application/json")
    assert body_of(request) == {
        "username": "duka",
        "message": "Habari & karibu",
        "senderId": "DUKA",
        "phoneNumbers": ["+254722000001", "+254733000002"],
    }


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({"endpoint": "messaging"}, "https://api.africastalking.com/version1/messaging"),
        ({"username": "sandbox"}, "https://api.sandbox.africastalking.com/version1/messaging"),
        ({"username": "sandbox", "endpoint": "bulk"}, "https://api.sandbox.africastalking.com/version1/messaging"),
    ],
)
def test_africas_talking_gets_a_form_at_its_older_endpoint(settings: dict[str, str], url: str) -> None:
    request = composed("africas_talking", message(), message(WANJIRU, 2), settings=settings)
    assert request.url == url
    assert form_of(request) == {
        "username": settings.get("username", "duka"),
        "to": "+254722000001,+254733000002",
        "from": "DUKA",
        "message": "Habari & karibu",
        "bulkSMSMode": "1",
    }


def test_africas_talking_premium_goes_to_its_content_host() -> None:
    premium = {"channel": "premium_sms", "name": "22384", "keyword": "PESA"}
    request = composed("africas_talking", message(link_id="L1", valid_seconds=7_300), **premium)
    assert request.url == "https://content.africastalking.com/version1/messaging"
    assert form_of(request) == {
        "username": "duka",
        "to": "+254722000001",
        "from": "22384",
        "message": "Habari & karibu",
        "bulkSMSMode": "0",
        "keyword": "PESA",
        "linkId": "L1",
        "retryDurationInHours": "2",
    }
    assert "linkId" not in form_of(composed("africas_talking", message(), **premium))


# ---- Twilio -----------------------------------------------------------------------------------------


def test_twilio_gets_one_message_and_our_id_in_the_address_of_its_reports() -> None:
    request = composed("twilio", message(valid_seconds=90_000), name="254700000009")
    assert request.url == "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json"
    assert base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode() == f"AC1:{SECRET}"
    assert form_of(request) == {
        "To": "+254722000001",
        "From": "+254700000009",
        "Body": "Habari & karibu",
        "SmartEncoded": "false",
        "ValidityPeriod": "36000",
        "StatusCallback": f"{REPORTS}?message=1-1-1",
    }


@pytest.mark.parametrize(
    ("name", "written"), [("+254700000009", "+254700000009"), ("20414", "20414"), ("DUKA", "DUKA")]
)
def test_twilio_sends_from_a_number_a_short_code_or_a_name(name: str, written: str) -> None:
    assert form_of(composed("twilio", message(), name=name))["From"] == written


def test_twilio_may_choose_the_number_by_a_service_and_be_called_with_an_api_key() -> None:
    settings = {"messaging_service_sid": "MG1", "api_key_sid": "SK1"}
    request = composed("twilio", message(), settings=settings, reports_url=f"{REPORTS}?a=1")
    form = form_of(request)
    assert (form["MessagingServiceSid"], "From" in form) == ("MG1", False)
    assert form["StatusCallback"] == f"{REPORTS}?a=1&message=1-1-1"
    assert base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode() == f"SK1:{SECRET}"


def test_twilio_whatsapp_has_prefixes_and_numbered_variables() -> None:
    form = form_of(composed("twilio", message(**TEMPLATE | {"template": "HX1"}), channel="whatsapp", reports_url=""))
    assert (form["To"], form["From"]) == ("whatsapp:+254722000001", "whatsapp:+254700000009")
    assert (form["ContentSid"], json.loads(form["ContentVariables"])) == ("HX1", {"1": "Akinyi", "2": "20 Nov"})
    assert not {"Body", "StatusCallback", "SmartEncoded"} & form.keys()


# ---- Infobip ----------------------------------------------------------------------------------------


def test_infobip_gets_a_text_and_our_id_for_each_person() -> None:
    request = composed("infobip", message(valid_seconds=3_600), message(WANJIRU, 2, text="Jambo"))
    assert request.url == "https://x1.api.infobip.com/sms/3/messages"
    assert request.headers["Authorization"] == f"App {SECRET}"
    assert body_of(request)["messages"] == [
        {
            "sender": "DUKA",
            "destinations": [{"to": "254722000001", "messageId": "1-1-1"}],
            "content": {"text": "Habari & karibu"},
            "options": {"validityPeriod": {"amount": 3_600, "timeUnit": "SECONDS"}},
            "webhooks": {
                "delivery": {"url": REPORTS},
                "contentType": "application/json",
                "callbackData": "1-1-1",
            },
        },
        {
            "sender": "DUKA",
            "destinations": [{"to": "254733000002", "messageId": "1-2-1"}],
            "content": {"text": "Jambo"},
            "webhooks": {
                "delivery": {"url": REPORTS},
                "contentType": "application/json",
                "callbackData": "1-2-1",
            },
        },
    ]


def test_infobip_whatsapp_gets_a_template_with_placeholders() -> None:
    request = composed("infobip", message(**TEMPLATE), channel="whatsapp")
    assert request.url == "https://x1.api.infobip.com/whatsapp/1/message/template"
    assert body_of(request)["messages"] == [
        {
            "from": "254700000009",
            "to": "254722000001",
            "messageId": "1-1-1",
            "content": {
                "templateName": "karibu",
                "language": "sw",
                "templateData": {"body": {"placeholders": ["Akinyi", "20 Nov"]}},
            },
            "callbackData": "1-1-1",
            "notifyUrl": REPORTS,
        }
    ]


# ---- WhatsApp ---------------------------------------------------------------------------------------

CLOUD_TEMPLATE = {
    "name": "karibu",
    "language": {"code": "sw"},
    "components": [
        {"type": "body", "parameters": [{"type": "text", "text": "Akinyi"}, {"type": "text", "text": "20 Nov"}]}
    ],
}


def test_whatsapp_gets_a_template_and_our_id_to_repeat() -> None:
    request = composed("whatsapp", message(**TEMPLATE), channel="whatsapp")
    assert request.url == "https://graph.facebook.com/v25.0/106540352242922/messages"
    assert request.headers["Authorization"] == f"Bearer {SECRET}"
    assert body_of(request) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "254722000001",
        "type": "template",
        "template": CLOUD_TEMPLATE,
        "biz_opaque_callback_data": "1-1-1",
    }


def test_whatsapp_without_params_names_no_components_and_a_text_is_a_text() -> None:
    bare = body_of(composed("whatsapp", message(**TEMPLATE | {"params": ()}), channel="whatsapp"))
    assert bare["template"] == {"name": "karibu", "language": {"code": "sw"}}
    assert body_of(composed("whatsapp", message(), channel="whatsapp"))["text"] == {"body": "Habari & karibu"}


@pytest.mark.parametrize(
    ("setting", "purpose", "path"),
    [
        ("yes", "marketing", "marketing_messages"),
        ("yes", "transactional", "messages"),
        ("no", "marketing", "messages"),
    ],
)
def test_whatsapp_marketing_may_have_a_call_of_its_own(setting: str, purpose: str, path: str) -> None:
    given = {"channel": "whatsapp", "purpose": purpose, "settings": {"marketing_endpoint": setting}}
    assert composed("whatsapp", message(**TEMPLATE), **given).url.rpartition("/")[2] == path


# ---- the log ----------------------------------------------------------------------------------------


def test_the_log_shows_three_digits_and_the_parts_and_keeps_the_text_apart() -> None:
    gateway = SENDING_GATEWAYS["log"]
    line = gateway.compose([message(parts=2)], account("log"))
    assert line == LogLine("sms from DUKA to …001: 2 parts, not delivered (1-1-1)", text="Habari & karibu")
    (outcome,) = gateway.outcomes(line, [message(parts=2)], account("log"))
    assert (outcome.word, outcome.provider_id, outcome.parts) == ("accepted", "1-1-1", 2)
    template = gateway.compose([message(**TEMPLATE)], account("log", channel="whatsapp"))
    assert "template karibu" in template.line and template.text == "Akinyi · 20 Nov"


# ---- all of them ------------------------------------------------------------------------------------

EVERY = [(name, channel) for name, gateway in SENDING_GATEWAYS.items() for channel in gateway.channels]


@pytest.mark.parametrize(("name", "channel"), EVERY)
def test_a_gateway_says_what_an_account_of_it_needs(name: str, channel: str) -> None:
    gateway = SENDING_GATEWAYS[name]
    fields = (*gateway.settings, *gateway.credentials)
    assert len({field.name for field in fields}) == len(fields)
    assert all(field.help and field.help[-1] in ".}" for field in fields)
    required = {field.name for field in gateway.settings if field.is_required}
    assert required <= SETTINGS.get(name, {}).keys()
    assert find_account_mistakes(gateway, account(name, channel=channel)) == {}


@pytest.mark.parametrize(("name", "channel"), EVERY)
def test_what_is_missing_is_named_with_the_place_where_it_is_found(name: str, channel: str) -> None:
    gateway = SENDING_GATEWAYS[name]
    found = find_account_mistakes(gateway, SendingAccount(channel=channel, name="DUKA"))
    required = [field for field in (*gateway.settings, *gateway.credentials) if field.is_required]
    assert {field.name: f"{field.name} is missing. {field.help}" for field in required}.items() <= found.items()


@pytest.mark.parametrize(
    ("name", "given", "field", "said"),
    [
        ("sozuri", {"channel": "fax"}, "channel", "Sozuri sends no fax; it sends sms, whatsapp, premium_sms."),
        ("twilio", {"channel": "premium_sms"}, "channel", "Twilio sends no premium_sms; it sends sms, whatsapp."),
        (
            "sozuri",
            {"settings": {"projekt": "x"}},
            "projekt",
            'Sozuri has no setting "projekt"; it has project, campaign',
        ),
        ("log", {"settings": {"a": "x"}}, "a", 'Log has no setting "a"; it has none.'),
        ("africas_talking", {"settings": {"endpoint": "new"}}, "endpoint", '"new" is none of bulk, messaging.'),
        ("infobip", {"settings": {"base_url": "x1.api.infobip.com"}}, "base_url", "is no address to call"),
        ("infobip", {"settings": {"base_url": "https://u:p@x.example"}}, "base_url", "is no address to call"),
        ("infobip", {"settings": {"base_url": "https://x.example/?a=1"}}, "base_url", "is no address to call"),
        ("generic", {"settings": {"url": "nowhere"}}, "url", "no URL with a host"),
    ],
)
def test_a_wrong_account_is_found_before_anything_is_sent(
    name: str, given: dict[str, object], field: str, said: str
) -> None:
    found = find_account_mistakes(SENDING_GATEWAYS[name], account(name, **given))
    assert list(found) == [field] and said in found[field]


def test_a_mistake_quotes_no_credential() -> None:
    found = find_account_mistakes(SENDING_GATEWAYS["sozuri"], account("sozuri", credentials={"key": SECRET}))
    assert list(found) == ["key", "api_key"] and not any(SECRET in sentence for sentence in found.values())


@pytest.mark.parametrize(("name", "channel"), EVERY)
def test_a_request_shows_its_credentials_in_headers_alone(name: str, channel: str) -> None:
    request = SENDING_GATEWAYS[name].compose([message()], account(name, channel=channel, keyword="PESA"))
    if isinstance(request, OutboundRequest):
        assert SECRET not in request.url and SECRET.encode() not in request.body
        assert (
            any(
                SECRET in value or base64.b64encode(SECRET.encode())[:12].decode() in value
                for value in request.headers.values()
            )
            or name == "twilio"
        )
    assert SECRET not in repr(account(name, channel=channel))


@pytest.mark.parametrize("name", SENDING_GATEWAYS)
def test_a_gateway_whose_reports_are_verified_names_the_credential_for_it(name: str) -> None:
    gateway, receiving = SENDING_GATEWAYS[name], GATEWAYS.get(name)
    has_secret = receiving is not None and receiving.secret_name is not None
    assert (gateway.signing_credential in {field.name for field in gateway.credentials}) == has_secret
    assert gateway.find_signing_secret(account(name)) == (SECRET if has_secret else None)
    assert gateway.find_signing_secret(account(name, credentials={})) is None
    assert gateway.pool_setting is None or gateway.pool_setting in {field.name for field in gateway.settings}


def test_twilio_signs_with_the_auth_token_and_never_with_the_secret_of_an_api_key() -> None:
    twilio, key = SENDING_GATEWAYS["twilio"], {"api_key_sid": "SK1"}
    assert twilio.find_signing_secret(account("twilio", credentials={"secret": SECRET})) == SECRET
    assert twilio.find_signing_secret(account("twilio", credentials={"secret": SECRET}, settings=key)) is None
    both = {"secret": SECRET, "auth_token": "another"}
    assert twilio.find_signing_secret(account("twilio", credentials=both, settings=key)) == "another"


@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
@pytest.mark.parametrize("name", ["sozuri", "africas_talking", "twilio", "infobip", "generic"])
def test_a_text_arrives_as_it_is(name: str, text: str) -> None:
    request = composed(name, message(text=text))
    if request.headers["Content-Type"].startswith("application/json"):
        written = json.loads(request.body)
        found = (
            written["messages"][0]["content"]["text"]
            if name == "infobip"
            else written.get("message", written.get("text"))
        )
    else:
        found = parse_qs(request.body.decode(), keep_blank_values=True, errors="strict")["Body"][0]
    assert found == text


def test_a_call_with_two_texts_is_refused_where_it_can_have_one() -> None:
    for name, second in (("sozuri", message(WANJIRU, 2, text="Jambo")), ("sozuri", message(AKINYI, 2))):
        with pytest.raises(ValueError, match="divide with group_messages"):
            composed(name, message(), second)
    with pytest.raises(ValueError, match="carries one message"):
        composed("twilio", message(), message(WANJIRU, 2))


# ---- calls ------------------------------------------------------------------------------------------

MESSAGES = st.lists(
    st.builds(
        lambda mobile, text, number: message(mobile, number, text=text),
        st.sampled_from((AKINYI, WANJIRU, OTIENO, *range(254711000000, 254711000150))),
        st.sampled_from(("Habari", "Jambo")),
        st.integers(1, 10**9),
    ),
    max_size=300,
)


@given(MESSAGES, st.sampled_from(EVERY))
def test_calls_carry_each_message_once_and_no_number_twice(messages: list, one: tuple[str, str]) -> None:
    name, channel = one
    gateway, sender = SENDING_GATEWAYS[name], account(name, channel=channel, keyword="PESA")
    calls = group_messages(messages, gateway, sender)
    assert sorted(id(found) for call in calls for found in call) == sorted(map(id, messages))
    for call in calls:
        assert 1 <= len(call) <= gateway.call_max(sender)
        assert len({found.mobile for found in call}) == len(call)
        assert gateway.personal or len({found.text for found in call}) == 1
        gateway.compose(call, sender)


def test_equal_texts_share_calls_as_full_as_may_be() -> None:
    messages = [message(254711000000 + number, number, text=("Habari", "Jambo")[number % 2]) for number in range(300)]
    calls = group_messages(messages, SENDING_GATEWAYS["sozuri"], account("sozuri"))
    assert sorted(map(len, calls)) == [50, 50, 100, 100]
    assert len(group_messages(messages, SENDING_GATEWAYS["infobip"], account("infobip"))) == 3


def test_addresses_of_an_account_keep_its_ids_apart() -> None:
    request = composed("twilio", message(), settings={"account_sid": "../AC2/x?y"})
    assert urlsplit(request.url).path == "/2010-04-01/Accounts/..%2FAC2%2Fx%3Fy/Messages.json"
