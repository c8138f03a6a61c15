"""A no that a file says is kept: in lists of opt-outs, and in the columns of contacts that speak of consent."""

from __future__ import annotations

import io
import itertools
from typing import Any

import msgspec
import pytest
import xlsxwriter

from daftari.errors import UnreadableFile, ValidationFailed
from daftari.model.time import format_time
from daftari.rules.erasure import erase
from daftari.rules.imports import views
from daftari.store import Store
from tests.support import calls
from tests.support.calls import ACTOR, broken_in
from tests.support.cases import ON_SQLITE
from tests.support.imports import Office, shown

TODAY = 1_795_694_400_000_000
"""2026-11-26 12:00 UTC."""
_names = (f"Project {number}" for number in itertools.count())


@pytest.fixture
def office(store: Store, database: str) -> Office:
    return Office(store, database, calls.create_project(store, next(_names)), now=TODAY)


def facts(office: Office) -> list[tuple[Any, ...]]:
    """Number, channel and purpose of each opt-out, and when it counts from, to the second."""
    found = office.table("fact", "subject_id, channel, purpose, at")
    return [(number, channel, purpose, format_time(at)[:19]) for number, channel, purpose, at in found]


def view(office: Office, number: int) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(views.show_import(office.get(number)))
    return found


def came(office: Office, number: int) -> str:
    """When the file came, to the second."""
    return format_time(office.get(number).settings.created_at)[:19]


# ---- lists --------------------------------------------------------------------------------------------


def test_every_opt_out_of_a_list_is_kept_whatever_its_date_looks_like(office: Office) -> None:
    text = "Phone,Opted Out At\n0722000001,06/05/2024 07:08\n0722000002,1714975689000\n0722000003,May 6 2024\n"
    text += "0722000004,2024-05-06 07:08:09 UTC\n0722000005/0733000005,\n0722000006,last week\n0722000007,2035-01-01\n"
    found = office.bring(text, kind="opt_outs", common={"at": "2020-01-01T00:00:00Z"})
    assert shown(found) == {"recorded": 7, "facts": 8}
    arrival = came(office, found.id)
    assert facts(office) == [
        (254722000001, "*", "*", arrival),
        (254722000002, "*", "*", "2024-05-06T06:08:09"),
        (254722000003, "*", "*", "2024-05-07T11:59:59"),
        (254722000004, "*", "*", "2024-05-06T07:08:09"),
        (254722000005, "*", "*", "2020-01-01T00:00:00"),
        (254722000006, "*", "*", arrival),
        (254722000007, "*", "*", arrival),
        (254733000005, "*", "*", "2020-01-01T00:00:00"),
    ]
    (warning,) = view(office, found.id)["warnings"]
    assert warning["why"].startswith("The time of an opt-out cannot be read") and warning["rows"] == [1, 6, 7]
    assert office.rows(found.id)[5]["warning"].endswith("Found: 'last week'.")
    assert {"time as written: 06/05/2024 07:08"} == {
        msgspec.json.decode(evidence)["note"]
        for number, evidence in office.table("fact", "subject_id, evidence")
        if number == 254722000001
    }
    assert broken_in(office.store, office.project) == []


def test_a_date_is_read_as_the_rest_of_its_column_is_written(office: Office) -> None:
    text = "Phone,Date\n0722000001,06/05/2024\n0722000002,07/05/2024\n0722000003,31/12/2023\n"
    found = office.bring(text, kind="opt_outs", chunk_records=1)
    assert view(office, found.id)["warnings"] == []
    assert [at[:10] for *_, at in facts(office)] == ["2024-05-07", "2024-05-08", "2024-01-01"]


