"""The calls about consent in plain dictionaries: facts given in bulk, what providers bring, erasure, and questions.

A text means what a table says that it means. This module must not know the code that it judges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from msgspec import structs

from daftari.model.consent import ANY, CHANNELS, FactKind, NewFact, Scope, Source
from daftari.model.inbound import InboundMessage, InboundSignal, InboundSubscription
from daftari.rules.audiences import Definition
from daftari.rules.consent.decisions import Question
from tests.oracles import consent as rule
from tests.oracles.book import SPELLINGS, Book, Given, Refused, folded
from tests.oracles.ledger import Arrival, stop_scope

CHANNEL_WORDS: dict[str | None, str] = {None: ANY, "": ANY, "any": ANY} | {channel: channel for channel in CHANNELS}
PURPOSE_WORDS: dict[str | None, str] = {
    None: ANY,
    "any": ANY,
    "marketing": "marketing",
    "promotional": "marketing",
    "transactional": "transactional",
}
Event = InboundMessage | InboundSignal | InboundSubscription
GIVEN_SOURCES: tuple[Source, ...] = ("api", "inbound", "provider", "import", "bulk", "console", "form")
AHEAD_MICROSECONDS = 300_000_000

TEXTS: dict[str, tuple[str, str, bool]] = {
    "STOP": ("opt_out", "", False),
    " stop. ": ("opt_out", "", False),
    "S.T.O.P": ("opt_out", "", False),
    "QUIT": ("opt_out", "", False),
    "STOP FARMERS": ("opt_out", "Farmers", True),
    "Stop coast.": ("opt_out", "Coast", True),
    "stop it please": ("opt_out", "it please", True),
    "Unsubscribe: farmers": ("opt_out", "", True),
    "START": ("opt_in", "", False),
    "unstop!": ("opt_in", "", False),
    "START now": ("nothing", "", True),
    "please stop": ("nothing", "", True),
    "quit smoking": ("nothing", "", True),
    "HELP": ("help", "", False),
    "hello": ("nothing", "", False),
}
"""What each message says, what follows its first word where that may be a group, and whether a person should look."""


@dataclass
class Waiting:
    """Something for a person's eye."""

    mobile: int | None
    at: int
    channel: str
    sender: str
    said: str
    known_by: str
    arrival: Arrival
    said_at: int | None
    settled: bool = False

    @property
    def shown(self) -> tuple[int | None, int, str, str, str]:
        return self.mobile, self.at, self.channel, self.sender, self.said


@dataclass
class Frozen:
    """A frozen audience: whom it found, and what was asked."""

    definition: Definition
    mobiles: list[int]
    erased: set[int] = field(default_factory=set)

    @property
    def digest(self) -> str:
        return sha256("".join(f"{mobile}\n" for mobile in self.mobiles).encode()).hexdigest()


@dataclass
class File:
    """A list that came as a file, and the facts that it brought. ``erased``: how many numbers were erased before."""

    rows: Sequence[tuple[str, str]]
    kind: FactKind
    common: Mapping[str, Any]
    arrival: Arrival
    erased: int
    facts: range = range(0)


