"""Imports: a file comes in, all earlier ones, and one of them: its plan, its progress, its end and its undo."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from daftari.console import import_words
from daftari.console.languages import format_mobile, region_names
from daftari.console.languages import gettext as _
from daftari.console.page import Page
from daftari.console.pages.contact import kept_attributes, show_attribute
from daftari.console.pages.contacts import OFFERED_MAX
from daftari.console.wording import name_of
from daftari.errors import ImportNotFound, TooLarge, UnreadableFile, ValidationFailed
from daftari.model.contacts import ContactRow
from daftari.model.limits import ID_MAX, REASON_MAX
from daftari.rules.contacts import contacts, groups
from daftari.rules.imports import lifecycle, views
from daftari.rules.imports.mapping import find_remembered, recall_columns
from daftari.rules.imports.model import Import, ImportKind, ReadChunk
from daftari.rules.imports.rejects import NAMELESS, TYPES, name_rejects, write_rejects
from daftari.rules.imports.request import ImportRequest, fetch_file, keep_file
from daftari.rules.people.listing import read_cards
from daftari.rules.people.person import Authors, find_authors
from daftari.sandbox.process import read_first_records, read_request
from daftari.web.params import read_id
from daftari.web.responses import Response

ROWS = 50
KINDS: tuple[ImportKind, ...] = ("contacts", "opt_outs", "opt_ins")
SECTION = "/imports"
ACCEPTED = ".csv,.tsv,.txt,.xlsx,.ods,.vcf,.json,.ndjson"
SECONDS_CHOICES = (5,)
"""How often a page without JavaScript may ask to be shown again."""
BAR = 100.0
GAP = 0.25
"""Per cent between two parts of the bar."""


PARTS_LOOKED_AT = 4
FORESEEN_MAX = 1_000
"""Rows of a plan whose contacts have names already."""
WHOLE_FORMATS = ("xlsx", "ods", "json")
"""Formats whose beginning alone cannot be read."""


class Slice(Struct, frozen=True):
    """A part of the bar of all rows, in per cent."""

    tone: str
    start: str
    width: str


# ---- a file, and the earlier ones -----------------------------------------------------------------------


def show(page: Page) -> Response:
    """``GET /p/{project}/imports``."""
    after = page.params.cursor("after") if page.refusal is None else 0
    page.params.refuse_wrong()
    found = page.read(lifecycle.list_imports, before=after, limit=ROWS + 1)
    region = page.require_project().region
    return page.show(
        "imports.html",
        section=SECTION,
        form=page.form(kind=KINDS[0], group=str(page.params.given("group") or "")),
        kinds=KINDS,
        accepted=ACCEPTED,
        country=region_names().get(region, region),
        imports=found[:ROWS],
        following=found[ROWS - 1].id if len(found) > ROWS else None,
        is_first=not after,
        authors=_find_authors(page, found),
        groups=[one.name for one in page.read(groups.list_groups, after=0, limit=OFFERED_MAX)],
    )


def create(page: Page) -> Response:
    """``POST /p/{project}/imports/new``: the file is kept, and its columns are chosen next."""
    params, upload = page.params, page.request.upload
    kind = params.choice("kind", KINDS, default=KINDS[0])
    group = params.group_name("group")
    params.refuse_wrong()
    if upload.name is None and not upload.file.seek(0, 2):
        raise ValidationFailed({"file": ["The file field is required."]})
    wanted = ImportRequest(
        name=upload.name or NAMELESS,
        media_type=upload.media_type,
        kind=kind,
        group=group if kind == "contacts" else None,
        planned=True,
        mapped_later=True,
    )
    try:
        settings = read_request(upload.file, request=wanted, region=page.require_project().region, now=page.now)
    except (UnreadableFile, TooLarge) as error:
        raise ValidationFailed({"file": [error.message.removeprefix(f"{wanted.name}: ")]}) from None
    remembered = page.read(find_remembered, settings=settings)
    if remembered is not None:
        settings = recall_columns(settings, remembered)
    import_id = keep_file(page.request.write_step, upload.file, settings=settings)

    def respond(held: Import) -> Response:
        return page.redirect(page.link(f"/imports/{held.id}/columns"))

    return page.write(lifecycle.hold_import, respond, import_id=import_id)


# ---- one of them ------------------------------------------------------------------------------------------


def show_import(page: Page, number: str) -> Response:
    """``GET /p/{project}/imports/{number}``: plan, progress, end and undo at one address."""
    found = find_import(page, number)
    stage = import_words.stage_of(found)
    may_import = page.may("import")
    if stage == "columns" and may_import and page.refusal is None:
        return page.redirect(page.link(f"/imports/{found.id}/columns"))
    every = page.params.whole("every", default=0, least=0, most=SECONDS_CHOICES[-1]) if page.refusal is None else 0
    parts = import_words.parts(found)
    view = views.show_import(found)
    return page.show(
        "import.html",
        section=SECTION,
        found=found,
        view=view,
        stage=stage,
        is_work=found.is_work,
        every=every if found.is_work else 0,
        may_import=may_import,
        may_download=page.may("download"),
        author=_find_authors(page, [found]),
        shown=parts,
        bar=draw_bar(parts),
        percent=_percent(found),
        total=sum((found.progress.plan or {}).values()),
        reasons=page.read(views.explain_rejects, found=found),
        changes=page.read(views.list_changes, found=found) if stage == "plan" else (),
        fields=_changed_fields,
        may_undo=may_import and is_undoable(found),
        form=page.form(reason=""),
        reason_max=REASON_MAX,
        country=region_names().get(found.settings.region, found.settings.region),
    )


def find_import(page: Page, number: str) -> Import:
    """The import of a path. Raises ``ImportNotFound``."""
    import_id = min(read_id(number, missing=ImportNotFound), ID_MAX)
    found: Import = page.read(lifecycle.look_at_import, import_id=import_id)
    return found


def is_undoable(found: Import) -> bool:
    """Whether there is something that an undo may restore."""
    phase, state = found.stored.phase, found.stored.state
    return phase != "plan" and state in ("done", "failed", "cancelled") and (phase, state) != ("undo", "done")


def _find_authors(page: Page, found: list[Import]) -> Authors:
    user_ids = {one.stored.user_id for one in found if one.stored.user_id is not None}
    key_ids = {one.stored.key_id for one in found if one.stored.key_id is not None}
    return page.read(find_authors, user_ids=user_ids, key_ids=key_ids)


def draw_bar(parts: list[import_words.Part]) -> list[Slice]:
    """The counts as parts of a bar."""
    total = sum(part.count for part in parts)
    slices, at = [], 0.0
    for part in parts:
        if part.count:
            width = BAR * part.count / total
            slices.append(Slice(part.tone, f"{at:.2f}%", f"{max(width - GAP, GAP):.2f}%"))
            at += width
    return slices


def _percent(found: Import) -> int:
    """How far it is."""
    progress = found.progress
    if found.stored.phase == "undo":
        done, whole = progress.undo_chunk, progress.next_chunk
    else:
        done, whole = progress.bytes_read, found.settings.bytes
    return min(100 * done // whole, 100) if whole else 0


def _changed_fields(change: views.PlannedChange) -> list[tuple[str, str, str]]:
    """What would change of a contact: the field, what stands there, and what would."""
    named = ("fname", "mname", "lname", "email", "city", "company")
    changed = [
        (import_words.field(name), getattr(change.now, name) or "", getattr(change.then, name) or "") for name in named
    ]
    now, then = kept_attributes(change.now), kept_attributes(change.then)
    changed += [
        (name, show_attribute(now[name]) if name in now else "", show_attribute(then[name])) for name in sorted(then)
    ]
    return [one for one in changed if one[1] != one[2]]


# ---- commands ---------------------------------------------------------------------------------------------


def apply(page: Page, number: str) -> Response:
    """``POST /p/{project}/imports/{number}/apply``: of the plan that was shown, and no other."""
    planned_at = page.params.whole("planned_at", default=0, least=0)
    page.params.refuse_wrong()
    return _command(page, number, lifecycle.apply_import, planned_at=planned_at)


def pause(page: Page, number: str) -> Response:
    """``POST /p/{project}/imports/{number}/pause``."""
    return _command(page, number, lifecycle.pause_import)


def resume(page: Page, number: str) -> Response:
    """``POST /p/{project}/imports/{number}/resume``."""
    return _command(page, number, lifecycle.resume_import)


def show_stop(page: Page, number: str) -> Response:
    """``GET /p/{project}/imports/{number}/stop``: what stops, and what stays."""
    found = find_import(page, number)
    if not (found.is_work or found.stored.state == "paused" or found.may_be_planned):
        return show_import(page, number) if page.refusal else page.redirect(page.link(f"/imports/{found.id}"))
    return page.show("import_stop.html", section=SECTION, found=found, form=page.form())


def stop(page: Page, number: str) -> Response:
    """``POST /p/{project}/imports/{number}/stop``: also of a plan, which is thrown away."""
    found = find_import(page, number)
    if found.stored.phase != "plan":
        return _command(page, number, lifecycle.cancel_import)

    def respond(_stopped: Import) -> Response:
        return page.done(page.link(SECTION), _("The file is thrown away. Nothing was changed by it."))

    return page.write(lifecycle.cancel_import, respond, import_id=found.id)


def undo(page: Page, number: str) -> Response:
    """``POST /p/{project}/imports/{number}/undo``: its opt-outs stay, but for a list of them, and with a reason."""
    found = find_import(page, number)
    reason = page.params.text("reason", most=REASON_MAX)
    page.params.refuse_wrong()
    opt_outs = found.settings.kind == "opt_outs"
    return _command(page, number, lifecycle.undo_import, opt_outs=opt_outs, reason=reason)


def _command(page: Page, number: str, rule: Callable[..., Import], **values: Any) -> Response:
    import_id = find_import(page, number).id

    def respond(_found: Import) -> Response:
        return page.redirect(page.link(f"/imports/{import_id}"))

    return page.write(rule, respond, import_id=import_id, **values)


# ---- its rows ---------------------------------------------------------------------------------------------


def show_rows(page: Page, number: str) -> Response:
    """``GET /p/{project}/imports/{number}/rows``: those of one outcome."""
    found = find_import(page, number)
    offered = (*(part.name for part in import_words.parts(found)), "suppressed")
    choice = page.params.choice("outcome", offered, default=offered[0])
    after = page.params.cursor("after")
    page.params.refuse_wrong()
    rows = page.read(views.find_rows, import_id=found.id, choice=choice, after=after, limit=ROWS)
    return page.show(
        "import_rows.html",
        section=SECTION,
        found=found,
        choice=choice,
        offered=offered,
        rows=rows.rows,
        names=_find_names(page, rows.rows),
        foreseen=_foresee(page, found) if choice == "created" and found.stored.phase == "plan" else {},
        following=rows.following,
        after=after,
    )


def _find_names(page: Page, rows: list[views.ImportRow]) -> dict[int, str]:
    """What the contacts of rows are called."""
    ids = [row.id for row in rows if row.id is not None]
    if not ids:
        return {}
    cards = read_cards(page.read(contacts.find_contacts, ids=ids, include=frozenset()).cards)
    return {card.id: name_of(card) for card in cards}


def _foresee(page: Page, found: Import) -> dict[int, str]:
    """How the contacts would be called that a plan would make: of the first rows, which are read again for this."""
    if not found.may_be_planned:
        return {}
    chunk = look_at_file(page, found, most=FORESEEN_MAX)
    return {} if chunk is None else {row.index: call_row(row) for row in chunk.rows}


def call_row(row: ContactRow) -> str:
    """What the contact of a row would be called, and its number."""
    name = " ".join(text for text in row.texts[:3] if text)
    return f"{name} · {format_mobile(row.mobile)}" if name else format_mobile(row.mobile)


def look_at_file(page: Page, found: Import, *, most: int) -> ReadChunk | None:
    """The first rows of a file as the worker reads them; nothing is kept. Raises ``UnreadableFile``."""
    parts_max = ID_MAX if found.settings.layout.format in WHOLE_FORMATS else PARTS_LOOKED_AT
    with tempfile.TemporaryFile(prefix="daftari-look-") as file:
        fetch_file(page.read_unisolated, file, import_id=found.id, parts_max=parts_max)
        return read_first_records(file, settings=found.settings, most=most)


def show_rejects(page: Page, number: str) -> Response:
    """``GET /p/{project}/imports/{number}/rejects``: the rows that were not taken, with the reasons, as a file."""
    found = find_import(page, number)
    spool, _found = page.request.spool(lambda tx, spool: write_rejects(tx, import_id=found.id, file=spool.file))
    named = ("content-disposition", f'attachment; filename="{name_rejects(found.settings)}"')
    return Response(200, spool, TYPES[found.settings.layout.format][0], (named, ("x-content-type-options", "nosniff")))
