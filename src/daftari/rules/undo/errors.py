"""Why something is not undone. The API has no call that undoes."""

from __future__ import annotations

from daftari.errors import Conflict, NotFound


class ActNotFound(NotFound):
    """No act of the log has this number."""

    code = "ACT_NOT_FOUND"
    message = "There is no act of this number in the log."


class CannotUndo(Conflict):
    """An act that cannot be undone; the message says why."""

    code = "CANNOT_UNDO"
