"""``daftari trigger``: a text that is sent some time after an event, unless another one came."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from daftari.cli.terminal.commands import Options, command, command_group
from daftari.cli.terminal.options import JsonOption, ProjectOptions
from daftari.cli.terminal.output import WRONG_USAGE, fail, print_json, print_list, say
from daftari.model.projects import Actor, Project
from daftari.model.time import current_time
from daftari.store import Store, Tx, WriteTx

if TYPE_CHECKING:
    from daftari.model.triggers import StoredTrigger
    from daftari.rules.triggers.views import TriggerView

app = command_group("Triggers: a text that is sent some time after an event.")

COLUMNS = ("id", "name", "state", "on", "wait", "sender", "states", "reasons", "warning")
IdArgument = Annotated[int, typer.Argument(metavar="ID", min=1, help="The id of the trigger.")]


class TriggerOptions(Options, frozen=True, kw_only=True):
    """What a trigger sends, and when."""

    wait: Annotated[
        str | None, typer.Option("--wait", metavar="TIME", help="How long after it the text is sent, such as 1h or 2d.")
    ] = None
    unless: Annotated[
        list[str] | None,
        typer.Option(
            "--unless",
            metavar="KIND=NAME",
            help="What stops it: event=NAME, in=GROUP or leaves=GROUP; repeatable. Blank for nothing.",
        ),
    ] = None
    again: Annotated[
        str | None,
        typer.Option(
            "--again", metavar="HOW", help="always, once, or how long a number gets no other one. [default: always]"
        ),
    ] = None
    late: Annotated[
        str | None, typer.Option("--late", metavar="TIME", help="How late it may be sent. [default: 4h]")
    ] = None
    sender: Annotated[str | None, typer.Option("--sender", metavar="SENDER", help="The name or id of a sender.")] = None
    channel: Annotated[
        str | None, typer.Option("--channel", metavar="CHANNEL", help="Where several senders have the name.")
    ] = None
    purpose: Annotated[
        str | None,
        typer.Option("--purpose", metavar="PURPOSE", help="marketing or transactional. [default: the sender's]"),
    ] = None
    text: Annotated[
        str | None, typer.Option("--text", metavar="TEXT", help="The text, such as 'Your cart: {{ event.url }}'.")
    ] = None
    plain: Annotated[
        bool | None, typer.Option("--plain/--not-plain", help="Replace typographic characters where that saves parts.")
    ] = None
    template: Annotated[
        str | None, typer.Option("--template", metavar="NAME", help="An approved WhatsApp template.")
    ] = None
    language: Annotated[str | None, typer.Option("--language", metavar="CODE", help="Its language.")] = None
    params: Annotated[
        list[str] | None, typer.Option("--param", metavar="TEXT", help="A text for each of its parameters; repeatable.")
    ] = None

    def read(self) -> dict[str, object]:
        """What was given, by the API's names; a blank text gives a field its default again."""
        names = (
            *("wait", "again", "late", "sender", "channel", "purpose"),
            *("text", "plain", "template", "language", "params"),
        )
        given: dict[str, object] = {name: getattr(self, name) for name in names}
        if self.unless is not None:
            given["unless"] = [_read_condition(written) for written in self.unless if written]
        return {name: None if value == "" else value for name, value in given.items() if value is not None}


def _read_condition(written: str) -> dict[str, str]:
    kind, equals, name = written.partition("=")
    if not equals:
        raise fail(f"--unless is {written!r}; write event=NAME, in=GROUP or leaves=GROUP.", code=WRONG_USAGE)
    return {kind.strip(): name}


@command(
    app,
    "add",
    "daftari trigger add 'Cart reminder' --event cart --wait 1h --unless event=order --sender DUKA "
    "--text 'Your cart waits: {{ event.url }}'",
    "daftari trigger add Welcome --joins VIP --wait 0s --sender DUKA --text 'Welcome, {{ fname | friend }}'",
    note="It is on at once.",
)
def add_trigger(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What you call it.")],
    *,
    event: Annotated[str | None, typer.Option("--event", metavar="NAME", help="It is on events of this name.")] = None,
    joins: Annotated[
        str | None, typer.Option("--joins", metavar="GROUP", help="It is on contacts that join this group.")
    ] = None,
    what: TriggerOptions,
    where: ProjectOptions,
) -> None:
    """Add a trigger, and print its id."""
    from daftari.rules.triggers.lifecycle import create_trigger

    on = {kind: named for kind, named in (("event", event), ("joins", joins)) if named is not None}
    if len(on) != 1:
        raise fail("Give either --event or --joins.", code=WRONG_USAGE)
    with where.open_project() as (store, project):
        shown = _write(store, project, "add", create_trigger, given={"name": name, "on": on, **what.read()}, is_on=True)
    say(f"The trigger {shown.name!r} is on; see what it does with 'daftari trigger show {shown.id}'.")
    if shown.warning is not None:
        say(shown.warning)
    typer.echo(shown.id)


