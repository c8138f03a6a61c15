"""What a campaign would send: every recipient rendered and counted, from one snapshot. No HTTP, no SQL.

Contacts are read some thousands at a time, so memory does not grow with the audience.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, TypedDict, cast

import msgspec
from msgspec import Meta, Struct

from daftari.model.limits import PARTS_MAX
from daftari.model.members import Count, Mobile, Text, Time
from daftari.model.messages import Content, SenderDefinition, StoredCampaign, StoredSender
from daftari.model.time import format_time
from daftari.rules import audiences
from daftari.rules.audiences import Excluded, Reached
from daftari.rules.campaigns.draft import audience_of, read_campaign
from daftari.rules.campaigns.forecast import find_end
from daftari.rules.campaigns.lifecycle import get_campaign
from daftari.rules.campaigns.refresh import show_campaign_freshness
from daftari.rules.connections.freshness import Freshness
from daftari.rules.messages.content import renderer_of, templates_of
from daftari.rules.messages.parts import Parts
from daftari.rules.messages.plain import is_typographic, replace_typographic
from daftari.rules.messages.progress import CampaignDefinition, CampaignProgress, read_definition, written
from daftari.rules.messages.render import Rendered
from daftari.rules.messages.template import Missing, Values
from daftari.rules.messages.whatsapp import render_params
from daftari.rules.senders.hours import Hours
from daftari.rules.senders.lifecycle import get_sender
from daftari.rules.senders.meter import read_meter
from daftari.rules.senders.model import decode_definition
from daftari.store import Tx, contacts

CARDS_PER_STEP = 2_000
BECAUSE_MAX = 100
"""Characters that a preview names."""
SAMPLES_MAX = 5
LENGTH_MAX = 1_000_000
"""More than any text has."""

_ONE_PART = Parts("gsm7", 0, 1, 0)

PartCounts = Annotated[dict[str, Count], Meta(description="How many people would get so many parts, by their number.")]
Why = Literal["longest", "costliest", "shortest", "no_field", "other"]


class Unicode(Struct, frozen=True):
    """Messages that a phone network sends in its long alphabet, in which a part holds 70 characters and not 160."""

    count: Count
    """How many messages."""
    because: Annotated[list[Text], Meta(max_length=BECAUSE_MAX)]
    """The characters that make them so."""


class Sample(Struct, frozen=True):
    """What one of the recipients would get."""

    mobile: Mobile
    why: Why
    """Why it is shown: the longest text; the costliest, where it takes more parts than the longest; the shortest; one
    of a person who lacks a field; or any other."""
    text: str | None
    """The text; of a WhatsApp template its params, a line each; `null` for a person who would get nothing."""
    parts: Count
    """How many parts it takes."""


class Preview(Struct, frozen=True, kw_only=True):
    """What a campaign would send if it started now."""

    count: Count
    """How many people it reaches: what to send as `expected` when it starts."""
    excluded: Excluded
    parts: PartCounts
    unicode: Unicode
    cost: str | None
    """What the parts cost, at the sender's `part_price`; `null` without one."""
    missing: Annotated[dict[str, Count], Meta(description="How many people lack a field without fallback, by field.")]
    """These people get nothing: `skipped`, `no_field`."""
    too_long: Count
    """How many people get nothing because their text would take more than 10 parts."""
    plain: Annotated[dict[str, str], Meta(description="What is written for each character that `plain` replaces.")]
    finishes_at: Time | None
    """When the last message would go out, by the sender's speed, hours and daily quota; `null` if not within a year."""
    samples: Annotated[list[Sample], Meta(max_length=SAMPLES_MAX)]
    freshness: Freshness | None
    """Its oldest group that connections fill; `null` where no connection fills one."""


class PreviewedDraft(Struct, frozen=True):
    """A campaign as it is written, its sender, and what it would send."""

    definition: CampaignDefinition
    sender: StoredSender
    sends: SenderDefinition
    preview: Preview


def preview_campaign(tx: Tx, *, campaign_id: int) -> Preview:
    """What a campaign would send. Raises ``CampaignNotFound``, and ``ValidationFailed`` for a group that is gone."""
    return _preview(tx, get_campaign(tx, campaign_id=campaign_id))


