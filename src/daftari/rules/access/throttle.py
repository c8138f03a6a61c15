"""How often signing in may be tried: for an account from an address, from an address, and for an account. No HTTP.

An attempt is noted before its password is compared, so that attempts at one moment count too. A refused one is not
noted. Accounts are known by a keyed hash, since people type passwords where the address belongs.
"""

from __future__ import annotations

from hashlib import blake2b
from ipaddress import IPv6Address, ip_address, ip_network

from msgspec import Struct

from daftari.model.limits import (
    SIGN_INS_FROM_ADDRESS_MAX,
    SIGN_INS_OF_ACCOUNT_FROM_ADDRESS_MAX,
    SIGN_INS_OF_ACCOUNT_MAX,
)
from daftari.model.time import DAY_MICROSECONDS
from daftari.rules.access.errors import TooManyAttempts
from daftari.rules.fields import fold_name
from daftari.store import SystemTx, Tx, sessions

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
KNOWN_DAYS = 90
"""How long an address is known from which someone signed in."""
ADDRESS_MAX = 64
NETWORK_BITS = 64
"""What one customer of a provider has at least of IPv6 addresses."""


class Source(Struct, frozen=True):
    """What is tried, and from where: an account and an address as they are counted."""

    account: str
    address: str


def find_source(tx: Tx, *, email: str, address: str) -> Source:
    """What attempts for an e-mail address, right or not, from a network address are counted as."""
    account = blake2b(
        fold_name(email).encode(errors="surrogatepass"), key=tx.erasure_key, person=b"sign-in account", digest_size=16
    )
    return Source(account.hexdigest(), _plain_address(address))


def admit(tx: SystemTx, source: Source) -> None:
    """Note an attempt. Raises ``TooManyAttempts`` when it is one too many.

    Where an account had too many in an hour, only those addresses may try from which someone signed in to it before.
    """
    sessions.delete_failed_attempts(tx, since=tx.now - HOUR, until=tx.now + HOUR)
    sessions.delete_old_attempts(tx, since=tx.now - KNOWN_DAYS * DAY_MICROSECONDS)
    account, address = source.account, source.address
    _refuse_more(tx, SIGN_INS_OF_ACCOUNT_FROM_ADDRESS_MAX, span=MINUTE, account=account, address=address)
    _refuse_more(tx, SIGN_INS_FROM_ADDRESS_MAX, span=MINUTE, address=address)
    if not sessions.has_signed_in(tx, account=account, address=address):
        _refuse_more(tx, SIGN_INS_OF_ACCOUNT_MAX, span=HOUR, account=account)
    sessions.insert_attempt(tx, account=account, address=address)


def _refuse_more(tx: Tx, most: int, *, span: int, account: str | None = None, address: str | None = None) -> None:
    found = sessions.count_attempts(tx, account=account, address=address, since=tx.now - span)
    if found.number >= most:
        microseconds = span if found.first_at is None else found.first_at + span - tx.now
        raise TooManyAttempts(retry_after_seconds=max(1, -(-microseconds // SECOND)))


def _plain_address(address: str) -> str:
    """An IPv4 address, or the network of an IPv6 address, of which everyone has very many."""
    try:
        found = ip_address(address)
    except ValueError:
        return address[:ADDRESS_MAX]
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped) if mapped else str(ip_network((int(found), NETWORK_BITS), strict=False))
    return str(found)


def forget(tx: SystemTx, *, email: str) -> None:
    """Delete what is known of attempts for an e-mail address."""
    sessions.forget_account(tx, account=find_source(tx, email=email, address="").account)
