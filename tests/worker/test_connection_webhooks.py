"""A worker reads what Pipedrive's webhooks announce: soon, once, and with what is true there in the end."""

from __future__ import annotations

from typing import Any

from daftari.rules.connections import lifecycle, webhook_events
from daftari.rules.connections.views import ConnectionView, show_connection
from daftari.store import Store
from tests.support.connection_steps import mobile
from tests.support.pipedrive_sync import PUBLIC_URL, PipedriveSync

GROUPS = [{"from": "all", "to": "crm"}, {"from": "label:4", "to": "vip"}, {"from": "filter:7", "to": "kisumu"}]


def phone(number: int) -> str:
    return f"+{mobile(number)}"


def started(store: Store, people: Any, *, persons: int = 3, **given: Any) -> tuple[PipedriveSync, list[int]]:
    """A connection that has read some persons; its webhook was made before."""
    sync = PipedriveSync(store, people.shopify, groups=GROUPS[:2], **given)
    ids = [sync.fake.truth.create(f"F{number} L", phone(number)) for number in range(1, persons + 1)]
    sync.fake.truth.take_events()
    sync.pass_time(60.0)
    sync.start()
    sync.run()
    return sync, ids


def view(sync: PipedriveSync) -> ConnectionView:
    return sync.store.read(sync.project, sync.now, show_connection, connection_id=sync.id)


def test_a_person_who_is_announced_is_in_the_group_two_seconds_later(store: Store, people: Any) -> None:
    sync, _ = started(store, people)
    until = sync.open().stored.complete_until
    sync.pass_time(10.0)
    sync.fake.truth.create("New One", phone(9), labels=[4])
    began = sync.clock.now()
    assert sync.announce() == 1
    sync.run(steps_max=1)
    assert mobile(9) not in sync.book()
    sync.run()
    assert sync.members("vip") == {mobile(9)} and mobile(9) in sync.members("crm")
    assert 2.0 <= sync.clock.now() - began <= 3.0
    assert sync.open().stored.complete_until == until


def test_events_of_one_moment_are_read_by_one_call(store: Store, people: Any) -> None:
    sync, ids = started(store, people, persons=50)
    sync.pass_time(1.0)
    for person in ids:
        sync.fake.truth.edit(person, name="New Name")
    sync.announce()
    before = len(sync.fake.calls)
    sync.run()
    assert len(sync.fake.calls) - before == 1
    assert {contact["fname"] for contact in sync.book().values()} == {"New"}


def test_the_same_event_twice_is_one_and_is_read_once(store: Store, people: Any) -> None:
    sync, ids = started(store, people)
    sync.fake.truth.edit(ids[0], name="New Name")
    (event,) = sync.fake.truth.take_events()
    assert (sync.announce([event]), sync.announce([event])) == (1, 0)
    sync.run()
    before = len(sync.fake.calls)
    assert sync.announce([event]) == 0
    sync.pass_time(5.0)
    sync.run()
    assert len(sync.fake.calls) == before


def test_a_merge_is_known_only_by_its_event_in_whatever_order(store: Store, people: Any) -> None:
    for reverse in (False, True):
        sync = PipedriveSync(
            store, people.shopify, name=f"crm {reverse}", groups=[{"from": "all", "to": f"crm {reverse}"}]
        )
        winner, loser = (sync.fake.truth.create("A B", phone(number)) for number in (1, 2))
        sync.fake.truth.take_events()
        sync.pass_time(60.0)
        sync.start()
        sync.run()
        sync.fake.truth.merge(winner, loser)
        events = sync.fake.truth.take_events()
        for event in reversed(events) if reverse else events:
            sync.announce([event])
            sync.run()
        assert sync.states() == {str(winner): "live", str(loser): "merged"}
        assert sync.links()[str(loser)].why == str(winner)
        sync.poll(400.0)
        sync.compare()
        assert sync.states() == {str(winner): "live", str(loser): "merged"}


def test_a_merge_that_comes_after_the_deletion_was_seen_is_a_merge(store: Store, people: Any) -> None:
    sync, (winner, loser, _) = started(store, people)
    sync.fake.truth.merge(winner, loser)
    events = sync.fake.truth.take_events()
    sync.compare()
    assert sync.states()[str(loser)] == "gone"
    sync.announce(events)
    sync.run()
    assert sync.states()[str(loser)] == "merged"


def test_the_winner_of_a_merge_that_no_event_announced_has_its_name_after_one_comparison(
    store: Store, people: Any
) -> None:
    sync, (winner, loser, _) = started(store, people)
    sync.fake.truth.edit(loser, phones=[{"value": phone(8), "primary": True, "label": "mobile"}])
    sync.poll(400.0)
    sync.fake.truth.merge(winner, loser)
    sync.fake.truth.take_events()
    sync.poll(400.0)
    assert sync.links()[str(winner)].mobile == mobile(8)
    sync.compare()
    assert sync.book()[mobile(8)]["fname"] == "F1"


def test_who_is_deleted_there_leaves_the_groups(store: Store, people: Any) -> None:
    sync, ids = started(store, people)
    sync.fake.truth.delete(ids[0])
    sync.announce()
    sync.run()
    assert mobile(1) not in sync.members("crm") and mobile(1) in sync.book()


