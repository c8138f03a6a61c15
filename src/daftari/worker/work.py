"""What the work of a job is to the worker, whatever its kind. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from daftari.model.projects import Project
from daftari.store import Store

KeepAlive = Callable[[], bool]
"""Renews the job's lease; ``False`` when the worker is to stop, or has lost the job."""


class Work(Protocol):
    """The work of one job in one project, a step at a time: ``with`` it, until ``step`` returns ``False``."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def step(self) -> bool:
        """Do the next step, a transaction or a few. Returns whether there may be another one.

        Raises ``Unauthenticated`` when the project was deleted, and ``StoreBusy``.
        """

    def fail(self, error: str) -> bool:
        """End what an unexpected exception stopped, with a sentence. Returns ``False`` if nothing can be ended."""


class BeginWork(Protocol):
    """Makes the work of a job, usually its class. A step that takes long calls ``keep_alive`` every few seconds."""

    def __call__(self, store: Store, project: Project, *, keep_alive: KeepAlive) -> Work: ...


class Steps:
    """Work that has nothing to close and nothing to end: a rule, called until it returns ``False``."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open."""

    def fail(self, error: str) -> bool:
        """Nothing can be ended: the work has to be done, however often it is tried."""
        return False
