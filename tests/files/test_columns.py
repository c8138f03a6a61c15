"""Columns are matched by name: the exports of five products as they are, many spellings, and what a person says."""

from __future__ import annotations

from pathlib import Path

import pytest

from daftari.errors import ValidationFailed
from daftari.files import Format, Layout, match_columns, split_name
from daftari.files.contents import ColumnContents
from tests.support.files import layout_of, values, write

GOOGLE = (
    "First Name,Middle Name,Last Name,Phonetic First Name,Phonetic Middle Name,Phonetic Last Name,Name Prefix,"
    "Name Suffix,Nickname,File As,Organization Name,Organization Title,Organization Department,Birthday,Notes,Photo,"
    "Labels,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value,Phone 1 - Label,Phone 1 - Value,"
    "Phone 2 - Label,Phone 2 - Value,Address 1 - Label,Address 1 - Formatted,Address 1 - Street,Address 1 - City,"
    "Address 1 - PO Box,Address 1 - Region,Address 1 - Postal Code,Address 1 - Country,Website 1 - Value"
)
GOOGLE_OLD = (
    "Name,Given Name,Additional Name,Family Name,Yomi Name,Given Name Yomi,Name Prefix,Initials,Nickname,Birthday,"
    "Gender,Notes,Language,Photo,Group Membership,E-mail 1 - Type,E-mail 1 - Value,Phone 1 - Type,Phone 1 - Value,"
    "Phone 2 - Type,Phone 2 - Value,Address 1 - Type,Address 1 - Formatted,Address 1 - City,Organization 1 - Type,"
    "Organization 1 - Name,Organization 1 - Title"
)
OUTLOOK = (
    "First Name,Middle Name,Last Name,Title,Suffix,Nickname,E-mail Address,E-mail 2 Address,E-mail 3 Address,"
    "Home Phone,Home Phone 2,Business Phone,Business Phone 2,Mobile Phone,Car Phone,Other Phone,Primary Phone,Pager,"
    "Business Fax,Home Fax,Other Fax,Company Main Phone,Job Title,Department,Company,Office Location,Home Street,"
    "Home City,Home State,Home Postal Code,Business Street,Business City,Other City,Birthday,Web Page,Notes,Categories"
)
HUBSPOT = (
    "Record ID,First Name,Last Name,Email,Phone Number,Mobile Phone Number,Contact owner,Lead Status,City,"
    "Company name,Associated Company,Create Date,Last Activity Date (EAT)"
)
SHOPIFY = (
    "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address Company,Default Address Address1,"
    "Default Address City,Default Address Country Code,Default Address Zip,Default Address Phone,Phone,"
    "Accepts SMS Marketing,Total Spent,Total Orders,Note,Tax Exempt,Tags"
)
MAILCHIMP = (
    "Email Address,First Name,Last Name,Address,Phone Number,Birthday,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,"
    "CONFIRM_TIME,LATITUDE,REGION,LAST_CHANGED,LEID,EUID,NOTES,TAGS"
)
OURS = "id,fname,mname,lname,mobile,email,city,company,created_at,attributes.Age,groups,consent"


def used(header: str, **given: str) -> dict[str, str]:
    """The columns that are used, and what for."""
    uses = match_columns(header.split(","), given={name.replace("_", " "): field for name, field in given.items()})
    assert [use.name for use in uses] == header.split(",")
    return {use.name: use.field for use in uses if use.field is not None}


def wrong(header: str, given: dict[str, str]) -> list[str]:
    with pytest.raises(ValidationFailed) as refused:
        match_columns(header.split(",") if header else (), given=given)
    assert list(refused.value.errors) == ["map"]
    return refused.value.errors["map"]


