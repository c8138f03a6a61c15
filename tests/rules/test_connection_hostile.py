"""A CRM in which all are subscribed, over a book in which some opted out. ``make prove`` reads a million records."""

from __future__ import annotations

import pytest
from hypothesis import settings

from daftari.model.projects import Project
from daftari.store import Store, Tx, consent, contacts
from tests.support import calls, consent_calls
from tests.support.builders import rows_of
from tests.support.connection_steps import Syncing, mobile, person
from tests.support.stores import NOW

IS_WHOLE = settings().max_examples > 1_000
RECORDS, OPTED_OUT = (1_000_000, 10_000) if IS_WHOLE else (3_000, 100)
PER_PAGE = 1_000


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


def test_no_opt_out_is_lifted_and_each_attempt_is_counted(store: Store, database: str, project: Project) -> None:
    every = RECORDS // OPTED_OUT
    opted_out = [mobile(number) for number in range(0, RECORDS, every)]
    numbers = [{"mobile": f"+{number}"} for number in opted_out]
    consent_calls.record_given(store, project, numbers, common={"source": "inbound"}, kind="opt_out", now=NOW)
    crm = Syncing(store, project, groups=[{"from": "all", "to": "crm"}], is_live=False)
    for version in (1, 2):
        for first in range(0, RECORDS, PER_PAGE):
            some = range(first, first + PER_PAGE)
            names = {} if version == 1 else {"firstname": "Again"}
            crm.read(
                *(person(number, version=version, sms="subscribed", **names) for number in some),
                has_more=first + PER_PAGE < RECORDS,
            )
        counts = crm.open().progress.counts
        assert (counts["live"], counts["crm_says_in"]) == (RECORDS, OPTED_OUT)
    assert rows_of(database, "SELECT count(*) FROM fact") == [(OPTED_OUT,)]
    assert rows_of(database, "SELECT count(*) FROM fact WHERE kind <> 'opt_out'") == [(0,)]
    assert store.read(project, crm.now, _count_clear, opted_out) == 0
    (members,) = rows_of(database, "SELECT count(*) FROM membership")
    assert members == (RECORDS - OPTED_OUT,)


def _count_clear(tx: Tx, mobiles: list[int]) -> int:
    """How many of some numbers may be messaged, or are in the book as if they might."""
    found = [contact for start in range(0, len(mobiles), 1_000)
             for contact in contacts.find_contacts_by_mobile(tx, mobiles=mobiles[start : start + 1_000])]  # fmt: skip
    assert len(found) == len(mobiles)
    return sum(contact.consent_status == consent.CLEAR for contact in found)
