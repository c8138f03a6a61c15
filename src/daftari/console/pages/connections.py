"""Connections: how fresh each is and what failed, and one of them, with what is done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from daftari.connectors import CONNECTORS, ConnectorKind
from daftari.console import connection_systems, connection_words, sender_words
from daftari.console.languages import gettext as _
from daftari.console.languages import isolated, ngettext, region_names
from daftari.console.page import Page
from daftari.errors import ConnectionNotFound, ValidationFailed
from daftari.model.connections import WORKING
from daftari.model.limits import EXTERNAL_ID_MAX, ID_MAX, SETTLED_ERASURES_MAX
from daftari.rules.access.project_addresses import overlook_addresses
from daftari.rules.access.zones import zone_of
from daftari.rules.connections import addresses, cart_views, lifecycle, overview, views
from daftari.rules.connections.model import Opened
from daftari.rules.connections.overview import Overview
from daftari.rules.erasure import foreign
from daftari.rules.inbound.summary import summarize_inbound
from daftari.web.params import read_id
from daftari.web.responses import Response

SECTION = "/connections"
ROWS = 50
RUNS = 5
"""Runs on the page of a connection."""
FLASHES_MAX = 5
"""Connections that are said on top of the list; all are in the list."""
BEGUN_SECONDS = 60
"""For how long something that is due is taken for being read."""
TONES = ("bad", "warn", "", "good")
"""The worst first."""
DOING = ("retry", "keep", "erase")
YES = "yes"


def show(page: Page) -> Response:
    """``GET /p/{project}/connections``: the worst first."""
    found = sorted(page.read(overview.overlook_connections, since=_midnight(page)), key=connection_words.order)
    alarming = [one for one in found if connection_words.is_alarming(one)]
    project_id = page.require_project().id
    tokens = page.system_read(overlook_addresses, signed_in=page.signed_in, project_id=project_id)
    counts = page.read(summarize_inbound).counts
    states = {token.id: sender_words.address_state(counts.get(token.id), now=page.now) for token in tokens}
    return page.show(
        "connections.html",
        section=SECTION,
        connections=found,
        alarming=alarming[:FLASHES_MAX],
        tokens=sorted(tokens, key=lambda token: TONES.index(states[token.id][0])),
        counts=counts,
        states=states,
    )


def show_connection(page: Page, connection: str) -> Response:
    """``GET /p/{project}/connections/{connection}``."""
    found = _find(page, connection)
    opened, view = found.opened, found.view
    runs = page.read(overview.list_runs, connection_id=opened.id, before=0, limit=RUNS + 1)
    return page.show(
        "connection.html",
        section=SECTION,
        found=found,
        view=view,
        path=_path(opened.id),
        form=page.form(),
        is_working=opened.stored.state in WORKING,
        is_busy=_is_busy(found, now=page.now),
        labels={ask.name.removeprefix("settings."): ask.label for ask in connection_systems.asks(view.kind)},
        can_be_asked=not opened.definition.push_only,
        counted=connection_words.total(view),
        whole=_whole(opened),
        runs=runs[:RUNS],
        has_more_runs=len(runs) > RUNS,
        country=region_names().get(view.region or page.require_project().region, ""),
        address=_find_address(page, opened) if page.may("connections") else None,
    )


def _is_busy(found: Overview, *, now: int) -> bool:
    """Whether something is under way that is over soon, so that the page is to show how far it is."""
    progress, stored = found.opened.progress, found.opened.stored
    is_planned = progress.plan is not None and not progress.plan.finished_at
    is_asked = progress.verifies or progress.heard or progress.compares or bool(progress.comparison or progress.again)
    is_late = found.state == "behind" and not stored.reason
    # What is due and is not read for longer says that no worker runs.
    is_begun = is_late and stored.due_at <= now < stored.due_at + BEGUN_SECONDS * 1_000_000
    return is_planned or stored.state == "importing" or (stored.state in WORKING and (is_asked or is_begun))


def _whole(opened: Opened) -> int:
    """How many records there are in all, where the system or the plan has counted them; 0 where none has."""
    plan = opened.progress.plan
    planned = 0 if plan is None else plan.counts.get("records", 0)
    return opened.progress.count.found or planned


def _find_address(page: Page, opened: Opened) -> addresses.ShownWebhookAddress | None:
    """The address that the connection's system is to call, if people give it. Deliveries are taken there by now."""
    webhooks = CONNECTORS[opened.stored.kind].webhooks
    if webhooks is None or not webhooks.by_hand:
        return None
    found = addresses.ensure_addresses(page.store, page.require_project(), now=page.now)
    public_url = page.request.context.public_url
    return addresses.show_address(found, connection_id=opened.id, kind=opened.stored.kind, public_url=public_url)


