"""``daftari sender``: what people see messages come from, each at one account of a provider.

A credential is never the value of an option, which other users of the machine would see.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from daftari.cli.terminal.commands import Options, command, command_group
from daftari.cli.terminal.options import JsonOption, ProjectOptions, PublicUrlOption, YesOption
from daftari.cli.terminal.output import FAILED, WRONG_USAGE, fail, print_json, print_list, say
from daftari.cli.terminal.prompts import CredentialsFileOption, ask_credential, confirm, read_credentials_file
from daftari.gateways import SENDING_GATEWAYS, SendingGateway
from daftari.model.consent import CHANNELS
from daftari.model.limits import FORMER_ADDRESS_HOURS, FORMER_ADDRESS_HOURS_MAX
from daftari.model.projects import Actor, Project
from daftari.model.time import current_time
from daftari.store import Store

if TYPE_CHECKING:
    from daftari.rules.senders.lifecycle import SenderView

app = command_group("Senders: what people see messages come from.")

COLUMNS = (
    *("id", "name", "channel", "gateway", "purpose", "parts_per_second", "hours", "paused", "waits_for"),
    *("sent_today", "created_at"),
)
VARIABLES = "DAFTARI_SENDER_"
"""Before the name of a credential in capitals: a variable that holds it."""

SenderArgument = Annotated[
    str, typer.Argument(metavar="SENDER", help="The name or the id of a sender, from 'daftari sender list'.")
]


class SenderOptions(Options, frozen=True, kw_only=True):
    """How a sender sends."""

    setting: Annotated[
        list[str] | None,
        typer.Option("--setting", metavar="NAME=VALUE", help="What the provider needs and is no secret; repeatable."),
    ] = None
    credentials_file: CredentialsFileOption = None
    purpose: Annotated[
        str | None,
        typer.Option("--purpose", metavar="PURPOSE", help="marketing or transactional. [default: marketing]"),
    ] = None
    parts_per_second: Annotated[
        str | None, typer.Option("--parts-per-second", metavar="NUMBER", help="Its speed. [default: 10]")
    ] = None
    daily_max: Annotated[
        str | None, typer.Option("--daily-max", metavar="NUMBER", help="Messages in 24 hours. [default: any]")
    ] = None
    in_flight: Annotated[
        str | None, typer.Option("--in-flight", metavar="NUMBER", help="Calls under way at once. [default: 10]")
    ] = None
    hours: Annotated[
        str | None,
        typer.Option("--hours", metavar="HOURS", help="Such as '08:00-18:00 Africa/Nairobi'. [default: always]"),
    ] = None
    suffix: Annotated[
        str | None, typer.Option("--suffix", metavar="TEXT", help="What the provider appends to every text.")
    ] = None
    part_price: Annotated[
        str | None, typer.Option("--part-price", metavar="PRICE", help="The price of a part, such as 'KES 0.80'.")
    ] = None
    on_unknown: Annotated[
        str | None,
        typer.Option(
            "--on-unknown",
            metavar="WORD",
            help="When it is not known whether a message was sent: hold, or resend, perhaps twice. [default: hold]",
        ),
    ] = None
    keyword: Annotated[str | None, typer.Option("--keyword", metavar="WORD", help="The word of a premium service.")] = (
        None
    )
    answers_as: Annotated[
        list[str] | None,
        typer.Option("--answers-as", metavar="NAME", help="Another name or number that people answer; repeatable."),
    ] = None

    def read(self, *, settings: Mapping[str, str]) -> dict[str, object]:
        """What was given, by the API's names; a blank text is ``None``. ``settings``: those that it has already."""
        names = ("purpose", "parts_per_second", "daily_max", "in_flight", "hours", "suffix", "part_price")
        given = {name: getattr(self, name) for name in (*names, "on_unknown", "keyword")}
        values: dict[str, object] = {name: value.strip() or None for name, value in given.items() if value is not None}
        if self.answers_as:
            values["answers_as"] = self.answers_as
        if self.setting:
            values["settings"] = {**settings, **dict(map(_read_setting, self.setting))}
        return values


