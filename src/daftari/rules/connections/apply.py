"""Applies records of a connection to the book, in the transaction that saves how far the connection is.

Decided first, judged by the mass guard, then written: who leaves groups, the rows of a stream import, the links. A
record that comes again changes nothing, and an opt-out is only ever added. No SQL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from msgspec import Struct
from msgspec.structs import replace

from daftari.connectors import Record
from daftari.model.connections import Link
from daftari.model.consent import ANY
from daftari.model.contacts import TEXT_FIELDS
from daftari.rules import events
from daftari.rules.carts.personal_data import forget_customers
from daftari.rules.connections import guard, marks, pending, rows
from daftari.rules.connections.abandoned import leave_groups
from daftari.rules.connections.decide import (
    Change,
    Rules,
    decide,
    decide_gone,
    decide_overtaken,
    decide_partial,
    is_stale,
    wanted_groups,
)
from daftari.rules.connections.firing import is_join, may_fire, take_joins
from daftari.rules.connections.loops import hold_loop
from daftari.rules.connections.mapping import RecordReader
from daftari.rules.connections.mirrors import with_groups
from daftari.rules.connections.model import (
    ERASED,
    GONE,
    LIVE,
    MADE,
    MERGED,
    MOVED,
    NOT_WRITTEN,
    OWNS,
    REFUSED,
    REMOVED_LOCALLY,
    RESUBSCRIBED,
    SAYS_IN,
    SCOPE_BITS,
    SHARED,
    UNREADABLE,
    UNUSABLE,
    Opened,
    counted,
    read_group_ids,
    with_counts,
    write_group_ids,
)
from daftari.rules.connections.owners import LinkKey, key_of, settle_owners
from daftari.rules.connections.saving import add_counts
from daftari.rules.consent import ledger
from daftari.rules.consent.decisions import Question, is_blocked
from daftari.rules.consent.state import State
from daftari.rules.contacts.merge import read_card
from daftari.rules.events import Action, GroupLeft
from daftari.store import Tx, WriteTx, connections, contacts, directory, exports, groups
from daftari.store.contacts import StoredContact

MESSAGES = Question("sms", purpose="marketing")
"""What is asked of a number that a record no longer has."""


class Applied(Struct):
    """A connection after some records. ``objection``: why nothing of them was written; blank where it was."""

    opened: Opened
    objection: str = ""
    wanted: list[str] = []
    """Records to read by id: others were merged into them, or they came back without a change."""


def apply_records(
    tx: WriteTx,
    opened: Opened,
    records: Iterable[Record],
    *,
    absent: Iterable[str] = (),
    is_sure: bool = False,
    forced: AbstractSet[str] = frozenset(),
    fires: bool = False,
) -> Applied:
    """Apply some records. The caller saves the connection that is returned.

    ``absent``: records that were asked for by id and are not there. ``is_sure``: the records were asked for by id, so
    they are so now. ``forced``: those that are applied although nothing changed. ``fires``: whether these are changes
    of now, so that who joins a group by them may fire triggers.
    """
    opened = with_groups(tx, opened)
    newest = _newest(records)
    for external_id in absent:
        newest.setdefault(external_id, Record(external_id, -1, gone="deleted"))
    batch = _Batch(tx, opened, newest, is_sure=is_sure, forced=forced, fires=fires and may_fire(tx, opened))
    batch.decide()
    objection = batch.judge()
    if objection:
        return Applied(opened, objection)
    batch.write()
    erased = [record.id for record in newest.values() if record.gone == "erased"]
    if erased:
        leave_groups(tx, forget_customers(tx, connection_id=opened.id, ids=erased))
    return Applied(batch.opened, wanted=batch.find_winners())


def _newest(records: Iterable[Record]) -> dict[str, Record]:
    """What is known best of each record, where one comes several times."""
    newest: dict[str, Record] = {}
    for record in records:
        known = newest.get(record.id)
        if known is None:
            newest[record.id] = record
        elif (known.gone == "merged") != (record.gone == "merged"):
            newest[record.id] = known if known.gone == "merged" else record
        elif record.version >= known.version:
            newest[record.id] = record
    return newest


def region_of(tx: Tx, opened: Opened) -> str:
    """The region in which the numbers of a connection are read."""
    return opened.definition.region or tx.project.region


def rules_of(opened: Opened) -> Rules:
    """What the connection's groups mean for its links."""
    in_step = {group.group_id for group in opened.definition.groups if group.keep == "in_step"}
    in_records = {group.group_id for group in opened.definition.groups if rows.is_in_records(opened, group.source)}
    walked = {group.group_id for group in opened.definition.groups} - in_records
    return Rules(frozenset(in_step), frozenset(in_records & in_step), frozenset(walked))


