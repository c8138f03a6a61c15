"""The check of a connection: whose account it is, what it may not do, and ten records as they would be here.

Calls are made with no transaction open, and change nothing there. No SQL.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from threading import BoundedSemaphore

from msgspec import Struct, field
from msgspec.structs import replace

from daftari.connectors import CONNECTORS, Account, Allowed, Caller, ConnectorFailed, Opening
from daftari.errors import SealBroken
from daftari.model.connections import ConnectionState
from daftari.model.members import Count, Text
from daftari.model.secrets import Secret
from daftari.rules.connections.addresses import ShownWebhookAddress
from daftari.rules.connections.lifecycle import (
    create_connection,
    look_at_connection,
    read_connection,
    take_check,
)
from daftari.rules.connections.model import Opened, as_connector_sees, read_credentials, say_missing
from daftari.rules.connections.plan import SampleRecord, show_sample
from daftari.store import Tx, WriteTx

UNSEALED = (
    "Its credentials cannot be read: they were sealed with another secret than that of DAFTARI_SECRET or its file. "
    "Give the right one, or give the credentials again."
)
ANY_FIELD = {"?": "mobile"}
"""Fields of a connection whose fields are not known yet."""
WAIT_SECONDS_MAX = 10.0
"""How long a check waits for the pace of the other system in one go."""
CHECK_SECONDS_MAX = 20.0
"""When a check is not continued: someone waits for it, and holds a thread of the server."""
ANSWER_SECONDS = 15.0
"""How long one call of a check waits for an answer."""
CHECKS_MAX = 2
"""Checks of one process at a time, so that other requests always find a thread."""
TOO_MANY = "Other connections are being checked at this moment: try again in some seconds."
SLOW = "The other system did not answer everything in time: try again."

_running = BoundedSemaphore(CHECKS_MAX)


class FieldOffer(Struct, frozen=True):
    """A field of a record there."""

    name: Text
    title: str
    kind: str


class GroupOffer(Struct, frozen=True):
    """A list, label or filter there."""

    source: Text = field(name="from")
    """As `groups` names it."""
    title: str
    size: Count | None
    """How many records it has, where the system says so."""


class ConnectionCheck(Struct, frozen=True, kw_only=True):
    """What a check found."""

    works: bool
    """Whether the connection can be read as it is set."""
    says: Text | None
    """What is wrong, and what to do."""
    state: ConnectionState
    """The state of the connection after the check."""
    account: Text | None
    account_name: Text | None
    time_zone: Text | None
    records: Count | None
    """How many records there are, where the system says so."""
    missing: list[Text]
    """The rights that the key lacks, in the system's own words."""
    warnings: list[Text]
    fields: list[FieldOffer]
    groups: list[GroupOffer]
    sample: list[SampleRecord]
    """A few records as they would be here."""
    webhook_url: Text | None
    """The address that the other system is to call, where people make webhooks on a page of it."""
    webhook_note: Text | None
    """Why there is no address."""


class ToCheck(Struct, frozen=True):
    """A connection and its credentials; ``None`` where they cannot be unsealed."""

    opened: Opened
    credentials: Mapping[str, Secret] | None


def prepare_check(tx: Tx, *, values: Mapping[str, object]) -> ToCheck:
    """A connection that would be made of these values, to be checked before. Raises as ``read_connection``.

    Where its kind has no fields of its own and none is given, all that there are are looked at.
    """
    about = CONNECTORS.get(str(values.get("kind")))
    is_open = about is not None and not (about.fields or values.get("fields"))
    new = read_connection(tx, values={**values, "fields": ANY_FIELD} if is_open else values)
    opened = new.opened
    if is_open:
        opened = replace(opened, definition=replace(opened.definition, fields={}))
    return ToCheck(opened, new.credentials)


