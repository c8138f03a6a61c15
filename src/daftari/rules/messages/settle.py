"""The outcome of messages that were claimed: the provider's answers, what a dead worker left, and delivery reports.

States only rise: a report that comes late never undoes a better one. What is not known stays ``unknown`` until a
report, a look-up or a person says more; nothing repeats it by itself. No HTTP, no SQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TypeGuard, assert_never

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from daftari.gateways import SENDING_GATEWAYS, Outcome, OutcomeWord
from daftari.gateways.signals import find_scope
from daftari.model.carts import CHECKOUT
from daftari.model.consent import NewFact, Scope
from daftari.model.inbound import DeliveryReport
from daftari.model.jobs import JobKind
from daftari.model.limits import REASON_MAX
from daftari.model.messages import CALLS, MessageState, StoredAttempt, StoredMessage, StoredReport, StoredSender
from daftari.rules.carts.figures import count_asked
from daftari.rules.consent import ledger
from daftari.rules.consent.views import write_evidence
from daftari.rules.daily import count_sent
from daftari.rules.events import Action, record
from daftari.rules.messages import triggers as trigger_steps
from daftari.rules.messages.campaigns import (
    REPORT_MICROSECONDS,
    REPORTED,
    TEMPLATE,
    OpenCampaign,
    pause_for_template,
    save_campaigns,
)
from daftari.rules.messages.content import read_own_id
from daftari.rules.messages.ends import Ends
from daftari.rules.messages.triggers import open_triggers, save_triggers
from daftari.rules.numbers import read_international
from daftari.rules.senders.meter import REFUSED, STOPPED, TAKEN, read_meter, taken_over, write_meter
from daftari.rules.senders.model import decode_definition
from daftari.store import Tx, WriteTx, campaigns, messages, senders, triggers
from daftari.store.jobs import hint_job

RANKS: Mapping[MessageState, int] = {
    "waiting": 0,
    "sending": 1,
    "unknown": 2,
    "accepted": 3,
    "expired": 4,
    "failed": 5,
    "delivered": 6,
}
"""Within an attempt a state of a higher rank wins."""
TAKEN_STATES: tuple[MessageState, ...] = ("accepted", "delivered")
"""The states of a message that its provider took, and that did not fail since."""
AGAIN_SECONDS = 5
"""A message that provably was not taken waits for so long, where the provider names no time."""
OWN_ID_MICROSECONDS = 24 * 3_600_000_000
"""How long a provider that knows our ids surely remembers one."""
FIRST_LOOK_MICROSECONDS = 120_000_000
"""How long after a message was sent it is looked for, if its end is unknown: a provider's list may lag by a minute."""
RECOVERED_PER_STEP = 1_000
REPORTS_PER_STEP = 1_000
LETTERS: Mapping[OutcomeWord, str] = {
    "accepted": TAKEN,
    "refused": REFUSED,
    "dead": REFUSED,
    "opt_out": REFUSED,
    "stop": STOPPED,
}


class Answer(Struct, frozen=True):
    """What the end of a call reports for one message. ``retry_after``: seconds that the provider asked to wait."""

    message_id: int
    outcome: Outcome | None
    """``None``: the call was not made."""
    retry_after: float | None = None


def record_answers(tx: WriteTx, *, sender_id: int, fence: int, answers: Sequence[Answer]) -> bool:
    """Record how calls ended. Returns ``False``, and does nothing, when another worker has taken the sender over."""
    sender = senders.get_sender(tx, sender_id=sender_id)
    if sender is None or sender.fence != fence:
        return False
    kept = messages.find_messages(tx, ids=[answer.message_id for answer in answers])
    changed: list[tuple[StoredMessage, StoredMessage]] = []
    attempts: list[StoredAttempt] = []
    for answer in answers:
        before = kept[answer.message_id]
        if before.state != "sending" or before.claim != fence:
            continue
        changed.append((before, _after(tx, sender, before, answer)))
        # Of an erased number no provider's id is kept: our own id settles the message.
        if answer.outcome is not None and answer.outcome.provider_id and before.subject_id > 0:
            attempts.append(
                StoredAttempt(sender.id, answer.outcome.provider_id, before.id, before.attempt, "accepted", "")
            )
    ends = Ends()
    messages.save_attempts(tx, attempts=attempts)
    save_changed(tx, changed, ends=ends)
    _count_taken(tx, sender, changed)
    _hint_look_up(tx, sender, changed)
    for origin_id, says in _find_refused_templates(sender, kept, answers).items():
        _pause_origin(tx, origin_id, says=says)
    _note(tx, sender, answers)
    _record_refusals(
        tx, sender, [(kept[one.message_id], one.outcome.code) for one in answers if _is_final(one.outcome)]
    )
    join_early(tx, sender, [one.provider_id for one in attempts], ends=ends)
    ends.record(tx)
    return True


