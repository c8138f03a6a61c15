"""The pages about consent: may I message, who opted out, what is to be reviewed, and who tried to bring people back."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from daftari.console.number_words import explain_number
from daftari.console.pages import consent
from daftari.mobile import UnreadableMobile, reader_for
from daftari.model.time import current_time
from daftari.rules.access import projects
from daftari.rules.consent import counts
from daftari.rules.people import opt_outs
from daftari.store import Store
from tests.conftest import People
from tests.console.conftest import Everyone
from tests.support import import_files
from tests.support.browsers import Browser, FoundPage
from tests.support.builders import facts_of, groups, may_message, mobile
from tests.support.cases import each
from tests.support.clients import Client
from tests.support.gateway_samples import as_json, from_meta
from tests.support.inbound import SECRET, THEN, OpenAddress, proven, send, text

HOSTILE = "<script>alert(1)</script>\u202eevil" + "x" * 250
Ask = Callable[..., FoundPage]


def at(everyone: Everyone, path: str) -> str:
    return f"/p/{everyone.shopify}/consent{path}"


@pytest.fixture
def ask(everyone: Everyone) -> Ask:
    """Asks on the page whether numbers may be messaged: by SMS and for marketing, unless other fields are given."""

    def ask(*mobiles: str, **fields: str) -> FoundPage:
        given = {"mobiles": "\n".join(mobiles), "channel": "sms", "purpose": "marketing", **fields}
        return everyone.vic.get(at(everyone, f"?{urlencode(given)}"))

    return ask


def verdicts(page: FoundPage) -> list[str]:
    """Each verdict of a page, as text."""
    parts = page.html.split('<div class="verdict">')[1:]
    return [" ".join(re.sub(r"<[^>]+>", " ", part.partition("</div>")[0]).split()) for part in parts]


def rows_of(page: FoundPage) -> list[str]:
    """Each row of the table of a page, as text."""
    rows = re.findall(r'<tr role="row">(?:<th role="rowheader".*?)</tr>', page.html, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]


def count_shown(browser: Browser, everyone: Everyone, path: str = "/groups") -> str:
    """What stands next to Consent in the menu."""
    page = browser.get(f"/p/{everyone.shopify}{path}")
    found = re.search(r'Consent<span class="count">(.*?)<span', page.html)
    return "" if found is None else found[1]


# ---- may I message? -------------------------------------------------------------------------------------


def test_each_number_is_answered_with_the_fact_that_decides_and_who_wrote_it_down(
    everyone: Everyone, ana: Client, ask: Ask
) -> None:
    ana.post("/v1/contacts", {"contacts": [{"mobile": "0722000001", "fname": "Lucy"}, {"mobile": "0722000002"}]})
    ana.post("/v1/opt-outs", {"mobile": "0722000001", "channel": "sms", "source": "provider"})
    ana.post("/v1/opt-ins", {"mobile": "0722000002", "channel": "sms", "source": "api"})
    page = ask("0722 000001", "+254 722-000.002", "+256 772 123456", "O725")
    found = verdicts(page)
    assert "By SMS, from any sender, for marketing, now" in page.text
    assert found[0].startswith("No 0722 000001 · Lucy Opted out of everything by SMS from any sender. today, ")
    assert re.search(r", reported by the provider, key \u2068Ana\u2069\s?\. Fact 1$", found[0])
    assert found[1].startswith("Yes 0722 000002 Agreed to everything by SMS from any sender.")
    assert found[2] == "Yes +256 772 123456 · not in the book Nothing on record is against it."
    assert found[3] == "No O725 This is no telephone number: it holds letters."
    assert ("mobiles", "0722 000001\n+254 722-000.002\n+256 772 123456\nO725") in page.forms[-1].fields
    assert any(link.endswith("#fact-1") for link in page.links)


def test_answers_are_those_that_a_program_gets(everyone: Everyone, ana: Client, ask: Ask) -> None:
    ana.post("/v1/opt-outs", {"mobile": "0722000001", "channel": "sms", "sender": "DUKA", "purpose": "marketing"})
    for fields in (
        {"sender": "DUKA"},
        {"sender": "other"},
        {"purpose": ""},
        {"purpose": "transactional"},
        {"channel": "whatsapp"},
        {"at": "2026-03-01T03:00"},
        {"at": "2026-03-01T12:00"},
    ):
        given = {"channel": "sms", "purpose": "marketing", **fields}
        asked = {**given, "at": f"{given['at']}:00+03:00"} if "at" in given else given
        asked = {name: value for name, value in asked.items() if value}
        answer = ana.post("/v1/can-message", {"mobiles": ["0722000001"], **asked}).json()["results"][0]
        assert verdicts(ask("0722000001", **fields))[0].startswith("Yes" if answer["allowed"] else "No"), fields
    assert "outside the hours" in ask("0722000002", at="2026-03-01T03:00").text


def test_numbers_may_stand_on_lines_or_between_commas_and_are_a_hundred_at_most(ask: Ask) -> None:
    assert len(verdicts(ask("0722000001, 0722000002;0722000003\t0722000004", " ", "0722000005"))) == 5
    assert len(verdicts(ask(*(f"07220{number:05}" for number in range(consent.NUMBERS_MAX))))) == 100
    many = ask(*(f"07220{number:05}" for number in range(consent.NUMBERS_MAX + 1)))
    assert (many.status, verdicts(many)) == (422, [])
    assert "At most 100 at a time." in many.text
    assert "0722000100" in many.text
    none = ask()
    assert (none.status, "This is needed." in none.text) == (422, True)
    assert "Choose one of these." in ask("0722000001", channel="fax").text
    assert "This is no time." in ask("0722000001", at="soon").text


def test_the_facts_of_a_number_with_many_are_the_last_three(ana: Client, ask: Ask) -> None:
    for sender in ("A", "B", "C", "D", "E"):
        ana.post("/v1/opt-outs", {"mobile": "0722000001", "channel": "sms", "sender": sender})
    page = ask("0722000001")
    assert verdicts(page)[0].count("Opted out of") == 3
    assert "2 earlier facts say no too." in page.text


def test_opt_outs_in_force_are_counted_by_what_they_are_about(
    everyone: Everyone, ana: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "has opted out." in everyone.vic.get(at(everyone, "")).text
    ana.post("/v1/opt-outs", {"mobiles": ["0722000001", "0722000002", "0722000003"]})
    ana.post("/v1/opt-outs", {"mobiles": ["0722000004"], "channel": "sms", "purpose": "marketing"})
    ana.post("/v1/opt-outs", {"mobiles": ["0722000005"], "channel": "sms", "sender": "DUKA"})
    ana.post("/v1/opt-outs", {"mobiles": ["0722000006"], "purpose": "marketing", "source": "bulk"})
    ana.post("/v1/opt-ins", {"mobiles": ["0722000006"], "sender": "DUKA", "source": "form"})
    ana.post("/v1/opt-ins", {"mobiles": ["0722000003"], "source": "api"})
    ana.post("/v1/erasures", {"mobile": "0722000002"})
    page = everyone.vic.get(at(everyone, ""))
    table = page.html.partition("in-force")[2]
    found = re.findall(r'<th scope="row"><a href="([^"]*)">(.*?)</a>.*?<td class="num">(\d+)</td>', table)
    assert {(text, number) for _, text, number in found} == {
        ("Everything", "1"),
        ("Marketing by SMS", "1"),
        ("Everything by SMS from \u2068duka\u2069", "1"),
        ("Marketing", "1"),
    }
    link = next(link for link, text, _ in found if text == "Marketing by SMS")
    assert "0722 000004" in everyone.vic.get(link.replace("&amp;", "&")).text
    monkeypatch.setattr(counts, "COUNTED_MAX", 3)
    assert "too many to count here" in everyone.vic.get(at(everyone, "")).text


@each(
    "written", ["O725", "0722", "07220000000000", "2024-01-02", "0722***000", "07220000001/0733000002", "++", "+999 1"]
)
def test_why_something_is_no_number_is_said_in_the_words_of_the_console(written: str) -> None:
    with pytest.raises(UnreadableMobile) as caught:
        reader_for("KE")(written)
    assert re.fullmatch(r"This is no telephone number: .+\.", explain_number(f"This {caught.value}"))
    assert explain_number("This is odd.") == "This is no telephone number."


# ---- opt-outs -------------------------------------------------------------------------------------------


def test_an_opt_out_that_is_written_down_stops_messages_and_joins_no_group_until_it_is_undone(
    everyone: Everyone, ana: Client, ask: Ask
) -> None:
    ana.post("/v1/contacts", {"contacts": [{"mobile": "0722000001", "fname": "Lucy"}], "group": "vip"})
    path = at(everyone, "/opt-outs/new")
    page = everyone.ed.get(path)
    done = everyone.ed.submit(page, path, mobile="0722 000 001", evidence="phoned the shop")
    assert "Written down. It holds until they agree again. Left \u2068vip\u2069." in done.text
    assert rows_of(done)[0].startswith("0722 000001 Lucy Everything written down here, \u2068Ed\u2069")
    assert "“ phoned the shop ”" in rows_of(done)[0]
    assert verdicts(ask("0722000001"))[0].startswith("No")
    joined = ana.post("/v1/contacts", {"contacts": [{"mobile": "0722000001"}], "group": "vip"}).json()
    assert joined["suppressed"] == 1
    assert groups(ana)["vip"] == 0
    undo = next(form.action for form in done.forms if form.action.endswith("/undo"))
    assert "Undone." in everyone.ed.submit(done, undo).text
    assert verdicts(ask("0722000001"))[0].startswith("Yes")
    assert groups(ana)["vip"] == 1


def test_a_wrong_opt_out_is_refused_with_what_was_typed(everyone: Everyone) -> None:
    path = at(everyone, "/opt-outs/new")
    page = everyone.ed.get(path)
    wrong = everyone.ed.submit(page, path, mobile="O722", sender="x" * 300, at="soon", evidence=HOSTILE)
    assert wrong.status == 422
    assert "Nothing was saved yet." in wrong.text
    assert ("evidence", HOSTILE) in wrong.form(path).fields
    assert "This is needed." in everyone.ed.submit(page, path, mobile="").text
    none = everyone.ed.submit(page, path, mobile="O722")
    assert "This is no telephone number: it holds letters." in none.text
    assert "has opted out" in everyone.ed.get(at(everyone, "/opt-outs")).text


def test_an_opt_out_is_lifted_by_how_they_said_it_and_that_is_undone(everyone: Everyone, ana: Client, ask: Ask) -> None:
    ana.post("/v1/opt-outs", {"mobile": "0722000001", "channel": "sms", "sender": "DUKA", "source": "form"})
    page = everyone.ed.get(at(everyone, "/opt-outs"))
    path = at(everyone, "/opt-outs/1/agreed")
    assert path in page.links
    assert path not in everyone.vic.get(at(everyone, "/opt-outs")).links
    form = everyone.ed.get(path)
    assert "Opted out of everything by SMS from \u2068DUKA\u2069." in form.text
    assert {("channel", "sms"), ("sender", "DUKA")} <= set(form.form(path).fields)
    short = everyone.ed.submit(form, path, evidence="yes")
    assert (short.status, "at least 10 characters" in short.text) == (422, True)
    done = everyone.ed.submit(form, path, evidence="asked for offers at the till")
    assert "They may be messaged so from now on." in done.text
    assert verdicts(ask("0722000001", sender="DUKA"))[0].startswith("Yes")
    assert "has opted out" in everyone.ed.get(at(everyone, "/opt-outs")).text
    undo = next(form.action for form in done.forms if form.action.endswith("/undo"))
    everyone.ed.submit(done, undo)
    assert verdicts(ask("0722000001", sender="DUKA"))[0].startswith("No")


def test_an_opt_in_that_lifts_nothing_says_so(everyone: Everyone, ana: Client, address: str) -> None:
    send(ana, address, text("STOP", message="m1"))
    path = at(everyone, "/opt-outs/1/agreed")
    page = everyone.ed.get(path)
    done = everyone.ed.submit(page, path, purpose="marketing", evidence="asked for offers at the till")
    assert "They still may not be messaged so" in done.text
    for other in ("2", "7", "x", "9" * 20):
        assert everyone.ed.get(at(everyone, f"/opt-outs/{other}/agreed")).status == 404


def test_an_opt_in_that_is_narrower_or_earlier_than_an_opt_out_of_the_team_says_so(
    everyone: Everyone, ask: Ask
) -> None:
    new = at(everyone, "/opt-outs/new")
    everyone.ed.submit(everyone.ed.get(new), new, mobile="0722000001")
    path = at(everyone, "/opt-outs/1/agreed")
    page = everyone.ed.get(path)
    for typed in ({"channel": "sms"}, {"at": "2026-01-01T10:00"}):
        done = everyone.ed.submit(everyone.ed.get(path), path, evidence="asked for offers at the till", **typed)
        assert "They still may not be messaged so" in done.text
        assert verdicts(ask("0722000001", channel="sms"))[0].startswith("No")
    done = everyone.ed.submit(page, path, evidence="asked for offers at the till")
    assert "They may be messaged so from now on." in done.text
    assert verdicts(ask("0722000001", channel="sms"))[0].startswith("Yes")


def test_the_newest_opt_outs_come_first_and_older_ones_by_a_cursor(
    everyone: Everyone, ana: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opt_outs, "SCANNED_AT_ONCE", 7)
    numbers = [f"07220000{number:02}" for number in range(60)]
    ana.post("/v1/opt-outs", {"mobiles": numbers, "channel": "sms"})
    ana.post("/v1/opt-ins", {"mobiles": numbers[::2][:5], "source": "api"})
    page, seen = everyone.vic.get(at(everyone, "/opt-outs")), list[str]()
    assert len(rows_of(page)) == 50
    while True:
        seen += [row[:11] for row in rows_of(page)]
        older = [link for link in page.links if "before=" in link]
        if not older:
            break
        page = everyone.vic.get(older[0])
    wanted = [one for one in reversed(numbers) if one not in numbers[::2][:5]]
    assert seen == [f"{one[:4]} {one[4:]}" for one in wanted]
    assert at(everyone, "/opt-outs") in page.links


def test_opt_outs_are_a_file_that_can_be_brought_in_again(
    everyone: Everyone, ana: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opt_outs, "LINES_AT_ONCE", 2)
    for number in range(1, 6):
        ana.post("/v1/opt-outs", {"mobile": mobile(number), "evidence": {"note": "=1+1"}})
    ana.post("/v1/opt-outs", {"mobile": mobile(6), "channel": "sms", "sender": "20414"})
    ana.post("/v1/opt-ins", {"mobile": mobile(1), "source": "api"})
    path = at(everyone, "/opt-outs/download")
    assert path in everyone.ed.get(at(everyone, "/opt-outs")).links
    assert path not in everyone.vic.get(at(everyone, "/opt-outs")).links
    answer = everyone.ed.request("GET", path)
    assert answer.headers["content-disposition"] == 'attachment; filename="opt-outs.csv"'
    header, *lines = answer.body.decode().splitlines()
    assert header == "mobile,channel,sender,purpose,at,recorded_at,source,fact,evidence"
    assert [line.partition(",")[0] for line in lines] == [mobile(number) for number in (6, 5, 4, 3, 2)]
    assert lines[0].split(",")[1:4] == ["sms", "20414", ""] and lines[1].endswith(",'=1+1")
    for place in (path, at(everyone, "/opt-outs")):
        assert everyone.ed.request("GET", f"{place}?sender=a%00b").status == 422
    only = everyone.ed.request("GET", f"{path}?channel=whatsapp").body.decode().splitlines()
    assert len(only) == 5
    file = answer.body
    brought = ana.call("POST", "/v1/imports", query={"name": "o.csv", "kind": "opt_outs"}, body=file)
    assert brought.status in (201, 202)
    assert everyone.vic.get(path).status == 403


def test_a_page_that_looked_far_enough_and_found_nothing_leads_on(
    everyone: Everyone, ana: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opt_outs, "SCANNED_AT_ONCE", 5)
    monkeypatch.setattr(opt_outs, "SCANNED_MAX", 10)
    ana.post("/v1/opt-outs", {"mobile": "0722000099", "channel": "whatsapp"})
    ana.post("/v1/opt-outs", {"mobiles": [f"07220000{number:02}" for number in range(20)], "channel": "sms"})
    page = everyone.vic.get(at(everyone, "/opt-outs?channel=whatsapp"))
    assert (rows_of(page), "None among those" in page.text) == ([], True)
    for _ in range(3):
        if rows_of(page):
            break
        page = everyone.vic.get(next(link for link in page.links if "before=" in link))
    assert rows_of(page)[0].startswith("0722 000099")


def test_what_is_found_of_an_erased_number_leads_to_no_page(everyone: Everyone, ana: Client) -> None:
    ana.post("/v1/opt-outs", {"mobile": "0722000001"})
    found = at(everyone, "/opt-outs?q=0722000001")
    assert at(everyone, "/opt-outs/1/agreed") in everyone.ed.get(found).links
    assert ana.post("/v1/erasures", {"mobile": "0722000001"}).status == 201
    page = everyone.ed.get(found)
    assert "they asked to be forgotten" in page.text
    assert not [link for link in page.links if link.endswith("/agreed")]


def test_opt_outs_are_filtered_by_channel_and_sender_and_looked_up_by_number(everyone: Everyone, ana: Client) -> None:
    ana.post("/v1/contacts", {"contacts": [{"mobile": "0722000004", "fname": "Lucy"}]})
    ana.post("/v1/opt-outs", {"mobile": "0722000001", "channel": "sms", "sender": "DUKA"})
    ana.post("/v1/opt-outs", {"mobile": "0722000002", "channel": "whatsapp"})
    ana.post("/v1/opt-outs", {"mobile": "0722000003"})

    def found(query: str) -> set[str]:
        return {row[:11] for row in rows_of(everyone.vic.get(at(everyone, f"/opt-outs?{query}")))}

    assert found("channel=sms") == {"0722 000001", "0722 000003"}
    assert found("channel=sms&sender=duka") == {"0722 000001", "0722 000003"}
    assert found("sender=20414") == {"0722 000002", "0722 000003"}
    assert found("q=%2B254722000002") == {"0722 000002"}
    assert found("q=0722000002&channel=sms") == set()
    assert "At least none" in everyone.vic.get(at(everyone, "/opt-outs?q=0722000002&channel=sms")).text
    none = everyone.ed.get(at(everyone, "/opt-outs?q=0722000004"))
    assert "No opt-out of 0722 000004 is in force" in none.text
    new = next(link for link in none.links if "new?" in link)
    assert ("mobile", "0722000004") in everyone.ed.get(new).form(at(everyone, "/opt-outs/new")).fields
    assert "not in the book" in everyone.vic.get(at(everyone, "/opt-outs?q=0722000077")).text
    wrong = everyone.vic.get(at(everyone, "/opt-outs?q=O722"))
    assert (wrong.status, "it holds letters" in wrong.text) == (422, True)
    ana.post("/v1/opt-ins", {"mobiles": ["0722000001", "0722000003"], "source": "api", "evidence": "asked at the till"})
    assert "No opt-out is about this way" in everyone.vic.get(at(everyone, "/opt-outs?channel=sms")).text


# ---- to review ------------------------------------------------------------------------------------------


def test_what_waits_is_counted_in_the_menu_and_on_the_tab(everyone: Everyone, ana: Client, address: str) -> None:
    assert count_shown(everyone.vic, everyone) == ""
    assert "Nothing is to be reviewed" in everyone.vic.get(at(everyone, "/review")).text
    send(ana, address, *(text(f"please stop {number}", message=f"m{number}") for number in range(3)))
    assert count_shown(everyone.vic, everyone) == "3"
    assert count_shown(everyone.asha, everyone) == "3"
    assert everyone.vic.get(at(everyone, "/near-misses")).html.count('class="count"') == 2


@pytest.mark.parametrize(
    "path",
    [
        *("", "/contacts", "/contacts?q=lucy", "/contacts?q=%21%21", "/contacts?may=yes", "/contacts?group=VIP"),
        *("/contacts/1", "/groups/VIP", "/groups/VIP?q=lucy", "/groups/VIP?may=no", "/settings/project"),
    ],
)
def test_what_waits_is_counted_on_every_page_with_the_menu(
    everyone: Everyone, ana: Client, address: str, path: str
) -> None:
    ana.post("/v1/contacts", {"contacts": [{"mobile": "0700000001", "fname": "Lucy"}], "group": "VIP"})
    send(ana, address, text("please stop 2", message="m2"))
    assert count_shown(everyone.asha, everyone, path) == "1"


def test_a_message_is_shown_as_it_came_and_settled_by_a_button(
    everyone: Everyone, ana: Client, address: str, ask: Ask
) -> None:
    ana.post("/v1/contacts", {"contacts": [{"mobile": "0700000001", "fname": "Lucy"}]})
    send(ana, address, text("sitaki tena\nhizi message", message="m1"), text("please stop", number=2, message="m2"))
    page = everyone.ed.get(at(everyone, "/review"))
    assert '<blockquote class="said" dir="auto">sitaki tena\nhizi message</blockquote>' in page.html
    assert "Lucy · 0700 000001 · SMS to \u206820414\u2069" in page.text
    assert "Nothing is written down for it yet." in page.text
    path = at(everyone, "/review/1")
    assert [value for _, value, _ in page.form(path).buttons] == ["opt_out", "opt_in", "dismiss"]
    done = everyone.ed.submit(page, path, button="opt_out")
    assert "Written down: they opted out." in done.text
    assert verdicts(ask("0700000001"))[0].startswith("No")
    assert "their own message" in verdicts(ask("0700000001"))[0]
    assert "sitaki" not in done.text
    off = everyone.ed.submit(done, at(everyone, "/review/2"), button="dismiss")
    assert "Off the list. Nothing else changed." in off.text
    assert "Nothing is to be reviewed" in off.text
    assert [review["settled_as"] for review in ana.get("/v1/inbound/review").json()["reviews"]] == []
    assert verdicts(ask("0700000002"))[0].startswith("Yes")


def test_a_stop_with_more_words_is_left_or_taken_back(everyone: Everyone, ana: Client, address: str, ask: Ask) -> None:
    said = text("STOP sending me bei ya mahindi every day", message="m1")
    send(ana, address, said, {**said, "from": "+254700000002", "id": "m2"})
    page = everyone.ed.get(at(everyone, "/review"))
    assert (
        "It begins with an opt-out word and says more. To be safe they are opted out for now: everything" in page.text
    )
    buttons = page.form(at(everyone, "/review/1")).buttons
    assert [value for _, value, _ in buttons] == ["opt_out", "retract", "dismiss"]
    back = everyone.ed.submit(page, at(everyone, "/review/1"), button="retract")
    assert "The opt-out is taken back." in back.text
    assert verdicts(ask("0700000001"))[0].startswith("Yes")
    everyone.ed.submit(back, at(everyone, "/review/2"), button="opt_out")
    assert verdicts(ask("0700000002"))[0].startswith("No")


def test_an_opt_in_word_is_likely_an_opt_in(everyone: Everyone, ana: Client, address: str) -> None:
    send(ana, address, text("START again from Monday", message="m1"))
    page = everyone.ed.get(at(everyone, "/review"))
    path = at(everyone, "/review/1")
    assert [value for _, value, _ in page.form(path).buttons] == ["opt_in", "opt_out", "dismiss"]
    done = everyone.ed.submit(page, path, button="opt_in")
    assert "Written down: they agree." in done.text
    assert facts_of(ana, mobile(1), "kind", "source") == [("opt_in", "inbound")]


def test_a_message_without_a_number_asks_for_it(everyone: Everyone, ana: Client, address: str, ask: Ask) -> None:
    send(ana, address, {"from": "unknown", "to": "20414", "text": "STOP", "id": "m1"})
    path = at(everyone, "/review/1")
    page = everyone.ed.get(at(everyone, "/review"))
    assert "Their number cannot be read. The provider says: \u2068number 'unknown'; message 'm1'\u2069." in page.text
    assert [value for _, value, _ in page.form(path).buttons] == ["opt_out", "dismiss"]
    none = everyone.ed.submit(page, path, button="opt_out")
    assert (none.status, "This is needed." in none.text) == (422, True)
    wrong = everyone.ed.submit(page, path, button="opt_out", mobile="O722")
    assert (wrong.status, "it holds letters" in wrong.text) == (422, True)
    assert ("mobile", "O722") in wrong.form(path).fields
    everyone.ed.submit(wrong, path, button="opt_out", mobile="0700 000001")
    assert verdicts(ask("0700000001"))[0].startswith("No")


@each("button", ["retract", "dismiss"])
def test_a_stop_of_a_person_whose_number_is_withheld_waits_for_it(
    everyone: Everyone, ana: Client, open_address: OpenAddress, button: str
) -> None:
    address = open_address("whatsapp", secret=SECRET)
    said = {"from_user_id": "KE.1349", "id": "w1", "timestamp": str(THEN), "type": "text", "text": {"body": "STOP"}}
    request = as_json(from_meta("messages", messages=[said]))
    ana.call("POST", address, body=request.body, headers=proven(request, "whatsapp", address))
    page = everyone.ed.get(at(everyone, "/review"))
    assert "It is kept, and opts them out as soon as their number is known." in page.text
    path = next(form.action for form in page.forms if "/consent/review/" in form.action)
    assert [value for _, value, _ in page.form(path).buttons] == ["opt_out", "dismiss", "retract"]
    answer = {"retract": "It is forgotten", "dismiss": "Off the list."}[button]
    assert answer in everyone.ed.submit(page, path, button=button).text


def test_the_other_reading_of_digits_is_left_or_taken_back(everyone: Everyone, ana: Client, store: Store) -> None:
    known, other = "4312345678", "494312345678"
    store.system_write(
        current_time(), projects.set_project, name="Shopify", region="DE", on_error=None, consent={}, zone=""
    )
    ana.post("/v1/contacts", {"contacts": [{"mobile": f"+{known}"}]})
    ana.post("/v1/opt-outs", {"mobile": known, "channel": "sms"})
    page = everyone.ed.get(at(everyone, "/review"))
    assert f"Someone opted out +{known}. The same digits may be this number" in page.text
    path = next(form.action for form in page.forms if "/consent/review/" in form.action)
    assert [value for _, value, _ in page.form(path).buttons] == ["dismiss", "retract"]
    assert may_message(ana, f"+{other}") == [False]
    everyone.ed.submit(page, path, button="retract")
    assert may_message(ana, f"+{other}", f"+{known}") == [True, False]


def test_what_was_settled_meanwhile_is_said(everyone: Everyone, ana: Client, address: str) -> None:
    send(ana, address, text("please stop", message="m1"))
    page = everyone.ed.get(at(everyone, "/review"))
    path = at(everyone, "/review/1")
    everyone.asha.submit(everyone.asha.get(at(everyone, "/review")), path, button="dismiss")
    late = everyone.ed.submit(page, path, button="opt_out")
    assert (late.status, "Someone reviewed this meanwhile" in late.text) == (409, True)
    assert everyone.ed.submit(page, path, button="dismiss").status == 200


def test_viewers_read_what_waits_and_have_no_buttons(everyone: Everyone, ana: Client, address: str) -> None:
    send(ana, address, text("please stop", message="m1"))
    page = everyone.vic.get(at(everyone, "/review"))
    assert "please stop" in page.text
    assert at(everyone, "/review/1") not in page.html
    assert at(everyone, "/opt-outs/new") not in everyone.vic.get(at(everyone, "/opt-outs")).links


def test_refused_requests_are_counted_below_what_waits(
    everyone: Everyone, ana: Client, open_address: OpenAddress
) -> None:
    address = open_address("generic", secret="kikapu")
    ana.post(address, {"messages": [text("STOP", message="m1")]})
    page = everyone.vic.get(at(everyone, "/review"))
    assert "1 request of a provider could not be proved or read, and is kept" in page.text


def test_more_than_a_page_waits_behind_a_link(everyone: Everyone, ana: Client, address: str) -> None:
    send(ana, address, *(text(f"please stop {number}", message=f"m{number}") for number in range(25)))
    page = everyone.vic.get(at(everyone, "/review"))
    assert page.html.count("<article") == 20
    following = next(link for link in page.links if "after=" in link)
    assert everyone.vic.get(following).html.count("<article") == 5
    send(ana, address, {"from": "unknown", "to": "20414", "text": "STOP", "id": "last"})
    second = everyone.ed.get(following)
    last = next(form.action for form in reversed(second.forms) if "/review/" in form.action)
    wrong = everyone.ed.submit(second, last.partition("?")[0], button="opt_out", mobile="O7")
    assert (wrong.status, wrong.html.count("<article")) == (422, 6)


# ---- near misses ----------------------------------------------------------------------------------------


def test_who_tried_to_bring_people_back_is_named_most_first(everyone: Everyone, ana: Client) -> None:
    assert "the try is counted here" in everyone.vic.get(at(everyone, "/near-misses")).text
    ana.post("/v1/contacts", {"contacts": [{"mobile": "0722000001"}], "group": "vip"})
    ana.post("/v1/opt-outs", {"mobiles": ["0722000001", "0722000002"], "source": "inbound"})
    for _ in range(2):
        ana.post("/v1/contacts", {"contacts": [{"mobile": "0722000001"}, {"mobile": "0722000002"}], "group": "vip"})
    ana.post("/v1/opt-ins", {"mobiles": ["0722000001"], "source": "bulk"})
    many = f"/p/{everyone.shopify}/contacts/many"
    everyone.ed.submit(everyone.ed.get(f"{many}?do=join&ids=1"), f"{many}/join", group="vip")
    page = everyone.vic.get(at(everyone, "/near-misses"))
    found = rows_of(page)
    assert found[0].startswith("key \u2068Ana\u2069 adds or changes them as contacts 4")
    assert any(row.startswith("\u2068Ed\u2069 puts them into a group 1") for row in found)
    assert any(row.startswith("key \u2068Ana\u2069 writes down that they agreed") for row in found)
    assert re.findall(r'<rect class="c3" width="([\d.]+)%"', page.html) == ["100.0", "25.0", "25.0"]


def test_a_contact_s_page_says_who_tried_to_bring_it_back_until_an_erasure(everyone: Everyone, ana: Client) -> None:
    given = {"contacts": [{"mobile": mobile(number), "fname": "Lucy"} for number in (1, 2)], "group": "VIP"}
    ana.post("/v1/contacts", given)
    ana.post("/v1/opt-outs", {"mobile": mobile(1)})
    page = everyone.vic.get(f"/p/{everyone.shopify}/contacts/1")
    assert "Who tried to bring them back" not in page.text
    for _ in range(2):
        ana.post("/v1/contacts", given)
    ana.post("/v1/opt-ins", {"mobiles": [mobile(1), mobile(2)], "source": "bulk"})
    many = f"/p/{everyone.shopify}/contacts/many"
    everyone.ed.submit(everyone.ed.get(f"{many}?do=join&ids=1&ids=2"), f"{many}/join", group="VIP")
    page = everyone.vic.get(f"/p/{everyone.shopify}/contacts/1")
    assert "Who tried to bring them back After they opted out, and without effect." in page.text
    assert "\u2068Ed\u2069: puts them into a group" in page.text
    assert ": adds or changes them as contacts" in page.text and "2 times, the first" in page.text
    assert "Who tried" not in everyone.vic.get(f"/p/{everyone.shopify}/contacts/2").text
    held = ana.get("/v1/contacts/1/export").json()["export"]["near_misses"]
    assert sorted((one["source"], one["tries"]) for one in held) == [
        ("create_contacts", 2),
        ("join_group", 1),
        ("opt_in", 1),
    ]
    assert ana.get("/v1/contacts/2/export").json()["export"]["near_misses"] == []
    ana.post("/v1/erasures", {"mobile": mobile(1)})
    ana.post("/v1/contacts", {"contacts": [{"mobile": mobile(1)}]})
    (again,) = ana.get(f"/v1/contacts/{mobile(1)}/export").json()["export"]["near_misses"]
    assert (again["source"], again["tries"]) == ("create_contacts", 1)


def test_a_file_that_tried_is_named_and_leads_to_its_import(
    everyone: Everyone, ana: Client, store: Store, people: People
) -> None:
    ana.post("/v1/opt-outs", {"mobile": "0722000001"})
    import_files.sent(ana, b"phone\n0722000001\n", name="all-subscribers.csv", group="vip")
    import_files.work(store, people.shopify)
    page = everyone.vic.get(at(everyone, "/near-misses"))
    assert rows_of(page)[0].startswith("all-subscribers.csv a file with their numbers, key \u2068Ana\u2069 1")
    assert f"/p/{everyone.shopify}/imports/1" in page.links


# ---- what people wrote ----------------------------------------------------------------------------------


def test_hostile_names_and_words_are_harmless_on_every_page(
    everyone: Everyone, ana: Client, address: str, ask: Ask
) -> None:
    ana.post("/v1/contacts", {"contacts": [{"mobile": "0722000001", "fname": HOSTILE[:255]}]})
    ana.post("/v1/opt-outs", {"mobile": "0722000001", "channel": "sms", "sender": HOSTILE[:40], "evidence": HOSTILE})
    send(ana, address, text(f"{HOSTILE} please stop", message="m1"))
    pages = [
        ask("0722000001", HOSTILE, sender=HOSTILE[:40]),
        *(everyone.ed.get(at(everyone, path)) for path in ("", "/opt-outs", "/review", "/opt-outs/1/agreed")),
        everyone.ed.get(at(everyone, f"/opt-outs?{urlencode({'q': HOSTILE, 'sender': HOSTILE})}")),
        everyone.ed.get(at(everyone, f"/opt-outs/new?{urlencode({'mobile': HOSTILE})}")),
    ]
    for page in pages:
        assert page.status in (200, 422)
        assert "<script>alert" not in page.html
        typed = [value for form in page.forms for _, value in form.fields]
        assert any(HOSTILE[:30] in one for one in [page.text, *typed])
