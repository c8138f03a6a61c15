"""Quiet hours: by the clock of the people who are sent to, to the minute, wherever the server is.

08:00 in Nairobi is 05:00 UTC, all year.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daftari.errors import ValidationFailed
from daftari.mobile import is_region
from daftari.model.time import format_time
from daftari.rules.access import projects
from daftari.rules.consent.quiet_hours import OFF, REGION_HOURS, is_quiet, read_hours
from daftari.rules.fields import TIME_MAX, TIME_MIN, read_time
from daftari.store import Store
from tests.conftest import ROOT
from tests.support import calls
from tests.support.stores import NOW

KE = "KE"
MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE


def at(written: str) -> int:
    """Microseconds of a time in UTC."""
    moment = datetime.fromisoformat(written).replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


def quiet(written: str, *, hours: str | None = None, region: str = KE) -> bool:
    return is_quiet(at(written), hours=hours, region=region)


# ---- by day -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("utc", "is_so"),
    [
        ("2026-11-23T04:59:59.999999", True),
        ("2026-11-23T05:00:00", False),
        ("2026-11-23T12:00:00", False),
        ("2026-11-23T14:59:59.999999", False),
        ("2026-11-23T15:00:00", True),
        ("2026-11-23T21:00:00", True),
        ("2026-11-23T00:00:00", True),
    ],
)
def test_in_kenya_sending_begins_at_eight_and_ends_at_six_unless_the_project_says_otherwise(
    utc: str, is_so: bool
) -> None:
    assert quiet(utc) is is_so


@pytest.mark.parametrize("region", ["UG", "TZ", "US"])
def test_elsewhere_no_hour_is_quiet_unless_the_project_says_so(region: str) -> None:
    assert not any(quiet(f"2026-11-23T{hour:02}:30:00", region=region) for hour in range(24))
    assert quiet("2026-11-23T02:00:00", hours="08:00-18:00 Africa/Kampala", region=region)


def test_a_project_s_own_hours_stand_instead_of_the_region_s() -> None:
    own = "06:30-20:15 Africa/Nairobi"
    seen = [quiet(f"2026-11-23T{utc}", hours=own) for utc in ("03:29:59", "03:30:00", "17:14:59", "17:15:00")]
    assert seen == [True, False, False, True]


def test_off_means_that_no_hour_is_quiet() -> None:
    assert not any(quiet(f"2026-11-23T{hour:02}:00:00", hours=OFF) for hour in range(24))


# ---- by night, and in other places ----------------------------------------------------------------------


def test_hours_may_go_over_midnight() -> None:
    own = "20:00-02:00 Africa/Nairobi"
    utc = ("16:59:59", "17:00:00", "20:59:59", "21:00:00", "22:59:59", "23:00:00", "09:00:00")
    assert [quiet(f"2026-11-23T{time}", hours=own) for time in utc] == [True, False, False, False, False, True, True]


def test_hours_from_midnight_and_to_midnight_hold_the_first_and_the_last_minute() -> None:
    morning, evening = "00:00-12:00 UTC", "12:00-00:00 UTC"
    for utc in ("00:00:00", "11:59:59", "12:00:00", "23:59:59"):
        is_morning = utc < "12"
        assert quiet(f"2026-11-23T{utc}", hours=morning) is not is_morning
        assert quiet(f"2026-11-23T{utc}", hours=evening) is is_morning


@given(st.integers(0, 4_000_000_000_000_000), st.integers(0, 1_439), st.integers(0, 1_439))
def test_each_minute_is_in_the_hours_or_in_those_of_the_other_half_of_the_day(now: int, one: int, other: int) -> None:
    if one == other:
        return
    first, last = (f"{minute // 60:02}:{minute % 60:02}" for minute in (one, other))
    assert is_quiet(now, hours=f"{first}-{last} Africa/Nairobi", region=KE) is not is_quiet(
        now, hours=f"{last}-{first} Africa/Nairobi", region=KE
    )
    assert is_quiet(now, hours=f"{first}-{last} Africa/Nairobi", region=KE) is is_quiet(
        now + DAY, hours=f"{first}-{last} Africa/Nairobi", region=KE
    )


@pytest.mark.parametrize(
    ("zone", "utc", "is_so"),
    [
        ("Africa/Lagos", "2026-11-23T06:59:59", True),
        ("Africa/Lagos", "2026-11-23T07:00:00", False),
        ("Asia/Kathmandu", "2026-11-23T02:14:59", True),
        ("Asia/Kathmandu", "2026-11-23T02:15:00", False),
        ("America/New_York", "2026-11-23T13:00:00", False),
        ("America/New_York", "2026-11-23T12:59:59", True),
        ("UTC", "2026-11-23T08:00:00", False),
    ],
)
def test_hours_are_those_of_their_own_zone(zone: str, utc: str, is_so: bool) -> None:
    assert quiet(utc, hours=f"08:00-18:00 {zone}") is is_so


def test_where_clocks_are_changed_the_hours_go_with_them() -> None:
    london = "08:00-18:00 Europe/London"
    assert [quiet("2026-01-15T07:30:00", hours=london), quiet("2026-07-15T07:30:00", hours=london)] == [True, False]


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Etc/GMT+12", "America/New_York"])
def test_the_earliest_and_the_latest_time_that_is_read_have_an_hour_in_every_zone(zone: str) -> None:
    for moment in (TIME_MIN, TIME_MAX):
        assert isinstance(is_quiet(moment, hours=f"08:00-18:00 {zone}", region=KE), bool)
        assert read_time(format_time(moment), now=None) == moment


@pytest.mark.parametrize(
    "written",
    [
        *("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+03:00", "1899-12-31T23:59:59Z"),
        *("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-10:00", 10**12, -(10**12)),
    ],
)
def test_a_time_that_has_no_hour_somewhere_is_refused_before_a_caller_asks_for_it(written: str | int) -> None:
    with pytest.raises(ValueError, match="must be a time such as"):
        read_time(written, now=None)


# ---- as they are written --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("08:00-18:00 Africa/Nairobi", "08:00-18:00 Africa/Nairobi"),
        ("  08:00-18:00   Africa/Nairobi ", "08:00-18:00 Africa/Nairobi"),
        ("22:00-06:00 UTC", "22:00-06:00 UTC"),
        ("OFF", OFF),
        (" off ", OFF),
    ],
)
def test_hours_are_kept_as_they_were_written_without_spare_spaces(written: str, kept: str) -> None:
    assert read_hours(written) == kept


WRONG = (
    *("", "   ", "8-18", "08:00-18:00", "8:00-18:00 Africa/Nairobi", "08:00 - 18:00 Africa/Nairobi"),
    *("24:00-18:00 UTC", "08:60-18:00 UTC", "08:00-08:00 UTC", "08:00-18:00 Africa/Nowhere", "08:00-18:00 Nairobi"),
    *("08:00-18:00 /etc/passwd", "08:00-18:00 ../UTC", "08:00-18:00 Africa", "08:00-18:00 \x00", "none"),
    *("08:00-18:00 Africa/Nairobi UTC", "08:00:00-18:00:00 UTC", "٠٨:00-18:00 UTC", f"08:00-18:00 {'x' * 5_000}"),
)


@pytest.mark.parametrize("written", WRONG, ids=lambda text: repr(text)[:40])
def test_hours_that_cannot_be_read_are_refused_with_what_would_be_right(written: str) -> None:
    with pytest.raises(ValueError, match="must be such as '08:00-18:00 Africa/Nairobi', or off"):
        read_hours(written)


@given(st.text())
def test_no_text_is_too_strange_to_be_refused(written: str) -> None:
    try:
        kept = read_hours(written)
    except ValueError:
        return
    assert read_hours(kept) == kept


def test_the_hours_of_the_regions_can_be_read() -> None:
    for region, hours in REGION_HOURS.items():
        assert is_region(region)
        assert read_hours(hours) == hours


def test_a_project_keeps_the_hours_that_it_is_given_and_refuses_wrong_ones(store: Store) -> None:
    calls.create_project(store)

    def set_hours(hours: str) -> str | None:
        project = store.system_write(
            NOW, projects.set_project, name="Shopify", region=None, on_error=None, consent={"quiet_hours": hours}
        )
        return project.consent.quiet_hours

    assert set_hours(" 07:00-21:00  Africa/Lagos") == "07:00-21:00 Africa/Lagos"
    with pytest.raises(ValidationFailed) as refused:
        set_hours("21-7")
    assert list(refused.value.errors) == ["quiet_hours"]
    assert (
        store.system_read(NOW, projects.find_project, name="Shopify").consent.quiet_hours == "07:00-21:00 Africa/Lagos"
    )
    assert set_hours("Off") == OFF


# ---- zones without a system's ---------------------------------------------------------------------------


def test_zones_are_known_where_the_system_has_none(tmp_path: Path) -> None:
    """A small image has no time zones of its own: they come with the package."""
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert any(name.startswith("tzdata") for name in needed)
    asked = (
        "from daftari.rules.consent.quiet_hours import is_quiet\n"
        "print([is_quiet(hour * 3_600_000_000, hours=None, region='KE') for hour in (4, 5, 14, 15)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONTZPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("[True, False, False, True]\n", "")
