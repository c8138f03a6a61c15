"""What the log says: kinds of acts, who did one, and what was done, with links to whom it was about. Knows no page."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from markupsafe import Markup

from daftari.console import consent_words, settings_words
from daftari.console.languages import format_mobile, isolated
from daftari.console.languages import html_gettext as _
from daftari.console.languages import html_ngettext as ngettext
from daftari.console.wording import kind_name as key_kind_name
from daftari.console.wording import name_of, role_name
from daftari.model.bulk import BulkAct
from daftari.model.users import NamedUser
from daftari.rules.events import Action
from daftari.rules.log.kinds import Kind
from daftari.rules.log.reading import Entry, NamedFile, NamedGroup, NamedKey

Link = Callable[[str, object], str]
"""Makes a link to one of ``contacts``, ``groups``, ``imports`` and so on, or acts of the ``log``; blank without one."""


def kind_name(kind: Kind) -> str:
    """A kind of acts."""
    return {
        "contacts": _("Contacts, and who is in which group"),
        "groups": _("Groups"),
        "consent": _("Consent"),
        "files": _("Files brought in and out"),
        "messages": _("Messages and events"),
        "sending": _("Campaigns, triggers and senders"),
        "systems": _("Connections and webhooks"),
        "access": _("Users, keys and settings"),
        "erasures": _("Erased"),
        "undone": _("Undone"),
    }[kind]


def user_name(user: NamedUser) -> str:
    """A user, as long as there is one."""
    return (
        _("former user %(name)s", name=isolated(user.name)) if user.former else Markup("{}").format(isolated(user.name))
    )


def key_name(key: NamedKey) -> str:
    """A key, as long as it works."""
    if key.former:
        return _("former key %(name)s", name=isolated(key.name))
    return _("key %(name)s", name=isolated(key.name))


def author(entry: Entry) -> str:
    """Who did it."""
    if entry.user is not None:
        return user_name(entry.user)
    if entry.key is not None:
        return key_name(entry.key)
    match entry.source:
        case "user":
            return _("a former user")
        case "key":
            return _("a former key")
        case "command":
            return _("command %(name)s", name="daftari " + entry.request_id)
        case "inbound":
            return _("a provider or another system")
        case "import" | "worker":
            return Markup("Daftari")


def author_of(entry: Entry) -> str:
    """How to search for who did it; blank for what was done by neither a user nor a key."""
    if entry.user is not None:
        return f"user-{entry.user.id}"
    return "" if entry.key is None else f"key-{entry.key.id}"


# ---- what was done --------------------------------------------------------------------------------------

_PLAIN: Mapping[Action, Callable[[], str]] = {
    Action.CREATE_CONTACTS: lambda: _("Added or changed"),
    Action.UPDATE_CONTACT: lambda: _("Changed"),
    Action.DELETE_CONTACT: lambda: _("Removed from the book"),
    Action.DELETE_CONTACTS: lambda: _("Removed from the book"),
    Action.RECEIVE_INBOUND: lambda: _("A message or report came in"),
    Action.SETTLE_REVIEW: lambda: _("Decided what someone meant"),
    Action.CREATE_IMPORT: lambda: _("Brought in a file"),
    Action.APPLY_IMPORT: lambda: _("Applied the plan of a file"),
    Action.IMPORT_CONTACTS: lambda: _("Added or changed by a file"),
    Action.IMPORT_CONSENT: lambda: _("Consent by a file"),
    Action.FINISH_IMPORT: lambda: _("A file is done"),
    Action.UNDO_IMPORT: lambda: _("Undid a file"),
    Action.FREEZE_AUDIENCE: lambda: _("Froze an audience"),
    Action.CREATE_EXPORT: lambda: _("Made an export"),
    Action.DELETE_EXPORT: lambda: _("Deleted an export"),
    Action.ERASE_NUMBER: lambda: _("Erased a number; no one knows which"),
    Action.CREATE_MESSAGES: lambda: _("Gave messages to be sent"),
    Action.CREATE_EVENTS: lambda: _("Reported events"),
    Action.CREATE_SENDER: lambda: _("Made a sender"),
    Action.UPDATE_SENDER: lambda: _("Changed a sender"),
    Action.DELETE_SENDER: lambda: _("Deleted a sender"),
    Action.CREATE_CAMPAIGN: lambda: _("Made a campaign"),
    Action.UPDATE_CAMPAIGN: lambda: _("Changed a campaign"),
    Action.DELETE_CAMPAIGN: lambda: _("Deleted a campaign"),
    Action.START_CAMPAIGN: lambda: _("Started a campaign"),
    Action.CANCEL_CAMPAIGN: lambda: _("Cancelled a campaign"),
    Action.CREATE_TRIGGER: lambda: _("Made a trigger"),
    Action.UPDATE_TRIGGER: lambda: _("Changed a trigger"),
    Action.DELETE_TRIGGER: lambda: _("Deleted a trigger"),
    Action.CREATE_WEBHOOK: lambda: _("Made a webhook"),
    Action.UPDATE_WEBHOOK: lambda: _("Changed a webhook"),
    Action.DELETE_WEBHOOK: lambda: _("Deleted a webhook"),
    Action.ROTATE_WEBHOOK: lambda: _("Gave a webhook another secret"),
    Action.REPLAY_WEBHOOK: lambda: _("Had a webhook deliver again"),
    Action.DISABLE_WEBHOOK: lambda: _("A webhook was turned off, since it does not answer"),
    Action.CREATE_ADDRESS: lambda: _("Made an address for replies and reports"),
    Action.UPDATE_ADDRESS: lambda: _("Gave an address for replies and reports another secret"),
    Action.REVOKE_ADDRESS: lambda: _("Revoked an address for replies and reports"),
    Action.CREATE_CONNECTION: lambda: _("Made a connection"),
    Action.UPDATE_CONNECTION: lambda: _("Changed a connection"),
    Action.DELETE_CONNECTION: lambda: _("Removed a connection"),
    Action.SYNC_CONTACTS: lambda: _("Kept in step with a connected system"),
}
"""Acts without a group."""
_OF_GROUP: Mapping[Action, Callable[[str], str]] = {
    Action.CREATE_CONTACTS: lambda name: _("Added or changed, in %(group)s", group=name),
    Action.UPDATE_CONTACT: lambda name: _("Changed, and added to %(group)s", group=name),
    Action.IMPORT_CONTACTS: lambda name: _("Added or changed by a file, in %(group)s", group=name),
    Action.CREATE_EXPORT: lambda name: _("Made an export of %(group)s", group=name),
    Action.CREATE_GROUP: lambda name: _("Made the group %(group)s", group=name),
    Action.UPDATE_GROUP: lambda name: _("Renamed a group; now it is called %(group)s", group=name),
    Action.DELETE_GROUP: lambda name: _("Deleted the group %(group)s", group=name),
    Action.JOIN_GROUP: lambda name: _("Added to %(group)s", group=name),
    Action.LEAVE_GROUP: lambda name: _("Taken out of %(group)s", group=name),
    Action.MOVE_CONTACTS: lambda name: _("Moved to %(group)s", group=name),
    Action.MERGE_GROUPS: lambda name: _("Merged another group into %(group)s", group=name),
}
"""Acts on a group, or on contacts and a group."""


def what(entry: Entry, link: Link) -> str:
    """What was done, without whom it was about."""
    action = Action(entry.action)
    if action in _OF_GROUP and (entry.group is not None or action not in _PLAIN):
        return _OF_GROUP[action](_("a group that is gone") if entry.group is None else group(entry.group, link))
    if action in _PLAIN:
        return _PLAIN[action]()
    if action in (Action.RECORD_OPT_OUTS, Action.RECORD_OPT_INS):
        return _("Wrote down") if entry.fact is not None else _say_facts(action, entry.facts)
    if action in (Action.UNDO, Action.START_BULK):
        return _say_job(entry, link)
    return _say_access(action, entry)


def about(entry: Entry, link: Link) -> list[str]:
    """Whom and what it was about: contacts or how many, what was said, the file, and the groups that were left."""
    said: list[str] = []
    if entry.cards:
        said += [_link(link("contacts", card.id), name_of(card) or format_mobile(card.mobile)) for card in entry.cards]
    elif entry.mobiles:
        said += [Markup("<bdi>{}</bdi>").format(format_mobile(mobile)) for mobile in entry.mobiles]
    elif entry.contacts:
        said.append(ngettext("%(num)s contact", "%(num)s contacts", entry.contacts))
    elif entry.fact_of is not None:
        said.append(Markup("<bdi>{}</bdi>").format(format_mobile(entry.fact_of)))
    if entry.fact is not None:
        said.append(Markup("{}").format(consent_words.fact(entry.fact).removesuffix(".")))
    elif entry.facts > 1 and entry.action not in (Action.RECORD_OPT_OUTS, Action.RECORD_OPT_INS):
        said.append(ngettext("%(num)s opt-out or opt-in", "%(num)s opt-outs or opt-ins", entry.facts))
    if entry.file is not None:
        said.append(_link(link("imports", entry.file.id), _name_file(entry.file)))
    if entry.thing is not None:
        name = entry.thing.name or _("number %(seq)s", seq=entry.thing.id)
        said.append(_link(link(f"{entry.thing.kind}s", entry.thing.id), name))
    if entry.job is not None:
        said.append(_link(link("bulk", entry.job), _("job %(number)s", number=entry.job)))
    for left, count in entry.left:
        said.append(
            ngettext("%(num)s left %(group)s", "%(num)s left %(group)s", count, group=group(left, link))
            if entry.contacts > 1
            else _("left %(group)s", group=group(left, link))
        )
    return said


def group(named: NamedGroup, link: Link) -> str:
    """A group, which leads to its contacts while it is there."""
    if named.name is None:
        return _("a group that is gone")
    return _link(link("groups", named.name) if named.is_there else "", named.name)


def _say_facts(action: Action, count: int) -> str:
    if action == Action.RECORD_OPT_OUTS:
        return ngettext("Wrote down an opt-out", "Wrote down %(num)s opt-outs", count)
    return ngettext("Wrote down that someone agreed", "Wrote down that %(num)s agreed", count)


def _say_job(entry: Entry, link: Link) -> str:
    detail = entry.detail
    if entry.action == Action.UNDO:
        seq = detail.undoes or 0
        return _("Undid %(seq)s", seq=_link(link("log", seq), _("number %(seq)s", seq=seq)))
    count = ngettext("%(num)s contact", "%(num)s contacts", detail.contacts or 0)
    return _("Began a job: %(act)s, %(count)s", act="" if detail.act is None else _name_act(detail.act), count=count)


def _name_act(act: BulkAct) -> str:
    return {
        "join": _("add to a group"),
        "move": _("move to a group"),
        "leave": _("take out of a group"),
        "remove": _("remove from the book"),
        "merge": _("merge into another group"),
    }[act]


def _say_access(action: Action, entry: Entry) -> str:
    detail = entry.detail
    user = "" if entry.about_user is None else Markup("<bdi>{}</bdi>").format(entry.about_user.name)
    key = "" if entry.about_key is None else Markup("<bdi>{}</bdi>").format(entry.about_key.name)
    role = "" if detail.role is None else role_name(detail.role)
    match action:
        case Action.ADD_USER:
            return _("Added the user %(name)s: %(role)s", name=user, role=role)
        case Action.CHANGE_ROLE:
            return _("Gave %(name)s another role: %(role)s", name=user, role=role)
        case Action.REMOVE_USER:
            return _("Removed the user %(name)s", name=user)
        case Action.CREATE_KEY:
            may = "" if detail.kind is None else key_kind_name(detail.kind)
            return _("Made the key %(name)s: %(may)s", name=key, may=may)
        case Action.CHANGE_SETTINGS:
            changes = ", ".join(map(settings_words.change_of, detail.settings))
            return _("Changed the settings: %(changes)s", changes=changes)
        case _:
            return _("Revoked the key %(name)s", name=key)


def _name_file(file: NamedFile) -> str:
    return file.name or _("file %(number)s", number=file.id)


def _link(place: str, text: str) -> Markup:
    if not place:
        return Markup("<bdi>{}</bdi>").format(text)
    return Markup('<a href="{}"><bdi>{}</bdi></a>').format(place, text)
