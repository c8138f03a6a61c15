"""Processes that read files and start quickly: forked from one that has loaded what they need.

Most of the time that it takes to read a small file goes into starting Python. Each file is still read in a process of
its own, under the product's limits. Tests about that process itself start it as the product does.

    python -m tests.support.readers N

is the process that forks. Each request on the socket N brings four descriptors: the file, standard input, standard
output, and a socket for the reader's process id and, once it has ended, how it did.
"""

from __future__ import annotations

import os
import runpy
import signal
import socket
import struct
import subprocess
import sys
import threading
import traceback
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import IO

READER = "daftari.sandbox.child"
ROOT = Path(__file__).parent.parent.parent
_NUMBER = struct.Struct("i")


class Forks:
    """The process that forks readers; it ends with the test run's process."""

    PIPE = subprocess.PIPE

    def __init__(self) -> None:
        self._socket, self._theirs = socket.socketpair()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        self._socket.close()
        self._theirs.close()
        if self._process is not None:
            self._process.wait()

    def Popen(self, command: list[str], *, stdin: int, stdout: int, pass_fds: list[int]) -> Reader:
        """A reader in place of one that ``subprocess`` would start."""
        assert (command[1:3], stdin, stdout) == (["-m", READER], subprocess.PIPE, subprocess.PIPE)
        asked, written = os.pipe()
        said, printed = os.pipe()
        watcher, reports = socket.socketpair()
        with reports, self._lock:
            if self._process is None:
                self._process = self._start()
            socket.send_fds(self._socket, [b"r"], [pass_fds[0], asked, printed, reports.fileno()])
        os.close(asked)
        os.close(printed)
        return Reader(os.fdopen(written, "wb"), os.fdopen(said, "rb"), watcher)

    def _start(self) -> subprocess.Popen[bytes]:
        with self._theirs:
            number = self._theirs.fileno()
            environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
            return subprocess.Popen([sys.executable, "-m", __name__, str(number)], pass_fds=[number], env=environ)


class Reader:
    """A forked reader, as far as ``subprocess.Popen`` is used of one.

    Until the block ends, its process id is that of no other process.
    """

    def __init__(self, stdin: IO[bytes], stdout: IO[bytes], watcher: socket.socket) -> None:
        self.stdin, self.stdout, self._watcher = stdin, stdout, watcher
        self.returncode: int | None = None
        self.pid = self._hear()

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stdin.close()
        self.stdout.close()
        self.wait()
        self._watcher.close()

    def wait(self) -> int:
        if self.returncode is None:
            self.returncode = self._hear()
        return self.returncode

    def kill(self) -> None:
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)

    def _hear(self) -> int:
        (number,) = _NUMBER.unpack(self._watcher.recv(_NUMBER.size, socket.MSG_WAITALL))
        return int(number)


def _serve(requests: socket.socket) -> None:
    # Who watches a reader is not waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        asked, descriptors, _, _ = socket.recv_fds(requests, 1, 4)
        if not asked:
            return
        if os.fork() == 0:
            requests.close()
            try:
                _watch(*descriptors)
            finally:
                os._exit(0)
        for number in descriptors:
            os.close(number)


def _watch(file: int, asked: int, printed: int, reports: int) -> None:
    """Have a file read, and say how that ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    reader = os.fork()
    if reader == 0:
        os.close(reports)
        _read(file, asked, printed)
    for number in (file, asked, printed):
        os.close(number)
    os.write(reports, _NUMBER.pack(reader))
    ended = os.waitid(os.P_PID, reader, os.WEXITED | os.WNOWAIT)
    assert ended is not None
    os.write(reports, _NUMBER.pack(ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status))
    # While it may still be killed, no other process may get its id.
    os.read(reports, 1)


def _read(file: int, asked: int, printed: int) -> None:
    os.dup2(asked, 0)
    os.dup2(printed, 1)
    os.close(asked)
    os.close(printed)
    sys.argv = [READER, str(file)]
    code = 0
    try:
        runpy.run_module(READER, run_name="__main__")
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
        code = 1
    os._exit(code)


if __name__ == "__main__":
    import_module("daftari.sandbox.tasks")

    with socket.socket(fileno=int(sys.argv[1])) as requests:
        _serve(requests)
