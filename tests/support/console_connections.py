"""Connections of a book for looking at: one that stopped, with records of all kinds, and a shop with carts.

Each is made in one transaction, since the worker of the service would read what it finds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daftari.connectors import Account, ConnectorFailed, Page, Record, Usage
from daftari.model.carts import StoredCart
from daftari.model.projects import Actor
from daftari.model.time import current_time
from daftari.rules.connections import lifecycle, sync
from daftari.store import WriteTx, carts
from tests.support.builders import mobile

if TYPE_CHECKING:
    from tests.support.console_book import ConsoleBook

SAYS = (
    "This key belongs to HubSpot account 4711, the connection to 62515. Give a key of that account, or make a "
    "connection of its own for this one."
)


def connect_systems(book: ConsoleBook, *, hostile: str, groups: tuple[str, ...]) -> None:
    """The connections ``crm`` and ``shop`` of a book."""
    actor = Actor(None, "tests")
    for name, kind, connect in (("crm", hostile, _connect_crm), ("shop", "Duka mtandaoni", _connect_shop)):
        book.ids[name] = book.store.write(book.project, actor, current_time(), connect, called=kind, groups=groups)


def _connect_crm(tx: WriteTx, *, called: str, groups: tuple[str, ...]) -> int:
    values = {
        "name": called,
        "kind": "hubspot",
        "credentials": {"key": "k"},
        "fields": {"mobilephone": "mobile", "firstname": "fname"},
        "groups": [{"from": "all", "to": "From HubSpot"}, {"from": "list:12", "to": "VIP there", "keep": "add_only"}],
        "filter": {"lifecyclestage": ["customer", groups[2]]},
        "write_back": True,
    }
    records = [_person(number, firstname=groups[2]) for number in range(60, 90)]
    records += [_person(90, mobilephone="0722 12"), _person(91, mobilephone=called), _person(92, mobilephone=None)]
    records.append(Record("93", 1, gone="deleted"))
    connection_id = _start(tx, values, records)
    fence = sync.take_over(tx, connection_id=connection_id)
    erased = [Record("61", 2, gone="erased")]
    sync.take_pages(tx, connection_id=connection_id, fence=fence, pages=[_page(tx, erased)], usage=Usage())
    failure = ConnectorFailed("broken", "other_account", SAYS)
    sync.take_failure(tx, connection_id=connection_id, fence=fence, failure=failure, usage=Usage())
    return connection_id


def _connect_shop(tx: WriteTx, *, called: str, groups: tuple[str, ...]) -> int:
    values = {
        "name": called,
        "kind": "shopify",
        "credentials": {"client_id": "c", "client_secret": "s"},
        "settings": {"shop": "ziwa"},
        "carts_group": "Left a cart",
    }
    connection_id = _start(tx, values, [])
    found = [
        StoredCart(connection_id, f"cart-{number}", subject_id=0, at=tx.now, received_at=tx.now + number)
        for number in range(3)
    ]
    carts.save_carts(tx, carts=found)
    lifecycle.pause_connection(tx, connection_id=connection_id)
    return connection_id


def _start(tx: WriteTx, values: dict[str, object], records: list[Record]) -> int:
    connection_id = lifecycle.create_connection(tx, values=values).id
    account = Account("62515", "HubSpot 62515", "Africa/Nairobi", None, (), (), ())
    lifecycle.take_check(tx, connection_id=connection_id, account=account)
    lifecycle.start_connection(tx, connection_id=connection_id)
    fence = sync.take_over(tx, connection_id=connection_id)
    sync.take_pages(tx, connection_id=connection_id, fence=fence, pages=[_page(tx, records)], usage=Usage())
    return connection_id


def _page(tx: WriteTx, records: list[Record]) -> Page:
    return Page(records, "cursor", tx.now, has_more=False)


def _person(number: int, **values: object) -> Record:
    given = {"mobilephone": f"+{mobile(number)}", "lifecyclestage": "customer", **values}
    return Record(str(number), 1, {name: value for name, value in given.items() if value is not None})
