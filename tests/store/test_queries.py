"""The guard over the named queries: each is used, names its project, and reads no more of it than it must.

Plans are asked of both engines at a realistic size, with statistics.
"""

from __future__ import annotations

import ast
import os
import re
from array import array
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import apsw
import msgspec
import psycopg
import pytest
from msgspec.structs import replace

from daftari.model.carts import CartFigures, StoredCart, StoredOrder
from daftari.model.connections import Link, StoredConnection, StoredWebhookEvent, WriteBack
from daftari.model.consent import FirstReceipt, NewFact, Scope
from daftari.model.imports import ImportState
from daftari.model.inbound import InboundMessage, InboundRequest, Review
from daftari.model.messages import StoredAttempt, StoredMessage, StoredReport
from daftari.model.projects import Actor
from daftari.model.triggers import StoredEvent
from daftari.model.webhooks import StoredDelivery, StoredWebhook, WebhookState
from daftari.rules import events
from daftari.rules.contacts import contacts, parse
from daftari.rules.events import Action, ConsentChanged, GroupCreated, GroupRenamed
from daftari.rules.search.index import apply_step, prepare_step
from daftari.store import (
    Store,
    WriteTx,
    audiences,
    before,
    bulk,
    campaigns,
    carts,
    connections,
    consent,
    daily,
    directory,
    erasures,
    exports,
    file_parts,
    groups,
    idempotency,
    imports,
    inbound,
    journal,
    messages,
    migrate,
    search,
    senders,
    triggers,
    webhooks,
    whatsapp_users,
)
from daftari.store.before import StoredBefore
from daftari.store.consent import StoredConsent
from daftari.store.copy.run import copy_database
from daftari.store.database_url import sqlite_path
from daftari.store.engine import TABLES as WRITTEN_TABLES
from daftari.store.idempotency import StoredResponse
from daftari.store.imports import Chunk, Reject
from daftari.store.nul import TEXT_COLUMNS
from daftari.store.purge import TABLES
from daftari.store.queries import Dialect, Query, load_queries
from daftari.store.schema import list_migrations
from daftari.store.search import IndexChanges
from daftari.store.sqlite import connect
from tests.conftest import People
from tests.support import postgres
from tests.support.stores import NOW, SECRET, open_store

PROJECT_TABLES = tuple(table.name for table in TABLES)
CONTACTS = 20_000
GROUPS = 2_000
SENDERS = 20

READS_ALL = {
    "check_book": "an operator asked for a whole check",
    "check_journal": "an operator asked for a whole check",
    "check_feed": "an operator asked for a whole check",
    "check_duplicates": "an operator asked for a whole check",
    "check_orphans": "an operator asked for a whole check",
    "check_blocks": "an operator asked for a whole check",
    "check_member_blocks": "an operator asked for a whole check",
    "check_directory": "an operator asked for a whole check",
    "check_states": "an operator asked for a whole check, in turns",
    "check_subjects": "an operator asked for a whole check, in turns",
    "list_waiting_imports": "imports are kept 90 days, and few are made a day",
    "delete_changes_by_card": "a person is erased, who may have had another number or no longer be a contact",
    "count_imports_with_files": "imports are kept 90 days, and few are made a day; it stops at its limit",
    "find_rejects_by_digits": "a person is erased, and nothing else shows which records name them",
    "list_former_names": "in an index that holds groups that were renamed or deleted within 90 days only",
    "count_quarantine": "it holds 10,000 rows at the most",
    "find_commonest_quarantined": "it holds 10,000 rows at the most",
    "list_refusals": "it holds 10,000 rows at the most",
    "find_group_names": "where there are few groups, PostgreSQL reads them all sooner than some of them one by one",
    "list_senders": "a project has a few",
    "get_sender": "a project has a few",
    "get_fence": "a project has a few",
    "update_sender": "a project has a few",
    "get_search_index": "a project has one",
    "list_triggers": "a project has a few",
    "find_triggers": "a project has a few",
    "list_expired_events": "in the order of an index, up to its limit",
    "has_expired_event": "in the order of an index, and stops at the first",
    "save_meter": "a project has a few",
    "raise_fence": "a project has a few",
    "list_webhooks": "a project has a few",
    "get_webhook": "a project has a few",
    "update_webhook": "a project has a few",
    "delete_webhook": "a project has a few",
    "list_open_webhooks": "a project has a few",
    "list_idle_webhooks": "a project has a few",
    "get_slowest_webhook": "a project has a few",
    "list_connections": "a project has a few",
    "list_mirrored_groups": "in an index that holds groups that are kept in step only",
    "get_connection": "a project has a few",
    "find_connection": "a project has a few",
    "list_due_connections": "a project has a few",
    "update_connection": "a project has a few",
    "save_connection": "a project has a few",
    "bring_forward": "a project has a few",
    "get_connection_account": "a project has a few",
    "take_connection": "a project has a few",
    "get_connection_fence": "a project has a few",
    "delete_connection": "a project has a few",
    "list_expired_carts": "in the order of an index, up to its limit",
    "has_expired_cart": "in the order of an index, and stops at the first",
    "list_expired_orders": "in the order of an index, up to its limit",
    "has_expired_order": "in the order of an index, and stops at the first",
    "list_exports": "a project keeps 20, and those whose files are being cleared",
    "list_near_misses": "it has a row for each key and source",
    "list_inbound_counts": "it has a row for each token",
    "has_expired_test": "it has a row for each token",
    "clear_expired_tests": "it has a row for each token",
    "list_audience_ids": "audiences are kept 90 days, and few are frozen a day",
    "list_audience_definitions": "audiences are kept 90 days, and few are frozen a day",
    "list_open_campaigns": "in the order of an index that holds campaigns that have not ended only",
    "find_expired_audience": "audiences are kept 90 days, and few are frozen a day",
}
"""The queries that may read a whole project, and why."""

