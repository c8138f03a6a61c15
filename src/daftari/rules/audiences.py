"""Audiences: every number that may be messaged, from one snapshot; frozen, paged, rechecked and compared.

Groups are walked in order of id, some thousands of contacts at a time, so memory does not grow with the audience. No
HTTP, no SQL.
"""

from __future__ import annotations

import heapq
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from itertools import chain
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec import field as member
from msgspec.structs import replace

from daftari.errors import AudienceNotFound, ValidationFailed
from daftari.model.audiences import FrozenAudience, Match
from daftari.model.consent import ANY, Channel, Fact, Purpose, Sender
from daftari.model.contacts import Page
from daftari.model.erasures import Person, Removed
from daftari.model.limits import AUDIENCE_DAYS, AUDIENCE_GROUPS_MAX, ID_MAX, SENDER_MAX
from daftari.model.members import Count, GroupName, Mobile, Number, Time
from daftari.model.time import DAY_MICROSECONDS, format_time
from daftari.rules import events
from daftari.rules.consent.decisions import ALLOWING, Question, judge, judge_sender
from daftari.rules.consent.state import NOTHING_KNOWN, decode_state
from daftari.rules.consent.views import Reason, show_reasons
from daftari.rules.events import Action
from daftari.rules.fields import fold_name
from daftari.store import Tx, WriteTx, audiences, consent, contacts, directory, erasures, groups
from daftari.store.consent import CLEAR, StoredConsent
from daftari.store.contacts import ContactNumber

CONTACTS_PER_STEP = 10_000
"""Contacts that are judged at a time."""
RECHECKED_PARTS_MAX = 100
"""Parts of a frozen audience that one recheck looks at; its cursor leads on."""
COMPARED_MAX = 1_000
"""Numbers that a comparison names on each side."""

Groups = Annotated[tuple[GroupName, ...], Meta(max_length=AUDIENCE_GROUPS_MAX)]
Excluded = Annotated[
    dict[str, Number],
    Meta(
        title="Excluded",
        description="How many were left out, by reason: `opted_out`, `no_opt_in`, `not_subscribed`, or `in_not_group` "
        "for members of a group in `not`.",
        extra_json_schema={"propertyNames": {"enum": ["in_not_group", "no_opt_in", "not_subscribed", "opted_out"]}},
    ),
]
Reached = list[tuple[int, int]]
"""Numbers with their contacts' ids."""

_encode = msgspec.json.encode


