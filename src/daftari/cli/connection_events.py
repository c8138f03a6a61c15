"""``daftari connection events`` and ``carts``: what a system announced, and the carts of a shop."""

from __future__ import annotations

from typing import Annotated

import typer

from daftari.cli.terminal.commands import command, command_group
from daftari.cli.terminal.options import JsonOption, ProjectOptions
from daftari.cli.terminal.output import WRONG_USAGE, fail, format_count, print_json, print_list, say
from daftari.model.limits import RECORDS_PER_PAGE_MAX
from daftari.model.projects import Actor
from daftari.model.time import current_time

CART_COLUMNS = ("at", "mobile", "state", "answer", "sent_at", "why")
"""As many as fit on a terminal of 80 columns."""
EVENT_COLUMNS = ("received_at", "topic", "records", "merged", "state", "key")

ConnectionArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="The name or the id of a connection, from 'daftari connection list'.")
]

app = command_group()


@command(
    app,
    "events",
    "daftari connection events sales",
    "daftari connection events sales --replay-since 2026-11-26T07:00:00Z",
    note="An event only says which records changed; they are read from the other system.",
)
def list_events(
    connection: ConnectionArgument,
    *,
    after: Annotated[str, typer.Option("--after", metavar="CURSOR", help="Only events before this one.")] = "",
    replay_since: Annotated[
        str | None,
        typer.Option("--replay-since", metavar="TIME", help="Read the records of all events since then again."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="NUMBER", min=1, max=RECORDS_PER_PAGE_MAX, help="How many to list.")
    ] = 20,
    as_json: JsonOption = False,
    where: ProjectOptions,
) -> None:
    """List what the other system announced by webhooks, the newest first."""
    from daftari.rules.connections import webhook_events
    from daftari.rules.connections.lifecycle import find_connection

    if replay_since is not None:
        since = _read_since(replay_since)
        with where.open_project() as (store, project):
            opened = store.read(project, current_time(), find_connection, written=connection)
            actor = Actor(None, "connection events")
            count = store.write(
                project, actor, current_time(), webhook_events.replay_events, connection_id=opened.id, since=since
            )
        say(f"The records of {format_count(count, 'event')} will be read again by the worker.")
        return
    with where.open_project() as (store, project):
        opened = store.read(project, current_time(), find_connection, written=connection)
        page = store.read(
            project, current_time(), webhook_events.list_events, connection_id=opened.id, after=after, limit=limit
        )
    shown = [[format_cell(getattr(event, column)) for column in EVENT_COLUMNS] for event in page.events]
    print_list(EVENT_COLUMNS, shown, as_json=as_json)
    if page.following is not None:
        say(f"There are more; add --after {page.following}.")


def _read_since(written: str) -> int:
    from daftari.rules.fields import read_time

    try:
        since = read_time(written, now=current_time())
    except ValueError as error:
        raise fail(f"--replay-since is {written!r}; it {error}", code=WRONG_USAGE) from None
    if since is None:
        raise fail("--replay-since is blank; it must be a time such as 2024-03-21T07:06:37Z.", code=WRONG_USAGE)
    return since


@command(
    app,
    "carts",
    "daftari connection carts shop",
    "daftari connection carts shop --state abandoned --json",
    note="The last column says why no message follows; docs/carts.md has what each word means.",
)
def list_carts(
    connection: ConnectionArgument,
    *,
    state: Annotated[
        str, typer.Option("--state", metavar="STATE", help="Carts in this state: open, abandoned, bought or closed.")
    ] = "",
    after: Annotated[str, typer.Option("--after", metavar="CURSOR", help="Only carts before this one.")] = "",
    limit: Annotated[
        int, typer.Option("--limit", metavar="NUMBER", min=1, max=RECORDS_PER_PAGE_MAX, help="How many to list.")
    ] = 20,
    as_json: JsonOption = False,
    where: ProjectOptions,
) -> None:
    """List the carts of a shop, those first that were heard of last."""
    from daftari.rules.connections import cart_views
    from daftari.rules.connections.lifecycle import find_connection

    with where.open_project() as (store, project):
        opened = store.read(project, current_time(), find_connection, written=connection)
        page = store.read(
            project,
            current_time(),
            cart_views.list_carts,
            connection_id=opened.id,
            state=state,
            after=after,
            limit=limit,
        )
    if as_json:
        print_json(page.carts)
    else:
        shown = [
            [_to_second(cart.at), cart.mobile, cart.state, cart.answer, _to_second(cart.sent_at), cart.why]
            for cart in page.carts
        ]
        print_list(CART_COLUMNS, shown, as_json=False)
    if page.following is not None:
        say(f"There are more; add --after {page.following}.")


def _to_second(at: str | None) -> str | None:
    """A time without what is less than a second."""
    return None if at is None else f"{at[:19]}Z"


def format_cell(value: object) -> object:
    """A value as a column shows it."""
    if isinstance(value, dict):
        return ", ".join(f"{name}: {one}" for name, one in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else value
