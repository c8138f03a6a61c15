"""How each provider speaks: the calls that send, their answers, and its reports. No network, and nothing of Daftari."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from email.utils import formatdate
from typing import Any, NamedTuple
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from msgspec import Struct

Json = dict[str, Any]
BAD_KEY = "bad-key"
"""The credential that every provider refuses."""


class Call(NamedTuple):
    """A request as it came. ``path`` has no provider in it; names of headers are lower-case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Json:
        found: Json = json.loads(self.body)
        return found

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


class Taken(Struct):
    """A message that came: to which number, in digits, from whom, and what it says.

    ``id`` is the provider's own; ``own_id`` and ``reports_url`` are what the sender gave.
    """

    provider: str
    number: str
    sender: str
    text: str
    own_id: str = ""
    reports_url: str = ""
    kind: str = "sms"
    id: str = ""
    at: float = 0.0
    """When it was taken, in seconds since 1970."""


class Answer(NamedTuple):
    status: int
    body: object
    media_type: str = "application/json"


class Sent(NamedTuple):
    """A report that goes out."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


Answered = Sequence[tuple[Taken, str]]
"""Messages, each with the code that refuses it, or a blank."""


class Dialect(NamedTuple):
    """One provider. ``read`` gives the messages of a call, ``None`` when it is no call that sends."""

    name: str
    read: Callable[[Call], list[Taken] | None]
    answer: Callable[[Answered], Answer]
    refuse: Callable[[int, str], Answer]
    """In the provider's words: a status, and a code where there is one."""
    report: Callable[[Taken, str, str, str, tuple[int, int]], Sent]
    """Of a message, state, code, secret, and which part of how many; both 0 for a whole message."""
    key: Callable[[Call], str]
    """The credential that a call shows."""


def _digits(number: str) -> str:
    return number.strip().lstrip("+")