@command(
    app,
    "add",
    "daftari sender add --name DUKA --gateway africas_talking --channel sms --setting username=duka",
    "daftari sender add --name +254711000000 --gateway twilio --channel sms --setting account_sid=AC0123",
    "daftari sender add --name DUKA --gateway sozuri --channel sms --setting project=duka --credentials-file -",
    note=(
        f"Credentials are asked for on a terminal, or come from a file, or from variables such as {VARIABLES}API_KEY. "
        "docs/senders.md lists what each provider needs."
    ),
)
def add_sender(
    *,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What people see a message come from.")],
    gateway: Annotated[
        str, typer.Option("--gateway", metavar="GATEWAY", help=f"One of: {', '.join(SENDING_GATEWAYS)}.")
    ],
    channel: Annotated[str, typer.Option("--channel", metavar="CHANNEL", help=f"One of: {', '.join(CHANNELS)}.")],
    how: SenderOptions,
    public_url: PublicUrlOption = None,
    where: ProjectOptions,
) -> None:
    """Add a sender, and print the address for its reports and replies."""
    from daftari.rules.access.inbound_tokens import write_token
    from daftari.rules.senders import lifecycle

    found = SENDING_GATEWAYS.get(gateway.strip().lower())
    if found is None:
        raise fail(f"--gateway is {gateway!r}; it must be one of: {', '.join(SENDING_GATEWAYS)}.", code=WRONG_USAGE)
    values = {"name": name, "gateway": found.name, "channel": channel, **how.read(settings={})}
    values["credentials"] = _find_credentials(found, how.credentials_file, ask=True)
    settings = where.read_settings(public_url=public_url)
    with where.open_project() as (store, project):
        given = lifecycle.read_sender(values, before=None)
        actor = Actor(None, "sender add")
        view = store.write(project, actor, current_time(), lifecycle.create_sender, given=given, token=write_token())
        shown = _name_address(store, project, view, public_url=settings.public_url)
    say(f"The sender {shown.name!r} of project {project.name!r} has the id {shown.id}.")
    _print_address(shown)


@command(app, "list", "daftari sender list", "daftari sender list --project Shopify --json")
def list_senders(*, as_json: JsonOption = False, where: ProjectOptions) -> None:
    """List the senders of a project."""
    from daftari.rules.senders import lifecycle

    with where.open_project() as (store, project):
        found = store.read(project, current_time(), lifecycle.list_senders)
    print_list(COLUMNS, [[getattr(view, column) for column in COLUMNS] for view in found], as_json=as_json)
    if not found:
        say("There are no senders; add one with 'daftari sender add'.")


@command(app, "show", "daftari sender show DUKA", "daftari sender show 12 --project Shopify")
def show_sender(sender: SenderArgument, *, public_url: PublicUrlOption = None, where: ProjectOptions) -> None:
    """Show a sender as JSON, with the address for its reports and replies. Of credentials only the names are shown."""
    settings = where.read_settings(public_url=public_url)
    with where.open_project() as (store, project):
        print_json(_name_address(store, project, _find(store, project, sender), public_url=settings.public_url))


@command(
    app,
    "change",
    "daftari sender change DUKA --parts-per-second 50",
    "daftari sender change DUKA --credentials",
    "daftari sender change DUKA --answers-as 20414 --answers-as +254711000000",
    note="A blank value sets the default again. Names that people may answer are added and never taken away.",
)
def change_sender(
    sender: SenderArgument,
    *,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Another name.")] = None,
    credentials: Annotated[
        bool, typer.Option("--credentials", help="Ask for the credentials; those that are left blank stay.")
    ] = False,
    how: SenderOptions,
    public_url: PublicUrlOption = None,
    where: ProjectOptions,
) -> None:
    """Change a sender. What is not given stays as it is."""
    from daftari.rules.senders import lifecycle

    settings = where.read_settings(public_url=public_url)
    with where.open_project() as (store, project):
        before = _find(store, project, sender)
        values = how.read(settings=before.settings)
        given = _find_credentials(SENDING_GATEWAYS[before.gateway], how.credentials_file, ask=credentials, stays=True)
        values |= {"credentials": given} if given else {}
        values |= {"name": name} if name is not None else {}
        if not values:
            raise fail("Nothing is to be changed; see 'daftari sender change --help'.", code=WRONG_USAGE)
        actor = Actor(None, "sender change")
        view = store.write(project, actor, current_time(), lifecycle.change_sender, sender_id=before.id, values=values)
        shown = _name_address(store, project, view, public_url=settings.public_url)
    say(f"The sender {shown.name!r} is changed.")
    if shown.waits_for:
        say(f"It sends nothing yet: {shown.waits_for}")


@command(
    app,
    "check",
    "daftari sender check DUKA",
    note="Exit codes: 0 the account works or the provider has no such call, 1 it does not.",
)
def check_sender(sender: SenderArgument, *, where: ProjectOptions) -> None:
    """Ask the provider about the account: its balance, or that it exists. No message is sent."""
    from daftari.rules.senders.addresses import ensure_addresses
    from daftari.rules.senders.check import check_account, open_account

    settings = where.read_settings()
    with where.open_project() as (store, project):
        view = _find(store, project, sender)
        opened = store.read(project, current_time(), open_account, sender_id=view.id)
        ensure_addresses(store, project, now=current_time())
    found = check_account(opened, allowed_hosts=settings.outbound_hosts)
    say(found.says)
    if found.works is False:
        raise typer.Exit(FAILED)


@command(app, "pause", "daftari sender pause DUKA")
def pause_sender(sender: SenderArgument, *, where: ProjectOptions) -> None:
    """Send nothing more, from within a second on; what waits keeps waiting."""
    from daftari.rules.senders import lifecycle

    with where.open_project() as (store, project):
        view = _find(store, project, sender)
        actor = Actor(None, "sender pause")
        store.write(project, actor, current_time(), lifecycle.pause_sender, sender_id=view.id)
    say(f"The sender {view.name!r} is paused.")


