"""Figures by day: each change is counted once, on the day of the project's time zone on which it happened."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest
from msgspec.structs import replace

from daftari.model.inbound import DeliveryReport
from daftari.model.projects import Project
from daftari.rules import daily as rule
from daftari.rules.daily import Days, count_calls, count_changes, is_count_due
from daftari.rules.feed import expire_changes, has_expired_change
from daftari.store import Store, Tx, daily, directory
from daftari.store.daily import DailyRow, What
from tests.support import calls, consent_calls
from tests.support.builders import mobile
from tests.support.calls import WORKER, create_project
from tests.support.message_steps import Sending
from tests.support.stores import NOW

HOUR = 3_600_000_000
DAY = 24 * HOUR
TODAY = (date(2023, 11, 15) - date(1970, 1, 1)).days
"""The day of ``NOW`` in Nairobi, where it is 01:13; in UTC it is the day before."""
ALL: dict[What, int] = {"contacts": 0, "created": 0, "removed": 0, "opt_out": 0, "sent": 0, "calls": 0}


@pytest.fixture
def project(store: Store) -> Project:
    return create_project(store)


def figures(store: Store, project: Project) -> dict[str, dict[int, int]]:
    """By what is counted, with its key: what there was on each day, as it is stored."""
    found: dict[str, dict[int, int]] = {}
    for row in store.read(project, NOW, _list):
        found.setdefault(f"{row.what} {row.key}".strip(), {})[row.day - TODAY] = row.count
    return found


def _list(tx: Tx) -> list[DailyRow]:
    return daily.list_figures(tx, since=ALL)


def count(store: Store, project: Project, *, now: int = NOW) -> int:
    """Count all there is; in how many steps."""
    steps = 0
    while store.write(project, WORKER, now, count_changes):
        steps += 1
    return steps


def create(store: Store, project: Project, *numbers: int, now: int = NOW) -> None:
    calls.create_contacts(store, project, [{"mobile": mobile(number)} for number in numbers], now=now)


def opt_out(store: Store, project: Project, *numbers: int, now: int = NOW, **common: object) -> None:
    items = [mobile(number) for number in numbers]
    consent_calls.record_given(store, project, items, common=common, kind="opt_out", now=now)


def test_days_are_those_of_the_projects_time_zone(project: Project) -> None:
    assert Days(project).find(NOW) == TODAY
    assert Days(replace(project, zone="UTC")).find(NOW) == TODAY - 1
    assert Days(project).find(NOW - 2 * HOUR) == TODAY - 1


def test_contacts_are_counted_as_they_come_and_go_with_how_many_there_were_at_each_end(
    store: Store, project: Project
) -> None:
    create(store, project, 1, 2, 3, now=NOW - 2 * DAY)
    create(store, project, 4, 5, now=NOW)
    calls.delete_contact(store, project, mobile(1), reason="removal", now=NOW)
    assert store.read(project, NOW, is_count_due)
    assert count(store, project) == 1
    assert figures(store, project) == {
        "created": {-2: 3, 0: 2},
        "removed": {0: 1},
        "contacts": {-2: 3, -1: 3, 0: 4},
    }
    assert not store.read(project, NOW + HOUR, is_count_due)


def test_changes_are_counted_each_hour(store: Store, project: Project) -> None:
    assert not store.read(project, NOW, is_count_due)
    create(store, project, 1)
    assert store.read(project, NOW, is_count_due)
    count(store, project)
    create(store, project, 2)
    assert not store.read(project, NOW + HOUR - 1, is_count_due)
    assert store.read(project, NOW + HOUR, is_count_due)
    assert store.read(project, NOW - 1, is_count_due), "the clock was set back"


def test_what_was_counted_is_not_counted_again(store: Store, project: Project) -> None:
    create(store, project, 1, 2, 3)
    opt_out(store, project, 1, 2)
    assert count(store, project) == 1
    before = figures(store, project)
    assert count(store, project, now=NOW + HOUR) == 0
    assert figures(store, project) == before
    create(store, project, 4, now=NOW + HOUR)
    assert count(store, project, now=NOW + HOUR) == 1
    assert figures(store, project) == before | {"created": {0: 4}, "contacts": {0: 4}}


def test_the_figures_are_the_same_in_however_many_steps(
    store: Store, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = create_project(store, "Kalro")
    for each in (project, other):
        for day in range(5):
            create(store, each, *range(10 * day + 1, 10 * day + 10), now=NOW - (5 - day) * DAY)
            opt_out(store, each, *range(10 * day + 1, 10 * day + 4), now=NOW - (4 - day) * DAY, channel="sms")
            calls.delete_contact(store, each, mobile(10 * day + 7), now=NOW - (4 - day) * DAY)
    count(store, project)
    monkeypatch.setattr(rule, "CHANGES_PER_STEP", 2)
    monkeypatch.setattr(rule, "FACTS_PER_STEP", 3)
    assert count(store, other) > 8
    assert figures(store, other) == figures(store, project)
    assert figures(store, other)["contacts"] == {-5: 9, -4: 17, -3: 25, -2: 33, -1: 41, 0: 40}
    assert store.read(other, NOW, directory.count_list, list_id=directory.BOOK) == 40


def test_opt_outs_count_by_channel_on_the_day_from_which_they_hold(store: Store, project: Project) -> None:
    create(store, project, *range(1, 6), now=NOW - 3 * DAY)
    opt_out(store, project, 1, 2, channel="sms")
    opt_out(store, project, 3, channel="whatsapp", at="2023-11-13T12:00:00Z")
    opt_out(store, project, 4)
    opt_out(store, project, 5, at="2019-01-01T12:00:00Z")
    count(store, project)
    found = figures(store, project)
    assert {name: days for name, days in found.items() if name.startswith("opt_out")} == {
        "opt_out sms": {0: 2},
        "opt_out whatsapp": {-2: 1},
        "opt_out *": {0: 1},
    }, "what was before the first day is not counted"


def test_an_opt_out_that_was_taken_back_is_not_counted(store: Store, project: Project) -> None:
    create(store, project, 1, 2, now=NOW - 2 * DAY)
    rows = [(mobile(1), "2023-11-14T09:00:00Z"), (mobile(2), "2023-11-13T09:00:00Z")]
    import_id = consent_calls.begin_list(
        store, project, rows, kind="opt_outs", common={"source": "import"}, now=NOW - HOUR
    )
    consent_calls.apply_list(store, project, import_id, now=NOW)
    count(store, project)
    assert sum(figures(store, project)["opt_out *"].values()) == 2
    assert consent_calls.undo_list(store, project, import_id, now=NOW + HOUR) == 2
    count(store, project, now=NOW + HOUR)
    assert set(figures(store, project)["opt_out *"].values()) == {0}


def test_an_erased_contact_was_there_until_it_was_erased(store: Store, project: Project) -> None:
    create(store, project, 1, 2, 3, now=NOW - DAY)
    consent_calls.erase_number(store, project, int(mobile(2)), now=NOW)
    consent_calls.clear_journal(store, project)
    count(store, project)
    assert figures(store, project) == {"created": {-1: 3}, "removed": {0: 1}, "contacts": {-1: 3, 0: 2}}


def test_no_number_and_no_contact_is_in_the_figures(store: Store, project: Project, database: str) -> None:
    create(store, project, 1)
    opt_out(store, project, 1, sender="DUKA")
    count(store, project)
    assert {row.key for row in store.read(project, NOW, _list)} == {"", "*"}


def test_changes_are_kept_until_they_are_counted(store: Store, project: Project) -> None:
    create(store, project, 1, now=NOW - 200 * DAY)
    count(store, project, now=NOW - 200 * DAY)
    create(store, project, 2, now=NOW - 100 * DAY)
    for _ in range(9):
        store.write(project, WORKER, NOW, expire_changes)
    assert not store.read(project, NOW, has_expired_change)
    count(store, project)
    assert figures(store, project)["created"] == {-200: 1, -100: 1}
    assert store.read(project, NOW, has_expired_change)


def test_a_book_whose_first_changes_are_gone_is_counted_from_the_next_day_on(store: Store, project: Project) -> None:
    create(store, project, 1, now=NOW - 200 * DAY)
    store.write(project, WORKER, NOW - 50 * DAY, expire_changes)
    create(store, project, 2, now=NOW - DAY)
    count(store, project)
    counted = store.read(project, NOW, daily.get_counted)
    assert counted is not None
    assert counted.since == TODAY
    assert figures(store, project)["contacts"] == {0: 2}


def test_calls_are_counted_by_key_on_the_day_of_their_minute(store: Store, project: Project) -> None:
    minute = (NOW - 2 * HOUR) // 60_000_000
    for _ in range(2):
        given = Counter({(minute, 7): 3, (minute + 1, 7): 4, (minute + 120, 7): 5, (minute, 9): 1})
        store.write(project, WORKER, NOW, count_calls, calls=given)
    assert figures(store, project) == {"calls 7": {-1: 14, 0: 10}, "calls 9": {-1: 2}}


def test_a_message_counts_once_on_the_day_on_which_its_provider_takes_it(store: Store, project: Project) -> None:
    sending = Sending(store, project, name="DUKA")
    sending.create([mobile(number) for number in range(1, 6)])
    first, second, third, fourth, fifth = sending.claimed()
    sending.answer([first, second], "accepted")
    sending.answer([third], "refused")
    sending.answer([fourth], "unknown")
    sending.answer([fifth], None)
    assert figures(store, project) == {"sent sms": {0: 2}}
    sending.wait(DAY)
    sending.report(DeliveryReport(state="delivered", provider_id=f"p{first.id}-1"))
    sending.report(DeliveryReport(state="failed", provider_id=f"p{second.id}-1"))
    sending.report(DeliveryReport(state="delivered", provider_id=f"p{second.id}-1"))
    assert figures(store, project) == {"sent sms": {0: 2}}, "a report says how it ended, not that it was taken again"
    sending.answer(sending.claimed(), "accepted")
    assert figures(store, project) == {"sent sms": {0: 2, 1: 1}}
