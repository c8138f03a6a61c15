"""WooCommerce: checks, records, opt-outs that are written back, webhooks, and what each failure says."""

from __future__ import annotations

import pytest

from daftari.connectors.calls import Caller
from daftari.connectors.protocol import Connection, ConnectorFailed, Mark, MarkOutcome, Record
from daftari.connectors.woocommerce import WooCommerce
from daftari.model.secrets import Secret
from tests.connectors.connections import woocommerce
from tests.support.fake_crm import Clock, FakeWooCommerce, directly
from tests.support.fake_crm.reader import Reader

NOW = 1_795_168_800_000_000
URL = "https://book.example/v1/connections/1/hook/token"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fake(clock: Clock) -> FakeWooCommerce:
    return FakeWooCommerce(2, clock)


def accounts(fake: FakeWooCommerce, count: int) -> list[int]:
    return [fake.truth.register(f"P{one}", f"0733{one:06}", email=f"p{one}@shop.example") for one in range(count)]


def failure_of(fake: FakeWooCommerce, clock: Clock, **given: object) -> ConnectorFailed:
    """What a first reading fails with."""
    with pytest.raises(ConnectorFailed) as caught:
        woocommerce(fake, clock, **given).read_changes("", now=clock.moment)
    return caught.value


def mark(number: int, word: str = "out", channel: str = "sms", at: int = NOW) -> Mark:
    return Mark(f"customer:{number}", word, channel, at)


# ---- check ------------------------------------------------------------------------------------------


def test_a_check_describes_the_shop(fake: FakeWooCommerce, clock: Clock) -> None:
    ids = accounts(fake, 12)
    fake.truth.set_meta(fake.truth.users[ids[-1]], "sms_opt_in", "yes")
    fake.truth.set_meta(fake.truth.users[ids[-1]], "daftari_sms", "out")
    account = woocommerce(fake, clock, account="").check()
    assert (account.id, account.name, account.time_zone, account.count) == (
        "ziwa.example",
        "Ziwa",
        "Africa/Nairobi",
        12,
    )
    names = [field.name for field in account.fields]
    assert {"phones", "role", "paying", "meta.sms_opt_in"} <= {*names} and "meta.daftari_sms" not in names
    assert [group.name for group in account.groups] == ["role:customer", "role:subscriber", "role:guest"]
    assert len(account.sample) == 10 and not account.warnings and not account.missing


def test_a_check_says_what_a_key_may_not_do(fake: FakeWooCommerce, clock: Clock) -> None:
    fake.permissions = "read"
    account = woocommerce(fake, clock).check()
    assert list(account.missing) == ["Read/Write"]
    assert account.warnings[0].startswith("The key may only read: nothing can be written back, and no webhooks")
    assert not woocommerce(fake, clock, write_back=False).check().missing


def test_a_check_warns_of_fields_and_numbers_that_are_not_there(fake: FakeWooCommerce, clock: Clock) -> None:
    fake.truth.register("Amina", email="a@shop.example")
    warnings = woocommerce(fake, clock, fields=["phones", "mobile"]).check().warnings
    assert warnings[0] == "None of the 1 newest customers has a phone number."
    assert warnings[1].startswith('WooCommerce has no field "mobile"; it has phones,')


def test_an_index_that_is_hidden_leaves_the_address_as_the_name(fake: FakeWooCommerce, clock: Clock) -> None:
    fake.hides_index, fake.truth.home = True, "https://ziwa.example/duka"
    account = woocommerce(fake, clock, account="", url="https://Ziwa.example/duka/").check()
    assert (account.id, account.name) == ("ziwa.example/duka", "ziwa.example/duka")


def test_another_shop_is_refused(fake: FakeWooCommerce, clock: Clock) -> None:
    fake.truth.home = "https://kikapu.example"
    with pytest.raises(
        ConnectorFailed, match=r"is the shop kikapu\.example, the connection is to ziwa\.example"
    ) as caught:
        woocommerce(fake, clock).check()
    assert (caught.value.kind, caught.value.code) == ("broken", "other_account")


@pytest.mark.parametrize(
    ("offset", "zone"), [(3, "Etc/GMT-3"), ("-5", "Etc/GMT+5"), (0, "UTC"), (5.5, "UTC"), ("?", "UTC")]
)
def test_a_shop_without_a_zone_has_its_offset(offset: object, zone: str) -> None:
    from daftari.connectors.woocommerce.answers import Index

    assert Index(gmt_offset=offset).zone == zone
    assert Index(timezone_string="Africa/Nairobi", gmt_offset=3).zone == "Africa/Nairobi"


@pytest.mark.parametrize(
    "url", ["", "ziwa", "https://", "https://ziwa.example?x=1", "https://a@b.example", "ftp://ziwa.example"]
)
def test_a_shop_is_an_address(fake: FakeWooCommerce, clock: Clock, url: str) -> None:
    assert failure_of(fake, clock, url=url).code == "url_unknown"


