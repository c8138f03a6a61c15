"""Sozuri: SMS, WhatsApp and premium SMS, and their events as JSON, distinguished by their members.

A delivery report or the answer to a send may say that the person was stopped; it may name the message alone, and then
the sending program knows the number. Either the key that Sozuri puts into its calls or its signature is proof enough.
A call carries one text to many numbers; there is no id of ours in it, and what was sent cannot be looked up.
No consent rules, no database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from daftari.errors import Forged, Malformed
from daftari.gateways.answers import CODE_MAX, Entry, read_count, read_entries, read_json_answer, read_outcomes
from daftari.gateways.calls import base_url, post_json, require_one_text, write_template
from daftari.gateways.fields import (
    Fields,
    international,
    read_each,
    read_fields,
    read_person,
    refuse_unreadable,
    whatsapp_said,
)
from daftari.gateways.protocol import (
    AccountField,
    Gateway,
    LogLine,
    Outcome,
    OutcomeWord,
    OutgoingMessage,
    Proof,
    SendingAccount,
    SendingGateway,
)
from daftari.gateways.reports import STATES
from daftari.gateways.signals import signal_of
from daftari.gateways.signatures import is_same, require_secret, sign
from daftari.model.inbound import (
    DeliveryReport,
    InboundDoubt,
    InboundEvent,
    InboundMessage,
    InboundRequest,
    InboundSubscription,
    ReportState,
)
from daftari.model.limits import MESSAGE_ID_MAX, REASON_MAX
from daftari.outbound.exchange import OutboundRequest, OutboundResponse, OutboundResult

_STOPPED = MappingProxyType({"18": "18", "stopped_by_user": "18", "19": "19", "stopped_by_admin": "19"})
_CHANNELS = MappingProxyType({"whatsapp": "whatsapp", "premium": "premium_sms", "premium_sms": "premium_sms"})
"""Everything else is SMS."""

_BEGINS = ("addition", "activate", "activated", "activation", "active", "on", "subscribe", "subscribed", "subscription")
_ENDS = (
    "cancelled",
    "deactivate",
    "deactivated",
    "deactivation",
    "deletion",
    "inactive",
    "off",
    "unsubscribe",
    "unsubscribed",
    "unsubscription",
)
_STATES = MappingProxyType(dict.fromkeys(_BEGINS, True) | dict.fromkeys(_ENDS, False))
_NUMBER = ("number", "phoneNumber", "msisdn", "mobile")
"""The person, whatever else there is; without them it is ``from`` or ``sender``."""
_NUMERIC = re.compile(r"\+?[0-9 ]{7,20}")
_TEXT = ("message", "text", "content", "body")
_REPORT = ("status", "statusCode", "code", "type")
"""What a report holds any of, in addition to the message's id."""

_URL = "https://sozuri.net/api"
_NUMBERS_MAX = 100
"""Numbers in one call: of all of them nothing is known when its answer is lost."""

OUTCOMES: Mapping[str, OutcomeWord] = MappingProxyType(
    {
        **dict.fromkeys(("11", "13", "14", "15", "16"), "accepted"),
        "12": "dead",
        **dict.fromkeys(("17", "21"), "refused"),
        **dict.fromkeys(("18", "19"), "opt_out"),
        "22": "stop",
        "23": "slow",
        "AUTHENTICATION_FAILED": "stop",
    }
)
"""What a code means in the answer to a send."""
_NAMES = MappingProxyType(
    {
        **dict.fromkeys(("accepted", "sent"), "11"),
        **dict.fromkeys(("unsupported_number", "unknown_number"), "12"),
        "queued": "13",
        "scheduled": "14",
        "device_ack": "15",
        "read": "16",
        "expired": "17",
        "stopped_by_user": "18",
        "stopped_by_admin": "19",
        "delivery_failure": "21",
        "insufficient_balance": "22",
        "volume_limit": "23",
        "authentication_failed": "AUTHENTICATION_FAILED",
    }
)
"""The codes by their names."""
_REPORTED: Mapping[str, ReportState] = MappingProxyType(
    {
        **dict.fromkeys(("11", "13", "14"), "accepted"),
        **dict.fromkeys(("15", "16"), "delivered"),
        **dict.fromkeys(("12", "18", "19", "21", "22", "23"), "failed"),
        "17": "expired",
    }
)
"""What a code means in a report."""


