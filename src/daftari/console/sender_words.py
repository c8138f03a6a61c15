"""Senders and the addresses of providers in words: fields, states, and what arrived. Knows no page."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from daftari.console.languages import gettext as _
from daftari.console.languages import isolated
from daftari.console.wording import reword, reword_plainly
from daftari.gateways import GATEWAYS, SENDING_GATEWAYS
from daftari.model.inbound import Arrival, InboundCount
from daftari.model.time import DAY_MICROSECONDS
from daftari.rules.consent.views import CHANNEL_NAMES
from daftari.rules.senders.addresses import UNSEALED
from daftari.rules.senders.check import SenderCheck
from daftari.rules.senders.lifecycle import SenderView

SELDOM = ("campaign", "endpoint", "base_url", "content_url", "marketing_endpoint", "version", "trust_503")
"""Settings that hardly anyone changes."""
LONG = ("headers", "body")
"""Settings of several lines."""
State = tuple[str, str, str]
"""The tone, the word and the icon."""


def provider_name(gateway: str) -> str:
    """A provider."""
    if gateway == "generic":
        return _("Any other provider")
    if gateway == "log":
        return _("No one: a trial")
    return SENDING_GATEWAYS[gateway].title


def channels_of(gateway: str) -> str:
    """The channels of a provider."""
    return ", ".join(CHANNEL_NAMES[channel] for channel in SENDING_GATEWAYS[gateway].channels)


def about(gateway: str) -> str:
    """A provider in a sentence, for who chooses one."""
    return {
        "sozuri": _("Kenya."),
        "africas_talking": _("Many countries of Africa."),
        "twilio": _("Most countries."),
        "infobip": _("Most countries."),
        "whatsapp": _("Directly at Meta, without another provider."),
        "generic": _("Whatever takes messages at a URL, Kannel and Jasmin too. You describe the call."),
        "log": _("Needs no account and delivers nothing: each message becomes a line in the log of the service."),
    }[gateway]


FIELDS: Mapping[tuple[str, str], Callable[[], tuple[str, str]]] = {
    ("sozuri", "project"): lambda: (_("Project"), _("Its name, as Sozuri's dashboard shows it.")),
    ("sozuri", "campaign"): lambda: (_("Label"), _("For Sozuri's own statistics.")),
    ("sozuri", "api_key"): lambda: (_("API key"), _("Of the project.")),
    ("sozuri", "auth_key"): lambda: (
        _("Auth Key"),
        _("Sozuri sends it with replies and reports. Without it none of them is accepted."),
    ),
    ("africas_talking", "username"): lambda: (_("Username"), _("The name of the app, or sandbox.")),
    ("africas_talking", "endpoint"): lambda: (_("Endpoint"), _("bulk is the newer one, messaging the older one.")),
    ("africas_talking", "content_url"): lambda: (_("Address for premium SMS"), _("Only for a proxy or a test.")),
    ("africas_talking", "api_key"): lambda: (_("API key"), _("Of the app.")),
    ("twilio", "account_sid"): lambda: (_("Account SID"), _("It begins with AC.")),
    ("twilio", "api_key_sid"): lambda: (
        _("API key SID"),
        _("It begins with SK. Only if the secret below is that of an API key and not the Auth Token."),
    ),
    ("twilio", "messaging_service_sid"): lambda: (
        _("Messaging Service SID"),
        _("It begins with MG. Only if a service chooses the number."),
    ),
    ("twilio", "secret"): lambda: (_("Auth Token"), _("Or the secret of the API key.")),
    ("twilio", "auth_token"): lambda: (
        _("Auth Token, with an API key"),
        _("Replies and reports are verified by it. Only if the secret above is that of an API key."),
    ),
    ("infobip", "base_url"): lambda: (_("The account's address"), _("Such as https://x1.api.infobip.com.")),
    ("infobip", "api_key"): lambda: (_("API key"), _("With the scope for what is sent.")),
    ("infobip", "webhook_secret"): lambda: (
        _("Secret of what Infobip sends"),
        _("user:password or the key, if you set one there."),
    ),
    ("whatsapp", "phone_number_id"): lambda: (_("Phone number ID"), _("The ID, not the number itself.")),
    ("whatsapp", "marketing_endpoint"): lambda: (
        _("Marketing by a call of its own"),
        _("yes only if Meta says that the account must."),
    ),
    ("whatsapp", "version"): lambda: (_("Version of the Graph API"), ""),
    ("whatsapp", "access_token"): lambda: (_("Access token"), _("Of a system user, without an end.")),
    ("whatsapp", "app_secret"): lambda: (
        _("App Secret"),
        _("Replies and reports are verified by it. Without it none of them is accepted."),
    ),
    ("generic", "url"): lambda: (_("URL"), _("It sends one message when it is called.")),
    ("generic", "method"): lambda: (_("Method"), ""),
    ("generic", "headers"): lambda: (_("Headers"), _("One a line, such as Authorization: Bearer {{key}}.")),
    ("generic", "content_type"): lambda: (_("What the body is"), ""),
    ("generic", "body"): lambda: (_("Body"), _('Such as {"to": "{{to}}", "text": "{{text}}"}. None with GET.')),
    ("generic", "success"): lambda: (
        _("The answer to a message that was taken contains"),
        _("A text; * stands for anything. This, or the place of the id below, is needed."),
    ),
    ("generic", "refused"): lambda: (_("The answer to one that was not taken contains"), ""),
    ("generic", "stop"): lambda: (
        _("The answer contains, when no message is taken"),
        _("Such as for want of credit. Sending pauses then."),
    ),
    ("generic", "trust_503"): lambda: (
        _("A 503 means: not taken"),
        _("yes if a 503 with Retry-After proves that a message was not taken."),
    ),
    ("generic", "id_pointer"): lambda: (_("Where the answer has the message's id"), _("Such as /messages/0/id.")),
    ("generic", "key"): lambda: (_("Key"), _("{{key}} stands for it.")),
    ("generic", "user"): lambda: (_("User"), _("{{user}} stands for it.")),
    ("generic", "password"): lambda: (_("Password"), _("{{password}} stands for it; {{basic}} is user and password.")),
    ("generic", "hmac_secret"): lambda: (
        _("Secret of replies and reports"),
        _("X-Daftari-Signature is made with it. Empty: the address alone is the proof."),
    ),
}
"""How the settings and credentials of each provider are called, and what to enter."""


def field_words(gateway: str, field: str) -> tuple[str, str]:
    """How a setting or credential of a provider is called, and what to enter."""
    if field == "base_url" and gateway != "infobip":
        return _("Address of the provider"), _("Only for a proxy or a test.")
    return FIELDS[gateway, field]()


def secret_words(provider: str) -> tuple[str, str]:
    """How the secret is called by which a provider's requests are verified, and where it stands."""
    return {
        "sozuri": (_("Auth Key"), _("Sozuri's page API Credentials shows it.")),
        "twilio": (_("Auth Token"), _("On the first page of Twilio's console.")),
        "infobip": (_("user:password, or the key"), _("If you set one at Infobip; else leave it empty.")),
        "whatsapp": (_("App Secret"), _("In the app's dashboard: App settings, Basic.")),
        "generic": (
            _("Secret"),
            _("If the program signs what it sends, by HMAC-SHA256 in X-Daftari-Signature; else leave it empty."),
        ),
    }.get(provider, ("", ""))


