"""Address books: one record a number, in every version, and a broken card stops no other card."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.files import Layout, explain_card
from tests.support.files import layout_of, put, read, refusal, values, write

V3 = """BEGIN:VCARD\r
VERSION:3.0\r
N:Mwangi;Wanjiku;Njeri;;\r
FN:Wanjiku Njeri Mwangi\r
TEL;TYPE=CELL:0725 164293\r
item1.TEL;TYPE=WORK:+254 722 503129\r
TEL;TYPE=FAX,WORK:020 2012345\r
TEL;TYPE=pager:1\r
EMAIL;TYPE=INTERNET:w@example.com\r
ORG:So\\;zuri\\, Ltd;Sales\r
ADR;TYPE=HOME:;;Moi Ave 1;Nairobi;;00100;Kenya\r
CATEGORIES:VIP,Nairobi\\, west\r
BDAY:19850412\r
NOTE:a line that is fol\r
 ded\\nand another\r
PHOTO;ENCODING=b;TYPE=JPEG:%s\r
URL:https://example.com\r
END:VCARD\r
"""
PERSON = {
    "fname": "Wanjiku",
    "mname": "Njeri",
    "lname": "Mwangi",
    "email": "w@example.com",
    "city": "Nairobi",
    "company": "So;zuri, Ltd",
    "groups": ["VIP", "Nairobi, west"],
    "birthday": "1985-04-12",
    "note": "a line that is folded\nand another",
    "url": "https://example.com",
}
V2 = """BEGIN:VCARD
VERSION:2.1
PHOTO;JPEG;ENCODING=BASE64:
/9j/4AAQSkZJRgABAQ
AAAA==

N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;Z=C3=
=B6e;;;
TEL;CELL;PREF:0725164293
TEL;FAX:020
END:VCARD
"""
V4 = """BEGIN:VCARD
VERSION:4.0
FN:Ben Otieno Ouma
TEL;VALUE=uri;TYPE="cell,voice":tel:+254-725-164293;ext=5
END:VCARD
"""


def test_each_number_of_a_person_is_a_record(tmp_path: Path) -> None:
    path = put(tmp_path, "a.vcf", V3 % "AAAA")
    assert layout_of(path).format == "vcard"
    assert values(path) == [PERSON | {"mobile": "0725 164293"}, PERSON | {"mobile": "+254 722 503129"}]


def test_a_picture_is_passed_over_however_large(tmp_path: Path) -> None:
    folded = "\r\n ".join(["A" * 74] * 20_000)
    for picture in (folded, "A" * 3_000_000):
        found = read(put(tmp_path, "a.vcf", (V3 % picture) * 2))
        assert [record.values for record in found] == 2 * values(put(tmp_path, "b.vcf", V3 % "AAAA"))
        assert all(record.text and "PHOTO" not in record.text and "URL" in record.text for record in found)


def test_old_and_new_versions_are_read(tmp_path: Path) -> None:
    path = put(tmp_path, "a.vcf", V2 + V4)
    assert values(path) == [
        {"fname": "Zöe", "lname": "Müller", "mobile": "0725164293"},
        {"fname": "Ben", "mname": "Otieno", "lname": "Ouma", "mobile": "+254-725-164293"},
    ]


AGENT = """BEGIN:VCARD
VERSION:2.1
N:Assistant;Chao
PHOTO;ENCODING=BASE64:
/9j/4AAQSkZJRgABAQ

