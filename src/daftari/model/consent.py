"""Records of consent: scopes and the facts recorded about numbers. No rules, no SQL."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from daftari.model.limits import FACTS_PER_CALL_MAX, SENDER_MAX
from daftari.model.members import Errors, GroupName, Mobile

ANY = "*"
"""In a scope: every channel, sender or purpose."""
CHANNELS = ("sms", "whatsapp", "premium_sms")
PURPOSES = ("marketing", "transactional")
Channel = Annotated[str, Meta(extra_json_schema={"enum": list(CHANNELS)})]
Purpose = Annotated[str, Meta(extra_json_schema={"enum": list(PURPOSES)})]
Sender = Annotated[str, Meta(min_length=1, max_length=SENDER_MAX)]
StillBilled = Annotated[
    bool,
    Meta(
        description="There when premium messages are blocked while a paid service is active. End it, because the "
        "person continues to pay."
    ),
]
FactKind = Literal["opt_out", "opt_in", "left_group", "activated", "deactivated", "retraction"]
GivenSource = Literal["api", "inbound", "provider", "import", "bulk", "console", "form"]
"""Where a caller may say that a fact comes from."""
Source = Literal["api", "inbound", "provider", "import", "bulk", "console", "form", "delete", "erasure", "sync"]
"""``sync``: another system, to which this project has a connection."""
NearMissSource = Literal["create_contacts", "update_contact", "join_group", "opt_in", "import", "sync"]
"""How someone tried to bring back a number that opted out."""


class Scope(Struct, frozen=True):
    """What a fact is about: a channel, a sender as it was written, and a purpose; each may be ``ANY``."""

    channel: str = ANY
    sender: str = ANY
    purpose: str = ANY


class Fact(Struct, frozen=True, gc=False):
    """Something that is known about a number, never changed once it is recorded.

    ``keyword`` is the premium service's, or the folded name of the group that was left. ``message`` is a keyed digest
    of the provider's message id, by which a repeated one is known. ``evidence`` is a JSON object.
    """

    id: int
    kind: FactKind
    scope: Scope
    at: int
    recorded_at: int
    source: Source
    keyword: str = ""
    group_id: int | None = None
    override: bool = False
    retracts: int | None = None
    """The fact that was none: a retraction takes it back, as if it had never been said."""
    message_digest: str | None = None
    key_id: int | None = None
    user_id: int | None = None
    evidence: str | None = None
    given_at: int | None = None
    """The time that came with it; ``at`` is when it counts from, which may be another time."""
    receipt: int = 0
    """The place of its receipt in the order of all receipts of the project: see ``FirstReceipt``."""
    single: bool = False
    """Whether it was given for this number alone."""
    from_file: bool = False


class FirstReceipt(Struct, frozen=True):
    """When the bytes of what is recorded now came for the first time, where that was before: kept requests and files.

    ``order`` counts receipts of a project and does not depend on any clock.
    """

    order: int
    at: int
    from_file: bool = False


class NewFact(Struct, frozen=True, gc=False, array_like=True):
    """A fact that is to be recorded, read and found good. ``index`` is its place among what was given.

    ``at``: when it happened, where that is known. ``single``: it was given for this number alone.
    """

    index: int
    mobile: int
    kind: FactKind
    scope: Scope
    at: int | None
    source: Source
    keyword: str = ""
    group_id: int | None = None
    override: bool = False
    retracts: int | None = None
    message_id: str | None = None
    """The provider's name and message id, ``twilio:SM…``."""
    evidence: str | None = None
    single: bool = False
    digits: int | None = None
    """What was written for the mobile, where these digits may be another number that the project knows."""


FactOutcomeName = Literal["recorded", "unchanged", "refused", "invalid"]


class FactOutcome(Struct, frozen=True, omit_defaults=True):
    """The outcome of one row."""

    index: Annotated[int, Meta(ge=0, le=FACTS_PER_CALL_MAX - 1)]
    """The row's place, counted from 0 through `mobile`, `mobiles` and `items` in this order."""
    outcome: FactOutcomeName
    """The outcome of the row. `unchanged` was known already; `refused` is an opt-in that leaves an opt-out of
    the person in force: one given in bulk, one without evidence of 10 characters, a narrower or an earlier one."""
    mobile: Mobile | None = None
    suppressed: bool = False
    """There when the number is blocked for everything now."""
    left_groups: Annotated[tuple[GroupName, ...], Meta(extra_json_schema={"uniqueItems": True})] = ()
    """The groups that the number left because of this call."""
    still_billed: StillBilled = False
    errors: Errors | None = None
    """What is wrong with an invalid row, by member."""