class Definition(Struct, frozen=True):
    """Who is meant: everyone, or the members of any or all of some groups; without those of others.

    ``answers_as``: other names of the sender, under each of which a number must be allowed too.
    """

    question: Question
    everyone: bool = False
    groups: tuple[str, ...] = ()
    match: Match = "any"
    without: tuple[str, ...] = ()
    answers_as: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the sender that is asked about."""
        return self.question.sender, *self.answers_as


def count_audience(tx: Tx, *, definition: Definition) -> Counted:
    """How many may be messaged, and how many are left out, by reason. Raises ``ValidationFailed``."""
    return walk_audience(tx, definition=definition, groups_field="groups", take=lambda _: None)


_read_definition = msgspec.json.Decoder(Definition).decode


class Counted(Struct, frozen=True):
    """How many an audience reached, and how many it left out, by reason."""

    count: int
    excluded: dict[str, int]


# ---- whom it reaches ------------------------------------------------------------------------------------


class AudienceEnd(Struct, frozen=True):
    """The last line."""

    end: Annotated[bool, Meta(extra_json_schema={"const": True})]
    """This is the last line. A stream without it broke off."""
    count: Count
    """How many lines came before this one."""
    excluded: Excluded


def write_audience(tx: Tx, *, definition: Definition, write: Callable[[bytes], object], as_csv: bool) -> Counted:
    """Write the contacts that may be messaged, in order of id, as NDJSON or CSV. Raises ``ValidationFailed``.

    NDJSON ends with a line that has the counts, by which a reader knows that it has everything.
    """
    line = b"%d,%d\r\n" if as_csv else b'{"mobile":"%d","id":%d}\n'

    def take(reached: Reached) -> None:
        write(b"".join([line % one for one in reached]))

    if as_csv:
        write(b"mobile,id\r\n")
    counted = walk_audience(tx, definition=definition, groups_field="group", take=take)
    if not as_csv:
        write(_encode(AudienceEnd(True, counted.count, counted.excluded)) + b"\n")
    return counted


def walk_audience(tx: Tx, *, definition: Definition, groups_field: str, take: Callable[[Reached], None]) -> Counted:
    """Call ``take`` with the contacts that may be messaged, some at a time, in order of id.

    Raises ``ValidationFailed``, in which ``groups_field`` is the name of the field with the groups.
    """
    meant = _find_groups(tx, definition, groups_field)
    judge_known = _Judge(tx, definition)
    excluded: Counter[str] = Counter()
    count = 0
    for found in _walk(tx, definition, meant, excluded):
        reached = judge_known.choose(found, excluded)
        count += len(reached)
        take(reached)
    if definition.everyone:
        # Contacts that opted out of everything are in no list that is walked.
        gone = directory.count_list(tx, list_id=directory.BOOK) - directory.count_list(tx, list_id=directory.LISTED)
        excluded["opted_out"] += gone
    return Counted(count, {reason: many for reason, many in sorted(excluded.items()) if many})


class _Groups(Struct, frozen=True):
    """The ids of the groups that a definition names."""

    wanted: list[int]
    unwanted: list[int]


def _find_groups(tx: Tx, definition: Definition, groups_field: str) -> _Groups:
    errors: dict[str, list[str]] = {}
    if not definition.everyone and not definition.groups:
        errors[groups_field] = ["Name at least one group, or say everyone=true."]
    if definition.everyone and definition.groups:
        errors["everyone"] = ["The everyone field must not be sent together with groups."]
    found: dict[str, list[int]] = {groups_field: [], "not": []}
    for field, names in ((groups_field, definition.groups), ("not", definition.without)):
        for name in names:
            group_id = groups.find_group_id(tx, folded=fold_name(name))
            if group_id is None:
                errors.setdefault(field, []).append(f"There is no group called {name!r}.")
            else:
                found[field].append(group_id)
    if errors:
        raise ValidationFailed(errors)
    return _Groups(list(dict.fromkeys(found[groups_field])), list(dict.fromkeys(found["not"])))


def _walk(tx: Tx, definition: Definition, meant: _Groups, excluded: Counter[str]) -> Iterator[list[ContactNumber]]:
    """The contacts that are meant, in order of id."""
    if definition.everyone or len(meant.wanted) == 1:
        turns = _walk_one(tx, None if definition.everyone else meant.wanted[0])
    else:
        turns = _walk_many(tx, meant.wanted, match=definition.match)
    for found in turns:
        if meant.unwanted:
            unwanted = _members_between(tx, meant.unwanted, found[0].id - 1, found[-1].id)
            kept = [contact for contact in found if contact.id not in unwanted]
            excluded["in_not_group"] += len(found) - len(kept)
            yield kept
        else:
            yield found


def _walk_one(tx: Tx, group_id: int | None) -> Iterator[list[ContactNumber]]:
    """A list that is walked as it is: a group, or every contact that is not suppressed."""
    after = -1
    while found := audiences.list_reachable(tx, group_id=group_id, after=after, limit=CONTACTS_PER_STEP):
        yield found
        after = found[-1].id


def _walk_many(tx: Tx, wanted: Sequence[int], *, match: Match) -> Iterator[list[ContactNumber]]:
    """Several groups walked in parallel: contacts in any, or in all of them."""
    needed = 1 if match == "any" else len(wanted)
    ids: list[int] = []
    merged = heapq.merge(*[_walk_ids(tx, group_id) for group_id in wanted])
    last, times = -1, 0
    for number in chain(merged, [ID_MAX]):
        if number == last:
            times += 1
            continue
        if last >= 0 and times >= needed:
            ids.append(last)
        last, times = number, 1
        if len(ids) == CONTACTS_PER_STEP or (number == ID_MAX and ids):
            yield sorted(contacts.find_contact_numbers(tx, ids=ids), key=lambda contact: contact.id)
            ids = []


def _walk_ids(tx: Tx, group_id: int) -> Iterator[int]:
    after = -1
    while found := audiences.list_member_ids(tx, group_id=group_id, after=after, last=ID_MAX, limit=CONTACTS_PER_STEP):
        yield from found
        after = found[-1]


def _members_between(tx: Tx, group_ids: Sequence[int], after: int, last: int) -> set[int]:
    """Who of some ids is in any of the groups."""
    members: set[int] = set()
    for group_id in group_ids:
        begin = after
        while found := audiences.list_member_ids(
            tx, group_id=group_id, after=begin, last=last, limit=CONTACTS_PER_STEP
        ):
            members.update(found)
            begin = found[-1]
    return members


class _Judge:
    """Who of some contacts may be messaged. Most states are alike, so that each is judged once."""

    def __init__(self, tx: Tx, definition: Definition) -> None:
        self._tx = tx
        self._judge = partial(
            judge_sender,
            question=definition.question,
            names=definition.names,
            require_opt_in=tx.project.consent.require_opt_in,
        )
        self.unknown = self._judge(NOTHING_KNOWN)
        self._codes: dict[str, str] = {}

    def choose(self, found: Sequence[ContactNumber], excluded: Counter[str]) -> Reached:
        """Those who may be messaged, with their ids; the others are counted by reason."""
        known = [contact.mobile for contact in found if contact.consent_status != CLEAR]
        if not known and self.unknown in ALLOWING:
            return [(contact.mobile, contact.id) for contact in found]
        codes = self.find_codes(known)
        reached = []
        for contact in found:
            code = codes.get(contact.mobile, self.unknown)
            if code in ALLOWING:
                reached.append((contact.mobile, contact.id))
            else:
                excluded[code] += 1
        return reached

    def find_codes(self, mobiles: Sequence[int]) -> dict[int, str]:
        """The reason for each of these numbers of which anything is known."""
        kept = consent.find_consent(self._tx, mobiles=mobiles) if mobiles else {}
        return {mobile: self._code(stored) for mobile, stored in kept.items()}

    def _code(self, stored: StoredConsent) -> str:
        code = self._codes.get(stored.state)
        if code is None:
            code = self._codes[stored.state] = self._judge(decode_state(stored.state))
        return code


# ---- frozen ones ----------------------------------------------------------------------------------------


class Found(Struct, frozen=True):
    """Everyone who may be messaged, ascending, as one snapshot had it, and the last erasure that it knew."""

    mobiles: array[int]
    counted: Counted
    digest: str
    last_erasure: int


def refuse_unknown_groups(tx: Tx, *, definition: Definition) -> None:
    """Raise ``ValidationFailed`` where no audience can be found, since a group is unknown or none is named."""
    _find_groups(tx, definition, "groups")


def find_numbers(tx: Tx, *, definition: Definition) -> Found:
    """Whom an audience reaches, to be frozen afterwards."""
    mobiles = array("q")

    def take(reached: Reached) -> None:
        mobiles.extend([mobile for mobile, _ in reached])

    counted = walk_audience(tx, definition=definition, groups_field="groups", take=take)
    ascending = array("q", sorted(mobiles))
    return Found(ascending, counted, digest_of(ascending), erasures.get_last_erasure(tx))


def freeze_audience(tx: WriteTx, *, definition: Definition, found: Found) -> FrozenAudience:
    """Keep an audience as it was found, without the numbers that were erased since."""
    mobiles, erased = _without_erased(tx, found)
    frozen = audiences.insert_audience(
        tx,
        definition=_encode(definition).decode(),
        mobiles=mobiles,
        erased=erased,
        digest=found.digest,
        excluded=_encode(found.counted.excluded).decode(),
        until=tx.now + AUDIENCE_DAYS * DAY_MICROSECONDS,
    )
    events.record(tx, Action.FREEZE_AUDIENCE)
    return frozen


def _without_erased(tx: Tx, found: Found) -> tuple[array[int], int]:
    """The numbers, with a 0 in the place of each that was erased after the snapshot; and how many those are."""
    gone = erasures.list_subjects_after(tx, erasure_id=found.last_erasure)
    if not gone:
        return found.mobiles, 0
    left = [0 if consent.erased_subject_id(tx, mobile=mobile) in gone else mobile for mobile in found.mobiles]
    return array("q", left), left.count(0)


def digest_of(mobiles: Sequence[int]) -> str:
    """SHA-256 of the numbers, a line feed after each."""
    digest = sha256()
    for first in range(0, len(mobiles), CONTACTS_PER_STEP):
        digest.update("".join([f"{mobile}\n" for mobile in mobiles[first : first + CONTACTS_PER_STEP]]).encode())
    return digest.hexdigest()


def get_audience(tx: Tx, *, audience_id: int) -> FrozenAudience:
    """A frozen audience. Raises ``AudienceNotFound``."""
    found = audiences.get_audience(tx, audience_id=audience_id)
    if found is None:
        raise AudienceNotFound
    return found


def list_audiences(tx: Tx, *, before: int, limit: int) -> list[AudienceView]:
    """At most ``limit`` frozen audiences before an id, 0 for the newest; the newest first."""
    return [show_audience(frozen) for frozen in audiences.list_audiences(tx, before=before or ID_MAX, limit=limit)]


class AudienceView(Struct, frozen=True, kw_only=True):
    """A frozen audience, without its numbers."""

    id: Number
    """What the other calls name."""
    count: Count
    """How many numbers were frozen. It never changes."""
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of the numbers ascending, a line feed after each. It never changes."""
    excluded: Excluded
    erased: Count
    """How many of the numbers were erased since."""
    everyone: bool
    """Whether the whole book was meant."""
    groups: Groups
    """The groups that were meant."""
    match: Match
    """Whether members of any or of all groups were meant."""
    not_: Groups = member(name="not")
    """The groups whose members were left out."""
    channel: Channel
    """The channel that was asked about."""
    sender: Sender | None
    """The sender that was asked about; `null` is all of them."""
    purpose: Purpose | None
    """The purpose that was asked about; `null` is all of them."""
    keyword: Annotated[str, Meta(min_length=1, max_length=SENDER_MAX)] | None
    """The keyword of the premium service that was asked about."""
    created_at: Time
    """When it was frozen."""
    expires_at: Time
    """When it will be deleted, 90 days later."""


