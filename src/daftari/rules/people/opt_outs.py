"""The opt-outs that are in force, for people to look through: the newest first, or those of one number. No SQL."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from daftari.errors import NotFound
from daftari.files.csv_injection import make_safe
from daftari.model.consent import Fact, Scope
from daftari.model.contacts import Card
from daftari.model.limits import ID_MAX
from daftari.rules.consent.decisions import in_force
from daftari.rules.consent.facts import SCANNED_MAX
from daftari.rules.consent.state import meets
from daftari.rules.consent.views import Evidence, show_opt_out
from daftari.rules.contacts.merge import read_card
from daftari.rules.numbers import WrittenNumber, find_known
from daftari.store import Tx, consent, contacts

SCANNED_AT_ONCE = 500
LINES_AT_ONCE = 1_000
COLUMNS = ("mobile", "channel", "sender", "purpose", "at", "recorded_at", "source", "fact", "evidence")
"""Of a file, which can be brought in again as a list of opt-outs."""


class OptOutNotFound(NotFound):
    """No fact with this number is an opt-out of a number that can be named."""

    code = "OPT_OUT_NOT_FOUND"
    message = "There is no opt-out of this number."


class ListedOptOut(Struct, frozen=True):
    """An opt-out, and the contact that has its number, if one does. ``is_erased``: it is kept without its number."""

    mobile: int
    fact: Fact
    card: Card | None
    is_erased: bool = False


class OptOuts(Struct, frozen=True):
    """Some opt-outs. ``next``: the fact before which there may be more."""

    opt_outs: list[ListedOptOut]
    next: int | None = None


class Looked(Struct, frozen=True):
    """What is found of one number: its opt-outs in force, newest first, and its contact."""

    mobile: int
    opt_outs: list[ListedOptOut]
    card: Card | None


def list_opt_outs(tx: Tx, *, scope: Scope, before: int | None, limit: int) -> OptOuts:
    """Opt-outs that are in force and meet a scope, those that were recorded last first.

    A page looks at ``SCANNED_MAX`` facts at the most; it may have fewer rows and a next one all the same.
    """
    found: list[tuple[int, Fact]] = []
    before, scanned = before or ID_MAX, 0
    while scanned < SCANNED_MAX:
        listed = consent.list_newest_facts(tx, before=before, limit=SCANNED_AT_ONCE)
        wanted = {fact.id: fact.subject_id for fact in listed if fact.kind == "opt_out" and fact.subject_id > 0}
        known = consent.find_facts(tx, mobiles=sorted(set(wanted.values()))) if wanted else {}
        holding = {fact.id: fact for facts in known.values() for fact in in_force(facts)}
        chosen = [holding[number] for number in wanted if number in holding]
        found += [(wanted[fact.id], fact) for fact in chosen if meets(fact.scope, scope)]
        if len(found) > limit:
            return OptOuts(_with_cards(tx, found[:limit]), found[limit - 1][1].id)
        if len(listed) < SCANNED_AT_ONCE:
            return OptOuts(_with_cards(tx, found))
        before = listed[-1].id
        scanned += len(listed)
    return OptOuts(_with_cards(tx, found), before)


def write_opt_outs(tx: Tx, *, scope: Scope, write: Callable[[bytes], object]) -> None:
    """Write the opt-outs that are in force and meet a scope as CSV, the newest first, from one snapshot."""
    write((",".join(COLUMNS) + "\r\n").encode())
    before: int | None = ID_MAX
    while before is not None:
        found = list_opt_outs(tx, scope=scope, before=before, limit=LINES_AT_ONCE)
        file = io.StringIO()
        csv.writer(file, lineterminator="\r\n").writerows(_as_line(one) for one in found.opt_outs)
        write(file.getvalue().encode(errors="replace"))
        before = found.next


def _as_line(listed: ListedOptOut) -> list[str]:
    fact = show_opt_out(listed.fact, mobile=listed.mobile)
    evidence = fact.evidence or Evidence()
    cells = (
        *(fact.mobile, fact.channel, fact.sender, fact.purpose, fact.at, fact.recorded_at, fact.source, str(fact.id)),
        evidence.text or evidence.note or evidence.form or evidence.code,
    )
    return [make_safe(cell or "") for cell in cells]


def look_up(tx: Tx, *, number: WrittenNumber, scope: Scope) -> Looked:
    """The opt-outs of a number that are in force and meet a scope."""
    mobile = number.chosen(find_known(tx, [number.digits]))
    facts = in_force(consent.find_facts(tx, mobiles=[mobile]).get(mobile, []))
    meeting = sorted((fact for fact in facts if meets(fact.scope, scope)), key=lambda fact: -fact.id)
    card = find_cards(tx, mobiles=[mobile]).get(mobile)
    stored = consent.find_facts_by_id(tx, ids=[fact.id for fact in meeting]) if meeting else []
    erased = {fact.id for subject_id, fact in stored if subject_id <= 0}
    return Looked(mobile, [ListedOptOut(mobile, fact, card, fact.id in erased) for fact in meeting], card)


def get_opt_out(tx: Tx, *, fact_id: int) -> ListedOptOut:
    """One opt-out, in force or not. Raises ``OptOutNotFound``."""
    found = consent.list_facts_between(tx, first=fact_id, last=fact_id)
    if not found or found[0][0] <= 0 or found[0][1].kind != "opt_out":
        raise OptOutNotFound
    return _with_cards(tx, found)[0]


def find_cards(tx: Tx, *, mobiles: Sequence[int]) -> dict[int, Card]:
    """The contacts that have some of these numbers, by number."""
    found = contacts.find_contacts_by_mobile(tx, mobiles=mobiles) if mobiles else []
    return {one.mobile: read_card(one.card) for one in found}


def _with_cards(tx: Tx, found: Iterable[tuple[int, Fact]]) -> list[ListedOptOut]:
    rows = list(found)
    cards = find_cards(tx, mobiles=sorted({mobile for mobile, _ in rows}))
    return [ListedOptOut(mobile, fact, cards.get(mobile)) for mobile, fact in rows]
