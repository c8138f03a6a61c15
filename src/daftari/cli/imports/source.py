"""Where imports are: in a database that is at hand, or on a server elsewhere. Commands treat both alike.

An import is shown everywhere as the API shows it. This room must not know which of the two a command works with.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from typing import IO, Any, BinaryIO, Protocol

from daftari.cli.terminal.signals import Stop
from daftari.rules.imports.request import ImportRequest

Shown = dict[str, Any]
"""An import, as ``rules.imports.show_import`` and the API show it."""
Note = Callable[[Shown], None]
"""Takes how far it is, often."""

UNDER_WAY = ("queued", "running")
SENDING = "sending"
"""The state of what is only on its way: its ``bytes_read`` are those that have arrived."""
ROWS_AT_ONCE = 1_000
POLL_SECONDS = 0.5
"""How often one looks at an import that somebody else works on."""


class Place(Protocol):
    """Somewhere with imports. Methods raise what the commands' door knows, or ``typer.Exit`` after its sentence."""

    @property
    def options(self) -> str:
        """What a command must say to come here again: ``--project Shopify``."""
        ...

    def create(self, file: IO[bytes], *, wanted: ImportRequest, note: Note, told: Stop) -> Shown:
        """A file becomes an import that is queued. Ends the command when told to stop before all of it is there."""
        ...

    def get(self, import_id: int) -> Shown: ...

    def list_newest(self, *, limit: int) -> list[Shown]:
        """The newest imports."""
        ...

    def walk_rows(self, import_id: int, *, after: int) -> Iterator[list[Shown]]:
        """What became of the records after one, in their order, some at a time."""
        ...

    def write_rejects(self, import_id: int, *, file: BinaryIO) -> None:
        """The rejected records as a file, from its beginning."""
        ...

    def tell(self, import_id: int, verb: str, **values: object) -> Shown:
        """Apply, pause, resume, cancel or undo it."""
        ...

    def follow(self, import_id: int, *, note: Note, told: Stop) -> Shown:
        """See to it that it is worked on, until it has ended. Told to stop, it is paused after the batch at work."""
        ...


def command(place: Place, verb: str, import_id: int, *more: str) -> str:
    """A command to paste."""
    return " ".join(["daftari imports", verb, str(import_id), *more, place.options]).strip()


def written_options(**options: str | None) -> str:
    """Options as they are typed; those that were not given are left out."""
    given = {name: value for name, value in options.items() if value is not None}
    return " ".join(f"--{name} {shlex.quote(value)}" for name, value in given.items())
