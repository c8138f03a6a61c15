"""``daftari import``: imports files one after the other, and shows the progress of each."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer
from msgspec import Struct
from msgspec.structs import replace

from daftari.cli.imports.choose import open_target
from daftari.cli.imports.report import (
    exit_code,
    print_rows,
    progress_of,
    say_layout,
    say_result,
)
from daftari.cli.imports.status import FailedFile, ImportRow, ImportStatus
from daftari.cli.imports.target import ImportTarget
from daftari.cli.terminal.commands import Options, command, command_group
from daftari.cli.terminal.files import write_output
from daftari.cli.terminal.options import JsonOption, RemoteOptions
from daftari.cli.terminal.output import WRONG_USAGE, fail, print_json, say, strip_controls
from daftari.cli.terminal.progress import show_progress
from daftari.cli.terminal.scope import ScopeOptions, read_option
from daftari.cli.terminal.signals import ShouldStop, catch_stop_signals
from daftari.errors import TooLarge, UnreadableFile, ValidationFailed
from daftari.model.limits import FILE_BYTES_MAX, HEADER_ROW_MAX

if TYPE_CHECKING:
    from daftari.rules.imports.request import ImportRequest

STDIN = "-"
PIECE_BYTES = 1024 * 1024
SAMPLES_PER_OUTCOME = 3
"""How many rows of each outcome are shown of a plan."""
SAMPLED_ROWS_MAX = 10_000
"""How many rows are searched for them."""

app = command_group()


class FileOptions(Options, frozen=True, kw_only=True):
    """How files are read, and what is done with their rows."""

    group: Annotated[
        str | None, typer.Option("--group", metavar="GROUP", help="The group that every contact joins.")
    ] = None
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="COLUMN=FIELD", help="The field of a column; - for no field. May be repeated."),
    ] = None
    attributes: Annotated[bool, typer.Option("--attributes", help="Import the other columns as attributes.")] = False
    fire_triggers: Annotated[
        bool, typer.Option("--fire-triggers", help="Let contacts that join a group fire triggers.")
    ] = False
    keep_ids: Annotated[
        bool, typer.Option("--keep-ids", help="Keep ids and creation times, in a project without contacts.")
    ] = False
    sheet: Annotated[
        str | None,
        typer.Option(
            "--sheet",
            metavar="NAME",
            help="The sheet of a workbook. [default: the first visible one with telephone numbers]",
        ),
    ] = None
    header_row: Annotated[
        int | None,
        typer.Option(
            "--header-row",
            metavar="N",
            min=0,
            max=HEADER_ROW_MAX,
            help="The row with the names of the columns; 0 for none. [default: found]",
        ),
    ] = None
    plan: Annotated[bool, typer.Option("--plan", help="Show what would happen to each row, and change nothing.")] = (
        False
    )
    opt_outs: Annotated[bool, typer.Option("--opt-outs", help="The files are lists of numbers that opted out.")] = False
    opt_ins: Annotated[bool, typer.Option("--opt-ins", help="The files are lists of numbers that opted in.")] = False


class ListOptions(ScopeOptions, frozen=True, kw_only=True):
    """Of lists of opt-outs and opt-ins: what applies to rows that do not say it themselves."""

    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="When they opted, for rows without a time. [default: now]"),
    ] = None
    evidence: Annotated[
        str | None, typer.Option("--evidence", metavar="TEXT", help="How this is known, for later questions.")
    ] = None
    override: Annotated[bool, typer.Option("--override", help="Lift also people's own opt-outs; needs --evidence.")] = (
        False
    )


class _Job(Struct, frozen=True):
    """What is done with every file. ``rejects`` is the file for rejected rows; of several files, a folder."""

    request: ImportRequest
    rejects: Path | None
    as_json: bool


@command(
    app,
    "import",
    "daftari import customers.xlsx --project Shopify --group customers",
    'daftari import people.csv --map "Phone 2=mobile" --map "Fax=-" --attributes --rejects rejects.csv',
    "daftari import people.csv --plan",
    "daftari import stopped.csv --opt-outs --channel sms --at 2026-11-01T00:00:00Z",
    "daftari import book.ndjson --keep-ids",
    "daftari import people.csv --url https://book.example.com --key $KEY",
    note="Ctrl-C pauses the import and prints the command that resumes it.\n\n"
    "Exit codes: 0 done, 1 a row was not imported or a file failed, 2 wrong usage, 130 paused.",
)
def import_files(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="CSV, XLSX, ODS, vCard, NDJSON or JSON; or - for standard input."),
    ],
    *,
    how: FileOptions,
    facts: ListOptions,
    rejects: Annotated[
        str | None,
        typer.Option(
            "--rejects", metavar="FILE", help="The file for rows that are not imported; of several files, a folder."
        ),
    ] = None,
    as_json: JsonOption = False,
    where: RemoteOptions,
) -> None:
    """Import contacts, opt-outs or opt-ins from files.

    Prints how each column is read, the progress, and counts that add up to the rows of the file.
    """
    job = _Job(_read_request(how, facts), _read_rejects(rejects, files), as_json)
    with open_target(where) as target, catch_stop_signals() as should_stop:
        code = _import_all(files, target=target, job=job, should_stop=should_stop)
    if code:
        raise typer.Exit(code)


def _read_request(how: FileOptions, facts: ListOptions) -> ImportRequest:
    """The request without the name of the file. Raises ``typer.Exit`` after its message."""
    from daftari.rules.fields import read_group_name
    from daftari.rules.imports.request import ImportRequest

    if how.opt_outs and how.opt_ins:
        raise fail("Give either --opt-outs or --opt-ins.", code=WRONG_USAGE)
    common = {"channel": facts.channel, "sender": facts.sender, "purpose": facts.purpose}
    common |= {"at": facts.at, "evidence": facts.evidence}
    return ImportRequest(
        name="",
        kind="opt_outs" if how.opt_outs else "opt_ins" if how.opt_ins else "contacts",
        group=None if how.group is None else read_option("--group", how.group, read_group_name),
        mapping=_read_mapping(how.mapping or ()),
        attributes=how.attributes,
        keep_ids=how.keep_ids,
        fire_triggers=how.fire_triggers,
        sheet=how.sheet,
        header_row=how.header_row,
        planned=how.plan,
        common={name: value for name, value in common.items() if value is not None}
        | ({"override": True} if facts.override else {}),
    )


def _read_mapping(written: Sequence[str]) -> dict[str, str]:
    """Fields by column. A column name may contain the equals sign, a field does not."""
    mapping = {}
    for each in written:
        column, sign, field = each.rpartition("=")
        if not sign or not column:
            raise fail(f"--map is {each!r}; it must be COLUMN=FIELD, such as Phone=mobile.", code=WRONG_USAGE)
        mapping[column.strip()] = field.strip()
    return mapping


def _read_rejects(written: str | None, files: Sequence[str]) -> Path | None:
    """Where rejected rows go. Raises ``typer.Exit`` after its message when they would overwrite something."""
    if written is None:
        return None
    rejects = Path(written)
    if len(files) > 1 and not rejects.is_dir():
        raise fail("With several files, --rejects must be an existing folder.", code=WRONG_USAGE)
    if not rejects.is_dir() and not rejects.absolute().parent.is_dir():
        raise fail(f"--rejects is {written!r}, in a folder that does not exist.", code=WRONG_USAGE)
    targets = [_rejects_path(rejects, name) for name in files]
    if len({*map(os.path.realpath, targets)}) < len(files):
        raise fail(
            "Two of the files have the same name, and so would their rejects; import them one by one.",
            code=WRONG_USAGE,
        )
    if {*map(os.path.realpath, targets)} & {*map(os.path.realpath, files)}:
        raise fail("--rejects would overwrite a file that is to be imported; name another file.", code=WRONG_USAGE)
    return rejects


def _rejects_path(rejects: Path, name: str) -> Path:
    """Where the rejects of a file go: in a folder, under a name of their own."""
    named = Path(name)
    return rejects / f"{named.stem}-rejects{named.suffix}" if rejects.is_dir() else rejects


# ---- one file after the other ---------------------------------------------------------------------------


def _import_all(files: Sequence[str], *, target: ImportTarget, job: _Job, should_stop: ShouldStop) -> int:
    """Imports every file; a file that fails does not stop the others. Returns the exit code."""
    imported: list[ImportStatus] = []
    failed: list[FailedFile] = []
    for number, name in enumerate(files):
        try:
            imported.append(_import_one(name, target=target, job=job, should_stop=should_stop))
        except (UnreadableFile, TooLarge, ValidationFailed, OSError) as error:
            sentence = _describe_error(name, error)
            say(strip_controls(f"daftari: {sentence}"))
            failed.append(FailedFile(name, sentence))
        if should_stop():
            if files[number + 1 :]:
                say(strip_controls(f"Not imported: {', '.join(files[number + 1 :])}"))
            break
    if job.as_json:
        print_json([*imported, *failed])
    return exit_code(imported) or min(len(failed), 1)


def _describe_error(name: str, error: UnreadableFile | TooLarge | ValidationFailed | OSError) -> str:
    if isinstance(error, OSError):
        return f"{name} cannot be read: {error.strerror}."
    if isinstance(error, ValidationFailed):
        sentences = " ".join(sentence for sentences in error.errors.values() for sentence in sentences)
        return f"{name}: {sentences}"
    return f"{name}: {error.message.removeprefix(f'{Path(name).name}: ')}"


def _import_one(name: str, *, target: ImportTarget, job: _Job, should_stop: ShouldStop) -> ImportStatus:
    label = "stdin" if name == STDIN else Path(name).name
    with _open_seekable(name) as file, show_progress() as on_progress:
        request = replace(job.request, name=label)
        status = target.create(file, request=request, on_progress=on_progress, should_stop=should_stop)
    say_layout(status)
    return follow_import(status.id, target=target, rejects=job.rejects, as_json=job.as_json, should_stop=should_stop)


@contextmanager
def _open_seekable(name: str) -> Iterator[BinaryIO]:
    """A file that can be read twice: standard input and pipes are copied to a temporary file first."""
    if name == STDIN:
        with _spool(sys.stdin.buffer) as spool:
            yield spool
        return
    with open(name, "rb") as file:
        if file.seekable():
            yield file
            return
        with _spool(file) as spool:
            yield spool


@contextmanager
def _spool(file: BinaryIO) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile() as spool:
        while piece := file.read(PIECE_BYTES):
            spool.write(piece)
            if spool.tell() > FILE_BYTES_MAX:
                raise TooLarge(f"It is larger than the {FILE_BYTES_MAX} bytes that an import takes.")
        spool.flush()
        yield spool


# ---- to its end -----------------------------------------------------------------------------------------


def follow_import(
    import_id: int, *, target: ImportTarget, rejects: Path | None = None, as_json: bool = False, should_stop: ShouldStop
) -> ImportStatus:
    """Follows an import to its end and prints the result; of a plan, also its first rows."""
    with show_progress() as on_progress:
        status = target.follow(
            import_id, on_status=lambda found: on_progress(progress_of(found)), should_stop=should_stop
        )
    if rejects is not None and status.state != "paused" and status.rejects:
        path = str(_rejects_path(rejects, status.name))
        with write_output(path) as file:
            target.write_rejects(status.id, file=file)
        status = replace(status, rejects_file=path)
    if status.phase == "plan" and status.state == "done":
        samples = _sample_rows(status, target)
        if as_json:
            status = replace(status, rows_shown=samples)
        else:
            print_rows(samples)
    say_result(status, target=target)
    return status


def _sample_rows(status: ImportStatus, target: ImportTarget) -> list[ImportRow]:
    """The first rows of each outcome, by outcome."""
    wanted = {name: SAMPLES_PER_OUTCOME for name, many in status.counts.items() if many}
    order = list(wanted)
    found: list[ImportRow] = []
    for some in target.iterate_rows(status.id, after=0):
        for row in some:
            if wanted.get(row.outcome):
                wanted[row.outcome] -= 1
                found.append(row)
        if not any(wanted.values()) or some[-1].row >= SAMPLED_ROWS_MAX:
            break
    return sorted(found, key=lambda row: (order.index(row.outcome), row.row))
