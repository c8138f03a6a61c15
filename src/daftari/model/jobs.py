"""Records and kinds of background jobs. What a job does is the worker's matter."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class JobKind(StrEnum):
    """What a worker may have to do in a project. ``worker/jobs.py`` says how."""

    PURGE = "purge"
    """Delete what a deleted group, or the deleted project, left behind."""
    ERASE = "erase"
    """Clear the ids of erased contacts from the journal and from imports."""
    IMPORT = "import"
    """Plan, apply and undo imports, the oldest first."""
    BULK = "bulk"
    """Change all contacts that match, as users asked, the oldest job first."""
    EXPORT = "export"
    """Write the files of exports, and delete those of removed ones."""
    SEND = "send"
    """Send the messages of a sender, which is the job's subject."""
    LOOK_UP = "look_up"
    """Look for messages of a sender whose answers were lost; the sender is the job's subject."""
    DELIVER = "deliver"
    """Deliver the feed to a webhook, which is the job's subject."""
    SYNC = "sync"
    """Read what changed in a connected system; the connection is the job's subject."""
    LISTEN = "listen"
    """Hear when a connected system says that something changed; the connection is the job's subject."""
    INDEX = "index"
    """Write the search index."""
    COUNT = "count"
    """Count what changed into the figures of days."""
    EXPIRE = "expire"
    """Delete what has expired."""


LEASE_SECONDS = 30
"""How long a worker may be silent before another one takes its job."""


class Job(Struct, frozen=True):
    """A job that a worker holds.

    ``subject``: which of several jobs of a kind. ``attempts``: how often it was taken since a step was last finished.
    """

    project_id: int
    kind: str
    owner: str
    subject: str = ""
    attempts: int = 1
