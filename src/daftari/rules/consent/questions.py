"""Questions: may these numbers be messaged, and why; and all that is known about one number.

A number that cannot be read is not allowed, with the reason, and does not fail the others. No HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from daftari.errors import ContactNotFound
from daftari.model.consent import Fact
from daftari.model.projects import ConsentSettings
from daftari.rules.consent import ledger
from daftari.rules.consent.decisions import Question, Verdict, judge
from daftari.rules.consent.quiet_hours import is_quiet
from daftari.rules.consent.state import NOTHING_KNOWN, derive_state
from daftari.rules.consent.views import describe_fact, show_fact, show_reasons, show_state
from daftari.rules.fields import Reference, read_number
from daftari.store import Tx, consent, contacts

_encode = msgspec.json.encode


class Asked(Struct, frozen=True):
    """A whole question. ``mobiles`` and ``ids`` hold numbers, and as texts what is none.

    ``known_at`` leaves out what was recorded later.
    """

    question: Question
    mobiles: Sequence[int | str]
    ids: Sequence[int | str]
    at: int | None
    known_at: int | None
    region: str


def read_mobiles(given: Sequence[object], *, region: str) -> list[int | str]:
    """Numbers where they can be read, else what was written."""
    read: list[int | str] = []
    for one in given:
        try:
            read.append(read_number(one, region=region))
        except ValueError:
            read.append(written(one))
    return read


def written(given: object) -> str:
    """What was given, as a text."""
    return given if isinstance(given, str) else _encode(given).decode()


def may_message(tx: Tx, *, asked: Asked) -> list[bytes]:
    """One answer a number as JSON, mobiles before ids, each in the order asked."""
    ids = [contact_id for contact_id in asked.ids if isinstance(contact_id, int)]
    numbers = {found.id: found.mobile for found in contacts.find_contact_numbers(tx, ids=ids)} if ids else {}
    wanted = {mobile for mobile in asked.mobiles if isinstance(mobile, int)} | set(numbers.values())
    known = consent.find_facts(tx, mobiles=sorted(wanted))
    answerer = _Answerer(asked, tx.project.consent)
    answers = []
    for mobile in asked.mobiles:
        if isinstance(mobile, int):
            answers.append(answerer.answer(mobile, known.get(mobile, ())))
        else:
            answers.append(_refused({"mobile": mobile}, "unreadable_mobile"))
    for contact_id in asked.ids:
        if isinstance(contact_id, int) and contact_id in numbers:
            number = numbers[contact_id]
            answers.append(b'{"id":%d,' % contact_id + answerer.answer(number, known.get(number, ()))[1:])
        else:
            answers.append(_refused({"id": contact_id, "mobile": None}, "unknown_contact"))
    return answers


class _Answerer:
    """Answers one question about many numbers; those of which nothing is known all get the same words."""

    def __init__(self, asked: Asked, settings: ConsentSettings) -> None:
        self._asked = asked
        self._settings = settings
        hours = settings.quiet_hours
        timed = asked.at is not None and asked.question.purpose != "transactional"
        self._quiet = timed and is_quiet(asked.at or 0, hours=hours, region=asked.region)
        self._same = _members(self._judge(()))

    def answer(self, mobile: int, facts: Sequence[Fact]) -> bytes:
        members = self._same if not facts else _members(self._judge(facts))
        return b'{"mobile":"%d",%b' % (mobile, members)

    def _judge(self, facts: Sequence[Fact]) -> Verdict:
        at, known_at = self._asked.at, self._asked.known_at
        counted = [
            fact
            for fact in facts
            if (at is None or fact.at <= at) and (known_at is None or fact.recorded_at <= known_at)
        ]
        verdict = judge(counted, self._asked.question, require_opt_in=self._settings.require_opt_in)
        return Verdict(False, "quiet_hours") if verdict.allowed and self._quiet else verdict


def _members(verdict: Verdict) -> bytes:
    shown: dict[str, object] = {"allowed": verdict.allowed, "reasons": show_reasons(verdict)}
    if verdict.still_billed:
        shown["still_billed"] = True
    return _encode(shown)[1:]


def _refused(named: dict[str, object], code: str) -> bytes:
    return _encode(named)[:-1] + b"," + _members(Verdict(False, code))


def find_mobile(tx: Tx, *, reference: Reference) -> tuple[int, int | None]:
    """The number that a path names, and the id of its contact if it has one. Raises ``ContactNotFound``."""
    by_id = contacts.get_contact(tx, contact_id=reference.id) if reference.id is not None else None
    if by_id is not None:
        return by_id.mobile, by_id.id
    mobile = reference.mobile
    if mobile is None:
        raise ContactNotFound
    found = contacts.get_contact_by_mobile(tx, mobile=mobile)
    return mobile, None if found is None else found.id


def show_consent(tx: Tx, *, reference: Reference) -> dict[str, object]:
    """The state of a number and everything that it follows from, for a number that is no contact too."""
    mobile, contact_id = find_mobile(tx, reference=reference)
    return {"mobile": str(mobile), "contact_id": contact_id, **show_known(tx, mobile=mobile)}


def show_known(tx: Tx, *, mobile: int) -> dict[str, object]:
    """The state of a number, and its facts in the order in which they happened."""
    facts = consent.find_facts(tx, mobiles=[mobile]).get(mobile, [])
    state = derive_state(facts) if facts else NOTHING_KNOWN
    history = sorted(facts, key=lambda fact: (fact.at, fact.id))
    still_billed = ledger.is_still_billed(state)
    return {
        **show_state(state),
        **({"still_billed": True} if still_billed else {}),
        "facts": [{**show_fact(fact), "text": describe_fact(fact)} for fact in history],
    }
