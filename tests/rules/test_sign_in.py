"""Signing in: with a password or a link, how often it may be tried, and when a session ends."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daftari.errors import DaftariError, ValidationFailed
from daftari.rules.access import links, sessions, sign_in, throttle, tokens, users
from daftari.rules.access.errors import LinkSpent, SignedOut, SignInRefused, TooManyAttempts, UserNotFound
from daftari.rules.access.sign_in import Browser
from daftari.store import Store
from daftari.store.copy.run import copy_database
from tests.conftest import NewDatabase
from tests.support import calls
from tests.support.builders import rows_of
from tests.support.cases import ON_SQLITE, each
from tests.support.stores import SECRET, open_store
from tests.support.users import HOME, HOUR, MINUTE, PASSWORD, SECOND, Office, email, new

DAY = 24 * HOUR
ELSEWHERE = Browser("198.51.100.7", "Chrome")
WRONG = "habari ya jioni"


@pytest.fixture
def office(store: Store) -> Office:
    """Asha, who has set her password."""
    office = Office(store)
    added = office.add("Asha")
    assert added.link is not None
    office.use(added.link)
    return office


def refused(office: Office, name: str = "Asha", password: str = WRONG, browser: Browser = HOME) -> type[DaftariError]:
    with pytest.raises((SignInRefused, TooManyAttempts)) as refusal:
        office.sign_in(name, password, browser)
    return type(refusal.value)


def has_ended(office: Office, token: str) -> bool:
    try:
        office.session(token)
    except SignedOut:
        return True
    return False


# ---- with a password ------------------------------------------------------------------------------------


def test_the_right_password_begins_a_session_for_30_days(office: Office) -> None:
    begun = office.sign_in("Asha")
    found = office.session(begun.token)
    assert (found.user.name, found.session.address, found.session.browser) == ("Asha", "192.0.2.1", "Firefox")
    office.now += 30 * DAY - 1
    assert not has_ended(office, begun.token)
    office.now += 1
    assert has_ended(office, begun.token)


def test_the_address_is_found_in_any_case_and_the_password_only_as_it_is(office: Office) -> None:
    begun = sign_in.sign_in(office.store, email=" ASHA@Example.COM ", password=PASSWORD, browser=HOME, now=office.now)
    assert begun.user.name == "Asha"
    assert refused(office, password=PASSWORD.upper()) is SignInRefused


def test_a_wrong_password_and_an_unknown_address_are_refused_alike(office: Office) -> None:
    messages = set()
    office.add("Pending")
    for written in (email("Asha"), email("Juma"), email("Pending"), "", "a\0b", "no address", "\ud800@example.com"):
        with pytest.raises(SignInRefused) as refusal:
            sign_in.sign_in(office.store, email=written, password=WRONG, browser=HOME, now=office.now)
        messages.add(refusal.value.message)
        office.now += MINUTE
    assert len(messages) == 1


def test_an_unknown_address_and_one_without_a_password_are_compared_as_others_are(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str | None] = []
    is_right = sign_in.is_right

    def watch(stored: str | None, *, password: str) -> bool:
        compared.append(stored)
        return is_right(stored, password=password)

    monkeypatch.setattr(sign_in, "is_right", watch)
    office.add("Pending")
    for name in ("Juma", "Pending", "Asha"):
        assert refused(office, name) is SignInRefused
    assert [stored is None for stored in compared] == [True, True, False]


def test_only_hashes_of_tokens_and_passwords_are_stored(office: Office, database: str) -> None:
    begun = office.sign_in("Asha")
    link = office.add("Juma").link
    assert link is not None
    tables = ("user_session", "user_link", "console_user", "sign_in_attempt")
    stored = repr([rows_of(database, f"SELECT * FROM {table}") for table in tables])
    assert len(begun.token) == len(link) == 43
    assert begun.token not in stored and link not in stored and PASSWORD not in stored
    assert "juma" not in repr(rows_of(database, "SELECT * FROM sign_in_attempt"))


def test_a_sign_in_replaces_the_session_of_the_same_browser_and_no_other(office: Office) -> None:
    first, other = office.sign_in("Asha"), office.sign_in("Asha", browser=ELSEWHERE)
    again = office.sign_in("Asha", browser=Browser(HOME.address, HOME.name, first.token))
    assert has_ended(office, first.token)
    assert again.token not in (first.token, other.token)
    assert not has_ended(office, other.token) and not has_ended(office, again.token)


def test_a_password_that_was_changed_while_it_was_compared_signs_in_no_one(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_right = sign_in.is_right

    def change_meanwhile(stored: str | None, *, password: str) -> bool:
        monkeypatch.setattr(sign_in, "is_right", is_right)
        office.use(office.link("Asha"), "habari ya mchana")
        return is_right(stored, password=password)

    monkeypatch.setattr(sign_in, "is_right", change_meanwhile)
    assert refused(office, password=PASSWORD) is SignInRefused


# ---- sessions -------------------------------------------------------------------------------------------


def test_another_password_ends_every_session_and_link_and_begins_a_new_session(office: Office) -> None:
    mine, other = office.sign_in("Asha"), office.sign_in("Asha", browser=ELSEWHERE)
    signed_in = office.session(mine.token)
    begun = sign_in.change_password(
        office.store, signed_in=signed_in, password=PASSWORD, new="habari ya mchana", browser=HOME, now=office.now
    )
    assert has_ended(office, mine.token) and has_ended(office, other.token)
    assert begun.token not in (mine.token, other.token)
    assert office.session(begun.token).session.id > mine.session.id
    assert refused(office, password=PASSWORD) is SignInRefused
    office.sign_in("Asha", "habari ya mchana")


def test_another_password_needs_the_present_one_and_is_tried_no_more_often_than_a_sign_in(office: Office) -> None:
    signed_in = office.session(office.sign_in("Asha").token)
    office.now += MINUTE

    def change(password: str, wanted: object) -> type[DaftariError]:
        with pytest.raises(DaftariError) as refusal:
            sign_in.change_password(
                office.store, signed_in=signed_in, password=password, new=wanted, browser=HOME, now=office.now
            )
        return type(refusal.value)

    assert change(PASSWORD, "short") is ValidationFailed
    assert [change(WRONG, "habari ya mchana") for _ in range(6)] == [SignInRefused] * 5 + [TooManyAttempts]


def test_the_last_use_is_saved_when_it_is_15_minutes_old(office: Office) -> None:
    begun = office.sign_in("Asha")
    signed_in = office.session(begun.token)
    assert not signed_in.is_stale(now=office.now + 15 * MINUTE - 1)
    office.now += 15 * MINUTE
    assert signed_in.is_stale(now=office.now)
    office.write(sessions.save_use, signed_in=signed_in, project_id=None)
    assert office.session(begun.token).session.last_seen_at == office.now
    assert not office.session(begun.token).is_stale(now=office.now)


def test_one_signs_out_here_or_everywhere_else_or_everywhere(office: Office) -> None:
    here, there, third = (office.sign_in("Asha", browser=browser) for browser in (HOME, ELSEWHERE, ELSEWHERE))
    signed_in = office.session(here.token)
    assert [one.browser for one in office.read(sessions.list_sessions, signed_in=signed_in)][:2] == ["Chrome", "Chrome"]
    office.write(sessions.end_session, token=third.token)
    assert has_ended(office, third.token) and not has_ended(office, there.token)
    assert office.write(sessions.end_sessions, user_id=here.user.id, kept=here.session) == 2
    assert has_ended(office, there.token) and not has_ended(office, here.token)
    user, number = office.write(users.end_sessions_by_email, email="ASHA@example.com")
    assert (user.name, number) == ("Asha", 1) and has_ended(office, here.token)


def test_what_a_browser_calls_itself_is_kept_on_one_line_and_short(office: Office) -> None:
    browser = Browser("192.0.2.1", "Evil\r\n\x1b[2J" + "x" * 1_000)
    kept = office.session(office.sign_in("Asha", browser=browser).token).session.browser
    assert kept.startswith("Evil   [2Jx") and len(kept) == sessions.BROWSER_MAX


def test_a_restored_or_copied_database_knows_no_session_and_no_link(
    office: Office, database: str, new_database: NewDatabase
) -> None:
    begun, link = office.sign_in("Asha"), office.add("Juma").link
    assert link is not None and office.is_open(link)
    target = new_database("sqlite", empty=True)
    copy_database(database, target, secret=SECRET, secret_file=None, should_stop=lambda: False, note=lambda _: None)
    assert rows_of(target, "SELECT id FROM user_session") == rows_of(database, "SELECT id FROM user_session")
    copy = Office(open_store(target, threads=1), office.now)
    assert has_ended(copy, begun.token) and not copy.is_open(link)
    assert copy.sign_in("Asha")
    copy.store.close()


@ON_SQLITE
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
def test_no_other_text_is_a_token(office: Office, written: str) -> None:
    assert has_ended(office, written) and not office.is_open(written)


# ---- forms ----------------------------------------------------------------------------------------------


def test_the_token_of_a_form_is_another_one_each_time_and_is_that_of_its_session_alone() -> None:
    mine, other = tokens.write_token(), tokens.write_token()
    forms = {tokens.write_form_token(mine) for _ in range(20)}
    assert len(forms) == 20
    assert all(tokens.is_form_token(form, token=mine) for form in forms)
    assert not any(tokens.is_form_token(form, token=other) for form in forms)


@given(st.text(max_size=100))
def test_no_other_text_is_the_token_of_a_form(written: str) -> None:
    assert not tokens.is_form_token(written, token="t")


# ---- links ----------------------------------------------------------------------------------------------


def test_a_link_works_once_and_looking_at_it_changes_nothing(office: Office) -> None:
    link = office.add("Juma").link
    assert link is not None
    for _ in range(3):
        found = office.read(links.find_link, token=link)
        assert found.user is not None and found.user.name == "Juma"
    begun = office.use(link)
    assert office.session(begun.token).user.name == "Juma"
    with pytest.raises(LinkSpent):
        office.use(link)
    office.sign_in("Juma")


def test_a_link_that_is_given_a_weak_password_still_works(office: Office) -> None:
    link = office.add("Juma").link
    assert link is not None
    with pytest.raises(ValidationFailed):
        office.use(link, "short")
    assert office.use(link)


def test_a_link_works_for_an_hour(office: Office) -> None:
    link = office.add("Juma").link
    assert link is not None
    office.now += HOUR - 1
    assert office.is_open(link)
    office.now += 1
    with pytest.raises(LinkSpent):
        office.use(link)


def test_a_new_link_ends_the_sessions_and_the_earlier_links_of_that_user_alone(office: Office) -> None:
    added = office.add("Juma")
    assert added.link is not None
    office.use(added.link)
    others, mine = office.sign_in("Juma"), office.sign_in("Asha")
    first = office.link("Asha")
    assert has_ended(office, mine.token)
    second = office.link("Asha")
    assert not office.is_open(first) and office.is_open(second)
    assert not has_ended(office, others.token)
    office.use(second, "habari ya mchana")
    assert refused(office, password=PASSWORD) is SignInRefused


def test_the_link_of_a_removed_user_and_of_no_user_work_for_no_one(office: Office) -> None:
    link = office.add("Juma").link
    office.write(users.remove_user, email=email("Juma"))
    assert link is not None and not office.is_open(link)
    with pytest.raises(UserNotFound):
        office.link("Juma")


# ---- the first user -------------------------------------------------------------------------------------


def first(office: Office, link: str, name: str = "Asha") -> sign_in.Begun:
    return sign_in.create_first_user(
        office.store, token=link, given=new(name), new=PASSWORD, browser=HOME, now=office.now
    )


def test_the_first_user_comes_by_a_link_and_is_an_operator(store: Store) -> None:
    office = Office(store)
    link = office.write(links.create_first_link)
    assert office.read(links.find_link, token=link).user is None
    with pytest.raises(LinkSpent):
        office.use(link)
    begun = first(office, link)
    assert office.session(begun.token).user.is_operator
    assert office.write(links.create_first_link) is None
    with pytest.raises(LinkSpent):
        first(office, link, "Juma")


def test_the_link_of_an_earlier_start_no_longer_works(store: Store) -> None:
    office = Office(store)
    earlier, later = office.write(links.create_first_link), office.write(links.create_first_link)
    with pytest.raises(LinkSpent):
        first(office, earlier)
    assert first(office, later)


def test_the_first_link_dies_with_the_first_user_however_that_one_came(store: Store) -> None:
    office = Office(store)
    link = office.write(links.create_first_link)
    office.add("Juma")
    assert not office.is_open(link)
    with pytest.raises(LinkSpent):
        first(office, link)


# ---- how often ------------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords that are compared as they are, where there are hundreds of them."""
    monkeypatch.setattr(sign_in, "is_right", lambda stored, *, password: stored is not None and password == PASSWORD)


