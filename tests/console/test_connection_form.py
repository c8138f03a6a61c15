"""The pages that set up a connection: a system, its form, its fields, groups and carts, ten records, plan, start."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from daftari.model.connections import WORKING
from daftari.outbound.client import OutboundClient
from daftari.rules.connections import lifecycle, views
from daftari.rules.connections.model import Opened
from daftari.serving.server import Server, build_server
from daftari.settings import Settings
from daftari.store import Store
from daftari.worker import Provider, run_worker
from tests.conftest import People
from tests.console.conftest import Everyone
from tests.console.test_contacts import HOSTILE, at
from tests.support.browsers import Browser, FoundPage
from tests.support.cases import ON_SQLITE
from tests.support.connection_steps import mobile
from tests.support.fake_crm import Crm, FakeHubSpot, FakeOdoo, FakePipedrive, FakeShopify, FakeWooCommerce, serve
from tests.support.fake_crm.__main__ import AgedClock
from tests.support.fake_crm.shopify import WEBHOOK_SECRET
from tests.support.stores import NOW

SECRET = "s3cret-of-the-shop"
COLUMNS = "id INTEGER PRIMARY KEY, phone TEXT, name TEXT, town TEXT, sms_ok TEXT, updated_at TEXT"
DATABASE = {
    "settings.table": "customers",
    "settings.columns.id": "id",
    "settings.columns.updated_at": "updated_at",
}


class Systems(Struct):
    """What can be connected: a fake of each system, its address, and what its form is given."""

    fakes: dict[str, Crm]
    urls: dict[str, str]
    file: Path

    def typed(self, kind: str) -> dict[str, str]:
        fake: Any = self.fakes.get(kind)
        if kind == "sqlite":
            return {"settings.database": str(self.file), **DATABASE}
        if kind == "odoo":
            return {"settings.url": self.urls[kind], "credentials.key": fake.key}
        own = {
            "hubspot": lambda: {"credentials.key": fake.key},
            "pipedrive": lambda: {"settings.company": "ziwa", "credentials.token": fake.token},
            "shopify": lambda: {
                "settings.shop": "ziwa",
                "credentials.client_id": fake.client[0],
                "credentials.client_secret": fake.client[1],
            },
            "woocommerce": lambda: {
                "settings.url": "https://ziwa.example",
                "credentials.consumer_key": fake.key[0],
                "credentials.consumer_secret": fake.key[1],
            },
        }
        return {**own[kind](), "settings.base_url": self.urls[kind]}


FAKES: Mapping[str, Callable[..., Any]] = {
    "hubspot": FakeHubSpot,
    "pipedrive": FakePipedrive,
    "odoo": FakeOdoo,
    "shopify": FakeShopify,
    "woocommerce": FakeWooCommerce,
}


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[dict[str, Crm], dict[str, str]]]:
    """A fake of each system with three people, on sockets; no test changes them."""
    fakes: dict[str, Any] = {}
    urls: dict[str, str] = {}
    clock = AgedClock(120.0)
    for kind, make in FAKES.items():
        fake = make(3, clock)
        fakes[kind] = fake
        for number in (1, 2, 3):
            if kind == "hubspot":
                fake.truth.lag_seconds = 0.0
                fake.truth.create(mobilephone=f"+{mobile(number)}", firstname=f"F{number}", city="Kisumu")
            elif kind == "woocommerce":
                fake.truth.register(f"F{number}", f"+{mobile(number)}", email=f"f{number}@shop.example")
            else:
                fake.truth.create(f"F{number} Otieno", f"+{mobile(number)}")
    fakes["hubspot"].truth.create(mobilephone="12", firstname=HOSTILE[0], lastname=HOSTILE[1])
    clock.age = 0.0
    servers = {kind: serve(fake) for kind, fake in fakes.items()}
    for kind, server in servers.items():
        urls[kind] = server.__enter__()
    yield fakes, urls
    for server in servers.values():
        server.__exit__(None, None, None)


@pytest.fixture
def systems(served: tuple[dict[str, Crm], dict[str, str]], tmp_path: Path) -> Systems:
    """The same, and a shop's file."""
    folder = tmp_path / "shop"
    folder.mkdir()
    with sqlite3.connect(folder / "shop.db") as database:
        database.execute(f"CREATE TABLE customers ({COLUMNS})")
        rows = [(f"+{mobile(number)}", f"F{number} Otieno", "Thika", "no") for number in (1, 2, 3)]
        database.executemany("INSERT INTO customers (phone, name, town, sms_ok) VALUES (?, ?, ?, ?)", rows)
        database.execute("UPDATE customers SET updated_at = '2026-11-27 09:00:00'")
        database.execute("CREATE TABLE odd (id INTEGER PRIMARY KEY, x TEXT, updated_at TEXT)")
    return Systems(*served, folder / "shop.db")


