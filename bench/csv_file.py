"""The file to import: names in many scripts, bad numbers, and numbers that come again in another spelling."""

from __future__ import annotations

import csv
import random
from pathlib import Path

from bench.settings import FOLDER

SEED = 4
INVALID = 0.03
REPEATED = 0.05
"""The share of rows whose number came before, written in another way."""
REPEATABLE_MAX = 200_000
"""Rows that are kept in memory to be repeated."""
SCATTER = 7_919_393
"""A prime, so that new numbers lie all over the range and none comes twice."""
HEADER = ("Phone", "First Name", "Last Name", "Email", "City", "Company", "Notes")
FIRST = (
    *("Wanjiru", "Otieno", "Achieng", "Kamau", "Chebet", "Mwangi", "Njeri", "Kiprop", "Amina", "Mutua", "Zawadi"),
    *("يوسف", "مريم", "李雷", "Олена", "Dmitri", "Zoë", "José", "Nguyễn", "አበበ", "Çağla", "Siân", "अनिता", "ゆうこ"),
)
LAST = (
    *("Odhiambo", "Wambui", "Kariuki", "Cheruiyot", "Hassan", "Musyoka", "Barasa", "Nyambura", "Koech", "O'Brien"),
    *("محمد", "王", "Шевченко", "Müller", "García Márquez", "Trần", "ተስፋዬ", "Yılmaz", "शर्मा", "van der Merwe"),
)
CITIES = ("Nairobi", "Mombasa", "Kisumu", "Nakuru", "Eldoret", "Kitui", "Thika", "Malindi", "", "")
COMPANIES = ("Ivy Ltd.", 'Duka "Moja"', "Mama Mboga, Co-op", "Safari Works", "", "", "", "")


def make_csv(rows: int) -> Path:
    """The file with so many rows, made once and kept."""
    file = FOLDER / f"import-{rows}.csv"
    if file.exists():
        return file
    draw = random.Random(SEED)
    earlier: list[tuple[str, ...]] = []
    unfinished = file.with_suffix(".part")
    with unfinished.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(HEADER)
        writer.writerows(_row(draw, earlier, number) for number in range(rows))
    unfinished.rename(file)
    return file


def _row(draw: random.Random, earlier: list[tuple[str, ...]], number: int) -> tuple[str, ...]:
    kind = draw.random()
    if kind < REPEATED and earlier:
        digits, *others = draw.choice(earlier)
        spellings = (f"+254 {digits[:3]} {digits[3:6]} {digits[6:]}", f"254{digits}", f"0{digits[:3]}-{digits[3:]}")
        return (draw.choice(spellings), *others)
    digits = f"7{number * SCATTER % 10**8:08d}"
    email = f"p{number}@example.com" if draw.random() < 0.5 else ""
    notes = "likes tea, comes on Saturdays" if draw.random() < 0.1 else ""
    rest = (draw.choice(FIRST), draw.choice(LAST), email, draw.choice(CITIES), draw.choice(COMPANIES), notes)
    if kind < REPEATED + INVALID:
        return (_invalid(draw), *rest)
    if len(earlier) < REPEATABLE_MAX:
        earlier.append((digits, *rest))
    return (draw.choice((f"0{digits}", f"254{digits}", f"+254{digits}", f"0{digits}")), *rest)


def _invalid(draw: random.Random) -> str:
    """A number cut short, ruined by a spreadsheet, replaced by a word, or two in one."""
    digits = f"7{draw.randrange(10**8):08d}"
    return draw.choice(
        (f"0{digits[:5]}", f"2.{digits[:3]}E+11", "n/a", "", f"0{digits[:4]}x{digits[5:]}", f"0{digits}0{digits}")
    )
