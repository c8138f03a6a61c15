"""What each provider sends, as its documentation and its clients show it, and the events that it reports."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from daftari.model.consent import Scope
from daftari.model.inbound import InboundEvent, InboundMessage, InboundRequest, InboundSignal, InboundSubscription

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
AKINYI = "+254722000001"
WANJIRU = "+254733000002"
SENT = 1_603_713_484_000_000
"""1603713484 in unix seconds, 2020-10-26T11:58:04Z."""

Sent = dict[str, object]
Sample = tuple[str, InboundRequest, list[InboundEvent]]


def arrived(body: bytes, *, media_type: str) -> InboundRequest:
    url = "https://book.example.org/v1/inbound/provider/token"
    return InboundRequest(method="POST", url=url, query="", media_type=media_type, headers={}, body=body)


def as_json(sent: object) -> InboundRequest:
    return arrived(json.dumps(sent).encode(), media_type=JSON)


def as_form(sent: Sent) -> InboundRequest:
    return arrived(urlencode(sent).encode(), media_type=FORM)


# ---- what they send ---------------------------------------------------------------------------------

SOZURI_SMS: Sent = {
    "project": "Duka",
    "number": "254722000001",
    "shortcode": "20414",
    "message": "STOP",
    "messageId": "INB5F96B6A0CC2EB",
    "channel": "sms",
    "type": "received",
    "status": "success",
    "network": "safaricom",
    "timestamp": "1603713484",
    "authKey": "kikapu",
}
SOZURI_WHATSAPP: Sent = {
    "project": "Duka",
    "channel": "whatsapp",
    "to": "254700000009",
    "messages": [
        {
            "from": "254722000001",
            "message_id": "wamid.HBgMMjU0",
            "timestamp": "1603713484",
            "type": "text",
            "text": {"body": "Habari"},
        },
        {"from": "254733000002", "message_id": "wamid.IMG", "timestamp": "1603713484", "type": "image", "image": {}},
    ],
}
SOZURI_PREMIUM: Sent = {
    "number": 254722000001,
    "shortcode": 84320,
    "channel": "premium_sms",
    "type": "activation",
    "keyword": "PESA",
    "status": "success",
    "messageId": "SUB1",
    "timestamp": 1603713484,
}
SOZURI_STOPPED: Sent = {
    "project": "Duka",
    "messageId": "MSGBLK5F96B6A0CC2EB1603712672",
    "channel": "sms",
    "status": "stopped_by_user",
    "statusCode": "18",
    "type": "bulkDelivery",
    "timestamp": "1603713484",
}
SOZURI_SENT: Sent = {
    "messageData": {"messages": 3},
    "from": "DUKA",
    "recipients": [
        {"messageId": "MSG1", "to": "254722000001", "status": "stopped_by_user", "statusCode": "18"},
        {"messageId": "MSG2", "to": "254733000002", "status": "stopped_by_admin", "statusCode": 19},
        {"messageId": "MSG3", "to": "254733000003", "status": "accepted", "statusCode": "11"},
    ],
}
TALKING_MESSAGE: Sent = {
    "date": "2020-10-26 14:58:04",
    "from": "+254722000001",
    "id": "b4fd1dff-5f21-4471-9c31-2f8a1f3a1d6c",
    "linkId": "SampleLinkId123",
    "text": "ONDOKA",
    "to": "22384",
    "cost": "None",
    "networkCode": "63902",
}
TALKING_OPT_OUT: Sent = {"senderId": "DUKA", "phoneNumber": "+254722000001"}
TALKING_SUBSCRIPTION: Sent = {
    "phoneNumber": "+254722000001",
    "shortCode": "22384",
    "keyword": "MICHEZO",
    "updateType": "Deletion",
}
TALKING_REPORT: Sent = {
    "id": "ATXid_1",
    "status": "Failed",
    "phoneNumber": "+254722000001",
    "networkCode": "63902",
    "failureReason": "UserInBlacklist",
    "retryCount": "0",
}
TWILIO_SMS: Sent = {
    "ToCountry": "KE",
    "MessageSid": "SM5ef8732a3c49700934481addd5ce1659",
    "SmsStatus": "received",
    "NumMedia": "0",
    "From": "+254722000001",
    "To": "+254700000009",
    "Body": "Stop",
    "OptOutType": "STOP",
}
TWILIO_WHATSAPP: Sent = {
    "SmsMessageSid": "SMw1",
    "From": "whatsapp:+254722000001",
    "To": "whatsapp:+254700000009",
    "Body": "Habari",
}
TWILIO_STATUS: Sent = {
    "MessageSid": "SM7",
    "MessageStatus": "failed",
    "ErrorCode": "21610",
    "From": "+254700000009",
    "To": "+254722000001",
}
INFOBIP: Sent = {
    "results": [
        {
            "messageId": "817790313235066447",
            "from": "254722000001",
            "to": "20414",
            "text": "STOP MICHEZO",
            "cleanText": "MICHEZO",
            "keyword": "STOP",
            "receivedAt": "2020-10-26T14:58:04.000+0300",
            "smsCount": 1,
        },
        {
            "messageId": "W1",
            "from": "254733000002",
            "to": "254700000009",
            "integrationType": "WHATSAPP",
            "receivedAt": "2020-10-26T11:58:04Z",
            "message": {"type": "TEXT", "text": "Habari"},
        },
        {"messageId": "M9", "to": "254722000001", "status": {"groupName": "DELIVERED"}, "doneAt": "2020-10-26"},
    ],
    "messageCount": 3,
    "pendingMessageCount": 0,
}
OURS: Sent = {"display_phone_number": "+254 700 000009", "phone_number_id": "106540352242922"}


def from_meta(field: str, **value: object) -> Sent:
    change = {"field": field, "value": {"messaging_product": "whatsapp", "metadata": OURS} | value}
    return {"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": [change]}]}


META_MESSAGES = from_meta(
    "messages",
    contacts=[{"profile": {"name": "Akinyi"}, "wa_id": "254722000001"}],
    messages=[
        {"from": "254722000001", "id": "wamid.1", "timestamp": "1603713484", "type": "text", "text": {"body": "STOP"}},
        {
            "from": "254733000002",
            "id": "wamid.2",
            "timestamp": "1603713484",
            "type": "button",
            "button": {"text": "Toka"},
        },
        {
            "from": "254733000002",
            "id": "wamid.3",
            "timestamp": "1603713484",
            "type": "interactive",
            "interactive": {"type": "list_reply", "list_reply": {"id": "1", "title": "START"}},
        },
        {"from": "254733000002", "id": "wamid.4", "timestamp": "1603713484", "type": "reaction", "reaction": {}},
    ],
)
META_PREFERENCES = from_meta(
    "user_preferences",
    user_preferences=[
        {"wa_id": "254722000001", "category": "marketing_messages", "value": "stop", "timestamp": 1603713484},
        {"wa_id": "254733000002", "value": "resume", "timestamp": 1603713484},
        {"wa_id": "254733000002", "category": "weather", "value": "stop", "timestamp": 1603713484},
    ],
)
META_STATUSES = from_meta(
    "messages",
    statuses=[
        {"id": "wamid.5", "status": "delivered", "recipient_id": "254733000002", "timestamp": "1603713484"},
        {
            "id": "wamid.6",
            "status": "failed",
            "recipient_id": "254722000001",
            "timestamp": "1603713484",
            "errors": [{"code": 131050, "title": "User has stopped marketing messages"}],
        },
        {"id": "wamid.7", "status": "failed", "recipient_id": "254722000001", "errors": [{"code": 131026}]},
    ],
)
GENERIC: Sent = {
    "messages": [{"from": "0722 000001", "to": "20414", "text": "STOP", "id": "m1", "at": "2020-10-26T11:58:04Z"}],
    "opt_outs": [
        {"mobile": 254722000001, "channel": "sms", "sender": "DUKA", "purpose": "promotional", "id": "o1"},
        {"mobile": "0722000001", "provider": "sozuri", "code": 19, "id": "MSG2", "at": 1603713484},
    ],
    "opt_ins": [{"mobile": "+254722000001"}],
    "subscriptions": [{"mobile": "+254722000001", "sender": "84320", "keyword": "PESA", "active": False, "id": "s1"}],
}

DUKA = Scope(channel="sms", sender="DUKA")
MARKETING = Scope(channel="whatsapp", sender="254700000009", purpose="marketing")

SAMPLES: dict[str, Sample] = {
    "a Sozuri text": (
        "sozuri",
        as_json(SOZURI_SMS),
        [InboundMessage(AKINYI, "sms", "20414", "STOP", "INB5F96B6A0CC2EB", SENT)],
    ),
    "a Sozuri WhatsApp message": (
        "sozuri",
        as_json(SOZURI_WHATSAPP),
        [InboundMessage(AKINYI, "whatsapp", "254700000009", "Habari", "wamid.HBgMMjU0", SENT)],
    ),
    "a Sozuri subscription": (
        "sozuri",
        as_json(SOZURI_PREMIUM),
        [InboundSubscription(AKINYI, "84320", "PESA", active=True, message_id="SUB1", at=SENT)],
    ),
    "a Sozuri report that names the message alone": (
        "sozuri",
        as_json(SOZURI_STOPPED),
        [InboundSignal(None, "opt_out", Scope(channel="sms"), "18", "MSGBLK5F96B6A0CC2EB1603712672", SENT)],
    ),
    "what Sozuri answers to a send": (
        "sozuri",
        as_json(SOZURI_SENT),
        [
            InboundSignal(AKINYI, "opt_out", DUKA, "18", "MSG1", None),
            InboundSignal(WANJIRU, "opt_out", Scope(channel="sms"), "19", "MSG2", None),
        ],
    ),
    "an Africa's Talking message": (
        "africas_talking",
        as_form(TALKING_MESSAGE),
        [InboundMessage(AKINYI, "sms", "22384", "ONDOKA", "b4fd1dff-5f21-4471-9c31-2f8a1f3a1d6c", None)],
    ),
    "an Africa's Talking opt-out": (
        "africas_talking",
        as_form(TALKING_OPT_OUT),
        [InboundSignal(AKINYI, "opt_out", DUKA, "optout", None, None)],
    ),
    "an Africa's Talking subscription": (
        "africas_talking",
        as_form(TALKING_SUBSCRIPTION),
        [InboundSubscription(AKINYI, "22384", "MICHEZO", active=False, message_id=None, at=None)],
    ),
    "an Africa's Talking report": (
        "africas_talking",
        as_form(TALKING_REPORT),
        [InboundSignal(AKINYI, "opt_out", Scope(channel="sms"), "406", "ATXid_1", None)],
    ),
    "a Twilio text": (
        "twilio",
        as_form(TWILIO_SMS),
        [
            InboundMessage(
                AKINYI, "sms", "+254700000009", "Stop", "SM5ef8732a3c49700934481addd5ce1659", None, means="opt_out"
            )
        ],
    ),
    "a Twilio WhatsApp message": (
        "twilio",
        as_form(TWILIO_WHATSAPP),
        [InboundMessage(AKINYI, "whatsapp", "+254700000009", "Habari", "SMw1", None)],
    ),
    "a Twilio status": (
        "twilio",
        as_form(TWILIO_STATUS),
        [InboundSignal(AKINYI, "opt_out", Scope(channel="sms", sender="+254700000009"), "21610", "SM7", None)],
    ),
    "Infobip results": (
        "infobip",
        as_json(INFOBIP),
        [
            InboundMessage(AKINYI, "sms", "20414", "STOP MICHEZO", "817790313235066447", SENT),
            InboundMessage(WANJIRU, "whatsapp", "254700000009", "Habari", "W1", SENT),
        ],
    ),
    "WhatsApp messages": (
        "whatsapp",
        as_json(META_MESSAGES),
        [
            InboundMessage(AKINYI, "whatsapp", "254700000009", "STOP", "wamid.1", SENT),
            InboundMessage(WANJIRU, "whatsapp", "254700000009", "Toka", "wamid.2", SENT),
            InboundMessage(WANJIRU, "whatsapp", "254700000009", "START", "wamid.3", SENT, payload="1"),
        ],
    ),
    "WhatsApp preferences": (
        "whatsapp",
        as_json(META_PREFERENCES),
        [
            InboundSignal(AKINYI, "opt_out", MARKETING, "user_preferences", None, SENT),
            InboundSignal(WANJIRU, "opt_in", MARKETING, "user_preferences", None, SENT),
        ],
    ),
    "WhatsApp statuses": (
        "whatsapp",
        as_json(META_STATUSES),
        [InboundSignal(AKINYI, "opt_out", MARKETING, "131050", "wamid.6", SENT)],
    ),
    "our own JSON": (
        "generic",
        as_json(GENERIC),
        [
            InboundMessage("0722 000001", "sms", "20414", "STOP", "m1", SENT),
            InboundSignal("254722000001", "opt_out", Scope("sms", "DUKA", "marketing"), "opt_out", "o1", None),
            InboundSignal("0722000001", "opt_out", Scope(channel="sms"), "19", "MSG2", SENT),
            InboundSignal(AKINYI, "opt_in", Scope(), "opt_in", None, None),
            InboundSubscription(AKINYI, "84320", "PESA", active=False, message_id="s1", at=None),
        ],
    ),
}
