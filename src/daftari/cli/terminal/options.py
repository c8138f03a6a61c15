"""The options that several commands take, and the store and project that they name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from daftari.cli.terminal.commands import Options
from daftari.cli.terminal.output import WRONG_USAGE, fail, say
from daftari.errors import StoreBusy, StoreUnavailable
from daftari.model.time import current_time
from daftari.settings import SETTINGS, Settings, read_settings
from daftari.store import Store, open_store

if TYPE_CHECKING:
    from daftari.model.projects import Project

PROJECTS_NAMED_MAX = 10
URL_VARIABLE, KEY_VARIABLE = "DAFTARI_URL", "DAFTARI_KEY"
_METAVARS = {"database": "URL", "public_url": "URL", "host": "ADDRESS"}


def setting_option(name: str) -> typer.models.OptionInfo:
    """The option of a setting, with the help of ``SETTINGS``."""
    setting = next(setting for setting in SETTINGS if setting.name == name)
    default = setting.default_doc or setting.default
    option: typer.models.OptionInfo = typer.Option(
        setting.option,
        metavar=_METAVARS.get(name),
        help=setting.doc.replace("`", "'") + ("" if default is False else f" [default: {default}]"),
        show_default=False,
    )
    return option


PublicUrlOption = Annotated[str | None, setting_option("public_url")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
OnlyProjectOption = Annotated[str | None, typer.Option("--project", metavar="NAME", help="Only this project.")]
OutputOption = Annotated[
    str | None, typer.Option("--output", metavar="FILE", help="The file to write. [default: standard output]")
]


class ConfigOptions(Options, frozen=True, kw_only=True):
    """Which settings file a command reads."""

    config: Annotated[
        str | None,
        typer.Option("--config", metavar="FILE", help="The TOML settings file. [default: daftari.toml, if it exists]"),
    ] = None

    def read_settings(self, **options: object) -> Settings:
        """The settings: ``options``, then the environment, then the file. Raises ``BadSettings``."""
        return read_settings(options, config=self.config, environ=os.environ, folder=Path())


class DatabaseOptions(ConfigOptions, frozen=True, kw_only=True):
    """Which database a command works on."""

    database: Annotated[str | None, setting_option("database")] = None

    def read_settings(self, **options: object) -> Settings:
        return ConfigOptions.read_settings(self, database=self.database, **options)

    @contextmanager
    def open_store(self) -> Iterator[Store]:
        """The store, open until the block ends. Raises ``BadSettings``, ``SchemaMismatch``, ``StoreUnavailable``."""
        store = open_settings_store(self.read_settings())
        try:
            yield store
        finally:
            store.close()


class ProjectOptions(DatabaseOptions, frozen=True, kw_only=True):
    """Which project of a database a command works on."""

    project: Annotated[
        str | None,
        typer.Option("--project", metavar="NAME", help="The project. [default: the only one]"),
    ] = None

    @contextmanager
    def open_project(self) -> Iterator[tuple[Store, Project]]:
        """The store, open until the block ends, and the project that is named or is the only one.

        Raises ``typer.Exit`` after its message when several projects could be meant or none exists.
        """
        with self.open_store() as store:
            yield store, _choose_project(store, self.project)


class RemoteOptions(ProjectOptions, frozen=True, kw_only=True):
    """Which project of a database, or of a server, a command works on."""

    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help=f"A server to use instead of a database. [variable: {URL_VARIABLE}]"),
    ] = None
    key: Annotated[
        str | None, typer.Option("--key", metavar="KEY", help=f"The API key for --url. [variable: {KEY_VARIABLE}]")
    ] = None

    def choose_server(self) -> tuple[str, str] | None:
        """URL and key of the server, ``None`` for a database. ``--database`` wins over the variable ``DAFTARI_URL``.

        Raises ``typer.Exit`` after its message when the options contradict each other or the key is missing.
        """
        if self.url is not None and self.database is not None:
            raise fail("Give either --url or --database.", code=WRONG_USAGE)
        server = self.url or (os.environ.get(URL_VARIABLE) if self.database is None else None)
        if not server:
            return None
        key = self.key or os.environ.get(KEY_VARIABLE)
        if not key:
            raise fail(f"A server needs an API key: give --key or set {KEY_VARIABLE}.", code=WRONG_USAGE)
        return server, key


def open_settings_store(settings: Settings) -> Store:
    """The store of the database in the settings, for one thread."""
    return open_store(settings.database, threads=1, secret=settings.secret, secret_file=settings.secret_file)


def check_store(settings: Settings, *, meanwhile: str) -> None:
    """Prints what is wrong with a database that may be there later. Raises what ``open_store`` raises otherwise."""
    try:
        open_settings_store(settings).close()
    except StoreBusy as error:
        if isinstance(error, StoreUnavailable) and error.is_mistake:
            raise
        say(f"daftari: {error.message} {meanwhile}")


def _choose_project(store: Store, name: str | None) -> Project:
    from daftari.rules.access.projects import find_project, list_projects

    if name is not None:
        return store.system_read(current_time(), find_project, name=name)
    found = store.system_read(current_time(), list_projects)
    if len(found) == 1:
        return found[0]
    if not found:
        raise fail("There are no projects; create one with 'daftari project create NAME'.")
    names = ", ".join(repr(project.name) for project in found[:PROJECTS_NAMED_MAX])
    raise fail(f"Name the project with --project; there are {len(found)}: {names}.", code=WRONG_USAGE)
