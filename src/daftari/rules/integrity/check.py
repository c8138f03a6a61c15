"""Checks every invariant of a book row by row, and repairs what can be derived again. No SQL, no output."""

from __future__ import annotations

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari.errors import quote
from daftari.model.contacts import Card
from daftari.model.projects import Project
from daftari.rules.connections.cart_check import find_unsold_carts, repair_carts
from daftari.rules.connections.mirrors import find_wrong_mirrors, repair_mirrors
from daftari.rules.contacts.parse import encode_card
from daftari.rules.integrity.consent import find_unsettled, find_wrong_states, repair_consent
from daftari.rules.integrity.seals import find_broken_seals, find_broken_tokens
from daftari.rules.integrity.search import find_wrong_blocks, repair_index
from daftari.store import Tx, WriteTx, contacts, integrity
from daftari.store.contacts import NewCard, StoredContact
from daftari.store.directory import BOOK, LISTED
from daftari.store.integrity import BookState

_LISTS = {BOOK: "all contacts", LISTED: "the default list"}

_read_card = msgspec.json.Decoder(Card).decode


class Finding(Struct, frozen=True):
    """One broken invariant: its name, what is broken in a sentence, and whether a repair can fix it."""

    invariant: str
    sentence: str
    repairable: bool


def check_project(tx: Tx) -> list[Finding]:
    """Every broken invariant of a project's book; none when it is sound.

    A deleted project's rows go while its counters and directory stay, so that only the rows are proved.
    """
    state = integrity.read_book(tx)
    rows = [*_check_cards(tx), *_check_members(tx)]
    if state is not None and state.closed:
        return rows
    seals = [Finding("seal", sentence, repairable=False) for sentence in find_broken_seals(tx)]
    derived = [*_check_consent(tx), *_check_directory(tx), *_check_mirrors(tx), *_check_carts(tx), *_check_index(tx)]
    return [*_check_counters(state), *rows, *derived, *seals]


def check_addresses(tx: Tx, *, project: Project) -> list[Finding]:
    """The inbound addresses of a project whose secrets cannot be read."""
    return [Finding("seal", sentence, repairable=False) for sentence in find_broken_tokens(tx, project=project)]


def repair_project(tx: WriteTx) -> None:
    """Repair what can be repaired; a check afterwards shows what is still broken."""
    if not check_project(tx):
        return
    # Repairs are not journaled, so bump the counter that page ETags are derived from.
    tx.book.next_item += 1
    wrong = [contact for contact in integrity.list_rows(tx) if _wrong_card(contact)]
    repaired = [NewCard(found.id, found.mobile, card) for found in wrong if (card := _repaired_card(found))]
    if repaired:
        contacts.update_contacts(tx, cards=repaired)
    while orphans := integrity.find_orphans(tx):
        integrity.repair_memberships(tx, orphans=orphans)
    repair_consent(tx)
    repair_mirrors(tx)
    repair_carts(tx)
    integrity.repair_directory(tx, wanted=integrity.count_blocks(tx), found=integrity.read_directory(tx))
    repair_index(tx)
    state = integrity.read_book(tx)
    if state is not None:
        tx.book.next_id = max(tx.book.next_id, state.largest_id + 1)
        tx.book.next_group_id = max(tx.book.next_group_id, state.largest_group_id + 1)
        tx.book.next_fact = max(tx.book.next_fact, state.largest_fact + 1)


