"""Webhooks in words: what they deliver, their states, and what came of each delivery. Knows no page."""

from __future__ import annotations

from daftari.console.languages import format_number, ngettext
from daftari.console.languages import gettext as _
from daftari.console.wording import reword
from daftari.model.feed import ChangeType
from daftari.model.webhooks import DeliveryState, WebhookState
from daftari.rules.webhooks.log import DeliveryView

State = tuple[str, str, str]
"""The tone, the word and the icon."""


def type_name(kind: ChangeType) -> str:
    """A type of changes."""
    return {
        "contacts.created": _("Contacts that are new"),
        "contacts.updated": _("Contacts that changed"),
        "contacts.deleted": _("Contacts that were removed"),
        "contacts.erased": _("Contacts that were erased"),
        "group.created": _("Groups that are new"),
        "group.renamed": _("Groups that have another name"),
        "group.deleted": _("Groups that were deleted"),
        "group.joined": _("Who joined a group"),
        "group.left": _("Who left a group"),
        "consent.changed": _("Who opted out or agreed"),
        "import.finished": _("Files that came in"),
        "import.undone": _("Files that were undone"),
        "campaign.started": _("Campaigns that started"),
        "campaign.finished": _("Campaigns that are finished"),
        "messages.settled": _("How messages ended"),
        "connection.changed": _("Connections that changed"),
    }[kind]


def state(found: WebhookState, *, is_failing: bool) -> State:
    """Whether a webhook delivers."""
    if found == "disabled":
        return "bad", _("Turned off"), "warn"
    if found == "paused":
        return "warn", _("Paused"), "pause"
    return ("bad", _("Fails"), "warn") if is_failing else ("good", _("Delivers"), "good")


def reason(said: str) -> str:
    """Why a webhook delivers nothing."""
    return reword(said)


def delivery_state(found: DeliveryState) -> State:
    """What came of a delivery."""
    return {
        "delivered": ("good", _("Taken"), "good"),
        "failing": ("bad", _("Not taken"), "warn"),
        "replaced": ("", _("Begun again"), "undo"),
    }[found]


def answer(found: DeliveryView) -> str:
    """What came of the last call: what was answered and how long that took, or why it failed."""
    if found.error:
        return reword(found.error)
    if found.status is None:
        return ""
    return _("%(status)s in %(count)s ms", status=found.status, count=format_number(found.milliseconds))


def delivery(found: DeliveryView) -> str:
    """What a delivery was about."""
    if found.kind == "reset":
        return _("Read the book again")
    return ngettext("%(num)s change", "%(num)s changes", found.changes)
