"""``daftari connection``: CRMs and databases whose records become contacts.

A key is never the value of an option, which other users of the machine would see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from daftari.cli import connection_events
from daftari.cli.connection_credentials import VARIABLES, find_credentials
from daftari.cli.connection_events import ConnectionArgument, format_cell
from daftari.cli.connection_options import ConnectionOptions
from daftari.cli.terminal.commands import command, command_group
from daftari.cli.terminal.options import JsonOption, ProjectOptions, YesOption
from daftari.cli.terminal.output import FAILED, WRONG_USAGE, fail, format_count, print_json, print_list, say
from daftari.cli.terminal.prompts import CredentialsFileOption, confirm
from daftari.model.limits import RECORDS_PER_PAGE_MAX
from daftari.model.projects import Actor, Project
from daftari.model.time import current_time

if TYPE_CHECKING:
    from daftari.rules.connections.addresses import ShownWebhookAddress
    from daftari.rules.connections.check import ConnectionCheck
    from daftari.rules.connections.model import Opened
    from daftari.rules.connections.views import ConnectionView
    from daftari.store import Store

T = TypeVar("T")

app = command_group("Connections: CRMs and databases whose records become contacts.")

COLUMNS = ("id", "name", "kind", "account", "state", "complete_until", "live", "problems", "reason")
PAST = {"erase": "erased", "keep": "kept"}
RECORD_COLUMNS = ("id", "state", "problems", "mobile", "why", "url")


# ---- made and changed -----------------------------------------------------------------------------------


@command(
    app,
    "add",
    "daftari connection add hubspot --name crm --key-file key --group all=crm",
    "daftari connection add hubspot --name crm --list 12=vip --list 31=leads:add",
    "daftari connection add pipedrive --name sales --setting company=duka --group label:3=vip",
    "daftari connection add shopify --name shop --setting shop=ziwa --group tag:vip=vip --write-back",
    "daftari connection add shopify --name shop --setting shop=ziwa --carts-group abandoned-cart",
    "daftari connection add odoo --name erp --setting url=https://ziwa.odoo.com --group category:3=vip",
    "daftari connection add sqlite --name shop --setting database=/srv/shop/shop.db --setting table=customers "
    """--setting 'columns={"id": "id"}' --field phone=mobile""",
    note=(
        f"The key is asked for on a terminal, or comes from a file, or from a variable such as {VARIABLES}KEY. "
        "Nothing is read before the connection is started."
    ),
)
def add_connection(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help="hubspot, pipedrive, shopify, woocommerce, odoo, postgresql, mysql or sqlite."
        ),
    ],
    *,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="How you call it.")],
    key_file: Annotated[
        str | None, typer.Option("--key-file", metavar="FILE", help="A file with the key alone; - for standard input.")
    ] = None,
    credentials_file: CredentialsFileOption = None,
    how: ConnectionOptions,
    where: ProjectOptions,
) -> None:
    """Add a connection to a CRM, a shop or a database."""
    from daftari.rules.connections import lifecycle

    values = {"name": name, "kind": kind, **how.read()}
    values["credentials"] = find_credentials(kind, key_file, credentials_file)
    with where.open_project() as (store, project):
        actor = Actor(None, "connection add")
        opened = store.write(project, actor, current_time(), lifecycle.create_connection, values=values)
        address = _find_address(where, store, project, opened)
    name = opened.stored.name
    needs_key = opened.definition.push_only and not opened.definition.credentials
    say(f"The connection {name!r} has the id {opened.id}.")
    if address is not None:
        _say_address(address.url or address.note)
    if needs_key:
        say(f"Make webhooks there with this address, then give their key with 'daftari connection key {name}'.")
    else:
        say(f"Check it with 'daftari connection check {name}'.")


@command(
    app,
    "change",
    "daftari connection change crm --list 12=vip --list 31=leads:add",
    "daftari connection change crm --where lifecyclestage=customer",
    note=(
        "Fields and groups are replaced together, and of the settings only those that are given. A comparison of all "
        "records follows, which applies what was changed."
    ),
)
def change_connection(connection: ConnectionArgument, *, how: ConnectionOptions, where: ProjectOptions) -> None:
    """Change a connection. What is not given stays as it is."""
    from daftari.rules.connections import lifecycle

    values = how.read()
    if not values:
        raise fail("Say what is to be changed; see 'daftari connection change --help'.", code=WRONG_USAGE)
    if isinstance(given := values.get("settings"), dict):
        values["settings"] = {**_show(where, connection).settings, **given}
    opened = _write(where, "connection change", connection, lifecycle.update_connection, values=values)
    say(f"The connection {connection!r} is changed.")
    if opened.stored.state in ("broken", "needs_confirmation"):
        say(f"It is {opened.stored.state}; when it is right, continue with 'daftari connection start {connection}'.")


@command(
    app,
    "key",
    "daftari connection key crm",
    "daftari connection key crm --key-file key",
    "daftari connection key shop --forget client_id --forget client_secret",
    note="The account is asked at once. Exit codes: 0 the key works, 1 it does not.",
)
def change_key(
    connection: ConnectionArgument,
    *,
    key_file: Annotated[
        str | None, typer.Option("--key-file", metavar="FILE", help="A file with the key alone; - for standard input.")
    ] = None,
    credentials_file: CredentialsFileOption = None,
    forget: Annotated[
        list[str] | None,
        typer.Option("--forget", metavar="NAME", help="Keep this credential no longer; repeatable."),
    ] = None,
    where: ProjectOptions,
) -> None:
    """Give another key; a connection that stopped continues where it was."""
    from daftari.rules.connections import lifecycle

    kind = _show(where, connection).kind
    credentials = dict.fromkeys(forget or (), "")
    if key_file is not None or credentials_file is not None or not forget:
        credentials |= find_credentials(kind, key_file, credentials_file)
    if not credentials:
        raise fail(f"No credential was given; those of {connection!r} stay as they are.", code=WRONG_USAGE)
    opened = _write(where, "connection key", connection, lifecycle.change_key, credentials=credentials)
    say(f"The connection {opened.stored.name!r} has another key; it is {opened.stored.state}.")
    check = _check(where, opened.stored.name)
    works = f"The key works: {check.account_name}."
    if opened.definition.push_only:
        works = (
            "Whether the key is right shows when something comes by a webhook: see "
            f"'daftari connection events {opened.stored.name}'."
        )
    say(works if check.works else check.says or "")
    if not check.works:
        raise typer.Exit(FAILED)


# ---- looked at ------------------------------------------------------------------------------------------


@command(app, "list", "daftari connection list", "daftari connection list --json")
def list_connections(*, as_json: JsonOption = False, where: ProjectOptions) -> None:
    """List the connections of a project, and how fresh each is."""
    from daftari.rules.connections import views

    with where.open_project() as (store, project):
        found = store.read(project, current_time(), views.show_connections)
    if as_json:
        print_json(found)
    else:
        print_list(COLUMNS, [_row(view) for view in found], as_json=False)
    if not found:
        say("There are no connections; add one with 'daftari connection add'.")


def _row(view: ConnectionView) -> list[object]:
    counts = view.counts
    problems = counts.shared_number + counts.crm_says_in + counts.moved_from_opted_out + counts.unusable
    problems += counts.erasure_pending + counts.write_back_refused + counts.changes_to_and_fro
    shown: dict[str, object] = {"live": counts.live, "problems": problems}
    return [shown.get(column, getattr(view, column, None)) for column in COLUMNS]


@command(app, "show", "daftari connection show crm")
def show_connection(connection: ConnectionArgument, *, where: ProjectOptions) -> None:
    """Show a connection as JSON: its state, how fresh it is, and the state of its records."""
    from daftari.rules.connections import views
    from daftari.rules.connections.lifecycle import find_connection

    with where.open_project() as (store, project):
        opened = store.read(project, current_time(), find_connection, written=connection)
        address = _find_address(where, store, project, opened)
    view = views.show(opened)
    print_json(views.with_address(view, address))
    if (figures := view.cart_figures) is not None:
        say(
            f"Carts since {figures.since}: abandoned {figures.abandoned:,}, bought in time {figures.bought_in_time:,}, "
            f"asked {figures.asked:,}, came back {figures.came_back:,}; without a number {figures.no_number:,}, not "
            f"accepted {figures.not_accepted:,}."
        )


@command(
    app,
    "check",
    "daftari connection check crm",
    "daftari connection check crm --json",
    note=(
        "Exit codes: 0 the account can be read, also where a sentence names a field or list that is not there; 1 it "
        "cannot."
    ),
)
def check_connection(connection: ConnectionArgument, *, as_json: JsonOption = False, where: ProjectOptions) -> None:
    """Ask the system about the account, and show ten records as they would be here."""
    check = _check(where, connection)
    if as_json:
        print_json(check)
    else:
        for sentence in filter(None, (check.says, *check.warnings)):
            say(sentence)
        if check.account_name is not None:
            records = "" if check.records is None else f", {format_count(check.records, 'record')}"
            say(f"{check.account_name}, {check.time_zone}{records}")
        _say_address(check.webhook_url or check.webhook_note)
        columns = ("id", "state", "mobile", "fields", "groups", "why")
        shown = [[format_cell(getattr(record, column)) for column in columns] for record in check.sample]
        if shown:
            print_list(columns, shown, as_json=False)
    if not check.works:
        raise typer.Exit(FAILED)


@command(
    app,
    "problems",
    "daftari connection problems crm",
    "daftari connection problems crm --state removed_locally --json",
    "daftari connection problems crm --state write_back_refused",
    "daftari connection problems crm --retry 101 --retry 102",
    "daftari connection problems crm --keep 103",
)
def list_problems(
    connection: ConnectionArgument,
    *,
    state: Annotated[
        str,
        typer.Option(
            "--state", metavar="STATE", help="Records in this state or with this problem, such as unreadable."
        ),
    ] = "problem",
    after: Annotated[str, typer.Option("--after", metavar="ID", help="Only records after this one.")] = "",
    retry: Annotated[
        list[str] | None, typer.Option("--retry", metavar="ID", help="Read this record again and apply it; repeatable.")
    ] = None,
    erase: Annotated[
        list[str] | None,
        typer.Option(
            "--erase", metavar="ID", help="Erase the number of this record, which was erased there; repeatable."
        ),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep", metavar="ID", help="Keep the number of this record, which was erased there; repeatable."
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="NUMBER", min=1, max=RECORDS_PER_PAGE_MAX, help="How many to list.")
    ] = 20,
    as_json: JsonOption = False,
    where: ProjectOptions,
) -> None:
    """List records that a person has to look at, each with where it is in the other system."""
    from daftari.rules.connections import lifecycle, views
    from daftari.rules.erasure import foreign

    if retry:
        _write(where, "connection retry", connection, lifecycle.retry_records, ids=retry)
        say(f"{format_count(len(retry), 'record')} will be read again by the worker.")
    for decision, ids in (("erase", erase), ("keep", keep)):
        if ids:
            _write(where, "connection settle", connection, foreign.settle_erasures, ids=ids, decision=decision)
            say(f"{format_count(len(ids), 'number')} {'is' if len(ids) == 1 else 'are'} {PAST[decision]}.")
    if retry or erase or keep:
        return
    with where.open_project() as (store, project):
        opened = store.read(project, current_time(), lifecycle.find_connection, written=connection)
        page = store.read(
            project,
            current_time(),
            views.list_records,
            connection_id=opened.id,
            state=state,
            after=after,
            limit=limit,
        )
    shown = [[format_cell(getattr(record, column)) for column in RECORD_COLUMNS] for record in page.records]
    print_list(RECORD_COLUMNS, shown, as_json=as_json)
    for sentence in _say_written(views.show(opened)):
        say(sentence)
    if page.following is not None:
        say(f"There are more; add --after {page.following}.")


# ---- started, paused, asked -----------------------------------------------------------------------------


@command(app, "plan", "daftari connection plan crm")
def plan_connection(connection: ConnectionArgument, *, where: ProjectOptions) -> None:
    """Begin a whole dry run; 'daftari connection show' has its counts."""
    from daftari.rules.connections import lifecycle

    _write(where, "connection plan", connection, lifecycle.plan_connection)
    say(f"The worker reads every record and writes nothing; see 'daftari connection show {connection}'.")


@command(app, "start", "daftari connection start crm")
def start_connection(connection: ConnectionArgument, *, where: ProjectOptions) -> None:
    """Begin to read, or continue where it stopped."""
    from daftari.rules.connections import lifecycle

    _say_state(_write(where, "connection start", connection, lifecycle.start_connection))


@command(app, "pause", "daftari connection pause crm")
def pause_connection(connection: ConnectionArgument, *, where: ProjectOptions) -> None:
    """Read nothing until it is started again."""
    from daftari.rules.connections import lifecycle

    _say_state(_write(where, "connection pause", connection, lifecycle.pause_connection))


@command(app, "sync", "daftari connection sync crm")
def sync_connection(connection: ConnectionArgument, *, where: ProjectOptions) -> None:
    """Read what changed now, before its time."""
    from daftari.rules.connections import lifecycle

    _write(where, "connection sync", connection, lifecycle.sync_connection)
    say("The worker reads what changed.")


@command(app, "sweep", "daftari connection sweep crm")
def compare_connection(connection: ConnectionArgument, *, where: ProjectOptions) -> None:
    """Compare all records with what is known here, as each night."""
    from daftari.rules.connections import lifecycle

    _write(where, "connection sweep", connection, lifecycle.compare_connection)
    say("The worker compares all records.")


@command(app, "confirm", "daftari connection confirm crm", "daftari connection confirm crm --yes")
def confirm_connection(connection: ConnectionArgument, *, yes: YesOption = False, where: ProjectOptions) -> None:
    """Let a connection do what it stopped before."""
    from daftari.rules.connections import lifecycle

    view = _show(where, connection)
    if view.reason is not None:
        say(view.reason)
    if not yes:
        confirm(
            f"Type the connection's name to confirm ({view.name})", is_right=lambda typed: typed.strip() == view.name
        )
    _say_state(_write(where, "connection confirm", connection, lifecycle.confirm_connection))


@command(
    app,
    "remove",
    "daftari connection remove crm",
    "daftari connection remove crm --leave-groups --yes",
    note="Contacts and opt-outs stay.",
)
def remove_connection(
    connection: ConnectionArgument,
    *,
    leave_groups: Annotated[
        bool, typer.Option("--leave-groups", help="Its contacts leave the groups that it put them in.")
    ] = False,
    yes: YesOption = False,
    where: ProjectOptions,
) -> None:
    """Remove a connection and its key."""
    from daftari.rules.connections import lifecycle

    view = _show(where, connection)
    if not yes:
        confirm(
            f"Type the connection's name to remove it ({view.name})", is_right=lambda typed: typed.strip() == view.name
        )
    with where.open_project() as (store, project):
        actor = Actor(None, "connection remove")
        store.write(
            project,
            actor,
            current_time(),
            lifecycle.delete_connection,
            connection_id=view.id,
            leave=leave_groups,
        )
    say(f"The connection {view.name!r} is removed.")


# ---- shared ---------------------------------------------------------------------------------------------


def _show(where: ProjectOptions, written: str) -> ConnectionView:
    from daftari.rules.connections import views
    from daftari.rules.connections.lifecycle import find_connection

    with where.open_project() as (store, project):
        return views.show(store.read(project, current_time(), find_connection, written=written))


def _write(
    where: ProjectOptions,
    name: str,
    written: str,
    rule: Callable[..., T],
    **values: object,
) -> T:
    """Have a rule change the connection with a name or an id."""
    from daftari.rules.connections.lifecycle import find_connection

    with where.open_project() as (store, project):
        opened = store.read(project, current_time(), find_connection, written=written)
        return store.write(project, Actor(None, name), current_time(), rule, connection_id=opened.id, **values)


def _say_written(view: ConnectionView) -> Iterator[str]:
    """How many opt-outs the other system knows, and why not all."""
    for found in view.written_back:
        asked = found.written + found.waiting
        if not asked + found.refused + found.gone:
            continue
        rest = [
            f"{found.gone:,} have no record there" if found.gone else "",
            f"{found.refused:,} refused" if found.refused else "",
        ]
        of = f"Opt-outs of {found.channel} written back: {found.written:,} of {asked:,}"
        yield ", ".join([of, *filter(None, rest)]) + "."
    if view.write_back_error is not None:
        yield view.write_back_error


def _check(where: ProjectOptions, connection: str) -> ConnectionCheck:
    """What the account is, and whether it can be read."""
    from daftari.rules.connections.check import ask_account, open_check, write_check
    from daftari.rules.connections.lifecycle import find_connection

    settings = where.read_settings()
    with where.open_project() as (store, project):
        opened = store.read(project, current_time(), find_connection, written=connection)
        to_check = store.read(project, current_time(), open_check, connection_id=opened.id)
        found = ask_account(to_check, allowed_hosts=settings.outbound_hosts, databases=settings.allowed_databases)
        actor, address = Actor(None, "connection check"), _find_address(where, store, project, opened)
        return store.write(
            project, actor, current_time(), write_check, connection_id=opened.id, found=found, address=address
        )


def _find_address(where: ProjectOptions, store: Store, project: Project, opened: Opened) -> ShownWebhookAddress | None:
    """The address that the connection's system is to call, if people give it. Deliveries are taken there by now."""
    from daftari.rules.connections.addresses import ensure_addresses, show_address

    found = ensure_addresses(store, project, now=current_time())
    public_url = where.read_settings().public_url
    return show_address(found, connection_id=opened.id, kind=opened.stored.kind, public_url=public_url)


def _say_address(address: str | None) -> None:
    if address is not None:
        say(address if " " in address else f"The address for webhooks that people make there: {address}")


def _say_state(opened: Opened) -> None:
    say(f"The connection {opened.stored.name!r} is {opened.stored.state}.")


app.add_typer(connection_events.app)
