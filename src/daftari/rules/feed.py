"""The feed: what changed in a book, as one numbered order that is read from any place on. No HTTP, no SQL.

Changes are written by ``rules/events``. What follows the feed from a place of its own, and must not miss a change,
is one of ``FOLLOWERS``.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field
from msgspec.structs import replace

from daftari.errors import FeedReset
from daftari.model.connections import ConnectionState
from daftari.model.feed import CHANGE_TYPES, ChangeType
from daftari.model.limits import CHANGED_NUMBERS_MAX, CHANGES_SEARCHED_MAX
from daftari.model.members import ContactId, Count, GroupName, Mobile, Number, Text, Time
from daftari.model.projects import WORKER_REQUEST
from daftari.model.time import format_time
from daftari.model.users import NamedUser
from daftari.rules.events import Action
from daftari.store import Tx, WriteTx, daily, erasures, exports, feed, search, users, webhooks
from daftari.store.erasures import OpenErasure
from daftari.store.feed import StoredChange
from daftari.store.journal import names_contact, read_ranges, without_contact

ROWS_AT_ONCE = 100
"""Changes that one query reads, each of which may name thousands of contacts."""
ROWS_PER_STEP = 1_000
"""Changes that one step deletes, or clears of an erased contact."""
DAY_MICROSECONDS = 24 * 3600 * 1_000_000

Source = Literal["api", "console", "command", "import", "inbound", "worker"]

_SOURCES: dict[str, Source] = {
    Action.RECEIVE_INBOUND: "inbound",
    Action.IMPORT_CONTACTS: "import",
    Action.IMPORT_CONSENT: "import",
    Action.FINISH_IMPORT: "import",
    Action.UNDO_IMPORT: "import",
    Action.DELETE_CONTACTS: "import",
}
"""Where acts come from that are not those of a call, a user or a command themselves."""

_KEEPING: frozenset[ChangeType] = frozenset({"contacts.deleted", "contacts.erased"})
"""The changes that still name an erased contact, so that readers know what to remove."""

_read_detail = msgspec.json.Decoder(dict[str, Any]).decode

Range = Annotated[list[ContactId], Meta(min_length=2, max_length=2)]
MessageRange = Annotated[list[Number], Meta(min_length=2, max_length=2)]


# ---- reading --------------------------------------------------------------------------------------------


class Author(Struct, frozen=True):
    """What wrote a change."""

    key: Text | None
    """The first characters of the key, as `daftari key list` shows them; `null` for what came without one."""
    user: NamedUser | None
    """The user; `null` for what was not done in the console."""
    source: Source
    """`api`: a call. `console`: a user in the console. `command`: a command on the server. `import`: an import or its
    undo. `inbound`: a provider. `worker`: what the service does by itself, such as sending."""
    request_id: Text
    """The `X-Request-Id` of the call or the page; the name of the command; the import; or `worker`."""


class ChangedConnection(Struct, frozen=True):
    """The state that a connection went into."""

    id: Number
    name: Text
    """What it was called then."""
    state: ConnectionState
    """`removed`: it is gone. `limited` only where it is limited for so long that it falls behind."""
    reason: Text | None
    """Why it is in this state, and what to do, without numbers of ten digits or more."""


class ChangeView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change. It says that something changed; what it is now is asked with `GET /contacts?ids=`."""

    seq: Number
    """Its number. The numbers of a project's changes have no gap."""
    at: Time
    """When it was written."""
    type: ChangeType
    by: Author
    contact_ids: list[Range] | None = None
    """The contacts that it is about, as ranges: the first and the last id of each."""
    group: GroupName | None = None
    """The name that the group had after this change; for `group.deleted` the name that it had before."""
    former_name: GroupName | None = None
    """For `group.renamed`: the name that the group had before."""
    mobiles: list[Mobile] | None = None
    """For `consent.changed`: the numbers, without those that were erased since."""
    consent_seqs: list[Number] = []
    """For `contacts.erased`: the earlier changes that named the number."""
    import_: Number | None = field(default=None, name="import")
    """For `import.finished` and `import.undone`: the import's id."""
    campaign: Number | None = None
    """For `campaign.started` and `campaign.finished`: the campaign's id. For `messages.settled`: the campaign that the
    messages are of, if they are of one."""
    trigger: Number | None = None
    """For `messages.settled`: the trigger that the messages are of, if they are of one."""
    message_ids: list[MessageRange] | None = None
    """For `messages.settled`: the messages, as ranges of ids."""
    connection: ChangedConnection | None = None
    """For `connection.changed`: the connection, and the state that it went into."""


