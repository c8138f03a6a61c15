"""The five calls: one number is one contact, a create merges, an update moves, a delete is an opt-out that holds.

Rows are parsed before any lock (``parse``). No HTTP, no SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from daftari.errors import (
    AmbiguousContact,
    ContactNotFound,
    MobileTaken,
    PreconditionFailed,
    ValidationFailed,
)
from daftari.model.consent import ANY, NewFact, Scope
from daftari.model.contacts import Card, Change, CreateOutcome, Outcome, Page, RowOutcome, ShownContact, UpdateOutcome
from daftari.model.projects import ConsentSettings
from daftari.model.time import format_time
from daftari.rules import events
from daftari.rules.before import ChangedCard, changed_cards, keep, keeps, new_cards, removed_cards
from daftari.rules.consent import ledger
from daftari.rules.consent.keywords import stop_scope
from daftari.rules.consent.others import choose_facts, record_others
from daftari.rules.consent.state import NOTHING_KNOWN, State
from daftari.rules.consent.views import show_state, write_evidence
from daftari.rules.contacts.groups import refuse_mirrored_name, use_group
from daftari.rules.contacts.merge import Merge, NamedGroup, find_merge, read_card, write_merge
from daftari.rules.contacts.parse import (
    Rows,
    encode_card,
    has_too_many,
    merged_attributes,
    refuse_ambiguous,
    too_many_attributes,
)
from daftari.rules.events import (
    Action,
    ContactsDeleted,
    ContactsUpdated,
    Event,
    GroupCreated,
    GroupJoined,
    GroupLeft,
)
from daftari.rules.fields import Errors, Problems, fold_name
from daftari.rules.numbers import Reference, WrittenNumber, ambiguous, find_known
from daftari.store import Tx, WriteTx, contacts, directory, feed, groups, journal
from daftari.store.consent import CLEAR, KNOWN, SUPPRESSED
from daftari.store.contacts import NewCard, StoredContact

REMOVAL = "removal"
"""The one reason of a delete that is no opt-out."""


# ---- reading ----------------------------------------------------------------------------------------


def version_of(card: bytes) -> str:
    """What names this card and no other one."""
    return blake2b(card, digest_size=16).hexdigest()


def get_contact(tx: Tx, *, reference: Reference, include: frozenset[str]) -> ShownContact:
    """A contact's JSON; its statements need not agree. Raises ``ContactNotFound``."""
    found = _get_by_id(tx, reference) or _get_by_mobile(tx, reference)
    if found is None:
        raise ContactNotFound
    card = found.card.encode()
    return ShownContact(card, show_cards(tx, [found], include) if include else card)


def list_contacts(
    tx: Tx,
    *,
    group: str | None,
    page: int,
    per_page: int,
    include: frozenset[str],
    suppressed: bool,
    group_id: int | None = None,
) -> Page:
    """One page of the book or of a group; an unknown group is an empty list, as is a page past the end.

    ``suppressed``: list those too who opted out of everything. They are in no group. ``group_id``: the group's id,
    where it is known already.
    """
    which = _find_list(tx, group, suppressed, group_id)
    if which is None:
        return Page(cards=b"", count=0, total=0)
    total, start = directory.find_page(tx, list_id=which.list_id, skip=(page - 1) * per_page)
    if start is None:
        return Page(cards=b"", count=0, total=total)
    return replace(_read_page(tx, which, start, per_page, include), total=total)


def list_contacts_after(
    tx: Tx, *, group: str | None, after_id: int, per_page: int, include: frozenset[str], suppressed: bool
) -> Page:
    """As ``list_contacts``, the contacts with the ids after one, whether or not there is a contact with it."""
    which, last_change = _find_list(tx, group, suppressed), feed.get_last_seq(tx)
    if which is None:
        return Page(cards=b"", count=0, total=0, last_change=last_change)
    total, before, first = directory.find_block(tx, list_id=which.list_id, contact_id=after_id)
    before += contacts.count_in_block(
        tx, group_id=which.group_id, consent_status=which.consent_status, first=first, last=after_id
    )
    if before == total:
        return Page(cards=b"", count=0, total=total, before=before, last_change=last_change)
    first = after_id + 1
    page = _read_page(tx, which, directory.PageStart(first=first, skip=0), per_page, include)
    last_id = contacts.find_listed_id(
        tx,
        group_id=which.group_id,
        consent_status=which.consent_status,
        start=directory.PageStart(first=first, skip=max(0, page.count - 1)),
    )
    return replace(page, total=total, before=before, last_id=last_id, last_change=last_change)