def join_early(tx: WriteTx, sender: StoredSender, provider_ids: Sequence[str], *, ends: Ends) -> None:
    """Take the reports that came before these ids were known."""
    early = messages.take_reports(tx, sender_id=sender.id, provider_ids=provider_ids)
    if early:
        take_reports(tx, sender=sender, reports=[_read_report(report.report) for report in early], ends=ends)


def _is_final(outcome: Outcome | None) -> TypeGuard[Outcome]:
    """Whether the provider says that the number is not to be messaged."""
    return outcome is not None and outcome.word in ("opt_out", "dead")


def save_changed(tx: WriteTx, changed: Sequence[tuple[StoredMessage, StoredMessage]], *, ends: Ends) -> None:
    """Save messages, each as it was and as it is, and count them in their campaigns and triggers.

    ``ends`` gets those that ended.
    """
    changed = [(before, after) for before, after in changed if after != before]
    messages.save_messages(tx, messages=[after for _, after in changed])
    origins = sorted({before.origin_id for before, _ in changed} - {CALLS})
    fired = {trigger.stored.id: trigger for trigger in open_triggers(tx, ids=origins, ends=ends)}
    running: dict[int, OpenCampaign] = {}
    for origin_id in origins:
        if origin_id not in fired and (stored := campaigns.get_campaign(tx, campaign_id=origin_id)) is not None:
            running[origin_id] = OpenCampaign(stored, ends)
    for before, after in changed:
        origin = fired.get(before.origin_id) or running.get(before.origin_id)
        if origin is None:
            ends.add(before, after)
        else:
            origin.count(before, after)
    save_campaigns(tx, [*running.values()])
    save_triggers(tx, [*fired.values()])
    on_carts = {origin_id for origin_id, trigger in fired.items() if trigger.stored.event_name == CHECKOUT}
    count_asked(tx, taken=[one for _, one in changed if one.origin_id in on_carts and one.state in TAKEN_STATES])


def _count_taken(tx: WriteTx, sender: StoredSender, changed: Sequence[tuple[StoredMessage, StoredMessage]]) -> None:
    """Count the messages that the provider took by now, each attempt once."""
    taken = [
        after
        for before, after in changed
        # A message that a report says failed was taken before.
        if after.state in TAKEN_STATES and before.state not in TAKEN_STATES and before.reason != REPORTED
    ]
    count_sent(tx, channel=sender.channel, messages=len(taken))


def _after(tx: WriteTx, sender: StoredSender, before: StoredMessage, answer: Answer) -> StoredMessage:
    """A message after its call."""
    outcome = answer.outcome
    if outcome is None:
        return replace(before, state="waiting", due_at=0)
    says = "" if outcome.word == "accepted" else _words_about(before, outcome.says)
    answered = replace(before, reason="", code=outcome.code, says=says)
    match outcome.word:
        case "accepted":
            return replace(answered, state="accepted")
        case "stop" if _refuses_template(sender, outcome) and not _may_wait(tx, before, outcome):
            return replace(answered, state="failed", reason=TEMPLATE, settled_at=tx.now)
        case "slow" | "again" | "stop":
            wait = int((answer.retry_after or AGAIN_SECONDS) * 1_000_000)
            return replace(answered, state="waiting", due_at=tx.now + wait)
        case "refused" | "dead" | "opt_out":
            return replace(answered, state="failed", reason=outcome.word, settled_at=tx.now)
        case "unknown":
            if decode_definition(sender.definition).on_unknown == "resend":
                return replace(answered, state="waiting", due_at=tx.now, attempt=before.attempt + 1)
            return _as_unknown(tx, sender, answered)
        case word:
            assert_never(word)


def _words_about(message: StoredMessage, says: str) -> str:
    """The provider's words as they are kept; they may have the number, and so none are kept of an erased one."""
    return says.replace("\0", "")[:REASON_MAX] if message.subject_id > 0 else ""


def _refuses_template(sender: StoredSender, outcome: Outcome) -> bool:
    """Whether the provider refuses the template of a message, rather than the sender."""
    gateway = SENDING_GATEWAYS[decode_definition(sender.definition).gateway]
    return outcome.word == "stop" and outcome.code in gateway.template_codes


