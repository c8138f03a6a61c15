"""An hourly count of the records there: what was erased without a trace is found, and no comparison is needless."""

from __future__ import annotations

import pytest

from daftari.model.projects import Project
from daftari.store import Store
from tests.support import calls
from tests.support.connection_steps import mobile
from tests.support.hubspot_sync import HubSpotSync

HOUR = 3_600.0
ALL = [{"from": "all", "to": "crm"}]


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


def started(store: Store, project: Project, count: int = 30, **given: object) -> tuple[HubSpotSync, list[int]]:
    """A connection that was read at six in the morning of its account, and five hours after that."""
    crm = HubSpotSync(store, project, groups=ALL, **given)
    cities = ["Kisumu", "Nairobi", "Thika"]
    made = [
        crm.fake.truth.create(mobilephone=f"+{mobile(number)}", city=cities[number % 3])
        for number in range(1, count + 1)
    ]
    crm.pass_time(-crm.clock.at % 86_400 + 3 * HOUR)
    crm.start()
    crm.run()
    pass_hours(crm, 5)
    return crm, made


def pass_hours(crm: HubSpotSync, hours: int) -> None:
    for _ in range(hours * 4):
        crm.poll(HOUR / 4)


def comparisons(crm: HubSpotSync) -> int:
    return crm.open().progress.comparisons


def test_a_contact_erased_without_a_trace_is_gone_within_the_hour(store: Store, project: Project) -> None:
    crm, made = started(store, project)
    crm.fake.truth.erase(made[5])
    crm.poll()
    assert mobile(6) in crm.members("crm")
    crm.poll(HOUR + 120)
    assert crm.states()[str(made[5])] == "gone" and mobile(6) not in crm.members("crm")
    assert comparisons(crm) == 1


def test_contacts_that_came_a_moment_ago_hide_none_that_is_missing(store: Store, project: Project) -> None:
    crm, made = started(store, project)
    crm.fake.truth.erase(made[5])
    for quarter in range(5):
        crm.pass_time(HOUR / 4 - 25)
        for number in range(3):
            crm.fake.truth.create(mobilephone=f"+{mobile(100 + 3 * quarter + number)}")
        crm.poll(25)
    assert comparisons(crm) == 1 and crm.states()[str(made[5])] == "gone"


def test_a_connection_shows_the_last_count(store: Store, project: Project) -> None:
    crm, made = started(store, project)
    assert crm.view().records_there == 30
    crm.fake.truth.delete(made[0])
    pass_hours(crm, 1)
    view = crm.view()
    assert view.records_there == 29 and view.counted_at is not None


def test_nothing_is_compared_by_day_while_contacts_come_change_are_deleted_and_merged(
    store: Store, project: Project
) -> None:
    crm, made = started(store, project)
    truth = crm.fake.truth
    for hour in range(12):
        truth.create(mobilephone=f"+{mobile(100 + hour)}")
        truth.delete(made[hour])
        truth.edit(made[hour + 12], firstname="Edited")
        if hour == 3:
            truth.merge(made[26], made[27], makes_new=True)
        if hour == 4:
            truth.merge(made[28], made[29], makes_new=False)
        pass_hours(crm, 1)
        truth.create(mobilephone=f"+{mobile(200 + hour)}")
        crm.poll(20)
    count = crm.open().progress.count
    assert comparisons(crm) == 0 and count.at and count.fewer == 0 and not count.is_due
    assert {one for one, state in crm.states().items() if state == "gone"} == {*map(str, made[:12])}


def test_contacts_that_a_filter_leaves_out_are_counted_as_records(store: Store, project: Project) -> None:
    crm, made = started(store, project, filter={"city": ["Kisumu"]})
    assert crm.open().progress.counts["left"] == 20
    assert comparisons(crm) == 0 and crm.open().progress.count.fewer == 0
    crm.fake.truth.erase(made[2])
    pass_hours(crm, 2)
    assert crm.states()[str(made[2])] == "gone" and mobile(3) not in crm.members("crm")
    assert comparisons(crm) == 1


def test_one_comparison_follows_in_four_hours_and_finds_what_went_meanwhile(store: Store, project: Project) -> None:
    crm, made = started(store, project)
    crm.fake.truth.erase(made[5])
    pass_hours(crm, 2)
    crm.fake.truth.erase(made[6])
    pass_hours(crm, 1)
    assert comparisons(crm) == 1 and crm.open().progress.count.fewer == 1
    pass_hours(crm, 4)
    assert comparisons(crm) == 2 and crm.states()[str(made[6])] == "gone"


def test_records_that_a_search_never_counts_are_compared_for_once(store: Store, project: Project) -> None:
    crm, made = started(store, project)
    crm.fake.truth.contacts[made[0]].indexed.clear()
    pass_hours(crm, 12)
    assert comparisons(crm) == 1 and crm.open().progress.count.unexplained == 1
    crm.fake.truth.erase(made[1])
    pass_hours(crm, 2)
    assert comparisons(crm) == 2 and crm.states()[str(made[1])] == "gone"


def test_a_count_takes_one_call_an_hour(store: Store, project: Project) -> None:
    crm, _ = started(store, project)
    begun, polls = len(crm.fake.calls), 12 * 4
    pass_hours(crm, 12)
    made = crm.fake.calls[begun:]
    searches = sum(path.endswith("contacts/search") for _, path in made)
    listings = sum(method == "GET" and path.endswith("/contacts") for method, path in made)
    assert searches == polls + listings / 2 and 11 <= listings / 2 <= 13


def test_a_count_that_is_refused_stops_no_reading(store: Store, project: Project) -> None:
    crm, made = started(store, project)
    crm.fake.unsearchable = {"createdate"}
    crm.fake.truth.edit(made[0], firstname="Edited")
    pass_hours(crm, 3)
    opened = crm.open()
    assert opened.stored.state == "live" and not opened.stored.reason
    assert crm.book()[mobile(1)]["fname"] == "Edited"
