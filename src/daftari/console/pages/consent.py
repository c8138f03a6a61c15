"""May I message…? One to a hundred numbers, each with its answer and the fact that decides."""

from __future__ import annotations

import re
from functools import partial

from msgspec.structs import replace

from daftari.console.forms import Refusal
from daftari.console.page import Page
from daftari.console.pages.consent_forms import SCOPE, list_sender_names, read_moment
from daftari.errors import ValidationFailed
from daftari.model.consent import ANY, CHANNELS
from daftari.rules.consent import facts
from daftari.rules.consent.counts import OptOutCount, count_opt_outs
from daftari.rules.consent.decisions import Question
from daftari.rules.consent.questions import Asked, read_mobiles
from daftari.rules.consent.state import fold_sender
from daftari.rules.fields import read_time
from daftari.rules.people.person import find_authors
from daftari.rules.people.questions import Answered, answer
from daftari.web.responses import Response

NUMBERS_MAX = 100
COUNTS_SHOWN = 50
_BETWEEN = re.compile(r"[\r\n\t,;]+")


def show(page: Page) -> Response:
    """``GET /p/{project}/consent``."""
    asked, answers, status = None, list[Answered](), 200
    if not {"mobiles", *SCOPE}.isdisjoint(page.params.names_given):
        try:
            asked = _read_asked(page)
            answers = page.read(answer, asked=asked)
        except ValidationFailed as error:
            page.refusal = Refusal(page.params, error)
            status = 422
    senders = list_sender_names(page)
    counts = page.read(count_opt_outs)
    deciding = [fact for one in answers for fact in one.facts]
    user_ids = {fact.user_id for fact in deciding if fact.user_id is not None}
    key_ids = {fact.key_id for fact in deciding if fact.key_id is not None}
    return page.show(
        "consent_ask.html",
        status=status,
        section="/consent",
        form=page.form(**_fill(page)),
        senders=senders,
        asked=asked,
        answers=answers,
        authors=page.read(find_authors, user_ids=user_ids, key_ids=key_ids),
        counts=None if counts is None else _name_senders(counts[:COUNTS_SHOWN], senders),
        more_counts=0 if counts is None else max(0, len(counts) - COUNTS_SHOWN),
    )


def _fill(page: Page) -> dict[str, object]:
    given = page.params.given
    return {
        "mobiles": "\n".join(_split(page)),
        "channel": given("channel") or CHANNELS[0],
        "sender": given("sender") or "",
        "purpose": given("purpose") or ("" if page.params.names_given else "marketing"),
        "at": given("at") or "",
    }


def _split(page: Page) -> list[str]:
    """The numbers as they were typed: one a line, or with commas or semicolons between."""
    typed = "\n".join(page.params.texts("mobiles"))
    return [one for one in map(str.strip, _BETWEEN.split(typed)) if one]


def _read_asked(page: Page) -> Asked:
    """The question. Raises ``ValidationFailed``."""
    params, region = page.params, page.require_project().region
    written = _split(page)
    if not written:
        params.problems.add("mobiles", "is required.")
    elif len(written) > NUMBERS_MAX:
        params.problems.add("mobiles", f"must not have more than {NUMBERS_MAX} items.")
    channel = params.choice("channel", CHANNELS, default=CHANNELS[0])
    sender = params.problems.read("sender", params.given("sender"), facts.read_sender) or ANY
    purpose = params.problems.read("purpose", params.given("purpose"), facts.read_purpose) or ANY
    moment = read_moment(page)
    at = params.problems.read("at", moment, partial(read_time, now=None)) if moment else None
    params.refuse_wrong()
    question = Question(channel, sender, purpose)
    return Asked(question, read_mobiles(written, region=region), (), at=at, known_at=None, region=region)


def _name_senders(counts: list[OptOutCount], senders: list[str]) -> list[OptOutCount]:
    """The counts with the project's own senders as they are written."""
    names = {fold_sender(name): name for name in senders}
    return [
        replace(one, blocked=replace(one.blocked, scope=replace(scope, sender=names.get(scope.sender, scope.sender))))
        for one in counts
        for scope in (one.blocked.scope,)
    ]
