"""Whether an account has what its gateway needs, before anything is sent. No provider's format, no network."""

from __future__ import annotations

import re

from daftari.gateways.protocol import AccountField, SendingAccount, SendingGateway

_URL = re.compile(r"https?://[^/?#\s@]+(/[^?#\s]*)?", re.IGNORECASE)
_SHOWN = 60
"""Characters of a wrong value that are quoted."""


def find_account_mistakes(gateway: SendingGateway, account: SendingAccount) -> dict[str, str]:
    """What is wrong with an account: a sentence for each setting or credential. No credential is quoted."""
    found: dict[str, str] = {}
    if account.channel not in gateway.channels:
        found["channel"] = f"{gateway.title} sends no {account.channel}; it sends {', '.join(gateway.channels)}."
    for kind, fields, given in (
        ("setting", gateway.settings, account.settings),
        ("credential", gateway.credentials, account.credentials),
    ):
        names = [field.name for field in fields]
        for name in given:
            if name not in names:
                known = f"it has {', '.join(names)}" if names else "it has none"
                found[name] = f'{gateway.title} has no {kind} "{name[:_SHOWN]}"; {known}.'
        for field in fields:
            if mistake := _find_mistake(field, given.get(field.name, "").strip()):
                found[field.name] = mistake
    return found or gateway.find_mistakes(account)


def _find_mistake(field: AccountField, value: str) -> str:
    if not value:
        return f"{field.name} is missing. {field.help}" if field.is_required else ""
    if field.one_of and value not in field.one_of:
        return f'"{value[:_SHOWN]}" is none of {", ".join(field.one_of)}.'
    if field.name.endswith("_url") and not _URL.fullmatch(value):
        return f'"{value[:_SHOWN]}" is no address to call; write "https://api.example.com", without a query.'
    return ""
