"""Opt-outs written back by a worker, to a HubSpot that is none, on a clock that the test moves."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from daftari.errors import ValidationFailed
from daftari.model.projects import Project
from daftari.rules.connections import lifecycle, views
from daftari.rules.connections.views import RecordView, WrittenBackView
from daftari.rules.imports.lifecycle import undo_import
from daftari.rules.imports.undo import undo_chunk
from daftari.store import Store, connections
from tests.support import calls, consent_calls
from tests.support.connection_steps import mobile
from tests.support.fake_crm.hubspot_truth import Property
from tests.support.hubspot_sync import FIELDS, HubSpotSync

ALL = [{"from": "all", "to": "crm"}]
CONSENT = {**FIELDS, "sms_consent": "status.sms"}
DAY = 24 * 3_600.0


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


def connect(store: Store, project: Project, *, count: int = 3, seed: int = 1, **given: Any) -> HubSpotSync:
    """A live connection that writes back, to an account with some contacts."""
    values = {"groups": ALL, "fields": CONSENT, "write_back": True, **given}
    crm = HubSpotSync(store, project, seed=seed, **values)
    crm.fake.truth.properties["sms_consent"] = Property("sms_consent", "string")
    fill(crm, count)
    crm.start()
    crm.run()
    return crm


@pytest.fixture
def crm(store: Store, project: Project) -> HubSpotSync:
    return connect(store, project)


def fill(crm: HubSpotSync, count: int, *, first: int = 1, **properties: str) -> list[int]:
    made = [
        crm.fake.truth.create(mobilephone=f"+{mobile(number)}", **properties) for number in range(first, first + count)
    ]
    crm.pass_time(60)
    return made


def id_of(crm: HubSpotSync, number: int) -> int:
    wanted = f"+{mobile(number)}"
    return next(one.id for one in crm.fake.truth.live().values() if one.properties.get("mobilephone") == wanted)


def marks(crm: HubSpotSync, *numbers: int, channel: str = "sms") -> list[str]:
    """What the contacts of these numbers say there."""
    contacts = crm.fake.truth.contacts
    return [contacts[id_of(crm, number)].properties.get(f"daftari_{channel}", "") for number in numbers]


def shown(crm: HubSpotSync, channel: str = "sms") -> WrittenBackView:
    view = crm.store.read(crm.project, crm.now, views.show_connection, connection_id=crm.id)
    return next(one for one in view.written_back if one.channel == channel)


def counts(crm: HubSpotSync, channel: str = "sms") -> tuple[int, int, int, int]:
    found = shown(crm, channel)
    return found.written, found.waiting, found.refused, found.gone


def problems(crm: HubSpotSync, state: str = "problem") -> list[RecordView]:
    page = crm.store.read(
        crm.project, crm.now, views.list_records, connection_id=crm.id, state=state, after="", limit=100
    )
    return page.records


def writes(crm: HubSpotSync) -> int:
    """The calls that wrote, but for those of checks, which write nothing."""
    probes = sum(path.endswith("batch/create") for _, path in crm.fake.calls)
    return sum(path.endswith("batch/update") for _, path in crm.fake.calls) - probes


# ---- written -----------------------------------------------------------------------------------------------


def test_who_opts_out_here_is_opted_out_there_and_a_start_is_written_too(crm: HubSpotSync) -> None:
    crm.say(mobile(1), "opt_out")
    assert counts(crm) == (0, 1, 0, 0)
    assert crm.is_due()
    crm.run()
    assert marks(crm, 1, 2, 3) == ["out", "", ""] == marks(crm, 1, 2, 3, channel="whatsapp")
    assert counts(crm) == (1, 0, 0, 0)
    crm.say(mobile(1), "opt_in", channel="sms")
    crm.run()
    assert marks(crm, 1) == ["in"] and marks(crm, 1, channel="whatsapp") == ["out"]
    assert counts(crm) == (0, 0, 0, 0) and shown(crm).opt_ins == 1 and counts(crm, "whatsapp") == (1, 0, 0, 0)


def test_the_time_that_is_marked_is_when_the_person_said_so(crm: HubSpotSync) -> None:
    said = crm.now - 3_600 * 1_000_000
    crm.say(mobile(1), "opt_out", at=said)
    crm.pass_time(500)
    crm.run()
    assert crm.fake.truth.contacts[id_of(crm, 1)].properties["daftari_sms_at"].startswith("2026-11-20T")
    records = [record for record in problems(crm, "live") if record.marks]
    assert [(one.channel, one.word, one.state) for one in records[0].marks] == [
        ("sms", "out", "written"),
        ("whatsapp", "out", "written"),
    ]


@pytest.mark.parametrize(
    ("channel", "expected"), [("sms", ("out", "")), ("whatsapp", ("", "out")), ("premium_sms", ("", ""))]
)
def test_a_channel_has_a_mark_of_its_own(crm: HubSpotSync, channel: str, expected: tuple[str, str]) -> None:
    crm.say(mobile(1), "opt_out", channel=channel)
    crm.run()
    assert (*marks(crm, 1), *marks(crm, 1, channel="whatsapp")) == expected
    assert not crm.is_due()


@pytest.mark.parametrize("source", ["inbound", "provider", "api", "console", "import", "bulk", "delete"])
def test_an_opt_out_is_marked_wherever_it_comes_from(crm: HubSpotSync, source: Any) -> None:
    crm.say(mobile(1), "opt_out", source=source)
    crm.run()
    assert marks(crm, 1) == ["out"]


def test_a_delete_that_is_an_opt_out_is_marked_and_a_removal_is_not(crm: HubSpotSync) -> None:
    calls.delete_contact(crm.store, crm.project, str(mobile(1)), now=crm.now)
    crm.remove(mobile(2))
    crm.run()
    assert marks(crm, 1, 2) == ["out", ""]


def test_every_record_of_a_number_is_marks(crm: HubSpotSync) -> None:
    other = crm.fake.truth.create(mobilephone=f"+{mobile(1)}")
    crm.poll()
    crm.say(mobile(1), "opt_out")
    crm.run()
    assert marks(crm, 1) == ["out"] and crm.fake.truth.contacts[other].properties["daftari_sms"] == "out"
    assert counts(crm) == (2, 0, 0, 0)


def test_a_system_that_is_not_to_be_marked_is_not(store: Store, project: Project) -> None:
    crm = connect(store, project, write_back=False)
    crm.say(mobile(1), "opt_out")
    assert not crm.is_due() and rows(crm) == []
    crm.poll()
    assert writes(crm) == 0


def rows(crm: HubSpotSync) -> list[Any]:
    ids = [*crm.links()]
    return crm.store.read(crm.project, crm.now, connections.find_write_backs, connection_id=crm.id, ids=ids)


# ---- old opt-outs ---------------------------------------------------------------------------------------


def test_a_record_that_comes_later_is_marked_of_an_old_opt_out(crm: HubSpotSync) -> None:
    crm.say(mobile(50), "opt_out")
    fill(crm, 1, first=50)
    crm.poll()
    assert marks(crm, 50) == ["out"]


def test_the_first_reading_writes_back_old_opt_outs(store: Store, project: Project) -> None:
    crm = HubSpotSync(store, project, groups=ALL, write_back=True)
    for number in range(1, 41):
        crm.say(mobile(number), "opt_out")
    fill(crm, 250)
    crm.start()
    crm.run()
    assert marks(crm, *range(1, 251)) == ["out"] * 40 + [""] * 210
    assert counts(crm) == (40, 0, 0, 0)
    assert writes(crm) < 5


def test_switched_on_later_it_writes_back_all_who_opted_out_before(store: Store, project: Project) -> None:
    crm = connect(store, project, count=30, write_back=False)
    for number in range(1, 11):
        crm.say(mobile(number), "opt_out")
    crm.write(lifecycle.update_connection, connection_id=crm.id, values={"write_back": True})
    crm.run()
    assert marks(crm, *range(1, 31)) == ["out"] * 10 + [""] * 20
    assert crm.open().progress.asked_links is None and crm.open().progress.comparisons == 0


def test_switched_off_it_writes_nothing_and_switched_on_again_what_was_said_meanwhile(crm: HubSpotSync) -> None:
    crm.write(lifecycle.update_connection, connection_id=crm.id, values={"write_back": False})
    crm.say(mobile(1), "opt_out")
    crm.poll()
    assert marks(crm, 1) == [""]
    crm.write(lifecycle.update_connection, connection_id=crm.id, values={"write_back": True})
    crm.run()
    assert marks(crm, 1) == ["out"]


def test_who_came_back_while_it_was_switched_off_is_marked_so_when_it_is_on_again(crm: HubSpotSync) -> None:
    crm.say(mobile(1), "opt_out")
    crm.run()
    crm.write(lifecycle.update_connection, connection_id=crm.id, values={"write_back": False})
    crm.say(mobile(1), "opt_in", channel="sms")
    crm.poll()
    assert marks(crm, 1) == ["out"]
    crm.write(lifecycle.update_connection, connection_id=crm.id, values={"write_back": True})
    crm.run()
    assert marks(crm, 1) == ["in"] and marks(crm, 1, channel="whatsapp") == ["out"]


def test_a_restored_record_is_marked_what_was_said_while_it_was_deleted(crm: HubSpotSync) -> None:
    truth, one = crm.fake.truth, id_of(crm, 1)
    truth.delete(one)
    crm.poll(3_700)
    crm.poll(3_700)
    assert crm.states()[str(one)] == "gone"
    crm.say(mobile(1), "opt_out")
    crm.run()
    assert rows(crm) == []
    truth.restore(one)
    truth.edit(one, firstname="Back")
    crm.poll()
    crm.run()
    assert marks(crm, 1) == ["out"]


# ---- from other systems ---------------------------------------------------------------------------------


def test_an_opt_out_that_came_from_the_connection_is_left_out_to_it(crm: HubSpotSync) -> None:
    crm.fake.truth.edit(id_of(crm, 1), sms_consent="unsubscribed")
    crm.poll()
    assert [fact.source for fact in crm.facts(mobile(1))] == ["sync"]
    assert rows(crm) == []
    crm.poll(700)
    assert writes(crm) == 0


def test_another_connection_is_marked_after_ten_minutes(store: Store, project: Project, crm: HubSpotSync) -> None:
    other = connect(store, project, name="other", seed=2, groups=[])
    crm.pass_time(0)
    crm.clock.at = other.clock.at = max(crm.clock.at, other.clock.at)
    crm.fake.truth.edit(id_of(crm, 1), sms_consent="unsubscribed")
    crm.poll()
    other.poll(300)
    assert marks(other, 1) == [""] and counts(other) == (0, 1, 0, 0)
    other.poll(400)
    assert marks(other, 1) == ["out"] and counts(other) == (1, 0, 0, 0)
    assert marks(crm, 1) == [""]


def test_an_undo_within_ten_minutes_is_never_written(store: Store, project: Project, crm: HubSpotSync) -> None:
    other = connect(store, project, name="other", seed=2, groups=[])
    crm.clock.at = other.clock.at = max(crm.clock.at, other.clock.at)
    crm.fake.truth.edit(id_of(crm, 1), sms_consent="unsubscribed")
    crm.poll()
    run = crm.open().progress.import_id
    crm.write(lifecycle.pause_connection, connection_id=crm.id)
    crm.write(undo_import, import_id=run, opt_outs=True, reason="a mistake there")
    while crm.write(undo_chunk, import_id=run):
        pass
    other.clock.at = crm.clock.at
    other.poll(700)
    assert marks(other, 1) == [""] and rows(other) == [] and writes(other) == 0


def test_the_other_record_of_the_number_in_the_same_system_is_marks(crm: HubSpotSync) -> None:
    other = crm.fake.truth.create(mobilephone=f"+{mobile(1)}")
    crm.poll()
    one = id_of(crm, 1)
    crm.fake.truth.edit(one, sms_consent="unsubscribed")
    crm.poll()
    crm.poll(700)
    contacts = crm.fake.truth.contacts
    assert "daftari_sms" not in contacts[one].properties
    assert contacts[other].properties["daftari_sms"] == "out"


def test_a_record_that_no_longer_says_so_itself_is_marks(crm: HubSpotSync) -> None:
    one = id_of(crm, 1)
    crm.fake.truth.edit(one, sms_consent="unsubscribed")
    crm.poll()
    crm.fake.truth.edit(one, sms_consent="subscribed")
    crm.poll()
    assert marks(crm, 1) == ["out"] and len(crm.facts(mobile(1))) == 1


# ---- wars, echoes, loops --------------------------------------------------------------------------------


def test_subscribed_there_and_opted_out_here_is_marked_again_once_a_day(crm: HubSpotSync) -> None:
    truth, one = crm.fake.truth, id_of(crm, 1)
    crm.say(mobile(1), "opt_out")
    crm.run()
    before = writes(crm)
    truth.edit(one, sms_consent="subscribed")
    crm.poll()
    assert writes(crm) == before + 1
    assert [record.problems for record in problems(crm)] == [["crm_says_in"]]
    assert [fact.kind for fact in crm.facts(mobile(1))] == ["opt_out"]
    for _ in range(3):
        truth.edit(one, sms_consent="unknown")
        crm.poll()
        truth.edit(one, sms_consent="subscribed")
        crm.poll()
    assert writes(crm) == before + 1
    assert [record.problems for record in problems(crm)] == [["crm_says_in", "crm_resubscribes"]]
    (record,) = problems(crm, "crm_resubscribes")
    assert record.id == str(one) and "keeps subscribing" in (record.why or "")
    assert counts(crm) == (1, 0, 0, 0)
    crm.poll(DAY)
    assert writes(crm) == before + 2
    crm.poll(3 * DAY)
    assert writes(crm) == before + 2


def test_an_edit_of_another_field_is_no_new_subscription(crm: HubSpotSync) -> None:
    truth, one = crm.fake.truth, id_of(crm, 1)
    truth.edit(one, sms_consent="subscribed")
    crm.poll()
    crm.say(mobile(1), "opt_out")
    crm.run()
    for name in ("Ana", "Ben", "Chao"):
        truth.edit(one, firstname=name)
        crm.poll()
    assert [record.problems for record in problems(crm)] == [["crm_says_in"]]


def test_what_comes_back_from_what_was_written_is_an_echo_and_no_fact(crm: HubSpotSync) -> None:
    truth, one = crm.fake.truth, id_of(crm, 1)
    crm.say(mobile(1), "opt_out")
    crm.run()
    digest = crm.links()[str(one)].digest
    crm.poll()
    assert crm.open().progress.counts["echo"] == 1 and crm.links()[str(one)].digest == digest
    # A program there copies what was written into a field of its own.
    truth.edit(one, sms_consent="unsubscribed")
    crm.poll()
    assert crm.open().progress.counts["echo"] == 2
    assert [fact.source for fact in crm.facts(mobile(1))] == ["inbound"]


def test_an_echo_that_comes_after_a_start_does_not_undo_it(crm: HubSpotSync) -> None:
    truth, one = crm.fake.truth, id_of(crm, 1)
    crm.say(mobile(1), "opt_out", channel="sms")
    crm.run()
    truth.edit(one, sms_consent="unsubscribed")
    crm.pass_time(90)
    crm.fake.faults.next = ["closed"]
    crm.say(mobile(1), "opt_in", channel="sms")
    crm.run()
    assert [fact.kind for fact in crm.facts(mobile(1))] == ["opt_out", "opt_in"]
    crm.poll(1_000)
    assert marks(crm, 1) == ["in"]


def test_an_opt_out_there_after_the_team_lifted_one_here_counts(crm: HubSpotSync) -> None:
    crm.say(mobile(1), "opt_out", channel="sms", source="api")
    crm.run()
    crm.say(mobile(1), "opt_in", channel="sms", source="api")
    crm.poll()
    assert marks(crm, 1) == ["out"]
    crm.fake.truth.edit(id_of(crm, 1), sms_consent="unsubscribed")
    crm.poll()
    assert [fact.kind for fact in crm.facts(mobile(1))] == ["opt_out", "opt_in", "opt_out"]


def test_what_daftari_writes_cannot_be_read_as_consent(store: Store, project: Project) -> None:
    crm = HubSpotSync(store, project)
    with pytest.raises(ValidationFailed, match="daftari_sms"):
        crm.write(
            lifecycle.update_connection,
            connection_id=crm.id,
            values={"fields": {**FIELDS, "daftari_sms": "status.sms"}},
        )


def test_a_record_that_changes_to_and_fro_is_left_alone_for_a_day(crm: HubSpotSync) -> None:
    truth, one = crm.fake.truth, id_of(crm, 1)
    for turn in range(8):
        truth.edit(one, firstname=f"Name {turn % 2}")
        crm.poll(61)
    (record,) = problems(crm, "changes_to_and_fro")
    assert record.id == str(one) and record.problems == ["changes_to_and_fro"]
    before = crm.book()[mobile(1)]
    truth.edit(one, firstname="Held")
    crm.poll()
    assert crm.book()[mobile(1)] == before
    # An opt-out counts all the same.
    truth.edit(one, sms_consent="unsubscribed")
    crm.poll()
    assert [fact.kind for fact in crm.facts(mobile(1))] == ["opt_out"]
    crm.pass_time(DAY)
    crm.compare()
    assert crm.book()[mobile(1)]["fname"] == "Held" and problems(crm) == []


def test_a_record_that_is_edited_often_is_not_held(crm: HubSpotSync) -> None:
    for turn in range(12):
        crm.fake.truth.edit(id_of(crm, 1), firstname=f"Name {turn}")
        crm.poll(61)
    assert crm.book()[mobile(1)]["fname"] == "Name 11" and problems(crm) == []


# ---- what goes wrong ------------------------------------------------------------------------------------


def test_a_record_that_a_rule_there_refuses_is_listed_and_the_others_are_marks(crm: HubSpotSync) -> None:
    truth, one = crm.fake.truth, id_of(crm, 1)
    truth.rejects.add(one)
    for number in (1, 2, 3):
        crm.say(mobile(number), "opt_out")
    crm.run()
    assert marks(crm, 1, 2, 3) == ["", "out", "out"] and counts(crm) == (2, 0, 1, 0)
    (record,) = problems(crm, "write_back_refused")
    assert record.id == str(one) and record.marks[0].state == "refused"
    assert "city is required" in (record.why or "")
    truth.rejects.clear()
    crm.write(lifecycle.retry_records, connection_id=crm.id, ids=[str(one)])
    crm.run()
    assert marks(crm, 1) == ["out"] and counts(crm) == (3, 0, 0, 0) and problems(crm) == []


def test_a_refused_record_that_was_changed_there_is_marked_again(crm: HubSpotSync) -> None:
    truth, one = crm.fake.truth, id_of(crm, 1)
    truth.rejects.add(one)
    crm.say(mobile(1), "opt_out")
    crm.run()
    truth.rejects.clear()
    truth.edit(one, city="Kisumu")
    crm.poll()
    assert marks(crm, 1) == ["out"] and problems(crm) == []


def test_a_record_that_is_gone_there_is_counted_and_read_again(crm: HubSpotSync) -> None:
    one = id_of(crm, 1)
    crm.fake.truth.delete(one)
    crm.say(mobile(1), "opt_out")
    crm.run()
    assert counts(crm) == (0, 0, 0, 1)
    assert crm.states()[str(one)] == "gone"


def test_a_service_that_is_closed_is_marked_later_and_read_meanwhile(crm: HubSpotSync) -> None:
    crm.say(mobile(1), "opt_out")
    crm.fake.faults.next = ["closed"]
    crm.run()
    assert marks(crm, 1) == [""] and counts(crm) == (0, 1, 0, 0)
    view = crm.store.read(crm.project, crm.now, views.show_connection, connection_id=crm.id)
    assert view.write_back_error and view.state == "live"
    assert not crm.is_due()
    crm.poll(200)
    assert marks(crm, 1) == ["out"]
    assert crm.open().progress.write_back_error == ""


def test_opt_outs_are_written_while_our_share_of_the_day_is_used_up(crm: HubSpotSync) -> None:
    crm.spend_share()
    fill(crm, 1, first=9)
    crm.poll()
    assert crm.open().stored.state == "limited"
    crm.say(mobile(1), "opt_out")
    crm.run()
    assert marks(crm, 1) == ["out"] and crm.open().stored.state == "limited"


def test_opt_outs_are_written_while_the_connection_asks_a_question(store: Store, project: Project) -> None:
    crm = connect(store, project, count=60)
    for number in range(1, 41):
        crm.fake.truth.erase(id_of(crm, number))
    crm.compare()
    assert crm.open().stored.state == "needs_confirmation"
    crm.say(mobile(50), "opt_out")
    crm.run()
    assert marks(crm, 50) == ["out"] and crm.open().stored.state == "needs_confirmation"


def test_a_paused_or_broken_connection_writes_what_waited_when_it_continues(crm: HubSpotSync) -> None:
    crm.write(lifecycle.pause_connection, connection_id=crm.id)
    crm.say(mobile(1), "opt_out")
    crm.poll()
    assert marks(crm, 1) == [""] and counts(crm) == (0, 1, 0, 0) and not crm.is_due()
    crm.fake.key = "another"
    crm.write(lifecycle.start_connection, connection_id=crm.id)
    crm.run()
    assert crm.open().stored.state == "broken" and "daftari connection key crm" in crm.open().stored.reason
    crm.say(mobile(2), "opt_out")
    crm.write(lifecycle.change_key, connection_id=crm.id, credentials={"key": "another"})
    crm.run()
    assert marks(crm, 1, 2) == ["out", "out"]


def test_a_right_that_is_missing_is_named_by_the_check_and_stops_it(store: Store, project: Project) -> None:
    crm = connect(store, project, write_back=False)
    crm.fake.scopes -= {"crm.objects.contacts.write", "crm.schemas.contacts.write"}
    crm.write(lifecycle.update_connection, connection_id=crm.id, values={"write_back": True})
    crm.say(mobile(1), "opt_out")
    crm.run()
    assert crm.open().stored.state == "broken"
    assert "crm.objects.contacts.write, crm.schemas.contacts.write" in crm.open().stored.reason
    crm.fake.scopes |= {"crm.objects.contacts.write", "crm.schemas.contacts.write"}
    crm.write(lifecycle.start_connection, connection_id=crm.id)
    crm.run()
    assert marks(crm, 1) == ["out"]


def test_a_key_of_another_account_writes_nothing_there(crm: HubSpotSync) -> None:
    crm.fake.truth.portal = 4711
    crm.write(lifecycle.change_key, connection_id=crm.id, credentials={"key": crm.fake.key})
    crm.say(mobile(1), "opt_out")
    crm.run()
    assert crm.open().stored.state == "broken" and marks(crm, 1) == [""]


def test_a_worker_that_is_killed_before_the_outcome_is_written_writes_it_again(crm: HubSpotSync) -> None:
    crm.say(mobile(1), "opt_out")
    kill_before_outcome(crm)
    assert marks(crm, 1) == ["out"] and counts(crm) == (0, 1, 0, 0)
    crm.run()
    assert counts(crm) == (1, 0, 0, 0) and writes(crm) == 2


class Killed(Exception):
    pass


def kill_before_outcome(crm: HubSpotSync) -> None:
    """A worker makes the call and is gone before it writes what came of it."""
    work = crm.work()
    write = work._write

    def until_outcome(rule: Any, *args: Any, **kwargs: Any) -> Any:
        if rule.__name__ in ("take_outcomes", "fail_marks"):
            raise Killed
        return write(rule, *args, **kwargs)

    vars(work)["_write"] = until_outcome
    with suppress(Killed):
        while work.step():
            pass


def test_what_a_person_says_between_call_and_outcome_is_marked_next(crm: HubSpotSync) -> None:
    crm.say(mobile(1), "opt_out")
    crm.run()
    crm.say(mobile(1), "opt_in", channel="sms")
    work = crm.work()
    write = work._write

    def said_meanwhile(rule: Any, *args: Any, **kwargs: Any) -> Any:
        if rule.__name__ == "take_outcomes" and len(crm.facts(mobile(1))) == 2:
            crm.say(mobile(1), "opt_out", channel="sms")
        return write(rule, *args, **kwargs)

    vars(work)["_write"] = said_meanwhile
    while work.step():
        pass
    assert marks(crm, 1) == ["out"] and counts(crm) == (1, 0, 0, 0)


def test_a_worker_that_lost_the_connection_writes_no_outcome(crm: HubSpotSync) -> None:
    crm.say(mobile(1), "opt_out")
    slow = crm.work()
    write = slow._write

    def lost(rule: Any, *args: Any, **kwargs: Any) -> Any:
        if rule.__name__ == "take_outcomes":
            crm.run()
        return write(rule, *args, **kwargs)

    vars(slow)["_write"] = lost
    assert not slow.step()
    assert counts(crm) == (1, 0, 0, 0)


# ---- people who are erased, connections that are removed ------------------------------------------------


def test_an_erased_person_is_opted_out_there_and_nothing_else_is_kept(crm: HubSpotSync) -> None:
    truth, one = crm.fake.truth, id_of(crm, 1)
    truth.rejects.add(one)
    crm.say(mobile(1), "opt_out", channel="sms")
    crm.run()
    assert [row.why for row in rows(crm) if row.channel == "sms"] != [""]
    truth.rejects.clear()
    consent_calls.erase_number(crm.store, crm.project, mobile(1), now=crm.now)
    assert {row.why for row in rows(crm)} == {""}
    crm.run()
    assert marks(crm, 1) == ["out"] == marks(crm, 1, channel="whatsapp")
    assert {(row.word, row.state, row.due_at) for row in rows(crm)} == {("out", "written", 0)}


def test_an_erasure_leaves_no_words_of_the_other_system_wherever_the_record_is(crm: HubSpotSync) -> None:
    truth, one = crm.fake.truth, id_of(crm, 1)
    truth.rejects.add(one)
    crm.say(mobile(1), "opt_out", channel="sms")
    crm.say(mobile(2), "opt_out", channel="sms")
    crm.run()
    truth.delete(one)
    crm.write(lifecycle.update_connection, connection_id=crm.id, values={"write_back": False})
    for number in (1, 2):
        consent_calls.erase_number(crm.store, crm.project, mobile(number), now=crm.now)
    assert rows(crm) == [] and not any(crm.open().progress.write_backs.values())


def test_a_removed_connection_leaves_nothing_and_is_marked_nothing(crm: HubSpotSync) -> None:
    crm.say(mobile(1), "opt_out")
    crm.run()
    crm.say(mobile(2), "opt_out")
    ids = [*crm.links()]
    crm.write(lifecycle.delete_connection, connection_id=crm.id, leave=False)
    crm.say(mobile(3), "opt_out")
    crm.run()
    found = crm.store.read(crm.project, crm.now, connections.find_write_backs, connection_id=crm.id, ids=ids)
    assert found == [] and marks(crm, 1, 2, 3) == ["out", "", ""]


# ---- what it costs --------------------------------------------------------------------------------------


def test_where_nothing_is_written_back_a_fact_runs_no_statement_for_it(
    store: Store, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    crm = connect(store, project, write_back=False)
    assert crm.write(lambda tx: tx.book.write_backs) == 0
    monkeypatch.setattr(connections, "ask_write_backs", None)
    crm.say(mobile(1), "opt_out")


def test_the_count_of_connections_that_write_back_follows_what_is_set(store: Store, project: Project) -> None:
    crm = connect(store, project, write_back=True)
    assert crm.write(lambda tx: tx.book.write_backs) == 1
    crm.write(lifecycle.update_connection, connection_id=crm.id, values={"write_back": False})
    assert crm.write(lambda tx: tx.book.write_backs) == 0
    crm.write(lifecycle.update_connection, connection_id=crm.id, values={"write_back": True})
    crm.write(lifecycle.update_connection, connection_id=crm.id, values={"name": "other"})
    assert crm.write(lambda tx: tx.book.write_backs) == 1
    crm.write(lifecycle.delete_connection, connection_id=crm.id, leave=False)
    assert crm.write(lambda tx: tx.book.write_backs) == 0
