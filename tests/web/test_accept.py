"""The best of several media types by ``Accept``: quality first, then the server's own order; never what is excluded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.web.accept import choose_type, names_type

NDJSON, CSV = "application/x-ndjson", "text/csv"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, NDJSON),
        ("", NDJSON),
        ("*/*", NDJSON),
        (CSV, CSV),
        ("Text/CSV; charset=utf-8", CSV),
        (f"{NDJSON}, {CSV};q=0", NDJSON),
        (f"{NDJSON}, {CSV}", NDJSON),
        (f"{CSV}, {NDJSON}", NDJSON),
        (f"{CSV}, {NDJSON};q=0.9", CSV),
        (f"{CSV};q=0.1, {NDJSON}; q=0.05", CSV),
        (f"{CSV};q=0.5, */*;q=0.1", CSV),
        (f"{CSV};q=0.5, */*", NDJSON),
        (f"{NDJSON};q=0, */*", CSV),
        ("text/*", CSV),
        ("text/*;q=0.5, application/*;q=0.4", CSV),
        ("application/json", NDJSON),
        ("application/json, text/csv, application/problem+json, application/x-ndjson", NDJSON),
        (f"{CSV};q=0", NDJSON),
        (f"{CSV};q=0, {NDJSON};q=0", NDJSON),
        (f"{CSV};q=two, {NDJSON};q=0.1", NDJSON),
        (f"{CSV};q=-1", NDJSON),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", NDJSON),
        (",,;;q=1,", NDJSON),
        (f"{'a/b,' * 10_000}{CSV}", NDJSON),
    ],
)
def test_the_best_type_is_chosen(accept: str | None, chosen: str) -> None:
    assert choose_type(accept, (NDJSON, CSV)) == chosen


@given(st.text(st.sampled_from("text/csv,;q=01.*; application-x"), max_size=60))
def test_any_accept_leads_to_a_type_that_is_offered(accept: str) -> None:
    assert choose_type(accept, (NDJSON, CSV)) in (NDJSON, CSV)


@pytest.mark.parametrize(
    ("accept", "is_named"),
    [
        (None, False),
        ("*/*", False),
        ("text/*", False),
        (CSV, True),
        ("x/y, TEXT/CSV;q=0.1", True),
        (f"{CSV};q=0", False),
    ],
)
def test_a_type_is_named_by_itself(accept: str | None, is_named: bool) -> None:
    assert names_type(accept, CSV) is is_named
