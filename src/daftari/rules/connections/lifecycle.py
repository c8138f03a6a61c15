"""Connections as people make, change, start, pause and remove them. No HTTP, no SQL, no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from daftari.connectors import CONNECTORS, Account
from daftari.errors import (
    ConnectionNameTaken,
    ConnectionNotFound,
    ConnectionsFull,
    SealBroken,
    ValidationFailed,
    WrongConnectionState,
    quote,
)
from daftari.model.connections import (
    WORKING,
    ConnectionDefinition,
    ConnectionProgress,
    ConnectionState,
    OfferedField,
    OfferedGroup,
    Offers,
    PlanCounts,
    StoredConnection,
)
from daftari.model.jobs import JobKind
from daftari.model.limits import CONNECTIONS_MAX, EXTERNAL_ID_MAX, ID_MAX, RETRIED_RECORDS_MAX
from daftari.model.secrets import Secret
from daftari.rules.access.inbound_tokens import write_token
from daftari.rules.connections import marks
from daftari.rules.connections.cart_figures import with_figures
from daftari.rules.connections.definition import (
    read_credentials,
    read_definition,
    read_kind,
    read_name,
    refuse_uncalled,
)
from daftari.rules.connections.firing import reads_alike, with_definition
from daftari.rules.connections.mirrors import refuse_mirrored_groups, release_groups, take_groups
from daftari.rules.connections.model import (
    Opened,
    WebhookSecrets,
    encode,
    get_connection,
    open_stored,
    read_webhook,
    seal_credentials,
    seal_webhook,
)
from daftari.rules.connections.model import read_credentials as unseal_credentials
from daftari.rules.connections.rows import HOUR_MICROSECONDS, end_run
from daftari.rules.connections.saving import with_shown_state
from daftari.rules.connections.ways import refuse_uncallable, with_credentials, with_way
from daftari.rules.events import Action, record
from daftari.rules.fields import Problems, fold_name
from daftari.store import Tx, WriteTx, connections
from daftari.store.jobs import hint_job

OFFERS_MAX = 1_000
"""Fields, and groups, of the other system that are kept while a connection is set up."""


def look_at_connection(tx: Tx, *, connection_id: int) -> Opened:
    """One connection that is not being removed. Raises ``ConnectionNotFound``."""
    opened = get_connection(tx, connection_id=connection_id)
    if opened.stored.state == "removed":
        raise ConnectionNotFound
    return _as_shown(tx, opened)


def find_connection(tx: Tx, *, written: str) -> Opened:
    """The connection with a name, or with an id. Raises ``ConnectionNotFound``."""
    stored = connections.find_connection(tx, folded=fold_name(written))
    if stored is None and written.isascii() and written.isdigit() and int(written) <= ID_MAX:
        stored = connections.get_connection(tx, connection_id=int(written))
    if stored is None or stored.state == "removed":
        raise ConnectionNotFound
    return _as_shown(tx, open_stored(stored))


def list_connections(tx: Tx) -> list[Opened]:
    """All connections that are not being removed, in order of creation."""
    found = [open_stored(stored) for stored in connections.list_connections(tx) if stored.state != "removed"]
    return [_as_shown(tx, opened) for opened in found]


def _as_shown(tx: Tx, opened: Opened) -> Opened:
    """A connection with what is counted only where people look at it."""
    return with_figures(tx, marks.with_unwritten(tx, opened))


# ---- made and changed -----------------------------------------------------------------------------------


class NewConnection(Struct, frozen=True):
    """A connection that is not saved yet, and its credentials."""

    opened: Opened
    credentials: Mapping[str, Secret]


def read_connection(tx: Tx, *, values: Mapping[str, object]) -> NewConnection:
    """A new connection as it would be saved, with neither an id nor an address.

    Raises ``ValidationFailed``, ``ConnectionNameTaken``, ``ConnectionsFull`` and ``GroupIsMirrored``.
    """
    problems = Problems()
    name = problems.read("name", values.get("name"), read_name)
    kind = problems.read("kind", values.get("kind"), read_kind)
    credentials: dict[str, Secret] = {}
    definition = ConnectionDefinition(fields={})
    if kind is not None:
        credentials = read_credentials(kind, values.get("credentials"), before={}, problems=problems)
        empty = with_credentials(ConnectionDefinition(fields=CONNECTORS[kind].fields), kind, credentials)
        definition = read_definition(kind, values, before=empty, is_new=True, problems=problems)
    kind = problems.require(kind)
    name = problems.require(name)
    _refuse_taken(tx, name, other_than=0)
    if len(connections.list_connections(tx)) >= CONNECTIONS_MAX:
        raise ConnectionsFull(CONNECTIONS_MAX)
    stored = StoredConnection(
        id=0,
        name=name,
        kind=kind,
        account="",
        definition=encode(definition),
        credentials=b"",
        address=b"",
        state="new",
        reason="",
        cursor="",
        complete_until=0,
        progress=encode(ConnectionProgress()),
        due_at=0,
        fence=0,
        write_back_from=tx.now if definition.write_back else 0,
        created_at=tx.now,
    )
    opened = open_stored(stored)
    refuse_mirrored_groups(tx, opened)
    return NewConnection(opened, credentials)


def create_connection(tx: WriteTx, *, values: Mapping[str, object]) -> Opened:
    """A new connection, which reads nothing before it is started. Raises as ``read_connection``."""
    new = read_connection(tx, values=values)
    number = tx.book.next_item
    tx.book.next_item = number + 1
    stored = replace(
        new.opened.stored,
        id=number,
        credentials=seal_credentials(tx, new.credentials, connection_id=number),
        address=_make_address(tx, new.opened.stored.kind, connection_id=number),
    )
    tx.book.write_backs += new.opened.definition.write_back
    connections.insert_connection(tx, connection=stored, folded=fold_name(stored.name))
    record(tx, Action.CREATE_CONNECTION, detail={"connection": stored.id})
    return open_stored(stored)


def _make_address(tx: Tx, kind: str, *, connection_id: int) -> bytes:
    """The address of a new connection, sealed; empty where its system calls none."""
    if CONNECTORS[kind].webhooks is None:
        return b""
    secrets = WebhookSecrets(Secret(write_token()), (Secret(write_token()),))
    return seal_webhook(tx, secrets, connection_id=connection_id)


def update_connection(tx: WriteTx, *, connection_id: int, values: Mapping[str, object]) -> Opened:
    """Change what is given. What records say by other fields is applied by the next comparison, which follows at once.

    Raises ``ConnectionNotFound``, ``ValidationFailed``, ``ConnectionNameTaken``, and ``GroupIsMirrored`` or
    ``WrongConnectionState`` for a group that another connection fills.
    """
    before = look_at_connection(tx, connection_id=connection_id)
    stored, problems = before.stored, Problems()
    name = problems.read("name", values["name"], read_name) if "name" in values else stored.name
    if values.get("kind") not in (None, "", stored.kind):
        problems.add("kind", f"is {stored.kind} and stays so: make another connection.")
    if "credentials" in values:
        before = _with_credentials(tx, before, values["credentials"], problems)
        stored = before.stored
    definition = read_definition(stored.kind, values, before=before.definition, is_new=False, problems=problems)
    name = problems.require(name)
    _refuse_taken(tx, name, other_than=stored.id)
    progress = before.progress
    is_read = bool(stored.cursor or stored.complete_until) and not definition.push_only
    if is_read and not reads_alike(before.definition, definition):
        progress = with_definition(progress, before.definition, definition)
        progress = replace(progress, compares=True, comparison=None, unheard="")
        # No group is complete before that comparison is over.
        progress = replace(progress, refills=True, records_until=0, records_seen=0, lists_until=0)
    if definition.write_back != before.definition.write_back:
        tx.book.write_backs += 1 if definition.write_back else -1
        stored = replace(stored, write_back_from=tx.now if definition.write_back else 0)
        # What people said meanwhile is written nowhere: every link is looked at, a step at a time.
        progress = replace(
            progress,
            asked_links="" if definition.write_back else None,
            verifies=progress.verifies or definition.write_back,
            write_back_error="",
        )
    elif definition.write_back_opt_ins and not before.definition.write_back_opt_ins:
        # Opt-ins that were left out so far are looked at.
        progress = replace(progress, asked_links="")
    opened = replace(before, stored=replace(stored, name=name), definition=definition, progress=progress)
    if progress.epoch:
        opened = take_groups(tx, opened)
    else:
        refuse_mirrored_groups(tx, opened)
    return _save(tx, opened, is_soon=stored.state in WORKING)


def change_key(tx: WriteTx, *, connection_id: int, credentials: object) -> Opened:
    """Other credentials. One that was broken continues where it stopped, with a look at the account first.

    Raises ``ConnectionNotFound`` and ``ValidationFailed``.
    """
    before = look_at_connection(tx, connection_id=connection_id)
    problems = Problems()
    after = _with_credentials(tx, before, credentials, problems)
    refuse_uncalled(CONNECTORS[after.stored.kind], after.definition, problems)
    problems.refuse()
    stored = after.stored
    if stored.state == "broken":
        stored = replace(stored, state=_working_state(stored), reason="")
    return _save(tx, replace(after, stored=stored), is_soon=stored.state in WORKING)


def _with_credentials(tx: Tx, before: Opened, value: object, problems: Problems) -> Opened:
    """A connection with other credentials, whose account and webhook are looked at first."""
    stored = before.stored
    try:
        known = unseal_credentials(tx, stored)
    except SealBroken:
        known = {}
    found = read_credentials(stored.kind, value, before=known, problems=problems)
    stored = replace(stored, credentials=seal_credentials(tx, found, connection_id=stored.id))
    try:
        read_webhook(tx, stored)
    except SealBroken:
        stored = replace(stored, address=_make_address(tx, stored.kind, connection_id=stored.id))
    webhook = replace(before.progress.webhook, look_again_at=0)
    progress = replace(before.progress, verifies=True, webhook=webhook)
    after = replace(before, stored=stored, progress=progress)
    return with_way(after, found, now=tx.now)


def _refuse_taken(tx: Tx, name: str, *, other_than: int) -> None:
    taken = connections.find_connection(tx, folded=fold_name(name))
    if taken is not None and taken.id != other_than:
        raise ConnectionNameTaken(taken.name)


def delete_connection(tx: WriteTx, *, connection_id: int, leave: bool) -> None:
    """Remove a connection: its links are forgotten, contacts and opt-outs stay.

    ``leave``: its contacts leave the groups that it put them in. Raises ``ConnectionNotFound``, and
    ``WrongConnectionState`` while numbers wait to be erased.
    """
    before = end_run(tx, look_at_connection(tx, connection_id=connection_id))
    if pending := before.progress.counts.get("erasure_pending", 0):
        raise WrongConnectionState(
            f"{pending} records were erased in {before.title} and their numbers are still here: erase or keep these "
            f"first; the problems of {quote(before.stored.name)} list them."
        )
    progress = replace(before.progress, leaves_groups=leave)
    tx.book.write_backs -= before.definition.write_back
    stored = replace(before.stored, state="removed", due_at=tx.now, write_back_from=0)
    if not progress.webhook.made_at:
        # Else they are needed once more, to remove the webhook there.
        stored = replace(stored, credentials=b"", address=b"")
    release_groups(tx, before)
    gone, said = with_shown_state(replace(before, stored=replace(stored, reason=""), progress=progress))
    connections.update_connection(tx, connection=replace(gone.stored, progress=encode(gone.progress)), folded=None)
    record(tx, Action.DELETE_CONNECTION, *said, detail={"connection": stored.id})
    hint_job(tx, kind=JobKind.SYNC, subject=str(connection_id))


# ---- what a check found ---------------------------------------------------------------------------------


def take_check(tx: WriteTx, *, connection_id: int, account: Account) -> Opened:
    """Keep whose account it is. A connection that lacks no right is checked, and can be planned and started."""
    before = look_at_connection(tx, connection_id=connection_id)
    stored = replace(before.stored, account=account.id)
    if stored.state == "new" and not account.missing:
        stored = replace(stored, state="checked")
    progress = replace(before.progress, account_name=account.name, time_zone=account.known_zone)
    if stored.state in ("new", "checked"):
        progress = replace(progress, offers=_list_offers(tx, account))
    return _save(tx, replace(before, stored=stored, progress=progress), is_soon=False)


def _list_offers(tx: Tx, account: Account) -> Offers:
    return Offers(
        tx.now,
        count=account.count,
        missing=tuple(account.missing),
        warnings=tuple(account.warnings),
        fields=tuple(OfferedField(one.name, one.title, one.kind) for one in account.fields[:OFFERS_MAX]),
        groups=tuple(OfferedGroup(one.name, one.title, one.size) for one in account.groups[:OFFERS_MAX]),
    )


# ---- started, paused, asked -----------------------------------------------------------------------------


def plan_connection(tx: WriteTx, *, connection_id: int) -> Opened:
    """Begin a dry run of the first reading. Raises ``ConnectionNotFound`` and ``WrongConnectionState``."""
    before = look_at_connection(tx, connection_id=connection_id)
    refuse_uncallable(before, "planned")
    if before.stored.state != "checked":
        raise _wrong(before, "planned: only one that is checked and was not started can be")
    progress = replace(before.progress, plan=PlanCounts(tx.now))
    return _save(tx, replace(before, progress=progress), is_soon=True)


def start_connection(tx: WriteTx, *, connection_id: int) -> Opened:
    """Begin to read, or continue where it stopped. From now on it alone decides who is in groups that are in step.

    One that asked looks again, and asks again if nothing has changed there.
    Raises ``ConnectionNotFound``, ``WrongConnectionState`` and ``GroupIsMirrored``.
    """
    before = look_at_connection(tx, connection_id=connection_id)
    state = before.stored.state
    if state in WORKING:
        return before
    if state == "new":
        raise _wrong(before, "started before it was checked")
    stored = replace(before.stored, state=_working_state(before.stored), reason="")
    progress = replace(before.progress, offers=None)
    if progress.plan is not None and not progress.plan.finished_at:
        progress = replace(progress, plan=replace(progress.plan, finished_at=tx.now))
    if progress.comparison is not None and (state == "needs_confirmation" or progress.comparison.stage == "asking"):
        # What it did not find may have been corrected since.
        progress = replace(progress, comparison=None, compares=True)
    is_other = bool(progress.epoch) and progress.epoch != tx.epoch()
    webhook = replace(progress.webhook, look_again_at=0)
    compares = (progress.compares or is_other) and not before.definition.push_only
    restored_at = tx.now if is_other else progress.restored_at
    progress = replace(progress, epoch=tx.epoch(), compares=compares, webhook=webhook, restored_at=restored_at)
    return _save(tx, take_groups(tx, replace(before, stored=stored, progress=progress)), is_soon=True)


def pause_connection(tx: WriteTx, *, connection_id: int) -> Opened:
    """Read nothing until it is started again. Raises ``ConnectionNotFound`` and ``WrongConnectionState``."""
    before = look_at_connection(tx, connection_id=connection_id)
    if before.stored.state in ("new", "checked"):
        raise _wrong(before, "paused: it was not started")
    stored = replace(before.stored, state="paused", reason="", due_at=0)
    return _save(tx, replace(end_run(tx, before), stored=stored), is_soon=False)


def sync_connection(tx: WriteTx, *, connection_id: int) -> Opened:
    """Read what changed now. Raises ``ConnectionNotFound`` and ``WrongConnectionState``."""
    before = look_at_connection(tx, connection_id=connection_id)
    refuse_uncallable(before, "read")
    if before.stored.state not in WORKING:
        raise _wrong(before, "read: start it")
    # Noted apart from when it was read: a page that is being read now may be older than this.
    progress = replace(before.progress, heard=True)
    return _save(tx, replace(before, progress=progress), is_soon=True)


def compare_connection(tx: WriteTx, *, connection_id: int) -> Opened:
    """Compare all records with all links now. Raises ``ConnectionNotFound`` and ``WrongConnectionState``."""
    before = look_at_connection(tx, connection_id=connection_id)
    refuse_uncallable(before, "compared")
    if before.stored.state not in WORKING:
        raise _wrong(before, "compared: start it")
    progress = replace(before.progress, compares=before.progress.comparison is None)
    return _save(tx, replace(before, progress=progress), is_soon=True)


def confirm_connection(tx: WriteTx, *, connection_id: int) -> Opened:
    """Let it do what it asked about, for an hour. Raises ``ConnectionNotFound`` and ``WrongConnectionState``."""
    before = look_at_connection(tx, connection_id=connection_id)
    if before.stored.state != "needs_confirmation":
        raise _wrong(before, "confirmed: it asks nothing")
    progress = replace(before.progress, run=replace(before.progress.run, confirmed_until=tx.now + HOUR_MICROSECONDS))
    stored = replace(before.stored, state=_working_state(before.stored), reason="")
    return _save(tx, replace(before, stored=stored, progress=progress), is_soon=True)


def retry_records(tx: WriteTx, *, connection_id: int, ids: Sequence[str]) -> Opened:
    """Have some records read again and applied although nothing changed, also where a contact was removed here.

    Marks that were refused are written again.

    Raises ``ConnectionNotFound``, ``ValidationFailed`` and ``WrongConnectionState``.
    """
    before = look_at_connection(tx, connection_id=connection_id)
    refuse_uncallable(before, "asked for records")
    if before.stored.state not in WORKING:
        raise _wrong(before, "asked for records: start it")
    wanted = tuple(dict.fromkeys((*before.progress.again, *ids)))
    if not ids or len(wanted) > RETRIED_RECORDS_MAX or max(map(len, ids)) > EXTERNAL_ID_MAX:
        said = f"must be from 1 to {RETRIED_RECORDS_MAX} ids of records, each of at most {EXTERNAL_ID_MAX} characters."
        raise ValidationFailed({"ids": [f"The ids field {said}"]})
    marks.retry_marks(tx, connection_id=connection_id, ids=ids)
    return _save(tx, replace(before, progress=replace(before.progress, again=wanted)), is_soon=True)


def _working_state(stored: StoredConnection) -> ConnectionState:
    return "live" if stored.complete_until else "importing"


def _wrong(opened: Opened, what: str) -> WrongConnectionState:
    return WrongConnectionState(f"The connection {opened.stored.name!r} ({opened.stored.state}) cannot be {what}.")


def _save(tx: WriteTx, opened: Opened, *, is_soon: bool) -> Opened:
    """Save what a person changed; ``is_soon``: a worker looks at it at once."""
    due_at = tx.now if is_soon else opened.stored.due_at
    opened, said = with_shown_state(replace(opened, stored=replace(opened.stored, due_at=due_at)))
    stored = replace(opened.stored, definition=encode(opened.definition), progress=encode(opened.progress))
    connections.update_connection(tx, connection=stored, folded=fold_name(stored.name))
    record(tx, Action.UPDATE_CONNECTION, *said, detail={"connection": stored.id})
    if is_soon:
        hint_job(tx, kind=JobKind.SYNC, subject=str(stored.id))
    return replace(opened, stored=stored)
