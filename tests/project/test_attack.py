"""The attacks on a service run: a few of them, and every one is documented."""

from __future__ import annotations

from pathlib import Path

from tests.attack.__main__ import ATTACKS, run_attacks

ROOT = Path(__file__).parent.parent.parent


def test_a_few_attacks_are_run_and_the_service_holds() -> None:
    results = run_attacks(["bodies", "early", "headers", "isolation", "modes"])
    assert {found.what: found.measured for found, _ in results if not found.held} == {}


def test_every_attack_is_in_the_page_about_reliability() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text()
    assert [name for name in ATTACKS if f"`{name}`" not in page] == []