@command(app, "resume", "daftari sender resume DUKA")
def resume_sender(sender: SenderArgument, *, where: ProjectOptions) -> None:
    """Send again."""
    from daftari.rules.senders import lifecycle

    with where.open_project() as (store, project):
        view = _find(store, project, sender)
        actor = Actor(None, "sender resume")
        store.write(project, actor, current_time(), lifecycle.resume_sender, sender_id=view.id)
    say(f"The sender {view.name!r} sends again.")


@command(
    app,
    "rotate",
    "daftari sender rotate DUKA",
    "daftari sender rotate DUKA --keep-hours 0",
    note="With --keep-hours 0 the former address stops at once: for one that leaked.",
)
def rotate_address(
    sender: SenderArgument,
    *,
    keep_hours: Annotated[
        int,
        typer.Option(
            "--keep-hours", metavar="N", min=0, max=FORMER_ADDRESS_HOURS_MAX, help="How long the former one works too."
        ),
    ] = FORMER_ADDRESS_HOURS,
    public_url: PublicUrlOption = None,
    where: ProjectOptions,
) -> None:
    """Give a sender another address for reports and replies, and print it."""
    from daftari.rules.access.inbound_tokens import write_token
    from daftari.rules.senders import lifecycle

    settings = where.read_settings(public_url=public_url)
    with where.open_project() as (store, project):
        view = _find(store, project, sender)
        view = store.write(
            project,
            Actor(None, "sender rotate"),
            current_time(),
            lifecycle.rotate_address,
            sender_id=view.id,
            token=write_token(),
            keep_hours=keep_hours,
        )
        shown = _name_address(store, project, view, public_url=settings.public_url)
    _print_address(shown)


@command(app, "delete", "daftari sender delete DUKA", "daftari sender delete 12 --yes")
def delete_sender(sender: SenderArgument, *, yes: YesOption = False, where: ProjectOptions) -> None:
    """Delete a sender, its credentials and its address. What it sent stays."""
    from daftari.rules.senders import lifecycle
    from daftari.rules.senders.addresses import ensure_addresses

    with where.open_project() as (store, project):
        view = _find(store, project, sender)
        if not yes:
            confirm(
                f"Type the sender's name to delete it ({view.name})", is_right=lambda typed: typed.strip() == view.name
            )
        actor = Actor(None, "sender delete")
        store.write(project, actor, current_time(), lifecycle.delete_sender, sender_id=view.id)
        ensure_addresses(store, project, now=current_time())
    say(f"The sender {view.name!r} is deleted.")


def _find(store: Store, project: Project, written: str) -> SenderView:
    from daftari.rules.senders import lifecycle

    return store.read(
        project,
        current_time(),
        lambda tx: lifecycle.show_sender(tx, lifecycle.find_sender(tx, written=written.strip(), channel="")),
    )


def _name_address(store: Store, project: Project, view: SenderView, *, public_url: str | None) -> SenderView:
    """The sender with its address, which is accepted from now on."""
    from daftari.rules.senders.addresses import ensure_addresses, show_address
    from daftari.rules.senders.lifecycle import name_address

    addresses = ensure_addresses(store, project, now=current_time())
    if view.id not in addresses:
        return view
    return name_address(view, show_address(addresses[view.id], public_url=public_url))


def _print_address(shown: SenderView) -> None:
    if shown.reports_url is not None:
        say("Give this address to the provider, for delivery reports and replies:")
        typer.echo(shown.reports_url)
    if shown.verify_token is not None:
        say("The verify token for it:")
        typer.echo(shown.verify_token)
    for note in filter(None, (shown.reports_note, shown.waits_for)):
        say(note)


def _read_setting(written: str) -> tuple[str, str]:
    name, mark, value = written.partition("=")
    if not mark or not name.strip():
        raise fail(f"--setting is {written!r}; write it as NAME=VALUE, such as username=duka.", code=WRONG_USAGE)
    return name.strip(), value


def _find_credentials(gateway: SendingGateway, file: str | None, *, ask: bool, stays: bool = False) -> dict[str, str]:
    """Credentials from the file, then from variables, then from the terminal. Blank ones are left out."""
    found = {} if file is None else read_credentials_file(file)
    missing: Sequence[str] = [field.name for field in gateway.credentials if field.name not in found]
    found |= {name: value for name in missing if (value := os.environ.get(VARIABLES + name.upper()))}
    if ask and file is None and sys.stdin.isatty():
        for field in gateway.credentials:
            if field.name not in found:
                is_needed = field.is_required and not stays
                found[field.name] = ask_credential(gateway.title, field.name, field.help, is_needed=is_needed)
    return {name: value.strip() for name, value in found.items() if value.strip()}
