"""Reads the log: acts, the newest first, with the names that people, keys and groups have now. No HTTP, no SQL.

What is sought is found by an index, or looked for in ``SCANNED_MAX`` acts at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from heapq import merge
from itertools import islice
from typing import Literal, get_args

import msgspec
from msgspec import Struct, field

from daftari.errors import ImportNotFound
from daftari.model.bulk import BulkAct
from daftari.model.consent import Fact
from daftari.model.contacts import Card
from daftari.model.limits import ID_MAX
from daftari.model.projects import WORKER_REQUEST, KeyKind, SettingChange
from daftari.model.users import NamedUser, Role
from daftari.rules.access.keys import key_state
from daftari.rules.access.roles import UNDOING, Act
from daftari.rules.before import GroupsBefore, find_groups
from daftari.rules.bulk.jobs import NEEDED
from daftari.rules.contacts.merge import read_card
from daftari.rules.events import Action
from daftari.rules.firing import read_definition as read_trigger
from daftari.rules.imports.lifecycle import get_import
from daftari.rules.log.kinds import ACTIONS, FREQUENT, Kind
from daftari.rules.log.subject import Subject
from daftari.rules.messages.progress import read_definition as read_campaign
from daftari.rules.undo.acts import action_of
from daftari.store import (
    Tx,
    campaigns,
    connections,
    consent,
    contacts,
    exports,
    feed,
    journal,
    keys,
    senders,
    triggers,
    users,
)
from daftari.store.journal import JournalRow, read_ids, read_left, read_ranges

SHOWN = 50
"""Acts that are shown at a time."""
SCANNED_MAX = 5_000
"""Acts that are looked at at a time, where no index has what is sought."""
ROWS_AT_ONCE = 500
"""Acts that one query reads."""
NAMED_MAX = 3
"""Contacts of an act that are named; of more the number is shown."""
SKEW_MICROSECONDS = 60 * 1_000_000
"""By how much acts may stand in another order than that of their times, since each has that of its request."""

Thing = Literal["sender", "campaign", "trigger", "webhook", "connection"]
Source = Literal["user", "key", "command", "import", "inbound", "worker"]

_COMMAND = re.compile(r"[a-z]+(?:[ -][a-z]+)*")
_IMPORT = re.compile(r"import-(\d{1,18})")
_JOB = re.compile(r"bulk-(\d{1,18})")


class Sought(Struct, frozen=True):
    """Which acts are wanted; ``None`` for any. ``span``: from a time until before another one, in microseconds."""

    subject: Subject | None = None
    user_id: int | None = None
    key_id: int | None = None
    kind: Kind | None = None
    span: tuple[int, int] | None = None

    def fits(self, row: JournalRow) -> bool:
        """Whether an act is wanted."""
        return (
            (self.user_id is None or row.user_id == self.user_id)
            and (self.key_id is None or row.key_id == self.key_id)
            and (self.kind is None or row.action in ACTIONS[self.kind])
            and (self.span is None or self.span[0] <= row.at < self.span[1])
            and (self.subject is None or self.subject.is_of(row))
        )


class NamedKey(Struct, frozen=True):
    """A key, with its label or its first characters. ``former``: it no longer works."""

    id: int
    name: str
    former: bool


class NamedGroup(Struct, frozen=True):
    """A group with its name, the last one where it was deleted; ``None`` where that is no longer known."""

    id: int
    name: str | None
    is_there: bool


class NamedFile(Struct, frozen=True):
    """An import with the name of its file; ``None`` for one that is no longer kept."""

    id: int
    name: str | None


class NamedThing(Struct, frozen=True):
    """What an act set up, with its name; ``None`` for what is gone, and for a webhook, which has none."""

    kind: Thing
    id: int
    name: str | None


class Detail(Struct, frozen=True):
    """What else an act was about, as those who write it say."""

    undoes: int | None = None
    action: str | None = None
    bulk: int | None = None
    act: BulkAct | None = None
    contacts: int | None = None
    import_id: int | None = field(default=None, name="import")
    user: int | None = None
    role: Role | None = None
    key: int | None = None
    kind: KeyKind | None = None
    settings: tuple[SettingChange, ...] = ()
    sender: int | None = None
    campaign: int | None = None
    trigger: int | None = None
    webhook: int | None = None
    connection: int | None = None

    @property
    def thing(self) -> tuple[Thing, int] | None:
        """What was set up, by its id."""
        return next(((kind, number) for kind in _THINGS if (number := getattr(self, kind)) is not None), None)


class Entry(Struct, frozen=True, kw_only=True):
    """An act, as it is read."""

    seq: int
    at: int
    action: str
    source: Source
    request_id: str
    user: NamedUser | None
    key: NamedKey | None
    group: NamedGroup | None
    contacts: int
    """How many contacts it was about."""
    cards: list[Card]
    """Those contacts, where they are few and all of them are there."""
    mobiles: list[int]
    """The numbers of few contacts that it removed."""
    facts: int
    fact: Fact | None
    """The only fact that it brought."""
    fact_of: int | None
    """The number that the fact is about; ``None`` for an erased one."""
    left: list[tuple[NamedGroup, int]]
    """The groups that contacts left by it, and how many did."""
    file: NamedFile | None
    job: int | None
    """The job that it began, is a part of, or undid."""
    thing: NamedThing | None
    detail: Detail
    about_user: NamedUser | None
    about_key: NamedKey | None
    undone_by: int | None
    undoing: Act | None
    """What its undo needs; ``None`` for what cannot be undone, or no longer."""


class Log(Struct, frozen=True):
    """Some acts. ``earlier``: the number before which to look on; ``None`` where there is nothing more."""

    entries: list[Entry]
    earlier: int | None
    scanned: int
    """How many acts were looked at."""


class Authors(Struct, frozen=True):
    """Who can be searched for: the users of a project, and its keys."""

    users: list[NamedUser]
    keys: list[NamedKey]


_THINGS: tuple[Thing, ...] = get_args(Thing)
_read_detail = msgspec.json.Decoder(Detail).decode
_NO_DETAIL = Detail()


def list_log(tx: Tx, *, sought: Sought, before: int, limit: int = SHOWN) -> Log:
    """The newest acts before a number that are wanted; 0 for the newest of all."""
    after, until = 0, before or ID_MAX
    if sought.span is not None:
        after = _find_place(tx, sought.span[0] - SKEW_MICROSECONDS) - 1
        until = min(until, _find_place(tx, sought.span[1] + SKEW_MICROSECONDS))
    rows: list[JournalRow] = []
    scanned, last = 0, until
    for row in islice(_walk(tx, sought, after=after, before=until), SCANNED_MAX):
        if len(rows) == limit:
            return Log(_show(tx, rows), rows[-1].seq, scanned)
        scanned, last = scanned + 1, row.seq
        if sought.fits(row):
            rows.append(row)
    return Log(_show(tx, rows), last if scanned == SCANNED_MAX else None, scanned)


def list_authors(tx: Tx) -> Authors:
    """The users and the keys of a project."""
    members = [
        NamedUser(user.id, user.name, False) for _, user in users.list_project_roles(tx, project_id=tx.project.id)
    ]
    return Authors(members, [*_list_keys(tx).values()])


# ---- found ----------------------------------------------------------------------------------------------


def _walk(tx: Tx, sought: Sought, *, after: int, before: int) -> Iterator[JournalRow]:
    """The acts between two numbers among which those are that are wanted, the newest first."""
    if sought.kind is not None and sought.kind not in FREQUENT:
        reads = [partial(journal.list_newest_journal_of_action, tx, action=action) for action in ACTIONS[sought.kind]]
        return merge(*(_walk_pages(read, after, before) for read in reads), key=lambda row: row.seq, reverse=True)
    if sought.user_id is not None:
        read = partial(journal.list_newest_journal_of_user, tx, user_id=sought.user_id)
        return _walk_pages(read, after, before)
    return _walk_pages(partial(journal.list_newest_journal, tx), after, before)


def _walk_pages(read: Callable[..., list[JournalRow]], after: int, before: int) -> Iterator[JournalRow]:
    limit = SHOWN + 1
    while rows := read(after=after, before=before, limit=limit):
        yield from rows
        if len(rows) < limit:
            return
        before, limit = rows[-1].seq, ROWS_AT_ONCE


def _find_place(tx: Tx, at: int) -> int:
    """The number of the first act that is not earlier than a time. Acts are numbered without a gap."""
    newest = journal.list_newest_journal(tx, after=0, before=ID_MAX, limit=1)
    if not newest:
        return 1
    low, high = journal.list_journal(tx, first=1, last=ID_MAX, limit=1)[0].seq, newest[0].seq + 1
    while low < high:
        middle = (low + high) // 2
        if journal.list_journal(tx, first=middle, last=ID_MAX, limit=1)[0].at < at:
            low = middle + 1
        else:
            high = middle
    return low


# ---- shown ----------------------------------------------------------------------------------------------


class _Names(Struct, frozen=True):
    """What is looked up for some acts."""

    users: dict[int, NamedUser]
    keys: dict[int, NamedKey]
    groups: dict[int, NamedGroup]
    cards: dict[int, Card]
    removed: dict[int, list[int]]
    facts: dict[int, tuple[int, Fact]]
    files: dict[int, NamedFile]
    things: dict[tuple[Thing, int], NamedThing]
    acts: dict[int, GroupsBefore]


def _show(tx: Tx, rows: Sequence[JournalRow]) -> list[Entry]:
    if not rows:
        return []
    details = {row.seq: _read_detail(row.detail) if row.detail else _NO_DETAIL for row in rows}
    names = _look_up(tx, rows, details)
    return [_entry(row, details[row.seq], names) for row in rows]


def _look_up(tx: Tx, rows: Sequence[JournalRow], details: dict[int, Detail]) -> _Names:
    few = [row for row in rows if 0 < _count(row.contacts) <= NAMED_MAX]
    ids = {number for row in few for number in read_ids(row.contacts)}
    group_ids = {row.group_id for row in rows} | {group for row in rows for group in read_left(row.left_groups)}
    alone = [row.first_fact for row in rows if row.first_fact is not None and row.first_fact == row.last_fact]
    things = {detail.thing for detail in details.values()}
    import_ids = {_import_of(row, details[row.seq]) for row in rows} - {None}
    return _Names(
        users=_find_users(tx, {row.user_id for row in rows} | {detail.user for detail in details.values()}),
        keys=_list_keys(tx),
        groups=_find_groups(tx, sorted(number for number in group_ids if number is not None)),
        cards={one.id: read_card(one.card) for one in contacts.find_contacts(tx, ids=sorted(ids))},
        removed={row.seq: journal.list_removed(tx, seq=row.seq) for row in few if row.action in _REMOVING},
        facts={fact.id: (subject, fact) for subject, fact in consent.find_facts_by_id(tx, ids=alone)},
        files={number: _name_file(tx, number) for number in import_ids if number is not None},
        things={thing: NamedThing(*thing, _NAME[thing[0]](tx, thing[1])) for thing in things if thing is not None},
        acts=find_groups(tx, seqs=[row.seq for row in rows if row.user_id is not None]),
    )


_REMOVING = (Action.DELETE_CONTACT, Action.DELETE_CONTACTS)


def _entry(row: JournalRow, detail: Detail, names: _Names) -> Entry:
    count = _count(row.contacts)
    ids = read_ids(row.contacts) if 0 < count <= NAMED_MAX else []
    subject, fact = names.facts.get(row.first_fact or 0, (0, None))
    import_id, job = _import_of(row, detail), _JOB.fullmatch(row.request_id)
    kept = names.acts.get(row.seq)
    return Entry(
        seq=row.seq,
        at=row.at,
        action=row.action,
        source=_find_source(row),
        request_id=row.request_id,
        user=None if row.user_id is None else names.users.get(row.user_id),
        key=None if row.key_id is None else names.keys.get(row.key_id),
        group=None if row.group_id is None else names.groups[row.group_id],
        contacts=count,
        cards=[names.cards[number] for number in ids] if names.cards.keys() >= set(ids) else [],
        mobiles=names.removed.get(row.seq, []),
        facts=0 if row.first_fact is None or row.last_fact is None else row.last_fact - row.first_fact + 1,
        fact=fact,
        fact_of=subject if subject > 0 else None,
        left=[(names.groups[group_id], len(left)) for group_id, left in read_left(row.left_groups).items()],
        file=None if import_id is None else names.files[import_id],
        job=detail.bulk if job is None else int(job[1]),
        thing=None if detail.thing is None else names.things[detail.thing],
        detail=detail,
        about_user=None if detail.user is None else names.users.get(detail.user),
        about_key=None if detail.key is None else names.keys.get(detail.key),
        undone_by=None if kept is None else kept.undone_by,
        undoing=_find_undoing(row, detail, kept),
    )


def _find_source(row: JournalRow) -> Source:
    if row.user_id is not None:
        return "user"
    if row.key_id is not None:
        return "key"
    if row.request_id == WORKER_REQUEST:
        return "worker"
    if _IMPORT.fullmatch(row.request_id):
        return "import"
    # Else it is the id of a request, which has digits, by a provider or a connected system.
    return "command" if _COMMAND.fullmatch(row.request_id) else "inbound"


def _find_undoing(row: JournalRow, detail: Detail, kept: GroupsBefore | None) -> Act | None:
    if kept is None or kept.undone_by is not None:
        return None
    if row.action == Action.START_BULK:
        return None if detail.act is None else NEEDED[detail.act]
    return UNDOING.get(action_of(row))


def _import_of(row: JournalRow, detail: Detail) -> int | None:
    found = _IMPORT.fullmatch(row.request_id)
    return detail.import_id if found is None else int(found[1])


def _count(written: str) -> int:
    return sum(last - first + 1 for first, last in read_ranges(written))


# ---- looked up ------------------------------------------------------------------------------------------


def _find_users(tx: Tx, ids: Iterable[int | None]) -> dict[int, NamedUser]:
    """Users by id. Who no longer has a role in the project is a former one."""
    wanted = sorted({number for number in ids if number is not None})
    if not wanted:
        return {}
    present = {user.id for _, user in users.list_project_roles(tx, project_id=tx.project.id)}
    found = users.find_user_names(tx, ids=wanted).values()
    return {user.id: NamedUser(user.id, user.name, user.former or user.id not in present) for user in found}


def _list_keys(tx: Tx) -> dict[int, NamedKey]:
    """The keys of the project by id."""
    return {
        key.id: NamedKey(key.id, key.label or key.start, key_state(key, now=tx.now) != "active")
        for key in keys.list_keys(tx)
        if key.project_id == tx.project.id
    }


def _find_groups(tx: Tx, ids: Sequence[int]) -> dict[int, NamedGroup]:
    found = exports.find_group_names(tx, ids=ids)
    gone = [number for number in ids if number not in found]
    former = {group_id: name for group_id, _, name in feed.list_former_names(tx, ids=gone)} if gone else {}
    return {
        number: NamedGroup(number, found[number].name if number in found else former.get(number), number in found)
        for number in ids
    }


def _name_file(tx: Tx, import_id: int) -> NamedFile:
    try:
        return NamedFile(import_id, get_import(tx, import_id=import_id).settings.name or None)
    except ImportNotFound:
        return NamedFile(import_id, None)


def _name_sender(tx: Tx, sender_id: int) -> str | None:
    found = senders.get_sender(tx, sender_id=sender_id)
    return None if found is None else found.name


def _name_campaign(tx: Tx, campaign_id: int) -> str | None:
    found = campaigns.get_campaign(tx, campaign_id=campaign_id)
    return None if found is None else read_campaign(found.definition).name


def _name_trigger(tx: Tx, trigger_id: int) -> str | None:
    found = triggers.find_triggers(tx, ids=[trigger_id]).get(trigger_id)
    return None if found is None else read_trigger(found.definition).name


def _name_connection(tx: Tx, connection_id: int) -> str | None:
    found = connections.get_connection(tx, connection_id=connection_id)
    return None if found is None else found.name


_NAME: Mapping[Thing, Callable[[Tx, int], str | None]] = {
    "sender": _name_sender,
    "campaign": _name_campaign,
    "trigger": _name_trigger,
    "webhook": lambda tx, webhook_id: None,
    "connection": _name_connection,
}
"""How each thing is called."""
