"""The Python client with a service that answers as the public Contacts API's page shows, and no more than that."""

from __future__ import annotations

import msgspec
import pytest

from daftari_client import errors
from tests.support.client_modes import MODES, QUICK, Caller
from tests.support.faulty_server import Got, Says, in_turn, rough_server, says

EMPTY = {"fname": None, "mname": None, "lname": None, "email": None, "city": None, "company": None}
SUZAN = {**EMPTY, "id": 456, "fname": "Suzan", "mobile": "254777222555", "created_at": "2024-03-26T16:32:44.000000Z"}


def _page(number: int, last: int) -> dict[str, object]:
    path = "https://sozuri.net/api/v1/contacts"
    return {
        "group": "",
        "contacts": {
            "current_page": number,
            "data": [{**SUZAN, "id": number}],
            "first_page_url": f"{path}?page=1",
            "from": 1,
            "last_page": last,
            "last_page_url": f"{path}?page={last}",
            "next_page_url": f"{path}?page={number + 1}" if number < last else None,
            "path": path,
            "per_page": 1000,
            "prev_page_url": None,
            "to": 3,
            "total": last,
        },
    }


def _public(got: Got) -> Says:
    match got.method, got.path:
        case "GET", "/api/v1/contacts":
            return says(_page(int(got.query.get("page", "1")), 3))
        case "GET", "/api/v1/contacts/456":
            return says({"contact": SUZAN})
        case "POST", "/api/v1/contacts":
            return says({"message": "Contacts created successfully"})
        case "PUT", "/api/v1/contacts/456":
            return says({"message": "Contact updated successfully"})
        case "DELETE", "/api/v1/contacts/456":
            return says({"message": "Contact deleted successfully"})
    return Says(404, b"<!DOCTYPE html><h1>Not Found</h1>", {"content-type": "text/html"})


@pytest.mark.parametrize("mode", MODES)
def test_the_five_calls_need_only_what_the_page_shows(mode: str) -> None:
    with rough_server(_public) as rough:
        book = Caller(mode, f"{rough.url}/api/v1", {"key": "KEY", "project": "Shopify", "retries": QUICK})
        assert [contact.id for contact in book(lambda b: b.contacts.iterate(group="VIP"))] == [1, 2, 3]
        assert book(lambda b: b.contacts.get(456)).fname == "Suzan"
        created = book(lambda b: b.contacts.create([{"mobile": "254725164290"}], group="shop-contacts"))
        assert (created.message, created.created) == ("Contacts created successfully", None)
        assert book(lambda b: b.contacts.update(456, {"lname": ""}, group="mpesa-contacts")).message
        assert book(lambda b: b.contacts.delete(456)).message == "Contact deleted successfully"
        with pytest.raises(errors.NotFound):
            book(lambda b: b.contacts.get(457))
    assert {got.headers["authorization"] for got in rough.got} == {"Bearer KEY"}
    assert {got.query.get("page") for got in rough.got[:3]} == {None, "2", "3"}
    assert {got.query.get("group") for got in rough.got[:3]} == {"VIP"}
    for got in rough.got:
        sent = msgspec.json.decode(got.body) if got.body else got.query
        assert sent["project"] == "Shopify"


@pytest.mark.parametrize("body", [b"", b"OK", b"[1]", b'"fine"', b'{"message": null}', b'{"created": "many"}', b"\xff"])
def test_a_write_that_succeeded_is_a_success_whatever_its_body(body: bytes) -> None:
    with rough_server(in_turn(Says(200, body))) as rough:
        book = Caller("sync", rough.url, {"retries": QUICK})
        assert book(lambda b: b.contacts.create([{"mobile": "254725164290"}])).created is None
        assert book(lambda b: b.contacts.update(1, {})).message == ""
        book(lambda b: b.contacts.delete(1))


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"contact": []}', b'{"contact": {"id": "x"}}', b"{}"])
def test_a_read_whose_body_is_wrong_is_an_error(body: bytes) -> None:
    with rough_server(in_turn(Says(200, body))) as rough, pytest.raises(errors.UnexpectedAnswer):
        Caller("sync", rough.url, {"retries": QUICK})(lambda b: b.contacts.get(1))


@pytest.mark.parametrize("mode", MODES)
def test_whatever_is_in_a_name_is_one_part_of_the_path(mode: str) -> None:
    with rough_server(in_turn(says({}))) as rough:
        book = Caller(mode, rough.url, {"retries": QUICK})
        book(lambda b: b.groups.delete("a/b?c#d%e é.."))
        book(lambda b: b.contacts.delete("+254 722"))
    paths = ["/v1/groups/a%2Fb%3Fc%23d%25e%20%C3%A9..", "/v1/contacts/%2B254%20722"]
    assert [got.path for got in rough.got] == paths


@pytest.mark.parametrize(
    "url", ["?page=1", "?page=0", "?page=two", "?page=-3", "", "?page=²", "?after_id=0", "?after_id=x"]
)
def test_a_page_whose_next_page_is_no_later_one_is_an_error(url: str) -> None:
    page = {"contacts": {"data": [], "current_page": 1, "next_page_url": f"https://sozuri.net/contacts{url}"}}
    with rough_server(in_turn(says(page))) as rough:
        with pytest.raises(errors.UnexpectedAnswer):
            Caller("sync", rough.url, {"retries": QUICK})(lambda b: b.contacts.iterate())
        assert len(rough.got) == 1


@pytest.mark.parametrize("written", ["", "phonebook.example", "ftp://phonebook.example", "https://x/v1?key=1", "/v1"])
def test_a_wrong_base_url_is_refused_at_once(written: str) -> None:
    with pytest.raises(ValueError, match="base URL"):
        Caller("sync", written, {})(lambda b: b.health())
