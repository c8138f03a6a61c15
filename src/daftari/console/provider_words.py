"""Where in a provider's own pages the values of a sender stand, and where its address goes. Knows no page.

What a provider calls a page or a field of its own stays as the provider writes it.
"""

from __future__ import annotations

from markupsafe import Markup

from daftari.console.languages import html_gettext as _


def steps(gateway: str) -> list[str]:
    """Where in the provider's pages the values of a sender stand."""
    match gateway:
        case "sozuri":
            return _steps_at_sozuri()
        case "africas_talking":
            return _steps_at_africas_talking()
        case "twilio":
            return _steps_at_twilio()
        case "infobip":
            return _steps_at_infobip()
        case "whatsapp":
            return _steps_at_meta()
        case "generic":
            return _steps_elsewhere()
        case _:
            return []


def _steps_at_sozuri() -> list[str]:
    return [
        _("Sign in at sozuri.net and open the project."),
        _("%(page)s shows the project's name, its API key and its Auth Key.", page=_own("API Credentials")),
        _("The name is the sender ID, the WhatsApp number or the short code that is registered there."),
    ]


def _steps_at_africas_talking() -> list[str]:
    return [
        _("Sign in at account.africastalking.com and open the app. Its name is the username."),
        _("%(page)s makes the API key.", page=_own("Settings → API Key")),
        _("The name is the sender ID or the short code that is registered for the app."),
        _("With the username sandbox, messages go to the simulator."),
    ]


def _steps_at_twilio() -> list[str]:
    return [
        _(
            "Sign in at console.twilio.com. On the first page, %(page)s shows Account SID and Auth Token.",
            page=_own("Account Info"),
        ),
        _("The name is the number, the short code or the alphanumeric sender ID."),
        _("If a Messaging Service chooses the number, give its SID, and below all its numbers: people answer those."),
    ]


def _steps_at_infobip() -> list[str]:
    return [
        _("Sign in at portal.infobip.com. Its first page shows the account's own address, such as x1.api.infobip.com."),
        _(
            "%(page)s makes the API key. It needs the scope sms:message:send, or that of WhatsApp.",
            page=_own("Developer Tools → API keys"),
        ),
        _("The name is the sender ID or the WhatsApp number that is registered there."),
    ]


def _steps_at_meta() -> list[str]:
    return [
        _(
            "Sign in at developers.facebook.com and open the app. %(page)s shows the phone number ID.",
            page=_own("WhatsApp → API Setup"),
        ),
        _(
            "At business.facebook.com, %(page)s: make a system user, and for it a token without an end, with "
            "whatsapp_business_messaging.",
            page=_own("Settings → System users"),
        ),
        _("%(page)s of the app shows the App Secret.", page=_own("App settings → Basic")),
        _("The name is the number as people see it."),
    ]


def _steps_elsewhere() -> list[str]:
    return [
        _("Look in the provider's documentation for the URL that sends one message, and for an example."),
        _(
            "Copy the example, and write %(to)s, %(text)s and %(name)s where the number, the text and the name stand.",
            to=_place("to"),
            text=_place("text"),
            name=_place("from"),
        ),
        _(
            "Keys and passwords go into the fields for them; %(key)s, %(user)s and %(password)s stand for them.",
            key=_place("key"),
            user=_place("user"),
            password=_place("password"),
        ),
    ]


def paste(provider: str) -> str:
    """Where in the provider's pages the address for replies and reports goes."""
    match provider:
        case "sozuri":
            return _(
                "At Sozuri, paste it into every callback field of the project: inbound messages, delivery reports and "
                "subscriptions."
            )
        case "africas_talking":
            return _(
                "At Africa's Talking, paste it under %(page)s: incoming messages, delivery reports, bulk SMS opt-out "
                "and subscriptions.",
                page=_own("SMS → SMS Callback URLs"),
            )
        case "twilio":
            return _(
                "At Twilio, open the number or the Messaging Service, and paste it where it says %(page)s, with HTTP "
                "POST. Reports need nothing: each message says where they go.",
                page=_own("A message comes in"),
            )
        case "infobip":
            return _(
                "At Infobip, open the number or its keyword, choose %(page)s, and paste it there. Reports of SMS need "
                "nothing: each message says where they go.",
                page=_own("Forward to HTTP"),
            )
        case "whatsapp":
            return _(
                "In the app's dashboard, under %(page)s, paste it with the verify token. Then subscribe to %(first)s "
                "and %(second)s.",
                page=_own("WhatsApp → Configuration"),
                first=_own("messages"),
                second=_own("user_preferences"),
            )
        case _:
            return _("A program passes on here what people answer, as JSON; the provider reports with GET or POST.")


def example_call(url: str) -> str:
    """How a program passes on that a person answered STOP."""
    said = '{"messages": [{"from": "+254711000001", "to": "20414", "text": "STOP"}]}'
    return f"curl -X POST {url} -H 'Content-Type: application/json' -d '{said}'"


def _own(page: str) -> Markup:
    """What a provider calls something."""
    return Markup('<b lang="en">{}</b>').format(page)


def _place(name: str) -> Markup:
    """What stands for a value in a call."""
    return Markup("<code>{}</code>").format("{{" + name + "}}")