# ---- what is done with it -------------------------------------------------------------------------------


def start(page: Page, connection: str) -> Response:
    """``POST …/start``: it continues where it stopped, or looks again before it asks."""
    found = _find(page, connection)
    asks = found.opened.stored.state == "needs_confirmation"
    said = _("It looks again, and asks again if nothing has changed there.") if asks else _("It continues.")
    return _command(page, connection, lifecycle.start_connection, said)


def pause(page: Page, connection: str) -> Response:
    """``POST …/pause``."""
    return _command(page, connection, lifecycle.pause_connection, _("Nothing is read until someone lets it continue."))


def sync(page: Page, connection: str) -> Response:
    """``POST …/sync``: read what changed now."""
    return _command(page, connection, lifecycle.sync_connection, _("What changed there is being read."))


def compare(page: Page, connection: str) -> Response:
    """``POST …/compare``: compare all records now."""
    return _command(page, connection, lifecycle.compare_connection, _("Everything there is being compared."))


def confirm(page: Page, connection: str) -> Response:
    """``POST …/confirm``: what the mass guard asked about is done."""
    return _command(page, connection, lifecycle.confirm_connection, _("It continues, and does what it asked about."))


def _command(page: Page, connection: str, rule: Callable[..., Opened], said: str, **values: Any) -> Response:
    connection_id = _read_id(connection)

    def respond(_opened: Opened) -> Response:
        return page.done(page.link(_path(connection_id)), said)

    return page.write(rule, respond, connection_id=connection_id, **values)


def show_key(page: Page, connection: str) -> Response:
    """``GET …/key``: other credentials. Those that it has are never shown."""
    found = _find(page, connection)
    secrets = [ask for ask in connection_systems.asks(found.view.kind) if ask.is_secret]
    return page.show(
        "connection_key.html",
        section=SECTION,
        found=found,
        view=found.view,
        path=_path(found.opened.id),
        form=page.form(),
        secrets=secrets,
        required=len(secrets) == 1,
        guides=connection_systems.guides(found.view.kind),
    )


def change_key(page: Page, connection: str) -> Response:
    """``POST …/key``: one that had stopped continues, after a look at the account."""
    found = _find(page, connection)
    given = _read_secrets(page, CONNECTORS[found.view.kind])
    is_tried = found.opened.stored.state in (*WORKING, "broken")
    said = _("The new key is being tried.") if is_tried else _("The new key is kept, and tried when it continues.")
    return _command(page, connection, lifecycle.change_key, said, credentials=given)


def _read_secrets(page: Page, about: ConnectorKind) -> dict[str, object]:
    """The secrets that were typed; those left empty stay as they are."""
    given = {name: page.params.given(f"credentials.{name}") for name in about.credentials}
    found = {name: value for name, value in given.items() if value is not None}
    if not found:
        first = next(iter(about.credentials), "key")
        raise ValidationFailed({f"credentials.{first}": [f"The {first} field is required."]})
    return found


def show_remove(page: Page, connection: str) -> Response:
    """``GET …/remove``: what stops, and what stays."""
    found = _find(page, connection)
    return page.show(
        "connection_remove.html",
        section=SECTION,
        found=found,
        view=found.view,
        path=_path(found.opened.id),
        form=page.form(leave="no"),
    )


def remove(page: Page, connection: str) -> Response:
    """``POST …/remove``: contacts and opt-outs stay."""
    found = _find(page, connection)
    leave = page.params.choice("leave", ("no", YES), default="no") == YES
    page.params.refuse_wrong()
    said = _("The connection %(name)s is removed. Its contacts stay.", name=isolated(found.view.name))

    def respond(_nothing: None) -> Response:
        return page.done(page.link(SECTION), said)

    return page.write(lifecycle.delete_connection, respond, connection_id=found.opened.id, leave=leave)


# ---- records --------------------------------------------------------------------------------------------


def show_records(page: Page, connection: str) -> Response:
    """``GET …/records``: those in a state or with a problem, in the order of their ids."""
    found = _find(page, connection)
    given = page.params.given("state")
    state = given if given in views.WANTED else ""
    after = str(page.params.given("after") or "")[:EXTERNAL_ID_MAX]
    listed = page.read(views.list_records, connection_id=found.opened.id, state=state, after=after, limit=ROWS)
    mobiles = [record.mobile for record in listed.records if record.mobile]
    return page.show(
        "connection_records.html",
        section=SECTION,
        found=found,
        view=found.view,
        path=_path(found.opened.id),
        form=page.form(),
        state=state,
        after=after,
        records=listed.records,
        following=listed.following,
        cards=page.read(overview.find_cards, mobiles=mobiles),
        may_act=page.may("connections"),
        decides=state == "erasure_pending",
        may_retry=found.opened.stored.state in WORKING and not found.opened.definition.push_only,
    )