def preview_draft(tx: Tx, *, campaign_id: int | None, given: Mapping[str, object]) -> PreviewedDraft:
    """What a draft would send with these fields, which are not saved; ``None`` where it was never saved.

    Raises as ``preview_campaign`` and ``read_campaign`` do.
    """
    before = None if campaign_id is None else get_campaign(tx, campaign_id=campaign_id)
    sender, definition = read_campaign(tx, given, before=before)
    campaign = StoredCampaign(
        id=0,
        sender_id=sender.id,
        state="draft",
        reason="",
        definition=written(definition),
        audience_id=0,
        next_place=0,
        progress=written(CampaignProgress()),
        due_at=0,
        created_at=tx.now,
        key_id=None,
    )
    return PreviewedDraft(definition, sender, decode_definition(sender.definition), _preview(tx, campaign))


def _preview(tx: Tx, campaign: StoredCampaign) -> Preview:
    tally = _Tally(tx, campaign)
    counted = audiences.walk_audience(tx, definition=audience_of(tx, campaign), groups_field="groups", take=tally.take)
    return tally.result(counted)


class _Tally:
    """Counts what is rendered for one recipient after the other."""

    def __init__(self, tx: Tx, campaign: StoredCampaign) -> None:
        self._tx = tx
        self._campaign = campaign
        self._definition = read_definition(campaign.definition)
        self._sender = get_sender(tx, sender_id=campaign.sender_id)
        self._sends = decode_definition(self._sender.definition)
        self._begins_at = max(tx.now, campaign.due_at, self._definition.at)
        self._writer = _Writer(self._definition.content, suffix=self._sends.suffix)
        self._parts = [0] * (PARTS_MAX + 1)
        self._missing: Counter[str] = Counter()
        self._too_long = 0
        self._unicode = 0
        self._because: dict[str, None] = {}
        self._samples = _Samples(self._writer)

    def take(self, reached: Reached) -> None:
        """Count the next recipients."""
        if not self._writer.reads:
            # Everyone gets the same text.
            self._count([(mobile, {}) for mobile, _ in reached[:SAMPLES_MAX]])
            self._count(
                [(mobile, {}) for mobile, _ in reached[SAMPLES_MAX : SAMPLES_MAX + 1]], many=len(reached) - SAMPLES_MAX
            )
            return
        for first in range(0, len(reached), CARDS_PER_STEP):
            some = [contact_id for _, contact_id in reached[first : first + CARDS_PER_STEP]]
            people = contacts.list_contacts_among(self._tx, ids=some)
            self._count([(person.mobile, self._writer.read(person.card)) for person in people])

    def _count(self, people: Sequence[tuple[int, Values]], *, many: int = 1) -> None:
        """Count what some people get, ``many`` times each. It runs once for everyone: most of it is in one loop."""
        write, samples, parts_of = self._writer.write, self._samples, self._parts
        for mobile, values in people:
            written = write(values)
            if samples.wants(values, written):
                samples.add(mobile, values, written)
            if isinstance(written, Missing):
                for field in written.fields:
                    self._missing[field] += many
                continue
            parts = written.parts
            if parts.parts > PARTS_MAX:
                self._too_long += many
                continue
            parts_of[parts.parts] += many
            if parts.because:
                self._unicode += many
                if len(self._because) < BECAUSE_MAX:
                    self._because.update(dict.fromkeys(parts.because))

    def result(self, counted: audiences.Counted) -> Preview:
        """The answer."""
        total = sum(parts * many for parts, many in enumerate(self._parts))
        hours = Hours(self._tx.project, self._sends, now=self._tx.now)
        ends_at = find_end(
            read_meter(self._sender.meter),
            self._sends,
            hours,
            purpose=self._definition.purpose,
            begins_at=self._begins_at,
            messages=sum(self._parts),
            parts=total,
        )
        return Preview(
            count=counted.count,
            excluded=counted.excluded,
            parts={str(parts): many for parts, many in enumerate(self._parts) if many},
            unicode=Unicode(self._unicode, [*self._because][:BECAUSE_MAX]),
            cost=find_cost(self._sends.part_price, total),
            missing=dict(sorted(self._missing.items())),
            too_long=self._too_long,
            plain=self._writer.find_replaced(),
            finishes_at=None if ends_at is None else format_time(ends_at),
            samples=self._samples.result(),
            freshness=show_campaign_freshness(self._tx, self._campaign),
        )


