"""The Python client against the API's document: each operation has one method, with its parameters, and each record
has what the answers have. What differs is listed below, with the reason.
"""

from __future__ import annotations

import inspect
import io
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest
from jsonschema import Draft202012Validator
from msgspec import Struct
from msgspec.structs import fields

from daftari.model.feed import CHANGE_TYPES
from daftari_client import change_records, connection_records, import_records, message_records, records, webhook_records
from daftari_client.api import Api, WriteOptions
from daftari_client.changes import ChangeType
from daftari_client.client import BaseClient
from daftari_client.flows import Done, ReadChunk, Request, Response, RunBlocking, Yield, resume
from daftari_client.records import AudienceEnd, Page, Record
from daftari_client.resources import Resource
from daftari_client.retries import NO_RETRIES
from tests.support.cases import each
from tests.support.client_document import Node, Operation, Sampler, operations

RECORDS = (change_records, connection_records, import_records, message_records, records, webhook_records)
API = Api(base_url="http://localhost/v1", key="k", project="Shopify", retries=NO_RETRIES, idempotency_keys=True)

# ---- what differs, and why ----------------------------------------------------------------------------

WITHOUT_METHOD = {
    "checkInboundAddress": "A messaging provider calls it, with a token of its own.",
    "receiveConnectionDelivery": "A connected system calls it, with a token and a proof of its own.",
    "receiveInbound": "A messaging provider calls it, with a token and a signature of its own.",
    "getOpenapi": "The document itself; it needs no client.",
    "getDocs": "A page for people.",
}
REPEATS = {
    "audiences.iterate": "audiences.get",
    "audiences.iterate_blocked": "audiences.recheck",
    "campaigns.iterate": "campaigns.list",
    "connections.iterate_records": "connections.records",
    "connections.iterate_events": "connections.events",
    "connections.iterate_carts": "connections.carts",
    "connections.iterate_runs": "connections.runs",
    "campaigns.iterate_messages": "campaigns.messages",
    "changes.iterate": "changes.list",
    "contacts.iterate": "contacts.list",
    "exports.iterate": "exports.list",
    "exports.save": "exports.get",
    "exports.wait": "exports.get",
    "groups.iterate": "groups.list",
    "imports.iterate": "imports.list",
    "iterate_search": "search",
    "imports.rows": "imports.list_rows",
    "imports.save_rejects": "imports.rejects",
    "imports.wait": "imports.get",
    "messages.iterate": "messages.list",
    "opt_outs.iterate": "opt_outs.list",
    "reviews.iterate": "reviews.list",
    "webhooks.iterate_deliveries": "webhooks.deliveries",
}
"""Methods that begin with the call of another one: they repeat it, or do more with its answer."""
NEVER_SENT = {
    "apiKey": "The key goes into the Authorization header.",
    "if-none-match": "A 304 has no record to return; programs that cache pages use HTTP itself.",
}
NOT_SENT = {
    "createMessages": {
        "mobile": "The same as one of mobiles.",
        "channel": "Only where several senders have the name; their ids say it too.",
    },
    "createContacts": {"contact": "The same as one row of contacts."},
    "createOptIns": {"mobile": "The same as one of mobiles."},
    "createOptOuts": {"mobile": "The same as one of mobiles."},
    "createImport": {"note": "The same as evidence.", "file": "The body itself is the file, not a form."},
    "streamContacts": {"resume": "Sent after a cut, by the client itself.", "after": "Sent with resume."},
}
DROPPED = {
    "listContacts": {"group": "The filter that was sent, repeated."},
    "createGroup": {"message": "The result is the group; the message is constant."},
    "updateGroup": {"message": "The result is the group; the message is constant."},
    "freezeAudience": {"message": "The result is the audience; the message is constant."},
    "createMessages": {"message": "The result is what the call did; the message is constant."},
    "replayConnectionEvents": {"message": "The result is what the call did; the message is constant."},
    "createExport": {"message": "The result is the export; the message is constant."},
    "createSender": {"message": "The result is the sender; the message is constant."},
    "updateSender": {"message": "The result is the sender; the message is constant."},
    "pauseSender": {"message": "The result is the sender; the message is constant."},
    "rotateSenderAddress": {"message": "The result is the sender; the message is constant."},
    "resumeSender": {"message": "The result is the sender; the message is constant."},
    **{
        f"{verb}Webhook": {"message": "The result is the webhook; the message is constant."}
        for verb in ("create", "update", "pause", "resume", "replay")
    },
    **{
        f"{verb}Connection": {"message": "The result is the connection; the message is constant."}
        for verb in ("create", "update", "plan", "start", "pause", "sync", "compare", "confirm")
    },
    **{
        name: {"message": "The result is the connection; the message is constant."}
        for name in ("changeConnectionKey", "retryConnectionRecords", "settleConnectionRecords")
    },
    "rotateWebhookSecret": {"message": "The result is the webhook and its secret; the message is constant."},
    "settleReview": {"message": "The result is the review; the message is constant."},
    **{
        f"{verb}Campaign": {"message": "The result is the campaign; the message is constant."}
        for verb in ("create", "update", "start", "pause", "resume", "cancel", "retry")
    },
    **{
        f"{verb}Trigger": {"message": "The result is the trigger; the message is constant."}
        for verb in ("create", "update", "pause", "resume")
    },
}
NEXT_TO = {"listContacts": ("contacts", "missing")}
"""A member that is the result, and one next to it that the result has as well."""
FROM_HEADERS = {"etag", "seq"}
"""Fields of records that are headers of the answer."""
BASES = (Record, records.RecordedFact, records.NumberedPage)
"""Records that are returned only as one of the classes under them."""
TAKES_MORE = {
    ("createImport", "channel"): "The server takes any, and the document does not name it.",
    ("createMessages", "purpose"): "The server takes promotional too, and the client has one word for it.",
    ("createImport", "purpose"): "The server takes promotional and any, and the document does not name them.",
}
RENAMED = {"import": "import_id"}
WRITTEN = {"settle_as": "as"}
"""How a parameter is called in a request, where Python has another use for the word."""