def _pause_origin(tx: WriteTx, origin_id: int, *, says: str) -> None:
    """Pause a campaign or trigger whose template the provider refuses."""
    trigger = triggers.find_triggers(tx, ids=[origin_id]).get(origin_id)
    if trigger is not None:
        trigger_steps.pause_for_template(tx, trigger=trigger, says=says)
    else:
        pause_for_template(tx, campaign_id=origin_id, says=says)


def _may_wait(tx: Tx, before: StoredMessage, outcome: Outcome) -> bool:
    """Whether a message waits until its campaign or trigger is resumed.

    One that is refused again in the same words fails: perhaps it is this person's params, and it would stop all others.
    """
    origin_id = before.origin_id
    has_origin = origin_id != CALLS and (
        campaigns.get_campaign(tx, campaign_id=origin_id) is not None
        or bool(triggers.find_triggers(tx, ids=[origin_id]))
    )
    return has_origin and before.says != outcome.says


def _find_refused_templates(
    sender: StoredSender, kept: Mapping[int, StoredMessage], answers: Sequence[Answer]
) -> dict[int, str]:
    """The provider's words for each origin whose template it refuses."""
    return {
        kept[answer.message_id].origin_id: write_refusal(answer.outcome)
        for answer in answers
        if answer.outcome is not None and _refuses_template(sender, answer.outcome)
    }


def write_refusal(outcome: Outcome) -> str:
    """What a provider answered, as a sentence without its full stop."""
    return f"The provider answered {outcome.code or 'no code'}: {outcome.says or 'no reason'}"


def is_looked_up(sender: StoredSender) -> bool:
    """Whether the provider of a sender lists what it took."""
    return sender.channel in SENDING_GATEWAYS[decode_definition(sender.definition).gateway].lookup_channels


def _as_unknown(tx: Tx, sender: StoredSender, message: StoredMessage) -> StoredMessage:
    """A message whose end is unknown, with when to look for it; one to an erased number is not looked for."""
    due_at = 0
    if message.subject_id > 0 and is_looked_up(sender):
        due_at = max(tx.now, message.claimed_at + FIRST_LOOK_MICROSECONDS)
    return replace(message, state="unknown", due_at=due_at)


def _hint_look_up(tx: WriteTx, sender: StoredSender, changed: Sequence[tuple[StoredMessage, StoredMessage]]) -> None:
    """Request the job that looks for those whose end is unknown."""
    looks = [after.due_at for _, after in changed if after.state == "unknown" and after.due_at]
    if looks:
        hint_job(tx, kind=JobKind.LOOK_UP, subject=str(sender.id), due_at=min(looks))


def _note(tx: WriteTx, sender: StoredSender, answers: Sequence[Answer]) -> None:
    """Note how the provider answered; pause the sender when it takes nothing, in the provider's words.

    What it says about a template is not about the sender.
    """
    meter = read_meter(sender.meter)
    outcomes = [
        answer.outcome
        for answer in answers
        if answer.outcome is not None and not _refuses_template(sender, answer.outcome)
    ]
    meter.note("".join(LETTERS.get(outcome.word, "") for outcome in outcomes))
    for answer in answers:
        if answer.outcome is not None and answer.outcome.word == "slow":
            wait = int((answer.retry_after or AGAIN_SECONDS) * 1_000_000)
            meter.slow_until = max(meter.slow_until, tx.now + wait)
    paused = sender.paused
    if not paused and meter.must_pause():
        last = next(outcome for outcome in reversed(outcomes) if outcome.word in ("stop", "refused", "dead", "opt_out"))
        paused = write_refusal(last)
        meter.recent = ""
    senders.save_meter(tx, sender_id=sender.id, meter=write_meter(meter), paused=paused)


def _record_refusals(tx: WriteTx, sender: StoredSender, refused: Sequence[tuple[StoredMessage, str]]) -> None:
    """Record what a provider's code means for a number: that it opted out, or that nothing reaches it."""
    if not refused:
        return
    definition = decode_definition(sender.definition)
    facts = []
    known = [(message, code) for message, code in refused if message.subject_id > 0]
    for index, (message, code) in enumerate(known):
        meant = find_scope(definition.gateway, code, sender=sender.name, channel=sender.channel)
        # A number that takes no messages takes none of the channel.
        scope = meant or Scope(channel=sender.channel)
        evidence = write_evidence(provider=definition.gateway, message_id=None, text=None, code=code)
        facts.append(NewFact(index, message.subject_id, "opt_out", scope, None, "provider", evidence=evidence))
    recorded = ledger.record_facts(tx, facts=facts)
    if recorded.events:
        record(tx, Action.RECEIVE_INBOUND, *recorded.events)


