"""Questions: may these numbers be messaged, and why; and all that is known about one number.

A number that cannot be read is not allowed, with the reason, and does not fail the others. No HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from daftari.errors import ContactNotFound
from daftari.model.consent import Fact
from daftari.model.limits import CLOCK_AHEAD_SECONDS_MAX
from daftari.model.projects import ConsentSettings
from daftari.rules.consent import ledger
from daftari.rules.consent.decisions import Question, Verdict, judge
from daftari.rules.consent.quiet_hours import is_quiet
from daftari.rules.consent.state import NOTHING_KNOWN, derive_state
from daftari.rules.consent.views import (
    Judgement,
    KnownConsent,
    NumberConsent,
    Reason,
    show_history,
    show_state,
    show_verdict,
)
from daftari.rules.numbers import Reference, WrittenNumber, find_known, read_number
from daftari.store import Tx, consent, contacts


class UnreadableNumber(Struct, frozen=True):
    """What is no number, as it was written, and why it is none: the end of a sentence."""

    written: str
    why: str


class Asked(Struct, frozen=True):
    """A whole question. ``ids`` hold as texts what is no number; ``known_at`` leaves out what was recorded later."""

    question: Question
    mobiles: Sequence[WrittenNumber | UnreadableNumber]
    ids: Sequence[int | str]
    at: int | None
    known_at: int | None
    region: str


def read_mobiles(given: Sequence[object], *, region: str) -> list[WrittenNumber | UnreadableNumber]:
    """Numbers where they can be read, else what was written, and what is wrong with it."""
    read: list[WrittenNumber | UnreadableNumber] = []
    for one in given:
        try:
            read.append(read_number(one, region=region))
        except ValueError as error:
            read.append(UnreadableNumber(written(one), str(error)))
    return read


def written(given: object) -> str:
    """What was given, as a text."""
    return given if isinstance(given, str) else msgspec.json.encode(given).decode()


def may_message(tx: Tx, *, asked: Asked) -> list[Judgement]:
    """One answer a number, mobiles before ids, each in the order asked."""
    ids = [contact_id for contact_id in asked.ids if isinstance(contact_id, int)]
    numbers = {found.id: found.mobile for found in contacts.find_contact_numbers(tx, ids=ids)} if ids else {}
    readings = [mobile for mobile in asked.mobiles if isinstance(mobile, WrittenNumber)]
    in_book = find_known(tx, (reading.digits for reading in readings))
    wanted = {reading.number for reading in readings} | in_book | set(numbers.values())
    known = consent.find_facts(tx, mobiles=sorted(wanted))
    answer = _answerer(asked, tx.project.consent, now=tx.now)
    answers = []
    for mobile in asked.mobiles:
        if isinstance(mobile, UnreadableNumber):
            reason = Reason("unreadable_mobile", f"This {mobile.why}")
            answers.append(Judgement(mobile=mobile.written, allowed=False, reasons=[reason]))
            continue
        chosen, other = mobile.chosen(in_book), mobile.other(in_book)
        judgements = [answer(known.get(number, ())) for number in (chosen, other) if number is not None]
        # Where digits are two numbers, a no of either counts.
        judgement = next((one for one in judgements if not one.allowed), judgements[0])
        answers.append(replace(judgement, mobile=str(chosen)))
    for contact_id in asked.ids:
        number = numbers.get(contact_id) if isinstance(contact_id, int) else None
        if number is None:
            answers.append(replace(show_verdict(Verdict(False, "unknown_contact")), id=contact_id))
        else:
            answers.append(replace(answer(known.get(number, ())), mobile=str(number), id=contact_id))
    return answers


def _answerer(asked: Asked, settings: ConsentSettings, *, now: int) -> Callable[[Sequence[Fact]], Judgement]:
    """What answers for the facts of a number; those of which nothing is known all get the same words.

    Every fact counts, whatever its time, unless the question is about the past.
    """
    at, known_at = asked.at, asked.known_at
    is_past = at is not None and (known_at is not None or at < now - CLOCK_AHEAD_SECONDS_MAX * 1_000_000)
    is_timed = at is not None and asked.question.purpose != "transactional"
    quiet = is_timed and is_quiet(at or 0, hours=settings.quiet_hours, region=asked.region)

    def answer(facts: Sequence[Fact]) -> Judgement:
        counted = [
            fact
            for fact in facts
            if (not is_past or at is None or fact.at <= at) and (known_at is None or fact.recorded_at <= known_at)
        ]
        verdict = judge(counted, asked.question, require_opt_in=settings.require_opt_in)
        return show_verdict(Verdict(False, "quiet_hours") if verdict.allowed and quiet else verdict)

    unknown = answer(())
    return lambda facts: answer(facts) if facts else unknown


def find_mobile(tx: Tx, *, reference: Reference) -> tuple[int, int | None]:
    """The number that a path names, and the id of its contact if it has one. Raises ``ContactNotFound``."""
    by_id = contacts.get_contact(tx, contact_id=reference.id) if reference.id is not None else None
    if by_id is not None:
        return by_id.mobile, by_id.id
    mobile = reference.find_mobile(tx)
    if mobile is None:
        raise ContactNotFound
    found = contacts.get_contact_by_mobile(tx, mobile=mobile)
    return mobile, None if found is None else found.id


def show_consent(tx: Tx, *, reference: Reference) -> NumberConsent:
    """The state of a number and everything that it follows from, for a number that is no contact too."""
    mobile, contact_id = find_mobile(tx, reference=reference)
    known = show_known(tx, mobile=mobile)
    return NumberConsent(mobile=str(mobile), contact_id=contact_id, **asdict(known))


def show_known(tx: Tx, *, mobile: int) -> KnownConsent:
    """The state of a number, and its facts in the order in which they happened."""
    facts = consent.find_facts(tx, mobiles=[mobile]).get(mobile, [])
    state = derive_state(facts) if facts else NOTHING_KNOWN
    still_billed = ledger.is_still_billed(state)
    return KnownConsent(**asdict(show_state(state)), still_billed=still_billed, facts=show_history(facts))
