"""An undo of an import retracts exactly its facts: every other fact holds as if it had stood alone, in any order."""

from __future__ import annotations

import random
from collections.abc import Sequence

from daftari.model.consent import Fact, NewFact, Scope
from daftari.model.inbound import InboundMessage
from daftari.model.projects import Project
from daftari.rules.consent import ledger
from daftari.rules.consent.decisions import Question, is_blocked
from daftari.rules.consent.state import State, derive_state
from daftari.store import Store, Tx, consent
from tests.oracles import consent as model
from tests.support import calls, consent_calls
from tests.support.calls import ACTOR, broken_in
from tests.support.stores import NOW

ORDERS = 1_000
MINUTE = 60_000_000
ACTS = ("opt-out", "STOP", "START", "import", "undo")
FIRST = 254_722_000_000
KINDS = ("opt_outs", "opt_ins")


class Play:
    """Random orders of what happens to so many numbers, one act of each number a step."""

    def __init__(self, store: Store, project: Project, dice: random.Random) -> None:
        self.store, self.project, self.dice = store, project, dice
        self.orders = {FIRST + place: dice.sample(ACTS, len(ACTS)) for place in range(ORDERS)}
        self.kinds = {mobile: dice.choice(KINDS) for mobile in self.orders}
        self.imports: dict[int, list[int]] = {}
        """By the step at which they are undone."""

    def step(self, step: int, now: int) -> None:
        doing: dict[str, list[int]] = {act: [] for act in ACTS}
        for mobile, order in self.orders.items():
            doing[order[step]].append(mobile)
        given = [
            NewFact(0, mobile, "opt_out", Scope(), self.time(now), "api", single=True) for mobile in doing["opt-out"]
        ]
        self.store.write(self.project, ACTOR, now, ledger.record_facts, facts=given)
        said = [(mobile, word) for word in ("STOP", "START") for mobile in doing[word]]
        for first in range(0, len(said), 100):
            events = [
                InboundMessage(f"+{mobile}", "sms", "20880", word, f"{word} {mobile}", self.time(now))
                for mobile, word in said[first : first + 100]
            ]
            consent_calls.receive_events(self.store, self.project, events, now=now)
        for kind in KINDS:
            self.bring(kind, step, [mobile for mobile in doing["import"] if self.kinds[mobile] == kind], now)
        for number in self.imports.get(step, ()):
            consent_calls.undo_list(self.store, self.project, number, now=now)

    def bring(self, kind: str, step: int, mobiles: Sequence[int], now: int) -> None:
        """A file for each later step: its numbers are undone together. Who is undone before is never."""
        by_undo: dict[int, list[int]] = {}
        for mobile in mobiles:
            by_undo.setdefault(self.orders[mobile].index("undo"), []).append(mobile)
        common = {"override": True, "evidence": "signatures"} if kind == "opt_ins" else {}
        for undone_at, some in by_undo.items():
            rows = [(f"+{mobile}", "") for mobile in some]
            number = consent_calls.begin_list(self.store, self.project, rows, kind=kind, common=common, now=now)
            consent_calls.apply_list(self.store, self.project, number, now=now)
            if undone_at > step:
                self.imports.setdefault(undone_at, []).append(number)

    def time(self, now: int) -> int | None:
        return self.dice.choice([None, now, now - 3 * MINUTE])

    def read(self, tx: Tx) -> dict[int, tuple[list[Fact], State]]:
        """What is known of each number, and the state that is kept."""
        mobiles = sorted(self.orders)
        facts = consent.find_facts(tx, mobiles=mobiles)
        states = ledger.find_states(tx, mobiles=mobiles)
        return {mobile: (facts[mobile], states[mobile]) for mobile in mobiles}


def test_in_a_thousand_orders_the_state_is_that_of_the_facts_that_are_not_retracted(store: Store) -> None:
    project = calls.create_project(store)
    dice = random.Random(1729)
    play = Play(store, project, dice)
    calls.create_contacts(store, project, [{"mobile": f"+{mobile}"} for mobile in play.orders], group="All")
    for step in range(len(ACTS)):
        # The clock is set back and forth.
        play.step(step, NOW + step * 10 * MINUTE + dice.randint(-30, 30) * MINUTE)
    known = store.read(project, NOW, play.read)
    retractions = 0
    for mobile, (facts, state) in known.items():
        order = play.orders[mobile]
        retracted = {fact.retracts for fact in facts if fact.kind == "retraction"}
        retractions += len(retracted)
        if order.index("undo") > order.index("import"):
            assert retracted == {fact.id for fact in facts if fact.from_file}, order
        standing = [fact for fact in facts if fact.kind != "retraction" and fact.id not in retracted]
        assert len(standing) >= 3
        assert state == derive_state(standing), order
        cells = model.blocked_cells(standing, ["20880", model.UNNAMED])
        assert cells == {
            cell
            for cell in model.cells_of(["20880", model.UNNAMED])
            if is_blocked(state, Question(cell.channel, cell.sender, cell.purpose))
        }, order
        assert state.is_suppressed == model.is_suppressed(standing)
    assert retractions > ORDERS / 4
    assert broken_in(store, project) == []
