"""A new connection: which system, and its form; the account is looked at before anything is saved."""

from __future__ import annotations

from collections.abc import Mapping

from daftari.connectors import CONNECTORS, Account, ConnectorFailed
from daftari.console import connection_systems, set_up_words
from daftari.console.connection_forms import account_form, at_field, read_account, with_fields
from daftari.console.page import Page
from daftari.errors import ConnectionNotFound, ValidationFailed
from daftari.rules.connections.check import ToCheck, ask_account, create_checked, prepare_check
from daftari.rules.connections.definition import read_kind
from daftari.rules.connections.model import Opened
from daftari.rules.connections.proposal import propose_fields
from daftari.web.responses import Response

SECTION = "/connections"


def choose(page: Page) -> Response:
    """``GET /p/{project}/connections/new``: which system."""
    return page.show(
        "connection_new.html",
        section=SECTION,
        words=set_up_words,
        systems=set_up_words.systems(),
        closed=[kind for kind in connection_systems.DATABASES if not _is_allowed(page, kind)],
    )


def show_form(page: Page, kind: str) -> Response:
    """``GET /p/{project}/connections/new/{kind}``: what the system needs."""
    kind = find_kind(kind)
    return page.show(
        "connection_account.html",
        section=SECTION,
        words=set_up_words,
        kind=kind,
        opened=None,
        offers=None,
        hook=None,
        hook_events=connection_systems.hook_events(),
        is_allowed=_is_allowed(page, kind),
        asks=connection_systems.asks(kind),
        guides=connection_systems.guides(kind),
        form=page.form(**account_form(kind, None, CONNECTORS[kind].title)),
    )


def create(page: Page, kind: str) -> Response:
    """``POST /p/{project}/connections/new/{kind}``: nothing is saved while the system refuses what was typed.

    It is saved where the system cannot be asked now, or something may not be read yet: no secret is typed twice.
    """
    kind = find_kind(kind)
    values = {**read_account(page.params, kind, is_new=True), "kind": kind}
    try:
        to_check = page.read(prepare_check, values=values)
    except ValidationFailed as error:
        raise with_fields(kind, error) from None
    account = None
    if CONNECTORS[kind].can_call(to_check.credentials or ()) or to_check.credentials:
        found = ask(page, to_check)
        if isinstance(found, Account):
            account = found
        elif found.kind == "broken" or not CONNECTORS[kind].fields:
            raise at_field(kind, found)
    return _save(page, kind, values, account)


def _save(page: Page, kind: str, values: Mapping[str, object], account: Account | None) -> Response:
    if account is not None and "fields" not in values:
        fields = propose_fields(kind, account.fields)
        if not fields:
            said = "must name the column with the number: none is called like it."
            raise ValidationFailed({"mobile": [f"The mobile field {said}"]})
        values = {**values, "fields": fields}

    def respond(opened: Opened) -> Response:
        step = "fields" if opened.stored.state == "checked" else "account"
        return page.redirect(page.link(f"{SECTION}/{opened.id}/set-up/{step}"))

    return page.write(create_checked, respond, values=values, account=account)


def ask(page: Page, to_check: ToCheck) -> Account | ConnectorFailed:
    """Whose account it is, or what is wrong. It is asked with no transaction open."""
    context = page.request.context
    return ask_account(to_check, allowed_hosts=context.outbound_hosts, databases=context.databases)


def find_kind(written: str) -> str:
    """A kind of system. Raises ``ConnectionNotFound``."""
    try:
        return read_kind(written)
    except ValueError:
        raise ConnectionNotFound from None


def _is_allowed(page: Page, kind: str) -> bool:
    """Whether the operator allows any place that a system of this kind could be at."""
    databases = page.request.context.databases
    if kind == "sqlite":
        return bool(databases.folders)
    return bool(databases.hosts) if kind in connection_systems.DATABASES else True