def parts_of(text: str) -> int:
    """Roughly; texts of tests are plain."""
    return 1 if len(text) <= 160 else -(-len(text) // 153)


def _post_json(url: str, record: object, **headers: str) -> Sent:
    body = json.dumps(record).encode()
    return Sent("POST", url, {"content-type": "application/json"} | headers, body)


def _post_form(url: str, fields: dict[str, str], **headers: str) -> Sent:
    body = urlencode(fields).encode()
    return Sent("POST", url, {"content-type": "application/x-www-form-urlencoded"} | headers, body)


# ---- Sozuri -------------------------------------------------------------------------------------------

_SOZURI = {
    "": ("11", "accepted"),
    "12": ("12", "unsupported_number"),
    "18": ("18", "stopped_by_user"),
    "19": ("19", "stopped_by_admin"),
    "21": ("21", "delivery_failure"),
    "22": ("22", "insufficient_balance"),
    "23": ("23", "volume_limit"),
}
_SOZURI_STATES = {"accepted": "queued", "delivered": "success", "failed": "delivery_failure", "expired": "expired"}


def _read_sozuri(call: Call) -> list[Taken] | None:
    if call.path not in ("/v1/messaging", "/v1/premium"):
        return None
    body = call.json()
    message, text = body.get("message"), body.get("text")
    said = message if message is not None else (text["body"] if text else body["template"]["name"])
    numbers = str(body.get("to") or body["number"]).split(",")
    kind = {"premium": "premium_sms"}.get(body["channel"], body["channel"])
    return [Taken("sozuri", _digits(number), body["from"], said, kind=kind) for number in numbers]


def _answer_sozuri(answered: Answered) -> Answer:
    recipients = []
    for message, refused in answered:
        code, status = _SOZURI.get(refused, (refused, "unknown"))
        recipients.append(
            {
                "messageId": message.id,
                "to": message.number,
                "bulkId": "BLK1",
                "messagePart": str(parts_of(message.text)),
                "status": status,
                "statusCode": code,
                "type": "promotional",
            }
        )
    return Answer(200, {"messageData": {"messages": len(recipients)}, "recipients": recipients})


def _refuse_sozuri(status: int, code: str) -> Answer:
    words = {400: "Insufficient balance", 401: "Unauthenticated."}.get(status, "Too Many Attempts.")
    return Answer(status, {"message": words, "error_code": code} if code else {"message": words})


def _report_sozuri(message: Taken, state: str, code: str, secret: str, part: tuple[int, int]) -> Sent:
    status = _SOZURI[code][1] if code else _SOZURI_STATES[state]
    record = {"project": "Duka", "messageId": message.id, "channel": message.kind, "status": status}
    record |= {"network": "safaricom", "type": "bulkDelivery", "timestamp": "1603713484", "authKey": secret}
    return _post_json(message.reports_url, record | ({"statusCode": code} if code else {}))


# ---- Africa's Talking -----------------------------------------------------------------------------------

_TALKING = {
    "": (101, "Success"),
    "402": (402, "InvalidSenderId"),
    "403": (403, "InvalidPhoneNumber"),
    "405": (405, "InsufficientBalance"),
    "406": (406, "UserInBlacklist"),
    "500": (500, "InternalServerError"),
    "501": (501, "GatewayError"),
}
_TALKING_STATES = {"accepted": "Sent", "delivered": "Success", "failed": "Failed", "expired": "Expired"}


def _read_talking(call: Call) -> list[Taken] | None:
    if call.path == "/version1/messaging/bulk":
        body = call.json()
        return [
            Taken("africas_talking", _digits(number), body["senderId"], body["message"])
            for number in body["phoneNumbers"]
        ]
    if call.path != "/version1/messaging" or call.method != "POST":
        return None
    form = call.form()
    kind = "premium_sms" if form.get("bulkSMSMode") == "0" else "sms"
    return [
        Taken("africas_talking", _digits(number), form.get("from", ""), form["message"], kind=kind)
        for number in form["to"].split(",")
    ]


def _answer_talking(answered: Answered) -> Answer:
    recipients = []
    for message, refused in answered:
        code, status = _TALKING.get(refused) or (int(refused), "Unknown")
        taken = not refused
        recipients.append(
            {
                "statusCode": code,
                "number": f"+{message.number}",
                "status": status,
                "cost": "KES 0.8000" if taken else "0",
                "messageId": message.id if taken else "None",
            }
        )
    count = sum(not refused for _, refused in answered)
    words = f"Sent to {count}/{len(answered)} Total Cost: KES {count * 0.8:.4f}"
    return Answer(201, {"SMSMessageData": {"Message": words, "Recipients": recipients}})


def _refuse_talking(status: int, code: str) -> Answer:
    if code:
        words = _TALKING[code][1]
        return Answer(status, {"SMSMessageData": {"Message": words, "Recipients": []}})
    return Answer(status, "The supplied authentication is invalid", "text/plain")


def _report_talking(message: Taken, state: str, code: str, secret: str, part: tuple[int, int]) -> Sent:
    form = {
        "id": message.id,
        "status": _TALKING_STATES[state],
        "phoneNumber": f"+{message.number}",
        "networkCode": "63902",
    }
    return _post_form(message.reports_url, form | ({"failureReason": _TALKING[code][1]} if code else {}))


# ---- Twilio -----------------------------------------------------------------------------------------------

_TWILIO_STATES = {"accepted": "sent", "delivered": "delivered", "failed": "undelivered", "expired": "failed"}


def _read_twilio(call: Call) -> list[Taken] | None:
    if not call.path.endswith("/Messages.json") or call.method != "POST":
        return None
    form = call.form()
    callback = form.get("StatusCallback", "")
    kind = "whatsapp" if form["To"].startswith("whatsapp:") else "sms"
    return [
        Taken(
            "twilio",
            _digits(form["To"].removeprefix("whatsapp:")),
            form.get("From") or form["MessagingServiceSid"],
            form.get("Body") or form["ContentSid"],
            own_id=dict(parse_qsl(urlsplit(callback).query)).get("message", ""),
            reports_url=callback,
            kind=kind,
        )
    ]


def show_twilio(message: Taken) -> Json:
    """A message as Twilio's resource."""
    prefix = "whatsapp:" if message.kind == "whatsapp" else ""
    return {
        "account_sid": "AC1",
        "api_version": "2010-04-01",
        "body": message.text,
        "date_created": formatdate(message.at),
        "date_sent": None,
        "date_updated": "Thu, 26 Nov 2026 12:00:00 +0000",
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": message.sender,
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": str(parts_of(message.text)),
        "price": None,
        "price_unit": "USD",
        "sid": message.id,
        "status": "queued",
        "subresource_uris": {},
        "to": f"{prefix}+{message.number}",
        "uri": f"/2010-04-01/Accounts/AC1/Messages/{message.id}.json",
    }


def _answer_twilio(answered: Answered) -> Answer:
    for message, refused in answered:
        return _refuse_twilio(400, refused) if refused else Answer(201, show_twilio(message))
    return Answer(201, {})


def _refuse_twilio(status: int, code: str) -> Answer:
    code = code or {401: "20003", 429: "20429"}.get(status, "20500")
    error = {"code": int(code), "message": f"Error {code}", "more_info": f"https://www.twilio.com/docs/errors/{code}"}
    return Answer(status, error | {"status": status})


def _report_twilio(message: Taken, state: str, code: str, secret: str, part: tuple[int, int]) -> Sent:
    prefix = "whatsapp:" if message.kind == "whatsapp" else ""
    form = {"MessageSid": message.id, "MessageStatus": _TWILIO_STATES[state], "To": f"{prefix}+{message.number}"}
    form |= {"From": message.sender, "AccountSid": "AC1"} | ({"ErrorCode": code} if code else {})
    signed = message.reports_url + "".join(name + value for name, value in sorted(form.items()))
    digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha1).digest()
    return _post_form(message.reports_url, form, **{"x-twilio-signature": base64.b64encode(digest).decode()})


