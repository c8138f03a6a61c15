"""Audiences: streamed from one moment, frozen, read by page, rechecked and compared."""

from __future__ import annotations

import json
import time
from hashlib import sha256
from typing import Any

import pytest

from daftari.model.limits import AUDIENCE_DAYS, AUDIENCE_GROUPS_MAX
from daftari.model.projects import Actor
from daftari.rules import audiences
from daftari.rules.access import projects
from daftari.rules.audiences import expire_audience
from daftari.rules.consent.decisions import Question
from daftari.store import Store
from tests.support.builders import create, may_message, mobile, opt_in, opt_out, refusal, rows, wrong_fields
from tests.support.clients import Answer, Client
from tests.support.stores import NOW

STREAM = "/v1/audience"
FROZEN = "/v1/audiences"
NOT_FOUND = (404, "AUDIENCE_NOT_FOUND")
DAY_MICROSECONDS = 86_400_000_000


def stream(client: Client, **asked: object) -> tuple[list[int], dict[str, int]]:
    """The ids that an audience reaches, and who was left out; its last line counts them."""
    answer = client.get(STREAM, query={"channel": "sms", **asked})
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/x-ndjson"
    *lines, end = [json.loads(line) for line in answer.body.splitlines()]
    assert end == {"end": True, "count": len(lines), "excluded": end["excluded"]}
    assert all(line["mobile"] == mobile(line["id"]) for line in lines)
    return [line["id"] for line in lines], end["excluded"]


def freeze(client: Client, **asked: object) -> dict[str, Any]:
    answer = client.post(FROZEN, {"channel": "sms", **asked})
    assert answer.status == 201, answer.body
    audience: dict[str, Any] = answer.json()
    assert audience.pop("message") == "Audience frozen successfully"
    return audience


def numbers(client: Client, audience: dict[str, Any], **asked: object) -> list[str]:
    """A page of a frozen audience."""
    answer = client.get(f"{FROZEN}/{audience['id']}", query=asked)
    assert answer.status == 200, answer.body
    found: list[str] = answer.json()["mobiles"]["data"]
    return found


def mobiles(*ids: int) -> list[str]:
    return [mobile(number) for number in ids]


@pytest.fixture
def book(ana: Client) -> Client:
    """Ana, with contacts 1 to 6: 1 to 4 in One, 3 to 6 in Two, 4 in Three, and none in None."""
    create(ana, *rows(4), group="One")
    create(ana, *rows(4, first=3), group="Two")
    create(ana, *rows(1, first=4), group="Three")
    ana.post("/v1/groups", {"name": "None"})
    return ana


# ---- streams ----------------------------------------------------------------------------------------


def test_an_audience_is_the_members_of_any_or_all_groups_or_everyone_without_some(book: Client) -> None:
    assert stream(book, group="one")[0] == [1, 2, 3, 4]
    assert stream(book, group=["One", "Two"])[0] == [1, 2, 3, 4, 5, 6]
    assert stream(book, group=["One", "Two"], match="all")[0] == [3, 4]
    assert stream(book, group=["One", "one"], match="all")[0] == [1, 2, 3, 4], "a group named twice is one group"
    assert stream(book, everyone="true") == ([1, 2, 3, 4, 5, 6], {})
    assert stream(book, group="None") == ([], {})
    assert stream(book, group=["One", "None"], match="all") == ([], {})
    assert stream(book, group=["One", "Two"], **{"not": "Three"}) == ([1, 2, 3, 5, 6], {"in_not_group": 1})
    assert stream(book, everyone="true", **{"not": ["One", "Three"]}) == ([5, 6], {"in_not_group": 4})


def test_a_blank_name_at_the_end_takes_no_group_back(book: Client) -> None:
    answer = book.get(STREAM, query="channel=sms&everyone=true&not=One&not=")
    assert json.loads(answer.body.splitlines()[-1])["count"] == 2


