"""Any provider without a gateway of its own: the operator describes what it is sent, and what it sends is our JSON.

Both are one gateway, because both are one provider: the address that receives its reports belongs to its senders, and
takes its messages too.

What it is sent is a URL, a method, headers and a body, as templates (``request_templates``), one message a call, always
with ``Idempotency-Key``. An answer of 200 means nothing alone: the operator says which text, or which member with an
id, means that the message was taken.

What it sends is one object with any of five lists::

    {"messages": [{"from", "to", "channel", "text", "id", "at"}],
     "opt_outs": [{"mobile", "channel", "sender", "purpose", "at", "id", "code", "provider"}],
     "opt_ins": [the same],
     "subscriptions": [{"mobile", "sender", "keyword", "active", "at", "id"}],
     "reports": [{"id", "provider_id", "mobile", "state", "code", "text", "part", "parts", "at"}]}

or a single one of them with its ``type``: ``message``, ``opt_out``, ``opt_in``, ``subscription`` or ``report``. A
message needs ``from`` and ``text``, the others but a report need ``mobile``, a subscription ``active`` too. A message's
``channel`` is ``sms`` unless it is given; an absent ``channel``, ``sender`` or ``purpose`` elsewhere means any. ``at``
is seconds since 1970 or a time with its zone; anything else counts as absent. ``id`` identifies a repeated event. With
``provider`` the ``code`` must be one of ``SIGNALS``, which then gives channel and purpose: a sending program passes on
the code it got.

A report needs a ``state``, and ``id``, our own, or ``provider_id``. It may be a form or a query too, with ``status``
for ``state``, or any JSON with a ``status`` where the query has our ``id``: many providers can only call an address
with fields of their own.

With a secret, ``X-Daftari-Signature`` must be ``sha256=`` and the HMAC-SHA256 of the body in hexadecimal; of the query
where the method is GET.
No consent rules, no database.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Literal
from urllib.parse import parse_qs

import msgspec

from daftari.errors import Forged, Malformed
from daftari.gateways.answers import CODE_MAX, Entry, read_count, read_outcomes
from daftari.gateways.calls import require_one, with_query
from daftari.gateways.fields import (
    Fields,
    is_user_id,
    read_each,
    read_fields,
    read_json,
    refuse_unreadable,
)
from daftari.gateways.protocol import (
    AccountField,
    Gateway,
    LogLine,
    Outcome,
    OutgoingMessage,
    Proof,
    SendingAccount,
    SendingGateway,
)
from daftari.gateways.reports import STATES
from daftari.gateways.request_templates import (
    ESCAPES,
    JSON,
    contains,
    fill,
    fill_body,
    fill_url,
    find_by_pointer,
    find_json_mistake,
    find_place_mistake,
    find_url_mistake,
    split_headers,
)
from daftari.gateways.signals import SIGNALS, signal_of
from daftari.gateways.signatures import is_same, sign
from daftari.model.consent import ANY, CHANNELS, PURPOSES, Scope
from daftari.model.inbound import (
    DeliveryReport,
    InboundEvent,
    InboundMessage,
    InboundRequest,
    InboundSignal,
    InboundSubscription,
    ReportState,
)
from daftari.model.limits import MESSAGE_ID_MAX, REASON_MAX
from daftari.outbound.exchange import OutboundRequest, OutboundResponse, OutboundResult

_CHANNELS = MappingProxyType({channel: channel for channel in CHANNELS} | {"": ANY, "any": ANY, ANY: ANY})
_PURPOSES = MappingProxyType(
    {purpose: purpose for purpose in PURPOSES} | {"promotional": "marketing", "": ANY, "any": ANY, ANY: ANY}
)
_STATE = ("state", "status")
_FLAGS = MappingProxyType({"true": True, "1": True, "false": False, "0": False})

_NUMBERED: Mapping[str, ReportState] = MappingProxyType(
    {"1": "delivered", "2": "failed", "4": "accepted", "8": "accepted", "16": "failed"}
)
"""The states that Kannel reports as numbers."""
_NAMES = frozenset({"id", "to", "to_no_plus", "from", "channel", "purpose", "key", "user", "password"})
"""What may stand anywhere: nothing of it comes from a person."""
_IN_HEADERS = _NAMES | {"basic"}
_IN_QUERY = _NAMES | {
    *("text", "parts", "unicode", "coding", "data_coding", "valid_seconds", "keyword", "link_id"),
    *("template", "language", "params", "reports_url"),
}
_IN_BODY = _IN_QUERY
_CODINGS = MappingProxyType(
    {
        "gsm7": {"unicode": "0", "coding": "0", "data_coding": "0"},
        "ucs2": {"unicode": "1", "coding": "2", "data_coding": "8"},
    }
)
"""How a text is encoded: as a flag, in Kannel's numbers, and in those of SMPP."""
_SAMPLE = 'a"b\\c\n{{to}}&<d>'


