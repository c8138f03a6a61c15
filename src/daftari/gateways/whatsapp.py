"""The WhatsApp Cloud API of Meta: approved templates, and one signed JSON body for all that happens.

That is messages, marketing preferences and statuses. A call carries one message, and our id, which each of its statuses
repeats; many errors come there alone, after an answer of 200.

A preference is about marketing alone and about one business number alone. Of people with a username the number may be
withheld; then they have an id. Meta checks the address with a GET before it
sends anything.
No consent rules, no database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal
from urllib.parse import parse_qsl, quote

from daftari.errors import Forged, Malformed
from daftari.gateways.answers import CODE_MAX, Entry, read_check_answer, read_json_answer, read_outcomes
from daftari.gateways.calls import base_url, get_json, post_json, require_one, write_template
from daftari.gateways.fields import (
    FORM_FIELDS_MAX,
    Fields,
    read_each,
    read_json,
    read_person,
    refuse_unreadable,
    whatsapp_said,
)
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
from daftari.gateways.signals import PREFERENCES, signal_of
from daftari.gateways.signatures import is_same, require_secret, sign
from daftari.model.inbound import (
    DeliveryReport,
    InboundDoubt,
    InboundEvent,
    InboundLink,
    InboundMessage,
    InboundRequest,
)
from daftari.model.limits import MESSAGE_ID_MAX, REASON_MAX, SENDER_MAX, USER_ID_MAX
from daftari.outbound.exchange import OutboundRequest, OutboundResponse, OutboundResult

_READ = frozenset({"", "messages", PREFERENCES})
"""The kinds of change that are read; others repeat what was said elsewhere, or what we said."""
_PREFERENCES: MappingProxyType[str, Literal["opt_out", "opt_in"]] = MappingProxyType(
    {"stop": "opt_out", "resume": "opt_in", "signup": "opt_in"}
)
_MARKETING = frozenset({"", "marketing", "marketing_messages"})
_STOPPED_MARKETING = "131050"
_PERSONS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "contacts": ("wa_id", "user_id", "parent_user_id"),
        "messages": ("from", "from_user_id", "from_parent_user_id"),
        "user_preferences": ("wa_id", "user_id", "parent_user_id"),
        "statuses": ("recipient_id", "recipient_user_id", "recipient_parent_user_id"),
    }
)
"""Where a person's number is, and the ids that a person has when the number is withheld."""

_URL = "https://graph.facebook.com"
_VERSION = "v25.0"
_TEMPLATE_CODES = (
    *("131063", "132000", "132001", "132005", "132007", "132008", "132012", "132015", "132016"),
    *("132068", "132069"),
)

OUTCOMES: Mapping[str, OutcomeWord] = MappingProxyType(
    {
        _STOPPED_MARKETING: "opt_out",
        # 131026 says that the number has no WhatsApp, or an old one: no reason to call it dead.
        **dict.fromkeys(("100", "130472", "131008", "131009", "131021", "131026", "131030"), "refused"),
        **dict.fromkeys(("131047", "131049", "131051", "131052", "131053", "131062", "137000"), "refused"),
        **dict.fromkeys(("4", "80007", "130429", "131048", "131056", "131064", "133016"), "slow"),
        # Errors of Meta's own do not say that nothing was sent.
        **dict.fromkeys(("1", "2", "131000", "131016", "131057", "135000"), "unknown"),
        **dict.fromkeys(_TEMPLATE_CODES, "stop"),
        **dict.fromkeys(("0", "3", "10", "33", "190", "368", "130497", "131005", "131031", "131037"), "stop"),
        **dict.fromkeys(("131042", "131044", "131045", "133010"), "stop"),
        **dict.fromkeys(map(str, range(200, 300)), "stop"),
    }
)
"""What a code means in the answer to a send."""


