"""Shopify, read by polling: customers, what they said about messages, tags and segments; opt-outs are written back.

The search index is late by moments, so a window of changes ends before now and begins before the last one's end. Lists
are read by ascending id and without a cursor of Shopify's, which ends at 25,000. Which customers were deleted or merged
is said by webhooks alone; a comparison of all ids finds them too.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari.connectors.calls import Caller, unavailable
from daftari.connectors.protocol import (
    Account,
    CartAnswer,
    CartQuestion,
    Connection,
    ConnectorFailed,
    Facts,
    FieldSource,
    GroupSource,
    Mark,
    MarkOutcome,
    Page,
    Record,
)
from daftari.connectors.shopify import answers, consents, sales, webhooks
from daftari.connectors.shopify.api import DOMAIN, HIDDEN, Api, TooCostly
from daftari.connectors.shopify.operations import (
    COUNT,
    CUSTOMER_IDS,
    CUSTOMERS,
    CUSTOMERS_BY_ID,
    GROUPS,
    MEMBERS,
    NEWEST,
    SALES,
    SHOP,
    TITLE,
    VERSION,
    Operation,
)
from daftari.connectors.times import SECOND, write_time
from daftari.model.secrets import Secret

PAGE = 250
"""Customers of a page, until Shopify says that so many cost too much."""
IDS_MAX = 100
MEMBERS_PAGE = 1_000
SAMPLE = 10
"""Customers that a check shows."""
OVERLAP = 600 * SECOND
"""How much of the last window is read again: a change reaches the index late."""
INDEX_LAG = 30 * SECOND
"""How long before now a window ends."""
WALKS_MAX = 3
"""How often a segment is read before a reading that misses members is given up."""
IDS_PER_PIECE = 1_000

FIELDS: Mapping[str, tuple[str, str]] = {
    "phones": ("Phone", "text"),
    "first_name": ("First name", "text"),
    "last_name": ("Last name", "text"),
    "email": ("E-mail", "text"),
    "city": ("City", "text"),
    "company": ("Company", "text"),
    "country": ("Country", "text"),
    "tags": ("Tags", "text"),
    "sms_consent": ("SMS marketing", "word"),
    "sms_consent_at": ("SMS marketing since", "time"),
    "whatsapp_consent": ("WhatsApp marketing", "word"),
    "whatsapp_consent_at": ("WhatsApp marketing since", "time"),
}
"""What can be read of a customer, with titles and kinds."""
_FIELD_SOURCES = [FieldSource(name, title, kind) for name, (title, kind) in FIELDS.items()]
NO_CURSOR = "none"
"""The cursor of a shop without an app, of which no list can be read."""
SCOPES = ("read_customers", "read_orders")
WRITE_SCOPE = "write_customers"
_BLANKS: tuple[object, ...] = (None, "", [])
T = TypeVar("T")
C = TypeVar("C", answers.Customers, answers.CustomerIds)


class _Cursor(Struct, omit_defaults=True):
    """``stage`` is what is read next. All changes before ``since`` were read. ``last``: the last id that was read."""

    stage: Literal["all", "changes"]
    since: int
    until: int = 0
    """Of a window under way: its end; 0 when the next one begins."""
    last: str = ""


class Shopify:
    """One shop, read by an app of its owner's."""

    facts: ClassVar[Facts] = Facts(
        title=TITLE,
        records_max=IDS_MAX,
        poll_seconds=60,
        sees_deleted=False,
        sees_merged=False,
        writes_back=True,
        keeps_consent=True,
    )

    def __init__(self, connection: Connection, caller: Caller) -> None:
        self._connection = connection
        self._api = Api(connection, caller)
        self._first: dict[str, int] = {}

    # ---- what is read -------------------------------------------------------------------------------

    def check(self) -> Account:
        if not self._api.has_app:
            return self._describe_shop()
        shop = self._api.ask(SHOP, {}, answers.Shop)
        account = shop.shop.myshopify_domain
        if self._connection.account not in ("", account):
            raise ConnectorFailed(
                "broken",
                "other_account",
                f"This app is installed on the shop {account}, the connection is to {self._connection.account}. "
                "Install it on that shop, or make a connection of its own for this one.",
            )
        wanted = [*SCOPES, *([WRITE_SCOPE] if self._connection.write_back else [])]
        missing = [one for one in wanted if one not in shop.scopes]
        can_read = SCOPES[0] not in missing
        newest = self._read_newest() if can_read else []
        if newest and all(one.is_nameless for one in newest):
            self._require_data()
        groups = self.list_groups() if can_read else []
        count = self._api.ask(COUNT, {}, answers.Count).customers_count if can_read else None
        return Account(
            id=account,
            name=shop.shop.name,
            time_zone=shop.shop.iana_timezone,
            count=count.count if count else None,
            missing=missing,
            groups=groups,
            fields=_FIELD_SOURCES,
            warnings=[*self._warn(newest, groups)] if can_read else (),
            sample=[self._record(one) for one in newest if not one.is_nameless],
        )

    def _describe_shop(self) -> Account:
        """What is known of a shop without an app, which cannot be asked. Raises ``ConnectorFailed``."""
        if not self._connection.credentials.get("webhook_secret"):
            says = (
                "The connection has no credentials yet. Make webhooks on the shop's own page (Settings, Notifications, "
                "Webhooks) with the address of this connection, and give the signing key that the page then shows as "
                f'webhook_secret with "daftari connection key {self._connection.name}"; or give those of an app.'
            )
            raise ConnectorFailed("broken", "no_credentials", says)
        says = (
            "There is no app: customers are known by webhooks alone, nothing is written back, and before a reminder "
            "the shop cannot be asked whether the cart was bought."
        )
        return Account(
            id=self._api.shop,
            name=self._api.shop.removesuffix(DOMAIN),
            time_zone=self._connection.time_zone,
            count=None,
            missing=(),
            groups=(),
            fields=_FIELD_SOURCES,
            warnings=[says],
        )

    def read_changes(self, cursor: str, *, now: int) -> Page:
        if not self._api.has_app:
            return Page((), cursor or NO_CURSOR, None, has_more=False)
        place = msgspec.json.decode(cursor, type=_Cursor) if cursor not in ("", NO_CURSOR) else _Cursor("all", now)
        if not place.last:
            self._require_fields()
        return self._read_all(place) if place.stage == "all" else self._read_window(place, now)

    def read_records(self, ids: Sequence[str]) -> Sequence[Record]:
        if len(ids) > IDS_MAX:
            raise ValueError(f"At most {IDS_MAX} records are read at once.")
        wanted = [f"gid://shopify/Customer/{one}" for one in dict.fromkeys(ids) if one.isdecimal()]
        return self._records(self._read_nodes(wanted))

    def list_groups(self) -> Sequence[GroupSource]:
        found: list[GroupSource] = []
        after: str | None = None
        while True:
            page = self._api.ask(GROUPS, {"after": after}, answers.Groups)
            if after is None:
                found += [GroupSource(f"tag:{one}", one) for one in page.shop.customer_tags.nodes]
            found += [GroupSource(f"segment:{one.id}", one.name) for one in page.segments.nodes]
            following = _next_cursor(page.segments.page_info, after)
            if following is None:
                return found
            after = following

    def list_ids(self, *, group: str = "", after: str = "") -> Iterator[Sequence[str]]:
        kind, name = _read_group(group)
        if kind == "segment":
            yield from self._list_members(name, after=int(after or 0))
            return
        terms = [f"tag:{sales.quote(name)}"] if kind == "tag" else []
        has_more = True
        while has_more:
            page = self._page(CUSTOMER_IDS, answers.CustomerIds, terms, after).customers
            ids = [one.id for one in page.nodes]
            if ids:
                yield ids
            has_more = page.page_info.has_next_page
            after = _last_of(ids, after) if has_more else after

    def close(self) -> None:
        """Nothing is open between calls."""

    # ---- what is written ----------------------------------------------------------------------------

    def write_back(self, marks: Sequence[Mark], *, now: int) -> Sequence[MarkOutcome]:
        return consents.write_back(self._api, marks, opt_ins=self._connection.write_back_opt_ins, now=now)

    # ---- webhooks -----------------------------------------------------------------------------------

    def require_webhook(self, url: str, *, secret: Secret) -> bool:
        """Have Shopify call an address, unless it does. Returns whether a webhook was made.

        Shopify signs with the app's own secret. Without it the webhooks are those of the shop's page, which its owner
        makes and no app sees; with both, that page may have those which the app cannot have.
        """
        credentials = self._connection.credentials
        has_page = bool(credentials.get("webhook_secret"))
        if self._api.has_app and credentials.get("client_secret"):
            return webhooks.require_webhooks(self._api, url, needs_all=not has_page)
        if has_page:
            return False
        says = (
            "Shopify signs webhooks with the app's client secret, which is not known: give client_secret with the "
            "token, or make them on the shop's own page and give webhook_secret."
        )
        raise ConnectorFailed("again", "no_secret", says)

    def remove_webhook(self, url: str) -> None:
        """Have Shopify no longer call an address with this token, which is its last part."""
        if self._api.has_app:
            webhooks.remove_webhooks(self._api, url)

    # ---- carts --------------------------------------------------------------------------------------

    def ask_cart(self, question: CartQuestion) -> CartAnswer:
        """Whether the shop has an order of this cart by now. Raises ``ConnectorFailed``."""
        try:
            found = self._api.ask(SALES, sales.write_question(question), answers.Sales)
        except ConnectorFailed as failure:
            if failure.code != "protected_data":
                raise
            found = self._api.ask(SALES, sales.write_question(question, by_person=False), answers.Sales)
        return sales.read_answer(question, found)

    # ---- the stages of a reading --------------------------------------------------------------------

    def _read_all(self, place: _Cursor) -> Page:
        page = self._page(CUSTOMERS, answers.Customers, [], place.last).customers
        records = self._records(page.nodes)
        if page.page_info.has_next_page:
            after = _last_of([one.id for one in page.nodes], place.last)
            return Page(records, _write_cursor(replace(place, last=after)), None, has_more=True)
        place = replace(place, stage="changes", last="")
        return Page(records, _write_cursor(place), place.since, has_more=True, warnings=self._warnings())

    def _read_window(self, place: _Cursor, now: int) -> Page:
        until = place.until or (now - INDEX_LAG) // SECOND * SECOND
        if until <= place.since:
            return Page((), _write_cursor(place), place.since, has_more=False, warnings=self._warnings())
        # Without an upper end: what changes while the window is read comes in the next one too, and is not lost if
        # Shopify takes a time for a whole day.
        since = write_time(max(place.since - OVERLAP, 0), timespec="seconds")
        page = self._page(CUSTOMERS, answers.Customers, [f"updated_at:>={sales.quote(since)}"], place.last).customers
        records = self._records(page.nodes)
        if page.page_info.has_next_page:
            after = _last_of([one.id for one in page.nodes], place.last)
            return Page(records, _write_cursor(replace(place, until=until, last=after)), None, has_more=True)
        return Page(records, _write_cursor(_Cursor("changes", until)), until, has_more=False, warnings=self._warnings())

    def _page(self, operation: Operation, kind: type[C], terms: Sequence[str], after: str) -> C:
        """A page of customers by ascending id, behind one."""
        query = " AND ".join([*terms, *([f"id:>{after}"] if after else [])]) or None
        page = self._ask_some(operation, {"query": query}, kind, most=PAGE)
        found = [int(one.id) for one in page.customers.nodes]
        if found != sorted(found) or (after and found and found[0] <= int(after)):
            raise unavailable(TITLE, "it answers customers that are not in the order of their ids")
        return page

    def _ask_some(self, operation: Operation, variables: Mapping[str, object], kind: type[T], *, most: int) -> T:
        """A page of a list. One that costs too much is asked for again with half as many, and so are those after it."""
        while True:
            first = self._first.get(operation.name, most)
            try:
                return self._api.ask(operation, {**variables, "first": first}, kind)
            except TooCostly as error:
                if first == 1:
                    raise unavailable(TITLE, self._api.quote(str(error))) from None
                self._first[operation.name] = first // 2

    def _read_nodes(self, ids: Sequence[str]) -> list[answers.Customer]:
        if not ids:
            return []
        try:
            found = self._api.ask(CUSTOMERS_BY_ID, {"ids": ids}, answers.CustomersById).nodes
        except TooCostly as error:
            half = len(ids) // 2
            if not half:
                raise unavailable(TITLE, self._api.quote(str(error))) from None
            return self._read_nodes(ids[:half]) + self._read_nodes(ids[half:])
        return [one for one in found if one is not None]

    def _list_members(self, segment: str, *, after: int) -> Iterator[Sequence[str]]:
        """The members of a segment, ascending. Shopify lists them in another order, so all are read first."""
        for _ in range(WALKS_MAX):
            members, count = self._require_members(segment)
            if len(members) >= count:
                break
        else:
            raise unavailable(TITLE, f"it lists fewer members of segment {segment} than it counts")
        found = array("Q", (one for one in sorted(members) if one > after))
        for start in range(0, len(found), IDS_PER_PIECE):
            yield [*map(str, found[start : start + IDS_PER_PIECE])]

    def _require_members(self, segment: str) -> tuple[set[int], int]:
        """The members of a segment. Raises ``ConnectorFailed``, with a code of its own when it is gone."""
        try:
            return self._walk(segment)
        except ConnectorFailed as failure:
            if failure.code != "refused" or f"segment:{segment}" in {group.name for group in self.list_groups()}:
                raise
        says = f"Shopify has no segment {segment} now: choose another one for the group."
        raise ConnectorFailed("broken", "group_gone", says)

    def _walk(self, segment: str) -> tuple[set[int], int]:
        """The members of a segment, and how many Shopify counts."""
        ids: set[int] = set()
        after: str | None = None
        while True:
            wanted = {"segment": f"gid://shopify/Segment/{segment}", "after": after}
            page = self._ask_some(MEMBERS, wanted, answers.Members, most=MEMBERS_PAGE)
            ids.update(page.ids)
            following = _next_cursor(page.customer_segment_members.page_info, after)
            if following is None:
                return ids, page.customer_segment_members.total_count
            after = following

    # ---- records ------------------------------------------------------------------------------------

    def _records(self, customers: Sequence[answers.Customer]) -> list[Record]:
        """The records of these customers. One without any data was redacted, unless no one has any."""
        if customers and all(one.is_nameless for one in customers):
            self._require_data()
        return [self._record(one) for one in customers]

    def _require_data(self) -> None:
        """Raise ``ConnectorFailed`` when the app sees no data, of those who changed last and of the first."""
        first = self._ask_some(CUSTOMERS, {"query": None}, answers.Customers, most=PAGE).customers.nodes
        if all(one.is_nameless for one in (*self._read_newest(), *first)):
            raise ConnectorFailed("broken", "protected_data", HIDDEN)

    def _record(self, customer: answers.Customer) -> Record:
        url = self.record_url(self._connection, customer.id)
        if customer.is_nameless:
            return Record(id=customer.id, version=customer.version, gone="erased", url=url)
        values = customer.values()
        return Record(
            id=customer.id,
            version=customer.version,
            values={name: values[name] for name in self._connection.fields if values.get(name) not in _BLANKS},
            groups=[f"tag:{one}" for one in customer.tags],
            url=url,
        )

    @staticmethod
    def record_url(connection: Connection, customer_id: str) -> str:
        """Where a person sees a customer; blank while the shop is not known."""
        return f"https://{connection.account}/admin/customers/{customer_id}" if connection.account else ""

    def _read_newest(self) -> list[answers.Customer]:
        return self._api.ask(NEWEST, {"first": SAMPLE}, answers.Customers).customers.nodes

    # ---- what is looked at first --------------------------------------------------------------------

    def _require_fields(self) -> None:
        """Raise ``ConnectorFailed`` when a wanted field is none: its values would all look blank."""
        for name in self._connection.fields:
            if name not in FIELDS:
                says = f'Shopify has no customer field "{name}"; it has {", ".join(FIELDS)}.'
                raise ConnectorFailed("broken", "field_missing", says)

    def _warnings(self) -> list[str]:
        if self._api.version == VERSION:
            return []
        return [
            f"Shopify answers with version {self._api.version} of its API instead of {VERSION}, which it no longer "
            "serves: use a newer Daftari."
        ]

    def _warn(self, newest: Sequence[answers.Customer], groups: Sequence[GroupSource]) -> Iterator[str]:
        yield from self._warnings()
        if newest and not any(one.phones for one in newest):
            yield f"None of the {len(newest)} customers that changed last has a phone number."
        for name in self._connection.fields:
            if name not in FIELDS:
                yield f'Shopify has no customer field "{name}".'
        known = {group.name for group in groups}
        for name in self._connection.groups:
            if name not in known:
                yield f'Shopify has no segment or tag "{name}".'


# ---- cursors, groups --------------------------------------------------------------------------------


def _write_cursor(place: _Cursor) -> str:
    return msgspec.json.encode(place).decode()


def _last_of(ids: Sequence[str], after: str) -> str:
    """Behind which id the next page begins."""
    if not ids:
        raise unavailable(TITLE, "it answers an empty page and says that more follow")
    return ids[-1]


def _next_cursor(info: answers.PageInfo, after: str | None) -> str | None:
    """Where the next page begins; ``None`` at the end."""
    if not info.has_next_page:
        return None
    if not info.end_cursor or info.end_cursor == after:
        raise unavailable(TITLE, "it answers the same page again")
    return info.end_cursor


def _read_group(group: str) -> tuple[str, str]:
    """The kind and name of a group; of none, blanks."""
    kind, _, name = group.partition(":")
    if group and not (kind == "tag" and name) and not (kind == "segment" and name.isdecimal()):
        says = f'"{group}" is no group of Shopify; write a segment with its number or a tag, as in "tag:vip".'
        raise ConnectorFailed("broken", "group_unknown", says)
    return kind, name
