"""The time zone of a project: its own, or that of its country."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from daftari.mobile import regions
from daftari.model.projects import NO_PROJECT
from daftari.rules.access.zones import list_zones, read_day, read_zone, zone_of


def test_a_project_has_the_zone_of_its_country_or_its_own() -> None:
    project = replace(NO_PROJECT, region="UG")
    assert zone_of(project) == "Africa/Kampala"
    assert zone_of(replace(project, zone="Africa/Nairobi")) == "Africa/Nairobi"
    assert zone_of(replace(project, region="ZZ")) == "UTC"
    assert "Africa/Nairobi" in list_zones()
    with pytest.raises(ValueError, match="must be a time zone"):
        read_zone("Mars/Olympus")


def test_most_countries_have_a_zone_of_their_own() -> None:
    without = {region for region in regions() if zone_of(replace(NO_PROJECT, region=region)) == "UTC"}
    assert without <= {"AC", "TA", "XK"}


def test_a_day_is_from_midnight_to_midnight_where_the_project_is() -> None:
    day = read_day("2031-12-31", zone="Africa/Nairobi")
    assert day == (1_956_430_800_000_000, 1_956_517_200_000_000)
    assert read_day(" ", zone="UTC") is None
    for wrong in ("31.12.2031", "2031-02-30", "9999-12-31", "x" * 1_000):
        with pytest.raises(ValueError, match="must be a day"):
            read_day(wrong, zone="Africa/Nairobi")
