"""What the work of a job is to the worker, whatever its kind. No HTTP, no SQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol, Self

from msgspec import Struct

from daftari.connectors import Allowed
from daftari.model.projects import Project
from daftari.outbound.client import OutboundClient
from daftari.store import Store, Tx

MayContinue = Callable[[], bool]
"""``False`` when the worker is to stop, or has lost the job."""


class Provider(Struct, frozen=True):
    """How messages leave: over which client, under which URL providers reach this service, and what is logged."""

    client: OutboundClient
    public_url: str | None = None
    log_text: bool = False
    databases: Allowed = Allowed()
    """Those that connections may read."""


class Work(Protocol):
    """The work of one job in one project, a step at a time: ``with`` it, until ``step`` returns ``False``.

    Between two steps other jobs have their turns, so a step is short: a transaction or a few, or a second of I/O.
    """

    pause_seconds: float
    """How long the next step is to wait, as the last one found."""
    has_requested: bool
    """Whether the last step requested another job, which is better taken at once."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def step(self) -> bool:
        """Do the next step. Returns whether there may be another one.

        Raises ``Unauthenticated`` when the project was deleted, and ``StoreBusy``.
        """

    def fail(self, error: str) -> bool:
        """End what an unexpected exception stopped, with a sentence. Returns ``False`` if nothing can be ended."""


class BeginWork(Protocol):
    """Makes the work of the only job of its kind in a project, usually its class.

    A step that takes long asks ``may_continue`` every second or so.
    """

    def __call__(self, store: Store, project: Project, *, may_continue: MayContinue) -> Work: ...


class BeginWorkOn(Protocol):
    """As ``BeginWork``, for one of several jobs of a kind."""

    def __call__(
        self, store: Store, project: Project, *, subject: str, may_continue: MayContinue, provider: Provider | None
    ) -> Work: ...


class JobType(Struct, frozen=True):
    """What a worker must know of a kind of job.

    ``list_subjects``: of the jobs that have work now; it costs little, for every worker asks it of every project again
    and again. ``held_max`` and ``steps_max``: how many jobs of the kind one worker holds, and does steps of, at a time.
    """

    begin: BeginWorkOn
    list_subjects: Callable[[Tx], Sequence[str]]
    held_max: int
    steps_max: int
    look_seconds: float


class Steps:
    """Work that has nothing to close and nothing to end: a rule, called until it returns ``False``."""

    pause_seconds = 0.0
    has_requested = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open."""

    def fail(self, error: str) -> bool:
        """Nothing can be ended: the work has to be done, however often it is tried."""
        return False


def one_job(
    begin: BeginWork, *, has_work: Callable[[Tx], bool], held_max: int, steps_max: int, look_seconds: float
) -> JobType:
    """A kind of which a project has one job, without a subject."""

    def begin_one(
        store: Store, project: Project, *, subject: str, may_continue: MayContinue, provider: Provider | None
    ) -> Work:
        return begin(store, project, may_continue=may_continue)

    def list_one(tx: Tx) -> Sequence[str]:
        return ("",) if has_work(tx) else ()

    return JobType(begin_one, list_one, held_max, steps_max, look_seconds)
