"""What an erasure and an export of a person know of connections, and the opt-outs of many at once."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from daftari.model.projects import Project
from daftari.rules.consent.facts import NearMissView, list_near_misses
from daftari.rules.erasure.subject_export import export_number
from daftari.rules.integrity.seals import find_broken_seals
from daftari.rules.numbers import Reference
from daftari.store import Store
from tests.support import calls, consent_calls
from tests.support.connection_steps import Syncing, mobile, person
from tests.support.schema import execute

ALL = [{"from": "all", "to": "crm"}]


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


@pytest.fixture
def crm(store: Store, project: Project) -> Syncing:
    return Syncing(store, project, groups=ALL)


def exported(crm: Syncing, number: int) -> list[dict[str, Any]]:
    found = crm.store.read(crm.project, crm.now, export_number, reference=Reference(f"+{mobile(number)}", "KE"))
    shown: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(found))
    links: list[dict[str, Any]] = shown["external_links"]
    return links


def test_an_export_names_every_record_of_the_number(store: Store, project: Project, crm: Syncing) -> None:
    crm.read(person(1), person(2))
    Syncing(store, project, name="shop").read(person(1))
    assert [(link["connection"], link["id"], link["state"]) for link in exported(crm, 1)] == [
        ("crm", "1", "live"),
        ("shop", "1", "live"),
    ]


def test_an_erased_number_leaves_its_links_and_does_not_come_back(crm: Syncing) -> None:
    crm.read(person(1), person(2))
    removed = consent_calls.erase_number(crm.store, crm.project, mobile(1), now=crm.now)
    assert removed["external_links"] == 1
    assert crm.states() == {"1": "erased", "2": "live"} and crm.links()["1"].mobile == 0
    crm.read(person(1, version=5, firstname="Back"))
    crm.ask(["1"], person(1, version=6))
    counts = crm.open().progress.counts
    assert mobile(1) not in crm.book()
    assert (counts["erased"], counts["live"], counts["erased_there"]) == (1, 1, 2)


def test_credentials_that_another_secret_sealed_are_found(crm: Syncing, database: str) -> None:
    assert [*crm.store.read(crm.project, crm.now, lambda tx: [*find_broken_seals(tx)])] == []
    execute(database, "UPDATE connection SET credentials = (SELECT erasure_key_fingerprint FROM system)")
    (said,) = crm.store.read(crm.project, crm.now, lambda tx: [*find_broken_seals(tx)])
    assert f"connection {crm.id}" in said


def test_a_thousand_who_are_subscribed_there_and_opted_out_here_stay_so(crm: Syncing) -> None:
    crm.read(*(person(number) for number in range(1, 301)))
    for number in range(1, 101):
        crm.opt_out(mobile(number))
    crm.read(*(person(number, version=2, sms="subscribed") for number in range(1, 301)))
    book = crm.book()
    assert all(book[mobile(number)]["status"] == 2 for number in range(1, 101))
    assert crm.members("crm") == {mobile(number) for number in range(101, 301)}
    assert crm.open().progress.counts["crm_says_in"] == 100
    shown = msgspec.to_builtins(crm.store.read(crm.project, crm.now, list_near_misses, limit=10))
    misses = msgspec.convert(shown, list[NearMissView])
    assert ("sync", None, None, 100) in [(miss.source, miss.key, miss.user, miss.tries) for miss in misses], misses


def test_an_opt_out_by_the_crm_may_be_lifted_by_the_person_and_is_not_repeated_by_another_change(crm: Syncing) -> None:
    crm.read(person(1, sms="unsubscribed"))
    crm.opt_in(mobile(1))
    crm.read(person(1, version=2, sms="unsubscribed", firstname="Other"))
    assert [fact.kind for fact in crm.facts(mobile(1))] == ["opt_out", "opt_in"]
    crm.read(person(1, version=3, sms="subscribed"))
    crm.read(person(1, version=4, sms="unsubscribed"))
    assert [fact.kind for fact in crm.facts(mobile(1))] == ["opt_out", "opt_in", "opt_out"]


def test_many_new_opt_outs_at_once_are_asked_about_and_none_is_written(crm: Syncing) -> None:
    crm.read(*(person(number) for number in range(1, 201)))
    crm.read(*(person(number, version=2, sms="unsubscribed") for number in range(1, 61)))
    assert crm.open().stored.state == "needs_confirmation"
    assert "60 of 200 people would be opted out" in crm.open().stored.reason
    assert not any(crm.facts(mobile(number)) for number in range(1, 61))


def test_the_first_reading_is_not_asked_about(store: Store, project: Project) -> None:
    crm = Syncing(store, project, groups=ALL, is_live=False)
    crm.read(*(person(number, sms="unsubscribed") for number in range(1, 101)), has_more=True)
    assert crm.open().stored.state == "importing" and len(crm.facts(mobile(1))) == 1
