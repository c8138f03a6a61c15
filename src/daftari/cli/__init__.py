"""The ``daftari`` command: a file a noun. Commands read settings, call one rule in one transaction, and print.

``main`` is the entry. Spawned processes import this package again to find it, so it must stay light: what the
commands need is imported when one runs.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; never returns. 0: done, 1: failed, 2: wrong usage, 130: interrupted."""
    try:
        from daftari.cli.app import app

        app(prog_name="daftari")
    except KeyboardInterrupt:
        sys.exit(130)