def show_audience(frozen: FrozenAudience) -> AudienceView:
    """A frozen audience as callers see it, without its numbers."""
    definition = _read_definition(frozen.definition)
    question = definition.question
    return AudienceView(
        id=frozen.id,
        count=frozen.count,
        digest=frozen.digest,
        excluded=msgspec.json.decode(frozen.excluded),
        erased=frozen.erased,
        everyone=definition.everyone,
        groups=definition.groups,
        match=definition.match,
        not_=definition.without,
        channel=question.channel,
        sender=None if question.sender == ANY else question.sender,
        purpose=None if question.purpose == ANY else question.purpose,
        keyword=question.keyword or None,
        created_at=format_time(frozen.created_at),
        expires_at=format_time(frozen.expires_at),
    )


def count_frozen_of(tx: Tx, *, folded: str) -> int:
    """How many audiences were frozen from a group by its folded name, or without its members."""
    found = map(_read_definition, audiences.list_definitions(tx))
    return sum(folded in map(fold_name, (*one.groups, *one.without)) for one in found)


def list_audience(tx: Tx, *, audience_id: int, skip: int, limit: int, as_frozen: bool) -> tuple[FrozenAudience, Page]:
    """One page of a frozen audience; numbers that were blocked since are left out unless ``as_frozen``.

    The page's count is that of its places, so that pages keep their numbers.
    """
    frozen = get_audience(tx, audience_id=audience_id)
    mobiles = _numbers_at(tx, frozen, skip, limit)
    existing = [mobile for mobile in mobiles if mobile]
    if not as_frozen:
        judging = _judge_of(tx, frozen)
        codes = judging.find_codes(existing)
        existing = [mobile for mobile in existing if codes.get(mobile, judging.unknown) in ALLOWING]
    cards = ",".join([f'"{mobile}"' for mobile in existing]).encode()
    return frozen, Page(cards=cards, count=len(mobiles), total=frozen.count)