TEL;CELL:0733000000
%s
NOTE;ENCODING=QUOTED-PRINTABLE:a=
END:VCARD
END:VCARD
"""


@pytest.mark.parametrize("agent", ["AGENT:", "AGENT;X-A=b : ", "item1.agent:\n", "AGENT:\n\n"])
def test_the_card_of_an_agent_within_a_card_is_not_the_persons(tmp_path: Path, agent: str) -> None:
    within = agent + AGENT % (agent + AGENT % "TITLE:x").rstrip()
    card = V2.replace("TEL;FAX:020\n", within + "TEL;WORK:0722000001\n")
    found = read(put(tmp_path, "a.vcf", card + V4))
    person = {"fname": "Zöe", "lname": "Müller"}
    assert [record.values for record in found] == [
        person | {"mobile": "0725164293"},
        person | {"mobile": "0722000001"},
        *values(put(tmp_path, "b.vcf", V4)),
    ]
    assert "0733000000" not in str(found)


def test_an_agent_without_an_end_takes_no_other_card_along(tmp_path: Path) -> None:
    broken = "BEGIN:VCARD\nVERSION:2.1\nN:A;B\nAGENT:BEGIN:VCARD\nTEL:0733000000\n"
    found = read(put(tmp_path, "a.vcf", broken + V4 + broken))
    assert [record.why for record in found] == ["has no END:VCARD", None, "has no END:VCARD"]


def test_an_agent_that_is_no_card_hides_nothing(tmp_path: Path) -> None:
    text = "BEGIN:VCARD\nVERSION:3.0\nFN:Ana\nAGENT:\n  CID:x@example.com\n%sTEL:0722000001\nEND:VCARD\n"
    escaped = "AGENT:BEGIN:VCARD\\nTEL:0733000000\\nEND:VCARD\\n\n"
    for agent in ("AGENT:\n", "AGENT;VALUE=uri:CID:x@example.com\n", escaped):
        assert values(put(tmp_path, "a.vcf", text % agent + V4))[0] == {"fname": "Ana", "mobile": "0722000001"}


def test_a_person_without_a_number_is_a_record_without_one(tmp_path: Path) -> None:
    (only,) = values(put(tmp_path, "a.vcf", "BEGIN:VCARD\nVERSION:3.0\nFN:Ana\nTEL;TYPE=fax:1\nEND:VCARD\n"))
    assert only == {"fname": "Ana"}


def test_broken_cards_stop_no_other_cards(tmp_path: Path) -> None:
    broken = "BEGIN:VCARD\nVERSION:3.0\nno property at all\nEND:VCARD\n"
    coded = "BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=X-NONE;ENCODING=QUOTED-PRINTABLE:=C3;;;\nEND:VCARD\n"
    long = "BEGIN:VCARD\nNOTE:" + "x" * 70_000 + "\nEND:VCARD\n"
    path = put(
        tmp_path, "a.vcf", V4 + broken + coded + long + "between\n" + "BEGIN:VCARD\nFN:x\n" + V4 + "BEGIN:VCARD\n"
    )
    found = read(path)
    assert [record.why is None for record in found] == [True, False, False, False, False, False, True, False]
    assert found[1].text == broken
    assert found[3].why and "longer than" in found[3].why
    assert found[5].why == "has no END:VCARD"


CUSTOM = "TEL;X-CUSTOM(CHARSET=UTF-8,ENCODING=QUOTED-PRINTABLE,{}):{}\n"


@pytest.mark.parametrize(
    ("lines", "numbers"),
    [
        ("TEL;CELL:0722006007\n" + CUSTOM.format("=53=69=6D=75", "0733006007"), ["0722006007", "0733006007"]),
        (CUSTOM.format("=53=69=6D=75", "0733006007") + "TEL;CELL:0722006007\n", ["0722006007", "0733006007"]),
        (CUSTOM.format("=46=61=78", "0202012345") + "TEL;HOME:0722006007\n", ["0722006007"]),
        ("TEL;CELL:0722006007\nNOTE;CHARSET=X-NONE;ENCODING=QUOTED-PRINTABLE:=C3\n", ["0722006007"]),
        ("TEL;CELL:0722006007\nno property at all\nX-;;=:x\n", ["0722006007"]),
        ("TEL;CELL:0722006007\nADR;LABEL=(a;b:;;x\n", ["0722006007"]),
        ('TEL;TYPE="cell:0722006007\n', ["0722006007"]),
        (
            "TEL;CELL:0722006007\nX-MS-CARDPICTURE;TYPE=JPEG;ENCODING=BASE64:\n /9j/4AAQ\n SkZJRgAB\n A\n",
            ["0722006007"],
        ),
    ],
)
def test_a_line_that_cannot_be_read_costs_that_line_and_not_the_card(
    tmp_path: Path, lines: str, numbers: list[str]
) -> None:
    path = put(tmp_path, "a.vcf", f"BEGIN:VCARD\nVERSION:2.1\nN:Njeri;Mary\n{lines}END:VCARD\n")
    assert [value["mobile"] for value in values(path)] == numbers
    assert all((value["fname"], value["lname"]) == ("Mary", "Njeri") for value in values(path))


@pytest.mark.parametrize(
    "lines",
    [
        "TEL;WORK:0202012345\nTEL;CELL:0722006007\nTEL;FAX:0202012346\nTEL;PAGER:1\n",
        'TEL;TYPE=home,fax:0202012346\nTEL;TYPE=WORK,VOICE:0202012345\nTEL;TYPE="cell,voice":0722006007\n',
        "item1.TEL:0202012345\nitem1.X-ABLabel:_$!<Work>!$_\nitem2.TEL:0722006007\nitem2.X-ABLabel:Simu ya mkononi\n"
        "item3.TEL:0202012346\nitem3.X-ABLabel:_$!<HomeFAX>!$_\n",
        "TEL;TYPE=main:0202012345\nTEL;TYPE=iPhone:0722006007\nTEL;TYPE=x-fax:0202012346\n",
    ],
)
def test_the_label_decides_which_number_is_the_mobile_and_a_fax_is_none(tmp_path: Path, lines: str) -> None:
    path = put(tmp_path, "a.vcf", f"BEGIN:VCARD\nVERSION:3.0\nN:Njeri;Mary\n{lines}END:VCARD\n")
    assert [value["mobile"] for value in values(path)] == ["0722006007", "0202012345"]


def person(uid: str, number: str, more: str = "") -> str:
    return f"BEGIN:VCARD\nVERSION:3.0\nFN:x\nTEL:{number}\nUID:{uid}\n{more}END:VCARD\n"


APPLE = (
    "BEGIN:VCARD\nVERSION:3.0\nN:Chama\nFN:Chama\nX-ADDRESSBOOKSERVER-KIND:group\n"
    "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:AB-1\nX-ADDRESSBOOKSERVER-MEMBER:urn:uuid:ab-\n 2\nUID:g1\nEND:VCARD\n"
)
STANDARD = "BEGIN:VCARD\nVERSION:4.0\nKIND:group\nFN:Choir\nMEMBER:urn:uuid:ab-2\nEND:VCARD\n"
SYSTEM = "BEGIN:VCARD\nVERSION:4.0\nKIND:group\nFN:My Contacts\nMEMBER:urn:uuid:ab-2\nEND:VCARD\n"


def test_cards_of_groups_are_groups_of_their_members_and_no_people(tmp_path: Path) -> None:
    people = person("AB-1", "1", "CATEGORIES:VIP,myContacts\n") + person("urn:uuid:AB-2", "2") + person("AB-3", "3")
    for text in (APPLE + people + STANDARD + SYSTEM, people + SYSTEM + STANDARD + APPLE):
        found = values(put(tmp_path, "a.vcf", text.replace("\n", "\r\n")))
        groups = [{*value.get("groups", ())} for value in found]
        assert [value["mobile"] for value in found] == ["1", "2", "3"]
        assert groups == [{"VIP", "Chama"}, {"Chama", "Choir"}, set()]


def test_a_file_that_only_begins_a_card_is_one_unreadable_record(tmp_path: Path) -> None:
    (only,) = read(put(tmp_path, "a.vcf", "BEGIN:VCARD"))
    assert only.why == "has no END:VCARD"
    assert "no vCard" in refusal(put(tmp_path, "b.vcf", "Ana\n"))


def test_a_card_that_is_given_back_says_why_and_is_read_as_before(tmp_path: Path) -> None:
    before = read(put(tmp_path, "a.vcf", V3 % "AAAA"))
    explained = explain_card(before[0].text or "", why="has no mobile; one, at least\nis needed " + "é" * 100)
    assert "X-WHY:has no mobile\\; one\\, at least\\nis needed" in explained
    assert max(len(line.encode()) for line in explained.splitlines()) <= 75
    path = write(str(tmp_path / "b.vcf"), Layout(format="vcard", columns=()), [explained])
    assert values(path) == [record.values for record in before]
    assert explain_card("BEGIN:VCARD\nFN:x", why="y") == "BEGIN:VCARD\nFN:x\r\nX-WHY:y\r\n"


def test_a_card_without_a_name_gets_none_from_a_company_or_a_number(tmp_path: Path) -> None:
    people = [{"mobile": "+254725164293", "company": "Duka, Ltd"}, {"mobile": "+254725164294"}]
    assert values(write(str(tmp_path / "a.vcf"), Layout(format="vcard", columns=()), people)) == people


def test_a_group_that_has_the_name_of_a_system_label_comes_back_from_our_own_card(tmp_path: Path) -> None:
    person = {"mobile": "+254725164293", "groups": ["starred", "myContacts", "STARRED", "VIP"]}
    path = write(str(tmp_path / "a.vcf"), Layout(format="vcard", columns=()), [person])
    assert values(path) == [person]
    of_google = put(tmp_path, "b.vcf", Path(path).read_text().replace("PRODID:", "X-OTHER:"))
    assert [one["groups"] for one in values(of_google)] == [["STARRED", "VIP"]]


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=40)


@given(
    person=st.fixed_dictionaries(
        {"fname": WORDS, "lname": WORDS, "mobile": st.just("+254725164293")},
        optional={
            "mname": WORDS,
            "city": WORDS,
            "company": WORDS,
            "groups": st.lists(WORDS, min_size=1, max_size=3, unique=True),
            "note": st.lists(WORDS, min_size=1, max_size=3).map("\n".join),
        },
    )
)
def test_a_person_who_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, person: dict[str, object]
) -> None:
    path = write(str(tmp_path_factory.getbasetemp() / "a.vcf"), Layout(format="vcard", columns=()), [person])
    assert max(map(len, Path(path).read_bytes().split(b"\r\n"))) <= 75
    assert values(path) == [person]


def test_the_lines_of_a_card_may_end_with_cr_alone(tmp_path: Path) -> None:
    text = "BEGIN:VCARD\rVERSION:3.0\rN:Njeri;Mary\rTEL;TYPE=CELL:0722000001\rEND:VCARD\r"
    assert [one["mobile"] for one in values(put(tmp_path, "a.vcf", text * 2))] == ["0722000001"] * 2
