"""Figures that several pages of a project show: how much there is, what waits, and what is being done."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from daftari.model.inbound import Review
from daftari.model.projects import Actor
from daftari.rules import overview
from daftari.rules.bulk import jobs
from daftari.rules.overview import get_overview
from daftari.store import Store, WriteTx, bulk, inbound
from tests.support import calls
from tests.support.builders import mobile
from tests.support.calls import create_project
from tests.support.stores import NOW


def test_an_overview_counts_contacts_and_what_waits_and_has_the_first_open_job(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "TO_REVIEW_MAX", 2)
    project, other = create_project(store), create_project(store, name="Kalro")
    assert store.read(project, NOW, get_overview) == overview.Overview(0, 0, None)
    calls.create_contacts(store, project, [{"mobile": mobile(number)} for number in range(1, 4)])

    def fill(tx: WriteTx) -> list[int]:
        for number in range(1, 6):
            review = Review(0, int(mobile(number)), NOW, "generic", "sms", "x", "x", "x")
            inbound.insert_review(tx, given=review, message_digest=str(number))
        waiting = [review.id for review in inbound.list_reviews(tx, after=0, limit=9)]
        for review_id in waiting[:3]:
            inbound.settle_review(tx, review_id=review_id, settled_as="dismiss", mobile=None)
        made = [bulk.insert_bulk(tx, ids=[1], until=NOW, settings='{"act": "remove"}', progress="{}") for _ in range(3)]
        ended = bulk.get_bulk(tx, bulk_id=made[0])
        assert ended is not None
        bulk.save_bulk(tx, bulk=replace(ended, state="done"))
        return [*waiting, *made]

    found = store.write(project, Actor(None, "test"), NOW, fill)
    seen = store.read(project, NOW, get_overview)
    assert (seen.contacts, seen.to_review) == (3, 2)
    assert seen.running == store.read(project, NOW, jobs.get_bulk, bulk_id=found[-2])

    def wait(tx: WriteTx) -> None:
        for number in range(6, 9):
            review = Review(0, int(mobile(number)), NOW, "generic", "sms", "x", "x", "x")
            inbound.insert_review(tx, given=review, message_digest=str(number))

    store.write(project, Actor(None, "test"), NOW, wait)
    assert store.read(project, NOW, get_overview).to_review == 3
    assert store.read(other, NOW, get_overview) == overview.Overview(0, 0, None)
