"""Search: what is found by words and by numbers, whatever the index has, and that the index says what the book says."""

from __future__ import annotations

import unicodedata
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daftari.errors import ValidationFailed
from daftari.model.projects import Project
from daftari.rules.access.projects import find_project, list_projects, set_project
from daftari.rules.erasure.erase import erase_number
from daftari.rules.integrity.check import repair_project
from daftari.rules.people.listing import Wanted, list_people
from daftari.rules.search import find as find_rule
from daftari.rules.search import index, written
from daftari.rules.search.query import read_query
from daftari.rules.search.words import fold
from daftari.store import Store
from daftari.store.copy.run import copy_database
from daftari.store.search import change_posting, read_posting
from tests.conftest import NewDatabase
from tests.support import calls
from tests.support.builders import rows_of
from tests.support.calls import ACTOR, NOW, REGION, WORKER, broken_in
from tests.support.cases import each
from tests.support.consent_calls import record_given
from tests.support.imports import Office
from tests.support.schema import execute
from tests.support.search import find, ids_of, index_rows, search, write_index, write_step
from tests.support.stores import SECRET, open_store

PEOPLE: list[dict[str, Any]] = [
    {"mobile": "0722000001", "fname": "Faith", "lname": "Wanjiku", "city": "Nairobi", "email": "jane.doe@example.com"},
    {"mobile": "0722000002", "fname": "Ng'ang'a", "mname": "José", "lname": "Ĩrũngũ", "company": "Sozu PLC"},
    {"mobile": "0733512345", "fname": "Zoë", "lname": "Al-Rashid", "city": "Mombasa", "company": "254 Films"},
    {"mobile": "+256772123456", "fname": "محمَّد", "lname": "عبد الحسن", "city": "Kampala"},
    {"mobile": "0110400500", "fname": "Wanjala", "lname": "STRASSE", "attributes": {"member": "MZ-77", "no": 4412}},
    {"mobile": "0722990005", "fname": "Əli", "lname": "Đặng Øst", "city": "Kisumu"},
]


@pytest.fixture
def book(store: Store) -> Project:
    """Six people, with ids 1 to 6."""
    project = calls.create_project(store)
    calls.create_contacts(store, project, PEOPLE)
    return project


def with_searchable(store: Store, project: Project, *names: str) -> Project:
    """The project with some attributes searchable."""
    store.system_write(NOW, set_project, name=project.name, region=None, on_error=None, consent={}, searchable=names)
    return store.system_read(NOW, find_project, name=project.name)


def opt_out(store: Store, project: Project, mobile: int) -> None:
    """A number opts out of everything."""
    record_given(store, project, [{"mobile": f"+{mobile}"}], common={"source": "api"}, kind="opt_out", now=NOW)


# ---- what is found ------------------------------------------------------------------------------------

FOUND = {
    # Words, from their beginning, in any field, order and case.
    "wanj": [1, 5],
    "WANJIKU": [1],
    "wanjiku faith": [1],
    "fai wan nai": [1],
    "anjiku": [],
    "faith mombasa": [],
    "f": [1, 3],
    "sozu": [2],
    "jane.doe@ex": [1],
    "jane": [1],
    "doe example.com": [1],
    # Accents, apostrophes and letters of other alphabets.
    "nganga": [2],
    "ng'ang": [2],
    "Ng’ang’a": [2],
    "jose irungu": [2],
    "JOSÉ": [2],
    "zoe rashid": [3],
    "al-rashid": [3],
    "strasse": [5],
    "straße": [5],
    "dang ost": [6],
    "eli": [6],
    "محمد": [4],
    "حسن": [4],
    "الحسن": [4],
    # Numbers, from the beginning or the end, in any spelling.
    "0722": [1, 2, 6],
    "722000": [1, 2],
    "+254 722 000 001": [1],
    "+254-722-000-001": [1],
    "00254722000001": [1],
    "254722000001": [1],
    "0722 000 001": [1],
    "0722000": [1, 2],
    "0722 00": [1, 2],
    "07220000011": [],
    "12345": [3],
    "512345": [3],
    "0733512345": [3],
    "+256": [4],
    "256772123456": [4],
    "3456": [4],
    "0772": [],
    "500": [5],
    "0110 400 500": [5],
    "0722 005": [6],
    "722 005": [6],
    # Digits that are a word.
    "254 films": [3],
    "254": [1, 2, 3, 5, 6],
    "wanj 500": [5],
    "faith 500": [],
}


