"""Why a job on many contacts is refused. The API has no call for one: a program sends 1,000 at a time."""

from __future__ import annotations

from daftari.errors import Conflict, NotFound
from daftari.model.limits import BULK_CONTACTS_MAX, BULKS_MAX


class BulkNotFound(NotFound):
    """No job has this id, or it has expired."""

    code = "BULK_NOT_FOUND"
    message = "There is no such job; a job is kept for 90 days."


class BulkCountChanged(Conflict):
    """Another number of contacts match than when the user was asked."""

    code = "BULK_COUNT_CHANGED"

    def __init__(self, count: int, expected: int) -> None:
        super().__init__(f"{count:,} contacts match now, and {expected:,} were expected. Look at the list again.")


class BulkTooLarge(Conflict):
    """More contacts match than one job changes."""

    code = "BULK_TOO_LARGE"
    message = f"More than {BULK_CONTACTS_MAX:,} contacts match; choose a filter that fewer match."


class BulkEmpty(Conflict):
    """No contact matches."""

    code = "BULK_EMPTY"
    message = "No contact matches; nothing was changed."


class BulksFull(Conflict):
    """Too many jobs have not ended yet."""

    code = "BULKS_FULL"
    message = f"{BULKS_MAX} jobs have not ended yet; wait for one of them."


class GroupBeingMerged(Conflict):
    """A merge that is running ends the group, or fills the one that another merge would end."""

    code = "GROUP_BEING_MERGED"

    def __init__(self, name: str) -> None:
        super().__init__(f"The group {name!r} is being merged; wait for the job, or undo it.")


class WrongBulkState(Conflict):
    """A job in a state in which it cannot be undone."""

    code = "WRONG_BULK_STATE"

    def __init__(self, state: str) -> None:
        super().__init__(f"The job is {state}; one that is running, done or stopped can be undone.")