STOPS_EARLY = {
    "has_contacts": "in the key's order, and stops at the first",
    "count_states": "in the key's order, up to its limit",
    **{table.query: "in the key's order, up to its limit" for table in TABLES},
    "find_open_import": "in the order of an index that holds open imports only",
    "list_open_bulks": "in the order of an index that holds open jobs only",
    "list_book_ids": "in the key's order, up to its limit",
    "list_contact_numbers": "in the key's order, up to its limit",
    "list_numbers_with_consent": "in the order of an index that holds those of whom something is known",
    "list_members_outside": "in the key's order, up to its limit",
    "find_clearing_import": "in the order of an index that holds those whose file goes",
    "get_last_fact": "in the key's order, and stops at the first",
    "get_last_erasure": "in the key's order, and stops at the first",
    "has_erasures": "in the key's order, up to its limit",
    "find_open_erasure": "in the order of an index that holds open erasures only",
    "find_deleted_group": "in the order of an index that holds deleted groups only",
    "get_oldest_change": "in the key's order, and stops at the first",
    "list_change_times": "in the key's order, up to its limit",
    "delete_some_webhook_events": "in the key's order, up to its limit",
    "delete_some_write_backs": "in the key's order, up to its limit",
    "delete_some_carts": "in the key's order, up to its limit",
    "delete_some_orders": "in the key's order, up to its limit",
    "delete_some_figures": "in the key's order, up to its limit",
}
"""The queries that begin at a project's first row and stop at a limit."""

