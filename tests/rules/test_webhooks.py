"""What a webhook is delivered: in order, each change at least once, whatever its server and people do meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from daftari.errors import FeedReset, ValidationFailed
from daftari.model.limits import CHANGES_PER_DELIVERY_MAX, FEED_DAYS
from daftari.model.projects import Project
from daftari.model.time import current_time, format_time
from daftari.outbound.exchange import NotSent, OutboundResponse, PerhapsSent
from daftari.rules import feed
from daftari.rules.erasure.clear import clear_erased
from daftari.rules.webhooks import delivery, lifecycle
from daftari.rules.webhooks.calls import Attempt, compose_call, read_answer
from daftari.rules.webhooks.delivery import PAUSE_SECONDS_MAX, claim_batch, find_pause
from daftari.rules.webhooks.log import expire_deliveries, has_expired_delivery
from daftari.rules.webhooks.model import write_secret
from daftari.store import Store
from tests.support import calls, consent_calls
from tests.support.builders import rows_of
from tests.support.calls import WORKER
from tests.support.stores import NOW
from tests.support.webhook_steps import DAY, HOUR, SECOND, Delivering, body_of

FIRST = 254_722_000_001


@pytest.fixture
def project(store: Store) -> Project:
    return calls.create_project(store)


@pytest.fixture
def hook(store: Store, project: Project) -> Delivering:
    return Delivering(store, project)


def make_groups(hook: Delivering, *names: str) -> None:
    """A change each."""
    for name in names:
        calls.create_group(hook.store, hook.project, name, now=hook.now)


def people(count: int, *, first: int = FIRST) -> list[dict[str, Any]]:
    return [{"mobile": first + place} for place in range(count)]


def last_seq(hook: Delivering) -> int:
    return hook.store.read(hook.project, hook.now, feed.get_last_seq)


def expire_feed(hook: Delivering) -> None:
    while hook.store.read(hook.project, hook.now, feed.has_expired_change):
        hook.write(feed.expire_changes)


def signature_of(attempt: Attempt) -> dict[str, str]:
    return dict(compose_call(attempt, now=current_time()).headers)


# ---- in order, at least once ----------------------------------------------------------------------------


def test_changes_come_in_order_a_hundred_a_call_and_each_once(hook: Delivering) -> None:
    make_groups(hook, *(f"G{number}" for number in range(CHANGES_PER_DELIVERY_MAX + 20)))
    bodies = hook.deliver()
    assert [len(body["data"]["changes"]) for body in bodies] == [CHANGES_PER_DELIVERY_MAX, 20]
    seqs = [change["seq"] for body in bodies for change in body["data"]["changes"]]
    assert seqs == list(range(1, CHANGES_PER_DELIVERY_MAX + 21))
    assert {body["type"] for body in bodies} == {"feed.changes"}
    assert not hook.is_open()
    assert (hook.show().after, hook.show().behind) == (CHANGES_PER_DELIVERY_MAX + 20, 0)


def test_a_change_is_delivered_as_the_feed_shows_it(hook: Delivering) -> None:
    calls.create_contacts(hook.store, hook.project, people(3), group="VIP")
    (body,) = hook.deliver()
    page = hook.store.read(hook.project, NOW, feed.read_changes, after=0, limit=10)
    assert body["data"] == {
        "webhook": hook.id,
        "epoch": page.epoch,
        "changes": [
            {name: value for name, value in shown.items() if value is not None} for shown in feed_rows(page.changes)
        ],
    }
    assert body["timestamp"] == format_time(NOW)


def feed_rows(changes: list[feed.ChangeView]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(changes))
    return rows


def test_what_was_there_before_a_webhook_is_not_delivered(store: Store, project: Project) -> None:
    calls.create_group(store, project, "Before")
    hook = Delivering(store, project)
    assert not hook.is_open() and hook.deliver() == []
    make_groups(hook, "After")
    assert hook.is_open() and hook.seqs() == [2]


def test_what_failed_is_repeated_with_the_same_id_and_the_same_bytes_whatever_came_since(hook: Delivering) -> None:
    make_groups(hook, "A", "B")
    first = hook.claimed()
    hook.answer(first, 500)
    make_groups(hook, "C")
    calls.update_group(hook.store, hook.project, "A", "Other", now=hook.now)
    calls.delete_group(hook.store, hook.project, "B", now=hook.now)
    hook.update(types=["group.renamed"], groups=["C"])
    again = hook.claimed()
    assert (again.message_id, again.body) == (first.message_id, first.body)
    assert signature_of(again)["webhook-id"] == f"{hook_epoch(hook)}-{hook.project.id}-{hook.id}-1-2-0"
    hook.answer(again)
    hook.update(types=[], groups=None)
    assert hook.seqs() == [3, 4, 5]


def hook_epoch(hook: Delivering) -> str:
    return hook.store.read(hook.project, hook.now, lambda tx: tx.epoch())


def test_nothing_passes_a_batch_that_was_not_taken(hook: Delivering) -> None:
    make_groups(hook, "A")
    hook.answer(hook.claimed(), 503)
    make_groups(hook, "B")
    assert hook.claim() is None and not hook.is_open()
    hook.wait(HOUR)
    assert hook.seqs() == [1, 2]


def test_an_attempt_of_which_nothing_is_known_is_repeated(hook: Delivering) -> None:
    make_groups(hook, "A")
    lost = hook.claimed()
    again = hook.claimed()
    assert (again.message_id, again.body) == (lost.message_id, lost.body)
    hook.answer(lost)
    assert hook.show().after == 0, "another worker has begun another attempt"
    hook.answer(again)
    assert hook.show().after == 1


def test_a_body_is_the_same_when_an_erasure_makes_it_say_more(
    hook: Delivering, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A range that loses a contact in its middle is two: what fitted into a call may be too much for one now.
    monkeypatch.setattr(feed, "CHANGED_NUMBERS_MAX", 3)
    calls.create_contacts(hook.store, hook.project, people(3))
    calls.update_contact(hook.store, hook.project, "1", {"city": "Kisumu"})
    calls.update_contact(hook.store, hook.project, "3", {"city": "Kisumu"})
    first = hook.claimed()
    assert [change["seq"] for change in body_of(first)["data"]["changes"]] == [1, 2, 3]
    hook.answer(first, 500)
    consent_calls.erase_number(hook.store, hook.project, FIRST + 1, now=hook.now)
    while hook.write(clear_erased):
        pass
    hook.wait(HOUR)
    again = hook.claimed()
    found = [(change["seq"], change["contact_ids"]) for change in body_of(again)["data"]["changes"]]
    assert found == [(1, [[1, 1], [3, 3]]), (2, [[1, 1]]), (3, [[3, 3]])]
    hook.answer(again)
    assert hook.show().after == 3


def test_an_erased_number_is_not_in_a_repetition(hook: Delivering) -> None:
    calls.delete_contact(hook.store, hook.project, str(FIRST), now=hook.now)
    calls.create_contacts(hook.store, hook.project, people(2), now=hook.now)
    calls.delete_contact(hook.store, hook.project, str(FIRST + 1), now=hook.now)
    first = hook.claimed()
    assert str(FIRST).encode() in first.body and str(FIRST + 1).encode() in first.body
    hook.answer(first, 500)
    consent_calls.erase_number(hook.store, hook.project, FIRST, now=hook.now)
    hook.wait(HOUR)
    again = hook.claimed()
    assert again.message_id == first.message_id
    assert str(FIRST).encode() not in again.body and str(FIRST + 1).encode() in again.body
    hook.answer(again)
    assert [change["type"] for body in hook.deliver() for change in body["data"]["changes"]][-1] == "contacts.erased"


# ---- what an answer means -------------------------------------------------------------------------------


@given(attempts=st.integers(1, 10_000), asked=st.none() | st.floats(0, 86_400), jitter=st.floats(0, 1))
def test_a_pause_is_at_most_an_hour_and_never_shorter_than_what_was_asked_for(
    attempts: int, asked: float | None, jitter: float
) -> None:
    pause = find_pause(attempts, retry_after_seconds=asked, jitter=jitter)
    assert pause >= (asked or 0)
    assert 3 <= pause <= max(PAUSE_SECONDS_MAX, asked or 0)
    assert pause >= find_pause(max(1, attempts - 4), retry_after_seconds=None, jitter=jitter)


def test_an_attempt_waits_for_its_time_and_the_state_is_shown_until_then(hook: Delivering) -> None:
    make_groups(hook, "A")
    hook.answer(hook.claimed(), 503, retry_after=7_200)
    shown = hook.show()
    assert (shown.state, shown.attempts, shown.problem) == ("enabled", 1, "It answered 503.")
    assert (shown.failing_since, shown.next_attempt_at) == (format_time(NOW), format_time(NOW + 7_200 * SECOND))
    hook.wait(7_199 * SECOND)
    assert not hook.is_open() and hook.claim() is None
    hook.wait(SECOND)
    assert hook.is_open() and hook.seqs() == [1]
    shown = hook.show()
    assert (shown.attempts, shown.problem, shown.failing_since, shown.next_attempt_at) == (0, None, None, None)


def test_410_disables_at_once_and_a_resume_goes_on_with_the_same_batch(hook: Delivering) -> None:
    make_groups(hook, "A")
    first = hook.claimed()
    assert "410" in hook.answer(first, 410)
    shown = hook.show()
    assert (shown.state, shown.reason, shown.after) == ("disabled", delivery.TAKES_NO_MORE, 0)
    make_groups(hook, "B")
    hook.wait(30 * DAY)
    assert not hook.is_open() and hook.claim() is None
    hook.pause()
    assert hook.show().state == "disabled"
    assert hook.resume().state == "enabled"
    again = hook.claimed()
    assert (again.message_id, again.body) == (first.message_id, first.body)
    hook.answer(again)
    assert hook.seqs() == [2]


def test_five_days_without_an_answer_of_2xx_disable(hook: Delivering) -> None:
    make_groups(hook, "A")
    for _ in range(5 * 24):
        assert hook.answer(hook.claimed(), 500) == ""
        hook.wait(HOUR)
    assert hook.show().state == "enabled"
    reason = hook.answer(hook.claimed(), 500)
    assert reason == f"It took nothing since {format_time(NOW)}. It answered 500."
    assert (hook.show().state, hook.show().reason, hook.show().after) == ("disabled", reason, 0)
    hook.resume()
    assert hook.answer(hook.claimed(), 500) == "", "the five days begin again"
    hook.wait(HOUR)
    assert hook.seqs() == [1]


def test_a_success_ends_the_five_days(hook: Delivering) -> None:
    for number in range(8):
        make_groups(hook, f"G{number}")
        assert hook.answer(hook.claimed(), 500) == ""
        hook.wait(DAY)
        hook.answer(hook.claimed())
    assert hook.show().state == "enabled"


def response(status: int, body: bytes = b"", **headers: str) -> OutboundResponse:
    return OutboundResponse(status=status, headers=headers, body=body, incomplete=None, retry_after_seconds=None)


def test_only_2xx_takes_a_delivery_and_an_error_says_the_first_words_without_numbers() -> None:
    for status in (200, 204, 299):
        assert read_answer(response(status, b"no"), milliseconds=1).error == ""
    said = read_answer(response(500, b'{"error": "cannot take +254 722-000 001 <b>"}\n' + b"x" * 900), milliseconds=1)
    assert said.error.startswith("""It answered 500: '{"error": "cannot take … <b>"} xxx""")
    assert len(said.error) < 300
    assert "redirect" in read_answer(response(302), milliseconds=1).error
    assert read_answer(response(404), milliseconds=1).error == "It answered 404."
    for lost in (NotSent("address", "It is private."), PerhapsSent("timeout", "It was late.")):
        found = read_answer(lost, milliseconds=15_000)
        assert (found.status, found.error) == (0, lost.message)


