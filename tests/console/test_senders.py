"""The pages of senders: each provider's own form, the check, the pause, the address to paste, and the end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from daftari.console import provider_words, sender_words
from daftari.gateways import GATEWAYS, SENDING_GATEWAYS
from daftari.store import Store
from tests.conftest import People
from tests.console.conftest import Everyone
from tests.console.test_forms import token_of
from tests.support.browsers import Browser, FoundPage
from tests.support.builders import mobile
from tests.support.cases import each
from tests.support.clients import Client
from tests.support.fake_provider import FakeProvider, fake_provider

ADDRESS = re.compile(r"http://127\.0\.0\.1:8000/v1/inbound/\w+/[\w-]{44}")
PLANTED = "planted-api-key-8142"
GIVEN: dict[str, dict[str, str]] = {
    "sozuri": {"settings.project": "duka", "credentials.api_key": PLANTED, "credentials.auth_key": "siri"},
    "africas_talking": {"settings.username": "duka", "credentials.api_key": PLANTED},
    "twilio": {"settings.account_sid": "AC1", "credentials.secret": PLANTED},
    "infobip": {"settings.base_url": "https://x1.api.infobip.com", "credentials.api_key": PLANTED},
    "whatsapp": {"settings.phone_number_id": "106540352242922", "credentials.access_token": PLANTED},
    "generic": {
        "settings.url": "https://sms.example/send",
        "settings.body": '{"to": "{{to}}",\r\n"text": "{{text}}"}',
        "settings.success": "OK",
        "credentials.key": PLANTED,
    },
    "log": {},
}


def at(everyone: Everyone, path: str = "") -> str:
    return f"/p/{everyone.shopify}/settings/senders{path}"


def add(
    everyone: Everyone, gateway: str = "africas_talking", *, browser: Browser | None = None, **typed: Any
) -> FoundPage:
    browser = browser or everyone.asha
    page = browser.get(f"{at(everyone)}/new?gateway={gateway}")
    return browser.submit(page, at(everyone, "/new"), **{"name": "DUKA", **GIVEN[gateway], **typed})


def path_of(page: FoundPage) -> str:
    """The path of the sender whose page this is."""
    return str(urlsplit(page.url).path)


def address_of(page: FoundPage) -> str:
    (address,) = set(ADDRESS.findall(page.html))
    return str(urlsplit(address).path)


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with fake_provider() as running:
        yield running


# ---- a new one ------------------------------------------------------------------------------------------


def test_an_empty_page_offers_a_sender_for_a_trial(everyone: Everyone) -> None:
    page = everyone.asha.get(at(everyone))
    assert "There is no sender yet" in page.text
    assert f"{at(everyone)}/new?gateway=log" in page.links
    chosen = everyone.asha.get(f"{at(everyone)}/new")
    for gateway in SENDING_GATEWAYS:
        assert f"{at(everyone)}/new?gateway={gateway}" in chosen.links


@each("gateway", tuple(SENDING_GATEWAYS))
def test_a_sender_is_made_at_each_provider_with_its_own_fields(everyone: Everyone, ana: Client, gateway: str) -> None:
    page = add(everyone, gateway, name=f"At {gateway}")
    assert (page.status, page.heading) == (200, f"At {gateway}"), page.text
    sender = ana.get(f"/v1/senders/{path_of(page).rpartition('/')[2]}").json()["sender"]
    assert (sender["gateway"], sender["purpose"]) == (gateway, "marketing")
    assert sender["channel"] == SENDING_GATEWAYS[gateway].channels[0]
    fields = GIVEN[gateway]
    assert sender["credentials"] == sorted(name[12:] for name in fields if name.startswith("credentials."))
    for name, value in fields.items():
        if name.startswith("settings."):
            assert sender["settings"][name[9:]].split() == value.split()
    listed = everyone.asha.get(at(everyone))
    channel, provider = sender_words.channels_of(gateway).split(", ")[0], sender_words.provider_name(gateway)
    assert f"At {gateway} {channel} {provider} Sends" in listed.text
    for shown in (page, listed, everyone.asha.get(f"{path_of(page)}/edit")):
        assert PLANTED not in shown.html and "siri" not in shown.html


def test_every_provider_says_where_its_values_stand(everyone: Everyone) -> None:
    for name, gateway in SENDING_GATEWAYS.items():
        assert bool(provider_words.steps(name)) == (name != "log")
        assert sender_words.about(name)
        page = everyone.asha.get(f"{at(everyone)}/new?gateway={name}")
        for field in (*gateway.settings, *gateway.credentials):
            label, _ = sender_words.field_words(name, field.name)
            assert label in page.text, (name, field.name)
    for name, receiving in GATEWAYS.items():
        assert provider_words.paste(name)
        assert bool(sender_words.secret_words(name)[0]) == (receiving.secret_name is not None)


def test_a_form_that_is_sent_twice_makes_one_sender(everyone: Everyone, ana: Client) -> None:
    page = everyone.asha.get(f"{at(everyone)}/new?gateway=log")
    for _ in range(2):
        assert everyone.asha.submit(page, at(everyone, "/new"), name="Trial").heading == "Trial"
    assert len(ana.get("/v1/senders").json()["senders"]) == 1
    again = add(everyone, "log", name="trial")
    assert (again.status, "There is a sender of this name on this channel already." in again.text) == (409, True)


def test_what_is_wrong_is_said_at_the_field_and_secrets_are_not_repeated(everyone: Everyone, ana: Client) -> None:
    page = add(
        everyone,
        "infobip",
        name=" ",
        parts_per_second="quick",
        part_price="cheap",
        hours="at night",
        **{"settings.base_url": "x1"},
    )
    assert (page.status, page.heading) == (422, "A sender at Infobip")
    for said in (
        "Nothing was saved yet.",
        "Name : This is needed.",
        "This is no whole number from 1 to",
        "Write an amount such as 0.8 or KES 0.80.",
        "Hours",
    ):
        assert said in page.text
    assert ("parts_per_second", "quick") in page.form(at(everyone, "/new")).fields
    assert PLANTED not in page.html
    page = add(everyone, "infobip", **{"settings.base_url": "x1"})
    assert "Write an address such as https://api.example.com." in page.text
    page = add(everyone, "africas_talking", channel="premium_sms")
    assert page.attributes["keyword"]["aria-invalid"] == "true"
    page = add(everyone, "generic", **{"settings.success": "", "settings.body": "{{to}} {{nothing}}"})
    assert "cannot stand here" in page.text and "Say how one sees that a message was taken" in page.text
    assert ana.get("/v1/senders").json()["senders"] == []
    fields = [("gateway", "pigeon"), ("name", "DUKA"), token_of(everyone.asha)]
    assert everyone.asha.post(at(everyone, "/new"), fields).status == 422


def test_hostile_names_are_harmless(everyone: Everyone) -> None:
    for name in ("<script>alert(1)</script>", "\u202egnihton", "'\"><b>", "k" * 64):
        page = add(everyone, "log", name=name)
        assert page.status == 200, page.text
        for shown in (page, everyone.asha.get(f"{path_of(page)}/edit"), everyone.asha.get(f"{path_of(page)}/delete")):
            assert "<script>alert" not in shown.html and "<b>'" not in shown.html


# ---- a sender -------------------------------------------------------------------------------------------


def test_the_page_of_a_sender_has_the_address_to_paste_and_it_works(everyone: Everyone, ana: Client) -> None:
    page = add(everyone)
    for said in ("SMS → SMS Callback URLs", "No public URL is set", "Username duka", "API key is kept"):
        assert said in page.text
    report = ana.send("POST", address_of(page), [], b"")
    assert report.status == 200
    assert ana.send("POST", address_of(page)[:-1], [], b"").status == 401


def test_an_address_whose_secret_is_missing_says_so(everyone: Everyone) -> None:
    page = add(everyone, "sozuri", **{"credentials.auth_key": ""})
    assert "Everything that arrives is refused : its secret is missing here: Auth Key." in page.text
    path = f"{path_of(page)}/edit"
    saved = everyone.asha.submit(everyone.asha.get(path), path, **{"credentials.auth_key": "siri"})
    assert "Saved." in saved.text and "is refused" not in saved.text


def test_a_public_url_begins_the_address(everyone: Everyone, open_allowing: Callable[..., Browser]) -> None:
    asha = open_allowing(public_url="https://book.example")
    page = add(everyone, browser=asha)
    assert 'data-copy="https://book.example/v1/inbound/africas_talking/' in page.html
    assert "No public URL is set" not in page.text


def test_a_change_keeps_the_secrets_that_are_left_empty_and_the_former_name(everyone: Everyone, ana: Client) -> None:
    path = f"{path_of(add(everyone))}/edit"
    page = everyone.asha.get(path)
    assert "Empty: the one that is kept." in page.text
    changed = everyone.asha.submit(
        page,
        path,
        name="SHOP",
        hours="08:00-18:00 Africa/Nairobi",
        answers_as="20414\r\n 20415 \r\n",
        on_unknown="resend",
    )
    assert "Saved." in changed.text and "Answered as DUKA , 20414 , 20415" in changed.text
    (sender,) = ana.get("/v1/senders").json()["senders"]
    assert sender["credentials"] == ["api_key"] and sender["hours"] == "08:00-18:00 Africa/Nairobi"
    assert sorted(sender["answers_as"]) == ["20414", "20415", "DUKA"]
    moved = everyone.asha.submit(everyone.asha.get(path), path, **{"settings.base_url": "https://elsewhere.example"})
    assert (moved.status, "it would be sent to another server" in moved.text) == (422, True)


def test_a_sender_is_paused_and_resumed(everyone: Everyone, ana: Client) -> None:
    page = add(everyone)
    paused = everyone.asha.submit(page, f"{path_of(page)}/pause")
    assert "Nothing is sent from it. Someone paused it." in paused.text
    assert "Paused" in everyone.asha.get(at(everyone)).text
    resumed = everyone.asha.submit(paused, f"{path_of(page)}/resume")
    assert "It sends again." in resumed.text and "Someone paused it." not in resumed.text
    assert ana.get("/v1/senders").json()["senders"][0]["paused"] is None


def test_a_sender_that_a_pool_sends_for_says_what_it_waits_for(everyone: Everyone) -> None:
    page = add(everyone, "twilio", **{"settings.messaging_service_sid": "MG1"})
    assert "Nothing is sent from it yet. People answer the numbers that the service chooses from" in page.text
    page = add(everyone, "twilio", name="SHOP", answers_as="+254711000000", **{"settings.messaging_service_sid": "MG1"})
    assert "Nothing is sent from it yet" not in page.text


def test_a_check_asks_the_provider_and_says_what_it_found(
    everyone: Everyone, open_allowing: Callable[..., Browser], provider: FakeProvider
) -> None:
    asha = open_allowing(outbound_hosts=f"127.0.0.1:{provider.port}")
    base = {"settings.base_url": provider.url("africas_talking")}
    page = add(everyone, browser=asha, **base)
    assert "Its balance is \u2068KES 1785.50\u2069." in asha.submit(page, f"{path_of(page)}/check").text
    assert provider.taken == []
    refused = everyone.asha.submit(everyone.asha.get(path_of(page)), f"{path_of(page)}/check")
    assert "The account does not work." in refused.text and "127.0.0.1" in refused.text


def test_where_no_provider_can_be_asked_a_campaign_is_tried_instead(everyone: Everyone) -> None:
    for gateway, next_step in (("log", "Write a campaign, and see"), ("sozuri", "its provider checks no account")):
        page = add(everyone, gateway, name=f"Trial {gateway}")
        assert next_step in page.text
        check = f"{path_of(page)}/check"
        assert check not in [form.action for form in page.forms]
        assert "no way to check an account" in everyone.asha.post(check, [token_of(everyone.asha)]).text
        (link,) = [link for link in page.links if "/campaigns/new" in link]
        fields = everyone.asha.get(link).form(f"/p/{everyone.shopify}/campaigns/new").fields
        assert ("sender", path_of(page).rpartition("/")[2]) in fields


def test_another_address_leaves_the_former_one_for_a_day_or_ends_it(everyone: Everyone, ana: Client) -> None:
    page = add(everyone)
    first, path = address_of(page), f"{path_of(page)}/rotate"
    second = address_of(everyone.asha.submit(everyone.asha.get(path), path, keep_hours="24"))
    assert second != first
    for address in (first, second):
        assert ana.send("POST", address, [], b"").status == 200
    third = address_of(everyone.asha.submit(everyone.asha.get(path), path, keep_hours="0"))
    assert [ana.send("POST", address, [], b"").status for address in (first, second, third)] == [401, 401, 200]


def test_a_sender_is_deleted_on_a_page_that_says_what_stops(everyone: Everyone, ana: Client) -> None:
    page = add(everyone)
    path = f"{path_of(page)}/delete"
    asked = everyone.asha.get(path)
    assert asked.heading == "Delete the sender DUKA?"
    assert "replies and reports that come later are lost, STOP too" in asked.text
    done = everyone.asha.submit(asked, path)
    assert "The sender \u2068DUKA\u2069 is deleted." in done.text and "There is no sender yet" in done.text
    assert ana.send("POST", address_of(page), [], b"").status == 401
    assert everyone.asha.get(path_of(page)).status == 404


def test_a_sender_that_messages_wait_for_stays(everyone: Everyone, ana: Client) -> None:
    page = add(everyone, "log")
    ana.post(
        "/v1/messages",
        {
            "sender": "DUKA",
            "text": "Hi",
            "purpose": "marketing",
            "mobiles": [f"+{mobile(1)}"],
            "at": "2031-01-01T08:00:00Z",
        },
    )
    path = f"{path_of(page)}/delete"
    refused = everyone.asha.submit(everyone.asha.get(path), path)
    assert (refused.status, "Messages wait for it." in refused.text) == (409, True)


def test_senders_of_other_projects_are_not_there(everyone: Everyone, people: People, store: Store) -> None:
    path = path_of(add(everyone)).replace(f"/p/{everyone.shopify}/", f"/p/{everyone.kalro}/")
    for page in (path, f"{path}/edit", f"{path}/rotate", f"{path}/delete"):
        assert everyone.kai.get(page).status == 404
    fields = [token_of(everyone.kai)]
    for form in ("check", "pause", "resume", "rotate", "delete", "edit"):
        assert everyone.kai.post(f"{path}/{form}", fields).status == 404
