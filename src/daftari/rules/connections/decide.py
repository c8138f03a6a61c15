"""What one record means for its link: nothing, another state, a row for the book, groups to leave. No store."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from daftari.connectors import Record
from daftari.model.connections import Link
from daftari.rules.connections.mapping import Said
from daftari.rules.connections.model import (
    ALL_SCOPES,
    ERASED,
    ERASURE_PENDING,
    GONE,
    LEFT,
    LIVE,
    MADE,
    MERGED,
    MOVED,
    NO_MOBILE,
    NOT_WRITTEN,
    OWNS,
    REMOVED_LOCALLY,
    RESUBSCRIBED,
    SAYS_IN,
    SHARED,
    UNREADABLE,
    UNUSABLE,
    new_link,
    read_group_ids,
)

_GONE = {"deleted": GONE, "erased": GONE, "merged": MERGED}


class Change(Struct):
    """What follows for one link. ``after`` has its new state, but not yet the groups that it joins.

    ``said``: what the record says, where a row follows (``has_row``) or opt-outs. ``leaving``: the number that leaves
    groups, and which. ``carried``: groups that its new number joins since the number before was in them.
    ``echoed``: the scopes in which it only repeats what was written back to it.
    """

    before: Link | None
    after: Link
    said: Said | None = None
    has_row: bool = False
    leaving: int = 0
    leaves: frozenset[int] = frozenset()
    carried: frozenset[int] = frozenset()
    groups: dict[int, bool] = {}
    url: str = ""
    echoed: int = 0

    @property
    def moved(self) -> bool:
        """Whether the record has another number than before."""
        return self.before is not None and self.before.mobile not in (0, self.after.mobile) and self.after.mobile > 0

    @property
    def is_erased_there(self) -> bool:
        """Whether the record was erased there, with a number."""
        return bool(self.after.problems & ERASURE_PENDING)

    @property
    def new_outs(self) -> int:
        """The scopes that the record is opted out of now and was not before, with this number."""
        if self.said is None or not self.after.mobile:
            return 0
        # Of a record that was refused the number is not kept, so its opt-out may have been another number's.
        is_same = self.before is not None and self.before.mobile == self.after.mobile
        known = self.before.flags & ALL_SCOPES if self.before is not None and is_same else 0
        return self.said.outs & ~known & ~self.echoed


class Rules(Struct, frozen=True):
    """What a connection's groups mean for its links, by id."""

    in_step: frozenset[int]
    in_records: frozenset[int]
    """Those in step of which each record says whether it belongs to them."""
    walked: frozenset[int]


def is_stale(link: Link | None, record: Record) -> bool:
    """Whether more is known than a record says. A merge holds whatever the versions say."""
    if link is None:
        return record.gone is not None
    is_merge = record.gone == "merged"
    if (link.state == MERGED) != is_merge:
        return link.state == MERGED
    return record.version < link.version


def decide_gone(link: Link, record: Record) -> Change | None:
    """A record that is deleted, erased or merged away; ``None`` when this was known."""
    state = _GONE[record.gone or "deleted"]
    if state == GONE and link.state == MERGED:
        return None
    # What was deleted may be erased later, which has a version of its own; that it left the bin has none.
    is_new = record.version > link.version and not link.problems & ERASURE_PENDING
    is_erased_later = record.gone == "erased" and link.mobile > 0 and is_new
    is_known = link.state in (ERASED, state) and (state != MERGED or link.why == record.merged_into)
    if is_known and (link.state == ERASED or not is_erased_later):
        return None
    after = replace(
        link,
        version=max(link.version, record.version),
        state=ERASED if link.state == ERASED else state,
        flags=link.flags & ~OWNS,
        problems=ERASURE_PENDING if record.gone == "erased" and link.mobile else 0,
        why=record.merged_into,
    )
    return _leaving(Change(link, after, url=record.url), link, everything=True, rules=None)


