"""The calls about consent: opt-outs, opt-ins, questions, a number's history, its export and its erasure.

Knows neither how a fact is stored nor which fact overrides which.
"""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import Any

from daftari.api.missing import note_missing
from daftari.api.pagination import read_cursor, write_cursor
from daftari.api.views.consent import (
    ConsentAnswer,
    Judgements,
    NearMissList,
    NumberErased,
    OptInsCreated,
    OptOutList,
    OptOutsCreated,
    SubjectExportAnswer,
)
from daftari.model.consent import ANY, CHANNELS, Scope
from daftari.model.limits import ERRORS_MAX, FACTS_PER_CALL_MAX, OPT_OUTS_PER_PAGE_MAX, SENDER_MAX
from daftari.rules.consent import facts, questions
from daftari.rules.consent.decisions import Question
from daftari.rules.erasure import erase, subject_export
from daftari.rules.numbers import Reference, read_number
from daftari.web.params import Params, read_listed_id
from daftari.web.requests import Request
from daftari.web.responses import Response, json_response

COMMON_FIELDS = ("channel", "sender", "purpose", "at", "source", "evidence", "override")
"""Fields that apply to all numbers of a call."""
CONTACTS = ("contacts", "contact")
"""Fields of other calls in which numbers stand."""
MOBILES_EXAMPLE = '{"mobiles": ["0722000001"]}'


# ---- facts ----------------------------------------------------------------------------------------------


def create_opt_outs(request: Request) -> Response:
    """``POST /v1/opt-outs``."""
    return _create_facts(request, kind="opt_out")


def create_opt_ins(request: Request) -> Response:
    """``POST /v1/opt-ins``."""
    return _create_facts(request, kind="opt_in")


def _create_facts(request: Request, *, kind: facts.Kind) -> Response:
    params = request.params
    results = params.flag("results")
    one = params.given("mobile")
    # Many programs write several into the one field, and no opt-out of them may be lost.
    items = params.items("mobile") if isinstance(one, str | list) else [] if one is None else [one]
    items += params.items("mobiles") + params.items("items")
    if not items and not params.problems:
        note_missing(params, "mobiles", members=("mobile", *CONTACTS), example=MOBILES_EXAMPLE)
    params.refuse_wrong()
    common = {field: params.given(field) for field in COMMON_FIELDS}
    region, now = request.project.region, request.now
    given = params.problems.read_part(
        lambda: facts.read_facts(items, common=common, kind=kind, writer="api", region=region, now=now)
    )
    given = params.problems.require(given)
    return request.write(
        facts.record_given,
        lambda outcome: _write_outcome(outcome, kind=kind, results=results),
        given=given,
        kind=kind,
    )


def _write_outcome(outcome: facts.FactsOutcome, *, kind: facts.Kind, results: bool) -> Response:
    members: dict[str, Any] = {**outcome.counts, "results": outcome.rows if results else None}
    if outcome.counts["invalid"] and not results:
        wrong = (
            (f"items.{row.index}.{name}", said) for row in outcome.rows for name, said in (row.errors or {}).items()
        )
        members["errors"] = dict(islice(wrong, ERRORS_MAX))
    if kind == "opt_out":
        return json_response(OptOutsCreated(**members, left_groups=outcome.left_groups))
    return json_response(OptInsCreated(**members))


def list_opt_outs(request: Request) -> Response:
    """``GET /v1/opt-outs``: from the cursor ``after`` on, in the order of recording."""
    params = request.params
    scope = read_scope(params)
    since = params.any_moment("since")
    after, limit = read_cursor(params, most=OPT_OUTS_PER_PAGE_MAX)
    params.refuse_wrong()
    page = request.read(facts.list_opt_outs, scope=scope, since=since, after=after, limit=limit)
    return json_response(OptOutList(page.opt_outs, write_cursor(page.following)))