class FeedPage(Struct, frozen=True):
    """Part of the feed."""

    changes: list[ChangeView]
    """The changes after `after`, in order."""
    next: Count
    """What to send as `after` next: the last number that was looked at, also when it is of none of the types."""
    oldest: Number
    """The number of the oldest change that is kept; one more than `last` when none is."""
    last: Count
    """The number of the last change."""
    epoch: Text
    """Names this feed. A restored or copied book has another one, whose numbers mean other changes."""


def read_changes(
    tx: Tx,
    *,
    after: int | None,
    limit: int,
    types: Sequence[ChangeType] = CHANGE_TYPES,
    epoch: str | None = None,
) -> FeedPage:
    """At most ``limit`` changes after a number, or from the oldest one on.

    ``epoch``: that of the feed from which ``after`` is. Raises ``FeedReset`` when the feed does not continue there.
    """
    place, own_epoch = find_place(tx), tx.epoch()
    oldest, last = place.oldest, place.last
    after = oldest - 1 if after is None else after
    why = None
    if epoch is not None and epoch != own_epoch:
        why = "The book was restored or copied since"
    elif after > last:
        why = f"The feed ends with change {last}, before {after}"
    elif after < oldest - 1:
        why = f"The feed begins with change {oldest}; those after {after} are no longer kept"
    if why is not None:
        raise FeedReset(why, epoch=own_epoch, oldest=oldest, last=last)
    until = min(last, after + CHANGES_SEARCHED_MAX)
    found, is_cut = _find_changes(tx, after, until, limit, types)
    return FeedPage(_show_changes(tx, found), found[-1].seq if is_cut else until, oldest, last, own_epoch)


class Window(Struct, frozen=True):
    """Some changes for one that follows the feed. ``next``: the last number that was looked at."""

    changes: list[ChangeView]
    next: int


def read_window(
    tx: Tx, *, after: int, limit: int, types: Sequence[ChangeType], group_ids: Collection[int] = ()
) -> Window:
    """At most ``limit`` changes after a number, of some types, and if groups are named about these.

    An erasure is always about them: the feed does not say which groups the contact was in.
    """
    until = min(feed.get_last_seq(tx), after + CHANGES_SEARCHED_MAX)
    found, is_cut = _find_changes(tx, after, until, limit, types, group_ids)
    return Window(_show_changes(tx, found), found[-1].seq if is_cut else until)


def read_again(
    tx: Tx, *, first: int, last: int, types: Sequence[ChangeType], group_ids: Collection[int] = ()
) -> list[ChangeView]:
    """All changes of a window that was read before, however much they have to say."""
    found = feed.list_changes(tx, after=first - 1, last=last, types=types, limit=last - first + 1)
    return _show_changes(tx, [change for change in found if _is_about(change, group_ids)])


class FeedPlace(Struct, frozen=True):
    """Where a feed begins and ends: ``oldest`` is one more than ``last`` when no change is kept."""

    oldest: int
    last: int

    def continues_after(self, seq: int) -> bool:
        """Whether a reader who had this change misses none."""
        return self.oldest - 1 <= seq <= self.last


def find_place(tx: Tx) -> FeedPlace:
    """Where the feed begins and ends."""
    last, oldest = feed.get_last_seq(tx), feed.get_oldest_seq(tx)
    return FeedPlace(last + 1 if oldest is None else oldest, last)


