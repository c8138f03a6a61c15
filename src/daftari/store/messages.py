"""Messages, the attempts that providers took, and delivery reports that came before their attempt was stored.

What a state means, and which may follow which, belongs to the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import astuple

from daftari.model.limits import ID_MAX
from daftari.model.messages import MessageState, StoredAttempt, StoredMessage, StoredReport
from daftari.store.engine import Tx, WriteTx


def take_message_ids(tx: WriteTx, *, count: int) -> range:
    """Some ids that no message, nor any other item of the book, has."""
    first = tx.book.next_item
    tx.book.next_item = first + count
    return range(first, first + count)


def insert_messages(tx: WriteTx, *, messages: Iterable[StoredMessage]) -> None:
    """Insert new messages, whose ids are taken from the book."""
    tx.insert_many("message", [(tx.project.id, *astuple(message)) for message in messages])


def save_messages(tx: WriteTx, *, messages: Sequence[StoredMessage]) -> None:
    """Save messages that changed."""
    if messages:
        tx.run("save_messages", items=[astuple(message) for message in messages])


def find_messages(tx: Tx, *, ids: Sequence[int]) -> dict[int, StoredMessage]:
    """Those of some ids that are messages, by id."""
    found = tx.fetch(StoredMessage, "find_messages", ids=ids) if ids else []
    return {message.id: message for message in found}


def find_taken_keys(tx: Tx, *, origin_id: int, keys: Sequence[tuple[int, str]]) -> set[tuple[int, str]]:
    """Which of some pairs of number and key an origin has already."""
    return set(tx.fetch(tuple[int, str], "find_message_keys", origin_id=origin_id, items=keys))


Round = tuple[int, int, str, str, int]
"""A trigger, a number, the first and the last key that a message of an event's key may have, and how long it is."""


def find_last_rounds(tx: Tx, *, rounds: Sequence[Round]) -> list[StoredMessage]:
    """The last message of each of some keys of triggers."""
    found = tx.fetch(tuple[int | None], "find_last_round_ids", items=rounds) if rounds else []
    return [*find_messages(tx, ids=sorted({number for (number,) in found if number is not None})).values()]


def find_last_sent_by(tx: Tx, *, origin_id: int, mobiles: Sequence[int]) -> dict[int, int]:
    """When each of some numbers was sent a message of a trigger last, or perhaps was."""
    return dict(tx.fetch(tuple[int, int], "find_last_sent_by", origin_id=origin_id, subject_ids=mobiles))


def list_waiting_origins(tx: Tx, *, sender_id: int) -> list[int]:
    """The campaigns and triggers of which messages wait at a sender; 0 stands for calls."""
    origins, after = list[int](), -1
    while (origin_id := tx.fetch_one(int, "find_waiting_origin", sender_id=sender_id, after=after)) is not None:
        origins.append(origin_id)
        after = origin_id
    return origins


def has_open_messages(tx: Tx, *, sender_id: int) -> bool:
    """Whether a message of a sender waits, or is being sent."""
    return tx.one("find_open_message", sender_id=sender_id) is not None


def has_sending_messages(tx: Tx, *, sender_id: int) -> bool:
    """Whether a message of a sender is being sent, or its worker died."""
    return tx.one("find_sending_message", sender_id=sender_id) is not None


def list_due_messages(tx: Tx, *, sender_id: int, origin_id: int, limit: int) -> list[StoredMessage]:
    """At most ``limit`` messages that wait and are due, the longest first."""
    return tx.fetch(
        StoredMessage, "list_due_messages", sender_id=sender_id, origin_id=origin_id, now=tx.now, limit=limit
    )


def list_waiting_messages(tx: Tx, *, sender_id: int, origin_id: int, limit: int) -> list[StoredMessage]:
    """At most ``limit`` messages that wait, due or not, the longest first."""
    return tx.fetch(
        StoredMessage, "list_due_messages", sender_id=sender_id, origin_id=origin_id, now=ID_MAX, limit=limit
    )


def list_in_states(
    tx: Tx, *, origin_id: int, states: Sequence[MessageState], after: int, limit: int
) -> list[StoredMessage]:
    """At most ``limit`` messages of an origin in some states after an id, in order."""
    found: list[int] = []
    for state in states:
        found += tx.fetch(int, "list_ids_in_state", origin_id=origin_id, state=state, after=after, limit=limit)
    chosen = sorted(found)[:limit]
    return sorted(find_messages(tx, ids=chosen).values(), key=lambda message: message.id)