def open_check(tx: Tx, *, connection_id: int) -> ToCheck:
    """A connection to be checked. Raises ``ConnectionNotFound``."""
    opened = look_at_connection(tx, connection_id=connection_id)
    try:
        return ToCheck(opened, read_credentials(tx, opened.stored))
    except SealBroken:
        return ToCheck(opened, None)


class _Clock:
    def __init__(self) -> None:
        self._until = time.monotonic() + CHECK_SECONDS_MAX

    def now(self) -> float:
        return time.time()

    def wait(self, seconds: float) -> None:
        wanted = min(seconds, WAIT_SECONDS_MAX)
        if time.monotonic() + wanted > self._until:
            raise ConnectorFailed("again", "slow", SLOW)
        time.sleep(wanted)


def ask_account(to_check: ToCheck, *, allowed_hosts: Iterable[str], databases: Allowed) -> Account | ConnectorFailed:
    """Whose account it is; or what is wrong.

    At most ``CHECKS_MAX`` are under way in a process: one more fails at once, and so does one that takes too long.
    A private address is called only if it is one of ``allowed_hosts``, each written ``host:port``. ``databases``: those
    that the operator allows.
    """
    # Imported where it is needed: hardly any process checks a connection.
    from daftari.outbound.client import OutboundClient

    if to_check.credentials is None:
        return ConnectorFailed("broken", "unsealed", UNSEALED)
    if not _running.acquire(blocking=False):
        return ConnectorFailed("again", "busy", TOO_MANY)
    seen = as_connector_sees(to_check.opened, to_check.credentials)
    try:
        with OutboundClient(allowed_hosts=allowed_hosts, read_seconds=ANSWER_SECONDS) as client:
            opening = Opening(seen, Caller(client.send, _Clock()), databases)
            with closing(CONNECTORS[to_check.opened.stored.kind].open(opening)) as connector:
                return connector.check()
    except ConnectorFailed as failure:
        return failure
    finally:
        _running.release()


def write_check(
    tx: WriteTx, *, connection_id: int, found: Account | ConnectorFailed, address: ShownWebhookAddress | None
) -> ConnectionCheck:
    """Keep what a check found, and show it. Raises ``ConnectionNotFound``."""
    address = address or ShownWebhookAddress(None, None)
    opened = look_at_connection(tx, connection_id=connection_id)
    if isinstance(found, ConnectorFailed):
        return ConnectionCheck(
            works=False, says=found.message, state=opened.stored.state, account=None, account_name=None, time_zone=None,
            records=None, missing=[], warnings=[], fields=[], groups=[], sample=[], webhook_url=address.url,
            webhook_note=address.note,
        )  # fmt: skip
    opened = take_check(tx, connection_id=connection_id, account=found)
    says = say_missing(opened, found.missing) or None
    return ConnectionCheck(
        works=not found.missing,
        says=says,
        state=opened.stored.state,
        account=found.id,
        account_name=found.name,
        time_zone=found.time_zone,
        records=found.count,
        missing=[*found.missing],
        warnings=[*found.warnings],
        fields=[FieldOffer(one.name, one.title, one.kind) for one in found.fields],
        groups=[GroupOffer(source=one.name, title=one.title, size=one.size) for one in found.groups],
        sample=show_found(tx, opened=opened, account=found),
        webhook_url=address.url,
        webhook_note=address.note,
    )


def create_checked(tx: WriteTx, *, values: Mapping[str, object], account: Account | None) -> Opened:
    """A new connection whose account was looked at already, where that could be done. Raises as ``read_connection``."""
    opened = create_connection(tx, values=values)
    return opened if account is None else take_check(tx, connection_id=opened.id, account=account)


def show_found(tx: Tx, *, opened: Opened, account: Account) -> list[SampleRecord]:
    """The records that a check found, as they would be here."""
    seen, kind = as_connector_sees(opened, {}), CONNECTORS[opened.stored.kind]
    sample = [replace(record, url=kind.record_url(seen, record.id)) for record in account.sample]
    return show_sample(tx, opened, sample)
