"""``daftari key``: creates, lists and revokes the API keys of projects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from daftari.cli.terminal.commands import command, command_group
from daftari.cli.terminal.options import DatabaseOptions, JsonOption, OnlyProjectOption
from daftari.cli.terminal.output import WRONG_USAGE, fail, format_optional_time, print_list, say
from daftari.model.projects import KeyKind
from daftari.model.time import current_time

COLUMNS = ("start", "project", "label", "state", "kind", "created_at", "expires_at", "last_used_at")

app = command_group("API keys: create, list and revoke them.")


@command(
    app,
    "create",
    "daftari key create --project Shopify --label crm",
    "daftari key create --project Shopify --kind read --expires 2027-12-31",
)
def create_key(
    *,
    project: Annotated[str, typer.Option("--project", metavar="NAME", help="The project of the key.")],
    label: Annotated[str, typer.Option("--label", metavar="TEXT", help="What the key is for.")] = "",
    kind: Annotated[
        KeyKind,
        typer.Option(
            "--kind",
            help="What it may do: read; also write contacts, groups, consent and imports; or manage, which is all.",
        ),
    ] = "write",
    expires: Annotated[
        str | None,
        typer.Option("--expires", metavar="DATE", help="The last day on which it works, in UTC, such as 2027-12-31."),
    ] = None,
    where: DatabaseOptions,
) -> None:
    """Create an API key and print it.

    The key is shown only this once.
    """
    from daftari.rules.access.projects import create_key_by_project_name

    now = current_time()
    expires_at = None if expires is None else _read_expiry(expires, now=now)
    with where.open_store() as store:
        text, key = store.system_write(
            now,
            create_key_by_project_name,
            project=project,
            label=label,
            kind=kind,
            expires_at=expires_at,
        )
    say(f"An API key of kind {key.kind} for project {project!r}, shown only this once:")
    typer.echo(text)


@command(app, "list", "daftari key list", "daftari key list --project Shopify --json")
def list_keys(*, project: OnlyProjectOption = None, as_json: JsonOption = False, where: DatabaseOptions) -> None:
    """List the API keys: their first characters, project, label, state and last use."""
    from daftari.rules.access.keys import key_state
    from daftari.rules.access.projects import list_keys_with_projects

    now = current_time()
    with where.open_store() as store:
        found = store.system_read(now, list_keys_with_projects, project=project)
    rows = [
        (
            *(key.start, owner.name, key.label, key_state(key, now=now), key.kind),
            *map(format_optional_time, (key.created_at, key.expires_at, key.last_used_at)),
        )
        for owner, key in found
    ]
    print_list(COLUMNS, rows, as_json=as_json)
    if not rows:
        say("There are no API keys; create one with 'daftari key create --project NAME'.")


@command(app, "revoke", "daftari key revoke daf_3kTq9xWm")
def revoke_key(
    start: Annotated[
        str, typer.Argument(metavar="START", help="The first characters of the key, from 'daftari key list'.")
    ],
    *,
    where: DatabaseOptions,
) -> None:
    """Revoke an API key.

    Every process of the service refuses it within a second.
    """
    from daftari.rules.access import keys

    with where.open_store() as store:
        revoked = store.system_write(current_time(), keys.revoke_key, start=start)
    say(f"The API key that begins with {revoked.start} is revoked.")


def _read_expiry(written: str, *, now: int) -> int:
    """The end of a day in UTC, in microseconds. Raises ``typer.Exit`` after its message for a day in the past."""
    try:
        day = datetime.strptime(written.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise fail(f"--expires is {written!r}; it must be a day such as 2027-12-31.", code=WRONG_USAGE) from None
    end = int((day + timedelta(days=1)).timestamp()) * 1_000_000
    if end <= now:
        raise fail(f"--expires is {written!r}, which is in the past; give a day in the future.", code=WRONG_USAGE)
    return end
