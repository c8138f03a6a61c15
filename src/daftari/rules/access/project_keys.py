"""The API keys of a project, as its owners list, make and revoke them. No HTTP.

The role of the one who asks is read in the same transaction. Keys that work have different labels, so that a form
that is sent twice makes one key.
"""

from __future__ import annotations

from daftari.errors import KeyNotFound
from daftari.model.limits import LABEL_MAX
from daftari.model.projects import Key, KeyKind
from daftari.rules.access import keys
from daftari.rules.access.errors import KeyTaken
from daftari.rules.access.log import note
from daftari.rules.access.roles import Act, require
from daftari.rules.access.sessions import SignedIn
from daftari.rules.events import Action
from daftari.rules.fields import Problems, fold_name, read_text
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

    Raises what ``require`` raises, ``ValidationFailed``, and ``KeyTaken`` where a key that works has the label.
    """
    access = require(tx, signed_in=signed_in, project_id=project_id, act=Act.KEYS)
    problems = Problems()
    called = problems.require(problems.read("label", label, _read_label))
    for key in keys.list_keys(tx):
        is_same = key.project_id == project_id and fold_name(key.label) == fold_name(called)
        if is_same and keys.key_state(key, now=tx.now) == "active":
            raise KeyTaken(key.label)
    text, key = keys.create_key(tx, project=access.project, label=called, kind=kind, expires_at=expires_at)
    note(tx, access.project, access.actor(request_id), Action.CREATE_KEY, key=key.id, kind=kind)
    return text, key


def get_project_key(tx: Tx, *, signed_in: SignedIn, project_id: int, start: str) -> Key:
    """The key that begins so. Raises what ``require`` raises, and ``KeyNotFound`` for one of another project."""
    found = list_project_keys(tx, signed_in=signed_in, project_id=project_id)
    key = next((key for key in found if key.start == start), None)
    if key is None:
        raise KeyNotFound(start)
    return key


def revoke_project_key(tx: SystemTx, *, signed_in: SignedIn, project_id: int, start: str, request_id: str) -> Key:
    """Revoke the key that begins so; one that is revoked stays so. Raises what ``get_project_key`` raises."""
    key = get_project_key(tx, signed_in=signed_in, project_id=project_id, start=start)
    if key.revoked_at is None:
        access = require(tx, signed_in=signed_in, project_id=project_id, act=Act.KEYS)
        stored_keys.revoke_key(tx, key_id=key.id)
        note(tx, access.project, access.actor(request_id), Action.REVOKE_KEY, key=key.id)
    return key


def _read_label(value: object) -> str:
    label = read_text(value, most=LABEL_MAX)
    if label is None:
        raise ValueError("is required.")
    return label