VALUES: dict[str, object] = {
    "project": 1, "id": 17, "mobile": 254700000017, "subject_id": 254700000017, "contact": 17, "group": 3, "list": 3,
    "folded": "group 7", "keyword": "group 7", "level": 2, "part": 3, "number": 3, "seq": 17, "pattern": "%722000%",
    "audience": 3, "erasure": 0, "key": 1, "token": 1, "first": 640, "last": 640, "after": 640, "before": 640,
    "skip": 10, "limit": 100, "now": 1, "until": 1, "to": -5, "first_id": 1, "version": 1, "owner": "me",
    "refused_at": None, "fact": 640, "item": 640, "clock": 1, "latest": 2, "since": 1, "connection": 7,
    "user_id": "KE.1", "after_record": "17", "before_key": "17", "after_key": "17", "after_token": "$5", "most": 5,
    "other_than": 0, "due_at": 1, "user": 1, "id_of_project": 1, "operator": 0, "send": 0, "erase": 0,
    "giver": None, "kept": 0, "other": 2,
}  # fmt: skip
"""What is asked for in a plan; a value that is a column's gets any one of the column's type.

A user_id that is asked for is WhatsApp's; those of users are asked for as ``user``.
"""
OF_TYPE = {"INTEGER": 1, "TEXT": "x", "BLOB": b"x"}
ROW_SETS: dict[str, list[Any]] = {
    "mobiles": [254700000000 + place for place in range(100)],
    "ids": list(range(1, 101)),
    "seqs": list(range(1, 101)),
    "subject_ids": [254700000000 + place for place in range(100)],
    "kinds": ["import", "purge"],
    "provider_ids": [f"p{place}" for place in range(100)],
    "types": ["contacts.created", "group.joined"],
    "external_ids": [str(place) for place in range(1, 101)],
    "keys": [str(place) for place in range(1, 101)],
    "channels": ["sms", "whatsapp"],
    "cart_ids": [str(place) for place in range(1, 101)],
    "cart_tokens": [str(place) for place in range(1, 101)],
    "customer_ids": [str(place) for place in range(1, 101)],
    "emails": [f"p{place}@shop.example" for place in range(1, 101)],
    "names": [f"token:{place}" for place in range(1, 101)],
}
ITEMS: dict[str, list[tuple[Any, ...]]] = {
    "update_contacts": [(place, 254700000000 + place, "{}") for place in range(1, 101)],
    "change_directory": [(3, 1, place, 1) for place in range(100)],
    "clear_directory": [(3, 1, place) for place in range(10)],
    "save_consent": [(254700000000 + place, 0, "{}") for place in range(100)],
    "add_number_near_misses": [(254700000000 + place, 1) for place in range(100)],
    "save_import_changes": [(place, "{}") for place in range(1, 101)],
    "find_known_numbers": [(254700000000 + place, -1 - place) for place in range(100)],
    "find_message_keys": [(254700000000 + place, "x") for place in range(100)],
    "save_messages": [
        (place, 1, 0, 254700000000 + place, "x", "waiting", "", "", "marketing", 1, 0, 0, 0, 0, 0, 1, "x", "")
        for place in range(1, 101)
    ],
    "add_campaign_deliveries": [(place, 1) for place in range(100)],
    "find_last_round_ids": [(place, 254700000000 + place, "#000000", "#999999", 7) for place in range(100)],
    "find_fired_triggers": [(place % 2, "cart") for place in range(10)],
    "find_known_events": [(place, 254700000000 + place, "cart", "c1", 0) for place in range(100)],
    "find_latest_event_ids": [(place, 254700000000 + place, "cart", "c1") for place in range(100)],
    "find_stopping_events": [(place, 254700000000 + place, "order", "c1", 0) for place in range(100)],
    "save_attempts": [(1, f"p{place}", place, 1, "accepted", "") for place in range(1, 101)],
    "save_links": [(7, str(place), 254700000000 + place, 1, 1, 0, "3", 0, 1, 0, "") for place in range(1, 101)],
    "insert_webhook_events": [
        (7, str(place), "person.change", "[]", "{}", "[]", "{}", 1, 1) for place in range(1, 101)
    ],
    "save_write_backs": [(7, str(place), "sms", "out", 1, "written", 0, 0, "", "out", 1, 0) for place in range(1, 101)],
    "save_carts": [
        (
            *(7, str(place), "1", "c", "open", 254700000000 + place, 1, "1", "a@b.example", "{}"),
            *(1, 1, 1, 0, 0, 0, "", 0, 0, 0, 0, 0, 0, 1),
        )
        for place in range(1, 101)
    ],
    "delete_carts": [(7, str(place)) for place in range(1, 101)],
    "save_orders": [(7, f"token:{place}", str(place), 1, 1, 254700000000 + place, 1) for place in range(1, 101)],
    "delete_orders": [(7, f"token:{place}", str(place)) for place in range(1, 101)],
    "delete_write_backs": [(str(place), "sms") for place in range(1, 101)],
    "touch_keys": [(place, 1) for place in range(3)],
    "add_daily": [(place, "sent", "sms", 1) for place in range(100)],
    "save_daily": [(place, "sent", "sms", 1) for place in range(100)],
    "list_daily": [("contacts", 35), ("sent", 370), ("opt_out", 370)],
    "find_postings": [(0, f"${place:03}") for place in range(100)],
    "delete_postings": [(0, f"${place:03}") for place in range(100)],
}


def _fill(tx: WriteTx) -> None:
    for number in range(GROUPS):
        group = groups.insert_group(tx, name=f"Group {number}", folded=f"group {number}")
        happened = (GroupCreated(group.id), GroupRenamed(group.id, "x"), ConsentChanged(2 * number, 2 * number, [], []))
        seq = events.record(tx, Action.CREATE_GROUP, *happened, group_id=group.id)
        _fill_ledger(tx, 254710000000 + seq)


