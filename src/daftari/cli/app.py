"""All commands, and how each of them fails: with a message on standard error and an exit code.

Help for all commands, ``--version`` and an unknown command need only the table in this module. The module of a command
is imported when the command is called or its own help is shown. It imports what the command works with (rules, the
store, HTTP, Rich) inside the functions that use it, so that help and refusals need none of that.
"""

from __future__ import annotations

from collections import UserDict
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from daftari import __version__
from daftari.cli.terminal.commands import LightGroup, format_examples
from daftari.cli.terminal.output import WRONG_USAGE, fail
from daftari.errors import BadSettings, DaftariError, ValidationFailed

COMMANDS = {
    "serve": ("serve", "Run the service."),
    "migrate": ("migrate", "Create or update the tables of a database."),
    "copy": ("copy", "Copy a database to another one and compare the two."),
    "project": ("projects", "Projects: each has its own contacts and API keys."),
    "key": ("keys", "API keys: create, list and revoke them."),
    "user": ("users", "Users of the console: add, list and remove them."),
    "search": ("search", "Find contacts by words, or by digits of their number."),
    "group": ("groups", "Groups: how many are in each, and how fresh it is."),
    "opt-out": ("consent", "Record that people want no more messages."),
    "opt-in": ("consent", "Record that people want messages."),
    "may-message": ("decisions", "Say whether numbers may be messaged, and why."),
    "audience": ("audiences", "Print the numbers that may be messaged now."),
    "message": ("messages", "Messages: a text to one number, or to some."),
    "campaign": ("campaigns", "Campaigns: one text to everyone in groups, or in the book."),
    "trigger": ("triggers", "Triggers: a text that is sent some time after an event."),
    "event": ("events", "Events: what happened to a number."),
    "export": ("exports", "Write contacts to a file or to standard output."),
    "import": ("imports.start", "Import contacts, opt-outs or opt-ins from files."),
    "imports": ("imports.commands", "Imports: show, apply, pause, resume, cancel, undo."),
    "sender": ("senders", "Senders: what people see messages come from."),
    "webhook": ("webhooks", "Webhooks: where what changes is delivered to."),
    "connection": ("connections", "Connections: CRMs and databases whose records become contacts."),
    "inbound": ("inbound.addresses", "Inbound: addresses for providers, and what they sent."),
    "erase": ("erasures", "Erase a person permanently."),
    "check": ("check", "Check that the data of every project is consistent."),
    "worker": ("worker", "Run the background work without the service."),
}
"""The module of each command below ``daftari.cli``, and its help in one line. The module's ``app`` has the command."""


class _LoadedCommands(UserDict[str, Any]):
    """The commands by name. A command is loaded when it is looked up, not when the names are listed."""

    def __getitem__(self, name: str) -> Any:
        found: Any = super().__getitem__(name)
        if isinstance(found, tuple):
            module, _ = found
            loaded = get_command(import_module(f"daftari.cli.{module}").app)
            # A module with several commands of the top level has them in one group.
            found = self.data[name] = loaded.commands.get(name, loaded) if isinstance(loaded, TyperGroup) else loaded
        return found


class RootGroup(LightGroup):
    """The group of all commands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _LoadedCommands(COMMANDS)

    def list_commands(self, ctx: Any) -> list[str]:
        return [*COMMANDS]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: Any) -> Any:
        with _exit_on_error():
            return super().invoke(ctx)


@contextmanager
def _exit_on_error() -> Iterator[None]:
    """Turns an error into its message and ``typer.Exit``."""
    try:
        yield
    except ValidationFailed as error:
        raise fail(*[sentence for sentences in error.errors.values() for sentence in sentences]) from error
    except BadSettings as error:
        raise fail(error.message, code=WRONG_USAGE) from error
    except DaftariError as error:
        raise fail(error.message) from error
    except PermissionError as error:
        raise fail(f"{error.filename or 'A file'} cannot be used: {error.strerror}.") from error


app = typer.Typer(
    cls=RootGroup,
    epilog=format_examples(
        "daftari serve                         start with the phonebook in ./daftari.db",
        "daftari project create Shopify        create a project and print its first API key",
        "daftari key create --project Shopify  create another API key",
        "daftari opt-out 0722000000            record that a person wants no more messages",
        "daftari check                         check that the data is consistent",
        note="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a number may not be messaged, 130 interrupted.",
    ),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"daftari {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Daftari, a phonebook service: one source of truth for who may be messaged."""
