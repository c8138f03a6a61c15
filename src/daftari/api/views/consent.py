"""What the calls about consent, a number's export and its erasure answer."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from daftari.model.consent import FactOutcome
from daftari.model.limits import FACTS_PER_CALL_MAX, OPT_OUTS_PER_PAGE_MAX
from daftari.model.members import Count, Cursor, Errors, GroupName, Number
from daftari.rules.consent.facts import NearMissView
from daftari.rules.consent.views import Judgement, NumberConsent, OptOut
from daftari.rules.erasure.erase import RemovedCounts
from daftari.rules.erasure.subject_export import SubjectExport

Recorded = Annotated[int, Meta(ge=0, description="Rows that were recorded.")]
Unchanged = Annotated[int, Meta(ge=0, description="Rows that were known already.")]
Invalid = Annotated[
    int,
    Meta(ge=0, description="Rows that cannot be read. The good ones are always recorded."),
]
Results = Annotated[
    list[FactOutcome],
    Meta(
        max_length=FACTS_PER_CALL_MAX,
        description="The outcome of each row, in order. Only when `results` was asked for.",
    ),
]


class OptOutsCreated(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="message", tag="Opt-outs recorded successfully"
):
    """What the call did. recorded + unchanged + refused + invalid is the number of rows."""

    recorded: Recorded
    unchanged: Unchanged
    refused: Count
    """Always 0 for opt-outs."""
    invalid: Invalid
    left_groups: Annotated[tuple[GroupName, ...], Meta(extra_json_schema={"uniqueItems": True})]
    """The groups that some number left because of this call."""
    results: Results | None = None
    errors: Errors | None = None
    """What is wrong with the invalid rows, by the row's place, as in `items.3.mobile`. Only when there are such rows
    and `results` was not asked for."""


class OptInsCreated(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="message", tag="Opt-ins recorded successfully"
):
    """What the call did. recorded + unchanged + refused + invalid is the number of rows."""

    recorded: Recorded
    unchanged: Unchanged
    refused: Count
    """Opt-ins given in bulk that meet a person's own opt-out. They are kept, and lift nothing."""
    invalid: Invalid
    results: Results | None = None
    errors: Errors | None = None
    """What is wrong with the invalid rows, by the row's place, as in `items.3.mobile`. Only when there are such rows
    and `results` was not asked for."""


class OptOutList(Struct, frozen=True):
    opt_outs: Annotated[list[OptOut], Meta(max_length=OPT_OUTS_PER_PAGE_MAX)]
    """Opt-outs in force, in the order in which they were recorded."""
    next: Cursor | None
    """What to send as `after` for the opt-outs that follow; `null` when these are the last."""


class NearMissList(Struct, frozen=True):
    near_misses: Annotated[list[NearMissView], Meta(max_length=OPT_OUTS_PER_PAGE_MAX)]
    """Who tried, the most tries first."""


class Judgements(Struct, frozen=True):
    results: Annotated[list[Judgement], Meta(min_length=1, max_length=FACTS_PER_CALL_MAX)]
    """One answer for each number, in the order asked: mobiles, then ids."""


class ConsentAnswer(Struct, frozen=True):
    consent: NumberConsent


class NumberErased(Struct, frozen=True, tag_field="message", tag="Number erased successfully"):
    id: Number
    """The erasure's number in its project."""
    removed: RemovedCounts


class SubjectExportAnswer(Struct, frozen=True):
    export: SubjectExport
