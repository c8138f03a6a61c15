"""Progress: a bar on a terminal, a line every few seconds elsewhere, and nothing for quick work."""

from __future__ import annotations

import re
import sys

import pytest

from daftari.cli.terminal import progress
from daftari.cli.terminal.progress import Progress, Rate, format_seconds, show_progress
from tests.support.commands import open_terminal

HALF = Progress(label="evil\x1b[2J.csv", done=1, total=2, text="1 of 2 rows", detail="1 created")


def test_a_line_has_the_label_the_text_and_the_detail_without_controls(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    with show_progress() as update:
        update(HALF)
    assert capsys.readouterr().err == "evil [2J.csv: 1 of 2 rows: 1 created\n"


def test_a_bar_shows_the_part_that_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "QUICK_SECONDS", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with open_terminal() as (terminal, printed):
        monkeypatch.setattr(sys, "stderr", terminal)
        with show_progress() as update:
            update(HALF)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", printed())
    assert re.search(r"evil \[2J\.csv ━+╺━+ +50% 1 of 2 rows", shown)
    assert "1 created" in shown


def test_quick_work_shows_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with open_terminal() as (terminal, printed):
        monkeypatch.setattr(sys, "stderr", terminal)
        with show_progress() as update:
            update(HALF)
        monkeypatch.undo()
    with show_progress() as update:
        update(HALF)
    assert (printed(), capsys.readouterr().err) == ("", "")


def test_a_rate_counts_from_the_first_figure_that_it_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([10.0, 12.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(times))
    rate = Rate("rows")
    assert rate.describe(1_000, 5_000) == "1,000 of 5,000 rows"
    assert rate.describe(2_000, 5_000) == "2,000 of 5,000 rows, 500/s, 6 s left"


@pytest.mark.parametrize(("seconds", "written"), [(8.4, "8 s"), (90, "1 min 30 s"), (7_500, "2 h 05 min")])
def test_a_duration_is_written_for_people(seconds: float, written: str) -> None:
    assert format_seconds(seconds) == written
