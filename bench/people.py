"""The people in the bench's books: the same for every side, made from their number alone."""

from __future__ import annotations

from bench.plan import GROUPS

FIRST_MOBILE = 254_700_000_000
CREATED_AT = 1_711_004_797_000_000
"""2024-03-21T07:06:37Z, when all of them were created."""

FIRST_NAMES = (
    "Wanjiru",
    "Otieno",
    "Achieng",
    "Kamau",
    "Chebet",
    "Mwangi",
    "Njeri",
    "Kiprop",
    "Amina",
    "Mutua",
    "Zawadi",
)
LAST_NAMES = ("Odhiambo", "Wambui", "Kariuki", "Cheruiyot", "Hassan", "Musyoka", "Barasa", "Nyambura", "Koech")
CITIES = ("Nairobi", "Mombasa", "Kisumu", "Nakuru", "Eldoret", "Kitui", "Thika", "Malindi")
COMPANIES = ("Ivy Ltd.", "Sozu PLC", "Duka Moja", "Mama Mboga Co-op", "Safari Works", "Jua Kali Tools", "Maziwa Fresh")


def mobile_of(number: int) -> int:
    """The mobile of person ``number``, who is counted from 1 and has that id in a fresh book."""
    return FIRST_MOBILE + number


def texts_of(mobile: int) -> dict[str, str | None]:
    """The text fields of whoever has a mobile."""
    first = FIRST_NAMES[mobile % len(FIRST_NAMES)]
    return {
        "fname": first,
        "lname": LAST_NAMES[mobile % len(LAST_NAMES)],
        "email": f"{first.lower()}{mobile % 100_000_000}@example.com",
        "city": CITIES[mobile % len(CITIES)],
        "company": COMPANIES[mobile % len(COMPANIES)],
    }


def fresh_texts_of(mobile: int) -> dict[str, str | None]:
    """The text fields of whoever is created while the clock runs; ``writes.lua`` sends the same."""
    return {
        "fname": "Wanjiru",
        "lname": "Otieno",
        "email": f"w{mobile}@example.com",
        "city": "Nairobi",
        "company": "Ivy Ltd.",
    }


def group_name(group: int) -> str:
    """The name of a group, counted from 1."""
    return f"group-{group:02d}"


def group_of(number: int) -> int:
    """Which group a person is in: neighbours are in different ones, so a group's members lie wide apart."""
    return number % GROUPS + 1
