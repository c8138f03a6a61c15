"""Pipedrive: checks, groups, opt-outs that are written back, tokens, limits, and what each failure says."""

from __future__ import annotations

import pytest

from daftari.connectors.calls import Caller, Usage
from daftari.connectors.pipedrive import Pipedrive
from daftari.connectors.protocol import Connection, ConnectorFailed, Mark, MarkOutcome, Record
from daftari.model.secrets import Secret
from tests.connectors.connections import pipedrive
from tests.support.fake_crm import Clock, FakePipedrive, directly
from tests.support.fake_crm.reader import Reader

NOW = 1_795_168_800_000_000
URL = "https://book.example/v1/connections/1/hook/token"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fake(clock: Clock) -> FakePipedrive:
    return FakePipedrive(2, clock)


def people(fake: FakePipedrive, count: int) -> list[int]:
    return [fake.truth.create(f"P{place}", f"0733{place:06}") for place in range(count)]


def failure_of(fake: FakePipedrive, clock: Clock, **given: object) -> ConnectorFailed:
    """What a poll fails with."""
    clock.at += 60.0
    with pytest.raises(ConnectorFailed) as caught:
        pipedrive(fake, clock, **given).read_changes("", now=clock.moment)
    return caught.value


def mark(id: int, word: str = "out", channel: str = "sms", at: int = NOW) -> Mark:
    return Mark(str(id), word, channel, at)


# ---- check ------------------------------------------------------------------------------------------


def test_a_check_describes_the_company(fake: FakePipedrive, clock: Clock) -> None:
    made = fake.truth.make_field("Segment", "enum", ["Retail", "Farm"])
    fake.truth.filters[7] = ("Kisumu", lambda _: True)
    account = pipedrive(fake, clock, account="", groups=["label:4", "filter:7"], fields=["phones", made.key]).check()
    assert (account.id, account.name, account.time_zone) == ("100", "Ziwa Ltd", "Africa/Nairobi")
    assert [(group.name, group.title) for group in account.groups] == [
        ("label:4", "VIP"),
        ("label:5", "Wholesale"),
        ("filter:7", "Kisumu"),
    ]
    assert (made.key, "Segment", "enum") in [(field.name, field.title, field.kind) for field in account.fields]
    assert not account.warnings and not account.missing


def test_a_check_shows_the_persons_that_changed_last(fake: FakePipedrive, clock: Clock) -> None:
    ids = people(fake, 12)
    clock.at += 2.0
    fake.truth.edit(ids[4], name="Amina Otieno")
    sample = pipedrive(fake, clock).check().sample
    assert len(sample) == 10
    assert (sample[0].id, sample[0].values["name"]) == (str(ids[4]), "Amina Otieno")


def test_a_check_warns_of_what_the_user_does_not_see(fake: FakePipedrive, clock: Clock) -> None:
    fake.truth.is_admin = False
    account = pipedrive(fake, clock, fields=["mobile"], groups=["filter:9"]).check()
    assert list(account.warnings) == [
        'Pipedrive has no person field "mobile".',
        'Pipedrive has no label or filter "filter:9", or hides it from this user.',
        'The token is of "Daftari", who is no admin: only the persons that this user sees are read. '
        "Make a user for Daftari with admin rights, and give its token.",
    ]


def test_a_token_of_another_company_is_refused(fake: FakePipedrive, clock: Clock) -> None:
    fake.truth.company = 101
    with pytest.raises(ConnectorFailed, match="belongs to Pipedrive company 101, the connection to 100") as caught:
        pipedrive(fake, clock).check()
    assert (caught.value.kind, caught.value.code) == ("broken", "other_account")


@pytest.mark.parametrize("company", ["", "ziwa.pipedrive.com", "ziwa/..", "-ziwa", "evil.example#"])
def test_a_company_is_one_word_of_an_address(fake: FakePipedrive, clock: Clock, company: str) -> None:
    connection = Connection(name="crm", settings={"company": company}, credentials={"token": Secret(fake.token)})
    with pytest.raises(ConnectorFailed, match="is no company of Pipedrive"):
        Pipedrive(connection, Caller(directly(fake, clock), clock))


# ---- records and groups -----------------------------------------------------------------------------