@command(app, "list", "daftari trigger list", "daftari trigger list --json")
def list_triggers(*, as_json: JsonOption = False, where: ProjectOptions) -> None:
    """List the triggers, with the counts of their messages."""
    with where.open_project() as (store, project):
        found = store.read(project, current_time(), _list_shown)
    if as_json:
        print_json(found)
    else:
        print_list(COLUMNS, [[_cell(view, column) for column in COLUMNS] for view in found], as_json=False)
    if not found:
        say("There are no triggers; add one with 'daftari trigger add'.")


@command(app, "show", "daftari trigger show 12")
def show_trigger(trigger_id: IdArgument, *, where: ProjectOptions) -> None:
    """Show a trigger and what it did, as JSON."""
    with where.open_project() as (store, project):
        print_json(store.read(project, current_time(), _get_shown, trigger_id=trigger_id))


@command(
    app,
    "change",
    "daftari trigger change 12 --wait 2h --text 'Still there? {{ event.url }}'",
    "daftari trigger change 12 --unless ''",
    note="It counts for every message that is not being sent yet. What a trigger is on stays.",
)
def change_trigger(
    trigger_id: IdArgument,
    *,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Another name.")] = None,
    what: TriggerOptions,
    where: ProjectOptions,
) -> None:
    """Change a trigger. What is not given stays as it is."""
    from daftari.rules.triggers.lifecycle import update_trigger

    given = {**what.read(), **({} if name is None else {"name": name})}
    if not given:
        raise fail("Nothing is to be changed; see 'daftari trigger change --help'.", code=WRONG_USAGE)
    with where.open_project() as (store, project):
        shown = _write(store, project, "change", update_trigger, trigger_id=trigger_id, given=given)
    say(f"The trigger {shown.name!r} is changed.")


@command(app, "pause", "daftari trigger pause 12")
def pause_trigger(trigger_id: IdArgument, *, where: ProjectOptions) -> None:
    """Pause a trigger, within a second. Its messages wait."""
    from daftari.rules.triggers.lifecycle import pause_trigger as pause

    with where.open_project() as (store, project):
        shown = _write(store, project, "pause", pause, trigger_id=trigger_id)
    say(f"The trigger {shown.name!r} is paused; {shown.states.get('waiting', 0):,} messages wait.")


@command(app, "resume", "daftari trigger resume 12")
def resume_trigger(trigger_id: IdArgument, *, where: ProjectOptions) -> None:
    """Let a trigger send again. What is too late by now expires."""
    from daftari.rules.triggers.lifecycle import resume_trigger as resume

    with where.open_project() as (store, project):
        shown = _write(store, project, "resume", resume, trigger_id=trigger_id)
    say(f"The trigger {shown.name!r} is on; {shown.states.get('waiting', 0):,} messages wait.")


@command(app, "delete", "daftari trigger delete 12")
def delete_trigger(trigger_id: IdArgument, *, where: ProjectOptions) -> None:
    """Delete a trigger, and cancel its messages that wait."""
    from daftari.rules.triggers.lifecycle import delete_trigger as delete

    with where.open_project() as (store, project):
        store.write(project, Actor(None, "trigger delete"), current_time(), delete, trigger_id=trigger_id)
    say(f"The trigger {trigger_id} is deleted.")


# ---- over the store -------------------------------------------------------------------------------------


def _write(
    store: Store, project: Project, verb: str, rule: Callable[..., StoredTrigger], **values: object
) -> TriggerView:
    """A rule's trigger, as callers see it."""
    from daftari.rules.triggers.views import show_trigger as show

    def write(tx: WriteTx) -> TriggerView:
        return show(tx, rule(tx, **values))

    return store.write(project, Actor(None, f"trigger {verb}"), current_time(), write)


def _get_shown(tx: Tx, *, trigger_id: int) -> TriggerView:
    from daftari.rules.triggers.lifecycle import get_trigger
    from daftari.rules.triggers.views import show_trigger as show

    return show(tx, get_trigger(tx, trigger_id=trigger_id))


def _list_shown(tx: Tx) -> list[TriggerView]:
    from daftari.rules.triggers.lifecycle import list_triggers as list_stored
    from daftari.rules.triggers.views import show_trigger as show

    return [show(tx, trigger) for trigger in list_stored(tx)]


def _cell(view: TriggerView, column: str) -> object:
    if column == "on":
        return f"event {view.on.event}" if view.on.event else f"joins {view.on.joins}"
    value = getattr(view, column)
    return ", ".join(f"{many:,} {word}" for word, many in value.items()) if isinstance(value, Mapping) else value
