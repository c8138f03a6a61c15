"""A gateway that delivers nothing: each message becomes a line of the service's log.

For a first try without an account. No database, no rules, no network; the line is written by its caller.
"""

from __future__ import annotations

from collections.abc import Sequence

from daftari.gateways.calls import require_one
from daftari.gateways.protocol import LogLine, Outcome, OutgoingMessage, SendingAccount, SendingGateway
from daftari.model.consent import CHANNELS
from daftari.outbound.exchange import OutboundResult

_DIGITS_SHOWN = 3


class Log(SendingGateway):
    """The gateway of the service's own log."""

    name = "log"
    title = "Log"
    channels = CHANNELS

    def compose(self, messages: Sequence[OutgoingMessage], account: SendingAccount) -> LogLine:
        message = require_one(messages)
        digits = str(message.mobile)[-_DIGITS_SHOWN:]
        what = f"template {message.template}" if message.template else f"{message.parts} part{'s'[: message.parts > 1]}"
        line = f"{account.channel} from {account.name} to …{digits}: {what}, not delivered ({message.id})"
        return LogLine(line, text=message.text or " · ".join(message.params))

    def outcomes(
        self, result: OutboundResult | LogLine, messages: Sequence[OutgoingMessage], account: SendingAccount
    ) -> list[Outcome]:
        """Accepted, once the line is written: there is nothing else that could happen."""
        return [
            Outcome(message=message, word="accepted", provider_id=message.id, parts=message.parts)
            for message in messages
        ]