class WhatsApp(Gateway, SendingGateway):
    """The gateway of the WhatsApp Business Platform, in the cloud."""

    name = "whatsapp"
    title = "WhatsApp"
    channels = ("whatsapp",)
    settings = (
        AccountField("phone_number_id", "Phone number ID: app dashboard, WhatsApp, API Setup.", is_required=True),
        AccountField(
            "marketing_endpoint",
            "yes sends marketing templates by Meta's own call for them, which some accounts must use.",
            default="no",
            one_of=("no", "yes"),
        ),
        AccountField("version", "The version of the Graph API.", default=_VERSION),
        base_url(_URL),
    )
    credentials = (
        AccountField("access_token", "A permanent access token of a system user.", is_required=True),
        AccountField("app_secret", "App dashboard, App settings, Basic: reports and replies are refused without it."),
    )
    signing_credential = "app_secret"
    reference = "echo"
    codes = OUTCOMES
    template_codes = frozenset(_TEMPLATE_CODES)
    secret_name = "App Secret"
    proof_headers = ("x-hub-signature-256",)
    secret_required = True
    has_check = True

    def verify(self, request: InboundRequest, *, proof: Proof) -> None:
        secret = require_secret(proof, title=self.title)
        given = request.headers.get("x-hub-signature-256", "").strip()
        if not is_same(given, f"sha256={sign(request.body, secret=secret)}"):
            raise Forged

    def read(self, request: InboundRequest) -> list[InboundEvent]:
        fields = read_json(request)
        fields.require("entry")
        return refuse_unreadable(read_each(fields.each("entry"), _read_entry))

    def check(self, request: InboundRequest, *, proof: Proof) -> bytes:
        try:
            asked = dict(parse_qsl(request.query, errors="replace", max_num_fields=FORM_FIELDS_MAX))
        except ValueError:
            raise Forged from None
        token = proof.verify_token
        if not token or not is_same(asked.get("hub.verify_token", ""), token) or asked.get("hub.mode") != "subscribe":
            raise Forged("The verify token is not the one that is kept for this address.")
        return asked.get("hub.challenge", "").encode()

    def compose(self, messages: Sequence[OutgoingMessage], account: SendingAccount) -> OutboundRequest:
        message = require_one(messages)
        is_marketing = account.purpose == "marketing" and account.setting("marketing_endpoint") == "yes"
        sent: dict[str, object] = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": str(message.mobile),
            "biz_opaque_callback_data": message.id,
        }
        if message.template:
            sent |= {"type": "template", "template": write_template(message)}
        else:
            sent |= {"type": "text", "text": {"body": message.text}}
        path = "marketing_messages" if is_marketing and message.template else "messages"
        return post_json(f"{_find_url(account)}/{path}", sent, headers=_headers(account))

    def outcomes(
        self, result: OutboundResult | LogLine, messages: Sequence[OutgoingMessage], account: SendingAccount
    ) -> list[Outcome]:
        return read_outcomes(result, messages, account, read=_read_answer)

    def compose_check(self, account: SendingAccount) -> OutboundRequest:
        url = f"{_find_url(account)}?fields=display_phone_number,verified_name,quality_rating"
        return get_json(url, headers=_headers(account))

    def read_check(self, result: OutboundResult, account: SendingAccount) -> Checked:
        return read_check_answer(result, account, read=_read_phone)


# ---- what we send -----------------------------------------------------------------------------------


def _headers(account: SendingAccount) -> dict[str, str]:
    return {"Authorization": f"Bearer {account.credentials.get('access_token', '')}"}


def _find_url(account: SendingAccount) -> str:
    places = (account.setting("version", _VERSION), account.setting("phone_number_id"))
    return "/".join((account.setting("base_url", _URL).rstrip("/"), *(quote(place, safe="") for place in places)))


def _read_answer(response: OutboundResponse) -> Iterable[Entry]:
    fields = read_json_answer(response)
    if fields.holds("error"):
        error = fields.within("error")
        code = error.text("code")
        says = error.part("error_data").text("details") or error.text("message")
        return [Entry(word=OUTCOMES.get(code), code=code, says=says)]
    # The person's own id may differ from the number that we sent to, and there is only one.
    ids = [message.text("id") for message in fields.each("messages")]
    if len(ids) != 1 or not ids[0]:
        raise Malformed("The answer has neither a message's id nor an error.")
    status = fields.each("messages")[0].text("message_status")
    return [Entry(word="accepted", code=status, provider_id=ids[0])]


def _read_phone(fields: Fields) -> Checked:
    number = fields.text("display_phone_number")
    if not number:
        raise Malformed("The answer has no number.")
    name, quality = fields.text("verified_name"), fields.text("quality_rating")
    return Checked(works=True, says=f"The number is {number}, the name {name}, the quality {quality or 'not known'}.")


# ---- what they send ---------------------------------------------------------------------------------


def _read_entry(entry: Fields) -> Iterator[InboundEvent]:
    yield from read_each(entry.each("changes"), _read_change)


def _read_change(change: Fields) -> Iterator[InboundEvent]:
    """The events of a change; of a kind that is not read only who is who."""
    value = change.within("value")
    yield from _read_links(value)
    if change.text("field") in _READ:
        yield from _read_value(value)


