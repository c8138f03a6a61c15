"""What a connection is to those that work with it, and what its links' flags and problems mean. No HTTP, no SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from daftari.connectors import CONNECTORS, Allowed, Caller, Connection, Connector, Opening, Record
from daftari.errors import ConnectionNotFound
from daftari.model.carts import CartFigures
from daftari.model.connections import (
    LINK_STATES,
    ConnectionDefinition,
    ConnectionProgress,
    Link,
    StoredConnection,
)
from daftari.model.consent import ANY, CHANNELS, PURPOSES, Scope
from daftari.model.secrets import Secret
from daftari.store import Tx, connections
from daftari.store.sealing import purpose_of, seal, unseal

STATE: dict[str, int] = {name: number for number, name in enumerate(LINK_STATES)}
LIVE, NO_MOBILE, UNREADABLE, REFUSED, LEFT, GONE, MERGED, REMOVED_LOCALLY, ERASED = range(len(LINK_STATES))

PROPERTY = "property"
"""What a group is made of that has the records with one value in one field."""

OWNS = 1
"""A flag: its names count for the number, of which other records may have other ones."""
SHARED, SAYS_IN, MOVED, UNUSABLE, ERASURE_PENDING, NOT_WRITTEN, RESUBSCRIBED, LOOPING = (
    1 << place for place in range(8)
)
PROBLEMS: dict[str, int] = {
    "shared_number": SHARED,
    "crm_says_in": SAYS_IN,
    "moved_from_opted_out": MOVED,
    "unusable": UNUSABLE,
    "erasure_pending": ERASURE_PENDING,
    "write_back_refused": NOT_WRITTEN,
    "crm_resubscribes": RESUBSCRIBED,
    "changes_to_and_fro": LOOPING,
}
"""What a person has to look at, by name. ``unusable``: its number cannot be read, or the book refuses the record.
``write_back_refused``: the other system refuses its mark. ``crm_resubscribes``: within a day of being marked
again as opted out, it said otherwise again.
``changes_to_and_fro``: it is left alone for a day."""

SCOPES = tuple(Scope(channel, ANY, purpose) for channel in (*CHANNELS, ANY) for purpose in (*PURPOSES, ANY))
"""What a record may be opted out of; the flags have a bit for each, above ``OWNS``."""
SCOPE_BITS = {scope: 1 << place for place, scope in enumerate(SCOPES, 1)}
ALL_SCOPES = sum(SCOPE_BITS.values())
MADE = 1 << (len(SCOPES) + 1)
"""A flag: the contact of the number was not there before this record."""

decode_definition = msgspec.json.Decoder(ConnectionDefinition).decode
decode_progress = msgspec.json.Decoder(ConnectionProgress).decode
read_record = msgspec.json.Decoder(Record).decode
_decode_secrets = msgspec.json.Decoder(dict[str, str]).decode
_decode_pair = msgspec.json.Decoder(tuple[str, str]).decode


class Figures(Struct, frozen=True):
    """The figures of a connection's carts since a day, in days since 1970, by day."""

    since: int
    days: tuple[CartFigures, ...]


class Opened(Struct, frozen=True):
    """A connection with its definition and progress read."""

    stored: StoredConnection
    definition: ConnectionDefinition
    progress: ConnectionProgress
    unwritten: Mapping[str, int] = {}
    """Opt-outs that are still to be written back, by channel; only where people look at it, and up to a limit."""
    figures: Figures | None = None
    """Those of its carts; only where people look at it, and where its system has carts."""

    @property
    def id(self) -> int:
        """Its number."""
        return self.stored.id

    @property
    def title(self) -> str:
        """What people call its system."""
        return CONNECTORS[self.stored.kind].title


def encode(value: ConnectionDefinition | ConnectionProgress) -> str:
    """A definition or progress as it is stored."""
    return msgspec.json.encode(value).decode()


def open_stored(stored: StoredConnection) -> Opened:
    """A connection read."""
    return Opened(stored, decode_definition(stored.definition), decode_progress(stored.progress))


def get_connection(tx: Tx, *, connection_id: int) -> Opened:
    """One connection, one that is being removed too. Raises ``ConnectionNotFound``."""
    stored = connections.get_connection(tx, connection_id=connection_id)
    if stored is None:
        raise ConnectionNotFound
    return open_stored(stored)


# ---- groups -------------------------------------------------------------------------------------------


def read_property(source: str) -> tuple[str, str] | None:
    """The field and the value of a group of those who have it, as in ``property:city=Kisumu``; ``None`` for others."""
    kind, _, named = source.partition(":")
    name, _, value = named.partition("=")
    return (name.strip(), value.strip()) if kind == PROPERTY and name.strip() and value.strip() else None


def fields_of(definition: ConnectionDefinition) -> tuple[str, ...]:
    """The fields of a record that are read."""
    grouped = [found[0] for group in definition.groups if (found := read_property(group.source)) is not None]
    return tuple(dict.fromkeys((*definition.fields, *definition.filter, *grouped)))


# ---- secrets ------------------------------------------------------------------------------------------


