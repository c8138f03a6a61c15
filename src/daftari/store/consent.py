"""Facts about numbers, and the state that was derived from them: append-only rows, and one row of state a subject.

A subject is a number, or minus the keyed hash of a number that was erased: a look-up of a number asks for both. This
room must not know which facts lift which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b

from msgspec import Struct

from daftari.model.consent import Fact, FactKind, NewFact, Scope, Source
from daftari.store.engine import Tx, Value, WriteTx

CLEAR = 0
"""A contact's consent status: nothing is known of its number."""
KNOWN = 1
"""Something is known, and something may still be sent."""
SUPPRESSED = 2
"""Everything is blocked."""


class StoredConsent(Struct, frozen=True, gc=False):
    """The state of a number as it is kept: whether it is suppressed, and the state's text."""

    is_suppressed: bool
    state: str


class ListedFact(Struct, frozen=True):
    """A fact in the order of recording, by its subject."""

    id: int
    subject_id: int
    recorded_at: int
    kind: FactKind


class NearMiss(Struct, frozen=True):
    """How often somebody tried to bring back people who opted out."""

    key_id: int | None
    source: str
    import_id: int | None
    attempts: int
    first_at: int
    last_at: int


# ---- subjects ---------------------------------------------------------------------------------------


def erased_subject_id(tx: Tx, *, mobile: int) -> int:
    """What stands for a number once it is erased: minus 63 bits of its keyed hash."""
    hashed = blake2b(str(mobile).encode(), key=tx.erasure_key, digest_size=8, person=b"subject").digest()
    return -(int.from_bytes(hashed) >> 1) - 1


def message_digest(tx: Tx, *, message_id: str) -> str:
    """What stands for a provider's message id, so that a repeated one is known and nothing else is."""
    return blake2b(message_id.encode(), key=tx.erasure_key, digest_size=16, person=b"message").hexdigest()


def has_erasures(tx: Tx) -> bool:
    """Whether anybody of the project was ever erased."""
    return tx.one("has_erasures") is not None


def _subject_ids(tx: Tx, mobiles: Sequence[int]) -> dict[int, int]:
    """The numbers that subjects stand for, in the order that a later one of a number wins: hashes first."""
    if not has_erasures(tx):
        return dict(zip(mobiles, mobiles, strict=True))
    erased = {erased_subject_id(tx, mobile=mobile): mobile for mobile in mobiles}
    return erased | dict(zip(mobiles, mobiles, strict=True))


# ---- reading ----------------------------------------------------------------------------------------


def find_consent(tx: Tx, *, mobiles: Sequence[int]) -> dict[int, StoredConsent]:
    """The states of those numbers of which anything is known."""
    subject_ids = _subject_ids(tx, mobiles)
    found: dict[int, StoredConsent] = {}
    # A number that is known again after its erasure has a state of its own, which counts what was before too.
    rows = tx.fetch(tuple[int, int, str], "find_consent", subject_ids=list(subject_ids))
    for subject_id, suppressed, state in sorted(rows):
        found[subject_ids[subject_id]] = StoredConsent(bool(suppressed), state)
    return found


def find_facts(tx: Tx, *, mobiles: Sequence[int]) -> dict[int, list[Fact]]:
    """Everything that is known about these numbers, in the order of recording; numbers without a fact are left out."""
    subject_ids = _subject_ids(tx, mobiles)
    found: dict[int, list[Fact]] = {}
    for subject_id, fact in _fetch_facts(tx, "find_facts", subject_ids=list(subject_ids)):
        found.setdefault(subject_ids[subject_id], []).append(fact)
    return found


def find_subject_facts(tx: Tx, *, subject_ids: Sequence[int]) -> dict[int, list[Fact]]:
    """As ``find_facts``, of these very subjects."""
    found: dict[int, list[Fact]] = {}
    for subject_id, fact in _fetch_facts(tx, "find_facts", subject_ids=subject_ids) if subject_ids else ():
        found.setdefault(subject_id, []).append(fact)
    return found


def find_subject_states(tx: Tx, *, subject_ids: Sequence[int]) -> set[int]:
    """Which of these subjects have a state."""
    return set(tx.fetch(int, "find_consent", subject_ids=subject_ids))


