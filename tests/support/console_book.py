"""A book as unpleasant as real ones, on a service that runs, and the users whose browsers look at it.

It is filled by calls of the API, as programs fill it, so that a page shows nothing that cannot be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from daftari.connectors import Account, GroupSource
from daftari.connectors.protocol import FieldSource
from daftari.console.templates import segment
from daftari.model.connections import PlanCounts
from daftari.model.projects import Key, Project
from daftari.model.time import current_time
from daftari.model.users import Role
from daftari.rules.access import inbound_tokens, keys, passwords, projects, users
from daftari.rules.access.sessions import begin_session
from daftari.rules.connections import lifecycle
from daftari.rules.connections.model import get_connection
from daftari.rules.connections.saving import save_connection
from daftari.rules.inbound import trials
from daftari.store import Store, SystemTx, WriteTx
from daftari.store import users as stored_users
from daftari.web.cookies import name_cookies
from tests.support import inbound
from tests.support.browsers import Browser
from tests.support.builders import create, mobile
from tests.support.calls import WORKER
from tests.support.clients import Client, over_the_wire
from tests.support.console_connections import connect_systems
from tests.support.deliveries import deliver
from tests.support.waiting import wait_for

NAME = "Duka la Shangazi"
PASSWORD = "seven goats on a hill"
CONTACTS = 320
CROWD = 1_050
FIRST_NAMES = ("Wanjiru", "Otieno", "Achieng", "Kamau", "Naliaka", "Mutua", "Chebet", "Baraka", "Zawadi", "Njeri")
LAST_NAMES = ("Mwangi", "Odhiambo", "Kiprop", "Wekesa", "Juma", "Nyambura", "Kilonzo")
TOWNS = ("Nairobi", "Kisumu", "Mombasa", "Nakuru", "Eldoret", "Thika")
HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(2)>",
    "\u202eevil\u202d override",
    "فاطمة بنت محمد الفهرية",
    "W" * 150,
    "Long name of many words " * 10,
    "👩🏾‍🌾🎂 Zuri",
    "{{ 7*7 }} %(name)s ${7*7}",
    "\u05d0\u05d1\u05d2 (42) +254",
)
"""Names that people have, or give themselves to do harm."""
GROUPS = ("VIP", "Newsletter", "<b onmouseover=alert(3)>bold</b> & sons / co", "كل الزبائن", "G" * 120, "Old customers")
PLACES: dict[str, Role] = {"asha": "owner", "ed": "editor", "vic": "viewer", "neema": "owner", "kim": "viewer"}
"""The users and their roles. Neema reads Swahili; Kim has never signed in but by a link."""


class ConsoleBook(Struct, frozen=True):
    """A service with a full book, and how to sign in to it."""

    url: str
    database: str
    store: Store
    project: Project
    empty: Project
    """Another one, which has owners and nothing else."""
    ana: Client
    """A program that owns the project."""
    key: Key
    cookie: str
    """What the cookie of a session is called."""
    sessions: dict[str, str]
    """A session of each user."""
    inbound: str
    """Where a provider sends what people wrote."""
    ids: dict[str, Any]
    """Of what there is one of: the user Kim, imports that are ``done`` and ``planned``, a ``job`` of all that match.

    Of the campaigns one is a ``draft``, one was ``sent``, and one starts ``later`` and is paused. A ``trigger`` sent to
    some, one is ``off``, and of one the group is ``gone``. Audiences are ``frozen`` and ``frozen_other``. There are a
    ``sender``, one for a ``trial``, an inbound ``address`` of which it is the start, and a ``webhook``. Of the
    connections that are being set up one is ``unconnected``, and one a ``planned_shop``; of the
    others a ``crm`` stopped, and a ``shop`` is paused.
    """

    @property
    def path(self) -> str:
        return f"/p/{self.project.id}"


Fill = Callable[[ConsoleBook], None]


def open_book(
    url: str, database: str, store: Store, anyone: Client, *, fill: Sequence[Fill] | None = None, key: str = HOSTILE[1]
) -> ConsoleBook:
    """Two projects in an empty database, their users, and in the first a full book, or what ``fill`` writes."""
    now = current_time()
    project, empty = (_make_project(store, name) for name in (NAME, HOSTILE[0]))
    secret, made = store.system_write(now, keys.create_key, project=project, label=key, kind="manage", expires_at=None)
    stored = passwords.hash_password(PASSWORD)
    sessions = {
        name: store.system_write(now, _add_user, name=name, role=role, password=stored) for name, role in PLACES.items()
    }
    names = name_cookies(store.system_read(0, lambda tx: tx.epoch()), insecure=False)
    token, _ = store.system_write(
        now,
        inbound_tokens.create_token,
        project=project,
        provider="generic",
        label=HOSTILE[1],
        signing_secret=None,
        verify_token=None,
    )
    ids: dict[str, Any] = {"user": store.system_read(now, users.find_user, email="kim@example.com").id}
    book = ConsoleBook(
        url,
        database,
        store,
        project,
        empty,
        anyone.with_key(secret),
        made,
        names.session,
        sessions,
        f"/v1/inbound/generic/{token}",
        ids,
    )
    for write in fill if fill is not None else FILLS:
        write(book)
    return book


def _make_project(store: Store, name: str) -> Project:
    return store.system_write(
        current_time(), projects.create_project, name=name, region="KE", on_error="refuse", first_id=1
    )


def _add_user(tx: SystemTx, *, name: str, role: Role, password: str) -> str:
    """A user of the first project, of both as an owner; and a session."""
    given = users.NewUser(f"{name}@example.com", name.title(), "sw" if name == "neema" else "en")
    for project in (NAME, HOSTILE[0]) if role == "owner" else (NAME,):
        added = users.add_user(tx, given=given, role=users.NewRole(role), project=project, is_operator=role == "owner")
    stored_users.save_password(tx, user_id=added.user.id, password=password)
    return begin_session(tx, user_id=added.user.id, address="127.0.0.1", browser="tests")[0]


def add_people(book: ConsoleBook) -> None:
    """People with names of all kinds, in groups."""
    rows = [{"mobile": mobile(number), **_describe(number)} for number in range(1, CONTACTS + 1)]
    for place, name in enumerate(GROUPS):
        assert book.ana.post("/v1/groups", {"name": name}).status == 201
        create(book.ana, *rows[place :: len(GROUPS)], group=name)
    create(book.ana, *rows[::3], group="Everyone / who buys")


def _describe(number: int) -> dict[str, object]:
    if number % 9 == 0:
        return {"fname": HOSTILE[number // 9 % len(HOSTILE)], "lname": HOSTILE[(number // 9 + 4) % len(HOSTILE)]}
    described = {"fname": FIRST_NAMES[number % 10], "lname": LAST_NAMES[number % 7], "city": TOWNS[number % 6]}
    if number % 4 == 0:
        described |= {"email": f"person.{number}@example.com", "company": HOSTILE[number % len(HOSTILE)]}
    return described | ({"attributes": {"card": number, "note": HOSTILE[number % len(HOSTILE)]}} if number % 2 else {})


def _say_words(book: ConsoleBook) -> None:
    """What people said: opt-outs of every kind, agreements, and messages that someone has to read."""
    said = [
        {"mobile": mobile(9), "evidence": HOSTILE[0]},
        {"mobile": mobile(1), "channel": "sms", "sender": "20414", "evidence": {"text": "STOP " + HOSTILE[4]}},
        {"mobile": mobile(2), "channel": "whatsapp", "purpose": "marketing"},
        {"mobile": mobile(3), "channel": "sms"},
        *({"mobile": mobile(number)} for number in range(20, 40)),
    ]
    assert book.ana.post("/v1/opt-outs", {"items": said, "source": "form"}).status == 200
    agreed = {"mobiles": [mobile(3), mobile(20)], "channel": "sms", "evidence": "Asked at the counter, on paper."}
    assert book.ana.post("/v1/opt-ins", {**agreed, "source": "api"}).status == 200
    create(book.ana, *({"mobile": mobile(number)} for number in range(20, 30)), group="VIP")
    words = ("STOP", "please stop sending me these", f"stop {HOSTILE[0]}", "Acheni sasa " + HOSTILE[3], "who is this?")
    messages = [inbound.text(word, number=number, message=f"m{number}") for number, word in enumerate(words, 50)]
    inbound.send(book.ana, book.inbound, *messages)


def _send_files(book: ConsoleBook) -> None:
    """An import that was done with some rejects, one that waits with its plan, and one of opt-outs."""
    lines = [f'"{mobile(number)}","{_quoted(number)}"' for number in range(310, 340)]
    file = "\n".join(["Phone,First name", *lines, '"not a number","Zuri"', f'"12","{HOSTILE[0]}"'])
    people = {"name": f"{HOSTILE[0]}.csv", "group": "VIP"}
    book.ids["done"] = _send_file(book, file, **people)
    book.ids["planned"] = _send_file(book, file.replace("Zuri", "Tamu"), plan="true", **people)
    wait_for(lambda: {_state_of(book, book.ids[name]) for name in ("done", "planned")} == {"done"})
    for given in ({"format": "csv", "group": GROUPS[2], "consent": True}, {"format": "vcard"}):
        assert book.ana.post("/v1/exports", given).status == 202


def _change_many(book: ConsoleBook) -> None:
    """A change of all that match, as a form makes it: of so many that a job does it."""
    create(book.ana, *({"mobile": mobile(10_000 + number), "fname": f"Umati {number}"} for number in range(CROWD)))
    browser = Browser(over_the_wire(book.url), origin=book.url)
    browser.cookies[book.cookie] = book.sessions["ed"]
    page = browser.get(f"{book.path}/contacts/many?scope=all&do=join&q=umati")
    job = browser.submit(page, f"{book.path}/contacts/many/join", group=HOSTILE[0])
    book.ids["job"] = int(urlsplit(job.url).path.rpartition("/")[2])


def _write_campaigns(book: ConsoleBook) -> None:
    """Senders that deliver nothing, a draft, a campaign that went out but to some, and one that is paused."""
    for name, channel in (("DUKA", "sms"), ("254700000009", "whatsapp")):
        sender = {"name": name, "channel": channel, "gateway": "log", "purpose": "transactional", "hours": "off"}
        answer = book.ana.post("/v1/senders", {**sender, "part_price": "KES 0.80", "suffix": " STOP*456*9*5#"})
        assert answer.status == 201, answer.body
    text = f"Habari {{{{ fname | rafiki }}}}, {HOSTILE[0]} \u202eevil"
    offer: dict[str, object] = {
        "name": HOSTILE[0],
        "sender": "DUKA",
        "text": text,
        "groups": [*GROUPS[:3]],
        "not": [GROUPS[4]],
    }
    lacking: dict[str, object] = {
        "name": HOSTILE[4],
        "sender": "DUKA",
        "text": "{{ city }} {{ company }}",
        "groups": ["VIP"],
    }
    later: dict[str, object] = {
        "name": HOSTILE[3],
        "sender": "DUKA",
        "text": text,
        "everyone": True,
        "at": "2099-05-01T09:00:00Z",
    }
    drafts = (("draft", offer), ("sent", lacking), ("later", later))
    for name, given in drafts:
        answer = book.ana.post("/v1/campaigns", given)
        assert answer.status == 201, answer.body
        book.ids[name] = int(answer.json()["campaign"]["id"])
    for name, step in (("sent", "start"), ("later", "start"), ("later", "pause")):
        assert book.ana.post(f"/v1/campaigns/{book.ids[name]}/{step}").status in (200, 202)
    wait_for(lambda: book.ana.get(f"/v1/campaigns/{book.ids['sent']}").json()["campaign"]["state"] == "finished")
    deliver(book.store, book.project, campaign_id=book.ids["sent"], now=current_time(), minutes=(3, 9, 2, 0, 1))
    got = book.ana.get(f"/v1/campaigns/{book.ids['sent']}/messages?state=delivered&limit=1").json()["messages"]
    inbound.send(book.ana, book.inbound, {**inbound.text("STOP", message="after"), "from": f"+{got[0]['mobile']}"})


def _quoted(number: int) -> str:
    return str(_describe(number)["fname"]).replace('"', '""')


def _send_file(book: ConsoleBook, file: str, **asked: str) -> int:
    sent = book.ana.call("POST", "/v1/imports", query=asked, body=file.encode(), headers={"Content-Type": "text/csv"})
    assert sent.status == 202, sent.body
    return int(sent.json()["import"]["id"])


def _state_of(book: ConsoleBook, number: int) -> str:
    return str(book.ana.get(f"/v1/imports/{number}").json()["import"]["state"])


def _add_triggers(book: ConsoleBook) -> None:
    """One that sent to some and not to others, one that is off, and one whose group is gone."""
    sender = {"name": "VIDOKEZO", "channel": "sms", "gateway": "log", "purpose": "transactional"}
    assert book.ana.post("/v1/senders", sender).status == 201
    assert book.ana.post("/v1/groups", {"name": HOSTILE[3]}).status == 201
    carts: dict[str, object] = {
        "name": HOSTILE[0],
        "on": {"event": "cart"},
        "wait": "0s",
        "unless": [{"event": "order"}, {"in": GROUPS[4]}],
        "sender": "VIDOKEZO",
        "text": "Hello {{ fname | rafiki }}, your cart waits: {{ event.url }}",
    }
    trigger = book.ids["trigger"] = _add_trigger(book, carts)
    later = {**carts, "name": HOSTILE[4], "on": {"joins": GROUPS[2]}, "wait": "1d", "text": "Karibu!"}
    book.ids["off"] = _add_trigger(book, later, off=True)
    gone = {**carts, "name": "Ramadan", "on": {"joins": HOSTILE[3]}, "unless": [], "text": "Karibu!"}
    book.ids["gone"] = _add_trigger(book, gone)
    assert book.ana.delete(f"/v1/groups/{segment(HOSTILE[3])}").status == 200
    url = "https://shop.example/" + HOSTILE[4]
    events = [{"mobile": mobile(number), "key": f"c{number}", "fields": {"url": url}} for number in range(1, 40)]
    orders = [{"name": "order", "mobile": mobile(number), "key": f"c{number}"} for number in range(10, 20)]
    recorded = book.ana.post("/v1/events", {"events": orders})
    assert recorded.status == 201, recorded.body
    assert book.ana.post("/v1/events", {"name": "cart", "events": events}).status == 201
    wait_for(lambda: {"waiting", "sending"}.isdisjoint(_states_of(book, trigger)))


def _add_trigger(book: ConsoleBook, given: Mapping[str, object], *, off: bool = False) -> int:
    made = book.ana.post("/v1/triggers", given)
    assert made.status == 201, made.body
    number = int(made.json()["trigger"]["id"])
    if off:
        assert book.ana.post(f"/v1/triggers/{number}/pause").status == 200
    return number


def _states_of(book: ConsoleBook, trigger: int) -> set[str]:
    return {*book.ana.get(f"/v1/triggers/{trigger}").json()["trigger"]["states"]}


def _freeze_audiences(book: ConsoleBook) -> None:
    """Two that have some numbers in common, of which some were blocked since."""
    some = {"groups": [*GROUPS[:3]], "not": [GROUPS[4]], "sender": HOSTILE[4][:60]}
    for name, given in (("frozen", some), ("frozen_other", {"everyone": True})):
        frozen = book.ana.post("/v1/audiences", {**given, "channel": "sms", "purpose": "marketing"})
        assert frozen.status == 201, frozen.body
        book.ids[name] = int(frozen.json()["id"])
    said = [{"mobile": mobile(number), "channel": "sms"} for number in range(100, 160)]
    assert book.ana.post("/v1/opt-outs", {"items": said}).status == 200


def _set_up_sending(book: ConsoleBook) -> None:
    """Senders, an address that something arrived at while it was tested, and a webhook, with names of all kinds."""
    account = {"settings": {"phone_number_id": "W" * 150}, "credentials": {"access_token": "kikapu"}}
    names = {"answers_as": [HOSTILE[1], "20414"], "hours": "08:00-18:00 Africa/Nairobi", "part_price": "KES 0.80"}
    given = {"name": HOSTILE[0], "gateway": "whatsapp", "channel": "whatsapp", **account, **names}
    book.ids["sender"] = book.ana.post("/v1/senders", given).json()["sender"]["id"]
    trial = {"name": "G" * 60, "gateway": "log", "channel": "sms"}
    book.ids["trial"] = book.ana.post("/v1/senders", trial).json()["sender"]["id"]
    assert book.ana.post(f"/v1/senders/{book.ids['trial']}/pause").status == 200
    written, token = book.store.system_write(
        current_time(),
        inbound_tokens.create_token,
        project=book.project,
        provider="generic",
        label=HOSTILE[2] + "W" * 60,
        signing_secret=None,
        verify_token=None,
    )
    book.ids["address"] = token.start
    book.store.write(book.project, WORKER, current_time(), trials.start_test, token_id=token.id)
    inbound.send(book.ana, f"/v1/inbound/generic/{written}", inbound.text("More, please", to=HOSTILE[1][:60]))
    assert book.ana.post(f"/v1/inbound/generic/{written}", {"nothing": HOSTILE[0]}).status == 400
    hook = {"url": f"https://crm.example/{'hooks' * 60}", "groups": [GROUPS[2], GROUPS[4]]}
    book.ids["webhook"] = book.ana.post("/v1/webhooks", hook).json()["webhook"]["id"]


def _begin_connections(book: ConsoleBook) -> None:
    """A shop that is being set up and waits for its webhooks, and one that is planned. Neither can be called."""
    given: dict[str, Any] = {"name": HOSTILE[0], "kind": "shopify", "settings": {"shop": "ziwa"}}
    book.ids["unconnected"] = book.ana.post("/v1/connections", given).json()["connection"]["id"]
    given = {
        "name": "W" * 100,
        "kind": "woocommerce",
        "settings": {"url": "https://duka.example", "base_url": "http://127.0.0.1:9"},
        "credentials": {"consumer_key": "ck_tamu", "consumer_secret": "cs_tamu"},
        "groups": [{"from": "all", "to": GROUPS[2]}, {"from": f"property:{HOSTILE[1]}=Kisumu", "to": HOSTILE[3]}],
    }
    number = book.ana.post("/v1/connections", given).json()["connection"]["id"]
    book.ids["planned_shop"] = number
    fields = [FieldSource(name, name, "text") for name in ("phones", "first_name", *HOSTILE)]
    offered = [GroupSource(f"role:{name}", name, 1_234) for name in HOSTILE]
    account = Account("ziwa", HOSTILE[0], "Africa/Nairobi", 1_234, (), offered, fields, (HOSTILE[1],), ())
    now = current_time()
    book.store.write(book.project, WORKER, now, lifecycle.take_check, connection_id=number, account=account)
    counts = {"records": 12, "live": 9, "created": 7, "updated": 1, "unchanged": 1, "left": 2, "unreadable": 1}
    counts |= {f"group:{GROUPS[2]}": 9, f"members:{GROUPS[2]}": 54, f"group:{HOSTILE[3]}": 1, "crm_says_in": 1}
    plan = PlanCounts(now, finished_at=now, counts=counts)

    def save_plan(tx: WriteTx) -> None:
        opened = get_connection(tx, connection_id=number)
        save_connection(tx, replace(opened, progress=replace(opened.progress, plan=plan)))

    book.store.write(book.project, WORKER, now, save_plan)


def _connect_systems(book: ConsoleBook) -> None:
    """A connection that stopped, and a shop that is paused."""
    connect_systems(book, hostile=HOSTILE[1], groups=HOSTILE)


FILLS: tuple[Fill, ...] = (
    *(add_people, _say_words, _send_files, _change_many, _write_campaigns, _add_triggers, _freeze_audiences),
    *(_set_up_sending, _begin_connections, _connect_systems),
)
"""What a full book is written by."""
