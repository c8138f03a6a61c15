"""A checkout of Daftari and the Python that runs it: this one, or the one that it is compared with.

Only its command line is used, so that a revision may have its modules anywhere.
"""

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
    """The developer's, without settings of Daftari's; the folder of the benchmark has no settings file either.

    Bytecode is kept, as it is where Daftari is installed; else every process would compile all sources.
    """
    dropped = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAFTARI_")}
    return {**{name: value for name, value in kept.items() if name not in dropped}, "DAFTARI_SECRET": SECRET}


def open_base(base: str) -> Checkout:
    """The checkout to compare with: a folder, or a revision of git, which gets a worktree that is kept.

    Its own Makefile installs it from its own lock files. Raises ``BenchFailed`` when there is no such revision, or
    when it cannot be installed.
    """
    root = Path(base).resolve()
    if not (root / "pyproject.toml").is_file():
        try:
            revision = _run(["git", "rev-parse", "--verify", f"{base}^{{commit}}"]).strip()
        except BenchFailed as error:
            raise BenchFailed(f"The base is {base!r}; it must be a git revision or a checkout's folder.") from error
        root = FOLDER / "base" / revision[:12]
        if not root.exists():
            _run(["git", "worktree", "add", "--quiet", "--force", "--detach", str(root), revision])
    _run(["make", "--silent", "-C", str(root), f"VENV={VENV}", f"{VENV}/.run"])
    return Checkout(root, root / VENV / "bin" / "python")


def _run(command: list[str], *, folder: Path = ROOT, environ: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, env=environ, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        output = (done.stderr or done.stdout).strip()
        raise BenchFailed(f"'{' '.join(command)}' ended with {done.returncode}: {output[-2000:]}")
    return done.stdout