def test_plain_http_is_refused_with_what_it_means(fake: FakeWooCommerce, clock: Clock) -> None:
    failure = failure_of(fake, clock, url="http://ziwa.example")
    assert (failure.kind, failure.code) == ("broken", "not_https")
    assert failure.message == (
        '"http://ziwa.example" is not https: everyone on the way could read the key and the customers, and WooCommerce '
        "takes a key as it is over https alone. Have the host make a certificate, which is free, and give the https "
        "address."
    )
    assert not fake.calls


# ---- records ----------------------------------------------------------------------------------------


def test_a_record_of_an_account(fake: FakeWooCommerce, clock: Clock) -> None:
    amina = fake.truth.register("", " 0733 000 002", email="a@shop.example", role="wholesale")
    fake.truth.edit(amina, first_name="Amina", city="Kisumu")
    fake.truth.users[amina].shipping = {"phone": "0733000009"}
    fake.truth.set_meta(fake.truth.users[amina], "sms_opt_in", ["yes", 1])
    fields = ["phones", "first_name", "email", "city", "company", "role", "paying", "meta.sms_opt_in", "meta.none"]
    (record,) = woocommerce(fake, clock, fields=fields).read_records([f"customer:{amina}"])
    assert record == Record(
        id=f"customer:{amina}",
        version=NOW,
        values={
            "phones": ["0733 000 002", "0733000009"],
            "first_name": "Amina",
            "email": "a@shop.example",
            "city": "Kisumu",
            "role": "wholesale",
            "paying": False,
            "meta.sms_opt_in": ["yes"],
        },
        groups=["role:wholesale"],
        url=f"https://ziwa.example/wp-admin/user-edit.php?user_id={amina}",
    )


def test_a_guest_is_called_after_the_first_order_and_is_as_the_newest_one(fake: FakeWooCommerce, clock: Clock) -> None:
    first = fake.truth.order("0733 000 002", email="j@shop.example", first_name="Juma")
    fake.truth.order("0733 000 003", email="j@shop.example", first_name="Another number")
    newest = fake.truth.order("+254733000002", email="j@shop.example", first_name="Juma O")
    fake.truth.order("0733 000 002", email="j@shop.example", first_name="Unpaid", status="failed")
    connector = woocommerce(fake, clock, fields=["phones", "first_name", "role", "paying"])
    for asked in (first, newest):
        (record,) = connector.read_records([f"guest:{asked}"])
        assert (record.id, record.groups) == (f"guest:{first}", ["role:guest"])
        given = {"phones": ["+254733000002"], "first_name": "Juma O", "role": "guest", "paying": True}
        assert record.values == given
        assert record.url == f"https://ziwa.example/wp-admin/admin.php?page=wc-orders&action=edit&id={first}"


def test_a_guest_with_an_account_is_that_account(fake: FakeWooCommerce, clock: Clock) -> None:
    order = fake.truth.order("0733 000 002", email="a@shop.example")
    amina = fake.truth.register("Amina", "+254 733 000002", email="A@shop.example")
    found = woocommerce(fake, clock).read_records([f"guest:{order}"])
    assert [(one.id, one.gone, one.merged_into) for one in found] == [
        (f"customer:{amina}", None, ""),
        (f"guest:{order}", "merged", f"customer:{amina}"),
    ]


@pytest.mark.parametrize("status", ["pending", "failed", "cancelled", "checkout-draft", "trash"])
def test_an_order_that_is_none_makes_no_guest(fake: FakeWooCommerce, clock: Clock, status: str) -> None:
    order = fake.truth.order("0733 000 002", email="j@shop.example", status=status)
    assert woocommerce(fake, clock).read_records([f"guest:{order}", "guest:999", "customer:999", "x", "guest:"]) == []


def test_a_deletion_while_a_list_is_read_leaves_no_one_out(fake: FakeWooCommerce, clock: Clock) -> None:
    ids = accounts(fake, 250)
    reader = Reader(woocommerce(fake, clock), clock)
    reader.step()
    for one in ids[:60]:
        fake.truth.delete_user(one)
    reader.poll()
    assert {f"customer:{one}" for one in ids[60:]} <= {*reader.links}


def test_a_time_of_a_query_has_no_zone(fake: FakeWooCommerce, clock: Clock) -> None:
    """With one WordPress would look for changes three hours too late."""
    reader = Reader(woocommerce(fake, clock), clock)
    reader.poll()
    clock.at += 60.0
    order = fake.truth.order("0733 000 002", email="j@shop.example")
    clock.at += 400.0
    reader.poll()
    assert f"guest:{order}" in reader.links


