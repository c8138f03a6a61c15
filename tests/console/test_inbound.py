"""The pages of inbound addresses: where one is pasted, a test that shows what arrives, refused calls, and the end."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from daftari.model.inbound import InboundToken
from daftari.model.time import current_time
from daftari.rules.access import inbound_tokens
from daftari.rules.inbound import trials
from daftari.rules.inbound.trials import ARRIVALS_MAX, TEST_SECONDS
from daftari.store import Store
from tests.conftest import People
from tests.console.conftest import Everyone
from tests.console.test_forms import token_of
from tests.support.browsers import FoundPage
from tests.support.builders import create, may_message, mobile, rows
from tests.support.calls import WORKER
from tests.support.clients import Client
from tests.support.inbound import SECRET, send, text

ADDRESS = re.compile(r"http://127\.0\.0\.1:8000(/v1/inbound/\w+/[\w-]{44})")


def at(everyone: Everyone, path: str = "") -> str:
    return f"/p/{everyone.shopify}/settings/inbound{path}"


def make(everyone: Everyone, provider: str = "generic", **typed: Any) -> FoundPage:
    page = everyone.asha.get(at(everyone))
    return everyone.asha.submit(page, at(everyone), provider=provider, **{"label": "20414", **typed})


def address_of(page: FoundPage) -> str:
    (address,) = set(ADDRESS.findall(page.html))
    return str(address)


def start_of(address: str) -> str:
    return address.rpartition("/")[2][:10]


def begin_test(everyone: Everyone, address: str) -> FoundPage:
    path = at(everyone, f"/{start_of(address)}")
    return everyone.asha.submit(everyone.asha.get(path), f"{path}/try")


def arrived(everyone: Everyone, address: str) -> str:
    """What the part of the page says that looks for what arrives."""
    part = everyone.asha.get(at(everyone, f"/{start_of(address)}"), headers={"accept": "text/html; part=arrived"})
    assert part.html.lstrip().startswith('<div class="flow" data-part')
    return part.text


def tokens(store: Store, everyone: Everyone) -> list[InboundToken]:
    found = store.system_read(0, inbound_tokens.list_tokens)
    return [token for token in found if token.project_id == everyone.shopify]


# ---- a new one ------------------------------------------------------------------------------------------


def test_an_address_is_shown_once_and_takes_what_arrives(everyone: Everyone, ana: Client) -> None:
    create(ana, *rows(1))
    assert "Nothing can answer yet" in everyone.asha.get(at(everyone)).text
    made = make(everyone)
    address = address_of(made)
    assert "shown this once" in made.text and "A program passes an answer on like this." in made.text
    assert made.answer.headers["cache-control"] == "private, no-store"
    send(ana, address, text("STOP"))
    assert may_message(ana, mobile(1)) == [False]
    listed = everyone.asha.get(at(everyone))
    assert "20414 Any other provider · belongs to no sender Hears" in listed.text
    for page in (listed, everyone.asha.get(at(everyone, f"/{start_of(address)}"))):
        assert not ADDRESS.search(page.html)


def test_a_form_that_is_sent_twice_makes_one_address(everyone: Everyone, store: Store) -> None:
    page = everyone.asha.get(at(everyone))
    assert everyone.asha.submit(page, at(everyone), label="20414").status == 200
    again = everyone.asha.submit(page, at(everyone), label=" 20414 ")
    assert (again.status, "There is an address of this name already." in again.text) == (409, True)
    assert len(tokens(store, everyone)) == 1


def test_what_a_provider_needs_is_asked_for(everyone: Everyone, store: Store) -> None:
    for provider, typed, said in (
        ("generic", {"label": " "}, "This is needed."),
        ("twilio", {}, "This is needed."),
        ("africas_talking", {"secret": "kikapu-cha-siri"}, "this provider signs nothing"),
        ("pigeon", {}, "Choose one of these."),
    ):
        page = make(everyone, provider, **typed)
        assert (page.status, said in page.text) == (422, True), page.text
        assert "kikapu-cha-siri" not in page.html
    assert tokens(store, everyone) == []
    made = make(everyone, "whatsapp", secret="kikapu-cha-siri")
    assert "Verify token:" in made.text and "user_preferences" in made.text
    address = address_of(made)
    (verify,) = set(re.findall(r'data-copy="([\w-]{32})"', made.html))
    asked = f"{address}?hub.mode=subscribe&hub.verify_token={verify}&hub.challenge=8"
    assert everyone.asha.send("GET", asked, [], None).body == b"8"
    assert "kikapu-cha-siri" not in made.html


# ---- the test -------------------------------------------------------------------------------------------


def test_a_test_shows_what_arrives_and_what_it_was_taken_for(everyone: Everyone, ana: Client, address: str) -> None:
    create(ana, *rows(1))
    send(ana, address, text("STOP", number=2))
    page = begin_test(everyone, address)
    assert "Now send something." in page.text and "Nothing has arrived since" in page.text
    assert page.html.count('data-refresh="2"') == 1
    send(ana, address, text("STOP"))
    send(ana, address, text("Is it open on Sunday?", number=3), text("please stop calling and stop sms", number=4))
    ana.post(
        address, {"opt_outs": [{"mobile": f"+{mobile(5)}", "provider": "twilio", "code": "21610", "sender": "20414"}]}
    )
    ana.post(
        address, {"subscriptions": [{"mobile": f"+{mobile(6)}", "sender": "20414", "keyword": "tips", "active": True}]}
    )
    ana.post(address, {"reports": [{"id": "1-7-1", "state": "delivered"}]})
    said = arrived(everyone, address)
    for one in (
        f"A message: they ask to stop to 20414 , SMS …{mobile(1)[-3:]}",
        "A message, which says nothing about consent",
        "A message: perhaps an opt-out, to be reviewed",
        f"The provider says: opted out to 20414 , SMS …{mobile(5)[-3:]}",
        "A subscription begins",
        "A report: delivered",
    ):
        assert one in said
    assert f"…{mobile(2)[-3:]}" not in said, "it came before the test"
    assert "Sunday" not in said and mobile(3) not in said
    assert said.index("A report: delivered") < said.index("they ask to stop"), "the newest first"


def test_what_is_kept_of_a_test_has_no_number_and_no_text(
    everyone: Everyone, ana: Client, address: str, store: Store, people: People
) -> None:
    begin_test(everyone, address)
    said = [text("STOP, I am Wanjiru", number=number) for number in range(1, ARRIVALS_MAX + 5)]
    send(ana, address, *said)
    (token,) = tokens(store, everyone)
    kept = store.read(people.shopify, current_time(), lambda tx: tx.one("get_inbound_test", token=token.id))
    assert kept is not None
    written = str(kept[2])
    assert "review" in written
    assert "Wanjiru" not in written and not any(mobile(number)[3:] in written for number in range(1, 25))
    assert arrived(everyone, address).count("A message") == ARRIVALS_MAX


def test_what_a_test_showed_is_gone_a_day_after_its_end(
    everyone: Everyone, ana: Client, address: str, store: Store, people: People
) -> None:
    begin_test(everyone, address)
    send(ana, address, text("STOP"))
    end = current_time() + TEST_SECONDS * 1_000_000 + trials.KEPT_MICROSECONDS
    assert not store.read(people.shopify, end - 60_000_000, trials.has_expired_test)
    store.write(people.shopify, WORKER, end - 60_000_000, trials.expire_tests)
    assert "they ask to stop" in arrived(everyone, address)
    assert store.read(people.shopify, end + 60_000_000, trials.has_expired_test)
    store.write(people.shopify, WORKER, end + 60_000_000, trials.expire_tests)
    assert not store.read(people.shopify, end + 60_000_000, trials.has_expired_test)
    assert "they ask to stop" not in everyone.asha.get(at(everyone, f"/{start_of(address)}")).text
    assert "they ask to stop" not in arrived(everyone, address)


def test_a_test_ends_by_itself(everyone: Everyone, ana: Client, address: str, store: Store, people: People) -> None:
    (token,) = tokens(store, everyone)
    earlier = current_time() - (TEST_SECONDS + 60) * 1_000_000
    store.write(people.shopify, WORKER, earlier, trials.start_test, token_id=token.id)
    send(ana, address, text("STOP"))
    page = everyone.asha.get(at(everyone, f"/{start_of(address)}"))
    assert "Nothing arrived from" in page.text and "data-refresh" not in page.html
    assert "Nothing has arrived since" in begin_test(everyone, address).text


def test_a_call_that_is_refused_is_shown_with_the_reason_and_taken_once_the_secret_is_right(
    everyone: Everyone, ana: Client, store: Store
) -> None:
    create(ana, *rows(1))
    address = address_of(make(everyone, secret="a-wrong-one"))
    begin_test(everyone, address)
    refused = ana.post(address, {"messages": [text("STOP")]})
    assert refused.status == 401
    path = at(everyone, f"/{start_of(address)}")
    page = everyone.asha.get(path)
    assert "It was not signed with the secret that is kept here." in page.text
    assert "1 call was refused and is kept" in page.text
    assert "Refuses" in everyone.asha.get(at(everyone)).text
    again = everyone.asha.submit(page, f"{path}/replay")
    assert "0 calls were taken. 1 was refused again." in again.text and may_message(ana, mobile(1)) == [True]
    assert everyone.asha.submit(again, f"{path}/secret", secret="").status == 422
    saved = everyone.asha.submit(again, f"{path}/secret", secret=SECRET)
    assert "verified by the new secret" in saved.text and SECRET not in saved.html


def test_refused_calls_of_a_sender_are_taken_once_its_secret_is_given(everyone: Everyone, ana: Client) -> None:
    create(ana, *rows(1))
    sender = ana.post(
        "/v1/senders",
        {
            "name": "DUKA", "gateway": "sozuri", "channel": "sms", "settings": {"project": "duka"},
            "credentials": {"api_key": "key"},
        },
    ).json()["sender"]  # fmt: skip
    page = everyone.asha.get(f"/p/{everyone.shopify}/settings/senders/{sender['id']}")
    address = address_of(page)
    body = {
        "from": f"+{mobile(1)}",
        "to": "DUKA",
        "text": "STOP",
        "channel": "sms",
        "messageId": "1",
        "authKey": "siri",
    }
    assert ana.post(address, body).status == 401
    path = at(everyone, f"/{start_of(address)}")
    page = everyone.asha.get(path)
    assert "Everything that arrives is refused" in page.text and ADDRESS.search(page.html)
    ana.put(f"/v1/senders/{sender['id']}", {"credentials": {"auth_key": "siri"}})
    done = everyone.asha.submit(page, f"{path}/replay")
    assert "1 call was taken." in done.text and "are kept" not in done.text
    assert may_message(ana, mobile(1)) == [False]


# ---- the end --------------------------------------------------------------------------------------------


def test_an_address_is_revoked_on_a_page_that_says_what_stops(everyone: Everyone, ana: Client, store: Store) -> None:
    address = address_of(make(everyone))
    path = at(everyone, f"/{start_of(address)}/revoke")
    page = everyone.asha.get(path)
    assert page.heading == "Revoke the address 20414?" and "STOP too" in page.text
    assert ana.post(address, {"messages": []}).status != 401
    done = everyone.asha.submit(page, path)
    assert "The address \u206820414\u2069 is revoked." in done.text and "Nothing can answer yet" in done.text
    assert ana.post(address, {"messages": [text("STOP")]}).status == 401
    assert everyone.asha.get(path).status == 404
    assert make(everyone).status == 200, "its name is free again"


def test_the_address_of_a_sender_follows_the_sender(everyone: Everyone, ana: Client) -> None:
    ana.post("/v1/senders", {"name": "DUKA", "gateway": "generic", "channel": "sms",
             "settings": {"url": "https://sms.example/send", "success": "OK"}})  # fmt: skip
    page = everyone.asha.get(at(everyone))
    (path,) = {link for link in page.links if re.fullmatch(rf"{at(everyone)}/[\w-]{{10}}", link)}
    page = everyone.asha.get(path)
    assert page.heading == "DUKA" and ADDRESS.search(page.html) and f"{path}/revoke" not in page.links
    assert everyone.asha.get(f"{path}/revoke").status == 409
    for form, typed in (("revoke", {}), ("secret", {"secret": "mine"})):
        assert everyone.asha.post(f"{path}/{form}", [token_of(everyone.asha), *typed.items()]).status in (409, 422)
    assert ADDRESS.search(everyone.asha.get(path).html)


def test_what_is_done_with_addresses_stands_in_the_log(everyone: Everyone) -> None:
    address = address_of(make(everyone))
    path = at(everyone, f"/{start_of(address)}")
    everyone.asha.submit(everyone.asha.get(path), f"{path}/secret", secret="kikapu")
    everyone.asha.submit(everyone.asha.get(f"{path}/revoke"), f"{path}/revoke")
    said = everyone.asha.get(f"/p/{everyone.shopify}/settings/log?kind=systems").text
    for one in ("Made an address", "Gave an address for replies and reports another secret", "Revoked an address"):
        assert one in said


def test_addresses_of_other_projects_are_not_there(everyone: Everyone) -> None:
    address = address_of(make(everyone))
    path = at(everyone, f"/{start_of(address)}").replace(f"/p/{everyone.shopify}/", f"/p/{everyone.kalro}/")
    for page in (path, f"{path}/revoke", f"/p/{everyone.kalro}/settings/inbound/%00"):
        assert everyone.kai.get(page).status == 404
    for form in ("try", "secret", "replay", "revoke"):
        assert everyone.kai.post(f"{path}/{form}", [token_of(everyone.kai), ("secret", "mine")]).status == 404
    assert "20414" not in everyone.kai.get(f"/p/{everyone.kalro}/settings/inbound").text


def test_hostile_labels_are_harmless(everyone: Everyone) -> None:
    for label in ("<script>alert(1)</script>", "\u202egnihton", "'\"><b>", "k" * 100):
        page = make(everyone, label=label)
        path = at(everyone, f"/{start_of(urlsplit(address_of(page)).path)}")
        for shown in (page, everyone.asha.get(path), everyone.asha.get(f"{path}/revoke")):
            assert "<script>alert" not in shown.html and "<b>'" not in shown.html
