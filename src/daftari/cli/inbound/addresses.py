"""``daftari inbound add``, ``list``, ``set-secret`` and ``revoke``: the addresses that messaging providers call."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer
from msgspec import Struct

from daftari.cli.inbound import quarantine, review
from daftari.cli.terminal.options import (
    ConfigOption,
    DatabaseOption,
    JsonOption,
    ProjectOption,
    PublicUrlOption,
    chosen_project,
    examples,
    opened_store,
    settings_from,
)
from daftari.cli.terminal.output import WRONG_USAGE, fail, print_list, say, shown_time
from daftari.cli.terminal.prompts import SecretFileOption, find_secret, require_secret
from daftari.cli.terminal.scope import read_option
from daftari.gateways import GATEWAYS, Gateway
from daftari.model.inbound import InboundCount, InboundToken
from daftari.model.limits import LABEL_MAX
from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.rules.access import inbound_tokens, projects
from daftari.rules.access.projects import get_project
from daftari.rules.fields import read_text
from daftari.rules.inbound import quarantine as refused_requests
from daftari.rules.inbound import receive
from daftari.serving.supervisor import shown_address
from daftari.store import Tx

app = typer.Typer(help="Inbound: what messaging providers send, and where they send it.", no_args_is_help=True)

VERIFY_TOKEN_BYTES = 24
COLUMNS = (
    *("provider", "label", "start", "project", "state", "received", "refused", "quarantined"),
    *("created_at", "last_received_at", "last_refused_at"),
)
NOTHING = InboundCount(0, 0, 0, None, None)

StartArgument = Annotated[
    str, typer.Argument(metavar="START", help="How the token begins, as 'daftari inbound list' shows it.")
]


@app.command(
    "add",
    epilog=examples(
        "daftari inbound add --project Shopify --provider africas_talking --label 'short code 20414'",
        "daftari inbound add --project Shopify --provider twilio --secret-file auth-token.txt",
        "daftari inbound add --project Shopify --provider whatsapp --public-url https://phonebook.example",
    ),
)
def add_token(
    provider: Annotated[
        str, typer.Option("--provider", metavar="NAME", help=f"Who will call it: {', '.join(GATEWAYS)}.")
    ],
    project: ProjectOption = None,
    label: Annotated[str, typer.Option("--label", metavar="TEXT", help="What it is for, for whoever lists it.")] = "",
    secret_file: SecretFileOption = None,
    verify_token: Annotated[
        str | None, typer.Option("--verify-token", metavar="TEXT", help="What the provider's check must repeat.")
    ] = None,
    public_url: PublicUrlOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Make an address for a provider to call and print it, this once."""
    gateway = _find_gateway(provider)
    if verify_token and not gateway.has_check:
        raise fail(f"{gateway.title} checks no address, so it has no use for --verify-token.", code=WRONG_USAGE)
    kept_label = read_option("--label", label, lambda value: read_text(value, most=LABEL_MAX)) or ""
    settings = settings_from(config, database=database, public_url=public_url)
    with opened_store(config, database) as store:
        chosen = chosen_project(store, project)
        secret = find_secret(gateway, secret_file)
        repeated = (verify_token or secrets.token_urlsafe(VERIFY_TOKEN_BYTES)) if gateway.has_check else None
        written, _ = store.system_write(
            current_time(),
            inbound_tokens.create_token,
            project=chosen,
            provider=gateway.name,
            label=kept_label,
            signing_secret=secret,
            verify_token=repeated,
        )
    say(f"The address to paste at {gateway.title} for project {chosen.name!r}, shown this once:")
    typer.echo(f"{settings.public_url or shown_address(settings)}/v1/inbound/{gateway.name}/{written}")
    if repeated is not None:
        say(f"The verify token that {gateway.title} asks for with it, shown this once:")
        typer.echo(repeated)
    if settings.public_url is None:
        say("No public_url is set: put the address in front of it at which providers reach this service.")


