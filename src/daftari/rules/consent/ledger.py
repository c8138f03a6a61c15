"""The ledger: facts are recorded, the state follows in the same transaction, and contacts and groups follow the state.

A suppressed number is in no group and not in the default list; a group that a person left stays left. No SQL, no HTTP.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from daftari.mobile import other_form
from daftari.model.consent import (
    Fact,
    FactKind,
    FactOutcome,
    FactOutcomeName,
    FirstReceipt,
    NearMissSource,
    NewFact,
    Source,
)
from daftari.model.limits import ID_MAX
from daftari.rules.consent.decisions import Question, is_blocked, is_refused
from daftari.rules.consent.state import NOTHING_KNOWN, State, decode_state, derive_state, encode_state, fold_sender
from daftari.rules.consent.times import count_from
from daftari.rules.events import ConsentChanged, GroupLeft
from daftari.store import Tx, WriteTx, consent, contacts, directory, groups
from daftari.store.consent import CLEAR, KNOWN, SUPPRESSED, StoredConsent
from daftari.store.contacts import ContactNumber, StoredContact

PREMIUM = Question("premium_sms")

Identity = tuple[FactKind, str, str, str, str, int | None, Source, bool, int | None, tuple[str, str | int]]


class Recorded(Struct, frozen=True):
    """The outcomes of facts, in the order given, and the names of the groups that were left."""

    outcomes: list[FactOutcome]
    left_groups: tuple[str, ...]
    events: list[ConsentChanged | GroupLeft]
    """None when every fact was known before."""


class Settled(Struct, frozen=True):
    """The groups that contacts left: their names by number, and an event each."""

    left_groups: dict[int, tuple[str, ...]]
    events: list[GroupLeft]


class _Number(Struct):
    """A number while facts about it are recorded: what is known, what follows, and the groups that it left."""

    facts: list[Fact]
    identities: set[Identity]
    new: list[Fact]
    state: State = NOTHING_KNOWN
    left_groups: tuple[str, ...] = ()


# ---- recording --------------------------------------------------------------------------------------


def record_facts(
    tx: WriteTx,
    *,
    facts: Sequence[NewFact],
    received: FirstReceipt | None = None,
    import_id: int | None = None,
    connection_id: int = 0,
) -> Recorded:
    """Record facts and let everything follow. ``import_id``, ``connection_id``: of what brings them.

    ``received``: when they first came, where that was before. One that was recorded before changes nothing; a late one
    counts from when it happened.
    """
    of_other_forms = _of_other_forms(facts)
    known = consent.find_facts(tx, mobiles=sorted({fact.mobile for fact in (*facts, *of_other_forms)}))
    numbers: dict[int, _Number] = {}
    for fact in (*facts, *of_other_forms):
        if fact.mobile not in numbers:
            found = known.get(fact.mobile, [])
            numbers[fact.mobile] = _Number(found, {name for one in found for name in _names(one)}, [])
    first = tx.book.next_fact
    receipt, is_first = received or FirstReceipt(consent.next_receipt(tx), tx.now), received is None
    names = [_record(tx, numbers[fact.mobile], fact, receipt, is_first=is_first) for fact in facts]
    for fact in of_other_forms:
        _record_other_form(tx, numbers, fact, receipt, is_first=is_first)
    events = _settle_numbers(tx, numbers, first, connection_id)
    refused = [fact.mobile for fact, name in zip(facts, names, strict=True) if name == "refused"]
    note_near_misses(tx, source="opt_in", mobiles=refused, import_id=import_id)
    outcomes = [_outcome_of(fact, numbers[fact.mobile], name) for fact, name in zip(facts, names, strict=True)]
    left = dict.fromkeys(name for number in numbers.values() for name in number.left_groups)
    return Recorded(outcomes=outcomes, left_groups=tuple(left), events=events)


def foresee_facts(
    tx: Tx, *, facts: Sequence[NewFact], received: FirstReceipt
) -> tuple[list[FactOutcomeName], dict[int, State]]:
    """The outcomes of facts and the states of their numbers, as recording them would give; nothing is written."""
    asked, facts = len(facts), [*facts, *_of_other_forms(facts)]
    known = consent.find_facts(tx, mobiles=sorted({fact.mobile for fact in facts}))
    identities = {mobile: {name for one in found for name in _names(one)} for mobile, found in known.items()}
    names: list[FactOutcomeName] = []
    for place, given in enumerate(facts):
        message = None if given.message_id is None else consent.message_digest(tx, message_id=given.message_id)
        if _name(given, message, received) in identities.setdefault(given.mobile, set()):
            names.append("unchanged")
            continue
        at = count_from(given, known=known.setdefault(given.mobile, []), receipt=received, is_first=False)
        number = ID_MAX - len(facts) + place
        fact = consent.as_fact(
            given, number=number, at=at, receipt=received, message_digest=message, key_id=None, user_id=None, now=tx.now
        )
        refused = fact.kind == "opt_in" and is_refused(fact, known[given.mobile])
        identities[given.mobile].update(_names(fact))
        known[given.mobile].append(fact)
        names.append("refused" if refused else "recorded")
    return names[:asked], {mobile: derive_state(found) for mobile, found in known.items()}


def _of_other_forms(facts: Sequence[NewFact]) -> list[NewFact]:
    """The same facts about the other forms of Argentine numbers: a no to either is a no to both."""
    found = ((fact, other_form(fact.mobile)) for fact in facts if fact.kind not in ("activated", "deactivated"))
    return [replace(fact, mobile=other) for fact, other in found if other is not None]


def _record_other_form(
    tx: WriteTx, numbers: Mapping[int, _Number], given: NewFact, receipt: FirstReceipt, *, is_first: bool
) -> None:
    """Record a fact about a number's other form; a retraction takes back the fact that says the same of it."""
    number = numbers[given.mobile]
    if given.retracts is not None:
        everywhere = (fact for one in numbers.values() for fact in one.facts)
        wrong = next((fact for fact in everywhere if fact.id == given.retracts), None)
        same = [fact for fact in number.facts if wrong is not None and {*_names(fact)} & {*_names(wrong)}]
        if not same:
            return
        given = replace(given, retracts=same[0].id)
    _record(tx, number, given, receipt, is_first=is_first)