def test_contacts_are_found_before_and_after_the_index_has_them(store: Store, book: Project) -> None:
    assert {text: find(store, book, text) for text in FOUND} == FOUND
    write_index(store, book)
    assert {text: find(store, book, text) for text in FOUND} == FOUND


@each(
    "text, said",
    [
        (None, "is required."),
        (" ", "is required."),
        ("-@'", "must have a letter or a digit."),
        ("a " * 11, "must not have more than 10 words."),
        ("a" * 201, "must not be longer than 200 characters."),
        (["a"], "must be a text."),
    ],
)
def test_what_cannot_be_searched_for_is_refused(text: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_query(text, region=REGION)


@given(st.text(), st.text())
def test_a_part_of_a_text_is_folded_as_it_is_within_it(before: str, text: str) -> None:
    # A search looks for folded words in folded cards, so none may look another way there.
    assert fold(before + "\n" + text).endswith(fold(text))
    assert fold(fold(text)) == fold(text)
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


def test_attributes_count_once_they_are_searchable(store: Store, book: Project) -> None:
    write_index(store, book)
    assert find(store, book, "mz-77") == find(store, book, "4412") == []
    book = with_searchable(store, book, "member", "no", "member", " ")
    assert book.searchable == ("member", "no")
    assert store.read(book, NOW, index.is_index_due)
    assert find(store, book, "mz-77") == [5]
    write_index(store, book)
    assert not store.read(book, NOW, index.is_index_due)
    assert find(store, book, "mz-77") == find(store, book, "44") == find(store, book, "wanjala 4412") == [5]
    book = with_searchable(store, book)
    write_index(store, book)
    assert find(store, book, "mz-77") == []
    assert broken_in(store, book) == []


def test_a_project_has_five_searchable_attributes_at_most(store: Store, book: Project) -> None:
    with pytest.raises(ValidationFailed, match="must not name more than 5 attributes; it names 6"):
        with_searchable(store, book, *"abcdef")
    with pytest.raises(ValidationFailed, match="a name has at most 64 characters"):
        with_searchable(store, book, "a" * 65)


def test_pages_lead_through_everyone_in_order_of_id(store: Store, book: Project) -> None:
    calls.create_contacts(store, book, [{"mobile": f"07341000{number:02}", "fname": "Wanjiru"} for number in range(20)])
    for _ in range(2):
        ids: list[int] = []
        after: int | None = 0
        while after is not None:
            page = search(store, book, "wanj", after=after, limit=3)
            ids += ids_of(page)
            after = page.next
        assert ids == [1, 5, *range(7, 27)]
        write_index(store, book)


@pytest.mark.parametrize("members_read_max", [0, 2_000])
def test_only_members_of_a_group_are_found(
    store: Store, book: Project, members_read_max: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find_rule, "MEMBERS_READ_MAX", members_read_max)
    calls.create_group(store, book, "VIP")
    calls.join_group(store, book, "VIP", ids=[2, 5, 6], mobiles=[])
    for _ in range(2):
        assert find(store, book, "wanj", group="vip") == [5]
        assert find(store, book, "0722", group="VIP") == [2, 6]
        assert find(store, book, "0722", group="VIP", after=2) == [6]
        assert find(store, book, "wanj", group="none") == []
        write_index(store, book)
    calls.leave_group(store, book, "VIP", ids=[5], mobiles=[])
    assert find(store, book, "wanj", group="VIP") == []


def test_suppressed_contacts_are_left_out_as_in_the_list(store: Store, book: Project) -> None:
    for _ in range(2):
        opt_out(store, book, 254722000001)
        assert find(store, book, "wanj") == [5]
        assert find(store, book, "wanj", suppressed=True) == [1, 5]
        assert find(store, book, "wanj", limit=1) == [5]
        write_index(store, book)


def test_two_projects_do_not_find_each_other(store: Store, book: Project) -> None:
    other = calls.create_project(store, "Kalro")
    calls.create_contacts(store, other, [{"mobile": "0722000009", "fname": "Wanjohi"}])
    write_index(store, book)
    write_index(store, other)
    assert find(store, other, "wanj") == [1]
    assert find(store, other, "faith") == []
    assert find(store, book, "wanjohi") == []


def test_members_of_a_contact_are_shown_on_request(store: Store, book: Project) -> None:
    write_index(store, book)
    page = search(store, book, "faith", include=frozenset({"groups", "consent", "updated_at"}))
    (card,) = msgspec.json.decode(b"[" + page.cards + b"]")
    assert card["groups"] == [] and "consent" in card and "updated_at" in card


# ---- writes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_written", [False, True])
def test_every_write_is_found_at_once(store: Store, book: Project, is_written: bool) -> None:
    def go_on() -> None:
        if is_written:
            write_index(store, book)
            assert broken_in(store, book) == []

    write_index(store, book)
    calls.create_contacts(store, book, [{"mobile": "0734000001", "fname": "Wanjohi"}])
    go_on()
    assert find(store, book, "wanj") == [1, 5, 7]
    calls.update_contact(store, book, "1", {"lname": "Otieno", "mobile": "0755000001"})
    go_on()
    assert find(store, book, "wanj") == [5, 7]
    assert (find(store, book, "otieno"), find(store, book, "0755"), find(store, book, "722000001")) == ([1], [1], [])
    calls.delete_contact(store, book, "7")
    go_on()
    assert find(store, book, "wanj", suppressed=True) == [5]
    calls.create_contacts(store, book, [{"mobile": "0755000001", "city": "Wajir"}])
    go_on()
    assert find(store, book, "otieno wajir") == [1]


@pytest.mark.parametrize("is_written", [False, True])
def test_an_import_and_its_undo_are_found_at_once(store: Store, database: str, book: Project, is_written: bool) -> None:
    office = Office(store, database, book)
    write_index(store, book)
    found = office.bring("phone,last name\n0722000001,Wanyama\n0734000001,Wanjohi\n", group="New")
    if is_written:
        write_index(store, book)
    assert (find(store, book, "wany"), find(store, book, "wanjo", group="New")) == ([1], [7])
    office.undo(found.id)
    if is_written:
        write_index(store, book)
    assert (find(store, book, "wany"), find(store, book, "wanjo"), find(store, book, "wanji")) == ([], [], [1])
    assert broken_in(store, book) == []


def test_a_page_is_filled_where_many_of_those_found_opted_out(
    store: Store, book: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find_rule, "IDS_AT_ONCE", 3)
    calls.create_contacts(store, book, [{"mobile": f"07341000{number:02}", "fname": "Wanjiru"} for number in range(20)])
    for number in range(3, 19):
        opt_out(store, book, 254734100000 + number)
    write_index(store, book)
    page = search(store, book, "wanjiru", limit=3)
    assert (ids_of(page), page.next) == ([7, 8, 9], 9)
    page = search(store, book, "wanjiru", limit=3, after=9)
    assert (ids_of(page), page.next) == ([26], None)


def test_more_writes_than_a_search_looks_through_are_said(
    store: Store, book: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(written, "SEARCHED_ANEW_MAX", 3)
    # The index is not begun, and has no one.
    page = search(store, book, "wanj")
    assert (ids_of(page), page.indexed_until) == ([], "2023-11-14T22:13:20.000000Z")
    write_index(store, book)
    page = search(store, book, "wanj")
    assert (ids_of(page), page.indexed_until) == ([1, 5], None)
    given = [{"mobile": f"07341000{number:02}", "fname": "Wanjiru"} for number in range(4)]
    calls.create_contacts(store, book, given, now=NOW + 5_000_000)
    calls.update_contact(store, book, "6", {"fname": "Wanjiru"}, now=NOW + 6_000_000)
    page = search(store, book, "wanj")
    # What was written last is found all the same.
    assert (ids_of(page), page.indexed_until) == ([1, 5, 6, 9, 10], "2023-11-14T22:13:20.000000Z")
    write_index(store, book)
    page = search(store, book, "wanj")
    assert (ids_of(page), page.indexed_until) == ([1, 5, 6, 7, 8, 9, 10], None)


def test_a_large_book_is_filled_in_steps_while_it_is_written_to(store: Store, book: Project) -> None:
    assert not write_step(store, book, contacts_max=2)
    calls.update_contact(store, book, "1", {"fname": "Wanjohi"})
    calls.update_contact(store, book, "6", {"fname": "Wanjohi"})
    calls.delete_contact(store, book, "5")
    assert find(store, book, "wanjo", suppressed=True) == [1, 6]
    assert broken_in(store, book) == []
    assert not write_step(store, book, contacts_max=2)
    assert find(store, book, "wanj", suppressed=True) == [1, 6]
    write_index(store, book)
    assert find(store, book, "wanj", suppressed=True) == [1, 6]
    assert broken_in(store, book) == []


def test_the_index_waits_while_much_is_written(store: Store, book: Project) -> None:
    def is_due(after_seconds: float) -> bool:
        return store.read(book, NOW + int(after_seconds * 1_000_000), index.is_index_due)

    assert not is_due(0)
    assert is_due(2)
    write_index(store, book)
    assert not is_due(0)
    for number in range(100):
        given = [{"mobile": f"07341000{number:02}"}]
        calls.create_contacts(store, book, given, now=NOW + number * 1_000_000)
        assert is_due(number) is (number >= 60)
    assert is_due(101.5)
    # A clock that was set back stops nothing.
    assert is_due(-3_600)
    write_index(store, book)
    assert not is_due(200)


def test_a_step_that_was_prepared_before_another_write_of_the_index_is_not_written(store: Store, book: Project) -> None:
    step = store.read(book, NOW, index.prepare_step)
    write_index(store, book)
    assert not store.write(book, WORKER, NOW, index.apply_step, step=step)
    assert broken_in(store, book) == []


# ---- very many ----------------------------------------------------------------------------------------


@each("group", [None, "Farmers"])
def test_a_page_looks_at_so_many_contacts_and_the_next_one_at_the_following(
    store: Store, monkeypatch: pytest.MonkeyPatch, group: str | None
) -> None:
    for name, most in (("COMPARED_MAX", 6), ("ASKED_MAX", 8), ("IDS_AT_ONCE", 2), ("MEMBERS_READ_MAX", 0)):
        monkeypatch.setattr(find_rule, name, most)
    project = calls.create_project(store, f"Within {group}")
    names = ["Wanjiku", "Wanjikv", "Wanjikv", "Wanjikv", "Wanjikv", "Wanjikv", "Wanjikv", "Wanjikv"] * 8
    cards = [{"mobile": f"07220{number:05}", "fname": name} for number, name in enumerate(names)]
    calls.create_contacts(store, project, cards[:48], group="Farmers")
    write_index(store, project)
    # The last ones are written after the index, and some in it are opted out of everything.
    calls.create_contacts(store, project, cards[48:], group="Coast")
    record_given(store, project, ["0722000008", "0722000009"], common={"source": "api"}, kind="opt_out", now=NOW)
    shown = {place + 1 for place in range(48 if group else 64)} - {9, 10}
    for text in ("wanjiku", "wanjikv", "wanjikx", "w"):
        wanted = [number for number in sorted(shown) if names[number - 1].lower().startswith(text)]
        for limit in (1, 3, 50):
            found, pages, after = list[int](), 0, 0
            while pages == 0 or after:
                page = search(store, project, text, group=group, after=after, limit=limit)
                found += ids_of(page)
                assert len(ids_of(page)) <= limit
                assert page.next is None or page.next > after
                after, pages = page.next or 0, pages + 1
            assert found == wanted, (text, limit)
    assert search(store, project, "wanjikx", group=group).next is not None
    # Of those that are found, a list of people shows who may be messaged.
    for limit in (1, 3, 50):
        people, pages, after = list[int](), 0, 0
        while pages == 0 or after:
            query = read_query("wanjikv", region=REGION)
            wanted_people = Wanted(query=query, group=group, may="yes", page=1, after=after, limit=limit)
            part = store.read(project, NOW, list_people, wanted=wanted_people)
            people += [one.card.id for one in part.people]
            after, pages = part.next or 0, pages + 1
        assert people == [number for number in sorted(shown) if names[number - 1] == "Wanjikv"], limit


# ---- erased -------------------------------------------------------------------------------------------


def test_nothing_of_an_erased_person_is_in_the_index(store: Store, database: str) -> None:
    project = calls.create_project(store)
    calls.create_contacts(store, project, PEOPLE[1:])
    write_index(store, project)
    without = index_rows(database)
    calls.create_contacts(store, project, PEOPLE[:1])
    write_index(store, project)
    calls.update_contact(store, project, "6", {"fname": "Grace"})
    late = store.read(project, NOW, index.prepare_step)
    store.write(project, ACTOR, NOW, erase_number, mobile=254722000001)
    assert index_rows(database) == without
    # A step that was prepared while the person was there must not bring them back.
    assert not store.write(project, WORKER, NOW, index.apply_step, step=late)
    assert find(store, project, "grace", suppressed=True) == []
    write_index(store, project)
    assert index_rows(database) == without
    assert broken_in(store, project) == []


def test_nothing_of_an_erased_number_is_in_the_index_though_its_contact_is_gone_or_has_another(
    store: Store, database: str
) -> None:
    project = calls.create_project(store)
    calls.create_contacts(store, project, PEOPLE)
    write_index(store, project)
    number, other, new = 254722000001, 254722000002, "254722999999"
    calls.delete_contact(store, project, str(number), reason="removal")
    calls.update_contact(store, project, str(other), {"mobile": new})
    for erased in (number, other):
        store.write(project, ACTOR, NOW, erase_number, mobile=erased)
    kept = [mobile for (mobile,) in rows_of(database, "SELECT mobile FROM search_entry")]
    assert not {number, other} & {*kept}
    (moved,) = find(store, project, new)
    write_index(store, project)
    assert find(store, project, new) == [moved]
    assert broken_in(store, project) == []


# ---- copied -------------------------------------------------------------------------------------------


def test_a_copy_on_the_other_engine_finds_the_same(
    store: Store, engine: str, database: str, book: Project, new_database: NewDatabase
) -> None:
    write_index(store, book)
    calls.create_contacts(store, book, [{"mobile": "0734000001", "fname": "Wanjohi"}])
    target = new_database("sqlite" if engine == "postgres" else "postgres", empty=True)
    quiet: Any = {"should_stop": lambda: False, "note": lambda _: None}
    assert copy_database(database, target, secret=SECRET, secret_file=None, **quiet).end == "done"
    copied = open_store(target, threads=2)
    try:
        assert find(copied, book, "wanj") == [1, 5, 7]
        write_index(copied, book)
        assert find(copied, book, "wanj") == [1, 5, 7]
        assert broken_in(copied, book) == []
    finally:
        copied.close()


# ---- checked and repaired -----------------------------------------------------------------------------

BROKEN = {
    "a contact without words": "DELETE FROM search_entry WHERE contact_id = 2",
    "other words": "UPDATE search_entry SET words = 'otieno' WHERE contact_id = 2",
    "another number": "UPDATE search_entry SET mobile = 254799000000 WHERE contact_id = 2",
    "a token without contacts": "DELETE FROM search_posting WHERE token = 'wanj'",
    "a token too many": "UPDATE search_posting SET token = 'xyz' WHERE token = 'wanj'",
    "a contact too many": "UPDATE search_posting SET ids = "
    "(SELECT s.ids FROM search_posting AS s WHERE s.token = '^2') WHERE token = 'wanj'",
    "a contact that there is not": "INSERT INTO search_entry (project_id, contact_id, mobile, words) "
    "SELECT project_id, 99, 254799000000, 'otieno' FROM book",
}


@pytest.mark.parametrize("what", BROKEN)
def test_an_index_that_says_another_thing_than_the_book_is_repaired(
    store: Store, database: str, book: Project, what: str
) -> None:
    write_index(store, book)
    assert broken_in(store, book) == []
    execute(database, BROKEN[what])
    assert broken_in(store, book) == [("search", True)]
    store.write(book, ACTOR, NOW, repair_project)
    assert broken_in(store, book) == []
    assert {text: find(store, book, text) for text in FOUND} == FOUND


# ---- many ---------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.one_of(
                st.sets(st.integers(0, 65_535), max_size=80),
                st.tuples(st.integers(0, 40_000), st.integers(0, 25_000), st.integers(1, 3)).map(
                    lambda one: set(range(one[0], one[0] + one[1], one[2]))
                ),
            ),
            st.booleans(),
        ),
        max_size=6,
    )
)
def test_a_row_of_a_token_is_the_set_of_its_contacts(steps: list[tuple[set[int], bool]]) -> None:
    stored, wanted = b"", set[int]()
    for places, is_added in steps:
        joined, left = (places, set[int]()) if is_added else (set[int](), places)
        stored = change_posting(stored or None, joined=sorted(joined), left=left)
        wanted = (wanted | joined) - left
        assert ({*read_posting(stored)} if stored else set()) == wanted


