"""Projects, and what an operator does to them by name: create, list, rename, set, delete. No contacts, no HTTP.

Names are unique regardless of case and spacing. Requests may still use the former names of a project.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from daftari.errors import ProjectNotFound, ProjectTaken, ValidationFailed, quote
from daftari.mobile import is_region
from daftari.model.consent import PURPOSES
from daftari.model.inbound import InboundToken
from daftari.model.jobs import JobKind
from daftari.model.limits import (
    ATTRIBUTE_NAME_MAX,
    FEED_DAYS_MAX,
    FIRST_ID_MAX,
    KEYWORD_MAX,
    KEYWORDS_MAX,
    SEARCHABLE_MAX,
)
from daftari.model.projects import Actor, Cap, ConsentSettings, Key, KeyKind, OnError, Project, SettingChange
from daftari.rules.access import inbound_tokens
from daftari.rules.access import keys as access_keys
from daftari.rules.access.log import note
from daftari.rules.access.zones import read_zone
from daftari.rules.consent.keywords import find_shadowed_word, plain_words
from daftari.rules.consent.quiet_hours import read_hours
from daftari.rules.events import Action
from daftari.rules.fields import Problems, fold_name, read_name
from daftari.store import SystemTx, Tx, keys, projects
from daftari.store.jobs import request_job

FIRST_KEY_LABEL = "first"


_WORDS = ("opt_out_words", "opt_in_words", "help_words")
_CAP = re.compile(r"(\w+) ?= ?([1-9][0-9]{0,3}) ?/ ?([1-9][0-9]{0,3})", re.ASCII)


def create_project(
    tx: SystemTx, *, name: str, region: str, on_error: OnError, first_id: int, zone: str | None = None
) -> Project:
    """A new project with an empty book. ``zone``: that of its pages; ``None`` for that of the region.

    Raises ``ProjectTaken`` and ``ValidationFailed``.
    """
    kept = _read_project_name(name)
    _refuse_region(region)
    own_zone = _read_own_zone(zone)
    if not 1 <= first_id <= FIRST_ID_MAX:
        raise ValidationFailed({"first_id": [f"The first_id field must be between 1 and {FIRST_ID_MAX}."]})
    taken = projects.get_project_by_name(tx, folded=fold_name(kept))
    if taken is not None:
        raise ProjectTaken(taken.name)
    return projects.insert_project(
        tx, name=kept, folded=fold_name(kept), region=region, on_error=on_error, first_id=first_id, zone=own_zone
    )


def create_project_with_key(
    tx: SystemTx, *, name: str, region: str, on_error: OnError, first_id: int, zone: str | None = None
) -> tuple[Project, str]:
    """A new project and its first API key, which may do everything and is not shown again.

    Raises ``ProjectTaken`` and ``ValidationFailed``.
    """
    project = create_project(tx, name=name, region=region, on_error=on_error, first_id=first_id, zone=zone)
    secret, _ = access_keys.create_key(tx, project=project, label=FIRST_KEY_LABEL, kind="manage", expires_at=None)
    return project, secret


def create_first_project(tx: SystemTx, *, name: str, region: str) -> tuple[Project, str] | None:
    """As ``create_project_with_key``, in a database without projects; ``None`` in any other."""
    if projects.list_projects(tx):
        return None
    return create_project_with_key(tx, name=name, region=region, on_error="refuse", first_id=1)


def create_key_by_project_name(
    tx: SystemTx, *, project: str, label: str, kind: KeyKind, expires_at: int | None
) -> tuple[str, Key]:
    """A new API key, which is not shown again, and its record. Raises ``ProjectNotFound``."""
    found = find_project(tx, name=project)
    return access_keys.create_key(tx, project=found, label=label, kind=kind, expires_at=expires_at)


def list_keys_with_projects(tx: Tx, *, project: str | None) -> list[tuple[Project, Key]]:
    """The API keys of one project, or of all, in order of creation. Raises ``ProjectNotFound``."""
    owners = _list_owners(tx, project)
    return [(owners[key.project_id], key) for key in access_keys.list_keys(tx) if key.project_id in owners]


def list_tokens_with_projects(tx: Tx, *, project: str | None) -> list[tuple[Project, InboundToken]]:
    """The inbound tokens of one project, or of all, in order of creation. Raises ``ProjectNotFound``."""
    owners = _list_owners(tx, project)
    return [(owners[token.project_id], token) for token in inbound_tokens.list_tokens(tx) if token.project_id in owners]


def _list_owners(tx: Tx, name: str | None) -> dict[int, Project]:
    """Projects by id: the one with this name, or all that are not deleted."""
    found = projects.list_projects(tx) if name is None else [find_project(tx, name=name)]
    return {project.id: project for project in found}


def list_projects(tx: Tx) -> list[Project]:
    """All projects in order of creation."""
    return projects.list_projects(tx)


def get_project(tx: Tx, *, project_id: int) -> Project | None:
    """The project with this id, also while it is being purged; without its former names."""
    return projects.get_project(tx, project_id=project_id)


def find_project(tx: Tx, *, name: str) -> Project:
    """The project with this name, in any case and spacing. Raises ``ProjectNotFound``."""
    found = projects.get_project_by_name(tx, folded=fold_name(name))
    if found is None:
        raise ProjectNotFound(name)
    return found


def rename_project(tx: SystemTx, *, name: str, new_name: str) -> Project:
    """Another name for a project; the old one still matches in requests. Raises ``ProjectTaken``."""
    found = find_project(tx, name=name)
    renamed = with_name(tx, found, new_name)
    save_project(tx, found, renamed, actor=Actor(None, "project rename"))
    return renamed


def set_project(
    tx: SystemTx,
    *,
    name: str,
    region: str | None,
    on_error: OnError | None,
    consent: Mapping[str, object],
    feed_days: int | None = None,
    zone: str | None = None,
    searchable: Sequence[str] | None = None,
) -> Project:
    """Other settings for a project; what is ``None`` or absent keeps what is there.

    ``consent``: by member's name. ``zone``: blank for that of the region.
    """
    found = find_project(tx, name=name)
    changed = with_settings(
        found,
        region=region,
        on_error=on_error,
        consent=consent,
        feed_days=feed_days,
        zone=zone,
        searchable=searchable,
    )
    save_project(tx, found, changed, actor=Actor(None, "project set"))
    return changed


def with_name(tx: Tx, project: Project, name: str) -> Project:
    """A project with another name. Raises ``ProjectTaken`` and ``ValidationFailed``."""
    kept = _read_project_name(name)
    taken = projects.get_project_by_name(tx, folded=fold_name(kept))
    if taken is not None and taken.id != project.id:
        raise ProjectTaken(taken.name)
    return replace(project, name=kept)


def with_settings(
    project: Project,
    *,
    region: str | None = None,
    on_error: OnError | None = None,
    consent: Mapping[str, object] = {},
    feed_days: int | None = None,
    zone: str | None = None,
    searchable: Sequence[str] | None = None,
) -> Project:
    """A project with other settings, given as to ``set_project``. Raises ``ValidationFailed``."""
    if region is not None:
        _refuse_region(region)
    if feed_days is not None and not 1 <= feed_days <= FEED_DAYS_MAX:
        raise ValidationFailed({"feed_days": [f"The feed_days field must be between 1 and {FEED_DAYS_MAX}."]})
    return replace(
        project,
        region=region or project.region,
        on_error=on_error or project.on_error,
        consent=_with_consent(project.consent, consent),
        feed_days=feed_days or project.feed_days,
        zone=project.zone if zone is None else _read_own_zone(zone),
        searchable=project.searchable if searchable is None else _read_searchable(searchable),
    )


def save_project(tx: SystemTx, before: Project, after: Project, *, actor: Actor) -> list[SettingChange]:
    """Save the name and the settings of a project, and have the journal say who changed what. Returns what changed."""
    changes = list_changes(before, after)
    if changes:
        projects.update_project(tx, project=after, folded=fold_name(after.name))
        note(tx, after, actor, Action.CHANGE_SETTINGS, settings=changes)
    return changes


def list_changes(before: Project, after: Project) -> list[SettingChange]:
    """What differs between two states of a project, in the order in which settings are listed."""
    old, new = _write_settings(before), _write_settings(after)
    changes = [SettingChange("name", "", "")] if before.name != after.name else []
    return changes + [SettingChange(name, old[name], new[name]) for name in new if old[name] != new[name]]


def _write_settings(project: Project) -> dict[str, str]:
    """The settings by name, as a command writes them; blank for the default."""
    consent = project.consent
    caps = (f"{purpose}={cap.messages}/{cap.hours}" for purpose, cap in consent.caps.items())
    return {
        "region": project.region,
        "zone": project.zone or "",
        "on_error": project.on_error,
        "feed_days": str(project.feed_days),
        "searchable": ", ".join(project.searchable),
        "stop_scope": consent.stop_scope,
        "on_delete": consent.on_delete,
        "require_opt_in": "yes" if consent.require_opt_in else "no",
        "quiet_hours": consent.quiet_hours or "",
        "caps": ", ".join(caps),
        "opt_out_words": ", ".join(consent.opt_out_words or ()),
        "opt_in_words": ", ".join(consent.opt_in_words or ()),
        "help_words": ", ".join(consent.help_words or ()),
    }


def _read_searchable(given: Sequence[str]) -> tuple[str, ...]:
    """The names of attributes, once each, without blank ones. Raises ``ValidationFailed``."""
    names = tuple(dict.fromkeys(filter(None, map(str.strip, given))))
    wrong = None
    if len(names) > SEARCHABLE_MAX:
        wrong = f"The searchable field must not name more than {SEARCHABLE_MAX} attributes; it names {len(names)}."
    elif long := [name for name in names if len(name) > ATTRIBUTE_NAME_MAX]:
        wrong = f"The searchable field names {quote(long[0])}; a name has at most {ATTRIBUTE_NAME_MAX} characters."
    if wrong is not None:
        raise ValidationFailed({"searchable": [wrong]})
    return names


def _with_consent(consent: ConsentSettings, given: Mapping[str, object]) -> ConsentSettings:
    """The settings of consent with the members that are given. Raises ``ValidationFailed``."""
    read = {member: value for member, value in given.items() if value is not None}
    problems = Problems()
    hours, caps = read.get("quiet_hours"), read.get("caps")
    if hours is not None:
        # No hours at all means the hours of the region again.
        read["quiet_hours"] = problems.read("quiet_hours", str(hours), read_hours) if hours else None
    if caps is not None:
        read["caps"] = problems.read("message_caps", str(caps), _read_caps) or {}
    given_words = [member for member in _WORDS if isinstance(read.get(member), tuple)]
    for member in given_words:
        # No words at all restores the default keywords.
        read[member] = problems.read(member, read[member], _read_words) or None
    problems.refuse()
    changed = replace(consent, **read)
    shadowed = find_shadowed_word(changed) if given_words else None
    if shadowed is not None:
        place = "opt_in_words" if shadowed in (changed.opt_in_words or ()) else "help_words"
        problems.add(place, f"must not have {quote(shadowed)}, which is a word that opts out.")
        problems.refuse()
    return changed


def _read_words(given: object) -> tuple[str, ...]:
    """Keywords, once each, without blank ones. Raises ``ValueError`` with the end of a sentence."""
    assert isinstance(given, tuple)
    words = tuple(dict.fromkeys(filter(None, map(plain_words, given))))
    if len(words) > KEYWORDS_MAX:
        raise ValueError(f"must not have more than {KEYWORDS_MAX} words; it has {len(words)}.")
    if long := [word for word in words if len(word) > KEYWORD_MAX]:
        raise ValueError(f"has {quote(long[0])}; a word has at most {KEYWORD_MAX} characters.")
    return words


def _read_caps(text: str) -> dict[str, Cap]:
    """How often a number may be messaged, by purpose: ``marketing=3/24`` is 3 messages in 24 hours."""
    caps: dict[str, Cap] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        found = _CAP.fullmatch(part)
        if found is None or found[1] not in PURPOSES or found[1] in caps:
            raise ValueError("must be such as 'marketing=3/24, transactional=10/1', messages in hours, or empty.")
        caps[found[1]] = Cap(int(found[2]), int(found[3]))
    return caps


def delete_project(tx: SystemTx, *, name: str) -> Project:
    """Delete a project at once for everyone, keys revoked and name free; the worker clears its book."""
    found = find_project(tx, name=name)
    keys.revoke_project_keys(tx, project_id=found.id)
    projects.hide_project(tx, project=found)
    request_job(tx, project_id=found.id, kind=JobKind.PURGE)
    return found


def _read_project_name(name: str) -> str:
    problems = Problems()
    kept = problems.read("name", name, read_name)
    if kept is None and not problems:
        problems.add("name", "is required.")
    return problems.require(kept)


def _read_own_zone(zone: str | None) -> str | None:
    problems = Problems()
    read = problems.read("zone", zone, read_zone) if zone else None
    problems.refuse()
    return read


def _refuse_region(region: str) -> None:
    if not is_region(region):
        raise ValidationFailed({"region": ["The region field must be two capital letters of a country, such as KE."]})
