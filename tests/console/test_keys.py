"""The page of keys: each is shown once, says what it may, and ends on a page that says what stops."""

from __future__ import annotations

import re
from typing import Any

from daftari.model.projects import Key
from daftari.model.time import current_time
from daftari.rules.access import keys
from daftari.store import Store
from tests.console.conftest import Everyone
from tests.support.browsers import FoundPage

SECRET = re.compile(r"daf_\w{46}")


def at(everyone: Everyone, path: str = "") -> str:
    return f"/p/{everyone.shopify}/settings/keys{path}"


def make(everyone: Everyone, **typed: Any) -> FoundPage:
    return everyone.asha.submit(everyone.asha.get(at(everyone)), at(everyone), **typed)


def stored(store: Store, everyone: Everyone, label: str) -> list[Key]:
    found = store.system_read(0, keys.list_keys)
    return [key for key in found if (key.project_id, key.label) == (everyone.shopify, label)]


def test_a_key_is_shown_once_and_works(everyone: Everyone, store: Store) -> None:
    page = make(everyone, label="till-eldoret", kind="read", ends="2031-12-31")
    assert page.status == 200
    (text,) = set(SECRET.findall(page.html))
    assert "shown this once" in page.text and f'data-copy="{text}"' in page.html
    assert page.answer.headers["cache-control"] == "private, no-store"
    access = store.system_read(current_time(), keys.find_key, api_key=text)
    assert (access.key.label, access.key.kind, access.project.id) == ("till-eldoret", "read", everyone.shopify)
    listed = everyone.asha.get(at(everyone))
    assert not SECRET.search(listed.html)
    for said in ("till-eldoret", text[:12], "read only", "not yet", "31 Dec 2031"):
        assert said in listed.text


def test_the_last_day_is_that_of_the_projects_zone(everyone: Everyone, store: Store) -> None:
    make(everyone, label="till", ends="2031-12-31")
    (key,) = stored(store, everyone, "till")
    assert key.expires_at == 1_956_517_200_000_000, "2032-01-01, 00:00 in Nairobi"


def test_a_form_that_is_sent_twice_makes_one_key_and_says_so(everyone: Everyone, store: Store) -> None:
    page = everyone.asha.get(at(everyone))
    everyone.asha.submit(page, at(everyone), label="crm")
    again = everyone.asha.submit(page, at(everyone), label=" CRM ")
    assert (again.status, again.heading) == (409, "Settings")
    assert "There is a key of this name already." in again.text
    assert len(stored(store, everyone, "crm")) == 1


def test_a_label_is_free_again_when_its_key_has_ended(everyone: Everyone, store: Store) -> None:
    make(everyone, label="crm")
    (key,) = stored(store, everyone, "crm")
    path = at(everyone, f"/{key.start}/revoke")
    everyone.asha.submit(everyone.asha.get(path), path)
    assert make(everyone, label="crm").status == 200
    assert len(stored(store, everyone, "crm")) == 2


def test_what_is_wrong_is_said_at_the_field_and_what_was_typed_stays(everyone: Everyone, store: Store) -> None:
    for typed, said in (
        ({"label": " "}, "This is needed."),
        ({"label": "x" * 101}, "This is longer than 100 characters."),
        ({"label": "old", "ends": "2020-01-01"}, "This day is over."),
        ({"label": "old", "ends": "next year"}, "This is no day."),
        ({"label": "old", "kind": "owner"}, "Choose one of these."),
    ):
        page = make(everyone, **typed)
        assert (page.status, said in page.text) == (422, True), page.text
        assert ("label", typed["label"].strip()) in page.form(at(everyone)).fields
        assert not SECRET.search(page.html)


def test_the_end_of_a_key_is_on_a_page_that_says_what_stops(everyone: Everyone, store: Store) -> None:
    (text,) = set(SECRET.findall(make(everyone, label="crm").html))
    path = at(everyone, f"/{text[:12]}/revoke")
    assert path in everyone.asha.get(at(everyone)).links
    page = everyone.asha.get(path)
    assert page.heading == "Revoke the key crm?"
    assert "It was not used yet. Every program that uses it is refused within a second" in page.text
    assert store.system_read(current_time(), keys.find_key, api_key=text).key.revoked_at is None
    ended = everyone.asha.submit(page, path)
    assert "The key \u2068crm\u2069 is revoked." in ended.text and "revoked" in ended.text
    assert path not in ended.links
    (key,) = stored(store, everyone, "crm")
    assert key.revoked_at is not None
    assert everyone.asha.submit(page, path).status == 200, "a second time changes nothing"
    assert stored(store, everyone, "crm") == [key]


def test_keys_of_other_projects_are_not_there(everyone: Everyone, store: Store) -> None:
    start = next(key.start for key in store.system_read(0, keys.list_keys) if key.project_id == everyone.kalro)
    for path in (at(everyone, f"/{start}/revoke"), at(everyone, "/daf_nothing1/revoke"), at(everyone, "/%00/revoke")):
        assert everyone.asha.get(path).status == 404
    assert start not in everyone.asha.get(at(everyone)).html


def test_hostile_labels_are_harmless(everyone: Everyone) -> None:
    for label in ("<script>alert(1)</script>", "\u202egnihton", "'\"><b>", "k" * 100):
        make(everyone, label=label)
    page = everyone.asha.get(at(everyone))
    assert "<script>alert" not in page.html and "<b>'" not in page.html
    assert page.html.count("<bdi>") >= 4