def _fill_ledger(tx: WriteTx, mobile: int) -> None:
    """A row of everything that is kept about a number, but for its facts."""
    journal.insert_removals(tx, seq=mobile, mobiles=[mobile], at=1, reason=None)
    kept = [StoredBefore(contact_id, mobile, mobile + 1, mobile, "{}") for contact_id in (0, mobile)]
    before.insert_before(tx, seq=mobile, rows=kept)
    job = bulk.insert_bulk(tx, ids=[mobile], until=mobile, settings="{}", progress="{}")
    if job % 500:
        bulk.finish_part(tx, bulk_id=job, number=1, seq=1)
        stored = bulk.get_bulk(tx, bulk_id=job)
        assert stored is not None
        bulk.save_bulk(tx, bulk=replace(stored, state="done"))
    review = Review(0, mobile, 1, "generic", "sms", "x", "x", "x")
    inbound.insert_review(tx, given=review, message_digest=str(mobile))
    request = InboundRequest("POST", "https://x", "", "", {}, str(mobile).encode())
    inbound.count_received(tx, token_id=mobile)
    inbound.insert_quarantine(tx, token_id=1, reason="x", is_proved=False, request=request, receipt=1)
    whatsapp_users.save_user(tx, token_id=1, user_id=f"KE.{mobile}", mobile=mobile)
    held = InboundMessage("", "whatsapp", "x", "STOP", None, None, user_id=f"KE.{mobile}")
    whatsapp_users.insert_held(tx, token_id=1, received_at=1, receipt=1, message_digest=str(mobile), event=held)
    answer = StoredResponse("x", mobile, 201, "[]", b"{}")
    idempotency.save_response(tx, answer, key_id=1, name=str(mobile), names_numbers=mobile % 10 == 0)
    export = exports.insert_export(tx, settings="{}", until=mobile)
    file_parts.insert_parts(tx, file_id=export.id, first=0, parts=[b"x"])
    erasures.insert_erasure(tx, subject_id=-mobile, contact_id=mobile, removed="{}")
    audiences.insert_audience(
        tx, definition="{}", mobiles=array("q", [mobile]), erased=0, digest="x", excluded="{}", until=mobile
    )


def _fill_imports(tx: WriteTx) -> None:
    """Many imports, and one that is large."""
    for number in range(1, GROUPS + 1):
        import_id = imports.insert_import(tx, phase="apply", erasure_id=0, settings="{}", progress="{}", until=number)
        found = imports.get_import(tx, import_id=import_id)
        assert found is not None
        state: ImportState = "done" if number % 500 else "queued"
        imports.save_import(tx, given=replace(found, state=state, clearing=number % 300 == 0))
        parts = range(1, 2 if number > 1 else 1_000)
        file_parts.insert_parts(tx, file_id=import_id, first=0, parts=[b"x" for _ in parts])
        for chunk in parts:
            kept = Chunk(chunk, 1, "apply", b"x", array("q", [1]), b"", 0, -1, chunk + 1)
            imports.save_chunk(tx, import_id=import_id, chunk=kept)
            imports.insert_joins(tx, import_id=import_id, chunk=chunk, joined={3: [1], 4: [2]})
            imports.save_changes(tx, import_id=import_id, cards=[(10 * number + chunk, "{}")])
        rejects = [Reject(one, "x", "", "null", str(one)) for one in parts]
        imports.save_rejects(tx, import_id=import_id, first=0, last=0, rejects=rejects)


def _fill_messages(tx: WriteTx) -> None:
    """A few senders, many campaigns, and a message to every other number, with an attempt, a reply and a report."""
    for number in range(SENDERS):
        senders.insert_sender(
            tx, channel="sms", name=f"S{number}", folded=f"s{number}", definition="{}", credentials=b"", meter="{}"
        )
    for number in range(GROUPS):
        campaigns.insert_campaign(tx, sender_id=number % SENDERS, definition="{}", progress="{}")
        campaigns.add_deliveries(tx, campaign_id=number, minutes=dict.fromkeys(range(100), 1))
    states = ("waiting", "sending", "accepted", "delivered", "skipped")
    made = [
        StoredMessage(
            id=number, sender_id=number % SENDERS, origin_id=number % GROUPS, subject_id=254700000000 + 2 * number,
            key="", state=states[number % 5] if number % 50 == 0 else "delivered", reason="", code="",
            purpose="marketing", attempt=1, due_at=0, until=0, claim=1, claimed_at=1, settled_at=1, parts=1, text="x",
        )
        for number in range(1, CONTACTS)
    ]  # fmt: skip
    messages.insert_messages(tx, messages=made)
    attempts = [StoredAttempt(one.sender_id, f"p{one.id}", one.id, 1, "delivered", "") for one in made]
    messages.save_attempts(tx, attempts=attempts)
    reports = [StoredReport(one.sender_id, f"q{one.id}", one.id, one.subject_id, one.id, "{}") for one in made]
    messages.insert_reports(tx, reports=reports)
    for number in range(GROUPS):
        triggers.insert_trigger(
            tx,
            sender_id=number % SENDERS,
            state="on",
            group_id=number % 2 * number,
            event_name="" if number % 2 else f"event {number}",
            definition="{}",
            progress="{}",
        )
    happened = [
        StoredEvent(
            id=one.id, subject_id=one.subject_id, name="cart", key=f"c{one.id}", at=1, given_at=1, received_at=1,
            fields="{}", is_contact=1, expires_at=one.id,
        )
        for one in made
    ]  # fmt: skip
    triggers.insert_events(tx, events=happened)
    for one in made:
        messages.insert_reply(tx, message_id=one.id, origin_id=one.origin_id, at=1, digest=str(one.id), text="x")
        messages.mark_reply(tx, digest=str(one.id), opted_out=one.id % 50 == 0)


