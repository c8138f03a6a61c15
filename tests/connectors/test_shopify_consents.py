"""Opt-outs that are written back to Shopify, with the time at which the person said so, and read back."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.connectors.protocol import ConnectorFailed, Mark, MarkOutcome
from tests.connectors.connections import shopify
from tests.connectors.test_shopify_changes import FAULTS
from tests.support.fake_crm import Clock, FakeShopify
from tests.support.fake_crm.shopify import TOKEN

MINUTE = 60.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fake(clock: Clock) -> FakeShopify:
    return FakeShopify(1, clock, lag_seconds=0.0)


@pytest.fixture
def amina(fake: FakeShopify) -> int:
    return fake.truth.create("Amina", "+254722000001")


def mark(customer: int | str, word: str = "out", *, channel: str = "sms", at: float) -> Mark:
    return Mark(str(customer), word, channel, int(at * 1_000_000))


def write(fake: FakeShopify, clock: Clock, *marks: Mark, **given: object) -> list[MarkOutcome]:
    return [*shopify(fake, clock, **given).write_back(marks, now=clock.moment)]


def test_an_opt_out_is_written_with_the_time_at_which_it_was_said(fake: FakeShopify, clock: Clock, amina: int) -> None:
    said_at = clock.at - 7 * MINUTE
    fake.truth.consent(amina, "sms", "SUBSCRIBED", at=clock.at - 60 * MINUTE)
    assert write(fake, clock, mark(amina, at=said_at)) == [MarkOutcome(str(amina), "written")]
    consent = fake.truth.customers[amina].consents["sms"]
    assert (consent.state, consent.at) == ("UNSUBSCRIBED", said_at)
    assert fake.truth.customers[amina].consents["whatsapp"].state == "NEVER_SUBSCRIBED"


def test_whatsapp_has_a_consent_of_its_own(fake: FakeShopify, clock: Clock, amina: int) -> None:
    said_at = clock.at - 7 * MINUTE
    assert write(fake, clock, mark(amina, channel="whatsapp", at=said_at))[0].outcome == "written"
    consents = fake.truth.customers[amina].consents
    assert (consents["whatsapp"].state, consents["whatsapp"].at) == ("UNSUBSCRIBED", said_at)
    assert consents["sms"].state == "NEVER_SUBSCRIBED"


def test_a_later_word_in_the_shop_stays_and_is_reported(fake: FakeShopify, clock: Clock, amina: int) -> None:
    fake.truth.consent(amina, "sms", "SUBSCRIBED", at=clock.at - 5 * MINUTE)
    (outcome,) = write(fake, clock, mark(amina, at=clock.at - 60 * MINUTE))
    assert outcome.outcome == "refused"
    assert outcome.says == (
        "Shopify has a later word about SMS: SUBSCRIBED since 2026-11-20T09:55:00Z. It keeps the later one; ask the "
        "customer, or change it there."
    )


def test_a_program_that_subscribes_the_customer_again_is_noticed(fake: FakeShopify, clock: Clock, amina: int) -> None:
    fake.truth.subscribers = {amina}
    (outcome,) = write(fake, clock, mark(amina, at=clock.at - 5 * MINUTE))
    assert outcome.outcome == "overruled" and "another program may have changed it" in outcome.says


def test_what_cannot_be_written_says_why(fake: FakeShopify, clock: Clock, amina: int) -> None:
    guest, gone = fake.truth.create("Guest"), fake.truth.create("Gone", "0722 000 009")
    fake.truth.delete(gone)
    at = clock.at
    outcomes = write(
        fake,
        clock,
        *(mark(guest, at=at), mark(gone, at=at), mark("x", at=at)),
        *(mark(amina, channel="premium_sms", at=at), mark(amina, "in", at=at)),
    )
    assert [one.outcome for one in outcomes] == ["refused", "gone", "gone", "refused", "refused"]
    assert outcomes[0].says == "A phone number is required to set the SMS consent state."
    assert outcomes[3].says == "Shopify keeps no consent for premium_sms."
    assert outcomes[4].says == "Opt-ins are not written to Shopify: write_back_opt_ins is off."
    assert fake.truth.customers[amina].consents["sms"].state == "NEVER_SUBSCRIBED"


def test_an_opt_in_is_written_only_where_that_is_wanted(fake: FakeShopify, clock: Clock, amina: int) -> None:
    outcomes = write(fake, clock, mark(amina, "in", at=clock.at - MINUTE), write_back_opt_ins=True)
    assert outcomes[0].outcome == "written"
    assert fake.truth.customers[amina].consents["sms"].state == "SUBSCRIBED"


def test_of_two_marks_the_later_one_counts_and_of_equal_ones_the_opt_out(
    fake: FakeShopify, clock: Clock, amina: int
) -> None:
    juma = fake.truth.create("Juma", "0722 000 002")
    marks = [
        *(mark(amina, "out", at=clock.at - 2 * MINUTE), mark(amina, "in", at=clock.at - MINUTE)),
        *(mark(juma, "in", at=clock.at - MINUTE), mark(juma, "out", at=clock.at - MINUTE)),
    ]
    assert {one.outcome for one in write(fake, clock, *marks, write_back_opt_ins=True)} == {"written"}
    states = [fake.truth.customers[one].consents["sms"].state for one in (amina, juma)]
    assert states == ["SUBSCRIBED", "UNSUBSCRIBED"]


def test_a_time_ahead_of_the_clock_is_written_as_now(fake: FakeShopify, clock: Clock, amina: int) -> None:
    assert write(fake, clock, mark(amina, at=clock.at + MINUTE))[0].outcome == "written"


def test_what_was_written_before_a_failure_is_written_again(fake: FakeShopify, clock: Clock, amina: int) -> None:
    juma = fake.truth.create("Juma", "0722 000 002")
    connector = shopify(fake, clock, token=TOKEN)
    fake.faults.next = [None, *["error"] * 3]
    marks = [mark(amina, at=clock.at), mark(juma, at=clock.at)]
    assert {one.outcome for one in connector.write_back(marks, now=clock.moment)} == {"again"}
    assert {one.outcome for one in connector.write_back(marks, now=clock.moment)} == {"written"}


def test_a_failure_before_anything_is_written_is_raised(fake: FakeShopify, clock: Clock, amina: int) -> None:
    fake.scopes = ["read_customers"]
    with pytest.raises(ConnectorFailed, match="add the scope write_customers"):
        write(fake, clock, mark(amina, at=clock.at))


@given(seed=st.integers(0, 2**32))
def test_the_newest_word_counts_whatever_the_order_and_the_faults(seed: int) -> None:
    """Words in the shop and opt-outs from here, written in any order: what Shopify has in the end is the newest."""
    random, clock = Random(seed), Clock()
    fake = FakeShopify(seed, clock, lag_seconds=0.0)
    fake.faults.rate, fake.faults.kinds = 0.2, FAULTS
    connector = shopify(fake, clock)
    customer = fake.truth.create("Amina", "+254722000001")
    times = random.sample(range(100), 8)
    newest, began_at = max(times), clock.at
    words: list[tuple[int, str]] = []
    for at in times:
        said_at = began_at - 6_000.0 + 60.0 * at
        word = random.choice(["SUBSCRIBED", "UNSUBSCRIBED", "out"])
        words.append((at, "UNSUBSCRIBED" if word == "out" else word))
        if word != "out":
            fake.truth.consent(customer, "sms", word, at=said_at)
            continue
        outcome = "again"
        while outcome == "again":
            try:
                (done,) = connector.write_back([mark(customer, at=said_at)], now=clock.moment)
                outcome = done.outcome
            except ConnectorFailed:
                clock.at += 300.0
        later = [state for time, state in words if time > at]
        assert outcome == "written" if not later else outcome in ("written", "refused")
    assert fake.truth.customers[customer].consents["sms"].state == dict(words)[newest]