NAMES = ("Wan", "wanjiku", "Wanjirũ", "Ng'a", "ngang", "Ali", "al", "Otieno99", "254", "07", "")
TEXTS = (
    "w",
    "wan",
    "wanj",
    "wanjiku",
    "ng",
    "ngan",
    "al",
    "ali",
    "o",
    "otieno9",
    "254",
    "07",
    "0722",
    "1",
    "01",
    "w 07",
)
contacts = st.fixed_dictionaries(
    {
        "mobile": st.integers(0, 12).map(lambda number: f"072200{number:04}"),
        "fname": st.sampled_from(NAMES),
        "company": st.sampled_from(NAMES),
    }
)
acts = st.one_of(
    st.tuples(st.just("create"), st.lists(contacts, min_size=1, max_size=5)),
    st.tuples(st.just("update"), st.tuples(st.integers(1, 9), contacts)),
    st.tuples(st.just("delete"), st.integers(1, 9)),
    st.tuples(st.just("erase"), st.integers(0, 12).map(lambda number: 254722000000 + number)),
    st.tuples(st.just("step"), st.none()),
    st.tuples(st.just("index"), st.none()),
)


def says(card: dict[str, Any], text: str) -> bool:
    """Whether a contact is to be found, written down once more and in the simplest way."""

    def plain(one: str) -> str:
        taken_apart = unicodedata.normalize("NFD", one.lower().replace("'", ""))
        return "".join(letter for letter in taken_apart if not unicodedata.combining(letter))

    names = [plain(card[field]) for field in ("fname", "company") if card[field]]

    def fits(word: str) -> bool:
        local = "0" + card["mobile"].removeprefix("254")
        spellings = (card["mobile"], local, local[1:], "00" + card["mobile"])
        begins = any(one.startswith(word) for one in spellings) or any(one.startswith(plain(word)) for one in names)
        return begins or (word.isdecimal() and card["mobile"].endswith(word))

    return all(fits(word) for word in text.split())