class Generic(Gateway, SendingGateway):
    """The gateway for providers that have none of their own."""

    name = "generic"
    title = "Generic JSON"
    secret_name = "HMAC secret"
    proof_headers = ("x-daftari-signature",)
    accepts_get = True
    channels = CHANNELS
    settings = (
        AccountField("url", "The URL that sends a message, with places such as {{to}} and {{text}}.", is_required=True),
        AccountField("method", "The method of the call.", default="POST", one_of=("POST", "GET", "PUT")),
        AccountField("headers", "Headers, one a line: Authorization: Bearer {{key}}."),
        AccountField("content_type", "What the body is.", default=JSON, one_of=tuple(ESCAPES)),
        AccountField("body", 'The body, such as {"to": "{{to}}", "text": "{{text}}"}; none with GET.'),
        AccountField("success", "A text that the answer contains if the message was taken; * stands for anything."),
        AccountField("refused", "A text that the answer contains if this message was not taken."),
        AccountField("stop", "A text that the answer contains if no message is taken, such as for want of credit."),
        AccountField(
            "trust_503",
            "yes if a 503 with Retry-After means that the message was not taken.",
            default="no",
            one_of=("no", "yes"),
        ),
        AccountField("id_pointer", "Where the answer, JSON, has the message's id: /messages/0/id."),
    )
    credentials = (
        AccountField("key", "What {{key}} stands for."),
        AccountField("user", "What {{user}} stands for."),
        AccountField("password", "What {{password}} stands for; {{basic}} is both in base 64."),
        AccountField("hmac_secret", "What X-Daftari-Signature of reports is made with; blank for none."),
    )
    signing_credential = "hmac_secret"
    reference = "echo"

    def verify(self, request: InboundRequest, *, proof: Proof) -> None:
        if not proof.secret:
            return
        given = request.headers.get("x-daftari-signature", "").strip()
        signed = request.query.encode() if request.method == "GET" else request.body
        if not is_same(given, f"sha256={sign(signed, secret=proof.secret)}"):
            raise Forged("X-Daftari-Signature is not the body's.")

    def read(self, request: InboundRequest) -> list[InboundEvent]:
        if _is_form(request):
            return [_read_report(read_fields(request), own_id=_find_own_id(request))]
        fields = read_json(request)
        if fields.holds(*_LISTS):
            return refuse_unreadable(_read_lists(fields))
        if read_one := _KINDS.get(fields.text("type").lower()):
            return [read_one(fields)]
        if (own_id := _find_own_id(request)) and fields.holds(*_STATE):
            return [_read_report(fields, own_id=own_id)]
        raise Malformed(f"The body must have one of {', '.join(_LISTS)}, or a type: {', '.join(_KINDS)}.")

    def find_mistakes(self, account: SendingAccount) -> dict[str, str]:
        found = {
            "url": find_url_mistake(account.setting("url"), in_path=_NAMES, in_query=_IN_QUERY),
            "headers": _find_header_mistake(account.setting("headers")),
            "body": find_place_mistake(account.setting("body"), _IN_BODY),
            "success": "",
            "id_pointer": "",
        }
        if not found["body"] and account.setting("body") and account.setting("content_type", JSON) == JSON:
            numbers = dict.fromkeys(("to_no_plus", "parts", "unicode", "coding", "data_coding"), "1")
            sample = dict.fromkeys(_IN_BODY, _SAMPLE) | numbers | {"params": '["a"]'}
            found["body"] = find_json_mistake(account.setting("body"), sample)
        if not account.setting("success").replace("*", "") and not account.setting("id_pointer"):
            found["success"] = "Nothing says when a message was taken; give a text for success, or id_pointer."
        if (pointer := account.setting("id_pointer")) and not pointer.startswith("/"):
            found["id_pointer"] = f'"{pointer[:60]}" is no JSON pointer; write "/messages/0/id".'
        return {name: sentence for name, sentence in found.items() if sentence}

    def compose(self, messages: Sequence[OutgoingMessage], account: SendingAccount) -> OutboundRequest:
        message = require_one(messages)
        method, content_type = account.setting("method", "POST"), account.setting("content_type", JSON)
        values = _find_values(message, account)
        headers = {
            name: fill(value, values, write=str) for name, value in split_headers(account.setting("headers")).items()
        }
        body = "" if method == "GET" else fill_body(account.setting("body"), values, content_type=content_type)
        if body:
            headers = {"Content-Type": f"{content_type}; charset=utf-8"} | headers
        return OutboundRequest(
            method=method,
            url=fill_url(account.setting("url"), values),
            headers=headers | {"Idempotency-Key": message.id},
            body=body.encode(),
        )

    def outcomes(
        self, result: OutboundResult | LogLine, messages: Sequence[OutgoingMessage], account: SendingAccount
    ) -> list[Outcome]:
        trust_503 = account.setting("trust_503") == "yes"
        return read_outcomes(
            result, messages, account, read=partial(_read_answer, account=account), trust_503=trust_503
        )


