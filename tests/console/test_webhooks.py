"""The pages of webhooks: a new one, its secret, what was delivered, and deliveries once more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from standardwebhooks import Webhook

from daftari.model.feed import CHANGE_TYPES
from daftari.store import Store
from tests.conftest import People
from tests.console.conftest import Everyone
from tests.console.test_forms import token_of
from tests.support.browsers import Browser, FoundPage
from tests.support.builders import create, rows
from tests.support.clients import Client
from tests.support.faulty_server import Got, Rough, Says, rough_server
from tests.support.webhook_steps import HOUR, Delivering

SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")
URL = "https://crm.example/hooks/daftari?token=siri"


def at(everyone: Everyone, path: str = "") -> str:
    return f"/p/{everyone.shopify}/settings/webhooks{path}"


def add(everyone: Everyone, url: str = URL, *, browser: Browser | None = None, **typed: Any) -> FoundPage:
    browser = browser or everyone.asha
    return browser.submit(browser.get(at(everyone)), at(everyone), url=url, **typed)


def only(ana: Client) -> dict[str, Any]:
    """The only webhook, as a program sees it."""
    (found,) = ana.get("/v1/webhooks").json()["webhooks"]
    shown: dict[str, Any] = found
    return shown


def path_of(everyone: Everyone, ana: Client) -> str:
    return at(everyone, f"/{only(ana)['id']}")


@pytest.fixture
def receiver() -> Iterator[Rough]:
    def behave(got: Got) -> Says:
        return Says(204, b"") if got.path == "/good" else Says(500, b"not now")

    with rough_server(behave) as server:
        yield server


@pytest.fixture
def delivering(everyone: Everyone, store: Store, people: People) -> Delivering:
    """A webhook of Shopify, and the worker that delivers to it."""
    return Delivering(store, people.shopify)


def test_a_webhook_is_made_and_its_secret_is_shown_once(everyone: Everyone, ana: Client) -> None:
    create(ana, *rows(1), group="VIP")
    assert "No program hears of changes yet" in everyone.asha.get(at(everyone)).text
    page = add(everyone, types=["group.joined", "contacts.erased"], groups="vip\r\n\r\n")
    assert (page.status, page.heading) == (200, "Webhook")
    assert len(set(SECRET.findall(page.html))) == 1 and "shown this once" in page.text
    assert page.answer.headers["cache-control"] == "private, no-store"
    hook = only(ana)
    assert (hook["url"], hook["types"], hook["groups"]) == (URL, ["contacts.erased", "group.joined"], ["VIP"])
    for shown in (everyone.asha.get(at(everyone)), everyone.asha.get(path_of(everyone, ana))):
        assert not SECRET.search(shown.html) and "crm.example" in shown.text and "Delivers" in shown.text


def test_a_form_that_is_sent_twice_makes_one_webhook(everyone: Everyone, ana: Client) -> None:
    page = everyone.asha.get(at(everyone))
    first = everyone.asha.submit(page, at(everyone), url=URL)
    again = everyone.asha.submit(page, at(everyone), url=URL)
    assert SECRET.search(first.html) and not SECRET.search(again.html)
    assert "Its secret was shown once; if it is lost, make another." in again.text
    assert only(ana)["url"] == URL


def test_what_is_wrong_is_said_at_the_field(everyone: Everyone, ana: Client) -> None:
    for typed, said in (
        ({"url": ""}, "This is needed."),
        ({"url": "http://crm.example/"}, "This must begin with https://."),
        ({"url": "https://10.0.0.7/"}, "10.0.0.7 is no public address"),
        ({"url": URL, "groups": "No one"}, "There is no group of this name."),
    ):
        page = add(everyone, **typed)
        assert (page.status, said in page.text) == (422, True), page.text
        assert ("url", typed["url"]) in page.form(at(everyone)).fields
    assert ana.get("/v1/webhooks").json()["webhooks"] == []


def test_every_kind_of_change_can_be_chosen(everyone: Everyone, ana: Client) -> None:
    page = add(everyone, types=list(CHANGE_TYPES))
    assert page.status == 200 and only(ana)["types"] == list(CHANGE_TYPES)
    path = f"{path_of(everyone, ana)}/edit"
    changed = everyone.asha.submit(everyone.asha.get(path), path, types=[], url="https://other.example/")
    assert "Saved." in changed.text and "Gets every change" in changed.text
    assert (only(ana)["types"], only(ana)["url"]) == ([], "https://other.example/")


def test_a_test_calls_the_program_and_says_what_it_answered(
    everyone: Everyone, ana: Client, open_allowing: Callable[..., Browser], receiver: Rough
) -> None:
    asha = open_allowing(outbound_hosts=receiver.url.removeprefix("http://"))
    made = add(everyone, f"{receiver.url}/good", browser=asha)
    (secret,) = set(SECRET.findall(made.html))
    path = path_of(everyone, ana)
    assert "It answered 204 in" in asha.submit(asha.get(path), f"{path}/try").text
    (got,) = receiver.got
    headers = {name.lower(): value for name, value in got.headers.items()}
    assert Webhook(secret).verify(got.body, headers)["type"] == "webhook.test"
    edit = f"{path}/edit"
    asha.submit(asha.get(edit), edit, url=f"{receiver.url}/bad")
    assert "It did not take the test." in asha.submit(asha.get(path), f"{path}/try").text


def test_a_webhook_is_paused_and_resumed(everyone: Everyone, ana: Client) -> None:
    add(everyone)
    path = path_of(everyone, ana)
    paused = everyone.asha.submit(everyone.asha.get(path), f"{path}/pause")
    assert "Nothing is delivered. Someone paused it." in paused.text and only(ana)["state"] == "paused"
    resumed = everyone.asha.submit(paused, f"{path}/resume")
    assert "It delivers again, from where it was." in resumed.text and only(ana)["state"] == "enabled"


def test_deliveries_are_listed_and_delivered_again_from_one_on(
    everyone: Everyone, ana: Client, delivering: Delivering
) -> None:
    path = at(everyone, f"/{delivering.id}")
    assert "Nothing was delivered yet." in everyone.asha.get(path).text
    create(ana, *rows(1))
    first = delivering.seqs()
    create(ana, *rows(2))
    delivering.answer(delivering.claimed(), 503)
    page = everyone.asha.get(path)
    for said in ("1 change", "Taken", "204", "Not taken", "503", "The last call failed, and is repeated.", "Fails"):
        assert said in page.text
    again = everyone.asha.submit(page, f"{path}/replay")
    assert "are delivered again." in again.text or "is delivered again." in again.text
    assert delivering.show().replay == 1
    delivering.wait(HOUR)
    assert first == delivering.seqs()[: len(first)]


def test_deliveries_are_read_by_pages(everyone: Everyone, ana: Client, delivering: Delivering) -> None:
    for number in range(1, 24):
        create(ana, *rows(number))
        delivering.deliver()
    path = at(everyone, f"/{delivering.id}")
    page = everyone.asha.get(path)
    assert page.text.count("Taken") == 20
    (following,) = {link for link in page.links if "before=" in link}
    assert everyone.asha.get(following).text.count("Taken") == 3
    assert everyone.asha.get(f"{path}?before=soon").status == 422


def test_a_replay_begins_where_changes_are_kept(everyone: Everyone, ana: Client, delivering: Delivering) -> None:
    path = at(everyone, f"/{delivering.id}")
    for after, said in (
        ("", "This is needed."),
        ("soon", "This is no whole number"),
        ("99", "what is later comes anyway"),
    ):
        page = everyone.asha.submit(everyone.asha.get(path), f"{path}/replay", after=after)
        assert (page.status, said in page.text) == (422, True), page.text
    assert delivering.show().replay == 0


def test_another_secret_is_shown_once_and_the_former_one_signs_for_a_day(everyone: Everyone, ana: Client) -> None:
    (former,) = set(SECRET.findall(add(everyone).html))
    path = path_of(everyone, ana)
    page = everyone.asha.get(f"{path}/secret")
    made = everyone.asha.submit(page, f"{path}/secret")
    (secret,) = set(SECRET.findall(made.html))
    assert secret != former and "The one before signs too, until" in made.text
    again = everyone.asha.submit(page, f"{path}/secret")
    assert not SECRET.search(again.html) and "make another" in again.text


def test_a_webhook_is_deleted_on_a_page_that_says_what_is_lost(everyone: Everyone, ana: Client) -> None:
    add(everyone)
    create(ana, *rows(1))
    path = path_of(everyone, ana)
    page = everyone.asha.get(f"{path}/delete")
    assert "which it never gets" in page.text
    done = everyone.asha.submit(page, f"{path}/delete")
    assert "The webhook is deleted." in done.text and ana.get("/v1/webhooks").json()["webhooks"] == []
    assert everyone.asha.get(path).status == 404


def test_webhooks_of_other_projects_are_not_there(everyone: Everyone, ana: Client) -> None:
    add(everyone)
    path = path_of(everyone, ana).replace(f"/p/{everyone.shopify}/", f"/p/{everyone.kalro}/")
    for page in ("", "/edit", "/secret", "/delete"):
        assert everyone.kai.get(f"{path}{page}").status == 404
    for form in ("edit", "try", "pause", "resume", "replay", "secret", "delete"):
        fields = [token_of(everyone.kai), ("after", "0"), ("url", URL)]
        assert everyone.kai.post(f"{path}/{form}", fields).status == 404


def test_hostile_urls_and_groups_are_harmless(everyone: Everyone, ana: Client) -> None:
    create(ana, *rows(1), group="<script>alert(1)</script>")
    page = add(everyone, "https://crm.example/\"'><b>x", groups="<script>alert(1)</script>")
    for shown in (page, everyone.asha.get(at(everyone))):
        assert "<script>alert" not in shown.html and "<b>x" not in shown.html
    assert urlsplit(page.url).path.startswith(at(everyone))
