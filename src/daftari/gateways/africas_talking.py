"""Africa's Talking: SMS and premium SMS, and forms for what happens to them, distinguished by their fields.

There are messages, opt-outs, subscriptions and delivery reports. The JSON that answers a send is read too, for programs
that pass it on. A call carries one text to many numbers; there is no id of ours in it, and what was sent cannot be
looked up. Their newer endpoint for SMS takes JSON; premium SMS and the sandbox know the older one alone, a form.

Nothing in them proves where they come from: the unguessable path is the proof. The ``date`` of a message has no zone,
so it is no time.
No consent rules, no database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from daftari.errors import Malformed
from daftari.gateways.answers import (
    CODE_MAX,
    Entry,
    read_check_answer,
    read_entries,
    read_json_answer,
    read_outcomes,
)
from daftari.gateways.calls import base_url, get_json, post_form, post_json, require_one_text, with_query
from daftari.gateways.fields import Fields, international, read_each, read_fields, refuse_unreadable
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
from daftari.gateways.signals import OPTED_OUT, signal_of
from daftari.model.inbound import (
    DeliveryReport,
    InboundEvent,
    InboundMessage,
    InboundRequest,
    InboundSubscription,
)
from daftari.model.limits import MESSAGE_ID_MAX, REASON_MAX
from daftari.outbound.exchange import OutboundRequest, OutboundResponse, OutboundResult

_BLACKLISTED = frozenset({"406", "userinblacklist"})
_UPDATES = MappingProxyType({"addition": True, "deletion": False})
_STATUS = ("failureReason", "status", "statusCode")
_SENDER = ("from", "senderId")
_NO_ID = "None"
"""The id of a message that was never sent."""

_URL = "https://api.africastalking.com"
_CONTENT_URL = "https://content.africastalking.com"
_SANDBOX_URL = "https://api.sandbox.africastalking.com"
_SANDBOX = "sandbox"
"""The user name of every sandbox."""
_NUMBERS_MAX = 100
"""Numbers in one call: of all of them nothing is known when its answer is lost."""

OUTCOMES: Mapping[str, OutcomeWord] = MappingProxyType(
    {
        **dict.fromkeys(("100", "101", "102"), "accepted"),
        **dict.fromkeys(("401", "402", "405"), "stop"),
        **dict.fromkeys(("403", "404"), "dead"),
        "406": "opt_out",
        **dict.fromkeys(("407", "409", "502"), "refused"),
        # An error inside their system or a mobile network's does not say that the message was not passed on.
        **dict.fromkeys(("500", "501"), "unknown"),
    }
)
"""What a code means in the answer to a send."""
_NAMES = MappingProxyType(
    {
        "processed": "100",
        "sent": "101",
        "success": "101",
        "queued": "102",
        "riskhold": "401",
        "invalidsenderid": "402",
        "invalidphonenumber": "403",
        "unsupportednumbertype": "404",
        "insufficientbalance": "405",
        "insufficientcredit": "405",
        "userinblacklist": "406",
        "couldnotroute": "407",
        "donotdisturbrejection": "409",
        "internalservererror": "500",
        "gatewayerror": "501",
        "rejectedbygateway": "502",
    }
)
"""The codes by their names."""


class AfricasTalking(Gateway, SendingGateway):
    """The gateway of africastalking.com."""

    name = "africas_talking"
    title = "Africa's Talking"
    channels = ("sms", "premium_sms")
    settings = (
        AccountField("username", "The name of the app; sandbox for the sandbox.", is_required=True),
        AccountField(
            "endpoint",
            "bulk is the newer address for SMS; messaging is the older one, which the sandbox uses always.",
            default="bulk",
            one_of=("bulk", "messaging"),
        ),
        base_url(_URL),
        AccountField("content_url", "The same for premium SMS.", default=_CONTENT_URL),
    )
    credentials = (AccountField("api_key", "The app's API key: dashboard, Settings, API Key.", is_required=True),)
    personal = False
    codes = OUTCOMES

    def verify(self, request: InboundRequest, *, proof: Proof) -> None:
        """Nothing to verify: they sign nothing."""

    def read(self, request: InboundRequest) -> list[InboundEvent]:
        fields = read_fields(request)
        if fields.holds("SMSMessageData", "Recipients"):
            return _read_answer(fields)
        if fields.holds("updateType"):
            return [_read_subscription(fields)]
        if fields.holds("text"):
            return _read_message(fields)
        if fields.holds(*_STATUS):
            return _read_report(fields)
        if fields.holds("senderId"):
            return [_read_opt_out(fields)]
        raise Malformed("The form is neither a message, an opt-out, a subscription nor a delivery report.")

    def call_max(self, account: SendingAccount) -> int:
        return _NUMBERS_MAX

    def compose(self, messages: Sequence[OutgoingMessage], account: SendingAccount) -> OutboundRequest:
        message = require_one_text(messages)
        username = account.setting("username")
        numbers = [f"+{one.mobile}" for one in messages]
        is_premium = account.channel == "premium_sms"
        url = f"{_find_url(account, is_premium=is_premium)}/version1/messaging"
        if not is_premium and username != _SANDBOX and account.setting("endpoint") != "messaging":
            sent = {"username": username, "message": message.text, "senderId": account.name, "phoneNumbers": numbers}
            return post_json(f"{url}/bulk", sent, headers=_headers(account))
        form = {"username": username, "to": ",".join(numbers), "from": account.name, "message": message.text}
        if not is_premium:
            return post_form(url, form | {"bulkSMSMode": "1"}, headers=_headers(account))
        form |= {"bulkSMSMode": "0", "keyword": account.keyword, "linkId": message.link_id}
        if message.valid_seconds is not None:
            form["retryDurationInHours"] = str(max(1, message.valid_seconds // 3_600))
        return post_form(url, form, headers=_headers(account))

    def outcomes(
        self, result: OutboundResult | LogLine, messages: Sequence[OutgoingMessage], account: SendingAccount
    ) -> list[Outcome]:
        return read_outcomes(result, messages, account, read=_read_sent)

    def compose_check(self, account: SendingAccount) -> OutboundRequest:
        url = with_query(
            f"{_find_url(account, is_premium=False)}/version1/user", {"username": account.setting("username")}
        )
        return get_json(url, headers=_headers(account))

    def read_check(self, result: OutboundResult, account: SendingAccount) -> Checked:
        return read_check_answer(result, account, read=_read_balance)


# ---- what we send -----------------------------------------------------------------------------------


def _headers(account: SendingAccount) -> dict[str, str]:
    return {"apiKey": account.credentials.get("api_key", "")}


def _find_url(account: SendingAccount, *, is_premium: bool) -> str:
    if account.setting("username") == _SANDBOX:
        url = account.setting("base_url", _SANDBOX_URL)
    elif is_premium:
        url = account.setting("content_url", _CONTENT_URL)
    else:
        url = account.setting("base_url", _URL)
    return url.rstrip("/")


def _read_sent(response: OutboundResponse) -> Iterable[Entry]:
    sent = read_json_answer(response).within("SMSMessageData")
    if recipients := sent.each("Recipients"):
        return read_entries(recipients, _read_recipient)
    says = sent.text("Message")
    if not says or says.lower().startswith("sent to"):
        raise Malformed("The answer names no recipients, and no reason.")
    # With a word in place of recipients they refuse all.
    code = _NAMES.get(says.lower(), says)
    default: OutcomeWord | None = "refused" if response.status in (200, 201) else None
    return [Entry(word=OUTCOMES.get(code, default), code=code, says=says)]


def _read_recipient(fields: Fields) -> Entry:
    code = _read_code(fields, "statusCode", "status")
    message_id = fields.text("messageId")
    return Entry(
        number=fields.number("number", "phoneNumber"),
        word=OUTCOMES.get(code),
        code=code,
        says=fields.text("status"),
        provider_id="" if message_id == _NO_ID else message_id,
        cost=fields.text("cost"),
    )


def _read_code(fields: Fields, *names: str) -> str:
    """The code of a status; its name, where there is no code for it."""
    written = fields.text(*names)
    return _NAMES.get(written.lower(), written)


def _read_balance(fields: Fields) -> Checked:
    balance = fields.within("UserData").text("balance")
    if not balance:
        raise Malformed("The answer has no balance.")
    return Checked(works=True, says=f"The balance is {balance}.", balance=balance)


# ---- what they send ---------------------------------------------------------------------------------


def _read_message(fields: Fields) -> list[InboundEvent]:
    number = international(fields.number("from"))
    if not fields.text("text"):
        return []
    return [
        InboundMessage(
            number=number,
            channel="sms",
            sender=fields.sender("to"),
            text=fields.text("text"),
            message_id=fields.message_id("id"),
            at=fields.moment("date"),
        )
    ]


def _read_opt_out(fields: Fields) -> InboundEvent:
    return signal_of(
        "africas_talking",
        OPTED_OUT,
        number=international(fields.number("phoneNumber")),
        sender=fields.sender("senderId"),
        message_id=None,
        at=None,
    )


def _read_subscription(fields: Fields) -> InboundEvent:
    active = _UPDATES.get(fields.text("updateType").lower())
    if active is None:
        raise fields.wrong("updateType", "addition or deletion")
    return InboundSubscription(
        number=international(fields.number("phoneNumber")),
        sender=fields.sender("shortCode"),
        keyword=fields.sender("keyword"),
        active=active,
        message_id=None,
        at=None,
    )


def _read_answer(fields: Fields) -> list[InboundEvent]:
    """The answer to a send, which a sending program passes on, perhaps with the sender next to it."""
    sent = fields.within("SMSMessageData") if fields.holds("SMSMessageData") else fields
    sender = fields.sender(*_SENDER) or sent.sender(*_SENDER)
    return refuse_unreadable(read_each(sent.each("Recipients"), lambda item: _read_report(item, sender=sender)))


def _read_report(fields: Fields, *, sender: str = "") -> list[InboundEvent]:
    delivery = _read_delivery(fields)
    if not any(fields.text(name).lower() in _BLACKLISTED for name in _STATUS):
        return delivery
    message_id = fields.message_id("id", "messageId")
    signal = signal_of(
        "africas_talking",
        "406",
        number=international(fields.number("phoneNumber", "number")),
        sender=fields.sender(*_SENDER) or sender,
        message_id=None if message_id == _NO_ID else message_id,
        at=None,
    )
    return [signal, *delivery]


def _read_delivery(fields: Fields) -> list[InboundEvent]:
    """What a report says happened to a message. The answer to a send is no report: it has no ``id``."""
    state = STATES.get(fields.text("status").lower())
    message_id = fields.text("id")[:MESSAGE_ID_MAX]
    if state is None or message_id in ("", _NO_ID):
        return []
    return [
        DeliveryReport(
            state=state,
            provider_id=message_id,
            number=international(fields.text("phoneNumber")),
            code=_read_code(fields, "failureReason", "status")[:CODE_MAX],
            says=fields.text("failureReason", "status")[:REASON_MAX],
        )
    ]
