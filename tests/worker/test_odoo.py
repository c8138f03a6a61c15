"""An Odoo as a worker reads it: contacts, tags, late transactions, deletions, and the phone blacklist both ways."""

from __future__ import annotations

import pytest

from daftari.model.projects import Project
from daftari.rules.connections import lifecycle
from daftari.store import Store
from tests.support import calls, consent_calls
from tests.support.connection_steps import mobile
from tests.support.odoo_sync import OdooSync

HOUR = 3_600.0


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


def connect(store: Store, project: Project, *, count: int = 4, **given: object) -> tuple[OdooSync, list[int]]:
    """A live connection to an Odoo with some contacts; the second one has the first tag."""
    erp = OdooSync(store, project, **given)
    truth = erp.fake.truth
    tag = truth.make_tag("VIP")
    ids = [truth.create(f"F{number} L{number}", f"+{mobile(number)}") for number in range(1, count + 1)]
    truth.edit(ids[1], tags=[tag])
    erp.change({"groups": [{"from": "all", "to": "customers"}, {"from": f"category:{tag}", "to": "vip"}]})
    erp.pass_time(2 * HOUR)
    erp.start()
    erp.run()
    return erp, ids


def outs(erp: OdooSync, number: int) -> list[tuple[str, str, str, str]]:
    return [(fact.kind, fact.source, fact.scope.channel, fact.scope.purpose) for fact in erp.facts(mobile(number))]


SYNCED = ("opt_out", "sync", "sms", "marketing")


def test_contacts_and_tags_are_groups(store: Store, project: Project) -> None:
    erp, ids = connect(store, project)
    assert (erp.open().stored.state, erp.open().stored.account) == ("live", "odoo.example")
    assert erp.members("customers") == {mobile(number) for number in range(1, 5)}
    assert erp.members("vip") == {mobile(2)}
    contact = erp.book()[mobile(1)]
    assert (contact["fname"], contact["lname"]) == ("F1", "L1")
    (tag,) = erp.fake.truth.tags
    erp.fake.truth.edit(ids[1], tags=[])
    erp.fake.truth.edit(ids[2], tags=[tag])
    erp.poll()
    assert erp.members("vip") == {mobile(3)}


def test_a_company_has_no_first_name(store: Store, project: Project) -> None:
    erp, _ = connect(store, project)
    erp.fake.truth.create("Ziwa Ltd", f"+{mobile(9)}", is_company=True)
    erp.poll()
    contact = erp.book()[mobile(9)]
    assert contact["company"] == "Ziwa Ltd" and not contact.get("fname")


def test_a_change_that_is_committed_late_is_here_after_the_next_poll(store: Store, project: Project) -> None:
    erp, ids = connect(store, project)
    for _ in range(3):
        erp.poll(600)
    erp.fake.truth.edit(ids[0], began=900.0, phone=f"+{mobile(7)}")
    erp.fake.truth.create("F8", f"+{mobile(8)}", began=900.0)
    erp.poll()
    assert {mobile(7), mobile(8)} <= erp.members("customers") and mobile(1) not in erp.members("customers")


def test_a_campaign_knows_what_was_to_be_seen_and_what_may_still_come(store: Store, project: Project) -> None:
    erp, _ = connect(store, project)
    erp.poll(600)
    opened = erp.open()
    assert opened.stored.state == "live"
    assert opened.progress.seen_until - opened.stored.complete_until == 20 * 60 * 1_000_000
    assert erp.clock.moment - opened.progress.seen_until < 10 * 1_000_000


