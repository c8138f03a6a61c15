"""Africa's Talking: forms for messages, opt-outs, subscriptions and delivery reports, distinguished by their fields.

The JSON that answers a send is read too, for programs that pass it on.

Nothing in them proves where they come from: the unguessable path is the proof. The ``date`` of a message has no zone,
so it is no time.
No consent rules, no database.
"""

from __future__ import annotations

from types import MappingProxyType

from daftari.errors import Malformed
from daftari.gateways.fields import Fields, international, read_each, read_fields, refuse_unreadable
from daftari.gateways.protocol import Gateway, Proof
from daftari.gateways.signals import OPTED_OUT, signal_of
from daftari.model.inbound import InboundEvent, InboundMessage, InboundRequest, InboundSubscription

_BLACKLISTED = frozenset({"406", "userinblacklist"})
_UPDATES = MappingProxyType({"addition": True, "deletion": False})
_STATUS = ("failureReason", "status", "statusCode")
_SENDER = ("from", "senderId")


class AfricasTalking(Gateway):
    """The gateway of africastalking.com."""

    name = "africas_talking"
    title = "Africa's Talking"

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
    if not any(fields.text(name).lower() in _BLACKLISTED for name in _STATUS):
        return []
    message_id = fields.message_id("id", "messageId")
    return [
        signal_of(
            "africas_talking",
            "406",
            number=international(fields.number("phoneNumber", "number")),
            sender=fields.sender(*_SENDER) or sender,
            # A message that was never sent has the id "None".
            message_id=None if message_id == "None" else message_id,
            at=None,
        )
    ]
