"""The ledger's invariants: every state is what its facts lead to, and contacts and groups follow the states. No SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from daftari.model.consent import Fact
from daftari.rules.consent import ledger
from daftari.rules.consent.state import State, derive_state, encode_state
from daftari.store import Tx, WriteTx, consent, groups, integrity
from daftari.store.contacts import StoredContact

T = TypeVar("T")

ROWS_PER_STEP = 10_000
"""Subjects or contacts that are proved at a time."""


def find_wrong_states(tx: Tx) -> Iterator[tuple[int, State | None]]:
    """Subjects whose kept state is not what their facts lead to, with the right one; ``None``: there should be none."""
    for kept in _batched(integrity.list_states(tx)):
        right = _derive(tx, [subject_id for subject_id, _, _ in kept])
        for subject_id, suppressed, text in kept:
            state = right.get(subject_id)
            if state is None or (suppressed, text) != (state.is_suppressed, encode_state(state)):
                yield subject_id, state
    for subject_ids in _batched(integrity.list_fact_subjects(tx)):
        existing = consent.find_subject_states(tx, subject_ids=subject_ids)
        missing = [subject_id for subject_id in subject_ids if subject_id not in existing]
        yield from _derive(tx, missing).items()


def find_unsettled(tx: Tx) -> Iterator[tuple[StoredContact, State | None, str]]:
    """Contacts that do not follow what is known of their number, with its state and what is wrong in a few words."""
    for found in _batched(integrity.list_rows(tx)):
        # Not the states that are kept: those may be wrong, or no states at all.
        states = _derive(tx, [contact.mobile for contact in found])
        by_id = {contact.id: contact for contact in found}
        for contact in found:
            state = states.get(contact.mobile)
            if contact.consent_status != ledger.consent_status_of(state):
                yield contact, state, "is not listed as its opt-outs say"
        bound = [contact.id for contact in found if ledger.may_have_to_leave(states.get(contact.mobile))]
        for membership in groups.list_memberships(tx, ids=bound) if bound else ():
            contact = by_id[membership.contact_id]
            state = states[contact.mobile]
            if ledger.is_kept_out(state, membership.group_id, membership.folded):
                yield contact, state, f"is in group {membership.group_id}, which it left"


def repair_consent(tx: WriteTx) -> None:
    """Derive wrong states again, and make every contact follow."""
    wrong = dict(find_wrong_states(tx))
    right = {subject_id: ledger.stored_state(state) for subject_id, state in wrong.items() if state is not None}
    consent.save_consent(tx, states=right)
    consent.delete_states(tx, subject_ids=[subject_id for subject_id, state in wrong.items() if state is None])
    for unsettled in _batched(find_unsettled(tx)):
        found = {contact.id: contact for contact, _, _ in unsettled}
        states = {contact.mobile: state for contact, state, _ in unsettled if state is not None}
        ledger.settle_contacts(tx, found=list(found.values()), states=states)


def _derive(tx: Tx, subject_ids: Sequence[int]) -> dict[int, State]:
    """What facts lead to: those of a number with those of its hash, those of a hash by themselves."""
    mobiles = [subject_id for subject_id in subject_ids if subject_id > 0]
    facts: dict[int, list[Fact]] = consent.find_facts(tx, mobiles=mobiles) if mobiles else {}
    facts |= consent.find_subject_facts(tx, subject_ids=[subject_id for subject_id in subject_ids if subject_id < 0])
    return {subject_id: derive_state(facts[subject_id]) for subject_id in subject_ids if facts.get(subject_id)}


def _batched(items: Iterable[T]) -> Iterator[list[T]]:
    """Lists of ``ROWS_PER_STEP`` items."""
    rest = iter(items)
    while batch := list(islice(rest, ROWS_PER_STEP)):
        yield batch