def _find_changes(
    tx: Tx, after: int, until: int, limit: int, types: Sequence[ChangeType], group_ids: Collection[int] = ()
) -> tuple[list[StoredChange], bool]:
    """Changes after a number and up to another one, and whether there may be more of them."""
    found: list[StoredChange] = []
    numbers = 0
    while True:
        wanted = ROWS_AT_ONCE if group_ids else min(limit - len(found), ROWS_AT_ONCE)
        some = feed.list_changes(tx, after=after, last=until, types=types, limit=wanted)
        for change in some:
            if not _is_about(change, group_ids):
                continue
            numbers += _weigh(change)
            if found and numbers > CHANGED_NUMBERS_MAX:
                return found, True
            found.append(change)
            if len(found) == limit:
                return found, True
        if len(some) < wanted:
            return found, False
        after = some[-1].seq


def _is_about(change: StoredChange, group_ids: Collection[int]) -> bool:
    """Whether a change is about one of some groups, which it is where none is named."""
    return not group_ids or change.group_id in group_ids or change.type == "contacts.erased"


def _weigh(change: StoredChange) -> int:
    """How many numbers and ranges of ids a change has."""
    facts = 0 if change.first_fact is None or change.last_fact is None else change.last_fact - change.first_fact + 1
    return facts + len(change.contacts and change.contacts.split(",")) + change.detail.count(",")


def _show_changes(tx: Tx, found: Sequence[StoredChange]) -> list[ChangeView]:
    names, mobiles, authors = _GroupNames(tx, found), _FactMobiles(tx, found), _Authors(tx, found)
    return [_show_change(change, names, mobiles, authors) for change in found]


def _show_change(change: StoredChange, names: _GroupNames, mobiles: _FactMobiles, authors: _Authors) -> ChangeView:
    detail = _read_detail(change.detail) if change.detail else {}
    messages, connection = detail.get("messages"), detail.get("connection")
    has_contacts = change.type.startswith("contacts.") or change.type in ("group.joined", "group.left")
    is_consent = change.first_fact is not None
    return ChangeView(
        seq=change.seq,
        at=format_time(change.at),
        type=change.type,
        by=authors.of(change),
        contact_ids=[[*ids] for ids in read_ranges(change.contacts)] if has_contacts or is_consent else None,
        group=names.after(change),
        former_name=change.former_name if change.type == "group.renamed" else None,
        mobiles=mobiles.of(change) if is_consent else None,
        consent_seqs=detail.get("consent_seqs", []),
        import_=detail.get("import"),
        campaign=detail.get("campaign"),
        trigger=detail.get("trigger"),
        message_ids=None if messages is None else [[*ids] for ids in read_ranges(messages)],
        connection=None if connection is None else ChangedConnection(**connection),
    )


def _find_source(change: StoredChange) -> Source:
    if change.action in _SOURCES:
        return _SOURCES[change.action]
    if change.user_id is not None:
        return "console"
    if change.key_id is not None:
        return "api"
    if change.request_id == WORKER_REQUEST:
        return "worker"
    # Without an act it came with a report.
    return "command" if change.action else "inbound"


class _Authors:
    """What wrote changes, with the names that users have now."""

    def __init__(self, tx: Tx, found: Sequence[StoredChange]) -> None:
        key_ids = sorted({change.key_id for change in found if change.key_id is not None})
        user_ids = sorted({change.user_id for change in found if change.user_id is not None})
        self._keys = feed.find_key_starts(tx, ids=key_ids) if key_ids else {}
        self._users = users.find_user_names(tx, ids=user_ids)

    def of(self, change: StoredChange) -> Author:
        """What wrote a change."""
        key = None if change.key_id is None else self._keys.get(change.key_id)
        user = None if change.user_id is None else self._users.get(change.user_id)
        return Author(key, user, _find_source(change), change.request_id)