def test_edits_that_no_webhook_tells_of_are_found_in_turn(fake: FakeWooCommerce, clock: Clock) -> None:
    ids = accounts(fake, 250)
    reader = Reader(woocommerce(fake, clock), clock)
    reader.poll()
    for one in (ids[0], ids[120], ids[240]):
        fake.truth.edit(one, city="Kisumu")
    found = []
    for _ in range(3):
        clock.at += 300.0
        reader.poll()
        found.append([one for one in ids if "city" in reader.links[f"customer:{one}"].values])
    assert found == [[ids[0]], [ids[0], ids[120]], [ids[0], ids[120], ids[240]]]


def test_all_ids_come_ascending_and_those_of_a_role(fake: FakeWooCommerce, clock: Clock) -> None:
    ids = accounts(fake, 3)
    fake.truth.register("W", "0733999999", role="wholesale")
    guest = fake.truth.order("0733 555 555", email="j@shop.example")
    connector = woocommerce(fake, clock)

    def listed(**given: str) -> list[str]:
        return [id for piece in connector.list_ids(**given) for id in piece]

    assert (
        len(listed()) == 5
        and listed() == sorted(listed())
        and listed(after=f"customer:{ids[-1]}")[-1] == f"guest:{guest}"
    )
    assert listed(group="role:customer") == sorted(f"customer:{one}" for one in ids)
    assert listed(group="role:guest") == [f"guest:{guest}"]
    with pytest.raises(ConnectorFailed, match='"list:9" is no group of WooCommerce'):
        listed(group="list:9")


def test_a_field_that_there_is_not_stops_the_reading(fake: FakeWooCommerce, clock: Clock) -> None:
    failure = failure_of(fake, clock, fields=["phones", "mobile"])
    assert (failure.kind, failure.code) == ("broken", "field_missing")


def test_what_php_shows_where_there_is_nothing_is_read(fake: FakeWooCommerce, clock: Clock) -> None:
    (amina,) = accounts(fake, 1)
    user = fake.truth.users[amina]
    shown = user.show() | {"billing": [], "shipping": None, "meta_data": {"3": {"id": 1, "key": "x", "value": "y"}}}
    user.show = lambda: shown
    (record,) = woocommerce(fake, clock, fields=["phones", "first_name", "meta.x"]).read_records([f"customer:{amina}"])
    assert record.values == {"first_name": "P0", "meta.x": "y"}


# ---- opt-outs that are written back -----------------------------------------------------------------


def test_an_opt_out_is_written_to_meta_fields_of_ours(fake: FakeWooCommerce, clock: Clock) -> None:
    amina, juma = accounts(fake, 2)
    marks = [mark(amina), mark(juma, "in"), mark(juma, "out", at=NOW + 1), mark(amina, channel="whatsapp")]
    outcomes = woocommerce(fake, clock).write_back(marks, now=NOW)
    assert outcomes == [MarkOutcome(one.record_id, "written") for one in marks]
    metas = [{key: value for key, (_, value) in fake.truth.users[one].meta.items()} for one in (amina, juma)]
    assert metas[0] == {
        "daftari_sms": "out",
        "daftari_sms_at": "2026-11-20T10:00:00.000Z",
        "daftari_whatsapp": "out",
        "daftari_whatsapp_at": "2026-11-20T10:00:00.000Z",
    }
    assert metas[1]["daftari_sms"] == "out"
    assert fake.calls == [("POST", "/wp-json/wc/v3/customers/batch")]


def test_each_mark_has_an_outcome_of_its_own(fake: FakeWooCommerce, clock: Clock) -> None:
    (amina,) = accounts(fake, 1)
    marks = [mark(amina), mark(999), Mark("guest:7", "out", "sms", NOW)]
    outcomes = woocommerce(fake, clock).write_back(marks, now=NOW)
    assert [one.outcome for one in outcomes] == ["written", "gone", "gone"]
    assert outcomes[2].says == "There is no account that could be marked: a guest has orders alone."
    fake.faults.next = ["error"] * 3
    outcomes = woocommerce(fake, clock).write_back(marks, now=NOW)
    assert [one.outcome for one in outcomes] == ["again", "again", "gone"]
    fake.faults.next = ["error"] * 3
    with pytest.raises(ConnectorFailed):
        woocommerce(fake, clock).write_back(marks[:1], now=NOW)


# ---- webhooks ---------------------------------------------------------------------------------------