def _fill_webhooks(tx: WriteTx) -> None:
    """A few webhooks, half of them enabled, and many deliveries of each."""
    for number in range(1, SENDERS + 1):
        state: WebhookState = "enabled" if number % 2 else "paused"
        webhooks.insert_webhook(
            tx,
            webhook=StoredWebhook(number, "{}", b"", state, "", "x", number, 0, "", 0, "", 0, 0, 0, 1),
        )
    for number in range(1, CONTACTS):
        hook, at = number % SENDERS + 1, number
        delivery = StoredDelivery(number, hook, "changes", number, number, 1, 0, "delivered", 1, 204, "", at, at, 1, at)
        webhooks.save_delivery(tx, delivery=delivery)


def _fill_connections(tx: WriteTx) -> None:
    """A few connections, and many records of each, some of them with a problem, some gone."""
    for number in range(1, SENDERS + 1):
        connection = StoredConnection(
            number, f"c{number}", "hubspot", "", "{}", b"", b"", "live", "", "", 0, "{}", 0, 0, 1, 1
        )
        connections.insert_connection(tx, connection=connection, folded=f"c{number}")
    links = [
        Link(
            number % SENDERS + 1, str(number), 254700000000 + number, 1, 1, int(number % 50 == 0), "3", 0, 1,
            int(number % 70 == 0), "",
        )
        for number in range(1, CONTACTS)
    ]  # fmt: skip
    connections.save_links(tx, links=links)
    announced = [
        StoredWebhookEvent(
            number % SENDERS + 1, str(number), "person.change", "[]", "{}", "[]", "{}", 1, number, "waiting", 0
        )
        for number in range(1, CONTACTS)
    ]
    connections.insert_events(tx, events=announced)
    for connection_id in range(1, SENDERS + 1):
        keys = [one.key for one in announced if one.connection_id == connection_id]
        connections.settle_events(tx, connection_id=connection_id, keys=keys[50:])
    marks = [
        WriteBack(
            link.connection_id, link.external_id, "sms", "out", 1, "written", 0, int(link.mobile % 40 == 0), "", "out",
            1, 0,
        )
        for link in links
    ]  # fmt: skip
    connections.save_write_backs(tx, rows=marks)
    _fill_carts(tx)


def _fill_carts(tx: WriteTx) -> None:
    """Many carts and orders of each connection, a few of them to be asked about, a few idle."""
    made = [
        StoredCart(
            number % SENDERS + 1, str(number), cart_id=str(number), cart_token=str(number), customer_id=str(number),
            subject_id=254700000000 + number, email=f"p{number}@shop.example", received_at=number,
            idle_at=int(number % 50 == 0), ask_at=int(number % 70 == 0), expires_at=number,
        )
        for number in range(1, CONTACTS)
    ]  # fmt: skip
    carts.save_carts(tx, carts=made)
    names = [
        StoredOrder(cart.connection_id, f"token:{cart.key}", cart.key, 1, cart.received_at, cart.subject_id, 1)
        for cart in made
    ]
    carts.save_orders(tx, orders=[replace(one, expires_at=one.received_at) for one in names])
    for connection_id in range(1, SENDERS + 1):
        for day in range(100):
            carts.add_figures(tx, connection_id=connection_id, figures=CartFigures(day, abandoned=1))


def _fill_figures(tx: WriteTx) -> None:
    """Figures of many days, of some of them for many keys."""
    kinds: tuple[daily.What, ...] = ("contacts", "created", "removed", "opt_out", "sent", "calls")
    for what in kinds:
        keys = [str(number) for number in range(20 if what == "calls" else 3)]
        daily.add_figures(tx, counts={(day, what, key): 1 for day in range(400) for key in keys})
    daily.save_counted(tx, counted=daily.Counted(1, 1, 1))


