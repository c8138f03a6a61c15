"""``daftari import``: files of people, of opt-outs or of opt-ins, one after the other, with a live bar.

This room must not know whether an import is in a database or on a server.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import msgspec
import typer
from msgspec import Struct
from msgspec.structs import replace

from daftari.cli.imports.options import KeyOption, UrlOption, opened_place
from daftari.cli.imports.progress import showing
from daftari.cli.imports.report import code_of, count_rejects, say_end, say_reading
from daftari.cli.imports.source import Note, Place, Shown
from daftari.cli.terminal.files import whole_file
from daftari.cli.terminal.options import ConfigOption, DatabaseOption, JsonOption, ProjectOption, examples
from daftari.cli.terminal.output import WRONG_USAGE, fail, plain, print_list, say
from daftari.cli.terminal.scope import ChannelOption, PurposeOption, SenderOption, read_option
from daftari.cli.terminal.signals import Stop, told_to_stop
from daftari.errors import TooLarge, UnreadableFile, ValidationFailed
from daftari.model.limits import FILE_BYTES_MAX
from daftari.rules.fields import read_name
from daftari.rules.imports.model import ImportKind
from daftari.rules.imports.request import ImportRequest

EPILOG = examples(
    "daftari import customers.xlsx --project Shopify --group customers",
    'daftari import people.csv --map "Phone 2=mobile" --map "Fax=-" --attributes --rejects rejects.csv',
    "daftari import people.csv --plan",
    "daftari import stopped.csv --opt-outs --channel sms --at 2026-11-01T00:00:00Z",
    "daftari import book.ndjson --keep-ids",
    "daftari import people.csv --url https://book.example.com --key $KEY",
    note="An export with --consent, imported into an empty project with --keep-ids, gives the same book.\n\n"
    "Ctrl-C pauses and says how to go on. Exit codes: 0 done, 1 a row was not taken or a file failed, 2 wrong usage, "
    "130 paused.",
)
STDIN = "-"
PIECE_BYTES = 1024 * 1024
SAMPLES_PER_OUTCOME = 3
"""Rows of each outcome that a plan shows."""
SAMPLED_ROWS_MAX = 10_000
"""Rows from the beginning among which they are looked for."""
ROW_COLUMNS = ("row", "outcome", "id", "mobile", "suppressed", "joined", "kept_out", "why")


class _Ask(Struct, frozen=True):
    """What is wanted of every file. ``rejects``: where rejected rows go, a folder when there are several files."""

    wanted: ImportRequest
    rejects: Path | None
    as_json: bool


def import_files(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="CSV, XLSX, ODS, vCard, NDJSON or JSON; or - for standard input."),
    ],
    project: ProjectOption = None,
    group: Annotated[str | None, typer.Option("--group", metavar="GROUP", help="Everybody in it joins this.")] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="COLUMN=FIELD", help="What a column is; - leaves it out; may be repeated."),
    ] = None,
    attributes: Annotated[
        bool, typer.Option("--attributes", help="Columns that are nothing else become attributes.")
    ] = False,
    keep_ids: Annotated[
        bool, typer.Option("--keep-ids", help="Keep ids and times of creation, in a project without contacts.")
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what would happen, row by row, and change nothing.")
    ] = False,
    opt_outs: Annotated[bool, typer.Option("--opt-outs", help="A list of numbers that opted out.")] = False,
    opt_ins: Annotated[bool, typer.Option("--opt-ins", help="A list of numbers that opted in.")] = False,
    channel: ChannelOption = None,
    sender: SenderOption = None,
    purpose: PurposeOption = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="When they opted, where the file does not say. [default: now]"),
    ] = None,
    evidence: Annotated[str | None, typer.Option("--evidence", metavar="TEXT", help="How this is known.")] = None,
    override: Annotated[
        bool, typer.Option("--override", help="Lift even people's own opt-outs; needs --evidence.")
    ] = False,
    rejects: Annotated[
        str | None,
        typer.Option(
            "--rejects", metavar="FILE", help="Write rows that were not taken there; of several files, a folder."
        ),
    ] = None,
    as_json: JsonOption = False,
    url: UrlOption = None,
    key: KeyOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Import files: contacts, or lists of opt-outs or opt-ins."""
    if opt_outs and opt_ins:
        raise fail("Say either --opt-outs or --opt-ins.", code=WRONG_USAGE)
    kind: ImportKind = "opt_outs" if opt_outs else "opt_ins" if opt_ins else "contacts"
    common = {"channel": channel, "sender": sender, "purpose": purpose, "at": at, "evidence": evidence}
    wanted = ImportRequest(
        name="",
        kind=kind,
        group=None if group is None else read_option("--group", group, read_name),
        mapping=_read_mapping(mapping or ()),
        attributes=attributes,
        keep_ids=keep_ids,
        planned=plan,
        common={name: value for name, value in common.items() if value is not None}
        | ({"override": True} if override else {}),
    )
    ask = _Ask(wanted, _read_rejects(rejects, files), as_json)
    with opened_place(project, url=url, key=key, database=database, config=config) as place, told_to_stop() as told:
        code = _import_all(files, place=place, ask=ask, told=told)
    if code:
        raise typer.Exit(code)


