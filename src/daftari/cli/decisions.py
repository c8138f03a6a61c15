"""``daftari may-message``: may these numbers be messaged, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer
from msgspec import Struct

from daftari.cli.terminal.options import (
    ConfigOption,
    DatabaseOption,
    JsonOption,
    ProjectOption,
    chosen_project,
    examples,
    opened_store,
)
from daftari.cli.terminal.output import NOT_ALLOWED, WRONG_USAGE, fail, print_list
from daftari.cli.terminal.scope import PurposeOption, QuestionChannelOption, SenderOption, read_moment, read_question
from daftari.model.limits import FACTS_PER_CALL_MAX
from daftari.model.time import current_time
from daftari.rules.consent.questions import Asked, may_message, read_mobiles

EPILOG = examples(
    "daftari may-message 0722000000 --project Shopify --channel sms",
    "daftari may-message 0722000000 0733000000 --channel whatsapp --purpose marketing --json",
    "daftari may-message 0722000000 --channel sms --at 2026-11-01T19:00:00+03:00",
    note="Exit codes: 0 all may be messaged, 1 failed, 2 wrong usage, 3 somebody may not.",
)


class _Reason(Struct, frozen=True):
    text: str


class _Answer(Struct, frozen=True):
    mobile: str
    allowed: bool
    reasons: tuple[_Reason, ...]


_read_answers = msgspec.json.Decoder(list[_Answer]).decode


def ask(
    numbers: Annotated[list[str], typer.Argument(metavar="NUMBER...", help="Numbers, as people write them.")],
    channel: QuestionChannelOption,
    project: ProjectOption = None,
    sender: SenderOption = None,
    purpose: PurposeOption = None,
    keyword: Annotated[
        str | None, typer.Option("--keyword", metavar="WORD", help="The paid service, on premium_sms.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="When it is to be sent; only then are quiet hours looked at."),
    ] = None,
    known_at: Annotated[
        str | None, typer.Option("--known-at", metavar="TIME", help="Answer from what was known at this time.")
    ] = None,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Say whether numbers may be messaged, and why, in sentences."""
    if len(numbers) > FACTS_PER_CALL_MAX:
        raise fail(f"At most {FACTS_PER_CALL_MAX:,} numbers can be asked about at once.", code=WRONG_USAGE)
    question = read_question(channel=channel, sender=sender, purpose=purpose, keyword=keyword)
    moment, known = read_moment("--at", at), read_moment("--known-at", known_at)
    with opened_store(config, database) as store:
        chosen = chosen_project(store, project)
        mobiles = read_mobiles(numbers, region=chosen.region)
        asked = Asked(question, mobiles, ids=(), at=moment, known_at=known, region=chosen.region)
        answers = store.read(chosen, current_time(), may_message, asked=asked)
    _print(msgspec.json.encode(answers), as_json=as_json)


def _print(answers: bytes, *, as_json: bool) -> None:
    read = _read_answers(answers)
    if as_json:
        typer.echo(msgspec.json.format(answers, indent=2).decode())
    else:
        print_list(("mobile", "allowed", "reasons"), _rows(read), as_json=False)
    if not all(answer.allowed for answer in read):
        raise typer.Exit(NOT_ALLOWED)


def _rows(answers: Sequence[_Answer]) -> list[tuple[str, str, str]]:
    return [
        (answer.mobile, "yes" if answer.allowed else "no", " ".join(reason.text for reason in answer.reasons))
        for answer in answers
    ]
