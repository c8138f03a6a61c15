"""A campaign in the browser: written with its preview, sent, and followed to its end."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.system.console.work import MAIN, Work, numbers

WORDS = "karibu " * 9 + "sana"
"""With what the provider appends, one part by itself, and two where a name has a letter such as \u0169."""


@MAIN
def test_a_campaign_is_written_previewed_sent_and_followed_to_its_end(owner: Work) -> None:
    name, group = f"Offer {next(numbers)}", f"Buyers {next(numbers)}"
    owner.add("Wanjiru", "Ng\u0169g\u0129", "Otieno", group=group)
    page = owner.go("/campaigns")
    owner.follow("Write a campaign")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("checkbox", name=group).first.check()
    page.get_by_label("Text", exact=True).fill(f"Habari , {WORDS}")
    if owner.browser.has_script:
        page.evaluate("document.querySelector('#text').setSelectionRange(7, 7)")
        page.get_by_role("button", name="First name").click()
        expect(page.locator("#text")).to_have_value(f"Habari {{{{ fname | rafiki }}}}, {WORDS}")
        expect(page.locator("#preview")).to_contain_text("3 people get it")
    else:
        expect(page.get_by_role("button", name="First name")).to_be_hidden()
        page.locator("#text").fill(f"Habari {{{{ fname | rafiki }}}}, {WORDS}")
    owner.press("Save and preview")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.locator(".bubble", has_text="Habari Ng\u0169g\u0129, karibu")).to_be_visible()
    owner.press("Go on to send…")
    expect(page.get_by_role("heading", level=1)).to_have_text("Send to 3 people now?")
    owner.press("Send to 3 people")
    owner.says("It is on its way.")
    owner.look_until(page.locator(".pill", has_text="Finished"))
    expect(page.get_by_role("row", name="Accepted")).to_contain_text("3")
    page.get_by_role("link", name="Accepted").click()
    page.get_by_role("link", name="Wanjiru").first.click()
    expect(page.get_by_text(f"Habari Wanjiru, {WORDS}")).to_be_visible()
    page.get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