def _read_mapping(written: Sequence[str]) -> dict[str, str]:
    """Fields by column; a name may hold the sign itself, and a field does not."""
    mapping = {}
    for one in written:
        column, mark, field = one.rpartition("=")
        if not mark or not column:
            raise fail(f"--map is {one!r}; it must be COLUMN=FIELD, such as Phone=mobile.", code=WRONG_USAGE)
        mapping[column.strip()] = field.strip()
    return mapping


def _read_rejects(written: str | None, files: Sequence[str]) -> Path | None:
    if written is None:
        return None
    place = Path(written)
    if len(files) > 1 and not place.is_dir():
        raise fail("Of several files, --rejects names a folder that is there.", code=WRONG_USAGE)
    if not place.is_dir() and not place.absolute().parent.is_dir():
        raise fail(f"--rejects is {written!r}, in a folder that is not there.", code=WRONG_USAGE)
    targets = [_rejects_file(place, name) for name in files]
    if len({*map(os.path.realpath, targets)}) < len(files):
        raise fail(
            "Two of the files have one name, and so would their rejects; import each by itself.", code=WRONG_USAGE
        )
    if {*map(os.path.realpath, targets)} & {*map(os.path.realpath, files)}:
        raise fail("--rejects would be written over a file that is to be imported; name another.", code=WRONG_USAGE)
    return place


def _rejects_file(place: Path, name: str) -> Path:
    """Where the rejects of a file of this name go: in a folder under a name of their own."""
    named = Path(name)
    return place / f"{named.stem}-rejects{named.suffix}" if place.is_dir() else place


# ---- one after the other ----------------------------------------------------------------------------------


def _import_all(files: Sequence[str], *, place: Place, ask: _Ask, told: Stop) -> int:
    """Import every file; one that cannot be read stops no other. Returns how the command ends."""
    ended: list[Shown] = []
    broken: list[Shown] = []
    for number, name in enumerate(files):
        try:
            ended.append(_import_one(name, place=place, ask=ask, told=told))
        except (UnreadableFile, TooLarge, ValidationFailed, OSError) as error:
            sentence = _sentence(name, error)
            say(plain(f"daftari: {sentence}"))
            broken.append({"name": name, "state": "failed", "error": sentence})
        if told():
            if files[number + 1 :]:
                say(plain(f"Not begun: {', '.join(files[number + 1 :])}"))
            break
    if ask.as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(ended + broken), indent=2).decode())
    return code_of(ended) or min(len(broken), 1)


