"""What the rules say about senders, inbound addresses and webhooks, in the words of the console. Knows no page."""

from __future__ import annotations

import re
from collections.abc import Callable

from daftari.console.languages import format_number as n
from daftari.console.languages import gettext as _
from daftari.console.languages import isolated

Found = re.Match[str]

FIELDS: tuple[tuple[str, Callable[[Found], str]], ...] = (
    (
        r"must be such as '08:00-18:00 .*",
        lambda found: _("Write hours and a time zone, such as 08:00-18:00 Africa/Nairobi."),
    ),
    (
        r"must be an amount with or without its currency.*",
        lambda found: _("Write an amount such as 0.8 or KES 0.80."),
    ),
    (
        r"would have \d+ names, since none that it had is taken away; (\d+) are allowed\.",
        lambda found: _("At most %(most)s names are taken, and the former ones stay.", most=n(int(found[1]))),
    ),
    (
        r"must be a list of at most (\d+) names or numbers\..*",
        lambda found: _("At most %(most)s names or numbers are taken.", most=n(int(found[1]))),
    ),
    (
        r"is required again: it was sealed with another secret .*",
        lambda found: _("Give it again: it cannot be read with the secret of this service."),
    ),
    (
        r"is required again: the settings name another server.*",
        lambda found: _("Give it again: it would be sent to another server."),
    ),
    (
        r"must be at most (\d+): later changes were not delivered yet, and will be\.",
        lambda found: _("Write at most %(most)s: what is later comes anyway.", most=found[1]),
    ),
    (
        r"must be blank: this provider proves nothing\.",
        lambda found: _("Leave this empty: this provider signs nothing."),
    ),
    (
        r"must be an integer of at least (\d+)\.",
        lambda found: _("This is no whole number from %(least)s on.", least=n(int(found[1]))),
    ),
)
"""What the rules say about a field, after its name, and what the console says."""
MESSAGES: tuple[tuple[str, Callable[[Found], str]], ...] = (
    (r"paused by a person", lambda found: _("Someone paused it.")),
    (
        r"the database was restored or copied: .*",
        lambda found: _(
            "This book was restored or copied. What waits may have been sent since, or be sent by the other book too. "
            "Look at what waits, then resume."
        ),
    ),
    (
        r"The credentials and the address cannot be read: .*|The credentials field is required first\. .*",
        lambda found: _("The keys and passwords cannot be read with this service's secret. Give all of them again."),
    ),
    (
        r"The provider answered no code: no reason",
        lambda found: _("The provider takes nothing, and does not say why."),
    ),
    (
        r"The provider answered (.+?): (.*)",
        lambda found: _("The provider answered %(code)s: “%(said)s”", code=found[1], said=isolated(found[2])),
    ),
    (
        r"There is a sender called .* already; .*",
        lambda found: _("There is a sender of this name on this channel already. Change that one."),
    ),
    (
        r"The project has (\d+) senders already; .*",
        lambda found: _("There are %(most)s senders already. Delete one that is not used.", most=n(int(found[1]))),
    ),
    (
        r"Triggers send with .*",
        lambda found: _("Triggers send with it. Give them another sender first, or delete them."),
    ),
    (
        r"Messages wait for .*",
        lambda found: _("Messages wait for it. Cancel them and its campaigns first, or let them be sent."),
    ),
    (
        r"There is an address called .* already; .*",
        lambda found: _("There is an address of this name already. If you missed it, revoke it, and make another."),
    ),
    (
        r"The project has (\d+) webhooks already; .*",
        lambda found: _("There are %(most)s webhooks already. Delete one that is not used.", most=n(int(found[1]))),
    ),
    (
        r"The feed begins with change (\d+); .*",
        lambda found: _("Changes are kept from number %(first)s on. Write it, or a later one.", first=found[1]),
    ),
    (
        r"The book was restored or copied since; .*",
        lambda found: _("This book was restored or copied since. Resume the webhook first."),
    ),
    (
        r"No secret is kept for .*",
        lambda found: _("The secret of this provider is missing here, and nothing is accepted without it."),
    ),
    (
        r"The verify token is not .*",
        lambda found: _("The verify token there is another one than the one here."),
    ),
    (
        r"The provider's secret of this address cannot be unsealed; .*",
        lambda found: _("The secret of this address cannot be read with the secret of this service. Give it again."),
    ),
    (
        r"X-Daftari-Signature is not .*|The user, password or key is not .*|The signature is not the provider's\.",
        lambda found: _("It was not signed with the secret that is kept here. Perhaps that is a wrong one."),
    ),
    (
        r'The URL must begin with "https://"; .*',
        lambda found: _(
            "This must begin with https://. Only who runs the service allows others, in the setting outbound_hosts."
        ),
    ),
    (
        r'"(.+)" is an address that may not be called: .*',
        lambda found: _("%(host)s is no public address, so it is not called.", host=found[1]),
    ),
    (
        r'".*" is no (address to call|URL with a host).*',
        lambda found: _("Write an address such as https://api.example.com."),
    ),
    (r"\w+ is missing\. .*", lambda found: _("This is needed.")),
    (r'"(.*)" is none of (.*)\.', lambda found: _("Choose one of these.")),
    (r".* sends no \w+; it sends .*", lambda found: _("This provider has no such channel.")),
    (
        r"Nothing says when a message was taken; .*",
        lambda found: _("Say how one sees that a message was taken: by a text, or by the place of its id."),
    ),
    (r'".*" is no JSON pointer; .*', lambda found: _("Write it as /messages/0/id.")),
    (
        r"The body is no JSON once it is filled in; .*",
        lambda found: _("This is no JSON once it is filled in. Texts stand in quotation marks."),
    ),
    (
        r"(\{\{.*\}\}|.*) cannot be filled in here; there are (.*)\.",
        lambda found: _("%(place)s cannot stand here. There are: %(places)s.", place=found[1], places=found[2]),
    ),
    (r"It answered 410, which says .*", lambda found: _("It answered 410: it wants no more deliveries.")),
    (
        r"It answered (\d+), a redirect, .*",
        lambda found: _("It answered %(status)s, a redirect, and none is followed.", status=found[1]),
    ),
    (r"It answered (\d+)\.", lambda found: _("It answered %(status)s.", status=found[1])),
    (
        r"""It answered (\d+): ['"](.*)['"]""",
        lambda found: _("It answered %(status)s: “%(said)s”", status=found[1], said=isolated(found[2])),
    ),
    (r"(.+) could not be connected to.*", lambda found: _("%(host)s cannot be reached.", host=isolated(found[1]))),
    (
        r'The address of "(.+)" could not be found in time\.|"(.+)" has no address.*',
        lambda found: _("No address of %(host)s is found.", host=isolated(found[1] or found[2])),
    ),
    (
        r"The database was restored or copied since, .*",
        lambda found: _("This book was restored or copied, so the other one may deliver too. Resume one of them."),
    ),
    (
        r"Its secret cannot be read: .*",
        lambda found: _("Its secret cannot be read with the secret of this service. Make another one, then resume it."),
    ),
    (
        r"The (body|form) is neither .*|The body must have one of .*|The body is not JSON.*",
        lambda found: _("This is neither a reply nor a report as this provider sends them."),
    ),
    (r"A report must have the id .*", lambda found: _("This is a report that names no message.")),
    (
        r"The verify token of this address cannot be unsealed; .*",
        lambda found: _("The verify token cannot be read with the secret of this service. Make another address."),
    ),
    (r"It took nothing since .*", lambda found: _("It took nothing for days, and was turned off.")),
)
"""What the rules say otherwise, and what the console says."""
