"""A campaign as it is written down: its name, sender, text, audience and times, read while it is a draft.

No HTTP, no SQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from msgspec.structs import replace

from daftari.model.audiences import MATCHES, Match
from daftari.model.limits import AUDIENCE_GROUPS_MAX
from daftari.model.messages import Content, StoredCampaign, StoredSender
from daftari.model.time import format_time
from daftari.rules.audiences import Definition
from daftari.rules.consent.decisions import Question
from daftari.rules.consent.state import fold_sender
from daftari.rules.fields import Problems, read_flag, read_name, read_text, read_time
from daftari.rules.messages.content import list_kept, read_content
from daftari.rules.messages.progress import CampaignDefinition, read_definition
from daftari.rules.senders.lifecycle import get_sender, read_sender_of
from daftari.rules.senders.model import decode_definition, read_message_purpose, refuse_purpose
from daftari.store import Tx, senders

FIELDS = (
    *("name", "sender", "channel", "text", "plain", "template", "language", "params"),
    *("groups", "match", "not", "everyone", "purpose", "at", "until"),
)


def read_campaign(
    tx: Tx, given: Mapping[str, object], *, before: StoredCampaign | None
) -> tuple[StoredSender, CampaignDefinition]:
    """Read a draft. Fields that are left out stay as they are ``before``; ``None`` takes one away.

    Raises ``ValidationFailed``, which names every field that is wrong.
    """
    problems = Problems()
    values = _merge(tx, given, before)
    name = problems.read("name", values.get("name"), read_text)
    if name is None and not problems.has("name"):
        problems.add("name", "is required: what you call the campaign; the people who are messaged do not see it.")
    sender = problems.read_part(partial(read_sender_of, tx, values))
    purpose = problems.read("purpose", values.get("purpose"), read_message_purpose)
    content = None
    if sender is not None:
        chosen = decode_definition(sender.definition)
        purpose = purpose or chosen.purpose
        problems.read_part(partial(refuse_purpose, sender, chosen, purpose))
        content = problems.read_part(partial(read_content, values, channel=sender.channel))
    whom = _read_audience(values, problems)
    at = problems.read("at", values.get("at"), partial(read_time, now=None)) or 0
    until = problems.read("until", values.get("until"), partial(read_time, now=None)) or 0
    if until and until <= max(tx.now, at):
        problems.add("until", "must be after the time at which the campaign starts.")
    problems.refuse()
    assert sender is not None and purpose is not None, "nothing is wrong"
    definition = CampaignDefinition(
        name=name or "",
        content=content or Content(),
        purpose=purpose,
        at=at,
        until=until,
        everyone=whom.everyone,
        groups=whom.groups,
        match=whom.match,
        without=whom.without,
    )
    return sender, definition


def audience_of(tx: Tx, campaign: StoredCampaign) -> Definition:
    """Whom a campaign is for, as a question to the book."""
    definition, sender = read_definition(campaign.definition), get_sender(tx, sender_id=campaign.sender_id)
    chosen = decode_definition(sender.definition)
    return Definition(
        Question(sender.channel, sender.name, definition.purpose, chosen.keyword),
        definition.everyone,
        definition.groups,
        definition.match,
        definition.without,
        chosen.answers_as,
    )


def ask_as_sender(tx: Tx, definition: Definition) -> Definition:
    """The same question as a campaign of the sender that it names asks it; unchanged where there is no such sender.

    So the count of an audience is that of the campaign to it.
    """
    question = definition.question
    for sender in senders.list_senders(tx):
        if sender.channel == question.channel and fold_sender(sender.name) == fold_sender(question.sender):
            chosen = decode_definition(sender.definition)
            asked = replace(question, keyword=question.keyword or chosen.keyword)
            return replace(definition, question=asked, answers_as=chosen.answers_as)
    return definition


def _read_audience(values: Mapping[str, object], problems: Problems) -> CampaignDefinition:
    """Who is meant. Whether the groups exist is asked when the campaign starts, and at each preview."""
    named, without = (_read_names(problems, field, values.get(field)) for field in ("groups", "not"))
    everyone = problems.read("everyone", values.get("everyone"), read_flag) or False
    match = problems.read("match", values.get("match"), _read_match) or "any"
    if not named and not everyone and not (problems.has("groups") or problems.has("everyone")):
        problems.add("groups", "is required: name at least one group, or say everyone=true.")
    if named and everyone:
        problems.add("everyone", "must not be sent together with groups.")
    if len(named) + len(without) > AUDIENCE_GROUPS_MAX:
        problems.add("groups", f"must not have more than {AUDIENCE_GROUPS_MAX} items, those of not included.")
    return CampaignDefinition("", Content(), "marketing", everyone, named, match, without)


def _read_names(problems: Problems, field: str, value: object) -> tuple[str, ...]:
    given = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(given, list | tuple):
        problems.add(field, "must be a list of names of groups.")
        return ()
    found = [problems.read(field, name, read_name) for name in given]
    return tuple(dict.fromkeys(name for name in found if name is not None))


def _read_match(value: object) -> Match | None:
    written = value.strip().casefold() if isinstance(value, str) else value
    if written in (None, ""):
        return None
    for match in MATCHES:
        if written == match:
            return match
    raise ValueError(f"must be one of: {', '.join(MATCHES)}.")


def _merge(tx: Tx, given: Mapping[str, object], before: StoredCampaign | None) -> dict[str, object]:
    if before is None:
        return dict(given)
    known, sender = read_definition(before.definition), senders.get_sender(tx, sender_id=before.sender_id)
    stored: dict[str, object] = {
        "name": known.name,
        "purpose": known.purpose,
        "everyone": known.everyone,
        "groups": known.groups,
        "match": known.match,
        "not": known.without,
        "at": format_time(known.at) if known.at else None,
        "until": format_time(known.until) if known.until else None,
        **list_kept(known.content, given),
    }
    if given.get("sender") is None and sender is not None:
        stored |= {"sender": str(sender.id), "channel": sender.channel}
    elif given.get("purpose") is None:
        # Another sender may be for another purpose.
        del stored["purpose"]
    if given.get("everyone") is not None and given.get("groups") is None:
        stored.pop("groups")
    if given.get("groups") is not None and given.get("everyone") is None:
        stored.pop("everyone")
    return stored | dict(given)