def test_what_a_person_changes_is_tried_at_once_and_an_attempt_under_way_does_not_count(hook: Delivering) -> None:
    make_groups(hook, "A")
    for _ in range(12):
        hook.answer(hook.claimed(), 500)
        hook.wait(HOUR)
    slow = hook.claimed()
    hook.update(url="https://crm.example/better")
    hook.answer(slow, 500)
    assert (hook.show().attempts, hook.show().next_attempt_at) == (0, None)
    assert hook.claimed().url == "https://crm.example/better"
    hook.answer(hook.claimed())
    (log,) = hook.log()
    assert (log.state, log.attempts, log.status, log.error) == ("delivered", 13, 204, None)


def test_an_answer_that_comes_after_a_pause_counts_and_after_a_delete_is_nothing(hook: Delivering) -> None:
    make_groups(hook, "A", "B")
    attempt = hook.claimed()
    hook.pause()
    hook.answer(attempt)
    assert (hook.show().after, hook.claim()) == (2, None)
    hook.resume()
    make_groups(hook, "C")
    attempt = hook.claimed()
    hook.write(lifecycle.delete_webhook, webhook_id=hook.id)
    assert hook.answer(attempt) == "" and hook.claim() is None


# ---- again, and from elsewhere --------------------------------------------------------------------------