# ---- what we send -----------------------------------------------------------------------------------


def _find_header_mistake(written: str) -> str:
    try:
        headers = split_headers(written)
    except ValueError as error:
        return str(error)
    if "idempotency-key" in map(str.lower, headers):
        return "Idempotency-Key is our own id always; leave it out."
    return next(filter(None, (find_place_mistake(value, _IN_HEADERS) for value in headers.values())), "")


def _find_values(message: OutgoingMessage, account: SendingAccount) -> dict[str, str]:
    credentials = {name: str(account.credentials.get(name, "")) for name in ("key", "user", "password")}
    basic = base64.b64encode(f"{credentials['user']}:{credentials['password']}".encode()).decode()
    return credentials | {
        "id": message.id,
        "to": f"+{message.mobile}",
        "to_no_plus": str(message.mobile),
        "from": account.name,
        "channel": account.channel,
        "purpose": account.purpose,
        "keyword": account.keyword,
        "basic": basic,
        "text": message.text,
        "parts": str(message.parts),
        **_CODINGS[message.encoding],
        "valid_seconds": "" if message.valid_seconds is None else str(message.valid_seconds),
        "link_id": message.link_id,
        "template": message.template,
        "language": message.language,
        "params": msgspec.json.encode(message.params).decode(),
        "reports_url": with_query(account.reports_url, {"id": message.id}),
    }


def _read_answer(response: OutboundResponse, *, account: SendingAccount) -> Iterable[Entry]:
    """What the operator's patterns find. A 400 that is no page for people refuses the message."""
    text = response.body.decode(errors="replace")
    says = " ".join(text.split())
    if text.lstrip().startswith("<!") or "<html" in text[:1_000].lower():
        raise Malformed("The answer is a page for people.")
    provider_id = _find_id(response.body, account.setting("id_pointer"))
    success = account.setting("success")
    # What may have been taken is not sent again, whatever else the answer says.
    if 200 <= response.status <= 299 and (contains(text, success) if success else provider_id):
        return [Entry(word="accepted", provider_id=provider_id)]
    if _holds(text, account.setting("stop")):
        return [Entry(word="stop", says=says)]
    return [Entry(word="refused" if _holds(text, account.setting("refused")) else None, says=says)] if says else []


def _holds(text: str, pattern: str) -> bool:
    return bool(pattern) and contains(text, pattern)


def _find_id(body: bytes, pointer: str) -> str:
    """The id that the pointer leads to; blank if it leads to none."""
    try:
        found = find_by_pointer(msgspec.json.decode(body), pointer) if pointer else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return str(found).strip() if isinstance(found, str | int) and not isinstance(found, bool) else ""


# ---- what they send ---------------------------------------------------------------------------------


def _is_form(request: InboundRequest) -> bool:
    """Whether it is a form or a query; programs send JSON by that name too."""
    return request.method == "GET" or (
        "form" in request.media_type.lower()
        and not request.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"["))
    )