def test_the_channel_of_a_list_may_be_written_in_any_way_and_is_all_where_it_cannot_be_read(office: Office) -> None:
    cells = ("SMS", "WhatsApp", "Whats App", "all", "Text", "premium sms", "", "SMS; WhatsApp", "pigeon", "Email")
    text = "Number,Channel,Purpose\n" + "".join(
        f"07220000{place:02},{cell},{'Marketing' if cell == 'Text' else 'so so' if cell == 'all' else ''}\n"
        for place, cell in enumerate(cells)
    )
    found = office.bring(text, kind="opt_outs")
    scopes: dict[int, list[tuple[str, str]]] = {}
    for number, channel, purpose, _ in facts(office):
        scopes.setdefault(number % 100, []).append((channel, purpose))
    assert scopes == {
        0: [("sms", "*")],
        1: [("whatsapp", "*")],
        2: [("whatsapp", "*")],
        3: [("*", "*")],
        4: [("sms", "marketing")],
        5: [("premium_sms", "*")],
        6: [("*", "*")],
        7: [("sms", "*"), ("whatsapp", "*")],
        8: [("*", "*")],
        9: [("*", "*")],
    }
    assert [(one["why"].partition(" of")[0], one["rows"]) for one in view(office, found.id)["warnings"]] == [
        ("The channel", [9, 10]),
        ("The purpose", [4]),
    ]


def test_an_opt_out_whose_number_cannot_be_read_is_counted_by_itself(office: Office) -> None:
    text = "Phone\n0722000001\n0722000002/073300\nno number\n\n2.547E+11\n"
    found = office.bring(text, kind="opt_outs")
    assert shown(found) == {"recorded": 2, "invalid": 2, "facts": 2}
    assert view(office, found.id)["unread_opt_outs"] == 3
    rejected = office.rejects(found.id)
    assert [number for number, _ in rejected] == [2, 3, 4]
    assert rejected[1][1].endswith(" Found: 'no number'.")


def test_a_number_that_a_list_repeats_too_often_is_not_one_that_cannot_be_read(office: Office) -> None:
    found = office.bring("phone\n" + "0722000001\n" * 102, kind="opt_outs", chunk_records=200)
    assert shown(found) == {"recorded": 1, "duplicate": 99, "invalid": 2, "facts": 1}
    assert view(office, found.id)["unread_opt_outs"] == 0


def test_nothing_else_that_is_wrong_loses_an_opt_out(office: Office) -> None:
    text = f"phone,sender,note,purpose\n0722000001,{'S' * 100},{'n' * 5_000},everything\n"
    found = office.bring(text, kind="opt_outs")
    assert shown(found) == {"recorded": 1, "facts": 1}
    assert facts(office)[0][:3] == (254722000001, "*", "*")
    assert [one["why"].partition(" of")[0] for one in view(office, found.id)["warnings"]] == ["The sender"]


def test_a_column_that_contradicts_a_list_is_told_and_an_opt_in_against_it_is_refused(office: Office) -> None:
    text = "phone,opted out\n0722000001,yes\n0722000002,no\n0722000003,\n"
    found = office.bring(text, kind="opt_outs")
    assert shown(found) == {"recorded": 3, "facts": 3}
    (warning,) = view(office, found.id)["warnings"]
    assert warning["why"].startswith("The column 'opted out' says that the person did not opt out")
    assert warning["rows"] == [2]
    office.project = calls.create_project(office.store, next(_names))
    found = office.bring(text, kind="opt_ins")
    assert office.outcomes(found.id) == ["invalid", "recorded", "recorded"]
    assert "says that the person opted out. Found: 'yes'." in office.rejects(found.id)[0][1]


def test_an_opt_in_is_never_made_wider_by_what_cannot_be_read(office: Office) -> None:
    text = "phone,channel,opted in at\n0722000001,pigeon,\n0722000002,SMS,\n0722000003,whats app,soon\n"
    found = office.bring(text, kind="opt_ins", mapping={"opted in at": "at"})
    assert office.outcomes(found.id) == ["invalid", "recorded", "invalid"]
    assert facts(office)[0][:3] == (254722000002, "sms", "*")


# ---- columns of contacts ------------------------------------------------------------------------------

CONTACTS = """First Name,Mobile,SMS Opt Out,SMS Marketing Consent,DoNotCall,Status,Email Marketing
Mary,0722000001,true,,,,no
Otieno,0722000002,,UNSUBSCRIBED,false,active,no
Asha,0722000003,,,x,,
Baraka,0722000004,no,yes,0,customer,yes
Zawadi,0722000005,,,,Stopped,
Juma,0722000006,2024-05-06T07:08:09Z,,,,
Peris,072200,yes,,,,
Long,0722000008,yes,,,,
"""


