"""What is asked of a book after every call about consent, and what the model says to the same questions.

Each step asks some of the questions, about every number. This module must not know what was called before.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import msgspec

from daftari.model.consent import ANY, CHANNELS, PURPOSES, Scope
from daftari.model.projects import Project
from daftari.rules.audiences import Definition
from daftari.rules.consent import questions
from daftari.rules.consent.decisions import Question
from daftari.rules.contacts import contacts, groups
from daftari.rules.inbound import review as reviews
from daftari.rules.numbers import Reference
from daftari.store import Tx
from tests.oracles import consent
from tests.oracles.book import SUBSCRIBERS
from tests.oracles.facts import FactBook, read_moment
from tests.support import consent_calls
from tests.support.calls import NOW, REGION
from tests.support.machine import STEP_MICROSECONDS, result_of_group

FEW = SUBSCRIBERS[10:14]
"""So few that they meet again and again."""
PEOPLE = [int(f"254{number}") for number in FEW]
UNKNOWN = 254_711_000_000
SHOWN_FROZEN = 2
"""Frozen audiences that are looked at after each call: the last ones."""
QUESTIONS = [
    Question(channel, sender, purpose, keyword)
    for channel, sender, purpose in product(CHANNELS, (ANY, "shop", "20880", "Duka"), (ANY, *PURPOSES))
    for keyword in (("", "news") if channel == "premium_sms" else ("",))
]
ASKED_A_STEP = 3


def definitions(model: FactBook, asked: Question) -> list[Definition]:
    """Every kind of audience that the groups there are allow."""
    names = tuple(name for name, _, _ in model.list_groups())
    found = [Definition(asked, everyone=True)]
    if names:
        one, other = names[0], names[-1]
        found += [
            Definition(asked, groups=names),
            Definition(asked, groups=(one,)),
            Definition(asked, groups=names, match="all"),
            Definition(asked, groups=(other,), without=(one,)),
            Definition(asked, everyone=True, without=(other,)),
        ]
    return found


class Look:
    """Everything that is asked after a call, of the book and of the model; each step asks some of the questions."""

    def __init__(self, model: FactBook, step: int, now: int) -> None:
        self.model = model
        self.now = now
        self.asked = [QUESTIONS[(step * 7 + place * 5) % len(QUESTIONS)] for place in range(ASKED_A_STEP)]
        times = sorted(fact.at for known in model.ledger.facts.values() for fact in known) or [NOW]
        self.at = times[step % len(times)]
        self.known_at = NOW + (step % 30) * STEP_MICROSECONDS
        self.times: list[dict[str, int]] = [{}, {"at": self.at}, {"known_at": self.known_at}]
        self.definitions = [
            possible[(step + place) % len(possible)]
            for place, question in enumerate(self.asked)
            if (possible := definitions(model, question))
        ]
        self.mobile = [*PEOPLE, UNKNOWN][step % (len(PEOPLE) + 1)]
        self.groups = [name for name, _, _ in model.list_groups()]
        self.frozen = list(enumerate(model.frozen))[-SHOWN_FROZEN:]

    def shown(self, tx: Tx, project: Project) -> dict[str, Any]:
        """What the book says, in one snapshot."""
        people = [*PEOPLE, UNKNOWN]
        answers = [
            consent_calls.may_message(tx, project, question, people, **times)
            for question, times in zip(self.asked, self.times, strict=True)
        ]
        reached = [consent_calls.find_audience(tx, project, definition) for definition in self.definitions]
        listed = {name: ids_on(tx, name, suppressed=False) for name in (None, *self.groups)}
        return {
            "allowed": [[result_of_answer(answer) for answer in answers_of] for answers_of in answers],
            "audiences": [(found, counted.count, counted.excluded) for found, counted in reached],
            "lists": listed,
            "book": ids_on(tx, None, suppressed=True),
            "groups": [result_of_group(group) for group in groups.list_groups(tx, after=0, limit=1_000)],
            "states": states_on(tx, self.model),
            "number": shown_number(tx, self.mobile),
            "frozen": [self.show_frozen(tx, project, place) for place, _ in self.frozen],
            "reviews": reviews_on(tx),
        }

    def expected(self) -> dict[str, Any]:
        """What the model says."""
        model, people = self.model, [*PEOPLE, UNKNOWN]
        reached = [model.find_audience(definition) for definition in self.definitions]
        states = {number: state_of(model, int(contact["mobile"])) for number, contact in sorted(model.contacts.items())}
        return {
            "allowed": [
                [(str(mobile), *model.judge(mobile, question, now=self.now, **times)) for mobile in people]
                for question, times in zip(self.asked, self.times, strict=True)
            ],
            "audiences": [(found, len(found), excluded) for found, excluded in reached],
            "lists": {name: ids_by_model(model, name, suppressed=False) for name in (None, *self.groups)},
            "book": ids_by_model(model, None, suppressed=True),
            "groups": model.list_groups(),
            "states": states,
            "number": (
                model.ledger.is_suppressed(self.mobile),
                sorted((fact.at, fact.id, fact.recorded_at, fact.kind) for fact in model.ledger.history(self.mobile)),
            ),
            "frozen": [model.show_frozen(frozen) for _, frozen in self.frozen],
            "reviews": [waiting.shown for waiting in model.list_reviews()],
        }

    def show_frozen(self, tx: Tx, project: Project, place: int) -> tuple[list[int], list[int], int]:
        audience_id = frozen_ids(tx)[place]
        frozen, there = consent_calls.list_audience(tx, project, audience_id, as_frozen=True)
        _, allowed = consent_calls.list_audience(tx, project, audience_id, as_frozen=False)
        return allowed, there, frozen.erased


# ---- answers, made plain ----------------------------------------------------------------------------


def result_of_answer(answer: dict[str, Any]) -> tuple[str, bool, str]:
    return answer["mobile"], answer["allowed"], answer["reasons"][0]["code"]


def ids_on(tx: Tx, group: str | None, *, suppressed: bool) -> tuple[int, list[int]]:
    """A list's total and whose contacts are on it."""
    shown = contacts.list_contacts(tx, group=group, page=1, per_page=1_000, include=frozenset(), suppressed=suppressed)
    return shown.total, [contact["id"] for contact in msgspec.json.decode(b"[" + shown.cards + b"]")]


