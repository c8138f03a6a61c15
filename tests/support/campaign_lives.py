"""The steps of campaigns in random lives: drafted, edited, previewed, started, paused, resumed, retried.

What a campaign may do next, and whom it reaches, is asked of the plain book. This module must not know who is claimed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from daftari.errors import CampaignCountChanged, DaftariError, ValidationFailed, WrongCampaignState
from daftari.model.messages import StoredMessage
from daftari.model.time import format_time
from daftari.rules.campaigns import lifecycle
from daftari.store import Store
from tests.oracles.book import Refused
from tests.oracles.sending import Whom
from tests.support.campaigns import Campaigns
from tests.support.message_steps import HOUR, MINUTE, SECOND
from tests.support.messaged_people import MessagedPeople, people

TEXTS = ("Hello", "Hi {{ fname | there }}", "Hi {{ fname }}", "A long one. " * 20)
places = st.integers(0, 3)
whoms = st.builds(
    Whom,
    everyone=st.booleans(),
    groups=st.sampled_from([("Farmers",), ("Farmers", "Coast")]),
    match=st.sampled_from(["any", "any", "all"]),
    without=st.sampled_from([(), (), ("Coast",)]),
)


@dataclass
class Life:
    """A campaign as the test knows it."""

    id: int
    whom: Whom
    text: str
    until: int = 0
    state: str = "draft"
    audience: set[int] = field(default_factory=set)
    erased: set[int] = field(default_factory=set)
    wanted: frozenset[int] = frozenset()
    unwanted: frozenset[int] = frozenset()
    expected: int | None = None
    due_at: int = 0
    active_at: int = 0
    retry: tuple[set[str], bool, int] = (set(), False, 0)
    """What was asked for last: of which states, whether it may repeat, and when."""
    parts: int = 0
    has_begun: bool = False
    is_over: bool = False


class CampaignLives(MessagedPeople):
    """The campaigns of a sender."""

    def __init__(self, store: Store, turns: count[int]) -> None:
        super().__init__(store, turns)
        self.lives: list[Life] = []

    def begin_campaigns(self, text: str) -> None:
        """The first one runs."""
        self.campaigns = Campaigns(self.sending)
        self.draft(Whom(False, ("Farmers",), "any", ()), text, 0)
        self.start(0, 0, None)

    def note_erased(self, mobile: int) -> None:
        for life in self.lives:
            life.erased |= life.audience & {mobile}

    def life(self, place: int) -> Life:
        return self.lives[place % len(self.lives)]

    def life_of(self, row: StoredMessage) -> Life:
        return next(life for life in self.lives if life.id == row.origin_id)

    @precondition(lambda self: len(self.lives) < 4)
    @rule(whom=whoms, text=st.sampled_from(TEXTS), ends_after=st.sampled_from([0, 0, 3 * SECOND, 3 * HOUR]))
    def draft(self, whom: Whom, text: str, ends_after: int) -> None:
        life = Life(0, whom, text)
        life.id = self.campaigns.create(sender=self.book.names[0], **self.given(life, whom, text, ends_after))
        self.lives.append(life)

    def given(self, life: Life, whom: Whom, text: str, ends_after: int) -> dict[str, Any]:
        life.whom = replace_groups(whom)
        life.text, life.until = text, self.now + ends_after if ends_after else 0
        groups: dict[str, Any] = {"everyone": True} if whom.everyone else {"groups": list(whom.groups)}
        until = format_time(life.until) if life.until else None
        return {"text": text, "match": whom.match, "not": list(whom.without), "until": until, **groups}

    @rule(place=places, whom=whoms, text=st.sampled_from(TEXTS))
    def edit(self, place: int, whom: Whom, text: str) -> None:
        life = self.life(place)
        if life.state == "draft":
            self.campaigns.update(life.id, **self.given(life, whom, text, 0))
        else:
            with pytest.raises(WrongCampaignState):
                self.campaigns.update(life.id, text=text)

    def reach(self, life: Life) -> tuple[set[int], int]:
        return self.book.reach(life.whom, self.purpose)

    @rule(place=places)
    def preview(self, place: int) -> None:
        life = self.life(place)
        try:
            reached, left_out = self.reach(life)
        except Refused:
            with pytest.raises(ValidationFailed):
                self.campaigns.preview(life.id)
            return
        shown = self.campaigns.preview(life.id)
        nameless = sum(self.book.lacks_name(mobile) for mobile in reached) if life.text == TEXTS[2] else 0
        assert (shown.count, sum(shown.excluded.values())) == (len(reached), left_out)
        assert (sum(shown.parts.values()), shown.missing.get("fname", 0)) == (len(reached) - nameless, nameless)

    @rule(
        place=places,
        later=st.sampled_from([0, 0, 0, MINUTE, 2 * HOUR]),
        expects=st.sampled_from([None, "this", "this", "more"]),
    )
    def start(self, place: int, later: int, expects: str | None) -> None:
        life, at = self.life(place), self.now + later
        if life.state != "draft":
            with pytest.raises(WrongCampaignState):
                self.campaigns.start(life.id)
            return
        try:
            reached, _ = self.reach(life)
        except Refused:
            reached = None
        expected = None if expects is None else len(reached or ()) + 5 * (expects == "more")
        why = self.refusal_of_start(life, at, reached, expected, is_later=bool(later))
        if why is not None:
            with pytest.raises(why):
                self.campaigns.start(life.id, at=at, expected=expected)
            return
        shown = self.campaigns.start(life.id, at=at, expected=expected)
        life.expected, life.due_at, life.active_at, life.state = expected, at, self.now, "scheduled"
        if not later:
            assert shown.count == len(reached or ())
            self.freeze(life, reached or set())

    def refusal_of_start(
        self, life: Life, at: int, reached: set[int] | None, expected: int | None, *, is_later: bool
    ) -> type[DaftariError] | None:
        if (life.until and life.until <= at) or (reached is None and not is_later):
            return ValidationFailed
        return CampaignCountChanged if not is_later and differs(len(reached or ()), expected) else None

    def freeze(self, life: Life, reached: set[int]) -> None:
        life.audience, life.state, life.active_at = reached, "running", self.now
        life.wanted, life.unwanted = (self.book.find_ids(names) for names in (life.whom.groups, life.whom.without))

    @rule(gone=st.none() | people)
    def start_due(self, gone: int | None) -> None:
        """The worker starts what is due; someone may be erased between its look and its write."""
        due = [life for life in self.lives if life.state == "scheduled" and life.due_at <= self.now]
        start = self.store.read(
            self.sending.project, self.now, lifecycle.find_due_start, sender_id=self.sending.sender_id
        )
        assert (start is not None) is bool(due)
        if start is None:
            return
        life = next(life for life in due if life.id == start.campaign.id)
        try:
            reached, _ = self.reach(life)
            whys = {"count_changed"} if differs(len(reached), life.expected) else set()
        except Refused:
            reached, whys = set(), {"no_group"}
        if self.now > max(life.due_at, life.active_at, self.resumed_at) + HOUR:
            whys = {"late"}
        if gone is not None:
            self.erase(gone, True)
        self.sending.write(lifecycle.start_due, start=start)
        shown = self.campaigns.show(life.id)
        assert ({shown.reason} if shown.reason else set()) == whys
        if whys:
            life.state = "paused"
            life.expected = shown.found if "count_changed" in whys else life.expected
        else:
            self.freeze(life, reached)
            life.erased |= reached & {gone}

    @rule(place=places, act=st.sampled_from(["pause", "resume", "resume", "cancel"]))
    def change(self, place: int, act: str) -> None:
        self.step = "change"
        life = self.life(place)
        froms = {"pause": ("running", "scheduled"), "resume": ("paused",), "cancel": ("running", "scheduled", "paused")}
        if life.state not in froms[act]:
            with pytest.raises(WrongCampaignState):
                getattr(self.campaigns, act)(life.id)
            return
        shown = getattr(self.campaigns, act)(life.id)
        began = "running" if life.active_at and self.is_frozen(life) else "scheduled"
        life.state = {"pause": "paused", "resume": began, "cancel": "cancelled"}[act]
        assert shown.state == life.state
        life.active_at = self.now

    def is_frozen(self, life: Life) -> bool:
        return self.campaigns.show(life.id).audience is not None

    @rule(place=places, states=st.sampled_from([["failed"], ["unknown"], ["failed", "unknown"]]), repeats=st.booleans())
    def retry(self, place: int, states: list[str], repeats: bool) -> None:
        life = self.life(place)
        try:
            shown = self.campaigns.retry(life.id, *states, may_repeat=repeats)
        except WrongCampaignState:
            assert life.state not in ("paused", "running", "finished") or self.is_retrying(life)
        except ValidationFailed:
            assert ("unknown" in states and not repeats) or (life.until and life.until <= self.now)
        else:
            life.state = "paused" if life.state == "paused" else "running"
            assert shown.state == life.state
            life.retry, life.active_at = (set(states), repeats, self.latest), self.now

    def is_retrying(self, life: Life) -> bool:
        shown = self.campaigns.show(life.id).retry
        return shown is not None and not shown.done


def replace_groups(whom: Whom) -> Whom:
    """Everyone is meant, or the members of groups."""
    return Whom(whom.everyone, () if whom.everyone else whom.groups, whom.match, whom.without)


def differs(found: int, expected: int | None) -> bool:
    """Whether a campaign reaches too many or too few."""
    return expected is not None and abs(found - expected) * 20 > expected