@dataclass
class FactBook(Book):
    """A book with the calls about consent."""

    reviews: dict[str, Waiting] = field(default_factory=dict)
    frozen: list[Frozen] = field(default_factory=list)
    kept: list[tuple[Sequence[Event], Arrival]] = field(default_factory=list)
    """Requests in quarantine."""
    files: list[File] = field(default_factory=list)
    erased: list[int] = field(default_factory=list)
    """Every number that was erased, in order."""
    forgotten: set[int] = field(default_factory=set)
    """Contacts whom the journal still names, though they were erased."""

    # ---- facts given in bulk ------------------------------------------------------------------------

    def give(self, items: Sequence[Given], common: Mapping[str, Any], kind: FactKind, now: int) -> Mapping[str, Any]:
        if wrong := read_members(common, kind, now)[1]:
            raise Refused("VALIDATION_FAILED", wrong)
        read = [read_item(index, item, common, kind, now) for index, item in enumerate(items)]
        good = [fact for fact in read if isinstance(fact, NewFact)]
        if len({fact.mobile for fact in good}) == 1:
            good = [structs.replace(fact, single=True) for fact in good]
        outcomes, left, there = self.record(good, now)
        if set(outcomes) - {"unchanged"}:
            self.journal.append((f"{kind}s", None, there))
        rows: list[tuple[Any, ...]] = [
            (fact.index, outcome, str(fact.mobile), [], *self.standing_of(fact.mobile, left))
            for fact, outcome in zip(good, outcomes, strict=True)
        ]
        rows += [
            (index, "invalid", None, sorted(names), False, (), False)
            for index, names in enumerate(read)
            if not isinstance(names, NewFact)
        ]
        said = [row[1] for row in rows]
        counts = {name: said.count(name) for name in ("recorded", "unchanged", "refused", "invalid")}
        left_groups = {name for names in left.values() for name in names}
        return {"counts": counts, "rows": sorted(rows), "left_groups": sorted(left_groups)}

    def standing_of(self, mobile: int, left: Mapping[int, list[str]]) -> tuple[bool, tuple[str, ...], bool]:
        suppressed, billed = self.ledger.is_suppressed(mobile), self.ledger.is_still_billed(mobile)
        return suppressed, tuple(left.get(mobile, ())), billed

    # ---- lists in files -----------------------------------------------------------------------------

    def begin_list(self, rows: Sequence[tuple[str, str]], kind: FactKind, common: Mapping[str, Any], now: int) -> None:
        """A file comes, and waits."""
        arrival = replace(self.ledger.arrive(now), again=True, in_file=True)
        self.files.append(File(rows, kind, common, arrival, len(self.erased)))
        self.journal.append(("create_import", None, []))

    def apply_list(self, file: File, now: int) -> int:
        """What it says counts from when it came. Who was erased since is left out."""
        override = bool(file.common.get("override"))
        given = [
            NewFact(0, mobile, file.kind, Scope(), read_moment(at or None), "import", override=override)
            for written, at in file.rows
            if (mobile := SPELLINGS[written]) not in self.erased[file.erased :]
        ]
        first = self.ledger.next_id
        outcomes, _, there = self.record(given, now, file.arrival)
        file.facts = range(first, self.ledger.next_id)
        if file.facts:
            self.journal.append(("import_consent", None, there))
        self.journal.append(("finish_import", None, []))
        return outcomes.count("recorded")

    def undo_list(self, file: File, now: int) -> int:
        """Exactly its facts are taken back, but those of erased numbers."""
        self.journal.append(("undo_import", None, []))
        given = [
            NewFact(0, mobile, "retraction", fact.scope, fact.at, "api", retracts=fact.id)
            for mobile, known in self.ledger.facts.items()
            for fact in known
            if fact.id in file.facts and fact.id not in self.ledger.hashed
        ]
        given.sort(key=lambda fact: fact.retracts or 0)
        outcomes, _, there = self.record(given, now)
        if given:
            self.journal.append(("undo_import", None, there))
        self.journal.append(("finish_import", None, []))
        return len(outcomes)

    # ---- what providers bring -----------------------------------------------------------------------

    def receive(self, events: Sequence[Event], now: int, arrival: Arrival | None = None) -> tuple[int, int]:
        """How many facts were new, and how many things are for a person's eye. ``arrival``: of what came before."""
        given: list[NewFact] = []
        reviews: list[Waiting] = []
        arrival = arrival or self.ledger.arrive(now)
        for event in events:
            mobile = SPELLINGS.get(event.number or "")
            fact, is_doubtful = self.read_event(event, mobile, arrival)
            if is_doubtful:
                reviews.append(what_waits(event, mobile, arrival))
            given += [] if fact is None else [fact]
        outcomes, _, there = self.record(given, now, arrival)
        for waiting in reviews:
            self.reviews.setdefault(waiting.known_by, waiting)
        if "recorded" in outcomes:
            self.journal.append(("inbound", None, there))
        return outcomes.count("recorded"), len(reviews)

    def quarantine(self, events: Sequence[Event], now: int) -> None:
        """A request is refused and kept."""
        self.kept.append((events, self.ledger.arrive(now)))

    def replay(self, place: int, now: int) -> tuple[int, int]:
        """A request that was kept is good after all."""
        events, arrival = self.kept.pop(place)
        return self.receive(events, now, replace(arrival, again=True))

    def read_event(self, event: Event, mobile: int | None, arrival: Arrival) -> tuple[NewFact | None, bool]:
        """The fact that an event is, if any, and whether a person should look at it."""
        message, at = known_by(event, arrival), event.at
        if isinstance(event, InboundMessage):
            return self.read_message(event, mobile, at, message)
        if mobile is None:
            return None, True
        if isinstance(event, InboundSignal):
            return NewFact(0, mobile, event.kind, event.scope, at, "provider", message_id=message), False
        kind: FactKind = "activated" if event.active else "deactivated"
        keyword = " ".join(event.keyword.casefold().split())
        scope = Scope("premium_sms", event.sender.strip())
        return NewFact(0, mobile, kind, scope, at, "provider", keyword=keyword, message_id=message), False

    def read_message(
        self, event: InboundMessage, mobile: int | None, at: int | None, message: str
    ) -> tuple[NewFact | None, bool]:
        meaning, rest, is_doubtful = TEXTS[event.text]
        if event.means is not None:
            meaning, rest, is_doubtful = event.means, "", False
        if mobile is None:
            return None, is_doubtful or meaning in ("opt_out", "opt_in")
        if any(fact.source == "inbound" and fact.message_digest == message for fact in self.ledger.history(mobile)):
            # It meant something once, and means that still, whatever happened to groups and settings.
            return None, False
        if rest and (group := self.find_group(rest)):
            scope, name = Scope(event.channel), folded(self.groups[group].name)
            left = NewFact(0, mobile, "left_group", scope, at, "inbound", name, group, message_id=message)
            return left, False
        if meaning == "opt_out":
            sender = event.sender.strip() or ANY
            scope = stop_scope(self.settings.stop_scope, channel=event.channel, sender=sender)
            return NewFact(0, mobile, "opt_out", scope, at, "inbound", message_id=message), is_doubtful
        if meaning == "opt_in":
            return NewFact(0, mobile, "opt_in", Scope(event.channel), at, "inbound", message_id=message), is_doubtful
        return None, is_doubtful

    def list_reviews(self) -> list[Waiting]:
        return [waiting for waiting in self.reviews.values() if not waiting.settled]

    def settle_review(self, place: int, settled_as: str, given: int | None, now: int) -> None:
        """A person looks at one of those that wait. ``given``: whose message it is, as that person knows it."""
        waiting = self.list_reviews()[place]
        wrong = [] if given in (None, waiting.mobile) else ["mobile"]
        if waiting.mobile is None:
            needs_number = settled_as == "opt_out"
            wrong = ["as"] if settled_as in ("opt_in", "retract") else ["mobile"] * (needs_number is (given is None))
        if wrong:
            raise Refused("VALIDATION_FAILED", wrong)
        waiting.mobile = given or waiting.mobile
        if settled_as != "dismiss":
            given = self.read_settlement(waiting, settled_as)
            if not given:
                raise Refused("VALIDATION_FAILED", ["as"])
            # What a person takes for an opt-out without a time is one from now on.
            is_new = settled_as == "opt_out" and waiting.said_at is None
            _, _, there = self.record(given, now, None if is_new else replace(waiting.arrival, again=True))
            self.journal.append(("settle_review", None, there))
        waiting.settled = True

    def read_settlement(self, waiting: Waiting, settled_as: str) -> list[NewFact]:
        """What the person's message means now, from when they sent it; or that it was not what it was taken for."""
        mobile, at = waiting.mobile, waiting.said_at
        if mobile is None:
            return []
        if settled_as == "opt_out":
            scope = stop_scope(self.settings.stop_scope, channel=waiting.channel, sender=waiting.sender)
            return [NewFact(0, mobile, "opt_out", scope, at, "inbound")]
        if settled_as == "opt_in":
            return [NewFact(0, mobile, "opt_in", Scope(waiting.channel), at, "inbound")]
        return [
            NewFact(
                0, mobile, "retraction", fact.scope, fact.at, "console", fact.keyword, fact.group_id, retracts=fact.id
            )
            for fact in self.ledger.history(mobile)
            if fact.message_digest == waiting.known_by
        ]

    # ---- erasure --------------------------------------------------------------------------------------

    def erase(self, mobile: int, now: int) -> dict[str, int]:
        """How much of each kind was removed."""
        self.erased.append(mobile)
        number = self.by_mobile(mobile)
        memberships = sum(number in group.members for group in self.groups.values())
        if number is not None:
            self.remove(number)
            self.forgotten.add(number)
        mine = [key for key, waiting in self.reviews.items() if waiting.mobile == mobile]
        for key in mine:
            del self.reviews[key]
        held = [frozen for frozen in self.frozen if mobile in frozen.mobiles and mobile not in frozen.erased]
        for frozen in held:
            frozen.erased.add(mobile)
        self.journal.append(("erase_number", None, []))
        return {
            "contacts": int(number is not None),
            "memberships": memberships,
            "evidence": self.ledger.forget(mobile, now) + self.removals.pop(mobile, 0),
            "reviews": len(mine),
            "refused_requests": 0,
            "whatsapp_users": 0,
            "audience_numbers": len(held),
            "import_rows": 0,
            "import_files": 0,
            "kept_answers": 0,
            "carts": 0,
            "announced_records": 0,
            "external_links": 0,
            "messages": 0,
            "replies": 0,
            "events": 0,
            "exports": 0,
        }

    def clear_journal(self) -> None:
        """Nothing names an erased number after this."""
        self.journal = [
            (action, group, [number for number in ids if number not in self.forgotten])
            for action, group, ids in self.journal
        ]

    # ---- questions ------------------------------------------------------------------------------------

    def judge(
        self, mobile: int, question: Question, *, now: int = 0, at: int | None = None, known_at: int | None = None
    ) -> tuple[bool, str]:
        """Whether a number may be messaged, and the reason's code."""
        return rule.may_message(
            self.ledger.of(mobile, now=now, at=at, known_at=known_at),
            question.channel,
            sender=None if question.sender == ANY else question.sender,
            purpose=None if question.purpose == ANY else question.purpose,
            keyword=question.keyword or None,
            require_opt_in=self.settings.require_opt_in,
        )

    def find_audience(self, definition: Definition) -> tuple[list[tuple[int, int]], dict[str, int]]:
        """Number and id of everyone whom it reaches, by id; and how many were left out, by reason."""
        wrong = {"group"} if any(self.find_group(name) is None for name in definition.groups) else set()
        wrong |= {"not"} if any(self.find_group(name) is None for name in definition.without) else set()
        if not definition.everyone and not definition.groups:
            wrong.add("group")
        if wrong:
            raise Refused("VALIDATION_FAILED", wrong)
        wanted = [self.groups[self.named_group(name)].members for name in definition.groups]
        meant = set(self.contacts)
        if not definition.everyone:
            meant = set.union(*wanted) if definition.match == "any" else set.intersection(*wanted)
        unwanted = set().union(*(self.groups[self.named_group(name)].members for name in definition.without))
        reached: list[tuple[int, int]] = []
        excluded = Counter({"in_not_group": len(meant & unwanted)})
        for number in sorted(meant - unwanted):
            mobile = int(self.contacts[number]["mobile"])
            allowed, code = self.judge(mobile, definition.question)
            if allowed:
                reached.append((mobile, number))
            else:
                excluded[code] += 1
        return reached, dict(+excluded)

    def freeze_audience(self, definition: Definition) -> tuple[int, str]:
        """How many it found, and their digest."""
        reached, _ = self.find_audience(definition)
        self.frozen.append(Frozen(definition, sorted(mobile for mobile, _ in reached)))
        self.journal.append(("freeze_audience", None, []))
        return len(reached), self.frozen[-1].digest

    def show_frozen(self, frozen: Frozen) -> tuple[list[int], list[int], int]:
        """Those who may be messaged still, those who were frozen, and how many of them were erased."""
        there = [mobile for mobile in frozen.mobiles if mobile not in frozen.erased]
        allowed = [mobile for mobile in there if self.judge(mobile, frozen.definition.question)[0]]
        return allowed, there, len(frozen.erased)