def test_a_no_in_a_column_of_contacts_is_an_opt_out_and_a_yes_is_nothing(office: Office) -> None:
    text = CONTACTS.replace("Long,", f"{'x' * 300},")
    planned = office.bring(text, planned=True)
    assert (view(office, planned.id)["opt_outs"], facts(office)) == (6, [])
    found = office.apply(planned.id)
    assert shown(found) == {"created": 6, "invalid": 2, "suppressed": 2, "facts": 6}
    arrival = came(office, found.id)
    assert facts(office) == [
        (254722000001, "sms", "*", arrival),
        (254722000002, "sms", "marketing", arrival),
        (254722000003, "*", "*", arrival),
        (254722000005, "*", "*", arrival),
        (254722000006, "sms", "*", "2024-05-06T07:08:09"),
        # Its name is too long, and it is no contact: its opt-out counts.
        (254722000008, "sms", "*", arrival),
    ]
    seen = view(office, found.id)
    assert (seen["opt_outs"], seen["unread_opt_outs"], seen["warnings"]) == (6, 1, [])
    assert broken_in(office.store, office.project) == []


def test_a_column_about_consent_that_cannot_be_understood_is_told(office: Office) -> None:
    found = office.bring(
        "phone,SMS consent,Unsubscribed\n0722000001,perhaps,\n0722000002,,06/05/2024\n0722000003,,so so\n"
    )
    assert shown(found) == {"created": 3, "suppressed": 1, "facts": 1}
    warnings = view(office, found.id)["warnings"]
    assert [(one["why"].partition(" is about")[0], one["rows"]) for one in warnings if "column" in one["why"]] == [
        ("The column 'SMS consent'", [1]),
        ("The column 'Unsubscribed'", [3]),
    ]
    # When Asha opted out is open; that she did is not.
    assert facts(office) == [(254722000002, "*", "*", came(office, found.id))]


@ON_SQLITE
@pytest.mark.parametrize(
    ("header", "cell", "scope"),
    [
        ("Accepts SMS Marketing", "no", ("sms", "marketing")),
        ("Accepts Marketing", "FALSE", ("*", "marketing")),
        ("SMS Consent", "No", ("sms", "*")),
        ("Opted In", "hapana", ("*", "*")),
        ("Amekubali SMS", "Hapana", ("sms", "*")),
        ("Amejiondoa", "ndiyo", ("*", "*")),
        ("Désabonné", "oui", ("*", "*")),
        ("Consentement SMS", "non", ("sms", "*")),
        ("Aceita SMS", "não", ("sms", "*")),
        ("No contactar", "sí", ("*", "*")),
        ("Descadastrado", "sim", ("*", "*")),
        ("Unsubscribed", "✓", ("*", "*")),
        ("Unsubscribed", "✔\ufe0f", ("*", "*")),
        ("Opt Out", "WhatsApp", ("whatsapp", "*")),
        ("Status", "Opted out", ("*", "*")),
        ("Status", "Blocked", ("*", "*")),
        ("Estado", "Bloqueado", ("*", "*")),
        ("consent", "no", ("*", "*")),
        ("No SMS", "x", ("sms", "*")),
        ("No marketing", "TRUE", ("*", "marketing")),
        ("Consent withdrawn", "yes", ("*", "*")),
        ("Receive offers", "No thanks", ("*", "marketing")),
        ("Can we SMS you?", "NO - she refused", ("sms", "*")),
        ("SMS Enabled", "disabled", ("sms", "*")),
        ("DND", "Enabled", ("*", "*")),
        ("Opted Out", "Yes - 3 May", ("*", "*")),
        ("Unsubscribe reason", "too many messages", ("*", "*")),
        ("Opted out by", "Mary", ("*", "*")),
        ("Status", "Unsubscribed - 12/03/2024", ("*", "*")),
        ("Status", "Replied STOP", ("*", "*")),
        ("Status", "UserInBlacklist", ("*", "*")),
        ("SMS consent", "Hataki tena", ("sms", "*")),
        ("موافق", "لا", ("*", "*")),
        ("አይፈልግም", "አዎ", ("*", "*")),
        ("Accord SMS", "Non merci", ("sms", "*")),
    ],
)
def test_a_no_is_understood_in_the_languages_of_the_regions(
    office: Office, header: str, cell: str, scope: tuple[str, str]
) -> None:
    found = office.bring(f"phone,{header}\n0722000001,{cell}\n0722000002,-\n")
    assert [(number, channel, purpose) for number, channel, purpose, _ in facts(office)] == [(254722000001, *scope)]
    assert view(office, found.id)["warnings"] == []