def decide(
    link: Link | None, record: Record, said: Said, *, connection_id: int, rules: Rules, forced: bool
) -> Change | None:
    """A record that is there; ``None`` when nothing changed. ``forced``: a person asked for it to be applied again."""
    before = link or new_link(connection_id, record.id)
    version = max(before.version, record.version)
    if before.state == ERASED:
        return None
    is_back = before.state in (GONE, MERGED)
    if before.digest == said.digest and not forced and not is_back:
        return None
    after = replace(before, version=version, digest=said.digest)
    change = Change(link, after, said, url=record.url)
    is_removed = before.state == REMOVED_LOCALLY and not forced
    if is_removed or not said.passes:
        # An opt-out of a number that came from here counts all the same; nothing is kept of another number.
        is_known = before.mobile > 0 and before.mobile == said.mobile
        change.said = said if is_known else None
        flags = _flags(before, said) if is_known else before.flags
        if is_removed:
            change.after = replace(after, flags=flags)
            return change
        problems = before.problems & NOT_WRITTEN
        change.after = replace(after, state=LEFT, flags=flags & ~OWNS, problems=problems, why="")
        return _leaving(change, before, everything=False, rules=rules)
    if not said.mobile:
        is_unreadable = bool(said.why)
        change.has_row = is_unreadable
        change.after = replace(
            after,
            mobile=0,
            state=UNREADABLE if is_unreadable else NO_MOBILE,
            flags=0,
            problems=UNUSABLE if is_unreadable else 0,
            why=said.why,
        )
        return _leaving(change, before, everything=True, rules=rules)
    change.has_row = True
    problems = before.problems & (NOT_WRITTEN if forced else SHARED | SAYS_IN | MOVED | NOT_WRITTEN | RESUBSCRIBED)
    change.after = replace(after, mobile=said.mobile, state=LIVE, flags=_flags(before, said), problems=problems, why="")
    if change.moved:
        change.carried = frozenset(read_group_ids(before)) & rules.walked
        flags = change.after.flags & ~(OWNS | MADE)
        change.after = replace(change.after, flags=flags, problems=problems & NOT_WRITTEN)
        return _leaving(change, before, everything=True, rules=rules)
    change.groups = read_group_ids(before)
    wanted = frozenset(group.group_id for group in said.in_groups)
    change.leaves = frozenset(
        group_id for group_id, is_ours in change.groups.items() if is_ours and group_id in rules.in_records - wanted
    )
    change.leaving = said.mobile if change.leaves else 0
    change.groups = {number: ours for number, ours in change.groups.items() if number not in change.leaves}
    return change


def decide_partial(link: Link, record: Record, said: Said, *, connection_id: int, rules: Rules) -> Change | None:
    """A delivery that says only some of a record: its words on consent count, and nothing else has changed."""
    if said.mobile not in (0, link.mobile):
        return decide(link, record, said, connection_id=connection_id, rules=rules, forced=False)
    after = replace(link, version=max(link.version, record.version), flags=_flags(link, said))
    if link.state == ERASED or after == link:
        return None
    return Change(link, after, said if link.mobile else None, groups=read_group_ids(link), url=record.url)


def decide_overtaken(link: Link, record: Record, said: Said) -> Change | None:
    """Such a delivery after a later one of the whole record, which need not know of it: only its opt-outs count."""
    after = replace(link, flags=link.flags | said.outs)
    if not link.mobile or said.mobile not in (0, link.mobile) or after == link:
        return None
    return Change(link, after, said, groups=read_group_ids(link), url=record.url)


def wanted_groups(change: Change, rules: Rules) -> frozenset[int]:
    """The groups that the number of a row is to join; not one again that it was taken out of by hand."""
    assert change.said is not None, "a row has what its record says"
    wanted = {group.group_id for group in change.said.in_groups}
    return frozenset(wanted - (change.groups.keys() - rules.in_step)) | change.carried


def _flags(before: Link, said: Said) -> int:
    return (before.flags & ~said.spoken) | said.outs


def _leaving(change: Change, before: Link, *, everything: bool, rules: Rules | None) -> Change:
    """The groups that the number leaves: those that the link put it in, or only those in step."""
    groups: Mapping[int, bool] = read_group_ids(before)
    leaves = {number for number, is_ours in groups.items() if is_ours}
    if not everything and rules is not None:
        leaves &= rules.in_step
    change.leaves = frozenset(leaves)
    change.leaving = before.mobile if leaves else 0
    is_new_number = change.after.mobile != before.mobile
    change.groups = {} if is_new_number else {one: ours for one, ours in groups.items() if one not in leaves}
    return change
