"""Senders: which there are, a new one at any provider, its check, its address, and its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from daftari.console import sender_words
from daftari.console.forms import Form
from daftari.console.languages import gettext as _
from daftari.console.languages import isolated
from daftari.console.page import Page
from daftari.console.sender_words import SELDOM
from daftari.errors import SenderNotFound
from daftari.gateways import GATEWAYS, SENDING_GATEWAYS, AccountField, SendingGateway
from daftari.model.limits import FORMER_ADDRESS_HOURS
from daftari.model.messages import SenderDefinition
from daftari.rules.access.inbound_tokens import START_LENGTH, write_token
from daftari.rules.access.zones import zone_of
from daftari.rules.consent.quiet_hours import OFF
from daftari.rules.senders import lifecycle
from daftari.rules.senders.addresses import SenderAddress, ensure_addresses
from daftari.rules.senders.check import check_account, open_account
from daftari.rules.senders.lifecycle import SenderView
from daftari.rules.senders.model import decode_definition, write_reports_url
from daftari.web.params import read_id
from daftari.web.responses import Response

PLACE = "/settings/senders"
PLAIN = (
    *("name", "channel", "purpose", "keyword", "parts_per_second", "daily_max", "in_flight", "hours", "suffix"),
    *("part_price", "on_unknown"),
)
"""The fields of a sender that are one value each."""
OF_ROW = ("name", "channel")
"""Those that are no part of its definition."""
KEEP_CHOICES = (FORMER_ADDRESS_HOURS, 0)
"""For how many hours a former address is accepted, as the page offers it."""


def show(page: Page) -> Response:
    """``GET /p/{project}/settings/senders``."""
    return page.show("settings_senders.html", section="/settings", senders=page.read(lifecycle.list_senders))


def show_new(page: Page) -> Response:
    """``GET /p/{project}/settings/senders/new``: the providers, or the form of one."""
    gateway = SENDING_GATEWAYS.get(page.params.text("gateway") or "")
    if gateway is None:
        return page.show("settings_sender_providers.html", section="/settings", gateways=SENDING_GATEWAYS)
    blank = SenderDefinition(gateway.name)
    form = page.form(**_initial(blank), gateway=gateway.name, name="", channel=gateway.channels[0])
    return _show_form(page, gateway, form, None)


def create(page: Page) -> Response:
    """``POST /p/{project}/settings/senders/new``."""
    gateway = SENDING_GATEWAYS.get(page.params.text("gateway") or "")
    values = {"gateway": "" if gateway is None else gateway.name, **({} if gateway is None else _read(page, gateway))}
    given = lifecycle.read_sender(values, before=None)

    def respond(view: SenderView) -> Response:
        return page.done(page.link(f"{PLACE}/{view.id}"), sender_words.added(view))

    response = page.write(lifecycle.create_sender, respond, given=given, token=write_token())
    ensure_addresses(page.store, page.require_project(), now=page.now)
    return response


def show_sender(page: Page, sender: str) -> Response:
    """``GET /p/{project}/settings/senders/{sender}``."""
    view = _find(page, sender)
    gateway = SENDING_GATEWAYS[view.gateway]
    address = None
    if view.gateway in GATEWAYS:
        address = show_address(page, ensure_addresses(page.store, page.require_project(), now=page.now).get(view.id))
    return page.show(
        "settings_sender.html",
        section="/settings",
        sender=view,
        address=address,
        settings=gateway.settings,
        checks_accounts=gateway.checks_accounts,
    )


def show_edit(page: Page, sender: str) -> Response:
    """``GET /p/{project}/settings/senders/{sender}/edit``."""
    view = _find(page, sender)
    known = page.read(lambda tx: lifecycle.get_sender(tx, sender_id=view.id))
    form = page.form(**_initial(decode_definition(known.definition)), name=view.name, channel=view.channel)
    return _show_form(page, SENDING_GATEWAYS[view.gateway], form, view)


def update(page: Page, sender: str) -> Response:
    """``POST /p/{project}/settings/senders/{sender}/edit``: what is blank has its default; credentials stay."""
    view = _find(page, sender)
    values = {name: value for name, value in _read(page, SENDING_GATEWAYS[view.gateway]).items() if name != "channel"}
    response = page.write(lifecycle.change_sender, _changed(page, _("Saved.")), sender_id=view.id, values=values)
    ensure_addresses(page.store, page.require_project(), now=page.now)
    return response


def check(page: Page, sender: str) -> Response:
    """``POST /p/{project}/settings/senders/{sender}/check``: asks the provider, with no transaction open."""
    view = _find(page, sender)
    opened = page.read(open_account, sender_id=view.id)
    found = check_account(opened, allowed_hosts=page.request.context.outbound_hosts)
    return page.done(
        page.link(f"{PLACE}/{view.id}"),
        sender_words.checked(found),
        tone="good" if found.works else "warn" if found.works is None else "bad",
    )


def pause(page: Page, sender: str) -> Response:
    """``POST /p/{project}/settings/senders/{sender}/pause``."""
    said = _("Nothing more is sent from it, within a second. What waits stays waiting.")
    return page.write(lifecycle.pause_sender, _changed(page, said), sender_id=_read_id(sender))


def resume(page: Page, sender: str) -> Response:
    """``POST /p/{project}/settings/senders/{sender}/resume``."""
    return page.write(lifecycle.resume_sender, _changed(page, _("It sends again.")), sender_id=_read_id(sender))


def show_rotate(page: Page, sender: str) -> Response:
    """``GET /p/{project}/settings/senders/{sender}/rotate``."""
    form = page.form(keep_hours=FORMER_ADDRESS_HOURS)
    return page.show("settings_sender_rotate.html", section="/settings", sender=_find(page, sender), form=form)


def rotate(page: Page, sender: str) -> Response:
    """``POST /p/{project}/settings/senders/{sender}/rotate``: another address for replies and reports."""
    hours = page.params.choice("keep_hours", [str(hours) for hours in KEEP_CHOICES], default=str(FORMER_ADDRESS_HOURS))
    page.params.refuse_wrong()
    response = page.write(
        lifecycle.rotate_address,
        _changed(page, _("There is another address now. Paste it at the provider.")),
        sender_id=_read_id(sender),
        token=write_token(),
        keep_hours=int(hours),
    )
    ensure_addresses(page.store, page.require_project(), now=page.now)
    return response


def show_delete(page: Page, sender: str) -> Response:
    """``GET /p/{project}/settings/senders/{sender}/delete``."""
    view = _find(page, sender)
    return page.show("settings_sender_delete.html", section="/settings", sender=view, form=page.form())


def delete(page: Page, sender: str) -> Response:
    """``POST /p/{project}/settings/senders/{sender}/delete``: what it sent stays."""
    view = _find(page, sender)

    def respond(_deleted: None) -> Response:
        return page.done(page.link(PLACE), _("The sender %(name)s is deleted.", name=isolated(view.name)))

    response = page.write(lifecycle.delete_sender, respond, sender_id=view.id)
    ensure_addresses(page.store, page.require_project(), now=page.now)
    return response


# ---- the address ----------------------------------------------------------------------------------------


class Address(Struct, frozen=True):
    """The address for replies and reports of a sender, as it is to be pasted. Blank where it cannot be read."""

    provider: str
    start: str
    url: str = ""
    verify_token: str = ""
    lacks_secret: bool = False
    """Whether nothing is accepted there before the provider's secret is given."""


