"""The languages of the console: every text is translated and well formed, and numbers and times are written locally."""

from __future__ import annotations

import ast
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from jinja2 import Environment, nodes
from markupsafe import Markup

from daftari.console import languages
from daftari.console.languages import Reader, choose_language, choose_region, written_for
from daftari.console.locale.extract import KEYWORDS, find_texts, read_translation
from daftari.console.wording import browser_name, explain, explain_field, reword_plainly
from daftari.errors import Malformed, ProjectTaken
from daftari.model.projects import NO_PROJECT
from daftari.model.users import LANGUAGES, Grant, Session, User
from daftari.rules.access.errors import RoleRequired
from daftari.rules.access.roles import NEEDED, Act, UserAccess
from daftari.rules.access.sessions import SignedIn
from tests.console.conftest import ROOT, Everyone
from tests.support.browsers import Browser
from tests.support.cases import each

CONSOLE = ROOT / "src" / "daftari" / "console"
TEMPLATES = sorted((CONSOLE / "templates").glob("*.html"))
OTHERS = LANGUAGES[1:]
NAMES_OF_ITS_OWN = frozenset({"Daftari", "daftari user link", "ssh -L 8000:127.0.0.1", "/docs", "/v1"})
"""What is written so in every language."""
SPOKEN = ("aria-label", "alt", "placeholder", "title", "data-label", "data-ticks", "data-show", "data-hide")
"""Attributes that people read or hear."""
PLACEHOLDER = re.compile(r"%\((\w+)\)s|%%")
ATTRIBUTES = re.compile(r'\s[\w-]+="[^"]*"')
"""Attributes in a part of a template that stands within a tag."""
TAG = re.compile(r"</?\w+")
NOON = 1_793_275_200_000_000
"""2026-10-29, 12:00 in UTC."""
DAY = 86_400_000_000


def texts_of(message: Message) -> tuple[list[str], list[str]]:
    """The English texts of a message, and its translations."""
    given = [message.id] if isinstance(message.id, str) else list(message.id)
    translated = [message.string] if isinstance(message.string, str) else list(message.string)
    return given, translated


# ---- translations ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(CONSOLE.rglob("*.py")), ids=lambda path: path.name)
def test_no_text_stands_within_an_f_string_where_it_is_not_found(path: Path) -> None:
    inside = [
        call
        for written in ast.walk(ast.parse(path.read_text()))
        if isinstance(written, ast.JoinedStr)
        for call in ast.walk(written)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in KEYWORDS
    ]
    assert not inside, [ast.unparse(call) for call in inside]


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated_and_no_other_is(language: str) -> None:
    """After a change of texts, ``make messages`` puts the new ones into the file, to be translated."""
    catalog = read_translation(CONSOLE / "locale" / f"{language}.po", language)
    wanted = {message.id for message in find_texts() if message.id}
    found = {message.id for message in catalog if message.id}
    assert found == wanted, "run 'make messages'"
    assert not [message.id for message in catalog if message.id and not all(texts_of(message)[1])]
    assert not [message.id for message in catalog if message.id and message.fuzzy]


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_values_and_the_elements_of_its_text(language: str) -> None:
    for message in read_translation(CONSOLE / "locale" / f"{language}.po", language):
        given, translated = texts_of(message)
        for text in translated if message.id else ():
            for pattern in (PLACEHOLDER, TAG):
                wanted = [sorted(pattern.findall(english)) for english in given]
                assert sorted(pattern.findall(text)) in wanted, text
            assert "%" not in PLACEHOLDER.sub("", text), text