def test_a_replay_delivers_again_from_any_change_under_other_ids(hook: Delivering) -> None:
    make_groups(hook, "A", "B", "C")
    before = hook.claimed().message_id
    assert hook.seqs() == [1, 2, 3]
    for after in (0, 2, 3):
        hook.replay(after)
        assert hook.is_open() is (after < 3)
        ids = []
        while (attempt := hook.claim()) is not None:
            ids.append(attempt.message_id)
            assert [change["seq"] for change in body_of(attempt)["data"]["changes"]] == list(range(after + 1, 4))
            hook.answer(attempt)
        assert before not in ids
    assert hook.show().replay == 3


def test_a_replay_takes_the_place_of_what_is_under_way(hook: Delivering) -> None:
    make_groups(hook, "A", "B")
    assert hook.seqs() == [1, 2]
    make_groups(hook, "C")
    hook.answer(hook.claimed(), 500)
    hook.wait(HOUR)
    slow = hook.claimed()
    hook.replay(0)
    hook.answer(slow)
    assert hook.show().after == 0
    assert hook.seqs() == [1, 2, 3]
    assert [(log.first, log.last, log.replay, log.state) for log in hook.log()] == [
        (1, 2, 0, "delivered"),
        (3, 3, 0, "replaced"),
        (1, 3, 1, "delivered"),
    ]


