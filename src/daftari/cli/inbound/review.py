"""``daftari inbound review`` and ``settle``: what people wrote that a person should look at."""

from __future__ import annotations

from typing import Annotated

import typer

from daftari.cli.terminal.options import (
    ConfigOption,
    DatabaseOption,
    JsonOption,
    ProjectOption,
    chosen_project,
    examples,
    opened_store,
)
from daftari.cli.terminal.output import print_list, say
from daftari.model.limits import OPT_OUTS_PER_PAGE_MAX
from daftari.model.projects import Actor
from daftari.model.time import current_time
from daftari.rules.inbound import review as reviews
from daftari.rules.inbound.review import Settlement, show_review

EPILOG = examples(
    "daftari inbound review --project Shopify",
    "daftari inbound review --json",
    note="'daftari inbound settle ID --as opt_out' takes one off the list.",
)
SETTLE_EPILOG = examples(
    "daftari inbound settle 12 --as opt_out --project Shopify",
    "daftari inbound settle 13 --as dismiss",
    note=(
        "opt_out: it was one. opt_in: the person wants messages again, by this channel. "
        "retract: what was recorded of it is taken back. dismiss: nothing follows."
    ),
)
COLUMNS = ("id", "at", "provider", "mobile", "channel", "sender", "why", "text")


def list_reviews(
    project: ProjectOption = None,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """List what waits for a person's eye, the first thousand."""
    with opened_store(config, database) as store:
        chosen = chosen_project(store, project)
        found = store.read(chosen, current_time(), reviews.list_reviews, after=0, limit=OPT_OUTS_PER_PAGE_MAX)
    shown = [show_review(review) for review in found]
    rows = [[getattr(members, column) for column in COLUMNS] for members in shown]
    print_list(COLUMNS, rows, as_json=as_json)
    if not rows:
        say("Nothing waits for review.")


def settle(
    number: Annotated[int, typer.Argument(metavar="ID", min=1, help="As 'daftari inbound review' shows it.")],
    settled_as: Annotated[Settlement, typer.Option("--as", help="What it was.")],
    project: ProjectOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Say what a message was; what follows from it follows at once."""
    with opened_store(config, database) as store:
        chosen = chosen_project(store, project)
        review = store.write(
            chosen,
            Actor(None, "inbound settle"),
            current_time(),
            reviews.settle_review,
            review_id=number,
            settled_as=settled_as,
        )
    say(f"Review {review.id} is settled as {review.settled_as}.")