def find_fact_before(tx: Tx, *, recorded_at: int) -> int:
    """The number of the last fact that was recorded before a time, 0 if there is none; by halves, not by walking.

    Facts are numbered in the order of recording, as the clock of whichever server tells it.
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
    """Subjects and facts, by the numbers of the facts."""
    return _fetch_facts(tx, "list_facts_between", first=first, last=last)


def find_mobiles_that_left(tx: Tx, *, folded: str) -> list[int]:
    """The numbers of those who left a group of this folded name by their own word, the erased not among them."""
    return tx.fetch(int, "find_mobiles_that_left", keyword=folded)


def list_facts(tx: Tx, *, after: int, limit: int) -> list[ListedFact]:
    """Facts in the order of recording, from the one after ``after`` on."""
    return tx.fetch(ListedFact, "list_facts", after=after, limit=limit)


def _fetch_facts(tx: Tx, query: str, **values: int | Sequence[int]) -> list[tuple[int, Fact]]:
    """Subjects and facts of a query whose columns are the subject's id and those of a fact, its scope as three."""
    rows = tx.fetch(
        tuple[
            int, int, FactKind, str, str, str, int, int, Source, str, int | None, int,
            int | None, str | None, int | None, str | None,
        ],
        query,
        **values,
    )  # fmt: skip
    return [(row[0], Fact(row[1], row[2], Scope(*row[3:6]), *row[6:11], bool(row[11]), *row[12:])) for row in rows]


# ---- writing ----------------------------------------------------------------------------------------


def new_fact(tx: WriteTx, *, given: NewFact, message_digest: str | None) -> Fact:
    """The fact as it is to be kept, with a number that no other one had. ``message``: the digest of its message id."""
    number = tx.book.next_fact
    tx.book.next_fact = number + 1
    return as_fact(given, number=number, message_digest=message_digest, key_id=tx.actor.key_id, now=tx.now)


def as_fact(given: NewFact, *, number: int, message_digest: str | None, key_id: int | None, now: int) -> Fact:
    """A fact as it is kept under a number."""
    return Fact(
        id=number,
        kind=given.kind,
        scope=given.scope,
        at=given.at,
        recorded_at=now,
        source=given.source,
        keyword=given.keyword,
        group_id=given.group_id,
        override=given.override,
        retracts=given.retracts,
        message_digest=message_digest,
        key_id=key_id,
        evidence=given.evidence,
    )


def insert_facts(tx: WriteTx, *, facts: Iterable[tuple[int, Fact]]) -> None:
    """New facts, each with its subject."""
    tx.insert_many("fact", [_fact_row(tx.project.id, subject_id, fact) for subject_id, fact in facts])


def _fact_row(project_id: int, subject_id: int, fact: Fact) -> tuple[Value, ...]:
    scope = fact.scope
    return (
        *(project_id, subject_id, fact.id, fact.kind, scope.channel, scope.sender, scope.purpose, fact.at),
        *(fact.recorded_at, fact.source, fact.keyword, fact.group_id, int(fact.override), fact.retracts),
        *(fact.message_digest, fact.key_id, fact.evidence),
    )


def save_consent(tx: WriteTx, *, states: Mapping[int, StoredConsent]) -> None:
    """What follows now, by subject."""
    if states:
        items = [(subject_id, int(kept.is_suppressed), kept.state) for subject_id, kept in sorted(states.items())]
        tx.run("save_consent", items=items)


def delete_states(tx: WriteTx, *, subject_ids: Sequence[int]) -> None:
    """Nothing is known of these subjects any more."""
    if subject_ids:
        tx.run("delete_consent", subject_ids=subject_ids)


def move_facts(tx: WriteTx, *, mobile: int, subject_id: int) -> tuple[int, int]:
    """Give an erased number's consent facts to its hash, without evidence; the rest goes. How many moved and went."""
    moved = tx.run("move_facts", subject_id=mobile, to=subject_id)
    gone = tx.run("delete_facts", subject_id=mobile)
    delete_states(tx, subject_ids=[mobile])
    return moved, gone


def add_near_misses(tx: WriteTx, *, source: str, import_id: int | None, attempts: int) -> None:
    """So many tries more by whoever writes."""
    key, given = tx.actor.key_id or 0, import_id or 0
    tx.run("add_near_misses", key=key, source=source, import_id=given, attempts=attempts, now=tx.now)


def list_near_misses(tx: Tx, *, limit: int) -> list[NearMiss]:
    """Who tried most, first."""
    rows = tx.fetch(tuple[int, str, int, int, int, int], "list_near_misses", limit=limit)
    return [NearMiss(key or None, source, given or None, *rest) for key, source, given, *rest in rows]
