"""HubSpot: checks, lists, batches, opt-outs that are written back, limits, and what each failure says."""

from __future__ import annotations

import msgspec
import pytest

from daftari.connectors.calls import Usage
from daftari.connectors.protocol import ConnectorFailed, Mark, MarkOutcome, Record
from tests.connectors.connections import hubspot
from tests.support.fake_crm import Clock, FakeHubSpot
from tests.support.fake_crm.reader import Reader

TEN_THIRTY = 1_795_169_400_000_000
"""10:30 on 20 November 2026, UTC."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fake(clock: Clock) -> FakeHubSpot:
    return FakeHubSpot(1, clock, lag_seconds=0.0)


def people(fake: FakeHubSpot, count: int) -> list[int]:
    return [fake.truth.create(firstname=f"P{place}", mobilephone=f"07220{place:05}") for place in range(count)]


def failure_of(fake: FakeHubSpot, clock: Clock, **given: object) -> ConnectorFailed:
    """What a poll fails with."""
    with pytest.raises(ConnectorFailed) as caught:
        hubspot(fake, clock, **given).read_changes("", now=clock.moment)
    return caught.value


# ---- check ------------------------------------------------------------------------------------------


def test_a_check_describes_the_account(fake: FakeHubSpot, clock: Clock) -> None:
    ids = people(fake, 3)
    fake.truth.make_list(12, "VIP", ids[:2])
    fake.truth.make_list(13, "Companies", object_type="0-2")
    made_at = fake.truth.now * 1_000
    account = hubspot(fake, clock, groups=["list:12"], account="").check()
    assert (account.id, account.time_zone, account.count) == ("62515", "Africa/Nairobi", 3)
    assert not account.missing and not account.warnings
    (vip,) = account.groups
    assert (vip.name, vip.title, vip.size, vip.changed_at) == ("list:12", "VIP", 2, made_at)
    assert "mobilephone" in [field.name for field in account.fields]


def test_a_check_shows_the_contacts_that_changed_last(fake: FakeHubSpot, clock: Clock) -> None:
    ids = people(fake, 12)
    clock.at += 1.0
    fake.truth.edit(ids[4], city="Kisumu")
    fake.truth.merge(ids[5], ids[6], makes_new=False)
    sample = hubspot(fake, clock).check().sample
    assert len(sample) == 10 and {record.id for record in sample[:2]} == {str(ids[4]), str(ids[5])}
    assert {record.gone for record in sample} == {None}


def test_contacts_are_counted_in_one_call_but_for_the_newest_and_the_deleted(fake: FakeHubSpot, clock: Clock) -> None:
    ids = people(fake, 250)
    fake.truth.delete(ids[0])
    fake.truth.erase(ids[1])
    fake.truth.merge(ids[2], ids[3], makes_new=False)
    clock.at += 60.0
    people(fake, 5)
    assert hubspot(fake, clock).count_records(made_before=clock.moment - 30_000_000) == 247
    assert [path for _, path in fake.calls] == ["/crm/objects/2026-09/contacts/search"]


def test_a_check_changes_nothing(fake: FakeHubSpot, clock: Clock) -> None:
    (amina,) = people(fake, 1)
    before = (fake.truth.contacts[amina].modified, set(fake.truth.properties), set(fake.truth.groups))
    clock.at += 5.0
    hubspot(fake, clock).check()
    assert (fake.truth.contacts[amina].modified, set(fake.truth.properties), set(fake.truth.groups)) == before


def test_a_check_names_the_scopes_that_are_missing(fake: FakeHubSpot, clock: Clock) -> None:
    fake.scopes = {"crm.objects.contacts.read"}
    account = hubspot(fake, clock).check()
    assert account.missing == [
        "crm.lists.read",
        "crm.objects.contacts.write",
        "crm.schemas.contacts.write",
        "crm.schemas.contacts.read",
    ]
    fake.scopes.add("crm.schemas.contacts.read")
    assert hubspot(fake, clock, write_back=False).check().missing == ["crm.lists.read"]


def test_a_key_that_may_not_list_properties_reads_all_the_same(fake: FakeHubSpot, clock: Clock) -> None:
    people(fake, 3)
    fake.scopes.remove("crm.schemas.contacts.read")
    assert len(hubspot(fake, clock).read_changes("", now=clock.moment).records) == 3


def test_a_check_warns_of_fields_and_lists_that_are_not_there(fake: FakeHubSpot, clock: Clock) -> None:
    fake.hidden = {"phone"}
    account = hubspot(fake, clock, fields=["phone", "mobil"], groups=["list:99"]).check()
    assert list(account.warnings) == [
        'HubSpot has no contact property "phone", or hides it from this key.',
        'HubSpot has no contact property "mobil", or hides it from this key.',
        'HubSpot has no contact list "99", or hides it from this key.',
    ]


def test_a_key_of_another_account_is_refused(fake: FakeHubSpot, clock: Clock) -> None:
    fake.truth.portal = 4_711
    with pytest.raises(ConnectorFailed, match="belongs to HubSpot account 4711, the connection to 62515") as caught:
        hubspot(fake, clock).check()
    assert (caught.value.kind, caught.value.code) == ("broken", "other_account")


# ---- records and lists ------------------------------------------------------------------------------


def test_a_record_has_the_fields_that_were_asked_for_and_no_blanks(fake: FakeHubSpot, clock: Clock) -> None:
    amina = fake.truth.create(firstname="Amina", mobilephone="0722 000 001", city="", company="Ziwa Ltd")
    (record,) = hubspot(fake, clock).read_changes("", now=clock.moment).records
    assert record == Record(
        id=str(amina),
        version=fake.truth.contacts[amina].modified * 1_000,
        values={"firstname": "Amina", "mobilephone": "0722 000 001"},
        url=f"https://app.hubspot.com/contacts/62515/record/0-1/{amina}",
    )


def test_records_are_read_by_id_with_what_became_of_them(fake: FakeHubSpot, clock: Clock) -> None:
    live, deleted, loser, winner, erased = people(fake, 5)
    fake.truth.delete(deleted)
    fake.truth.merge(winner, loser, makes_new=False)
    fake.truth.erase(erased)
    found = hubspot(fake, clock).read_records([*map(str, (live, deleted, loser, erased)), "9999"])
    by_id = {record.id: (record.gone, record.merged_into) for record in found}
    assert by_id == {
        str(live): (None, ""),
        str(deleted): ("deleted", ""),
        str(loser): ("merged", str(winner)),
        str(winner): (None, ""),
        str(erased): ("erased", ""),
        "9999": ("erased", ""),
    }


def test_all_ids_and_the_members_of_a_list_come_ascending(fake: FakeHubSpot, clock: Clock) -> None:
    ids = people(fake, 620)
    fake.truth.delete(ids[5])
    fake.truth.make_list(12, "VIP", reversed(ids[10:600]))
    connector = hubspot(fake, clock)
    live = [id for id in ids if id != ids[5]]
    assert [int(id) for piece in connector.list_ids() for id in piece] == live
    assert [int(id) for piece in connector.list_ids(after=str(ids[300])) for id in piece] == ids[301:]
    assert [int(id) for piece in connector.list_ids(group="list:12") for id in piece] == ids[10:600]
    after = connector.list_ids(group="list:12", after=str(ids[400]))
    assert [int(id) for piece in after for id in piece] == ids[401:600]


def test_one_call_says_whether_a_list_changed(fake: FakeHubSpot, clock: Clock) -> None:
    ids = people(fake, 3)
    fake.truth.make_list(12, "VIP", ids)
    connector = hubspot(fake, clock)
    (before,) = connector.list_groups()
    clock.at += 60.0
    fake.truth.leave(12, ids[0])
    fake.calls.clear()
    (after,) = connector.list_groups()
    assert len(fake.calls) == 1
    assert (before.size, after.size) == (3, 2)
    assert before.changed_at is not None and after.changed_at is not None and after.changed_at > before.changed_at


def test_a_list_that_is_gone_says_so(fake: FakeHubSpot, clock: Clock) -> None:
    with pytest.raises(ConnectorFailed, match="HubSpot has no list 12 now") as caught:
        list(hubspot(fake, clock).list_ids(group="list:12"))
    assert (caught.value.kind, caught.value.code) == ("broken", "group_gone")
    with pytest.raises(ConnectorFailed, match='"filter:7" is no list of HubSpot'):
        list(hubspot(fake, clock).list_ids(group="filter:7"))


def test_more_contacts_of_one_moment_than_a_search_shows_are_all_read(fake: FakeHubSpot, clock: Clock) -> None:
    ids = people(fake, 10_450)
    reader = Reader(hubspot(fake, clock), clock)
    reader.poll()
    clock.at += 3_000.0
    fake.truth.edit_all(ids, city="Kisumu")
    clock.at += 60.0
    reader.poll()
    assert {link.values.get("city") for link in reader.links.values()} == {"Kisumu"}
    assert len(reader.links) == 10_450


def test_a_poll_without_changes_is_one_call(fake: FakeHubSpot, clock: Clock) -> None:
    people(fake, 3)
    reader = Reader(hubspot(fake, clock), clock)
    reader.poll()
    clock.at += 700.0
    reader.poll()
    fake.calls.clear()
    clock.at += 60.0
    reader.poll()
    assert fake.calls == [("POST", "/crm/objects/2026-09/contacts/search")]
    assert clock.moment - reader.complete_until < 31_000_000


def test_a_field_that_is_hidden_stops_the_reading_and_is_no_blank(fake: FakeHubSpot, clock: Clock) -> None:
    people(fake, 3)
    reader = Reader(hubspot(fake, clock), clock)
    reader.poll()
    fake.hidden = {"mobilephone"}
    failure = failure_of(fake, clock)
    assert (failure.kind, failure.code) == ("broken", "field_missing")
    assert failure.message == (
        'HubSpot has no contact property "mobilephone", or hides it from this key. '
        "Give the key the right to read it, or choose another field."
    )
    clock.at += 3_700.0
    with pytest.raises(AssertionError, match='"mobilephone", or hides it'):
        reader.poll()


# ---- opt-outs that are written back -----------------------------------------------------------------


def mark(id: int, word: str = "out", channel: str = "sms", at: int = TEN_THIRTY) -> Mark:
    return Mark(str(id), word, channel, at)


def test_an_opt_out_is_written_to_properties_that_are_made_once(fake: FakeHubSpot, clock: Clock) -> None:
    amina, juma = people(fake, 2)
    connector = hubspot(fake, clock)
    assert connector.write_back([mark(amina), mark(juma, "in")], now=clock.moment) == [
        MarkOutcome(str(amina), "written"),
        MarkOutcome(str(juma), "written"),
    ]
    written = fake.truth.contacts[amina].properties
    assert (written["daftari_sms"], written["daftari_sms_at"]) == ("out", "2026-11-20T10:10:00.000Z")
    assert fake.truth.contacts[juma].properties["daftari_sms"] == "in"
    made = fake.truth.properties["daftari_sms"]
    assert (made.group, made.type, made.options) == ("daftari", "enumeration", ("in", "out"))
    fake.calls.clear()
    hubspot(fake, clock).write_back([mark(juma)], now=clock.moment)
    assert not [path for method, path in fake.calls if method == "POST" and "properties" in path]


def test_properties_that_were_deleted_are_made_again(fake: FakeHubSpot, clock: Clock) -> None:
    ids = people(fake, 150)
    connector = hubspot(fake, clock)
    connector.write_back([mark(ids[0])], now=clock.moment)
    del fake.truth.properties["daftari_sms"]
    fake.truth.rejects = {ids[3]}
    outcomes = connector.write_back([mark(id) for id in ids], now=clock.moment)
    assert {one.record_id for one in outcomes if one.outcome != "written"} == {str(ids[3])}
    written = [id for id in ids if fake.truth.contacts[id].properties.get("daftari_sms") == "out"]
    assert len(written) == 149


def test_of_two_marks_for_a_person_the_later_one_is_written(fake: FakeHubSpot, clock: Clock) -> None:
    (amina,) = people(fake, 1)
    marks = [mark(amina, "out", at=TEN_THIRTY + 1), mark(amina, "in"), mark(amina, "in", "whatsapp")]
    outcomes = hubspot(fake, clock).write_back(marks, now=clock.moment)
    assert [one.outcome for one in outcomes] == ["written"] * 3
    written = fake.truth.contacts[amina].properties
    assert (written["daftari_sms"], written["daftari_whatsapp"]) == ("out", "in")


def test_a_record_that_the_account_refuses_delays_no_other_one(fake: FakeHubSpot, clock: Clock) -> None:
    ids = people(fake, 150)
    fake.truth.rejects = {ids[3], ids[77]}
    fake.truth.delete(ids[5])
    outcomes = hubspot(fake, clock).write_back([mark(id) for id in ids], now=clock.moment)
    assert [one.record_id for one in outcomes] == [str(id) for id in ids]
    other = {one.record_id: one for one in outcomes if one.outcome != "written"}
    assert {id: one.outcome for id, one in other.items()} == {
        str(ids[3]): "refused",
        str(ids[77]): "refused",
        str(ids[5]): "gone",
    }
    assert "city is required by a rule of this account" in other[str(ids[3])].says
    written = [id for id in ids if fake.truth.contacts[id].properties.get("daftari_sms") == "out"]
    assert len(written) == 147


def test_what_was_not_reached_is_written_again(fake: FakeHubSpot, clock: Clock) -> None:
    ids = people(fake, 150)
    connector = hubspot(fake, clock)
    connector.write_back([mark(ids[0])], now=clock.moment)
    fake.faults.next = [None, "error", "error", "error"]
    outcomes = connector.write_back([mark(id) for id in ids], now=clock.moment)
    assert [one.outcome for one in outcomes] == ["written"] * 100 + ["again"] * 50
    fake.faults.next = ["error"] * 3
    with pytest.raises(ConnectorFailed, match="it answers 500"):
        connector.write_back([mark(ids[0])], now=clock.moment)


def test_an_answer_that_was_lost_does_no_harm(fake: FakeHubSpot, clock: Clock) -> None:
    (amina,) = people(fake, 1)
    connector = hubspot(fake, clock)
    fake.faults.next = ["lost"] * 2
    assert connector.write_back([mark(amina)], now=clock.moment) == [MarkOutcome(str(amina), "written")]


# ---- limits -----------------------------------------------------------------------------------------


def test_no_limit_is_reached_and_little_of_it_is_left_unused(fake: FakeHubSpot, clock: Clock) -> None:
    """Through a reading of everything with the limit of a professional account, and as many searches."""
    fake.burst.most = 190
    fake.day.most = 650_000
    ids = people(fake, 8_000)
    connector = hubspot(fake, clock, latency_seconds=0.001)
    started = clock.at
    cursor = connector.read_changes("", now=clock.moment).cursor
    while '"all"' in cursor:
        cursor = connector.read_changes(cursor, now=clock.moment).cursor
    assert 8_000 / (clock.at - started) > 0.95 * 1_900
    fake.truth.edit_all(ids, city="Kisumu")
    clock.at += 60.0
    started, has_more = clock.at, True
    while has_more:
        page = connector.read_changes(cursor, now=clock.moment)
        cursor, has_more = page.cursor, page.has_more
    assert 8_000 / (clock.at - started) > 0.95 * 1_000
    assert (fake.burst.refused, fake.searches.refused) == (0, 0)


@pytest.mark.parametrize("fault", ["limit", "bare_limit", "error", "gateway", "lost", "cut", "drip", "page"])
def test_a_fault_that_passes_is_not_noticed(fake: FakeHubSpot, clock: Clock, fault: str) -> None:
    people(fake, 3)
    fake.faults.next = [fault, fault]
    assert len(hubspot(fake, clock).read_changes("", now=clock.moment).records) == 3


def test_the_calls_of_a_day_are_shared_with_other_programs(fake: FakeHubSpot, clock: Clock) -> None:
    fake.day.most = 20
    usage = Usage()
    people(fake, 2_000)
    connector = hubspot(fake, clock, usage=usage)
    cursor = ""
    for _ in range(11):  # One more call looks for the fields.
        cursor = connector.read_changes(cursor, now=clock.moment).cursor
    with pytest.raises(ConnectorFailed) as caught:
        connector.read_changes(cursor, now=clock.moment)
    assert (caught.value.kind, caught.value.code) == ("limited", "daily_limit")
    assert caught.value.message == (
        "HubSpot's calls for today are used up (20; 12 by us). It continues at 00:00 its time."
    )
    assert fake.day.used == usage.used == 12
    # Midnight in Nairobi is 21:00 UTC. An opt-out is written back all the same.
    assert caught.value.until == 1_795_208_400_000_000
    (written,) = connector.write_back([mark(101)], now=clock.moment)
    assert written.outcome == "written"
    clock.at = caught.value.until / 1_000_000
    assert hubspot(fake, clock, usage=usage).read_changes(cursor, now=clock.moment).records


def test_a_day_that_others_used_up_ends_the_run(fake: FakeHubSpot, clock: Clock) -> None:
    fake.day.take(250_000)
    failure = failure_of(fake, clock)
    assert (failure.kind, failure.code) == ("limited", "daily_limit")
    assert failure.message.startswith("HubSpot's calls for today are used up (250,000; 1 by us).")


def test_a_burst_that_lasts_is_a_limit(fake: FakeHubSpot, clock: Clock) -> None:
    fake.faults.next = ["limit"] * 3
    failure = failure_of(fake, clock)
    assert (failure.kind, failure.code) == ("limited", "rate_limit")
    assert failure.until is not None and failure.until > clock.moment


def test_an_account_that_moves_is_left_alone_for_as_long_as_it_says(fake: FakeHubSpot, clock: Clock) -> None:
    fake.faults.next = ["moving"]
    failure = failure_of(fake, clock)
    assert (failure.kind, failure.code) == ("limited", "moving")
    assert failure.until == pytest.approx(clock.moment + 120_000_000, abs=1_000)
    assert failure.message == ("HubSpot is moving this account to another data centre. It continues at 13:02 its time.")


def test_a_service_that_is_closed_is_asked_again_when_it_says_so(fake: FakeHubSpot, clock: Clock) -> None:
    fake.faults.next = ["closed"]
    failure = failure_of(fake, clock)
    assert (failure.kind, failure.code) == ("again", "unavailable")
    assert failure.until == pytest.approx(clock.moment + 120_000_000, abs=1_000)


# ---- failures ---------------------------------------------------------------------------------------


def test_a_refused_key_says_what_to_do(fake: FakeHubSpot, clock: Clock) -> None:
    failure = failure_of(fake, clock, key="old-key-kikapu")
    assert (failure.kind, failure.code) == ("broken", "key_refused")
    assert failure.message == (
        'HubSpot refused the key (401). Make a new service key and give it with "daftari connection key crm"; '
        "nothing is lost, the sync continues where it stopped."
    )


def test_a_key_that_expires_in_the_middle_loses_nothing(fake: FakeHubSpot, clock: Clock) -> None:
    ids = people(fake, 350)
    connector = hubspot(fake, clock)
    page = connector.read_changes("", now=clock.moment)
    read = [record.id for record in page.records]
    fake.key = "pat-eu1-new-kikapu"
    with pytest.raises(ConnectorFailed, match="HubSpot refused the key"):
        connector.read_changes(page.cursor, now=clock.moment)
    cursor, has_more = page.cursor, True
    while has_more:
        page = hubspot(fake, clock).read_changes(cursor, now=clock.moment)
        cursor, has_more = page.cursor, page.has_more
        read += [record.id for record in page.records]
    assert [int(id) for id in read] == ids


def test_a_missing_scope_is_named(fake: FakeHubSpot, clock: Clock) -> None:
    fake.scopes = set()
    assert failure_of(fake, clock).message == "The key may not read contacts: add the scope crm.objects.contacts.read."
    fake.truth.make_list(12, "VIP")
    with pytest.raises(ConnectorFailed) as caught:
        list(hubspot(fake, clock).list_ids(group="list:12"))
    assert caught.value.message == "The key may not read lists: add the scope crm.lists.read."
    assert (caught.value.kind, caught.value.code) == ("broken", "scope_missing")


def test_what_cannot_be_read_fails_and_changes_no_cursor(fake: FakeHubSpot, clock: Clock) -> None:
    fake.faults.next = ["nonsense"]
    failure = failure_of(fake, clock)
    assert (failure.kind, failure.code) == ("again", "unavailable")
    fake.faults.next = ["page"] * 3
    assert failure_of(fake, clock).message == (
        "HubSpot cannot be read now: it answers with a page for people (403). The next run tries again."
    )


def test_no_message_repeats_the_key(fake: FakeHubSpot, clock: Clock) -> None:
    (amina,) = people(fake, 1)
    fake.truth.rejects = {amina}
    connector = hubspot(fake, clock)
    outcome = connector.write_back([mark(amina)], now=clock.moment)[0]
    assert fake.key not in outcome.says
    assert fake.key not in repr(connector._api._connection)


def test_a_cursor_is_small_and_plain(fake: FakeHubSpot, clock: Clock) -> None:
    people(fake, 300)
    page = hubspot(fake, clock).read_changes("", now=clock.moment)
    assert len(page.cursor) < 300 and msgspec.json.decode(page.cursor)["stage"] == "all"
    assert (page.complete_until, page.has_more) == (None, True)


def test_nearly_all_of_the_allowed_calls_are_used_and_none_is_refused(fake: FakeHubSpot, clock: Clock) -> None:
    fake.burst.most = 190
    people(fake, 30_000)
    clock.at += 86_400
    connector = hubspot(fake, clock, latency_seconds=0.01)
    began, cursor, read = clock.at, "", 0
    while read < 30_000:
        page = connector.read_changes(cursor, now=clock.moment)
        cursor, read = page.cursor, read + len(page.records)
        # What was read is written.
        clock.at += 0.05 if read % 1_000 == 0 else 0.0
    assert fake.burst.refused == 0
    assert read / (clock.at - began) >= 0.95 * 1_900