def seal_credentials(tx: Tx, credentials: Mapping[str, Secret], *, connection_id: int) -> bytes:
    """The credentials of a connection as they are stored."""
    encoded = msgspec.json.encode({name: str(value) for name, value in credentials.items()})
    return seal(tx, encoded, purpose=_place_of(tx, connection_id))


def read_credentials(tx: Tx, stored: StoredConnection) -> dict[str, Secret]:
    """The credentials of a connection. Raises ``SealBroken`` when they were sealed with another ``DAFTARI_SECRET``."""
    found = _decode_secrets(unseal(tx, stored.credentials, purpose=_place_of(tx, stored.id)))
    return {name: Secret(value) for name, value in found.items()}


def _place_of(tx: Tx, connection_id: int) -> str:
    return purpose_of("connection", "credentials", project_id=tx.project.id, row_id=connection_id)


class WebhookSecrets(Struct, frozen=True):
    """The token of the address that a system calls, and what it proves its calls by: one of these secrets."""

    token: Secret
    secrets: tuple[Secret, ...]


def seal_webhook(tx: Tx, secrets: WebhookSecrets, *, connection_id: int) -> bytes:
    """The address of a connection's webhook as it is stored."""
    encoded = msgspec.json.encode([str(secrets.token), "".join(secrets.secrets)])
    return seal(tx, encoded, purpose=_address_of(tx, connection_id))


def read_webhook(tx: Tx, stored: StoredConnection) -> WebhookSecrets | None:
    """The address of a connection's webhook, if its system calls one.

    Raises ``SealBroken`` when it was sealed with another ``DAFTARI_SECRET``.
    """
    if not stored.address:
        return None
    token, secret = _decode_pair(unseal(tx, stored.address, purpose=_address_of(tx, stored.id)))
    webhooks = CONNECTORS[stored.kind].webhooks
    if webhooks is None or not webhooks.secrets:
        return WebhookSecrets(Secret(token), (Secret(secret),))
    known = read_credentials(tx, stored)
    return WebhookSecrets(Secret(token), tuple(known[name] for name in webhooks.secrets if name in known))


def _address_of(tx: Tx, connection_id: int) -> str:
    return purpose_of("connection", "address", project_id=tx.project.id, row_id=connection_id)


def as_connector_sees(opened: Opened, credentials: Mapping[str, Secret]) -> Connection:
    """A connection as its connector sees it."""
    definition, kind = opened.definition, CONNECTORS[opened.stored.kind]
    wanted = [group.source for group in definition.groups if group.source.partition(":")[0] in kind.walked]
    return Connection(
        name=opened.stored.name,
        account=opened.stored.account,
        time_zone=opened.progress.time_zone,
        fields=fields_of(definition),
        groups=wanted,
        write_back=definition.write_back,
        write_back_opt_ins=definition.write_back_opt_ins,
        settings=definition.settings,
        credentials=credentials,
    )


def open_connector(tx: Tx, *, opened: Opened, caller: Caller, databases: Allowed) -> Connector:
    """The connector of a connection, which calls by ``caller``. Raises ``SealBroken`` and ``ConnectorFailed``.

    ``databases``: those that the operator allows.
    """
    seen = as_connector_sees(opened, read_credentials(tx, opened.stored))
    return CONNECTORS[opened.stored.kind].open(Opening(seen, caller, databases))


def say_missing(opened: Opened, missing: Sequence[str]) -> str:
    """What a key lacks, as a sentence; blank where it lacks nothing."""
    if not missing:
        return ""
    scopes = "scope" if len(missing) == 1 else "scopes"
    return (
        f"The key lacks the {scopes} {', '.join(missing)}: add what it lacks in {opened.title} and start the "
        f'connection again, or give another key with "daftari connection key {opened.stored.name}".'
    )


# ---- links --------------------------------------------------------------------------------------------


def new_link(connection_id: int, external_id: str) -> Link:
    """The link of a record that was not seen before."""
    return Link(connection_id, external_id, 0, -1, 0, NO_MOBILE, "", 0, 0, 0, "")


def read_group_ids(link: Link) -> dict[int, bool]:
    """The groups of a link: whether the link put the number in, or it was in before."""
    if not link.group_ids:
        return {}
    return {abs(number): number > 0 for number in map(int, link.group_ids.split(","))}


def write_group_ids(groups: Mapping[int, bool]) -> str:
    """The same as it is stored."""
    return ",".join(str(number if is_ours else -number) for number, is_ours in sorted(groups.items()))


# ---- counts -------------------------------------------------------------------------------------------


def with_counts(progress: ConnectionProgress, added: Mapping[str, int]) -> ConnectionProgress:
    """Progress with some counts added."""
    counts = Counter(progress.counts)
    counts.update(added)
    return msgspec.structs.replace(progress, counts={name: count for name, count in sorted(counts.items()) if count})


def counted(link: Link) -> Sequence[str]:
    """What a link counts as: its state, and its problems."""
    state = LINK_STATES[link.state]
    return (state,) if not link.problems else (state, *(name for name, bit in PROBLEMS.items() if link.problems & bit))
