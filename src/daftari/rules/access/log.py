"""Notes in a project's journal of who gave whom access. No HTTP.

Roles and keys are rows of the system, which no transaction writes together with a project's. So a note follows the
commit, and a crash between the two may lose it; a role has in its own row who gave it, and when.
"""

from __future__ import annotations

from daftari.model.projects import Actor, Project
from daftari.rules import events
from daftari.rules.events import Action
from daftari.store import SystemTx


def note(tx: SystemTx, project: Project, actor: Actor, action: Action, **detail: object) -> None:
    """Have a row written in the journal of a project once this is committed. ``detail``: ids, and words of ours."""
    tx.follow_up_write(project, actor, lambda written: events.record(written, action, detail=detail))