class Sozuri(Gateway, SendingGateway):
    """The gateway of sozuri.net."""

    name = "sozuri"
    title = "Sozuri"
    channels = ("sms", "whatsapp", "premium_sms")
    settings = (
        AccountField("project", "The name of the project, as it stands in the dashboard.", is_required=True),
        AccountField("campaign", "A label for Sozuri's own statistics."),
        base_url(_URL),
    )
    credentials = (
        AccountField("api_key", "The project's API key: dashboard, API Credentials.", is_required=True),
        AccountField("auth_key", "The Auth Key that Sozuri sends with reports and replies; none is accepted without."),
    )
    signing_credential = "auth_key"
    personal = False
    codes = OUTCOMES
    secret_name = "Auth Key"
    proof_headers = ("authorization", "authkey", "x-auth-key", "x-sozuri-signature")
    secret_required = True

    def verify(self, request: InboundRequest, *, proof: Proof) -> None:
        secret = require_secret(proof, title=self.title)
        signature = request.headers.get("x-sozuri-signature", "").strip().lower().removeprefix("sha256=")
        proven = [is_same(signature, sign(request.body, secret=secret))]
        proven += [is_same(key, secret) for key in _keys(request)]
        if not any(proven):
            raise Forged

    def read(self, request: InboundRequest) -> list[InboundEvent]:
        fields = read_fields(request)
        if fields.holds("messages"):
            return refuse_unreadable(read_each(fields.each("messages"), lambda item: [_read_whatsapp(item, to=fields)]))
        if fields.holds("recipients"):
            ours = fields.sender("from")
            return refuse_unreadable(
                read_each(fields.each("recipients"), lambda item: [_read_report(item, sender=ours)])
            )
        return _read_one(fields)

    def call_max(self, account: SendingAccount) -> int:
        return _NUMBERS_MAX if account.channel == "sms" else 1

    def compose(self, messages: Sequence[OutgoingMessage], account: SendingAccount) -> OutboundRequest:
        message = require_one_text(messages)
        body: dict[str, object] = {"project": account.setting("project"), "from": account.name}
        if campaign := account.setting("campaign"):
            body["campaign"] = campaign
        match account.channel:
            case "premium_sms":
                path, sent = "premium", _write_premium(message, account)
            case "whatsapp":
                path, sent = "messaging", _write_whatsapp(message)
            case _:
                path, sent = "messaging", _write_sms(messages, account)
        url = f"{account.setting('base_url', _URL).rstrip('/')}/v1/{path}"
        headers = {"Authorization": f"Bearer {account.credentials.get('api_key', '')}"}
        return post_json(url, body | sent, headers=headers)

    def outcomes(
        self, result: OutboundResult | LogLine, messages: Sequence[OutgoingMessage], account: SendingAccount
    ) -> list[Outcome]:
        return read_outcomes(result, messages, account, read=_read_answer)


# ---- what we send -----------------------------------------------------------------------------------


def _write_sms(messages: Sequence[OutgoingMessage], account: SendingAccount) -> dict[str, object]:
    return {
        "to": ",".join(str(message.mobile) for message in messages),
        "message": messages[0].text,
        "channel": "sms",
        "type": "promotional" if account.purpose == "marketing" else "transactional",
    }


def _write_premium(message: OutgoingMessage, account: SendingAccount) -> dict[str, object]:
    """On demand when the message answers a request, which the person pays; else for a subscription."""
    sent: dict[str, object] = {"channel": "premium", "keyword": account.keyword, "message": message.text}
    if message.link_id:
        return sent | {"type": "ondemand", "to": str(message.mobile), "linkId": message.link_id}
    return sent | {"type": "subscription", "number": str(message.mobile)}


