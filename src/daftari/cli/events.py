"""``daftari event``: what happened to a number, reported from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from daftari.cli.terminal.commands import command, command_group
from daftari.cli.terminal.options import ProjectOptions
from daftari.cli.terminal.output import WRONG_USAGE, fail, say
from daftari.errors import ValidationFailed
from daftari.model.projects import Actor
from daftari.model.time import current_time

if TYPE_CHECKING:
    from collections.abc import Sequence

app = command_group("Events: what happened to a number.")


@app.callback()
def keep_group() -> None:
    """Events: what happened to a number."""
    # A group of one command would be that command.


@command(
    app,
    "send",
    "daftari event send cart 0722000001 --key cart-7 --field url=https://shop.example/cart/7",
    "daftari event send order 0722000001 --key cart-7 --at 2026-11-27T10:20:00+03:00",
    note="The same name, number, key and time is one event, however often it is sent.",
)
def send_event(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What happened, such as cart.")],
    mobile: Annotated[str, typer.Argument(metavar="NUMBER", help="The phone number that it happened to.")],
    *,
    key: Annotated[str | None, typer.Option("--key", metavar="KEY", help="What it is about.")] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="When it happened. [default: now]")] = None,
    field: Annotated[
        list[str] | None, typer.Option("--field", metavar="NAME=VALUE", help="A field for texts; repeatable.")
    ] = None,
    where: ProjectOptions,
) -> None:
    """Report an event, and print the ids of the waiting messages that it made or moved."""
    from daftari.rules.triggers.events import read_events, record_events

    members = {"name": name, "mobile": mobile, "key": key, "at": at, "fields": _read_fields(field or ())}
    with where.open_project() as (store, project):
        given = read_events([members], common={}, region=project.region)
        actor = Actor(None, "event send")
        (outcome,) = store.write(project, actor, current_time(), record_events, given=given)
    if outcome.errors:
        raise ValidationFailed(outcome.errors)
    if outcome.outcome == "duplicate":
        say("This event is known already.")
    elif not outcome.messages:
        say("It is recorded, and no trigger is on it.")
    for message_id in outcome.messages:
        typer.echo(message_id)


def _read_fields(written: Sequence[str]) -> dict[str, str]:
    fields = {}
    for one in written:
        name, equals, value = one.partition("=")
        if not equals:
            raise fail(f"--field is {one!r}; write NAME=VALUE.", code=WRONG_USAGE)
        fields[name] = value
    return fields
