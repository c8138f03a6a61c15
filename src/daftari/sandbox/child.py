"""The subprocess that reads a file: takes one task, writes chunk after chunk, and ends. No database.

``python -m daftari.sandbox.child N`` reads the file that is open as descriptor N. It runs at the lowest priority and
under limits of memory, processor time and time, so that a malicious file ends this process and no other.
"""

from __future__ import annotations

import os
import resource
import signal
import sys

from daftari.memory import check_cycles_rarely
from daftari.sandbox.limits import MEMORY_BYTES_MAX, NICENESS, set_limit


def main() -> None:
    """Read one task from standard input, and do it."""
    set_limit(resource.RLIMIT_AS, MEMORY_BYTES_MAX)
    set_limit(resource.RLIMIT_CORE, 0)
    os.nice(NICENESS)
    # Ctrl-C is for the parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    check_cycles_rarely()
    # Most of what a short task takes is loading this, a tenth less where Python looks for no cycles meanwhile.
    from daftari.sandbox.tasks import do_task

    do_task(int(sys.argv[1]))


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        # The parent is gone.
        os._exit(1)
