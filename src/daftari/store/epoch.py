"""The epoch of a database's feeds: a name that a restored or copied database does not have.

Numbers of a feed mean the same changes only as long as the database continues. PostgreSQL names a database, and each
recovery of it, by itself. A SQLite file does not, so its epoch is in a file next to it and next to the secret, with
how far the feed of each project was: a database that is no longer as far is a restored one. What a feed is made of
belongs to other modules.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import msgspec
from msgspec import Struct

from daftari.errors import StoreUnavailable
from daftari.store.erasure_key import write_durably


class KeptEpoch(Struct, frozen=True):
    """An epoch, and the number of each project's next change when it was last written."""

    epoch: str
    next_changes: dict[int, int]


def epoch_file(path: Path) -> Path:
    """The file next to a SQLite database."""
    return path.with_name(f"{path.name}.epoch")


def derive_epoch(identity: Sequence[object], *, key: bytes) -> str:
    """The epoch of a database that has an identity of its own."""
    return blake2b(repr(tuple(identity)).encode(), key=key, person=b"epoch", digest_size=8).hexdigest()


def read_epoch(path: Path) -> KeptEpoch | None:
    """What is kept next to a SQLite database, if that can be read."""
    try:
        return msgspec.json.decode(epoch_file(path).read_bytes(), type=KeptEpoch)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    except OSError as error:
        raise StoreUnavailable(f"The file {epoch_file(path)} cannot be read: {error.strerror}.") from None


def goes_on(kept: KeptEpoch, next_changes: Mapping[int, int]) -> bool:
    """Whether the database is as far as it was; projects that are gone do not count."""
    return all(kept.next_changes.get(project_id, 0) <= number for project_id, number in next_changes.items())


def begin_epoch(path: Path, next_changes: dict[int, int]) -> str:
    """Write a new epoch next to a SQLite database, and return it. Raises ``StoreUnavailable``."""
    epoch = secrets.token_hex(8)
    _write(path, KeptEpoch(epoch, next_changes))
    return epoch


def keep_epoch(path: Path, epoch: str, next_changes: dict[int, int]) -> None:
    """Note how far the feeds are, if the epoch is still this one. Raises ``StoreUnavailable``."""
    kept = read_epoch(path)
    if kept is not None and kept.epoch == epoch and kept.next_changes != next_changes:
        _write(path, KeptEpoch(epoch, next_changes))


def forget_epoch(path: Path) -> None:
    """Remove what is kept next to a SQLite database that is about to be another one."""
    epoch_file(path).unlink(missing_ok=True)


def _write(path: Path, kept: KeptEpoch) -> None:
    draft = epoch_file(path).with_name(f"{path.name}.epoch.{secrets.token_hex(4)}")
    try:
        write_durably(draft, msgspec.json.encode(kept).decode() + "\n")
        os.replace(draft, epoch_file(path))
    except OSError as error:
        raise StoreUnavailable(f"The file {epoch_file(path)} cannot be written: {error.strerror}.") from None
    finally:
        with suppress(OSError):
            draft.unlink()