def _record(tx: WriteTx, number: _Number, given: NewFact, receipt: FirstReceipt, *, is_first: bool) -> FactOutcomeName:
    message = None if given.message_id is None else consent.message_digest(tx, message_id=given.message_id)
    if _name(given, message, receipt) in number.identities:
        return "unchanged"
    fact = consent.as_fact(
        given,
        number=consent.take_fact_id(tx),
        at=count_from(given, known=number.facts, receipt=receipt, is_first=is_first),
        receipt=receipt,
        message_digest=message,
        key_id=tx.actor.key_id,
        user_id=tx.actor.user_id,
        now=tx.now,
    )
    refused = fact.kind == "opt_in" and is_refused(fact, number.facts)
    number.identities.update(_names(fact))
    number.facts.append(fact)
    number.new.append(fact)
    return "refused" if refused else "recorded"


def _name(given: NewFact, message: str | None, receipt: FirstReceipt) -> Identity:
    """What a repeated fact has in common with the first: what it says, and its message, its own time or its receipt."""
    if message is not None:
        return _identity(given, ("message", message))
    return _identity(given, ("receipt", receipt.order) if given.at is None else ("at", given.at))


def _names(fact: Fact) -> Iterator[Identity]:
    """All by which a fact is known again. In an export it has the time that it counts from, and no message."""
    yield _identity(fact, ("at", fact.at))
    if fact.message_digest is not None:
        yield _identity(fact, ("message", fact.message_digest))
    elif fact.given_at is None:
        yield _identity(fact, ("receipt", fact.receipt))
    else:
        yield _identity(fact, ("at", fact.given_at))


def _identity(fact: Fact | NewFact, known_by: tuple[str, str | int]) -> Identity:
    scope = fact.scope
    return (
        *(fact.kind, scope.channel, fold_sender(scope.sender), scope.purpose, fact.keyword, fact.group_id),
        *(fact.source, fact.override, fact.retracts, known_by),
    )


def _settle_numbers(
    tx: WriteTx, numbers: Mapping[int, _Number], first: int, connection_id: int
) -> list[ConsentChanged | GroupLeft]:
    """Write the new facts and what follows from them: states, and the consent status and groups of contacts.

    ``first``: the number of the first new fact. Returns the events; none without a new fact.
    """
    changed = {mobile: number for mobile, number in numbers.items() if number.new}
    for number in numbers.values():
        number.state = derive_state(number.facts)
    if not changed:
        return []
    new = [(mobile, fact) for mobile, number in sorted(changed.items()) for fact in number.new]
    consent.insert_facts(tx, facts=new)
    states = {mobile: number.state for mobile, number in changed.items()}
    consent.save_consent(tx, states={mobile: stored_state(state) for mobile, state in states.items()})
    found = contacts.find_contacts_by_mobile(tx, mobiles=sorted(changed))
    settled = settle_contacts(tx, found=found, states=states)
    for mobile, left_groups in settled.left_groups.items():
        changed[mobile].left_groups = left_groups
    ids = [contact.id for contact in found]
    return [ConsentChanged(first, tx.book.next_fact - 1, list(changed), ids, connection_id), *settled.events]


def _outcome_of(fact: NewFact, number: _Number, name: FactOutcomeName) -> FactOutcome:
    state = number.state
    return FactOutcome(
        index=fact.index,
        outcome=name,
        mobile=str(fact.mobile),
        suppressed=state.is_suppressed,
        left_groups=number.left_groups,
        still_billed=is_still_billed(state),
    )


def is_still_billed(state: State) -> bool:
    """Whether premium messages are blocked while a paid service is active."""
    return bool(state.subscribed) and is_blocked(state, PREMIUM)