def is_proved(provider: str) -> bool:
    """Whether a provider proves by a secret that a request is its own."""
    return GATEWAYS[provider].secret_name is not None


# ---- states -------------------------------------------------------------------------------------------


def sender_state(view: SenderView) -> State:
    """Whether a sender sends."""
    if view.paused is not None:
        return "bad" if view.paused != "paused by a person" else "warn", _("Paused"), "pause"
    if view.waits_for is not None:
        return "warn", _("Not ready"), "clock"
    return "good", _("Sends"), "good"


def why_paused(said: str) -> str:
    """Why a sender sends nothing."""
    return reword(said)


def unreadable() -> str:
    """Why the address of a sender is not shown."""
    return reword(UNSEALED)


def why_waits() -> str:
    """What is missing before a sender sends anything."""
    return _("People answer the numbers that the service chooses from, so name each of them first, at Change.")


def purpose_name(purpose: str) -> str:
    """What a sender may be used for."""
    return _("Marketing") if purpose == "marketing" else _("Not marketing")


def added(view: SenderView) -> str:
    """That a sender is new, and how one sees whether it works."""
    name = isolated(view.name)
    if SENDING_GATEWAYS[view.gateway].checks_accounts:
        return _("%(name)s is here. Check the account, then send a test message.", name=name)
    if view.gateway == "log":
        return _("%(name)s is here. Write a campaign, and see what would happen.", name=name)
    return _(
        "%(name)s is here. Write a campaign and try it on your own phone: its provider checks no account.", name=name
    )


def checked(found: SenderCheck) -> str:
    """What a check found."""
    if found.works is None:
        return _(
            "This provider has no way to check an account, and nothing was sent. A test message shows whether it works."
        )
    if found.balance:
        return _("The account works. Its balance is %(balance)s.", balance=isolated(found.balance))
    if found.works:
        return _("The account works.")
    return _("The account does not work. %(says)s", says=reword_plainly(found.says))


def address_state(count: InboundCount | None, *, now: int) -> State:
    """Whether a provider calls an address."""
    received = None if count is None else count.last_received_at
    refused = None if count is None else count.last_refused_at
    if refused is not None and refused > (received or 0):
        return "bad", _("Refuses"), "warn"
    if received is None:
        return "", _("Nothing yet"), "clock"
    if now - received > DAY_MICROSECONDS:
        return "warn", _("Silent"), "clock"
    return "good", _("Hears"), "good"


def arrival(one: Arrival) -> str:
    """What arrived, and what it was taken for."""
    match one.kind:
        case "message":
            return _taken_for(one)
        case "signal" if one.means == "opt_out":
            return _("The provider says: opted out")
        case "signal":
            return _("The provider says: agreed")
        case "subscription":
            return _("A subscription begins") if one.means == "begins" else _("A subscription ends")
        case "report":
            return {
                "accepted": _("A report: on its way"),
                "delivered": _("A report: delivered"),
                "failed": _("A report: failed"),
                "expired": _("A report: too late"),
            }[one.means]
        case "doubt":
            return _("Perhaps an opt-out: to be reviewed")
        case "unreadable":
            return _("Something that cannot be read: to be reviewed")
        case _:
            return _("A call without anything for this book, such as a picture")


def _taken_for(one: Arrival) -> str:
    return {
        "opt_out": _("A message: they ask to stop"),
        "opt_in": _("A message: they agree"),
        "help": _("A message: they ask for help"),
        "review": _("A message: perhaps an opt-out, to be reviewed"),
    }.get(one.means, _("A message, which says nothing about consent"))


def refused_because(said: str) -> str:
    """Why a request was refused."""
    return reword(said)
