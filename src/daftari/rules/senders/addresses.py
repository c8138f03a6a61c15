"""The inbound address of each sender, to which its provider sends reports and replies.

A sender's row has the token of its address, sealed; a system row has the token's hash, by which requests are accepted.
No transaction writes both: the system row follows the sender, is made at the next look at the senders, and is revoked
with the sender. No HTTP, no SQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest

from msgspec import Struct
from msgspec.structs import replace

from daftari.errors import SealBroken
from daftari.gateways import GATEWAYS, SENDING_GATEWAYS, SendingAccount
from daftari.model.inbound import InboundToken, StoredToken
from daftari.model.projects import Project
from daftari.model.secrets import Secret
from daftari.rules.access.inbound_tokens import START_LENGTH
from daftari.rules.senders.model import decode_definition, read_secrets, write_reports_url
from daftari.store import Store, SystemTx, Tx, inbound, senders

NEEDS_URL = (
    "The address is not known, because no public_url is set (DAFTARI_PUBLIC_URL). It is the URL at which the provider "
    "reaches this service, and after it {path}"
)
UNSEALED = (
    "The credentials and the address cannot be read: they were sealed with another secret than that of DAFTARI_SECRET "
    "or its file. Give the right secret, or every credential again."
)


class SenderAddress(Struct, frozen=True):
    """The address of a sender, and what its requests are verified by."""

    provider: str
    label: str
    token: Secret
    signing_secret: Secret | None
    verify_token: Secret | None
    former_until: int
    """Until when the addresses that it had before are accepted too."""

    def is_token(self, stored: StoredToken) -> bool:
        """Whether a stored token is this one."""
        return compare_digest(stored.hash, _hash_of(self.token))

    def is_stored_as(self, stored: StoredToken) -> bool:
        """Whether nothing of it needs to be saved in a token, the present one or a former one."""
        if self.is_token(stored):
            ends_at, verify_token = None, self.verify_token
        else:
            ends_at, verify_token = self.former_until, stored.verify_token
        mine = (self.label, self.signing_secret, verify_token, ends_at)
        kept = (stored.token.label, stored.signing_secret, stored.verify_token, stored.token.revoked_at)
        return kept == mine and not stored.broken


class ShownAddress(Struct, frozen=True):
    """What to give the provider, and what to know about it."""

    url: str | None
    verify_token: str | None
    note: str | None


Addresses = Mapping[int, SenderAddress | None]
"""The addresses of a project by sender; ``None`` for a sender whose secrets cannot be unsealed."""


def ensure_addresses(store: Store, project: Project, *, now: int) -> Addresses:
    """Accept what arrives at the addresses of a project's senders, and nothing at those of deleted ones.

    Each step is a transaction of its own, and any of them may be repeated. Returns the addresses.
    """
    while True:
        addresses = store.read(project, now, find_addresses)
        known = store.system_read(now, inbound.list_sender_tokens, project=project)
        if not _find_changes(addresses, known):
            return addresses
        store.system_write(now, _save_addresses, project=project, addresses=addresses)


def find_addresses(tx: Tx) -> Addresses:
    """The addresses that the senders of a project have, as the project's own rows say."""
    found: dict[int, SenderAddress | None] = {}
    for sender in senders.list_senders(tx):
        definition = decode_definition(sender.definition)
        gateway = GATEWAYS.get(definition.gateway)
        if gateway is None:
            continue
        try:
            secrets = read_secrets(tx, sender)
        except SealBroken:
            found[sender.id] = None
            continue
        if secrets.token:
            account = SendingAccount(
                channel=sender.channel, name=sender.name, settings=definition.settings, credentials=secrets.credentials
            )
            found[sender.id] = SenderAddress(
                provider=gateway.name,
                label=sender.name,
                token=secrets.token,
                signing_secret=SENDING_GATEWAYS[gateway.name].find_signing_secret(account) or None,
                verify_token=_derive_verify_token(secrets.token) if gateway.has_check else None,
                former_until=secrets.former_until,
            )
    return found


def show_address(address: SenderAddress | None, *, public_url: str | None) -> ShownAddress:
    """An address as it is given to the provider."""
    if address is None:
        return ShownAddress(None, None, UNSEALED)
    url = write_reports_url(address.provider, address.token, public_url=public_url)
    notes = []
    if not url:
        notes.append(NEEDS_URL.format(path=write_reports_url(address.provider, address.token, public_url="…")[1:]))
    gateway, needed = GATEWAYS[address.provider], SENDING_GATEWAYS[address.provider].signing_credential
    if gateway.secret_required and address.signing_secret is None:
        notes.append(f"Everything that arrives there is refused until credentials.{needed} is given.")
    verify_token = None if address.verify_token is None else str(address.verify_token)
    return ShownAddress(url or None, verify_token, " ".join(notes) or None)


def _find_changes(addresses: Addresses, known: list[StoredToken]) -> bool:
    for stored in known:
        sender_id = stored.token.sender_id
        assert sender_id is not None, "the query lists tokens of senders"
        if sender_id not in addresses:
            return True
        address = addresses[sender_id]
        if address is not None and not address.is_stored_as(stored):
            return True
    for sender_id, address in addresses.items():
        mine = [token for token in known if token.token.sender_id == sender_id]
        if address is not None and not any(map(address.is_token, mine)):
            return True
    return False


def _save_addresses(tx: SystemTx, *, project: Project, addresses: Addresses) -> None:
    """Revoke, save and insert tokens, so that they are those of the addresses."""
    kept = set()
    for stored in inbound.list_sender_tokens(tx, project=project):
        sender_id = stored.token.sender_id
        assert sender_id is not None, "the query lists tokens of senders"
        address = addresses.get(sender_id)
        if sender_id in addresses and address is None:
            # What cannot be read is left as it is.
            continue
        if address is None:
            inbound.revoke_token(tx, token_id=stored.token.id, at=tx.now)
            continue
        if address.is_stored_as(stored):
            kept |= {sender_id} if address.is_token(stored) else set()
            continue
        verify_token = stored.verify_token
        if address.is_token(stored):
            kept.add(sender_id)
            verify_token = address.verify_token
        else:
            inbound.revoke_token(tx, token_id=stored.token.id, at=max(tx.now, address.former_until))
        inbound.update_followed_token(
            tx,
            token=replace(stored.token, label=address.label),
            signing_secret=address.signing_secret,
            verify_token=verify_token,
        )
    for sender_id, address in addresses.items():
        if address is not None and sender_id not in kept:
            _insert(tx, project, sender_id, address)


def _insert(tx: SystemTx, project: Project, sender_id: int, address: SenderAddress) -> None:
    start = str(address.token[:START_LENGTH])
    token = InboundToken(
        tx.take_id(), project.id, address.provider, address.label, start, tx.now, revoked_at=None, sender_id=sender_id
    )
    inbound.insert_token(
        tx,
        token=token,
        token_hash=_hash_of(address.token),
        signing_secret=address.signing_secret,
        verify_token=address.verify_token,
    )


def _hash_of(token: str) -> bytes:
    return sha256(token.encode()).digest()


def _derive_verify_token(token: str) -> Secret:
    """What a provider's GET check of the address repeats: only who knows the address knows it."""
    return Secret(sha256(f"verify token of {token}".encode()).hexdigest()[:32])
