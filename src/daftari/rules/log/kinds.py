"""The kinds of acts by which the log is searched. Each act is of one kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

from daftari.rules.events import Action

Kind = Literal[
    "contacts", "groups", "consent", "files", "messages", "sending", "systems", "access", "erasures", "undone"
]
KINDS: tuple[Kind, ...] = get_args(Kind)

ACTIONS: Mapping[Kind, tuple[Action, ...]] = {
    "contacts": (
        Action.CREATE_CONTACTS,
        Action.UPDATE_CONTACT,
        Action.DELETE_CONTACT,
        Action.DELETE_CONTACTS,
        Action.MOVE_CONTACTS,
        Action.JOIN_GROUP,
        Action.LEAVE_GROUP,
        Action.START_BULK,
        Action.IMPORT_CONTACTS,
        Action.SYNC_CONTACTS,
    ),
    "groups": (Action.CREATE_GROUP, Action.UPDATE_GROUP, Action.DELETE_GROUP, Action.MERGE_GROUPS),
    "consent": (
        Action.RECORD_OPT_OUTS,
        Action.RECORD_OPT_INS,
        Action.RECEIVE_INBOUND,
        Action.SETTLE_REVIEW,
        Action.IMPORT_CONSENT,
    ),
    "files": (
        Action.CREATE_IMPORT,
        Action.APPLY_IMPORT,
        Action.FINISH_IMPORT,
        Action.CREATE_EXPORT,
        Action.DELETE_EXPORT,
        Action.FREEZE_AUDIENCE,
    ),
    "messages": (Action.CREATE_MESSAGES, Action.CREATE_EVENTS),
    "sending": (
        Action.CREATE_CAMPAIGN,
        Action.UPDATE_CAMPAIGN,
        Action.DELETE_CAMPAIGN,
        Action.START_CAMPAIGN,
        Action.CANCEL_CAMPAIGN,
        Action.CREATE_TRIGGER,
        Action.UPDATE_TRIGGER,
        Action.DELETE_TRIGGER,
        Action.CREATE_SENDER,
        Action.UPDATE_SENDER,
        Action.DELETE_SENDER,
    ),
    "systems": (
        Action.CREATE_CONNECTION,
        Action.UPDATE_CONNECTION,
        Action.DELETE_CONNECTION,
        Action.CREATE_WEBHOOK,
        Action.UPDATE_WEBHOOK,
        Action.DELETE_WEBHOOK,
        Action.ROTATE_WEBHOOK,
        Action.REPLAY_WEBHOOK,
        Action.DISABLE_WEBHOOK,
        Action.CREATE_ADDRESS,
        Action.UPDATE_ADDRESS,
        Action.REVOKE_ADDRESS,
    ),
    "access": (
        Action.ADD_USER,
        Action.CHANGE_ROLE,
        Action.REMOVE_USER,
        Action.CREATE_KEY,
        Action.REVOKE_KEY,
        Action.CHANGE_SETTINGS,
    ),
    "erasures": (Action.ERASE_NUMBER,),
    "undone": (Action.UNDO, Action.UNDO_IMPORT),
}
"""The acts of each kind."""
FREQUENT: tuple[Kind, ...] = ("contacts", "consent", "messages")
"""The kinds of which a program may do many a second. Their acts are in no index, so that they cost nothing more."""
