"""A way to a PostgreSQL server that can be cut and restored, as a network or a restart of the server does."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit, urlunsplit


class Switch:
    """Passes what comes to a port of this machine on to the server of a database, while it is on."""

    def __init__(self, database: str) -> None:
        self._place = urlsplit(database)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self._port = int(taken.getsockname()[1])
        self._listener: socket.socket | None = None
        self._wires: list[socket.socket] = []

    @property
    def database(self) -> str:
        """The address of the database, by this way."""
        user = f"{self._place.username}:{self._place.password or ''}@"
        return urlunsplit(("postgresql", f"{user}127.0.0.1:{self._port}", self._place.path, "", ""))

    def turn_on(self) -> None:
        """Listen."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._listen, args=(self._listener,), daemon=True).start()

    def turn_off(self) -> None:
        """Refuse connections, and break those that there are."""
        if self._listener is not None:
            # Closing alone would not end the thread's wait.
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        while self._wires:
            with suppress(OSError):
                self._wires.pop().shutdown(socket.SHUT_RDWR)

    def _listen(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = self._connect()
                self._wires += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=_pass_on, args=(source, target), daemon=True).start()

    def _connect(self) -> socket.socket:
        (folder,) = parse_qs(self._place.query).get("host", [""])
        if folder:
            wire = socket.socket(socket.AF_UNIX)
            wire.connect(f"{folder}/.s.PGSQL.{self._place.port or 5432}")
            return wire
        return socket.create_connection((self._place.hostname or "localhost", self._place.port or 5432))


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError), source, target:
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)