def _fill_facts(tx: WriteTx) -> None:
    """A fact about every other number."""
    mobiles = range(254700000000, 254700000000 + 2 * CONTACTS, 2)
    given = [NewFact(0, mobile, "opt_out", Scope("sms"), 1, "api") for mobile in mobiles]
    more: Any = {
        "at": 1,
        "receipt": FirstReceipt(1, 1),
        "message_digest": None,
        "key_id": None,
        "user_id": None,
        "now": 1,
    }
    facts = [
        (one.mobile, consent.as_fact(one, number=number, **more)) for number, one in enumerate(given, tx.book.next_fact)
    ]
    tx.book.next_fact += len(facts)
    consent.insert_facts(tx, facts=facts)
    consent.save_consent(tx, states={mobile: StoredConsent(False, "{}") for mobile in mobiles})
    consent.add_near_misses(tx, source="opt_in", import_id=None, attempts=dict.fromkeys(mobiles, 1))


def _fill_index(tx: WriteTx) -> None:
    """Tokens of more blocks than the contacts are in, as many as a large book has."""
    postings = {(block, f"{number:05}"): b"\1\0" for block in range(1, 11) for number in range(2_000)}
    search.write_index(tx, changes=IndexChanges((), (), (), postings))


def _join_every_group(tx: WriteTx) -> None:
    """A member for every group that has none, so that the directory is as long as it would be."""
    joining = [number for number in range(1, GROUPS + 1) if number not in (8, 9)]
    for group_id in joining:
        groups.insert_members(tx, group_id=group_id, ids=[group_id])
    directory.change_directory(tx, joined={group_id: [group_id] for group_id in joining}, left={})


