"""A browser for tests: it keeps cookies, follows redirects, and sends the forms of the pages that it reads.

It speaks through any ``Send`` of ``tests.support.clients``, so in this process or over a socket. No JavaScript.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit

from msgspec import Struct

from tests.support.clients import Answer, Send
from tests.support.import_files import BOUNDARY, written_form

HOST = "127.0.0.1:8000"
REDIRECTS_MAX = 5
VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})


class FoundForm(Struct):
    """A form of a page: where it goes, and its fields with what is in them, in order."""

    method: str
    action: str
    fields: list[tuple[str, str]]
    buttons: list[tuple[str, str, str | None]]
    """Name and value of each button, and where it goes if not where the form does."""

    @property
    def places(self) -> list[str]:
        """The paths to which it goes."""
        given = [self.action, *(place for _, _, place in self.buttons if place is not None)]
        return [urlsplit(place).path for place in given]


class FoundPage(HTMLParser):
    """A page as a browser reads it: its text, its forms, its links."""

    def __init__(self, answer: Answer, url: str) -> None:
        super().__init__()
        self.answer = answer
        self.status = answer.status
        self.url = url
        self.title = ""
        self.heading = ""
        self.words: list[str] = []
        self.links: list[str] = []
        self.forms: list[FoundForm] = []
        self.attributes: dict[str, dict[str, str]] = {}
        self._open: list[str] = []
        self._select: tuple[str, list[str]] | None = None
        self._area: str | None = None
        self.html = answer.body.decode()
        self.feed(self.html)
        self.close()
        assert not self._open, f"{url} does not close {self._open}"

    @property
    def text(self) -> str:
        """All words, with one space between."""
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in VOID:
            self._open.append(tag)
        if "id" in given:
            assert given["id"] not in self.attributes, f"{self.url} has the id {given['id']} twice"
            self.attributes[given["id"]] = given
        if tag == "a":
            self.links.append(given["href"])
        elif tag == "form":
            self.forms.append(FoundForm(given.get("method", "get"), given.get("action", self.url), [], []))
        elif tag == "button" and "form" in self._open:
            self.forms[-1].buttons.append((given.get("name", ""), given.get("value", ""), given.get("formaction")))
        elif "name" in given and "form" in self._open:
            self._note_field(tag, given)
        elif tag == "option" and self._select is not None:
            self._note_option(given)

    def _note_field(self, tag: str, given: dict[str, str]) -> None:
        form, name = self.forms[-1], given["name"]
        if tag == "select":
            self._select = name, []
        elif tag == "textarea":
            self._area = name
            form.fields.append((name, ""))
        elif given.get("type") in ("checkbox", "radio"):
            if "checked" in given:
                form.fields.append((name, given.get("value", "on")))
        else:
            form.fields.append((name, given.get("value", "")))

    def _note_option(self, given: dict[str, str]) -> None:
        assert self._select is not None
        _, chosen = self._select
        if "selected" in given or not chosen:
            chosen[:] = [given.get("value", "")]

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open[-1] == tag, f"{self.url} closes {tag} in {self._open}"
        self._open.pop()
        if tag == "select" and self._select is not None:
            name, chosen = self._select
            if "form" in self._open:
                self.forms[-1].fields += [(name, value) for value in chosen]
            self._select = None
        elif tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "title":
            self.title += data
        elif "h1" in self._open:
            self.heading += data
        if self._area is not None:
            form = self.forms[-1]
            form.fields[-1] = (form.fields[-1][0], form.fields[-1][1] + data.removeprefix("\n"))
        if "style" not in self._open and "script" not in self._open:
            self.words.append(data)

    def form(self, action: str) -> FoundForm:
        """The form that goes to a path, or one of whose buttons does."""
        found = [form for form in self.forms if form.method == "post" and action in form.places]
        assert found, f"{self.url} has forms to {[form.action for form in self.forms]}, and none to {action}"
        return found[0]


class Browser:
    """One browser. ``headers`` go with every request."""

    def __init__(self, send: Send, *, origin: str = f"http://{HOST}", headers: Mapping[str, str] = {}) -> None:
        self.send = send
        self.origin = origin
        self.headers = dict(headers)
        self.cookies: dict[str, str] = {}
        self.answers: list[Answer] = []

    def get(self, path: str, *, follow: bool = True, headers: Mapping[str, str] = {}) -> FoundPage:
        """A page, after redirects."""
        return self._read(self.request("GET", path, headers=headers), path, follow=follow)

    def post(
        self,
        path: str,
        fields: list[tuple[str, str]] | Mapping[str, str],
        *,
        follow: bool = True,
        headers: Mapping[str, str] = {},
    ) -> FoundPage:
        """What is shown after a form is sent with these fields."""
        pairs = list(fields.items()) if isinstance(fields, Mapping) else fields
        given = {"content-type": "application/x-www-form-urlencoded", "origin": self.origin, **headers}
        answer = self.request("POST", path, body=urlencode(pairs).encode(), headers=given)
        return self._read(answer, path, follow=follow)

    def submit(
        self, page: FoundPage, action: str, *, follow: bool = True, button: str | None = None, **typed: str | list[str]
    ) -> FoundPage:
        """Type into a form of a page and send it. ``button``: the value of the one that is pressed."""
        form = page.form(action)
        known = {name for name, _ in form.fields}
        fields = [(name, value) for name, value in form.fields if name not in typed]
        for name, value in typed.items():
            assert name in known or f'name="{name}"' in page.html, f"{page.url} has no field {name}"
            fields += [(name, one) for one in ([value] if isinstance(value, str) else value)]
        if button is not None:
            fields += [(name, value) for name, value, _ in form.buttons if value == button]
        place = form.action if urlsplit(form.action).path == action else action
        return self.post(place, fields, follow=follow)

    def upload(self, page: FoundPage, action: str, name: str, file: bytes, **typed: str) -> FoundPage:
        """Choose a file in a form of a page and send it."""
        given = {**dict(page.form(action).fields), **typed}
        parts = [(field, None, value.encode()) for field, value in given.items() if field != "file"]
        body = written_form([*parts, ("file", name, file)])
        headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}", "origin": self.origin}
        return self._read(self.request("POST", action, body=body, headers=headers), action, follow=True)

    def request(self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] = {}) -> Answer:
        """One request with the browser's cookies; the answer's cookies are kept."""
        given = {**self.headers, **headers}
        if self.cookies:
            given["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.send(method, path, list(given.items()), body)
        self.answers.append(answer)
        for line in answer.cookies:
            cookie, *attributes = (part.strip() for part in line.split(";"))
            name, _, value = cookie.partition("=")
            if "Max-Age=0" in attributes:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return answer

    def _read(self, answer: Answer, path: str, *, follow: bool) -> FoundPage:
        for _ in range(REDIRECTS_MAX):
            if answer.status != 303 or not follow:
                break
            path = urljoin(path, answer.headers["location"])
            answer = self.request("GET", path.partition("#")[0])
        return FoundPage(answer, path)


def policies(answer: Answer) -> Iterator[tuple[str, str]]:
    """The directives of a Content-Security-Policy."""
    for part in answer.headers["content-security-policy"].split(";"):
        name, _, sources = part.strip().partition(" ")
        yield name, sources
