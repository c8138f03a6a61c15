"""The page at ``/docs`` in a browser."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from daftari.api.reference.page import page
from tests.system.conftest import find_program

FIVE_CALLS = ("List contacts", "Get one contact", "Create contacts", "Update a contact", "Delete a contact")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CHROMIUM_SECONDS_MAX = 120
PHONE_WIDTH = 360


def _seen_by_chromium(file: Path, folder: Path) -> str:
    """The page as the browser has it once it is open."""
    command = [
        find_program("chromium", package="chromium"),
        *OPTIONS,
        f"--user-data-dir={folder}",
        "--virtual-time-budget=5000",
        "--dump-dom",
        file.as_uri(),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=CHROMIUM_SECONDS_MAX, stdin=subprocess.DEVNULL, check=True
    )
    return done.stdout


def test_a_browser_shows_the_five_calls(tmp_path: Path) -> None:
    file = tmp_path / "docs.html"
    file.write_bytes(page())
    seen = _seen_by_chromium(file, tmp_path / "profile")
    for title in FIVE_CALLS:
        assert title in seen


def test_the_page_is_no_wider_than_a_phone(tmp_path: Path) -> None:
    """A frame of a phone's width shows how wide the page in it would like to be."""
    report = "<script>onload = () => parent.postMessage(document.documentElement.scrollWidth, '*')</script></body>"
    (tmp_path / "docs.html").write_text(page().decode().replace("</body>", report))
    frame = tmp_path / "frame.html"
    frame.write_text(
        "<!doctype html><title>unknown</title><script>onmessage = sent => document.title = sent.data</script>"
        f"<iframe src='docs.html' width='{PHONE_WIDTH}' height='700' style='border: 0'></iframe>"
    )
    seen = re.search(r"<title>(\w+)</title>", _seen_by_chromium(frame, tmp_path / "profile"))
    assert seen is not None
    assert int(seen[1]) <= PHONE_WIDTH