def test_a_window_of_many_pages_is_not_behind(store: Store, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daftari.connectors.odoo.connector.PAGE", 2)
    erp, ids = connect(store, project, count=7)
    erp.fake.truth.edit_all(ids, city="Kisumu")
    erp.pass_time(90)
    states = []
    for _ in range(20):
        erp.run(steps_max=1)
        states.append(erp.open().stored.state)
    assert {*states} == {"live"} and erp.book()[mobile(7)]["city"] == "Kisumu"


def test_one_that_is_archived_leaves_and_comes_back(store: Store, project: Project) -> None:
    erp, ids = connect(store, project)
    erp.fake.truth.edit(ids[0], active=False)
    erp.poll()
    assert erp.states()[str(ids[0])] == "gone" and mobile(1) not in erp.members("customers")
    assert mobile(1) in erp.book()
    erp.pass_time(60)
    erp.fake.truth.edit(ids[0], active=True)
    erp.poll()
    assert erp.states()[str(ids[0])] == "live" and mobile(1) in erp.members("customers")


def test_deletions_and_merges_are_found_by_a_comparison(store: Store, project: Project) -> None:
    erp, ids = connect(store, project)
    erp.fake.truth.delete(ids[0])
    erp.fake.truth.merge(ids[1], ids[2])
    erp.poll()
    assert [erp.states()[str(one)] for one in ids] == ["live"] * 4
    erp.compare()
    assert [erp.states()[str(one)] for one in ids] == ["gone", "live", "gone", "live"]
    assert erp.members("customers") == {mobile(2), mobile(4)} and mobile(3) in erp.book()


def test_a_deletion_is_found_by_the_hourly_count_and_newcomers_hide_none(store: Store, project: Project) -> None:
    erp, ids = connect(store, project)
    erp.pass_time(-erp.clock.at % 86_400 + 3 * HOUR)
    for _ in range(20):
        erp.poll(HOUR / 4)
    before = erp.open().progress.comparisons
    for quarter in range(8):
        erp.pass_time(HOUR / 4 - 60)
        erp.fake.truth.create("New", f"+{mobile(100 + quarter)}")
        erp.poll(60)
    assert erp.open().progress.comparisons == before, "contacts that came since are no reason"
    erp.fake.truth.delete(ids[0])
    for _ in range(6):
        erp.poll(HOUR / 4)
    assert erp.states()[str(ids[0])] == "gone" and erp.open().progress.comparisons == before + 1


# ---- the blacklist ----------------------------------------------------------------------------------


def test_who_is_put_on_the_blacklist_is_opted_out_since_then(store: Store, project: Project) -> None:
    erp, _ = connect(store, project)
    erp.fake.truth.block(f"+{mobile(1)}", began=300.0)
    said_at = int(erp.clock.at - 300) * 1_000_000
    erp.poll()
    assert outs(erp, 1) == [SYNCED] and erp.facts(mobile(1))[0].at == said_at
    assert not erp.facts(mobile(2))
    erp.poll()
    erp.compare()
    assert outs(erp, 1) == [SYNCED], "it is written once"


def test_who_was_on_the_blacklist_before_is_opted_out_by_the_first_reading(store: Store, project: Project) -> None:
    erp = OdooSync(store, project, groups=[{"from": "all", "to": "customers"}])
    erp.fake.truth.create("F1", f"+{mobile(1)}")
    erp.fake.truth.block(f"+{mobile(1)}")
    erp.start()
    erp.run()
    assert outs(erp, 1) == [SYNCED]


def test_who_is_taken_from_the_blacklist_stays_opted_out_here(store: Store, project: Project) -> None:
    erp, _ = connect(store, project)
    entry = erp.fake.truth.block(f"+{mobile(1)}")
    erp.poll()
    erp.fake.truth.set_entry(entry, active=False)
    erp.poll()
    assert outs(erp, 1) == [SYNCED]


def test_a_stop_here_puts_the_number_on_the_blacklist_once(store: Store, project: Project) -> None:
    erp, _ = connect(store, project, write_back=True)
    erp.say(mobile(1), "opt_out")
    erp.say(mobile(2), "opt_out", channel="whatsapp")
    erp.run()
    assert [*erp.fake.truth.blocked()] == [f"+{mobile(1)}"]
    erp.poll()
    assert len(erp.facts(mobile(1))) == 1, "its echo is no fact"
    view = erp.view()
    assert [(one.channel, one.written, one.waiting, one.refused) for one in view.written_back] == [("sms", 1, 0, 0)]
    assert not view.counts.write_back_refused


def test_a_stop_from_an_older_number_blocks_that_number(store: Store, project: Project) -> None:
    erp, ids = connect(store, project, write_back=True)
    erp.say(mobile(1), "opt_out", channel="sms")
    erp.fake.truth.edit(ids[0], phone=f"+{mobile(7)}")
    erp.run()
    assert [*erp.fake.truth.blocked()] == [f"+{mobile(1)}"]
    erp.poll()
    assert mobile(7) in erp.members("customers") and not erp.facts(mobile(7))


@pytest.mark.parametrize("opt_ins", [False, True])
def test_a_start_takes_from_the_blacklist_only_if_that_is_wanted(store: Store, project: Project, opt_ins: bool) -> None:
    erp, _ = connect(store, project, write_back=True, write_back_opt_ins=opt_ins)
    erp.say(mobile(1), "opt_out", channel="sms")
    erp.run()
    erp.pass_time(60)
    erp.say(mobile(1), "opt_in", channel="sms")
    erp.run()
    assert [*erp.fake.truth.blocked()] == ([] if opt_ins else [f"+{mobile(1)}"])
    assert not any(link.problems for link in erp.links().values())
    erp.pass_time(60)
    erp.say(mobile(1), "opt_out", channel="sms")
    erp.run()
    assert [*erp.fake.truth.blocked()] == [f"+{mobile(1)}"]


def test_a_contact_that_comes_with_an_opted_out_number_is_put_on_the_blacklist(store: Store, project: Project) -> None:
    erp, _ = connect(store, project, write_back=True)
    erp.say(mobile(9), "opt_out", channel="sms")
    erp.fake.truth.create("F9", f"+{mobile(9)}")
    erp.poll()
    assert [*erp.fake.truth.blocked()] == [f"+{mobile(9)}"]


def test_an_erased_number_is_put_on_the_blacklist(store: Store, project: Project) -> None:
    erp, ids = connect(store, project, write_back=True)
    consent_calls.erase_number(store, project, mobile(1), now=erp.now)
    erp.run()
    assert [*erp.fake.truth.blocked()] == [f"+{mobile(1)}"] and erp.states()[str(ids[0])] == "erased"


def test_without_the_module_an_opt_out_waits_until_it_is_installed(store: Store, project: Project) -> None:
    erp, _ = connect(store, project, write_back=True)
    erp.fake.truth.has_phone_validation = False
    erp.say(mobile(1), "opt_out", channel="sms")
    erp.run()
    opened = erp.open()
    assert opened.stored.state == "broken" and "install its module SMS" in opened.stored.reason
    erp.fake.truth.has_phone_validation = True
    erp.start()
    erp.run()
    assert [*erp.fake.truth.blocked()] == [f"+{mobile(1)}"] and erp.open().stored.state == "live"


def test_a_key_that_ended_stops_the_connection_and_another_one_continues(store: Store, project: Project) -> None:
    erp, _ = connect(store, project)
    erp.fake.key = "another-key-of-the-same-user"
    erp.fake.truth.create("F9", f"+{mobile(9)}")
    erp.poll()
    assert erp.open().stored.state == "broken" and "A key ends after three months" in erp.open().stored.reason
    erp.write(lifecycle.change_key, connection_id=erp.id, credentials={"key": erp.fake.key})
    erp.start()
    erp.run()
    assert mobile(9) in erp.members("customers")
