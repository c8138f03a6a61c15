"""What a connector is: how the records of another system are read, and how opt-outs are written back to it.

A connector knows one system's calls and words. It has no database of ours and no clock: the time is given. Which record
becomes which contact, and what a record may change, is decided by ``rules/connections``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from msgspec import Struct

from daftari.connectors.times import SECOND, find_zone
from daftari.model.secrets import Secret

Gone = Literal["deleted", "merged", "erased"]


class Connection(Struct, frozen=True, kw_only=True):
    """A connection as its connector sees it. ``settings`` and ``credentials`` have the names that the system uses."""

    name: str
    account: str = ""
    """The account that a check found; blank before the first one. Another account is refused."""
    time_zone: str = "UTC"
    """Of the account, as a check found it."""
    fields: Sequence[str] = ()
    """The fields of a record that are wanted, by the system's own names."""
    groups: Sequence[str] = ()
    """The lists, labels or filters that are wanted, as in ``GroupSource.name``."""
    write_back: bool = False
    write_back_opt_ins: bool = False
    """Whether a system's own consent may be set to yes, where the person opted in here. A field of ours always may."""
    settings: Mapping[str, Any] = {}
    credentials: Mapping[str, Secret] = {}


class Facts(Struct, frozen=True, kw_only=True):
    """What can be said of a system before it is asked.

    ``poll_seconds``: how often changes are read unless settings say otherwise. ``sees_deleted`` and ``sees_merged``:
    whether ``read_changes`` reports these; a comparison of all ids finds what it does not. ``counts``: whether it can
    count its records in one call, as in ``CountsRecords``. ``keeps_consent``: whether opt-outs are written to a consent
    of its own, which is set to yes only where a connection says so; a field of ours always may be.
    """

    title: str
    records_max: int
    """Ids in one ``read_records``."""
    poll_seconds: int
    sees_deleted: bool
    sees_merged: bool
    writes_back: bool
    counts: bool = False
    keeps_consent: bool = False


class Record(Struct, frozen=True):
    """One record of the other system as it is now.

    ``version`` never falls; two changes within one tick of the system's clock have the same one. A merge holds whatever
    the versions say, since no system undoes one. ``values``: the fields that were asked for, by the system's own names,
    as texts, numbers, booleans or lists of them; a blank one is left out. ``groups``: the lists, labels or filters that
    it is in, as far as the answer says so. ``url``: where a person sees it there. ``unreadable``: fields whose values
    cannot be taken, each with the reason, which continues a sentence that begins with the field's name. ``is_partial``:
    a delivery says only some of it, and nothing follows from what it lacks.
    """

    id: str
    version: int
    values: Mapping[str, object] = {}
    groups: Sequence[str] = ()
    gone: Gone | None = None
    merged_into: str = ""
    url: str = ""
    unreadable: Mapping[str, str] = {}
    is_partial: bool = False


class Page(Struct, frozen=True):
    """Some records, and the cursor from which to read on once they are stored. A record may come again.

    ``complete_until``: every change there before this moment is in this page or an earlier one, in microseconds since
    1970; ``None`` while the reading is under way. ``seen_until``: the same for what was there to see by then, though
    changes may follow that are dated earlier. ``has_more``: another page can be read now. ``warnings``: sentences about
    what keeps the list from being complete, which hold until the next page. ``ends_deleted``: the deleted records that
    the system shows were all read, up to ``complete_until``.
    """

    records: Sequence[Record]
    cursor: str
    complete_until: int | None
    has_more: bool
    warnings: Sequence[str] = ()
    seen_until: int | None = None
    ends_deleted: bool = False


class GroupSource(Struct, frozen=True):
    """A list, label, filter or segment there. ``size``: its members, where the system says."""

    name: str
    """As settings name it, such as ``list:12``."""
    title: str
    size: int | None = None
    changed_at: int | None = None
    """When a member last joined or left, where the system says."""


class FieldSource(Struct, frozen=True):
    """A field of a record there, for the mapping."""

    name: str
    title: str
    kind: str


class Account(Struct, frozen=True):
    """Whose account the credentials open, and what they may not do.

    ``missing``: the rights that the connection wants and lacks, in the system's own words. ``time_zone``: an IANA name.
    ``sample``: a few records as they are now.
    """

    id: str
    name: str
    time_zone: str
    count: int | None
    missing: Sequence[str]
    groups: Sequence[GroupSource]
    fields: Sequence[FieldSource]
    warnings: Sequence[str] = ()
    sample: Sequence[Record] = ()

    @property
    def known_zone(self) -> str:
        """The account's time zone; UTC for one that is not known here."""
        return find_zone(self.time_zone).key


class Mark(Struct, frozen=True):
    """An opt-out to write back to a record there, or an opt-in. ``at``: when the person said so, in microseconds.

    ``mobile``: the number that it is about, for a system that keeps opt-outs by number; 0 once that is erased here.
    """

    record_id: str
    word: Literal["out", "in"]
    channel: str
    at: int
    mobile: int = 0


class MarkOutcome(Struct, frozen=True):
    """The outcome of a mark. ``says``: the system's own words; ``gone``: the record is no longer there.

    ``overruled``: it was written, and another program there changed it at once.
    """

    record_id: str
    outcome: Literal["written", "gone", "refused", "again", "overruled"]
    says: str = ""


class Cart(Struct, frozen=True, kw_only=True):
    """A cart of a shop as a delivery says it is. Blank is what is not said.

    ``key`` names it in its order too; a shop may leave it out of a cart that is deleted, so ``id`` is the other name.
    ``phones`` are as written, in the order in which they are to be tried, and ``country`` is where they are from.
    ``accepted``: whether the buyer agreed to messages. ``at``: when it last changed.
    """

    key: str
    id: str
    state: Literal["open", "bought", "closed"]
    at: int | None
    began_at: int | None
    completed_at: int | None
    phones: Sequence[str]
    country: str
    accepted: bool
    customer_id: str
    email: str
    cart_token: str
    fields: Mapping[str, object]


