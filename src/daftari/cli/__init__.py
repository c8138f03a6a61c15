"""The ``daftari`` command: a file a noun. Commands read settings, call one rule in one transaction, and print.

``main`` is the entry. Spawned processes import this package again to find it, so it must stay light: what the
commands need is imported when one runs.
"""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line; never returns. 0: done, 1: failed, 2: wrong usage, 130: interrupted."""
    # Python may lose a KeyboardInterrupt inside an import. Until a command begins, the signal itself ends the process.
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        from daftari.cli.app import app

        app(prog_name="daftari")
    except KeyboardInterrupt:
        sys.exit(130)
