"""The options that commands share, made of the one list of settings, and what they lead to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from daftari.cli.terminal.output import WRONG_USAGE, fail
from daftari.model.projects import Project
from daftari.model.time import current_time
from daftari.rules.access.projects import find_project, list_projects
from daftari.settings import SETTINGS, Settings, read_settings
from daftari.store import Store, open_store

PROJECTS_NAMED_MAX = 10
_SHOWN = {"database": "URL", "public_url": "URL", "host": "ADDRESS"}


def setting_option(name: str) -> typer.models.OptionInfo:
    """The option of a setting, with the words of the one list."""
    setting = next(setting for setting in SETTINGS if setting.name == name)
    shown = setting.default_doc or setting.default
    option: typer.models.OptionInfo = typer.Option(
        setting.option,
        metavar=_SHOWN.get(name),
        help=setting.doc.replace("`", "'") + ("" if shown is False else f" [default: {shown}]"),
        show_default=False,
    )
    return option


def examples(*lines: str, note: str = "") -> str:
    """What stands below a command's help."""
    return "\n".join(["Examples:", "", "\b", *[f"  {line}" for line in lines], *(["", note] if note else [])])


DatabaseOption = Annotated[str | None, setting_option("database")]
PublicUrlOption = Annotated[str | None, setting_option("public_url")]
ConfigOption = Annotated[
    str | None,
    typer.Option("--config", metavar="FILE", help="The TOML file with settings. [default: daftari.toml, if there]"),
]
ProjectOption = Annotated[
    str | None, typer.Option("--project", metavar="NAME", help="The project. [default: the only one, if there is one]")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def settings_from(config: str | None, **options: object) -> Settings:
    """The settings of a command: its options over the environment over the file. Raises ``BadSettings``."""
    return read_settings(options, config=config, environ=os.environ, folder=Path())


@contextmanager
def opened_store(config: str | None, database: str | None) -> Iterator[Store]:
    """The store that a command works on, for as long as it runs."""
    store = open_settled(settings_from(config, database=database))
    try:
        yield store
    finally:
        store.close()


def open_settled(settings: Settings) -> Store:
    """The store that settings name, for one thread."""
    return open_store(settings.database, threads=1, secret=settings.secret, secret_file=settings.secret_file)


def chosen_project(store: Store, name: str | None) -> Project:
    """The project that was named, or the only one there is. Ends the command when that is not clear."""
    if name is not None:
        return store.system_read(current_time(), find_project, name=name)
    found = store.system_read(current_time(), list_projects)
    if len(found) == 1:
        return found[0]
    if not found:
        raise fail("There are no projects; 'daftari project create NAME' makes one.")
    names = ", ".join(repr(project.name) for project in found[:PROJECTS_NAMED_MAX])
    raise fail(f"Say which project with --project NAME; there are {len(found)}: {names}.", code=WRONG_USAGE)