def test_a_replay_of_what_was_not_delivered_yet_is_refused(hook: Delivering) -> None:
    make_groups(hook, "A")
    with pytest.raises(ValidationFailed, match="at most 0"):
        hook.replay(1)


def test_a_paused_webhook_goes_on_from_where_it_was(hook: Delivering) -> None:
    make_groups(hook, "A")
    assert hook.seqs() == [1]
    hook.pause()
    make_groups(hook, "B")
    assert not hook.is_open() and hook.claim() is None
    assert (hook.show().state, hook.show().behind) == ("paused", 1)
    hook.resume()
    assert hook.seqs() == [2]


def test_the_feed_keeps_what_an_enabled_webhook_has_not_had_and_does_not_wait_for_a_paused_one(
    hook: Delivering, store: Store, project: Project
) -> None:
    other = Delivering(store, project)
    make_groups(hook, "A", "B")
    assert other.seqs() == [1, 2]
    hook.wait((FEED_DAYS + 1) * DAY)
    expire_feed(hook)
    assert hook.store.read(project, hook.now, feed.find_place).oldest == 1
    hook.pause()
    expire_feed(hook)
    assert hook.store.read(project, hook.now, feed.find_place).oldest == 3


def test_a_webhook_whose_changes_are_gone_is_told_so_and_goes_on_from_the_oldest_one(hook: Delivering) -> None:
    make_groups(hook, "A", "B")
    hook.answer(hook.claimed(), 500)
    hook.pause()
    hook.wait((FEED_DAYS - 1) * DAY)
    make_groups(hook, "C", "D")
    hook.wait(2 * DAY)
    expire_feed(hook)
    hook.resume()
    first = hook.claimed()
    reset = body_of(first)
    assert (reset["type"], reset["timestamp"]) == ("feed.reset", format_time(hook.now))
    assert reset["data"] == {"webhook": hook.id, "epoch": hook_epoch(hook), "oldest": 3, "last": 4}
    hook.answer(first, 500)
    hook.wait(HOUR)
    make_groups(hook, "E")
    again = hook.claimed()
    assert (again.message_id, again.body) == (first.message_id, first.body)
    hook.answer(again)
    assert hook.seqs() == [3, 4, 5]
    assert [(log.kind, log.state) for log in hook.log()] == [
        ("changes", "replaced"),
        ("reset", "delivered"),
        ("changes", "delivered"),
    ]
    with pytest.raises(FeedReset, match="begins with change 3"):
        hook.replay(1)


