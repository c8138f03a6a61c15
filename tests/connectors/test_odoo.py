"""The connector of Odoo against a fake that is written from its documentation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from daftari.connectors.odoo import Odoo, connector
from daftari.connectors.odoo.api import CLOUD_CALLS_PER_MINUTE
from daftari.connectors.protocol import ConnectorFailed, Mark, Page, Record
from daftari.connectors.times import SECOND
from tests.connectors.connections import odoo
from tests.support.fake_crm import Clock, FakeOdoo
from tests.support.fake_crm.reader import Reader

KE, OTHER = "+254722000001", "+254722000002"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fake(clock: Clock) -> FakeOdoo:
    return FakeOdoo(1, clock)


def read_all(connector: Odoo, clock: Clock, cursor: str = "") -> tuple[list[Record], Page]:
    """What there is to read, and the last page."""
    records: list[Record] = []
    while True:
        page = connector.read_changes(cursor, now=clock.moment)
        records += page.records
        cursor = page.cursor
        if not page.has_more:
            return records, page


def values(connector: Odoo, *ids: int) -> list[dict[str, Any]]:
    found = {record.id: record for record in connector.read_records([*map(str, ids)])}
    return [dict(found[str(one)].values) for one in ids]


def failure(connector: Odoo) -> ConnectorFailed:
    with pytest.raises(ConnectorFailed) as failed:
        connector.check()
    return failed.value


# ---- contacts ---------------------------------------------------------------------------------------


def test_a_contact_has_its_fields_tags_and_place(fake: FakeOdoo, clock: Clock) -> None:
    tag = fake.truth.make_tag("VIP")
    one = fake.truth.create("Amina Otieno", "0722 000 001", city="Kisumu", tags=[tag])
    (record,) = odoo(fake, clock).read_records([str(one)])
    assert record.values == {
        "phones": [KE, "0722 000 001"],
        "name": "Amina Otieno",
        "city": "Kisumu",
        "is_company": False,
    }
    assert record.groups == [f"category:{tag}"] and record.url == f"https://odoo.example/odoo/res.partner/{one}"
    assert record.version == int(clock.at) * SECOND


def test_a_number_is_read_by_the_country_of_its_contact(fake: FakeOdoo, clock: Clock) -> None:
    ids = [fake.truth.create("P", "0772 123 456", country=country) for country in ("UG", "", "KE")]
    found = [one["phones"][0] for one in values(odoo(fake, clock), *ids)]
    assert found == ["+256772123456", "+254772123456", "+254772123456"]


def test_a_company_has_no_name_of_a_person(fake: FakeOdoo, clock: Clock) -> None:
    ids = [
        fake.truth.create("Ziwa Ltd", "0722 000 001", is_company=True),
        fake.truth.create("Amina", "0722 000 002", company="Ziwa Ltd"),
        fake.truth.create("Juma", "0722 000 003"),
    ]
    found = values(odoo(fake, clock, fields=("phones", "name", "commercial_company_name", "company_type")), *ids)
    assert [one.get("name") for one in found] == [None, "Amina", "Juma"]
    assert [one.get("commercial_company_name") for one in found] == ["Ziwa Ltd", "Ziwa Ltd", None]
    assert [one["company_type"] for one in found] == ["company", "person", "person"]


@pytest.mark.parametrize(
    ("has_mobile", "phones"), [(True, ["+254733000002", "0733 000 002", "0722 000 001"]), (False, [KE, "0722 000 001"])]
)
def test_a_mobile_comes_first_where_there_is_one(
    fake: FakeOdoo, clock: Clock, has_mobile: bool, phones: list[str]
) -> None:
    fake.truth.has_mobile = has_mobile
    one = fake.truth.create("P", "0722 000 001", mobile="0733 000 002")
    assert values(odoo(fake, clock), one)[0]["phones"] == phones


def test_fields_that_a_company_made_are_read_by_their_kinds(fake: FakeOdoo, clock: Clock) -> None:
    one = fake.truth.create("P", "0722 000 001")
    fake.own_fields = {
        "x_points": ("Points", "integer", {one: 0}),
        "x_wholesale": ("Wholesale", "boolean", {one: True}),
        "x_route": ("Route", "many2one", {one: [4, "Kisumu West"]}),
        "x_note": ("Note", "char", {}),
    }
    assert values(odoo(fake, clock, fields=("phones", *fake.own_fields)), one) == [
        {"phones": [KE, "0722 000 001"], "x_points": 0, "x_wholesale": True, "x_route": "Kisumu West"}
    ]


def test_one_that_is_archived_is_gone_until_it_is_back(fake: FakeOdoo, clock: Clock) -> None:
    one = fake.truth.create("P", "0722 000 001")
    fake.truth.edit(one, active=False)
    (record,) = odoo(fake, clock).read_records([str(one)])
    assert (record.gone, record.values) == ("deleted", {})
    records, _ = read_all(odoo(fake, clock), clock)
    assert [record.gone for record in records] == ["deleted"]
    clock.at += 60
    fake.truth.edit(one, active=True)
    assert odoo(fake, clock).read_records([str(one)])[0].gone is None


def test_one_that_was_deleted_is_left_out(fake: FakeOdoo, clock: Clock) -> None:
    ids = [fake.truth.create("P", "0722 000 001") for _ in range(2)]
    fake.truth.delete(ids[0])
    assert [record.id for record in odoo(fake, clock).read_records([*map(str, ids), "x"])] == [str(ids[1])]


# ---- changes ----------------------------------------------------------------------------------------


@pytest.fixture
def small_pages() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connector, "PAGE", 5)
        patch.setattr(connector, "IDS_PAGE", 5)
        yield


@pytest.mark.usefixtures("small_pages")
def test_everything_is_read_once_and_then_what_changed(fake: FakeOdoo, clock: Clock) -> None:
    ids = [fake.truth.create(f"P{place}", "0722 000 001") for place in range(12)]
    clock.at += 3_600
    reader = odoo(fake, clock)
    records, page = read_all(reader, clock)
    assert [record.id for record in records] == [*map(str, ids)]
    clock.at += 60
    fake.truth.edit(ids[3], city="Kisumu")
    records, page = read_all(reader, clock, page.cursor)
    assert [(record.id, record.values["city"]) for record in records] == [(str(ids[3]), "Kisumu")]


@pytest.mark.parametrize("seconds", [110.0, 1150.0])
def test_what_is_committed_late_is_read(fake: FakeOdoo, clock: Clock, seconds: float) -> None:
    one = fake.truth.create("P", "0722 000 001")
    reader = odoo(fake, clock)
    _, page = read_all(reader, clock)
    for _ in range(30):
        clock.at += 60
        _, page = read_all(reader, clock, page.cursor)
    assert page.seen_until is not None and page.complete_until == page.seen_until - connector.OVERLAP
    fake.truth.edit(one, began=seconds, city="Kisumu")
    assert int(fake.truth.partners[one].written) * SECOND < page.seen_until
    clock.at += 10
    records, _ = read_all(reader, clock, page.cursor)
    assert [record.values["city"] for record in records] == ["Kisumu"]


def test_a_merge_and_a_deletion_show_in_the_count_once_an_hour(fake: FakeOdoo, clock: Clock) -> None:
    ids = [fake.truth.create("P", f"0722 000 00{place}") for place in range(4)]
    clock.at += 60
    reader = odoo(fake, clock)
    _, page = read_all(reader, clock)
    assert not page.ends_deleted and reader.count_records(made_before=clock.moment) == 4
    fake.truth.merge(ids[0], ids[1])
    fake.truth.delete(ids[2])
    clock.at += 3_700
    _, page = read_all(reader, clock, page.cursor)
    assert page.ends_deleted and reader.count_records(made_before=clock.moment) == 2
    clock.at += 60
    _, page = read_all(reader, clock, page.cursor)
    assert not page.ends_deleted


@pytest.mark.usefixtures("small_pages")
def test_ids_are_listed_of_all_and_of_a_tag(fake: FakeOdoo, clock: Clock) -> None:
    tag = fake.truth.make_tag("VIP")
    ids = [fake.truth.create("P", tags=[tag] if place % 2 else []) for place in range(12)]
    reader = odoo(fake, clock)
    assert [one for piece in reader.list_ids() for one in piece] == [*map(str, ids)]
    assert [one for piece in reader.list_ids(after=str(ids[8])) for one in piece] == [*map(str, ids[9:])]
    assert [one for piece in reader.list_ids(group=f"category:{tag}") for one in piece] == [*map(str, ids[1::2])]
    with pytest.raises(ConnectorFailed, match='"list:1" is no tag of Odoo'):
        next(reader.list_ids(group="list:1"))


# ---- the blacklist ----------------------------------------------------------------------------------


def test_a_number_on_the_blacklist_is_an_opt_out_since_then(fake: FakeOdoo, clock: Clock) -> None:
    ids = [fake.truth.create("P", "0722 000 001"), fake.truth.create("P", "0722 000 002")]
    fake.truth.block(KE)
    since = int(clock.at)
    clock.at += 600
    found = values(odoo(fake, clock), *ids)
    assert [one.get("sms_blacklisted") for one in found] == [True, None]
    assert found[0]["blacklisted_at"] == "2026-11-20T10:00:00Z" and since == 1_795_168_800
    assert "blacklisted_at" not in found[1]


@pytest.mark.usefixtures("small_pages")
def test_who_is_put_on_the_blacklist_is_read_though_no_contact_changed(fake: FakeOdoo, clock: Clock) -> None:
    ids = [fake.truth.create("P", f"0722 000 0{place:02}") for place in range(12)]
    fake.truth.create("Same number", "0722 000 003")
    clock.at += 7_200
    reader = odoo(fake, clock)
    _, page = read_all(reader, clock)
    clock.at += 60
    entries = [fake.truth.block(f"+2547220000{place:02}", began=100.0) for place in range(7)]
    records, page = read_all(reader, clock, page.cursor)
    listed = [record for record in records if record.values.get("sms_blacklisted")]
    assert len(listed) == 8 and {str(one) for one in ids[:7]} < {record.id for record in listed}
    clock.at += 1_800
    _, page = read_all(reader, clock, page.cursor)
    clock.at += 1_800
    fake.truth.set_entry(entries[0], active=False)
    records, _ = read_all(reader, clock, page.cursor)
    assert [(record.id, record.values.get("sms_blacklisted")) for record in records] == [(str(ids[0]), None)]


def test_without_the_right_the_blacklist_shows_with_each_contact(fake: FakeOdoo, clock: Clock) -> None:
    fake.is_admin = False
    one = fake.truth.create("P", "0722 000 001")
    fake.truth.block(KE)
    reader = odoo(fake, clock, write_back=False)
    assert values(reader, one)[0]["sms_blacklisted"] is True and "blacklisted_at" not in values(reader, one)[0]
    _, page = read_all(reader, clock)
    assert page.warnings == [connector.NO_RIGHT]
    account = reader.check()
    assert account.warnings == [connector.NO_RIGHT] and not account.missing
    assert odoo(fake, clock).check().missing == ["write phone.blacklist"]


@pytest.mark.parametrize(
    ("has_sms", "has_phone_validation", "warning"),
    [(False, True, connector.NO_FIELD), (False, False, connector.NO_FIELD), (True, False, connector.NO_MODEL)],
)
def test_a_module_that_is_missing_is_named(
    fake: FakeOdoo, clock: Clock, has_sms: bool, has_phone_validation: bool, warning: str
) -> None:
    fake.truth.has_sms, fake.truth.has_phone_validation = has_sms, has_phone_validation
    one = fake.truth.create("P", "0722 000 001")
    reader = odoo(fake, clock)
    account = reader.check()
    assert account.warnings == [warning]
    assert account.missing == ([] if has_phone_validation else ["write phone.blacklist"])
    assert values(reader, one)[0]["phones"][-1] == "0722 000 001"
    _, page = read_all(reader, clock)
    assert page.warnings == [warning]


# ---- written back -----------------------------------------------------------------------------------


def mark(record: int, word: Any = "out", *, number: str = "", at: int = 1, channel: str = "sms") -> Mark:
    return Mark(str(record), word, channel, at, int(number or 0))


def test_opt_outs_are_put_on_the_blacklist(fake: FakeOdoo, clock: Clock) -> None:
    ids = [fake.truth.create("P", f"0722 000 00{place}") for place in range(1, 5)]
    fake.truth.set_entry(fake.truth.block(OTHER), active=False)
    fake.truth.block("+254722000003")
    outcomes = odoo(fake, clock).write_back([mark(one) for one in ids], now=clock.moment)
    assert [(one.record_id, one.outcome) for one in outcomes] == [(str(one), "written") for one in ids]
    assert {*fake.truth.blocked()} == {f"+25472200000{place}" for place in range(1, 5)}
    before = len(fake.truth.blacklist)
    assert odoo(fake, clock).write_back([mark(ids[0])], now=clock.moment)[0].outcome == "written"
    assert len(fake.truth.blacklist) == before


def test_the_number_is_that_of_the_opt_out_and_not_one_that_came_since(fake: FakeOdoo, clock: Clock) -> None:
    one = fake.truth.create("P", "0722 000 009")
    odoo(fake, clock).write_back([mark(one, number="254722000001")], now=clock.moment)
    assert [*fake.truth.blocked()] == [KE]


@pytest.mark.parametrize("allowed", [True, False])
def test_who_opts_in_leaves_the_blacklist_only_if_that_is_wanted(fake: FakeOdoo, clock: Clock, allowed: bool) -> None:
    one = fake.truth.create("P", "0722 000 001")
    fake.truth.block(KE)
    (outcome,) = odoo(fake, clock, write_back_opt_ins=allowed).write_back([mark(one, "in")], now=clock.moment)
    assert outcome.outcome == ("written" if allowed else "refused")
    assert [*fake.truth.blocked()] == ([] if allowed else [KE])
    assert len(fake.truth.blacklist) == 1


def test_of_two_contacts_with_a_number_the_opt_out_counts(fake: FakeOdoo, clock: Clock) -> None:
    ids = [fake.truth.create("P", "0722 000 001") for _ in range(2)]
    marks = [mark(ids[0], "out"), mark(ids[1], "in", at=9)]
    odoo(fake, clock, write_back_opt_ins=True).write_back(marks, now=clock.moment)
    assert [*fake.truth.blocked()] == [KE]


def test_one_that_is_refused_stops_no_other(fake: FakeOdoo, clock: Clock) -> None:
    ids = [fake.truth.create("P", f"0722 000 00{place}") for place in range(1, 8)]
    blank = fake.truth.create("P")
    gone = fake.truth.create("P", "0722 000 009")
    fake.truth.delete(gone)
    fake.truth.refused.add("+254722000004")
    marks = [*map(mark, ids), mark(blank), mark(gone), mark(ids[0], channel="whatsapp"), Mark("x", "out", "sms", 1)]
    outcomes = odoo(fake, clock).write_back(marks, now=clock.moment)
    assert [one.outcome for one in outcomes] == [
        *("written", "written", "written", "refused", "written", "written", "written"),
        *("refused", "gone", "refused", "gone"),
    ]
    assert "Please correct the number" in outcomes[3].says and len(fake.truth.blocked()) == 6


@pytest.mark.parametrize(
    ("change", "code"), [({"has_phone_validation": False}, "blacklist_missing"), ({}, "blacklist_forbidden")]
)
def test_nothing_is_written_without_a_blacklist_or_a_right(
    fake: FakeOdoo, clock: Clock, change: dict[str, bool], code: str
) -> None:
    fake.is_admin = bool(change)
    for name, value in change.items():
        setattr(fake.truth, name, value)
    one = fake.truth.create("P", "0722 000 001")
    with pytest.raises(ConnectorFailed) as failed:
        odoo(fake, clock).write_back([mark(one)], now=clock.moment)
    assert (failed.value.kind, failed.value.code) == ("broken", code)


# ---- the check and failures -------------------------------------------------------------------------


def test_a_check_shows_what_there_is(fake: FakeOdoo, clock: Clock) -> None:
    tag = fake.truth.make_tag("VIP")
    ids = [fake.truth.create(f"P{place}", "0722 000 001") for place in range(12)]
    fake.truth.edit(ids[0], active=False)
    account = odoo(fake, clock, account="", groups=(f"category:{tag}", "category:99")).check()
    assert (account.id, account.name, account.time_zone) == ("odoo.example", "Ziwa Ltd", "Africa/Nairobi")
    assert account.count == 11 and len(account.sample) == 10
    assert [(group.name, group.title) for group in account.groups] == [(f"category:{tag}", "VIP")]
    names = [field.name for field in account.fields]
    assert names[:4] == ["phones", "name", "sms_blacklisted", "blacklisted_at"]
    assert "commercial_company_name" in names and "category_id" not in names and names.count("name") == 1
    assert account.warnings == ['Odoo has no tag "category:99" of contacts.'] and not account.missing


def test_a_clock_that_is_wrong_is_noticed(fake: FakeOdoo, clock: Clock) -> None:
    fake.ahead_seconds = -400.0
    (warning,) = odoo(fake, clock).check().warnings
    assert warning.startswith("Odoo's clock is 400 s behind the clock here")


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        ({"key": "old"}, "key_refused", "Odoo refused the key (401). A key ends after three months"),
        ({"account": "other.example"}, "other_account", "The settings lead to odoo.example"),
        ({"fields": ("phones", "x_gone")}, "field_missing", 'Odoo has no field "x_gone" of contacts'),
    ],
)
def test_what_a_person_has_to_do_is_said(
    fake: FakeOdoo, clock: Clock, given: dict[str, Any], code: str, says: str
) -> None:
    reader = odoo(fake, clock, **given)
    with pytest.raises(ConnectorFailed) as failed:
        reader.check() if code != "field_missing" else reader.read_changes("", now=clock.moment)
    assert (failed.value.kind, failed.value.code) == ("broken", code) and says in failed.value.message


@pytest.mark.parametrize(
    ("url", "account"),
    [
        ("ziwa.odoo.com", "ziwa.odoo.com"),
        ("https://Erp.Ziwa.example/odoo/contacts", "erp.ziwa.example"),
        ("http://10.0.0.4:8069/", "10.0.0.4:8069"),
    ],
)
def test_an_address_is_read_as_in_a_browser(fake: FakeOdoo, clock: Clock, url: str, account: str) -> None:
    assert odoo(fake, clock, url=url, account="").check().id == account


@pytest.mark.parametrize("url", ["", "ftp://x", "https://a:b@x", "https://", "https://[x"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ConnectorFailed, match="is no address of Odoo"):
        odoo(FakeOdoo(1, Clock()), Clock(), url=url)


def test_one_of_several_databases_has_to_be_named(fake: FakeOdoo, clock: Clock) -> None:
    fake.has_several = True
    failed = failure(odoo(fake, clock))
    assert failed.code == "no_api" and "give the one as database" in failed.message
    assert odoo(fake, clock, database="ziwa", account="").check().id == "odoo.example/ziwa"


def test_a_user_who_may_not_read_contacts_stops_it(fake: FakeOdoo, clock: Clock) -> None:
    fake.may_read = False
    failed = failure(odoo(fake, clock))
    assert failed.code == "forbidden" and "You are not allowed to access 'Contact'" in failed.message
    assert "\n" not in failed.message


def test_too_many_calls_wait_and_go_on(fake: FakeOdoo, clock: Clock) -> None:
    fake.faults.next = ["limit", "bare_limit"]
    assert odoo(fake, clock).check().name == "Ziwa Ltd"
    assert clock.waited >= 12.0


def test_odoos_own_servers_get_a_call_a_second(fake: FakeOdoo, clock: Clock) -> None:
    reader = odoo(fake, clock, url="https://ziwa.odoo.com", account="")
    for _ in range(30):
        reader.count_records(made_before=clock.moment)
    fake.burst.most = CLOUD_CALLS_PER_MINUTE
    assert clock.waited > 25.0


def test_pages_that_are_out_of_order_are_not_taken(fake: FakeOdoo, clock: Clock) -> None:
    for place in range(3):
        fake.truth.create(f"P{place}", "0722 000 001")
    fake.sorts = False
    with pytest.raises(ConnectorFailed, match="not in the order of their ids"):
        odoo(fake, clock).read_changes("", now=clock.moment)


def test_the_key_is_in_no_message(fake: FakeOdoo, clock: Clock) -> None:
    fake.may_read = False
    fake.title = f"Contact {fake.key}"
    assert fake.key not in failure(odoo(fake, clock)).message


def test_a_simple_reader_ends_with_the_truth(fake: FakeOdoo, clock: Clock) -> None:
    ids = [fake.truth.create(f"P{place}", f"0722 000 00{place}") for place in range(6)]
    reader = Reader(odoo(fake, clock), clock)
    reader.poll()
    fake.truth.merge(ids[0], ids[1])
    fake.truth.delete(ids[2])
    clock.at += 60
    reader.poll()
    reader.compare()
    assert {id for id, link in reader.links.items() if link.gone is None} == {str(one) for one in fake.truth.live()}