@ON_SQLITE
@pytest.mark.parametrize(
    ("header", "cell"),
    [
        *(("SMS Opt Out", cell) for cell in ("no", "0", "false", "hapana", "N/A", "", "subscribed")),
        *(("SMS Consent", cell) for cell in ("yes", "1", "✓", "sim", "2024-05-06", "granted")),
        *(("SMS Opt Out", cell) for cell in ("not opted out", "never unsubscribed", "no problem", "لا", "off")),
        *(("SMS Consent", cell) for cell in ("Yes please", "no objection", "WhatsApp", "نعم", "consented", "👍")),
        *(("Status", cell) for cell in ("Not interested", "Out", "Cancelled", "Not unsubscribed", "Bus stop")),
        *(("Status", cell) for cell in ("Lead", "no", "Paid", "Active", "0")),
        ("Email Marketing", "no"),
    ],
)
def test_what_is_no_no_opts_no_one_out_and_a_yes_is_no_opt_in(office: Office, header: str, cell: str) -> None:
    found = office.bring(f"phone,{header}\n0722000001,{cell}\n")
    assert (facts(office), view(office, found.id)["warnings"]) == ([], [])


def test_a_time_of_an_opt_out_that_cannot_be_read_is_an_opt_out_all_the_same(office: Office) -> None:
    found = office.bring("Phone,Opted out at\n0722000001,last week\n0722000002,\n0722000003,never\n")
    assert facts(office) == [(254722000001, "*", "*", came(office, found.id))]
    assert [one["rows"] for one in view(office, found.id)["warnings"]] == [[1]]


@pytest.mark.parametrize("header", ["Blacklist", "Unsubscribed numbers", "DND", "Amejiondoa"])
def test_numbers_of_a_column_of_opt_outs_never_become_contacts(office: Office, header: str) -> None:
    text = f"{header}\n0722000001\n0722000002\n"
    with pytest.raises(ValidationFailed) as refused:
        office.bring(text)
    assert "--opt-outs" in refused.value.errors["kind"][0]
    assert shown(office.bring(text, kind="opt_outs")) == {"recorded": 2, "facts": 2}
    assert shown(office.bring(text, mapping={header: "mobile"}))["created"] == 2


def test_columns_called_after_channels_that_hold_yes_and_no_say_what_is_accepted(office: Office) -> None:
    text = "Name,Phone,SMS,WhatsApp,Email,Transactional SMS\nMary,0722000001,N,yes,Y,Yes\nJohn,0722000002,Y,No,N,no\n"
    found = office.bring(text)
    assert [fact[:3] for fact in facts(office)] == [
        (254722000001, "sms", "*"),
        (254722000002, "sms", "transactional"),
        (254722000002, "whatsapp", "*"),
    ]
    assert view(office, found.id)["columns"][4] == {"name": "Email", "field": None}


@pytest.mark.parametrize("header", ["Consent", "consent", "Opted in", "SMS"])
def test_a_no_in_a_list_of_opt_ins_is_no_opt_in(office: Office, header: str) -> None:
    found = office.bring(f"Phone,{header}\n0722000001,Yes\n0722000002,No\n0722000003,no\n", kind="opt_ins")
    assert [fact[0] for fact in facts(office)] == [254722000001]
    assert shown(found) == {"recorded": 1, "invalid": 2, "facts": 1}


def test_a_group_that_reads_like_an_opt_out_is_told(office: Office) -> None:
    found = office.bring("Phone,Tags\n0722000001,vip;Unsubscribed\n0722000002,vip\n")
    (warning,) = view(office, found.id)["warnings"]
    assert (warning["rows"], "reads like an opt-out" in warning["why"]) == ([1], True)


def test_of_messages_in_a_list_those_who_sent_them_opted_out(office: Office) -> None:
    office.bring("To,From,Body\n0733000001,0722000001,STOP\n", kind="opt_outs")
    assert [fact[0] for fact in facts(office)] == [254722000001]


