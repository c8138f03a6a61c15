"""``daftari inbound review`` and ``settle``: messages that a person has to read."""

from __future__ import annotations

from typing import Annotated

import typer

from daftari.cli.terminal.commands import command, command_group
from daftari.cli.terminal.options import JsonOption, ProjectOptions
from daftari.cli.terminal.output import print_list, say
from daftari.model.inbound import Settlement
from daftari.model.limits import OPT_OUTS_PER_PAGE_MAX
from daftari.model.projects import Actor
from daftari.model.time import current_time

COLUMNS = ("id", "at", "provider", "mobile", "channel", "sender", "why", "text", "user_id")

app = command_group()


@command(
    app,
    "review",
    "daftari inbound review --project Shopify",
    "daftari inbound review --json",
    note="Settle one with 'daftari inbound settle ID --as opt_out'.",
)
def list_reviews(*, as_json: JsonOption = False, where: ProjectOptions) -> None:
    """List the messages that a person has to read, at most the first thousand."""
    from daftari.rules.inbound import review

    with where.open_project() as (store, project):
        found = store.read(project, current_time(), review.list_reviews, after=0, limit=OPT_OUTS_PER_PAGE_MAX)
    rows = [[getattr(view, column) for column in COLUMNS] for view in map(review.show_review, found)]
    print_list(COLUMNS, rows, as_json=as_json)
    if not rows:
        say("No messages are waiting for review.")


@command(
    app,
    "settle",
    "daftari inbound settle 12 --as opt_out --project Shopify",
    "daftari inbound settle 14 --as opt_out --mobile 0722000000",
    "daftari inbound settle 13 --as dismiss",
    note=(
        "opt_out: the person wants no more messages. opt_in: the person wants messages again, on this channel. "
        "retract: take back what was recorded of the message. dismiss: record nothing."
    ),
)
def settle(
    number: Annotated[int, typer.Argument(metavar="ID", min=1, help="The id, from 'daftari inbound review'.")],
    *,
    settled_as: Annotated[Settlement, typer.Option("--as", help="What the message means.")],
    mobile: Annotated[
        str | None,
        typer.Option("--mobile", metavar="NUMBER", help="Whose message it is, where no number could be read."),
    ] = None,
    where: ProjectOptions,
) -> None:
    """Settle a message under review: record what it means."""
    from daftari.rules.inbound.review import settle_review

    with where.open_project() as (store, project):
        review = store.write(
            project,
            Actor(None, "inbound settle"),
            current_time(),
            settle_review,
            review_id=number,
            settled_as=settled_as,
            mobile=mobile,
        )
    say(f"Review {review.id} is settled as {review.settled_as}.")
