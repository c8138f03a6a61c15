"""``daftari export``: contacts as a file, from a database or from a server."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from daftari.cli.terminal.commands import command, command_group
from daftari.cli.terminal.files import write_output
from daftari.cli.terminal.options import OutputOption, RemoteOptions
from daftari.cli.terminal.output import WRONG_USAGE, fail, format_count, say
from daftari.cli.terminal.progress import Progress, Rate, show_progress
from daftari.cli.terminal.scope import read_option
from daftari.model.contacts import ExportFormat
from daftari.model.time import current_time
from daftari.store import Tx

if TYPE_CHECKING:
    from daftari.rules.exports.snapshot import Counted
    from daftari_client.import_records import Export

POLL_SECONDS = 1.0
"""How often a server is asked whether its file is ready."""
QUEUED_SECONDS = 30.0
"""An export that is queued for so long may have no worker."""
OTHER_ENDINGS: dict[str, ExportFormat] = {"jsonl": "ndjson", "vcard": "vcard"}

app = command_group()


@command(
    app,
    "export",
    "daftari export --project Shopify > shopify.csv",
    "daftari export --project Shopify --consent --output shopify.csv",
    "daftari export --group nairobi-vip --output vip.xlsx",
    "daftari export --url https://book.example.com --key $KEY --format ndjson > book.ndjson",
    note="Counts go to standard error.",
)
def export_contacts(
    *,
    group: Annotated[str | None, typer.Option("--group", metavar="GROUP", help="Only members of this group.")] = None,
    format: Annotated[
        ExportFormat | None, typer.Option("--format", help="The format. [default: by the ending of --output, else csv]")
    ] = None,
    consent: Annotated[
        bool,
        typer.Option("--consent", help="Add all opt-outs and opt-ins, also of numbers that are not contacts."),
    ] = False,
    output: OutputOption = None,
    where: RemoteOptions,
) -> None:
    """Write contacts to a file or to standard output.

    Takes all contacts of a project or group in one snapshot. The file appears when it is complete, and only its owner
    can read it.
    """
    from daftari.rules.exports.write import refuse_consent_in_cards
    from daftari.rules.fields import read_name

    chosen = format or _find_format(output)
    if chosen == "xlsx" and output is None and sys.stdout.isatty():
        raise fail("A workbook cannot be shown on a terminal; name a file with --output.", code=WRONG_USAGE)
    refuse_consent_in_cards(chosen, with_consent=consent)
    name = None if group is None else read_option("--group", group, read_name)
    server = where.choose_server()
    if server is not None:
        with write_output(output) as file:
            said = _download(server, file, project=where.project, format=chosen, group=name, consent=consent)
    else:
        with write_output(output) as file, where.open_project() as (store, project):
            counted = store.read(
                project, current_time(), _write_export, name=name, format=chosen, consent=consent, file=file
            )
            more = f" and {format_count(counted.numbers, 'number')} without one" if counted.numbers else ""
            said = f"{format_count(counted.contacts, 'contact')}{more} exported."
    say(said)


def _find_format(output: str | None) -> ExportFormat:
    from daftari.rules.exports.write import ENDINGS

    by_ending = {ending: format for format, ending in ENDINGS.items()} | OTHER_ENDINGS
    return by_ending.get(Path(output or "").suffix.lower().removeprefix("."), "csv")


def _write_export(tx: Tx, *, name: str | None, format: ExportFormat, consent: bool, file: BinaryIO) -> Counted:
    from daftari.rules.exports.snapshot import count_contacts, get_group_id
    from daftari.rules.exports.write import FileDefinition, write_export

    group_id = get_group_id(tx, name=name)
    total = count_contacts(tx, group_id=group_id)
    rate = Rate("contacts")
    with show_progress() as on_progress:
        return write_export(
            tx,
            definition=FileDefinition(format, group_id, consent),
            file=file,
            watch=lambda done: on_progress(
                Progress(label="export", done=done, total=total, text=rate.describe(done, total))
            ),
        )


def _download(
    server: tuple[str, str],
    file: BinaryIO,
    *,
    project: str | None,
    format: ExportFormat,
    group: str | None,
    consent: bool,
) -> str:
    """Requests an export on a server, waits for it, and writes its file. Returns the message for the end."""
    from daftari.cli.server import open_client

    warn_at = time.monotonic() + QUEUED_SECONDS

    def check(export: Export) -> None:
        nonlocal warn_at
        if export.state == "queued" and time.monotonic() > warn_at:
            say("The server has not started the export yet; is a worker running there? Ctrl-C stops waiting.")
            warn_at = float("inf")

    with open_client(*server, project=project) as client:
        exports = client.exports
        created = exports.create(format, group=group, consent=consent)
        export = exports.wait(created, pause_seconds_max=POLL_SECONDS, on_poll=check)
        if export.state == "failed":
            failure = fail(f"The server could not write the file: {export.error}")
            exports.delete(export.id)
            raise failure
        size = exports.save(export.id, file)
        exports.delete(export.id)
    return f"{format_count(export.rows or 0, 'row')} exported, {size:,} bytes."