def test_a_reset_is_delivered_even_when_a_replay_is_asked_for_first(
    hook: Delivering, change: Callable[[str], None]
) -> None:
    make_groups(hook, "A")
    assert hook.seqs() == [1]
    change("UPDATE webhook SET epoch = 'another'")
    with pytest.raises(FeedReset, match="resume the webhook"):
        hook.replay(0)
    hook.resume()
    hook.replay(0)
    assert [body["type"] for body in hook.deliver()] == ["feed.reset", "feed.changes"]


def test_a_restored_or_copied_book_delivers_nothing_until_somebody_resumes_it(
    hook: Delivering, change: Callable[[str], None]
) -> None:
    make_groups(hook, "A")
    hook.answer(hook.claimed(), 500)
    change("UPDATE webhook SET epoch = 'another'")
    hook.wait(HOUR)
    assert hook.is_open(), "a worker looks at it, and then makes no call"
    assert hook.claim() is None
    assert (hook.show().state, hook.show().reason) == ("disabled", delivery.RESTORED)
    assert not hook.is_open()
    hook.resume()
    bodies = hook.deliver()
    assert [body["type"] for body in bodies] == ["feed.reset", "feed.changes"]
    assert bodies[0]["data"]["oldest"] == 1
    assert [change["seq"] for change in bodies[1]["data"]["changes"]] == [1]


# ---- types and groups -----------------------------------------------------------------------------------


def test_only_changes_of_the_types_are_delivered_and_the_others_cost_no_call(store: Store, project: Project) -> None:
    hook = Delivering(store, project, types=["group.deleted", "group.created"])
    calls.create_contacts(store, project, people(3), group="VIP")
    calls.update_contact(store, project, "1", {"city": "Kisumu"})
    assert hook.show().types == ["group.created", "group.deleted"]
    (body,) = hook.deliver()
    assert [change["type"] for change in body["data"]["changes"]] == ["group.created"]
    assert (hook.show().after, hook.show().behind) == (4, 0)
    calls.update_contact(store, project, "1", {"city": "Nakuru"})
    assert hook.is_open() and hook.claim() is None and not hook.is_open()
    assert len(hook.log()) == 1


def test_only_changes_of_the_groups_are_delivered_and_every_erasure(store: Store, project: Project) -> None:
    calls.create_contacts(store, project, people(3), group="VIP")
    calls.create_group(store, project, "Other")
    hook = Delivering(store, project, groups=["vip"])
    assert hook.show().groups == ["VIP"]
    calls.join_group(store, project, "Other", ids=[1, 2], mobiles=[])
    calls.join_group(store, project, "VIP", ids=[1], mobiles=[])
    calls.leave_group(store, project, "VIP", ids=[1], mobiles=[])
    calls.delete_contact(store, project, "2")
    calls.update_group(store, project, "VIP", "Gold")
    calls.delete_group(store, project, "Other")
    consent_calls.erase_number(store, project, FIRST + 2, now=NOW)
    calls.delete_group(store, project, "Gold")
    (body,) = hook.deliver()
    found = [(change["type"], change.get("group")) for change in body["data"]["changes"]]
    assert found == [
        ("group.left", "VIP"),
        ("group.left", "VIP"),
        ("group.renamed", "Gold"),
        ("contacts.erased", None),
        ("group.deleted", "Gold"),
    ]


def test_a_group_that_is_made_again_under_its_name_is_followed(store: Store, project: Project) -> None:
    calls.create_group(store, project, "VIP")
    hook = Delivering(store, project, groups=["VIP"])
    calls.update_group(store, project, "VIP", "Gold")
    assert hook.seqs() == [2] and hook.show().groups == ["Gold"]
    calls.delete_group(store, project, "Gold")
    calls.create_contacts(store, project, people(1), group="gold")
    types = [change["type"] for body in hook.deliver() for change in body["data"]["changes"]]
    assert types == ["group.deleted", "group.created", "group.joined"]


def test_a_long_feed_of_other_groups_is_passed_in_steps(
    store: Store, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "CHANGES_SEARCHED_MAX", 4)
    monkeypatch.setattr(feed, "ROWS_AT_ONCE", 2)
    calls.create_group(store, project, "VIP")
    hook = Delivering(store, project, groups=["VIP"])
    make_groups(hook, *(f"G{number}" for number in range(10)))
    calls.update_group(store, project, "VIP", "Gold")
    first = hook.write(claim_batch, webhook_id=hook.id)
    assert (first.attempt, first.has_more, hook.show().after) == (None, True, 5)
    assert hook.seqs() == [12]


