"""The rules about consent as the API and the CLI call them, on a store and a project, next to ``rulebook``.

For tests below the entry points. This module must not know what the right answer is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from daftari.model.audiences import FrozenAudience
from daftari.model.inbound import InboundEvent, InboundRequest, InboundToken, Review, StoredToken
from daftari.model.projects import Project
from daftari.rules import audiences
from daftari.rules.audiences import Counted, Definition
from daftari.rules.consent import facts, questions
from daftari.rules.consent.decisions import Question
from daftari.rules.consent.facts import FactsOutcome
from daftari.rules.erasure import clear, erase
from daftari.rules.imports.apply import take_chunks
from daftari.rules.imports.lifecycle import add_parts, begin_import, end_work, queue_import, undo_import
from daftari.rules.imports.undo import undo_chunk
from daftari.rules.inbound import quarantine, review
from daftari.rules.inbound.receive import Receipt, Taken
from daftari.rules.inbound.receive import receive_events as receive_events_of
from daftari.rules.inbound.requests import read_events
from daftari.rules.inbound.review import Settlement
from daftari.rules.numbers import WrittenNumber
from daftari.store import Store, Tx, WriteTx, consent
from tests.support.calls import ACTOR, NOW, REGION, WORKER
from tests.support.imports import Office

PROVIDER = "generic"
TOKEN = InboundToken(7, 0, PROVIDER, "the shop's line", "abcdefghij", NOW, None)


def record_given(
    store: Store, project: Project, items: Sequence[object], *, common: Mapping[str, object], kind: facts.Kind, now: int
) -> FactsOutcome:
    """Opt-outs or opt-ins in bulk."""
    given = facts.read_facts(items, common=common, kind=kind, writer="api", region=REGION, now=now)
    return store.write(project, ACTOR, now, facts.record_given, given=given, kind=kind)


def receive_events(store: Store, project: Project, events: Sequence[InboundEvent], *, now: int) -> Taken:
    """What a provider brings."""
    read = read_events(events, settings=project.consent)

    def receive(tx: WriteTx) -> Taken:
        receipt = Receipt(PROVIDER, TOKEN.id, now, consent.next_receipt(tx), is_first=True)
        return receive_events_of(tx, events=read, receipt=receipt)

    return store.write(project, ACTOR, now, receive)


def quarantine_events(store: Store, project: Project, *, body: str, now: int) -> InboundRequest:
    """A request of a provider is refused and kept. What it brings is known when it is replayed."""
    request = InboundRequest("POST", "", "", "application/json", {}, body.encode())
    stored = StoredToken(TOKEN, b"", None, None, project)
    store.write(
        project,
        ACTOR,
        now,
        quarantine.quarantine_request,
        request=request,
        stored=stored,
        reason="wrong",
        is_proved=False,
    )
    return request


def redeliver_events(
    store: Store, project: Project, request: InboundRequest, events: Sequence[InboundEvent], *, now: int
) -> None:
    """A request that was kept comes again, and is good now."""
    stored = StoredToken(TOKEN, b"", None, None, project)
    read = read_events(events, settings=project.consent)
    store.write(project, ACTOR, now, quarantine.receive_request, request=request, stored=stored, events=read)


def replay_events(store: Store, project: Project, place: int, events: Sequence[InboundEvent], *, now: int) -> Taken:
    """A request that was kept is good after all, and brings these events."""
    stored = StoredToken(TOKEN, b"", None, None, project)
    kept = store.read(project, now, quarantine.list_quarantine, after=0, limit=1_000)[place]
    read = read_events(events, settings=project.consent)
    taken = store.write(project, ACTOR, now, quarantine.release_request, kept=kept, stored=stored, events=read)
    assert taken is not None, "it is kept"
    return taken


def begin_list(
    store: Store, project: Project, rows: Sequence[tuple[str, str]], *, kind: str, common: dict[str, Any], now: int
) -> int:
    """The file of a list comes, with a number and a time in each row, and waits for the worker; its import's id."""
    text = "phone,at\n" + "".join(f"{mobile},{at}\n" for mobile, at in rows)
    office = Office(store, "", project, now=now)
    settings = replace(office.settings(text.encode(), chunk_records=1_000, kind=kind, common=common), created_at=now)
    number: int = store.write(project, ACTOR, now, begin_import, settings=settings)
    store.write(project, ACTOR, now, add_parts, import_id=number, first=0, parts=[text.encode()])
    store.write(project, ACTOR, now, queue_import, import_id=number)
    return number


