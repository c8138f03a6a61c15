"""``daftari key …``: make, list and revoke the keys of projects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from daftari.cli.terminal.options import ConfigOption, DatabaseOption, JsonOption, examples, opened_store
from daftari.cli.terminal.output import WRONG_USAGE, fail, print_list, say, shown_time
from daftari.model.projects import Key
from daftari.model.time import current_time
from daftari.rules.access import keys, projects
from daftari.store import SystemTx, Tx

app = typer.Typer(help="Keys: what a program shows to use a project.", no_args_is_help=True)


@app.command(
    "create",
    epilog=examples(
        "daftari key create --project Shopify --label crm",
        "daftari key create --project Shopify --read-only --expires 2027-12-31",
    ),
)
def create_key(
    project: Annotated[str, typer.Option("--project", metavar="NAME", help="The project it is for.")],
    label: Annotated[str, typer.Option("--label", metavar="TEXT", help="What it is for, for whoever lists it.")] = "",
    read_only: Annotated[bool, typer.Option("--read-only", help="It may read but not write.")] = False,
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="DATE", help="The last day on which it works, in UTC, such as 2027-12-31."),
    ] = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a key and print it, this once."""
    now = current_time()
    expires_at = None if expires is None else _read_expiry(expires, now=now)
    with opened_store(config, database) as store:
        secret, made = store.system_write(
            now, _create_key, project=project, label=label, read_only=read_only, expires_at=expires_at
        )
    say(f"A {'read-only ' if made.read_only else ''}key for project {project!r}, shown this once:")
    typer.echo(secret)


@app.command("list", epilog=examples("daftari key list", "daftari key list --project Shopify --json"))
def list_keys(
    project: Annotated[str | None, typer.Option("--project", metavar="NAME", help="Only this project's keys.")] = None,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """List keys: what they are for, how they begin, when they were last used. Never the key itself."""
    with opened_store(config, database) as store:
        rows = store.system_read(current_time(), _list_keys, project=project)
    columns = ("start", "project", "label", "state", "read_only", "created_at", "expires_at", "last_used_at")
    print_list(columns, rows, as_json=as_json)
    if not rows:
        say("There are no keys; 'daftari key create --project NAME' makes one.")


@app.command("revoke", epilog=examples("daftari key revoke daf_3kTq9xWm"))
def revoke_key(
    start: Annotated[str, typer.Argument(metavar="START", help="How the key begins, as 'daftari key list' shows it.")],
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a key stop working, in every process within a second."""
    with opened_store(config, database) as store:
        revoked = store.system_write(current_time(), keys.revoke_key, start=start)
    say(f"The key that begins with {revoked.start} is revoked.")


def _create_key(tx: SystemTx, *, project: str, label: str, read_only: bool, expires_at: int | None) -> tuple[str, Key]:
    found = projects.find_project(tx, name=project)
    return keys.create_key(tx, project=found, label=label, read_only=read_only, expires_at=expires_at)


def _list_keys(tx: Tx, *, project: str | None) -> list[tuple[object, ...]]:
    names = {found.id: found.name for found in projects.list_projects(tx)}
    only = None if project is None else projects.find_project(tx, name=project).id
    return [
        (
            key.start,
            names[key.project_id],
            key.label,
            _state(key, now=tx.now),
            key.read_only,
            shown_time(key.created_at),
            shown_time(key.expires_at),
            shown_time(key.last_used_at),
        )
        for key in keys.list_keys(tx)
        if only is None or key.project_id == only
    ]


def _state(key: Key, *, now: int) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is not None and key.expires_at <= now:
        return "expired"
    return "active"


def _read_expiry(written: str, *, now: int) -> int:
    """The first moment after a day, in microseconds."""
    try:
        day = datetime.strptime(written.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise fail(f"--expires is {written!r}; it must be a day such as 2027-12-31.", code=WRONG_USAGE) from None
    end = int((day + timedelta(days=1)).timestamp()) * 1_000_000
    if end <= now:
        raise fail(f"--expires is {written!r}, which is over already; name a day to come.", code=WRONG_USAGE)
    return end