@pytest.fixture
def server(
    database: str, settings_for: Callable[..., Settings], systems: Systems, loop: asyncio.AbstractEventLoop
) -> Iterator[Server]:
    """A service that may call the systems."""
    hosts = ",".join(url.removeprefix("http://") for url in systems.urls.values())
    settings = settings_for(
        database,
        outbound_hosts=hosts,
        sql_files=str(systems.file.parent),
        public_url="http://127.0.0.1:8000",
    )
    built = build_server(settings)
    yield built
    built.rsgi.__rsgi_del__(loop)


@pytest.fixture
def work(store: Store, systems: Systems) -> Callable[[], None]:
    """A worker does what there is to do, and stops."""
    from daftari.connectors import Allowed

    def work() -> None:
        hosts = [url.removeprefix("http://") for url in systems.urls.values()]
        with OutboundClient(allowed_hosts=hosts) as client:
            provider = Provider(client, databases=Allowed(folders=(str(systems.file.parent),)))
            run_worker(lambda pause_seconds: pause_seconds > 0.2, store=store, provider=provider)

    return work


def begin(browser: Browser, everyone: Everyone, kind: str, **typed: Any) -> FoundPage:
    """The page after the form of a system."""
    path = at(everyone, f"/connections/new/{kind}")
    return browser.submit(browser.get(path), path, **typed)


def path_of(page: FoundPage) -> str:
    return page.url.partition("?")[0].partition("#")[0]


def send(browser: Browser, page: FoundPage, **typed: Any) -> FoundPage:
    """The page after the form of a step."""
    return browser.submit(page, path_of(page), **typed)


def find(store: Store, people: People) -> list[Opened]:
    return store.read(people.shopify, NOW, lifecycle.list_connections)


# ---- the system and its form ----------------------------------------------------------------------------


@ON_SQLITE
def test_every_system_is_offered_and_its_form_says_where_to_find_what_it_asks_for(everyone: Everyone) -> None:
    page = everyone.asha.get(at(everyone, "/connections/new"))
    for system in ("HubSpot", "Pipedrive", "Odoo", "Shopify", "WooCommerce", "PostgreSQL", "MySQL or MariaDB"):
        assert system in page.text
    for link in [link for link in page.links if "/connections/new/" in link]:
        shown = everyone.asha.get(link)
        assert shown.status == 200 and 'class="steps"' in shown.html
    assert "Add new scope" in everyone.asha.get(at(everyone, "/connections/new/hubspot")).text
    assert everyone.asha.get(at(everyone, "/connections/new/fax")).status == 404


@ON_SQLITE
def test_a_database_that_no_operator_allows_has_no_form(everyone: Everyone) -> None:
    page = everyone.asha.get(at(everyone, "/connections/new/postgresql"))
    assert "No database may be read yet" in page.text and "DAFTARI_SQL_HOSTS" in page.text
    assert 'name="settings.host"' not in page.html
    assert 'name="settings.database"' in everyone.asha.get(at(everyone, "/connections/new/sqlite")).html


