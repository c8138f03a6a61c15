"""Webhooks: which there are, a new one, what was delivered, and deliveries once more."""

from __future__ import annotations

from collections.abc import Callable

from daftari.console.languages import gettext as _
from daftari.console.languages import ngettext
from daftari.console.page import Page
from daftari.console.wording import reword_plainly
from daftari.errors import FeedReset, ValidationFailed, WebhookNotFound
from daftari.model.feed import CHANGE_TYPES
from daftari.model.secrets import Secret
from daftari.rules.webhooks import lifecycle, log
from daftari.rules.webhooks.lifecycle import WebhookView
from daftari.rules.webhooks.model import write_secret
from daftari.rules.webhooks.testing import open_test, send_test
from daftari.web.params import read_id
from daftari.web.responses import Response

PLACE = "/settings/webhooks"
DELIVERIES_SHOWN = 20


def show(page: Page) -> Response:
    """``GET /p/{project}/settings/webhooks``."""
    return page.show(
        "settings_webhooks.html",
        section="/settings",
        webhooks=page.read(lifecycle.list_webhooks),
        form=page.form(url="", types=[], groups=""),
        types=CHANGE_TYPES,
    )


def create(page: Page) -> Response:
    """``POST /p/{project}/settings/webhooks``. The answer alone has the secret, so the first time it is no redirect."""
    secret = write_secret()
    made: list[WebhookView] = []

    def respond(view: WebhookView) -> Response:
        made[:] = [view]
        said = _("The webhook is here. Its secret was shown once; if it is lost, make another.")
        return page.done(page.link(f"{PLACE}/{view.id}"), said)

    response = page.write(
        lifecycle.create_webhook,
        respond,
        values=_read(page),
        allowed_hosts=page.request.context.outbound_hosts,
        secret=secret,
    )
    return _show(page, made[0], secret) if made else response


def show_webhook(page: Page, webhook: str) -> Response:
    """``GET /p/{project}/settings/webhooks/{webhook}``: its state, and what was delivered."""
    return _show(page, _find(page, webhook))


def show_edit(page: Page, webhook: str) -> Response:
    """``GET /p/{project}/settings/webhooks/{webhook}/edit``."""
    view = _find(page, webhook)
    form = page.form(url=view.url, types=view.types, groups="\n".join(view.groups))
    return page.show("settings_webhook_form.html", section="/settings", webhook=view, form=form, types=CHANGE_TYPES)


def update(page: Page, webhook: str) -> Response:
    """``POST /p/{project}/settings/webhooks/{webhook}/edit``."""
    return page.write(
        lifecycle.update_webhook,
        _changed(page, _("Saved. What failed is tried again at once.")),
        webhook_id=_read_id(webhook),
        values=_read(page),
        allowed_hosts=page.request.context.outbound_hosts,
    )


def try_it(page: Page, webhook: str) -> Response:
    """``POST /p/{project}/settings/webhooks/{webhook}/try``: calls it once, with no transaction open."""
    webhook_id = _read_id(webhook)
    found = send_test(page.read(open_test, webhook_id=webhook_id), allowed_hosts=page.request.context.outbound_hosts)
    if found.taken:
        said = _("It answered %(status)s in %(milliseconds)s ms.", status=found.status, milliseconds=found.milliseconds)
    else:
        said = _("It did not take the test. %(error)s", error=reword_plainly(found.error or ""))
    return page.done(page.link(f"{PLACE}/{webhook_id}"), said, tone="good" if found.taken else "bad")


def pause(page: Page, webhook: str) -> Response:
    """``POST /p/{project}/settings/webhooks/{webhook}/pause``."""
    said = _("Nothing more is delivered. It keeps its place.")
    return page.write(lifecycle.pause_webhook, _changed(page, said), webhook_id=_read_id(webhook))


