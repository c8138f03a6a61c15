"""Where imports are: in a database or on a server. The commands treat both alike."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO, Literal, Protocol

from daftari.cli.imports.status import ImportRow, ImportStatus
from daftari.cli.terminal.progress import OnProgress, Progress
from daftari.cli.terminal.signals import ShouldStop

if TYPE_CHECKING:
    from daftari.rules.imports.request import ImportRequest

Action = Literal["apply", "pause", "resume", "cancel", "undo"]
OnStatus = Callable[[ImportStatus], None]
"""Takes how far an import is, as often as there is something new."""
POLL_SECONDS = 0.5
"""How often an import is looked at that another process works on."""


class ImportTarget(Protocol):
    """A project's imports. Methods raise ``DaftariError``, or ``typer.Exit`` after its message."""

    @property
    def options(self) -> str:
        """The options that lead a command here again: ``--project Shopify``."""
        ...

    def create(
        self, file: BinaryIO, *, request: ImportRequest, on_progress: OnProgress, should_stop: ShouldStop
    ) -> ImportStatus:
        """Stores the file and queues its import. Ends the command when it should stop before the file is stored."""
        ...

    def get(self, import_id: int) -> ImportStatus:
        """How far an import is."""
        ...

    def list_newest(self, *, limit: int) -> list[ImportStatus]:
        """The newest imports."""
        ...

    def iterate_rows(self, import_id: int, *, after: int) -> Iterator[list[ImportRow]]:
        """The rows after a row number, in their order, many at a time."""
        ...

    def write_rejects(self, import_id: int, *, file: BinaryIO) -> None:
        """Writes the rejected rows from the beginning of the file."""
        ...

    def change(self, import_id: int, action: Action, **values: object) -> ImportStatus:
        """Applies, pauses, resumes, cancels or undoes an import."""
        ...

    def follow(self, import_id: int, *, on_status: OnStatus, should_stop: ShouldStop) -> ImportStatus:
        """The import when it has ended. When the command should stop, it is paused after the present batch."""
        ...


def upload_progress(name: str, sent: int, total: int) -> Progress:
    """How much of a file is stored."""
    return Progress(label=name, done=sent, total=total, text=f"{sent:,} of {total:,} bytes sent")


def format_command(target: ImportTarget, action: str, import_id: int) -> str:
    """A command to paste."""
    return f"daftari imports {action} {import_id} {target.options}".strip()


def format_options(**options: str | None) -> str:
    """Options as they are typed, without those that are ``None``."""
    given = {name: value for name, value in options.items() if value is not None}
    return " ".join(f"--{name} {shlex.quote(value)}" for name, value in given.items())