def test_a_record_has_its_fields_its_labels_and_the_mobile_phone_first(fake: FakePipedrive, clock: Clock) -> None:
    segment = fake.truth.make_field("Segment", "enum", ["Retail", "Farm"])
    farm = next(id for id, label in segment.options.items() if label == "Farm")
    juma = fake.truth.create("Juma Mwangi", "020 2000000", "0733-000-002", labels=[4])
    fake.truth.write(juma, {segment.key: farm})
    clock.at += 60.0
    connector = pipedrive(fake, clock, fields=["first_name", "phones", "emails", segment.key])
    (record,) = connector.read_changes("", now=clock.moment).records
    assert record == Record(
        id=str(juma),
        version=NOW,
        values={"first_name": "Juma", "phones": ["0733-000-002", "020 2000000"], segment.key: "Farm"},
        groups=["label:4"],
        url=f"https://ziwa.pipedrive.com/person/{juma}",
    )


def test_records_that_are_not_there_are_left_out(fake: FakePipedrive, clock: Clock) -> None:
    live, deleted = people(fake, 2)
    fake.truth.delete(deleted)
    connector = pipedrive(fake, clock)
    assert [record.id for record in connector.read_records([str(live), str(deleted), "9999"])] == [str(live)]
    assert connector.read_records([]) == connector.read_records(["x"]) == []


def test_the_persons_of_a_filter_and_of_a_label_come_ascending(fake: FakePipedrive, clock: Clock) -> None:
    ids = people(fake, 620)
    fake.truth.filters[7] = ("Some", lambda person: person.id in ids[10:600])
    for id in ids[::7]:
        fake.truth.edit(id, labels=[4])
    connector = pipedrive(fake, clock)

    def listed(**given: str) -> list[int]:
        return [int(id) for piece in connector.list_ids(**given) for id in piece]

    assert listed() == ids and listed(after=str(ids[600])) == ids[601:]
    assert listed(group="filter:7") == ids[10:600]
    assert listed(group="label:4") == ids[::7]
    with pytest.raises(ConnectorFailed, match="Pipedrive has no filter 9 now"):
        listed(group="filter:9")
    with pytest.raises(ConnectorFailed, match='"list:9" is no group of Pipedrive'):
        listed(group="list:9")


def test_a_field_that_was_deleted_stops_the_reading_and_is_no_blank(fake: FakePipedrive, clock: Clock) -> None:
    key = fake.truth.make_field("Segment", "varchar").key
    people(fake, 1)
    reader = Reader(pipedrive(fake, clock, fields=["phones", key]), clock)
    clock.at += 60.0
    reader.poll()
    del fake.truth.fields[key]
    failure = failure_of(fake, clock, fields=["phones", key])
    assert (failure.kind, failure.code) == ("broken", "field_missing")
    assert failure.message == f'Pipedrive has no person field "{key}" now: choose another one.'
    clock.at += 3_700.0
    with pytest.raises(AssertionError, match="Pipedrive has no person field"):
        reader.poll()


def test_deletions_are_asked_for_once_an_hour(fake: FakePipedrive, clock: Clock) -> None:
    fake.truth.recents_name_deleted = True
    _, deleted = people(fake, 2)
    reader = Reader(pipedrive(fake, clock), clock)
    clock.at += 60.0
    reader.poll()
    fake.truth.delete(deleted)
    clock.at += 300.0
    reader.poll()
    assert reader.links[str(deleted)].gone is None
    clock.at += 3_600.0
    reader.poll()
    assert reader.links[str(deleted)].gone == "deleted"
    assert [path for _, path in fake.calls].count("/api/v1/recents") == 1


# ---- opt-outs that are written back -----------------------------------------------------------------


def test_an_opt_out_is_written_to_a_field_that_is_made_once(fake: FakePipedrive, clock: Clock) -> None:
    amina, juma = people(fake, 2)
    connector = pipedrive(fake, clock)
    marks = [mark(amina), mark(juma, "in"), mark(juma, "out", at=NOW + 1)]
    assert connector.write_back(marks, now=NOW) == [
        MarkOutcome(str(amina), "written"),
        MarkOutcome(str(juma), "written"),
        MarkOutcome(str(juma), "written"),
    ]
    (field,) = [one for one in fake.truth.fields.values() if one.name == "Daftari SMS"]
    assert [field.options[fake.truth.persons[id].custom[field.key]] for id in (amina, juma)] == ["out", "out"]
    pipedrive(fake, clock).write_back([mark(amina, "in")], now=NOW)
    assert fake.calls.count(("POST", "/api/v1/personFields")) == 1
    assert field.options[fake.truth.persons[amina].custom[field.key]] == "in"


