"""What the end of a group means for what uses it, in words. Knows no page."""

from __future__ import annotations

from daftari.console.languages import gettext as _
from daftari.console.languages import isolated
from daftari.rules.campaigns.group_uses import Effect, GroupUse

STOPS: tuple[Effect, ...] = (
    *("fires_no_more", "stops_no_more", "sends_no_more", "cannot_start", "pauses", "skips_members"),
    "leaves_no_one_out",
)
"""Those that are a change; the others make a group of this name again."""


def use(found: GroupUse) -> str:
    """What changes for a trigger or campaign, or what a connection does then."""
    name = isolated(found.name)
    match found.effect:
        case "fires_no_more":
            return _("The trigger %(name)s: no one joins this group after that, so it sends nothing new.", name=name)
        case "stops_no_more":
            return _("The trigger %(name)s sends to those too who were in this group.", name=name)
        case "sends_no_more":
            return _("The trigger %(name)s sends nothing: everyone counts as having left this group.", name=name)
        case "cannot_start":
            return _("The campaign %(name)s, a draft, cannot start before it has another group.", name=name)
        case "pauses":
            return _("The campaign %(name)s pauses when it is to start.", name=name)
        case "skips_members":
            return _(
                "The campaign %(name)s: who has not been sent it yet gets it only through another of its groups.",
                name=name,
            )
        case "leaves_no_one_out":
            return _("The campaign %(name)s no longer leaves out those in this group.", name=name)
        case "makes_it_again":
            return _("The connection %(name)s makes it again, with those it adds from then on.", name=name)
        case "puts_carts_in_again":
            return _("The connection %(name)s makes it again, with those who leave a cart from then on.", name=name)
