"""Records of what messaging providers send, and of what is kept of it. No rules, no SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from daftari.model.consent import Scope
from daftari.model.projects import Project
from daftari.model.secrets import Secret

Settlement = Literal["opt_out", "opt_in", "retract", "dismiss"]
"""What a person decided about a message under review."""


class InboundRequest(Struct, frozen=True):
    """A provider's request as it arrived. ``url`` is the public one, query included; header names are lower-case."""

    method: str
    url: str
    query: str
    media_type: str
    headers: Mapping[str, str]
    body: bytes


class InboundLink(Struct, frozen=True):
    """A WhatsApp person's number and id, which a request names together."""

    number: str
    user_id: str


class InboundMessage(Struct, frozen=True, tag=True):
    """A message that a person sent. ``number`` is a text to be read; with a ``+`` when it is surely international.

    ``user_id`` is the WhatsApp person's id, and ``number`` is blank when the provider withholds it.

    ``sender`` is our side: the number or name that the person wrote to. ``at`` is ``None`` when the provider sends no
    time, or one without a zone. ``means`` is what the provider itself already took the message for. ``payload`` is what
    a pressed button stands for. ``is_edit``: an earlier message was changed into this one.
    """

    number: str
    channel: str
    sender: str
    text: str
    message_id: str | None
    at: int | None
    means: Literal["opt_out", "opt_in", "help"] | None = None
    payload: str = ""
    is_edit: bool = False
    user_id: str = ""


class InboundSignal(Struct, frozen=True, tag=True):
    """A provider's own word about consent: a code, a menu, a preference. ``number`` is ``None`` when none is given."""

    number: str | None
    kind: Literal["opt_out", "opt_in"]
    scope: Scope
    code: str
    message_id: str | None
    at: int | None
    user_id: str = ""


class InboundSubscription(Struct, frozen=True):
    """A paid premium service that begins or ends for a number."""

    number: str
    sender: str
    keyword: str
    active: bool
    message_id: str | None
    at: int | None


class InboundDoubt(Struct, frozen=True):
    """What a provider reports that may be an opt-out and is not surely one. ``why`` completes "the event …"."""

    number: str | None
    channel: str
    sender: str
    text: str
    why: str
    message_id: str | None
    at: int | None
    user_id: str = ""


ReportState = Literal["accepted", "delivered", "failed", "expired"]
"""What a provider reports of a message that was sent. ``expired``: the provider no longer tries."""


class DeliveryReport(Struct, frozen=True, kw_only=True):
    """What a provider reports of a message that was sent.

    ``own_id`` is our own id of it, where the provider repeats one. ``number`` is as in ``InboundMessage``, and blank
    when the provider names none. Of a report about one part of several, ``part`` is which, from 1.
    """

    state: ReportState
    provider_id: str = ""
    own_id: str = ""
    number: str = ""
    code: str = ""
    """As in the codes of the gateway, where it is one of them."""
    says: str = ""
    at: int | None = None
    part: int | None = None
    parts: int | None = None
    cost: str = ""


class InboundUnreadable(Struct, frozen=True):
    """One item of several that could not be read; it hides none of the others. ``said`` is the item as it came."""

    said: str
    why: str


InboundEvent = (
    InboundLink
    | InboundMessage
    | InboundSignal
    | InboundSubscription
    | InboundDoubt
    | DeliveryReport
    | InboundUnreadable
)


class InboundToken(Struct, frozen=True):
    """A token as it may be shown: never itself, nor the provider's secret."""

    id: int
    project_id: int
    provider: str
    label: str
    start: str
    created_at: int
    revoked_at: int | None
    """From when on it is revoked: a time to come where the sender has another address by now."""
    sender_id: int | None = None
    """The sender that has the address: what arrives there is about its messages."""
    connection_id: int | None = None
    """The connection that has the address: what arrives there announces changes of its records."""


class StoredToken(Struct, frozen=True):
    """A token as it is kept, with its project. ``hash`` is the SHA-256 of the token."""

    token: InboundToken
    hash: bytes
    signing_secret: Secret | None
    verify_token: Secret | None
    project: Project
    broken: tuple[str, ...] = ()
    """Of the two secrets those that are there and cannot be read."""


class InboundCount(Struct, frozen=True):
    """What a token brought so far."""

    token_id: int
    received: int
    refused: int
    last_received_at: int | None
    last_refused_at: int | None


ArrivalKind = Literal["message", "signal", "subscription", "doubt", "report", "unreadable", "nothing"]


class Arrival(Struct, frozen=True, omit_defaults=True):
    """What arrived at an address while a person looked: enough to recognise it, and no name, number or text.

    ``means``: what a message or signal was taken for, or the state that a report names. ``ends``: the last digits of
    the number.
    """

    at: int
    kind: ArrivalKind
    means: str = ""
    channel: str = ""
    sender: str = ""
    ends: str = ""


class InboundTest(Struct, frozen=True):
    """From when to when a person looks at what arrives at an address, and what did."""

    begun_at: int
    until: int
    arrived: tuple[Arrival, ...]


DAFTARI = "daftari"
"""The provider of a review that a call or a file of our own led to."""


class HeldEvent(Struct, frozen=True):
    """What a WhatsApp person whose number is not known said about consent, until the number becomes known."""

    id: int
    received_at: int
    receipt: int
    message_digest: str
    event: InboundMessage | InboundSignal


class Review(Struct, frozen=True):
    """Something that a person has to decide. ``mobile`` is ``None`` when no number could be read.

    ``user_id`` is a WhatsApp person's id, and blank otherwise; it belongs to the token by which the message came.
    """

    id: int
    mobile: int | None
    at: int
    provider: str
    channel: str
    sender: str
    reason: str
    text: str
    token_id: int = 0
    user_id: str = ""
    settled_at: int | None = None
    settled_as: str | None = None
    message_digest: str = ""
    """The digest by which the message is known, here and in the ledger."""
    given_at: int | None = None
    """The time that came with it; ``at`` is that of receipt where there is none, or one ahead of it."""
    received_at: int = 0
    receipt: int = 0
    """The place of its receipt in the order of all receipts of the project."""


class Quarantined(Struct, frozen=True):
    """A request that was refused."""

    id: int
    token_id: int
    received_at: int
    reason: str
    request: InboundRequest | None
    """``None`` where it cannot be read, because it was sealed with another secret or changed."""
    receipt: int
    """The place of its receipt in the order of all receipts of the project."""