def test_a_field_is_not_made_twice_when_its_answer_is_lost(fake: FakePipedrive, clock: Clock) -> None:
    (amina,) = people(fake, 1)
    fake.faults.next = [None, "lost"]
    with pytest.raises(ConnectorFailed):
        pipedrive(fake, clock).write_back([mark(amina)], now=NOW)
    assert pipedrive(fake, clock).write_back([mark(amina)], now=NOW)[0].outcome == "written"
    assert [one.name for one in fake.truth.fields.values()].count("Daftari SMS") == 1


def test_a_field_that_was_deleted_is_made_again(fake: FakePipedrive, clock: Clock) -> None:
    ids = people(fake, 3)
    connector = pipedrive(fake, clock)
    connector.write_back([mark(ids[0])], now=NOW)
    (key,) = [one.key for one in fake.truth.fields.values() if one.name == "Daftari SMS"]
    del fake.truth.fields[key]
    assert {one.outcome for one in connector.write_back([mark(id) for id in ids], now=NOW)} == {"written"}
    (made,) = [one for one in fake.truth.fields.values() if one.name == "Daftari SMS"]
    assert [made.options[fake.truth.persons[id].custom[made.key]] for id in ids] == ["out"] * 3


def test_a_field_without_our_options_is_named(fake: FakePipedrive, clock: Clock) -> None:
    fake.truth.make_field("Daftari SMS", "enum", ["yes", "no"])
    with pytest.raises(ConnectorFailed, match='"Daftari SMS" has no options "in" and "out" now') as caught:
        pipedrive(fake, clock).write_back([mark(1)], now=NOW)
    assert (caught.value.kind, caught.value.code) == ("broken", "field_changed")


def test_each_mark_has_an_outcome_of_its_own(fake: FakePipedrive, clock: Clock) -> None:
    refused, deleted, last = people(fake, 3)
    fake.truth.rejects = {refused}
    fake.truth.delete(deleted)
    connector = pipedrive(fake, clock)
    outcomes = connector.write_back([mark(refused), mark(deleted), mark(9_999), mark(last)], now=NOW)
    assert [one.outcome for one in outcomes] == ["refused", "gone", "gone", "written"]
    assert outcomes[0].says == "Validation failed: city is required"
    fake.faults.next = [None, *["error"] * 3]
    outcomes = connector.write_back([mark(last), mark(refused)], now=NOW)
    assert [one.outcome for one in outcomes] == ["written", "again"]


# ---- webhooks ---------------------------------------------------------------------------------------


def test_a_webhook_is_made_once_and_again_when_pipedrive_deleted_it(fake: FakePipedrive, clock: Clock) -> None:
    connector = pipedrive(fake, clock)
    secret = Secret("kikapu")
    assert connector.require_webhook(URL, secret=secret)
    assert not connector.require_webhook(URL, secret=secret)
    (made,) = fake.webhooks.values()
    assert (made["event_action"], made["event_object"], made["version"]) == ("*", "person", "2.0")
    fake.webhooks.clear()
    assert connector.require_webhook(URL, secret=secret)
    (made,) = fake.webhooks.values()
    made["is_active"] = 0
    assert connector.require_webhook(URL, secret=secret)


def test_a_webhook_at_another_host_gives_way_and_those_of_others_stay(fake: FakePipedrive, clock: Clock) -> None:
    connector = pipedrive(fake, clock)
    secret = Secret("kikapu")
    for url in (URL, "https://others.example/hook/x"):
        assert connector.require_webhook(url, secret=secret)
    moved = URL.replace("https://", "https://new.")
    assert connector.require_webhook(moved, secret=secret)
    assert {one["subscription_url"] for one in fake.webhooks.values()} == {"https://others.example/hook/x", moved}
    connector.remove_webhook(URL)
    connector.remove_webhook(URL)
    assert {one["subscription_url"] for one in fake.webhooks.values()} == {"https://others.example/hook/x"}


# ---- tokens and limits ------------------------------------------------------------------------------