@pytest.mark.parametrize("kind", [*FAKES, "sqlite"])
def test_each_system_is_connected_planned_and_started(
    kind: str, everyone: Everyone, systems: Systems, work: Callable[[], None], store: Store, people: People
) -> None:
    page = begin(everyone.asha, everyone, kind, **systems.typed(kind))
    assert page.url.endswith("/set-up/fields"), page.text
    page = send(everyone.asha, page)
    assert page.url.endswith("/set-up/groups"), page.text
    page = send(everyone.asha, page, group=["All of them", "", ""])
    if kind in ("shopify", "woocommerce"):
        assert page.url.endswith("/set-up/carts"), page.text
        page = send(everyone.asha, page, carts_group="left a cart")
    assert page.url.endswith("/set-up/check"), page.text
    assert page.text.count("All of them") == 3
    page = send(everyone.asha, page)
    assert page.url.endswith("/set-up/plan") and "Every record is being counted" in page.text
    work()
    page = everyone.asha.get(path_of(page))
    assert "3 are taken: 3 new contacts." in page.text, page.text
    started = send(everyone.asha, page)
    (opened,) = find(store, people)
    assert path_of(started) == at(everyone, f"/connections/{opened.id}")
    assert opened.stored.state == "importing" and opened.progress.offers is None
    work()
    shown = store.read(people.shopify, NOW, views.show_connection, connection_id=opened.id)
    assert shown.counts.live == 3 and shown.state == "live"
    assert shown.carts_group == ("left a cart" if kind in ("shopify", "woocommerce") else None)


def test_a_refused_key_stands_at_its_field_with_what_to_do_on_the_page_and_nothing_is_saved(
    everyone: Everyone, systems: Systems, store: Store, people: People
) -> None:
    page = begin(everyone.asha, everyone, "hubspot", **{**systems.typed("hubspot"), "credentials.key": "wrong-secret"})
    assert page.status == 422
    assert "HubSpot refused the key (401). Make a new service key there, and give it here." in page.text
    assert "daftari connection" not in page.text
    assert page.attributes["credentials.key"]["aria-invalid"] == "true"
    assert "wrong-secret" not in page.html and systems.urls["hubspot"] in page.html
    assert find(store, people) == []


@ON_SQLITE
def test_what_is_wrong_with_a_database_stands_at_the_field_that_it_is_about(
    everyone: Everyone, systems: Systems, store: Store, people: People
) -> None:
    typed = systems.typed("sqlite")
    page = begin(everyone.asha, everyone, "sqlite", **{**typed, "settings.table": "nothing"})
    assert page.status == 422 and page.attributes["settings.table"]["aria-invalid"] == "true"
    page = begin(everyone.asha, everyone, "sqlite", **{**typed, "settings.database": "/etc/passwd"})
    assert page.status == 422 and page.attributes["settings.database"]["aria-invalid"] == "true"
    page = begin(everyone.asha, everyone, "sqlite", **{**typed, "settings.table": "odd"})
    assert page.status == 422 and "Say which column holds the number" in page.text
    assert find(store, people) == []
    page = begin(everyone.asha, everyone, "sqlite", **{**typed, "settings.table": "odd", "mobile": "x"})
    assert page.url.endswith("/set-up/fields") and page.form(path_of(page)).fields.count(("mobile", "x")) == 1


@ON_SQLITE
def test_what_is_left_out_of_a_form_is_named_at_once(everyone: Everyone) -> None:
    page = begin(everyone.asha, everyone, "woocommerce", name=" ")
    assert page.status == 422
    for field in ("name", "settings.url", "credentials.consumer_key", "credentials.consumer_secret"):
        assert page.attributes[field]["aria-invalid"] == "true", field


def test_a_name_that_is_in_use_is_refused_and_a_form_sent_twice_makes_one_connection(
    everyone: Everyone, systems: Systems, store: Store, people: People
) -> None:
    path = at(everyone, "/connections/new/hubspot")
    form = everyone.asha.get(path)
    typed: dict[str, Any] = {**systems.typed("hubspot")}
    first = everyone.asha.submit(form, path, **typed)
    again = everyone.asha.submit(form, path, **typed)
    assert first.url == again.url and len(find(store, people)) == 1
    refused = begin(everyone.asha, everyone, "hubspot", **systems.typed("hubspot"))
    assert refused.status == 409 and "There is a connection of this name already." in refused.text


def test_no_secret_is_shown_or_stored_as_it_is(
    everyone: Everyone, systems: Systems, store: Store, people: People
) -> None:
    typed = systems.typed("hubspot")
    page = begin(everyone.asha, everyone, "hubspot", **typed)
    assert typed["credentials.key"] not in str([one.stored for one in find(store, people)])
    account = everyone.asha.get(page.url.replace("fields", "account"))
    for shown in (page, account):
        assert typed["credentials.key"] not in shown.html


# ---- drafts ---------------------------------------------------------------------------------------------