# ---- another worker's messages ------------------------------------------------------------------------


def take_over(tx: WriteTx, *, sender_id: int) -> int:
    """Take a sender over from every other worker. Returns the fence under which to claim and record."""
    sender = senders.get_sender(tx, sender_id=sender_id)
    if sender is None:
        raise LookupError(f"there is no sender {sender_id}")
    return senders.raise_fence(tx, sender_id=sender_id, meter=taken_over(sender.meter, now=tx.now))


def recover_messages(tx: WriteTx, *, sender_id: int, fence: int) -> bool:
    """Settle what was claimed under an earlier fence, some at a time. Returns whether there may be more.

    It is not known whether the provider took it. It is sent again only where the provider refuses a repeated id, or
    where the sender would rather send twice.
    """
    sender = senders.get_sender(tx, sender_id=sender_id)
    if sender is None or sender.fence != fence:
        return False
    definition = decode_definition(sender.definition)
    reference = SENDING_GATEWAYS[definition.gateway].reference
    left = messages.list_sending_before(tx, sender_id=sender_id, fence=fence, limit=RECOVERED_PER_STEP)
    changed = []
    for message in left:
        if reference == "own_id" and tx.now - message.claimed_at < OWN_ID_MICROSECONDS:
            after = replace(message, state="waiting", due_at=0)
        elif definition.on_unknown == "resend":
            after = replace(message, state="waiting", due_at=0, attempt=message.attempt + 1)
        else:
            after = _as_unknown(tx, sender, message)
        changed.append((message, after))
    ends = Ends()
    save_changed(tx, changed, ends=ends)
    _hint_look_up(tx, sender, changed)
    ends.record(tx)
    return len(left) == RECOVERED_PER_STEP


# ---- reports ------------------------------------------------------------------------------------------

_read_report = msgspec.json.Decoder(DeliveryReport).decode


def receive_reports(tx: WriteTx, *, reports: Sequence[DeliveryReport], provider: str, sender_id: int | None) -> None:
    """Settle what reports are about: messages of the sender whose address they came to.

    At an address that is no sender's own, those of every sender with this provider.
    """
    if not reports:
        return
    owners = [
        sender
        for sender in senders.list_senders(tx)
        if decode_definition(sender.definition).gateway == provider and sender_id in (None, sender.id)
    ]
    ends = Ends()
    for sender in owners:
        take_reports(tx, sender=sender, reports=reports, ends=ends, keeps_early=len(owners) == 1)
    ends.record(tx)


def take_reports(
    tx: WriteTx, *, sender: StoredSender, reports: Sequence[DeliveryReport], ends: Ends, keeps_early: bool = True
) -> None:
    """Settle the attempts that reports of one sender are about; keep those whose attempt is not known yet.

    ``ends`` gets the messages that ended, and the campaigns.
    """
    known = _find_attempts(tx, sender, reports)
    kept = messages.find_messages(tx, ids=sorted({attempt.message_id for attempt in known.values()}))
    now = dict(kept)
    early: list[DeliveryReport] = []
    for report in reports:
        attempt = known.get(_name_of(report))
        before = None if attempt is None else now.get(attempt.message_id)
        if attempt is None or before is None:
            early.append(report)
            continue
        settled = _settle_attempt(attempt, report, parts=before.parts)
        known[_name_of(report)] = settled
        now[before.id] = _settle_message(before, settled, report, now=tx.now)
    named = {number for number, message in kept.items() if message.subject_id > 0}
    found = [attempt for attempt in known.values() if attempt.provider_id and attempt.message_id in named]
    messages.save_attempts(tx, attempts=found)
    changed = [(kept[number], now[number]) for number in kept]
    save_changed(tx, changed, ends=ends)
    _count_taken(tx, sender, changed)
    _record_refusals(tx, sender, _refused_by(sender, reports, known, now))
    if keeps_early:
        _keep_early(tx, sender, early)


Name = tuple[str, str]
"""What a report calls its message: by the provider's id, or else by ours."""


def _name_of(report: DeliveryReport) -> Name:
    return ("", report.own_id) if report.own_id else (report.provider_id, "")


