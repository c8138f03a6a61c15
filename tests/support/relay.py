"""A TCP port on loopback in front of a PostgreSQL that listens on a socket file, with TLS if asked for.

The connector connects by host and port alone, and the tests' server has neither. This module knows nothing of Daftari.
"""

from __future__ import annotations

import socket
import ssl
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from psycopg.conninfo import conninfo_to_dict

TLS_REQUESTS = (80877103, 80877104)
"""How PostgreSQL's clients ask for TLS, or for encryption by Kerberos."""


class Relay:
    """A relay that runs. ``port``: where; ``connections``: how many there were; ``cut`` ends all of them."""

    def __init__(self, server: str, *, tls: ssl.SSLContext | None) -> None:
        given = conninfo_to_dict(server)
        self._folder = str(given.get("host") or "localhost")
        self._behind = int(given.get("port") or 5432)
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.port = int(self._listener.getsockname()[1])
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection, as a network that fails does."""
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def close(self) -> None:
        """Listen no longer."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                self._threads.append(threading.Thread(target=self._serve, args=(client,), daemon=True))
                self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with suppress(OSError):
                begin = _exactly(client, 8)
                while struct.unpack("!II", begin)[1] in TLS_REQUESTS:
                    wanted = self._tls is not None and struct.unpack("!II", begin)[1] == TLS_REQUESTS[0]
                    client.sendall(b"S" if wanted else b"N")
                    if wanted and self._tls is not None:
                        client = self._tls.wrap_socket(client, server_side=True)
                    begin = _exactly(client, 8)
                with self._connected() as server:
                    server.sendall(begin)
                    self._open += [client, server]
                    back = threading.Thread(target=_copy, args=(server, client), daemon=True)
                    back.start()
                    _copy(client, server)
                    back.join()
        finally:
            client.close()

    def _connected(self) -> socket.socket:
        if not self._folder.startswith("/"):
            return socket.create_connection((self._folder, self._behind))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{self._folder}/.s.PGSQL.{self._behind}")
        return server


@contextmanager
def relay_to(server: str, *, tls: ssl.SSLContext | None = None) -> Iterator[Relay]:
    """Runs until the block ends."""
    relay = Relay(server, tls=tls)
    try:
        yield relay
    finally:
        relay.close()


def _exactly(source: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        piece = source.recv(size - len(found))
        if not piece:
            raise OSError("it ended early")
        found += piece
    return found


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    # Runs until its standard input ends; its port is printed.
    with relay_to(sys.argv[1]) as running:
        print(running.port, flush=True)
        sys.stdin.read()
