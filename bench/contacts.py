"""The contacts in every dataset: the same for every side, made from their number alone."""

from __future__ import annotations

from bench.settings import GROUPS

FIRST_MOBILE = 254_700_000_000
FIRST_NAMES = (
    *("Wanjiru", "Otieno", "Achieng", "Kamau", "Chebet", "Mwangi", "Njeri", "Kiprop", "Amina", "Mutua", "Zawadi"),
)
LAST_NAMES = ("Odhiambo", "Wambui", "Kariuki", "Cheruiyot", "Hassan", "Musyoka", "Barasa", "Nyambura", "Koech")
CITIES = ("Nairobi", "Mombasa", "Kisumu", "Nakuru", "Eldoret", "Kitui", "Thika", "Malindi")
COMPANIES = ("Ivy Ltd.", "Sozu PLC", "Duka Moja", "Mama Mboga Co-op", "Safari Works", "Jua Kali Tools", "Maziwa Fresh")


def mobile_of(number: int) -> int:
    """The mobile of contact ``number``, counted from 1, which is its id in a new dataset."""
    return FIRST_MOBILE + number


def texts_of(mobile: int) -> dict[str, str]:
    """The text fields of the contact with a mobile."""
    first = FIRST_NAMES[mobile % len(FIRST_NAMES)]
    return {
        "fname": first,
        "lname": LAST_NAMES[mobile % len(LAST_NAMES)],
        "email": f"{first.lower()}{mobile % 100_000_000}@example.com",
        "city": CITIES[mobile % len(CITIES)],
        "company": COMPANIES[mobile % len(COMPANIES)],
    }


def new_texts_of(mobile: int) -> dict[str, str]:
    """The text fields of a contact that is created while the clock runs; ``writes.lua`` sends the same."""
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


def members_of(group: int, rows: int) -> range:
    """The ids in a group. Neighbours are in different groups, so that a group's members lie wide apart."""
    return range((group - 1) or GROUPS, rows + 1, GROUPS)
