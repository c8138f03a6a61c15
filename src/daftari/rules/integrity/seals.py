"""Sealed values that cannot be read, because another ``DAFTARI_SECRET`` sealed them. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Iterator

from daftari.errors import SealBroken
from daftari.model.inbound import InboundToken
from daftari.model.projects import Project
from daftari.rules.connections.model import read_credentials, read_webhook
from daftari.rules.senders.model import read_secrets
from daftari.rules.webhooks.model import read_secrets as read_webhook_secrets
from daftari.store import Tx, connections, inbound, senders, webhooks

PER_STEP = 100
WHY = "was sealed with another secret than that of DAFTARI_SECRET or its file"


def find_broken_seals(tx: Tx) -> Iterator[str]:
    """A sentence for each thing whose secrets cannot be read, and one for all refused requests."""
    for sender in senders.list_senders(tx):
        try:
            read_secrets(tx, sender)
        except SealBroken:
            yield f"What is secret of sender {sender.id} {WHY}. Give every credential of it again."
    for webhook in webhooks.list_webhooks(tx):
        try:
            read_webhook_secrets(tx, webhook)
        except SealBroken:
            yield f"The secret of webhook {webhook.id} {WHY}. Rotate it."
    for connection in connections.list_connections(tx):
        try:
            if connection.state != "removed":
                read_credentials(tx, connection)
                read_webhook(tx, connection)
        except SealBroken:
            yield f"The credentials of connection {connection.id} {WHY}. Give them again."
    count, after = 0, 0
    while found := inbound.list_quarantine(tx, after=after, limit=PER_STEP):
        count += sum(quarantined.request is None for quarantined in found)
        after = found[-1].id
    if count:
        yield f"Of refused inbound requests {count} cannot be replayed: what is kept of each {WHY}."


def _say_how(token: InboundToken) -> str:
    if token.connection_id:
        return "Give the credentials of its connection again."
    return "Give every credential of its sender again." if token.sender_id else "Give it again."


def find_broken_tokens(tx: Tx, *, project: Project) -> list[str]:
    """A sentence for each inbound address of a project whose secret cannot be read."""
    return [
        f"The secret of the inbound address that begins with {stored.token.start} {WHY}. " + _say_how(stored.token)
        for stored in inbound.list_project_tokens(tx, project=project)
        if stored.broken
    ]