def test_a_contact_that_changed_since_the_plan_is_left_alone_and_its_opt_out_is_not(office: Office) -> None:
    planned = office.bring("phone,first name,opt out\n0722000001,Mary,yes\n", planned=True)
    calls.create_contacts(office.store, office.project, [{"mobile": "0722000001", "fname": "Maria"}])
    assert shown(office.apply(planned.id)) == {"changed": 1, "facts": 1}
    assert [number for number, *_ in facts(office)] == [254722000001]


def test_columns_about_consent_stay_attributes_where_those_are_wanted(office: Office) -> None:
    office.bring("phone,Status,Opt Out\n0722000001,Lead,no\n", attributes=True)
    ((card,),) = office.table("contact", "card")
    assert msgspec.json.decode(card)["attributes"] == {"Status": "Lead", "Opt Out": "no"}


# ---- several numbers, and what is kept ------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_person_with_several_numbers_in_a_cell_is_a_record_for_each(office: Office, size: int) -> None:
    text = "name,phone,e-mail\nA,0722000001/0733000001,a@x.example ::: b@x.example\n"
    text += 'B,"0722000002, 07330",\nC,0722000003,\n'
    found = office.bring(text, chunk_records=size)
    assert office.outcomes(found.id) == ["created", "created", "created", "invalid", "created"]
    cards = [msgspec.json.decode(card) for (card,) in office.table("contact", "card")]
    assert [(card["mobile"], card["fname"], card["email"]) for card in cards] == [
        ("254722000001", "A", "a@x.example"),
        ("254733000001", "A", "a@x.example"),
        ("254722000002", "B", None),
        ("254722000003", "C", None),
    ]
    assert office.rejects(found.id)[0][1].endswith("Found: '07330'.")
    assert shown(office.undo(found.id))["created"] == 4
    assert office.table("contact", "id") == []


def test_what_is_left_of_a_cell_after_its_number_is_a_warning(office: Office) -> None:
    found = office.bring("name,phone\nA,0722000001 / 04\nB,fax 020 2012345\n")
    assert office.outcomes(found.id) == ["created", "invalid"]
    rows = office.rows(found.id)
    assert rows[0]["warning"].endswith("Found: '04'.") and rows[1]["why"].endswith("Found: 'fax 020 2012345'.")


def test_names_beside_numbers_and_blanks_in_every_column_are_understood(office: Office) -> None:
    text = "name,phone,phone 2,city\n,254722000001 - MARY NJERI,,N/A\nJuma,0722000002 JUMA OUMA,,#N/A\n"
    text += "Zed,N/A,0722000003,-\n"
    found = office.bring(text)
    assert shown(found) == {"created": 3}
    cards = [msgspec.json.decode(card) for (card,) in office.table("contact", "card")]
    assert [(card["fname"], card["lname"], card["city"]) for card in cards] == [
        ("MARY", "NJERI", None),
        ("Juma", None, None),
        ("Zed", None, None),
    ]


def test_reasons_are_grouped_and_say_what_was_found(office: Office) -> None:
    found = office.bring("phone,phone 2\nO722,\nO733,\n0722000001,\n072O,0722000002\n0722000003,x\n0722000004,\n")
    seen = view(office, found.id)
    (reason,) = seen["reasons"]
    assert (reason["count"], reason["rows"], seen["rejects"]) == (2, [1, 2], 2)
    assert [row.get("why", "").rpartition("Found: ")[2] for row in office.rows(found.id)[:3]] == [
        "'O722'.",
        "'O733'.",
        "",
    ]
    assert seen["warnings"][0]["rows"] == [4]
    assert office.rows(found.id)[3]["warning"].endswith("Found: '072O'.")


def test_an_erasure_takes_what_a_report_quotes_of_the_person(office: Office) -> None:
    office.bring("phone,notes,SMS consent\n0722000001,,perhaps Mary\n0722 000 001 ext 5,,\n")
    remove = office.store.write
    remove(office.project, ACTOR, office.tick(), erase.erase_number, mobile=254722000001)
    assert office.table("import_reject", "cell, record, digits") == [("", "null", ""), ("", "null", "")]


