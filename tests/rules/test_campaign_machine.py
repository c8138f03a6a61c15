"""Random lives of campaigns: whatever people and providers do, the counts are those of the log, and it is everyone's.

Campaigns and single messages share a sender, while people opt out and in, leave groups, and are deleted and erased; the
provider answers anything, or takes messages of which no answer is recorded, and reports in any order. After each step
every message is where it may be, and none was claimed that the plain book forbids.
"""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from daftari.gateways import Outcome
from daftari.model.consent import NewFact, Scope
from daftari.model.inbound import DeliveryReport
from daftari.model.messages import StoredMessage
from daftari.model.projects import ConsentSettings
from daftari.model.time import format_time
from daftari.rules.campaigns.views import CampaignView
from daftari.rules.feed import read_changes
from daftari.rules.messages import campaigns as claims
from daftari.rules.messages import lookups
from daftari.store import Store
from tests.oracles.sending import ENDS, NEXT, RANKS, SETTLED, Bucket, is_closed
from tests.support import calls
from tests.support.campaign_lives import TEXTS, CampaignLives, Life
from tests.support.message_steps import HOUR, MINUTE, SECOND
from tests.support.messaged_people import consents, people, senders

RUNS = {"sqlite": settings().max_examples // 2, "postgres": settings().max_examples // 6}
"""The rules are the same on both engines, and PostgreSQL takes longer."""
DAY = 24 * HOUR
WORDS = ("accepted", "accepted", "again", "slow", "stop", "refused", "dead", "unknown", "opt_out", None)
DENIALS = {"": Scope("sms"), "EC 1": Scope("sms"), "EC 603": Scope("sms", "DUKA")}
"""What codes mean that say that a number takes no more."""
ROUNDS_MAX = 1_000

words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4)
waits = st.sampled_from([-10 * MINUTE, SECOND, MINUTE, HOUR // 2, 2 * HOUR, 9 * HOUR, 73 * HOUR])


class Lives(CampaignLives):
    """What is sent, by campaigns and single messages, and how it is judged."""

    def __init__(self, store: Store, turns: count[int]) -> None:
        super().__init__(store, turns)
        self.rows: dict[int, StoredMessage] = {}
        self.numbers: dict[int, int] = {}
        """Whom each message is to, also once the number is erased."""
        self.open: list[StoredMessage] = []
        self.stale: list[tuple[int, StoredMessage]] = []
        self.taken: list[tuple[int, int]] = []
        """The attempts that the provider took, in order."""
        self.recorded: set[tuple[int, int]] = set()
        self.early: list[tuple[tuple[int, int], DeliveryReport]] = []
        self.claimed_at: list[int] = []
        self.slow_until = 0
        self.said: Counter[tuple[str, int, int]] = Counter()
        """What the feed says: a type, a campaign and a message, and how often."""

    @initialize(
        consent=consents,
        sender=senders,
        knows_ids=st.booleans(),
        some=st.lists(people, min_size=5),
        text=st.sampled_from(TEXTS),
        answers=words,
    )
    def begin(
        self,
        consent: ConsentSettings,
        sender: dict[str, Any],
        knows_ids: bool,
        some: list[int],
        text: str,
        answers: list[Any],
    ) -> None:
        self.begin_book(consent, sender, knows_ids=knows_ids)
        self.bucket = Bucket(sender["parts_per_second"], self.now - SECOND)
        self.create(some, "Coast", None)
        self.begin_campaigns(text)
        self.everything_adds_up()
        self.work(answers, False, True)

    # ---- single messages ------------------------------------------------------------------------------

    @rule(
        some=st.lists(people, min_size=1, max_size=3),
        text=st.sampled_from(TEXTS),
        key=st.none() | st.just("cart"),
        later=st.sampled_from([0, 0, MINUTE, 2 * HOUR]),
        lasts=st.sampled_from([0, 0, HOUR]),
    )
    def send(self, some: list[int], text: str, key: str | None, later: int, lasts: int) -> None:
        self.step = "create"
        at, until = self.now + later, self.now + later + lasts if lasts else None
        common = {"text": text, "at": format_time(at), "until": until and format_time(until)}
        taken = {row.subject_id for row in self.rows.values() if row.key == "cart"}
        items = [{"mobile": f"+{mobile}", "key": key} for mobile in some]
        outcomes = self.sending.create(items, sender=self.book.names[0], **common)
        for mobile, outcome in zip(some, outcomes, strict=True):
            assert outcome.outcome == ("duplicate" if key and mobile in taken else "waiting")
            taken.add(mobile)
            if outcome.id:
                self.numbers[outcome.id] = mobile

    # ---- the worker -----------------------------------------------------------------------------------

    @rule(length=waits)
    def wait(self, length: int) -> None:
        """The clock may be set back too."""
        self.sending.wait(length)

    @rule(seconds=st.sampled_from([1, 1, 1, 5]))
    def claim(self, seconds: int) -> None:
        self.step = "claim"
        self.sending.wait(seconds * SECOND)
        is_paused = bool(self.sending.sender().paused)
        claim = self.sending.claim()
        assert claim is not None
        changed = [(self.rows.get(row.id), row) for row in self.sending.messages() if self.rows.get(row.id) != row]
        for before, after in changed:
            self.judge(before, after, is_paused=is_paused)
        sent = [after for _, after in changed if after.state == "sending"]
        assert {row.id for row in sent} == {row.id for row in claim.messages}
        assert not sent or self.now >= self.slow_until
        for row in sent:
            if row.origin_id:
                self.life_of(row).parts += row.parts
        if not is_paused:
            self.judge_speed(sent)
        self.judge_caps(sent, [after for _, after in changed if after.reason == "too_often"])
        self.open += sent
        if not is_paused:
            self.judge_lateness()

    def judge(self, before: StoredMessage | None, after: StoredMessage, *, is_paused: bool) -> None:
        """Whether one message may be what it has become."""
        life = self.life_of(after) if after.origin_id else None
        if before is None:
            assert life is not None
            self.judge_new(life, after)
        elif life is not None and after.attempt > before.attempt:
            self.judge_retry(life, before)
        if life is not None:
            assert life.state == ("cancelled" if after.state == "cancelled" else "running")
        assert not is_paused or after.state == "cancelled"
        if after.subject_id < 0:
            assert (after.state, after.reason) in (("skipped", "erased"), ("cancelled", ""), ("expired", "too_late"))
            return
        until = life.until if life else after.until
        is_over = bool(until) and until <= self.now
        whys = self.refusals(after, life, was_claimed=before is not None and before.claimed_at > 0)
        closed = self.is_closed()
        match after.state:
            case "sending":
                assert not whys and not is_over and not closed
                assert before is None or before.state != "waiting" or before.due_at <= self.now
            case "skipped":
                assert not is_over and (after.reason in whys or after.reason == "too_often")
            case "expired":
                assert is_over and after.reason == "too_late"
            case "waiting":
                assert closed or (before is not None and after.attempt > before.attempt)

    def judge_new(self, life: Life, after: StoredMessage) -> None:
        if after.subject_id > 0:
            assert after.subject_id in life.audience - life.erased
            mine = {self.numbers.get(row.id) for row in self.rows.values() if row.origin_id == life.id}
            assert after.subject_id not in mine
            self.numbers[after.id] = after.subject_id

    def judge_retry(self, life: Life, before: StoredMessage) -> None:
        """A new attempt was asked for, and those who may have the message only with ``may_repeat``."""
        states, repeats, asked_at = life.retry
        assert before.state in states and before.subject_id > 0
        was_taken = (before.id, before.attempt) in self.taken
        assert repeats or not was_taken
        if before.reason == "report":
            assert self.now >= max(before.until, before.claimed_at + 72 * HOUR)
        assert max(before.settled_at, before.claimed_at) <= asked_at

    def refusals(self, row: StoredMessage, life: Life | None, *, was_claimed: bool) -> set[str]:
        """Everything that speaks against a message now, but for caps."""
        mobile = row.subject_id
        whys = self.book.refusals(mobile, self.purpose)
        if life is not None:
            whys |= self.book.strays(mobile, life.wanted, life.unwanted, life.whom.match)
        needs_name = life.text == TEXTS[2] if life else TEXTS[2] in row.text
        if needs_name and self.book.lacks_name(mobile) and (life is not None or not was_claimed):
            whys.add("no_field")
        return whys

    def is_closed(self) -> bool:
        own = is_closed(self.now, self.sender["hours"])
        return own or (self.purpose == "marketing" and is_closed(self.now, self.consent.quiet_hours or "off"))

    def judge_speed(self, sent: list[StoredMessage]) -> None:
        # Parts of a text are known once it is rendered, so that the last one may have more than are left.
        assert self.bucket.take(len(sent), self.now)
        self.bucket.level -= sum(row.parts - 1 for row in sent)
        self.claimed_at += [self.now] * len(sent)
        today = [at for at in self.claimed_at if at > self.now - DAY]
        assert not sent or not self.sender["daily_max"] or len(today) <= self.sender["daily_max"]

    def judge_caps(self, sent: list[StoredMessage], refused: list[StoredMessage]) -> None:
        cap = self.consent.caps.get(self.purpose)
        if cap is None:
            assert not refused
            return
        had = Counter(
            row.subject_id
            for row in self.sending.messages()
            if row.claimed_at >= self.now - cap.hours * HOUR
            and row.state in ("sending", "unknown", "accepted", "delivered")
        )
        assert all(had[row.subject_id] <= cap.messages for row in sent)
        assert all(had[row.subject_id] >= cap.messages for row in refused)

    def judge_lateness(self) -> None:
        """A campaign that might have sent, and was not looked at for an hour, waits for a person; no other one does."""
        for life in self.lives:
            shown = self.campaigns.show(life.id)
            if life.state == "running" and shown.state == "paused":
                assert shown.reason == "late" and self.now > max(life.active_at, self.resumed_at) + HOUR
            if life.state == "running":
                life.active_at = self.now
                life.state = shown.state

    @precondition(lambda self: self.open)
    @rule(
        word=st.sampled_from(WORDS),
        most=st.integers(1, 4),
        seconds=st.sampled_from([None, 30, 7_200]),
        lost=st.booleans(),
    )
    def answer(self, word: Any, most: int, seconds: float | None, lost: bool) -> None:
        """The provider answers for some. Of a call whose answer is unknown it took the messages, or not."""
        self.step = "answer"
        self.sending.wait(SECOND)
        answered, self.open = self.open[:most], self.open[most:]
        now = {row.id: row for row in self.sending.messages()}
        codes = {"dead": "EC 1", "opt_out": "EC 603"} if self.knows_ids else {}
        code = codes.get(word, "")
        assert self.sending.answer([now[row.id] for row in answered], word, code=code, retry_after=seconds)
        sending = [row.id for row in answered if now[row.id].state == "sending"]
        if word in ("dead", "opt_out"):
            self.deny([now[row.id].subject_id for row in answered], code)
        if word == "slow":
            self.slow_until = max(self.slow_until, self.now + int((seconds or 5) * SECOND))
        if word == "accepted" or (word == "unknown" and lost):
            for row in answered:
                self.take(row)
        if word == "accepted":
            self.recorded |= {(row.id, row.attempt) for row in answered if row.id in sending}
            self.join_early()

    @rule(words=words, dies=st.sampled_from([False, False, True]), reports=st.booleans())
    def work(self, words: list[Any], dies: bool, reports: bool) -> None:
        """A claim whose calls are answered one after the other, until the worker dies."""
        self.claim(1)
        self.everything_adds_up()
        for word in words:
            if self.open:
                self.answer(word, 3, None, True)
                self.everything_adds_up()
        if dies:
            self.take_over(2)
            self.everything_adds_up()
        if reports and self.taken:
            self.report(0, "failed", self.knows_ids, None, "")
            self.everything_adds_up()

    def take(self, row: StoredMessage) -> None:
        """The provider takes an attempt; one that it took before only if it knows our ids, and then not again."""
        attempt = (row.id, row.attempt)
        assert attempt not in self.taken or self.knows_ids
        if attempt not in self.taken:
            self.taken.append(attempt)

    def deny(self, mobiles: list[int], code: str) -> None:
        facts = [
            NewFact(index, mobile, "opt_out", DENIALS[code], None, "provider")
            for index, mobile in enumerate(mobiles)
            if mobile > 0
        ]
        self.book.record(facts, self.now)

    @rule(most=st.integers(0, 3))
    def take_over(self, most: int) -> None:
        """The worker dies after so many calls without recording their answers; what it records later counts no more."""
        self.step = "take over"
        for row in self.open[:most]:
            self.take(row)
        self.stale += [(self.sending.fence, row) for row in self.open]
        self.open = []
        self.sending.fence = self.sending.take_over()
        self.bucket.level, self.bucket.at = 0.0, self.now

    @precondition(lambda self: self.stale)
    @rule(word=st.sampled_from(WORDS))
    def answer_too_late(self, word: Any) -> None:
        fence, row = self.stale.pop()
        now = {row.id: row for row in self.sending.messages()}
        assert not self.sending.answer([now[row.id]], word, fence=fence)
        assert self.sending.claim(fence=fence) is None

    # ---- reports --------------------------------------------------------------------------------------

    @precondition(lambda self: self.taken)
    @rule(
        place=st.integers(0, 50),
        state=st.sampled_from(["delivered", "delivered", "accepted", "failed", "expired"]),
        names_ours=st.booleans(),
        part=st.sampled_from([None, None, 1, 2]),
        code=st.sampled_from(["", "", "EC 1", "EC 603"]),
    )
    def report(self, place: int, state: Any, names_ours: bool, part: int | None, code: str) -> None:
        """Early, twice, backwards, or of an attempt long ago."""
        self.step = "report"
        attempt = self.taken[-1 - place % len(self.taken)]
        own = f"{self.sending.project.id}-{attempt[0]}-{attempt[1]}" if names_ours else ""
        code = code if self.knows_ids and state == "failed" else ""
        report = DeliveryReport(
            provider_id="" if names_ours else f"p{attempt[0]}-{attempt[1]}",
            own_id=own,
            state=state,
            code=code,
            part=part,
        )
        self.sending.report(report)
        if names_ours or attempt in self.recorded:
            self.note(attempt, report)
        else:
            self.early.append((attempt, report))

    @precondition(lambda self: self.knows_ids)
    @rule()
    def look_up(self) -> None:
        """The provider lists what it took, among it what an answer was lost of."""
        self.step = "report"
        found = self.store.read(self.sending.project, self.now, lookups.find_lookups, sender_id=self.sending.sender_id)
        looked_up = []
        for one in found.found if found is not None else ():
            row = next(row for row in self.rows.values() if one.sent.id.endswith(f"-{row.id}-{row.attempt}"))
            attempt = (row.id, row.attempt)
            name = f"p{row.id}-{row.attempt}"
            outcome = Outcome(message=one.sent, word="accepted", provider_id=name) if attempt in self.taken else None
            looked_up.append(lookups.LookedUp(one.sent, outcome))
            self.recorded |= {attempt} if outcome else set()
        self.sending.write(lookups.record_lookups, sender_id=self.sending.sender_id, looked_up=looked_up)
        self.join_early()

    def join_early(self) -> None:
        known, self.early = self.early, []
        for attempt, report in known:
            if attempt in self.recorded:
                self.note(attempt, report)
            else:
                self.early.append((attempt, report))

    def note(self, attempt: tuple[int, int], report: DeliveryReport) -> None:
        """A report counts for the message, unless it is erased or over, or the attempt was another one."""
        row = next(row for row in self.sending.messages() if row.id == attempt[0])
        if row.subject_id < 0:
            return
        if report.code:
            self.deny([row.subject_id], report.code)
        is_whole = report.part is None or row.parts < 2
        if row.attempt == attempt[1] and is_whole and row.state in RANKS:
            assert RANKS[row.state] >= RANKS[report.state]
        assert report.state != "delivered" or not is_whole or row.state == "delivered"

    # ---- what always holds ----------------------------------------------------------------------------

    @invariant()
    def everything_adds_up(self) -> None:
        if not self.lives:
            return
        rows = {row.id: row for row in self.sending.messages()}
        assert rows.keys() >= self.rows.keys()
        for number, row in rows.items():
            before = self.rows.get(number)
            if before is not None:
                self.assert_may_follow(before, row)
            else:
                assert self.step in ("claim", "create")
            if row.state in SETTLED and (before is None or before.state != row.state):
                self.said["messages.settled", row.origin_id, number] += 1
        self.rows, self.step, self.latest = rows, "", max(self.latest, self.now)
        for life in self.lives:
            self.assert_is_whole(life)

    def assert_may_follow(self, before: StoredMessage, after: StoredMessage) -> None:
        if (before.state, before.attempt) == (after.state, after.attempt):
            return
        if self.step == "report":
            assert before.attempt == after.attempt and RANKS[after.state] > RANKS.get(before.state, 0)
            assert before.state in RANKS or after.state == "delivered"
            return
        assert after.state in NEXT[self.step][before.state], (self.step, before, after)
        if after.attempt > before.attempt:
            assert after.attempt == before.attempt + 1
            assert self.step == "claim" or self.sender["on_unknown"] == "resend"

    def assert_is_whole(self, life: Life) -> None:
        """The counts are those of the log, and the log has everyone of the audience once."""
        shown, lines = self.campaigns.assert_adds_up(life.id), self.campaigns.lines(life.id)
        assert Counter(int(line.mobile) for line in lines if line.mobile) == Counter(life.audience - life.erased)
        assert len(lines) == len(life.audience)
        assert shown.parts == life.parts
        if life.state == "running" and shown.state == "finished":
            life.state = "finished"
        assert shown.state == life.state
        self.note_turn(life, shown)
        if shown.state == "finished":
            assert not shown.states.keys() & {"waiting", "sending"}

    def note_turn(self, life: Life, shown: CampaignView) -> None:
        """What the feed is to say of a campaign: that it begins, again too, and that it ends."""
        is_over = shown.state in ("finished", "cancelled")
        if shown.audience and (not life.has_begun or (life.is_over and not is_over)):
            self.said["campaign.started", life.id, 0] += 1
        if is_over and not life.is_over:
            self.said["campaign.finished", life.id, 0] += 1
        life.has_begun, life.is_over = bool(shown.audience), is_over

    def read_feed(self) -> Counter[tuple[str, int, int]]:
        """Of each campaign and message what the feed says, and how often."""
        found: Counter[tuple[str, int, int]] = Counter()
        types, after = ("campaign.started", "campaign.finished", "messages.settled"), 0
        while True:
            page = self.store.read(self.sending.project, self.now, read_changes, after=after, limit=1_000, types=types)
            for change in page.changes:
                ids = [number for first, last in change.message_ids or [[0, 0]] for number in range(first, last + 1)]
                found.update((change.type, change.campaign or 0, number) for number in ids)
            if page.next == page.last:
                return found
            after = page.next

    # ---- the end --------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Once the provider takes everything, all campaigns end, and everyone in one state."""
        if not self.lives:
            return
        for _ in range(ROUNDS_MAX):
            if not self.has_open():
                break
            self.run_on()
        assert not self.has_open()
        for life in self.lives:
            assert all(line.state in ENDS for line in self.campaigns.lines(life.id))
        assert all(row.state in ENDS for row in self.sending.messages())
        assert self.read_feed() == self.said
        assert calls.broken_in(self.store, self.sending.project) == []

    def has_open(self) -> bool:
        waits = any(row.state in ("waiting", "sending") for row in self.rows.values())
        return waits or any(life.state in ("scheduled", "running", "paused") for life in self.lives)

    def run_on(self) -> None:
        """A round of the worker, with a person who resumes what was paused."""
        if self.sending.sender().paused:
            self.pause_or_resume(False)
        for place, life in enumerate(self.lives):
            if life.state == "paused":
                self.change(place, "cancel" if self.campaigns.show(life.id).reason == "no_group" else "resume")
                self.everything_adds_up()
        self.start_due(None)
        self.everything_adds_up()
        self.claim(1)
        self.everything_adds_up()
        if self.open:
            self.answer("accepted", len(self.open), None, False)
        else:
            self.wait(HOUR // 2)
        self.everything_adds_up()


def test_the_counts_add_up_after_every_step(store: Store, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "RETRIED_PER_STEP", 3)
    monkeypatch.setattr(claims, "ENDED_PER_STEP", 2)
    turns = count(1)

    def machine() -> Lives:
        return Lives(store, turns)

    run_state_machine_as_test(
        cast(Any, machine), settings=settings(max_examples=RUNS[engine], suppress_health_check=list(HealthCheck))
    )