def test_labels_and_filters_are_groups(store: Store, people: Any) -> None:
    sync = PipedriveSync(store, people.shopify, groups=GROUPS)
    truth = sync.fake.truth
    truth.filters[7] = ("Kisumu", lambda person: person.name.endswith("Kisumu"))
    first = truth.create("Ann Kisumu", phone(1), labels=[4])
    second = truth.create("Ben Nairobi", phone(2), labels=[5])
    sync.pass_time(60.0)
    sync.start()
    sync.run()
    sync.compare()
    assert (sync.members("vip"), sync.members("kisumu")) == ({mobile(1)}, {mobile(1)})
    truth.edit(second, labels=[4])
    truth.edit(first, labels=[])
    sync.announce()
    sync.run()
    assert sync.members("vip") == {mobile(2)}
    truth.edit(second, name="Ben Kisumu")
    truth.edit(first, name="Ann Nairobi")
    sync.poll(400.0)
    sync.compare()
    assert sync.members("kisumu") == {mobile(2)}


def test_a_webhook_that_is_gone_is_made_again_and_that_is_said(store: Store, people: Any) -> None:
    sync, _ = started(store, people)
    (made,) = sync.fake.webhooks.values()
    assert made["subscription_url"].startswith(f"{PUBLIC_URL}/v1/connections/{sync.id}/hook/")
    shown = view(sync)
    assert shown.webhook is not None and shown.webhook.made_at and shown.warnings == []
    sync.fake.webhooks.clear()
    sync.poll(86_400.0)
    assert len(sync.fake.webhooks) == 1
    assert "The webhook was missing in Pipedrive, and was made again" in view(sync).warnings[0]
    sync.poll(86_400.0)
    assert view(sync).warnings == []


def test_without_a_public_url_it_polls_alone_and_says_so(store: Store, people: Any) -> None:
    sync, _ = started(store, people, public_url=None)
    assert sync.fake.webhooks == {}
    assert "polling alone, every 300 seconds" in view(sync).warnings[0]
    sync.fake.truth.create("New One", phone(9))
    sync.poll(400.0)
    assert mobile(9) in sync.members("crm")


def test_a_webhook_that_cannot_be_made_stops_no_reading(store: Store, people: Any) -> None:
    sync, _ = started(store, people, public_url="http://book.example")
    assert sync.members("crm") == {mobile(1), mobile(2), mobile(3)}
    assert "could not be made, so that changes are found by polling alone" in view(sync).warnings[0]
    assert view(sync).state == "live"


def test_a_webhook_that_is_silent_for_long_is_named(store: Store, people: Any) -> None:
    sync, ids = started(store, people)
    for place in range(14):
        sync.fake.truth.edit(ids[0], name=f"N{place} L")
    sync.announce()
    sync.run()
    for _ in range(25):
        sync.poll(3_600.0)
    assert view(sync).warnings == []
    sync.poll(3_600.0)
    sync.poll(3_600.0)
    assert view(sync).warnings[-1].startswith("No webhook for 2")
    assert ", 14 a day before: is the address still right?" in view(sync).warnings[-1]
    sync.fake.truth.edit(ids[0], name="Back L")
    sync.announce()
    sync.run()
    assert view(sync).warnings == []


def test_the_webhook_is_removed_with_its_connection(store: Store, people: Any) -> None:
    sync, ids = started(store, people)
    sync.fake.truth.edit(ids[0], name="New Name")
    (event,) = sync.fake.truth.take_events()
    deliveries = sync.fake.deliver(event)
    sync.write(lifecycle.delete_connection, connection_id=sync.id, leave=False)
    assert all(sync.is_refused(*delivery) for delivery in deliveries)
    sync.run()
    assert sync.fake.webhooks == {}
    assert all(sync.is_refused(*delivery) for delivery in deliveries)


def test_a_connection_is_removed_although_its_webhook_cannot_be(store: Store, people: Any) -> None:
    sync, _ = started(store, people)
    sync.fake.token = "another"
    sync.write(lifecycle.delete_connection, connection_id=sync.id, leave=False)
    sync.run()
    assert sync.links() == {} and len(sync.fake.webhooks) == 1


def test_events_whose_records_cannot_be_read_hold_nothing_up(store: Store, people: Any) -> None:
    sync, ids = started(store, people)
    sync.fake.truth.edit(ids[0], name="New Name")
    sync.announce()
    sync.fake.faults.broken = "ids"
    for _ in range(6):
        sync.poll(400.0)
    assert sync.book()[mobile(1)]["fname"] == "New"
    assert view(sync).state == "live"


def test_events_are_listed_and_replayed_and_deleted_after_a_week(store: Store, people: Any) -> None:
    sync, ids = started(store, people)
    began = sync.clock.moment
    for person in ids:
        sync.pass_time(1.0)
        sync.fake.truth.edit(person, name="New Name")
        sync.announce()
    sync.run()

    def list_events(after: str = "", limit: int = 2) -> webhook_events.WebhookEventPage:
        return store.read(
            sync.project, sync.now, webhook_events.list_events, connection_id=sync.id, after=after, limit=limit
        )

    page = list_events()
    rest = list_events(page.following or "")
    assert [event.records for event in (*page.events, *rest.events)] == [[str(one)] for one in reversed(ids)]
    assert {event.state for event in page.events} == {"settled"} and rest.following is None
    before = len(sync.fake.calls)
    assert sync.write(webhook_events.replay_events, connection_id=sync.id, since=began + 1_500_000) == 2
    sync.run()
    assert len(sync.fake.calls) == before + 1
    sync.pass_time(8 * 86_400.0)
    assert store.read(sync.project, sync.now, webhook_events.has_expired_event)
    sync.write(webhook_events.expire_events)
    assert not store.read(sync.project, sync.now, webhook_events.has_expired_event)
    assert list_events().events == []
