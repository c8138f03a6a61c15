"""A list of contacts by who may be messaged looks at so many of them, and continues with the following."""

from __future__ import annotations

import pytest

from daftari.rules.people import listing, matching
from daftari.rules.people.listing import Wanted, list_people
from daftari.store import Store
from tests.support import calls
from tests.support.builders import mobile
from tests.support.calls import NOW, create_project
from tests.support.consent_calls import record_given


def test_a_page_of_a_group_does_not_look_through_everyone_of_whom_something_is_known(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "SCANNED_MAX", 2)
    monkeypatch.setattr(matching, "AT_ONCE", 4)
    monkeypatch.setattr(matching, "MEMBERS_READ_MAX", 1)
    project = create_project(store)
    given = [{"mobile": mobile(number)} for number in range(1, 41)]
    calls.create_contacts(store, project, given)
    record_given(
        store,
        project,
        [mobile(number) for number in range(1, 41)],
        common={"source": "api", "channel": "sms"},
        kind="opt_out",
        now=NOW,
    )
    calls.create_group(store, project, "Farmers")
    calls.join_group(store, project, "Farmers", ids=[2, 30, 31, 32, 33, 40], mobiles=[])
    found, pages, after = list[int](), 0, 0
    while pages == 0 or after:
        wanted = Wanted(query=None, group="Farmers", may="part", page=1, after=after, limit=50)
        part = store.read(project, NOW, list_people, wanted=wanted)
        found += [one.card.id for one in part.people]
        assert part.next is None or after < part.next <= after + 8
        after, pages = part.next or 0, pages + 1
    assert found == [2, 30, 31, 32, 33, 40]
