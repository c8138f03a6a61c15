"""Twilio: forms for messages and delivery reports, signed together with the address.

The signature covers the exact public URL, so the address that the operator gives to Twilio must be the one that
the service knows as its own. Numbers of WhatsApp and RCS carry a prefix. A number may be
set to call with GET, which signs the URL alone.
No consent rules, no database.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Literal
from urllib.parse import parse_qs, parse_qsl

from msgspec.structs import replace

from daftari.errors import Forged, Malformed
from daftari.gateways.fields import FORM_FIELDS_MAX, Fields, read_fields, read_person
from daftari.gateways.protocol import Gateway, Proof
from daftari.gateways.signals import signal_of
from daftari.gateways.signatures import is_same, require_secret
from daftari.model.inbound import InboundDoubt, InboundEvent, InboundMessage, InboundRequest

Meaning = Literal["opt_out", "opt_in", "help"]

_MEANINGS: MappingProxyType[str, Meaning] = MappingProxyType({"STOP": "opt_out", "START": "opt_in", "HELP": "help"})
_CHANNELS = MappingProxyType({"whatsapp": "whatsapp", "rcs": "sms"})
"""Twilio shares what RCS and SMS say about consent, so the two are one channel."""
_ID = ("MessageSid", "SmsMessageSid", "SmsSid")
_UNSUBSCRIBED = "21610"
_BLOCKED = "63014"
_ADDRESS = re.compile(r"(https?)://([^/?#:]+)(:[0-9]+)?(?=[/?#]|$)")
_PORTS = MappingProxyType({"https": ":443", "http": ":80"})


class Twilio(Gateway):
    """The gateway of twilio.com."""

    name = "twilio"
    title = "Twilio"
    secret_name = "Auth Token"
    proof_headers = ("x-twilio-signature",)
    secret_required = True
    accepts_get = True
    signs_url = True
    reply = ("text/xml", b"<Response/>")

    def verify(self, request: InboundRequest, *, proof: Proof) -> None:
        secret = require_secret(proof, title=self.title)
        given = request.headers.get("x-twilio-signature", "").strip()
        signed = _signed_body(request)
        if not any(is_same(given, sign(url + signed, token=secret)) for url in _spellings(request.url)):
            raise Forged

    def read(self, request: InboundRequest) -> list[InboundEvent]:
        fields = read_fields(request)
        if fields.holds("MessageStatus", "ErrorCode"):
            return _read_status(fields)
        if fields.holds("Body"):
            return _read_message(fields)
        raise Malformed("The form is neither a message nor a message's status.")


def sign(text: str, *, token: str) -> str:
    """Twilio's signature: HMAC-SHA1 in base 64."""
    digest = hmac.new(token.encode(), text.encode(errors="surrogatepass"), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def _signed_body(request: InboundRequest) -> str:
    """What is signed after the URL: a form's pairs in order; nothing if the URL has the fields or the body's digest."""
    if request.method == "GET":
        return ""
    digests = parse_qs(request.query, errors="replace").get("bodySHA256")
    if digests:
        if not is_same(hashlib.sha256(request.body).hexdigest(), digests[0]):
            raise Forged
        return ""
    try:
        text = request.body.decode(errors="replace")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX)
    except ValueError:
        raise Forged from None
    # A field that is repeated with one value is signed once.
    return "".join(name + value for name, value in sorted(set(pairs)))


def _spellings(url: str) -> Iterator[str]:
    """The URL with and without its port: Twilio signs either, by product and age."""
    yield url
    if found := _ADDRESS.match(url):
        scheme, host, port = found.groups()
        yield f"{scheme}://{host}{'' if port else _PORTS[scheme]}{url[found.end() :]}"


def _read_address(written: str) -> tuple[str, str]:
    """The channel of a number, and the number without its prefix."""
    prefix, _, number = written.partition(":")
    channel = _CHANNELS.get(prefix.strip().lower())
    return ("sms", written) if channel is None else (channel, number.strip())


def _read_message(fields: Fields) -> list[InboundEvent]:
    channel, number = _read_address(fields.number("From"))
    if not number:
        raise fields.wrong("From", "a number")
    means = _MEANINGS.get(fields.text("OptOutType").upper())
    text = fields.text("Body")
    payload = fields.text("ButtonPayload")
    if not text and not payload and means is None:
        return []
    number, user_id = read_person(number)
    return [
        InboundMessage(
            number=number,
            channel=channel,
            sender=_read_address(fields.sender("To"))[1],
            text=text,
            message_id=fields.message_id(*_ID),
            at=None,
            means=means,
            payload=payload,
            user_id=user_id,
        )
    ]


def _read_status(fields: Fields) -> list[InboundEvent]:
    code = fields.text("ErrorCode")
    if code not in (_UNSUBSCRIBED, _BLOCKED):
        return []
    channel, number = _read_address(fields.number("To"))
    number, user_id = read_person(number)
    sender, message_id = _read_address(fields.sender("From"))[1], fields.message_id(*_ID)
    if code == _BLOCKED:
        why = f"is the code {code} of the provider: the person blocked the sender"
        return [InboundDoubt(number or None, channel, sender, "", why, message_id=message_id, at=None, user_id=user_id)]
    signal = signal_of("twilio", code, number=number, sender=sender, message_id=message_id, at=None, user_id=user_id)
    return [replace(signal, scope=replace(signal.scope, channel=channel))]
