"""The settings of a project, as its owners change them. No HTTP.

The role of the one who asks is read in the same transaction. What is about whom people hear from is confirmed first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b

import msgspec

from daftari.model.projects import Project, SettingChange
from daftari.rules.access.errors import NotConfirmed, SettingsChanged
from daftari.rules.access.projects import list_changes, save_project, with_name, with_settings
from daftari.rules.access.roles import Act, require
from daftari.rules.access.sessions import SignedIn
from daftari.store import SystemTx

CONFIRMED = frozenset({"stop_scope", "on_delete", "require_opt_in"})
"""Settings of which a change needs a confirmation."""


def version_of_consent(project: Project) -> str:
    """What differs where the settings of consent do."""
    return blake2b(msgspec.json.encode(project.consent), digest_size=8).hexdigest()


def change_project(
    tx: SystemTx,
    *,
    signed_in: SignedIn,
    project_id: int,
    name: str,
    region: str,
    zone: str,
    searchable: Sequence[str],
    request_id: str,
) -> list[SettingChange]:
    """Another name, region and zone for a project, and other attributes to search by. Returns what changed.

    Raises what ``require`` raises, ``ProjectTaken`` and ``ValidationFailed``.
    """
    access = require(tx, signed_in=signed_in, project_id=project_id, act=Act.PROJECT)
    renamed = with_name(tx, access.project, name)
    changed = with_settings(renamed, region=region, zone=zone, searchable=searchable)
    return save_project(tx, access.project, changed, actor=access.actor(request_id))


def change_consent(
    tx: SystemTx,
    *,
    signed_in: SignedIn,
    project_id: int,
    consent: Mapping[str, object],
    version: str,
    confirmed: Collection[str],
    request_id: str,
) -> list[SettingChange]:
    """Other settings of consent for a project, by member's name. Returns what changed.

    ``version``: of the settings that the caller saw. ``confirmed``: the changes that need it, as ``stop_scope=sender``.
    Raises what ``require`` raises, ``ValidationFailed``, ``SettingsChanged`` and ``NotConfirmed``.
    """
    access = require(tx, signed_in=signed_in, project_id=project_id, act=Act.CONSENT_SETTINGS)
    changed = with_settings(access.project, consent=consent)
    changes = list_changes(access.project, changed)
    if changes and version != version_of_consent(access.project):
        raise SettingsChanged
    doubtful = [change for change in changes if change.name in CONFIRMED]
    if any(f"{change.name}={change.after}" not in confirmed for change in doubtful):
        raise NotConfirmed(changes, doubtful)
    return save_project(tx, access.project, changed, actor=access.actor(request_id))