@app.command("list", epilog=examples("daftari inbound list", "daftari inbound list --project Shopify --json"))
def list_tokens(
    project: Annotated[str | None, typer.Option("--project", metavar="NAME", help="Only this project's.")] = None,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """List the addresses: how they begin and what they brought. Never the address itself, nor a secret."""
    with opened_store(config, database) as store:
        found = store.system_read(current_time(), _list_tokens, project=project)
        brought = {owner.id: store.read(owner, current_time(), _count) for owner, _ in found}
    print_list(COLUMNS, [_row(owner, token, brought[owner.id]) for owner, token in found], as_json=as_json)
    if not found:
        say("There are no addresses; 'daftari inbound add --provider NAME' makes one.")


@app.command(
    "set-secret",
    epilog=examples(
        "daftari inbound set-secret 9fK2xq_1Bv",
        "daftari inbound set-secret 9fK2xq_1Bv --secret-file auth-token.txt",
        note="'daftari inbound replay' then reads again what was refused with the secret of before.",
    ),
)
def set_secret(
    start: StartArgument,
    secret_file: SecretFileOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Give an address another secret of its provider's."""
    with opened_store(config, database) as store:
        token = store.system_read(current_time(), inbound_tokens.get_token, start=start)
        secret = require_secret(GATEWAYS[token.provider], secret_file)
        store.system_write(current_time(), inbound_tokens.set_signing_secret, start=start, signing_secret=secret)
        project = store.system_read(current_time(), get_project, project_id=token.project_id)
        kept = 0 if project is None else store.read(project, current_time(), refused_requests.count_quarantine)
    say(f"The address that begins with {token.start} has another secret now.")
    if kept:
        say(f"Refused requests that are kept: {kept}; 'daftari inbound replay' reads them again.")


@app.command("revoke", epilog=examples("daftari inbound revoke 9fK2xq_1Bv"))
def revoke_token(start: StartArgument, database: DatabaseOption = None, config: ConfigOption = None) -> None:
    """Make an address stop working at once."""
    with opened_store(config, database) as store:
        token = store.system_write(current_time(), inbound_tokens.revoke_token, start=start)
    say(f"The address that begins with {token.start} is revoked.")


app.command("quarantine", epilog=quarantine.EPILOG)(quarantine.list_quarantine)
app.command("replay", epilog=quarantine.REPLAY_EPILOG)(quarantine.replay)
app.command("review", epilog=review.EPILOG)(review.list_reviews)
app.command("settle", epilog=review.SETTLE_EPILOG)(review.settle)


class _Brought(Struct, frozen=True):
    """What the tokens of a project brought, by id, and how many refused requests it keeps."""

    counts: dict[int, InboundCount]
    quarantined: int


def _count(tx: Tx) -> _Brought:
    return _Brought({count.token_id: count for count in receive.list_counts(tx)}, refused_requests.count_quarantine(tx))


def _list_tokens(tx: Tx, *, project: str | None) -> list[tuple[Project, InboundToken]]:
    """Tokens with their projects; those of projects that are deleted are nobody's."""
    owners = projects.list_projects(tx) if project is None else [projects.find_project(tx, name=project)]
    by_id = {owner.id: owner for owner in owners}
    return [(by_id[token.project_id], token) for token in inbound_tokens.list_tokens(tx) if token.project_id in by_id]


def _row(owner: Project, token: InboundToken, brought: _Brought) -> tuple[object, ...]:
    count = brought.counts.get(token.id, NOTHING)
    return (
        *(token.provider, token.label, token.start, owner.name, "active" if token.revoked_at is None else "revoked"),
        *(count.received, count.refused, brought.quarantined),
        *map(shown_time, (token.created_at, count.last_received_at, count.last_refused_at)),
    )


def _find_gateway(name: str) -> Gateway:
    gateway = GATEWAYS.get(name.strip().lower())
    if gateway is None:
        raise fail(f"--provider is {name!r}; it must be one of: {', '.join(GATEWAYS)}.", code=WRONG_USAGE)
    return gateway
