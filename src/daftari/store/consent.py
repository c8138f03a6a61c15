"""Facts about numbers, which are only ever appended, and the state of each subject that is derived from its facts.

A subject is a number, or minus the keyed hash of an erased number; a look-up of a number asks for both. Which fact
lifts which belongs to the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b

from msgspec import Struct

from daftari.model.consent import Fact, FactKind, FirstReceipt, NearMissSource, NewFact, Scope, Source
from daftari.store.engine import Tx, Value, WriteTx

CLEAR = 0
"""A contact's consent status: nothing is known of its number."""
KNOWN = 1
"""Something is known, and some messages are allowed."""
SUPPRESSED = 2
"""Everything is blocked."""
HASHED_MAX = 100
"""Numbers that are looked up by their hashes too, without a query first that asks whether any number was erased."""


class StoredConsent(Struct, frozen=True, gc=False):
    """A number's state as it is stored: whether the number is suppressed, and the state as text."""

    is_suppressed: bool
    state: str


class ListedFact(Struct, frozen=True):
    """A fact without its scope and evidence."""

    id: int
    subject_id: int
    recorded_at: int
    kind: FactKind


class NearMiss(Struct, frozen=True):
    """How often a key or user, source or import tried to bring back numbers that opted out."""

    key_id: int | None
    user_id: int | None
    source: NearMissSource
    import_id: int | None
    attempts: int
    first_at: int
    last_at: int


# ---- subjects ---------------------------------------------------------------------------------------


def erased_subject_id(tx: Tx, *, mobile: int) -> int:
    """The subject of a number once it is erased: minus 63 bits of its keyed hash."""
    hashed = blake2b(str(mobile).encode(), key=tx.erasure_key, digest_size=8, person=b"subject").digest()
    return -(int.from_bytes(hashed) >> 1) - 1


def message_digest(tx: Tx, *, message_id: str) -> str:
    """The keyed hash of a provider's message id: enough to recognise a repeated message."""
    return blake2b(message_id.encode(), key=tx.erasure_key, digest_size=16, person=b"message").hexdigest()


def has_erasures(tx: Tx) -> bool:
    """Whether the project has any erasure."""
    return tx.one("has_erasures") is not None


def _subject_ids(tx: Tx, mobiles: Sequence[int]) -> dict[int, int]:
    """The number of each subject to look up. A number's hash comes before the number, whose state is to win."""
    if len(mobiles) > HASHED_MAX and not has_erasures(tx):
        return dict(zip(mobiles, mobiles, strict=True))
    erased = {erased_subject_id(tx, mobile=mobile): mobile for mobile in mobiles}
    return erased | dict(zip(mobiles, mobiles, strict=True))


# ---- reading ----------------------------------------------------------------------------------------


def find_consent(tx: Tx, *, mobiles: Sequence[int]) -> dict[int, StoredConsent]:
    """The states of some numbers, by number; a number without a state is left out."""
    subject_ids = _subject_ids(tx, mobiles)
    found: dict[int, StoredConsent] = {}
    # A number with facts from after its erasure has a state of its own, derived from the earlier facts too.
    rows = tx.fetch(tuple[int, int, str], "find_consent", subject_ids=list(subject_ids))
    for subject_id, suppressed, state in sorted(rows):
        found[subject_ids[subject_id]] = StoredConsent(bool(suppressed), state)
    return found


def find_facts(tx: Tx, *, mobiles: Sequence[int]) -> dict[int, list[Fact]]:
    """All facts of some numbers, by number, in the order of recording; a number without a fact is left out."""
    subject_ids = _subject_ids(tx, mobiles)
    found: dict[int, list[Fact]] = {}
    for subject_id, fact in _fetch_facts(tx, "find_facts", subject_ids=list(subject_ids)):
        found.setdefault(subject_ids[subject_id], []).append(fact)
    return found


def find_subject_facts(tx: Tx, *, subject_ids: Sequence[int]) -> dict[int, list[Fact]]:
    """Like ``find_facts``, by subject: the facts from before an erasure are not added to the number's."""
    found: dict[int, list[Fact]] = {}
    for subject_id, fact in _fetch_facts(tx, "find_facts", subject_ids=subject_ids) if subject_ids else ():
        found.setdefault(subject_id, []).append(fact)
    return found


