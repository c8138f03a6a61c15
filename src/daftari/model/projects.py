"""Records of projects, their settings, their keys and who acts. No rules, no SQL."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from daftari.model.limits import FEED_DAYS

OnError = Literal["refuse", "skip"]
StopScope = Literal["everything", "channel", "sender", "marketing"]
"""What a plain STOP and a DELETE mean: everything; everything on that channel; that sender there; all marketing."""
OnDelete = Literal["opt_out", "removal"]
KeyKind = Literal["read", "write", "manage"]
KEY_KINDS: tuple[KeyKind, ...] = ("read", "write", "manage")
"""What a key may do: each kind also what the kinds before it may."""

WORKER_REQUEST = "worker"
"""The request of writes that no request asked for."""


class Cap(Struct, frozen=True):
    """At most so many messages to a number in so many hours."""

    messages: int
    hours: int


class ConsentSettings(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a project reads what people say. ``None`` means the default of the region, or Daftari's own."""

    stop_scope: StopScope = "everything"
    on_delete: OnDelete = "opt_out"
    require_opt_in: bool = False
    """Whether a number without an opt-in may not be messaged."""
    quiet_hours: str | None = None
    """When sending is allowed, ``08:00-18:00 Africa/Nairobi``, or ``off``."""
    opt_out_words: tuple[str, ...] | None = None
    opt_in_words: tuple[str, ...] | None = None
    help_words: tuple[str, ...] | None = None
    caps: dict[str, Cap] = {}
    """How often a number may be messaged, by purpose."""


class Project(Struct, frozen=True):
    """A project: one book of contacts, with its own keys and ids."""

    id: int
    name: str
    region: str
    on_error: OnError
    created_at: int
    former_names: tuple[str, ...] = ()
    """Folded names, the present one included, that requests may still use."""
    consent: ConsentSettings = ConsentSettings()
    feed_days: int = FEED_DAYS
    """How long the feed keeps a change; longer if something that follows the feed has not had it."""
    zone: str | None = None
    """The time zone of the console's pages; ``None`` for that of the region."""
    searchable: tuple[str, ...] = ()
    """The attributes that contacts are searched by, in addition to their own fields."""


class SettingChange(Struct, frozen=True):
    """A setting that changed: its name, and both values as a command writes them; blank for the default.

    Those of the project's name are left out.
    """

    name: str
    before: str
    after: str


NO_PROJECT = Project(id=0, name="", region="", on_error="refuse", created_at=0)
"""In place of a project in transactions on the system tables."""


class Key(Struct, frozen=True):
    """An API key as it may be shown: never its text."""

    id: int
    project_id: int
    label: str
    start: str
    kind: KeyKind
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    last_used_at: int | None


class Actor(Struct, frozen=True):
    """Who does a write: a key or a user and the request it came with, or neither and a command's name."""

    key_id: int | None
    request_id: str
    user_id: int | None = None
