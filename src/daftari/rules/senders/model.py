"""What a sender is to those that send with it. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import msgspec
from msgspec import Struct

from daftari.errors import ValidationFailed
from daftari.gateways import SENDING_GATEWAYS, SendingAccount
from daftari.model.consent import ANY
from daftari.model.messages import MessagePurpose, SenderDefinition, StoredSender
from daftari.model.secrets import Secret
from daftari.rules.consent.facts import read_purpose
from daftari.store import Tx
from daftari.store.sealing import purpose_of, seal, unseal

NO_SECRET = Secret("")
decode_definition = msgspec.json.Decoder(SenderDefinition).decode


class Secrets(Struct, frozen=True):
    """What is sealed: the provider's credentials, and the token of the address for its reports and replies.

    ``former_until``: until when the addresses that it had before are accepted too.
    """

    credentials: Mapping[str, Secret] = {}
    token: Secret = NO_SECRET
    former_until: int = 0


class _Sealed(Struct, frozen=True, omit_defaults=True):
    """The same as it is encoded."""

    credentials: dict[str, str] = {}
    token: str = ""
    former_until: int = 0


_decode_sealed = msgspec.json.Decoder(_Sealed).decode


def seal_secrets(tx: Tx, secrets: Secrets, *, sender_id: int) -> bytes:
    """The secrets of a sender as they are stored."""
    credentials = {name: str(value) for name, value in secrets.credentials.items()}
    encoded = msgspec.json.encode(_Sealed(credentials, str(secrets.token), secrets.former_until))
    return seal(tx, encoded, purpose=_place_of(tx, sender_id))


def read_secrets(tx: Tx, sender: StoredSender) -> Secrets:
    """The secrets of a sender. Raises ``SealBroken`` when they were sealed with another ``DAFTARI_SECRET``."""
    found = _decode_sealed(unseal(tx, sender.credentials, purpose=_place_of(tx, sender.id)))
    credentials = {name: Secret(value) for name, value in found.credentials.items()}
    return Secrets(credentials, Secret(found.token), found.former_until)


def _place_of(tx: Tx, sender_id: int) -> str:
    return purpose_of("sender", "credentials", project_id=tx.project.id, row_id=sender_id)


def write_reports_url(gateway: str, token: str, *, public_url: str | None) -> str:
    """The address for reports and replies, which a provider calls; blank while it is not known."""
    return f"{public_url}/v1/inbound/{gateway}/{token}" if public_url and token else ""


def account_of(tx: Tx, *, sender: StoredSender, public_url: str | None) -> SendingAccount:
    """A sender as its gateway sees it, secrets included."""
    definition, secrets = decode_definition(sender.definition), read_secrets(tx, sender)
    return SendingAccount(
        channel=sender.channel,
        name=sender.name,
        purpose=definition.purpose,
        keyword=definition.keyword,
        settings=definition.settings,
        credentials=secrets.credentials,
        reports_url=write_reports_url(definition.gateway, secrets.token, public_url=public_url),
    )


def find_wait(definition: SenderDefinition) -> str:
    """What a sender waits for before it sends anything; blank when it need not wait.

    Where a provider chooses the number, people answer that number: the claim must know every one of them.
    """
    setting = SENDING_GATEWAYS[definition.gateway].pool_setting
    if setting is None or not definition.settings.get(setting):
        return ""
    if any(_is_number(name) for name in definition.answers_as):
        return ""
    return f"answers_as must name the numbers that {setting} chooses from: people answer them, and opt out there."


def _is_number(name: str) -> bool:
    digits = name.replace(" ", "").removeprefix("+")
    return digits.isascii() and digits.isdecimal()


def find_call_max(sender: StoredSender, definition: SenderDefinition) -> int:
    """How many messages a sender may have under way: as many calls as it may, each full."""
    account = SendingAccount(channel=sender.channel, name=sender.name, settings=definition.settings)
    return definition.in_flight * SENDING_GATEWAYS[definition.gateway].call_max(account)


def refuse_purpose(sender: StoredSender, definition: SenderDefinition, purpose: MessagePurpose) -> None:
    """Raise ``ValidationFailed`` for a purpose that the sender's name is not registered for."""
    if purpose != definition.purpose:
        said = f"is {purpose}, and {sender.name!r} is for {definition.purpose} messages alone: use another sender."
        raise ValidationFailed({"purpose": [f"The purpose field {said}"]})


def read_message_purpose(value: object) -> MessagePurpose | None:
    """What a message is for; ``None`` when it is not said. Raises ``ValueError``."""
    purpose = read_purpose(value)
    if purpose == ANY:
        return None
    return cast(MessagePurpose, purpose)
