"""``daftari project …``: make, list, rename, change and delete projects."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
import typer

from daftari.cli.terminal.options import ConfigOption, DatabaseOption, JsonOption, examples, opened_store
from daftari.cli.terminal.output import WRONG_USAGE, fail, print_list, say, shown_time
from daftari.model.projects import ConsentSettings, OnDelete, OnError, Project, StopScope
from daftari.model.time import current_time
from daftari.rules.access import keys, projects
from daftari.store import SystemTx

FIRST_KEY_LABEL = "first"

app = typer.Typer(help="Projects: each one a book of contacts with its own keys.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The project's name, in any case.")]
_REGION = typer.Option("--region", metavar="CODE", help="The country whose numbers may lack their country code.")
_ON_ERROR = typer.Option("--on-error", help="What a create does with wrong rows: refuse the call, or skip them.")


def _words(option: str, what: str) -> typer.models.OptionInfo:
    words: typer.models.OptionInfo = typer.Option(
        option, metavar="WORDS", help=f"{what}, with commas; an empty text for the words of the house."
    )
    return words


@app.command(
    "create",
    epilog=examples(
        "daftari project create Shopify",
        'daftari project create "Duka Kubwa" --region UG --on-error skip',
        "daftari project create Moved --first-id 5001",
    ),
)
def create_project(
    name: NameArgument,
    region: Annotated[str, _REGION] = "KE",
    first_id: Annotated[int, typer.Option("--first-id", min=1, metavar="N", help="The id of the first contact.")] = 1,
    on_error: Annotated[OnError, _ON_ERROR] = "refuse",
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a project and print its first key, this once."""
    with opened_store(config, database) as store:
        project, secret = store.system_write(
            current_time(),
            _create_with_key,
            name=name,
            region=region.upper(),
            on_error=on_error,
            first_id=first_id,
        )
    say(f"Project {project.name!r} is made (region {project.region}). Its first key, shown this once:")
    typer.echo(secret)


@app.command("list", epilog=examples("daftari project list", "daftari project list --json"))
def list_projects(as_json: JsonOption = False, database: DatabaseOption = None, config: ConfigOption = None) -> None:
    """List the projects."""
    with opened_store(config, database) as store:
        found = store.system_read(current_time(), projects.list_projects)
    rows = [
        (
            *(project.name, project.region, project.on_error, shown_time(project.created_at)),
            msgspec.to_builtins(project.consent) if as_json else _shown_consent(project.consent),
        )
        for project in found
    ]
    print_list(("name", "region", "on_error", "created_at", "consent"), rows, as_json=as_json)
    if not found:
        say("There are no projects; 'daftari project create NAME' makes one.")


@app.command("rename", epilog=examples("daftari project rename Shopify Duka"))
def rename_project(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The project's name.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its name from now on.")],
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Give a project another name. Requests that send a former name go on working."""
    with opened_store(config, database) as store:
        project = store.system_write(current_time(), projects.rename_project, name=old, new_name=new)
    say(f"The project is called {project.name!r} now.")


@app.command(
    "set",
    epilog=examples(
        "daftari project set Shopify --region UG",
        "daftari project set Shopify --on-error skip",
        "daftari project set Shopify --stop-scope channel --require-opt-in",
        'daftari project set Shopify --quiet-hours "08:00-20:00 Africa/Nairobi" --opt-out-words "stop, acha, toa"',
    ),
)
def set_project(
    name: NameArgument,
    region: Annotated[str | None, _REGION] = None,
    on_error: Annotated[OnError | None, _ON_ERROR] = None,
    stop_scope: Annotated[StopScope | None, typer.Option("--stop-scope", help="What a plain STOP is about.")] = None,
    on_delete: Annotated[
        OnDelete | None, typer.Option("--on-delete", help="What a DELETE without a reason means.")
    ] = None,
    require_opt_in: Annotated[
        bool | None,
        typer.Option(
            "--require-opt-in/--no-require-opt-in", help="Message nobody without an opt-in.", show_default=False
        ),
    ] = None,
    quiet_hours: Annotated[
        str | None,
        typer.Option(
            "--quiet-hours", metavar="TEXT", help="When sending is allowed: 08:00-18:00 Africa/Nairobi, or off."
        ),
    ] = None,
    opt_out_words: Annotated[str | None, _words("--opt-out-words", "What people write to stop")] = None,
    opt_in_words: Annotated[str | None, _words("--opt-in-words", "What people write to start again")] = None,
    help_words: Annotated[str | None, _words("--help-words", "What people write for help")] = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Change a project's settings. Numbers already stored stay as they are, and so does what was recorded."""
    consent = {
        "stop_scope": stop_scope,
        "on_delete": on_delete,
        "require_opt_in": require_opt_in,
        "quiet_hours": quiet_hours,
        "opt_out_words": _split(opt_out_words),
        "opt_in_words": _split(opt_in_words),
        "help_words": _split(help_words),
    }
    if region is None and on_error is None and all(value is None for value in consent.values()):
        sentence = "Nothing to set: give --region or --on-error, or a setting of consent such as --stop-scope."
        raise fail(sentence, code=WRONG_USAGE)
    with opened_store(config, database) as store:
        changed = region.upper() if region else None
        project = store.system_write(
            current_time(), projects.set_project, name=name, region=changed, on_error=on_error, consent=consent
        )
    shown = _shown_consent(project.consent) or "all as by default"
    say(f"Project {project.name!r} has region {project.region} and on_error {project.on_error}; consent: {shown}.")


@app.command("delete", epilog=examples("daftari project delete Shopify", "daftari project delete Shopify --yes"))
def delete_project(
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Delete a project with its contacts, groups and keys. Its keys stop at once; the rest goes in the background."""
    with opened_store(config, database) as store:
        project = store.system_read(current_time(), projects.find_project, name=name)
        if not yes:
            _ask_for_name(project)
        store.system_write(current_time(), projects.delete_project, name=project.name)
    say(f"Project {project.name!r} is deleted.")


def _split(words: str | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(words.split(","))


def _shown_consent(consent: ConsentSettings) -> str:
    """What is not as by default, for people: ``stop_scope=channel, opt_out_words=stop|acha``."""
    members = msgspec.to_builtins(consent)
    return ", ".join(f"{name}={_shown_setting(value)}" for name, value in members.items())


def _shown_setting(value: object) -> str:
    if isinstance(value, tuple | list):
        return "|".join(value)
    return "yes" if value is True else str(value)


def _create_with_key(tx: SystemTx, *, name: str, region: str, on_error: OnError, first_id: int) -> tuple[Project, str]:
    project = projects.create_project(tx, name=name, region=region, on_error=on_error, first_id=first_id)
    secret, _ = keys.create_key(tx, project=project, label=FIRST_KEY_LABEL, read_only=False, expires_at=None)
    return project, secret


def _ask_for_name(project: Project) -> None:
    """Go on only if a person types the project's name."""
    if not sys.stdin.isatty():
        raise fail("Nobody can be asked here; say --yes to delete without asking.", code=WRONG_USAGE)
    typed = typer.prompt(f"This deletes every contact of {project.name!r} for good. Type the project's name", err=True)
    if typed.strip() != project.name:
        raise fail("That is not its name; nothing was deleted.")