def stored_state(state: State) -> StoredConsent:
    """A state as it is kept."""
    return StoredConsent(state.is_suppressed, encode_state(state))


# ---- what follows for contacts ------------------------------------------------------------------------


def find_states(tx: Tx, *, mobiles: Sequence[int]) -> dict[int, State]:
    """The states of those numbers of which anything is known."""
    return {mobile: decode_state(kept.state) for mobile, kept in consent.find_consent(tx, mobiles=mobiles).items()}


def consent_status_of(state: State | None) -> int:
    """What a contact with a number in this state shows to lists."""
    if state is None:
        return CLEAR
    return SUPPRESSED if state.is_suppressed else KNOWN


def settle_contacts(
    tx: WriteTx, *, found: Sequence[ContactNumber | StoredContact], states: Mapping[int, State]
) -> Settled:
    """Let contacts follow the states of their numbers: consent status, default list and groups."""
    joined, left = _settle_consent_status(tx, found, states)
    bound = {contact.id: contact.mobile for contact in found if may_have_to_leave(states.get(contact.mobile))}
    names: dict[int, list[str]] = {}
    leaving: dict[int, list[int]] = {}
    for membership in groups.list_memberships(tx, ids=list(bound)) if bound else ():
        mobile = bound[membership.contact_id]
        if is_kept_out(states[mobile], membership.group_id, membership.folded):
            leaving.setdefault(membership.group_id, []).append(membership.contact_id)
            if membership.folded is not None:
                names.setdefault(mobile, []).append(membership.name)
    for group_id, ids in leaving.items():
        groups.delete_members(tx, group_id=group_id, ids=ids)
    if joined or left or leaving:
        directory.change_directory(tx, joined={directory.LISTED: joined}, left={directory.LISTED: left, **leaving})
    return Settled(
        left_groups={mobile: tuple(of_number) for mobile, of_number in names.items()},
        events=[GroupLeft(group_id, ids) for group_id, ids in leaving.items()],
    )


def _settle_consent_status(
    tx: WriteTx, found: Sequence[ContactNumber | StoredContact], states: Mapping[int, State]
) -> tuple[list[int], list[int]]:
    """Show lists what is known now; returns who joined and who left the default list."""
    changed: dict[int, list[int]] = {}
    joined, left = [], []
    for contact in found:
        consent_status = consent_status_of(states.get(contact.mobile))
        if consent_status == contact.consent_status:
            continue
        changed.setdefault(consent_status, []).append(contact.id)
        if consent_status == SUPPRESSED:
            left.append(contact.id)
        elif contact.consent_status == SUPPRESSED:
            joined.append(contact.id)
    for consent_status, ids in changed.items():
        contacts.set_consent_status(tx, ids=ids, consent_status=consent_status)
    return joined, left


def settle_named_group(tx: WriteTx, *, folded: str) -> list[GroupLeft]:
    """After a group got this name, remove the members who had left a group of that name. Returns the events."""
    mobiles = consent.find_mobiles_that_left(tx, folded=folded)
    if not mobiles:
        return []
    found = contacts.find_contacts_by_mobile(tx, mobiles=mobiles)
    states = find_states(tx, mobiles=[contact.mobile for contact in found])
    return settle_contacts(tx, found=found, states=states).events


def may_have_to_leave(state: State | None) -> bool:
    """Whether a number in this state may have to leave a group."""
    return state is not None and (state.is_suppressed or bool(state.left))


def is_kept_out(state: State, group_id: int, folded: str | None) -> bool:
    """Whether a number in this state may not be in a group."""
    return state.is_suppressed or state.has_left(group_id, folded or "")


class Excluded(Struct, frozen=True):
    """Who of some contacts may not join a group: the suppressed, and those who left it by their own word."""

    suppressed: frozenset[int]
    kept_out: frozenset[int]
    mobiles: frozenset[int]
    """The numbers of both."""

    def __contains__(self, contact_id: int) -> bool:
        return contact_id in self.suppressed or contact_id in self.kept_out


def find_excluded(tx: Tx, *, found: Iterable[ContactNumber | StoredContact], group_id: int, folded: str) -> Excluded:
    """Who of these contacts may not join a group."""
    known = {contact.mobile: contact for contact in found if contact.consent_status != CLEAR}
    states = find_states(tx, mobiles=sorted(known)) if known else {}
    suppressed = frozenset(known[mobile].id for mobile, state in states.items() if state.is_suppressed)
    left = frozenset(known[mobile].id for mobile, state in states.items() if state.has_left(group_id, folded))
    mobiles = frozenset(mobile for mobile, contact in known.items() if contact.id in suppressed | left)
    return Excluded(suppressed, left - suppressed, mobiles)


def note_near_misses(
    tx: WriteTx, *, source: NearMissSource, mobiles: Iterable[int], import_id: int | None = None
) -> None:
    """Count attempts to subscribe numbers that opted out: each number as often as it is named."""
    if attempts := Counter(mobiles):
        consent.add_near_misses(tx, source=source, import_id=import_id, attempts=attempts)