def fill(store: Store, people: People) -> None:
    """Two projects of a realistic size."""
    actor = Actor(None, "guard")
    for project in (people.shopify, people.kalro):
        store.write(project, actor, NOW, _fill)
        store.write(project, actor, NOW, _fill_facts)
        store.write(project, actor, NOW, _fill_figures)
        store.write(project, actor, NOW, _fill_imports)
        store.write(project, actor, NOW, _fill_messages)
        store.write(project, actor, NOW, _fill_webhooks)
        store.write(project, actor, NOW, _fill_connections)
        for first in range(0, CONTACTS, 10_000):
            given = [{"mobile": 254700000000 + number, "fname": "Wanjiru"} for number in range(first, first + 10_000)]
            for group in ("Group 7", "Group 8"):
                read = parse.read_contacts(msgspec.json.encode(given), field="contacts", region="KE", now=1)
                store.write(
                    project, actor, 1, contacts.create_contacts,
                    rows=read, group=group, skip=False, results=False,
                )  # fmt: skip
        store.write(project, actor, NOW, _join_every_group)
        while (step := store.read(project, NOW, prepare_step)).state.filled_to is not None:
            store.write(project, actor, NOW, apply_step, step=step)
        store.write(project, actor, NOW, _fill_index)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, postgres_server: str, introduce: Any) -> Iterator[dict[str, str]]:
    """A filled database of each engine, with statistics. One is a copy of the other, which is quicker."""
    name = f"daftari_guard_{os.getpid()}"
    databases = {
        "sqlite": str(tmp_path_factory.mktemp("guard") / "guard.db"),
        "postgres": postgres.create_database(postgres_server, name),
    }
    migrate(databases["sqlite"])
    store = open_store(databases["sqlite"], threads=1)
    fill(store, introduce(store))
    store.close()
    copy_database(
        databases["sqlite"], databases["postgres"],
        secret=SECRET, secret_file=None, should_stop=lambda: False, note=lambda _: None,
    )  # fmt: skip
    with psycopg.connect(databases["postgres"], autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    yield databases
    postgres.drop_database(postgres_server, name)


@cache
def _column_values() -> dict[str, object]:
    """A value for each column of the schema. Columns of one name are of one type."""
    schema = apsw.Connection(":memory:")
    for migration in list_migrations("sqlite"):
        schema.execute(migration.text)
    tables = [name for (name,) in schema.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()]
    columns = [row for table in tables for row in schema.execute(f"PRAGMA table_info({table})").fetchall()]
    return {str(name): OF_TYPE[str(kind)] for _, name, kind, *_ in columns}


def _values(query: Query) -> dict[str, Any]:
    sets = {name: ITEMS.get(query.name, ROW_SETS.get(name)) for name in query.row_sets}
    return {**_column_values(), **VALUES, **{name: rows for name, rows in sets.items() if rows is not None}}


def _sqlite_offences(connection: apsw.Connection, query: Query) -> list[str]:
    values = _values(query)
    for name in query.row_sets:
        values[name] = msgspec.json.encode(values[name]).decode()
    plan = connection.execute(f"EXPLAIN QUERY PLAN {query.text}", values).fetchall()
    steps = [str(row[3]) for row in plan]
    aliases = "|".join(_aliases(query.text))
    whole = re.compile(rf"SCAN ({aliases})\b|SEARCH ({aliases}) .*\(project_id=\?( AND rowid.*)?\)$")
    return [step for step in steps if aliases and whole.search(step)]


def _postgres_offences(connection: psycopg.Connection[Any], query: Query) -> list[str]:
    values = _values(query)
    for name, columns in query.row_sets.items():
        given = values[name]
        turned = [given] if len(columns) == 1 else [list(column) for column in zip(*given, strict=True)]
        values |= {f"{name}_{place}": column for place, column in enumerate(turned)}
    row = connection.execute(f"EXPLAIN (FORMAT JSON) {query.text}".encode(), values).fetchone()
    assert row is not None
    return [_described(node) for node in _nodes(row[0][0]["Plan"]) if _reads_a_project(node)]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def _reads_a_project(node: dict[str, Any]) -> bool:
    if node.get("Relation Name") not in PROJECT_TABLES and node["Node Type"] != "Bitmap Index Scan":
        return False
    if node["Node Type"] in ("Seq Scan",):
        return node["Relation Name"] != "book"
    condition = node.get("Index Cond")
    return (
        node["Node Type"] != "Bitmap Heap Scan"
        and condition is not None
        and " AND " not in condition
        and (node.get("Relation Name") != "book")
    )


def _described(node: dict[str, Any]) -> str:
    return f"{node['Node Type']} on {node.get('Relation Name', node.get('Index Name'))}: {node.get('Index Cond')}"


_TABLE = re.compile(rf"\b(?:FROM|JOIN|UPDATE|INTO)\s+({'|'.join(PROJECT_TABLES)})\b(?:\s+AS\s+(\w+))?")


def _aliases(text: str) -> list[str]:
    return [alias or table for table, alias in _TABLE.findall(text)]


def _guarded(dialect: Dialect) -> list[Query]:
    queries = load_queries(dialect).values()
    return [query for query in queries if query.name not in READS_ALL | STOPS_EARLY and _aliases(query.text)]


@pytest.mark.parametrize("statistics", [False, True], ids=["as it comes", "after ANALYZE"])
def test_no_query_on_sqlite_reads_a_whole_project_unless_the_list_says_why(
    filled: dict[str, str], statistics: bool
) -> None:
    connection = connect(sqlite_path(filled["sqlite"]), cache_kib=1_000, create=False)
    if statistics:
        connection.execute("BEGIN; ANALYZE; ANALYZE sqlite_schema")
    found = {query.name: _sqlite_offences(connection, query) for query in _guarded("sqlite")}
    assert {name: offences for name, offences in found.items() if offences} == {}


def test_sqlite_plans_each_query_once_and_not_for_each_value(filled: dict[str, str]) -> None:
    connection = connect(sqlite_path(filled["sqlite"]), cache_kib=1_000, create=False)
    planned: list[int] = []
    connection.authorizer = lambda action, *names: planned.append(action) or apsw.SQLITE_OK
    again = []
    for query in load_queries("sqlite").values():
        if not query.text.startswith(("SELECT", "WITH")):
            continue
        values = _values(query)
        for name in query.row_sets:
            values[name] = msgspec.json.encode(values[name]).decode()
        connection.execute(query.text, values).fetchall()
        assert planned
        planned.clear()
        others = {name: value + 1 if isinstance(value, int) else value for name, value in values.items()}
        connection.execute(query.text, others).fetchall()
        again += [query.name] * bool(planned)
        planned.clear()
    assert again == []


def test_no_query_on_postgres_reads_a_whole_project_unless_the_list_says_why(filled: dict[str, str]) -> None:
    with psycopg.connect(filled["postgres"]) as server:
        found = {query.name: _postgres_offences(server, query) for query in _guarded("postgres")}
    assert {name: offences for name, offences in found.items() if offences} == {}


def test_the_log_is_searched_by_its_indexes(filled: dict[str, str]) -> None:
    """Both engines would walk the whole log, newest first, where an index has the few acts that are wanted."""
    connection = connect(sqlite_path(filled["sqlite"]), cache_kib=1_000, create=False)
    with psycopg.connect(filled["postgres"]) as server:
        for name, index in (
            ("list_newest_journal_of_user", "journal_user"),
            ("list_newest_journal_of_action", "journal_action"),
        ):
            query = load_queries("sqlite")[name]
            plan = connection.execute(f"EXPLAIN QUERY PLAN {query.text}", _values(query)).fetchall()
            assert f"USING INDEX {index} " in str(plan)
            query = load_queries("postgres")[name]
            assert index in str(server.execute(f"EXPLAIN {query.text}".encode(), _values(query)).fetchall())


def test_the_overview_of_a_project_is_read_by_indexes_of_what_is_open(filled: dict[str, str]) -> None:
    indexes = ("review_open", "bulk_open")
    connection = connect(sqlite_path(filled["sqlite"]), cache_kib=1_000, create=False)
    query = load_queries("sqlite")["get_overview"]
    plan = str(connection.execute(f"EXPLAIN QUERY PLAN {query.text}", _values(query)).fetchall())
    assert [name for name in indexes if f"INDEX {name} " not in plan] == []
    with psycopg.connect(filled["postgres"]) as server:
        query = load_queries("postgres")["get_overview"]
        plan = str(server.execute(f"EXPLAIN {query.text}".encode(), _values(query)).fetchall())
    assert [name for name in indexes if name not in plan] == []


def test_what_a_trigger_sent_last_is_found_by_its_indexes(filled: dict[str, str]) -> None:
    """Else every message of a trigger would be read and sorted."""
    connection = connect(sqlite_path(filled["sqlite"]), cache_kib=1_000, create=False)
    with psycopg.connect(filled["postgres"]) as server:
        for name, index in (
            ("list_last_went", "message_went"),
            ("list_last_stayed", "message_stayed"),
            ("list_newest_in_state", "message_state"),
            ("list_newest_with_reason", "message_reason"),
        ):
            query = load_queries("sqlite")[name]
            plan = str(connection.execute(f"EXPLAIN QUERY PLAN {query.text}", _values(query)).fetchall())
            assert f"USING INDEX {index} " in plan
            assert "ORDER BY" not in plan
            query = load_queries("postgres")[name]
            assert index in str(server.execute(f"EXPLAIN {query.text}".encode(), _values(query)).fetchall())


def test_the_guard_sees_a_query_that_reads_a_whole_project(filled: dict[str, str]) -> None:
    text = "SELECT c.id FROM contact AS c WHERE c.project_id = {} AND c.card = {}"
    bad = Query(name="bad", purpose="", text=text.format(":project", ":name"), writes="", row_sets={})
    assert _sqlite_offences(apsw.Connection(str(sqlite_path(filled["sqlite"]))), bad)
    worse = Query(name="worse", purpose="", text=text.format("%(project)s", "%(name)s"), writes="", row_sets={})
    with psycopg.connect(filled["postgres"]) as server:
        assert _postgres_offences(server, worse)


def test_every_column_of_text_in_rows_is_examined_for_a_nul() -> None:
    row_sets = [columns for query in load_queries("sqlite").values() for columns in query.row_sets.values()]
    named = {column for columns in (*WRITTEN_TABLES.values(), *row_sets) for column in columns}
    values = _column_values()
    assert {column for column in named if isinstance(values.get(column), str)} == TEXT_COLUMNS


def test_the_lists_of_exceptions_name_only_queries_that_there_are() -> None:
    assert (READS_ALL.keys() | STOPS_EARLY.keys()) <= load_queries("sqlite").keys()


def test_both_engines_have_the_same_queries() -> None:
    assert load_queries("sqlite").keys() == load_queries("postgres").keys()


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_every_statement_on_a_project_table_names_its_project(dialect: str) -> None:
    for name, query in load_queries("sqlite" if dialect == "sqlite" else "postgres").items():
        project = ":project" if dialect == "sqlite" else "%(project)s"
        for table, alias in _TABLE.findall(query.text):
            written = alias or table
            named = re.search(rf"(\b{written}\.|(?<![.\w]))project_id = {re.escape(project)}", query.text)
            inserted = re.search(rf"INTO {table}\b.*?\(project_id.*{re.escape(project)}", query.text, re.DOTALL)
            assert named or inserted, f"{name} reads {table} without naming its project"


def test_every_query_is_used_by_the_store() -> None:
    folder = Path(journal.__file__).parent
    source = "".join(file.read_text() for file in folder.glob("*.py"))
    unused = [name for name in load_queries("sqlite") if f'"{name}"' not in source]
    assert unused == []


def test_every_query_that_the_store_names_is_there() -> None:
    ways = {"one", "all", "run", "fetch", "fetch_one"}
    named = [
        argument.value
        for file in Path(journal.__file__).parent.glob("*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in ways
        for argument in call.args[:2]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]
    assert len(named) > 100
    assert set(named) - load_queries("sqlite").keys() == set()


def test_every_query_says_what_it_is_for() -> None:
    assert all(query.purpose for query in load_queries("sqlite").values())
