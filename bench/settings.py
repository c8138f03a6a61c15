"""The sizes of one run, and the folder it works in. No measuring here."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".bench"
"""Datasets, logs and results; never committed."""
GROUPS = 20
SECRET = "not a secret, for the benchmark alone"
"""What keys the hashes in every dataset: datasets are copied, and PostgreSQL has no place for it."""
SMALL_ROWS = 10_000
"""Contacts in the small project, whose total is timed to compare with the big one's."""
WORKERS = 1
"""Processes of a server, which is what ``daftari serve`` starts by itself; no process is bound to a core."""
CONNECTIONS = 16
FEW_CONNECTIONS = 4
"""For pages and creates, which are long."""


class Settings(Struct, frozen=True, kw_only=True):
    """One run's settings, all of which are printed with its results."""

    quick: bool
    rows: int
    deep_rows: int
    rounds: int
    seconds: int
    soak_minutes: float


class BenchFailed(Exception):
    """Something that is needed is missing, or a server gave a wrong answer. The message says what to do."""


def make_settings(*, quick: bool, rows: int | None, soak_minutes: float | None) -> Settings:
    """Raises ``BenchFailed`` when the small project would not fit."""
    chosen = rows if rows is not None else 20_000 if quick else 1_000_000
    if chosen < SMALL_ROWS or chosen % SMALL_ROWS:
        raise BenchFailed(f"--rows is {chosen:,}; it must be a multiple of {SMALL_ROWS:,}, as 1,000,000 is.")
    return Settings(
        quick=quick,
        rows=chosen,
        deep_rows=chosen * 10,
        rounds=3 if quick else 5,
        seconds=1 if quick else 3,
        soak_minutes=soak_minutes if soak_minutes is not None else 0.25 if quick else 3.0,
    )