def _read_links(value: Fields) -> Iterator[InboundLink]:
    """The persons whose id and number are both named. What is in no known form is passed over."""
    found: dict[tuple[str, str], None] = {}
    for name, (number_name, *user_names) in _PERSONS.items():
        items = value.each(name) if isinstance(value.given(name), list) else []
        for item in items:
            number, user_id = read_person(item.text(number_name), item.text(*user_names))
            if number and 0 < len(user_id) <= USER_ID_MAX:
                found[number, user_id] = None
    return (InboundLink(number, user_id) for number, user_id in found)


def _read_value(value: Fields) -> Iterator[InboundEvent]:
    metadata = value.within("metadata")
    ours = "".join(filter(str.isdecimal, metadata.sender("display_phone_number"))) or metadata.sender("phone_number_id")
    contacts = value.each("contacts") if isinstance(value.given("contacts"), list) else []
    # A message may leave the person to the only contact.
    contact = contacts[0] if len(contacts) == 1 else None
    yield from read_each(value.each("messages"), lambda item: _read_message(item, contact, sender=ours))
    yield from read_each(value.each("user_preferences"), lambda item: _read_preference(item, contact, sender=ours))
    yield from read_each(value.each("statuses"), lambda item: _read_status(item, sender=ours))


def _read_person(item: Fields, contact: Fields | None, name: str) -> tuple[str, str]:
    """A person's number and id. Raises ``Malformed`` when there is neither."""
    number_name, *user_names = _PERSONS[name]
    number, user_id = read_person(item.text(number_name), item.user_id(*user_names))
    if not number and not user_id and contact is not None:
        number, user_id = read_person(contact.text("wa_id"), contact.user_id("user_id", "parent_user_id"))
    return (number, user_id) if number or user_id else (item.number(number_name), "")


def _read_message(message: Fields, contact: Fields | None, *, sender: str) -> Iterator[InboundEvent]:
    number, user_id = _read_person(message, contact, "messages")
    said = whatsapp_said(message)
    if said.text or said.payload:
        yield InboundMessage(
            number=number,
            channel="whatsapp",
            sender=sender,
            text=said.text,
            message_id=message.message_id("id"),
            at=message.moment("timestamp"),
            payload=said.payload,
            is_edit=said.is_edit,
            user_id=user_id,
        )


def _read_preference(preference: Fields, contact: Fields | None, *, sender: str) -> Iterator[InboundEvent]:
    if preference.text("category").lower() not in _MARKETING:
        return
    number, user_id = _read_person(preference, contact, "user_preferences")
    at = preference.moment("timestamp")
    value = preference.text("value").lower()
    kind = _PREFERENCES.get(value)
    if kind is None:
        why = f"is a preference with the unknown value {value[:SENDER_MAX]!r}"
        said = preference.text("detail", "value")
        yield InboundDoubt(number or None, "whatsapp", sender, said, why, message_id=None, at=at, user_id=user_id)
        return
    # A sign-up has an id of its own, which is part of the proof that the person asked for it.
    signup = preference.message_id("signup_id")
    yield signal_of(
        "whatsapp", PREFERENCES, number=number, sender=sender, message_id=signup, at=at, kind=kind, user_id=user_id
    )


def _read_status(status: Fields, *, sender: str) -> Iterator[InboundEvent]:
    if any(error.text("code") == _STOPPED_MARKETING for error in status.each("errors")):
        number, user_id = read_person(status.text("recipient_id"), status.user_id(*_PERSONS["statuses"][1:]))
        yield signal_of(
            "whatsapp",
            _STOPPED_MARKETING,
            number=number,
            sender=sender,
            message_id=status.message_id("id"),
            at=status.moment("timestamp"),
            user_id=user_id,
        )
    if delivery := _read_delivery(status):
        yield delivery


def _read_delivery(status: Fields) -> DeliveryReport | None:
    state = STATES.get(status.text("status").lower())
    message_id = status.text("id")[:MESSAGE_ID_MAX]
    if state is None or not message_id:
        return None
    errors = status.each("errors") if isinstance(status.given("errors"), list) else []
    error = errors[0] if errors else status.part("errors")
    return DeliveryReport(
        state=state,
        provider_id=message_id,
        own_id=status.text("biz_opaque_callback_data")[:MESSAGE_ID_MAX],
        number=read_person(status.text("recipient_id"))[0],
        code=error.text("code")[:CODE_MAX],
        says=(error.part("error_data").text("details") or error.text("message", "title"))[:REASON_MAX],
        at=status.moment("timestamp"),
    )