def _check_counters(state: BookState | None) -> list[Finding]:
    if state is None:
        return [Finding("book", "The project has no counters.", repairable=False)]
    findings = []
    if state.next_id <= state.largest_id:
        sentence = f"The next contact would get id {state.next_id}, but {state.largest_id} exists."
        findings.append(Finding("ids", sentence, repairable=True))
    if state.next_group_id <= state.largest_group_id:
        sentence = f"The next group would get id {state.next_group_id}, but {state.largest_group_id} exists."
        findings.append(Finding("ids", sentence, repairable=True))
    if state.next_fact <= state.largest_fact:
        sentence = f"The next fact would get id {state.next_fact}, but {state.largest_fact} exists."
        findings.append(Finding("ids", sentence, repairable=True))
    wanted = state.next_seq - state.oldest_seq
    ends = (state.journal_first, state.journal_last) if state.journal_rows else (state.oldest_seq, state.next_seq - 1)
    if state.journal_rows != wanted or ends != (state.oldest_seq, state.next_seq - 1):
        sentence = (
            f"The journal should have {wanted} rows from {state.oldest_seq} to {state.next_seq - 1}; "
            f"it has {state.journal_rows} from {ends[0]} to {ends[1]}."
        )
        findings.append(Finding("journal", sentence, repairable=False))
    # Its oldest rows are deleted when their time is over.
    if state.feed_rows and (state.feed_last, state.feed_rows) != (
        state.next_change - 1,
        state.next_change - state.feed_first,
    ):
        sentence = (
            f"The feed should have every number from {state.feed_first} to {state.next_change - 1}; "
            f"it has {state.feed_rows} up to {state.feed_last}."
        )
        findings.append(Finding("feed", sentence, repairable=False))
    return findings


def _check_cards(tx: Tx) -> list[Finding]:
    findings = [
        Finding("mobile", f"More than one contact has {mobile}.", repairable=False)
        for mobile in integrity.find_duplicates(tx)
    ]
    for contact in integrity.list_rows(tx):
        if _wrong_card(contact):
            sentence = f"The card of contact {contact.id} does not say its id and mobile."
            findings.append(Finding("card", sentence, repairable=_repaired_card(contact) is not None))
    return findings


def _check_members(tx: Tx) -> list[Finding]:
    return [
        Finding("membership", f"Group {group} has contact {contact}, but one of them does not exist.", repairable=True)
        for group, contact in integrity.find_orphans(tx)
    ]


def _check_consent(tx: Tx) -> list[Finding]:
    findings = [
        Finding("consent", f"The state of subject {subject_id} is not what its facts lead to.", repairable=True)
        for subject_id, _ in find_wrong_states(tx)
    ]
    findings += [
        Finding("consent_status", f"Contact {contact.id} {what}.", repairable=True)
        for contact, _, what in find_unsettled(tx)
    ]
    return findings


def _check_mirrors(tx: Tx) -> list[Finding]:
    return [
        Finding(
            "mirror",
            f"Group {group_id} should be kept in step by "
            f"{f'connection {connection_id}' if connection_id else 'no connection'}, and is noted otherwise.",
            repairable=True,
        )
        for group_id, connection_id in find_wrong_mirrors(tx).items()
    ]


def _check_carts(tx: Tx) -> list[Finding]:
    return [
        Finding(
            "cart",
            f"Cart {quote(cart.key)} of connection {cart.connection_id} has an order, and counts as {cart.state}.",
            repairable=True,
        )
        for cart in find_unsold_carts(tx)
    ]


def _check_index(tx: Tx) -> list[Finding]:
    return [
        Finding("search", f"Block {block} of the search index {wrong}.", repairable=True)
        for block, wrong in find_wrong_blocks(tx)
    ]


def _check_directory(tx: Tx) -> list[Finding]:
    wanted, found = integrity.count_blocks(tx), integrity.read_directory(tx)
    findings = []
    for block in sorted({*wanted, *found}):
        if wanted[block] != found[block] or (block in found and not found[block]):
            list_id, level, number = block
            named = _LISTS.get(list_id, f"group {list_id}")
            sentence = (
                f"The directory of {named} says {found[block]} in block {number} of level {level}, not {wanted[block]}."
            )
            findings.append(Finding("directory", sentence, repairable=True))
    return findings


def _wrong_card(contact: StoredContact) -> bool:
    try:
        card = _read_card(contact.card)
    except msgspec.MsgspecError:
        return True
    return card.id != contact.id or card.mobile != str(contact.mobile)


def _repaired_card(contact: StoredContact) -> str | None:
    """The card with the row's id and mobile; ``None`` when it cannot be read at all."""
    try:
        return encode_card(replace(_read_card(contact.card), id=contact.id, mobile=str(contact.mobile)))
    except msgspec.MsgspecError:
        return None
