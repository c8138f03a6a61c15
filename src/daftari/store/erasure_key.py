"""The key that hashes erased numbers: the secret that it is made of, its file, and its fingerprint in the database.

With another key an erased number would not be recognised and could be messaged again. So the database keeps the key's
fingerprint, and a missing or different secret is refused. What is hashed belongs to other modules.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from hashlib import blake2b, sha256
from pathlib import Path

from daftari.errors import BadSettings, StoreUnavailable
from daftari.model.time import current_time
from daftari.store.database_url import dialect_of, sqlite_path
from daftari.store.engine import Store, SystemTx, Tx

SECRET_LENGTH_MIN = 16
"""Characters of a secret. A shorter one could be guessed."""
_GIVE = "give it with DAFTARI_SECRET or DAFTARI_SECRET_FILE"


def default_secret_file(database: str) -> Path | None:
    """The file next to a SQLite database; ``None`` for PostgreSQL, where the secret must be given."""
    if dialect_of(database) == "postgres":
        return None
    path = sqlite_path(database)
    return path.with_name(f"{path.name}.secret")


def read_erasure_key(database: str, *, secret: str | None, secret_file: str | None) -> bytes | None:
    """The key from the secret that was given, else from the secret in its file; ``None`` when there is no file yet.

    Raises ``BadSettings`` when the secret is too short, or when the file that was named cannot be read.
    """
    text = find_secret_text(database, secret=secret, secret_file=secret_file)
    return None if text is None else key_of(text)


def find_secret_text(database: str, *, secret: str | None, secret_file: str | None) -> str | None:
    """The text of the secret; raises like ``read_erasure_key``."""
    if secret is not None:
        return _long_enough(secret, named="The secret")
    path = Path(secret_file) if secret_file is not None else default_secret_file(database)
    if path is None:
        raise BadSettings(f"A PostgreSQL database needs the secret that keys the hashes of erased numbers: {_GIVE}.")
    try:
        return _long_enough(path.read_text(encoding="utf-8"), named=f"The secret in {path}")
    except FileNotFoundError:
        if secret_file is not None:
            raise BadSettings(f"The secret file {path} is not there.") from None
        return None
    except OSError as error:
        raise BadSettings(f"The secret file {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise BadSettings(f"The secret file {path} is not UTF-8 text.") from None


def make_erasure_key(database: str) -> bytes:
    """Write a new secret into the file next to a SQLite database, which only its owner may read. Returns its key."""
    return save_secret(database, secrets.token_urlsafe(32))


def save_secret(database: str, written: str) -> bytes:
    """Write a secret into the file next to a SQLite database. Returns its key, or that of a secret already there."""
    path = default_secret_file(database)
    assert path is not None
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        write_durably(draft, written + "\n")
        # The file gets its name when it is complete: a process that starts now finds all of it, or none.
        os.link(draft, path)
        _make_names_durable(path.parent)
    except FileExistsError:
        # Another process made it first, or the name is a dangling symlink whose target may reappear.
        key = read_erasure_key(database, secret=None, secret_file=None)
        if key is None:
            raise missing_secret_file(database) from None
        return key
    except OSError as error:
        raise StoreUnavailable(f"The secret file {path} cannot be made: {error.strerror}.") from None
    finally:
        with suppress(OSError):
            draft.unlink()
    return key_of(written)


def write_durably(path: Path, text: str) -> None:
    """Write a new file, which only its owner may read, and sync it."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _make_names_durable(folder: Path) -> None:
    """Sync a folder, so that the file's name survives a power cut, as the fingerprint in the database does."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def has_fingerprint(tx: Tx) -> bool:
    """Whether the database has the fingerprint of a key."""
    row = tx.one("get_erasure_key_fingerprint")
    return row is not None and row[0] is not None


def refuse_other_erasure_key(store: Store, database: str) -> None:
    """Raise ``BadSettings`` when the store's key is not the database's. The first key becomes the database's."""
    known = store.system_read(current_time(), _is_known)
    if known is None:
        store.system_write(current_time(), _save_fingerprint)
        known = store.system_read(current_time(), _is_known)
    if not known:
        where = default_secret_file(database)
        restore = f", or restore the right one in {where}" if where is not None else ""
        raise BadSettings(f"This is not the secret with which the database was made; {_GIVE}{restore}.")


def missing_secret_file(database: str) -> BadSettings:
    """The error for a database that has a key's fingerprint while there is no secret."""
    return BadSettings(
        f"The secret file {default_secret_file(database)} is missing, and with another secret erased numbers could be "
        f"messaged again. Restore it, or {_GIVE}."
    )


def _is_known(tx: Tx) -> bool | None:
    """Whether the transaction's key is the database's; ``None`` when the database has none yet."""
    row = tx.one("get_erasure_key_fingerprint")
    return None if row is None or row[0] is None else row[0] == fingerprint_of(tx.erasure_key)


def _save_fingerprint(tx: SystemTx) -> None:
    tx.run("save_erasure_key_fingerprint", hash=fingerprint_of(tx.erasure_key))


def _long_enough(written: str, *, named: str) -> str:
    text = written.strip()
    if len(text) < SECRET_LENGTH_MIN:
        raise BadSettings(f"{named} is shorter than {SECRET_LENGTH_MIN} characters.")
    return text


def key_of(secret: str) -> bytes:
    """The key that is made of a secret."""
    return sha256(secret.encode()).digest()


def fingerprint_of(key: bytes) -> bytes:
    """What a database keeps of its key: enough to recognise it, and not to compute it."""
    return blake2b(key=key, person=b"fingerprint", digest_size=16).digest()