def resume(page: Page, webhook: str) -> Response:
    """``POST /p/{project}/settings/webhooks/{webhook}/resume``."""
    said = _("It delivers again, from where it was.")
    return page.write(lifecycle.resume_webhook, _changed(page, said), webhook_id=_read_id(webhook))


def replay(page: Page, webhook: str) -> Response:
    """``POST /p/{project}/settings/webhooks/{webhook}/replay``: everything after a change is delivered again."""
    after = page.params.whole("after", default=-1, least=0)
    if after < 0 and not page.params.problems.has("after"):
        page.params.problems.add("after", "is required.")
    page.params.refuse_wrong()

    def respond(view: WebhookView) -> Response:
        said = ngettext("%(num)s change is delivered again.", "%(num)s changes are delivered again.", view.behind)
        if view.types or view.groups:
            said += " " + _("Those of other kinds and groups are left out.")
        return page.done(page.link(f"{PLACE}/{view.id}"), said)

    try:
        return page.write(lifecycle.replay_webhook, respond, webhook_id=_read_id(webhook), after=after)
    except FeedReset as reset:
        raise ValidationFailed({"after": [reset.message]}) from None


def show_rotate(page: Page, webhook: str) -> Response:
    """``GET /p/{project}/settings/webhooks/{webhook}/secret``."""
    return page.show(
        "settings_webhook_secret.html", section="/settings", webhook=_find(page, webhook), form=page.form()
    )


def rotate(page: Page, webhook: str) -> Response:
    """``POST /p/{project}/settings/webhooks/{webhook}/secret``. The answer alone has the secret."""
    secret = write_secret()
    made: list[WebhookView] = []

    def respond(view: WebhookView) -> Response:
        made[:] = [view]
        said = _("There is another secret. It was shown once; if it is lost, make another.")
        return page.done(page.link(f"{PLACE}/{view.id}"), said)

    response = page.write(lifecycle.rotate_secret, respond, webhook_id=_read_id(webhook), secret=secret)
    return _show(page, made[0], secret) if made else response


def show_delete(page: Page, webhook: str) -> Response:
    """``GET /p/{project}/settings/webhooks/{webhook}/delete``."""
    view = _find(page, webhook)
    return page.show("settings_webhook_delete.html", section="/settings", webhook=view, form=page.form())


def delete(page: Page, webhook: str) -> Response:
    """``POST /p/{project}/settings/webhooks/{webhook}/delete``."""

    def respond(_deleted: None) -> Response:
        return page.done(page.link(PLACE), _("The webhook is deleted."))

    return page.write(lifecycle.delete_webhook, respond, webhook_id=_read_id(webhook))


def _show(page: Page, view: WebhookView, secret: Secret | None = None) -> Response:
    before = 0
    if page.request.raw.method == "GET":
        before = page.params.cursor("before")
        page.params.refuse_wrong()
    found = page.read(log.list_deliveries, webhook_id=view.id, before=before or None, limit=DELIVERIES_SHOWN)
    return page.show(
        "settings_webhook.html",
        section="/settings",
        webhook=view,
        secret=secret,
        deliveries=found.deliveries,
        following=found.following,
        before=before,
        form=page.form(after=""),
    )


def _read(page: Page) -> dict[str, object]:
    """The fields of a webhook as the rules take them: a line is the name of a group."""
    params = page.params
    return {
        "url": params.given("url"),
        "types": params.texts("types"),
        "groups": [line.strip() for line in str(params.given("groups") or "").splitlines() if line.strip()],
    }


def _changed(page: Page, said: str) -> Callable[[WebhookView], Response]:
    return lambda view: page.done(page.link(f"{PLACE}/{view.id}"), said)


def _find(page: Page, webhook: str) -> WebhookView:
    webhook_id = _read_id(webhook)
    return page.read(lambda tx: lifecycle.show_webhook(tx, lifecycle.get_webhook(tx, webhook_id=webhook_id)))


def _read_id(webhook: str) -> int:
    return read_id(webhook, missing=WebhookNotFound)
