"""Opt-outs written back to a Pipedrive that is none: fields of ours, found by their titles, and made once."""

from __future__ import annotations

import pytest

from daftari.model.projects import Project
from daftari.rules.connections import lifecycle, views
from daftari.store import Store
from tests.support import calls
from tests.support.connection_steps import mobile
from tests.support.pipedrive_sync import FIELDS, PipedriveSync


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


@pytest.fixture
def sales(store: Store, project: Project) -> PipedriveSync:
    return connect(store, project)


def connect(store: Store, project: Project, **given: object) -> PipedriveSync:
    sales = PipedriveSync(store, project, **{"write_back": True, **given})
    for number in range(1, 4):
        sales.fake.truth.create(f"F{number} L{number}", f"+{mobile(number)}")
    sales.pass_time(120)
    sales.start()
    sales.run()
    return sales


def marks(sales: PipedriveSync, title: str = "Daftari SMS") -> list[str]:
    """What the persons say in a field, in their order."""
    truth = sales.fake.truth
    field = next((field for field in truth.fields.values() if field.name == title), None)
    if field is None:
        return ["" for _ in truth.persons]
    chosen = [person.custom.get(field.key) for person in truth.persons.values()]
    return ["" if one is None else field.options[int(str(one))] for one in chosen]


def test_who_opts_out_here_is_opted_out_there_in_fields_that_are_made_once(sales: PipedriveSync) -> None:
    sales.say(mobile(1), "opt_out")
    sales.run()
    assert marks(sales) == ["out", "", ""] == marks(sales, "Daftari WhatsApp")
    sales.say(mobile(2), "opt_out", channel="sms")
    sales.say(mobile(1), "opt_in")
    sales.run()
    assert marks(sales) == ["in", "out", ""] and marks(sales, "Daftari WhatsApp") == ["in", "", ""]
    assert [field.name for field in sales.fake.truth.fields.values()].count("Daftari SMS") == 1


def test_a_person_that_comes_later_is_marked(sales: PipedriveSync) -> None:
    sales.say(mobile(9), "opt_out")
    sales.fake.truth.create("F9", f"+{mobile(9)}")
    sales.poll(400)
    assert marks(sales) == ["out" if number == 4 else "" for number in range(1, 5)]


def test_what_webhooks_bring_of_what_was_written_changes_nothing(sales: PipedriveSync) -> None:
    sales.say(mobile(1), "opt_out")
    sales.run()
    before = sales.links()
    sales.announce()
    sales.poll(5)
    assert len(sales.facts(mobile(1))) == 1 and sales.open().progress.counts["echo"] >= 1
    assert {name: link.digest for name, link in sales.links().items()} == {
        name: link.digest for name, link in before.items()
    }


def test_a_person_that_is_refused_is_listed_with_the_reason(sales: PipedriveSync) -> None:
    one = next(iter(sales.fake.truth.persons))
    sales.fake.truth.rejects.add(one)
    for number in (1, 2):
        sales.say(mobile(number), "opt_out")
    sales.run()
    assert marks(sales) == ["", "out", ""]
    page = sales.store.read(
        sales.project,
        sales.now,
        views.list_records,
        connection_id=sales.id,
        state="write_back_refused",
        after="",
        limit=10,
    )
    assert [(record.id, bool(record.why)) for record in page.records] == [(str(one), True)]
    sales.fake.truth.rejects.clear()
    sales.write(lifecycle.retry_records, connection_id=sales.id, ids=[str(one)])
    sales.run()
    assert marks(sales) == ["out", "out", ""]


def test_a_person_that_was_deleted_there_is_counted(sales: PipedriveSync) -> None:
    one = next(iter(sales.fake.truth.persons))
    sales.fake.truth.delete(one)
    sales.say(mobile(1), "opt_out", channel="sms")
    sales.run()
    view = sales.store.read(sales.project, sales.now, views.show_connection, connection_id=sales.id)
    assert (view.written_back[0].gone, view.written_back[0].written) == (1, 0)
    assert sales.states()[str(one)] == "gone"


def test_a_field_of_ours_is_not_read(sales: PipedriveSync) -> None:
    sales.say(mobile(1), "opt_out")
    sales.run()
    key = next(field.key for field in sales.fake.truth.fields.values() if field.name == "Daftari SMS")
    values = {"fields": {**FIELDS, key: "status.sms"}}
    sales.write(lifecycle.update_connection, connection_id=sales.id, values=values)
    sales.poll(4_000)
    opened = sales.open()
    assert opened.stored.state == "broken" and '"Daftari SMS" is written by Daftari' in opened.stored.reason
    assert len(sales.facts(mobile(1))) == 1


def test_opt_outs_are_written_while_the_tokens_of_the_day_are_used_up(store: Store, project: Project) -> None:
    sales = connect(store, project)
    sales.spend_share()
    sales.poll(400)
    assert sales.open().stored.state == "limited"
    sales.say(mobile(1), "opt_out")
    sales.run()
    assert marks(sales) == ["out", "", ""] and sales.open().stored.state == "limited"
