"""Groups that a connection keeps in step: naming one to change who is in it is refused, and opt-outs always leave."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from daftari.connectors import Account
from daftari.errors import DaftariError
from daftari.rules.connections import lifecycle
from daftari.rules.integrity.check import check_project, repair_project
from daftari.store import Store, groups
from tests.conftest import People
from tests.support.builders import create, get, mobile, opt_out, refusal
from tests.support.cases import each
from tests.support.clients import Answer, Client
from tests.support.connection_steps import Syncing, person
from tests.support.connection_steps import mobile as there
from tests.support.import_files import counted, send, sent, show, work
from tests.support.stores import NOW

CARD = """BEGIN:VCARD
VERSION:3.0
FN:Otieno
TEL:0722000001
CATEGORIES:crm
END:VCARD
"""
GOOGLE = "First Name,Labels,Phone 1 - Value\nOtieno,CRM ::: * myContacts,0722000001\n"
ROWS = "Phone,Name,Groups\n0722000001,Otieno,crm\n"
Call = Callable[[Client], Answer]


@pytest.fixture
def crm(store: Store, people: People) -> Syncing:
    """A connection that keeps the group CRM in step, with two people in it, and adds to Leads."""
    groups = [{"from": "all", "to": "CRM"}, {"from": "list:1", "to": "Leads", "keep": "add_only"}]
    syncing = Syncing(store, people.shopify, groups=groups)
    syncing.read(person(1), person(2))
    return syncing


@pytest.fixture
def shop(ana: Client, crm: Syncing) -> Client:
    """Ana, who has a contact of her own in a group of her own, and one who opted out."""
    create(ana, {"mobile": mobile(7)}, group="Own")
    create(ana, {"mobile": mobile(8)})
    opt_out(ana, mobile(8))
    return ana


CALLS: dict[str, Call] = {
    "create": lambda ana: ana.post("/v1/contacts", {"group": " crm ", "contacts": [{"mobile": mobile(1)}]}),
    "create a member": lambda ana: ana.post("/v1/contacts", {"group": "CRM", "contact": {"mobile": str(there(1))}}),
    "create whom opted out": lambda ana: ana.post("/v1/contacts", {"group": "CRM", "contact": {"mobile": mobile(8)}}),
    "create by the query": lambda ana: ana.post(
        "/v1/contacts", {"contact": {"mobile": mobile(1)}}, query={"group": "CRM"}
    ),
    "create and skip": lambda ana: ana.post(
        "/v1/contacts", {"group": "CRM", "on_error": "skip", "contacts": [{"mobile": mobile(1)}, {"mobile": "1"}]}
    ),
    "move": lambda ana: ana.put(f"/v1/contacts/{mobile(7)}", {"group": "Crm", "contact": {"fname": "Otieno"}}),
    "move whom opted out": lambda ana: ana.put(f"/v1/contacts/{mobile(8)}", {"group": "CRM"}),
    "add": lambda ana: ana.patch(f"/v1/contacts/{mobile(7)}", {"group": "CRM", "group_mode": "add"}),
    "join": lambda ana: ana.post("/v1/groups/crm/contacts", {"mobiles": [mobile(7)]}),
    "leave": lambda ana: ana.delete("/v1/groups/CRM/contacts", {"mobiles": [str(there(1))]}),
    "leave who is not in it": lambda ana: ana.delete("/v1/groups/CRM/contacts", {"mobiles": [mobile(7)]}),
    "delete": lambda ana: ana.delete("/v1/groups/CRM"),
    "rename another": lambda ana: ana.put("/v1/groups/Own", {"name": " crm"}),
    "stream": lambda ana: ana.call(
        "POST", "/v1/contacts/stream", query={"group": "CRM"}, body=b'{"mobile": "0722000001"}\n'
    ),
    "import": lambda ana: send(ana, b"Phone\n0722000001\n", group="CRM"),
    "import as a plan": lambda ana: send(ana, b"Phone\n0722000001\n", group="CRM", plan=True),
    "another connection": lambda ana: _connect(ana, "CRM", "in_step"),
    "another connection that adds": lambda ana: _connect(ana, "crm", "add_only"),
}


def _connect(client: Client, group: str, keep: str) -> Answer:
    given = {"name": "second", "kind": "hubspot", "credentials": {"key": "k"}}
    return client.post("/v1/connections", {**given, "groups": [{"from": "all", "to": group, "keep": keep}]})


@each("name", CALLS)
def test_who_names_a_group_in_step_is_refused_and_told_whose_it_is(shop: Client, crm: Syncing, name: str) -> None:
    before = crm.book()
    answer = CALLS[name](shop)
    assert refusal(answer) == (409, "GROUP_IS_MIRRORED")
    said = answer.json()["message"]
    assert "connection 'crm'" in said and "'CRM'" in said and "Name another group" in said
    assert crm.book() == before


@each("media, file", [("text/csv", ROWS), ("text/csv", GOOGLE), ("text/vcard", CARD)])
def test_a_row_that_names_one_is_refused_in_the_plan_and_when_it_is_applied(
    shop: Client, crm: Syncing, store: Store, people: People, media: str, file: str
) -> None:
    before = crm.book()
    for plan in (True, False):
        number = sent(shop, file.encode(), media=media, plan=plan)
        work(store, people.shopify)
        assert counted(shop, number) == {"invalid": 1}
        rows = shop.get(f"/v1/imports/{number}/rows").json()["rows"]
        assert "the connection 'crm' keeps in step" in rows[0]["why"] and "leave it out" in rows[0]["why"]
    assert crm.book() == before


def test_a_row_of_a_stream_that_names_one_is_refused_and_the_others_are_taken(shop: Client, crm: Syncing) -> None:
    lines = [
        {"mobile": mobile(1), "groups": ["crm", "Own"]},
        {"mobile": mobile(2), "groups": ["Own"]},
        {"mobile": mobile(3), "groups": ["Leads"]},
    ]
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    said = [json.loads(line) for line in shop.call("POST", "/v1/contacts/stream", body=body).body.splitlines()]
    assert [row["outcome"] for row in said[1:4]] == ["invalid", "created", "created"]
    assert "the connection 'crm' keeps in step" in said[1]["why"]
    assert int(mobile(1)) not in crm.book() and crm.members("Own") == {int(mobile(7)), int(mobile(2))}


def test_the_opt_out_of_a_refused_row_counts_all_the_same(
    shop: Client, crm: Syncing, store: Store, people: People
) -> None:
    file = f"Phone,Groups,Opted out\n+{there(1)},CRM,yes\n"
    number = sent(shop, file.encode())
    work(store, people.shopify)
    assert counted(shop, number) == {"invalid": 1}
    asked = shop.post("/v1/can-message", {"mobiles": [str(there(1))], "channel": "sms"}).json()["results"]
    assert not asked[0]["allowed"]


def test_a_move_leaves_all_other_groups_and_names_those_it_stays_in(shop: Client, crm: Syncing) -> None:
    reference = f"/v1/contacts/{there(1)}"
    assert "kept_groups" not in shop.put(reference, {"group": "Own", "group_mode": "add"}).json()
    answer = shop.put(reference, {"group": "VIP"})
    assert answer.json() == {"message": "Contact updated successfully", "kept_groups": ["CRM"]}
    assert crm.book()[there(1)]["groups"] == {"CRM", "VIP"}


def test_a_group_that_a_connection_only_adds_to_is_everybodys(shop: Client, crm: Syncing) -> None:
    create(shop, {"mobile": mobile(1)}, group="leads")
    assert shop.delete("/v1/groups/Leads/contacts", {"mobiles": [mobile(1)]}).json()["left"] == 1
    assert shop.delete("/v1/groups/Leads").status == 200


def test_an_opt_out_always_leaves_and_no_reading_brings_it_back(shop: Client, crm: Syncing) -> None:
    assert opt_out(shop, str(there(1)))
    crm.read(person(1, version=2, firstname="New"))
    assert crm.members("CRM") == {there(2)}
    assert crm.book()[there(1)]["fname"] == "New"
    assert shop.delete(f"/v1/contacts/{there(2)}").status == 200
    crm.read(person(2, version=2, firstname="New"))
    assert crm.members("CRM") == set()


def test_a_removed_contact_leaves_the_group_with_all_others(shop: Client, crm: Syncing) -> None:
    assert shop.delete(f"/v1/contacts/{there(1)}", {"reason": "removal"}).status == 200
    assert crm.members("CRM") == {there(2)}


def test_a_renamed_group_stays_in_step_and_its_connection_has_the_new_name(shop: Client, crm: Syncing) -> None:
    assert shop.put("/v1/groups/CRM", {"name": "Customers"}).status == 200
    create(shop, {"mobile": mobile(1)}, group="CRM")
    assert refusal(shop.delete("/v1/groups/customers")) == (409, "GROUP_IS_MIRRORED")
    crm.read(person(3))
    assert crm.members("Customers") == {there(1), there(2), there(3)}
    shown = shop.get(f"/v1/connections/{crm.id}").json()["connection"]
    assert [group["to"] for group in shown["groups"]] == ["Customers", "Leads"]
    unchanged = crm.open().progress.counts.get("unchanged", 0)
    crm.read(person(1), person(2))
    assert crm.open().progress.counts["unchanged"] == unchanged + 2


@each("change", ["kept otherwise", "taken out", "removed"])
def test_a_group_is_everybodys_again_once_no_connection_keeps_it_in_step(
    shop: Client, crm: Syncing, change: str
) -> None:
    lead = {"from": "list:1", "to": "Leads", "keep": "add_only"}
    given: dict[str, list[dict[str, str]]] = {
        "kept otherwise": [{"from": "all", "to": "CRM", "keep": "add_only"}, lead],
        "taken out": [lead],
    }
    if change == "removed":
        crm.write(lifecycle.delete_connection, connection_id=crm.id, leave=False)
    else:
        crm.write(lifecycle.update_connection, connection_id=crm.id, values={"groups": given[change]})
    create(shop, {"mobile": mobile(9)}, group="CRM")
    assert int(mobile(9)) in crm.members("CRM")
    assert shop.delete("/v1/groups/CRM/contacts", {"mobiles": [mobile(9)]}).json()["left"] == 1
    if change != "removed":
        again = {"groups": [{"from": "all", "to": "CRM"}, lead]}
        crm.write(lifecycle.update_connection, connection_id=crm.id, values=again)
        assert refusal(shop.delete("/v1/groups/CRM")) == (409, "GROUP_IS_MIRRORED")


def test_a_connection_that_is_paused_or_stopped_still_keeps_its_groups(shop: Client, crm: Syncing) -> None:
    crm.write(lifecycle.pause_connection, connection_id=crm.id)
    assert refusal(shop.delete("/v1/groups/CRM")) == (409, "GROUP_IS_MIRRORED")


def test_a_connection_that_was_not_started_keeps_nothing_and_is_refused_a_group_that_is_taken_since(
    ana: Client, people: People, store: Store
) -> None:
    first = Syncing(store, people.shopify, name="first", groups=[{"from": "all", "to": "Other"}])
    added = _connect(ana, "CRM", "in_step").json()["connection"]["id"]
    create(ana, {"mobile": mobile(1)}, group="CRM")
    first.write(lifecycle.update_connection, connection_id=first.id, values={"groups": [{"from": "all", "to": "CRM"}]})
    found = first.write(_start, number=added)
    assert found == "GROUP_IS_MIRRORED"


def test_a_group_that_one_connection_adds_to_is_not_taken_by_another(ana: Client, crm: Syncing) -> None:
    added = _connect(ana, "Leads", "in_step").json()["connection"]["id"]
    assert crm.write(_start, number=added) == "CONNECTION_STATE"


def _start(tx: Any, *, number: int) -> str:
    account = Account("1", "HubSpot 1", "UTC", None, (), (), ())
    lifecycle.take_check(tx, connection_id=number, account=account)
    try:
        lifecycle.start_connection(tx, connection_id=number)
    except DaftariError as refused:
        return refused.code
    return ""


# ---- imports under way, undo, check -------------------------------------------------------------------


def test_an_import_whose_group_is_in_step_meanwhile_is_not_applied_and_not_undone(
    ana: Client, store: Store, people: People
) -> None:
    file = b"Phone\n0722000001\n"
    planned = sent(ana, file, group="CRM", plan=True)
    done = sent(ana, file, group="CRM")
    work(store, people.shopify)
    waiting = sent(ana, file, group="CRM")
    crm = Syncing(store, people.shopify, groups=[{"from": "all", "to": "CRM"}])
    for command in (f"{planned}/apply", f"{done}/undo"):
        assert refusal(ana.post(f"/v1/imports/{command}")) == (409, "GROUP_IS_MIRRORED")
    work(store, people.shopify)
    shown = show(ana, waiting)
    assert shown["state"] == "failed" and "connection 'crm'" in shown["error"]
    crm.write(lifecycle.delete_connection, connection_id=crm.id, leave=False)
    assert ana.post(f"/v1/imports/{done}/undo").status == 200


def test_a_reading_can_be_undone_all_the_same(shop: Client, crm: Syncing, store: Store, people: People) -> None:
    crm.wait(3_600_000_000)
    crm.write(lifecycle.pause_connection, connection_id=crm.id)
    for run in shop.get("/v1/imports").json()["imports"]:
        assert shop.post(f"/v1/imports/{run['id']}/undo").status == 200
    work(store, people.shopify)
    assert crm.members("CRM") == set()


def test_a_check_finds_a_group_that_is_noted_wrongly_and_a_repair_mends_it(
    shop: Client, crm: Syncing, store: Store, people: People
) -> None:
    assert crm.write(check_project) == []
    ids = {group.name: group.id for group in store.read(people.shopify, NOW, groups.list_groups, after=0, limit=9)}
    crm.write(groups.set_mirror, group_id=ids["CRM"], connection_id=0)
    crm.write(groups.set_mirror, group_id=ids["Own"], connection_id=99)
    found = crm.write(check_project)
    assert [(one.invariant, one.repairable) for one in found] == [("mirror", True)] * 2
    crm.write(repair_project)
    assert refusal(shop.delete("/v1/groups/CRM")) == (409, "GROUP_IS_MIRRORED")
    assert shop.delete("/v1/groups/Own").status == 200
    assert get(shop, there(1))["mobile"] == str(there(1))