def _write_whatsapp(message: OutgoingMessage) -> dict[str, object]:
    """As Meta's own API has it."""
    sent: dict[str, object] = {"channel": "whatsapp", "recipient_type": "individual", "to": str(message.mobile)}
    if not message.template:
        return sent | {"type": "text", "text": {"body": message.text}}
    return sent | {"type": "template", "template": write_template(message)}


def _read_answer(response: OutboundResponse) -> Iterable[Entry]:
    fields = read_json_answer(response)
    if recipients := fields.each("recipients"):
        return read_entries(recipients, _read_recipient)
    return [_read_failure(fields, refused=response.status == 200)]


def _read_recipient(fields: Fields) -> Entry:
    code = _read_code(fields)
    return Entry(
        number=fields.number("to", "number"),
        word=OUTCOMES.get(code),
        code=code,
        says=fields.text("status"),
        provider_id=fields.text("messageId"),
        parts=read_count(fields, "messagePart"),
    )


def _read_failure(fields: Fields, *, refused: bool) -> Entry:
    """An answer without recipients: with 200 too, nothing was taken, if it says why."""
    code = fields.text("error_code")
    says = fields.part("messageData").text("message") or fields.text("message")
    if not code and not says:
        raise Malformed("The answer names no recipients, and no reason.")
    if not code and any(word in says.lower() for word in ("balance", "credit")):
        code = "22"
    elif not code and "unauthenticated" in says.lower():
        code = "AUTHENTICATION_FAILED"
    return Entry(word=OUTCOMES.get(code) or ("refused" if refused else None), code=code, says=says)


def _read_code(fields: Fields) -> str:
    """The code of a status; its name, where there is no code for it."""
    written = fields.text("statusCode", "status", "code")
    return _NAMES.get(written.lower(), written)


# ---- what they send ---------------------------------------------------------------------------------


def _keys(request: InboundRequest) -> list[str]:
    """The keys that a request shows, in its body and its headers."""
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    try:
        in_body = read_fields(request).text("authKey")
    except Malformed:
        in_body = ""
    return [
        in_body,
        request.headers.get("authkey", "").strip(),
        request.headers.get("x-auth-key", "").strip(),
        bearer.strip() if scheme.lower() == "bearer" else "",
    ]


def _read_one(fields: Fields) -> list[InboundEvent]:
    """One event, or two: what looks like a subscription may carry what the person wrote, which may be a STOP."""
    if stopped := _read_report(fields, sender=fields.sender("from", "shortcode", "senderId")):
        return [stopped, *_read_delivery(fields)]
    found: list[InboundEvent] = _read_delivery(fields) if _is_our_own(fields) else []
    if (active := _is_active(fields)) is not None:
        found.append(_read_subscription(fields, active=active))
    if not _is_our_own(fields) and (message := _read_message(fields)):
        found.append(message)
    if found or _is_our_own(fields) or fields.holds(*_REPORT) or _is_blank(fields):
        return found
    if fields.holds("messageId"):
        return [_read_unknown(fields)]
    raise Malformed("The body is neither a message nor a report of one.")


def _read_report(fields: Fields, *, sender: str) -> InboundEvent | None:
    codes = (_STOPPED.get(fields.text(name).lower()) for name in ("statusCode", "status", "code"))
    code = next(filter(None, codes), None)
    if code is None:
        return None
    return signal_of(
        "sozuri",
        code,
        number=international(fields.text("number", "to", "phoneNumber")),
        sender=sender,
        message_id=fields.message_id("messageId"),
        at=fields.moment("timestamp"),
    )


def _read_delivery(fields: Fields) -> list[InboundEvent]:
    """What a report says happened to a message, if it names one by its id."""
    code = _read_code(fields)
    state = _REPORTED.get(code) or STATES.get(code.lower())
    message_id = fields.text("messageId")[:MESSAGE_ID_MAX]
    if state is None or not message_id:
        return []
    return [
        DeliveryReport(
            state=state,
            provider_id=message_id,
            number=international(fields.text("number", "to", "phoneNumber")),
            code=code[:CODE_MAX],
            says=fields.text("status")[:REASON_MAX],
            at=fields.moment("timestamp"),
        )
    ]