def test_opted_out_numbers_are_left_out_and_counted(book: Client) -> None:
    opt_out(book, mobile(1))
    opt_out(book, mobile(2), channel="sms", purpose="marketing")
    opt_out(book, mobile(3), sender="DUKA")
    assert stream(book, group="One") == ([4], {"opted_out": 2})
    assert stream(book, everyone="true") == ([4, 5, 6], {"opted_out": 3})
    assert stream(book, everyone="true", purpose="transactional", sender="OTHER") == ([2, 3, 4, 5, 6], {"opted_out": 1})
    assert stream(book, everyone="true", sender="duka", purpose="marketing") == ([4, 5, 6], {"opted_out": 3})
    assert stream(book, everyone="true", channel="whatsapp")[0] == [2, 4, 5, 6]


def test_an_audience_agrees_with_the_question_number_by_number(book: Client) -> None:
    opt_out(book, mobile(1), channel="sms")
    opt_out(book, mobile(2), sender="DUKA")
    opt_out(book, mobile(3), purpose="marketing")
    opt_in(book, mobile(3), channel="sms")
    for asked in ({}, {"sender": "DUKA"}, {"purpose": "marketing"}, {"sender": "X", "purpose": "transactional"}):
        for channel in ("sms", "whatsapp", "premium_sms"):
            ids = stream(book, everyone="true", channel=channel, **asked)[0]
            allowed = may_message(book, *mobiles(*range(1, 7)), channel=channel, **asked)
            assert [number in ids for number in range(1, 7)] == allowed, (channel, asked)


def test_a_project_that_requires_an_opt_in_reaches_no_one_without(book: Client, store: Store) -> None:
    frozen = freeze(book, everyone=True)
    opt_in(book, mobile(2), channel="sms")
    store.system_write(
        NOW, projects.set_project, name="Shopify", region=None, on_error=None, consent={"require_opt_in": True}
    )
    time.sleep(1)  # What a process knows of a key and its project is a second old at the most.
    assert stream(book, everyone="true") == ([2], {"no_opt_in": 5})
    assert numbers(book, frozen) == mobiles(2), "who may not be messaged now is left out, whatever the reason"
    blocked = book.get(f"{FROZEN}/{frozen['id']}/recheck").json()["blocked"]
    assert [one["mobile"] for one in blocked] == mobiles(1, 3, 4, 5, 6)


