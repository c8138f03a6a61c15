"""The inbound address of each connection whose system calls one, and the proof of what arrives there.

As with senders, a connection's row has the token of its address, sealed, and a system row has the token's hash. The
system row follows the connection: a worker makes it before the webhook there, and revokes it when the connection is
removed. No HTTP, no SQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from hmac import compare_digest

from msgspec import Struct
from msgspec.structs import replace

from daftari.connectors import CONNECTORS, DeliveryProof, WebhookEvent
from daftari.errors import ConnectionNotFound, Forged, Malformed, SealBroken
from daftari.model.inbound import InboundRequest, InboundToken, Quarantined, StoredToken
from daftari.model.projects import Project
from daftari.model.secrets import Secret
from daftari.rules.access.inbound_tokens import NO_ADDRESS, START_LENGTH
from daftari.rules.connections.model import WebhookSecrets, read_webhook
from daftari.store import Store, SystemTx, Tx, connections, inbound

NEEDS_URL = (
    "The address is not known, because no public_url is set (DAFTARI_PUBLIC_URL). It is the URL at which the other "
    "system reaches this service, and after it {path}"
)
UNSEALED = (
    "The credentials and the address cannot be read: they were sealed with another secret than that of DAFTARI_SECRET "
    "or its file. Give the right secret, or every credential again."
)
WRONG_CONNECTION = "The token of this address is another connection's."


class ConnectionAddress(Struct, frozen=True):
    """The address of a connection, and what its deliveries are verified by."""

    kind: str
    label: str
    secrets: WebhookSecrets

    def is_token(self, stored: StoredToken) -> bool:
        """Whether a stored token is this one."""
        return compare_digest(stored.hash, _hash_of(self.secrets.token))

    def is_stored_as(self, stored: StoredToken) -> bool:
        """Whether nothing of it needs to be saved."""
        kept = (stored.token.label, stored.signing_secret)
        return self.is_token(stored) and kept == (self.label, self.signing_secret) and not stored.broken

    @property
    def signing_secret(self) -> str | None:
        """The secrets as they are stored, a line each; ``None`` while there is none."""
        return "\n".join(self.secrets.secrets) or None


class ShownWebhookAddress(Struct, frozen=True):
    """What to give the other system, or why there is nothing to give."""

    url: str | None
    note: str | None


Addresses = Mapping[int, ConnectionAddress | None]
"""The addresses of a project by connection; ``None`` for one that cannot be unsealed."""


def write_webhook_url(connection_id: int, token: str, *, public_url: str) -> str:
    """The address that a system calls."""
    return f"{public_url}/v1/connections/{connection_id}/hook/{token}"


def show_address(
    addresses: Addresses, *, connection_id: int, kind: str, public_url: str | None
) -> ShownWebhookAddress | None:
    """The address of a connection as people give it to its system; ``None`` where no one does."""
    webhooks = CONNECTORS[kind].webhooks
    if webhooks is None or not webhooks.by_hand or connection_id not in addresses:
        return None
    address = addresses[connection_id]
    if address is None:
        return ShownWebhookAddress(None, UNSEALED)
    if public_url is None:
        path = write_webhook_url(connection_id, address.secrets.token, public_url="")
        return ShownWebhookAddress(None, NEEDS_URL.format(path=path))
    return ShownWebhookAddress(write_webhook_url(connection_id, address.secrets.token, public_url=public_url), None)


# ---- system rows ----------------------------------------------------------------------------------------


def ensure_addresses(store: Store, project: Project, *, now: int) -> Addresses:
    """Accept what arrives at the addresses of a project's connections, and nothing at those of removed ones.

    Each step is a transaction of its own, and any of them may be repeated. Returns the addresses.
    """
    while True:
        addresses = store.read(project, now, find_addresses)
        known = store.system_read(now, inbound.list_connection_tokens, project=project)
        if not _find_changes(addresses, known):
            return addresses
        store.system_write(now, _save_addresses, project=project, addresses=addresses)


def find_addresses(tx: Tx) -> Addresses:
    """The addresses that the connections of a project have, as the project's own rows say."""
    found: dict[int, ConnectionAddress | None] = {}
    for stored in connections.list_connections(tx):
        if stored.state == "removed" or not stored.address:
            continue
        try:
            secrets = read_webhook(tx, stored)
        except SealBroken:
            found[stored.id] = None
            continue
        if secrets is not None:
            found[stored.id] = ConnectionAddress(stored.kind, stored.name, secrets)
    return found


