"""A checkout of Daftari and the Python that runs it. Only its command line is used."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from msgspec import Struct

from bench.settings import FOLDER, ROOT, SECRET, BenchFailed

VENV = ".venv"


class Checkout(Struct, frozen=True):
    """Sources, and an environment in which they are installed."""

    root: Path
    python: Path

    def command(self, *words: str) -> list[str]:
        """A command of ``daftari``, to be started with ``environment()``."""
        return [str(self.python), "-m", "daftari", *words]

    def run(self, *words: str) -> str:
        """What a command prints on standard output. Raises ``BenchFailed`` when it fails."""
        return _run(self.command(*words), folder=FOLDER, environ=environment())


HERE = Checkout(ROOT, ROOT / os.environ.get("VENV", VENV) / "bin" / "python")


def environment() -> dict[str, str]:
    """The developer's, without settings of Daftari's; the folder of the benchmark has no settings file either."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAFTARI_")}
    kept.pop("PYTHONPATH", None)
    return {**kept, "DAFTARI_SECRET": SECRET}


def _run(command: list[str], *, folder: Path = ROOT, environ: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, env=environ, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        output = (done.stderr or done.stdout).strip()
        raise BenchFailed(f"'{' '.join(command)}' ended with {done.returncode}: {output[-2000:]}")
    return done.stdout