def test_a_reading_of_everything_ends_at_our_share_and_continues_the_next_day(
    fake: FakePipedrive, clock: Clock
) -> None:
    fake.day.most = 100
    ids: list[int] = []
    for _ in range(41):
        ids += people(fake, 100)
        clock.at += 1.0
    clock.at += 600.0
    usage, cursor = Usage(), ""
    connector = pipedrive(fake, clock, daily_tokens=100, usage=usage)
    read: list[str] = []
    for _ in range(6):
        page = connector.read_changes(cursor, now=clock.moment)
        read += [record.id for record in page.records]
        cursor = page.cursor
    with pytest.raises(ConnectorFailed) as caught:
        connector.read_changes(cursor, now=clock.moment)
    failure = caught.value
    assert (failure.kind, failure.code) == ("limited", "daily_limit")
    assert failure.message == (
        "Pipedrive's tokens for today are used up (100; 60 by us). It continues at 00:00 its time; "
        "what webhooks announce waits until then."
    )
    assert (fake.day.used, usage.used) == (60, 60)
    assert connector.write_back([mark(999_999)], now=NOW)[0].outcome == "gone"
    assert failure.until is not None
    clock.at = failure.until / 1_000_000
    fake.generation += 1
    has_more = True
    while has_more:
        page = pipedrive(fake, clock, daily_tokens=100, usage=usage).read_changes(cursor, now=clock.moment)
        read += [record.id for record in page.records]
        cursor, has_more = page.cursor, page.has_more
    assert {int(id) for id in read} == {*ids}


def test_a_day_that_others_used_up_ends_the_run(fake: FakePipedrive, clock: Clock) -> None:
    fake.day.take(30_000)
    failure = failure_of(fake, clock)
    assert (failure.kind, failure.code) == ("limited", "daily_limit")
    assert failure.message == (
        "Pipedrive's tokens for today are used up (30,000; 10 by us, the rest by other programs). "
        "It tries again each hour; what webhooks announce waits until then."
    )
    assert failure.until == pytest.approx(clock.moment + 3_600_000_000, abs=1_000)


def test_no_limit_of_speed_is_reached(fake: FakePipedrive, clock: Clock) -> None:
    people(fake, 100)
    connector = pipedrive(fake, clock)
    connector.write_back([mark(id) for id in fake.truth.persons], now=NOW)
    assert fake.burst.refused == 0
    clock.at += 60.0
    started = clock.at
    for _ in range(50):
        connector.read_records(["7"])
    assert 50 / (clock.at - started) > 9.5


@pytest.mark.parametrize("fault", ["limit", "bare_limit", "error", "gateway", "lost", "cut", "drip"])
def test_a_fault_that_passes_is_not_noticed(fake: FakePipedrive, clock: Clock, fault: str) -> None:
    people(fake, 3)
    clock.at += 60.0
    fake.faults.next = [fault, fault]
    assert len(pipedrive(fake, clock).read_changes("", now=clock.moment).records) == 3


def test_a_block_by_the_network_is_waited_out(fake: FakePipedrive, clock: Clock) -> None:
    fake.faults.next = ["page"]
    failure = failure_of(fake, clock)
    assert (failure.kind, failure.code) == ("limited", "blocked")
    assert failure.until == pytest.approx(clock.moment + 900_000_000, abs=1_000)
    assert len(fake.calls) == 1


def test_a_burst_that_lasts_is_a_limit(fake: FakePipedrive, clock: Clock) -> None:
    fake.faults.next = ["limit"] * 3
    failure = failure_of(fake, clock)
    assert (failure.kind, failure.code) == ("limited", "rate_limit")


# ---- failures ---------------------------------------------------------------------------------------


def test_a_refused_token_says_what_to_do(fake: FakePipedrive, clock: Clock) -> None:
    failure = failure_of(fake, clock, token="old-token")
    assert (failure.kind, failure.code) == ("broken", "key_refused")
    assert failure.message == (
        "Pipedrive refused the token (401). A user has one token at a time: copy it again from Personal preferences, "
        'API, and give it with "daftari connection key crm"; nothing is lost, the sync continues where it stopped.'
    )


def test_what_cannot_be_read_fails(fake: FakePipedrive, clock: Clock) -> None:
    fake.faults.next = ["nonsense"]
    failure = failure_of(fake, clock)
    assert (failure.kind, failure.code) == ("again", "unavailable")