def find_contacts(tx: Tx, *, ids: Sequence[int], include: frozenset[str]) -> Page:
    """Those of some ids that are contacts, in order, the suppressed ones marked, and the ids that are none."""
    found = sorted(contacts.find_contacts(tx, ids=sorted({*ids})), key=lambda contact: contact.id)
    missing = tuple(sorted({*ids} - {contact.id for contact in found}))
    cards = show_cards(tx, found, include, marked=True)
    return Page(cards=cards, count=len(found), total=len(found), missing=missing)


class _List(Struct, frozen=True):
    """A list of contacts in the directory. ``group_id``: that of its group, if it is one's."""

    list_id: int
    group_id: int | None
    consent_status: int


def _find_list(tx: Tx, group: str | None, suppressed: bool, group_id: int | None = None) -> _List | None:
    whole_list, consent_status = (directory.BOOK, SUPPRESSED) if suppressed else (directory.LISTED, KNOWN)
    if group is None:
        return _List(whole_list, None, consent_status)
    if group_id is None:
        group_id = groups.find_group_id(tx, folded=fold_name(group))
    return None if group_id is None else _List(group_id, group_id, consent_status)


def _read_page(tx: Tx, which: _List, start: directory.PageStart, limit: int, include: frozenset[str]) -> Page:
    """What is on a page; its total is not read."""
    group_id, consent_status = which.group_id, which.consent_status
    if not include:
        listed = contacts.list_cards(tx, group_id=group_id, consent_status=consent_status, start=start, limit=limit)
        return Page(cards=listed.cards, count=listed.count, total=0, state=listed.state)
    found = contacts.list_contacts(tx, group_id=group_id, consent_status=consent_status, start=start, limit=limit)
    return Page(cards=show_cards(tx, found, include), count=len(found), total=0)


def show_cards(tx: Tx, found: list[StoredContact], include: frozenset[str], *, marked: bool = False) -> bytes:
    """Cards joined with commas, each with the members that were asked for. ``marked``: say who is suppressed."""
    names = groups.list_group_names(tx, ids=[contact.id for contact in found]) if "groups" in include else {}
    known = [contact.mobile for contact in found if contact.consent_status != CLEAR] if "consent" in include else []
    states = ledger.find_states(tx, mobiles=known) if known else {}
    cards = []
    for contact in found:
        more: dict[str, object] = {}
        if "groups" in include:
            more["groups"] = names[contact.id]
        if "consent" in include:
            more["consent"] = show_state(states.get(contact.mobile, NOTHING_KNOWN))
        if "updated_at" in include:
            more["updated_at"] = format_time(contact.updated_at)
        if marked and contact.consent_status == SUPPRESSED:
            more["suppressed"] = True
        card = contact.card.encode()
        cards.append(card[:-1] + b"," + msgspec.json.encode(more)[1:] if more else card)
    return b",".join(cards)


# ---- create -----------------------------------------------------------------------------------------


def create_contacts(
    tx: WriteTx, *, rows: Rows, group: str | None, skip: bool, results: bool, fire_triggers: bool = False
) -> CreateOutcome:
    """Create or merge rows, and let all of them join the group.

    ``skip``: write the good rows and report the bad ones. ``results``: an outcome for each row.
    ``fire_triggers``: also by more than one contact. Raises ``ValidationFailed``, with nothing written, when a row is
    bad and is not skipped.
    """
    rows = refuse_ambiguous(tx, rows=rows)
    merge = find_merge(tx, rows=rows.unique, named=[] if group is None else [NamedGroup(group)])
    late = {index: too_many_attributes(rows.path(index)) for index in merge.refused}
    invalid = {**rows.invalid, **late}
    if invalid and not skip:
        raise ValidationFailed({path: said for index in sorted(invalid) for path, said in invalid[index].items()})
    is_one = rows.count - len(rows.duplicates) == 1
    merged = write_merge(tx, merge=merge, fires=fire_triggers or is_one)
    joined = merged.joined_ids
    if merged.events:
        seq = events.record(tx, Action.CREATE_CONTACTS, *merged.events, group_id=next(iter(merged.joined), None))
        if keeps(tx):
            cards = [*new_cards(merged.new), *changed_cards(merge.existing.values(), merge.changed)]
            keep(tx, seq=seq, happened=merged.events, cards=cards)
    suppressed, kept_out = merge.suppressed, merge.kept_out
    ledger.note_near_misses(tx, source="create_contacts", mobiles=[*suppressed, *kept_out])
    written = _Written(merged.new, merge.changed.keys() | joined, suppressed, kept_out, invalid)
    return _outcome(rows, merge, written, results)