def ids_by_model(model: FactBook, group: str | None, *, suppressed: bool) -> tuple[int, list[int]]:
    shown = model.list_contacts(group, 1, 1_000, frozenset(), suppressed)
    return shown["total"], [contact["id"] for contact in shown["contacts"]]


State = tuple[bool, set[consent.Cell], set[consent.Cell], list[str], set[tuple[str, str]]]
"""Suppressed; what is blocked and opted in to, cell by cell; groups that were left; services that are active."""


def states_on(tx: Tx, model: FactBook) -> dict[int, State]:
    """What contacts show with ``include=consent``, which comes from the states that are kept."""
    shown = contacts.list_contacts(
        tx, group=None, page=1, per_page=1_000, include=frozenset({"consent"}), suppressed=True
    )
    states: dict[int, State] = {}
    for contact in msgspec.json.decode(b"[" + shown.cards + b"]"):
        shown_consent = contact["consent"]
        by_sender = {entry["sender"]: entry for entry in shown_consent["senders"]}
        entries = {
            sender: by_sender.get(sender, shown_consent)
            for sender in consent.named_senders(model.ledger.of(int(contact["mobile"])))
        }
        blocked, opted_in = (
            {
                cell
                for sender, entry in entries.items()
                for cell in consent.cells_of([sender])
                if any(
                    consent.covers_cell(Scope(one["channel"] or ANY, ANY, one["purpose"] or ANY), cell)
                    for one in entry[name]
                )
            }
            for name in ("blocked", "opted_in")
        )
        services = {(service["sender"], service["keyword"]) for service in shown_consent["subscriptions"]}
        states[contact["id"]] = (shown_consent["suppressed"], blocked, opted_in, shown_consent["left_groups"], services)
    return states


def state_of(model: FactBook, mobile: int) -> State:
    facts = model.ledger.of(mobile)
    senders = consent.named_senders(facts)
    opt_ins = [fact for fact in facts if fact.kind == "opt_in"]
    opted_in = {
        cell for cell in consent.cells_of(senders) if any(consent.covers_cell(fact.scope, cell) for fact in opt_ins)
    }
    left = [name for _, name in sorted(consent.left_groups(facts), key=str)]
    blocked = consent.blocked_cells(facts, senders)
    return model.ledger.is_suppressed(mobile), blocked, opted_in, left, consent.subscriptions(facts)


def shown_number(tx: Tx, mobile: int) -> tuple[bool, list[tuple[int, int, int, str]]]:
    """What is shown of a number, whether it is a contact or not: suppressed, and the history in order of time."""
    found = msgspec.to_builtins(questions.show_consent(tx, reference=Reference(f"+{mobile}", REGION)))
    history = [
        (microseconds(fact["at"]), fact["id"], microseconds(fact["recorded_at"]), fact["kind"])
        for fact in found["facts"]
    ]
    return found["suppressed"], history


def microseconds(written: str) -> int:
    at = read_moment(written)
    assert at is not None
    return at


def reviews_on(tx: Tx) -> list[tuple[int | None, int, str, str, str]]:
    return [
        (review.mobile, review.at, review.channel, review.sender, review.text)
        for review in reviews.list_reviews(tx, after=0, limit=1_000)
    ]


def frozen_ids(tx: Tx) -> list[int]:
    return [int(str(row[0])) for row in tx.all("list_audience_ids")]
