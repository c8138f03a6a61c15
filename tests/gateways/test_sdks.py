"""The fake provider against the providers' own SDKs: each sends one message, reads the answer, and is content.

An SDK is imported by its own test, because some take seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.fake_provider import FakeProvider, Rule, fake_provider
from tests.support.fake_provider.dialects import BAD_KEY

AKINYI = "+254722000001"


@pytest.fixture(scope="module")
def running() -> Iterator[FakeProvider]:
    with fake_provider() as provider:
        yield provider


@pytest.fixture
def provider(running: FakeProvider) -> FakeProvider:
    running.forget()
    return running


def taken(provider: FakeProvider) -> list[tuple[str, str, str]]:
    return [(message.number, message.sender, message.text) for message in provider.taken]


TAKEN = [("254722000001", "DUKA", "Habari")]


def test_africas_talking_is_content(provider: FakeProvider) -> None:
    from africastalking.Application import ApplicationService
    from africastalking.Service import AfricasTalkingException
    from africastalking.SMS import SMSService

    def at(service: Any) -> Any:
        service._baseUrl = service._contentUrl = f"{provider.url('africas_talking')}/version1"
        return service

    sms = at(SMSService("duka", "key"))
    answer = sms.send("Habari", [AKINYI], sender_id="DUKA")
    (recipient,) = answer["SMSMessageData"]["Recipients"]
    assert (recipient["statusCode"], recipient["number"]) == (101, AKINYI)
    assert recipient["messageId"] == provider.taken[0].id
    assert taken(provider) == TAKEN
    premium = sms.send_premium("Habari", "22384", [AKINYI], keyword="PESA", link_id="L1")
    assert premium["SMSMessageData"]["Recipients"][0]["status"] == "Success"
    assert provider.taken[1].kind == "premium_sms"
    user = at(ApplicationService("duka", "key")).fetch_application_data()
    assert user["UserData"]["balance"].startswith("KES ")
    with pytest.raises(AfricasTalkingException, match="authentication"):
        at(SMSService("duka", BAD_KEY)).send("Habari", [AKINYI])


def test_twilio_is_content(provider: FakeProvider) -> None:
    from twilio.base.exceptions import TwilioRestException
    from twilio.http.http_client import TwilioHttpClient
    from twilio.rest import Client

    class Here(TwilioHttpClient):
        def request(self, method: str, url: str, *given: Any, **more: Any) -> Any:
            return super().request(
                method, url.replace("https://api.twilio.com", provider.url("twilio")), *given, **more
            )

    http = Here()
    client = Client("AC1", "token", http_client=http)
    callback = "https://book.example/reports?message=1-1-1"
    message = client.messages.create(to=AKINYI, from_="DUKA", body="Habari", status_callback=callback)
    assert (message.sid, message.status, message.num_segments) == (provider.taken[0].id, "queued", "1")
    assert taken(provider) == TAKEN and provider.taken[0].own_id == "1-1-1"
    assert [found.sid for found in client.messages.list(to=AKINYI)] == [message.sid]
    assert client.balance.fetch().balance == "4.20"
    provider.behave(Rule(code="21610"))
    with pytest.raises(TwilioRestException) as refused:
        client.messages.create(to=AKINYI, from_="DUKA", body="Habari")
    assert (refused.value.code, refused.value.status) == (21610, 400)
    http.session.close()


def test_infobip_is_content(provider: FakeProvider) -> None:
    from infobip_api_client import ApiClient, Configuration, SmsApi
    from infobip_api_client.exceptions import ApiException
    from infobip_api_client.models import (
        SmsDestination,
        SmsMessage,
        SmsMessageContent,
        SmsRequest,
        SmsTextContent,
    )

    with ApiClient(Configuration(host=provider.url("infobip"), api_key="key")) as api:
        content = SmsMessageContent(SmsTextContent(text="Habari"))
        destination = SmsDestination(to="254722000001", messageId="1-1-1")
        request = SmsRequest(messages=[SmsMessage(sender="DUKA", destinations=[destination], content=content)])
        answer = SmsApi(api).send_sms_messages(request)
        (message,) = answer.messages
        assert (message.message_id, message.destination, message.status.name) == (
            *("1-1-1", "254722000001", "PENDING_ACCEPTED"),
        )
        assert message.details.message_count == 1
        assert taken(provider) == TAKEN
        (again,) = SmsApi(api).send_sms_messages(request).messages
        assert again.status.name == "REJECTED_DUPLICATE_MESSAGE_ID"
        provider.behave(Rule(status=400))
        with pytest.raises(ApiException) as refused:
            SmsApi(api).send_sms_messages(request)
        assert refused.value.status == 400


def test_whatsapp_is_content(provider: FakeProvider) -> None:
    import httpx
    from pywa import WhatsApp
    from pywa.errors import TemplatePaused
    from pywa.types.templates import BodyText, TemplateLanguage

    with httpx.Client() as session:
        whatsapp = WhatsApp(phone_id="106540352242922", token="token", session=session)
        session.base_url = f"{provider.url('whatsapp')}/v25.0"
        given = {"to": "254722000001", "name": "karibu", "language": TemplateLanguage.ENGLISH}
        sent = whatsapp.send_template(**given, params=[BodyText.params("Akinyi")], tracker="1-1-1")
        (message,) = provider.taken
        assert sent.id == message.id
        assert (message.number, message.text, message.own_id) == ("254722000001", "karibu", "1-1-1")
        provider.behave(Rule(code="132015"))
        with pytest.raises(TemplatePaused):
            whatsapp.send_template(**given, params=[BodyText.params("Akinyi")])