def find_subject_states(tx: Tx, *, subject_ids: Sequence[int]) -> set[int]:
    """Those of some subjects that have a state."""
    return set(tx.fetch(int, "find_consent", subject_ids=subject_ids))


def find_fact_before(tx: Tx, *, recorded_at: int) -> int:
    """The id of the last fact that was recorded before a time, or 0. A binary search over ids.

    Ids follow the order of recording, by the clocks of the servers that recorded the facts.
    """
    low, high = 0, tx.fetch_one(int, "get_last_fact") or 0
    while low < high:
        middle = (low + high) // 2
        following = tx.fetch_one(tuple[int, int], "get_next_fact", after=middle)
        if following is None or following[1] >= recorded_at:
            high = middle
        else:
            low = following[0]
    return low


def list_facts_between(tx: Tx, *, first: int, last: int) -> list[tuple[int, Fact]]:
    """Subjects and facts from one fact's id to another, in order."""
    return _fetch_facts(tx, "list_facts_between", first=first, last=last)


def find_facts_by_id(tx: Tx, *, ids: Sequence[int]) -> list[tuple[int, Fact]]:
    """Subjects and facts, by the facts' ids."""
    return _fetch_facts(tx, "find_facts_by_id", ids=ids) if ids else []


def find_mobiles_that_left(tx: Tx, *, folded: str) -> list[int]:
    """The numbers with a ``left_group`` fact for a folded group name, without erased ones."""
    return tx.fetch(int, "find_mobiles_that_left", keyword=folded)


def list_facts(tx: Tx, *, after: int, limit: int) -> list[ListedFact]:
    """At most ``limit`` facts after an id, in the order of recording."""
    return tx.fetch(ListedFact, "list_facts", after=after, limit=limit)


def list_newest_facts(tx: Tx, *, before: int, limit: int) -> list[ListedFact]:
    """At most ``limit`` facts before an id, the newest first."""
    return tx.fetch(ListedFact, "list_newest_facts", before=before, limit=limit)


def count_states(tx: Tx, *, limit: int) -> list[tuple[str, int]]:
    """How many of the first ``limit`` numbers of which anything is known have each state, as it is stored."""
    return tx.fetch(tuple[str, int], "count_states", limit=limit)


def count_contact_states(tx: Tx, *, limit: int) -> list[tuple[str, int, int]]:
    """As ``count_states``, with how many of each are numbers of contacts."""
    return tx.fetch(tuple[str, int, int], "count_contact_states", limit=limit)


def _fetch_facts(tx: Tx, query: str, **values: int | Sequence[int]) -> list[tuple[int, Fact]]:
    """Subjects and facts of a query that selects the subject's id and the columns of a fact."""
    rows = tx.fetch(
        tuple[
            int, int, FactKind, str, str, str, int, int, Source, str, int | None, int,
            int | None, str | None, int | None, int | None, str | None, int | None, int, int, int,
        ],
        query,
        **values,
    )  # fmt: skip
    return [
        (
            row[0],
            Fact(
                row[1], row[2], Scope(*row[3:6]), *row[6:11], bool(row[11]),
                row[12], row[13], row[14], row[15], row[16], row[17], row[18], bool(row[19]), bool(row[20]),
            ),
        )
        for row in rows
    ]  # fmt: skip


# ---- writing ----------------------------------------------------------------------------------------


def next_receipt(tx: WriteTx) -> int:
    """The place of a receipt in this transaction in the order of the project's receipts.

    Whatever is kept of a receipt, facts or an item, makes the next receipt's place a higher one.
    """
    return tx.book.next_fact + tx.book.next_item


def take_fact_id(tx: WriteTx) -> int:
    """The next fact's id of the book."""
    number = tx.book.next_fact
    tx.book.next_fact = number + 1
    return number


