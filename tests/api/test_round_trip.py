"""An export that is imported elsewhere gives the same book: ids and times, groups, attributes, and consent."""

from __future__ import annotations

import io
from typing import Any

import msgspec
import pytest

from daftari.errors import ValidationFailed
from daftari.model.consent import NewFact, Scope
from daftari.rules.consent.ledger import record_facts
from daftari.rules.exports.write import ENDINGS, FileDefinition, write_export
from daftari.store import Store
from tests.support.builders import assert_sound, create, mobile, rows_of
from tests.support.calls import NOW
from tests.support.clients import Client
from tests.support.imports import KEY, Office, shown

TODAY = 4_000_000_000_000_000
"""After every clock: what came over HTTP was said before."""
NASTY = (
    {"fname": "=HYPERLINK(1)", "lname": "'+x", "company": 'Duka "Moja", Ltd', "city": "-"},
    {"fname": "محمد", "mname": "李雷", "lname": "👩🏾‍🌾", "email": "a@b.example"},
    {
        "fname": "two\nlines",
        "attributes": {"points": 7, "share": 0.5, "vip": True, "since": "2024-03-21", "note": "=1"},
    },
    {"lname": "00123", "attributes": {"[x]": "; "}},
)


def book_of(office: Office) -> dict[str, Any]:
    """All that must be the same; groups and what was left by name, since their ids are each project's own."""
    asked = (
        f"SELECT subject_id, suppressed, state FROM consent WHERE project_id = {office.project.id} ORDER BY subject_id"
    )
    states = [(*row[:2], msgspec.json.decode(row[2])) for row in rows_of(office.database, asked)]
    for *_, state in states:
        state["left"] = sorted(name for _, name in state.get("left", []))
    return {
        "contacts": office.table("contact", "id, mobile, card, consent_status"),
        "groups": office.members(),
        "states": states,
    }


def fill(ana: Client) -> None:
    """People of all kinds, and what they said; some are no longer contacts."""
    create(ana, *[{"mobile": mobile(number), **more} for number, more in enumerate(NASTY, start=1)], group="🌱; a")
    create(ana, *[{"mobile": mobile(number)} for number in range(3, 12)], group='["VIP"]')
    create(ana, {"mobile": mobile(5)}, {"mobile": mobile(6)}, group="Nairobi, Kenya")
    create(ana, {"mobile": mobile(5)}, {"mobile": mobile(10)}, group="* Stars")
    create(ana, {"mobile": mobile(5)}, {"mobile": mobile(11)}, group="Kitui ::: East")
    facts: tuple[tuple[str, dict[str, Any]], ...] = (
        ("opt-outs", {"mobile": mobile(5), "channel": "sms", "sender": "SHOP", "source": "inbound"}),
        ("opt-outs", {"mobile": mobile(6), "purpose": "marketing", "evidence": {"note": "rang, was cross"}}),
        ("opt-ins", {"mobile": mobile(6), "purpose": "marketing", "source": "form", "evidence": {"form": "shop"}}),
        ("opt-outs", {"mobile": mobile(7)}),
        ("opt-outs", {"mobile": mobile(40), "source": "provider", "channel": "whatsapp"}),
    )
    for call, fact in facts:
        assert ana.post(f"/v1/{call}", fact).status == 200
    assert ana.delete(f"/v1/contacts/{mobile(8)}").status == 200
    assert ana.delete(f"/v1/contacts/{mobile(9)}", {"reason": "removal"}).status == 200


@pytest.mark.parametrize("form", ["csv", "xlsx", "ndjson"])
def test_an_export_with_consent_gives_the_same_book(
    form: Any, ana: Client, store: Store, people: Any, database: str
) -> None:
    fill(ana)
    left = NewFact(0, int(mobile(4)), "left_group", Scope("sms"), NOW, "inbound", keyword="nairobi, kenya")
    store.write(people.shopify, KEY, NOW, record_facts, facts=[left])
    shop, farm = Office(store, database, people.shopify), Office(store, database, people.kalro, now=TODAY)
    file = io.BytesIO()
    definition = FileDefinition(form, None, True)
    store.read(people.shopify, NOW, write_export, definition=definition, file=file, watch=lambda _: None)
    farm.bring(file.getvalue(), name=f"book.{ENDINGS[form]}", keep_ids=True)
    assert book_of(farm) == book_of(shop)
    assert_sound(store, people.kalro)
    # And once more it is nothing new.
    again = farm.bring(file.getvalue(), name=f"book.{ENDINGS[form]}")
    assert set(again.progress.counts) == {"unchanged"} and not again.progress.facts


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_an_opt_out_of_a_number_with_a_long_history_comes_along(
    form: Any, ana: Client, store: Store, people: Any, database: str
) -> None:
    for number in range(60):
        create(ana, {"mobile": mobile(1)}, group=f"Village {number}")
    evidence = msgspec.json.encode({"note": "x" * 1_900}).decode()
    facts = [
        NewFact(0, int(mobile(2)), "opt_out", Scope("sms", f"S{number}"), NOW, "api", evidence=evidence)
        for number in range(100)
    ]
    facts.append(NewFact(0, int(mobile(1)), "opt_out", Scope("sms"), NOW, "inbound"))
    store.write(people.shopify, KEY, NOW, record_facts, facts=facts)
    shop, farm = Office(store, database, people.shopify), Office(store, database, people.kalro)
    file = io.BytesIO()
    definition = FileDefinition(form, None, True)
    store.read(people.shopify, NOW, write_export, definition=definition, file=file, watch=lambda _: None)
    assert shown(farm.bring(file.getvalue(), name=f"book.{ENDINGS[form]}", keep_ids=True)).get("invalid", 0) == 0
    assert book_of(farm) == book_of(shop)
    workbook = FileDefinition("xlsx", None, True)
    with pytest.raises(ValidationFailed, match=f"The number {mobile(2)} needs a cell"):
        store.read(people.shopify, NOW, write_export, definition=workbook, file=file, watch=lambda _: None)


def test_numbers_alone_make_no_contacts(ana: Client, store: Store, people: Any, database: str) -> None:
    assert ana.post("/v1/opt-outs", {"mobile": mobile(1)}).status == 200
    shop, farm = Office(store, database, people.shopify), Office(store, database, people.kalro, now=TODAY)
    file = io.BytesIO()
    definition = FileDefinition("ndjson", None, True)
    store.read(people.shopify, NOW, write_export, definition=definition, file=file, watch=lambda _: None)
    farm.bring(file.getvalue(), name="book.ndjson")
    assert book_of(farm) == book_of(shop)


def test_members_that_come_late_in_a_file_of_objects_are_read(store: Store, people: Any, database: str) -> None:
    farm = Office(store, database, people.kalro, now=TODAY)
    lines = [{"mobile": mobile(number)} for number in range(1, 1_002)]
    fact = {"kind": "opt_out", "at": "2024-03-21T07:06:37.000000Z", "source": "inbound"}
    lines.append({"mobile": mobile(2_000), "fname": "Zuri", "groups": ["Late"], "points": 7})
    lines.append({"mobile": mobile(2_001), "id": 5, "consent": [fact]})
    data = b"\n".join(msgspec.json.encode(line) for line in lines)
    done = farm.bring(data, name="people.ndjson", attributes=True)
    assert shown(done) == {"created": 1_003, "suppressed": 1, "joined": 1, "facts": 1}
    late = msgspec.json.decode(farm.table("contact", "mobile, card")[-2][1])
    assert (late["fname"], late["attributes"]) == ("Zuri", {"points": 7})
    assert farm.members() == {"Late": [mobile(2_000)]}
