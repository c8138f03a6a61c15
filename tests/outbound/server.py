"""A server on loopback that does to each connection what a test says, byte by byte. It knows nothing of Daftari.

``tests/support/faulty_server`` answers requests; this one also stalls, drips, resets, and speaks what is not HTTP.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CERTIFICATES = Path(__file__).parent / "certificates"
"""``server.pem`` is for the name ``sms.example``, signed by ``authority.pem``, both until 2126."""
JOIN_SECONDS_MAX = 30.0

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """What runs: its address, and what has come in until now."""

    def __init__(self, listening: socket.socket) -> None:
        self.listening = listening
        self.host, self.port = listening.getsockname()[:2]
        self.connections = 0
        self.requests: list[bytes] = []
        self.arrived = threading.Semaphore(0)
        """Released once for each request."""
        self.names: list[str | None] = []
        """What the clients' TLS asked for."""
        self.over = threading.Event()
        """Set when the test is done: the end of every stall."""


Behave = Callable[[Server, socket.socket], None]
"""What to do with one connection, in a thread of its own. It is closed afterwards."""


@contextmanager
def running(behave: Behave, *, host: str = "127.0.0.1", tls: bool = False) -> Iterator[Server]:
    """A server until the block ends."""
    with socket.create_server((host, 0)) as listening:
        server = Server(listening)
        threads: list[threading.Thread] = []
        context = _context(server) if tls else None

        def serve(connection: socket.socket) -> None:
            # A client that goes away while it is answered is what many tests are about.
            with suppress(OSError):
                if context:
                    connection = context.wrap_socket(connection, server_side=True)
                behave(server, connection)
            connection.close()

        def accept() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                server.connections += 1
                threads.append(threading.Thread(target=serve, args=(connection,)))
                threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield server
        finally:
            server.over.set()
            listening.shutdown(socket.SHUT_RDWR)
            for thread in (accepting, *threads):
                thread.join(JOIN_SECONDS_MAX)
                assert not thread.is_alive()


def _context(server: Server) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem")

    def write_down(_connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        server.names.append(name)

    context.sni_callback = write_down
    return context


# ---- what a server may do ---------------------------------------------------------------------------


def read_request(server: Server, connection: socket.socket) -> bytes:
    """The next request, head and body; nothing when the client has closed."""
    request = b""
    while b"\r\n\r\n" not in request:
        piece = connection.recv(65_536)
        if not piece:
            return b""
        request += piece
    head, _, body = request.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            while len(body) < int(value):
                body += connection.recv(65_536)
    server.requests.append(head + b"\r\n\r\n" + body)
    server.arrived.release()
    return request


def answers(*responses: bytes) -> Behave:
    """Each request of a connection gets the next response; the last one serves for all that follow."""

    def behave(server: Server, connection: socket.socket) -> None:
        left = list(responses)
        while read_request(server, connection):
            connection.sendall(left.pop(0) if len(left) > 1 else left[0])

    return behave


def answers_and_closes(response: bytes) -> Behave:
    def behave(server: Server, connection: socket.socket) -> None:
        if read_request(server, connection):
            connection.sendall(response)

    return behave


def says_and_stalls(said: bytes) -> Behave:
    """Reads a request, says so much, and then nothing more."""

    def behave(server: Server, connection: socket.socket) -> None:
        read_request(server, connection)
        connection.sendall(said)
        server.over.wait()

    return behave


def drips(said: bytes, *, each_seconds: float) -> Behave:
    """Says one byte after the other; when all are said, the last one again and again."""

    def behave(server: Server, connection: socket.socket) -> None:
        read_request(server, connection)
        place = 0
        while not server.over.wait(each_seconds):
            connection.sendall(said[place : place + 1])
            place = min(place + 1, len(said) - 1)

    return behave


def reads_and_resets(server: Server, connection: socket.socket) -> None:
    read_request(server, connection)
    reset(connection)


def reset(connection: socket.socket) -> None:
    """Close with RST, not with FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def stalls(server: Server, _connection: socket.socket) -> None:
    """Reads nothing and says nothing."""
    server.over.wait()


def response(status: int, body: bytes = b"", **headers: str) -> bytes:
    """A whole response. ``retry_after="1"`` is the header ``retry-after``."""
    written = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{written}\r\n".encode() + body