def as_fact(
    given: NewFact,
    *,
    number: int,
    at: int,
    receipt: FirstReceipt,
    message_digest: str | None,
    key_id: int | None,
    user_id: int | None,
    now: int,
) -> Fact:
    """A fact as it is stored under an id. ``at``: when it counts from."""
    return Fact(
        id=number,
        kind=given.kind,
        scope=given.scope,
        at=at,
        recorded_at=now,
        source=given.source,
        keyword=given.keyword,
        group_id=given.group_id,
        override=given.override,
        retracts=given.retracts,
        message_digest=message_digest,
        key_id=key_id,
        user_id=user_id,
        evidence=given.evidence,
        given_at=given.at,
        receipt=receipt.order,
        single=given.single,
        from_file=receipt.from_file,
    )


def insert_facts(tx: WriteTx, *, facts: Iterable[tuple[int, Fact]]) -> None:
    """Insert facts, each with its subject."""
    tx.insert_many("fact", [_fact_row(tx.project.id, subject_id, fact) for subject_id, fact in facts])


def _fact_row(project_id: int, subject_id: int, fact: Fact) -> tuple[Value, ...]:
    scope = fact.scope
    return (
        *(project_id, subject_id, fact.id, fact.kind, scope.channel, scope.sender, scope.purpose, fact.at),
        *(fact.recorded_at, fact.source, fact.keyword, fact.group_id, int(fact.override), fact.retracts),
        *(fact.message_digest, fact.key_id, fact.user_id, fact.evidence, fact.given_at, fact.receipt),
        *(int(fact.single), int(fact.from_file)),
    )


def save_consent(tx: WriteTx, *, states: Mapping[int, StoredConsent]) -> None:
    """Insert or replace states, by subject."""
    if states:
        items = [(subject_id, int(kept.is_suppressed), kept.state) for subject_id, kept in sorted(states.items())]
        tx.run("save_consent", items=items)


def delete_states(tx: WriteTx, *, subject_ids: Sequence[int]) -> None:
    """Delete the states of some subjects."""
    if subject_ids:
        tx.run("delete_consent", subject_ids=subject_ids)


def move_facts(tx: WriteTx, *, mobile: int, subject_id: int) -> tuple[int, int]:
    """Move the consent facts of a number that is erased to its hash, without evidence, and delete the others.

    Returns how many were moved and how many deleted.
    """
    moved = tx.run("move_facts", subject_id=mobile, to=subject_id)
    gone = tx.run("delete_facts", subject_id=mobile)
    delete_states(tx, subject_ids=[mobile])
    return moved, gone


def add_near_misses(tx: WriteTx, *, source: NearMissSource, import_id: int | None, attempts: Mapping[int, int]) -> None:
    """Add attempts by the transaction's key or user, by number."""
    by = {"key": tx.actor.key_id or 0, "user": tx.actor.user_id or 0}
    tx.run(
        "add_near_misses",
        source=source, import_id=import_id or 0, attempts=sum(attempts.values()), now=tx.now, **by,
    )  # fmt: skip
    tx.run(
        "add_number_near_misses",
        source=source, import_id=import_id or 0, items=sorted(attempts.items()), now=tx.now, **by,
    )  # fmt: skip


def list_near_misses(tx: Tx, *, limit: int) -> list[NearMiss]:
    """At most ``limit`` near misses, those with the most attempts first."""
    return _fetch_near_misses(tx, "list_near_misses", limit=limit)


def list_number_near_misses(tx: Tx, *, mobile: int, limit: int) -> list[NearMiss]:
    """At most ``limit`` near misses of a number, the last first."""
    return _fetch_near_misses(tx, "list_number_near_misses", subject_id=mobile, limit=limit)


def delete_number_near_misses(tx: WriteTx, *, mobile: int) -> int:
    """Delete the near misses of a number. Returns how many there were."""
    return tx.run("delete_number_near_misses", subject_id=mobile)


def _fetch_near_misses(tx: Tx, query: str, **values: int) -> list[NearMiss]:
    rows = tx.fetch(tuple[int, int, NearMissSource, int, int, int, int], query, **values)
    return [
        NearMiss(key or None, user or None, source, given or None, *rest) for key, user, source, given, *rest in rows
    ]