def test_webhooks_are_made_once_and_again_where_one_is_gone_or_switched_off(
    fake: FakeWooCommerce, clock: Clock
) -> None:
    connector, secret = woocommerce(fake, clock), Secret("kikapu")
    assert connector.require_webhook(URL, secret=secret)
    assert not connector.require_webhook(URL, secret=secret)
    made = {one.topic: one for one in fake.webhooks.values()}
    assert len(made) == 7 and {one.secret for one in made.values()} == {"kikapu"}
    assert {*made} >= {"customer.deleted", "order.restored"}
    for _ in range(6):
        fake.note_answer(made["order.created"], 500)
    fake.note_answer(made["order.created"], 200)
    assert made["order.created"].failures == 0 and not connector.require_webhook(URL, secret=secret)
    for _ in range(7):
        fake.note_answer(made["order.created"], 500)
    del fake.webhooks[made["customer.deleted"].id]
    assert connector.require_webhook(URL, secret=secret)
    assert {one.topic for one in fake.webhooks.values() if one.status == "active"} == {*made}
    assert made["order.created"].id not in fake.webhooks


def test_a_webhook_that_was_made_twice_is_one(fake: FakeWooCommerce, clock: Clock) -> None:
    fake.faults.next = [None, "lost"]
    connector, secret = woocommerce(fake, clock), Secret("kikapu")
    with pytest.raises(ConnectorFailed):
        connector.require_webhook(URL, secret=secret)
    assert connector.require_webhook(URL, secret=secret) and len(fake.webhooks) == 7


def test_webhooks_at_another_host_give_way_and_those_of_others_stay(fake: FakeWooCommerce, clock: Clock) -> None:
    connector, secret = woocommerce(fake, clock), Secret("kikapu")
    for url in (URL, "https://others.example/hook/x"):
        connector.require_webhook(url, secret=secret)
    moved = URL.replace("https://", "https://new.")
    assert connector.require_webhook(moved, secret=secret)
    assert {one.delivery_url for one in fake.webhooks.values()} == {"https://others.example/hook/x", moved}
    connector.remove_webhook(URL)
    connector.remove_webhook(URL)
    assert {one.delivery_url for one in fake.webhooks.values()} == {"https://others.example/hook/x"}


# ---- what fails -------------------------------------------------------------------------------------


def test_a_key_that_is_refused_says_which_part(fake: FakeWooCommerce, clock: Clock) -> None:
    failure = failure_of(fake, clock, secret="cs_other")
    assert (failure.kind, failure.code) == ("broken", "key_refused")
    assert failure.message == (
        "WooCommerce refused the key (401: Consumer secret is invalid.). Make one under WooCommerce, Settings, "
        'Advanced, REST API, with the permission Read/Write, and give it with "daftari connection key shop"; nothing '
        "is lost, the sync continues where it stopped."
    )
    fake.drops_header = True
    failure = failure_of(fake, clock)
    assert failure.code == "key_refused" and "drops the header Authorization" in failure.message
    fake.drops_header, fake.permissions = False, "read"
    with pytest.raises(ConnectorFailed, match="The key may not write"):
        woocommerce(fake, clock).write_back([mark(1)], now=NOW)
    fake.permissions, fake.user_role = "read_write", "editor"
    assert failure_of(fake, clock).code == "forbidden"


def test_a_shop_that_is_not_there_or_elsewhere_says_so(fake: FakeWooCommerce, clock: Clock) -> None:
    fake.is_active = False
    assert failure_of(fake, clock).code == "no_api"
    fake.is_active, fake.moved_to = True, "https://www.ziwa.example"
    failure = failure_of(fake, clock)
    assert failure.code == "moved" and 'it sends its callers to "https://www.ziwa.example"' in failure.message


def test_a_guard_in_front_of_the_shop_is_waited_out(fake: FakeWooCommerce, clock: Clock) -> None:
    fake.faults.next = ["page"]
    failure = failure_of(fake, clock)
    assert (failure.kind, failure.code) == ("limited", "blocked")
    assert failure.until == pytest.approx(clock.moment + 900_000_000, abs=1_000)


@pytest.mark.parametrize("fault", ["limit", "error", "gateway", "lost", "cut", "drip"])
def test_a_fault_that_passes_is_not_noticed(fake: FakeWooCommerce, clock: Clock, fault: str) -> None:
    accounts(fake, 3)
    fake.faults.next = [fault, fault]
    assert len(woocommerce(fake, clock).read_changes("", now=clock.moment).records) == 3


def test_a_shop_gets_few_calls_at_once(fake: FakeWooCommerce, clock: Clock) -> None:
    accounts(fake, 3)
    connector, started = woocommerce(fake, clock), clock.at
    for _ in range(50):
        connector.read_records(["customer:2"])
    assert 9.0 < clock.at - started < 12.0


def test_no_secret_is_in_what_is_said(fake: FakeWooCommerce, clock: Clock) -> None:
    connection = Connection(
        name="shop",
        settings={"url": "https://ziwa.example"},
        credentials={"consumer_key": Secret("ck_kikapu"), "consumer_secret": Secret("Consumer")},
    )
    with pytest.raises(ConnectorFailed) as caught:
        WooCommerce(connection, Caller(directly(fake, clock), clock)).check()
    assert "Consumer secret" not in caught.value.message and "… secret is invalid" in caught.value.message
