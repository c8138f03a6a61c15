"""Ways to test a behaviour no more often than it takes: many cases in one test, and one engine instead of two."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import pytest

ON_SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
"""For a behaviour that is decided before any SQL, and shown through a database: one engine is enough."""


def each(names: str, cases: Iterable[Any], *, ids: Callable[..., str] | Iterable[Any] | None = None) -> Any:
    """As ``pytest.mark.parametrize``, but one test. Every case is run, and each one that fails is reported.

    A case must not depend on what those before it left.
    """
    wanted = [name.strip() for name in names.split(",")]
    rows = [case if len(wanted) > 1 else (case,) for case in cases]
    if ids is None:
        labels = ["-".join(map(str, row)) for row in rows]
    elif callable(ids):
        labels = ["-".join(map(ids, row)) for row in rows]
    else:
        labels = [str(one) for one in ids]

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @wraps(test)
        def run(*, subtests: pytest.Subtests, **fixtures: Any) -> None:
            assert rows, "there is no case"
            for row, label in zip(rows, labels, strict=True):
                try:
                    test(**fixtures, **dict(zip(wanted, row, strict=True)))
                except (Exception, pytest.fail.Exception):
                    with subtests.test(label):
                        raise

        taken = [one for one in inspect.signature(test).parameters.values() if one.name not in wanted]
        reports = inspect.Parameter("subtests", inspect.Parameter.KEYWORD_ONLY)
        run.__dict__["__signature__"] = inspect.Signature([*taken, reports])
        return run

    return decorate
