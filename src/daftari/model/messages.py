"""Records of senders, campaigns and messages. No rules, no SQL."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

MessageState = Literal[
    "waiting", "sending", "unknown", "accepted", "delivered", "failed", "expired", "skipped", "cancelled"
]
CampaignState = Literal["draft", "scheduled", "running", "paused", "finished", "cancelled"]
OnUnknown = Literal["hold", "resend"]
MessagePurpose = Literal["marketing", "transactional"]


CALLS = 0
"""The origin of messages that calls asked for, one by one."""


class Content(Struct, frozen=True, omit_defaults=True):
    """What is said: a text, in its plain form if ``plain``; or an approved WhatsApp template with its params."""

    text: str = ""
    plain: bool = False
    template: str = ""
    language: str = ""
    params: tuple[str, ...] = ()


class SenderDefinition(Struct, frozen=True, omit_defaults=True):
    """How a sender sends. Nothing in it is secret.

    ``settings``: what its gateway asks for, by name. ``hours``: when it sends, such as ``08:00-18:00 Africa/Nairobi``,
    or ``off``. ``daily_max``: messages in 24 hours, 0 for any number. ``answers_as``: every other name under which
    people answer it, and every former name. ``part_price``: in the smallest unit of money that the team counts in.
    """

    gateway: str
    settings: dict[str, str] = {}
    purpose: MessagePurpose = "marketing"
    parts_per_second: int = 10
    daily_max: int = 0
    in_flight: int = 10
    hours: str = "off"
    suffix: str = ""
    part_price: str = ""
    on_unknown: OnUnknown = "hold"
    keyword: str = ""
    answers_as: tuple[str, ...] = ()
    credential_names: tuple[str, ...] = ()


class StoredSender(Struct, frozen=True):
    """A sender as it is stored; ``definition`` and ``meter`` are JSON, ``credentials`` are sealed."""

    id: int
    channel: str
    name: str
    definition: str
    credentials: bytes
    paused: str
    fence: int
    meter: str
    created_at: int
    deleted_at: int | None


class StoredCampaign(Struct, frozen=True):
    """A campaign as it is stored; ``definition`` and ``progress`` are JSON."""

    id: int
    sender_id: int
    state: CampaignState
    reason: str
    definition: str
    audience_id: int
    next_place: int
    progress: str
    due_at: int
    created_at: int
    key_id: int | None


class MessageCounts(Struct, omit_defaults=True):
    """Counts of messages by state, and of those that were not sent by reason."""

    states: dict[MessageState, int] = {}
    reasons: dict[str, int] = {}
    parts: int = 0
    """Parts that were claimed, those of repeated messages again."""

    @property
    def has_waiting(self) -> bool:
        """Whether a message waits, due or not."""
        return bool(self.states.get("waiting"))

    def move(self, before: StoredMessage | None, after: StoredMessage) -> None:
        """Count a message that changed; ``before`` is ``None`` for one that has no row yet."""
        if before is not None:
            self.states[before.state] -= 1
            if before.reason:
                self.reasons[before.reason] -= 1
        self.states[after.state] = self.states.get(after.state, 0) + 1
        if after.reason:
            self.reasons[after.reason] = self.reasons.get(after.reason, 0) + 1
        if after.state == "sending" and (before is None or before.state != "sending"):
            self.parts += after.parts


class StoredMessage(Struct, frozen=True):
    """One text to one number. A ``subject_id`` below 0 stands for a number that was erased.

    ``says``: the provider's words, where it refused the message, also one that waits again.
    """

    id: int
    sender_id: int
    origin_id: int
    subject_id: int
    key: str
    state: MessageState
    reason: str
    code: str
    purpose: MessagePurpose
    attempt: int
    due_at: int
    until: int
    claim: int
    claimed_at: int
    settled_at: int
    parts: int
    text: str
    says: str = ""


class StoredAttempt(Struct, frozen=True):
    """What a provider calls a message that it took. ``part_states``: JSON of the states of its parts so far."""

    sender_id: int
    provider_id: str
    message_id: int
    attempt: int
    state: MessageState
    part_states: str


class StoredReport(Struct, frozen=True):
    """A delivery report that waits for its message; ``report`` is JSON."""

    sender_id: int
    provider_id: str
    id: int
    subject_id: int
    expires_at: int
    report: str