def test_a_draft_goes_on_where_it_was_left(everyone: Everyone, systems: Systems, work: Callable[[], None]) -> None:
    page = begin(everyone.asha, everyone, "hubspot", **systems.typed("hubspot"))
    path = path_of(page).removesuffix("/fields")
    assert everyone.asha.get(path).url.endswith("/set-up/fields")
    check = send(everyone.asha, send(everyone.asha, page))
    assert everyone.asha.get(path).url.endswith("/set-up/check")
    plan = send(everyone.asha, check)
    assert everyone.asha.get(path).url.endswith("/set-up/plan")
    work()
    send(everyone.asha, everyone.asha.get(path_of(plan)))
    assert everyone.asha.get(f"{path}/fields", follow=False).answer.headers["location"].endswith("/connections/1")


def test_a_right_that_is_missing_keeps_the_draft_and_says_which(
    everyone: Everyone, systems: Systems, store: Store, people: People
) -> None:
    fake: Any = systems.fakes["hubspot"]
    before = set(fake.scopes)
    fake.scopes = before - {"crm.lists.read"}
    try:
        page = begin(everyone.asha, everyone, "hubspot", **systems.typed("hubspot"))
    finally:
        fake.scopes = before
    assert page.url.endswith("/set-up/account") and "crm.lists.read" in page.text
    assert find(store, people)[0].stored.state == "new"
    assert everyone.asha.get(page.url.replace("account", "check")).url.endswith("/set-up/account")
    page = send(everyone.asha, page)
    assert page.url.endswith("/set-up/fields")


def test_a_shop_without_an_app_gets_an_address_and_starts_without_a_plan(
    everyone: Everyone, store: Store, people: People
) -> None:
    page = begin(everyone.asha, everyone, "shopify", **{"settings.shop": "ziwa"})
    assert page.url.endswith("/set-up/account")
    assert re.search(r"http://127\.0\.0\.1:8000/v1/connections/1/hook/\w+", page.html)
    refused = send(everyone.asha, page)
    assert refused.status == 422
    page = send(everyone.asha, page, **{"credentials.webhook_secret": WEBHOOK_SECRET})
    page = send(everyone.asha, page)
    assert 'name="write_back"' not in page.html
    page = send(everyone.asha, send(everyone.asha, page))
    assert "Without an app there is nothing to look at" in page.text
    send(everyone.asha, page)
    assert find(store, people)[0].stored.state in WORKING


# ---- fields and groups ----------------------------------------------------------------------------------


def test_fields_are_proposed_and_changed(everyone: Everyone, systems: Systems, store: Store, people: People) -> None:
    page = begin(everyone.asha, everyone, "sqlite", **systems.typed("sqlite"))
    form = dict(page.form(path_of(page)).fields)
    assert (form["use.name"], form["use.city"], form["use.fname"]) == ("name", "town", "")
    typed = {"consent": ["sms_ok", ""], "consent_use": ["accepts.sms.marketing", "opt_out_at"], "keep": ["id"]}
    send(everyone.asha, page, **{**typed, "use.city": ""})
    (opened,) = find(store, people)
    assert opened.definition.fields == {
        "phone": "mobile",
        "name": "name",
        "sms_ok": "accepts.sms.marketing",
        "id": "attributes.id",
    }
    again = everyone.asha.get(path_of(page))
    assert again.form(path_of(page)).fields.count(("consent", "sms_ok")) == 1
    check = everyone.asha.get(path_of(page).replace("fields", "check"))
    assert check.text.count("opted out there, and so here") == 3


@ON_SQLITE
def test_a_field_that_is_used_twice_and_a_missing_number_are_refused(everyone: Everyone, systems: Systems) -> None:
    page = begin(everyone.asha, everyone, "sqlite", **systems.typed("sqlite"))
    refused = send(everyone.asha, page, **{"use.email": "town"})
    assert refused.status == 422 and "This field is used for something else already." in refused.text
    refused = send(everyone.asha, page, mobile=["", "", ""])
    assert refused.status == 422 and refused.attributes["mobile.0"]["aria-invalid"] == "true"


