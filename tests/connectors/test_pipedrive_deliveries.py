"""Deliveries of Pipedrive's webhooks: their proof, their key, and which persons they announce.

The samples have the shape that Pipedrive's guides to webhooks of version 2 show; people and ids are invented.
"""

from __future__ import annotations

from base64 import b64encode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.connectors.pipedrive import read_delivery
from daftari.connectors.protocol import DeliveryProof, WebhookEvent
from daftari.errors import Forged, Malformed
from daftari.model.inbound import InboundRequest
from daftari.model.secrets import Secret

PASSWORD = "kikapu"
META = {
    "action": "change",
    "entity": "person",
    "entity_id": "7",
    "company_id": "100",
    "id": "0b0f6c1e-0000-4000-8000-000000000001",
    "correlation_id": "0b0f6c1e-0000-4000-8000-000000000002",
    "timestamp": "2026-11-20T10:00:00.000Z",
    "type": "general",
    "version": "2.0",
    "webhook_id": "55",
    "change_source": "app",
    "attempt": 1,
    "is_bulk_edit": False,
}


def basic(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def read(body: object, *, authorization: str = basic("daftari", PASSWORD), password: str = PASSWORD) -> object:
    encoded = body if isinstance(body, bytes) else msgspec.json.encode(body)
    headers = {"authorization": authorization}
    request = InboundRequest("POST", "https://book.example/hook", "", "application/json", headers, encoded)
    events = read_delivery(request, DeliveryProof(Secret(password), "100"))
    return events[0] if events else None


def delivery(**changes: object) -> dict[str, object]:
    meta = {name: value for name, value in {**META, **changes}.items() if value is not None}
    return {"meta": meta, "data": {"id": 7, "name": "old"}, "previous": {"id": 7}}


def test_a_delivery_says_which_person_changed() -> None:
    assert read(delivery()) == WebhookEvent(
        key="0b0f6c1e-0000-4000-8000-000000000001",
        topic="person.change",
        ids=["7"],
        at=1_795_168_800_000_000,
    )


def test_a_repeated_delivery_has_the_same_key() -> None:
    first, second = read(delivery(id=None)), read(delivery(id=None, attempt=2, webhook_id="56"))
    assert isinstance(first, WebhookEvent) and first == second and first.key == "change:7:2026-11-20T10:00:00.000Z"


def test_a_merge_is_two_deliveries_that_say_the_same() -> None:
    loser = read(delivery(action="delete", entity_id="8", merged_to_id="7", id="a"))
    winner = read(delivery(entity_id=7, merged_from_id=8, id="b"))
    assert isinstance(loser, WebhookEvent) and isinstance(winner, WebhookEvent)
    assert loser.merged == winner.merged == {"8": "7"}
    assert {*loser.ids} == {*winner.ids} == {"7", "8"}


def test_a_delivery_about_anything_else_is_none_of_ours() -> None:
    assert read(delivery(entity="deal", action="create")) is None


@pytest.mark.parametrize(
    "authorization",
    ["", "Basic", basic("daftari", "kikapU"), basic("Daftari", PASSWORD), basic("daftari", PASSWORD) + " ", "Basic é"],
)
def test_only_the_user_and_password_of_the_webhook_prove_a_delivery(authorization: str) -> None:
    with pytest.raises(Forged):
        read(delivery(), authorization=authorization)


def test_without_a_password_nothing_is_proved() -> None:
    with pytest.raises(Forged):
        read(delivery(), authorization=basic("daftari", ""), password="")


@given(st.text(max_size=60))
def test_no_other_header_passes(authorization: str) -> None:
    with pytest.raises(Forged):
        read(delivery(), authorization=f"Basic {authorization}")


def test_a_delivery_of_another_company_is_refused() -> None:
    with pytest.raises(Forged, match="from Pipedrive company 101, the connection to 100"):
        read(delivery(company_id="101"))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html>", "is no delivery of Pipedrive"),
        (b"[]", "is no delivery of Pipedrive"),
        (b"\xff", "is no delivery of Pipedrive"),
        ({"meta": {"v": 1, "action": "updated", "object": "person", "id": 10}}, 'make it with version "2.0"'),
        (delivery(entity_id="7;8"), "must be a number"),
    ],
)
def test_what_is_no_delivery_of_version_2_says_so(body: object, says: str) -> None:
    with pytest.raises(Malformed, match=says):
        read(body)