class Order(Struct, frozen=True, kw_only=True):
    """An order of a shop as a delivery says it is. ``keys`` are those of the cart that it was; a shop may say none.

    ``country``: the ISO code of where numbers are from that are written without one.
    """

    id: str
    keys: Sequence[str]
    cart_id: str
    at: int | None
    phones: Sequence[str]
    customer_id: str
    email: str
    country: str = ""


class CartQuestion(Struct, frozen=True, kw_only=True):
    """A cart of which it is to be known whether it was bought. Blank is what is not known of it.

    ``key``, ``id`` and ``cart_token`` are those of the cart; ``phones`` are as written in the shop.
    """

    key: str
    id: str = ""
    cart_token: str = ""
    customer_id: str = ""
    email: str = ""
    phones: Sequence[str] = ()
    began_at: int

    @property
    def since(self) -> int:
        """From when on an order of the same person counts as one of the cart: clocks differ."""
        return max(self.began_at - 300 * SECOND, 0)


class CartAnswer(Struct, frozen=True):
    """``open``: no order of it is known. ``bought``: there is one, or the checkout is completed; ``order_id`` is blank
    where only the latter is known. ``unknown``: the answer does not fit the question, so nothing follows from it."""

    outcome: Literal["open", "bought", "unknown"]
    order_id: str = ""
    why: str = ""


class WebhookEvent(Struct, frozen=True):
    """What a delivery announces: which records changed, and never how they are now.

    ``key`` is the same for every delivery of one event. ``merged``: the winner of each record that was merged away,
    which some systems say nowhere else. ``groups``: lists that a record joined or left, as in ``GroupSource.name``.
    ``cart`` and ``order`` are those that it is about. ``record`` is what the delivery itself has about its record, for
    a connection that has no other way to read one.
    """

    key: str
    topic: str
    ids: Sequence[str]
    at: int | None
    merged: Mapping[str, str] = {}
    groups: Sequence[str] = ()
    cart: Cart | None = None
    order: Order | None = None
    record: Record | None = None


class DeliveryProof(Struct, frozen=True):
    """What a delivery must prove: that its sender has the secret, and that it is about this account."""

    secret: Secret
    account: str


class ConnectorFailed(Exception):
    """The other system cannot be read, or not now.

    ``kind``: ``limited``: it takes no more calls before ``until``; ``again``: try later, the fault may pass;
    ``broken``: it stays so until a person acts. ``code`` is a word for programs, and the message a sentence that says
    what to do. No secret is in it.
    """

    def __init__(
        self, kind: Literal["limited", "again", "broken"], code: str, message: str, *, until: int | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.code = code
        self.message = message
        self.until = until


class Doorbell(Protocol):
    """A system's word that something has changed. It says nothing of what, and may be lost: polls continue.

    One thread uses it at a time.
    """

    def wait(self, seconds: float) -> bool:
        """Returns whether something may have changed, at once when it is known, ``False`` after that many seconds.

        Raises ``ConnectorFailed`` when nothing can be heard.
        """

    def close(self) -> None:
        """Listen no longer."""


class Connector(Protocol):
    """One connection to another system, made from its settings and credentials. Every call raises ``ConnectorFailed``.

    One thread uses it at a time.
    """

    facts: ClassVar[Facts]

    def check(self) -> Account:
        """Look at the account. Changes nothing there."""

    def read_changes(self, cursor: str, *, now: int) -> Page:
        """The next page of what changed. An empty cursor reads everything, from the first record on."""

    def read_records(self, ids: Sequence[str]) -> Sequence[Record]:
        """Records as they are now, in any order, at most ``facts.records_max``.

        One that is not there is left out, or has ``gone`` where the system says so. The winner of a merged one may come
        with it.
        """

    def list_groups(self) -> Sequence[GroupSource]:
        """The lists, labels and filters that may be mirrored, and when each changed, in as few calls as possible."""

    def list_ids(self, *, group: str = "", after: str = "") -> Iterator[Sequence[str]]:
        """The ids of all records, or of the members of a group, ascending, in pieces."""

    def write_back(self, marks: Sequence[Mark], *, now: int) -> Sequence[MarkOutcome]:
        """Write opt-outs back, one outcome for each, in their order. Writing one twice does no harm."""

    def close(self) -> None:
        """Give back what it holds open, if anything."""


@runtime_checkable
class MakesWebhooks(Protocol):
    """A connector that makes the webhook of its system by itself. Every call raises ``ConnectorFailed``."""

    def require_webhook(self, url: str, *, secret: Secret) -> bool:
        """Have the system call this address, unless it does. Returns whether a webhook was made.

        Those with the same token at other hosts are removed: the address of this service was another one.
        """

    def remove_webhook(self, url: str) -> None:
        """Have the system no longer call an address with this token, which is its last part."""


@runtime_checkable
class CountsRecords(Protocol):
    """A connector whose system can count its records in one call, which raises ``ConnectorFailed``."""

    def count_records(self, *, made_before: int) -> int:
        """How many records are there of those that were made before a time, in microseconds; no deleted ones.

        What was made or deleted a moment ago may be counted wrongly.
        """


@runtime_checkable
class AsksCarts(Protocol):
    """A connector of a shop that can be asked about a cart before a reminder is sent."""

    def ask_cart(self, question: CartQuestion) -> CartAnswer:
        """Whether the shop has an order of this cart by now. Raises ``ConnectorFailed``, also where there is no way."""
