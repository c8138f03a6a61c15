"""A number means the same on every call: what an answer has reads back as itself, and digits in doubt harm no one.

The project is in Germany, where long national numbers make many digits two numbers.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from daftari.model.inbound import InboundMessage
from daftari.model.projects import Project
from daftari.rules.access import projects
from daftari.rules.exports.write import FileDefinition, write_export
from daftari.store import Store
from tests.support import consent_calls
from tests.support.builders import create, get, groups, may_message, opt_in, opt_out, refusal
from tests.support.clients import Client
from tests.support.import_files import sent, work
from tests.support.numbers import storable
from tests.support.stores import NOW

AUSTRIAN = "4312345678"
"""The digits of an Austrian number; in Germany those of a local one too."""
GERMAN = f"49{AUSTRIAN}"
REASON = (
    f"is ambiguous: {AUSTRIAN} is a number that this project knows, and in its region +{GERMAN} is written so too; "
    f"write it with +, as +{AUSTRIAN} or +{GERMAN}."
)


@pytest.fixture
def office(store: Store) -> tuple[Project, str]:
    """A project in Germany, and its key."""
    return store.system_write(
        NOW, projects.create_project_with_key, name="Berlin", region="DE", on_error="refuse", first_id=1
    )


@pytest.fixture
def berlin(office: tuple[Project, str]) -> Project:
    return office[0]


@pytest.fixture
def uwe(client: Client, office: tuple[Project, str]) -> Client:
    """Calls with the key of the project in Germany."""
    return client.with_key(office[1])


def reviews(client: Client) -> list[tuple[str, str]]:
    """Whose reviews wait, and who brought them."""
    return [(one["mobile"], one["provider"]) for one in client.get("/v1/inbound/review").json()["reviews"]]


def outcomes(client: Client, store: Store, project: Project, file: str, **query: Any) -> list[tuple[str, str | None]]:
    """Outcome and reason of each row of a file."""
    number = sent(client, file.encode(), **query)
    work(store, project)
    rows = client.get(f"/v1/imports/{number}/rows").json()["rows"]
    return [(row["outcome"], row.get("why")) for row in rows]


def test_digits_in_doubt_are_a_number_of_the_region_until_the_project_knows_the_other_one(uwe: Client) -> None:
    assert uwe.post("/v1/contacts", {"contact": {"mobile": AUSTRIAN}}).status == 201
    assert get(uwe, GERMAN)["mobile"] == get(uwe, AUSTRIAN)["mobile"] == GERMAN


KNOWN: dict[str, Callable[[Client], object]] = {
    "a contact": lambda uwe: create(uwe, {"mobile": f"+{AUSTRIAN}"}),
    "an opt-in": lambda uwe: opt_in(uwe, f"+{AUSTRIAN}"),
    "a removal": lambda uwe: (
        create(uwe, {"mobile": f"+{AUSTRIAN}"}),
        uwe.delete(f"/v1/contacts/+{AUSTRIAN}", {"reason": "removal"}),
    ),
    "an erasure": lambda uwe: uwe.post("/v1/erasures", {"mobile": f"+{AUSTRIAN}"}),
}


@pytest.mark.parametrize("known", KNOWN.values(), ids=KNOWN)
def test_a_number_is_known_by_whatever_the_project_has_of_it(uwe: Client, known: Callable[[Client], object]) -> None:
    known(uwe)
    assert get_consent(uwe, AUSTRIAN) == AUSTRIAN
    answer = uwe.post("/v1/contacts", {"contacts": [{"mobile": "0301234567"}, {"mobile": AUSTRIAN}]})
    assert answer.json()["errors"] == {"contacts.1.mobile": [f"The contacts.1.mobile field {REASON}"]}
    skipped = uwe.post(
        "/v1/contacts", {"contacts": [{"mobile": "0301234567"}, {"mobile": AUSTRIAN}], "on_error": "skip"}
    )
    assert (skipped.status, skipped.json()["created"], skipped.json()["invalid"]) == (201, 1, 1)


def get_consent(client: Client, reference: str) -> str:
    """The number that a path names."""
    mobile: str = client.get(f"/v1/contacts/{reference}/consent").json()["consent"]["mobile"]
    return mobile


def test_a_row_that_is_refused_takes_none_of_the_same_number_with_it(uwe: Client) -> None:
    create(uwe, {"mobile": f"+{AUSTRIAN}"})
    given = [{"mobile": AUSTRIAN, "fname": "X"}, {"mobile": f"+{GERMAN}", "lname": "Y"}, {"mobile": f"0{AUSTRIAN}"}]
    answer = uwe.post("/v1/contacts", {"contacts": given, "on_error": "skip", "results": True}).json()
    assert [row["outcome"] for row in answer["results"]] == ["invalid", "created", "duplicate"]
    assert get(uwe, f"+{GERMAN}")["fname"] is None


def test_the_digits_of_an_answer_are_the_known_number_on_every_call(uwe: Client) -> None:
    create(uwe, {"mobile": f"+{AUSTRIAN}"}, group="A")
    assert get(uwe, AUSTRIAN)["mobile"] == AUSTRIAN
    contact = get(uwe, AUSTRIAN) | {"city": "Wien"}
    assert uwe.put(f"/v1/contacts/{AUSTRIAN}", {"contact": contact}).status == 200
    assert get(uwe, f"+{AUSTRIAN}")["city"] == "Wien"
    uwe.post("/v1/groups", {"name": "B"})
    assert uwe.post("/v1/groups/B/contacts", {"mobiles": [int(AUSTRIAN)]}).json()["joined"] == 1
    assert uwe.delete("/v1/groups/A/contacts", {"mobiles": [AUSTRIAN]}).json()["left"] == 1
    assert groups(uwe) == {"A": 0, "B": 1}
    assert uwe.get(f"/v1/contacts/{AUSTRIAN}/export").json()["export"]["mobile"] == AUSTRIAN
    assert opt_in(uwe, AUSTRIAN)["recorded"] == 1
    assert uwe.post("/v1/erasures", {"mobile": AUSTRIAN}).json()["removed"]["contacts"] == 1


def test_a_contact_takes_no_number_in_doubt_as_its_new_one(uwe: Client) -> None:
    opt_out(uwe, f"+{AUSTRIAN}", channel="sms")
    create(uwe, {"mobile": "0301234567"})
    answer = uwe.put("/v1/contacts/0301234567", {"contact": {"mobile": AUSTRIAN}})
    assert answer.json()["errors"] == {"contact.mobile": [f"The contact.mobile field {REASON}"]}


@pytest.mark.parametrize(
    "say",
    [
        lambda uwe: opt_out(uwe, AUSTRIAN),
        lambda uwe: uwe.delete(f"/v1/contacts/{AUSTRIAN}", {"reason": "STOP"}),
        lambda uwe: uwe.post("/v1/erasures", {"mobile": AUSTRIAN}),
    ],
    ids=["an opt-out", "a delete", "an erasure"],
)
def test_a_no_of_digits_in_doubt_is_kept_for_both_numbers_and_one_is_reviewed(
    uwe: Client, say: Callable[[Client], object]
) -> None:
    create(uwe, {"mobile": f"+{AUSTRIAN}"}, {"mobile": f"+{GERMAN}"}, group="A")
    say(uwe)
    assert not may_message(uwe, f"+{AUSTRIAN}")[0]
    assert not may_message(uwe, f"+{GERMAN}")[0]
    assert reviews(uwe) == [(GERMAN, "daftari")]
    assert groups(uwe) == {"A": 0}
    assert get(uwe, f"+{GERMAN}")["mobile"] == GERMAN
    (review,) = uwe.get("/v1/inbound/review").json()["reviews"]
    assert uwe.post(f"/v1/inbound/review/{review['id']}", {"as": "retract"}).status == 200
    assert may_message(uwe, f"+{GERMAN}")[0]
    assert not may_message(uwe, f"+{AUSTRIAN}")[0]


def test_a_question_about_digits_in_doubt_is_a_no_if_either_number_said_no(uwe: Client) -> None:
    opt_in(uwe, f"+{AUSTRIAN}")
    assert may_message(uwe, AUSTRIAN) == [True]
    opt_out(uwe, f"+{GERMAN}")
    answer = uwe.post("/v1/can-message", {"mobiles": [AUSTRIAN], "channel": "sms"}).json()["results"][0]
    assert (answer["mobile"], answer["allowed"]) == (AUSTRIAN, False)


@pytest.mark.parametrize(("written", "allowed"), [(AUSTRIAN, [False, False]), (f"+{AUSTRIAN}", [False, True])])
def test_a_message_from_digits_in_doubt_is_that_of_both_numbers_unless_it_has_a_plus(
    uwe: Client, store: Store, berlin: Project, written: str, allowed: list[bool]
) -> None:
    create(uwe, {"mobile": f"+{AUSTRIAN}"})
    word = InboundMessage(written, "sms", "20880", "STOP", None, None)
    consent_calls.receive_events(store, berlin, [word], now=NOW + 1)
    assert may_message(uwe, f"+{AUSTRIAN}", f"+{GERMAN}") == allowed
    assert reviews(uwe) == ([] if allowed[1] else [(GERMAN, "daftari")])


@pytest.mark.parametrize(
    ("written", "mobile"),
    [
        ("+5215512345678", "525512345678"),
        ("5215512345678", "525512345678"),
        ("+551181234567", "5511981234567"),
        ("+5491123456789", "541123456789"),
        ("+22507123456", "2250707123456"),
    ],
)
def test_a_stop_from_an_old_form_is_kept_for_the_number_of_today(
    ana: Client, store: Store, people: Any, written: str, mobile: str
) -> None:
    create(ana, {"mobile": f"+{mobile}"})
    word = InboundMessage(written, "whatsapp", "254700000009", "STOP", None, None)
    consent_calls.receive_events(store, people.shopify, [word], now=NOW + 1)
    assert may_message(ana, f"+{mobile}") == [False]


def test_a_deleted_contact_is_still_a_reason_to_doubt(uwe: Client) -> None:
    create(uwe, {"mobile": f"+{AUSTRIAN}"})
    assert uwe.delete(f"/v1/contacts/{AUSTRIAN}").status == 200
    assert refusal(uwe.delete(f"/v1/contacts/{AUSTRIAN}")) == (404, "CONTACT_NOT_FOUND")
    assert [mobile for mobile, _ in reviews(uwe)] == [GERMAN, GERMAN]


@pytest.mark.parametrize("plan", [False, True])
def test_a_file_counts_what_was_known_when_it_came(store: Store, berlin: Project, uwe: Client, plan: bool) -> None:
    file = f"phone\n+{AUSTRIAN}\n{AUSTRIAN}\n"
    assert outcomes(uwe, store, berlin, file, plan=plan) == [("created", None), ("created", None)]
    if plan:
        uwe.post("/v1/imports/1/apply")
        work(store, berlin)
    assert get(uwe, f"+{GERMAN}")["mobile"] == GERMAN
    (_, (outcome, why)) = outcomes(uwe, store, berlin, file)
    assert outcome == "invalid" and why is not None and "is ambiguous" in why
    assert f"'{AUSTRIAN}', which is +{AUSTRIAN} or +{GERMAN}" in why


def test_a_list_of_opt_outs_is_kept_for_both_numbers(store: Store, berlin: Project, uwe: Client) -> None:
    create(uwe, {"mobile": f"+{AUSTRIAN}"})
    assert outcomes(uwe, store, berlin, f"phone\n{AUSTRIAN}\n", kind="opt_outs") == [("recorded", None)]
    assert not may_message(uwe, f"+{AUSTRIAN}")[0]
    assert not may_message(uwe, f"+{GERMAN}")[0]
    assert reviews(uwe) == [(GERMAN, "daftari")]


def test_an_opt_out_beside_a_contact_in_doubt_is_kept_for_both_numbers(
    store: Store, berlin: Project, uwe: Client
) -> None:
    create(uwe, {"mobile": f"+{AUSTRIAN}"})
    file = f"phone,first name,unsubscribed\n{AUSTRIAN},Resi,yes\n"
    assert [outcome for outcome, _ in outcomes(uwe, store, berlin, file)] == ["invalid"]
    assert may_message(uwe, f"+{AUSTRIAN}", f"+{GERMAN}") == [False, False]
    assert reviews(uwe) == [(GERMAN, "daftari")]


def test_rows_that_a_stream_has_written_put_none_of_its_own_in_doubt(uwe: Client) -> None:
    body = f'{{"mobile":"+{AUSTRIAN}"}}\n{{"mobile":"{AUSTRIAN}"}}\n'.encode()
    for expected in (["created", "created"], ["unchanged", "invalid"]):
        answer = uwe.call("POST", "/v1/contacts/stream", body=body, headers={"Content-Type": "application/x-ndjson"})
        said = [line for line in answer.body.decode().splitlines() if '"outcome"' in line]
        assert [name in line for name, line in zip(expected, said, strict=True)] == [True, True]


def test_what_is_known_of_one_argentine_form_counts_for_the_other(ana: Client, store: Store) -> None:
    landline, cell = "541123456789", "5491123456789"
    create(ana, {"mobile": f"+{landline}"}, {"mobile": f"+{cell}"}, group="A")
    opt_out(ana, f"+{cell}")
    assert not may_message(ana, f"+{landline}")[0]
    assert groups(ana) == {"A": 0}
    opt_in(ana, f"+{landline}", evidence={"note": "asked for it on the telephone"})
    assert may_message(ana, f"+{cell}")[0]
    assert ana.post("/v1/erasures", {"mobile": f"+{cell}"}).json()["removed"]["contacts"] == 2
    assert not may_message(ana, f"+{landline}")[0]
    assert refusal(ana.get(f"/v1/contacts/+{landline}")) == (404, "CONTACT_NOT_FOUND")


# ---- every number of every region ------------------------------------------------------------------------

HOMES = [("sqlite", "KE"), ("sqlite", "DE"), ("sqlite", "AR"), ("postgres", "DE")]
"""Regions with short and with long national numbers, and one where numbers have two forms. How a number is read does
not depend on the engine, so one of them is enough on PostgreSQL."""
MEDIA = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ndjson": "application/x-ndjson",
    "vcard": "text/vcard",
}
SAMPLE = 50
"""Of so many numbers, one is named in a path, one at a time."""


@pytest.fixture
def world(request: pytest.FixtureRequest, store: Store, client: Client) -> tuple[Project, Client]:
    """A project, by its region, that has a contact for every kind of number of every region."""
    project, secret = store.system_write(
        NOW, projects.create_project_with_key, name="World", region=request.param, on_error="refuse", first_id=1
    )
    caller = client.with_key(secret)
    create(caller, *[{"mobile": f"+{digits}"} for digits in storable()], group="All")
    return project, caller


@pytest.mark.parametrize(("engine", "world"), HOMES, indirect=True)
def test_what_the_book_knows_reads_back_as_itself_on_every_call(world: tuple[Project, Client]) -> None:
    _, caller = world
    listed = [contact["mobile"] for page in (1, 2) for contact in on_page(caller, page)]
    assert listed == list(storable())
    asked = caller.post("/v1/can-message", {"mobiles": listed, "channel": "sms"}).json()["results"]
    assert [one["mobile"] for one in asked] == listed and all(one["allowed"] for one in asked)
    caller.post("/v1/groups", {"name": "Some"})
    assert caller.post("/v1/groups/Some/contacts", {"mobiles": listed}).json()["joined"] == len(listed)
    assert caller.delete("/v1/groups/Some/contacts", {"mobiles": listed}).json()["left"] == len(listed)
    for digits in listed[::SAMPLE]:
        contact = get(caller, digits)
        assert contact["mobile"] == digits
        assert caller.put(f"/v1/contacts/{digits}", {"contact": contact}).status == 200
        assert get_consent(caller, digits) == digits
        assert caller.get(f"/v1/contacts/{digits}/export").json()["export"]["mobile"] == digits
    sent = caller.post("/v1/contacts", {"contacts": [{"mobile": digits} for digits in listed], "on_error": "skip"})
    said = sent.json()
    assert said["unchanged"] + said["invalid"] == len(listed) and said["created"] == 0
    assert all("is ambiguous" in sentence for (sentence,) in (said.get("errors") or {}).values())
    opted = caller.post("/v1/opt-ins", {"mobiles": listed, "source": "form", "results": True}).json()["results"]
    assert [one["mobile"] for one in opted] == listed
    for digits in listed[::SAMPLE]:
        assert caller.delete(f"/v1/contacts/{digits}").status == 200
    opted = caller.post("/v1/opt-outs", {"mobiles": listed, "results": True}).json()["results"]
    assert [one["mobile"] for one in opted] == listed
    assert may_message(caller, *[f"+{digits}" for digits in listed]) == [False] * len(listed)
    assert may_message(caller, *listed) == [False] * len(listed)
    for digits in listed[:: 2 * SAMPLE]:
        assert caller.post("/v1/erasures", {"mobile": digits}).status == 201
    assert may_message(caller, *listed) == [False] * len(listed)


def on_page(client: Client, number: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/v1/contacts", query={"page": number}).json()["contacts"]["data"]
    return found


@pytest.mark.parametrize(
    ("engine", "world", "form"),
    [
        *(("sqlite", "DE", form) for form in MEDIA),
        *(("sqlite", "KE", "csv"), ("sqlite", "AR", "ndjson"), ("postgres", "DE", "csv")),
    ],
    indirect=["engine", "world"],
)
def test_what_the_book_knows_reads_back_as_itself_in_every_file(
    form: Any, world: tuple[Project, Client], store: Store, client: Client
) -> None:
    project, caller = world
    assert caller.post("/v1/opt-outs", {"mobiles": list(storable()[::3]), "channel": "sms"}).status == 200
    file = io.BytesIO()
    definition = FileDefinition(form, None, form != "vcard")
    store.read(project, NOW, write_export, definition=definition, file=file, watch=lambda _: None)
    other, secret = store.system_write(
        NOW, projects.create_project_with_key, name="Copy", region=project.region, on_error="refuse", first_id=1
    )
    copy, media = client.with_key(secret), MEDIA[form]
    number = sent(copy, file.getvalue(), media=media, keep_ids=form != "vcard")
    work(store, other)
    counts = copy.get(f"/v1/imports/{number}").json()["import"]["counts"]
    assert (counts["created"], counts["invalid"], counts["duplicate"]) == (len(storable()), 0, 0)
    for page in (1, 2):
        # Cards have no time of creation.
        assert [(one["id"], one["mobile"]) for one in on_page(copy, page)] == [
            (one["id"], one["mobile"]) for one in on_page(caller, page)
        ]
    if form != "vcard":
        allowed = may_message(copy, *(f"+{digits}" for digits in storable()))
        assert allowed == may_message(caller, *(f"+{digits}" for digits in storable()))
        assert not any(allowed[::3]) and any(allowed)
    # In the project itself it is nothing new.
    number = sent(caller, file.getvalue(), media=media)
    work(store, project)
    counts = caller.get(f"/v1/imports/{number}").json()["import"]["counts"]
    assert counts["unchanged"] >= len(storable()) and counts["created"] == counts["invalid"] == 0


@pytest.mark.parametrize(("engine", "world"), HOMES, indirect=True)
def test_a_list_of_what_the_book_knows_is_about_no_one_else(world: tuple[Project, Client], store: Store) -> None:
    project, caller = world
    before = caller.get("/v1/contacts").json()["contacts"]["total"]
    listed = "\n".join(("phone", *storable()))
    number = sent(caller, listed.encode())
    work(store, project)
    counts = caller.get(f"/v1/imports/{number}").json()["import"]["counts"]
    assert counts["unchanged"] + counts["invalid"] == sum(counts.values()) == len(storable())
    assert caller.get("/v1/contacts").json()["contacts"]["total"] == before
    sent(caller, listed.encode(), kind="opt_outs")
    work(store, project)
    assert may_message(caller, *[f"+{digits}" for digits in storable()]) == [False] * len(storable())
