"""``daftari webhook``: where the feed of a project is delivered to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Concatenate, ParamSpec

import typer

from daftari.cli.terminal.commands import command, command_group
from daftari.cli.terminal.options import JsonOption, ProjectOptions, YesOption
from daftari.cli.terminal.output import FAILED, WRONG_USAGE, fail, format_count, print_json, print_list, say
from daftari.cli.terminal.prompts import confirm
from daftari.model.limits import DELIVERIES_PER_PAGE_MAX
from daftari.model.projects import Actor
from daftari.model.time import current_time
from daftari.store import WriteTx

if TYPE_CHECKING:
    from daftari.rules.webhooks.lifecycle import WebhookView

P = ParamSpec("P")

app = command_group("Webhooks: where what changes is delivered to.")

COLUMNS = ("id", "url", "types", "groups", "state", "reason", "after", "behind", "problem", "created_at")
DELIVERY_COLUMNS = (
    *("id", "kind", "first", "last", "changes", "replay", "state", "attempts", "status", "milliseconds", "error"),
    "tried_at",
)

IdArgument = Annotated[
    int, typer.Argument(metavar="ID", min=1, help="The id of a webhook, from 'daftari webhook list'.")
]
TypeOption = Annotated[
    list[str] | None,
    typer.Option("--type", metavar="TYPE", help="Only changes of this type, such as contacts.deleted; repeatable."),
]
GroupOption = Annotated[
    list[str] | None, typer.Option("--group", metavar="GROUP", help="Only changes of this group; repeatable.")
]


@command(
    app,
    "add",
    "daftari webhook add https://crm.example/hooks/daftari",
    "daftari webhook add https://crm.example/hooks/daftari --group nairobi-vip",
    "daftari webhook add https://crm.example/hooks/daftari --type contacts.deleted --type contacts.erased",
    note="The secret is printed once, on its own line.",
)
def add_webhook(
    url: Annotated[str, typer.Argument(metavar="URL", help="What is called.")],
    *,
    types: TypeOption = None,
    groups: GroupOption = None,
    where: ProjectOptions,
) -> None:
    """Add a webhook, and print the secret that signs its calls."""
    from daftari.rules.webhooks import lifecycle
    from daftari.rules.webhooks.model import write_secret

    secret, hosts = write_secret(), where.read_settings().outbound_hosts
    values = {"url": url, "types": types or None, "groups": groups or None}
    with where.open_project() as (store, project):
        actor = Actor(None, "webhook add")
        view = store.write(
            project,
            actor,
            current_time(),
            lifecycle.create_webhook,
            values=values,
            allowed_hosts=hosts,
            secret=secret,
        )
    say(f"The webhook has the id {view.id}. Its secret, which is not shown again:")
    typer.echo(str(secret))


@command(app, "list", "daftari webhook list", "daftari webhook list --project Shopify --json")
def list_webhooks(*, as_json: JsonOption = False, where: ProjectOptions) -> None:
    """List the webhooks of a project, and how far each is."""
    from daftari.rules.webhooks import lifecycle

    with where.open_project() as (store, project):
        found = store.read(project, current_time(), lifecycle.list_webhooks)
    if as_json:
        print_json(found)
    else:
        print_list(COLUMNS, [[_cell(getattr(view, column)) for column in COLUMNS] for view in found], as_json=False)
    if not found:
        say("There are no webhooks; add one with 'daftari webhook add'.")


@command(app, "show", "daftari webhook show 31")
def show_webhook(webhook_id: IdArgument, *, where: ProjectOptions) -> None:
    """Show a webhook as JSON, without its secret."""
    from daftari.rules.webhooks import lifecycle

    with where.open_project() as (store, project):
        print_json(
            store.read(
                project,
                current_time(),
                lambda tx: lifecycle.show_webhook(tx, lifecycle.get_webhook(tx, webhook_id=webhook_id)),
            )
        )


@command(
    app,
    "change",
    "daftari webhook change 31 --url https://crm.example/hooks/book",
    "daftari webhook change 31 --type group.joined --type group.left",
    "daftari webhook change 31 --all-types --all-groups",
    note="What failed is tried again at once.",
)
def change_webhook(
    webhook_id: IdArgument,
    *,
    url: Annotated[str | None, typer.Option("--url", metavar="URL", help="What is called.")] = None,
    types: TypeOption = None,
    groups: GroupOption = None,
    all_types: Annotated[bool, typer.Option("--all-types", help="Changes of every type.")] = False,
    all_groups: Annotated[bool, typer.Option("--all-groups", help="Changes of every group, and of none.")] = False,
    where: ProjectOptions,
) -> None:
    """Change a webhook. What is not given stays as it is."""
    from daftari.rules.webhooks import lifecycle

    values: dict[str, object] = {} if url is None else {"url": url}
    values |= {"types": types} if types or all_types else {}
    values |= {"groups": groups} if groups or all_groups else {}
    if not values or (types and all_types) or (groups and all_groups):
        raise fail("Say what is to be changed; see 'daftari webhook change --help'.", code=WRONG_USAGE)
    hosts = where.read_settings().outbound_hosts
    _write(where, "webhook change", lifecycle.update_webhook, webhook_id=webhook_id, values=values, allowed_hosts=hosts)
    say(f"The webhook {webhook_id} is changed.")


@command(app, "pause", "daftari webhook pause 31")
def pause_webhook(webhook_id: IdArgument, *, where: ProjectOptions) -> None:
    """Deliver nothing more; the webhook keeps its place."""
    from daftari.rules.webhooks import lifecycle

    view = _write(where, "webhook pause", lifecycle.pause_webhook, webhook_id=webhook_id)
    say(f"The webhook {webhook_id} is {view.state}.")


@command(app, "resume", "daftari webhook resume 31")
def resume_webhook(webhook_id: IdArgument, *, where: ProjectOptions) -> None:
    """Deliver again from where it was, also after the service disabled it."""
    from daftari.rules.webhooks import lifecycle

    view = _write(where, "webhook resume", lifecycle.resume_webhook, webhook_id=webhook_id)
    say(f"The webhook {webhook_id} is enabled, and {format_count(view.behind, 'change')} behind.")


@command(app, "replay", "daftari webhook replay 31 --after 4600")
def replay_webhook(
    webhook_id: IdArgument,
    *,
    after: Annotated[int, typer.Option("--after", metavar="SEQ", min=0, help="The change before the first one.")],
    where: ProjectOptions,
) -> None:
    """Deliver everything after a change again."""
    from daftari.rules.webhooks import lifecycle

    view = _write(where, "webhook replay", lifecycle.replay_webhook, webhook_id=webhook_id, after=after)
    left_out = "; those of other types and groups are left out" if view.types or view.groups else ""
    say(f"The webhook {webhook_id} gets {format_count(view.behind, 'change')}{left_out}.")


@command(
    app,
    "rotate",
    "daftari webhook rotate 31",
    note="For 24 hours each call has two signatures, one with the secret before. The new one is printed once.",
)
def rotate_secret(webhook_id: IdArgument, *, where: ProjectOptions) -> None:
    """Make another secret, and print it."""
    from daftari.rules.webhooks import lifecycle
    from daftari.rules.webhooks.model import write_secret

    secret = write_secret()
    _write(where, "webhook rotate", lifecycle.rotate_secret, webhook_id=webhook_id, secret=secret)
    say(f"The new secret of the webhook {webhook_id}, which is not shown again:")
    typer.echo(str(secret))


@command(app, "test", "daftari webhook test 31", note="Exit codes: 0 it answered with 2xx, 1 it did not.")
def test_webhook(webhook_id: IdArgument, *, where: ProjectOptions) -> None:
    """Call a webhook once, now, with a signed message that says nothing."""
    from daftari.rules.webhooks.testing import open_test, send_test

    hosts = where.read_settings().outbound_hosts
    with where.open_project() as (store, project):
        opened = store.read(project, current_time(), open_test, webhook_id=webhook_id)
    found = send_test(opened, allowed_hosts=hosts)
    say(f"It answered {found.status} in {found.milliseconds} ms." if found.error is None else found.error)
    if not found.taken:
        raise typer.Exit(FAILED)


@command(app, "deliveries", "daftari webhook deliveries 31", "daftari webhook deliveries 31 --limit 100 --json")
def list_deliveries(
    webhook_id: IdArgument,
    *,
    limit: Annotated[
        int,
        typer.Option("--limit", metavar="NUMBER", min=1, max=DELIVERIES_PER_PAGE_MAX, help="How many to list."),
    ] = 20,
    as_json: JsonOption = False,
    where: ProjectOptions,
) -> None:
    """List what was delivered to a webhook and what came of it, the newest first."""
    from daftari.rules.webhooks import log

    with where.open_project() as (store, project):
        page = store.read(project, current_time(), log.list_deliveries, webhook_id=webhook_id, before=None, limit=limit)
    shown = [[getattr(delivery, column) for column in DELIVERY_COLUMNS] for delivery in page.deliveries]
    print_list(DELIVERY_COLUMNS, shown, as_json=as_json)


@command(app, "delete", "daftari webhook delete 31", "daftari webhook delete 31 --yes")
def delete_webhook(webhook_id: IdArgument, *, yes: YesOption = False, where: ProjectOptions) -> None:
    """Delete a webhook and its secrets."""
    from daftari.rules.webhooks import lifecycle

    if not yes:
        confirm(
            f"Type the webhook's id to delete it ({webhook_id})",
            is_right=lambda typed: typed.strip() == str(webhook_id),
        )
    with where.open_project() as (store, project):
        actor = Actor(None, "webhook delete")
        store.write(project, actor, current_time(), lifecycle.delete_webhook, webhook_id=webhook_id)
    say(f"The webhook {webhook_id} is deleted.")


def _write(
    where: ProjectOptions,
    name: str,
    rule: Callable[Concatenate[WriteTx, P], WebhookView],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> WebhookView:
    with where.open_project() as (store, project):
        return store.write(project, Actor(None, name), current_time(), rule, *args, **kwargs)


def _cell(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value
