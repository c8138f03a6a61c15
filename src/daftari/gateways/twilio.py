"""Twilio: SMS and WhatsApp, and forms for messages and delivery reports, signed together with the address.

The signature covers the exact public URL, so the address that the operator gives to Twilio must be the one that
the service knows as its own. Numbers of WhatsApp and RCS carry a prefix. A number may be
set to call with GET, which signs the URL alone. A call carries one message. Our id is in the address of its reports, so
that a report finds the message although the answer was lost.
No consent rules, no database.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Literal
from urllib.parse import parse_qs, parse_qsl, quote

import msgspec
from msgspec.structs import replace

from daftari.errors import Forged, Malformed
from daftari.gateways.answers import (
    CODE_MAX,
    Entry,
    outcome_of,
    read_check_answer,
    read_count,
    read_json_answer,
    read_listed,
    read_outcomes,
)
from daftari.gateways.calls import base_url, get_json, post_form, require_one, with_query
from daftari.gateways.fields import FORM_FIELDS_MAX, Fields, read_fields, read_person
from daftari.gateways.protocol import (
    AccountField,
    Checked,
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
from daftari.gateways.signatures import is_same, require_secret
from daftari.model.inbound import DeliveryReport, InboundDoubt, InboundEvent, InboundMessage, InboundRequest
from daftari.model.limits import MESSAGE_ID_MAX, REASON_MAX
from daftari.model.secrets import Secret
from daftari.outbound.exchange import OutboundRequest, OutboundResponse, OutboundResult

Meaning = Literal["opt_out", "opt_in", "help"]

_MEANINGS: MappingProxyType[str, Meaning] = MappingProxyType({"STOP": "opt_out", "START": "opt_in", "HELP": "help"})
_CHANNELS = MappingProxyType({"whatsapp": "whatsapp", "rcs": "sms"})
"""Twilio shares what RCS and SMS say about consent, so the two are one channel."""
_ID = ("MessageSid", "SmsMessageSid", "SmsSid")
_UNSUBSCRIBED = "21610"
_BLOCKED = "63014"
_ADDRESS = re.compile(r"(https?)://([^/?#:]+)(:[0-9]+)?(?=[/?#]|$)")
_PORTS = MappingProxyType({"https": ":443", "http": ":80"})

_OWN_ID = "message"
"""The field of the query in which a report repeats our id."""

_URL = "https://api.twilio.com"
_VALID_SECONDS_MAX = 36_000
_LISTED_MAX = 100
"""Messages in one list. A full one may leave out some, and so proves nothing."""
_CLOCKS_DIFFER_SECONDS = 60
_PHONE_DIGITS_MIN = 7
"""A sender of fewer digits is a short code, which has no ``+``."""

OUTCOMES: Mapping[str, OutcomeWord] = MappingProxyType(
    {
        "21610": "opt_out",
        **dict.fromkeys(("21211", "21214", "21614", "30005", "30006"), "dead"),
        **dict.fromkeys(("21612", "30003", "30004", "30007", "30008", "30017", "30036", _BLOCKED), "refused"),
        **dict.fromkeys(("63016", "63024", "63032", "63049"), "refused"),
        **dict.fromkeys(("20003", "20404", "21408", "21601", "21606"), "stop"),
        **dict.fromkeys(("20429", "21611", "30001", "30022", "63018"), "slow"),
        # Twilio says that a request which ended so may have been obeyed.
        "20500": "unknown",
    }
)
"""What a code means in the answer to a send."""


class Twilio(Gateway, SendingGateway):
    """The gateway of twilio.com."""

    name = "twilio"
    title = "Twilio"
    channels = ("sms", "whatsapp")
    settings = (
        AccountField("account_sid", "Account SID, AC…: console, Account info.", is_required=True),
        AccountField("api_key_sid", "API key SID, SK…, if the secret below is an API key's and not the Auth Token."),
        AccountField("messaging_service_sid", "Messaging Service SID, MG…, if a service chooses the number."),
        base_url(_URL),
    )
    credentials = (
        AccountField(
            "secret", "The Auth Token: console, Account info. Or the secret of the API key.", is_required=True
        ),
        AccountField("auth_token", "The Auth Token, by which reports are verified, if the secret is an API key's."),
    )
    signing_credential = "auth_token"
    pool_setting = "messaging_service_sid"
    reference = "echo"
    lookup_channels = ("sms",)
    codes = OUTCOMES
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
            return [*_read_status(fields), *_read_delivery(fields, request)]
        if fields.holds("Body"):
            return _read_message(fields)
        raise Malformed("The form is neither a message nor a message's status.")

    def find_signing_secret(self, account: SendingAccount) -> Secret | None:
        own = None if account.setting("api_key_sid") else account.credentials.get("secret")
        return account.credentials.get("auth_token") or own

    def compose(self, messages: Sequence[OutgoingMessage], account: SendingAccount) -> OutboundRequest:
        message = require_one(messages)
        form = {"To": _write_address(str(message.mobile), account.channel)}
        if service := account.setting("messaging_service_sid"):
            form["MessagingServiceSid"] = service
        else:
            form["From"] = _write_address(account.name, account.channel)
        if message.template:
            numbered = {str(number): param for number, param in enumerate(message.params, 1)}
            form |= {
                "ContentSid": message.template,
                "ContentVariables": msgspec.json.encode(numbered).decode() if numbered else "",
            }
        else:
            # With smart encoding, another text than the one we counted would be sent.
            form |= {"Body": message.text, "SmartEncoded": "false"}
        if message.valid_seconds is not None:
            form["ValidityPeriod"] = str(min(max(message.valid_seconds, 1), _VALID_SECONDS_MAX))
        form["StatusCallback"] = with_query(account.reports_url, {_OWN_ID: message.id})
        return post_form(_find_url(account, "Messages.json"), form, headers=_headers(account))

    def outcomes(
        self, result: OutboundResult | LogLine, messages: Sequence[OutgoingMessage], account: SendingAccount
    ) -> list[Outcome]:
        return read_outcomes(result, messages, account, read=_read_answer)

    def compose_check(self, account: SendingAccount) -> OutboundRequest:
        return get_json(_find_url(account, "Balance.json"), headers=_headers(account))

    def read_check(self, result: OutboundResult, account: SendingAccount) -> Checked:
        return read_check_answer(result, account, read=_read_balance)

    def compose_lookup(self, message: OutgoingMessage, account: SendingAccount, *, sent_at: int) -> OutboundRequest:
        # Days are those of UTC. One before, in case the clocks differ at midnight.
        day = datetime.fromtimestamp(sent_at / 1_000_000, UTC).date() - timedelta(days=1)
        asked = {
            "To": _write_address(str(message.mobile), account.channel),
            "DateSent>": day.isoformat(),
            "PageSize": str(_LISTED_MAX),
        }
        return get_json(with_query(_find_url(account, "Messages.json"), asked), headers=_headers(account))

    def read_lookup(
        self,
        result: OutboundResult,
        message: OutgoingMessage,
        account: SendingAccount,
        *,
        sent_at: int,
        known: Collection[str],
    ) -> Outcome | None:
        """Exactly one message with this text, from this sender, since it was sent, is taken for it."""
        sender = _write_address(account.name, account.channel)
        listed = read_listed(result, "messages")
        found = [
            one
            for one in listed
            if one.text("sid") not in known
            and one.given("body") == message.text != ""
            and (account.setting("messaging_service_sid") or one.text("from") == sender)
            and _is_since(one.text("date_created"), sent_at)
        ]
        if len(found) != 1 or len(listed) >= _LISTED_MAX:
            return None
        return outcome_of(message, _read_resource(found[0]), account)


# ---- what we send -----------------------------------------------------------------------------------


def _headers(account: SendingAccount) -> dict[str, str]:
    user = account.setting("api_key_sid") or account.setting("account_sid")
    pair = f"{user}:{account.credentials.get('secret', '')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _find_url(account: SendingAccount, resource: str) -> str:
    url = account.setting("base_url", _URL).rstrip("/")
    return f"{url}/2010-04-01/Accounts/{quote(account.setting('account_sid'), safe='')}/{resource}"


def _write_address(number: str, channel: str) -> str:
    """A number with ``+`` and its channel; a name or a short code as it is."""
    digits = number.removeprefix("+")
    if digits.isascii() and digits.isdecimal() and len(digits) >= _PHONE_DIGITS_MIN:
        number = f"+{digits}"
    return f"whatsapp:{number}" if channel == "whatsapp" else number


def _read_answer(response: OutboundResponse) -> Iterable[Entry]:
    fields = read_json_answer(response)
    if fields.text("sid"):
        return [_read_resource(fields)]
    code, says = fields.text("code"), fields.text("message")
    if not code:
        raise Malformed("The answer has neither a message's sid nor a code.")
    return [Entry(word=OUTCOMES.get(code), code=code, says=says)]


def _read_resource(fields: Fields) -> Entry:
    """A message as Twilio has it."""
    code, status = fields.text("error_code"), fields.text("status").lower()
    has_failed = bool(code) or STATES.get(status) == "failed"
    return Entry(
        word=OUTCOMES.get(code, "refused") if has_failed else "accepted",
        code=code or status,
        says=fields.text("error_message"),
        provider_id=fields.text("sid"),
        parts=read_count(fields, "num_segments"),
        cost=f"{price} {fields.text('price_unit')}" if (price := fields.text("price")) else "",
    )


def _is_since(written: str, sent_at: int) -> bool:
    """Whether a time of Twilio's is not before a moment, by clocks that may differ a little."""
    try:
        at = parsedate_to_datetime(written).timestamp()
    except (ValueError, OverflowError):
        return False
    return at >= sent_at / 1_000_000 - _CLOCKS_DIFFER_SECONDS


def _read_balance(fields: Fields) -> Checked:
    balance = f"{fields.text('balance')} {fields.text('currency')}".strip()
    if not balance:
        raise Malformed("The answer has no balance.")
    return Checked(works=True, says=f"The balance is {balance}.", balance=balance)


# ---- what they send ---------------------------------------------------------------------------------


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


def _read_delivery(fields: Fields, request: InboundRequest) -> list[InboundEvent]:
    """What a status says happened to a message; not of one that a person sent."""
    state = STATES.get(fields.text("MessageStatus").lower())
    provider_id = fields.text(*_ID)[:MESSAGE_ID_MAX]
    if state is None or not provider_id:
        return []
    own_ids = parse_qs(request.query, errors="replace").get(_OWN_ID, [""])
    return [
        DeliveryReport(
            state=state,
            provider_id=provider_id,
            own_id=own_ids[0][:MESSAGE_ID_MAX],
            number=read_person(_read_address(fields.text("To"))[1])[0],
            code=fields.text("ErrorCode")[:CODE_MAX],
            says=fields.text("ErrorMessage")[:REASON_MAX],
        )
    ]