def write_frozen(tx: Tx, *, audience_id: int, write: Callable[[bytes], object]) -> FrozenAudience:
    """Write the numbers of a frozen audience that may still be messaged, ascending, as CSV."""
    frozen = get_audience(tx, audience_id=audience_id)
    judging = _judge_of(tx, frozen)
    write(b"mobile\r\n")
    for _, mobiles in audiences.list_parts(tx, audience_id=frozen.id, first=0):
        existing = [mobile for mobile in mobiles if mobile]
        codes = judging.find_codes(existing)
        write(b"".join([b"%d\r\n" % one for one in existing if codes.get(one, judging.unknown) in ALLOWING]))
    return frozen


def _numbers_at(tx: Tx, frozen: FrozenAudience, skip: int, limit: int) -> list[int]:
    if skip >= frozen.count:
        return []
    first, last = skip, min(skip + limit, frozen.count)
    found: list[int] = []
    for place, mobiles in audiences.list_parts(tx, audience_id=frozen.id, first=first // audiences.PART_NUMBERS):
        found += mobiles[max(0, first - place) : last - place]
        if place + len(mobiles) >= last:
            break
    return found


class BlockedNumber(Struct, frozen=True):
    mobile: Mobile
    reasons: Annotated[list[Reason], Meta(min_length=1)]
    """Why: one for each fact that the answer rests on."""


class Rechecked(Struct, frozen=True):
    """Numbers of a frozen audience that may no longer be messaged, with the reasons, and the next cursor."""

    blocked: list[BlockedNumber]
    following: int | None


def recheck_audience(tx: Tx, *, audience_id: int, after: int, limit: int) -> Rechecked:
    """Who of a frozen audience opted out since, from the place ``after`` on."""
    frozen = get_audience(tx, audience_id=audience_id)
    judging = _judge_of(tx, frozen)
    definition = _read_definition(frozen.definition)
    blocked: list[BlockedNumber] = []
    turns = 0
    for place, mobiles in audiences.list_parts(tx, audience_id=audience_id, first=after // audiences.PART_NUMBERS):
        existing = [mobile for mobile in mobiles if mobile]
        codes = judging.find_codes(existing)
        gone = {mobile for mobile in existing if codes.get(mobile, judging.unknown) not in ALLOWING}
        facts = consent.find_facts(tx, mobiles=sorted(gone)) if gone else {}
        for number, mobile in enumerate(mobiles, start=place):
            if number < after or mobile not in gone:
                continue
            if len(blocked) == limit:
                return Rechecked(blocked, number)
            blocked.append(BlockedNumber(str(mobile), _find_reasons(tx, definition, facts.get(mobile, ()))))
        turns += 1
        following = place + len(mobiles)
        if turns == RECHECKED_PARTS_MAX and following < frozen.count:
            return Rechecked(blocked, following)
    return Rechecked(blocked, None)


def _find_reasons(tx: Tx, definition: Definition, facts: Sequence[Fact]) -> list[Reason]:
    """Why a number may not be messaged, under the first name of the sender for which it is so."""
    require_opt_in = tx.project.consent.require_opt_in
    asked = [replace(definition.question, sender=name) for name in definition.names]
    verdicts = [judge(facts, question, require_opt_in=require_opt_in) for question in asked]
    return show_reasons(next((verdict for verdict in verdicts if not verdict.allowed), verdicts[0]))


class ComparedCounts(Struct, frozen=True):
    both: Count
    """Numbers that both have."""
    only_in_this: Count
    """Numbers that only this one has."""
    only_in_other: Count
    """Numbers that only the other one has."""


class Comparison(Struct, frozen=True):
    counts: ComparedCounts
    only_in_this: Annotated[list[Mobile], Meta(max_length=COMPARED_MAX)]
    """The first 1,000 numbers that only this one has."""
    only_in_other: Annotated[list[Mobile], Meta(max_length=COMPARED_MAX)]
    """The first 1,000 numbers that only the other one has."""


def compare_audiences(tx: Tx, *, audience_id: int, other_id: int) -> Comparison:
    """What two frozen audiences have in common, and whom only one of them has, the first of those by number."""
    one, other = (_walk_numbers(tx, get_audience(tx, audience_id=number)) for number in (audience_id, other_id))
    only: dict[str, list[str]] = {"only_in_this": [], "only_in_other": []}
    counts = Counter({"both": 0, "only_in_this": 0, "only_in_other": 0})
    mine, theirs = next(one, None), next(other, None)
    while mine is not None or theirs is not None:
        if mine == theirs:
            counts["both"] += 1
            mine, theirs = next(one, None), next(other, None)
            continue
        here = theirs is None or (mine is not None and mine < theirs)
        side = "only_in_this" if here else "only_in_other"
        counts[side] += 1
        if len(only[side]) < COMPARED_MAX:
            only[side].append(str(mine if here else theirs))
        if here:
            mine = next(one, None)
        else:
            theirs = next(other, None)
    return Comparison(ComparedCounts(**counts), **only)


def _walk_numbers(tx: Tx, frozen: FrozenAudience) -> Iterator[int]:
    for _, mobiles in audiences.list_parts(tx, audience_id=frozen.id, first=0):
        yield from filter(None, mobiles)


def _judge_of(tx: Tx, frozen: FrozenAudience) -> _Judge:
    return _Judge(tx, _read_definition(frozen.definition))


def erase_person(tx: WriteTx, person: Person) -> Removed:
    """Leave a gap in the place of the number, in every frozen audience."""
    return {"audience_numbers": audiences.erase_from_audiences(tx, mobile=person.mobile)}


def export_person(tx: Tx, person: Person) -> dict[str, object]:
    """The frozen audiences that have the number."""
    return {"audiences": audiences.list_audiences_with(tx, mobile=person.mobile)}


def expire_audience(tx: WriteTx) -> bool:
    """Delete one frozen audience whose time is over. Returns whether there was one."""
    audience_id = audiences.find_expired_audience(tx)
    if audience_id is not None:
        audiences.delete_audience(tx, audience_id=audience_id)
    return audience_id is not None


def has_expired_audience(tx: Tx) -> bool:
    """Whether there is a frozen audience whose time is over."""
    return audiences.find_expired_audience(tx) is not None