class _Batch:
    """Some records on their way into the book."""

    def __init__(
        self,
        tx: WriteTx,
        opened: Opened,
        newest: Mapping[str, Record],
        *,
        is_sure: bool,
        forced: AbstractSet[str],
        fires: bool,
    ) -> None:
        self._tx = tx
        self.opened = opened
        self._newest = newest
        self._is_sure = is_sure
        self._forced = forced
        self._fires = fires
        self._rules = rules_of(opened)
        self._links = {
            link.external_id: link for link in connections.find_links(tx, connection_id=opened.id, ids=sorted(newest))
        }
        self._changes: list[Change] = []
        self._touched: list[str] = []
        self._counts: Counter[str] = Counter()
        self._contacts: dict[int, StoredContact] = {}
        self._states: dict[int, State] = {}
        self._sharing: list[Link] = []
        """The other links of the changes' numbers, and of these the live ones."""
        self._others: dict[LinkKey, Link] = {}
        self._others_changed: dict[LinkKey, Link] = {}
        self._risen: set[str] = set()
        self._changed_at: dict[str, int] = {}
        comparison = opened.progress.comparison
        self._comparison = comparison.number if comparison is not None else opened.progress.comparisons

    # ---- decided ------------------------------------------------------------------------------------

    def decide(self) -> None:
        """What follows for each record, and for the other records with their numbers."""
        reader = RecordReader(self.opened, region=region_of(self._tx, self.opened))
        for external_id, record in self._newest.items():
            link = self._links.get(external_id)
            is_old = is_stale(link, record)
            if (
                is_old
                and link is not None
                and record.gone is None
                and link.version <= self.opened.progress.pushed_until
            ):
                # A delivery has the time at which it was sent, a record that at which it was changed.
                is_old = False
            if is_old and (link is None or not self._is_sure):
                if link is not None:
                    self._counts["stale"] += 1
                    self._touched.append(external_id)
                    if link.state == GONE and record.gone is None:
                        self._risen.add(external_id)
                    if record.is_partial and (late := decide_overtaken(link, record, reader.read(record))):
                        self._changes.append(late)
                continue
            change = self._decide_one(link, record, reader)
            if change is None:
                self._touched.append(external_id)
                self._counts["unchanged"] += 1
                if link is not None and link.state == ERASED and record.gone is None:
                    self._counts["erased_there"] += 1
            else:
                self._changes.append(change)
        self._look_up()
        for change in self._changes:
            self._settle_removed(change)
        self._others_changed = settle_owners(self._changes, self._others.values())
        self._find_echoes()

    def _decide_one(self, link: Link | None, record: Record, reader: RecordReader) -> Change | None:
        if record.gone is not None:
            assert link is not None, "a record that is gone and was never seen is stale"
            return decide_gone(link, record)
        forced = record.id in self._forced
        change = None
        if record.is_partial and link is not None and link.state not in (GONE, MERGED):
            said = reader.read(record)
            return decide_partial(link, record, said, connection_id=self.opened.id, rules=self._rules)
        if link is None or forced or link.state in (GONE, MERGED) or link.digest != reader.digest_of(record):
            said = reader.read(record)
            change = decide(link, record, said, connection_id=self.opened.id, rules=self._rules, forced=forced)
            if change is not None and link is not None and link.digest not in (0, said.digest) and not forced:
                change = hold_loop(change, link, said, now=self._tx.now)
                self._counts["to_and_fro"] += change is None
                return change
        if change is None and link is not None and link.state != ERASED and record.version > link.version:
            # Nothing that counts has changed, but what is older must be known as such.
            self._changed_at[record.id] = record.version
            return Change(link, replace(link, version=record.version), groups=read_group_ids(link))
        return change

    def _look_up(self) -> None:
        """The contacts, states and other links of the numbers that the changes are about."""
        mobiles = sorted({mobile for change in self._changes for mobile in _mobiles_of(change)})
        if not mobiles:
            return
        found = contacts.find_contacts_by_mobile(self._tx, mobiles=mobiles)
        self._contacts = {contact.mobile: contact for contact in found}
        self._states = ledger.find_states(self._tx, mobiles=mobiles)
        changing = {(self.opened.id, change.after.external_id) for change in self._changes}
        links = connections.find_links_by_mobile(self._tx, mobiles=mobiles)
        self._sharing = [link for link in links if key_of(link) not in changing]
        self._others = {key_of(link): link for link in self._sharing if link.state == LIVE}

    def _settle_removed(self, change: Change) -> None:
        """A contact that was removed here, which was no opt-out, is not made again."""
        before = change.before
        if not change.has_row or before is None or before.mobile == 0 or change.moved:
            return
        mobile = before.mobile
        state = self._states.get(mobile)
        is_removed = mobile == change.after.mobile and mobile not in self._contacts
        if is_removed and change.after.external_id not in self._forced and not (state and state.is_suppressed):
            change.has_row = False
            problems, flags = change.after.problems & NOT_WRITTEN, change.after.flags & ~OWNS
            change.after = replace(change.after, state=REMOVED_LOCALLY, flags=flags, problems=problems)
            change.leaves, change.groups = frozenset(), {}

    def _find_echoes(self) -> None:
        """What records say because it was written back to them is no word of the person."""
        for external_id, scopes in marks.find_echoes(self._tx, self.opened, self._changes, states=self._states).items():
            change = next(change for change in self._changes if change.after.external_id == external_id)
            change.echoed = scopes
            self._counts["echo"] += 1
        self._counts["echo"] += marks.count_echoes(self._tx, self.opened, self._changed_at)

    # ---- judged -------------------------------------------------------------------------------------

    def judge(self) -> str:
        """Why nothing is written; blank where it may be. The first reading was planned, and is not judged."""
        if self.opened.stored.state == "importing" or not self._changes:
            return ""
        planned = guard.Planned({group_id: len(ids) for group_id, ids in self._find_leaving().items()})
        for change in self._changes:
            before = LIVE if change.before is not None and change.before.state == LIVE else None
            planned.gone += before == LIVE and change.after.state == GONE
            planned.unreadable += before == LIVE and change.after.state == UNREADABLE
            planned.opted_out += self._opts_out(change)
        progress = self.opened.progress
        run = guard.add_to_run(progress.run, planned)
        names = exports.find_group_names(self._tx, ids=sorted(planned.left))
        affected = {
            group_id: guard.Group(name.name, directory.count_list(self._tx, list_id=group_id))
            for group_id, name in names.items()
        }
        links = progress.counts.get("live", 0)
        erased = sum(change.is_erased_there for change in self._changes)
        objection = guard.find_objection(progress.run, run, groups=affected, links=links, now=self._tx.now)
        if not objection and erased:
            already = pending.count_erased_lately(self._tx, progress)
            is_confirmed = run.confirmed_until > self._tx.now
            objection = guard.find_erasure_objection(already + erased, is_confirmed=is_confirmed)
        if not objection:
            self.opened = replace(self.opened, progress=replace(progress, run=run))
        return objection

    def _opts_out(self, change: Change) -> bool:
        """Whether a change opts out a number that was not."""
        state = self._states.get(change.after.mobile, State())
        return any(
            change.new_outs & bit and not is_blocked(state, Question(scope.channel, purpose=scope.purpose))
            for scope, bit in SCOPE_BITS.items()
        )

    def _find_leaving(self) -> dict[int, list[int]]:
        """The contacts that leave each group: no other record of theirs holds them in it."""
        if not any(change.leaves for change in self._changes):
            return {}
        holding: dict[tuple[int, int], bool] = {}
        for link in self._others.values():
            for group_id in read_group_ids(link):
                holding[link.mobile, group_id] = True
        for change in self._changes:
            if change.after.state == LIVE:
                joins = wanted_groups(change, self._rules) if change.has_row else frozenset()
                for group_id in {*change.groups, *joins}:
                    holding[change.after.mobile, group_id] = True
        leaving: dict[int, set[int]] = {}
        for change in self._changes:
            contact = self._contacts.get(change.leaving)
            for group_id in change.leaves if contact is not None else ():
                if (change.leaving, group_id) not in holding:
                    assert contact is not None
                    leaving.setdefault(group_id, set()).add(contact.id)
        inside = {
            group_id: sorted(groups.find_members(self._tx, group_id=group_id, ids=sorted(ids)))
            for group_id, ids in leaving.items()
        }
        return {group_id: ids for group_id, ids in inside.items() if ids}

    # ---- written ------------------------------------------------------------------------------------

    def write(self) -> None:
        """Write everything that was decided."""
        self._hand_over()
        self._leave_groups()
        self._clear_erased()
        written = [change for change in self._changes if change.has_row or change.new_outs]
        if written:
            self._write_rows(written)
        self._ask_write_backs(self._find_near_misses())
        saved = [self._linked(change) for change in self._changes]
        new = [link for link in saved if link.external_id not in self._links]
        known = [link for link in saved if link.external_id in self._links]
        connections.insert_links(self._tx, links=new)
        connections.save_links(self._tx, links=[*known, *self._others_changed.values()])
        if self.opened.progress.comparison is not None:
            connections.touch_links(self._tx, connection_id=self.opened.id, seen_in=self._comparison, ids=self._touched)
        self._count(saved)

    def _hand_over(self) -> None:
        """Let another record of a number hold it in a group that one record put it in and lets go of."""
        let_go = {(change.leaving, group_id) for change in self._changes for group_id in change.leaves}
        if not let_go:
            return
        for change in self._changes:
            for group_id, is_ours in change.groups.items():
                if not is_ours and (change.after.mobile, group_id) in let_go:
                    change.groups[group_id] = True
        for key, link in self._others.items():
            held = read_group_ids(link)
            taken = {one: True for one, is_ours in held.items() if not is_ours and (link.mobile, one) in let_go}
            if taken:
                known = self._others_changed.get(key, link)
                self._others_changed[key] = replace(known, group_ids=write_group_ids(held | taken))

    def _leave_groups(self) -> None:
        leaving = self._find_leaving()
        if not leaving:
            return
        for group_id, ids in leaving.items():
            groups.delete_members(self._tx, group_id=group_id, ids=ids)
        directory.change_directory(self._tx, joined={}, left={**leaving})
        left = [GroupLeft(group_id, ids) for group_id, ids in sorted(leaving.items())]
        events.record(self._tx, Action.SYNC_CONTACTS, *left)

    def _clear_erased(self) -> None:
        """Take out of contacts what records gave them that were erased there, and have their numbers wait."""
        erased = [change for change in self._changes if change.is_erased_there]
        if erased:
            cleared = pending.clear_fields(self._tx, self.opened, erased=erased, known=self._contacts)
            self._contacts |= {contact.mobile: contact for contact in cleared}
            progress = pending.with_erasures(self._tx, self.opened.progress, erased=erased)
            self.opened = replace(self.opened, progress=progress)

    def _write_rows(self, written: Sequence[Change]) -> None:
        """Write the rows by an import, and note which groups they have put their numbers in."""
        wanted = {id(change): wanted_groups(change, self._rules) for change in written if change.has_row}
        names = exports.find_group_names(self._tx, ids=sorted({one for ids in wanted.values() for one in ids}))
        before = self._find_members(written)
        given = [
            rows.Row(
                change,
                self._values(change),
                [names[group_id].name for group_id in sorted(wanted.get(id(change), ())) if group_id in names],
            )
            for change in written
        ]
        silent, joining = self._find_joining(given, wanted, before)
        self.opened, fires = take_joins(self.opened, joining=len(joining))
        refused: dict[str, str] = {}
        for some, fire in ((silent, False), (joining, fires)):
            if some:
                self.opened, reasons = rows.write_rows(self._tx, self.opened, some, fires=fire)
                refused |= reasons
        for change in written:
            if why := refused.get(change.after.external_id):
                state = UNREADABLE if change.after.state == UNREADABLE else REFUSED
                flags = change.after.flags & ~OWNS if change.after.state == LIVE else 0
                change.after = replace(
                    change.after,
                    state=state, mobile=0, flags=flags, problems=UNUSABLE, why=change.after.why or why,
                )  # fmt: skip
                change.groups = {}
        found = contacts.find_contacts_by_mobile(
            self._tx, mobiles=sorted({change.after.mobile for change in written if change.after.mobile})
        )
        known = {*self._contacts}
        self._contacts |= {contact.mobile: contact for contact in found}
        after = self._find_members(written)
        for change in written:
            mobile = change.after.mobile
            if change.after.state == LIVE and mobile not in known and mobile in self._contacts:
                change.after = replace(change.after, flags=change.after.flags | MADE)
            self._note_groups(change, wanted.get(id(change), frozenset()), before, after)

    def _find_joining(
        self, given: Sequence[rows.Row], wanted: Mapping[int, AbstractSet[int]], before: Mapping[int, set[int]]
    ) -> tuple[list[rows.Row], list[rows.Row]]:
        """The rows that fire no trigger, and those whose number joins a group and may fire some."""
        if not self._fires:
            return [*given], []
        silent: list[rows.Row] = []
        joining: list[rows.Row] = []
        for row in given:
            contact = self._contacts.get(row.change.after.mobile)
            joins = any(
                contact is None or contact.id not in before.get(one, ()) for one in wanted.get(id(row.change), ())
            )
            (joining if joins and is_join(row.change, self._forced) else silent).append(row)
        return silent, joining

    def _note_groups(
        self, change: Change, wanted: AbstractSet[int], before: Mapping[int, set[int]], after: Mapping[int, set[int]]
    ) -> None:
        contact = self._contacts.get(change.after.mobile)
        if contact is None or change.after.state != LIVE:
            return
        for group_id in wanted:
            if contact.id in after.get(group_id, ()) and group_id not in change.groups:
                is_ours = group_id in self._rules.in_step or contact.id not in before.get(group_id, ())
                change.groups[group_id] = is_ours

    def _find_members(self, written: Sequence[Change]) -> dict[int, set[int]]:
        """Which contacts of the changes are in which of the connection's groups."""
        mobiles = {change.after.mobile for change in written}
        ids = sorted(contact.id for mobile, contact in self._contacts.items() if mobile in mobiles)
        wanted = {group.group_id for group in self.opened.definition.groups}
        if not ids:
            return {}
        return {group_id: groups.find_members(self._tx, group_id=group_id, ids=ids) for group_id in wanted}

    def _values(self, change: Change) -> dict[str, object]:
        """What a row gives: all that its record says, if it owns its number; else what is blank, or nothing."""
        assert change.said is not None, "a row has what its record says"
        values: dict[str, object] = change.said.values
        contact = self._contacts.get(change.after.mobile)
        if change.after.flags & OWNS or change.after.state != LIVE:
            return values
        if change.after.problems & SHARED or contact is None:
            return {"mobile": values["mobile"]}
        card = read_card(contact.card)
        given = {name: value for name, value in values.items() if name in TEXT_FIELDS and not getattr(card, name)}
        attributes = change.said.values.get("attributes", {})
        more = {name: value for name, value in attributes.items() if name not in (card.attributes or {})}
        return {"mobile": values["mobile"], **given, **({"attributes": more} if more else {})}

    def _find_near_misses(self) -> dict[int, State]:
        """Who opted out here and is subscribed there, or has another number there by now. Returns the states."""
        mobiles = sorted({mobile for change in self._changes for mobile in _mobiles_of(change)})
        states = ledger.find_states(self._tx, mobiles=mobiles) if mobiles else {}
        tried: list[int] = []
        for change in self._changes:
            problems = change.after.problems
            if change.said is not None and change.after.state == LIVE:
                problems &= ~SAYS_IN
                state = states.get(change.after.mobile)
                if state is not None and says_in(change.said.ins, state):
                    problems |= SAYS_IN
                    tried.append(change.after.mobile)
                else:
                    problems &= ~RESUBSCRIBED
            if change.moved and change.before is not None:
                state = states.get(change.before.mobile)
                if state is not None and is_blocked(state, MESSAGES):
                    problems |= MOVED
                    tried.append(change.before.mobile)
            if problems != change.after.problems:
                change.after = replace(change.after, problems=problems)
        ledger.note_near_misses(self._tx, source="sync", mobiles=tried)
        return states

    def _ask_write_backs(self, states: Mapping[int, State]) -> None:
        asked = marks.ask_for_changes(
            self._tx, self.opened, self._changes, others=self._sharing, before=self._states, after=states
        )
        for change in self._changes:
            if change.after.external_id in asked.resubscribed:
                change.after = replace(change.after, problems=change.after.problems | RESUBSCRIBED)
        progress = marks.with_write_back_counts(self.opened.progress, asked.counts)
        self.opened = replace(self.opened, progress=progress)

    def _linked(self, change: Change) -> Link:
        return replace(change.after, group_ids=write_group_ids(change.groups), seen_in=self._comparison)

    def _count(self, saved: Sequence[Link]) -> None:
        """The counts of links by state and problem, and of what was done."""
        before = [change.before for change in self._changes if change.before is not None]
        before += [self._others[key] for key in self._others_changed]
        after = [*saved, *self._others_changed.values()]
        by_connection: dict[int, Counter[str]] = {self.opened.id: self._counts}
        for links, sign in ((before, -1), (after, 1)):
            for link in links:
                counts = by_connection.setdefault(link.connection_id, Counter())
                for name in counted(link):
                    counts[name] += sign
        self._counts["changed"] += sum(change.has_row for change in self._changes)
        self._counts["removed_locally_changed"] += sum(
            change.after.state == REMOVED_LOCALLY for change in self._changes
        )
        for connection_id, counts in by_connection.items():
            if connection_id != self.opened.id and any(counts.values()):
                add_counts(self._tx, connection_id=connection_id, counts=counts)
        progress = with_counts(self.opened.progress, self._counts)
        new = [
            change
            for change in self._changes
            if change.after.state == LIVE and (change.before is None or change.before.state != LIVE)
        ]
        if new and self._rules.walked:
            is_silent = not (self._fires and all(is_join(change, self._forced) for change in new))
            progress = replace(progress, walks_all=True, walks_all_silently=progress.walks_all_silently or is_silent)
        self.opened = replace(self.opened, progress=progress)

    def find_winners(self) -> list[str]:
        """The records to read by id: winners of which nothing is known yet, what came back after it was deleted, and
        those whose names count from now on.
        """
        winners = {
            record.merged_into for record in self._newest.values() if record.merged_into and record.id in self._links
        } - self._newest.keys()
        known = connections.find_links(self._tx, connection_id=self.opened.id, ids=sorted(winners)) if winners else []
        heirs = {link.external_id for key, link in self._others_changed.items() if self._is_heir(key, link)}
        return sorted(self._risen | heirs | (winners - {link.external_id for link in known}))

    def _is_heir(self, key: LinkKey, link: Link) -> bool:
        """Whether a record of this connection owns its number since another one let go of it."""
        return link.connection_id == self.opened.id and bool(link.flags & OWNS & ~self._others[key].flags)


def _mobiles_of(change: Change) -> set[int]:
    mobiles = {change.after.mobile, change.leaving, 0 if change.before is None else change.before.mobile}
    return mobiles - {0}


def says_in(ins: int, state: State) -> bool:
    """Whether a record says that a person agreed to what they opted out of here."""
    return any(
        ins & bit and is_blocked(state, Question(scope.channel if scope.channel != ANY else ANY, purpose=scope.purpose))
        for scope, bit in SCOPE_BITS.items()
    )