def list_with_reason(tx: Tx, *, origin_id: int, reason: str, state: str, after: int, limit: int) -> list[StoredMessage]:
    """At most ``limit`` messages of an origin with a reason after an id, in order; in any state where it is empty."""
    return tx.fetch(
        StoredMessage,
        "list_messages_with_reason",
        origin_id=origin_id, reason=reason, state=state, after=after, limit=limit,
    )  # fmt: skip


def list_last_went(tx: Tx, *, origin_id: int, limit: int) -> list[StoredMessage]:
    """At most ``limit`` messages of a trigger that were sent, or perhaps were, the last one first."""
    return tx.fetch(StoredMessage, "list_last_went", origin_id=origin_id, limit=limit)


def list_last_stayed(tx: Tx, *, origin_id: int, limit: int) -> list[StoredMessage]:
    """At most ``limit`` messages of a trigger that ended without reaching anyone, the last one first."""
    return tx.fetch(StoredMessage, "list_last_stayed", origin_id=origin_id, limit=limit)


def list_newest_in_state(
    tx: Tx, *, origin_id: int, state: MessageState, reason: str, before: int, limit: int
) -> list[StoredMessage]:
    """At most ``limit`` messages of a trigger in a state before an id, the newest first.

    For any reason where it is empty.
    """
    wanted = {"origin_id": origin_id, "state": state, "before": before, "limit": limit}
    if not reason:
        return tx.fetch(StoredMessage, "list_newest_in_state", **wanted)
    return tx.fetch(StoredMessage, "list_newest_with_reason", **wanted, reason=reason)


def find_next_due(tx: Tx, *, sender_id: int, origin_id: int) -> int | None:
    """When the next message of an origin is due."""
    return tx.fetch_one(int, "find_next_due", sender_id=sender_id, origin_id=origin_id)


def list_sending_before(tx: Tx, *, sender_id: int, fence: int, limit: int) -> list[StoredMessage]:
    """At most ``limit`` messages that were claimed under an earlier fence and whose end is not known."""
    return tx.fetch(StoredMessage, "list_sending_messages", sender_id=sender_id, fence=fence, limit=limit)


def list_messages_of(tx: Tx, *, mobile: int, after: int, limit: int) -> list[StoredMessage]:
    """At most ``limit`` messages to a number after an id, in order."""
    return tx.fetch(StoredMessage, "list_messages_of", subject_id=mobile, after=after, limit=limit)


def list_newest_messages_of(tx: Tx, *, mobile: int, before: int, limit: int) -> list[StoredMessage]:
    """At most ``limit`` messages to a number before an id, the newest first; 0 means from the newest on."""
    return tx.fetch(StoredMessage, "list_newest_messages_of", subject_id=mobile, before=before or ID_MAX, limit=limit)


def list_messages(tx: Tx, *, after: int, limit: int) -> list[StoredMessage]:
    """At most ``limit`` messages after an id, in order."""
    return tx.fetch(StoredMessage, "list_messages", after=after, limit=limit)


def count_recent(tx: Tx, *, mobiles: Sequence[int], since: int, purpose: str) -> dict[int, int]:
    """How many messages of a purpose each of some numbers was sent since a time, or perhaps was."""
    rows = tx.fetch(tuple[int, int], "count_recent_messages", subject_ids=mobiles, since=since, purpose=purpose)
    return dict(rows)


def list_due_lookups(tx: Tx, *, sender_id: int, limit: int) -> list[StoredMessage]:
    """At most ``limit`` messages whose end is unknown and that are to be looked for now, the longest due first."""
    return tx.fetch(StoredMessage, "list_due_lookups", sender_id=sender_id, now=tx.now, limit=limit)


# ---- attempts and reports ---------------------------------------------------------------------------


def find_attempts(tx: Tx, *, sender_id: int, provider_ids: Sequence[str]) -> list[StoredAttempt]:
    """The attempts that a sender's provider calls by these ids."""
    return tx.fetch(StoredAttempt, "find_attempts", sender_id=sender_id, provider_ids=provider_ids)


