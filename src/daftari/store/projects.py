"""Projects: system rows that are found by folded name. A project keeps its former names.

Opens and closes a project's book; keys and contacts belong to other modules.
"""

from __future__ import annotations

from functools import partial

import msgspec
from msgspec.structs import replace

from daftari.model.projects import ConsentSettings, OnError, Project
from daftari.store.engine import SystemTx, Tx

_read_consent = msgspec.json.Decoder(ConsentSettings).decode
_read_names = msgspec.json.Decoder(tuple[str, ...]).decode


def get_project_by_name(tx: Tx, *, folded: str) -> Project | None:
    """One project by its present folded name."""
    found = _fetch_projects(tx, "get_project_by_name", folded=folded)
    return with_names(tx, found[0]) if found else None


def get_project(tx: Tx, *, project_id: int) -> Project | None:
    """One project by its id, without its former names; a deleted one until it is purged."""
    return next(iter(_fetch_projects(tx, "get_project", id=project_id)), None)


def list_projects(tx: Tx) -> list[Project]:
    """All projects in order of creation, without their former names."""
    return _fetch_projects(tx, "list_projects")


def with_names(tx: Tx, project: Project) -> Project:
    """The project with every name it has had, folded."""
    return replace(project, former_names=tuple(tx.fetch(str, "list_project_names", id=project.id)))


def insert_project(
    tx: SystemTx, *, name: str, folded: str, region: str, on_error: OnError, first_id: int, zone: str | None
) -> Project:
    """Insert a project with an empty book whose first contact gets ``first_id``.

    The book follows the commit; if that is lost, the first write to the project opens it.
    """
    project = Project(tx.take_id(), name, region, on_error, tx.now, (folded,), zone=zone)
    tx.run(
        "insert_project",
        id=project.id, name=name, folded=folded, region=region, on_error=on_error, first_id=first_id, now=tx.now,
        zone=zone,
    )  # fmt: skip
    tx.run("insert_project_name", id=project.id, folded=folded)
    tx.follow_up(project, partial(_insert_book, first_id=first_id))
    return project


def update_project(tx: SystemTx, *, project: Project, folded: str) -> None:
    """Save a project's name and settings. Requests may still call it by its former name."""
    tx.run(
        "update_project",
        id=project.id,
        name=project.name,
        folded=folded,
        region=project.region,
        on_error=project.on_error,
        consent=msgspec.json.encode(project.consent).decode(),
        feed_days=project.feed_days,
        zone=project.zone,
        searchable=msgspec.json.encode(project.searchable).decode(),
    )
    tx.run("insert_project_name", id=project.id, folded=folded)


def hide_project(tx: SystemTx, *, project: Project) -> None:
    """Free a project's name and close its book to all writes; its rows are purged later.

    The book is closed after the commit; if that is lost, the purge closes it.
    """
    tx.run("hide_project", id=project.id, now=tx.now)
    tx.follow_up(project, close_book)


def close_book(tx: Tx) -> None:
    """Close the book of a deleted project to all writes."""
    tx.run("close_book")


def read_project(
    project_id: int,
    name: str,
    region: str,
    on_error: OnError,
    created_at: int,
    consent: str,
    feed_days: int,
    zone: str | None,
    searchable: str,
) -> Project:
    """A project from the columns of its row; ``consent`` and ``searchable`` are JSON."""
    return Project(
        project_id,
        name,
        region,
        on_error,
        created_at,
        consent=_read_consent(consent),
        feed_days=feed_days,
        zone=zone,
        searchable=_read_names(searchable),
    )


def _insert_book(tx: Tx, *, first_id: int) -> None:
    tx.run("insert_book", first_id=first_id)


def _fetch_projects(tx: Tx, query: str, **values: int | str) -> list[Project]:
    rows = tx.fetch(tuple[int, str, str, OnError, int, str, int, str | None, str], query, **values)
    return [read_project(*row) for row in rows]