@pytest.mark.parametrize("first_id", [1, 65_533])
def test_what_is_found_is_what_the_book_says_after_every_act(store: Store, first_id: int) -> None:
    @settings(max_examples=25)
    @given(given_acts=st.lists(acts, max_size=12))
    def play(given_acts: list[tuple[str, Any]]) -> None:
        _play(store, first_id, given_acts)

    play()


def _play(store: Store, first_id: int, given_acts: list[tuple[str, Any]]) -> None:
    name = f"P{len(store.system_read(NOW, list_projects))}"
    project = calls.create_project(store, name, first_id=first_id)
    for act, what in given_acts:
        ids = [card["id"] for card in _cards(store, project)]
        if act == "create":
            calls.create_contacts(store, project, what)
        elif act == "update" and ids:
            texts = {name: what[1][name] for name in ("fname", "company")}
            calls.update_contact(store, project, str(ids[what[0] % len(ids)]), texts)
        elif act == "delete" and ids:
            calls.delete_contact(store, project, str(ids[what % len(ids)]))
        elif act == "erase":
            store.write(project, ACTOR, NOW, erase_number, mobile=what)
        elif act == "step":
            write_step(store, project)
        elif act == "index":
            write_index(store, project)
        cards = _cards(store, project)
        for text in TEXTS:
            wanted = [card["id"] for card in cards if says(card, text)]
            assert find(store, project, text, suppressed=True) == wanted, (act, text)
    assert broken_in(store, project) == []


def _cards(store: Store, project: Project) -> list[dict[str, Any]]:
    page = calls.list_contacts(store, project, suppressed=True)
    cards: list[dict[str, Any]] = msgspec.json.decode(b"[" + page.cards + b"]")
    return cards
