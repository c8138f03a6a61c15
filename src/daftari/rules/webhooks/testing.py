"""The test of a webhook: a call of its own that says nothing, made at once. No transaction is open meanwhile."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable

from msgspec import Struct

from daftari.errors import SealBroken
from daftari.model.members import Count, Text
from daftari.model.time import current_time, format_time
from daftari.rules.webhooks.calls import Attempt, compose_call, read_answer, write_test
from daftari.rules.webhooks.delivery import UNSEALED
from daftari.rules.webhooks.lifecycle import get_webhook
from daftari.rules.webhooks.model import decode_definition, read_secrets
from daftari.store import Tx


class WebhookTest(Struct, frozen=True):
    """What came of a test."""

    taken: bool
    """Whether the webhook answered with 2xx."""
    status: int | None
    """The status of its answer; `null` when there was none."""
    milliseconds: Count
    """How long the call took."""
    error: Text | None
    """What went wrong."""


def open_test(tx: Tx, *, webhook_id: int) -> Attempt | None:
    """A test, to be sent; ``None`` when the webhook's secret cannot be read. Raises ``WebhookNotFound``."""
    webhook = get_webhook(tx, webhook_id=webhook_id)
    try:
        signing = [one.text for one in read_secrets(tx, webhook)]
    except SealBroken:
        return None
    return Attempt(
        webhook_id=webhook.id,
        fence=webhook.fence,
        url=decode_definition(webhook.definition).url,
        message_id=f"{tx.epoch()}-{tx.project.id}-{webhook.id}-test-{secrets.token_hex(8)}",
        body=write_test(webhook.id, at=format_time(tx.now)),
        secrets=signing,
    )


def send_test(attempt: Attempt | None, *, allowed_hosts: Iterable[str]) -> WebhookTest:
    """Call the webhook once. A private address is called only if it is one of ``allowed_hosts``."""
    # Imported where it is needed: hardly any process tests a webhook.
    from daftari.outbound.client import OutboundClient

    if attempt is None:
        return WebhookTest(False, None, 0, UNSEALED)
    began = time.monotonic()
    with OutboundClient(allowed_hosts=allowed_hosts) as client:
        result = client.send(compose_call(attempt, now=current_time()))
    answer = read_answer(result, milliseconds=round((time.monotonic() - began) * 1_000))
    return WebhookTest(not answer.error, answer.status or None, answer.milliseconds, answer.error or None)
