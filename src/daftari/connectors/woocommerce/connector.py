"""WooCommerce, read by polling: customers, guests by their orders; opt-outs are written back to meta fields of ours.

A shop lists orders by the time of their change, and customers by nothing but their number. So new customers and those
who ordered are read at each poll, and of the others some in turn; a comparison reads them all. A guest is who ordered
without an account: known by the number of a phone, and called after the first such order, so that another one makes no
second record. One who has an account by now is merged into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, Literal, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari.connectors.calls import Caller, decode, read_number, unavailable
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
from daftari.connectors.times import SECOND, write_time
from daftari.connectors.woocommerce import answers, sales, webhooks
from daftari.connectors.woocommerce.api import CUSTOMERS, ORDERS, TITLE, WEBHOOKS, Api, name_shop
from daftari.connectors.woocommerce.deliveries import CUSTOMER, GUEST
from daftari.model.secrets import Secret

PAGE = 100
"""Customers or orders of a page; WooCommerce gives no more."""
BACK = 5
"""How many rows of a page are those of the page before it: a deletion moves the others forward."""
CHANGED_PAGE = 20
"""Orders of a page of changes; each guest's costs two calls more."""
NEW_PAGE = 20
"""Of the newest customers, which are looked at at each poll."""
IDS_MAX = 20
SAMPLE = 10
"""Customers that a check shows."""
OVERLAP = 300 * SECOND
"""How much of the last window is read again: clocks differ."""
LAG = 10 * SECOND
"""How long before now a window ends."""
IDS_PER_PIECE = 1_000

FIELDS: Mapping[str, tuple[str, str]] = {
    "phones": ("Phone", "text"),
    "first_name": ("First name", "text"),
    "last_name": ("Last name", "text"),
    "email": ("E-mail", "text"),
    "city": ("City", "text"),
    "company": ("Company", "text"),
    "country": ("Country", "text"),
    "role": ("Role", "text"),
    "paying": ("Has paid for an order", "flag"),
}
"""What can be read of a customer or guest, with titles and kinds; meta fields of the shop's own as well."""
MARK_PREFIX = "daftari_"
WRITE_RIGHT = "Read/Write"
_BLANKS: tuple[object, ...] = (None, "", [])
T = TypeVar("T", answers.Customer, answers.Order)


class _Cursor(Struct, omit_defaults=True):
    """``stage`` is what is read next. All changes before ``since`` were read."""

    stage: Literal["customers", "orders", "guests", "changes", "newcomers"]
    since: int
    until: int = 0
    """Of a window under way: its end; 0 when the next one begins."""
    offset: int = 0
    """Of a list: how many rows were read, and the last number that was."""
    last: int = 0
    newest: int = 0
    """The highest number of a customer that was read."""
    turn: int = 0
    """Behind how many customers those are whose turn it is."""


