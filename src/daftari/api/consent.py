"""The calls about consent: opt-outs, opt-ins, questions, a number's history, its export and its erasure.

This room must not know how a fact is stored, nor which facts lift which.
"""

from __future__ import annotations

from functools import partial
from itertools import islice

import msgspec

from daftari.model.consent import ANY, CHANNELS, Scope
from daftari.model.limits import ERRORS_MAX, FACTS_PER_CALL_MAX, ID_MAX, OPT_OUTS_PER_PAGE_MAX, SENDER_MAX
from daftari.rules import fields
from daftari.rules.consent import facts, questions
from daftari.rules.consent.decisions import Question
from daftari.rules.erasure import erase, subject_export
from daftari.rules.fields import Reference
from daftari.web.params import Params, read_whole
from daftari.web.requests import Call, Handled

COMMON_FIELDS = ("channel", "sender", "purpose", "at", "source", "evidence", "override")
"""What may be said once for all numbers of a call."""

_encode = msgspec.json.encode


# ---- facts ----------------------------------------------------------------------------------------------


def create_opt_outs(call: Call) -> Handled:
    """``POST /v1/opt-outs``."""
    return _create_facts(call, kind="opt_out", message="Opt-outs recorded successfully")


def create_opt_ins(call: Call) -> Handled:
    """``POST /v1/opt-ins``."""
    return _create_facts(call, kind="opt_in", message="Opt-ins recorded successfully")


def _create_facts(call: Call, *, kind: facts.Kind, message: str) -> Handled:
    params = call.params
    results = params.flag("results")
    items: list[object] = [one] if (one := params.given("mobile")) is not None else []
    items += params.items("mobiles") + params.items("items")
    common = {field: params.given(field) for field in COMMON_FIELDS}
    region, now = call.project.region, call.now
    given = params.problems.read_part(lambda: facts.read_facts(items, common=common, kind=kind, region=region, now=now))
    given = params.problems.require(given)
    return call.write(
        facts.record_given,
        lambda outcome: (200, _write_outcome(outcome, kind=kind, message=message, results=results)),
        given=given,
        kind=kind,
    )


def _write_outcome(outcome: facts.FactsOutcome, *, kind: facts.Kind, message: str, results: bool) -> bytes:
    answer: dict[str, object] = {"message": message, **outcome.counts}
    if kind == "opt_out":
        answer["left_groups"] = outcome.left_groups
    if results:
        answer["results"] = outcome.rows
    elif outcome.counts["invalid"]:
        wrong = (
            (f"items.{row.index}.{name}", said) for row in outcome.rows for name, said in (row.errors or {}).items()
        )
        answer["errors"] = dict(islice(wrong, ERRORS_MAX))
    return _encode(answer)


def list_opt_outs(call: Call) -> tuple[int, bytes]:
    """``GET /v1/opt-outs``: from the cursor ``after`` on, in the order of recording."""
    params = call.params
    scope = read_scope(params)
    since = params.any_moment("since")
    after = params.cursor("after")
    limit = params.whole("limit", default=OPT_OUTS_PER_PAGE_MAX, most=OPT_OUTS_PER_PAGE_MAX)
    params.refuse_wrong()
    page = call.read(facts.list_opt_outs, scope=scope, since=since, after=after, limit=limit)
    return 200, _encode({"opt_outs": page.opt_outs, "next": _cursor(page.following)})


def list_near_misses(call: Call) -> tuple[int, bytes]:
    """``GET /v1/opt-outs/near-misses``."""
    limit = call.params.whole("limit", default=OPT_OUTS_PER_PAGE_MAX, most=OPT_OUTS_PER_PAGE_MAX)
    call.params.refuse_wrong()
    return 200, _encode({"near_misses": call.read(facts.list_near_misses, limit=limit)})


# ---- questions ------------------------------------------------------------------------------------------


def may_message(call: Call) -> tuple[int, bytes]:
    """``POST /v1/can-message``."""
    params = call.params
    question = read_question(params)
    at, known_at = params.any_moment("at"), params.any_moment("known_at")
    mobiles, ids = params.items("mobiles"), _read_ids(params)
    if not mobiles and not ids:
        params.problems.add("mobiles", "is required.")
    if len(mobiles) + len(ids) > FACTS_PER_CALL_MAX:
        params.problems.add("mobiles", f"must not have more than {FACTS_PER_CALL_MAX} items, those of ids included.")
    params.refuse_wrong()
    region = call.project.region
    asked = questions.Asked(
        question, questions.read_mobiles(mobiles, region=region), ids, at=at, known_at=known_at, region=region
    )
    answers = call.read(questions.may_message, asked=asked)
    return 200, b'{"results":[%b]}' % b",".join(answers)


def show_consent(call: Call, reference: str) -> tuple[int, bytes]:
    """``GET /v1/contacts/{id or mobile}/consent``."""
    call.params.refuse_wrong()
    shown = call.read(questions.show_consent, reference=Reference(reference, call.project.region))
    return 200, _encode({"consent": shown})


def read_question(params: Params) -> Question:
    """What is to be sent: a channel, and perhaps sender, purpose and keyword."""
    channel = params.choice("channel", CHANNELS, default="")
    if not channel and not params.problems.has("channel"):
        params.problems.add("channel", f"is required, and must be one of: {', '.join(CHANNELS)}.")
    keyword = params.text("keyword", most=SENDER_MAX)
    return Question(channel or CHANNELS[0], _read_sender(params), _read_purpose(params), keyword or "")


def read_scope(params: Params) -> Scope:
    """Channel, sender and purpose, each of which may be absent."""
    channel = params.problems.read("channel", params.given("channel"), facts.read_channel)
    return Scope(channel or ANY, _read_sender(params), _read_purpose(params))


def _read_sender(params: Params) -> str:
    return params.problems.read("sender", params.given("sender"), facts.read_sender) or ANY


def _read_purpose(params: Params) -> str:
    return params.problems.read("purpose", params.given("purpose"), facts.read_purpose) or ANY


def _read_ids(params: Params) -> list[int | str]:
    """Ids, and as texts those that can be nobody's: each gets its answer, and none fails the others."""
    ids: list[int | str] = []
    for item in params.items("ids"):
        number = read_whole(item)
        possible = number is not None and 0 <= number <= ID_MAX
        ids.append(number if number is not None and possible else questions.written(item))
    return ids


def _cursor(following: int | None) -> str | None:
    return None if following is None else str(following)


# ---- a person's rights ----------------------------------------------------------------------------------


def erase_number(call: Call) -> Handled:
    """``POST /v1/erasures``."""
    params = call.params
    mobile = params.problems.read(
        "mobile", params.given("mobile"), partial(fields.read_number, region=call.project.region)
    )
    mobile = params.problems.require(mobile)
    return call.write(erase.erase_number, _write_erased, mobile=mobile)


def _write_erased(erased: erase.Erasure) -> Handled:
    return 201, _encode({"message": "Number erased successfully", "id": erased.id, "removed": erased.removed})


def export_number(call: Call, reference: str) -> tuple[int, bytes]:
    """``GET /v1/contacts/{id or mobile}/export``."""
    call.params.refuse_wrong()
    named = Reference(reference, call.project.region)
    return 200, _encode({"export": call.read(subject_export.export_number, reference=named)})