def test_an_account_is_tried_five_times_a_minute_from_an_address(office: Office, quick: None) -> None:
    office.now += MINUTE
    began = office.now
    for _ in range(5):
        assert refused(office) is SignInRefused
        office.now += 10 * SECOND
    with pytest.raises(TooManyAttempts) as refusal:
        office.sign_in("Asha")
    assert refusal.value.retry_after_seconds == (began + MINUTE - office.now) // SECOND == 10
    assert office.sign_in("Asha", browser=ELSEWHERE)
    assert refused(office, "Juma") is SignInRefused
    office.now = began + MINUTE
    assert office.sign_in("Asha")
    assert refused(office) is TooManyAttempts


def test_an_address_tries_thirty_times_a_minute(office: Office, quick: None) -> None:
    office.now += MINUTE
    for number in range(30):
        assert refused(office, f"User{number}") is SignInRefused
    assert refused(office, "Asha", PASSWORD) is TooManyAttempts
    assert office.sign_in("Asha", browser=ELSEWHERE)
    office.now += MINUTE
    assert office.sign_in("Asha")


def test_an_account_is_tried_a_hundred_times_an_hour_and_then_from_known_addresses_alone(
    office: Office, quick: None
) -> None:
    office.sign_in("Asha")
    office.now += HOUR
    for number in range(100):
        assert refused(office, browser=Browser(f"203.0.113.{number}", "")) is SignInRefused
    assert refused(office, password=PASSWORD, browser=ELSEWHERE) is TooManyAttempts
    assert refused(office, browser=HOME) is SignInRefused
    assert office.sign_in("Asha", browser=HOME)
    assert refused(office, "Juma", browser=ELSEWHERE) is SignInRefused
    office.now += HOUR
    assert office.sign_in("Asha", browser=ELSEWHERE)