class _Written(Struct):
    """What a create did: new contacts, ids that changed or joined, numbers that joined nothing, and bad rows."""

    new: list[NewCard]
    touched: set[int]
    suppressed: set[int]
    kept_out: set[int]
    invalid: dict[int, Errors]


def _outcome(rows: Rows, found: Merge, written: _Written, results: bool) -> CreateOutcome:
    updated = sum(contact.id in written.touched for contact in found.existing.values())
    suppressed = 0
    if written.suppressed:
        suppressed = sum(row.mobile in written.suppressed for row in rows.unique if row.index not in written.invalid)
        suppressed += sum(mobile in written.suppressed for _, mobile in rows.duplicates)
    return CreateOutcome(
        created=len(written.new),
        updated=updated,
        unchanged=len(found.existing) - updated,
        duplicate=len(rows.duplicates),
        invalid=len(written.invalid),
        suppressed=suppressed,
        rows=_row_outcomes(rows, found, written) if results else [],
    )


def _row_outcomes(rows: Rows, found: Merge, written: _Written) -> list[RowOutcome]:
    ids = {card.mobile: card.id for card in written.new}
    ids |= {mobile: contact.id for mobile, contact in found.existing.items()}

    def outcome_of(index: int, outcome: Outcome, mobile: int) -> RowOutcome:
        suppressed, kept_out = mobile in written.suppressed, mobile in written.kept_out
        return RowOutcome(index, outcome, ids.get(mobile), str(mobile), suppressed, kept_out)

    outcomes = [RowOutcome(index, "invalid", errors=errors) for index, errors in written.invalid.items()]
    outcomes += [outcome_of(index, "duplicate", mobile) for index, mobile in rows.duplicates]
    for row in rows.unique:
        if row.index in written.invalid:
            continue
        outcome: Outcome = "created"
        if row.mobile in found.existing:
            outcome = "updated" if ids[row.mobile] in written.touched else "unchanged"
        outcomes.append(outcome_of(row.index, outcome, row.mobile))
    return sorted(outcomes, key=lambda outcome: outcome.index)


# ---- update and delete ------------------------------------------------------------------------------


def update_contact(
    tx: WriteTx,
    *,
    reference: Reference,
    change: Change | None,
    group: str | None,
    move: bool,
    versions: frozenset[str] | None = None,
) -> UpdateOutcome:
    """Change fields and group. ``move``: leave all other groups. A number that may not join stays where it is.

    ``versions``: those that the card may be of. Raises ``ContactNotFound``, ``AmbiguousContact``,
    ``PreconditionFailed``, ``GroupIsMirrored``, and ``MobileTaken`` when another contact has the new number.
    """
    found = _find_one(tx, reference)
    _refuse_changed(found, versions)
    card = read_card(found.card)
    changed = _changed(card, _chosen(tx, found.mobile, change)) if change is not None else card
    mobile = int(changed.mobile)
    if mobile != found.mobile:
        other = contacts.get_contact_by_mobile(tx, mobile=mobile)
        if other is not None:
            raise MobileTaken(mobile, other.id)
    # The texts are compared, not the records: to Python 1 and true are the same attribute.
    text = encode_card(changed)
    if text != found.card:
        contacts.update_contacts(tx, cards=[NewCard(found.id, mobile, text)])
    happened: list[Event] = [] if text == found.card else [ContactsUpdated([found.id])]
    state = ledger.find_states(tx, mobiles=[mobile]).get(mobile, NOTHING_KNOWN)
    if mobile != found.mobile:
        # What is known stays with the old number; what is known of the new one counts from now on.
        known = {mobile: state} if state is not NOTHING_KNOWN else {}
        happened += ledger.settle_contacts(tx, found=[replace(found, mobile=mobile)], states=known).events
    kept_out, group_id = False, None
    kept_groups: tuple[str, ...] = ()
    if group is not None and state.is_suppressed:
        refuse_mirrored_name(tx, group)
    elif group is not None:
        moved = _move(tx, found.id, state, group, move)
        group_id, kept_groups, kept_out = moved.group_id, moved.kept_groups, moved.group_id is None
        happened += moved.events
    if group is not None and (state.is_suppressed or kept_out):
        ledger.note_near_misses(tx, source="update_contact", mobiles=[mobile])
    if happened:
        seq = events.record(tx, Action.UPDATE_CONTACT, *happened, group_id=group_id)
        new_mobile = mobile if mobile != found.mobile else None
        cards = [] if text == found.card else [ChangedCard(found.id, found.mobile, found.card, text, new_mobile)]
        keep(tx, seq=seq, happened=happened, cards=cards)
    version = version_of(text.encode())
    return UpdateOutcome(state.is_suppressed, kept_out, version, kept_groups)