def _find_changes(addresses: Addresses, known: list[StoredToken]) -> bool:
    return bool(_find_missing(addresses, known)) or any(_is_changed(addresses, stored) for stored in known)


def _is_changed(addresses: Addresses, stored: StoredToken) -> bool:
    """Whether a token is to be saved or revoked. What cannot be read is left as it is."""
    connection_id = _owner_of(stored)
    if connection_id not in addresses:
        return True
    address = addresses[connection_id]
    return address is not None and not address.is_stored_as(stored)


def _find_missing(addresses: Addresses, known: list[StoredToken]) -> dict[int, ConnectionAddress]:
    there = {_owner_of(stored): stored for stored in known}
    return {
        connection_id: address
        for connection_id, address in addresses.items()
        if address is not None and (connection_id not in there or not address.is_token(there[connection_id]))
    }


def _save_addresses(tx: SystemTx, *, project: Project, addresses: Addresses) -> None:
    """Revoke, save and insert tokens, so that they are those of the addresses."""
    known = inbound.list_connection_tokens(tx, project=project)
    for stored in known:
        address = addresses.get(_owner_of(stored))
        if not _is_changed(addresses, stored):
            continue
        if address is None or not address.is_token(stored):
            inbound.revoke_token(tx, token_id=stored.token.id, at=tx.now)
        else:
            inbound.update_followed_token(
                tx,
                token=replace(stored.token, label=address.label),
                signing_secret=address.signing_secret,
                verify_token=None,
            )
    for connection_id, address in _find_missing(addresses, known).items():
        start = str(address.secrets.token[:START_LENGTH])
        token = InboundToken(
            tx.take_id(), project.id, address.kind, address.label, start, tx.now, None, connection_id=connection_id
        )
        inbound.insert_token(
            tx,
            token=token,
            token_hash=_hash_of(address.secrets.token),
            signing_secret=address.signing_secret,
            verify_token=None,
        )


def _owner_of(stored: StoredToken) -> int:
    assert stored.token.connection_id is not None, "the query lists tokens of connections"
    return stored.token.connection_id


def _hash_of(token: str) -> bytes:
    return sha256(token.encode()).digest()


# ---- proof ----------------------------------------------------------------------------------------------


def list_kept_headers(stored: StoredToken) -> tuple[str, ...]:
    """The headers of a delivery that are kept. Raises ``ConnectionNotFound`` for a kind that announces nothing."""
    webhooks = CONNECTORS[stored.token.provider].webhooks
    if webhooks is None:
        raise ConnectionNotFound
    return webhooks.headers


def read_account(tx: Tx, *, connection_id: int) -> str:
    """The account whose deliveries a connection takes. Raises ``Forged`` for a connection that is gone."""
    found = connections.get_account(tx, connection_id=connection_id)
    if found is None or found[1] == "removed":
        raise Forged(NO_ADDRESS)
    return found[0]


def read_again(kept: Quarantined, stored: StoredToken, *, account: str) -> list[WebhookEvent]:
    """The events in a refused delivery, verified by what proves it now. Raises ``Forged`` and ``Malformed``."""
    if kept.request is None:
        raise Forged("It cannot be unsealed: it was sealed with another secret, or changed since.")
    return read_delivery(stored, kept.request, account=account)


def read_delivery(stored: StoredToken, request: InboundRequest, *, account: str) -> list[WebhookEvent]:
    """The events in a delivery. Raises ``Forged`` unless the system sent it about this account, and ``Malformed``."""
    webhooks = CONNECTORS[stored.token.provider].webhooks
    if webhooks is None:
        raise Malformed(f"{stored.token.provider} announces nothing.")
    if stored.broken:
        raise Forged("What proves the deliveries to this address cannot be unsealed; give the connection's key again.")
    if not stored.signing_secret:
        raise Forged("What proves the deliveries to this address is not known yet; give it as the connection's key.")
    *others, last = (DeliveryProof(Secret(one), account) for one in stored.signing_secret.split("\n"))
    for proof in others:
        with suppress(Forged):
            return [*webhooks.read(request, proof)]
    return [*webhooks.read(request, last)]