def _find_own_id(request: InboundRequest) -> str:
    """Our id in the query, where we put it first; blank if it is not there."""
    return parse_qs(request.query, errors="replace").get("id", [""])[0]


def _read_lists(fields: Fields) -> Iterator[InboundEvent]:
    for name, read in _LISTS.items():
        yield from read_each(fields.each(name), partial(_read_item, read))


def _read_item(read: Callable[[Fields], InboundEvent], item: Fields) -> list[InboundEvent]:
    return [read(item)]


def _read_message(fields: Fields) -> InboundMessage:
    channel = fields.text("channel").lower() or "sms"
    if channel not in CHANNELS:
        raise fields.wrong("channel", f"one of {', '.join(CHANNELS)}")
    fields.require("text")
    number = fields.number("from")
    user_id = number if channel == "whatsapp" and is_user_id(number) else ""
    return InboundMessage(
        number="" if user_id else number,
        channel=channel,
        sender=fields.sender("to"),
        text=fields.text("text"),
        message_id=fields.message_id("id"),
        at=fields.moment("at"),
        user_id=user_id,
    )


def _read_signal(fields: Fields, *, kind: Literal["opt_out", "opt_in"]) -> InboundSignal:
    number, message_id, at = fields.number("mobile"), fields.message_id("id"), fields.moment("at")
    code, provider = fields.sender("code"), fields.text("provider").lower()
    if not provider:
        scope = _read_scope(fields)
        return InboundSignal(number, kind, scope, code=code or kind, message_id=message_id, at=at)
    if (provider, code) not in SIGNALS:
        raise fields.wrong("code", f"a code of {provider} that is about consent")
    sender = _read_sender(fields)
    return signal_of(provider, code, number=number, sender=sender, message_id=message_id, at=at, kind=kind)


def _read_sender(fields: Fields) -> str:
    """Our side; blank for any."""
    sender = fields.sender("sender")
    return "" if sender.casefold() in ("any", ANY) else sender


def _read_scope(fields: Fields) -> Scope:
    channel = _CHANNELS.get(fields.text("channel").lower())
    if channel is None:
        raise fields.wrong("channel", f"one of {', '.join(CHANNELS)}")
    purpose = _PURPOSES.get(fields.text("purpose").lower())
    if purpose is None:
        raise fields.wrong("purpose", f"one of {', '.join(PURPOSES)}")
    return Scope(channel=channel, sender=_read_sender(fields) or ANY, purpose=purpose)


def _read_subscription(fields: Fields) -> InboundSubscription:
    active = _FLAGS.get(str(fields.given("active")).strip().lower())
    if active is None:
        raise fields.wrong("active", "true or false")
    return InboundSubscription(
        number=fields.number("mobile"),
        sender=fields.sender("sender"),
        keyword=fields.sender("keyword"),
        active=active,
        message_id=fields.message_id("id"),
        at=fields.moment("at"),
    )


def _read_report(fields: Fields, *, own_id: str = "") -> DeliveryReport:
    written = fields.text(*_STATE)
    state = STATES.get(written.lower()) or _NUMBERED.get(written)
    if state is None:
        raise fields.wrong("state", "accepted, delivered, failed or expired")
    own_id, provider_id = own_id or fields.text("id"), fields.text("provider_id")
    if not own_id and not provider_id:
        raise Malformed("A report must have the id that we sent, or provider_id.")
    return DeliveryReport(
        state=state,
        provider_id=provider_id[:MESSAGE_ID_MAX],
        own_id=own_id[:MESSAGE_ID_MAX],
        number=fields.text("mobile"),
        code=fields.text("code")[:CODE_MAX],
        says=fields.text("text")[:REASON_MAX],
        at=fields.moment("at"),
        part=read_count(fields, "part"),
        parts=read_count(fields, "parts"),
    )


_KINDS: MappingProxyType[str, Callable[[Fields], InboundEvent]] = MappingProxyType(
    {
        "message": _read_message,
        "opt_out": partial(_read_signal, kind="opt_out"),
        "opt_in": partial(_read_signal, kind="opt_in"),
        "subscription": _read_subscription,
        "report": _read_report,
    }
)
_LISTS = MappingProxyType({f"{kind}s": read for kind, read in _KINDS.items()})