# ---- reading ------------------------------------------------------------------------------------------


def known_by(event: Event, arrival: Arrival) -> str:
    """What a repeated event has in common with the first: what it says, and its id or else when it was said or came."""
    said = event.text if isinstance(event, InboundMessage) else ""
    when = f"came as {arrival.place}" if event.at is None else f"at {event.at}"
    return f"{event.number}:{event.message_id or when}:{said}"


def what_waits(event: Event, mobile: int | None, arrival: Arrival) -> Waiting:
    at = arrival.clock if event.at is None else min(event.at, arrival.clock)
    known = known_by(event, arrival)
    if isinstance(event, InboundSignal):
        return Waiting(mobile, at, event.scope.channel, event.scope.sender, "", known, arrival, event.at)
    sender = event.sender.strip() or ANY
    if isinstance(event, InboundSubscription):
        return Waiting(mobile, at, "premium_sms", sender, "", known, arrival, event.at)
    return Waiting(mobile, at, event.channel, sender, event.text, known, arrival, event.at)


def read_item(index: int, item: Given, common: Mapping[str, Any], kind: FactKind, now: int) -> NewFact | list[str]:
    """The fact that an item is, or what is wrong with it. A number alone says what is said for all."""
    members = {**common, **item} if isinstance(item, dict) else common
    written = item.get("mobile") if isinstance(item, dict) else item
    mobile = SPELLINGS.get(written) if isinstance(written, str | int) else None
    values, wrong = read_members(members, kind, now)
    wrong += ["mobile"] * (mobile is None)
    return wrong or NewFact(index, mobile or 0, kind, **values)


