"""Every page of the console in a browser: what it looks like at any width and theme, and what it leaves alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pytest

from daftari.console.routes import ROUTES
from daftari.console.templates import segment
from daftari.gateways import SENDING_GATEWAYS
from daftari.model.time import current_time
from daftari.rules.access import users
from tests.support.builders import get, mobile
from tests.support.console_book import GROUPS, ConsoleBook
from tests.support.console_browser import COLOURS, NARROW, PHONE, WIDE, Theme, Watched, focused
from tests.system.console.conftest import OpenBrowser

NO_PAGES = {
    "/static/{name}",
    "/p/{project}/campaigns/{number}/file",
    "/p/{project}/contacts/{contact}/everything",
    "/p/{project}/imports/{number}/rejects",
    "/p/{project}/exports/{number}/file",
    "/p/{project}/settings/log/download",
    "/p/{project}/consent/opt-outs/download",
    "/p/{project}/audiences/download",
    "/p/{project}/audiences/{number}/download",
}
"""What is answered with a file."""
PAGES: dict[str, tuple[str, ...]] = {
    "/sign-in": ("/sign-in",),
    "/link/{token}": ("/link/{token}",),
    "/you": ("/you",),
    "/": ("/?all=yes",),
    "/p/new": ("/p/new",),
    "/p/{project}": ("{p}",),
    "/p/{project}/contacts": (
        "{p}/contacts?n=25",
        "{p}/contacts?n=25&group={group}&page=2",
        "{p}/contacts?n=25&q=wanj&may=yes",
        "{p}/contacts?q=%3Cscript%3Enot+there",
        "{p}/contacts?q=%21",
    ),
    "/p/{project}/contacts/new": ("{p}/contacts/new",),
    "/p/{project}/contacts/many": tuple(
        f"{{p}}/contacts/many?do={do}&ids={{contact}}&ids={{other}}&within={{group}}"
        for do in ("join", "move", "leave", "remove")
    ),
    "/p/{project}/contacts/{contact}": ("{p}/contacts/{contact}", "{p}/contacts/{other}"),
    "/p/{project}/contacts/{contact}/consent": ("{p}/contacts/{contact}/consent",),
    "/p/{project}/contacts/{contact}/edit": ("{p}/contacts/{contact}/edit",),
    "/p/{project}/contacts/{contact}/remove": ("{p}/contacts/{contact}/remove",),
    "/p/{project}/contacts/{contact}/agreed": ("{p}/contacts/{contact}/agreed",),
    "/p/{project}/contacts/{contact}/erase": ("{p}/contacts/{contact}/erase",),
    "/p/{project}/groups": ("{p}/groups",),
    "/p/{project}/groups/{name}": ("{p}/groups/{group}?n=25",),
    "/p/{project}/groups/{name}/rename": ("{p}/groups/{group}/rename",),
    "/p/{project}/groups/{name}/merge": ("{p}/groups/{group}/merge",),
    "/p/{project}/groups/{name}/delete": ("{p}/groups/{group}/delete",),
    "/p/{project}/bulk": ("{p}/bulk",),
    "/p/{project}/bulk/{job}": ("{p}/bulk/{job}",),
    "/p/{project}/imports": ("{p}/imports",),
    "/p/{project}/imports/{number}": ("{p}/imports/{done}", "{p}/imports/{planned}"),
    "/p/{project}/imports/{number}/columns": ("{p}/imports/{planned}/columns",),
    "/p/{project}/imports/{number}/stop": ("{p}/imports/{planned}/stop",),
    "/p/{project}/imports/{number}/rows": ("{p}/imports/{done}/rows", "{p}/imports/{planned}/rows?outcome=rejected"),
    "/p/{project}/exports": ("{p}/exports",),
    "/p/{project}/connections/new": ("{p}/connections/new",),
    "/p/{project}/connections/new/{kind}": tuple(
        f"{{p}}/connections/new/{kind}" for kind in ("hubspot", "shopify", "odoo", "postgresql")
    ),
    "/p/{project}/connections/{connection}/set-up": ("{p}/connections/{planned_shop}/set-up",),
    "/p/{project}/connections/{connection}/set-up/account": (
        "{p}/connections/{unconnected}/set-up/account",
        "{p}/connections/{planned_shop}/set-up/account",
    ),
    "/p/{project}/connections/{connection}/set-up/fields": ("{p}/connections/{planned_shop}/set-up/fields",),
    "/p/{project}/connections/{connection}/set-up/groups": ("{p}/connections/{planned_shop}/set-up/groups",),
    "/p/{project}/connections/{connection}/set-up/carts": ("{p}/connections/{planned_shop}/set-up/carts",),
    "/p/{project}/connections/{connection}/set-up/check": ("{p}/connections/{planned_shop}/set-up/check",),
    "/p/{project}/connections/{connection}/set-up/plan": ("{p}/connections/{planned_shop}/set-up/plan",),
    "/p/{project}/connections": ("{p}/connections",),
    "/p/{project}/connections/{connection}": ("{p}/connections/{crm}", "{p}/connections/{shop}"),
    "/p/{project}/connections/{connection}/key": ("{p}/connections/{crm}/key", "{p}/connections/{shop}/key"),
    "/p/{project}/connections/{connection}/remove": ("{p}/connections/{crm}/remove",),
    "/p/{project}/connections/{connection}/records": (
        "{p}/connections/{crm}/records",
        "{p}/connections/{crm}/records?state=unreadable",
        "{p}/connections/{crm}/records?state=erasure_pending",
        "{p}/connections/{shop}/records",
    ),
    "/p/{project}/connections/{connection}/erase": (
        "{p}/connections/{crm}/erase?ids=61",
        "{p}/connections/{crm}/erase?ids=60",
    ),
    "/p/{project}/connections/{connection}/runs": ("{p}/connections/{crm}/runs", "{p}/connections/{shop}/runs"),
    "/p/{project}/connections/{connection}/carts": ("{p}/connections/{shop}/carts",),
    "/p/{project}/settings/log": (
        "{p}/settings/log",
        "{p}/settings/log?kind=contacts&before=20",
        "{p}/settings/log?q={group}",
        "{p}/settings/log?q=%3Cscript%3Enot+there",
        "{p}/settings/log?day=yesterday",
    ),
    "/p/{project}/settings/keys": ("{p}/settings/keys",),
    "/p/{project}/settings/keys/{start}/revoke": ("{p}/settings/keys/{start}/revoke",),
    "/p/{project}/settings/users": ("{p}/settings/users",),
    "/p/{project}/settings/users/{user}": ("{p}/settings/users/{user}",),
    "/p/{project}/settings/users/{user}/remove": ("{p}/settings/users/{user}/remove",),
    "/p/{project}/consent": (
        "{p}/consent",
        "{p}/consent?mobiles={mobile}%0A0700000001%0A0700000020%0A0799999999%0AO7&sender=20414&purpose=marketing",
    ),
    "/p/{project}/consent/opt-outs": (
        "{p}/consent/opt-outs",
        "{p}/consent/opt-outs?channel=whatsapp&sender=DUKA",
        "{p}/consent/opt-outs?q={mobile}",
        "{p}/consent/opt-outs?q=0799999999",
    ),
    "/p/{project}/consent/opt-outs/new": ("{p}/consent/opt-outs/new?mobile={mobile}",),
    "/p/{project}/consent/opt-outs/{fact}/agreed": ("{p}/consent/opt-outs/1/agreed", "{p}/consent/opt-outs/2/agreed"),
    "/p/{project}/consent/review": ("{p}/consent/review",),
    "/p/{project}/consent/near-misses": ("{p}/consent/near-misses",),
    "/p/{project}/contacts/{contact}/messages": ("{p}/contacts/{other}/messages", "{p}/contacts/{contact}/messages"),
    "/p/{project}/campaigns": ("{p}/campaigns",),
    "/p/{project}/campaigns/new": ("{p}/campaigns/new", "{p}/campaigns/new?like={sent}"),
    "/p/{project}/campaigns/{number}": ("{p}/campaigns/{draft}", "{p}/campaigns/{sent}", "{p}/campaigns/{later}"),
    "/p/{project}/campaigns/{number}/delete": ("{p}/campaigns/{draft}/delete",),
    "/p/{project}/campaigns/{number}/send": ("{p}/campaigns/{draft}/send",),
    "/p/{project}/campaigns/{number}/cancel": ("{p}/campaigns/{later}/cancel",),
    "/p/{project}/campaigns/{number}/retry": ("{p}/campaigns/{sent}/retry",),
    "/p/{project}/campaigns/{number}/people": (
        "{p}/campaigns/{sent}/people",
        "{p}/campaigns/{sent}/people?state=skipped",
        "{p}/campaigns/{sent}/people?opted_out=yes",
    ),
    "/p/{project}/audiences": (
        "{p}/audiences",
        "{p}/audiences?match=any&groups=VIP&groups={group}&not=Old+customers&channel=sms&purpose=marketing",
        "{p}/audiences?match=everyone&channel=premium_sms&purpose=&keyword=tips",
        "{p}/audiences?match=any&channel=sms&groups=%3Cscript%3E",
    ),
    "/p/{project}/audiences/{number}": ("{p}/audiences/{frozen}", "{p}/audiences/{frozen_other}"),
    "/p/{project}/audiences/{number}/compare": ("{p}/audiences/{frozen}/compare?other={frozen_other}",),
    "/p/{project}/triggers": ("{p}/triggers",),
    "/p/{project}/triggers/new": ("{p}/triggers/new",),
    "/p/{project}/triggers/{number}": ("{p}/triggers/{trigger}", "{p}/triggers/{off}", "{p}/triggers/{gone}"),
    "/p/{project}/triggers/{number}/messages": ("{p}/triggers/{trigger}/messages?state=skipped&reason=ordered",),
    "/p/{project}/triggers/{number}/edit": ("{p}/triggers/{trigger}/edit",),
    "/p/{project}/triggers/{number}/resume": ("{p}/triggers/{off}/resume",),
    "/p/{project}/triggers/{number}/delete": ("{p}/triggers/{off}/delete",),
    "/p/{project}/settings/project": ("{p}/settings/project",),
    "/p/{project}/settings/senders": ("{p}/settings/senders",),
    "/p/{project}/settings/senders/new": (
        "{p}/settings/senders/new",
        *(f"{{p}}/settings/senders/new?gateway={gateway}" for gateway in SENDING_GATEWAYS),
    ),
    "/p/{project}/settings/senders/{sender}": ("{p}/settings/senders/{sender}", "{p}/settings/senders/{trial}"),
    "/p/{project}/settings/senders/{sender}/edit": ("{p}/settings/senders/{sender}/edit",),
    "/p/{project}/settings/senders/{sender}/rotate": ("{p}/settings/senders/{sender}/rotate",),
    "/p/{project}/settings/senders/{sender}/delete": ("{p}/settings/senders/{sender}/delete",),
    "/p/{project}/settings/inbound": ("{p}/settings/inbound",),
    "/p/{project}/settings/inbound/{start}": ("{p}/settings/inbound/{address}",),
    "/p/{project}/settings/inbound/{start}/revoke": ("{p}/settings/inbound/{address}/revoke",),
    "/p/{project}/settings/webhooks": ("{p}/settings/webhooks",),
    "/p/{project}/settings/webhooks/{webhook}": ("{p}/settings/webhooks/{webhook}",),
    "/p/{project}/settings/webhooks/{webhook}/edit": ("{p}/settings/webhooks/{webhook}/edit",),
    "/p/{project}/settings/webhooks/{webhook}/secret": ("{p}/settings/webhooks/{webhook}/secret",),
    "/p/{project}/settings/webhooks/{webhook}/delete": ("{p}/settings/webhooks/{webhook}/delete",),
    "/p/{project}/settings/consent": ("{p}/settings/consent",),
}
"""Every page, and where it is looked at."""
OPEN = ("/sign-in", "/link/{token}")
"""Pages for who is not signed in."""
PARTS = """async () => {
    const wrong = [];
    for (const { dataset } of document.querySelectorAll("[data-part]")) {
        const answer = await fetch(location.href, { headers: { Accept: `text/html; part=${dataset.part}` } });
        const text = await answer.text();
        if (answer.status >= 500 || !text.includes(`data-part="${dataset.part}"`)) wrong.push(dataset.part);
    }
    return wrong;
}"""
"""The parts that are not answered alone."""
AXE = ((WIDE, "light"), (WIDE, "dark"), (PHONE, "dark"), (PHONE, "light"))


def address(book: ConsoleBook, template: str) -> str:
    """Where a page is in the book: that of a contact with a hostile name, and of a group with one."""
    contact, other = (get(book.ana, f"+{mobile(number)}")["id"] for number in (9, 1))
    values = {
        "p": book.path,
        "contact": contact,
        "other": other,
        "group": segment(GROUPS[2]),
        "start": book.key.start,
        "mobile": mobile(9),
        **book.ids,
    }
    if "{token}" in template:
        values["token"] = book.store.system_write(current_time(), users.create_link_by_email, email="kim@example.com")[
            1
        ]
    return template.format(**values)


def test_every_page_is_looked_at() -> None:
    assert {route.path for route in ROUTES if route.method == "GET"} == {*PAGES, *NO_PAGES}


@pytest.mark.parametrize("path", [path for path in PAGES if path not in OPEN])
def test_a_page_is_accessible_and_fits_at_any_width_in_both_themes_and_languages(
    path: str, book: ConsoleBook, asha: Watched, neema: Watched
) -> None:
    for template in PAGES[path]:
        where = address(book, template)
        asha.go(where)
        check_page(asha, where)
        check_look(asha, where, AXE)
        neema.go(where)
        check_page(neema, where)
        assert neema.page.locator("html").get_attribute("lang") == "sw"
        check_look(neema, where, [(PHONE, "light")])


def check_page(browser: Watched, where: str) -> None:
    """What holds at every width."""
    assert not browser.collect(), where
    assert browser.page.locator("h1").count() == 1, where
    assert browser.page.title(), where
    assert not browser.page.evaluate(PARTS), where


def check_look(browser: Watched, where: str, looks: Iterable[tuple[tuple[int, int], Theme]]) -> None:
    """Nothing for axe to find, and nothing to scroll sideways, also with the text spread out."""
    for size, theme in looks:
        browser.resize(size)
        browser.theme(theme)
        found = browser.violations(rules=COLOURS if theme == "dark" else None)
        assert not found, f"{where} at {size[0]}, {theme}: " + "\n".join(found)
    browser.collect()  # What axe did itself.
    for size in (PHONE, NARROW, (768, 1024), (1024, 768)):
        browser.resize(size)
        assert not browser.wider(), f"{where} at {size[0]}"
    browser.space_out()
    for size in (WIDE, PHONE, NARROW):
        browser.resize(size)
        assert not browser.wider(), f"{where} at {size[0]}, spaced out"


def test_pages_for_who_is_not_signed_in_are_accessible_and_fit(book: ConsoleBook, open_browser: OpenBrowser) -> None:
    for language in ("en", "sw"):
        visitor = open_browser(book.url, language=language)
        for template in OPEN:
            where = address(book, template)
            visitor.go(where)
            check_page(visitor, where)
            check_look(visitor, where, AXE)
        visitor.go("/link/spent", status=404)
        check_look(visitor, "/link/spent", [(PHONE, "light"), (PHONE, "dark")])


def test_pages_that_refuse_are_accessible_and_fit(book: ConsoleBook, asha: Watched, open_browser: OpenBrowser) -> None:
    for where in ("/nothing/here", "/p/987654321", f"{book.path}/groups/nothing"):
        asha.go(where, status=404)
        check_page(asha, where)
        check_look(asha, where, [(PHONE, "light"), (PHONE, "dark")])
    for where in (f"{book.path}/consent?mobiles=&channel=fax", f"{book.path}/consent/opt-outs?q=O7"):
        asha.go(where, status=422)
        check_page(asha, where)
        check_look(asha, where, AXE)
    vic = open_browser(book.url)
    vic.sign_in(book.cookie, book.sessions["vic"])
    for where in (f"{book.path}/contacts/new", f"{book.path}/settings/project"):
        vic.go(where, status=403)
        check_page(vic, where)
        check_look(vic, where, [(PHONE, "light"), (PHONE, "dark")])


def test_empty_pages_are_accessible_and_fit(book: ConsoleBook, asha: Watched) -> None:
    consent = ("/consent", "/consent/opt-outs", "/consent/review", "/consent/near-misses")
    settings = (
        "/settings/log",
        "/settings/keys",
        "/settings/senders",
        "/settings/inbound",
        "/settings/webhooks",
        "/connections",
    )
    for section in ("", "/contacts", "/groups", "/bulk", "/imports", "/exports", "/connections", *consent, *settings):
        where = f"/p/{book.empty.id}{section}"
        asha.go(where)
        check_page(asha, where)
        check_look(asha, where, [(PHONE, "light"), (PHONE, "dark")])


def test_a_form_that_is_refused_begins_with_what_is_wrong_and_has_the_focus_there(
    book: ConsoleBook, asha: Watched
) -> None:
    page = asha.go(f"{book.path}/contacts/new")
    page.get_by_label("Number").fill("12")
    page.get_by_label("Town").fill("x" * 300)
    page.get_by_role("button", name="Add to the book").click()
    page.wait_for_selector("[role=alert]")
    assert page.title().startswith("Error: ")
    assert page.evaluate("() => document.activeElement.role") == "alert"
    check_page(asha, "a refused form")
    check_look(asha, "a refused form", AXE)
    page.get_by_role("alert").get_by_role("link", name="Number").click()
    assert focused(page) == "mobile"


def test_after_a_form_the_focus_is_on_what_was_done(book: ConsoleBook, asha: Watched) -> None:
    page = asha.go(f"{book.path}/groups")
    page.get_by_label("New group").fill("Made by keyboard")
    page.keyboard.press("Enter")
    page.wait_for_selector("#done")
    assert (focused(page), page.locator("#done").get_attribute("role")) == ("done", "status")
    check_page(asha, "a page after a form")
    check_look(asha, "a page after a form", AXE)


# ---- what is loaded -------------------------------------------------------------------------------------


def test_a_first_visit_takes_three_requests_and_a_later_one_takes_one(
    book: ConsoleBook, open_browser: OpenBrowser
) -> None:
    browser = open_browser(book.url)
    browser.sign_in(book.cookie, book.sessions["ed"])
    fetched: list[str] = []

    def note(event: dict[str, Any]) -> None:
        if not event["response"]["fromDiskCache"] and event["requestId"] not in cached:
            fetched.append(event["response"]["url"])

    cached: set[str] = set()
    devtools = browser.devtools()
    devtools.send("Network.enable")
    devtools.on("Network.requestServedFromCache", lambda event: cached.add(event["requestId"]))
    devtools.on("Network.responseReceived", note)
    browser.go(f"{book.path}/contacts").wait_for_load_state("networkidle")
    names = [re.split("[-.]", url.rpartition("/")[2])[0] for url in fetched]
    assert [name for name in names if name != "icon"] == ["contacts", "style", "console"]
    assert len(names) <= 4
    for section in ("/groups", "/contacts/new", ""):
        fetched.clear()
        browser.go(f"{book.path}{section}").wait_for_load_state("networkidle")
        assert fetched == [f"{book.url}{book.path}{section}"]


def test_dark_that_was_chosen_is_dark_as_the_system_has_it(book: ConsoleBook, open_browser: OpenBrowser) -> None:
    browser = open_browser(book.url)
    browser.sign_in(book.cookie, book.sessions["ed"])
    browser.theme("light")
    page = browser.go("/you")
    page.get_by_role("button", name="Dark", exact=True).first.click()
    page.wait_for_selector("[data-theme=dark]")
    body = "() => getComputedStyle(document.body).backgroundColor"
    chosen = page.evaluate(body)
    page.get_by_role("button", name="As the system").click()
    page.wait_for_selector("html:not([data-theme])")
    assert page.evaluate(body) != chosen
    browser.theme("dark")
    assert page.evaluate(body) == chosen