class _GroupNames:
    """What groups were called after each change."""

    def __init__(self, tx: Tx, found: Sequence[StoredChange]) -> None:
        ids = sorted({change.group_id for change in found if change.group_id is not None})
        self._now = exports.find_group_names(tx, ids=ids)
        self._former: dict[int, list[tuple[int, str]]] = {}
        for group_id, seq, name in feed.list_former_names(tx, ids=ids) if ids else ():
            self._former.setdefault(group_id, []).append((seq, name))

    def after(self, change: StoredChange) -> str | None:
        """The name of a change's group; ``None`` when it is about none, or the name is no longer known."""
        if change.group_id is None:
            return None
        if change.type == "group.deleted":
            return change.former_name
        former = self._former.get(change.group_id, [])
        later = bisect_right(former, change.seq, key=lambda one: one[0])
        if later < len(former):
            return former[later][1]
        if change.group_id in self._now:
            return self._now[change.group_id].name
        return former[-1][1] if former else None


class _FactMobiles:
    """The numbers of the facts that changes of consent are about."""

    def __init__(self, tx: Tx, found: Sequence[StoredChange]) -> None:
        firsts = [change.first_fact for change in found if change.first_fact is not None]
        lasts = [change.last_fact for change in found if change.last_fact is not None]
        # Facts are numbered in the order of the changes that brought them, so that those of a page are together.
        self._facts = feed.list_fact_mobiles(tx, first=min(firsts), last=max(lasts)) if firsts and lasts else []

    def of(self, change: StoredChange) -> list[str]:
        """The numbers that a change of consent is about, ascending."""
        first = bisect_left(self._facts, change.first_fact or 0, key=lambda fact: fact[0])
        last = bisect_right(self._facts, change.last_fact or 0, key=lambda fact: fact[0])
        return [str(mobile) for mobile in sorted({mobile for _, mobile in self._facts[first:last]})]


def get_last_seq(tx: Tx) -> int:
    """The number of the last change; 0 when there was none."""
    return feed.get_last_seq(tx)


# ---- kept, and cleared ----------------------------------------------------------------------------------

Follower = Callable[[Tx], int | None]
"""The number of the last change that the slowest of some readers has had; ``None`` when none of them follows."""

FOLLOWERS: list[Follower] = [webhooks.get_slowest_seq, search.get_indexed_seq, daily.get_counted_seq]
"""Everything that follows the feed of a project from a place of its own: no change that it has not had is deleted."""


def has_expired_change(tx: Tx) -> bool:
    """Whether the oldest change may go."""
    return _find_expired(tx, limit=1) is not None


def expire_changes(tx: WriteTx) -> None:
    """Delete some changes that are old, and that everything that follows the feed has had."""
    last = _find_expired(tx, limit=ROWS_PER_STEP)
    if last is not None:
        feed.delete_changes(tx, last=last)


def _find_expired(tx: Tx, *, limit: int) -> int | None:
    """The last of at most ``limit`` changes that may go."""
    before = tx.now - tx.project.feed_days * DAY_MICROSECONDS
    had = min((seq for follower in FOLLOWERS if (seq := follower(tx)) is not None), default=None)
    expired = None
    for seq, at in feed.list_change_times(tx, limit=limit):
        if at >= before or (had is not None and seq > had):
            break
        expired = seq
    return expired


def clear(tx: WriteTx, erasure: OpenErasure) -> bool:
    """Remove the contact's id from some changes before the erasure. Returns ``False`` when none is left."""
    some = feed.list_change_contacts(tx, first=erasure.next_change, last=erasure.last_change, limit=ROWS_PER_STEP)
    contact_id = erasure.contact_id
    feed.update_changes(
        tx,
        changes=[
            replace(change, contacts=without_contact(change.contacts, contact_id=contact_id))
            for change in some
            if change.type not in _KEEPING and names_contact(change.contacts, contact_id=contact_id)
        ],
    )
    if some:
        erasures.advance_erasure(tx, erasure=replace(erasure, next_change=some[-1].seq + 1))
    return bool(some)
