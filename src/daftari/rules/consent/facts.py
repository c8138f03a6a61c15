"""Opt-outs and opt-ins: parsed before any lock, recorded in bulk, listed with a cursor.

Good rows are always written; a bad one is reported and does not stop the others. No HTTP, no SQL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeVar, get_args

from msgspec import Meta, Struct
from msgspec.structs import replace

from daftari.errors import ValidationFailed
from daftari.model.consent import ANY, CHANNELS, FactOutcome, GivenSource, NearMissSource, NewFact, Scope, Source
from daftari.model.limits import (
    EVIDENCE_MAX,
    FACTS_PER_CALL_MAX,
    FACTS_PER_NUMBER_MAX,
    SENDER_MAX,
)
from daftari.model.members import Number, Time
from daftari.model.time import format_time
from daftari.model.users import NamedUser
from daftari.rules import events
from daftari.rules.before import keep
from daftari.rules.consent import ledger
from daftari.rules.consent.decisions import in_force
from daftari.rules.consent.others import choose_facts, record_others
from daftari.rules.consent.state import BULK_SOURCES, TEAM_SOURCES, meets
from daftari.rules.consent.views import OptOut, add_evidence, read_evidence_members, show_opt_out, write_evidence
from daftari.rules.events import Action, ConsentChanged, GroupLeft
from daftari.rules.fields import Errors, Problems, read_flag, read_text, read_time
from daftari.rules.numbers import read_number
from daftari.store import Tx, WriteTx, consent, keys, users
from daftari.store.consent import NearMiss

SOURCES: tuple[GivenSource, ...] = get_args(GivenSource)
"""What a caller may say that a fact comes from; a delete and an erasure are calls of their own."""
PURPOSE_WORDS = {"marketing": "marketing", "promotional": "marketing", "transactional": "transactional", "any": ANY}
EVIDENCE_MEMBERS = ("message_id", "text", "form", "address", "note")
"""What a caller may give as evidence, in the order in which it is shown."""
EXPORTED_MEMBERS = ("provider", *EVIDENCE_MEMBERS, "code", "source")
"""What an export may have as evidence."""
EVIDENCE_CHARACTERS_MIN = 10
"""Characters of evidence with which the team's opt-in lifts a person's own opt-out."""
CLOCKS_APART_SECONDS_MAX = 3_600
"""How far apart the clocks of two servers may be, or one clock before and after it was set."""
SCANNED_MAX = 10_000
"""Facts that one page of the opt-outs looks at; it may have fewer rows, and a cursor all the same."""

T = TypeVar("T")
Kind = Literal["opt_out", "opt_in"]
Writer = Literal["api", "console", "import"]
"""Who writes facts down: a key, a user, or an import."""
ACTIONS: dict[Kind, Action] = {"opt_out": Action.RECORD_OPT_OUTS, "opt_in": Action.RECORD_OPT_INS}


class Given(Struct, frozen=True):
    """Facts that were read: the good ones, and what is wrong with the others by index."""

    facts: list[NewFact]
    invalid: dict[int, Errors]


class FactsOutcome(Struct, frozen=True):
    """The outcome of a call: counts that add up to the rows, and each row's outcome in the order given."""

    counts: dict[str, int]
    left_groups: tuple[str, ...]
    rows: list[FactOutcome]


class OptOutPage(Struct, frozen=True):
    """Some opt-outs in force, and the cursor of the next ones."""

    opt_outs: list[OptOut]
    following: int | None


# ---- reading ------------------------------------------------------------------------------------------


def read_facts(
    items: Sequence[object], *, common: Mapping[str, object], kind: Kind, writer: Writer, region: str, now: int | None
) -> Given:
    """Read one fact an item: a number as text or integer, or an object whose members win over the common ones.

    ``now``: times may not be far ahead of it; ``None`` where they may, as in a file. Raises ``ValidationFailed`` when
    there is none or too many, or when a common member is wrong.
    """
    if not items:
        raise ValidationFailed({"mobiles": ["The mobiles field is required."]})
    if len(items) > FACTS_PER_CALL_MAX:
        raise ValidationFailed({"mobiles": [f"The mobiles field must not have more than {FACTS_PER_CALL_MAX} items."]})
    problems = Problems()
    shared = _read_members(common, problems, kind=kind, writer=writer, now=now)
    problems.refuse()
    facts: list[NewFact] = []
    invalid: dict[int, Errors] = {}
    times: Counter[int] = Counter()
    for index, item in enumerate(items):
        problems = Problems()
        members = shared
        if isinstance(item, dict) and item.keys() - {"mobile"}:
            members = _read_members({**common, **item}, problems, kind=kind, writer=writer, now=now)
        fact = _read_item(index, item, members, problems, kind=kind, region=region)
        if fact is not None:
            times[fact.mobile] += 1
            if times[fact.mobile] > FACTS_PER_NUMBER_MAX:
                problems.add("mobile", f"must not be given more than {FACTS_PER_NUMBER_MAX} times.")
        if problems:
            invalid[index] = problems.errors
        elif fact is not None:
            facts.append(fact)
    if writer != "import" and len({fact.mobile for fact in facts}) == 1:
        # One person's wish, perhaps for each channel of its own, or with the number in two spellings.
        facts = [replace(fact, single=True) for fact in facts]
    return Given(facts, invalid)