# ---- Infobip ----------------------------------------------------------------------------------------------

_INFOBIP = {"": (1, "PENDING", 26, "PENDING_ACCEPTED"), "23": (5, "REJECTED", 23, "REJECTED_DUPLICATE_MESSAGE_ID")}
_INFOBIP_STATES = {
    "accepted": (1, "PENDING", 7, "PENDING_ENROUTE"),
    "delivered": (3, "DELIVERED", 5, "DELIVERED_TO_HANDSET"),
    "failed": (2, "UNDELIVERABLE", 9, "UNDELIVERABLE_NOT_DELIVERED"),
    "expired": (4, "EXPIRED", 15, "EXPIRED_EXPIRED"),
}


def _status_infobip(status: tuple[int, str, int, str]) -> Json:
    return dict(zip(("groupId", "groupName", "id", "name"), status, strict=True)) | {"description": status[3].lower()}


def _read_infobip(call: Call) -> list[Taken] | None:
    if call.path == "/sms/3/messages":
        return [
            Taken(
                "infobip",
                _digits(destination["to"]),
                message["sender"],
                message["content"]["text"],
                own_id=destination.get("messageId", ""),
                reports_url=message.get("webhooks", {}).get("delivery", {}).get("url", ""),
            )
            for message in call.json()["messages"]
            for destination in message["destinations"]
        ]
    if call.path != "/whatsapp/1/message/template":
        return None
    return [
        Taken(
            "infobip",
            _digits(message["to"]),
            message["from"],
            message["content"]["templateName"],
            own_id=message.get("messageId", ""),
            reports_url=message.get("notifyUrl", ""),
            kind="whatsapp",
        )
        for message in call.json()["messages"]
    ]


def _answer_infobip(answered: Answered) -> Answer:
    messages = []
    for message, refused in answered:
        status = _INFOBIP.get(refused) or (5, "REJECTED", int(refused), f"REJECTED_{refused}")
        entry: Json = {"messageId": message.own_id or message.id, "status": _status_infobip(status)}
        if message.kind == "sms":
            entry |= {"destination": message.number, "details": {"messageCount": parts_of(message.text)}}
        else:
            entry |= {"to": message.number, "messageCount": 1}
        messages.append(entry)
    return Answer(200, {"bulkId": "BULK1", "messages": messages})


def show_infobip(message: Taken) -> Json:
    """A message as it is in Infobip's logs."""
    status = _status_infobip(_INFOBIP_STATES["delivered"])
    return {"messageId": message.own_id, "destination": message.number, "sender": message.sender, "status": status}


def _refuse_infobip(status: int, code: str) -> Answer:
    error = {"errorCode": code or f"E{status}", "description": "Refused", "action": "Look", "violations": []}
    return Answer(status, error | {"resources": []})


def _report_infobip(message: Taken, state: str, code: str, secret: str, part: tuple[int, int]) -> Sent:
    error: Json = {"groupId": 0, "groupName": "OK", "id": 0, "name": "NO_ERROR", "permanent": False}
    if code:
        error = {"groupId": 1, "groupName": "HANDSET_ERRORS", "id": int(code), "name": f"EC_{code}", "permanent": True}
    result = {
        "bulkId": "BULK1",
        "messageId": message.own_id or message.id,
        "to": message.number,
        "sender": message.sender,
        "sentAt": "2026-11-26T12:00:00.000+0000",
        "doneAt": "2026-11-26T12:00:01.000+0000",
        "messageCount": parts_of(message.text),
        "status": _status_infobip(_INFOBIP_STATES[state]),
        "error": error,
        "callbackData": message.own_id,
    }
    return _post_json(message.reports_url, {"results": [result]}, authorization=f"App {secret}")


# ---- WhatsApp ---------------------------------------------------------------------------------------------

_WHATSAPP_STATES = {"accepted": "sent", "delivered": "delivered", "failed": "failed", "expired": "failed"}
_WHATSAPP_STATUSES = {"190": 401, "131000": 500, "131016": 500, "131057": 500, "131005": 403, "131031": 403}


def _read_whatsapp(call: Call) -> list[Taken] | None:
    if call.path.rpartition("/")[2] not in ("messages", "marketing_messages") or call.method != "POST":
        return None
    body = call.json()
    said = body["template"]["name"] if body["type"] == "template" else body["text"]["body"]
    sender = call.path.split("/")[-2]
    own_id = body.get("biz_opaque_callback_data", "")
    return [Taken("whatsapp", _digits(body["to"]), sender, said, own_id=own_id, kind="whatsapp")]


