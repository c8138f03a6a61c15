"""Passwords: what a good one is, that none is stored readable, and that no more than two are compared at once."""

from __future__ import annotations

import threading
import time

import pytest
from argon2 import extract_parameters
from hypothesis import given, settings
from hypothesis import strategies as st

from daftari.rules.access import passwords
from daftari.rules.access.errors import PasswordsBusy
from daftari.rules.access.passwords import hash_password, is_right, read_password
from tests.support.cases import each

EMAIL = "asha@example.com"


def test_a_password_is_stored_by_argon2id_with_19_mib_two_passes_and_one_lane() -> None:
    stored = hash_password("habari ya asubuhi")
    used = extract_parameters(stored)
    assert stored.startswith("$argon2id$")
    assert (used.memory_cost, used.time_cost, used.parallelism) == (19 * 1024, 2, 1)
    assert stored != hash_password("habari ya asubuhi")


def test_what_is_compared_where_there_is_no_password_costs_the_same_and_is_never_right() -> None:
    assert extract_parameters(passwords._NO_PASSWORD) == extract_parameters(hash_password("habari ya asubuhi"))
    assert not any(is_right(None, password=password) for password in ("", "x" * 12, "xxxxxxxxxxxx"))


@settings(max_examples=10)
@given(st.text(max_size=30), st.text(max_size=30))
def test_a_password_is_right_as_it_was_set_however_the_keyboard_writes_its_letters(one: str, other: str) -> None:
    stored = hash_password(one)
    assert is_right(stored, password=one)
    assert is_right(stored, password=other) == (passwords._normal(one) == passwords._normal(other))


def test_a_letter_may_be_one_character_or_two() -> None:
    assert is_right(hash_password("caf\u00e9 ya asubuhi"), password="cafe\u0301 ya asubuhi")


@each(
    "password, why",
    [
        ("", "at least 10 characters"),
        ("habari ya", "at least 10 characters"),
        ("h" * 1_001, "longer than 1,000 characters"),
        ("aaaaaaaaaaaa", "repeat one character"),
        ("Asha@Example.com ", "must not be the e-mail address"),
        ("half a pair \ud800", "surrogate"),
        (None, "must be a text"),
        (1234567890, "must be a text"),
    ],
)
def test_a_weak_password_is_refused_with_the_reason(password: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_password(password, email=EMAIL)


@each("password", ["habari yao", " " * 9 + "x", "1234567890", "h" + "a" * 999, "😀😃😄😁😆😅🤣😂🙂🙃"])
def test_a_long_password_is_taken_as_it_is(password: str) -> None:
    assert read_password(password, email=EMAIL) == password


def test_a_password_of_megabytes_costs_no_more_than_one(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    normal = passwords._normal
    monkeypatch.setattr(passwords, "_normal", lambda password: seen.append(len(password)) or normal(password))
    assert not is_right(None, password="x" * 10_000_000)
    assert seen == [1_001]


def test_no_more_than_two_are_compared_at_once_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, most = 0, 0
    counting = threading.Lock()

    class Hasher:
        def hash(self, password: bytes) -> str:
            nonlocal at_once, most
            with counting:
                at_once += 1
                most = max(most, at_once)
            time.sleep(0.02)
            with counting:
                at_once -= 1
            return ""

    monkeypatch.setattr(passwords, "_hasher", Hasher)
    threads = [threading.Thread(target=hash_password, args=("habari ya asubuhi",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == passwords.AT_ONCE_MAX == 2


def test_one_that_would_wait_too_long_is_to_be_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAIT_SECONDS_MAX", 0.01)
    with passwords._turn(), passwords._turn(), pytest.raises(PasswordsBusy) as refused:
        hash_password("habari ya asubuhi")
    assert refused.value.retry_after_seconds == 2
    assert hash_password("habari ya asubuhi")