def test_an_import_keeps_so_many_rejects_and_counts_the_rest(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daftari.rules.imports.apply.REJECTS_KEPT_MAX", 3)
    found = office.bring("phone\n" + "x0\n" * 4 + "0722000001\n" + "x1\n" * 4, chunk_records=2)
    assert shown(found) == {"created": 1, "invalid": 8}
    assert view(office, found.id)["rejects"] == 8
    assert [number for number, _ in office.rejects(found.id)] == [1, 2, 3]


def test_a_file_of_more_rows_than_an_import_takes_ends_as_failed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setattr("daftari.rules.imports.parse.IMPORT_ROWS_MAX", 3)
    assert shown(office.bring("phone\n0722000001\n0722000002\n0722000003\n")) == {"created": 3}
    with pytest.raises(UnreadableFile, match="more than the 3 rows"):
        office.bring("phone\n0722000001\n0722000002/0733000002\n0722000003\n", kind="contacts")


def test_of_a_person_with_several_numbers_the_first_keeps_the_id(office: Office) -> None:
    found = office.bring("id,name,phone\n7,A,0722000001/0733000001\n9,B,0722000002\n", keep_ids=True)
    assert shown(found) == {"created": 3}
    ids = {
        json["mobile"]: json["id"] for (card,) in office.table("contact", "card") if (json := msgspec.json.decode(card))
    }
    assert ids["254722000001"] == 7 and ids["254722000002"] == 9 and ids["254733000001"] not in (7, 9)


def test_times_and_numbers_of_a_workbook_are_those_of_its_cells(office: Office) -> None:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file)
    sheet, day = book.add_worksheet(), book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
    sheet.write_row(0, 0, ["Phone", "Opted Out At", "Name"])
    sheet.write_row(1, 0, [254722000001, None, "A"])
    sheet.write_number(1, 1, 45418 + (7 * 60 + 8) / 1440, day)
    sheet.write_row(2, 0, ["0722000002 / 0733000002", 45418.5, "B"])
    sheet.write_row(3, 0, ["0722000003", 1714975689000, "C"])
    sheet.write_number(4, 0, 45372, day)
    sheet.write_row(5, 0, [722000005, "6 May 2024", "E"])
    book.close()
    number = office.queue(file.getvalue(), office.real_settings(file.getvalue(), name="a.xlsx", kind="opt_outs"))
    office.work_for_real()
    assert shown(office.get(number)) == {"recorded": 4, "invalid": 1, "facts": 5}
    assert office.rejects(number)[0][1].endswith("Found: '2024-03-21'.")
    assert [(one, at) for one, *_, at in facts(office)] == [
        (254722000001, "2024-05-06T19:08:00"),
        (254722000002, "2024-05-07T00:00:00"),
        (254722000003, "2024-05-06T06:08:09"),
        (254722000005, "2024-05-07T11:59:59"),
        (254733000002, "2024-05-07T00:00:00"),
    ]


@ON_SQLITE
@pytest.mark.parametrize(
    ("members", "scopes"),
    [
        ('"properties": {"hs_sms_optout": "true"}', [("sms", "*")]),
        ('"consent": {"sms": false, "email": false}', [("sms", "*")]),
        ('"optedOut": {"sms": true, "whatsapp": false}', [("sms", "*")]),
        ('"sms_marketing_consent": {"state": "unsubscribed", "opt_in_level": "single_opt_in"}', [("sms", "marketing")]),
        ('"subscriptions": {"sms": {"marketing": "UNSUBSCRIBED"}}', [("sms", "marketing")]),
        ('"unsubscribed_channels": ["SMS"]', [("sms", "*")]),
        ('"preferences": {"sms": "unsubscribed"}', [("sms", "*")]),
        ('"dnd": true, "tags": []', [("*", "*")]),
        ('"consent": {"unsubscribed": false}', []),
        ('"unsubscribed_channels": []', []),
        ('"sms_marketing_consent": {"state": "not_subscribed"}', [("sms", "marketing")]),
    ],
)
def test_a_no_within_an_object_or_a_list_is_an_opt_out(
    office: Office, members: str, scopes: list[tuple[str, str]]
) -> None:
    found = office.bring(f'[{{"phone": "0722000001", {members}}}]', name="a.json")
    assert [(channel, purpose) for _, channel, purpose, _ in facts(office)] == scopes
    assert view(office, found.id)["warnings"] == []
