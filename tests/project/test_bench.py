"""The benchmark: what it may know of Daftari, with which versions it runs, and how it compares."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from bench.ratios import interleave, judge, median_ratio

ROOT = Path(__file__).parent.parent.parent


def _pinned(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


def test_it_imports_nothing_of_daftari() -> None:
    """It must run against a revision whose modules are elsewhere."""
    imported = set()
    for path in (ROOT / "bench").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    assert "bench" in imported
    assert not {"daftari", "daftari_client"} & imported


def test_it_runs_with_the_versions_that_the_product_has() -> None:
    product, bench = _pinned("requirements-dev.lock"), _pinned("bench/requirements.lock")
    shared = product.keys() & bench.keys()
    assert {"apsw", "granian", "psycopg"} <= shared
    assert {name: bench[name] for name in shared} == {name: product[name] for name in shared}


def test_sides_take_turns_and_the_first_turn_is_not_counted() -> None:
    order = []

    def side(name: str) -> Callable[[], int]:
        def turn() -> int:
            order.append(name)
            return len(order)

        return turn

    found = interleave({"base": side("base"), "here": side("here")}, rounds=3)
    assert order == ["base", "here", "base", "here", "here", "base", "base", "here"]
    assert found == {"base": [3, 6, 7], "here": [4, 5, 8]}


def test_every_turn_counts_without_a_warm_up() -> None:
    order: list[str] = []
    sides = {name: partial(order.append, name) for name in ("base", "here")}
    interleave(sides, rounds=2, warm_up=False)
    assert order == ["base", "here", "here", "base"]


def test_one_slow_round_of_three_does_not_change_the_ratio() -> None:
    assert median_ratio([100.0, 10.0, 100.0], [100.0, 100.0, 100.0]) == 1.0


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [(1.2, "holds"), (0.97, "holds"), (0.969, "explain"), (0.95, "explain"), (0.949, "fails")],
)
def test_a_ratio_has_a_verdict(ratio: float, verdict: str) -> None:
    assert judge(ratio) == verdict