def test_records_groups_and_the_rest_are_set_and_shown_again(
    everyone: Everyone, systems: Systems, store: Store, people: People
) -> None:
    page = send(everyone.asha, begin(everyone.asha, everyone, "hubspot", **systems.typed("hubspot")))
    typed: dict[str, str | list[str]] = {
        "source": ["all", "", ""],
        "group": ["Everyone there", "", ""],
        "keep": ["add_only", "in_step", "in_step"],
        "value_of": ["city"],
        "value": ["Kisumu"],
        "value_group": ["Lake"],
        "where": ["city"],
        "is": ["Kisumu\nNairobi"],
        "write_back": "yes",
        "fire_triggers": "yes",
        "poll_seconds": "120",
        "region": "ug",
    }
    send(everyone.asha, page, **typed)
    (opened,) = find(store, people)
    definition = opened.definition
    assert [(one.source, one.group, one.keep) for one in definition.groups] == [
        ("all", "Everyone there", "add_only"),
        ("property:city=Kisumu", "Lake", "in_step"),
    ]
    assert definition.filter == {"city": ("Kisumu", "Nairobi")}
    assert (definition.write_back, definition.fire_triggers, definition.poll_seconds) == (True, True, 120)
    assert definition.region == "UG"
    again = everyone.asha.get(path_of(page)).form(path_of(page)).fields
    for field in (("value", "Kisumu"), ("write_back", "yes"), ("region", "UG"), ("is", "Kisumu\nNairobi")):
        assert field in again


WRONG: Mapping[str, dict[str, str | list[str]]] = {
    "group.0": {"source": ["", "", ""], "group": ["x", "", ""]},
    "group.1": {"source": ["all", "all", ""], "group": ["x", "X", ""]},
    "group.2": {"source": ["", "", "all"], "group": ["", "", ""]},
    "value.0": {"value_of": ["city"], "value": ["Kisumu"]},
    "region": {"region": "Kenya"},
    "zone": {"zone": "Nairobi"},
    "poll_seconds": {"poll_seconds": "1"},
}


@ON_SQLITE
def test_what_is_wrong_with_groups_stands_at_its_row(everyone: Everyone, systems: Systems) -> None:
    page = send(everyone.asha, begin(everyone.asha, everyone, "hubspot", **systems.typed("hubspot")))
    for field, typed in WRONG.items():
        refused = send(everyone.asha, page, **typed)
        assert refused.status == 422 and refused.attributes[field].get("aria-invalid") == "true", (
            f"{field}: {refused.text}"
        )


# ---- check and plan -------------------------------------------------------------------------------------


@ON_SQLITE
def test_ten_records_are_shown_as_they_would_be_and_hostile_names_do_no_harm(
    everyone: Everyone, systems: Systems
) -> None:
    page = begin(everyone.asha, everyone, "hubspot", **systems.typed("hubspot"))
    check = send(everyone.asha, send(everyone.asha, page))
    assert "the number cannot be read" in check.text and "it is too short" in check.text
    assert HOSTILE[0] not in check.html and HOSTILE[0] in check.text
    assert (
        f"<bdi>{HOSTILE[0]}".replace("<script>", "&lt;script&gt;").replace("</script>", "&lt;/script&gt;")[:12]
        in check.html
    )


def test_a_system_that_is_down_is_said_on_the_check_and_the_draft_stays(
    everyone: Everyone, systems: Systems, store: Store, people: People
) -> None:
    page = begin(everyone.asha, everyone, "sqlite", **systems.typed("sqlite"))
    check = send(everyone.asha, send(everyone.asha, page))
    systems.file.rename(systems.file.with_name("elsewhere.db"))
    broken = everyone.asha.get(path_of(check))
    assert broken.status == 200 and "SQLite says:" in broken.text and "Look again" in broken.text
    assert find(store, people)[0].stored.state == "checked"


def test_the_counts_of_a_plan_add_up_and_say_why_records_are_not_taken(
    everyone: Everyone, systems: Systems, work: Callable[[], None]
) -> None:
    page = begin(everyone.asha, everyone, "hubspot", **systems.typed("hubspot"))
    plan = send(everyone.asha, send(everyone.asha, send(everyone.asha, page)))
    work()
    page = everyone.asha.get(path_of(plan))
    assert "Of 4 records in \u2068HubSpot\u2069, 3 are taken: 3 new contacts. 1 is not." in page.text
    assert "have a number that cannot be read 1" in page.text
    assert "HubSpot 0 3" in page.text
