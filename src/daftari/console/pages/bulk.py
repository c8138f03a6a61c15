"""Jobs on all contacts that match: how far each is, what came of the contacts, and its undo. Each has a page."""

from __future__ import annotations

from daftari.console.page import Page
from daftari.model.limits import ID_MAX
from daftari.rules.bulk.errors import BulkNotFound
from daftari.rules.bulk.jobs import NEEDED, get_bulk, list_bulks
from daftari.rules.people.person import find_authors
from daftari.rules.undo.acts import can_undo
from daftari.web.params import read_id
from daftari.web.responses import Response

ROWS = 50


def show(page: Page) -> Response:
    """``GET /p/{project}/bulk``: the jobs, the newest first."""
    before = page.params.cursor("before")
    page.params.refuse_wrong()
    found = page.read(list_bulks, before=before, limit=ROWS + 1)
    shown = found[:ROWS]
    user_ids = {job.user_id for job in shown if job.user_id is not None}
    return page.show(
        "bulk_list.html",
        section="/contacts",
        jobs=shown,
        before=before,
        following=shown[-1].id if len(found) > ROWS else None,
        authors=page.read(find_authors, user_ids=user_ids, key_ids=set[int]()),
    )


def show_job(page: Page, job: str) -> Response:
    """``GET /p/{project}/bulk/{job}``."""
    found = page.read(get_bulk, bulk_id=min(read_id(job, missing=BulkNotFound), ID_MAX))
    user_ids = set[int]() if found.user_id is None else {found.user_id}
    may_undo = page.may(NEEDED[found.settings.act]) and found.state in ("running", "done", "stopped")
    return page.show(
        "bulk.html",
        section="/contacts",
        job=found,
        progress=found.progress,
        may_undo=may_undo and page.read(can_undo, seq=found.progress.seq),
        authors=page.read(find_authors, user_ids=user_ids, key_ids=set[int]()),
    )
