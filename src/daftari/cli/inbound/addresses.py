"""``daftari inbound add``, ``list``, ``set-secret`` and ``revoke``: the addresses that messaging providers call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from daftari.cli.inbound import quarantine, review
from daftari.cli.terminal.commands import command, command_group
from daftari.cli.terminal.options import (
    DatabaseOptions,
    JsonOption,
    OnlyProjectOption,
    ProjectOptions,
    PublicUrlOption,
)
from daftari.cli.terminal.output import WRONG_USAGE, fail, format_count, format_optional_time, print_list, say
from daftari.cli.terminal.prompts import SecretFileOption, find_secret, require_secret
from daftari.cli.terminal.scope import read_option
from daftari.gateways import GATEWAYS, Gateway
from daftari.model.inbound import InboundCount, InboundToken
from daftari.model.limits import LABEL_MAX
from daftari.model.projects import Project
from daftari.model.time import current_time

if TYPE_CHECKING:
    from daftari.rules.inbound.summary import InboundSummary

app = command_group("Inbound: addresses for providers, and what they sent.")

VERIFY_TOKEN_BYTES = 24
COLUMNS = (
    *("provider", "label", "start", "project", "state", "received", "refused", "quarantined"),
    *("created_at", "last_received_at", "last_refused_at"),
)
NO_REQUESTS = InboundCount(0, 0, 0, None, None)

StartArgument = Annotated[
    str, typer.Argument(metavar="START", help="The first characters of the token, from 'daftari inbound list'.")
]


@command(
    app,
    "add",
    "daftari inbound add --project Shopify --provider africas_talking --label 'short code 20414'",
    "daftari inbound add --project Shopify --provider twilio --secret-file auth-token.txt",
    "daftari inbound add --project Shopify --provider whatsapp --public-url https://phonebook.example",
)
def add_token(
    *,
    provider: Annotated[
        str, typer.Option("--provider", metavar="NAME", help=f"The provider; one of: {', '.join(GATEWAYS)}.")
    ],
    label: Annotated[str, typer.Option("--label", metavar="TEXT", help="What the address is for.")] = "",
    secret_file: SecretFileOption = None,
    verify_token: Annotated[
        str | None,
        typer.Option(
            "--verify-token", metavar="TEXT", help="What WhatsApp's check of the address must repeat. [default: random]"
        ),
    ] = None,
    public_url: PublicUrlOption = None,
    where: ProjectOptions,
) -> None:
    """Create an address for a messaging provider and print it.

    The address is shown only this once.
    """
    import secrets

    from daftari.rules.access import inbound_tokens
    from daftari.rules.fields import read_text
    from daftari.serving.supervisor import format_address

    gateway = _find_gateway(provider)
    if verify_token and not gateway.has_check:
        raise fail(f"{gateway.title} checks no address, so it needs no --verify-token.", code=WRONG_USAGE)
    kept_label = read_option("--label", label, lambda value: read_text(value, most=LABEL_MAX)) or ""
    settings = where.read_settings(public_url=public_url)
    with where.open_project() as (store, project):
        secret = find_secret(gateway, secret_file)
        repeated = (verify_token or secrets.token_urlsafe(VERIFY_TOKEN_BYTES)) if gateway.has_check else None
        token, _ = store.system_write(
            current_time(),
            inbound_tokens.create_token,
            project=project,
            provider=gateway.name,
            label=kept_label,
            signing_secret=secret,
            verify_token=repeated,
        )
    say(f"The address of project {project.name!r} for {gateway.title}, shown only this once:")
    typer.echo(f"{settings.public_url or format_address(settings)}/v1/inbound/{gateway.name}/{token}")
    if repeated is not None:
        say(f"The verify token for {gateway.title}, shown only this once:")
        typer.echo(repeated)
    if settings.public_url is None:
        say("No public_url is set: replace the beginning with the address at which providers reach this service.")


@command(app, "list", "daftari inbound list", "daftari inbound list --project Shopify --json")
def list_tokens(*, project: OnlyProjectOption = None, as_json: JsonOption = False, where: DatabaseOptions) -> None:
    """List the addresses and how many requests each received and refused.

    Neither the address nor its secret is shown.
    """
    from daftari.rules.access.projects import list_tokens_with_projects
    from daftari.rules.inbound.summary import summarize_inbound

    with where.open_store() as store:
        found = store.system_read(current_time(), list_tokens_with_projects, project=project)
        owners = {owner.id: owner for owner, _ in found}
        summaries = {key: store.read(owner, current_time(), summarize_inbound) for key, owner in owners.items()}
    rows = [_make_row(owner, token, summaries[owner.id]) for owner, token in found]
    print_list(COLUMNS, rows, as_json=as_json)
    if not found:
        say("There are no addresses; create one with 'daftari inbound add --provider NAME'.")


@command(
    app,
    "set-secret",
    "daftari inbound set-secret 9fK2xq_1Bv",
    "daftari inbound set-secret 9fK2xq_1Bv --secret-file auth-token.txt",
    note="'daftari inbound replay' then verifies again what was refused with the old secret.",
)
def set_secret(start: StartArgument, *, secret_file: SecretFileOption = None, where: DatabaseOptions) -> None:
    """Replace the provider's secret of an address."""
    from daftari.rules.access import inbound_tokens
    from daftari.rules.access.projects import get_project
    from daftari.rules.inbound.quarantine import count_quarantine

    with where.open_store() as store:
        token = store.system_read(current_time(), inbound_tokens.get_own_token, start=start)
        secret = require_secret(GATEWAYS[token.provider], secret_file)
        store.system_write(current_time(), inbound_tokens.set_signing_secret, start=start, signing_secret=secret)
        project = store.system_read(current_time(), get_project, project_id=token.project_id)
        kept = 0 if project is None else store.read(project, current_time(), count_quarantine)
    say(f"The address that begins with {token.start} has the new secret.")
    if kept:
        say(f"{format_count(kept, 'refused request')} kept; verify again with 'daftari inbound replay'.")


@command(app, "revoke", "daftari inbound revoke 9fK2xq_1Bv")
def revoke_token(start: StartArgument, *, where: DatabaseOptions) -> None:
    """Revoke an address; it stops working at once."""
    from daftari.rules.access import inbound_tokens

    with where.open_store() as store:
        token = store.system_write(current_time(), inbound_tokens.revoke_token, start=start)
    say(f"The address that begins with {token.start} is revoked.")


app.add_typer(quarantine.app)
app.add_typer(review.app)


def _make_row(owner: Project, token: InboundToken, summary: InboundSummary) -> tuple[object, ...]:
    count = summary.counts.get(token.id, NO_REQUESTS)
    return (
        *(token.provider, token.label, token.start, owner.name, _state_of(token)),
        *(count.received, count.refused, summary.quarantined),
        *map(format_optional_time, (token.created_at, count.last_received_at, count.last_refused_at)),
    )


def _state_of(token: InboundToken) -> str:
    if token.revoked_at is None:
        return "active"
    return "revoked" if token.revoked_at <= current_time() else f"until {format_optional_time(token.revoked_at)}"


def _find_gateway(name: str) -> Gateway:
    gateway = GATEWAYS.get(name.strip().lower())
    if gateway is None:
        raise fail(f"--provider is {name!r}; it must be one of: {', '.join(GATEWAYS)}.", code=WRONG_USAGE)
    return gateway
