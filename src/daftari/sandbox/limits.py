"""How much of the machine the subprocess may take. Nothing of the package is loaded before these limits hold."""

from __future__ import annotations

import resource

MEMORY_BYTES_MAX = 1024 * 1024 * 1024
LAYOUT_CPU_SECONDS_MAX = 20
"""Processor time for finding out what a file is: many times what the largest workbook takes."""
LAYOUT_SECONDS_MAX = 60
"""Time for that on a busy machine, while a request waits for it."""
READ_CPU_SECONDS_MIN = 120
READ_BYTES_A_SECOND_MIN = 32 * 1024
"""Processor time for reading all records: so much, and a second for so many bytes of the file."""
CHUNK_SECONDS_MAX = 600
"""Time for one chunk on a busy machine. Time in which nothing takes the chunks does not count."""
NICENESS = 19
"""Below requests, and below the process that writes what this one reads."""


def set_limit(limit: int, most: int) -> None:
    """To ours, or to a lower limit that is in force already: it cannot be raised."""
    # Beyond the first number of seconds SIGXCPU ends this process, beyond the second one SIGKILL.
    more = 1 if limit == resource.RLIMIT_CPU else 0
    _, allowed = resource.getrlimit(limit)
    most = most if allowed == resource.RLIM_INFINITY else min(most, allowed - more)
    resource.setrlimit(limit, (most, most + more))