def list_near_misses(request: Request) -> Response:
    """``GET /v1/opt-outs/near-misses``."""
    limit = request.params.whole("limit", default=OPT_OUTS_PER_PAGE_MAX, most=OPT_OUTS_PER_PAGE_MAX)
    request.params.refuse_wrong()
    return json_response(NearMissList(request.read(facts.list_near_misses, limit=limit)))


# ---- questions ------------------------------------------------------------------------------------------


def may_message(request: Request) -> Response:
    """``POST /v1/can-message``."""
    params = request.params
    question = read_question(params)
    at, known_at = params.any_moment("at"), params.any_moment("known_at")
    mobiles, ids = params.items("mobiles"), _read_ids(params)
    if not mobiles and not ids and not params.problems.has("mobiles"):
        note_missing(params, "mobiles", members={"mobile", *CONTACTS}, example=MOBILES_EXAMPLE)
    if len(mobiles) + len(ids) > FACTS_PER_CALL_MAX:
        params.problems.add("mobiles", f"must not have more than {FACTS_PER_CALL_MAX} items, those of ids included.")
    params.refuse_wrong()
    region = request.project.region
    asked = questions.Asked(
        question, questions.read_mobiles(mobiles, region=region), ids, at=at, known_at=known_at, region=region
    )
    answers = request.read(questions.may_message, asked=asked)
    return json_response(Judgements(answers))


def show_consent(request: Request, reference: str) -> Response:
    """``GET /v1/contacts/{id or mobile}/consent``."""
    request.params.refuse_wrong()
    shown = request.read(questions.show_consent, reference=Reference(reference, request.project.region))
    return json_response(ConsentAnswer(shown))


def read_question(params: Params) -> Question:
    """What is to be sent: a channel, and optionally sender, purpose and keyword."""
    channel = params.choice("channel", CHANNELS, default="")
    if not channel and not params.problems.has("channel"):
        params.problems.add("channel", f"is required, and must be one of: {', '.join(CHANNELS)}.")
    keyword = params.text("keyword", most=SENDER_MAX)
    return Question(channel or CHANNELS[0], _read_sender(params), _read_purpose(params), keyword or "")


def read_scope(params: Params) -> Scope:
    """Channel, sender and purpose, all of them optional."""
    channel = params.problems.read("channel", params.given("channel"), facts.read_channel)
    return Scope(channel or ANY, _read_sender(params), _read_purpose(params))


def _read_sender(params: Params) -> str:
    return params.problems.read("sender", params.given("sender"), facts.read_sender) or ANY


def _read_purpose(params: Params) -> str:
    return params.problems.read("purpose", params.given("purpose"), facts.read_purpose) or ANY


def _read_ids(params: Params) -> list[int | str]:
    """Ids, and as texts those that no contact can have: each gets its answer, and none fails the others."""
    ids: list[int | str] = []
    for item in params.items("ids"):
        number = read_listed_id(item)
        ids.append(questions.written(item) if number is None else number)
    return ids


# ---- a person's rights ----------------------------------------------------------------------------------


def erase_number(request: Request) -> Response:
    """``POST /v1/erasures``."""
    params = request.params
    number = None
    if params.given("mobile") is None:
        note_missing(params, "mobile", members={"mobiles", *CONTACTS}, example='{"mobile": "0722000001"}')
    else:
        number = params.problems.read(
            "mobile", params.given("mobile"), partial(read_number, region=request.project.region)
        )
    number = params.problems.require(number)
    return request.write(erase.erase_number, _write_erased, mobile=number.number, digits=number.digits)


def _write_erased(erased: erase.Erasure) -> Response:
    return json_response(NumberErased(erased.id, erased.removed), status=201)


def export_number(request: Request, reference: str) -> Response:
    """``GET /v1/contacts/{id or mobile}/export``."""
    request.params.refuse_wrong()
    named = Reference(reference, request.project.region)
    return json_response(SubjectExportAnswer(request.read(subject_export.export_number, reference=named)))
