"""Delivery reports about a campaign of a sender whose gateway delivers nothing, so that its page has some to show."""

from __future__ import annotations

from collections.abc import Sequence

from daftari.model.inbound import DeliveryReport
from daftari.model.projects import Project
from daftari.rules.messages.settle import receive_reports
from daftari.store import Store, messages
from tests.support.calls import WORKER
from tests.support.message_steps import MINUTE


def deliver(store: Store, project: Project, *, campaign_id: int, now: int, minutes: Sequence[int]) -> None:
    """Report that messages arrived, as many in each minute from ``now`` on."""
    taken = store.read(
        project, now, messages.list_in_states, origin_id=campaign_id, states=["accepted"], after=0, limit=sum(minutes)
    )
    known = store.read(project, now, messages.list_attempts, ids=[one.id for one in taken])
    names, sender_id = [attempt.provider_id for attempt in known], taken[0].sender_id
    for minute, many in enumerate(minutes):
        reports = [DeliveryReport(provider_id=name, state="delivered") for name in names[:many]]
        del names[:many]
        at = now + minute * MINUTE
        store.write(project, WORKER, at, receive_reports, reports=reports, provider="log", sender_id=sender_id)
