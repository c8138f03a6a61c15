"""Counts the statements on a project that a request costs. Those on the whole database do not count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from daftari.model.projects import NO_PROJECT
from daftari.store.postgres import PostgresTransaction
from daftari.store.sqlite import SqliteTransaction


class Statements:
    """The named queries that were run; ``last`` has those of the last request, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.last: list[str] = []
        for engine in (SqliteTransaction, PostgresTransaction):
            monkeypatch.setattr(engine, "_execute", self._noting(engine._execute))

    def count(self, ask: Callable[[], object]) -> int:
        """How many a request costs."""
        self.last.clear()
        ask()
        return len(self.last)

    def _noting(self, execute: Callable[..., Any]) -> Callable[..., Any]:
        def noted(tx: Any, name: str, values: dict[str, Any]) -> Any:
            if tx.project is not NO_PROJECT:
                self.last.append(name)
            return execute(tx, name, values)

        return noted