NAMES = {"First Name": "fname", "Last Name": "lname"}
NUMBERED = {"E-mail 1 - Value": "email", "Phone 1 - Value": "mobile", "Phone 2 - Value": "mobile.2"}
LABELS = {"Phone 1 - Label": "label", "Phone 2 - Label": "label.2"}
TYPES = {"Phone 1 - Type": "label", "Phone 2 - Type": "label.2"}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            GOOGLE,
            NAMES
            | NUMBERED
            | LABELS
            | {"Middle Name": "mname", "Organization Name": "company", "Notes": "note"}
            | {"Labels": "groups", "Address 1 - City": "city"},
        ),
        (
            GOOGLE_OLD,
            NUMBERED
            | TYPES
            | {"Given Name": "fname", "Additional Name": "mname", "Family Name": "lname", "Notes": "note"}
            | {"Group Membership": "groups", "Organization 1 - Name": "company", "Address 1 - City": "city"},
        ),
        (
            OUTLOOK,
            NAMES
            | {"Middle Name": "mname", "E-mail Address": "email", "Mobile Phone": "mobile", "Primary Phone": "mobile.2"}
            | {"Home Phone": "mobile.3", "Home Phone 2": "mobile.4", "Business Phone": "mobile.5"}
            | {"Business Phone 2": "mobile.6", "Company Main Phone": "mobile.7", "Other Phone": "mobile.8"}
            | {"Company": "company", "Home City": "city", "Notes": "note", "Categories": "groups"},
        ),
        (
            HUBSPOT,
            NAMES
            | {"Email": "email", "Mobile Phone Number": "mobile", "Phone Number": "mobile.2", "City": "city"}
            | {"Company name": "company", "Lead Status": "status"},
        ),
        (
            SHOPIFY,
            NAMES
            | {"Email": "email", "Phone": "mobile", "Default Address Phone": "mobile.2"}
            | {"Default Address City": "city", "Default Address Company": "company", "Note": "note", "Tags": "groups"}
            | {"Accepts SMS Marketing": "accepts.sms.marketing"},
        ),
        (
            MAILCHIMP,
            NAMES | {"Email Address": "email", "Phone Number": "mobile", "NOTES": "note"} | {"TAGS": "groups"},
        ),
        (OURS, {name: name for name in OURS.split(",")}),
        (
            "Jina,Nambari ya Simu,Mji,Kundi",
            {"Jina": "fname", "Nambari ya Simu": "mobile", "Mji": "city", "Kundi": "group"},
        ),
        (
            "Jina la kwanza,Jina la ukoo,rununu",
            {"Jina la kwanza": "fname", "Jina la ukoo": "lname", "rununu": "mobile"},
        ),
        ("Phone,OPTIN_TIME,UNSUB_TIME", {"Phone": "mobile", "UNSUB_TIME": "at"}),
        ("mobile,channel,sender,purpose,at", {name: name for name in ("mobile", "channel", "sender", "purpose", "at")}),
    ],
    ids=[
        "google",
        "google-old",
        "outlook",
        "hubspot",
        "shopify",
        "mailchimp",
        "ours",
        "jina",
        "rununu",
        "unsubscribed",
        "opt-outs",
    ],
)
def test_headers_are_understood_as_they_are(header: str, expected: dict[str, str]) -> None:
    assert used(header) == expected


@pytest.mark.parametrize(
    "name",
    [
        "Phone",
        "MSISDN",
        "tel.",
        "Téléphone",
        "Cell",
        "WhatsApp",
        "phone_number",
        "Mobile-No",
        "  NUMBER ",
        "simu",
        "Namba",
    ],
)
def test_a_number_has_many_names(name: str) -> None:
    assert match_columns([name], given={})[0].field == "mobile"


@pytest.mark.parametrize("name", ["Fax", "Home Fax", "Pager", "Phone 1 - Label", "Phone Type", "why", "column 1"])
def test_what_is_no_number_is_not_taken_for_one(name: str) -> None:
    assert [use.field for use in match_columns([name, "mobile"], given={})] == [None, "mobile"]


