"""Deliveries that are refused: kept to be verified again, and said to who looks at the connection. No HTTP, no SQL."""

from __future__ import annotations

from msgspec.structs import replace

from daftari.model.connections import WebhookProgress
from daftari.model.inbound import InboundRequest, StoredToken
from daftari.model.time import format_time
from daftari.rules.connections.model import open_stored
from daftari.rules.connections.saving import save_connection
from daftari.rules.inbound.quarantine import quarantine_request
from daftari.store import WriteTx, connections


def refuse_delivery(tx: WriteTx, *, request: InboundRequest, stored: StoredToken, reason: str, is_proved: bool) -> bool:
    """Store a delivery to be verified again later, and note it. Returns whether an older one was dropped for it."""
    connection_id = stored.token.connection_id
    assert connection_id is not None, "the token is a connection's"
    connection = connections.get_connection(tx, connection_id=connection_id)
    if connection is not None and connection.state != "removed":
        opened = open_stored(connection)
        webhook = replace(opened.progress.webhook, refused_at=tx.now, refused=reason)
        save_connection(tx, replace(opened, progress=replace(opened.progress, webhook=webhook)))
    return quarantine_request(tx, request=request, stored=stored, reason=reason, is_proved=is_proved)


def find_refusal(webhook: WebhookProgress) -> str:
    """What was refused last, a sentence for people; blank where something was taken since."""
    if webhook.refused_at <= webhook.last_at:
        return ""
    return (
        f"What came at {format_time(webhook.refused_at)} was refused: {webhook.refused} It is kept: put that right, "
        "then 'daftari inbound replay' takes it."
    )
