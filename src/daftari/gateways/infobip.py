"""Infobip: SMS and WhatsApp, and a list of results as JSON, each a message or a delivery report.

``text`` is what the person wrote; ``cleanText`` lacks the keyword, so that a STOP may be missing from it. Proof is
basic authentication where the operator set it up, and the unguessable path otherwise. A call carries many messages,
each with its own text and with our id as its own: a second one with the same id is refused, so that a lost call may be
repeated.
No consent rules, no database.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from daftari.errors import Forged, Malformed
from daftari.gateways.answers import (
    CODE_MAX,
    Entry,
    outcome_of,
    read_check_answer,
    read_count,
    read_entries,
    read_json_answer,
    read_listed,
    read_outcomes,
)
from daftari.gateways.calls import get_json, post_json, with_query
from daftari.gateways.fields import Fields, read_each, read_json, read_person, refuse_unreadable
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
from daftari.gateways.signals import CONTENT_BLOCKED, MARKETING_STOPPED, UNSUBSCRIBED, signal_of
from daftari.gateways.signatures import is_same
from daftari.model.inbound import (
    DeliveryReport,
    InboundDoubt,
    InboundEvent,
    InboundMessage,
    InboundRequest,
    ReportState,
)
from daftari.model.limits import MESSAGE_ID_MAX, REASON_MAX, SENDER_MAX
from daftari.outbound.exchange import OutboundRequest, OutboundResponse, OutboundResult

_STOPPED = MappingProxyType(
    {
        MARKETING_STOPPED: MARKETING_STOPPED,
        "ec_marketing_opt_out": MARKETING_STOPPED,
        CONTENT_BLOCKED: CONTENT_BLOCKED,
        "ec_content_blocked": CONTENT_BLOCKED,
        UNSUBSCRIBED: UNSUBSCRIBED,
    }
)
"""Codes of errors that are opt-outs, by id and by name."""
_BLACKLISTED = frozenset({"2050", "ec_dest_address_blacklisted", "2052", "ec_blacklisted_destinationaddress"})
"""Codes of errors that say that a number is on a list of numbers not to send to."""
_REJECTED = frozenset(
    {"14", "rejected_destination_blocklisted", "rejected_destination_blacklisted", "10", "rejected_dnd"}
)
"""Codes of statuses that say the same."""

_MESSAGES_MAX = 100
_VALID_SECONDS_MAX = 48 * 3_600

_DUPLICATE, _DUPLICATE_ERROR = "status 23", "EC 5492"
"""The codes that refuse a message because its id was used before."""

OUTCOMES: Mapping[str, OutcomeWord] = MappingProxyType(
    {
        # Statuses: of the answer to a send, and of a report without an error.
        **dict.fromkeys(("status 3", "status 7", "status 26"), "accepted"),
        **dict.fromkeys(("status 2", "status 5"), "accepted"),
        # They have a message with our id already: this is the second time that we send it.
        _DUPLICATE: "accepted",
        **dict.fromkeys(("status 10", "status 14", "status 20"), "refused"),
        **dict.fromkeys(("status 11", "status 12", "status 17", "status 19", "status 52"), "stop"),
        # Errors: of reports, and of answers that take nothing.
        _DUPLICATE_ERROR: "accepted",
        **dict.fromkeys((f"EC {code}" for code in (CONTENT_BLOCKED, UNSUBSCRIBED, MARKETING_STOPPED)), "opt_out"),
        **dict.fromkeys((f"EC {code}" for code in (1, 9, 11, 12, 568, 569, 629, 3041)), "dead"),
        **dict.fromkeys((f"EC {code}" for code in (6, 27, 31, 32, 33, 34, 256, 500, 502, 2048)), "refused"),
        **dict.fromkeys((f"EC {code}" for code in (2050, 2052)), "refused"),
    }
)
"""What a code means. Statuses and errors have numbers of their own, so each code says which of the two it is."""
_GROUPS: Mapping[str, tuple[OutcomeWord, ReportState]] = MappingProxyType(
    {
        "0": ("accepted", "accepted"),
        "1": ("accepted", "accepted"),
        "2": ("refused", "failed"),
        "3": ("accepted", "delivered"),
        "4": ("refused", "expired"),
        "5": ("refused", "failed"),
    }
)
"""What a group of statuses means: in the answer to a send, and in a report."""
_GROUP_NAMES = MappingProxyType(
    {"accepted": "0", "pending": "1", "undeliverable": "2", "delivered": "3", "expired": "4", "rejected": "5"}
)


class Infobip(Gateway, SendingGateway):
    """The gateway of infobip.com."""

    name = "infobip"
    title = "Infobip"
    channels = ("sms", "whatsapp")
    settings = (
        AccountField(
            "base_url", "The account's own address, https://….api.infobip.com: portal, home.", is_required=True
        ),
    )
    credentials = (
        AccountField("api_key", "An API key with the scopes sms:message:send or whatsapp.", is_required=True),
        AccountField("webhook_secret", "user:password or the key that Infobip sends, if you set one there."),
    )
    signing_credential = "webhook_secret"
    reference = "own_id"
    lookup_channels = ("sms",)
    codes = OUTCOMES
    secret_name = "user:password"
    proof_headers = ("authorization",)

    def verify(self, request: InboundRequest, *, proof: Proof) -> None:
        if not proof.secret:
            return
        scheme, _, given = request.headers.get("authorization", "").strip().partition(" ")
        shown = {"basic": _decode(given), "app": given.strip().encode()}.get(scheme.lower(), b"")
        if not is_same(shown, proof.secret):
            raise Forged("The user, password or key is not the one that Infobip was given.")

    def read(self, request: InboundRequest) -> list[InboundEvent]:
        fields = read_json(request)
        fields.require("results")
        return refuse_unreadable(read_each(fields.each("results"), _read_result))

    def call_max(self, account: SendingAccount) -> int:
        return _MESSAGES_MAX

    def compose(self, messages: Sequence[OutgoingMessage], account: SendingAccount) -> OutboundRequest:
        if account.channel == "whatsapp":
            path, write = "whatsapp/1/message/template", _write_whatsapp
        else:
            path, write = "sms/3/messages", _write_sms
        record = {"messages": [write(message, account) for message in messages]}
        return post_json(f"{account.setting('base_url').rstrip('/')}/{path}", record, headers=_headers(account))

    def outcomes(
        self, result: OutboundResult | LogLine, messages: Sequence[OutgoingMessage], account: SendingAccount
    ) -> list[Outcome]:
        return read_outcomes(result, messages, account, read=partial(_read_answer, count=len(messages)))

    def compose_check(self, account: SendingAccount) -> OutboundRequest:
        return get_json(f"{account.setting('base_url').rstrip('/')}/account/1/balance", headers=_headers(account))

    def read_check(self, result: OutboundResult, account: SendingAccount) -> Checked:
        return read_check_answer(result, account, read=_read_balance)

    def compose_lookup(
        self, message: OutgoingMessage, account: SendingAccount, *, sent_at: int
    ) -> OutboundRequest | None:
        """Its logs, which it keeps for 48 hours; there are none of this kind for WhatsApp."""
        if account.channel != "sms":
            return None
        url = with_query(f"{account.setting('base_url').rstrip('/')}/sms/3/logs", {"messageId": message.id})
        return get_json(url, headers=_headers(account))

    def read_lookup(
        self,
        result: OutboundResult,
        message: OutgoingMessage,
        account: SendingAccount,
        *,
        sent_at: int,
        known: Collection[str],
    ) -> Outcome | None:
        found = [one for one in read_listed(result, "results") if one.text("messageId") == message.id]
        return outcome_of(message, _read_message(found[0]), account) if found else None


# ---- what we send -----------------------------------------------------------------------------------


def _headers(account: SendingAccount) -> dict[str, str]:
    return {"Authorization": f"App {account.credentials.get('api_key', '')}"}


def _write_sms(message: OutgoingMessage, account: SendingAccount) -> dict[str, object]:
    """One message. Without transliteration, the text that we counted is the one that is sent."""
    record: dict[str, object] = {
        "sender": account.name,
        "destinations": [{"to": str(message.mobile), "messageId": message.id}],
        "content": {"text": message.text},
    }
    if message.valid_seconds is not None:
        seconds = min(max(message.valid_seconds, 1), _VALID_SECONDS_MAX)
        record["options"] = {"validityPeriod": {"amount": seconds, "timeUnit": "SECONDS"}}
    if account.reports_url:
        record["webhooks"] = {
            "delivery": {"url": account.reports_url},
            "contentType": "application/json",
            "callbackData": message.id,
        }
    return record


def _write_whatsapp(message: OutgoingMessage, account: SendingAccount) -> dict[str, object]:
    record: dict[str, object] = {
        "from": account.name.removeprefix("+"),
        "to": str(message.mobile),
        "messageId": message.id,
        "content": {
            "templateName": message.template,
            "language": message.language,
            "templateData": {"body": {"placeholders": list(message.params)}},
        },
        "callbackData": message.id,
    }
    return record | ({"notifyUrl": account.reports_url} if account.reports_url else {})


def _read_answer(response: OutboundResponse, *, count: int) -> Iterable[Entry]:
    fields = read_json_answer(response)
    if messages := fields.each("messages"):
        return read_entries(messages, _read_message)
    service = fields.part("requestError").part("serviceException")
    code = fields.text("errorCode") or service.text("messageId")
    if not code:
        raise Malformed("The answer has neither messages nor an error.")
    says = fields.text("description") or service.text("text")
    for violation in fields.each("violations"):
        says += f" {violation.text('property')}: {violation.text('violation')}"
    code = f"EC {code}" if code.isdecimal() else code
    word = OUTCOMES.get(code)
    # An id that was used before is one message's; of the others of its call it proves nothing.
    return [Entry(word="unknown" if word == "accepted" and count > 1 else word, code=code, says=says)]


def _read_message(fields: Fields) -> Entry:
    status = fields.within("status")
    code = f"status {status.text('id')}"
    group = _GROUPS.get(_read_group(status))
    return Entry(
        own_id=fields.text("messageId"),
        number=fields.text("destination", "to"),
        word=OUTCOMES.get(code) or (group[0] if group else None),
        code=code,
        says=status.text("description", "name"),
        provider_id=fields.text("messageId"),
        parts=read_count(fields.part("details"), "messageCount"),
    )


def _read_group(status: Fields) -> str:
    return status.text("groupId") or _GROUP_NAMES.get(status.text("groupName").lower(), "")


def _read_balance(fields: Fields) -> Checked:
    balance = f"{fields.given('balance')} {fields.text('currency')}"
    if not fields.holds("balance"):
        raise Malformed("The answer has no balance.")
    return Checked(works=True, says=f"The balance is {balance}.", balance=balance)


# ---- what they send ---------------------------------------------------------------------------------


def _decode(given: str) -> bytes:
    try:
        return base64.b64decode(given.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _read_result(result: Fields) -> list[InboundEvent | None]:
    if result.holds("error", "status") and not result.holds("receivedAt"):
        return [_read_report(result), _read_delivery(result)]
    return [_read_received(result)]


def _read_received(result: Fields) -> InboundEvent | None:
    message, parts = result.within("message"), result.each("content")
    text = next(filter(None, [_read_part(message), *map(_read_part, parts), _read_part(result)]), "")
    payload = next(filter(None, [part.text("payload", "id") for part in (message, *parts)]), "")
    if not text and not payload:
        return None
    number, user_id = read_person(result.number("from", "sender"))
    return InboundMessage(
        number=number,
        channel=_read_channel(result),
        sender=result.sender("to", "destination"),
        text=text,
        message_id=result.message_id("messageId"),
        at=result.moment("receivedAt"),
        payload=payload,
        user_id=user_id,
    )


def _read_part(part: Fields) -> str:
    """What was written in a part, or under its picture, or chosen in it; blank for anything else."""
    return part.text("text", "title", "caption") or " ".join(
        filter(None, (part.text("keyword"), part.text("cleanText")))
    )


def _read_channel(result: Fields) -> str:
    return "whatsapp" if result.text("integrationType", "channel").upper() == "WHATSAPP" else "sms"


def _read_report(result: Fields) -> InboundEvent | None:
    """A delivery report; ``None`` for one that is not about consent."""
    error, status = result.part("error"), result.part("status")
    codes = [error.text("id").lower(), error.text("name").lower()]
    number, user_id = read_person(result.text("to", "destination"))
    sender, message_id = result.sender("from", "sender"), result.message_id("messageId")
    at = result.moment("doneAt", "receivedAt")
    stopped = next((_STOPPED[code] for code in codes if code in _STOPPED), None)
    if stopped is not None:
        return signal_of(
            "infobip", stopped, number=number, sender=sender, message_id=message_id, at=at, user_id=user_id
        )
    rejected = {status.text("id").lower(), status.text("name").lower()} & _REJECTED
    if not rejected and _BLACKLISTED.isdisjoint(codes):
        return None
    found = error if error.text("name", "id") and not _BLACKLISTED.isdisjoint(codes) else status
    why = f"is the code {found.text('name', 'id')[:SENDER_MAX]} of the provider, which blocks the number"
    said = found.text("description")
    channel = _read_channel(result)
    return InboundDoubt(number or None, channel, sender, said, why, message_id=message_id, at=at, user_id=user_id)


def _read_delivery(result: Fields) -> InboundEvent | None:
    """What a report says happened to a message. Its id is ours, if it was ours.

    That a second message with this id was refused says nothing about the first one.
    """
    error, status, price = result.part("error"), result.part("status"), result.part("price")
    group = _GROUPS.get(_read_group(status))
    message_id = result.text("messageId")[:MESSAGE_ID_MAX]
    if group is None or not message_id:
        return None
    failed = error.text("id") not in ("", "0")
    code = f"EC {error.text('id')}" if failed else f"status {status.text('id')}"
    if code in (_DUPLICATE, _DUPLICATE_ERROR):
        return None
    amount = price.given("pricePerMessage")
    return DeliveryReport(
        state=group[1],
        provider_id=message_id,
        own_id=message_id,
        number=read_person(result.text("to", "destination"))[0],
        code=code[:CODE_MAX],
        says=(error if failed else status).text("description", "name")[:REASON_MAX],
        at=result.moment("doneAt"),
        parts=read_count(result, "messageCount", "smsCount"),
        cost="" if amount is None else f"{amount} {price.text('currency')}"[:CODE_MAX],
    )
