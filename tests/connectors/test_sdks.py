"""The fake CRMs against the systems' own SDKs, and both against the real client.

An SDK is imported by its own test, because some take seconds.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from daftari.connectors.calls import Caller
from daftari.connectors.hubspot import HubSpot
from daftari.connectors.odoo import Odoo
from daftari.connectors.pipedrive import Pipedrive
from daftari.connectors.protocol import Connection, Mark
from daftari.connectors.woocommerce import WooCommerce
from daftari.model.secrets import Secret
from daftari.outbound.client import OutboundClient
from tests.support.fake_crm import FakeHubSpot, FakeOdoo, FakePipedrive, FakeWooCommerce, serve
from tests.support.fake_crm.exchange import RealClock


@pytest.fixture
def clock() -> RealClock:
    return RealClock()


@pytest.fixture
def fake(clock: RealClock) -> FakeHubSpot:
    fake = FakeHubSpot(7, clock, lag_seconds=0.0, search_most=100)
    for place in range(12):
        fake.truth.create(firstname=f"P{place}", mobilephone=f"07220{place:05}")
    fake.truth.make_list(12, "VIP", [*fake.truth.contacts][:3])
    return fake


@pytest.fixture
def url(fake: FakeHubSpot) -> Iterator[str]:
    with serve(fake) as url:
        yield url


def test_hubspot_api_client_is_content(fake: FakeHubSpot, url: str) -> None:
    from hubspot import HubSpot as Client
    from hubspot.crm.contacts import ApiException, BatchReadInputSimplePublicObjectId, PublicObjectSearchRequest
    from hubspot.crm.lists import ListSearchRequest

    ids = [*fake.truth.contacts]
    client = Client(access_token=fake.key)
    client.config["host"] = url

    page = client.crm.contacts.basic_api.get_page(limit=5, properties=["firstname", "mobilephone"])
    assert [int(one.id) for one in page.results] == ids[:5]
    assert page.results[0].properties["firstname"] == "P0"
    assert int(page.paging.next.after) == ids[4] + 1
    second = client.crm.contacts.basic_api.get_page(limit=50, after=page.paging.next.after)
    assert [int(one.id) for one in second.results] == ids[5:] and second.paging is None

    over = {"propertyName": "hs_object_id", "operator": "GT", "value": str(ids[3])}
    sort = {"propertyName": "hs_object_id", "direction": "ASCENDING"}
    asked = PublicObjectSearchRequest(
        filter_groups=[{"filters": [over]}], sorts=[sort], limit=4, properties=["firstname"]
    )
    found = client.crm.contacts.search_api.do_search(public_object_search_request=asked)
    assert (found.total, [int(one.id) for one in found.results]) == (8, ids[4:8])
    assert found.paging.next.after == "4"

    fake.truth.delete(ids[0])
    wanted = BatchReadInputSimplePublicObjectId(
        inputs=[{"id": str(ids[0])}, {"id": str(ids[1])}], properties=["firstname"], properties_with_history=[]
    )
    read = client.crm.contacts.batch_api.read(batch_read_input_simple_public_object_id=wanted)
    assert [int(one.id) for one in read.results] == [ids[1]]
    assert read.errors[0].context == {"ids": [str(ids[0])]}
    bin = client.crm.contacts.basic_api.get_page(archived=True)
    assert [int(one.id) for one in bin.results] == [ids[0]] and bin.results[0].archived_at is not None

    lists = client.crm.lists.lists_api.do_search(list_search_request=ListSearchRequest(query="", count=10, offset=0))
    assert [(one.list_id, one.name) for one in lists.lists] == [("12", "VIP")]
    assert lists.lists[0].additional_properties["hs_list_size"] == "2"
    members = client.crm.lists.memberships_api.get_page(list_id="12", limit=1)
    assert [one.record_id for one in members.results] == [str(ids[1])]
    fake.scopes = set()
    with pytest.raises(ApiException) as refused:
        client.crm.contacts.basic_api.get_page()
    assert refused.value.status == 403


def test_hubspot_sdk_is_content(fake: FakeHubSpot, url: str) -> None:
    from hubspot_sdk import AuthenticationError
    from hubspot_sdk import HubSpot as Client

    ids = [*fake.truth.contacts]
    with Client(access_token=fake.key, base_url=url, max_retries=0) as client:
        details = client.account.get()
        assert (details.portal_id, details.time_zone) == (62_515, "Africa/Nairobi")
        pages = client.crm.objects.contacts.list(limit=5, properties=["firstname"])
        assert [int(one.id) for one in pages] == ids
        found = client.crm.objects.contacts.search(
            filter_groups=[{"filters": [{"propertyName": "hs_object_id", "operator": "GT", "value": str(ids[9])}]}],
            limit=10,
            properties=["firstname"],
            sorts=[],
            after="0",
        )
        assert [int(one.id) for one in found.results] == ids[10:]
        read = client.crm.objects.contacts.batch.get(
            inputs=[{"id": str(ids[0])}], properties=["firstname"], properties_with_history=[]
        )
        assert read.results[0].properties["firstname"] == "P0"
        lists = client.crm.lists.list_by_search(list_ids=[], offset=0, processing_types=[], query="")
        assert [one.name for one in lists.lists] == ["VIP"]
        assert [one.record_id for one in client.crm.lists.list_memberships("12", limit=2)] == [*map(str, ids[:3])]
    with Client(access_token="old-key", base_url=url, max_retries=0) as client, pytest.raises(AuthenticationError):
        client.account.get()


def test_hubspot_is_read_over_the_real_client(fake: FakeHubSpot, url: str, clock: RealClock) -> None:
    ids = [*fake.truth.contacts]
    connection = Connection(
        name="crm",
        account="62515",
        fields=["firstname"],
        write_back=True,
        settings={"base_url": url},
        credentials={"key": Secret(fake.key)},
    )
    fake.truth.delete(ids[4])
    with OutboundClient(allowed_hosts=[url.removeprefix("http://")], read_seconds=5.0) as client:
        connector = HubSpot(connection, Caller(client.send, clock))
        assert connector.check().count == 11
        now = int(clock.now() * 1_000_000)
        page = connector.read_changes("", now=now)
        assert [int(record.id) for record in page.records] == [id for id in ids if id != ids[4]]
        fake.faults.next = ["lost", "cut"]
        assert {record.gone for record in connector.read_records([str(ids[4])])} == {"deleted"}
        (outcome,) = connector.write_back([Mark(str(ids[0]), "out", "sms", now)], now=now)
        assert outcome.outcome == "written" and fake.truth.contacts[ids[0]].properties["daftari_sms"] == "out"


def test_pipedrive_is_read_over_the_real_client(clock: RealClock) -> None:
    fake = FakePipedrive(7, clock)
    ids = [fake.truth.create(f"P{place}", "0733-000-002") for place in range(12)]
    fake.burst.most = 1_000
    now = int(clock.now() * 1_000_000) + 60_000_000
    with serve(fake) as url, OutboundClient(allowed_hosts=[url.removeprefix("http://")], read_seconds=5.0) as client:
        connection = Connection(
            name="crm",
            account="100",
            fields=["phones"],
            settings={"base_url": url},
            credentials={"token": Secret(fake.token)},
        )
        connector = Pipedrive(connection, Caller(client.send, clock))
        assert connector.check().name == "Ziwa Ltd"
        assert [int(record.id) for record in connector.read_changes("", now=now).records] == ids
        fake.faults.next = ["cut", "lost"]
        assert len(connector.read_records([str(ids[0])])) == 1
        (outcome,) = connector.write_back([Mark(str(ids[0]), "out", "sms", now)], now=now)
        assert outcome.outcome == "written"


def test_odoos_client_library_is_content(clock: RealClock) -> None:
    import odoolib
    from odoolib.tools import AuthenticationError

    fake = FakeOdoo(7, clock)
    tag = fake.truth.make_tag("VIP")
    ids = [fake.truth.create(f"P{place}", f"0722 000 0{place:02}", tags=[tag]) for place in range(5)]
    fake.has_several = True
    with serve(fake) as url:
        host, _, port = url.removeprefix("http://").partition(":")

        def connect(**given: str) -> odoolib.json2.Json2Connection:
            asked = {"database": fake.database, "password": fake.key, **given}
            return odoolib.get_connection(hostname=host, protocol="json2", port=int(port), **asked)

        connection = connect()
        assert connection.check_login() and connection.get_user_context()["tz"] == "Africa/Nairobi"
        assert not connect(password="old-key").check_login()
        partner, blacklist = connection.get_model("res.partner"), connection.get_model("phone.blacklist")
        # Without names of arguments the library asks for the documentation of the model.
        found = partner.search_read([["id", ">", ids[1]]], ["name", "phone_sanitized"], limit=2, order="id")
        assert found == [
            {"id": ids[place], "name": f"P{place}", "phone_sanitized": f"+2547220000{place:02}"} for place in (2, 3)
        ]
        assert partner.search([["category_id", "in", [tag]]]) == ids and partner.search_count([]) == 5
        assert partner.read([ids[0]], ["is_company"]) == {"id": ids[0], "is_company": False}
        assert partner.write([ids[0]], {"active": False}) is True and partner.search_count([]) == 4
        entries = blacklist.create([{"number": "0722 000 001"}, {"number": "+254722000001"}])
        assert entries[0] == entries[1] and [*fake.truth.blocked()] == ["+254722000001"]
        for refused in ({"domain": [], "colour": 1}, {"domain": [], "fields": ["no_such"]}, {"ids": [1], "domain": []}):
            with pytest.raises(ValueError, match=r"unexpected|Invalid field|with ids"):
                partner.search_read(**refused)
        with pytest.raises(ValueError, match=r"404.*does not exist"):
            connection.get_model("no.model").search(domain=[])
        fake.is_admin = False
        with pytest.raises(ValueError, match=r"403.*AccessError"):
            blacklist.search(domain=[])
        with pytest.raises(AuthenticationError):
            connect(password="old-key").get_model("res.partner").search(domain=[])


def test_odoo_is_read_over_the_real_client(clock: RealClock) -> None:
    fake = FakeOdoo(7, clock)
    ids = [fake.truth.create(f"P{place}", f"0722 000 0{place:02}") for place in range(12)]
    now = int(clock.now() * 1_000_000)
    with serve(fake) as url, OutboundClient(allowed_hosts=[url.removeprefix("http://")], read_seconds=5.0) as client:
        connection = Connection(
            name="erp",
            fields=["phones", "sms_blacklisted"],
            write_back=True,
            settings={"url": url},
            credentials={"key": Secret(fake.key)},
        )
        connector = Odoo(connection, Caller(client.send, clock))
        assert connector.check().count == 12
        assert [int(record.id) for record in connector.read_changes("", now=now).records] == ids
        fake.faults.next = ["lost", "cut"]
        assert len(connector.read_records([str(ids[4])])) == 1
        fake.faults.next = [None, "lost", "cut"]
        (outcome,) = connector.write_back([Mark(str(ids[0]), "out", "sms", now)], now=now)
        assert outcome.outcome == "written" and [*fake.truth.blocked()] == ["+254722000000"]


def test_woocommerce_is_read_over_the_real_client(clock: RealClock) -> None:
    fake = FakeWooCommerce(7, clock)
    ids = [fake.truth.register(f"P{place}", "0733-000-002", email=f"p{place}@shop.example") for place in range(12)]
    order = fake.truth.order("0744 000 001", email="juma@shop.example")
    now = int(clock.now() * 1_000_000)
    with serve(fake) as url, OutboundClient(allowed_hosts=[url.removeprefix("http://")], read_seconds=5.0) as client:
        connection = Connection(
            name="shop",
            account="ziwa.example",
            fields=["phones"],
            settings={"url": "https://ziwa.example", "base_url": url},
            credentials={"consumer_key": Secret(fake.key[0]), "consumer_secret": Secret(fake.key[1])},
        )
        connector = WooCommerce(connection, Caller(client.send, clock))
        assert (connector.check().name, connector.check().count) == ("Ziwa", 12)
        page = connector.read_changes("", now=now)
        assert [record.id for record in page.records] == [f"customer:{one}" for one in ids]
        fake.faults.next = ["cut", "lost"]
        assert [record.id for record in connector.read_records([f"guest:{order}"])] == [f"guest:{order}"]
        (outcome,) = connector.write_back([Mark(f"customer:{ids[0]}", "out", "sms", now)], now=now)
        assert outcome.outcome == "written" and fake.truth.users[ids[0]].meta["daftari_sms"][1] == "out"
