"""The first page of a project: what waits for someone, its figures, and its charts with a table behind each."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from daftari.console.charts import draw_bars, draw_line
from daftari.model.connections import ConnectionState, StoredConnection
from daftari.model.inbound import Review
from daftari.model.projects import Actor
from daftari.model.time import DAY_MICROSECONDS, current_time
from daftari.model.webhooks import StoredWebhook, WebhookState
from daftari.rules.campaigns import lifecycle as campaigns
from daftari.rules.daily import count_calls, count_changes
from daftari.rules.messages import triggers as trigger_steps
from daftari.rules.senders import lifecycle as senders
from daftari.rules.senders.meter import HOUR_MICROSECONDS, Meter, write_meter
from daftari.store import Store, WriteTx, connections, inbound, webhooks
from daftari.store import keys as stored_keys
from daftari.store import senders as stored_senders
from daftari.store import triggers as stored_triggers
from tests.conftest import People
from tests.console.conftest import Everyone
from tests.console.test_campaigns import AddSender, add_sender, sender, started, worker
from tests.console.test_contacts import HOSTILE, Book, at, book, statements
from tests.console.test_imports import PEOPLE, Work, bring, plan, work
from tests.support.browsers import Browser, FoundPage
from tests.support.calls import create_contacts
from tests.support.clients import Client
from tests.support.inbound import OpenAddress
from tests.support.message_steps import Sending, Worker
from tests.support.statements import Statements
from tests.support.triggers import Triggers

__all__ = ["add_sender", "book", "sender", "statements", "work", "worker"]

STATEMENTS_MAX = 24
Count = Callable[[], None]


@pytest.fixture
def count(store: Store, people: People) -> Count:
    """Counts what changed, as the worker does."""

    def count() -> None:
        while store.write(people.shopify, Actor(None, "worker"), current_time(), count_changes):
            pass

    return count


def home(browser: Browser, everyone: Everyone) -> FoundPage:
    page = browser.get(at(everyone, ""))
    assert page.status == 200
    return page


def lines(page: FoundPage) -> list[tuple[str, str]]:
    """Each thing that waits: how bad it is, and what is said."""
    found = re.findall(r'<li><span class="(bad|warn)">.*?</span><span>(.*?)</span>', page.html, re.DOTALL)
    return [(tone, re.sub(r"<[^>]+>|[\u2068\u2069]", "", said)) for tone, said in found]


def read_table(page: FoundPage, heading: str) -> list[list[str]]:
    """The rows of the table in the section with a heading."""
    section = page.html.partition(f"<h2>{heading}</h2>")[2].partition("</section>")[0]
    rows = re.findall(r"<tr><th scope=\"row\">.*?</tr>", section, re.DOTALL)
    return [[re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in rows]


# ---- what waits -----------------------------------------------------------------------------------------


def test_an_empty_book_says_how_to_begin_and_that_nothing_waits_is_said_of_others(
    everyone: Everyone, book: Book
) -> None:
    page = home(everyone.ed, everyone)
    assert page.heading == "Shopify"
    assert "Bring your people" in page.text
    book.add({"mobile": "0722000001"})
    assert "Nothing is waiting." in home(everyone.vic, everyone).text


def test_each_message_that_may_be_an_opt_out_waits_until_it_is_read(everyone: Everyone, book: Book) -> None:
    def fill(tx: WriteTx) -> None:
        for number in (1, 2):
            given = Review(
                0, 254_722_000_000 + number, tx.now - DAY_MICROSECONDS // 12, "generic", "sms", "x", "x", "x"
            )
            inbound.insert_review(tx, given=given, message_digest=str(number))

    book.write(fill)
    page = home(everyone.ed, everyone)
    ((tone, said),) = lines(page)
    assert (tone, said.partition(". ")[0]) == ("warn", "2 messages may be opt-outs")
    assert at(everyone, "/consent/review") in page.links
    page = home(everyone.vic, everyone)
    assert "An editor or an owner can." in page.text
    assert at(everyone, "/consent/review") not in page.links


def test_who_tried_to_bring_people_back_is_named_for_a_week(everyone: Everyone, book: Book, ana: Client) -> None:
    book.add({"mobile": "0722000001"})
    book.say("0722000001", "opt_out")
    ana.post("/v1/contacts", {"group": "VIP", "contacts": [{"mobile": "0722000001"}]})
    page = home(everyone.ed, everyone)
    assert [said.partition(":")[0] for _, said in lines(page)] == [
        "1 program, person or file tried to bring back someone who opted out"
    ]
    assert at(everyone, "/consent/near-misses") in page.links


def test_a_file_waits_for_its_columns_and_then_for_its_plan_to_be_applied(everyone: Everyone, work: Work) -> None:
    columns = bring(everyone.ed, everyone, PEOPLE)
    assert [said for _, said in lines(home(everyone.ed, everyone))] == [
        "The file people.csv waits for someone to say what is in its columns."
    ]
    plan(everyone.ed, columns, work)
    page = home(everyone.ed, everyone)
    assert [said for _, said in lines(page)] == ["The file people.csv is planned, and waits for someone to apply it."]
    link = next(link for link in page.links if re.fullmatch(at(everyone, r"/imports/\d+"), link))
    everyone.ed.submit(everyone.ed.get(link), f"{link}/apply")
    work()
    assert lines(home(everyone.ed, everyone)) == []


def test_a_campaign_that_is_paused_waits_and_leads_to_its_page(everyone: Everyone, book: Book, sender: int) -> None:
    page = started(everyone)
    number = int(page.url.partition("?")[0].rpartition("/")[2])
    book.write(campaigns.pause_campaign, campaign_id=number)
    page = home(everyone.asha, everyone)
    assert lines(page) == [("warn", "The campaign November offer is paused by someone.")]
    assert at(everyone, f"/campaigns/{number}") in page.links
    assert "An owner can, or an editor who may send." in home(everyone.ed, everyone).text


def test_senders_that_stopped_come_before_those_that_someone_paused(
    everyone: Everyone, book: Book, add_sender: AddSender
) -> None:
    paused, stopped = add_sender(), add_sender(name="KIKAPU")

    def stop(tx: WriteTx) -> None:
        senders.pause_sender(tx, sender_id=paused)
        stored_senders.save_meter(tx, sender_id=stopped, meter="{}", paused="the provider answered 401: <no such key>")

    book.write(stop)
    assert lines(home(everyone.asha, everyone)) == [
        ("bad", "The sender KIKAPU stopped. The provider answered 401: &lt;no such key&gt;."),
        ("warn", "The sender DUKA is paused by someone."),
    ]


def test_a_trigger_whose_template_is_refused_waits_and_one_that_is_off_does_not(
    everyone: Everyone, book: Book, store: Store, people: People
) -> None:
    number = Triggers(Sending(store, people.shopify, now=current_time())).add()
    book.write(_refuse, number=number, says="no such template")
    page = home(everyone.asha, everyone)
    assert [(tone, said.rpartition("is off")[2]) for tone, said in lines(page)] == [
        ("bad", ": the provider refuses its template.")
    ]
    assert at(everyone, f"/triggers/{number}") in page.links
    book.write(_refuse, number=number, says="")
    assert lines(home(everyone.asha, everyone)) == []


def _refuse(tx: WriteTx, *, number: int, says: str) -> None:
    found = replace(stored_triggers.find_triggers(tx, ids=[number])[number], state="on")
    trigger_steps.pause_for_template(tx, trigger=found, says=says)


def test_connections_that_are_not_up_to_date_wait_the_stopped_ones_first(everyone: Everyone, book: Book) -> None:
    states: list[ConnectionState] = ["new", "live", "behind", "broken", "limited", "needs_confirmation", "paused"]

    def connect(tx: WriteTx) -> None:
        for number, state in enumerate(states, start=1):
            given = StoredConnection(
                *(number, state, "hubspot", "", '{"fields": {}, "groups": []}', b"", b"", state, "", "", 0, "{}"),
                *(0, 0, 0, 1),
            )
            connections.insert_connection(tx, connection=given, folded=state)

    book.write(connect)
    assert lines(home(everyone.asha, everyone)) == [
        ("bad", "The connection broken stopped."),
        ("bad", "The connection needs_confirmation needs your yes before it changes so much."),
        ("warn", "The connection new is not set up yet: it waits for someone to start it."),
        ("warn", "The connection behind is behind."),
        ("warn", "The connection limited waits: the other system takes no more calls for now."),
        ("warn", "The connection paused is paused."),
    ]


def test_webhooks_that_take_nothing_wait_and_show_no_more_than_their_host(everyone: Everyone, book: Book) -> None:
    states: list[tuple[WebhookState, int]] = [("enabled", 1), ("disabled", 1), ("enabled", 0), ("paused", 0)]

    def insert(tx: WriteTx) -> None:
        for number, (state, failing) in enumerate(states, start=1):
            definition = f'{{"url": "https://crm{number}.example/secret"}}'
            since = failing * (tx.now - DAY_MICROSECONDS)
            given = StoredWebhook(
                *(number, definition, b"", state, "it answered 410", "", 0, 0, "", 1, "x", since, 0, 0, 1),
            )
            webhooks.insert_webhook(tx, webhook=given)

    book.write(insert)
    page = home(everyone.asha, everyone)
    stopped, failing = lines(page)
    assert stopped == ("bad", "The webhook to crm2.example was turned off. It answered 410.")
    assert failing[1].startswith("The webhook to crm1.example has taken nothing since yesterday")
    assert "/secret" not in page.html


def test_a_key_that_ends_soon_waits(everyone: Everyone, store: Store, people: People) -> None:
    soon = current_time() + 3 * DAY_MICROSECONDS
    (key, *_) = store.system_read(0, stored_keys.list_keys)
    for number, (start, label, ends) in enumerate((("daf_soon", "till", soon), ("daf_late", "x", 9 * soon))):
        new = replace(key, id=9_000 + number, project_id=people.shopify.id, start=start, label=label, revoked_at=None)
        new = replace(new, expires_at=ends)
        store.system_write(soon, stored_keys.insert_key, key=new, key_hash=start.encode())
    page = home(everyone.asha, everyone)
    assert [said.partition(" ends")[0] for _, said in lines(page)] == ["The key till"]
    assert at(everyone, "/settings/keys") in page.links
    assert lines(home(everyone.vic, everyone)), "others see that it ends"


def test_a_campaign_of_which_not_all_is_known_waits_for_a_week(
    everyone: Everyone, book: Book, sender: int, worker: Callable[[], Worker]
) -> None:
    started(everyone)
    sending = worker()
    first, *others = sending.claimed()
    sending.answer([first], "unknown")
    sending.answer(others, "accepted")
    sending.claimed()
    assert [said for _, said in lines(home(everyone.asha, everyone))] == [
        "Of one message of the campaign November offer it is not known whether it was sent."
    ]


def test_a_sender_whose_provider_reports_nothing_is_silent(
    everyone: Everyone, book: Book, add_sender: AddSender, open_address: OpenAddress, store: Store, people: People
) -> None:
    account = {"settings": {"account_sid": "AC1"}, "credentials": {"secret": "kikapu"}}
    number = add_sender(gateway="twilio", **account)
    hour = current_time() // HOUR_MICROSECONDS

    def send(tx: WriteTx, *, hours: int) -> None:
        found = Meter(hours={hour - hours: 3}, epoch=tx.epoch())
        stored_senders.save_meter(tx, sender_id=number, meter=write_meter(found), paused="")

    book.write(send, hours=1)
    assert lines(home(everyone.asha, everyone)) == []
    book.write(send, hours=4)
    assert lines(home(everyone.asha, everyone)) == [
        ("warn", "The sender DUKA sends, but its provider reports nothing.")
    ]
    open_address("twilio")
    (token,) = store.system_read(0, inbound.list_tokens)
    book.write(inbound.count_received, token_id=token.id)
    assert lines(home(everyone.asha, everyone)) == []


def test_an_address_that_refuses_what_comes_waits_until_something_is_believed(
    everyone: Everyone, book: Book, open_address: OpenAddress, store: Store
) -> None:
    open_address("generic")
    (token,) = store.system_read(0, inbound.list_tokens)
    book.write(inbound.count_refused, token_id=token.id)
    page = home(everyone.asha, everyone)
    assert [tone for tone, _ in lines(page)] == ["bad"]
    assert at(everyone, f"/settings/inbound/{token.start}") in page.links
    book.write(inbound.count_received, token_id=token.id)
    assert lines(home(everyone.asha, everyone)) == []


# ---- figures and charts -----------------------------------------------------------------------------------


def test_the_figures_are_exact_and_their_tables_add_up(
    everyone: Everyone, book: Book, count: Count, store: Store, people: People
) -> None:
    mobiles = [f"07220000{number:02}" for number in range(1, 21)]
    book.add(*({"mobile": one} for one in mobiles), group="VIP")
    for one in mobiles[:3]:
        book.say(one, "opt_out", channel="sms")
    book.say(mobiles[3], "opt_out")
    page = home(everyone.vic, everyone)
    assert "The first charts come in a minute or two." in page.text
    count()
    page = home(everyone.vic, everyone)
    assert "contacts 20 as many" not in page.text, "nothing is known of a week ago"
    assert "of them opted out of everything 1 5.0% of the contacts" in page.text
    assert "opt-outs in 30 days 4 counted until today" in page.text
    assert read_table(page, "Contacts, up to a year") == [["today", "20"]]
    assert read_table(page, "Opt-outs a day") == [["today", "3", "1"]]
    assert read_table(page, "Largest groups") == [["VIP", "19"]], "who opted out of everything is in no group"
    assert at(everyone, "/groups/VIP") in page.links


@pytest.mark.parametrize(("days", "rows"), [(20, 21), (70, 3)], ids=["weeks", "months"])
def test_contacts_are_shown_by_day_for_two_months_and_then_by_month(
    everyone: Everyone, count: Count, store: Store, people: People, days: int, rows: int
) -> None:
    now = current_time()
    for ago, mobile in ((days, "0722000001"), (1, "0722000002")):
        create_contacts(store, people.shopify, [{"mobile": mobile}], now=now - ago * DAY_MICROSECONDS)
    count()
    page = home(everyone.vic, everyone)
    table = read_table(page, "Contacts, up to a year")
    assert rows <= len(table) <= rows + 1
    assert (table[0], table[-1][1]) == (["today", "2"], "1")
    assert 'aria-label="Contacts: 1 at the end of' in page.html
    assert "1 more than a week ago" in page.text


def test_before_the_first_day_that_is_counted_the_page_has_figures_all_the_same(
    everyone: Everyone, book: Book, count: Count
) -> None:
    place = at(everyone, "/settings/project")
    everyone.asha.submit(everyone.asha.get(place), place, zone="Pacific/Kiritimati")
    book.add({"mobile": "0722000001"})
    count()
    everyone.asha.submit(everyone.asha.get(place), place, zone="Pacific/Pago_Pago")
    page = home(everyone.vic, everyone)
    assert "0 of them today" in page.text
    assert "The line begins tomorrow." in page.text


def test_messages_that_a_provider_took_are_counted_by_channel(
    everyone: Everyone, book: Book, sender: int, worker: Callable[[], Worker], count: Count
) -> None:
    started(everyone)
    assert "messages sent in 30 days 0" in home(everyone.vic, everyone).text
    sending = worker()
    sending.answer(sending.claimed(), "accepted")
    page = home(everyone.vic, everyone)
    assert "messages sent in 30 days 4 4 of them today" in page.text
    assert read_table(page, "Messages sent a day")[0] == ["today", "4"]


def test_calls_of_yesterday_are_shown_by_key(everyone: Everyone, book: Book, store: Store, people: People) -> None:
    book.add({"mobile": "0722000001"})
    assert "Calls by key" not in home(everyone.vic, everyone).text
    ids = [key.id for key in store.system_read(0, stored_keys.list_keys) if key.project_id == people.shopify.id]
    yesterday = (current_time() - DAY_MICROSECONDS) // 60_000_000
    book.write(count_calls, calls={(yesterday, ids[0]): 1_200, (yesterday, 999_999): 7})
    ((name, calls),) = read_table(home(everyone.vic, everyone), "Calls by key, yesterday")
    assert (bool(name), calls) == (True, "1,200"), "a key that is gone has no name"


def test_hostile_names_are_harmless(everyone: Everyone, book: Book, add_sender: AddSender, count: Count) -> None:
    for place, name in enumerate(HOSTILE):
        book.add({"mobile": f"072200000{place}"}, group=name[:100])
    number = add_sender(name="<b>DUKA")
    book.write(senders.pause_sender, sender_id=number)
    count()
    page = home(everyone.asha, everyone)
    assert "<script>alert" not in page.html
    assert "<b>DUKA" not in page.html
    assert "<img" not in page.html


def test_the_page_is_in_swahili_too(everyone: Everyone, book: Book, count: Count) -> None:
    book.add({"mobile": "0722000001"})
    book.say("0722000001", "opt_out")
    count()
    shown = everyone.vic.submit(home(everyone.vic, everyone), "/you/look", button="sw")
    assert "Hakuna kinachosubiri." in shown.text
    assert "Waliojitoa kwa siku" in shown.text


def test_the_page_costs_the_same_however_much_there_is(
    everyone: Everyone, book: Book, count: Count, statements: Statements, add_sender: AddSender
) -> None:
    book.add({"mobile": "0722000001"}, group="VIP")
    count()
    few = statements.count(lambda: home(everyone.asha, everyone))
    assert few <= STATEMENTS_MAX, statements.last
    for number in range(5):
        book.add(*({"mobile": f"0733{number}{one:05}"} for one in range(50)), group=f"Group {number}")
        add_sender(name=f"DUKA {number}")
        book.say(f"0733{number}00001", "opt_out")
    count()
    assert statements.count(lambda: home(everyone.asha, everyone)) == few, statements.last


# ---- shapes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        ([0, 0], (2, 1, 0)),
        ([0, 3], (4, 2, 0)),
        ([9_412_008, 10_482_119], (11_000_000, 10_000_000, 9_000_000)),
        ([7, 7, 7], (10, 5, 0)),
        ([10, 990], (1_000, 500, 0)),
    ],
)
def test_a_line_is_between_round_numbers(values: list[int], levels: tuple[int, int, int]) -> None:
    line = draw_line(values)
    assert line.levels == levels
    heights = [float(point.split(",")[1]) for point in line.points.split()]
    assert all(0 <= height <= 144 for height in heights)
    assert len(heights) == len(values)


def test_the_parts_of_a_bar_stand_on_each_other() -> None:
    colours = {"sms": "c1", "whatsapp": "c2"}
    drawn = draw_bars([{"sms": 30, "whatsapp": 10}, {}, {"whatsapp": 1}], colours)
    assert drawn.levels == (40, 20, 0)
    assert [bar.colour for bar in drawn.bars] == ["c1", "c2", "c2"]
    low, high, alone = drawn.bars
    assert (low.y + low.height, high.y + high.height) == (144, 36)
    assert low.x == high.x < alone.x
    assert alone.height > 0
