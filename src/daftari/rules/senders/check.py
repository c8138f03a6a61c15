"""The check of a sender's account: a call to its provider that sends no message. No transaction is open meanwhile."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from daftari.errors import SealBroken
from daftari.gateways import SENDING_GATEWAYS, SendingAccount
from daftari.rules.senders.addresses import UNSEALED
from daftari.rules.senders.lifecycle import get_sender
from daftari.rules.senders.model import account_of, decode_definition
from daftari.store import Tx

CHECK_SECONDS = 10.0
"""How long a provider may take to answer a check."""


class SenderCheck(Struct, frozen=True):
    """What a check of a sender's account found."""

    works: bool | None
    """Whether the provider knows the account; `null` where it has no such call, and nothing was sent."""
    says: str
    """What was found, as a sentence."""
    balance: str | None
    """The account's balance with its currency, where the provider shows it."""


class OpenAccount(Struct, frozen=True):
    """A sender's account as its gateway sees it; ``None`` where its credentials cannot be unsealed."""

    gateway: str
    account: SendingAccount | None


def open_account(tx: Tx, *, sender_id: int) -> OpenAccount:
    """The account of a sender. Raises ``SenderNotFound``."""
    sender = get_sender(tx, sender_id=sender_id)
    gateway = decode_definition(sender.definition).gateway
    try:
        return OpenAccount(gateway, account_of(tx, sender=sender, public_url=None))
    except SealBroken:
        return OpenAccount(gateway, None)


def check_account(opened: OpenAccount, *, allowed_hosts: Iterable[str]) -> SenderCheck:
    """Ask the provider whether the account works. Sends no message.

    A private address is called only if it is one of ``allowed_hosts``, each written ``host:port``.
    """
    # Imported where it is needed: hardly any process checks an account.
    from daftari.outbound.client import OutboundClient

    sending, account = SENDING_GATEWAYS[opened.gateway], opened.account
    if account is None:
        return SenderCheck(False, UNSEALED, None)
    request = sending.compose_check(account)
    if request is None:
        return SenderCheck(None, f"{sending.title} has no call that checks an account.", None)
    with OutboundClient(allowed_hosts=allowed_hosts) as client:
        result = client.send(replace(request, total_seconds=CHECK_SECONDS))
    found = sending.read_check(result, account)
    return SenderCheck(found.works, found.says, found.balance or None)
