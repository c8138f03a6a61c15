"""A file of made-up people as they are: names of many scripts, bad numbers, and the same numbers in other spellings."""

from __future__ import annotations

import csv
import random
from pathlib import Path

from bench.plan import FOLDER

BAD = 0.03
AGAIN = 0.05
"""Rows whose number came before, written in another way."""
KNOWN_MAX = 200_000
"""People who are remembered to come again."""
SCATTER = 7_919_393
"""A prime, so that new numbers lie all over the country and none is given twice."""
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


def make_crowd(rows: int, *, seed: int = 4) -> Path:
    """The CSV with so many rows, made once and kept."""
    file = FOLDER / f"crowd-{rows}-{seed}.csv"
    if file.exists():
        return file
    FOLDER.mkdir(parents=True, exist_ok=True)
    draw = random.Random(seed)
    known: list[tuple[str, ...]] = []
    unfinished = file.with_suffix(".part")
    with unfinished.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(HEADER)
        writer.writerows(_row(draw, known, number) for number in range(rows))
    unfinished.rename(file)
    return file


def _row(draw: random.Random, known: list[tuple[str, ...]], number: int) -> tuple[str, ...]:
    """Somebody new, or somebody who came before under the same number in another spelling."""
    kind = draw.random()
    if kind < AGAIN and known:
        digits, *others = draw.choice(known)
        return (_spelt_again(draw, digits), *others)
    digits = f"7{number * SCATTER % 10**8:08d}"
    email = f"p{number}@example.com" if draw.random() < 0.5 else ""
    notes = "likes tea, comes on Saturdays" if draw.random() < 0.1 else ""
    rest = (draw.choice(FIRST), draw.choice(LAST), email, draw.choice(CITIES), draw.choice(COMPANIES), notes)
    if kind < AGAIN + BAD:
        return (_bad(draw), *rest)
    if len(known) < KNOWN_MAX:
        known.append((digits, *rest))
    return (draw.choice((f"0{digits}", f"254{digits}", f"+254{digits}", f"0{digits}")), *rest)


def _spelt_again(draw: random.Random, digits: str) -> str:
    return draw.choice((f"+254 {digits[:3]} {digits[3:6]} {digits[6:]}", f"254{digits}", f"0{digits[:3]}-{digits[3:]}"))


def _bad(draw: random.Random) -> str:
    """A number as it is when it is none: cut short, ruined by a spreadsheet, a word, two in one."""
    digits = f"7{draw.randrange(10**8):08d}"
    return draw.choice(
        (f"0{digits[:5]}", f"2.{digits[:3]}E+11", "n/a", "", f"0{digits[:4]}x{digits[5:]}", f"0{digits}0{digits}")
    )