def _find_attempts(tx: WriteTx, sender: StoredSender, reports: Sequence[DeliveryReport]) -> dict[Name, StoredAttempt]:
    """The attempts that reports name; by our own id also where the provider's id was never stored."""
    provider_ids = sorted({report.provider_id for report in reports if report.provider_id and not report.own_id})
    found: dict[Name, StoredAttempt] = {
        (attempt.provider_id, ""): attempt
        for attempt in messages.find_attempts(tx, sender_id=sender.id, provider_ids=provider_ids)
    }
    own = {report.own_id: read_own_id(report.own_id, project_id=tx.project.id) for report in reports if report.own_id}
    ids = sorted({named[0] for named in own.values() if named is not None})
    stored = messages.find_messages(tx, ids=ids)
    taken = {(one.message_id, one.attempt): one for one in messages.list_attempts(tx, ids=ids)} if ids else {}
    for report in reports:
        named = own.get(report.own_id)
        if named is not None and named[0] in stored and stored[named[0]].sender_id == sender.id:
            new = StoredAttempt(sender.id, report.provider_id, *named, "unknown", "")
            found["", report.own_id] = taken.get(named, new)
    return found


def _settle_attempt(attempt: StoredAttempt, report: DeliveryReport, *, parts: int) -> StoredAttempt:
    """An attempt after a report. Of several parts it is delivered when all are, and failed when one is."""
    if report.part is None or parts <= 1:
        state = report.state if RANKS[report.state] > RANKS[attempt.state] else attempt.state
        return replace(attempt, state=state)
    by_part = msgspec.json.decode(attempt.part_states or "{}", type=dict[int, MessageState])
    if RANKS[report.state] > RANKS[by_part.get(report.part, "sending")]:
        by_part[report.part] = report.state
    written = msgspec.json.encode(by_part).decode()
    worst = next((state for state in ("failed", "expired") if state in by_part.values()), None)
    if worst is not None:
        return replace(attempt, state=worst, part_states=written)
    done = [state for state in by_part.values() if state == "delivered"]
    return replace(attempt, state="delivered" if len(done) >= parts else "accepted", part_states=written)


def _settle_message(
    before: StoredMessage, attempt: StoredAttempt, report: DeliveryReport, *, now: int
) -> StoredMessage:
    """A message after a report about one of its attempts.

    One of an earlier attempt, or of a message that ended unsent since, counts only if it arrived.
    """
    is_over = attempt.attempt != before.attempt or before.state in ("skipped", "cancelled")
    if is_over and attempt.state != "delivered":
        return before
    if RANKS[attempt.state] <= RANKS.get(before.state, 0):
        return before
    is_final = attempt.state in ("delivered", "failed", "expired")
    return replace(
        before,
        state=attempt.state,
        due_at=0,
        reason=REPORTED if attempt.state in ("failed", "expired") else "",
        code=report.code,
        says=_words_about(before, report.says),
        settled_at=now if is_final else before.settled_at,
    )


def _refused_by(
    sender: StoredSender,
    reports: Sequence[DeliveryReport],
    known: Mapping[Name, StoredAttempt],
    kept: Mapping[int, StoredMessage],
) -> list[tuple[StoredMessage, str]]:
    """The messages whose reports say that the number takes no more."""
    codes = SENDING_GATEWAYS[decode_definition(sender.definition).gateway].codes
    found = []
    for report in reports:
        attempt = known.get(_name_of(report))
        if attempt is not None and codes.get(report.code) in ("opt_out", "dead"):
            found.append((kept[attempt.message_id], report.code))
    return found


def _keep_early(tx: WriteTx, sender: StoredSender, early: Sequence[DeliveryReport]) -> None:
    ids = messages.take_message_ids(tx, count=len(early))
    messages.insert_reports(
        tx,
        reports=[
            StoredReport(
                sender.id,
                report.provider_id or report.own_id,
                number,
                _read_subject(tx, report),
                tx.now + REPORT_MICROSECONDS,
                msgspec.json.encode(replace(report, number="")).decode(),
            )
            for number, report in zip(ids, early, strict=True)
        ],
    )


def _read_subject(tx: Tx, report: DeliveryReport) -> int:
    """The number that a report names, by which an erasure finds it; 0 when it names none."""
    with suppress(ValueError):
        return read_international(report.number, region=tx.project.region).number
    return 0


def holds_fence(tx: Tx, *, sender_id: int, fence: int) -> bool:
    """Whether no other worker has taken the sender over."""
    return senders.get_fence(tx, sender_id=sender_id) == fence


def has_expired_report(tx: Tx) -> bool:
    """Whether a report waited for its message for too long."""
    return messages.has_expired_report(tx)


def expire_reports(tx: WriteTx) -> None:
    """Delete some of those."""
    messages.delete_expired_reports(tx, limit=REPORTS_PER_STEP)
