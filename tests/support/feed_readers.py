"""A reader that keeps a copy of a book: a walk through its contacts, then the feed from the walk's first number on.

It asks over HTTP alone, as an outside program would and as the page about the feed says, and may stop between any two
calls. This module must not know what is in a book.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from urllib.parse import quote, urlsplit

from msgspec import Struct

from tests.support.builders import Json
from tests.support.clients import Answer, Client

MEMBERS = "groups,consent"
SIZE = 30
"""What a page has in the end, when the copy is to be complete."""
GONE = ("contacts.deleted", "contacts.erased")
GROUP_GONE = ("group.renamed", "group.deleted")


class Copy(Struct):
    """Each contact by id, with its groups and what its number allows; and the names of all groups."""

    contacts: dict[int, str] = {}
    groups: set[str] = set()


class FeedReader:
    """A copy of the book that a client's key opens, as far as it was read."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.resets = 0
        self._begin()

    def _begin(self) -> None:
        self.copy = Copy()
        self.seqs: list[int] = []
        self.mobiles: dict[int, list[str]] = {}
        """The numbers that changes of consent named, by the change."""
        self._seq: int | None = None
        self._epoch: str | None = None
        self._url: str | None = "/v1/contacts?" + _query(after_id=0, suppressed="include", include=MEMBERS)

    def step(self, *, size: int = SIZE) -> bool:
        """Read so many changes on the next page of the feed, or of contacts more. Returns whether there may be more."""
        if self._url is None:
            return self._read_feed(size)
        self._url = self._read_contacts(self._url, size)
        return True

    def finish(self) -> Copy:
        """The copy, once everything is read."""
        while self.step():
            pass
        return self.copy

    def assert_is_the_book(self) -> None:
        """The copy is the book once everything is read, and no change was left out on the way."""
        assert self.finish() == read_copy(self._client)
        assert self.seqs == [*range(self.seqs[0], self.seqs[-1] + 1)] if self.seqs else True
        named = read_mobiles(self._client)
        assert all(mobiles == named[seq] for seq, mobiles in self.mobiles.items() if seq in named)

    def _read_contacts(self, url: str, size: int) -> str | None:
        answer = self._client.get(url, query={} if "per_page=" in url else {"per_page": 4 * size})
        if self._seq is None:
            self._seq = int(answer.headers["x-daftari-seq"])
            self.copy.groups = set(read_groups(self._client))
        page = answer.json()["contacts"]
        self._take(page["data"])
        return _following(page)

    def _read_feed(self, size: int) -> bool:
        answer = self._client.get("/v1/changes", query={"after": self._seq, "limit": size, "epoch": self._epoch or ""})
        if answer.status == 410:
            self._reset(answer)
            return True
        page = answer.json()
        for change in page["changes"]:
            self.seqs.append(change["seq"])
            self._follow(change)
        self._seq, self._epoch = page["next"], page["epoch"]
        return bool(page["changes"])

    def _reset(self, answer: Answer) -> None:
        """What comes next is no longer kept: everything is read again."""
        said = answer.json()
        assert self._seq is not None and self._seq < said["oldest"] - 1 <= said["last"], said
        self.resets += 1
        self._begin()

    def _follow(self, change: Json) -> None:
        """Ask what is there now of what a change is about."""
        ids = [number for first, last in change.get("contact_ids", ()) for number in range(first, last + 1)]
        names = {change[name] for name in ("group", "former_name") if name in change}
        if change["type"] == "consent.changed":
            self.mobiles[change["seq"]] = change["mobiles"]
        for seq in change.get("consent_seqs", ()):
            self.mobiles.pop(seq, None)
        if change["type"] in GONE:
            for number in ids:
                self.copy.contacts.pop(number, None)
        if change["type"] in GROUP_GONE:
            self.copy.groups -= names
            ids = sorted(self._members_of(names))
        if ids and change["type"] not in GONE:
            self._ask_again(ids)
        if change["type"] in ("group.created", "group.renamed"):
            self.copy.groups.add(change["group"])

    def _members_of(self, names: set[str]) -> set[int]:
        """Who is in groups, here or in the book."""
        ids = {number for number, card in self.copy.contacts.items() if names & {*json.loads(card)["groups"]}}
        for name in names:
            ids |= {card["id"] for card in _read_all(self._client, _query(group=name, after_id=0))}
        return ids

    def _ask_again(self, ids: Sequence[int]) -> None:
        answer = self._client.get("/v1/contacts", query={"ids": ",".join(map(str, ids)), "include": MEMBERS}).json()
        for card in answer["contacts"]["data"]:
            assert card.pop("suppressed", False) is card["consent"]["suppressed"], card
        self._take(answer["contacts"]["data"])
        for number in answer["missing"]:
            self.copy.contacts.pop(number, None)

    def _take(self, cards: Sequence[Json]) -> None:
        self.copy.contacts |= {card["id"]: _written(card) for card in cards}


def read_copy(client: Client) -> Copy:
    """The book as it is now."""
    cards = _read_all(client, _query(after_id=0, suppressed="include", include=MEMBERS))
    return Copy({card["id"]: _written(card) for card in cards}, set(read_groups(client)))


def read_mobiles(client: Client) -> dict[int, list[str]]:
    """The numbers that changes of consent name now, by the change."""
    found, after = dict[int, list[str]](), "0"
    first = client.get("/v1/changes", query={"limit": 1}).json()
    after = first["oldest"] - 1
    while True:
        page = client.get("/v1/changes", query={"after": after, "types": "consent.changed"}).json()
        found |= {change["seq"]: change["mobiles"] for change in page["changes"]}
        if page["next"] == page["last"]:
            return found
        after = page["next"]


def read_groups(client: Client) -> Iterator[str]:
    """The names of all groups."""
    after: str | None = ""
    while after is not None:
        answer = client.get("/v1/groups", query={"after": after} if after else {}).json()
        yield from (group["name"] for group in answer["groups"])
        after = answer["next"]


def _read_all(client: Client, query: str) -> Iterator[Json]:
    """All contacts of a list, page by page."""
    url: str | None = f"/v1/contacts?{query}"
    while url:
        page = client.get(url).json()["contacts"]
        yield from page["data"]
        url = _following(page)


def _following(page: Json) -> str | None:
    """Where the next page is, if there is one."""
    return page["next_page_url"] and "{0.path}?{0.query}".format(urlsplit(page["next_page_url"]))


def _query(**values: object) -> str:
    return "&".join(f"{name}={quote(str(value))}" for name, value in values.items())


def _written(card: Json) -> str:
    return json.dumps({**card, "groups": sorted(card["groups"])})
