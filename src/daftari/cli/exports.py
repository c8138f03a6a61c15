"""``daftari export``: a book or a group as a file, from the database or from a server elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from daftari.cli.imports.options import KeyOption, UrlOption
from daftari.cli.remote import Remote, chosen_remote
from daftari.cli.terminal.files import spooled_output, whole_file
from daftari.cli.terminal.options import (
    ConfigOption,
    DatabaseOption,
    ProjectOption,
    chosen_project,
    examples,
    opened_store,
)
from daftari.cli.terminal.output import WRONG_USAGE, fail, say
from daftari.cli.terminal.progress import showing
from daftari.cli.terminal.scope import read_option
from daftari.model.contacts import ExportFormat
from daftari.model.time import current_time
from daftari.rules.exports.snapshot import Counted, count_contacts, get_group_id
from daftari.rules.exports.write import ENDINGS, FileDefinition, refuse_consent_in_cards, write_export
from daftari.rules.fields import read_name
from daftari.store import Tx

EPILOG = examples(
    "daftari export --project Shopify > shopify.csv",
    "daftari export --project Shopify --consent --output shopify.csv",
    "daftari export --group nairobi-vip --output vip.xlsx",
    "daftari export --url https://book.example.com --key $KEY --format ndjson > book.ndjson",
    note="Counts go to standard error. URL and key may be in the variables DAFTARI_URL and DAFTARI_KEY instead.",
)
OTHER_ENDINGS: dict[str, ExportFormat] = {"jsonl": "ndjson", "vcard": "vcard"}
POLL_SECONDS = 1.0
"""How often a server is asked whether its file is ready."""
QUEUED_SECONDS = 30.0
"""After so long in the queue, somebody should look whether a worker runs."""


def export_contacts(
    project: ProjectOption = None,
    group: Annotated[str | None, typer.Option("--group", metavar="GROUP", help="Only the members of it.")] = None,
    format: Annotated[
        ExportFormat | None, typer.Option("--format", help="[default: by the file's ending, else csv]")
    ] = None,
    consent: Annotated[
        bool, typer.Option("--consent", help="With all opt-outs and opt-ins, also of numbers that are in no contact.")
    ] = False,
    output: Annotated[
        str | None, typer.Option("--output", metavar="FILE", help="Where to. [default: standard output]")
    ] = None,
    url: UrlOption = None,
    key: KeyOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Write the contacts of a project or group to a file or to standard output."""
    chosen = format or _format_of(output)
    if chosen == "xlsx" and output is None and sys.stdout.isatty():
        raise fail("A workbook is nothing for a terminal; name a file with --output.", code=WRONG_USAGE)
    refuse_consent_in_cards(chosen, with_consent=consent)
    name = None if group is None else read_option("--group", group, read_name)
    remote = chosen_remote(url, key, database=database)
    if remote is not None:
        with _target(output) as file, remote:
            told = _download(remote, file, project=project, format=chosen, group=name, consent=consent)
    else:
        with _target(output) as file, opened_store(config, database) as store:
            found = chosen_project(store, project)
            counted = store.read(found, current_time(), _export, name=name, format=chosen, consent=consent, file=file)
            told = _told(counted)
    say(told)


def _format_of(output: str | None) -> ExportFormat:
    by_ending = {ending: format for format, ending in ENDINGS.items()} | OTHER_ENDINGS
    return by_ending.get(Path(output or "").suffix.lower().removeprefix("."), "csv")


def _export(tx: Tx, *, name: str | None, format: ExportFormat, consent: bool, file: BinaryIO) -> Counted:
    group_id = get_group_id(tx, name=name)
    definition = FileDefinition(format, group_id, consent)
    with showing("contacts", total=count_contacts(tx, group_id=group_id)) as watch:
        return write_export(tx, definition=definition, file=file, watch=watch)


def _told(counted: Counted) -> str:
    numbers = f" and {_many(counted.numbers, 'number')} without one" if counted.numbers else ""
    return f"{_many(counted.contacts, 'contact')}{numbers} exported."


def _many(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


# ---- where it goes --------------------------------------------------------------------------------------


@contextmanager
def _target(output: str | None) -> Iterator[BinaryIO]:
    """The file to write. Only when all went well does it become the output."""
    try:
        if output is not None:
            with whole_file(Path(output)) as file:
                yield file
            return
        with spooled_output() as spool:
            yield spool
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise fail(f"{output or 'Standard output'} cannot be written: {error.strerror}.") from error


# ---- from elsewhere -------------------------------------------------------------------------------------


def _download(
    remote: Remote, file: BinaryIO, *, project: str | None, format: ExportFormat, group: str | None, consent: bool
) -> str:
    named = {} if project is None else {"project": project}
    asked = remote.call("POST", "/v1/exports", format=format, group=group, consent=consent, **named)
    path = f"/v1/exports/{asked['export']['id']}"
    export = _await(remote, path, asked["export"], named)
    if export["state"] == "failed":
        failure = fail(f"The server could not make the file: {export['error']}")
        remote.call("DELETE", path, **named)
        raise failure
    size = remote.download(f"{path}/file", file, **named)
    remote.call("DELETE", path, **named)
    return f"{export['rows']:,} rows exported, {size:,} bytes."


def _await(remote: Remote, path: str, export: dict[str, Any], named: dict[str, str]) -> Any:
    """The export when it is done, or has failed."""
    asks_for_worker = time.monotonic() + QUEUED_SECONDS
    while export["state"] not in ("done", "failed"):
        if export["state"] == "queued" and time.monotonic() > asks_for_worker:
            say("The server has not begun yet; does a worker run there? Ctrl-C stops the waiting.")
            asks_for_worker = float("inf")
        time.sleep(POLL_SECONDS)
        export = remote.call("GET", path, **named)["export"]
    return export