def _sentence(name: str, error: UnreadableFile | TooLarge | ValidationFailed | OSError) -> str:
    """What is wrong with a file."""
    if isinstance(error, OSError):
        return f"{name} cannot be read: {error.strerror}."
    if isinstance(error, ValidationFailed):
        said = " ".join(sentence for sentences in error.errors.values() for sentence in sentences)
        return f"{name}: {said}"
    return f"{name}: {error.message.removeprefix(f'{Path(name).name}: ')}"


def _import_one(name: str, *, place: Place, ask: _Ask, told: Stop) -> Shown:
    shown_name = "stdin" if name == STDIN else Path(name).name
    with _opened(name) as file, showing() as note:
        reading = _telling_once(note)
        shown = place.create(file, wanted=replace(ask.wanted, name=shown_name), note=reading, told=told)
        reading(shown)
    return follow_import(shown["id"], place=place, rejects=ask.rejects, as_json=ask.as_json, told=told)


def _telling_once(note: Note) -> Note:
    """Says how a file is read as soon as that is known, above the bar."""
    is_told = False

    def take(shown: Shown) -> None:
        nonlocal is_told
        if not is_told and "columns" in shown:
            is_told = True
            say_reading(shown)
        note(shown)

    return take


@contextmanager
def _opened(name: str) -> Iterator[IO[bytes]]:
    """A file that can be read twice: standard input and pipes go to a nameless file first."""
    if name != STDIN:
        with open(name, "rb") as file:
            if file.seekable():
                yield file
                return
            with _spooled(file) as spool:
                yield spool
        return
    with _spooled(sys.stdin.buffer) as spool:
        yield spool


@contextmanager
def _spooled(file: IO[bytes]) -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as spool:
        while piece := file.read(PIECE_BYTES):
            spool.write(piece)
            if spool.tell() > FILE_BYTES_MAX:
                raise TooLarge(f"It is larger than the {FILE_BYTES_MAX} bytes that an import takes.")
        spool.flush()
        yield spool


# ---- followed to its end ----------------------------------------------------------------------------------


def follow_import(
    import_id: int, *, place: Place, rejects: Path | None = None, as_json: bool = False, told: Stop
) -> Shown:
    """See an import through to its end, and say what it came to; of a plan, its first rows too."""
    with showing() as note:
        shown = place.follow(import_id, note=note, told=told)
    kept = _keep_rejects(shown, place, rejects)
    if kept is not None:
        shown = shown | {"rejects": str(kept)}
    if shown["phase"] == "plan" and shown["state"] == "done":
        samples = _sample(shown, place)
        if as_json:
            shown = shown | {"rows_shown": samples}
        else:
            print_rows(samples)
    say_end(shown, place=place, rejects_kept=None if kept is None else str(kept))
    return shown


def _keep_rejects(shown: Shown, place: Place, rejects: Path | None) -> Path | None:
    """Write the rejects where there are any, once the import has ended; returns where they are."""
    if rejects is None or shown["state"] == "paused" or not count_rejects(shown):
        return None
    target = _rejects_file(rejects, shown["name"])
    try:
        with whole_file(target) as file:
            place.write_rejects(shown["id"], file=file)
    except OSError as error:
        raise fail(f"{target} cannot be written: {error.strerror}.") from error
    return target


def _sample(shown: Shown, place: Place) -> list[Shown]:
    """The first rows of each outcome."""
    wanted = {name: SAMPLES_PER_OUTCOME for name, many in shown["counts"].items() if many}
    found: list[Shown] = []
    for some in place.walk_rows(shown["id"], after=0):
        for row in some:
            if wanted.get(row["outcome"]):
                wanted[row["outcome"]] -= 1
                found.append(row)
        if not any(wanted.values()) or some[-1]["row"] >= SAMPLED_ROWS_MAX:
            break
    order = list(wanted)
    return sorted(found, key=lambda row: (order.index(row["outcome"]), row["row"]))


def print_rows(rows: Sequence[Shown]) -> None:
    """Rows of an import as a list."""
    print_list(ROW_COLUMNS, [[row.get(name) for name in ROW_COLUMNS] for row in rows], as_json=False)
