"""What the feed returns, as ``records``."""

from __future__ import annotations

from datetime import datetime

from msgspec import field

from daftari_client.records import NamedUser, Record


class ChangeAuthor(Record, frozen=True, kw_only=True):
    """What wrote a change: the first characters of the key or the user, the source and the request."""

    key: str | None = None
    user: NamedUser | None = None
    source: str | None = None
    request_id: str | None = None


class ChangedConnection(Record, frozen=True, kw_only=True):
    """The state that a connection went into, and why."""

    id: int
    name: str
    state: str
    reason: str | None = None


class Change(Record, frozen=True, kw_only=True):
    """A change. Ids are ranges, of the first and the last one. What something is now has to be asked."""

    seq: int
    at: datetime
    type: str
    by: ChangeAuthor = ChangeAuthor()
    contact_ids: list[list[int]] = field(default_factory=list)
    group: str | None = None
    former_name: str | None = None
    mobiles: list[str] = field(default_factory=list)
    consent_seqs: list[int] = field(default_factory=list)
    import_id: int | None = field(default=None, name="import")
    campaign_id: int | None = field(default=None, name="campaign")
    trigger_id: int | None = field(default=None, name="trigger")
    message_ids: list[list[int]] = field(default_factory=list)
    connection: ChangedConnection | None = None


class ChangePage(Record, frozen=True, kw_only=True):
    """Part of the feed. ``next`` is the ``after`` of the following call, and ``epoch`` belongs to it."""

    changes: list[Change]
    next: int
    oldest: int = 1
    last: int
    epoch: str | None = None
