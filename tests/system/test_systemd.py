"""The unit of the documentation, as systemd reads it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.system.conftest import find_program, read_sample


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    analyze = find_program("systemd-analyze", package="systemd")
    unit = tmp_path / "daftari.service"
    # It looks whether the program is there.
    unit.write_text(read_sample("ini").replace("/opt/daftari/bin/daftari", sys.executable))
    done = subprocess.run([analyze, "verify", unit], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    unit.write_text(unit.read_text() + "[Nonsense]\nWrong=yes\n")
    assert "Nonsense" in subprocess.run([analyze, "verify", unit], capture_output=True, text=True).stderr


def test_the_unit_starts_the_service_again_without_end_and_keeps_its_files_private() -> None:
    lines = read_sample("ini").splitlines()
    assert {"RestartSec=5", "StartLimitIntervalSec=0", "UMask=0077", "StateDirectoryMode=0700"} <= set(lines)
    assert lines.index("StartLimitIntervalSec=0") < lines.index("[Service]")
