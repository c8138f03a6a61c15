"""Reverses what an import changed, a chunk a step: what was changed since is kept, and counted.

Contacts that it created are removed, which is no opt-out; cards that it changed are restored; contacts that joined a
group by it leave; its opt-ins are retracted, so that earlier opt-outs hold again, and its opt-outs only on request. An
undo joins no group and restores nothing that was erased. No SQL.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from daftari.model.consent import NewFact
from daftari.rules import events
from daftari.rules.consent import ledger
from daftari.rules.consent.views import write_evidence
from daftari.rules.contacts.contacts import REMOVAL
from daftari.rules.events import Action, ContactsDeleted, ContactsUpdated, Event, GroupLeft
from daftari.rules.imports.lifecycle import CREATED, UPDATED, end_import, get_import, save_progress
from daftari.rules.imports.model import JOINED, OUTCOME_MASK, RECORDED, Import
from daftari.store import WriteTx, consent, contacts, directory, groups, imports, journal
from daftari.store.consent import SUPPRESSED
from daftari.store.contacts import NewCard, StoredContact
from daftari.store.imports import Chunk
from daftari.store.journal import read_ids


class _Undone(Struct):
    """What a step did: contacts restored, kept since others changed them, and not restorable; and facts."""

    reversed: set[int]
    kept: set[int]
    failed: set[int]
    retracted: int = 0
    events: list[Event] = []
    """What happened, but to the contacts that were removed."""


def undo_chunk(tx: WriteTx, *, import_id: int) -> bool:
    """One step. Returns whether to continue: not when it is done, paused or cancelled."""
    work = get_import(tx, import_id=import_id)
    if not work.is_work or work.stored.phase != "undo":
        return False
    some = imports.list_chunks(tx, import_id=import_id, first=work.progress.undo_chunk, limit=1)
    if not some:
        end_import(tx, found=work, state="done")
        return False
    chunk = some[0]
    undone = _Undone(set(), set(), set())
    if chunk.phase == "apply":
        _retract_facts(tx, work, chunk, undone)
        _leave_groups(tx, work, chunk, undone)
        _put_back(tx, work, chunk, undone)
        going = _find_going(tx, work, chunk, undone)
        if undone.events:
            events.record(tx, Action.UNDO_IMPORT, *undone.events, detail=work.named)
        _remove(tx, going, work.settings.reason)
        imports.finish_chunk(tx, import_id=import_id, number=chunk.number)
    counts = dict(work.progress.undone or {})
    for name, many in _counts(undone).items():
        counts[name] = counts.get(name, 0) + many
    save_progress(tx, found=work, progress=replace(work.progress, undo_chunk=chunk.number + 1, undone=counts))
    return True


def _counts(undone: _Undone) -> dict[str, int]:
    return {
        "reversed": len(undone.reversed - undone.kept - undone.failed),
        "kept": len(undone.kept),
        "failed": len(undone.failed),
        "retracted": undone.retracted,
    }


def _retract_facts(tx: WriteTx, work: Import, chunk: Chunk, undone: _Undone) -> None:
    """Take back the opt-ins of a chunk, and its opt-outs on request; erased numbers keep theirs."""
    if chunk.last_fact < chunk.first_fact:
        return
    settings = work.settings
    evidence = None if settings.reason is None else write_evidence(note=settings.reason)
    kinds = {"opt_in", "opt_out", "left_group"} if settings.retract_opt_outs else {"opt_in"}
    given = [
        NewFact(
            0, subject_id, "retraction", fact.scope, fact.at, "api", keyword=fact.keyword, retracts=fact.id,
            evidence=evidence,
        )
        for subject_id, fact in consent.list_facts_between(tx, first=chunk.first_fact, last=chunk.last_fact)
        if subject_id > 0 and fact.kind in kinds
    ]  # fmt: skip
    if given:
        recorded = ledger.record_facts(tx, facts=given)
        undone.retracted += sum(outcome.outcome == "recorded" for outcome in recorded.outcomes)
        undone.events += recorded.events


def _leave_groups(tx: WriteTx, work: Import, chunk: Chunk, undone: _Undone) -> None:
    """Who was there before and joined a group by the import leaves it, if they are in it still."""
    for group_id, written in imports.list_joins(tx, import_id=work.id, chunk=chunk.number):
        ids = read_ids(written)
        inside = sorted(groups.find_members(tx, group_id=group_id, ids=ids))
        if inside:
            groups.delete_members(tx, group_id=group_id, ids=inside)
            directory.change_directory(tx, joined={}, left={group_id: inside})
            undone.events.append(GroupLeft(group_id, inside))
            undone.reversed.update(inside)


def _put_back(tx: WriteTx, work: Import, chunk: Chunk, undone: _Undone) -> None:
    """Restore cards that were not changed since."""
    created = _created(chunk)
    ids = sorted({number for number in chunk.ids if number and number not in created})
    before = imports.find_changes(tx, import_id=work.id, ids=ids)
    found = {contact.id: contact for contact in contacts.find_contacts(tx, ids=sorted(before))}
    cards = []
    for contact_id, (at, card) in before.items():
        contact = found.get(contact_id)
        if contact is None or contact.updated_at != at:
            undone.kept.add(contact_id)
        else:
            cards.append(NewCard(contact_id, contact.mobile, card))
            undone.reversed.add(contact_id)
    if cards:
        contacts.update_contacts(tx, cards=cards)
        undone.events.append(ContactsUpdated([card.id for card in cards]))
    imports.delete_changes(tx, import_id=work.id, ids=sorted(before))
    for code, contact_id in zip(chunk.outcomes, chunk.ids, strict=True):
        only_the_card = code & OUTCOME_MASK == UPDATED and not code & (JOINED | RECORDED)
        if only_the_card and contact_id and contact_id not in before:
            # It changed a card that is no longer kept.
            undone.failed.add(contact_id)


def _created(chunk: Chunk) -> set[int]:
    pairs = zip(chunk.outcomes, chunk.ids, strict=True)
    return {contact_id for code, contact_id in pairs if code & OUTCOME_MASK == CREATED and contact_id}


def _find_going(tx: WriteTx, work: Import, chunk: Chunk, undone: _Undone) -> list[tuple[StoredContact, set[int]]]:
    """Contacts that the import created and that were not changed or added to another group since, with their groups."""
    created = sorted(_created(chunk))
    changes = imports.find_changes(tx, import_id=work.id, ids=created)
    found = contacts.find_contacts(tx, ids=created)
    memberships: dict[int, set[int]] = {}
    for membership in groups.list_memberships(tx, ids=created):
        memberships.setdefault(membership.contact_id, set()).add(membership.group_id)
    own = set(work.progress.groups)
    going = []
    for contact in found:
        at = changes[contact.id][0] if contact.id in changes else chunk.at
        if contact.updated_at == at and memberships.get(contact.id, set()) <= own:
            going.append((contact, memberships.get(contact.id, set())))
    gone = {contact.id for contact, _ in going}
    undone.kept.update(number for number in created if number not in gone)
    undone.reversed |= gone
    imports.delete_changes(tx, import_id=work.id, ids=sorted(changes))
    return going


def _remove(tx: WriteTx, going: list[tuple[StoredContact, set[int]]], reason: str | None) -> None:
    """Delete contacts and take them off every list first. Their removals are kept as those of other deletes are."""
    if not going:
        return
    ids = [contact.id for contact, _ in going]
    listed = [contact.id for contact, _ in going if contact.consent_status != SUPPRESSED]
    left: dict[int, list[int]] = {}
    for contact, group_ids in going:
        for group_id in group_ids:
            left.setdefault(group_id, []).append(contact.id)
    contacts.delete_contacts(tx, ids=ids)
    directory.change_directory(tx, joined={}, left={directory.BOOK: ids, directory.LISTED: listed, **left})
    happened = [GroupLeft(group_id, members) for group_id, members in sorted(left.items())]
    seq = events.record(tx, Action.DELETE_CONTACTS, *happened, ContactsDeleted(ids))
    mobiles = [contact.mobile for contact, _ in going]
    journal.insert_removals(tx, seq=seq, mobiles=mobiles, at=tx.now, reason=reason or REMOVAL)