def _refuse_changed(found: StoredContact, versions: frozenset[str] | None) -> None:
    if versions is not None and version_of(found.card.encode()) not in versions:
        raise PreconditionFailed


def _chosen(tx: Tx, mobile: int, change: Change) -> Change:
    """The change with the number that is meant: the contact's own one, as it was answered, or one without doubt."""
    number, digits = change.mobile, change.digits
    if number is None or digits is None or digits not in find_known(tx, [digits]):
        return change
    if digits == mobile:
        return replace(change, mobile=digits)
    problems = Problems("contact")
    problems.add("mobile", ambiguous(number, digits))
    raise ValidationFailed(problems.errors)


def _changed(card: Card, change: Change) -> Card:
    """The card with the change; ``None`` clears."""
    attributes = card.attributes
    if change.attributes is None:
        attributes = UNSET
    elif change.attributes is not UNSET:
        attributes = merged_attributes(attributes or {}, change.attributes)
        if has_too_many(attributes):
            raise ValidationFailed(too_many_attributes("contact"))
    mobile = card.mobile if change.mobile is None else str(change.mobile)
    return replace(card, **change.texts, mobile=mobile, attributes=attributes)


class _Moved(Struct):
    """What a move did. ``group_id``: ``None`` if the person left this very group before."""

    group_id: int | None
    events: list[Event]
    kept_groups: tuple[str, ...] = ()


def _move(tx: WriteTx, contact_id: int, state: State, group: str, move: bool) -> _Moved:
    """Join a group, and with ``move`` leave all others but those that connections keep in step."""
    folded = fold_name(group)
    first_group = tx.book.next_group_id
    group_id = use_group(tx, name=group, folded=folded)
    happened: list[Event] = [GroupCreated(new) for new in range(first_group, tx.book.next_group_id)]
    if state.has_left(group_id, folded):
        return _Moved(None, happened)
    inside = {membership.group_id: membership for membership in groups.list_memberships(tx, ids=[contact_id])}
    # A group that a user deleted keeps its members, so that it can be brought back with them.
    others = [one for one in inside.values() if move and one.group_id != group_id and one.folded is not None]
    leaving = [other.group_id for other in others if not other.mirrored_by]
    for other in leaving:
        groups.delete_members(tx, group_id=other, ids=[contact_id])
    joining = group_id not in inside
    if joining:
        groups.insert_members(tx, group_id=group_id, ids=[contact_id])
    if joining or leaving:
        directory.change_directory(
            tx,
            joined={group_id: [contact_id]} if joining else {},
            left={other: [contact_id] for other in leaving},
        )
    happened += [GroupLeft(other, [contact_id]) for other in leaving]
    if joining:
        happened.append(GroupJoined(group_id, [contact_id]))
    return _Moved(group_id, happened, tuple(other.name for other in others if other.mirrored_by))


