"""A connection that is not started yet: its account, fields, groups and carts, ten records, the plan and the start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from itertools import zip_longest

from msgspec.structs import replace

from daftari.connectors import CONNECTORS, Account, ConnectorFailed
from daftari.console import connection_systems, set_up_words
from daftari.console.connection_forms import (
    ATTRIBUTES,
    NAMED,
    NUMBERS,
    SPARE_ROWS,
    account_form,
    at_field,
    at_rows,
    fields_form,
    groups_form,
    read_account,
    read_fields,
    read_groups,
    with_fields,
)
from daftari.console.languages import gettext as _
from daftari.console.page import Page
from daftari.console.pages.connection_form import SECTION, ask
from daftari.console.pages.contacts import OFFERED_MAX
from daftari.console.pages.imports import SECONDS_CHOICES
from daftari.errors import ConnectionNotFound, ValidationFailed
from daftari.model.connections import Offers
from daftari.model.limits import ID_MAX
from daftari.rules.connections import lifecycle
from daftari.rules.connections.addresses import ShownWebhookAddress, ensure_addresses, show_address
from daftari.rules.connections.check import ConnectionCheck, open_check, show_found, write_check
from daftari.rules.connections.model import Opened, say_missing
from daftari.rules.connections.proposal import propose_fields
from daftari.rules.connections.rows import poll_seconds_of
from daftari.rules.contacts import groups
from daftari.web.params import read_id
from daftari.web.responses import Response

DRAFTS = ("new", "checked")


Step = Callable[[Page, Opened], Response]
Handler = Callable[[Page, str], Response]


def _of_draft(step: Step) -> Handler:
    """A step of a connection; one that was started has a page of its own."""

    @wraps(step)
    def handle(page: Page, connection: str) -> Response:
        connection_id = min(read_id(connection, missing=ConnectionNotFound), ID_MAX)
        opened: Opened = page.read(lifecycle.look_at_connection, connection_id=connection_id)
        if opened.stored.state not in DRAFTS:
            return page.redirect(page.link(f"{SECTION}/{opened.id}"))
        return step(page, opened)

    return handle


def _of_checked(step: Step) -> Handler:
    """A step for which the account must be known."""

    def require_check(page: Page, opened: Opened) -> Response:
        return step(page, opened) if opened.stored.state == "checked" else page.redirect(_link(page, opened, "account"))

    return _of_draft(wraps(step)(require_check))


@_of_draft
def go_on(page: Page, opened: Opened) -> Response:
    """``GET …/set-up``: the first step that is not done."""
    return page.redirect(_link(page, opened, _first_step(opened)))


def _first_step(opened: Opened) -> str:
    if opened.stored.state == "new":
        return "account"
    if opened.progress.plan is not None:
        return "plan"
    return "check" if opened.definition.groups else "fields"


# ---- the account ------------------------------------------------------------------------------------------


@_of_draft
def show_account(page: Page, opened: Opened) -> Response:
    """``GET …/set-up/account``: what the system needs; secrets are not shown."""
    kind = opened.stored.kind
    return page.show(
        "connection_account.html",
        section=SECTION,
        words=set_up_words,
        kind=kind,
        opened=opened,
        offers=opened.progress.offers,
        hook=_find_hook(page, opened),
        hook_events=connection_systems.hook_events(),
        is_allowed=True,
        asks=connection_systems.asks(kind),
        guides=connection_systems.guides(kind),
        form=page.form(**account_form(kind, opened.definition, opened.stored.name)),
    )


@_of_draft
def save_account(page: Page, opened: Opened) -> Response:
    """``POST …/set-up/account``: it is saved, and the account is looked at."""
    kind = opened.stored.kind
    values = read_account(page.params, kind, is_new=False)
    try:
        page.request.write_step(lifecycle.update_connection, connection_id=opened.id, values=values)
    except ValidationFailed as error:
        raise with_fields(kind, error) from None
    return _check(page, opened, then="fields")


def _check(page: Page, opened: Opened, *, then: str) -> Response:
    """Look at the account, and keep what was found. Raises ``ValidationFailed`` at a field where it is refused."""
    found = ask(page, page.read(open_check, connection_id=opened.id))
    if isinstance(found, ConnectorFailed):
        raise at_field(opened.stored.kind, found)
    if opened.progress.offers is None and opened.definition.fields == CONNECTORS[opened.stored.kind].fields:
        fields = propose_fields(opened.stored.kind, found.fields)
        page.request.write_step(lifecycle.update_connection, connection_id=opened.id, values={"fields": fields})

    def respond(check: ConnectionCheck) -> Response:
        return page.redirect(_link(page, opened, then if check.state == "checked" else "account"))

    return page.write(write_check, respond, connection_id=opened.id, found=found, address=None)


def _find_hook(page: Page, opened: Opened) -> ShownWebhookAddress | None:
    """The address that people give to the system, if they do. Deliveries are taken there by now."""
    webhooks = CONNECTORS[opened.stored.kind].webhooks
    if webhooks is None or not webhooks.by_hand:
        return None
    found = ensure_addresses(page.store, page.require_project(), now=page.now)
    public_url = page.request.context.public_url
    return show_address(found, connection_id=opened.id, kind=opened.stored.kind, public_url=public_url)


# ---- fields -----------------------------------------------------------------------------------------------


@_of_checked
def show_fields(page: Page, opened: Opened) -> Response:
    """``GET …/set-up/fields``: which field of a record is what."""
    offers, fields = _offers(opened), opened.definition.fields
    form = page.form(**fields_form(opened.definition))
    options = set_up_words.field_options(offers.fields, [*fields])
    known = {*set_up_words.CONSENT_USES, *form.values("consent_use")}
    return page.show(
        "connection_fields.html",
        section=SECTION,
        words=set_up_words,
        opened=opened,
        form=form,
        options=[("", "—"), *options],
        fields=[(name, text) for name, text in options if fields.get(name, ATTRIBUTES).startswith(ATTRIBUTES)],
        numbers=max(NUMBERS, len(form.values("mobile"))),
        consents=len([one for one in form.values("consent") if one]) + SPARE_ROWS,
        consent_options=[(use, set_up_words.consent_use(use)) for use in sorted(known, key=_by_place)],
        named=NAMED,
    )


def _by_place(use: str) -> int:
    return set_up_words.CONSENT_USES.index(use) if use in set_up_words.CONSENT_USES else -1


@_of_checked
def save_fields(page: Page, opened: Opened) -> Response:
    """``POST …/set-up/fields``."""
    titles = {one.name: one.title for one in _offers(opened).fields}
    fields = read_fields(page.params, opened.definition, titles)
    return _update(page, opened, {"fields": fields}, then="groups")


# ---- records and groups -----------------------------------------------------------------------------------


@_of_checked
def show_groups(page: Page, opened: Opened) -> Response:
    """``GET …/set-up/groups``: which records, in which groups, and what is written back."""
    offers, definition, about = _offers(opened), opened.definition, CONNECTORS[opened.stored.kind]
    form = page.form(**groups_form(definition, name=opened.stored.name))
    used = [*definition.fields, *definition.filter, *form.values("value_of")]
    sources = set_up_words.source_options(opened.stored.kind, offers.groups, [*filter(None, form.values("source"))])
    chosen = zip_longest(form.values("source"), form.values("group"), fillvalue="")
    used_rows = max((row for row, pair in enumerate(chosen, 1) if any(pair)), default=0)
    return page.show(
        "connection_groups.html",
        section=SECTION,
        words=set_up_words,
        opened=opened,
        form=form,
        options=[("", "—"), *set_up_words.field_options(offers.fields, [*filter(None, used)])],
        sources=[("", "—"), *sources],
        wheres=len([*filter(None, form.values("where"))]) + 1,
        used=used_rows,
        rows=used_rows + SPARE_ROWS,
        values=len([*filter(None, form.values("value_of"))]) + 1,
        facts=about.facts,
        can_write=about.facts.writes_back and not definition.push_only,
        poll_seconds=poll_seconds_of(replace(opened, definition=replace(definition, poll_seconds=0))),
        groups=[one.name for one in page.read(groups.list_groups, after=0, limit=OFFERED_MAX)],
        next_step="carts" if about.carts else "check",
    )


@_of_checked
def save_groups(page: Page, opened: Opened) -> Response:
    """``POST …/set-up/groups``."""
    values, places = read_groups(page.params, opened.stored.kind)
    then = "carts" if CONNECTORS[opened.stored.kind].carts else "check"
    try:
        return _update(page, opened, values, then=then)
    except ValidationFailed as error:
        raise at_rows(error, places) from None


@_of_checked
def show_carts(page: Page, opened: Opened) -> Response:
    """``GET …/set-up/carts``: what a cart needs, and the group of those who left one."""
    if not CONNECTORS[opened.stored.kind].carts:
        raise ConnectionNotFound
    definition = opened.definition
    return page.show(
        "connection_carts_form.html",
        section=SECTION,
        words=set_up_words,
        opened=opened,
        form=page.form(carts_need=definition.carts_need, carts_group=definition.carts_group),
        groups=[one.name for one in page.read(groups.list_groups, after=0, limit=OFFERED_MAX)],
    )


@_of_checked
def save_carts(page: Page, opened: Opened) -> Response:
    """``POST …/set-up/carts``."""
    values = {name: page.params.given(name) for name in ("carts_need", "carts_group")}
    return _update(page, opened, values, then="check")


def _update(page: Page, opened: Opened, values: Mapping[str, object], *, then: str) -> Response:
    def respond(_opened: Opened) -> Response:
        return page.redirect(_link(page, opened, then))

    return page.write(lifecycle.update_connection, respond, connection_id=opened.id, values=values)


# ---- ten records, the plan, the start ---------------------------------------------------------------------


@_of_checked
def show_check(page: Page, opened: Opened) -> Response:
    """``GET …/set-up/check``: a few records as they would be. The system is asked each time, and none is kept."""
    refused = page.refusal is not None
    found = None if refused else ask(page, page.read(open_check, connection_id=opened.id))
    account = found if isinstance(found, Account) else None
    return page.show(
        "connection_check.html",
        section=SECTION,
        words=set_up_words,
        opened=opened,
        form=page.form(),
        failed=found.message if isinstance(found, ConnectorFailed) else "",
        account=account,
        missing=say_missing(opened, account.missing) if account else "",
        sample=page.read(show_found, opened=opened, account=account) if account else [],
        region=page.require_project().region,
        is_pushed=opened.definition.push_only,
    )


@_of_checked
def plan(page: Page, opened: Opened) -> Response:
    """``POST …/set-up/check``: every record is counted by what would be done with it; without an app it starts."""
    if opened.definition.push_only:
        return _start(page, opened)

    def respond(_opened: Opened) -> Response:
        return page.redirect(_link(page, opened, "plan"))

    return page.write(lifecycle.plan_connection, respond, connection_id=opened.id)


@_of_checked
def show_plan(page: Page, opened: Opened) -> Response:
    """``GET …/set-up/plan``: how far the count is, or what a start would do."""
    found = opened.progress.plan
    if found is None and page.refusal is None:
        return page.redirect(_link(page, opened, "check"))
    every = page.params.whole("every", default=0, least=0, most=SECONDS_CHOICES[-1]) if page.refusal is None else 0
    counts = {} if found is None else found.counts
    is_running = found is not None and not found.finished_at
    offers = _offers(opened)
    return page.show(
        "connection_plan.html",
        section=SECTION,
        words=set_up_words,
        opened=opened,
        form=page.form(),
        counts=counts,
        error="" if found is None else found.error,
        is_running=is_running,
        every=every if is_running else 0,
        there=offers.count,
        system=set_up_words.title(opened.stored.kind),
    )


@_of_checked
def start(page: Page, opened: Opened) -> Response:
    """``POST …/set-up/plan``: from now on it reads, and keeps its groups in step."""
    return _start(page, opened)


def _start(page: Page, opened: Opened) -> Response:
    def respond(_opened: Opened) -> Response:
        return page.done(page.link(f"{SECTION}/{opened.id}"), _("It is being read for the first time."))

    return page.write(lifecycle.start_connection, respond, connection_id=opened.id)


def _offers(opened: Opened) -> Offers:
    return opened.progress.offers or Offers(0)


def _link(page: Page, opened: Opened, step: str) -> str:
    return page.link(f"{SECTION}/{opened.id}/set-up/{step}")