def test_csv_comes_where_it_is_asked_for(book: Client) -> None:
    opt_out(book, mobile(1))
    both = book.get(STREAM, query="group=One&channel=sms", headers={"Accept": "application/x-ndjson, text/csv;q=0"})
    assert both.headers["content-type"] == "application/x-ndjson"
    answer = book.get(STREAM, query="group=One&channel=sms", headers={"Accept": "text/csv, */*;q=0.1"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.body.decode() == "mobile,id\r\n" + "".join(f"{mobile(number)},{number}\r\n" for number in (2, 3, 4))


def test_an_audience_that_is_long_comes_whole(ana: Client) -> None:
    create(ana, *rows(10_000), group="Big")
    create(ana, *rows(10_000, first=10_001), group="Big")
    assert stream(ana, group="Big")[0] == list(range(1, 20_001))
    answer = ana.call("HEAD", STREAM, query="group=Big&channel=sms")
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 20_000


def test_an_audience_may_be_asked_for_by_query_method_body_or_form(book: Client) -> None:
    asked = {"group": ["One", "Two"], "match": "all", "channel": "sms"}
    answers = [
        book.call("QUERY", STREAM, json=asked),
        book.get(STREAM, json=asked),
        book.get(STREAM, form=asked),
        book.get(STREAM, query=asked),
    ]
    assert {answer.body for answer in answers} == {answers[0].body}
    assert len(answers[0].body.splitlines()) == 3


@pytest.mark.parametrize(("method", "path", "groups"), [("GET", STREAM, "group"), ("POST", FROZEN, "groups")])
def test_every_wrong_field_of_a_definition_is_named(book: Client, method: str, path: str, groups: str) -> None:
    def ask(**asked: object) -> Answer:
        return book.call(method, path, json={"channel": "sms", **asked})

    assert wrong_fields(ask()) == [groups], "no group is not everyone"
    assert wrong_fields(ask(**{groups: "Nobody's"})) == [groups]
    assert wrong_fields(ask(**{groups: ["One"], "not": ["Nobody's"]})) == ["not"]
    assert wrong_fields(ask(**{groups: ["x", "One", "y"], "not": "z"})) == [groups, "not"]
    assert wrong_fields(ask(everyone=True, **{groups: "One"})) == ["everyone"]
    wrong: dict[str, list[object]] = {
        "channel": [None, "fax", "any", 5],
        "sender": ["x" * 65, True],
        "purpose": ["spam"],
        "keyword": ["x" * 65],
        "match": ["some", 5],
        "everyone": ["perhaps"],
        "not": [5, {"a": 1}, [5], ["x" * 256]],
        groups: [5, [5], ["a\0b"], ["One"] * (AUDIENCE_GROUPS_MAX + 1)],
    }
    for field, values in wrong.items():
        for value in values:
            body = {groups: "One", field: value}
            assert field in wrong_fields(ask(**body)), (field, value)


# ---- frozen ones ------------------------------------------------------------------------------------


def test_a_frozen_audience_says_what_it_is_and_proves_its_numbers(book: Client, ben: Client) -> None:
    opt_out(book, mobile(1))
    frozen = freeze(book, groups=["One", "Two"], match="any", purpose="promotional", **{"not": ["Three"]})
    said = "".join(f"{number}\n" for number in sorted(mobiles(2, 3, 5, 6)))
    expected = {
        "id": 1,
        "count": 4,
        "digest": sha256(said.encode()).hexdigest(),
        "excluded": {"in_not_group": 1},
        "erased": 0,
        "everyone": False,
        "groups": ["One", "Two"],
        "match": "any",
        "not": ["Three"],
        "channel": "sms",
        "sender": None,
        "purpose": "marketing",
    }
    assert {name: frozen[name] for name in expected} == expected
    assert ben.get(f"{FROZEN}/1").json()["audience"] == frozen
    assert freeze(book, groups=["None"])["digest"] == sha256(b"").hexdigest()


def test_a_frozen_audience_does_not_change_but_leaves_out_who_is_blocked_since(book: Client) -> None:
    frozen = freeze(book, groups=["One"])
    opt_out(book, mobile(2))
    opt_out(book, mobile(3), channel="whatsapp")
    create(book, *rows(1, first=7), group="One")
    assert numbers(book, frozen) == mobiles(1, 3, 4)
    assert numbers(book, frozen, as_frozen="true") == mobiles(1, 2, 3, 4)
    again = book.get(f"{FROZEN}/{frozen['id']}").json()["audience"]
    assert again == frozen
    opt_in(book, mobile(2))
    assert numbers(book, frozen) == mobiles(1, 2, 3, 4)


def test_a_frozen_audience_comes_in_pages_that_keep_their_numbers(book: Client) -> None:
    frozen = freeze(book, everyone=True)
    opt_out(book, mobile(2))
    path = f"{FROZEN}/{frozen['id']}"
    first = book.get(path, query="per_page=2&as_frozen=false").json()["mobiles"]
    assert (first["data"], first["from"], first["to"]) == (mobiles(1), 1, 2)
    assert (first["total"], first["last_page"], first["per_page"]) == (6, 3, 2)
    found = list(first["data"])
    following = first["next_page_url"]
    while following is not None:
        page = book.get(following.removeprefix("http://127.0.0.1:8000")).json()["mobiles"]
        found += page["data"]
        following = page["next_page_url"]
    assert found == mobiles(1, 3, 4, 5, 6)
    beyond = book.get(path, query="page=9").json()["mobiles"]
    assert (beyond["data"], beyond["from"], beyond["to"]) == ([], None, None)


def test_a_recheck_names_who_opted_out_since_and_why(book: Client) -> None:
    frozen = freeze(book, everyone=True, sender="DUKA")
    path = f"{FROZEN}/{frozen['id']}/recheck"
    assert book.get(path).json() == {"blocked": [], "next": None}
    opt_out(book, mobile(2), mobile(5), sender="duka")
    opt_out(book, mobile(3), sender="OTHER")
    blocked = book.get(path).json()["blocked"]
    assert [one["mobile"] for one in blocked] == mobiles(2, 5)
    assert {reason["code"] for one in blocked for reason in one["reasons"]} == {"opted_out"}
    first = book.get(path, query="limit=1").json()
    rest = book.get(path, query={"after": first["next"], "limit": 1}).json()
    assert [one["mobile"] for one in first["blocked"] + rest["blocked"]] == mobiles(2, 5)
    assert rest["next"] is None


def test_two_frozen_audiences_are_compared(book: Client) -> None:
    one, two = freeze(book, groups=["One"]), freeze(book, groups=["Two"])
    compared = book.get(f"{FROZEN}/{one['id']}/compare/{two['id']}").json()["comparison"]
    assert compared == {
        "counts": {"both": 2, "only_in_this": 2, "only_in_other": 2},
        "only_in_this": mobiles(1, 2),
        "only_in_other": mobiles(5, 6),
    }
    same = book.get(f"{FROZEN}/{one['id']}/compare/{one['id']}").json()["comparison"]
    assert (same["counts"]["both"], same["only_in_this"], same["only_in_other"]) == (4, [], [])


def test_an_unknown_audience_is_404_on_every_call_and_wrong_fields_are_named(book: Client) -> None:
    freeze(book, everyone=True)
    for unknown in ("2", "0", "x", "-1", "1.5", str(2**63), "9" * 90):
        for path in (f"{FROZEN}/{unknown}", f"{FROZEN}/{unknown}/recheck", f"{FROZEN}/{unknown}/compare/1"):
            assert refusal(book.get(path)) == NOT_FOUND, path
        assert refusal(book.get(f"{FROZEN}/1/compare/{unknown}")) == NOT_FOUND
    asked = {"page": 0, "per_page": 1_001, "as_frozen": "x"}
    assert wrong_fields(book.get(f"{FROZEN}/1", query=asked)) == list(asked)
    assert wrong_fields(book.get(f"{FROZEN}/1/recheck", query={"after": "x", "limit": 0})) == ["after", "limit"]


def test_a_frozen_audience_is_kept_for_ninety_days(book: Client, store: Store, people: Any) -> None:
    frozen = freeze(book, everyone=True)
    now = time.time_ns() // 1000

    def expire(days: int) -> bool:
        later = now + days * DAY_MICROSECONDS + 1_000_000
        return store.write(people.shopify, Actor(None, "worker"), later, expire_audience)

    assert [expire(AUDIENCE_DAYS - 1), expire(AUDIENCE_DAYS)] == [False, True]
    assert refusal(book.get(f"{FROZEN}/{frozen['id']}")) == NOT_FOUND


def test_a_number_erased_between_the_snapshot_and_the_freezing_is_not_frozen(
    ana: Client, store: Store, people: Any
) -> None:
    create(ana, *rows(3))
    definition = audiences.Definition(Question("sms"), everyone=True)
    found = store.read(people.shopify, NOW, audiences.find_numbers, definition=definition)
    assert ana.post("/v1/erasures", {"mobile": mobile(2)}).status == 201
    now = time.time_ns() // 1000
    frozen = store.write(
        people.shopify, Actor(None, "test"), now, audiences.freeze_audience, definition=definition, found=found
    )
    said = ana.get(f"{FROZEN}/{frozen.id}", query={"as_frozen": "true"}).json()
    assert (said["audience"]["count"], said["audience"]["erased"]) == (3, 1)
    assert said["mobiles"]["data"] == [mobile(1), mobile(3)]
