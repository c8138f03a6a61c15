"""The worker: background work, in small steps. It knows rules and store, and no HTTP, processes or signals.

A kind of job is one file with its work and one line in ``jobs.py``. ``loop.py``, ``held.py`` and ``look.py`` know no
kind.
"""

from daftari.worker.jobs import count_threads
from daftari.worker.loop import run_job, run_worker
from daftari.worker.work import Provider

__all__ = ["Provider", "count_threads", "run_job", "run_worker"]