class _Members(Struct, frozen=True):
    """The members of a fact other than its number."""

    scope: Scope
    at: int | None
    source: Source
    override: bool
    evidence: str | None


def _read_item(
    index: int, item: object, members: _Members, problems: Problems, *, kind: Kind, region: str
) -> NewFact | None:
    written = item.get("mobile") if isinstance(item, dict) else item
    number = problems.read("mobile", written, lambda value: read_number(value, region=region))
    if number is None:
        return None
    return NewFact(
        index,
        number.number,
        kind,
        members.scope,
        members.at,
        members.source,
        override=members.override,
        evidence=members.evidence,
        digits=number.digits,
    )


def _read_members(
    given: Mapping[str, object], problems: Problems, *, kind: Kind, writer: Writer, now: int | None
) -> _Members:
    """The members of a fact; one that is wrong is noted and read as its default."""
    scope = Scope(
        problems.read("channel", given.get("channel"), read_channel) or ANY,
        problems.read("sender", given.get("sender"), read_sender) or ANY,
        problems.read("purpose", given.get("purpose"), read_purpose) or ANY,
    )
    source = problems.read("source", given.get("source"), lambda value: _read_source(value, kind=kind)) or SOURCES[0]
    at = problems.read("at", given.get("at"), lambda value: read_time(value, now=now))
    evidence = problems.read("evidence", given.get("evidence"), read_evidence)
    override = problems.read(
        "override",
        given.get("override"),
        lambda value: _read_override(value, kind=kind, has_evidence=bool(evidence)),
    )
    if kind == "opt_in":
        source, evidence = _written_down(source, evidence, writer=writer)
        override = bool(override) if source in BULK_SOURCES else is_well_founded(evidence)
    return _Members(scope, at, source, bool(override), evidence)


def _written_down(source: Source, evidence: str | None, *, writer: Writer) -> tuple[Source, str | None]:
    """Where an opt-in comes from that is given by a key, a user or an import: never from the person.

    What the caller gave as the source is evidence.
    """
    allowed = BULK_SOURCES if writer == "import" else BULK_SOURCES | TEAM_SOURCES
    if source in allowed:
        return source, evidence
    return writer, add_evidence(evidence, source=source)


def is_well_founded(evidence: str | None) -> bool:
    """Whether there is evidence enough for an opt-in that the team writes down to lift a person's own opt-out."""
    members = {} if evidence is None else read_evidence_members(evidence)
    return sum(len(members.get(name, "")) for name in EVIDENCE_MEMBERS) >= EVIDENCE_CHARACTERS_MIN


def read_channel(value: object) -> str:
    """A channel, in any case; absent means any."""
    written = value.strip().casefold() if isinstance(value, str) else value
    if written in (None, "", "any", ANY):
        return ANY
    for channel in CHANNELS:
        if written == channel:
            return channel
    raise ValueError(f"must be one of: {', '.join(CHANNELS)}, any.")


def read_purpose(value: object) -> str:
    """A purpose, in any case; absent means any."""
    written = value.strip().casefold() if isinstance(value, str) else value
    if written in (None, "", ANY):
        return ANY
    if not isinstance(written, str) or written not in PURPOSE_WORDS:
        raise ValueError(f"must be one of: {', '.join(PURPOSE_WORDS)}.")
    return PURPOSE_WORDS[written]


