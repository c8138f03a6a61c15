"""Records and kinds of background jobs. What a job does is the worker's matter."""

from __future__ import annotations

from msgspec import Struct

PURGE = "purge"
"""Clear up what was deleted in a project."""
ERASE = "erase"
"""Clear the journal of a contact that was erased."""
IMPORT = "import"
"""Work on the imports of a project, one after the other."""
EXPORT = "export"
"""Write the files of exports, and clear those of removed ones."""
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
