"""The addresses to which providers send replies and reports: which there are, what arrives there, and their end."""

from __future__ import annotations

import secrets

from daftari.console import sender_words
from daftari.console.languages import gettext as _
from daftari.console.languages import isolated, ngettext
from daftari.console.page import Page
from daftari.console.pages.senders import Address, show_address, write_url
from daftari.gateways import GATEWAYS
from daftari.model.inbound import InboundToken
from daftari.rules.access import project_addresses
from daftari.rules.access.inbound_tokens import START_LENGTH, get_stored_token
from daftari.rules.inbound import trials
from daftari.rules.inbound.replay import replay_address
from daftari.rules.inbound.summary import summarize_inbound
from daftari.rules.senders.addresses import ensure_addresses
from daftari.web.responses import Response

PLACE = "/settings/inbound"
VERIFY_TOKEN_BYTES = 24


def show(page: Page) -> Response:
    """``GET /p/{project}/settings/inbound``."""
    return _show(page)


def create(page: Page) -> Response:
    """``POST /p/{project}/settings/inbound``. The answer alone has the address, so it is no redirect."""
    verify_token = secrets.token_urlsafe(VERIFY_TOKEN_BYTES)
    given = page.params.given
    token, made = page.system_write(
        project_addresses.create_address,
        signed_in=page.signed_in,
        project_id=page.require_project().id,
        provider=given("provider"),
        label=given("label"),
        secret=given("secret"),
        verify_token=verify_token,
        request_id=page.request_id,
    )
    repeated = verify_token if GATEWAYS[made.provider].has_check else ""
    return _show(page, made, Address(made.provider, made.start, write_url(page, made.provider, token), repeated))


def show_address_of(page: Page, start: str) -> Response:
    """``GET /p/{project}/settings/inbound/{start}``: an address, and what arrives there."""
    token = _find(page, start)
    project = page.require_project()
    address, is_former = None, False
    if token.sender_id is not None:
        address = show_address(page, ensure_addresses(page.store, project, now=page.now).get(token.sender_id))
        is_former = address.start != token.start
    trial = page.read(trials.find_trial, token_id=token.id)
    return page.show(
        "settings_address.html",
        section="/settings",
        token=token,
        address=None if is_former else address,
        is_former=is_former,
        count=page.read(summarize_inbound).counts.get(token.id),
        kept=page.read(trials.count_refusals, token_id=token.id),
        trial=trial,
        is_on=trial is not None and trial.test.until >= page.now,
        form=page.form("secret", secret=""),
    )


def try_it(page: Page, start: str) -> Response:
    """``POST /p/{project}/settings/inbound/{start}/try``: what arrives from now on is shown."""
    token = _find(page, start)

    def respond(_until: int) -> Response:
        return page.done(page.link(f"{PLACE}/{token.start}"), _("Now send something. What arrives shows below."))

    return page.write(trials.start_test, respond, token_id=token.id)


def set_secret(page: Page, start: str) -> Response:
    """``POST /p/{project}/settings/inbound/{start}/secret``."""
    page.system_write(
        project_addresses.set_secret,
        signed_in=page.signed_in,
        project_id=page.require_project().id,
        start=start,
        secret=page.params.given("secret"),
        request_id=page.request_id,
    )
    return page.done(page.link(f"{PLACE}/{start}"), _("What arrives from now on is verified by the new secret."))


def replay(page: Page, start: str) -> Response:
    """``POST /p/{project}/settings/inbound/{start}/replay``: what was refused is verified again."""
    token = _find(page, start)
    ensure_addresses(page.store, page.require_project(), now=page.now)
    assert page.access is not None, "the page belongs to a project"
    found = replay_address(
        page.store,
        page.system_read(get_stored_token, start=token.start),
        actor=page.access.actor(page.request_id),
        now=page.now,
        public_url=page.request.context.public_url,
    )
    said = ngettext("%(num)s call was taken.", "%(num)s calls were taken.", found.accepted)
    if found.refused:
        said += " " + ngettext("%(num)s was refused again.", "%(num)s were refused again.", found.refused)
    return page.done(page.link(f"{PLACE}/{token.start}"), said, tone="bad" if found.refused else "good")


def show_revoke(page: Page, start: str) -> Response:
    """``GET /p/{project}/settings/inbound/{start}/revoke``."""
    token = page.system_read(
        project_addresses.get_own_address,
        signed_in=page.signed_in,
        project_id=page.require_project().id,
        start=start[:START_LENGTH],
    )
    return page.show("settings_address_revoke.html", section="/settings", token=token, form=page.form())


def revoke(page: Page, start: str) -> Response:
    """``POST /p/{project}/settings/inbound/{start}/revoke``."""
    token = page.system_write(
        project_addresses.revoke_address,
        signed_in=page.signed_in,
        project_id=page.require_project().id,
        start=start,
        request_id=page.request_id,
    )
    said = _("The address %(name)s is revoked. It takes nothing now.", name=isolated(token.label or start))
    return page.done(page.link(PLACE), said)


def _show(page: Page, made: InboundToken | None = None, address: Address | None = None) -> Response:
    ensure_addresses(page.store, page.require_project(), now=page.now)
    tokens = page.system_read(
        project_addresses.list_addresses, signed_in=page.signed_in, project_id=page.require_project().id
    )
    counts = page.read(summarize_inbound).counts
    return page.show(
        "settings_inbound.html",
        section="/settings",
        form=page.form(provider="generic", label="", secret=""),
        tokens=tokens,
        counts=counts,
        states={token.id: sender_words.address_state(counts.get(token.id), now=page.now) for token in tokens},
        providers=[(name, sender_words.provider_name(name)) for name in GATEWAYS],
        made=made,
        address=address,
    )


def _find(page: Page, start: str) -> InboundToken:
    """An address of the project. Raises ``TokenNotFound``, also for one of other projects."""
    return page.system_read(
        project_addresses.get_address, signed_in=page.signed_in, project_id=page.require_project().id, start=start
    )
