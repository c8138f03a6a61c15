"""``daftari user``: adds, lists and removes the users of the console, and makes the links with which they sign in."""

from __future__ import annotations

from typing import Annotated

import typer

from daftari.cli.terminal.commands import command, command_group
from daftari.cli.terminal.options import DatabaseOptions, JsonOption, OnlyProjectOption, PublicUrlOption, YesOption
from daftari.cli.terminal.output import WRONG_USAGE, fail, format_optional_time, print_list, say
from daftari.cli.terminal.prompts import confirm
from daftari.model.limits import LINK_HOURS
from daftari.model.time import current_time
from daftari.model.users import Grant, Role
from daftari.settings import Settings

COLUMNS = ("email", "name", "operator", "password", "project", "role", "last_used_at")
ON_THE_HOST = "Works on the database alone, never on a server by --url: no API key makes or changes users."

app = command_group("Users of the console: add, list and remove them.")

EmailArgument = Annotated[str, typer.Argument(metavar="EMAIL", help="The user's e-mail address, in any case.")]


@command(
    app,
    "add",
    "daftari user add asha@example.com --project Shopify --role owner",
    "daftari user add juma@example.com --project Shopify --role editor --may-send",
    "daftari user add asha@example.com --operator",
    note=ON_THE_HOST,
)
def add_user(
    email: EmailArgument,
    *,
    name: Annotated[
        str | None, typer.Option("--name", metavar="TEXT", help="What a new user is called. [default: from EMAIL]")
    ] = None,
    project: Annotated[str | None, typer.Option("--project", metavar="NAME", help="The project of the role.")] = None,
    role: Annotated[
        Role | None,
        typer.Option("--role", help="What the user may do: look; change contacts and consent; or everything."),
    ] = None,
    may_send: Annotated[
        bool, typer.Option("--may-send", help="Let an editor start campaigns, send messages and turn triggers on.")
    ] = False,
    may_erase: Annotated[bool, typer.Option("--may-erase", help="Let an editor erase people.")] = False,
    operator: Annotated[bool, typer.Option("--operator", help="Let the user make projects.")] = False,
    public_url: PublicUrlOption = None,
    where: DatabaseOptions,
) -> None:
    """Add a user, or give one who is there a role in another project.

    Prints the link with which a new user sets a password; it works once, for an hour. One who is there gets no link,
    and sees the project after signing in the next time.
    """
    from daftari.rules.access import users

    if (project is None) != (role is None):
        raise fail("Give --project and --role together: a role is one in a project.", code=WRONG_USAGE)
    if role != "editor" and (may_send or may_erase):
        raise fail("--may-send and --may-erase are for --role editor.", code=WRONG_USAGE)
    given = users.read_new_user(email=email, name=name)
    wanted = None if role is None else users.NewRole(role, may_send, may_erase)
    with where.open_store() as store:
        added = store.system_write(
            current_time(), users.add_user, given=given, role=wanted, project=project, is_operator=operator
        )
    given_role = [] if role is None else [f"{role} of {project!r}"]
    became = " and ".join([*given_role, *(["operator"] if operator else [])])
    if added.link is not None:
        said = f"{added.user.name} is added{' as ' if became else ''}{became}."
        _print_link(where.read_settings(public_url=public_url), added.link, said)
    elif became:
        say(f"{added.user.name} is a user already, and now {became}. A new project shows after the next sign-in.")
    else:
        say(f"{added.user.name} is a user already; 'daftari user link {added.user.email}' makes a link.")


@command(app, "list", "daftari user list", "daftari user list --project Shopify --json", note=ON_THE_HOST)
def list_users(*, project: OnlyProjectOption = None, as_json: JsonOption = False, where: DatabaseOptions) -> None:
    """List the users, and what each may do in which project: a line for each role."""
    from daftari.rules.access import projects, users

    with where.open_store() as store:
        now = current_time()
        only = None if project is None else store.system_read(now, projects.find_project, name=project).id
        found = store.system_read(now, users.list_users)
    rows: list[tuple[object, ...]] = []
    for user, roles in found:
        account = (user.email, user.name, user.is_operator, "set" if user.has_password else None)
        shown = [(named, grant) for named, grant in roles if only in (None, named.id)]
        rows += [
            (*account, named.name, _format_role(grant), format_optional_time(grant.last_used_at))
            for named, grant in shown
        ]
        if not roles and only is None:
            rows.append((*account, None, None, None))
    print_list(COLUMNS, rows, as_json=as_json)
    if not rows:
        say("There are no users; make the first with 'daftari user link', or one of a project with 'daftari user add'.")