def test_a_group_or_type_that_is_not_there_is_refused_and_so_is_a_url_that_would_never_be_called(
    store: Store, project: Project
) -> None:
    wrong: dict[str, Any] = {"groups": ["Unknown"], "types": ["contacts.made"]}
    for url in ("", "ftp://crm.example", "http://crm.example/", "https://10.0.0.7/", "https://[::1]/", "crm.example"):
        with pytest.raises(ValidationFailed) as refused:
            Delivering(store, project, url=url, **wrong)
        assert sorted(refused.value.errors) == ["groups", "types", "url"]


# ---- secrets --------------------------------------------------------------------------------------------


def verifies(secret: str, attempt: Attempt) -> bool:
    try:
        Webhook(secret).verify(attempt.body, signature_of(attempt))
    except WebhookVerificationError:
        return False
    return True


def test_a_rotated_secret_and_the_new_one_both_sign_for_a_day(hook: Delivering) -> None:
    make_groups(hook, "A")
    assert verifies(hook.secret, hook.claimed())
    new = write_secret()
    shown = hook.write(lifecycle.rotate_secret, webhook_id=hook.id, secret=new)
    assert shown.former_secret_until == format_time(NOW + DAY)
    both = hook.claimed()
    assert len(signature_of(both)["webhook-signature"].split(" ")) == 2
    assert verifies(hook.secret, both) and verifies(new, both) and not verifies(write_secret(), both)
    hook.wait(DAY)
    later = hook.claimed()
    assert verifies(new, later) and not verifies(hook.secret, later)
    assert hook.show().former_secret_until is None
    assert later.body == both.body


def test_a_secret_is_in_no_row_and_no_repr(hook: Delivering, database: str) -> None:
    make_groups(hook, "A")
    attempt = hook.claimed()
    assert str(hook.secret) not in repr(attempt) and str(hook.secret) not in repr(hook.show())
    for table in ("webhook", "webhook_delivery", "journal"):
        assert str(hook.secret).encode() not in repr(rows_of(database, f"SELECT * FROM {table}")).encode()
    assert hook.secret.startswith("whsec_") and len(hook.secret) == 50


def test_a_secret_that_cannot_be_read_disables_until_another_one_is_made(
    hook: Delivering, store: Store, project: Project, change: Callable[[str], None]
) -> None:
    other = Delivering(store, project)
    make_groups(hook, "A")
    others = f"(SELECT w.secrets FROM webhook AS w WHERE w.id = {other.id})"
    change(f"UPDATE webhook SET secrets = {others} WHERE id = {hook.id}")
    assert hook.claim() is None
    assert (hook.show().state, hook.show().reason) == ("disabled", delivery.UNSEALED)
    new = write_secret()
    hook.write(lifecycle.rotate_secret, webhook_id=hook.id, secret=new)
    hook.resume()
    assert verifies(new, hook.claimed())


# ---- the log --------------------------------------------------------------------------------------------


def test_the_log_has_every_delivery_for_ninety_days_and_no_bodies(hook: Delivering, database: str) -> None:
    calls.create_contacts(hook.store, hook.project, people(1), group="VIP")
    hook.answer(hook.claimed(), 500)
    hook.wait(HOUR)
    hook.deliver()
    (log,) = hook.log()
    assert (log.first, log.last, log.changes, log.state, log.attempts) == (1, 3, 3, "delivered", 2)
    assert (log.created_at, log.tried_at, log.milliseconds) == (format_time(NOW), format_time(NOW + HOUR), 83)
    assert str(FIRST) not in repr(rows_of(database, "SELECT * FROM webhook_delivery"))
    hook.wait(FEED_DAYS * DAY - 2 * HOUR)
    assert not store_has_expired(hook)
    hook.wait(2 * HOUR)
    assert store_has_expired(hook)
    hook.store.write(hook.project, WORKER, hook.now, expire_deliveries)
    assert hook.log() == [] and not store_has_expired(hook)


def store_has_expired(hook: Delivering) -> bool:
    return hook.store.read(hook.project, hook.now, has_expired_delivery)