def test_a_whole_name_is_used_only_without_its_parts() -> None:
    assert used("Full Name,phone") == {"Full Name": "name", "phone": "mobile"}
    assert used("Full Name,Surname,phone") == {"Surname": "lname", "phone": "mobile"}


def test_what_is_given_wins() -> None:
    assert used("Phone,Mobile,Name", Phone="mobile") == {"Phone": "mobile", "Name": "name"}
    assert used("Phone,Other,Name", Other="mobile", Phone="mobile") == {
        "Other": "mobile",
        "Phone": "mobile.2",
        "Name": "name",
    }
    assert used("Phone,First Name,Nick", Nick="fname") == {"Phone": "mobile", "Nick": "fname"}
    assert used("Phone,Age,Name", age="attributes.Age", Name="-") == {"Phone": "mobile", "Age": "attributes.Age"}
    assert used("Phone,City", City="") == {"Phone": "mobile"}


def test_all_that_is_wrong_with_a_map_is_reported_at_once() -> None:
    unknown, field, twice = wrong("Phone,A,B", {"Fone": "mobile", "Phone": "fone", "A": "fname", "B": "fname"})
    assert "'Fone'" in unknown and "'Phone', 'A', 'B'" in unknown
    assert "'fone'" in field and "mobile, fname" in field and "attributes.NAME" in field
    assert "Two columns are mapped to 'fname'" in twice
    assert len(wrong("Phone", {"Phone": "attributes."})) == 1


def test_without_a_mobile_the_columns_are_listed() -> None:
    (said,) = wrong("Naam,Afdeling", {})
    assert "'Naam', 'Afdeling'" in said and "Phone=mobile" in said
    assert "no columns" in wrong("", {})[0]
    assert "and 950 more" in wrong(",".join(f"c{n}" for n in range(1_000)), {})[0]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("", (None, None, None)),
        (" Ana ", ("Ana", None, None)),
        ("Ana Mwangi", ("Ana", None, "Mwangi")),
        ("Ana Njeri wa Mwangi", ("Ana", "Njeri wa", "Mwangi")),
        ("van der Berg, Ana Maria", ("Ana", "Maria", "van der Berg")),
        ("Acme,", ("Acme,", None, None)),
    ],
)
def test_a_whole_name_is_split(name: str, parts: tuple[str | None, ...]) -> None:
    assert split_name(name) == parts


@pytest.mark.parametrize("format", ["csv", "xlsx", "ods", "ndjson", "json"])
def test_a_file_of_rejects_is_read_again_without_its_reasons(tmp_path: Path, format: Format) -> None:
    columns = ("Phone", "Name", "why")
    rows = [["071", "=Ana", "has no mobile that can be dialled"], ["+1", "Ben; “B”", "is a duplicate"]]
    path = write(str(tmp_path / f"a.{format}"), Layout(format=format, columns=columns, encoding="cp1252"), rows)
    layout = layout_of(path)
    assert layout.format == format
    assert [use.field for use in match_columns(layout.columns, given={})] == ["mobile", "name", None]
    found = values(path)
    assert [list(row.values()) if isinstance(row, dict) else row for row in found] == rows


def test_a_list_whose_name_speaks_of_consent_holds_the_numbers_where_they_stand_in_it() -> None:
    numbers = ColumnContents(filled=2, telephones=2, plain=2, with_digits=2, different=2)
    for name in ("Unsubscribed numbers", "DND", "Blocked", "Opt outs"):
        assert match_columns((name,), given={}, contents=(numbers,))[0].field == "mobile"
        answers = ColumnContents(filled=2, names=2, different=2)
        found = match_columns((name, "Phone"), given={}, contents=(answers, numbers))
        assert [use.field for use in found][1] == "mobile" and found[0].field != "mobile"


def test_a_column_about_consent_to_e_mail_is_no_e_mail() -> None:
    assert used("Phone,Email,Opted out of all email,Do not allow Bulk Emails") == {"Phone": "mobile", "Email": "email"}
