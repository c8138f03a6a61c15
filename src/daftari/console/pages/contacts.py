"""The contacts of the book: every page of them, searched and filtered."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from daftari.console.languages import gettext as _
from daftari.console.page import Page
from daftari.model.contacts import Group
from daftari.model.limits import ID_MAX, PER_PAGE_MAX
from daftari.rules.consent.summary import ANSWERS, Answer
from daftari.rules.contacts import groups
from daftari.rules.people.listing import People, Wanted, find_elsewhere, list_people
from daftari.rules.search.query import Query, read_query
from daftari.web.responses import Response

ROWS = 50
ROWS_CHOICES = (25, 50, 100)
ELSEWHERE_MAX = 5
OFFERED_MAX = 200
"""Groups that are offered as one types; any other can be typed all the same."""


class Search(Struct, frozen=True):
    """What a list is asked for, as it stands in its address."""

    text: str
    group: str | None
    may: str
    number: int
    after: int
    rows: int
    error: str = ""
    query: Query | None = None

    @property
    def answer(self) -> Answer | None:
        """Who may be messaged how, where that is asked."""
        return next((one for one in ANSWERS if one == self.may), None)

    def filters(self, *, without: str = "") -> dict[str, object]:
        """What the addresses of other pages repeat."""
        rows = "" if self.rows == ROWS else self.rows
        found: dict[str, object] = {"q": self.text, "group": self.group, "may": self.may, "n": rows}
        return {name: value for name, value in found.items() if name != without}


def show(page: Page) -> Response:
    """``GET /p/{project}/contacts``."""
    return show_list(page, "contacts.html", section="/contacts", path="/contacts")


def show_list(
    page: Page,
    template: str,
    *,
    section: str,
    path: str,
    group: str | None = None,
    group_id: int | None = None,
    **more: Any,
) -> Response:
    """A page with a list of contacts; ``group`` where it is the page of one."""
    search = read_search(page, group=group)
    people = People([]) if search.error else _read_people(page, search, group_id)
    last = 1 if people.total is None else max(1, -(-people.total // search.rows))
    if people.total and search.number > last:
        return page.redirect(page.link(path, page=last, **_shown(search, group)))
    elsewhere = []
    if not people.people and search.query is not None and (search.group is not None or search.may) and not people.next:
        elsewhere = page.read(find_elsewhere, query=search.query, most=ELSEWHERE_MAX)
    offered = [] if group is not None else offer_groups(page)
    is_book = people.total is not None and search.group is None
    return page.show(
        template,
        section=section,
        path=path,
        search=search,
        shown=_shown(search, group),
        fixed_group=group,
        people=people,
        last=last,
        first=(search.number - 1) * search.rows + 1,
        elsewhere=elsewhere,
        offered=[one.name for one in offered],
        book=people.total if is_book else page.overview.contacts,
        running=page.overview.running if is_book else None,
        may_change=page.may("change_contacts") and page.leads_to("/contacts/many"),
        **more,
    )


def offer_groups(page: Page) -> list[Group]:
    """The groups that a field offers."""
    return page.read(groups.list_groups, after=0, limit=OFFERED_MAX)


def read_search(page: Page, *, group: str | None) -> Search:
    """What is asked for; what cannot be read is passed over, as people type it."""
    params, region = page.params, page.require_project().region
    text = str(params.given("q") or "")
    rows = _read_digits(params.given("n"))
    search = Search(
        text=text,
        group=group if group is not None else params.name("group"),
        may=next((one for one in ANSWERS if one == params.given("may")), ""),
        number=min(_read_digits(params.given("page")) or 1, ID_MAX // PER_PAGE_MAX),
        after=min(_read_digits(params.given("after")), ID_MAX),
        rows=rows if rows in ROWS_CHOICES else ROWS,
    )
    if not text:
        return search
    try:
        return replace(search, query=read_query(text, region=region))
    except ValueError:
        return replace(search, error=_("Type the beginning of a word, or digits of a number."))


def _shown(search: Search, group: str | None) -> dict[str, object]:
    return search.filters(without="group" if group is not None else "")


def _read_people(page: Page, search: Search, group_id: int | None) -> People:
    wanted = Wanted(search.query, search.group, search.answer, search.number, search.after, search.rows, group_id)
    return page.read(list_people, wanted=wanted)


def _read_digits(given: object) -> int:
    """A whole number as people write it, with separators; 0 for what is none."""
    digits = "".join(character for character in str(given or "") if character.isascii() and character.isdigit())
    return int(digits[:18] or 0)
