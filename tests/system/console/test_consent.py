"""What people said about being messaged: asked, written down, lifted, and read for what it means."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support import inbound
from tests.support.console_book import ConsoleBook
from tests.system.console.work import MAIN, ON_SQLITE, Work, numbers


def may_message(book: ConsoleBook, number: str) -> bool:
    answer = book.ana.post("/v1/can-message", {"mobiles": [number], "channel": "sms"})
    return bool(answer.json()["results"][0]["allowed"])


@MAIN
def test_whether_numbers_may_be_messaged_is_answered_with_the_reason(ed: Work) -> None:
    asked = f"0711 {next(numbers)}"
    ed.book.ana.post("/v1/opt-outs", {"mobile": asked, "source": "form", "evidence": "Said at the counter: no more."})
    page = ed.go("/consent")
    page.get_by_label("Numbers").fill(f"{asked}\n0711 {next(numbers)}")
    ed.press("Ask")
    answer = page.get_by_role("status")
    expect(answer.get_by_text("No", exact=True)).to_be_visible()
    expect(answer.get_by_text("Yes", exact=True)).to_be_visible()
    expect(answer.get_by_text("not in the book")).to_have_count(2)


@MAIN
def test_an_opt_out_is_written_down_found_and_lifted(ed: Work) -> None:
    number = f"0711 {next(numbers)}"
    page = ed.go("/consent/opt-outs")
    ed.follow("Write one down")
    page.get_by_label("Number").fill(number)
    page.get_by_label("How did they say it?").fill("By telephone: no more, please.")
    ed.press("Write it down")
    expect(page.locator("#done")).to_be_visible()
    assert not may_message(ed.book, number)
    page = ed.go("/consent/opt-outs")
    page.get_by_role("searchbox").fill(number)
    page.keyboard.press("Enter")
    expect(page.get_by_text("By telephone: no more, please.")).to_be_visible()
    page.get_by_role("link", name="They agreed… 0711").click()
    page.get_by_label("What?").select_option("Everything")
    page.get_by_label("How did they say it?").fill("Signed at the counter, on paper.")
    ed.press("Write it down")
    expect(page.locator("#done")).to_be_visible()
    assert may_message(ed.book, number)
    page = ed.go(f"/consent/opt-outs?q={number}")
    expect(page.get_by_role("heading", name="No opt-out of")).to_be_visible()


@MAIN
def test_what_someone_wrote_is_read_and_settled(ed: Work) -> None:
    number, words = f"25471{next(numbers):07}", f"please stop it now {next(numbers)}"
    said = {"from": f"+{number}", "to": "20414", "text": words, "id": words}
    inbound.send(ed.book.ana, ed.book.inbound, said)
    page = ed.go("/consent/review")
    card = page.get_by_role("article").filter(has_text=words)
    card.get_by_role("button", name="They ask to stop").click()
    expect(page.locator("#done")).to_be_visible()
    expect(card).to_have_count(0)
    assert not may_message(ed.book, f"+{number}")


@ON_SQLITE
def test_who_tried_to_bring_back_people_is_counted(ed: Work) -> None:
    page = ed.go("/consent")
    page.get_by_role("navigation", name="Consent").get_by_role("link", name="Near misses").click()
    expect(page.get_by_role("table", name="Tries by source, most first")).to_be_visible()
