"""The groups that a webhook is about, whatever they are called by now. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from daftari.errors import ValidationFailed
from daftari.model.webhooks import WatchedGroup, WebhookDefinition
from daftari.rules.fields import fold_name
from daftari.store import Tx, exports, groups

IDS_MAX = 10
"""Groups of one name, each made after the one before was deleted, whose changes may still wait."""


def find_watched(tx: Tx, names: Sequence[str]) -> tuple[WatchedGroup, ...]:
    """Groups by their names. Raises ``ValidationFailed`` for those that there are not."""
    found: dict[int, WatchedGroup] = {}
    unknown = []
    for name in names:
        group_id = groups.find_group_id(tx, folded=fold_name(name))
        if group_id is None:
            unknown.append(f"There is no group called {name!r}.")
        else:
            found[group_id] = WatchedGroup(name, (group_id,))
    if unknown:
        raise ValidationFailed({"groups": unknown})
    return tuple(found.values())


def follow_groups(tx: Tx, definition: WebhookDefinition) -> WebhookDefinition:
    """A definition with its groups' present names, and with new groups that have the name of a deleted one."""
    if not definition.groups:
        return definition
    known = exports.find_group_names(tx, ids=[group.ids[-1] for group in definition.groups])
    followed = []
    for group in definition.groups:
        if group.ids[-1] in known:
            group = replace(group, name=known[group.ids[-1]].name)
        else:
            successor = groups.find_group_id(tx, folded=fold_name(group.name))
            if successor is not None:
                group = replace(group, ids=(*group.ids, successor)[-IDS_MAX:])
        followed.append(group)
    return replace(definition, groups=tuple(followed))
