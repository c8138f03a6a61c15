"""The API keys of a project, as its owners list, make and revoke them. No HTTP.

The role of the one who asks is read in the same transaction.
"""

from __future__ import annotations

from daftari.errors import KeyNotFound
from daftari.model.limits import LABEL_MAX
from daftari.model.projects import Key, KeyKind
from daftari.rules.access import keys
from daftari.rules.access.log import note
from daftari.rules.access.roles import Act, require
from daftari.rules.access.sessions import SignedIn
from daftari.rules.events import Action
from daftari.rules.fields import Problems, read_text
from daftari.store import SystemTx, Tx
from daftari.store import keys as stored_keys


def list_project_keys(tx: Tx, *, signed_in: SignedIn, project_id: int) -> list[Key]:
    """The keys of a project, in order of creation. Raises what ``require`` raises."""
    require(tx, signed_in=signed_in, project_id=project_id, act=Act.KEYS)
    return [key for key in keys.list_keys(tx) if key.project_id == project_id]


def create_project_key(
    tx: SystemTx,
    *,
    signed_in: SignedIn,
    project_id: int,
    label: str,
    kind: KeyKind,
    expires_at: int | None,
    request_id: str,
) -> tuple[str, Key]:
    """A new key: its text, which is shown once, and the key.

    Raises what ``require`` raises, and ``ValidationFailed``.
    """
    access = require(tx, signed_in=signed_in, project_id=project_id, act=Act.KEYS)
    problems = Problems()
    called = problems.read("label", label, lambda given: read_text(given, most=LABEL_MAX)) or ""
    problems.refuse()
    text, key = keys.create_key(tx, project=access.project, label=called, kind=kind, expires_at=expires_at)
    note(tx, access.project, access.actor(request_id), Action.CREATE_KEY, key=key.id, kind=kind)
    return text, key


def revoke_project_key(tx: SystemTx, *, signed_in: SignedIn, project_id: int, start: str, request_id: str) -> Key:
    """Revoke the key that begins so. Raises what ``require`` raises, and ``KeyNotFound`` for one of another project."""
    access = require(tx, signed_in=signed_in, project_id=project_id, act=Act.KEYS)
    key = next((key for key in keys.list_keys(tx) if (key.project_id, key.start) == (project_id, start)), None)
    if key is None:
        raise KeyNotFound(start)
    stored_keys.revoke_key(tx, key_id=key.id)
    note(tx, access.project, access.actor(request_id), Action.REVOKE_KEY, key=key.id)
    return key