SAMPLES: dict[str, tuple[Any, ...]] = {
    "after": ("7",),
    "again": ("7d",),
    "answers_as": (["20414"],),
    "as_frozen": (True,),
    "at": (datetime(2026, 11, 1, tzinfo=UTC), "2026-11-01T00:00:00Z"),
    "attributes": (True,),
    "carts_group": ("abandoned-cart",),
    "carts_need": ("number",),
    "channel": ("sms",),
    "credentials": ({"api_key": "k1"},),
    "daily_max": (1_000,),
    "columns": ({"phone": "mobile", "fax": None},),
    "consent": (True,),
    "contact": ({"fname": "Suzan", "city": None}, records.Contact(id=1, mobile="254722000000")),
    "contacts": ([{"mobile": "0722000000"}, records.Contact(id=1, mobile="254722000000")],),
    "events": ([{"name": "cart", "mobile": "0722000000", "key": "cart-7"}],),
    "everyone": (True,),
    "expected": (1_204,),
    "fresh": (False,),
    "keep_hours": (24,),
    "evidence": ("ticked the box",),
    "fields": ({"url": "https://shop.example/cart/7", "items": 3},),
    "filter": ({"lifecyclestage": ["lead"]},),
    "fire_triggers": (True,),
    "format": ("ndjson",),
    "gateway": ("africas_talking",),
    "group": ("VIP",),
    "group_mode": ("add",),
    "groups": (["VIP"],),
    "idempotency_key": ("key 1",),
    "ids": ([1, 2],),
    "if_match": ('"0c7e5f1d2b3a49586877665544332211"',),
    "include": (["groups", "consent", "updated_at"],),
    "keep_ids": (True,),
    "hours": ("08:00-18:00 Africa/Nairobi",),
    "in_flight": (5,),
    "sheet": ("Mombasa",),
    "header_row": (4,),
    "key": ("order-7",),
    "keyword": ("GOALS",),
    "kind": ("opt_outs",),
    "known_at": (datetime(2026, 11, 1, tzinfo=UTC),),
    "late": ("4h",),
    "leave": (True,),
    "limit": (5,),
    "language": ("sw",),
    "match": ("all",),
    "may_repeat": (True,),
    "mobile": ("0722000000", 254722000000),
    "mobiles": (["0722000000", 254722000001],),
    "name": ("VIP",),
    "new_name": ("Silver",),
    "not_groups": (["Silver"],),
    "number": (3,),
    "on": ({"event": "cart"}, {"joins": "VIP"}),
    "on_error": ("skip",),
    "on_unknown": ("resend",),
    "opt_outs": (True,),
    "other": (4,),
    "override": (True,),
    "page": (2,),
    "part_price": ("KES 0.80", 0.8),
    "parts_per_second": (30,),
    "after_id": (40,),
    "params": (["{{ fname | you }}"],),
    "per_page": (10,),
    "plain": (True,),
    "plan": (True,),
    "poll_seconds": (60,),
    "purpose": ("marketing",),
    "reason": ("STOP",),
    "region": ("KE",),
    "reference": (12, "+254 722 000000"),
    "results": (True,),
    "sender": ("DUKA",),
    "settle_as": ("opt_out",),
    "settings": ({"username": "duka"},),
    "suffix": ("STOP*456*9*5#",),
    "since": (datetime(2026, 11, 1, tzinfo=UTC),),
    "source": ("form",),
    "started": (3,),
    "state": ("failed",),
    "states": (["failed"],),
    "suppressed": (True,),
    "template": ("order_ready",),
    "text": ("Hello {{ fname | there }}",),
    "unless": ([{"event": "order"}, {"in": "Staff"}],),
    "until": (datetime(2026, 11, 2, tzinfo=UTC), "2026-11-02T00:00:00Z"),
    "trigger": (12,),
    "types": (["contacts.created", "group.joined"],),
    "url": ("https://crm.example/hooks/daftari",),
    "wait": (20,),
    "when_deleted": ("leave_groups",),
    "write_back": (True,),
    "write_back_opt_ins": (False,),
    "zone": ("Africa/Nairobi",),
    "epoch": ("5f0c2a9d1e7b4638",),
}
"""What each parameter is given, wherever it is."""
OTHER_SAMPLES: dict[tuple[str, str], tuple[Any, ...]] = {
    ("changes.list", "after"): (7,),
    ("changes.iterate", "after"): (7,),
    ("webhooks.replay", "after"): (7,),
    **{
        (f"connections.{name}", parameter): (sample,)
        for name in ("create", "update")
        for parameter, sample in {
            "fields": {"phone": "mobile"},
            "groups": [{"from": "all", "to": "VIP"}],
            "settings": {"base_url": "https://crm.example"},
        }.items()
    },
    ("connections.create", "kind"): ("hubspot",),
    ("connections.events", "after"): ("1795168800000000:d1",),
    ("connections.carts", "after"): ("1795168800000000:8f2c",),
    ("connections.carts", "state"): ("abandoned",),
    ("connections.iterate_carts", "state"): ("abandoned",),
    ("connections.records", "after"): ("101",),
    ("connections.records", "state"): ("problem",),
    ("connections.iterate_records", "state"): ("problem",),
    ("connections.retry", "ids"): (["101", "102"],),
    ("connections.settle", "ids"): (["101"],),
    ("connections.settle", "decision"): ("keep",),
    ("triggers.create", "wait"): ("1h",),
    ("triggers.update", "wait"): ("1h",),
    ("exports.save", "file"): (io.BytesIO(),),
    ("imports.rows", "after"): (7,),
    ("imports.save_rejects", "file"): (io.BytesIO(),),
    ("imports.create", "source"): (b"phone\n0722000000\n", io.BytesIO(b"phone\n0722000000\n")),
    ("imports.create", "name"): ("people.csv",),
    ("opt_ins.create", "evidence"): ("ticked the box", {"form": "newsletter"}),
    ("opt_ins.create", "mobiles"): (["0722000000"], ["0722000000", {"mobile": 254722000001, "override": True}]),
    ("messages.create", "mobiles"): (["0722000000"], ["0722000000", {"mobile": 254722000001, "key": "order-7"}]),
    ("opt_outs.create", "evidence"): ("wrote STOP", {"message_id": "m1"}),
    ("opt_outs.create", "mobiles"): (["0722000000"], ["0722000000", {"mobile": 254722000001, "sender": "DUKA"}]),
}
NOT_FOR_THE_SERVER = {"on_end", "on_poll", "pause_seconds_max", "progress", "timeout_seconds"}
"""Parameters that the client itself acts on."""


