"""``GET /v1/contacts/{id}``: one contact, by its id or by its mobile however that is written."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from daftari.model.projects import Project
from daftari.rules.access import keys, projects
from daftari.store import Store
from tests.support.builders import CONTACT_MEMBERS, NO_MOBILE, create, get, mobile, refusal, wrong_fields
from tests.support.clients import Client

NewProject = Callable[..., Client]


@pytest.fixture
def new_project(store: Store, client: Client) -> NewProject:
    """Makes a project with the settings given; a client with its key."""

    def new_project(name: str, *, region: str = "KE", first_id: int = 1) -> Client:
        now = time.time_ns() // 1000
        made: Project = store.system_write(
            now, projects.create_project, name=name, region=region, on_error="refuse", first_id=first_id
        )
        secret, _ = store.system_write(now, keys.create_key, project=made, label=name, kind="write", expires_at=None)
        return client.with_key(secret)

    return new_project


def test_a_contact_has_exactly_the_members_of_the_contract_in_their_order(ana: Client) -> None:
    before = datetime.now(UTC)
    (number,) = create(ana, {"mobile": "0777 222 555", "fname": "Suzan", "lname": "", "city": " Nairobi "})
    answer = ana.get(f"/v1/contacts/{number}")
    assert answer.status == 200
    assert list(answer.json()) == ["contact"]
    contact = answer.json()["contact"]
    assert list(contact) == CONTACT_MEMBERS
    created_at = contact.pop("created_at")
    assert contact == {
        "id": 1,
        "fname": "Suzan",
        "mname": None,
        "lname": None,
        "mobile": "254777222555",
        "email": None,
        "city": "Nairobi",
        "company": None,
    }
    assert before <= datetime.fromisoformat(created_at) <= datetime.now(UTC)


def test_attributes_follow_the_contact_only_when_it_has_some(ana: Client) -> None:
    attributes = {"plan": "gold", "orders": 3, "score": 1.5, "vip": True, " Ünï ": " ç"}
    create(ana, {"mobile": mobile(1), "attributes": attributes}, {"mobile": mobile(2), "attributes": {}})
    assert list(get(ana, 1)) == [*CONTACT_MEMBERS, "attributes"]
    assert get(ana, 1)["attributes"] == {name.strip(): attributes[name] for name in attributes} | {"Ünï": "ç"}
    assert list(get(ana, 2)) == CONTACT_MEMBERS


def test_the_mobile_finds_the_contact_however_it_is_written(ana: Client) -> None:
    (number,) = create(ana, {"mobile": "254725164293"})
    written = [
        str(number),
        "254725164293",
        "+254725164293",
        "%2B254%20725%20164293",
        "0725164293",
        "0725-164-293",
        "(0725)164293",
        "00254725164293",
        "725164293",
        "٠٧٢٥١٦٤٢٩٣",
        "%EF%BC%90%EF%BC%97%EF%BC%92%EF%BC%95%EF%BC%91%EF%BC%96%EF%BC%94%EF%BC%92%EF%BC%99%EF%BC%93",
    ]
    assert {reference: get(ana, reference)["id"] for reference in written} == dict.fromkeys(written, number)


def test_an_absent_contact_is_404_whether_by_id_by_mobile_or_neither(ana: Client) -> None:
    create(ana, {"mobile": mobile(1)})
    for reference in ("2", "0", "01", "-1", NO_MOBILE, str(2**63), str(2**70), "9" * 64, "9" * 300, "nobody", "1.0"):
        assert refusal(ana.get(f"/v1/contacts/{reference}")) == (404, "CONTACT_NOT_FOUND"), reference


def test_digits_are_tried_as_an_id_first_and_then_as_a_mobile(new_project: NewProject) -> None:
    moved_in = new_project("Moved in", first_id=725164290)
    first = {"mobile": "254711000111"}
    second = {"mobile": "725164290"}
    assert create(moved_in, first, second) == [725164290, 725164291]
    assert get(moved_in, "725164290")["mobile"] == "254711000111"
    assert get(moved_in, "0725164290")["id"] == 725164291
    assert get(moved_in, "254725164290")["id"] == 725164291
    assert moved_in.delete("/v1/contacts/+254711000111").status == 200
    assert get(moved_in, "725164290")["id"] == 725164291


def test_a_mobile_is_read_in_the_region_of_the_project(new_project: NewProject) -> None:
    ugandan = new_project("Kampala", region="UG")
    create(ugandan, {"mobile": "0772123456"})
    assert get(ugandan, "1")["mobile"] == "256772123456"
    assert get(ugandan, "772123456")["id"] == 1
    assert get(ugandan, "+256772123456")["id"] == 1


def test_include_adds_members_in_the_order_of_the_contract(ana: Client) -> None:
    create(ana, {"mobile": mobile(1), "attributes": {"a": 1}}, group="VIP")
    create(ana, {"mobile": mobile(2)})
    both = get(ana, 1, include="updated_at,groups")
    assert list(both) == [*CONTACT_MEMBERS, "attributes", "groups", "updated_at"]
    assert (both["groups"], both["updated_at"]) == (["VIP"], both["created_at"])
    assert get(ana, 2, include="groups")["groups"] == []
    assert wrong_fields(ana.get("/v1/contacts/1", query="include=groups,keys")) == ["include"]
    assert wrong_fields(ana.get("/v1/contacts/1", json={"include": {"groups": True}})) == ["include"]


def test_the_body_the_form_query_and_head_are_the_same_question(ana: Client) -> None:
    create(ana, {"mobile": mobile(1)})
    asked = {"project": "Shopify", "include": "groups"}
    answers = [
        ana.get("/v1/contacts/1", query=asked),
        ana.get("/v1/contacts/1/", json=asked),
        ana.get("/api/v1/contacts/1", form=asked),
        ana.call("QUERY", "/v1/contacts/1", json=asked),
        ana.get("/v1/contacts/1", body=[b'{"include": ', b'"groups"}']),
    ]
    assert {(answer.status, answer.body) for answer in answers} == {(200, answers[0].body)}
    head = ana.call("HEAD", "/v1/contacts/1")
    assert (head.status, head.body) == (200, b"")
    assert ana.call("HEAD", "/v1/contacts/2").status == 404
