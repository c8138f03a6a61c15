"""What the rules say about a connection that is set up, in the words of the console. Knows no page."""

from __future__ import annotations

import re
from collections.abc import Callable

from daftari.console.languages import format_number as n
from daftari.console.languages import gettext as _

Found = re.Match[str]

FIELDS: tuple[tuple[str, Callable[[Found], str]], ...] = (
    (
        r"names a field that is used for something else already\.",
        lambda found: _("This field is used for something else already."),
    ),
    (
        r"must name the column with the number: .*",
        lambda found: _("Say which column holds the number: none is called like it."),
    ),
    (
        r"is written by Daftari, and cannot be read: .*",
        lambda found: _("This is a field that is written from here: it cannot be read. Choose another one."),
    ),
    (r"is .*; it must be like one of: .*", lambda found: _("Choose who is in this group.")),
    (
        r"is .* again; a group is kept from one source\.",
        lambda found: _("This group stands here twice. Everyone in it must come from one place."),
    ),
    (
        r"names .* twice: who left a cart .*",
        lambda found: _("This group is the one of those who left a cart: choose another name."),
    ),
    (r"needs write_back, .*", lambda found: _("This needs that opt-outs are written back, too.")),
    (r"is .*; write two capital letters .*", lambda found: _("Write two capital letters of a country, such as KE.")),
    (r"is .*; write a time zone .*", lambda found: _("This is no time zone. One is written like Africa/Nairobi.")),
    (r".*needs an app of .*", lambda found: _("An app of the shop is needed for this.")),
    (
        r"must be a whole number from (\d+) to (\d+)\.",
        lambda found: _(
            "This is no whole number from %(least)s to %(most)s.", least=n(int(found[1])), most=n(int(found[2]))
        ),
    ),
)
"""What the rules say about a field, after its name, and what the console says."""
MESSAGES: tuple[tuple[str, Callable[[Found], str]], ...] = (
    (
        r"The project has a connection .* already; .*",
        lambda found: _("There is a connection of this name already. Choose another name."),
    ),
    (
        r"The project has (\d+) connections already; .*",
        lambda found: _(
            "There are %(most)s connections here, and there cannot be more. Remove one first.", most=n(int(found[1]))
        ),
    ),
)
"""What the rules say, and what the console says."""
