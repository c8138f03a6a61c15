"""What a webhook is to those that deliver to it: its definition, and the secrets that sign. No HTTP, no SQL."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari.model.secrets import Secret
from daftari.model.webhooks import Batch, StoredWebhook, WebhookDefinition
from daftari.store import Tx
from daftari.store.sealing import purpose_of, seal, unseal

SECRET_BYTES = 32
SECRET_PREFIX = "whsec_"
"""By Standard Webhooks a secret is this and base64."""
FORMER_SECRET_SECONDS = 24 * 3_600
"""How long a secret signs next to the one that replaced it."""
SECRETS_MAX = 5
"""Secrets that sign at the same time; of more, the oldest ones no longer do."""

decode_definition = msgspec.json.Decoder(WebhookDefinition).decode
_decode_batch = msgspec.json.Decoder(Batch).decode


def encode(value: WebhookDefinition | Batch) -> str:
    """A definition or a batch as it is stored."""
    return msgspec.json.encode(value).decode()


def decode_batch(webhook: StoredWebhook) -> Batch | None:
    """The batch that a webhook delivers next; ``None`` before its first attempt."""
    return _decode_batch(webhook.batch) if webhook.batch else None


class SigningSecret(Struct, frozen=True):
    """A secret that signs, until a time if another one replaced it."""

    text: Secret
    until: int | None = None


class _Sealed(Struct, frozen=True, omit_defaults=True):
    """The same as it is encoded."""

    text: str
    until: int | None = None


_decode_sealed = msgspec.json.Decoder(list[_Sealed]).decode


def write_secret() -> Secret:
    """A new secret."""
    return Secret(SECRET_PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode())


def seal_secrets(tx: Tx, signing: Iterable[SigningSecret], *, webhook_id: int) -> bytes:
    """The secrets of a webhook as they are stored."""
    encoded = msgspec.json.encode([_Sealed(str(one.text), one.until) for one in signing])
    return seal(tx, encoded, purpose=_place_of(tx, webhook_id))


def read_secrets(tx: Tx, webhook: StoredWebhook) -> list[SigningSecret]:
    """The secrets that sign now, the newest first. Raises ``SealBroken`` when another secret sealed them."""
    found = _decode_sealed(unseal(tx, webhook.secrets, purpose=_place_of(tx, webhook.id)))
    return [SigningSecret(Secret(one.text), one.until) for one in found if one.until is None or one.until > tx.now]


def with_new_secret(known: Sequence[SigningSecret], text: Secret, *, now: int) -> list[SigningSecret]:
    """The secrets after another one became the first. The former ones sign for a day."""
    until = now + FORMER_SECRET_SECONDS * 1_000_000
    former = [replace(one, until=one.until or until) for one in known]
    return [SigningSecret(text), *former][:SECRETS_MAX]


def fingerprint_of(text: str) -> str:
    """By what a secret is found again in a stored answer, which must not have the secret itself."""
    return sha256(text.encode()).hexdigest()[:16]


def _place_of(tx: Tx, webhook_id: int) -> str:
    return purpose_of("webhook", "secrets", project_id=tx.project.id, row_id=webhook_id)