@command(
    app,
    "link",
    "daftari user link",
    "daftari user link asha@example.com",
    note=f"{ON_THE_HOST} A link is printed only once, and the one before it no longer works.",
)
def link_user(
    email: Annotated[
        str | None, typer.Argument(metavar="EMAIL", help="The user's e-mail address. [default: the first user]")
    ] = None,
    *,
    public_url: PublicUrlOption = None,
    where: DatabaseOptions,
) -> None:
    """Print a link with which a user sets a new password; without EMAIL, the link that makes the first user.

    Signs the user out everywhere. The link works once, for an hour.
    """
    from daftari.rules.access import links, users

    with where.open_store() as store:
        if email is not None:
            user, token = store.system_write(current_time(), users.create_link_by_email, email=email)
            said = f"{user.name} is signed out everywhere."
        else:
            first = store.system_write(current_time(), links.create_first_link)
            if first is None:
                raise fail("There are users already: name the one whose link you want.", code=WRONG_USAGE)
            token, said = first, "There is no user yet; this link makes the first one."
    _print_link(where.read_settings(public_url=public_url), token, said)


@command(app, "sign-out", "daftari user sign-out asha@example.com", note=ON_THE_HOST)
def sign_out_user(email: EmailArgument, *, where: DatabaseOptions) -> None:
    """Sign a user out everywhere. The password stays."""
    from daftari.rules.access import users

    with where.open_store() as store:
        user, number = store.system_write(current_time(), users.end_sessions_by_email, email=email)
    say(f"{user.name} was signed in at {number} place{'' if number == 1 else 's'} and is signed out.")


@command(
    app,
    "remove",
    "daftari user remove juma@example.com",
    "daftari user remove juma@example.com --project Shopify",
    note=ON_THE_HOST,
)
def remove_user(
    email: EmailArgument,
    *,
    project: Annotated[
        str | None, typer.Option("--project", metavar="NAME", help="Take only the role in this project.")
    ] = None,
    yes: YesOption = False,
    where: DatabaseOptions,
) -> None:
    """Remove a user from everywhere, or from one project.

    The user is signed out at once. The log keeps the name. The only owner of a project cannot be removed.
    """
    from daftari.rules.access import users

    with where.open_store() as store:
        if project is not None:
            user, named = store.system_write(current_time(), users.remove_role, email=email, project=project)
            say(f"{user.name} has no role in {named.name!r} any longer.")
            return
        user = store.system_read(current_time(), users.find_user, email=email)
        if not yes:
            question = f"This removes {user.name} from every project. Type the e-mail address"
            confirm(question, is_right=lambda typed: typed.strip().casefold() == user.email.casefold())
        store.system_write(current_time(), users.remove_user, email=user.email)
    say(f"{user.name} is removed.")


def format_link(settings: Settings, token: str) -> str:
    """The URL of a link: at the public URL, or where the service listens by its settings."""
    from daftari.serving.supervisor import format_address

    return f"{settings.public_url or format_address(settings)}/link/{token}"


def _print_link(settings: Settings, token: str, said: str) -> None:
    hours = "an hour" if LINK_HOURS == 1 else f"{LINK_HOURS} hours"
    say(f"{said} The link with which to set a password, once and within {hours}:")
    typer.echo(format_link(settings, token))


def _format_role(grant: Grant) -> str:
    allowed = [word for word, may in (("send", grant.may_send), ("erase", grant.may_erase)) if may]
    return f"{grant.role}, may {' and '.join(allowed)}" if allowed else grant.role
