"""The worker: work that no request waits for, in small turns, beside the servers or on its own.

A door, as the API is one: it knows rules and store, and nothing of HTTP, processes or signals.
"""

from daftari.worker.loop import work_on, work_until

__all__ = ["work_on", "work_until"]