def list_attempts(tx: Tx, *, ids: Sequence[int]) -> list[StoredAttempt]:
    """The attempts of some messages, in order."""
    return tx.fetch(StoredAttempt, "list_attempts", ids=ids)


def list_provider_ids(tx: Tx, *, sender_id: int, mobile: int, since: int) -> list[str]:
    """What a sender's provider calls the messages to a number that were sent since a time."""
    return tx.fetch(str, "list_provider_ids", sender_id=sender_id, subject_id=mobile, since=since)


def save_attempts(tx: WriteTx, *, attempts: Sequence[StoredAttempt]) -> None:
    """Insert attempts, or save what their parts came to."""
    if attempts:
        tx.run("save_attempts", items=[astuple(attempt) for attempt in attempts])


def insert_reports(tx: WriteTx, *, reports: Iterable[StoredReport]) -> None:
    """Keep reports whose attempt is not known yet."""
    tx.insert_many("report", [(tx.project.id, *astuple(report)) for report in reports])


def take_reports(tx: WriteTx, *, sender_id: int, provider_ids: Sequence[str]) -> list[StoredReport]:
    """Returns the reports that were kept for these ids, in the order in which they came, and deletes them."""
    found = tx.fetch(StoredReport, "find_reports", sender_id=sender_id, provider_ids=provider_ids)
    if found:
        tx.run("delete_reports", sender_id=sender_id, provider_ids=provider_ids)
    return found


def has_expired_report(tx: Tx) -> bool:
    """Whether a report waited for too long."""
    return tx.one("has_expired_report", now=tx.now) is not None


def delete_expired_reports(tx: WriteTx, *, limit: int) -> int:
    """Delete at most ``limit`` reports that waited for too long. Returns how many."""
    return tx.run("delete_expired_reports", now=tx.now, limit=limit)


# ---- replies ----------------------------------------------------------------------------------------


class Reply(Struct, frozen=True):
    """What a person wrote after a message."""

    message_id: int
    at: int
    text: str


def find_last_sent(tx: Tx, *, mobile: int) -> tuple[int, int] | None:
    """The last message to a number that was sent, or perhaps was: its id and that of its origin."""
    return tx.fetch_one(tuple[int, int], "find_last_sent", subject_id=mobile)


def insert_reply(tx: WriteTx, *, message_id: int, origin_id: int, at: int, digest: str, text: str) -> None:
    """Keep what a person wrote back; the same inbound message once."""
    (number,) = take_message_ids(tx, count=1)
    tx.run("insert_reply", message_id=message_id, id=number, origin_id=origin_id, at=at, digest=digest, text=text)


def mark_reply(tx: WriteTx, *, digest: str, opted_out: bool) -> None:
    """Note whether an inbound message, if it is a reply, was an opt-out."""
    tx.run("mark_reply", digest=digest, opted_out=int(opted_out))


def count_opted_out(tx: Tx, *, origin_id: int) -> int:
    """How many people answered a message of a campaign with an opt-out."""
    return tx.fetch_one(int, "count_opted_out", origin_id=origin_id) or 0


def list_opted_out(tx: Tx, *, origin_id: int, after: int, limit: int) -> list[StoredMessage]:
    """At most ``limit`` messages of a campaign after an id that were answered with an opt-out, in order."""
    ids = tx.fetch(int, "list_opted_out", origin_id=origin_id, after=after, limit=limit)
    return sorted(find_messages(tx, ids=ids).values(), key=lambda message: message.id)


def list_replies(tx: Tx, *, ids: Sequence[int]) -> list[Reply]:
    """What people wrote back to some messages, in order."""
    return tx.fetch(Reply, "list_replies", ids=ids) if ids else []


# ---- forgetting -------------------------------------------------------------------------------------


def forget_details(tx: WriteTx, *, ids: Sequence[int]) -> int:
    """Delete the provider's ids of some messages, and what people wrote back. Returns how many replies."""
    tx.run("delete_attempts", ids=ids)
    return tx.run("delete_replies", ids=ids)


def delete_subject_reports(tx: WriteTx, *, mobile: int) -> int:
    """Delete the reports about a number that wait for their messages. Returns how many."""
    return tx.run("delete_subject_reports", subject_id=mobile)
