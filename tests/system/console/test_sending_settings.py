"""Senders, the addresses for replies and reports, and webhooks: set up by an owner with a mouse, on a phone."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.support import inbound
from tests.support.builders import mobile
from tests.support.console_browser import PHONE
from tests.system.console.work import MAIN, ON_SQLITE, Work, numbers


@MAIN
def test_a_sender_for_a_trial_is_added_paused_and_resumed(owner: Work) -> None:
    owner.browser.resize(PHONE)
    name = f"Trial {next(numbers)}"
    page = owner.go("/settings/senders")
    owner.follow("Add a sender")
    page.get_by_role("row", name="No one: a trial").get_by_role("link").click()
    page.get_by_label("Name", exact=True).fill(name)
    owner.press("Add the sender")
    owner.says(f"{name}\u2069 is here.")
    expect(page.get_by_role("link", name="Write a campaign")).to_be_visible()
    owner.press("Pause")
    owner.says("Nothing more is sent from it")
    expect(page.get_by_text("Someone paused it.")).to_be_visible()
    owner.press("Resume")
    owner.says("It sends again.")
    page = owner.go("/settings/senders")
    expect(page.get_by_role("row", name=name)).to_contain_text("Sends")


@MAIN
def test_what_arrives_at_an_address_shows_while_it_is_tried(owner: Work) -> None:
    owner.browser.resize(PHONE)
    page = owner.go("/settings/inbound")
    page.get_by_label("What is it for?").fill(f"Short code {next(numbers)}")
    owner.press("Make the address")
    address = urlsplit(page.locator("#done code").first.inner_text()).path
    page.locator("#done").get_by_role("link", name="Try it").click()
    owner.press("Show what arrives")
    owner.says("Now send something.")
    arrived = page.locator("[data-part=arrived]")
    expect(arrived).to_contain_text("Nothing has arrived since")
    number = 90_000 + next(numbers) % 10_000
    inbound.send(owner.book.ana, address, inbound.text("STOP", number=number))
    assert owner.book.ana.post(address, {"nothing": 1}).status == 400
    if not owner.browser.has_script:
        owner.follow("Look again")
    expect(arrived).to_contain_text("A message: they ask to stop", timeout=10_000)
    expect(arrived).to_contain_text(f"…{mobile(number)[-3:]}")
    expect(arrived).to_contain_text("Refused since then:", timeout=10_000)


@ON_SQLITE
def test_a_webhook_is_added_changed_and_deleted(owner: Work) -> None:
    owner.browser.resize(PHONE)
    url = f"https://crm.example/{next(numbers)}"
    page = owner.go("/settings/senders")
    page.locator("main summary", has_text="Senders").click()
    page.get_by_role("link", name="Webhooks").click()
    page.get_by_label("Address of your program").fill(url)
    page.get_by_text("Only some changes").click()
    page.get_by_label("Who joined a group").check()
    owner.press("Add the webhook")
    expect(page.locator("#done")).to_contain_text("whsec_")
    owner.follow("Change…")
    expect(page.get_by_label("Who joined a group")).to_be_checked()
    page.get_by_label("Who joined a group").uncheck()
    owner.press("Save")
    owner.says("Saved.")
    expect(page.get_by_text("every change")).to_be_visible()
    owner.follow("Delete…")
    owner.press("Delete the webhook")
    owner.says("The webhook is deleted.")