# ---- calls without a network --------------------------------------------------------------------------


class Sent(Struct):
    """The first request of a call, and what came of it."""

    request: Request
    result: Any = None


class Probe:
    """A driver that keeps the first request and answers it with ``body``."""

    def __init__(self, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> None:
        self._body = body
        self._headers = headers or {}

    def run(self, flow: Any) -> Sent:
        sent: list[Request] = []
        items, chunks = [], [self._body or b""]
        step = resume(flow)
        while not isinstance(step, Done):
            reply: object = None
            match step:
                case Request():
                    sent.append(step)
                    if self._body is None:
                        flow.close()
                        return Sent(step)
                    reply = Response(200, self._headers, b"" if step.streamed else self._body)
                case ReadChunk():
                    reply = chunks.pop() if chunks else b""
                case RunBlocking():
                    reply = step.function()
                case Yield():
                    items.append(step.item)
            step = resume(flow, reply)
        return Sent(sent[0], items or step.result)

    iterate = run


class Method(Struct, frozen=True):
    """A public method of the client."""

    name: str
    parameters: tuple[str, ...]
    optional: frozenset[str]

    def call(self, given: Mapping[str, Any], probe: Probe | None = None) -> Sent:
        book: Any = BaseClient(API, probe or Probe())
        resource, _, name = self.name.rpartition(".")
        sent: Sent = getattr(getattr(book, resource) if resource else book, name)(**given)
        return sent

    def hints(self) -> dict[str, Any]:
        """The types of the parameters."""
        resource, _, name = self.name.rpartition(".")
        book: Any = BaseClient(API, Probe())
        return get_type_hints(getattr(getattr(book, resource) if resource else book, name).__wrapped__)

    def samples(self) -> list[dict[str, Any]]:
        """Every parameter with its first sample; then, of those that have more, one after the other with the next."""
        every = {name: OTHER_SAMPLES.get((self.name, name)) or SAMPLES[name] for name in self.parameters}
        first = {name: values[0] for name, values in every.items()}
        return [first, *(first | {name: value} for name, values in every.items() for value in values[1:])]


@cache
def methods() -> dict[str, Method]:
    """Every method of the client by its name, such as ``contacts.get``."""
    book = BaseClient(API, Probe())
    resources = {"": book} | {name: one for name, one in vars(book).items() if isinstance(one, Resource)}
    found = {}
    for prefix, resource in resources.items():
        for name in dir(type(resource)):
            if not name.startswith("_"):
                full_name = f"{prefix}.{name}".removeprefix(".")
                found[full_name] = _read_method(full_name, getattr(resource, name))
    return found


def _read_method(name: str, method: Any) -> Method:
    parameters = inspect.signature(method).parameters
    options = {one.name for one in parameters.values() if one.kind is inspect.Parameter.VAR_KEYWORD}
    writes = tuple(WriteOptions.__annotations__) if options else ()
    names = [name for name in parameters if name not in options | NOT_FOR_THE_SERVER]
    defaulted = {name for name in names if parameters[name].default is not inspect.Parameter.empty}
    return Method(name, (*names, *writes), frozenset(defaulted) | {*writes})


def operation_of(request: Request) -> Operation:
    path = request.url.removeprefix(API.base_url)
    fitting = [one for one in operations().values() if one.method == request.method and one.path.fullmatch(path)]
    # A path without parameters counts more: /opt-outs/near-misses.
    return min(fitting, key=lambda one: "[^/]+" in one.path.pattern)


@cache
def methods_by_operation() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, method in methods().items():
        operation = operation_of(method.call(method.samples()[0]).request)
        found.setdefault(operation.name, []).append(name)
    return found


@cache
def method_of(operation: str) -> Method:
    (name,) = [name for name in methods_by_operation()[operation] if name not in REPEATS]
    return methods()[name]


CALLED = sorted(operations().keys() - WITHOUT_METHOD.keys())
ANSWERED = [name for name in CALLED if operations()[name].answer is not None]


# ---- methods ------------------------------------------------------------------------------------------


@each("operation", CALLED)
def test_every_operation_has_one_method(operation: str) -> None:
    names = [name for name in methods_by_operation().get(operation, []) if name not in REPEATS]
    assert len(names) == 1, f"{operation} has the methods {names}"


def test_what_is_excepted_is_there_to_be_excepted() -> None:
    assert operations().keys() >= {*WITHOUT_METHOD, *NOT_SENT, *DROPPED}
    assert not WITHOUT_METHOD.keys() & methods_by_operation().keys()
    for name, dropped in DROPPED.items():
        assert (operations()[name].answer or {})["properties"].keys() > dropped.keys()
    for name, left in NOT_SENT.items():
        assert operations()[name].parameters >= left.keys()


@pytest.mark.parametrize(("repeating", "repeated"), REPEATS.items())
def test_a_method_that_repeats_another_makes_the_same_call(repeating: str, repeated: str) -> None:
    first, second = (methods()[name].call(methods()[name].samples()[0]).request for name in (repeating, repeated))
    assert operation_of(first).name == operation_of(second).name


@each("operation", CALLED)
def test_a_method_has_the_parameters_of_its_operation(operation: str) -> None:
    documented, method = operations()[operation], method_of(operation)
    sent = {name for given in method.samples() for name in _names(method.call(given).request)}
    assert sent - documented.parameters == set(), "sent, and not in the document"
    assert documented.parameters - sent == {*NOT_SENT.get(operation, ()), *NEVER_SENT} & documented.parameters


@each("operation", CALLED)
def test_what_a_method_sends_fits_the_document(operation: str) -> None:
    documented, method = operations()[operation], method_of(operation)
    for given in method.samples():
        request = method.call(given).request
        if request.headers.get("content-type") == "application/json":
            assert isinstance(request.content, bytes)
            Draft202012Validator(documented.body).validate(json.loads(request.content))
        for name, value in _query(request, documented).items():
            Draft202012Validator(documented.query[name]).validate(value)
        for name in documented.headers.keys() & request.headers.keys():
            Draft202012Validator(documented.headers[name]).validate(request.headers[name])


@each("name", sorted(methods()))
def test_each_optional_parameter_changes_what_is_sent(name: str) -> None:
    method = methods()[name]
    given = method.samples()[0]
    everything = _written(method.call(given).request)
    for parameter in method.optional & given.keys():
        less = {name: value for name, value in given.items() if name != parameter}
        assert _written(method.call(less).request) != everything, parameter


def test_the_words_that_a_method_takes_are_those_of_its_operation() -> None:
    compared = 0
    for operation in CALLED:
        documented, method = operations()[operation], method_of(operation)
        for name, hint in method.hints().items():
            words = {word for one in (hint, *get_args(hint)) if get_origin(one) is Literal for word in get_args(one)}
            if words:
                wire = WRITTEN.get(name, name)
                schema = documented.body.get("properties", {}).get(wire) or documented.query[wire]
                schema = schema.get("items", schema)
                # A list of words in one text has a pattern, not an enum.
                named = set(schema.get("enum") or re.findall("[a-z_]+", schema["pattern"])) - {"", None}
                assert words > named if (operation, name) in TAKES_MORE else words == named, f"{method.name} {name}"
                compared += 1
    assert compared > 20


def _names(request: Request) -> set[str]:
    """What a request names: fields of the query and the body, and headers that the document knows as parameters."""
    names = {name for name, _ in request.query} | (request.headers.keys() & {"idempotency-key", "if-match"})
    if request.headers.get("content-type") == "application/json":
        assert isinstance(request.content, bytes)
        names |= json.loads(request.content).keys()
    return names


def _query(request: Request, documented: Operation) -> dict[str, Any]:
    """The query's values as the document's types."""
    values: dict[str, Any] = {}
    for name, text in request.query:
        kind = documented.query[name].get("type")
        if kind == "array":
            values.setdefault(name, []).append(text)
        else:
            values[name] = int(text) if kind == "integer" else text == "true" if kind == "boolean" else text
    return values


def _written(request: Request) -> tuple[object, ...]:
    """A request without the key that the client makes up."""
    headers = request.headers | ({} if request.headers.get("idempotency-key") == "key 1" else {"idempotency-key": ""})
    return request.query, request.content, headers


# ---- records ------------------------------------------------------------------------------------------


class Comparison:
    """Compares answers with the records that were made of them, and notes which fields an answer had."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()

    def compare(self, answered: Any, found: Any, at: str) -> None:
        if isinstance(found, Record):
            self._compare_record(answered, found, at)
        elif isinstance(answered, list):
            assert len(answered) == len(found), at
            for number, (one, other) in enumerate(zip(answered, found, strict=True)):
                self.compare(one, other, f"{at}.{number}")
        elif isinstance(found, datetime):
            assert found == datetime.fromisoformat(answered), at
        else:
            assert (type(found), found) == (type(answered), answered), at

    def _compare_record(self, answered: Node, found: Record, at: str) -> None:
        names = {field.encode_name: field.name for field in fields(found)}
        answered = {name if name in names else RENAMED.get(name, name): value for name, value in answered.items()}
        for name, value in answered.items():
            assert name in names, f"{at}.{name} is in the answer, and {type(found).__name__} has no such field"
            self.seen.add((type(found).__name__, names[name]))
            self.compare(value, getattr(found, names[name]), f"{at}.{name}")
        for name in names.keys() - answered.keys():
            assert not getattr(found, names[name]), f"{at}.{name} is not in the answer"


def _result_of(answer: Any, operation: str, result: object) -> Any:
    """The part of an answer that is the result: a member that is alone is it."""
    kept = {name: value for name, value in answer.items() if name not in DROPPED.get(operation, ())}
    if operation in NEXT_TO:
        name, other = NEXT_TO[operation]
        kept[name] |= {other: kept.pop(other)} if other in kept else {}
    if isinstance(result, Page):
        return {"items" if isinstance(value, list) else name: value for name, value in kept.items()}
    (alone, *others) = kept.values()
    return alone if not others and isinstance(alone, dict | list) else kept


def _answers(schema: Node) -> Iterable[Any]:
    """The least that fits a schema, and four that have everything."""
    yield Sampler(full=False).value(schema)
    for turn in range(4):
        yield Sampler(full=True, turn=turn).value(schema)


def _compare_answers(operation: str, comparison: Comparison) -> None:
    schema, method = operations()[operation].answer, method_of(operation)
    assert schema is not None
    for answer in _answers(schema):
        sent = method.call(method.samples()[0], Probe(msgspec.json.encode(answer)))
        comparison.compare(_result_of(answer, operation, sent.result), sent.result, operation)


@each("operation", ANSWERED)
def test_a_record_has_every_member_of_its_answer(operation: str) -> None:
    _compare_answers(operation, Comparison())


def test_every_field_of_every_record_is_in_some_answer() -> None:
    comparison = Comparison()
    for operation in ANSWERED:
        _compare_answers(operation, comparison)
    _compare_lines(comparison)
    known = {
        (kind.__name__, field.name)
        for module in RECORDS
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Record)
        and kind not in (Record, records.RecordedFact, records.NumberedPage, records.Consent)
        for field in fields(kind)
        if field.name not in FROM_HEADERS
    }
    assert known - comparison.seen == set()


def test_records_have_every_member_of_streamed_lines() -> None:
    _compare_lines(Comparison())


def _compare_lines(comparison: Comparison) -> None:
    member, end = (Sampler(full=True).value(line) for line in operations()["streamAudience"].lines)
    ends: list[AudienceEnd] = []
    lines = b"".join(msgspec.json.encode(line) + b"\n" for line in (member, end))
    stream = method_of("streamAudience")
    sent = stream.call(stream.samples()[0] | {"on_end": ends.append}, Probe(lines))
    comparison.compare([member], sent.result, "audiences.stream")
    del end["end"]  # The mark of the last line, for the client.
    comparison.compare(end, ends[0], "audiences.stream")
    begun, row, end, cut = (Sampler(full=True).value(line) for line in operations()["streamContacts"].lines)
    assert cut.keys() >= {"error_code", "message", "retryable"}
    # The counts of the last line are those of the import, which has them.
    assert end["counts"].keys() <= {name for (name,) in zip(end["counts"], strict=True)}
    row["row"] = 1
    lines = b"".join(msgspec.json.encode(line) + b"\n" for line in (begun, row, end))
    stream = method_of("streamContacts")
    sent = stream.call(stream.samples()[0] | {"contacts": [{"mobile": row["mobile"]}]}, Probe(lines))
    comparison.compare([row | begun], sent.result, "contacts.stream")


@pytest.mark.parametrize("operation", ["getContact", "updateContact"])
def test_a_record_has_the_version_that_the_header_names(operation: str) -> None:
    schema, method = operations()[operation].answer, method_of(operation)
    assert schema is not None
    body = msgspec.json.encode(Sampler(full=False).value(schema))
    sent = method.call(method.samples()[0], Probe(body, {"etag": '"0c7e"'}))
    assert sent.result.etag == '"0c7e"'


def test_the_client_names_the_types_of_changes_that_the_server_has() -> None:
    assert get_args(ChangeType) == CHANGE_TYPES