def apply_list(store: Store, project: Project, import_id: int, *, now: int) -> int:
    """The worker applies it; how many facts it recorded."""
    office = Office(store, "", project)
    work = office.get(import_id)
    chunks = list(office.chunks(work))
    store.write(project, ACTOR, now, take_chunks, import_id=import_id, phase="apply", chunks=chunks, seconds=1.0)
    store.write(project, ACTOR, now, end_work, import_id=import_id, phase="apply", state="done", error=None)
    return office.get(import_id).progress.facts


def undo_list(store: Store, project: Project, import_id: int, *, now: int) -> int:
    """An undo, opt-outs included; how many facts are retracted."""
    store.write(project, ACTOR, now, undo_import, import_id=import_id, opt_outs=True, reason="the wrong file")
    while store.write(project, ACTOR, now, undo_chunk, import_id=import_id):
        pass
    return (Office(store, "", project).get(import_id).progress.undone or {}).get("retracted", 0)


def list_reviews(store: Store, project: Project) -> list[Review]:
    return store.read(project, NOW, review.list_reviews, after=0, limit=1_000)


def settle_review(
    store: Store, project: Project, review_id: int, *, settled_as: Settlement, mobile: str | None, now: int
) -> Review:
    return store.write(
        project,
        ACTOR,
        now,
        review.settle_review,
        review_id=review_id,
        settled_as=settled_as,
        mobile=mobile,
    )


def erase_number(store: Store, project: Project, mobile: int, *, now: int) -> dict[str, int]:
    """Erase a number; how much of each kind was removed."""
    return asdict(store.write(project, ACTOR, now, erase.erase_number, mobile=mobile).removed)


def clear_journal(store: Store, project: Project) -> None:
    """All turns of the worker after erasures."""
    while store.purge(project, WORKER, NOW, clear.clear_erased):
        pass


def may_message(
    tx: Tx,
    project: Project,
    question: Question,
    mobiles: Sequence[int],
    *,
    at: int | None = None,
    known_at: int | None = None,
) -> list[dict[str, Any]]:
    """The answers about some numbers, in their order."""
    asked = questions.Asked(
        question, [WrittenNumber(mobile) for mobile in mobiles], (), at=at, known_at=known_at, region=REGION
    )
    return [msgspec.to_builtins(answer) for answer in questions.may_message(tx, asked=asked)]


def find_audience(tx: Tx, project: Project, definition: Definition) -> tuple[list[tuple[int, int]], Counted]:
    """Everyone whom an audience reaches, number and id, in order of id."""
    reached: list[tuple[int, int]] = []
    counted = audiences.walk_audience(tx, definition=definition, groups_field="group", take=reached.extend)
    return reached, counted


def freeze_audience(store: Store, project: Project, definition: Definition, *, now: int) -> FrozenAudience:
    """An audience is found in one snapshot and kept in another transaction, as the API does it."""
    found = store.read(
        project,
        NOW,
        audiences.find_numbers,
        definition=definition,
    )
    return store.write(
        project,
        ACTOR,
        now,
        audiences.freeze_audience,
        definition=definition,
        found=found,
    )


def list_audience(tx: Tx, project: Project, audience_id: int, *, as_frozen: bool) -> tuple[FrozenAudience, list[int]]:
    """A frozen audience, and the numbers that it shows."""
    frozen, page = audiences.list_audience(
        tx,
        audience_id=audience_id,
        skip=0,
        limit=1_000,
        as_frozen=as_frozen,
    )
    return frozen, [int(written) for written in msgspec.json.decode(b"[" + page.cards + b"]")]
