"""Groups in paths: a name that no path can carry is refused when a group is made, and no path names another group."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daftari.rules.fields import fold_name
from daftari.store import Store
from tests.conftest import People
from tests.support.builders import create, groups, mobile, rows, wrong_fields
from tests.support.cases import ON_SQLITE, each
from tests.support.clients import Client
from tests.support.import_files import counted, send, sent, work

UNREACHABLE = ("/", "a/", "a //", "a/contacts", " a/Contacts ", "A/CONTACTS/", "/contacts", "a/contact\u017f", "a/b/")
LINES = {"Content-Type": "application/x-ndjson"}
REACHABLE = ("/a", "//a", "contacts", "a/contacts/b", "acontacts", "a%2Fcontacts", "a%2F", "a/ contacts", "a\\", "a/.")


@ON_SQLITE
@pytest.mark.parametrize("name", UNREACHABLE)
def test_a_name_that_no_path_can_carry_is_refused_by_every_call_that_makes_a_group(
    ana: Client, store: Store, people: People, name: str
) -> None:
    ana.post("/v1/groups", {"name": "There"})
    create(ana, *rows(1, first=9))
    for answer, field in (
        (ana.post("/v1/groups", {"name": name}), "name"),
        (ana.put("/v1/groups/There", {"name": name}), "name"),
        (ana.post("/v1/contacts", {"contacts": rows(1), "group": name}), "group"),
        (ana.put(f"/v1/contacts/{mobile(9)}", {"group": name}), "group"),
        (ana.call("POST", "/v1/contacts/stream", query={"group": name}, body=b"", headers=LINES), "group"),
        (send(ana, f"mobile\n{mobile(1)}\n".encode(), group=name), "group"),
    ):
        assert wrong_fields(answer) == [field]
        assert "must not end in '/' or '/contacts'" in str(answer.json()["errors"])
    number = sent(ana, f'mobile,groups\n{mobile(0)},"{name}"\n{mobile(1)},There\n'.encode())
    work(store, people.shopify)
    assert counted(ana, number) == {"created": 1, "invalid": 1}
    line = msgspec.json.encode({"mobile": mobile(2), "groups": [name]})
    answer = ana.call("POST", "/v1/contacts/stream", body=line, headers=LINES)
    assert b'"outcome":"invalid"' in answer.body
    assert groups(ana) == {"There": 1}


@each("name", REACHABLE)
def test_other_names_are_made_and_reached(ana: Client, name: str) -> None:
    assert ana.post("/v1/groups", {"name": name}).status == 201
    assert ana.get(f"/v1/groups/{quote(name, safe='')}").json()["group"]["name"] == name


PIECES = st.sampled_from(
    ("a", "b", "A", "/", "//", "%2F", "%252F", "contacts", "/contacts", ".", "..", " ", "%", "?", "#")
)
NAMES = st.lists(PIECES, min_size=1, max_size=4).map("".join)


@given(
    made=st.lists(NAMES, min_size=1, max_size=6),
    asked=NAMES,
    encoded=st.integers(1, 2),
    tail=st.sampled_from(("", "/")),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_path_reaches_another_group_than_the_one_it_names(
    ana: Client, made: list[str], asked: str, encoded: int, tail: str
) -> None:
    """Encoded twice, a name is another name; a slash at the end does not count."""
    for name in made:
        ana.post("/v1/groups", {"name": name})
    named = quote(asked, safe="") if encoded == 2 else asked
    # Once decoded, a slash is a slash.
    answer = ana.get(f"/v1/groups/{quote(named)}{tail}")
    if answer.status == 200 and "group" in answer.json():
        # The one slash too many of a name that no group can have.
        assert fold_name(answer.json()["group"]["name"]) == fold_name(named.removesuffix("/") or named)
    else:
        assert fold_name(named) not in there(ana) or fold_name(named).endswith(("/", "/contacts"))


def there(client: Client) -> set[str]:
    return {fold_name(name) for name in groups(client)}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@each("path", ["a//", "a/contacts", "a%252F", "a/contacts/", "a%252Fcontacts", "/a"])
def test_a_write_to_a_name_that_is_none_leaves_the_group_beside_it_alone(ana: Client, method: str, path: str) -> None:
    create(ana, *rows(2), group="a")
    body: Any = {"name": "b"} if method != "DELETE" else {}
    assert ana.call(method, f"/v1/groups/{path}", json=body).status in (404, 405, 422)
    assert groups(ana) == {"a": 2}