def read_sender(value: object) -> str:
    """A sender as it was written, numbers as text; absent means any."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    text = read_text(value, most=SENDER_MAX)
    return ANY if text is None or text.casefold() in ("any", ANY) else text


def _read_source(value: object, *, kind: Kind) -> Source:
    if value in (None, ""):
        if kind == "opt_in":
            raise ValueError(f"is required, and must be one of: {', '.join(SOURCES)}.")
        return "api"
    for source in SOURCES:
        if value == source:
            return source
    raise ValueError(f"must be one of: {', '.join(SOURCES)}.")


def _read_override(value: object, *, kind: Kind, has_evidence: bool) -> bool:
    if not read_flag(value):
        return False
    if kind == "opt_out":
        raise ValueError("is for opt-ins only.")
    if not has_evidence:
        raise ValueError("needs evidence that the person asked for it.")
    return True


def read_evidence(value: object, names: Sequence[str] = EVIDENCE_MEMBERS) -> str | None:
    """Evidence as it is kept: an object with some members of these names, or a note."""
    if isinstance(value, dict):
        unknown = value.keys() - set(names)
        if unknown:
            raise ValueError(f"may have these members: {', '.join(names)}.")
        return write_evidence(**{name: read_text(value.get(name), most=EVIDENCE_MAX) for name in names})
    return write_evidence(note=read_text(value, most=EVIDENCE_MAX))


# ---- recording ----------------------------------------------------------------------------------------


def record_given(tx: WriteTx, *, given: Given, kind: Kind) -> FactsOutcome:
    """Record the good ones; the counts name the others."""
    outcome, happened = write_given(tx, given=given)
    if happened:
        keep(tx, seq=events.record(tx, ACTIONS[kind], *happened))
    return outcome


def write_given(tx: WriteTx, *, given: Given) -> tuple[FactsOutcome, list[ConsentChanged | GroupLeft]]:
    """As ``record_given``, for a part of an act. Returns the events too."""
    meant = choose_facts(tx, facts=given.facts)
    recorded = ledger.record_facts(tx, facts=meant.facts)
    happened = [*recorded.events, *record_others(tx, others=meant.others)]
    rows = recorded.outcomes + [FactOutcome(index, "invalid", errors=errors) for index, errors in given.invalid.items()]
    rows.sort(key=lambda row: row.index)
    counts = dict.fromkeys(("recorded", "unchanged", "refused", "invalid"), 0)
    for row in rows:
        counts[row.outcome] += 1
    return FactsOutcome(counts, recorded.left_groups, rows), happened


# ---- listing ------------------------------------------------------------------------------------------


def list_opt_outs(tx: Tx, *, scope: Scope, since: int | None, after: int, limit: int) -> OptOutPage:
    """Opt-outs that are in force and meet a scope, in the order in which they were recorded.

    ``since``: only those recorded from then on; servers' clocks may differ, so that some more are looked at. A page
    looks at ``SCANNED_MAX`` facts at the most.
    """
    if since is not None:
        # One clock may be ahead of the right time and the other behind it.
        from_then = since - 2 * CLOCKS_APART_SECONDS_MAX * 1_000_000
        after = max(after, consent.find_fact_before(tx, recorded_at=from_then))
    found: list[OptOut] = []
    scanned = 0
    while scanned < SCANNED_MAX:
        listed = consent.list_facts(tx, after=after, limit=min(limit, SCANNED_MAX - scanned))
        if not listed:
            return OptOutPage(found, None)
        wanted = {
            fact.id: fact.subject_id
            for fact in listed
            if fact.kind == "opt_out" and fact.subject_id > 0 and (since is None or fact.recorded_at >= since)
        }
        known = consent.find_facts(tx, mobiles=sorted(set(wanted.values())))
        holding = {fact.id: fact for facts in known.values() for fact in in_force(facts)}
        for one in listed:
            after = one.id
            fact = holding.get(one.id) if one.id in wanted else None
            if fact is not None and meets(fact.scope, scope):
                found.append(show_opt_out(fact, mobile=wanted[one.id]))
                if len(found) == limit:
                    return OptOutPage(found, after)
        scanned += len(listed)
    return OptOutPage(found, after)


class KeyName(Struct, frozen=True):
    """A key as it is shown."""

    start: Annotated[str, Meta(min_length=12)]
    """The key's first characters."""
    label: str
    """What the key is called."""


class NearMissView(Struct, frozen=True):
    """A key, user, command or connected system that tried to subscribe numbers that opted out. None was subscribed."""

    key: KeyName | None
    """The key that tried; `null` for a user, a command or a connected system."""
    user: NamedUser | None
    """The user of the console who tried; `null` for a key, a command or a connected system."""
    source: NearMissSource
    """How it tried: by a create, an update, a join, an opt-in that was refused, the contacts of an import, or the
    people of a connected system."""
    import_id: Number | None
    """The import that tried, where it was one."""
    tries: Number
    """How many numbers it tried to bring back, each time counted."""
    first_at: Time
    """When it first happened."""
    last_at: Time
    """When it last happened."""


def list_near_misses(tx: Tx, *, limit: int) -> list[NearMissView]:
    """How often each key or user, source and import tried to subscribe a number that opted out; most first."""
    return show_near_misses(tx, consent.list_near_misses(tx, limit=limit))


def show_near_misses(tx: Tx, misses: Sequence[NearMiss]) -> list[NearMissView]:
    """Near misses, with the names of keys and users."""
    known = {key.id: key for key in keys.list_keys(tx)}
    named = users.find_user_names(tx, ids=sorted({miss.user_id for miss in misses if miss.user_id is not None}))
    found = []
    for miss in misses:
        key, user = known.get(miss.key_id or 0), named.get(miss.user_id or 0)
        name = None if key is None else KeyName(key.start, key.label)
        first, last = format_time(miss.first_at), format_time(miss.last_at)
        found.append(NearMissView(name, user, miss.source, miss.import_id, miss.attempts, first, last))
    return found