class WooCommerce:
    """One shop, read with a key of its REST API."""

    facts: ClassVar[Facts] = Facts(
        title=TITLE, records_max=IDS_MAX, poll_seconds=300, sees_deleted=False, sees_merged=False, writes_back=True
    )
    own_prefix: ClassVar[str] = f"{answers.META}{MARK_PREFIX}"
    """How the names of the fields begin to which opt-outs are written."""

    def __init__(self, connection: Connection, caller: Caller) -> None:
        self._connection = connection
        self._api = Api(connection, caller)
        self._owners: dict[str, str] = {}
        """Whose each number was when all were read last."""
        self._guests: dict[str, int] = {}
        """The newest order of each guest, by the guest's id."""
        self._walked: _Cursor | None = None

    # ---- what is read -------------------------------------------------------------------------------

    def check(self) -> Account:
        index = self._api.read_index()
        account = name_shop(index.home) if index is not None and index.home else name_shop(self._api.site)
        if self._connection.account not in ("", account):
            raise ConnectorFailed(
                "broken",
                "other_account",
                f"This is the shop {account}, the connection is to {self._connection.account}. Give the address of "
                "that shop, or make a connection of its own for this one.",
            )
        response = self._api.get(
            CUSTOMERS, {"role": "all", "orderby": "registered_date", "order": "desc", "per_page": SAMPLE}
        )
        newest = decode(response.body, list[answers.Customer], title=TITLE)
        # An order is wanted of everyone's; without the right to it this raises.
        self._api.get(ORDERS, {"per_page": 1, "_fields": "id"})
        can_write = self._can_write()
        return Account(
            id=account,
            name=(index.name if index else "") or account,
            time_zone=index.zone if index else self._connection.time_zone,
            count=read_number(response.headers, "x-wp-total"),
            missing=[WRITE_RIGHT] if self._connection.write_back and not can_write else [],
            groups=self.list_groups(),
            fields=[*_describe_fields(newest)],
            warnings=[*self._warn(newest, can_write=can_write)],
            sample=[self._record(one) for one in newest],
        )

    def read_changes(self, cursor: str, *, now: int) -> Page:
        place = msgspec.json.decode(cursor, type=_Cursor) if cursor else _Cursor("customers", now)
        if not place.offset:
            self._require_fields()
        match place.stage:
            case "customers" | "orders" | "guests":
                return self._read_all(place)
            case "changes":
                return self._read_window(place, now)
            case "newcomers":
                return self._read_newcomers(place)

    def read_records(self, ids: Sequence[str]) -> Sequence[Record]:
        if len(ids) > IDS_MAX:
            raise ValueError(f"At most {IDS_MAX} records are read at once.")
        records = self._read_customers(_numbers(ids, CUSTOMER))
        if numbers := _numbers(ids, GUEST):
            query = {"include": _join(numbers), "status": "any", "per_page": PAGE, "_fields": answers.ORDER_FIELDS}
            records += self._resolve(self._list(ORDERS, query, list[answers.Order]))
        return records

    def list_groups(self) -> Sequence[GroupSource]:
        """The roles that every shop has. Others are named by who uses them: no call lists them."""
        return [GroupSource(f"role:{name}", title) for name, title in _ROLES.items()]

    def list_ids(self, *, group: str = "", after: str = "") -> Iterator[Sequence[str]]:
        if group and not (group.startswith("role:") and group.removeprefix("role:")):
            says = f'"{group}" is no group of WooCommerce; write a role, as in "role:customer".'
            raise ConnectorFailed("broken", "group_unknown", says)
        found: set[str] = set()
        place, has_more = _Cursor("customers", 0), True
        while has_more:
            page = self._read_all(place)
            place, has_more = msgspec.json.decode(page.cursor, type=_Cursor), page.complete_until is None
            found.update(one.id for one in page.records if not one.gone and (not group or group in one.groups))
        ids = sorted(one for one in found if one > after)
        for start in range(0, len(ids), IDS_PER_PIECE):
            yield ids[start : start + IDS_PER_PIECE]

    def close(self) -> None:
        """Nothing is open between calls."""

    # ---- what is written ----------------------------------------------------------------------------

    def write_back(self, marks: Sequence[Mark], *, now: int) -> Sequence[MarkOutcome]:
        inputs: dict[str, dict[str, str]] = {}
        for mark in sorted(marks, key=lambda one: (one.at, one.word == "out")):
            name = f"{MARK_PREFIX}{mark.channel}"
            inputs.setdefault(mark.record_id, {}).update({name: mark.word, f"{name}_at": write_time(mark.at)})
        gone = "There is no account that could be marked: a guest has orders alone."
        outcomes = {one: MarkOutcome(one, "gone", gone) for one in inputs if not _numbers([one], CUSTOMER)}
        ids = [one for one in inputs if one not in outcomes]
        try:
            for start in range(0, len(ids), PAGE):
                outcomes |= self._write({one: inputs[one] for one in ids[start : start + PAGE]})
        except ConnectorFailed as failure:
            if not outcomes:
                raise
            outcomes |= {one: MarkOutcome(one, "again", failure.message) for one in ids if one not in outcomes}
        return [outcomes[mark.record_id] for mark in marks]

    def _write(self, inputs: Mapping[str, Mapping[str, str]]) -> dict[str, MarkOutcome]:
        """One outcome for each account."""
        wanted = [
            {
                "id": int(one.removeprefix(CUSTOMER)),
                "meta_data": [{"key": key, "value": value} for key, value in values.items()],
            }
            for one, values in inputs.items()
        ]
        body = self._api.call("POST", f"{CUSTOMERS}/batch", body={"update": wanted}).body
        found = {one.id: one.error for one in decode(body, answers.Batch, title=TITLE).update}
        outcomes = {}
        for one in inputs:
            number = int(one.removeprefix(CUSTOMER))
            error = found.get(number)
            if number not in found:
                outcomes[one] = MarkOutcome(one, "again", "WooCommerce's answer leaves this account out.")
            elif error is None:
                outcomes[one] = MarkOutcome(one, "written")
            else:
                is_gone = str(error.code).endswith("invalid_id")
                outcomes[one] = MarkOutcome(one, "gone" if is_gone else "refused", self._api.quote(error.message))
        return outcomes

    # ---- webhooks, carts ----------------------------------------------------------------------------

    def require_webhook(self, url: str, *, secret: Secret) -> bool:
        """Have the shop call an address, unless it does. Returns whether a webhook was made."""
        return webhooks.require_webhooks(self._api, url, secret=secret)

    def remove_webhook(self, url: str) -> None:
        """Have the shop no longer call an address with this token, which is its last part."""
        webhooks.remove_webhooks(self._api, url)

    def ask_cart(self, question: CartQuestion) -> CartAnswer:
        """Whether the shop has an order of this cart by now. Raises ``ConnectorFailed``."""
        return sales.ask_cart(self._api, question)

    # ---- the stages of a reading --------------------------------------------------------------------

    def _read_all(self, place: _Cursor) -> Page:
        """A page of all customers, then of all orders, then of the guests that these made known.

        Whose each number is, is known to who has read what is before it; so another one begins again.
        """
        if place != self._walked:
            place = _Cursor("customers", place.since)
            self._owners.clear()
            self._guests.clear()
        if place.stage == "customers":
            customers, place, is_over = self._walk(CUSTOMERS, {"role": "all"}, place, list[answers.Customer], most=PAGE)
            records = [*map(self._record, customers)]
            for customer in customers:
                for end in customer.ends[:1]:
                    self._owners.setdefault(end, f"{CUSTOMER}{customer.id}")
            if is_over:
                place = _Cursor("orders", place.since, newest=place.last)
        elif place.stage == "orders":
            query = {"status": "any", "_fields": answers.ORDER_FIELDS}
            orders, place, is_over = self._walk(ORDERS, query, place, list[answers.Order], most=PAGE)
            records = [record for order in orders for record in self._find_account(order)]
            if is_over:
                place = _Cursor("guests", place.since, newest=place.newest)
        else:
            guests = [*self._guests.items()][place.offset : place.offset + PAGE]
            records = self._read_guests(dict(guests))
            place = replace(place, offset=place.offset + PAGE)
            if place.offset >= len(self._guests):
                self._walked = None
                place = _Cursor("changes", place.since, newest=place.newest)
                return Page(records, _write_cursor(place), place.since, has_more=True)
        self._walked = place
        return Page(records, _write_cursor(place), None, has_more=True)

    def _find_account(self, order: answers.Order) -> list[Record]:
        """That the one who made an order has an account; else it is noted as a guest's."""
        if order.customer_id:
            return [_merge(order, f"{CUSTOMER}{order.customer_id}")]
        if order.is_guests:
            owner = self._owners.setdefault(order.ends[0], f"{GUEST}{order.id}")
            if owner.startswith(CUSTOMER):
                return [_merge(order, owner)]
            self._guests[owner] = order.id
        return []

    def _read_guests(self, newest: Mapping[str, int]) -> list[Record]:
        """The guests with these newest orders."""
        if not newest:
            return []
        query = {"include": _join(newest.values()), "status": "any", "per_page": PAGE, "_fields": answers.ORDER_FIELDS}
        orders = {one.id: one for one in self._list(ORDERS, query, list[answers.Order]) if one.is_guests}
        return [self._guest(guest, orders[number]) for guest, number in newest.items() if number in orders]

    def _read_window(self, place: _Cursor, now: int) -> Page:
        if not place.until:
            until = (now - LAG) // SECOND * SECOND
            if until <= place.since:
                return Page((), _write_cursor(place), place.since, has_more=False)
            place = replace(place, until=until)
        # Without an upper end: what changes while the window is read comes in the next one too.
        query = {
            "modified_after": sales.write_time_there(place.since - OVERLAP),
            "dates_are_gmt": "true",
            "status": "any",
            "_fields": answers.ORDER_FIELDS,
        }
        orders, place, is_over = self._walk(ORDERS, query, place, list[answers.Order], most=CHANGED_PAGE)
        records = self._resolve(orders)
        if is_over:
            place = replace(place, stage="newcomers", offset=0, last=0)
        return Page(records, _write_cursor(place), None, has_more=True)

    def _read_newcomers(self, place: _Cursor) -> Page:
        """The customers that are new, and at the end some of the others in turn."""
        newest = self._list(
            CUSTOMERS,
            {"role": "all", "orderby": "id", "order": "desc", "per_page": NEW_PAGE, "offset": place.offset},
            list[answers.Customer],
        )
        new = [one for one in newest if one.id > place.newest]
        place = replace(place, last=max([place.last, *(one.id for one in new)]))
        if new and len(new) == len(newest):
            # Who signs up meanwhile moves the others back, so that none is left out.
            place = replace(place, offset=place.offset + len(newest))
            return Page([*map(self._record, new)], _write_cursor(place), None, has_more=True)
        in_turn = self._list(
            CUSTOMERS,
            {"role": "all", "orderby": "id", "order": "asc", "per_page": PAGE, "offset": place.turn},
            list[answers.Customer],
        )
        turn = place.turn + PAGE if len(in_turn) == PAGE else 0
        place = _Cursor("changes", place.until, newest=max(place.newest, place.last), turn=turn)
        records = [*map(self._record, (*new, *in_turn))]
        return Page(records, _write_cursor(place), place.since, has_more=False)

    def _walk(
        self, path: str, query: Mapping[str, object], place: _Cursor, kind: type[list[T]], *, most: int
    ) -> tuple[list[T], _Cursor, bool]:
        """A page of a list by ascending number, as far as it is new, and whether it is the last one.

        A list is known by how many rows are before a page alone. A page begins with some rows of the one before it; one
        that does not, since these were deleted, is left, and the one before it read again.
        """
        offset = max(place.offset - BACK, 0)
        whole = {**query, "orderby": "id", "order": "asc", "per_page": most, "offset": offset}
        response = self._api.get(path, whole)
        rows = decode(response.body, kind, title=TITLE)
        ids: list[int] = [row.id for row in rows]
        if ids != sorted(ids):
            raise unavailable(TITLE, "it answers a list that is not in the order of its numbers")
        if offset and (not ids or ids[0] > place.last):
            return [], replace(place, offset=max(place.offset - most, 0)), False
        total = read_number(response.headers, "x-wp-total")
        is_over = offset + most >= total if total is not None else len(rows) < most
        new = [row for row in rows if row.id > place.last]
        return new, replace(place, offset=offset + most, last=max([place.last, *ids])), is_over

    def _list(self, path: str, query: Mapping[str, object], kind: type[list[T]]) -> list[T]:
        return decode(self._api.get(path, query).body, kind, title=TITLE)

    # ---- records ------------------------------------------------------------------------------------

    def _read_customers(self, numbers: Sequence[int]) -> list[Record]:
        if not numbers:
            return []
        query = {"role": "all", "include": _join(numbers), "per_page": PAGE}
        return [*map(self._record, self._list(CUSTOMERS, query, list[answers.Customer]))]

    def _resolve(self, orders: Sequence[answers.Order]) -> list[Record]:
        """The records of those who made some orders, as they are now."""
        owned = [one for one in orders if one.customer_id]
        records = self._read_customers(sorted({one.customer_id for one in owned}))
        there = {one.id for one in records}
        records += [_merge(one, owner) for one in owned if (owner := f"{CUSTOMER}{one.customer_id}") in there]
        for order in orders:
            if not order.customer_id:
                records += self._find_guest(order)
        return records

    def _find_guest(self, order: answers.Order) -> list[Record]:
        """Who made an order without an account: who has one by now, or the guest with all such orders of the number."""
        if not order.ends or order.judgement in ("cart", "pending", "nothing"):
            return []
        end, email = order.ends[0], order.addresses[0].email or ""
        # No search finds another spelling of a number with another e-mail; what was read of all shows where to look.
        perhaps = [self._owners.get(end, "")]
        wanted: list[dict[str, object]] = [{"include": one} for one in _numbers(perhaps, CUSTOMER)]
        wanted += [{"email": email}] if email else []
        for query in wanted:
            for customer in self._list(CUSTOMERS, {"role": "all", **query}, list[answers.Customer]):
                if end in customer.ends[:1]:
                    return [self._record(customer), _merge(order, f"{CUSTOMER}{customer.id}")]
        orders = {order.id: order}
        wanted = [{"search": email or order.phones[0]}]
        wanted += [{"include": one} for one in _numbers(perhaps, GUEST)]
        for query in wanted:
            whole = {"status": "any", "orderby": "id", "order": "asc", "per_page": PAGE, **query}
            found = self._list(ORDERS, {**whole, "_fields": answers.ORDER_FIELDS}, list[answers.Order])
            orders |= {one.id: one for one in found}
        own = [one for _, one in sorted(orders.items()) if one.is_guests and one.ends[0] == end]
        return [self._guest(f"{GUEST}{own[0].id}", own[-1])] if own else []

    def _record(self, customer: answers.Customer) -> Record:
        return Record(
            id=f"{CUSTOMER}{customer.id}",
            version=customer.version,
            values=self._values(customer),
            groups=[f"role:{customer.role}"] if customer.role else (),
            url=self.record_url(self._connection, f"{CUSTOMER}{customer.id}"),
        )

    def _guest(self, record_id: str, newest: answers.Order) -> Record:
        """A guest as of the newest order. No version of one never falls: that order may be cancelled."""
        return Record(
            id=record_id,
            version=0,
            values=self._values(newest),
            groups=["role:guest"],
            url=self.record_url(self._connection, record_id),
        )

    def _values(self, person: answers.Customer | answers.Order) -> dict[str, object]:
        values = {name: person.value(name) for name in self._connection.fields}
        return {name: value for name, value in values.items() if value not in _BLANKS}

    @staticmethod
    def record_url(connection: Connection, record_id: str) -> str:
        """Where a person sees an account, or the first order of a guest; blank while the shop is not known."""
        kind, _, number = record_id.partition(":")
        place = f"admin.php?page=wc-orders&action=edit&id={number}"
        if kind == "customer":
            place = f"user-edit.php?user_id={number}"
        return f"https://{connection.account}/wp-admin/{place}" if connection.account else ""

    # ---- what is looked at first --------------------------------------------------------------------

    def _can_write(self) -> bool:
        """Whether the key may write. A batch of nothing shows it, and changes nothing."""
        try:
            self._api.call("POST", f"{CUSTOMERS}/batch", body={"update": []})
        except ConnectorFailed as failure:
            if failure.code not in ("key_refused", "forbidden"):
                raise
            return False
        return True

    def _require_fields(self) -> None:
        """Raise ``ConnectorFailed`` when a wanted field is none: its values would all look blank."""
        for says in self._find_absent():
            raise ConnectorFailed("broken", "field_missing", says)

    def _find_absent(self) -> Iterator[str]:
        for name in self._connection.fields:
            if name not in FIELDS and not (name.startswith(answers.META) and name != answers.META):
                named = ", ".join(FIELDS)
                yield f'WooCommerce has no field "{name}"; it has {named}, and meta fields, as in "meta.sms_opt_in".'

    def _warn(self, newest: Sequence[answers.Customer], *, can_write: bool) -> Iterator[str]:
        if newest and not any(one.phones for one in newest):
            yield f"None of the {len(newest)} newest customers has a phone number."
        yield from self._find_absent()
        if not can_write:
            yield (
                "The key may only read: nothing can be written back, and no webhooks can be made, so that carts are "
                "not known. Make one with the permission Read/Write."
            )
        elif self._api.get(WEBHOOKS, {"per_page": 1}, accepts=(401, 403)).status != 200:
            yield "The key's user may make no webhooks: make the key for an administrator or a shop manager."


# ---- cursors, numbers, fields -----------------------------------------------------------------------

_ROLES = {"customer": "Customers", "subscriber": "Subscribers", "guest": "Guests, who have no account"}


def _write_cursor(place: _Cursor) -> str:
    return msgspec.json.encode(place).decode()


def _numbers(ids: Iterable[str], prefix: str) -> list[int]:
    """The numbers in those ids that begin so."""
    found = (one.removeprefix(prefix) for one in ids if one.startswith(prefix))
    return [int(one) for one in dict.fromkeys(found) if one.isascii() and one.isdecimal() and len(one) < 19]


def _join(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))


def _merge(order: answers.Order, owner: str) -> Record:
    """That the one who made an order, perhaps as a guest, has an account."""
    return Record(f"{GUEST}{order.id}", 0, gone="merged", merged_into=owner)


def _describe_fields(newest: Sequence[answers.Customer]) -> Iterator[FieldSource]:
    yield from (FieldSource(name, title, kind) for name, (title, kind) in FIELDS.items())
    keys = dict.fromkeys(one.key for customer in newest for one in customer.metas() if one.key)
    yield from (FieldSource(f"{answers.META}{key}", key, "text") for key in keys if not key.startswith(MARK_PREFIX))
