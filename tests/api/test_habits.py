"""What programs send by habit is read, or refused in a sentence that names the habit; nothing is dropped in silence."""

from __future__ import annotations

import gzip
import re
from typing import Any

import pytest

from daftari.api.routes import ROUTES
from daftari.model.limits import FORM_BYTES_MAX
from daftari.web.routing import Route
from tests.conftest import People
from tests.support.builders import counts, create, get, groups, mobile, page, refusal, wrong_fields
from tests.support.cases import ON_SQLITE, each
from tests.support.clients import Answer, Client

EVERYONE = "/v1/contacts"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NDJSON = {"Content-Type": "application/x-ndjson"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
KEYED = [route for route in ROUTES if route.needed]
WITH_FIELDS = [route for route in KEYED if route.body.kind == "fields"]


def multipart(fields: dict[str, str]) -> bytes:
    part = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    return ("".join(part.format(name, text) for name, text in fields.items()) + "--b--\r\n").encode()


def said(answer: Answer) -> str:
    """Every sentence of an error."""
    error = answer.json()
    return " ".join(
        sentence for sentences in error.get("errors", {"": [error["message"]]}).values() for sentence in sentences
    )


def path_of(route: Route) -> str:
    return "/v1" + re.sub(r"\{\w+\}", "99", route.path)


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


# ---- an empty list is nothing -------------------------------------------------------------------------


@each("route", WITH_FIELDS, ids=named)
def test_an_empty_list_as_a_body_is_no_body(route: Route, ana: Client) -> None:
    """As PHP encodes no parameters, with or without the right type."""
    without = ana.call(route.method, path_of(route))
    for headers in (JSON, FORM, {}):
        answer = ana.call(route.method, path_of(route), body=b" [ ]\n", headers=headers)
        if without.status >= 400:
            assert (refusal(answer), said(answer)) == (refusal(without), said(without))
        else:
            assert answer.status == without.status


def test_an_empty_list_as_attributes_is_no_attributes(ana: Client) -> None:
    empty: list[Any] = []
    many = [{"mobile": mobile(1), "attributes": empty}, {"mobile": mobile(2), "attributes": {"a": 1}}]
    assert counts(ana.post(EVERYONE, {"contacts": many})) == {"created": 2}
    assert counts(ana.post(EVERYONE, {"contact": {"mobile": mobile(2), "attributes": empty}})) == {"unchanged": 1}
    assert ana.put("/v1/contacts/2", {"contact": {"attributes": empty}}).status == 200
    assert "attributes" not in get(ana, 1)
    assert get(ana, 2)["attributes"] == {"a": 1}


def test_a_list_of_attributes_is_empty_or_wrong_in_streams_and_files_too(ana: Client) -> None:
    lines = b"".join(
        b'{"mobile": "%s", "attributes": %s}\n' % (mobile(n).encode(), a) for n, a in ((1, b"[]"), (2, b"[1]"))
    )
    _, empty, wrong, _ = ana.post("/v1/contacts/stream", body=lines, headers=NDJSON).body.splitlines()
    assert (b'"created"' in empty, b'"invalid"' in wrong, b"attributes" in wrong) == (True, True, True)
    assert "attributes" not in get(ana, 1)


def test_an_empty_list_in_any_field_is_a_blank_one(ana: Client) -> None:
    body = {"contacts": [{"mobile": mobile(1)}], "group": [], "on_error": [], "results": []}
    assert counts(ana.post(EVERYONE, body)) == {"created": 1}
    assert ana.post("/v1/opt-outs", {"mobile": mobile(1), "evidence": [], "channel": []}).status == 200


# ---- forms --------------------------------------------------------------------------------------------


def test_contacts_in_brackets_are_read_from_forms_of_both_kinds_and_the_query(ana: Client) -> None:
    fields = {
        "group": "Form",
        "contacts[0][mobile]": mobile(1),
        "contacts[0][fname]": "Mary",
        "contacts[0][attributes][shoe size]": "42",
        "contacts[1][mobile]": mobile(2),
        "results": "on",
    }
    for answer in (
        ana.post(EVERYONE, form=fields),
        ana.post(EVERYONE, body=multipart(fields), headers=MULTIPART),
        ana.post(EVERYONE, query=fields),
    ):
        assert answer.json()["results"][1]["mobile"] == mobile(2)
    assert groups(ana) == {"Form": 2}
    assert get(ana, 1)["attributes"] == {"shoe size": "42"}
    changed = ana.put("/v1/contacts/1", form={"contact[fname]": "Joy", "contact[attributes][shoe size]": ""})
    assert changed.status == 200
    assert (get(ana, 1)["fname"], get(ana, 1).get("attributes")) == ("Joy", None)


def test_contacts_as_json_in_a_form_and_by_php_s_name_in_json_are_read(ana: Client) -> None:
    assert counts(ana.post(EVERYONE, form={"contacts": f'[{{"mobile": "{mobile(1)}"}}]'})) == {"created": 1}
    assert counts(ana.post(EVERYONE, {"contacts[]": [{"mobile": mobile(2)}]})) == {"created": 1}
    assert counts(ana.post(EVERYONE, form={"contact": f'{{"mobile": "{mobile(3)}"}}'})) == {"created": 1}


def test_numbers_may_be_listed_in_any_way(ana: Client) -> None:
    create(ana, *({"mobile": mobile(number)} for number in range(1, 9)))
    both = [mobile(1), mobile(2)]
    for given in (
        {"json": {"mobiles": both}},
        {"json": {"mobiles": ",".join(both)}},
        {"json": {"mobiles[]": both}},
        {"form": {"mobiles[]": both}},
        {"form": {"mobiles[0]": both[0], "mobiles[1]": both[1]}},
        {"form": {"mobiles": f'["{both[0]}", "{both[1]}"]'}},
        {"form": {"mobiles": ", ".join(both)}},
        {"body": multipart({"mobiles": ",".join(both)}), "headers": MULTIPART},
    ):
        answer = ana.call("POST", "/v1/opt-outs", query={"results": "True"}, **given)
        assert [row["mobile"] for row in answer.json()["results"]] == both
    items = {"items[0][mobile]": mobile(3), "items[0][channel]": "sms", "items[1][mobile]": mobile(4)}
    assert ana.post("/v1/opt-outs", form=items).json()["recorded"] == 2


def test_no_opt_out_is_lost_that_stands_beside_others_in_the_field_of_one(ana: Client) -> None:
    numbers = [mobile(number) for number in range(1, 4)]
    sent: list[dict[str, Any]] = [
        {"json": {"mobile": numbers}},
        {"json": {"mobile": ", ".join(numbers)}},
        {"form": {"mobile": numbers}},
        {"form": {"mobile[]": numbers}},
        {"form": {"mobile": ",".join(numbers)}},
        {"query": {"mobile": numbers}},
    ]
    for call in sent:
        assert ana.call("POST", "/v1/opt-outs", **call).json()["recorded"] == 3, call
    assert ana.post("/v1/opt-outs", {"mobile": int(numbers[0])}).json()["recorded"] == 1


def test_an_import_s_map_may_be_in_brackets(ana: Client) -> None:
    body = b"Full,Line [1]\r\nAna,0722000001\r\n"
    query = {"map[Line [1]]": "mobile", "plan": "on", "name": "p.csv"}
    answer = ana.post("/v1/imports", query=query, body=body, headers={"Content-Type": "text/csv"})
    assert [column["field"] for column in answer.json()["import"]["columns"]] == [None, "mobile"]


def test_a_key_may_be_a_field_of_either_kind_of_form(client: Client, people: People) -> None:
    fields = {"apiKey": people.ana, "project": "Shopify", "contact[mobile]": mobile(1)}
    assert client.post(EVERYONE, form=fields).status == 201
    assert client.post(EVERYONE, body=multipart(fields), headers=MULTIPART).status == 200


@pytest.mark.parametrize("headers", [FORM, MULTIPART], ids=["urlencoded", "multipart"])
def test_a_form_of_either_kind_has_its_limit(headers: dict[str, str], ana: Client) -> None:
    body = multipart({"x": "y" * FORM_BYTES_MAX}) if headers is MULTIPART else b"x=" + b"y" * FORM_BYTES_MAX
    assert refusal(ana.post(EVERYONE, body=body, headers=headers)) == (413, "TOO_LARGE")


def test_a_form_with_a_file_where_none_is_taken_says_so(ana: Client) -> None:
    body = multipart({'contacts"; filename="people.csv': "mobile\r\n"})
    answer = ana.post(EVERYONE, body=body, headers=MULTIPART)
    assert refusal(answer) == (400, "MALFORMED")
    assert "has a file in contacts, and this call takes none" in said(answer)


# ---- fields in the wrong place ------------------------------------------------------------------------


@each(
    "method, path, body, field, sentence",
    [
        ("PUT", "/contacts/1", {}, "contact", "is required when group is not present."),
        ("PUT", "/contacts/1", {"contact": None, "group": " "}, "contact", "is required when group is not present"),
        ("PUT", "/contacts/1", {"fname": "S"}, "contact", 'put fname into it, as in {"contact": {"fname": "Suzan"}}'),
        ("PATCH", "/contacts/1", {"group": "VIP", "city": "X"}, "contact", "is required; put city into it"),
        ("PUT", "/contacts/1", {"data": {"contact": {"fname": "S"}}}, "contact", "stands within data"),
        ("PUT", "/contacts/1", {"contacts": [{"fname": "S"}]}, "contact", "there is only contacts"),
        ("PUT", "/contacts/1", {"contact": [{"fname": "S"}]}, "contact", "must be an object: send several as contacts"),
        ("PUT", "/contacts/1", {"contact": '{"fname": "S"}'}, "contact", "it was encoded twice"),
        (
            "POST",
            "/contacts",
            {"mobile": "0722000001"},
            "contacts",
            'put mobile into it, as in {"contacts": [{"mobile"',
        ),
        ("POST", "/contacts", {"json": {"mobile": "0722000001"}}, "contacts", "stands within json"),
        ("POST", "/contacts", {"phones": ["0722000001"]}, "contacts", "there is only phones: send"),
        ("POST", "/contacts", {"contacts": {"mobile": "0722000001"}}, "contacts", "put one contact in brackets"),
        (
            "POST",
            "/contacts",
            {"contacts": {"1": {"mobile": "1"}, "3": {}}},
            "contacts",
            "PHP makes of a list with gaps",
        ),
        ("POST", "/contacts", {"contacts": "0722000001"}, "contacts", 'such as [{"mobile": "0722000001"}]'),
        ("POST", "/opt-outs", {"mobiles": {"0": "0722000001", "2": "1"}}, "mobiles", "PHP makes of a list with gaps"),
        ("POST", "/erasures", {"mobile": ["0722000001"]}, "mobile", "must be one telephone number, and is a list"),
        ("POST", "/contacts", {"contacts": '[{"mobile": "1"}]'}, "contacts", "it was encoded twice"),
        ("POST", "/contacts", {"contact": [{"mobile": "0722000001"}]}, "contact", "send several as contacts"),
        ("POST", "/contacts", {"contacts": ["0722000001"]}, "contacts.0", 'such as {"mobile": "0722000001"}'),
        ("POST", "/contacts", {"contacts": [{"json": {"mobile": "1"}}]}, "contacts.0.mobile", "it stands within json"),
        ("POST", "/opt-outs", {"phone": "0722000001"}, "mobiles", "there is only phone"),
        ("POST", "/opt-outs", {"data": {"mobile": "0722000001"}, "source": "api"}, "mobiles", "stands within data"),
        ("POST", "/opt-outs", {"mobiles": '["0722000001"]'}, "mobiles", "it was encoded twice"),
        ("POST", "/opt-ins", {"contacts": [{"mobile": "1"}], "source": "api"}, "mobiles", "put contacts into it"),
        ("POST", "/can-message", {"channel": "sms", "mobile": "1"}, "mobiles", "put mobile into it"),
        ("POST", "/erasures", {"mobiles": ["0722000001"]}, "mobile", "put mobiles into it"),
        ("POST", "/groups", {"group": "VIP"}, "name", 'put group into it, as in {"name": "nairobi-vip"}'),
        ("POST", "/groups/VIP/contacts", {"mobile": "1"}, "ids", "is required when mobiles is not present; put mobile"),
    ],
)
def test_what_is_missing_is_named_with_what_was_found_in_its_place(
    method: str, path: str, body: object, field: str, sentence: str, ana: Client
) -> None:
    create(ana, {"mobile": mobile(1), "fname": "Ana"}, group="One")
    before = page(ana, include="groups,updated_at")
    answer = ana.call(method, f"/v1{path}", json=body)
    assert (wrong_fields(answer), sentence in said(answer)) == ([field], True), said(answer)
    assert page(ana, include="groups,updated_at") == before


def test_many_unknown_fields_are_not_all_repeated(ana: Client) -> None:
    answer = ana.post(EVERYONE, {f"{'x' * 50}{number}": 1 for number in range(9)})
    assert f"{'x' * 40} and 4 more: send" in said(answer)
    assert len(answer.body) < 1_500


# ---- another method -----------------------------------------------------------------------------------


def test_a_request_that_asks_to_be_taken_for_another_method_is_refused(ana: Client) -> None:
    create(ana, {"mobile": mobile(1)}, group="VIP")
    path = "/v1/groups/VIP/contacts"
    for given in (
        {"form": {"_method": "DELETE", "mobiles": mobile(1)}},
        {"json": {"mobiles": [mobile(1)]}, "query": {"_method": "delete"}},
        {"json": {"mobiles": [mobile(1)]}, "headers": {"X-HTTP-Method-Override": "DELETE"}},
    ):
        answer = ana.call("POST", path, **given)
        assert refusal(answer) == (422, "VALIDATION_FAILED")
        assert "and this is POST: send that method itself." in said(answer)
    assert ana.post(path, {"_method": "POST", "mobiles": [mobile(1)]}).status == 200
    spoofed = ana.post("/v1/contacts/1", form={"_method": "PUT", "contact[fname]": "S"})
    assert refusal(spoofed) == (405, "METHOD_NOT_ALLOWED")
    assert said(spoofed).endswith("A _method in the body is not read: send PUT or DELETE itself.")


# ---- bodies that are no JSON --------------------------------------------------------------------------


@each(
    "body, sentence",
    [
        (b'{"contacts": [{"mobile": "1", "city": NaN}]}', "JSON has no NaN, which pandas and numpy write"),
        (b'{"contacts": [{"mobile": nan}]}', "JSON has no NaN"),
        (b'{"contacts": [{"mobile": -Infinity}]}', "JSON has no Infinity"),
        (b'{"group": None}', "None is Python; in JSON it is null"),
        (b'{"results": True}', "True is Python"),
        (b'{"group": undefined}', "undefined is JavaScript"),
        (b"{'group': 'x'}", "JSON has double quotes, not single ones"),
        (b"""{"group": 'x'}""", "JSON has double quotes, not single ones"),
        ('{“group”: "x"}'.encode(), "not typographic ones"),
        (b'{group: "x"}', "the names of fields stand in double quotes"),
        (b'{"group": "x",}', "leave out the comma before the closing bracket"),
        (b'{"contacts": [{"mobile": "1"},]}', "leave out the comma before the closing bracket"),
        (b'{"mobile": "1"}\n{"mobile": "2"}', "go to POST /v1/contacts/stream"),
        (b'{"group": "x"} // the group', "trailing characters"),
        (b"group=x&contacts[0][mobile]=1", "it looks like a form; send it with Content-Type: application/x-www"),
        (b"<contacts/>", "it looks like XML"),
        (b'[{"json": {"mobile": "1"}}]', "and is a list: put the items into a field"),
        (b'"{\\"mobile\\": \\"1\\"}"', "is a text that holds JSON: it was encoded twice"),
        (b"null", "must be a JSON object, and is null"),
        (rb'{"group": "\ud83d"}', "it has half of a character"),
        (rb'{"group": "\ud83d and more of it"}', "it has half of a character"),
        (rb'{"group": "\ude00"}', "it has half of a character"),
        ('{"group": "x"}'.encode("utf-16"), "it is UTF-16; send UTF-8"),
        ('{"group": "é"}'.encode("latin-1"), "it is not UTF-8 at byte 11"),
        (gzip.compress(b'{"group": "x"}', mtime=0), "it is compressed with gzip"),
    ],
)
def test_a_body_that_is_no_json_is_refused_with_what_wrote_it(body: bytes, sentence: str, ana: Client) -> None:
    answer = ana.post(EVERYONE, body=body, headers=JSON)
    assert refusal(answer) == (400, "MALFORMED")
    assert sentence in said(answer), said(answer)


@each("route", KEYED, ids=named)
def test_a_compressed_body_is_415_and_named(route: Route, ana: Client) -> None:
    for encoding in ("gzip", "br", "deflate, gzip"):
        headers = JSON | {"Content-Encoding": encoding}
        answer = ana.call(route.method, path_of(route), body=gzip.compress(b"{}", mtime=0), headers=headers)
        assert refusal(answer) == (415, "UNSUPPORTED_MEDIA")
        assert f"encoded as {encoding}; send it plain" in said(answer)
    plain = ana.call(route.method, path_of(route), body=b"{}", headers=JSON | {"Content-Encoding": "identity"})
    assert plain.status != 415


def test_json_that_is_called_a_text_is_refused_with_what_would_be_right(ana: Client) -> None:
    answer = ana.post(EVERYONE, body=b"{}", headers={"Content-Type": "text/plain;charset=UTF-8"})
    assert refusal(answer) == (415, "UNSUPPORTED_MEDIA")
    assert "send Content-Type: application/json" in said(answer)


# ---- values -------------------------------------------------------------------------------------------


@each("empty", ["nan", "NaN", "None", "null", "undefined", "<NA>", " NaT "])
def test_an_empty_value_in_words_is_no_mobile_and_named(empty: str, ana: Client) -> None:
    answer = ana.post(EVERYONE, {"contacts": [{"mobile": empty}]})
    assert wrong_fields(answer) == ["contacts.0.mobile"]
    assert f"'{empty.strip()}' is what a program writes for an empty value" in said(answer)


def test_ids_may_come_as_a_table_of_pandas_has_them(ana: Client) -> None:
    create(ana, {"mobile": mobile(1)}, {"mobile": mobile(2)})
    ana.post("/v1/groups", {"name": "VIP"})
    joined = ana.post("/v1/groups/VIP/contacts", body=b'{"ids": [1.0, 2.0]}', headers=JSON)
    assert (joined.status, groups(ana)) == (200, {"VIP": 2})
    body = b'{"ids": [1.0, 1.5], "channel": "sms"}'
    asked = ana.post("/v1/can-message", body=body, headers=JSON).json()["results"]
    assert [(answer["id"], answer["allowed"]) for answer in asked] == [(1, True), ("1.5", False)]


@ON_SQLITE
@pytest.mark.parametrize("yes", [True, 1, "true", "True", "1", "on", "yes", " TRUE "])
def test_yes_has_many_spellings(yes: object, ana: Client) -> None:
    body = {"contacts": [{"mobile": mobile(1)}], "results": yes}
    assert len(ana.post(EVERYONE, body).json()["results"]) == 1
    given = {"mobile": mobile(1), "source": "bulk", "override": yes, "evidence": "Form 7"}
    assert ana.post("/v1/opt-ins", given).status == 200