def show_address(page: Page, address: SenderAddress | None) -> Address:
    """The address of a sender; ``None`` stands for one whose secrets cannot be read."""
    if address is None:
        return Address("", "")
    lacks_secret = GATEWAYS[address.provider].secret_required and address.signing_secret is None
    return Address(
        address.provider,
        str(address.token[:START_LENGTH]),
        write_url(page, address.provider, str(address.token)),
        str(address.verify_token or ""),
        lacks_secret,
    )


def write_url(page: Page, provider: str, token: str) -> str:
    """An address as a provider calls it: at the public URL, or where the page itself is."""
    return write_reports_url(provider, token, public_url=page.request.context.public_url or page.visit.caller.origin)


# ---- the form -------------------------------------------------------------------------------------------


class About(Struct, frozen=True):
    """A provider as its form shows it: what most people fill in, and what hardly anyone changes."""

    gateway: SendingGateway
    settings: list[AccountField]
    seldom: list[AccountField]
    hours: str
    """Hours as they are written in the project's zone."""


def _about(page: Page, gateway: SendingGateway) -> About:
    is_seldom = {field.name: field.name in SELDOM and not field.is_required for field in gateway.settings}
    return About(
        gateway,
        [field for field in gateway.settings if not is_seldom[field.name]],
        [field for field in gateway.settings if is_seldom[field.name]],
        f"08:00-18:00 {zone_of(page.require_project())}",
    )


def _show_form(page: Page, gateway: SendingGateway, form: Form, sender: SenderView | None) -> Response:
    about = _about(page, gateway)
    return page.show("settings_sender_form.html", section="/settings", form=form, sender=sender, about=about)


def _initial(definition: SenderDefinition) -> dict[str, object]:
    """What stands in the fields of a form. Credentials are not shown."""
    gateway = SENDING_GATEWAYS[definition.gateway]
    values: dict[str, object] = {name: getattr(definition, name) for name in PLAIN if name not in OF_ROW}
    values["hours"] = "" if definition.hours == OFF else definition.hours
    values["answers_as"] = "\n".join(definition.answers_as)
    for field in gateway.settings:
        values[f"settings.{field.name}"] = definition.settings.get(field.name, field.default if field.one_of else "")
    return values


def _read(page: Page, gateway: SendingGateway) -> dict[str, object]:
    """The fields of a sender as the rules take them."""
    given = page.params.given
    values: dict[str, object] = {name: given(name) for name in PLAIN}
    values["answers_as"] = str(given("answers_as") or "").splitlines()
    values["settings"] = _given(page, "settings", gateway.settings)
    values["credentials"] = _given(page, "credentials", gateway.credentials)
    return values


def _given(page: Page, kind: str, fields: tuple[AccountField, ...]) -> Mapping[str, object]:
    found = {field.name: page.params.given(f"{kind}.{field.name}") for field in fields}
    return {name: value for name, value in found.items() if value is not None}


def _changed(page: Page, said: str) -> Callable[[SenderView], Response]:
    return lambda view: page.done(page.link(f"{PLACE}/{view.id}"), said)


def _find(page: Page, sender: str) -> SenderView:
    sender_id = _read_id(sender)
    return page.read(lambda tx: lifecycle.show_sender(tx, lifecycle.get_sender(tx, sender_id=sender_id)))


def _read_id(sender: str) -> int:
    return read_id(sender, missing=SenderNotFound)