def delete_contact(
    tx: WriteTx, *, reference: Reference, deletion: Deletion, versions: frozenset[str] | None = None
) -> int | None:
    """Delete a contact, and record the opt-out or removal that this is.

    ``versions``: those that the card may be of. Returns its id, or ``None`` when no contact has the number: its opt-out
    is recorded all the same. Raises ``ContactNotFound`` when there is nothing to record, ``AmbiguousContact`` and
    ``PreconditionFailed``.
    """
    reading = reference.reading
    try:
        found = _find_one(tx, reference)
    except ContactNotFound:
        opt_out = None if reading is None else deletion.opt_out_of(reading)
        if opt_out is None:
            raise
        meant = choose_facts(tx, facts=[opt_out])
        recorded = ledger.record_facts(tx, facts=meant.facts)
        others = record_others(tx, others=meant.others)
        events.record(tx, Action.DELETE_CONTACT, *recorded.events, *others)
        return None
    _refuse_changed(found, versions)
    if reading is None or found.id == reference.id:
        reading = WrittenNumber(found.mobile)
    opt_out = deletion.opt_out_of(reading)
    # Which number digits are must be known before the contact, which may be all that is known of it, is gone.
    meant = choose_facts(tx, facts=[] if opt_out is None else [opt_out])
    happened: list[Event] = [GroupLeft(group_id, [found.id]) for group_id in remove_contact(tx, found=found)]
    happened.append(ContactsDeleted([found.id]))
    happened += ledger.record_facts(tx, facts=meant.facts).events if meant.facts else []
    happened += record_others(tx, others=meant.others)
    seq = events.record(tx, Action.DELETE_CONTACT, *happened)
    if opt_out is None:
        at = tx.now if deletion.at is None else deletion.at
        journal.insert_removals(tx, seq=seq, mobiles=[found.mobile], at=at, reason=deletion.reason)
        keep(tx, seq=seq, happened=happened, cards=removed_cards([found]))
    return found.id


def remove_contact(tx: WriteTx, *, found: StoredContact) -> list[int]:
    """Delete a contact and take it off every list first. Returns the groups that it was in."""
    inside = groups.list_contact_groups(tx, contact_id=found.id)
    groups.delete_contact_memberships(tx, contact_id=found.id)
    lists = [directory.BOOK, *inside, *([directory.LISTED] if found.consent_status != SUPPRESSED else [])]
    directory.change_directory(tx, joined={}, left={**dict.fromkeys(lists, (found.id,))})
    contacts.delete_contact(tx, contact_id=found.id)
    return inside


class Deletion(Struct, frozen=True):
    """What a DELETE records. Without a scope it is a removal, and no opt-out. ``at``: when it happened, if given."""

    scope: Scope | None
    at: int | None
    reason: str | None

    def opt_out_of(self, reading: WrittenNumber) -> NewFact | None:
        """The fact that is to be recorded, if it is one."""
        if self.scope is None:
            return None
        evidence = None if self.reason is None else write_evidence(note=self.reason)
        return NewFact(
            0, reading.number, "opt_out", self.scope, self.at, "delete", evidence=evidence, digits=reading.digits
        )


def read_delete(*, reason: str | None, purpose: str | None, at: int | None, settings: ConsentSettings) -> Deletion:
    """What a DELETE is: an opt-out, or a removal by the call's reason or else by the project's setting."""
    if reason == REMOVAL or (reason is None and settings.on_delete == REMOVAL):
        return Deletion(None, at, reason)
    scope = stop_scope(settings, channel=ANY, sender=ANY) if purpose is None else Scope(purpose=purpose)
    return Deletion(scope, at, reason)


def _find_one(tx: Tx, reference: Reference) -> StoredContact:
    """The one contact that a write names. Raises ``ContactNotFound`` and ``AmbiguousContact``."""
    by_id, by_mobile = _get_by_id(tx, reference), _get_by_mobile(tx, reference)
    if by_id is not None and by_mobile is not None and by_id.id != by_mobile.id:
        raise AmbiguousContact(by_id.id, by_mobile.mobile)
    found = by_id or by_mobile
    if found is None:
        raise ContactNotFound
    return found


def _get_by_id(tx: Tx, reference: Reference) -> StoredContact | None:
    contact_id = reference.id
    return None if contact_id is None else contacts.get_contact(tx, contact_id=contact_id)


def _get_by_mobile(tx: Tx, reference: Reference) -> StoredContact | None:
    mobile = reference.find_mobile(tx)
    return None if mobile is None else contacts.get_contact_by_mobile(tx, mobile=mobile)
