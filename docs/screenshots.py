"""``python -m docs.screenshots``: the pictures in the documentation of the console, of invented people.

It starts a service of its own, fills it by calls and forms, and looks at it with the Chromium of the system.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from base64 import b64decode
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser as Chromium

from daftari.model.time import current_time
from daftari.store import migrate
from tests.conftest import ROOT, serving
from tests.support import inbound
from tests.support.browsers import Browser
from tests.support.builders import create, mobile
from tests.support.clients import over_the_wire
from tests.support.console_book import FIRST_NAMES, LAST_NAMES, TOWNS, ConsoleBook, open_book
from tests.support.console_browser import PHONE, Theme, Watched, run_chromium
from tests.support.deliveries import deliver
from tests.support.stores import open_store
from tests.support.waiting import wait_for

FOLDER = ROOT / "docs" / "console"
WINDOW = (1280, 800)
QUALITY = 62
BYTES_MAX = 60 * 1024
PEOPLE = 1_240
GROUPS = ("Customers", "Newsletter", "Kisumu shop", "Choir")


def main() -> int:
    """0; 1 when something is missing."""
    path = shutil.which("chromium")
    if path is None:
        print("chromium is missing: apt-get install chromium", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = str(folder / "book.db")
        migrate(database)
        store = open_store(database, threads=2)
        with serving(folder, database) as live:
            book = open_book(live.url, database, store, live.client, fill=[_fill], key="Till in Kisumu")
            with run_chromium(path) as chromium:
                _take_all(chromium, book)
        store.close()
    return 0


def _take_all(chromium: Chromium, book: ConsoleBook) -> None:
    FOLDER.mkdir(exist_ok=True)
    person = book.ana.get(f"/v1/contacts/+{mobile(7)}").json()["contact"]["id"]
    asked = "%0A".join(mobile(number) for number in (7, 12, 3, 900))
    _take(chromium, book, "contacts", "/contacts")
    _take(chromium, book, "contact", f"/contacts/{person}")
    _take(chromium, book, "import", f"/imports/{book.ids['planned']}")
    _take(chromium, book, "may-i-message", f"/consent?mobiles={asked}&channel=sms&purpose=marketing")
    _take(chromium, book, "review", "/consent/review")
    _take(chromium, book, "campaign", f"/campaigns/{book.ids['draft']}?preview=yes")
    _take(chromium, book, "report", f"/campaigns/{book.ids['sent']}")
    _take(chromium, book, "trigger", f"/triggers/{book.ids['trigger']}")
    _take(chromium, book, "log", "/settings/log")
    _take(chromium, book, "contacts-phone", "/contacts", size=PHONE, theme="dark")
    _take(chromium, book, "contact-phone", f"/contacts/{person}", size=PHONE, user="neema")


def _take(
    chromium: Chromium,
    book: ConsoleBook,
    name: str,
    path: str,
    *,
    size: tuple[int, int] = WINDOW,
    theme: Theme = "light",
    user: str = "asha",
) -> None:
    browser = Watched(chromium, book.url)
    browser.sign_in(book.cookie, book.sessions[user])
    browser.resize(size)
    browser.theme(theme)
    browser.go(book.path + path)
    taken = browser.devtools().send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    picture = b64decode(taken["data"])
    browser.close()
    if len(picture) > BYTES_MAX:
        raise SystemExit(f"{name} has {len(picture):,} bytes; at most {BYTES_MAX:,} are kept here.")
    (FOLDER / f"{name}.webp").write_bytes(picture)
    print(f"{name}: {len(picture):,} bytes")


def _fill(book: ConsoleBook) -> None:
    rows = [{"mobile": mobile(number), **_describe(number)} for number in range(1, PEOPLE + 1)]
    create(book.ana, *rows)
    for place, group in enumerate(GROUPS):
        members = [row["mobile"] for row in rows[place :: place + 2]]
        assert book.ana.post("/v1/groups", {"name": group}).status == 201
        assert book.ana.post(f"/v1/groups/{quote(group)}/contacts", {"mobiles": members}).status == 200
    said = [
        {"mobile": mobile(7), "channel": "sms", "sender": "20414", "evidence": {"text": "STOP"}},
        *({"mobile": mobile(number)} for number in range(12, 200, 17)),
        *({"mobile": mobile(number), "channel": "sms", "purpose": "marketing"} for number in range(5, 120, 23)),
    ]
    assert book.ana.post("/v1/opt-outs", {"items": said, "source": "form"}).status == 200
    words = ("Please stop sending me these", "Acheni kunitumia ujumbe", "STOP IT. I never asked for this!")
    messages = [inbound.text(text, number=number, message=f"m{number}") for number, text in enumerate(words, 41)]
    inbound.send(book.ana, book.inbound, *messages)
    _work(book)
    _plan(book)
    _send(book)
    _fire(book)


def _describe(number: int) -> dict[str, object]:
    named = {"fname": FIRST_NAMES[number * 7 % 10], "lname": LAST_NAMES[number * 5 % 7], "city": TOWNS[number % 6]}
    return {**named, **({"company": "Ziwa Traders", "attributes": {"card": 4000 + number}} if number % 3 == 1 else {})}


def _work(book: ConsoleBook) -> None:
    """What Asha and Ed did today."""
    for name, deeds in (("ed", (7, 8, 9)), ("asha", (21, 22))):
        browser = Browser(over_the_wire(book.url), origin=book.url)
        browser.cookies[book.cookie] = book.sessions[name]
        for number in deeds:
            person = book.ana.get(f"/v1/contacts/+{mobile(number)}").json()["contact"]["id"]
            path = f"{book.path}/contacts/{person}"
            browser.submit(browser.get(f"{path}/edit"), f"{path}/edit", email=f"person{number}@example.com")
        ids = "&".join(f"ids={person + place}" for place in range(3))
        many = f"{book.path}/contacts/many"
        browser.submit(browser.get(f"{many}?do=join&{ids}"), f"{many}/join", group="Choir")


def _plan(book: ConsoleBook) -> None:
    """A file that waits with its plan: some are new, some change, some opted out, some cannot be taken."""
    numbers = [*range(1, 60), *range(5_000, 5_212)]
    lines = [f"{mobile(number)},{_describe(number)['fname']},Nakuru" for number in numbers]
    file = "\n".join(["Phone,First name,Town", *lines, "0722 12,Otieno,Thika", "unknown,Njeri,Thika", "12,Juma,Thika"])
    asked = {"name": "fair in Nakuru.csv", "group": "Newsletter", "plan": "true"}
    sent = book.ana.call("POST", "/v1/imports", query=asked, body=file.encode(), headers={"Content-Type": "text/csv"})
    book.ids["planned"] = int(sent.json()["import"]["id"])
    wait_for(lambda: book.ana.get(f"/v1/imports/{book.ids['planned']}").json()["import"]["state"] == "done")


def _send(book: ConsoleBook) -> None:
    """A campaign that went out this morning, and another one that is being written."""
    sender = {"name": "DUKA", "channel": "sms", "gateway": "log", "purpose": "marketing", "hours": "off"}
    answer = book.ana.post("/v1/senders", {**sender, "part_price": "KES 0.80", "suffix": " STOP*456*9*5#"})
    assert answer.status == 201, answer.body
    text = "Habari {{ fname | rafiki }}, wiki ya salon imefika: kila huduma punguzo la 15% hadi Jumamosi."
    offer = {"sender": "DUKA", "text": text, "groups": ["Customers"], "not": ["Choir"]}
    for name, called in (("sent", "November salon week"), ("draft", "December salon week")):
        made = book.ana.post("/v1/campaigns", {**offer, "name": called})
        assert made.status == 201, made.body
        book.ids[name] = int(made.json()["campaign"]["id"])
    path = f"/v1/campaigns/{book.ids['sent']}"
    assert book.ana.post(f"{path}/start").status == 200
    wait_for(lambda: book.ana.get(path).json()["campaign"]["state"] == "finished")
    minutes = (12, 88, 121, 74, 31, 14, 6, 2, 0, 1)
    deliver(book.store, book.project, campaign_id=book.ids["sent"], now=current_time(), minutes=minutes)
    got = book.ana.get(f"{path}/messages?state=delivered&limit=3").json()["messages"]
    said = [{**inbound.text("STOP", message=f"after {one['id']}"), "from": f"+{one['mobile']}"} for one in got]
    inbound.send(book.ana, book.inbound, *said)


def _fire(book: ConsoleBook) -> None:
    """Carts that were left, some of which were paid for meanwhile."""
    sender = {"name": "ZIWA", "channel": "sms", "gateway": "log", "purpose": "transactional", "hours": "off"}
    assert book.ana.post("/v1/senders", sender).status == 201
    text = "Habari {{ fname | rafiki }}, kikapu chako kinakusubiri: {{ event.url }}"
    cart = {"name": "Cart that was left", "on": {"event": "cart"}, "wait": "0s", "unless": [{"event": "order"}]}
    made = book.ana.post("/v1/triggers", {**cart, "sender": "ZIWA", "text": text})
    assert made.status == 201, made.body
    path = f"/v1/triggers/{made.json()['trigger']['id']}"
    book.ids["trigger"] = int(made.json()["trigger"]["id"])
    assert book.ana.post("/v1/events", {"events": _report("order", range(204, 207))}).status == 201
    assert book.ana.post("/v1/events", {"events": _report("cart", range(196, 212))}).status == 201
    wait_for(lambda: book.ana.get(path).json()["trigger"]["states"].get("waiting", 0) == 0)


def _report(name: str, numbers: range) -> list[dict[str, object]]:
    fields = {"url": "https://ziwa.example/kikapu"}
    return [{"name": name, "mobile": mobile(number), "key": f"k{number}", "fields": fields} for number in numbers]


if __name__ == "__main__":
    sys.exit(main())