def read_members(given: Mapping[str, Any], kind: FactKind, now: int) -> tuple[dict[str, Any], list[str]]:
    """What a fact says in addition to its number, and the names of what is wrong with it."""
    channel, purpose = CHANNEL_WORDS.get(given.get("channel")), PURPOSE_WORDS.get(given.get("purpose"))
    sender = str(given.get("sender") or "").strip() or ANY
    source = given.get("source") or ("api" if kind == "opt_out" else None)
    evidence = given.get("evidence") or {}
    at = read_moment(given.get("at"))
    is_wrong = {
        "channel": channel is None,
        "purpose": purpose is None,
        "source": source not in GIVEN_SOURCES,
        "at": at is not None and at > now + AHEAD_MICROSECONDS,
        "override": bool(given.get("override")) and (kind == "opt_out" or not evidence),
    }
    override = bool(given.get("override"))
    if kind == "opt_in" and source not in rule.BULK:
        # A key writes down what a person said, and is not the person. The evidence decides.
        source = source if source in rule.WRITTEN_DOWN else "api"
        override = len("".join(evidence.values())) >= 10
    values = {"scope": Scope(channel or ANY, sender, purpose or ANY), "at": at, "source": source, "override": override}
    return values, [name for name, wrong in is_wrong.items() if wrong]


def read_moment(written: str | None) -> int | None:
    """A time in microseconds; ``None`` when none is given."""
    if written is None:
        return None
    return (datetime.fromisoformat(written) - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
