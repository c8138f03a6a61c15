"""The feed: what it says about each act, where it continues, when it has to be read again, and how long it waits."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from daftari.model.feed import CHANGE_TYPES
from daftari.model.inbound import DeliveryReport
from daftari.model.limits import CHANGED_NUMBERS_MAX, CHANGES_PER_PAGE_MAX, FEED_DAYS, FEED_WAIT_SECONDS_MAX
from daftari.model.projects import Actor
from daftari.model.users import User
from daftari.rules import feed
from daftari.rules.access import projects, users
from daftari.rules.access.users import NewUser
from daftari.rules.erasure.clear import clear_erased
from daftari.rules.feed import DAY_MICROSECONDS
from daftari.rules.imports.lifecycle import queue_import
from daftari.rules.imports.request import keep_file
from daftari.serving.server import Server
from daftari.store import Store
from daftari.worker.jobs import EXPIRING
from daftari.worker.leases import WORKER
from tests.conftest import Live, People
from tests.support import calls
from tests.support.builders import Json, create, get, mobile, opt_in, opt_out, refusal, rows, rows_of, wrong_fields
from tests.support.clients import Answer, Client
from tests.support.import_files import work
from tests.support.imports import Office
from tests.support.inbound import send, text
from tests.support.message_steps import Sending
from tests.support.stores import NOW
from tests.support.waiting import wait_for

WITHOUT = ("seq", "at", "by")


def changes(client: Client, **query: object) -> Json:
    """A page of the feed."""
    answer = client.get("/v1/changes", query=query)
    assert answer.status == 200, answer.body
    found: Json = answer.json()
    return found


def said(client: Client, after: int = 0, **query: object) -> list[Json]:
    """What the changes after a number say."""
    shown = changes(client, after=after, **query)["changes"]
    return [{name: value for name, value in change.items() if name not in WITHOUT} for change in shown]


def last(client: Client) -> int:
    """The number of the last change."""
    return int(changes(client)["last"])


@pytest.fixture
def book(ana: Client) -> int:
    """Three contacts in VIP, of whom the first one is in Coast too. The number of the last change."""
    create(ana, *rows(3), group="VIP")
    create(ana, *rows(1), group="Coast")
    return last(ana)


# ---- what it says -----------------------------------------------------------------------------------

Act = Callable[[Client], object]


def rename(client: Client, name: str, new_name: str) -> Answer:
    return client.put(f"/v1/groups/{name}", {"name": new_name})


ACTS: dict[str, tuple[Act, list[Json]]] = {
    "contacts, new and changed, into a new group": (
        lambda ana: create(ana, *rows(2, first=4), {"mobile": mobile(1), "fname": "Suzan"}, group="New"),
        [
            {"type": "group.created", "group": "New"},
            {"type": "contacts.created", "contact_ids": [[4, 5]]},
            {"type": "contacts.updated", "contact_ids": [[1, 1]]},
            {"type": "group.joined", "group": "New", "contact_ids": [[1, 1], [4, 5]]},
        ],
    ),
    "a move": (
        lambda ana: ana.put("/v1/contacts/2", {"group": "Coast"}),
        [
            {"type": "group.left", "group": "VIP", "contact_ids": [[2, 2]]},
            {"type": "group.joined", "group": "Coast", "contact_ids": [[2, 2]]},
        ],
    ),
    "a delete": (
        lambda ana: ana.delete("/v1/contacts/2"),
        [
            {"type": "group.left", "group": "VIP", "contact_ids": [[2, 2]]},
            {"type": "contacts.deleted", "contact_ids": [[2, 2]]},
            {"type": "consent.changed", "contact_ids": [], "mobiles": [mobile(2)]},
        ],
    ),
    "opt-outs, and the groups that they empty": (
        lambda ana: opt_out(ana, mobile(1), mobile(2), mobile(9)),
        [
            {"type": "consent.changed", "contact_ids": [[1, 2]], "mobiles": [mobile(1), mobile(2), mobile(9)]},
            {"type": "group.left", "group": "VIP", "contact_ids": [[1, 2]]},
            {"type": "group.left", "group": "Coast", "contact_ids": [[1, 1]]},
        ],
    ),
    "a group, made, renamed and deleted": (
        lambda ana: (
            ana.post("/v1/groups", {"name": "One"}),
            ana.post("/v1/groups/One/contacts", {"ids": [3]}),
            rename(ana, "One", "Two"),
            ana.delete("/v1/groups/Two/contacts", {"ids": [3]}),
            rename(ana, "Two", "Three"),
            ana.delete("/v1/groups/Three"),
            ana.post("/v1/groups", {"name": "One"}),
        ),
        [
            {"type": "group.created", "group": "One"},
            {"type": "group.joined", "group": "One", "contact_ids": [[3, 3]]},
            {"type": "group.renamed", "group": "Two", "former_name": "One"},
            {"type": "group.left", "group": "Two", "contact_ids": [[3, 3]]},
            {"type": "group.renamed", "group": "Three", "former_name": "Two"},
            {"type": "group.deleted", "group": "Three"},
            {"type": "group.created", "group": "One"},
        ],
    ),
    "an erasure": (
        lambda ana: ana.post("/v1/erasures", {"mobile": mobile(2)}),
        [{"type": "contacts.erased", "contact_ids": [[2, 2]]}],
    ),
    "nothing new": (lambda ana: (create(ana, *rows(3), group="VIP"), get(ana, 1)), []),
}


@pytest.mark.parametrize("what", ACTS)
def test_the_feed_says_what_an_act_changed(ana: Client, book: int, what: str) -> None:
    act, expected = ACTS[what]
    act(ana)
    assert sorted(map(in_order, said(ana, book))) == sorted(map(in_order, expected))


def in_order(change: Json) -> str:
    """A change as text, whatever the order of its members; one act says things in an order of its own."""
    return repr(sorted(change.items()))


def test_an_import_and_its_undo_are_in_the_feed(store: Store, database: str, people: People, ana: Client) -> None:
    office = Office(store, database, people.shopify)
    found = office.bring("phone,groups\n0733000001,VIP\n")
    office.undo(found.id)
    assert said(ana) == [
        {"type": "group.created", "group": "VIP"},
        {"type": "contacts.created", "contact_ids": [[1, 1]]},
        {"type": "group.joined", "group": "VIP", "contact_ids": [[1, 1]]},
        {"type": "import.finished", "import": found.id},
        {"type": "group.left", "group": "VIP", "contact_ids": [[1, 1]]},
        {"type": "contacts.deleted", "contact_ids": [[1, 1]]},
        {"type": "import.undone", "import": found.id},
    ]
    assert {change["by"]["source"] for change in changes(ana)["changes"]} == {"import"}


def test_a_change_says_what_wrote_it(store: Store, people: People, ana: Client, address: str) -> None:
    created = ana.post("/v1/contacts", {"contacts": rows(1)})
    send(ana, address, text("STOP"))
    calls.create_group(store, people.shopify, "VIP", actor=Actor(None, "daftari group create"))
    by = [change["by"] for change in changes(ana)["changes"]]
    request_id = created.headers["x-request-id"]
    assert by[0] == {"key": people.ana[:12], "user": None, "source": "api", "request_id": request_id}
    assert (by[1]["key"], by[1]["source"]) == (None, "inbound")
    assert (by[2]["key"], by[2]["source"]) == (None, "command")


@pytest.fixture
def asha(store: Store) -> User:
    """A user of the console."""
    given = {"given": NewUser("asha@example.com", "Asha"), "role": None, "project": None, "is_operator": False}
    return store.system_write(NOW, users.add_user, **given).user


def test_a_change_by_a_user_has_the_present_name_and_says_when_the_user_was_removed(
    store: Store, people: People, ana: Client, asha: User
) -> None:
    calls.create_group(store, people.shopify, "VIP", actor=Actor(None, "r1", asha.id))

    def author() -> Json:
        (change,) = changes(ana)["changes"]
        shown: Json = change["by"]
        return shown

    named = {"id": asha.id, "name": "Asha", "former": False}
    assert author() == {"key": None, "user": named, "source": "console", "request_id": "r1"}
    store.system_write(NOW, users.update_user, user_id=asha.id, name="Asha Wanjiru", language=None)
    assert author()["user"] == {**named, "name": "Asha Wanjiru"}
    store.system_write(NOW, users.remove_user, email="ASHA@example.com")
    assert author()["user"] == {**named, "name": "Asha Wanjiru", "former": True}


def test_an_import_is_written_and_undone_in_the_name_of_who_asked_for_it(
    store: Store, database: str, people: People, ana: Client, asha: User
) -> None:
    office = Office(store, database, people.shopify)
    data, actor = b"phone\n0733000001\n", Actor(None, "r1", asha.id)

    def write(rule: Any, **values: Any) -> Any:
        return store.write(people.shopify, actor, office.tick(), rule, **values)

    number = keep_file(write, io.BytesIO(data), settings=office.settings(data))
    write(queue_import, import_id=number)
    work(store, people.shopify)
    shown = changes(ana)["changes"]
    assert [change["type"] for change in shown] == ["contacts.created", "import.finished"]
    assert {(change["by"]["source"], change["by"]["user"]["name"]) for change in shown} == {("import", "Asha")}
    ana.post(f"/v1/imports/{number}/undo", {})
    work(store, people.shopify)
    (gone, undone) = changes(ana, after=2)["changes"]
    assert (gone["type"], undone["type"]) == ("contacts.deleted", "import.undone")
    assert {(change["by"]["key"], change["by"]["user"]) for change in (gone, undone)} == {(people.ana[:12], None)}


def test_the_feed_says_when_a_campaign_runs_and_what_became_of_its_messages(
    store: Store, people: People, ana: Client
) -> None:
    sending = Sending(store, people.shopify)
    create(ana, *rows(3))
    begin = last(ana)
    campaign = ana.post("/v1/campaigns", {"name": "Offer", "sender": "DUKA", "text": "Hello", "everyone": True})
    number = campaign.json()["campaign"]["id"]
    assert ana.post(f"/v1/campaigns/{number}/start", {}).status == 200
    sending.now = time.time_ns() // 1000 + 1_000_000
    first, *others = sending.claimed()
    sending.answer([first, *others], "accepted")
    sending.report(*[DeliveryReport(provider_id=f"p{sent.id}-1", state="delivered") for sent in others])
    shown = changes(ana, after=begin)["changes"]
    assert [(change["type"], change["campaign"]) for change in shown] == [
        ("campaign.started", number),
        ("campaign.finished", number),
        ("messages.settled", number),
    ]
    assert shown[2]["message_ids"] == [[others[0].id, others[1].id]]
    assert [change["by"]["source"] for change in shown] == ["api", "worker", "worker"]


def test_the_numbers_have_no_gap_and_every_type_is_one_that_the_feed_knows(ana: Client, book: int) -> None:
    for act, _ in ACTS.values():
        act(ana)
    shown = changes(ana)["changes"]
    assert [change["seq"] for change in shown] == list(range(1, len(shown) + 1))
    assert {change["type"] for change in shown} <= set(CHANGE_TYPES)


def test_a_write_that_is_refused_leaves_no_change(ana: Client, book: int) -> None:
    assert ana.post("/v1/contacts", {"contacts": [*rows(1, first=7), {"mobile": "07"}]}).status == 422
    assert last(ana) == book


def test_a_key_that_may_read_follows_the_feed_of_its_own_project(ana: Client, ben: Client, chao: Client) -> None:
    create(ana, *rows(2))
    assert said(ben) == [{"type": "contacts.created", "contact_ids": [[1, 2]]}]
    assert said(chao) == []


# ---- where it continues -----------------------------------------------------------------------------


def test_pages_follow_one_another(ana: Client, book: int) -> None:
    whole = changes(ana)
    read: list[Json] = []
    after = 0
    while some := (page := changes(ana, after=after, limit=2))["changes"]:
        assert len(some) <= 2
        read += some
        after = page["next"]
    assert read == whole["changes"]
    assert after == whole["next"] == whole["last"] == book
    assert whole["oldest"] == 1


def test_a_reader_sees_every_number_once_and_in_order_while_others_write(store: Store, people: People) -> None:
    # As many as may write to one project at a time.
    writers, names = 2, 30

    def write(writer: int) -> None:
        for number in range(names):
            calls.create_group(store, people.shopify, f"{writer} {number}")

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    read: list[int] = []
    while len(read) < writers * names:
        page = store.read(people.shopify, calls.NOW, feed.read_changes, after=len(read), limit=7)
        read += [change.seq for change in page.changes]
        assert page.next == len(read)
    for thread in threads:
        thread.join()
    assert read == list(range(1, writers * names + 1))


def test_types_that_filter_all_away_still_lead_on(ana: Client, book: int) -> None:
    page = changes(ana, types="contacts.deleted,contacts.erased")
    assert (page["changes"], page["next"]) == ([], book)
    assert said(ana, types="group.created") == [
        {"type": "group.created", "group": "VIP"},
        {"type": "group.created", "group": "Coast"},
    ]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"after": -1}, "after"),
        ({"after": "x"}, "after"),
        ({"limit": 0}, "limit"),
        ({"limit": CHANGES_PER_PAGE_MAX + 1}, "limit"),
        ({"types": "contacts.created,contacts.moved"}, "types"),
        ({"wait": FEED_WAIT_SECONDS_MAX + 1}, "wait"),
        ({"wait": "soon"}, "wait"),
    ],
)
def test_a_wrong_parameter_is_named(ana: Client, query: dict[str, object], field: str) -> None:
    assert wrong_fields(ana.get("/v1/changes", query=query)) == [field]


def test_a_page_has_no_more_numbers_than_fit(
    store: Store, people: People, ana: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert CHANGED_NUMBERS_MAX > 4
    monkeypatch.setattr(feed, "CHANGED_NUMBERS_MAX", 4)
    opt_out(ana, *[mobile(number) for number in range(1, 7)])
    opt_out(ana, mobile(11), mobile(12))
    opt_out(ana, mobile(21), mobile(22))
    opt_out(ana, mobile(31))
    pages = []
    after = 0
    while some := (page := changes(ana, after=after))["changes"]:
        pages.append([len(change["mobiles"]) for change in some])
        after = page["next"]
    assert pages == [[6], [2, 2], [1]]


def test_one_call_looks_through_so_many_changes_and_no_more(
    ana: Client, book: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "CHANGES_SEARCHED_MAX", 2)
    page = changes(ana, after=0, types="contacts.erased")
    assert (page["changes"], page["next"]) == ([], 2)


# ---- when it has to be read again -------------------------------------------------------------------


def reset(answer: Answer) -> Json:
    assert refusal(answer) == (410, "FEED_RESET")
    error: Json = answer.json()
    return {name: error[name] for name in ("oldest", "last", "epoch")}


def test_a_place_beyond_the_end_is_gone(ana: Client, book: int) -> None:
    shown = changes(ana)
    about = {name: shown[name] for name in ("oldest", "last", "epoch")}
    assert reset(ana.get("/v1/changes", query={"after": book + 1})) == about
    assert changes(ana, after=book)["changes"] == []


def test_a_place_in_another_epoch_is_gone(ana: Client, book: int) -> None:
    epoch = changes(ana)["epoch"]
    assert changes(ana, after=book, epoch=epoch)["epoch"] == epoch
    assert reset(ana.get("/v1/changes", query={"after": book, "epoch": "another"}))["epoch"] == epoch


(EXPIRING_CHANGE,) = [expiring for expiring in EXPIRING if expiring.table == "change"]


@pytest.fixture
def old() -> int:
    """A time at which all that there is now is too old."""
    return time.time_ns() // 1000 + FEED_DAYS * DAY_MICROSECONDS + 1


def expire(store: Store, people: People, now: int) -> None:
    while store.read(people.shopify, now, EXPIRING_CHANGE.has_expired):
        store.write(people.shopify, WORKER, now, EXPIRING_CHANGE.expire)


def test_changes_are_deleted_when_their_time_is_over_and_their_places_are_gone(
    store: Store, people: People, ana: Client, book: int, old: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "ROWS_PER_STEP", 2)
    expire(store, people, old - 2 * DAY_MICROSECONDS)
    assert changes(ana)["oldest"] == 1
    calls.create_group(store, people.shopify, "Kept", now=old)
    expire(store, people, old)
    shown = changes(ana)
    assert (shown["oldest"], shown["last"]) == (book + 1, book + 1)
    assert [change["group"] for change in changes(ana, after=book)["changes"]] == ["Kept"]
    assert reset(ana.get("/v1/changes", query={"after": book - 1}))["oldest"] == book + 1
    assert calls.broken_in(store, people.shopify) == []


def test_a_feed_of_which_nothing_is_kept_goes_on_from_its_end(
    store: Store, people: People, ana: Client, book: int, old: int
) -> None:
    expire(store, people, old)
    shown = changes(ana)
    assert (shown["changes"], shown["next"], shown["oldest"], shown["last"]) == ([], book, book + 1, book)
    assert reset(ana.get("/v1/changes", query={"after": 0}))["last"] == book
    assert changes(ana, after=book)["next"] == book


def test_a_project_says_how_long_its_feed_keeps_a_change(store: Store, people: People, ana: Client, book: int) -> None:
    settings: dict[str, Any] = {"region": None, "on_error": None, "consent": {}, "feed_days": 7}
    store.system_write(1, projects.set_project, name="Shopify", **settings)
    found = store.system_read(1, projects.find_project, name="Shopify")
    in_a_week = time.time_ns() // 1000 + 7 * DAY_MICROSECONDS + 1
    assert not store.read(people.shopify, in_a_week, EXPIRING_CHANGE.has_expired)
    assert store.read(found, in_a_week, EXPIRING_CHANGE.has_expired)
    store.write(found, WORKER, in_a_week, EXPIRING_CHANGE.expire)
    assert changes(ana)["oldest"] == book + 1


def test_no_change_is_deleted_that_a_follower_has_not_had(
    store: Store, people: People, ana: Client, book: int, old: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "FOLLOWERS", [lambda tx: 3, lambda tx: None, lambda tx: 2])
    expire(store, people, old)
    assert changes(ana)["oldest"] == 3


# ---- erasure ----------------------------------------------------------------------------------------


def test_an_erased_number_leaves_the_feed_and_its_changes_stay(
    store: Store, database: str, people: People, ana: Client, book: int
) -> None:
    opt_out(ana, mobile(2), mobile(3))
    opt_in(ana, mobile(2))
    before = changes(ana)["changes"]
    named = [change["seq"] for change in before if mobile(2) in change.get("mobiles", ())]
    ana.post("/v1/erasures", {"mobile": mobile(2)})
    while store.write(people.shopify, WORKER, calls.NOW, clear_erased):
        pass
    shown = changes(ana)["changes"]
    unchanged = ("seq", "at", "type", "by")
    assert [[change[name] for name in unchanged] for change in shown[:-1]] == [
        [change[name] for name in unchanged] for change in before
    ]
    assert shown[-1]["consent_seqs"] == named
    assert len(named) == 2
    assert shown[-1]["contact_ids"] == [[2, 2]]
    assert not any(mobile(2) in change.get("mobiles", ()) for change in shown)
    assert [change["mobiles"] for change in shown if change["type"] == "consent.changed"] == [[mobile(3)], []]
    naming = [change["type"] for change in shown if any(a <= 2 <= b for a, b in change.get("contact_ids", ()))]
    assert naming == ["contacts.erased"]
    assert not any(mobile(2) in str(row) for row in rows_of(database, "SELECT * FROM change"))


def test_a_number_without_a_contact_is_erased_from_the_feed(ana: Client) -> None:
    opt_out(ana, mobile(7))
    ana.post("/v1/erasures", {"mobile": mobile(7)})
    assert said(ana) == [
        {"type": "consent.changed", "contact_ids": [], "mobiles": []},
        {"type": "contacts.erased", "contact_ids": [], "consent_seqs": [1]},
    ]


# ---- waiting ----------------------------------------------------------------------------------------


@pytest.fixture
def later(server: Server) -> Iterator[Callable[[Act, Client], None]]:
    """Does something in a thread once a call waits."""
    threads: list[threading.Thread] = []

    def later(act: Act, client: Any) -> None:
        def run() -> None:
            wait_for(lambda: server.rsgi._long_polls._subjects)
            act(client)

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield later
    for thread in threads:
        thread.join()


def test_a_call_that_waits_is_answered_when_something_changes(
    store: Store, people: People, ana: Client, book: int, later: Callable[..., None]
) -> None:
    later(lambda _: calls.create_group(store, people.shopify, "New"), ana)
    assert said(ana, book, wait=FEED_WAIT_SECONDS_MAX) == [{"type": "group.created", "group": "New"}]


def test_a_call_that_waits_for_some_types_waits_on_when_others_come(
    store: Store, people: People, ana: Client, book: int, later: Callable[..., None]
) -> None:
    def act(_: Client) -> None:
        calls.create_group(store, people.shopify, "New")
        calls.delete_group(store, people.shopify, "New")

    later(act, ana)
    found = changes(ana, after=book, types="group.deleted", wait=FEED_WAIT_SECONDS_MAX)
    assert [change["type"] for change in found["changes"]] == ["group.deleted"]
    assert found["next"] == book + 2


def test_a_call_that_waits_in_vain_says_where_to_go_on(ana: Client, book: int) -> None:
    assert changes(ana, after=book, wait=1) == {**changes(ana, after=book), "changes": [], "next": book}


def test_a_stop_of_the_service_answers_the_calls_that_wait(live: Live, people: People) -> None:
    ana = live.client.with_key(people.ana)
    create(ana, *rows(1))
    answers: list[Answer] = []
    waiting = [
        threading.Thread(
            target=lambda: answers.append(ana.get("/v1/changes", query={"after": 1, "wait": FEED_WAIT_SECONDS_MAX}))
        )
        for _ in range(40)
    ]
    for thread in waiting:
        thread.start()
    # More calls wait than there are threads, and others are answered.
    assert get(ana, 1)["mobile"] == mobile(1)
    live.process.terminate()
    for thread in waiting:
        thread.join()
    assert [(answer.status, answer.json()["changes"]) for answer in answers] == [(200, [])] * 40