def change(page: Page, connection: str) -> Response:
    """``POST …/records``: those that are ticked are read again, or the numbers of erased ones are kept or erased."""
    found = _find(page, connection)
    doing = page.params.choice("do", DOING, default="retry")
    page.params.refuse_wrong()
    ids = page.params.texts("ids")
    state = str(page.params.given("state") or "")
    if not ids:
        return page.done(page.link(f"{_path(found.opened.id)}/records", state=state), _("Tick a record."), tone="warn")
    if doing == "erase":
        return page.redirect(page.link(f"{_path(found.opened.id)}/erase", ids=ids))
    if doing == "keep":
        said = ngettext("%(num)s contact is kept.", "%(num)s contacts are kept.", len(ids))
        return _settle(page, found, ids, "keep", said)
    said = ngettext("%(num)s record is read again.", "%(num)s records are read again.", len(ids))
    return _command(page, connection, lifecycle.retry_records, said, ids=ids)


def show_erase(page: Page, connection: str) -> Response:
    """``GET …/erase``: whose numbers would be erased here too."""
    found = _find(page, connection)
    ids = page.params.texts("ids")[:SETTLED_ERASURES_MAX]
    known = page.read(views.find_records, connection_id=found.opened.id, ids=ids)
    records = [record for record in known if "erasure_pending" in record.problems]
    return page.show(
        "connection_erase.html",
        section=SECTION,
        found=found,
        view=found.view,
        path=_path(found.opened.id),
        form=page.form(),
        records=records,
        cards=page.read(overview.find_cards, mobiles=[one.mobile for one in records if one.mobile]),
    )


def erase(page: Page, connection: str) -> Response:
    """``POST …/erase``."""
    found = _find(page, connection)
    ids = page.params.texts("ids")
    said = ngettext("%(num)s number is erased.", "%(num)s numbers are erased.", len(ids))
    return _settle(page, found, ids, "erase", said)


def _settle(page: Page, found: Overview, ids: Sequence[str], decision: str, said: str) -> Response:
    return _command(page, str(found.opened.id), foreign.settle_erasures, said, ids=ids, decision=decision)


# ---- runs and carts -------------------------------------------------------------------------------------


def show_runs(page: Page, connection: str) -> Response:
    """``GET …/runs``: its imports, the newest first."""
    found = _find(page, connection)
    before = page.params.cursor("before")
    page.params.refuse_wrong()
    runs = page.read(overview.list_runs, connection_id=found.opened.id, before=before, limit=ROWS + 1)
    return page.show(
        "connection_runs.html",
        section=SECTION,
        view=found.view,
        path=_path(found.opened.id),
        runs=runs[:ROWS],
        following=runs[ROWS - 1].id if len(runs) > ROWS else None,
    )


def show_carts(page: Page, connection: str) -> Response:
    """``GET …/carts``: the carts of a shop, those first that were heard of last, each with its outcome."""
    found = _find(page, connection)
    if found.view.cart_figures is None:
        raise ConnectionNotFound
    given = page.params.given("state")
    state = given if given in cart_views.CART_STATES else ""
    after = str(page.params.given("after") or "")
    listed = page.read(cart_views.list_carts, connection_id=found.opened.id, state=state, after=after, limit=ROWS)
    return page.show(
        "connection_carts.html",
        section=SECTION,
        view=found.view,
        path=_path(found.opened.id),
        state=state,
        states=cart_views.CART_STATES,
        carts=listed.carts,
        following=listed.following,
        cards=page.read(overview.find_cards, mobiles=[cart.mobile for cart in listed.carts if cart.mobile]),
    )


# ---- the one in question --------------------------------------------------------------------------------


def _find(page: Page, connection: str) -> Overview:
    return page.read(overview.overlook_connection, connection_id=_read_id(connection), since=_midnight(page))


def _read_id(connection: str) -> int:
    return min(read_id(connection, missing=ConnectionNotFound), ID_MAX)


def _path(connection_id: int) -> str:
    return f"{SECTION}/{connection_id}"


def _midnight(page: Page) -> int:
    """When the day began where the project is."""
    zone = ZoneInfo(zone_of(page.require_project()))
    now = datetime.fromtimestamp(page.now / 1_000_000, zone)
    return int(now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()) * 1_000_000
