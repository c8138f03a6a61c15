"""``daftari may-message``: whether numbers may be messaged, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from daftari.cli.terminal.commands import command, command_group
from daftari.cli.terminal.options import JsonOption, ProjectOptions
from daftari.cli.terminal.output import NOT_ALLOWED, WRONG_USAGE, fail, print_json, print_list
from daftari.cli.terminal.scope import QuestionOptions, read_moment
from daftari.model.limits import FACTS_PER_CALL_MAX
from daftari.model.time import current_time

app = command_group()


@command(
    app,
    "may-message",
    "daftari may-message 0722000000 --project Shopify --channel sms",
    "daftari may-message 0722000000 0733000000 --channel whatsapp --purpose marketing --json",
    "daftari may-message 0722000000 --channel sms --at 2026-11-01T19:00:00+03:00",
    note="Exit codes: 0 all may be messaged, 1 failed, 2 wrong usage, 3 at least one may not.",
)
def ask(
    numbers: Annotated[list[str], typer.Argument(metavar="NUMBER...", help="Phone numbers.")],
    *,
    question: QuestionOptions,
    keyword: Annotated[
        str | None, typer.Option("--keyword", metavar="WORD", help="The paid service, for premium_sms.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="When it will be sent. Only with it are quiet hours checked."),
    ] = None,
    known_at: Annotated[
        str | None, typer.Option("--known-at", metavar="TIME", help="Answer with what was known at this time.")
    ] = None,
    as_json: JsonOption = False,
    where: ProjectOptions,
) -> None:
    """Say whether numbers may be messaged, and why."""
    from daftari.rules.consent.questions import Asked, may_message, read_mobiles

    if len(numbers) > FACTS_PER_CALL_MAX:
        raise fail(f"At most {FACTS_PER_CALL_MAX:,} numbers can be given at once.", code=WRONG_USAGE)
    asked = question.read(keyword=keyword)
    moment, known = read_moment("--at", at), read_moment("--known-at", known_at)
    with where.open_project() as (store, project):
        mobiles = read_mobiles(numbers, region=project.region)
        whole = Asked(asked, mobiles, ids=(), at=moment, known_at=known, region=project.region)
        answers = store.read(project, current_time(), may_message, asked=whole)
    if as_json:
        print_json(answers)
    else:
        rows = [
            (each.mobile, "yes" if each.allowed else "no", " ".join(reason.text for reason in each.reasons))
            for each in answers
        ]
        print_list(("mobile", "allowed", "reasons"), rows, as_json=False)
    if not all(each.allowed for each in answers):
        raise typer.Exit(NOT_ALLOWED)
