"""``daftari project``: creates, lists, renames, changes and deletes projects."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from daftari.cli.terminal.commands import command, command_group
from daftari.cli.terminal.options import DatabaseOptions, JsonOption, YesOption
from daftari.cli.terminal.output import WRONG_USAGE, fail, format_optional_time, print_list, say
from daftari.cli.terminal.prompts import confirm
from daftari.model.limits import FEED_DAYS_MAX, SEARCHABLE_MAX
from daftari.model.projects import ConsentSettings, OnDelete, OnError, StopScope
from daftari.model.time import current_time

COLUMNS = ("name", "region", "on_error", "created_at", "consent", "feed_days", "zone", "searchable")
DEFAULT_REGION = "KE"

app = command_group("Projects: each has its own contacts and API keys.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The project's name, in any case.")]
_REGION = typer.Option("--region", metavar="CODE", help="The country of numbers without a country code.")
_ZONE = typer.Option(
    "--zone", metavar="ZONE", help="The time zone of the console's pages; an empty text: that of the region."
)
_ON_ERROR = typer.Option("--on-error", help="When some rows of a create are wrong: refuse the call, or skip the rows.")
_QUIET_HOURS = typer.Option(
    "--quiet-hours",
    metavar="TEXT",
    help="When sending is allowed: 08:00-18:00 Africa/Nairobi, or off; an empty text: the region's hours.",
)
_MESSAGE_CAPS = typer.Option(
    "--message-caps",
    metavar="TEXT",
    help="How often a number may be messaged: marketing=3/24 is 3 in 24 hours; an empty text: no limit.",
)
_FEED_DAYS = typer.Option(
    "--feed-days", min=1, max=FEED_DAYS_MAX, metavar="DAYS", help="How long the feed keeps a change."
)

_SEARCHABLE = typer.Option(
    "--searchable",
    metavar="NAMES",
    help=f"The attributes, {SEARCHABLE_MAX} at most, that contacts are searched by, with commas; an empty text: none.",
)


def _words_option(option: str, what: str) -> typer.models.OptionInfo:
    words: typer.models.OptionInfo = typer.Option(
        option, metavar="WORDS", help=f"Words {what}, separated by commas; an empty text restores the default words."
    )
    return words


@command(
    app,
    "create",
    "daftari project create Shopify",
    'daftari project create "Duka Kubwa" --region UG --on-error skip',
    "daftari project create Moved --first-id 5001",
)
def create_project(
    name: NameArgument,
    *,
    region: Annotated[str, _REGION] = DEFAULT_REGION,
    first_id: Annotated[int, typer.Option("--first-id", min=1, metavar="N", help="The id of the first contact.")] = 1,
    on_error: Annotated[OnError, _ON_ERROR] = "refuse",
    zone: Annotated[str | None, _ZONE] = None,
    where: DatabaseOptions,
) -> None:
    """Create a project and print its first API key.

    The key is shown only this once.
    """
    from daftari.rules.access.projects import create_project_with_key

    with where.open_store() as store:
        project, key = store.system_write(
            current_time(),
            create_project_with_key,
            name=name,
            region=region.upper(),
            on_error=on_error,
            first_id=first_id,
            zone=zone,
        )
    say(f"Project {project.name!r} is created (region {project.region}). Its first API key, shown only this once:")
    typer.echo(key)


@command(app, "list", "daftari project list", "daftari project list --json")
def list_projects(*, as_json: JsonOption = False, where: DatabaseOptions) -> None:
    """List the projects and the settings of consent that differ from the defaults."""
    from daftari.rules.access import projects
    from daftari.rules.access.zones import zone_of

    with where.open_store() as store:
        found = store.system_read(current_time(), projects.list_projects)
    rows = [
        (
            *(project.name, project.region, project.on_error, format_optional_time(project.created_at)),
            msgspec.to_builtins(project.consent) if as_json else _format_consent(project.consent),
            project.feed_days,
            zone_of(project),
            project.searchable if as_json else ", ".join(project.searchable),
        )
        for project in found
    ]
    print_list(COLUMNS, rows, as_json=as_json)
    if not found:
        say("There are no projects; create one with 'daftari project create NAME'.")


@command(app, "rename", "daftari project rename Shopify Duka")
def rename_project(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The project's name.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")],
    *,
    where: DatabaseOptions,
) -> None:
    """Rename a project.

    Requests that send a former name still work.
    """
    from daftari.rules.access import projects

    with where.open_store() as store:
        project = store.system_write(current_time(), projects.rename_project, name=old, new_name=new)
    say(f"The project is now called {project.name!r}.")


@command(
    app,
    "set",
    "daftari project set Shopify --region UG",
    "daftari project set Shopify --on-error skip",
    "daftari project set Shopify --searchable member_no,branch",
    "daftari project set Shopify --stop-scope channel --require-opt-in",
    'daftari project set Shopify --quiet-hours "08:00-20:00 Africa/Nairobi" --opt-out-words "stop, acha, toa"',
)
def set_project(
    name: NameArgument,
    *,
    region: Annotated[str | None, _REGION] = None,
    on_error: Annotated[OnError | None, _ON_ERROR] = None,
    stop_scope: Annotated[
        StopScope | None, typer.Option("--stop-scope", help="What a STOP without more words opts out of.")
    ] = None,
    on_delete: Annotated[
        OnDelete | None, typer.Option("--on-delete", help="What a DELETE without a reason records.")
    ] = None,
    require_opt_in: Annotated[
        bool | None,
        typer.Option(
            "--require-opt-in/--no-require-opt-in",
            help="Allow messages only to numbers with an opt-in.",
            show_default=False,
        ),
    ] = None,
    quiet_hours: Annotated[str | None, _QUIET_HOURS] = None,
    message_caps: Annotated[str | None, _MESSAGE_CAPS] = None,
    opt_out_words: Annotated[str | None, _words_option("--opt-out-words", "that opt out")] = None,
    opt_in_words: Annotated[str | None, _words_option("--opt-in-words", "that opt in")] = None,
    help_words: Annotated[str | None, _words_option("--help-words", "that ask for help")] = None,
    feed_days: Annotated[int | None, _FEED_DAYS] = None,
    zone: Annotated[str | None, _ZONE] = None,
    searchable: Annotated[str | None, _SEARCHABLE] = None,
    where: DatabaseOptions,
) -> None:
    """Change the settings of a project.

    Needs at least one option. Numbers and facts that are already stored do not change.
    """
    from daftari.rules.access import projects
    from daftari.rules.access.zones import zone_of

    consent = {
        "stop_scope": stop_scope,
        "on_delete": on_delete,
        "require_opt_in": require_opt_in,
        "quiet_hours": quiet_hours,
        "caps": message_caps,
        "opt_out_words": _split_words(opt_out_words),
        "opt_in_words": _split_words(opt_in_words),
        "help_words": _split_words(help_words),
    }
    if all(value is None for value in (region, on_error, feed_days, zone, searchable, *consent.values())):
        raise fail("Nothing to change: give --region, --on-error or another option.", code=WRONG_USAGE)
    changed = region.upper() if region else None
    with where.open_store() as store:
        project = store.system_write(
            current_time(),
            projects.set_project,
            name=name,
            region=changed,
            on_error=on_error,
            consent=consent,
            feed_days=feed_days,
            zone=zone,
            searchable=_split_words(searchable),
        )
    settings = _format_consent(project.consent) or "defaults"
    say(
        f"Project {project.name!r} has region {project.region} and on_error {project.on_error}; consent: {settings}. "
        f"Its feed keeps changes for {project.feed_days} days; its pages have the times of {zone_of(project)}. "
        f"Searchable attributes: {', '.join(project.searchable) or 'none'}."
    )


@command(app, "delete", "daftari project delete Shopify", "daftari project delete Shopify --yes")
def delete_project(name: NameArgument, *, yes: YesOption = False, where: DatabaseOptions) -> None:
    """Delete a project with its contacts, groups and API keys.

    The keys stop working at once. The service or 'daftari worker' then deletes the data.
    """
    from daftari.rules.access import projects

    with where.open_store() as store:
        project = store.system_read(current_time(), projects.find_project, name=name)
        if not yes:
            question = f"This deletes every contact of {project.name!r} permanently. Type the project's name"
            confirm(question, is_right=lambda typed: typed.strip() == project.name)
        store.system_write(current_time(), projects.delete_project, name=project.name)
    say(f"Project {project.name!r} is deleted.")


def _split_words(words: str | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(words.split(","))


def _format_consent(consent: ConsentSettings) -> str:
    """The settings that differ from the defaults: ``stop_scope=channel, opt_out_words=stop|acha``."""
    return ", ".join(f"{name}={_format_setting(value)}" for name, value in msgspec.to_builtins(consent).items())


def _format_setting(value: object) -> str:
    if isinstance(value, tuple | list):
        return "|".join(value)
    if isinstance(value, dict):
        return "|".join(f"{purpose}={cap['messages']}/{cap['hours']}" for purpose, cap in value.items())
    return "yes" if value is True else str(value)