class Spoken(HTMLParser):
    """What a template says in plain letters, outside of the texts that are translated."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.words += [value or "" for name, value in attrs if name in SPOKEN]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_says_nothing_that_cannot_be_translated(path: Path) -> None:
    tree = Environment(extensions=["jinja2.ext.i18n"]).parse(path.read_text())
    plain = "".join(
        part.data if isinstance(part, nodes.TemplateData) else "\0"
        for output in tree.find_all(nodes.Output)
        for part in output.nodes
    )
    spoken = Spoken()
    spoken.feed(plain)
    words = {ATTRIBUTES.sub("", word.replace("\0", "")).strip(" \n·,:") for word in spoken.words}
    assert not [word for word in words if re.search(r"[^\W\d_]{2}", word) and word not in NAMES_OF_ITS_OWN]


def test_the_reader_decides_about_the_language() -> None:
    assert choose_language("sw-KE,sw;q=0.9,en;q=0.8") == "sw"
    assert choose_language("fr, en;q=0.5, sw;q=0.7") == "sw"
    assert choose_language("SW") == "sw"
    for accepted in (None, "", "fr", "*", "sw;q=0", "sw;q=x", "en-GB,en;q=0.9,sw;q=0.8", ",;=q" * 5_000):
        assert choose_language(accepted) == "en"
    assert choose_region("en-UG,en;q=0.9") == "UG"
    assert choose_region("en-US,en;q=0.9") == "KE", "browsers say en-US everywhere"
    assert choose_region("en-US,en;q=0.9,es-MX;q=0.8") == "MX"
    assert choose_region("en") == choose_region(None) == "KE"


def test_a_page_is_in_the_language_that_the_browser_keeps_or_accepts(visitor: Browser, everyone: Everyone) -> None:
    assert visitor.get("/sign-in", headers={"accept-language": "sw"}).heading == "Ingia"
    page = visitor.get("/sign-in")
    assert page.heading == "Sign in"
    page = visitor.get("/sign-in?language=sw&next=/you")
    assert (page.heading, page.url) == ("Ingia", "/sign-in?next=%2Fyou")
    assert 'lang="sw"' in page.html
    assert visitor.get("/sign-in", headers={"accept-language": "en"}).heading == "Ingia"


# ---- texts ----------------------------------------------------------------------------------------------


def test_values_are_escaped_in_pages_and_isolated_in_texts() -> None:
    shown = languages.html_gettext("Welcome, %(name)s", name="<b>")
    assert shown == "Welcome, &lt;b&gt;"
    assert languages.html_gettext("Welcome, %(name)s", name=Markup("<b>")) == "Welcome, <b>"
    with written_for(Reader("sw", "UTC", NOON)):
        assert languages.gettext("You own %(project)s now.", project=languages.isolated("Duka")) == (
            "Sasa wewe ni mmiliki wa \u2068Duka\u2069."
        )


def test_an_error_of_the_rules_is_in_the_words_of_the_console() -> None:
    field = "The email field must be an e-mail address such as asha@example.com."
    assert explain_field(field) == "This is no e-mail address. One is written like asha@example.com."
    with written_for(Reader("sw", "UTC", NOON)):
        assert explain_field("The name field must not be longer than 1,000 characters.") == "Hii inazidi herufi 1,000."
        assert explain(ProjectTaken("A")) == "Tayari kuna mradi wenye jina hili. Chagua jina lingine."
        other = explain(Malformed("It is <odd>."))
        assert other == '<span lang="en">It is &lt;odd&gt;.</span>'
    assert explain(Malformed("It is odd.")) == "It is odd."
    assert explain_field("The x field is odd.") == "The x field is odd."


SAID = (
    ("It answered 500: 'down <b>now</b>'", "Ilijibu 500: “\u2068down <b>now</b>\u2069”"),
    ('It answered 422: "it\'s"', "Ilijibu 422: “\u2068it's\u2069”"),
    ("It answered 204.", "Ilijibu 204."),
    ("It answered 301, a redirect, which is not followed: set the url to where it leads.", "Ilijibu 301 ikielekeza"),
    ("crm.example:443 could not be connected to: refused.", "\u2068crm.example:443\u2069 haipatikani."),
    ("The form is neither a message nor a message's status.", "Hili si jibu wala ripoti"),
    ("Odd <b>", "\u2068Odd <b>\u2069"),
)


def test_what_other_services_said_stands_in_the_language_of_the_page() -> None:
    with written_for(Reader("sw", "UTC", NOON)):
        for said, reworded in SAID:
            assert reword_plainly(said).startswith(reworded)


@each("act", [act for act in Act if NEEDED[act].role != "viewer"])
def test_who_may_do_something_is_said_in_every_language(act: Act) -> None:
    user = User(1, "a@example.com", "A", "en", False, True, 0, None)
    grant = Grant(0, 1, 1, "viewer", False, False, 0, None, None)
    access = UserAccess(SignedIn(user, Session(1, 1, "", "", 0, 0, 0)), NO_PROJECT, grant)
    with pytest.raises(RoleRequired) as refused:
        access.require(act)
    assert explain(refused.value).startswith("Your role does not allow this. It needs an ")
    with written_for(Reader("sw", "UTC", NOON)):
        assert explain(refused.value).startswith("Jukumu lako haliruhusu hili. Linahitaji m")


def test_a_browser_is_named_in_few_words() -> None:
    android = (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"
    )
    assert browser_name(android) == "Chrome on Android"
    assert browser_name("Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0") == "Firefox on Windows"
    assert browser_name("curl/8.5.0") == "curl"
    assert browser_name("") == "A browser"


# ---- numbers and times ----------------------------------------------------------------------------------


def test_times_are_those_of_the_project_and_numbers_have_separators() -> None:
    with written_for(Reader("en", "Africa/Nairobi", NOON)):
        assert languages.format_number(1_234_567) == "1,234,567"
        assert languages.format_moment(NOON) == "today, 15:00"
        assert languages.format_moment(NOON - DAY) == "yesterday, 15:00"
        assert languages.format_moment(NOON - 2 * DAY) == "27 Oct 2026, 15:00"
        assert languages.format_moment(NOON - 12 * DAY // 24 - 4 * DAY // 24) == "yesterday, 23:00"
        assert languages.format_day(NOON) == "29 Oct 2026"
        assert languages.format_age(NOON - 4 * 60_000_000) == "4 minutes ago"
        assert languages.show_moment(NOON) == '<time datetime="2026-10-29T15:00:00+03:00">today, 15:00</time>'
    with written_for(Reader("en", "Africa/Nairobi", NOON, "KE")):
        assert languages.format_mobile(254725164293) == "0725 164293"
        assert languages.format_mobile("256772123456") == "+256 772 123456"
        assert languages.format_mobile(999) == "+999"
    assert languages.format_mobile(254725164293) == "+254725164293"
    with written_for(Reader("sw", "Africa/Nairobi", NOON)):
        assert languages.format_moment(NOON) == "leo, 15:00"
        assert languages.format_moment(NOON - 9 * DAY) == "20 Okt 2026, 15:00"
        assert languages.format_age(NOON - 4 * 60_000_000) == "dakika 4 zilizopita"


def test_what_people_wrote_cannot_end_its_own_isolation() -> None:
    assert languages.isolated("a\u2069\u202eb\u2067c") == "\u2068a\u202ebc\u2069"