def test_an_account_that_does_not_exist_is_counted_as_one_that_does(office: Office, quick: None) -> None:
    for number in range(100):
        assert refused(office, "Juma", browser=Browser(f"203.0.113.{number}", "")) is SignInRefused
    assert refused(office, "JUMA", browser=ELSEWHERE) is TooManyAttempts


def test_a_refused_attempt_is_not_counted_and_does_not_lengthen_the_wait(
    office: Office, quick: None, database: str
) -> None:
    office.now += MINUTE
    for _ in range(5):
        refused(office)
    kept = rows_of(database, "SELECT SUM(attempts) FROM sign_in_attempt")
    for _ in range(20):
        assert refused(office) is TooManyAttempts
    assert rows_of(database, "SELECT SUM(attempts) FROM sign_in_attempt") == kept
    office.now += MINUTE
    assert office.sign_in("Asha")


@each(
    "one, other, is_one",
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("no address", "no address", True),
    ],
)
def test_a_network_of_ipv6_is_counted_as_one_address(store: Store, one: str, other: str, is_one: bool) -> None:
    office = Office(store)
    counted = {office.read(throttle.find_source, email="a@b", address=address) for address in (one, other)}
    assert (len(counted) == 1) == is_one


def test_attempts_without_success_are_kept_for_an_hour_and_others_for_90_days(
    office: Office, quick: None, database: str
) -> None:
    office.sign_in("Asha")
    refused(office, "Juma")
    office.now += HOUR + 1
    office.sign_in("Asha")
    assert rows_of(database, "SELECT SUM(attempts), SUM(succeeded) FROM sign_in_attempt") == [(2, 2)]
    office.now += throttle.KNOWN_DAYS * DAY + 1
    office.sign_in("Asha")
    assert rows_of(database, "SELECT SUM(attempts), SUM(succeeded) FROM sign_in_attempt") == [(1, 1)]


def test_a_clock_that_was_ahead_does_not_keep_anyone_out(office: Office, quick: None) -> None:
    office.now += 400 * DAY
    for _ in range(5):
        refused(office)
    office.now -= 400 * DAY
    assert office.sign_in("Asha")


def test_nothing_of_a_removed_user_but_the_name_is_kept(office: Office, quick: None, database: str) -> None:
    project = calls.create_project(office.store)
    office.add("Asha", project, "viewer")
    begun = office.sign_in("Asha")
    office.write(users.remove_user, email=email("Asha"))
    assert has_ended(office, begun.token)
    assert rows_of(database, "SELECT email, name, password, is_operator FROM console_user") == [("", "Asha", None, 0)]
    for table in ("user_role", "user_session", "user_link", "sign_in_attempt"):
        assert rows_of(database, f"SELECT * FROM {table}") == []
    assert office.add("Asha").link is not None