def find_cost(part_price: str, parts: int) -> str | None:
    """What some parts cost, with the currency of the price; ``None`` without a price."""
    if not part_price:
        return None
    currency, _, amount = part_price.rpartition(" ")
    return f"{currency} {Decimal(amount) * parts}".strip()


class _Writer:
    """What one person gets: of a text that text, of a WhatsApp template its params, a line each."""

    def __init__(self, content: Content, *, suffix: str) -> None:
        self._content = content
        self._templates = templates_of(content)
        self._renderer = None if content.template else renderer_of(content, suffix=suffix)
        self._places = [place for template in self._templates for place in template.places]
        self._members = [*dict.fromkeys((place.member, place.key) for place in self._places)]
        # Of a card only what is filled in is decoded, which takes a third of the time.
        needed = {member: Any for member, _ in self._members}
        values_type: Any = cast(Any, TypedDict)("Values", needed, total=False)
        self._decode = msgspec.json.Decoder(values_type).decode

    @property
    def reads(self) -> bool:
        """Whether anything of a person is filled in."""
        return bool(self._places)

    def read(self, card: str) -> Values:
        """What is filled in of a person."""
        found: Values = self._decode(card)
        return found

    def write(self, values: Values) -> Rendered | Missing:
        """What a person with these values gets."""
        if self._renderer is not None:
            return self._renderer.render(values)
        params = render_params(self._templates, values)
        return params if isinstance(params, Missing) else Rendered("\n".join(params), _ONE_PART)

    def lacks(self, values: Values) -> bool:
        """Whether a field is blank, with a fallback or without one."""
        for member, key in self._members:
            value = values.get(member)
            if key:
                value = value.get(key) if isinstance(value, dict) else None
            if value is None or value == "":
                return True
        return False

    def find_replaced(self) -> dict[str, str]:
        """What ``plain`` writes for characters of the text itself."""
        if not self._content.plain:
            return {}
        own = [literal for template in self._templates for literal in template.literals]
        characters = dict.fromkeys("".join([*own, *[place.fallback for place in self._places]]))
        return {character: replace_typographic(character) for character in characters if is_typographic(character)}


class _Samples:
    """The longest text, the costliest, the shortest, one of a person who lacks a field, and others."""

    def __init__(self, writer: _Writer) -> None:
        self._writer = writer
        self._longest: Sample | None = None
        self._costliest: Sample | None = None
        self._shortest: Sample | None = None
        self._lacking: Sample | None = None
        self._others: list[Sample] = []
        self._most, self._least, self._parts = -1, LENGTH_MAX, 0

    def wants(self, values: Values, written: Rendered | Missing) -> bool:
        """Whether what one person gets is worth a look."""
        if self._lacking is None and self._writer.lacks(values):
            return True
        return isinstance(written, Rendered) and (
            not self._least <= len(written.text) <= self._most
            or written.parts.parts > self._parts
            or len(self._others) < SAMPLES_MAX
        )

    def add(self, mobile: int, values: Values, written: Rendered | Missing) -> None:
        """Keep what one person gets, if it is one of those that are shown."""
        if self._lacking is None and self._writer.lacks(values):
            self._lacking = _sample(mobile, written, "no_field")
        if isinstance(written, Missing):
            return
        length = len(written.text)
        if length > self._most:
            self._most, self._longest = length, _sample(mobile, written, "longest")
        if written.parts.parts > self._parts:
            self._parts, self._costliest = written.parts.parts, _sample(mobile, written, "costliest")
        if length < self._least:
            self._least, self._shortest = length, _sample(mobile, written, "shortest")
        if len(self._others) < SAMPLES_MAX:
            self._others.append(_sample(mobile, written, "other"))

    def result(self) -> list[Sample]:
        """At most five, of different people."""
        costliest = self._costliest
        if costliest is not None and self._longest is not None and costliest.parts == self._longest.parts:
            costliest = None
        wanted = [*filter(None, (self._longest, costliest, self._shortest, self._lacking)), *self._others]
        by_mobile: dict[str, Sample] = {}
        for sample in wanted:
            by_mobile.setdefault(sample.mobile, sample)
        return [*by_mobile.values()][:SAMPLES_MAX]


def _sample(mobile: int, written: Rendered | Missing, why: Why) -> Sample:
    if isinstance(written, Missing):
        return Sample(str(mobile), why, None, 0)
    return Sample(str(mobile), why, written.text, written.parts.parts)
