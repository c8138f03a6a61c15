"""The worker: background work, in small steps. It knows rules and store, and no HTTP, processes or signals.

A kind of job is one file with its work and one line in ``jobs.py``; ``loop.py`` knows no kind.
"""

from daftari.worker.loop import run_job, run_worker

__all__ = ["run_job", "run_worker"]