def _answer_whatsapp(answered: Answered) -> Answer:
    for message, refused in answered:
        if refused:
            return _refuse_whatsapp(_WHATSAPP_STATUSES.get(refused, 400), refused)
        contact = {"input": message.number, "wa_id": message.number}
        sent = {"id": message.id, "message_status": "accepted"}
        return Answer(200, {"messaging_product": "whatsapp", "contacts": [contact], "messages": [sent]})
    return Answer(200, {"messaging_product": "whatsapp", "contacts": [], "messages": []})


def _refuse_whatsapp(status: int, code: str) -> Answer:
    number = int(code or {401: "190", 429: "80007"}.get(status, "2"))
    error = {"message": f"(#{number}) Refused", "type": "OAuthException", "code": number, "fbtrace_id": "A1"}
    details = {"messaging_product": "whatsapp", "details": "Refused in detail"}
    return Answer(status, {"error": error | {"error_data": details}})


def _report_whatsapp(message: Taken, state: str, code: str, secret: str, part: tuple[int, int]) -> Sent:
    status: Json = {
        "id": message.id,
        "recipient_id": message.number,
        "status": _WHATSAPP_STATES[state],
        "timestamp": "1603713484",
        "biz_opaque_callback_data": message.own_id,
    }
    if code:
        status["errors"] = [{"code": int(code), "title": "Refused", "error_data": {"details": "Refused in detail"}}]
    ours = {"display_phone_number": "254700000009", "phone_number_id": message.sender}
    value = {"messaging_product": "whatsapp", "metadata": ours, "statuses": [status]}
    entry = {"id": "1", "changes": [{"field": "messages", "value": value}]}
    sent = _post_json(message.reports_url, {"object": "whatsapp_business_account", "entry": [entry]})
    digest = hmac.new(secret.encode(), sent.body, hashlib.sha256).hexdigest()
    return sent._replace(headers=sent.headers | {"x-hub-signature-256": f"sha256={digest}"})


# ---- any other --------------------------------------------------------------------------------------------


def _read_generic(call: Call) -> list[Taken] | None:
    """A provider of nowhere: JSON, a form or a query with ``to``, ``from``, ``text``, ``ref``, ``reports``."""
    media_type = call.headers.get("content-type", "")
    given = call.query if call.method == "GET" else call.json() if "json" in media_type else call.form()
    own_id = call.headers.get("idempotency-key", "")
    number, sender, reports_url = _digits(given["to"]), given.get("from", ""), given.get("reports", "")
    return [Taken("generic", number, sender, given["text"], own_id=own_id, reports_url=reports_url)]


def _answer_generic(answered: Answered) -> Answer:
    for message, refused in answered:
        return _refuse_generic(400, refused) if refused else Answer(202, {"status": "queued", "id": message.id})
    return Answer(202, {"status": "queued"})


def _refuse_generic(status: int, code: str) -> Answer:
    return Answer(status, {"status": "error", "code": code})


def _report_generic(message: Taken, state: str, code: str, secret: str, part: tuple[int, int]) -> Sent:
    """With GET, as a provider without JSON does it; of a part as our own JSON."""
    url = message.reports_url
    if not any(part):
        query = urlsplit(url).query
        more = urlencode({"status": state, "code": code} | ({} if "id" in parse_qs(query) else {"id": message.own_id}))
        return Sent("GET", f"{url}{'&' if query else '?'}{more}", {}, b"")
    record = {"id": message.own_id, "provider_id": message.id, "state": state, "part": part[0], "parts": part[1]}
    return _post_json(url, {"reports": [record]})


def _bearer(call: Call) -> str:
    return call.headers.get("authorization", "").partition(" ")[2]


def _basic(call: Call) -> str:
    return base64.b64decode(_bearer(call)).decode().partition(":")[2]


DIALECTS = {
    dialect.name: dialect
    for dialect in (
        Dialect("sozuri", _read_sozuri, _answer_sozuri, _refuse_sozuri, _report_sozuri, _bearer),
        Dialect(
            *("africas_talking", _read_talking, _answer_talking, _refuse_talking, _report_talking),
            key=lambda call: call.headers.get("apikey", ""),
        ),
        Dialect("twilio", _read_twilio, _answer_twilio, _refuse_twilio, _report_twilio, _basic),
        Dialect("infobip", _read_infobip, _answer_infobip, _refuse_infobip, _report_infobip, _bearer),
        Dialect("whatsapp", _read_whatsapp, _answer_whatsapp, _refuse_whatsapp, _report_whatsapp, _bearer),
        Dialect("generic", _read_generic, _answer_generic, _refuse_generic, _report_generic, _bearer),
    )
}