def _is_active(fields: Fields) -> bool | None:
    """Whether a premium service begins or ends with this; ``None`` when it is about something else."""
    kinds = [fields.text(name).lower() for name in ("channel", "type", "event")]
    if not any(word in kind for kind in kinds for word in ("premium", "subscription", "activation")):
        return None
    # A sent message has the type "subscription" too, so the type alone counts only when it says more than that.
    words = [fields.text(name).lower() for name in ("updateType", "status", "event", "type")]
    if words[-1] == "subscription":
        words.pop()
    states = [_STATES[word] for word in words if word in _STATES]
    # Where they contradict each other, no subscription is recorded.
    return all(states) if states else None


def _is_our_own(fields: Fields) -> bool:
    """Whether the message is one that we sent: a report may repeat it."""
    is_report = "delivery" in fields.text("type").lower() and not fields.holds("shortcode")
    return is_report or fields.text("direction").lower() == "outbound"


def _read_number(fields: Fields) -> str:
    """The person's number. ``from`` and ``sender`` are the person's unless another member is."""
    if not fields.holds(*_NUMBER):
        for name in ("from", "sender"):
            if _NUMERIC.fullmatch(fields.text(name)):
                return international(fields.text(name))
    return international(fields.number(*_NUMBER, "from", "sender"))


def _read_sender(fields: Fields) -> str:
    """Our side: what is named as ours, or else ``from`` when it is not the person."""
    ours = fields.sender("shortcode", "to")
    return ours or (fields.sender("from") if fields.holds(*_NUMBER) else "")


def _read_text(fields: Fields) -> str:
    """What was written, under any of the names that Sozuri's clients know, or in an object of such a name."""
    parts = [fields.part(name) for name in _TEXT]
    return fields.text(*_TEXT) or next(filter(None, (part.text("body", "text") for part in parts)), "")


def _is_blank(fields: Fields) -> bool:
    """Whether a message is there and empty."""
    held = [fields.given(name) for name in _TEXT if fields.holds(name)]
    return bool(held) and all(isinstance(value, str) for value in held)


def _read_unknown(fields: Fields) -> InboundDoubt:
    """A call with a message's id that is neither a message nor a report as we know them."""
    number = fields.text(*_NUMBER, "from", "sender")
    return InboundDoubt(
        number=international(number) or None,
        channel=_CHANNELS.get(fields.text("channel").lower(), "sms"),
        sender=_read_sender(fields),
        text=fields.without("authKey"),
        why="has the id of a message and is in no known form",
        message_id=fields.message_id("messageId"),
        at=fields.moment("timestamp"),
    )


def _read_subscription(fields: Fields, *, active: bool) -> InboundSubscription:
    return InboundSubscription(
        number=_read_number(fields),
        sender=_read_sender(fields),
        keyword=fields.sender("keyword"),
        active=active,
        message_id=fields.message_id("messageId"),
        at=fields.moment("timestamp"),
    )


def _read_message(fields: Fields) -> InboundMessage | None:
    text = _read_text(fields)
    if not text:
        return None
    return InboundMessage(
        number=_read_number(fields),
        channel=_CHANNELS.get(fields.text("channel").lower(), "sms"),
        sender=_read_sender(fields),
        text=text,
        message_id=fields.message_id("messageId"),
        at=fields.moment("timestamp"),
    )


def _read_whatsapp(message: Fields, *, to: Fields) -> InboundMessage | None:
    user_id = message.user_id("from_user_id", "user_id")
    number, user_id = read_person(message.text("from") if user_id else message.number("from"), user_id)
    said = whatsapp_said(message)
    if not said.text and not said.payload:
        return None
    return InboundMessage(
        number=number,
        channel="whatsapp",
        sender=to.sender("to"),
        text=said.text,
        message_id=message.message_id("message_id", "messageId", "id"),
        at=message.moment("timestamp"),
        payload=said.payload,
        is_edit=said.is_edit,
        user_id=user_id,
    )
