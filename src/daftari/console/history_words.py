"""What was done with a contact, and the outcome of a message, in words. Knows no page."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import json

from daftari.console.languages import format_mobile, isolated, ngettext
from daftari.console.languages import gettext as _
from daftari.model.contacts import AttributeValue
from daftari.rules.events import Action
from daftari.rules.people.changes import FieldChange
from daftari.rules.people.person import Authors, Happened

_LABELS: Mapping[str, Callable[[], str]] = {
    Action.CREATE_CONTACTS: lambda: _("Added or changed."),
    Action.UPDATE_CONTACT: lambda: _("Changed."),
    Action.DELETE_CONTACT: lambda: _("Removed from the book."),
    Action.DELETE_CONTACTS: lambda: _("Removed from the book."),
    Action.RECORD_OPT_OUTS: lambda: _("An opt-out was written down."),
    Action.RECORD_OPT_INS: lambda: _("It was written down that they agreed."),
    Action.RECEIVE_INBOUND: lambda: _("A message or report from a provider."),
    Action.SETTLE_REVIEW: lambda: _("What they wrote was reviewed."),
    Action.IMPORT_CONTACTS: lambda: _("Added or changed by a file."),
    Action.IMPORT_CONSENT: lambda: _("Consent by a file."),
    Action.UNDO_IMPORT: lambda: _("A file was undone."),
    Action.SYNC_CONTACTS: lambda: _("Kept in step with a connected system."),
    Action.UNDO: lambda: _("Something was undone."),
}
_OF_GROUP: Mapping[str, Callable[[str], str]] = {
    Action.CREATE_CONTACTS: lambda group: _("Added or changed, in %(group)s.", group=group),
    Action.JOIN_GROUP: lambda group: _("Joined %(group)s.", group=group),
    Action.MOVE_CONTACTS: lambda group: _("Moved to %(group)s.", group=group),
    Action.MERGE_GROUPS: lambda group: _("Joined %(group)s by a merge.", group=group),
}
"""Acts that bring a contact to a group."""


CHANGES_MAX = 10
"""Fields that are shown of a change."""
VALUE_MAX = 60
"""Characters that are shown of a value."""
_FIELDS: Mapping[str, Callable[[], str]] = {
    "fname": lambda: _("First name"),
    "mname": lambda: _("Middle name"),
    "lname": lambda: _("Last name"),
    "mobile": lambda: _("Number"),
    "email": lambda: _("E-mail"),
    "city": lambda: _("Town"),
    "company": lambda: _("Company"),
}


def act(happened: Happened) -> str:
    """What was done, as a sentence or two."""
    said = []
    group = None if happened.group is None else isolated(happened.group)
    if happened.action in _OF_GROUP and (group or happened.action not in _LABELS):
        said.append(_OF_GROUP[happened.action](group or _("a group that is gone")))
    elif happened.action in _LABELS:
        said.append(_LABELS[happened.action]())
        if happened.action == Action.UPDATE_CONTACT and group:
            said.append(_("Joined %(group)s.", group=group))
    if happened.left:
        said.append(_("Left %(groups)s.", groups=", ".join(map(isolated, happened.left))))
    return " ".join(said) or _("Something else happened.")


def changes(happened: Happened) -> list[str]:
    """What was changed, a field each: ``Town: Thika → Nairobi``."""
    said = [_change(change) for change in happened.changes[:CHANGES_MAX]]
    more = len(happened.changes) - len(said)
    return [*said, ngettext("%(num)s more", "%(num)s more", more)] if more else said


def _change(change: FieldChange) -> str:
    name = isolated(change.name) if change.is_attribute else _FIELDS[change.name]()
    before, after = (_value(change, value) for value in (change.before, change.after))
    return _("%(name)s: %(before)s → %(after)s", name=name, before=before, after=after)


def _value(change: FieldChange, value: AttributeValue | None) -> str:
    """A value, cut where it is long."""
    if value in (None, ""):
        return _("nothing")
    if change.name == "mobile" and not change.is_attribute:
        return isolated(format_mobile(str(value)))
    written = value if isinstance(value, str) else json.encode(value).decode()
    return isolated(written if len(written) <= VALUE_MAX else f"{written[: VALUE_MAX - 1]}…")


def author(row: Happened, authors: Authors) -> str:
    """Who did it: the name of a user or a key; blank for what was done by neither."""
    if name := user(row.user_id, authors):
        return name
    if row.key_id is not None and row.key_id in authors.keys:
        return _("key %(name)s", name=isolated(authors.keys[row.key_id]))
    return ""


def user(user_id: int | None, authors: Authors) -> str:
    """The name of a user; blank for none."""
    found = None if user_id is None else authors.users.get(user_id)
    return "" if found is None else isolated(found.name)


def state(name: str) -> str:
    """The outcome of a message."""
    return {
        "waiting": _("Waits to be sent."),
        "sending": _("Is being sent."),
        "unknown": _("It is not known whether it was sent."),
        "accepted": _("Sent; no report yet."),
        "delivered": _("Delivered."),
        "failed": _("Failed."),
        "expired": _("Too late."),
        "skipped": _("Not sent."),
        "cancelled": _("Cancelled."),
    }.get(name, name)
