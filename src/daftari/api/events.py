"""The call that reports events. Knows nothing about what they do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice

from daftari.api.missing import note_missing
from daftari.api.views.events import EventsRecorded
from daftari.errors import ValidationFailed
from daftari.model.limits import ERRORS_MAX
from daftari.rules.triggers import events
from daftari.rules.triggers.events import EventOutcome
from daftari.web.requests import Request
from daftari.web.responses import Response, json_response

FIELDS = ("name", "mobile", "key", "at", "fields")
"""What one event is given as; together with ``events``, what all of them have in common."""
EXAMPLE = '{"name": "cart", "mobile": "0722000001", "key": "cart-7"}'


def record_events(request: Request) -> Response:
    """``POST /v1/events``: one event, or up to a thousand."""
    params = request.params
    results = params.flag("results")
    items = params.items("events")
    common = {field: given for field in FIELDS if (given := params.given(field)) is not None}
    is_one = not items and "mobile" in common
    if not items and not is_one and not params.problems:
        note_missing(params, "mobile", members=("contacts", "contact"), example=EXAMPLE)
    params.refuse_wrong()
    region = request.project.region
    read = params.problems.read_part(
        lambda: events.read_events([{}] if is_one else items, common=common, region=region)
    )
    given = params.problems.require(read)
    if is_one and given.invalid:
        raise ValidationFailed(given.invalid[0])

    def write_outcomes(outcomes: Sequence[EventOutcome]) -> Response:
        if is_one and outcomes[0].errors:
            return request.refuse(ValidationFailed(outcomes[0].errors))
        return _write_outcomes(outcomes, results)

    return request.write(events.record_events, write_outcomes, given=given)


def _write_outcomes(outcomes: Sequence[EventOutcome], results: bool) -> Response:
    counts = Counter(one.outcome for one in outcomes)
    wrong = ((f"events.{one.index}.{name}", said) for one in outcomes for name, said in (one.errors or {}).items())
    shown = EventsRecorded(
        recorded=counts["recorded"],
        duplicate=counts["duplicate"],
        invalid=counts["invalid"],
        messages=[message for one in outcomes for message in one.messages],
        results=[*outcomes] if results else None,
        errors=dict(islice(wrong, ERRORS_MAX)) if counts["invalid"] and not results else None,
    )
    return json_response(shown, status=201 if counts["recorded"] else 200)
