"""Clients that are slow, that never read, or that try to add a line to an answer."""

from __future__ import annotations

import select
import socket
import time

from tests.attack.service import Found, Service

CLOSED_SECONDS_MAX = 50.0
"""30 seconds in which too little came, 15 in which nothing did, and some more for a busy machine."""
LOOK_SECONDS = 0.5
CLIENTS = 20
PHONE_BYTES_A_SECOND = 50_000
PHONE_SECONDS = 36
"""Longer than a client that is too slow may live."""
INJECTED = "X-Injected"


def slow_and_silent_clients(service: Service) -> Found:
    """Heads and bodies that stall or drip, and answers that are never read: all closed, while a phone is not."""
    key = f"Authorization: Bearer {service.ana}\r\n"
    post = f"POST /v1/contacts HTTP/1.1\r\nHost: x\r\n{key}Content-Type: application/json\r\n"
    page = f"GET /v1/contacts?per_page=1000 HTTP/1.1\r\nHost: x\r\n{key}\r\n".encode()
    stalled = [service.connect(begun) for begun in (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n") * CLIENTS]
    stalled += [service.connect(f"{post}Content-Length: 100000\r\n\r\n{{".encode()) for _ in range(CLIENTS)]
    dripping = [service.connect(b"GET / HTTP/1.1\r\nX-Long: ") for _ in range(CLIENTS)]
    dripping += [service.connect(f"{post}Content-Length: 100000\r\n\r\n{{".encode()) for _ in range(CLIENTS)]
    silent = [_ask_and_never_read(service, page) for _ in range(CLIENTS)]
    phone = service.connect(f"{post}Content-Length: {PHONE_BYTES_A_SECOND * PHONE_SECONDS}\r\n\r\n".encode())
    waiting = {*stalled, *dripping, *silent}
    count, sent, slowest, began = len(waiting), 0, 0.0, time.monotonic()
    while time.monotonic() - began < CLOSED_SECONDS_MAX and (waiting or sent < PHONE_SECONDS):
        if sent < PHONE_SECONDS and sent <= time.monotonic() - began:
            phone.sendall(b" " * PHONE_BYTES_A_SECOND)
            sent += 1
        waiting -= {wire for wire in waiting if _is_closed(wire)}
        for wire in waiting.intersection(dripping):
            _drip(wire)
        asked_at = time.monotonic()
        service.call("GET", "/v1/contacts?per_page=1", key=service.ana)
        slowest = max(slowest, time.monotonic() - asked_at)
        time.sleep(LOOK_SECONDS)
    phone_status = phone.recv(12)[9:].decode()
    for wire in (*stalled, *dripping, *silent, phone):
        wire.close()
    measured = (
        f"{count - len(waiting)} of {count} closed within {time.monotonic() - began:.0f} s; another client waited "
        f"{slowest:.2f} s at most; a phone at 50 KB/s for {PHONE_SECONDS} s got {phone_status}"
    )
    return Found("slow and silent clients", measured, not waiting and phone_status == "422")


def _ask_and_never_read(service: Service, page: bytes) -> socket.socket:
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    wire.connect(("127.0.0.1", service.port))
    # More than the kernel holds for a client that does not read.
    wire.sendall(page * 100)
    return wire


def _is_closed(wire: socket.socket) -> bool:
    poll = select.poll()
    poll.register(wire, select.POLLHUP | select.POLLERR | select.POLLRDHUP)
    return bool(poll.poll(0))


def _drip(wire: socket.socket) -> None:
    try:
        wire.sendall(b"x")
    except OSError:
        return


def lines_in_headers(service: Service) -> Found:
    """Line ends in everything that an answer repeats."""
    forged = f"%0d%0a{INJECTED}:%201%0d%0a%0d%0aforged"
    key = f"Authorization: Bearer {service.ana}\r\n"
    requests = [
        f"GET /v1/contacts?group={forged}&per_page=1 HTTP/1.1\r\nHost: x\r\n{key}",
        f"GET /v1/groups/{forged} HTTP/1.1\r\nHost: x\r\n{key}",
        f"GET /v1/contacts?per_page=1 HTTP/1.1\r\nHost: x\r\n {INJECTED}: 1\r\n{key}",
        f"GET /v1/contacts?per_page=1 HTTP/1.1\r\nHost: x/{forged}\r\n{key}",
        f"GET /v1/{forged} HTTP/1.1\r\nHost: x\r\nX-Request-Id: {forged}\r\n",
        f"GET /v1/contacts/1 HTTP/1.1\r\nHost: x\r\nIf-None-Match: {forged}\r\n{key}",
        f"POST /v1/groups?name={forged} HTTP/1.1\r\nHost: x\r\nIdempotency-Key: a\r{INJECTED}: 1\r\n{key}",
        f"GET /v1/contacts HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n{key}",
        f"GET /v1/contacts HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n{key}",
    ]
    split = 0
    for request in requests:
        with service.connect(f"{request}Connection: close\r\n\r\n0\r\n\r\n".encode()) as wire:
            head, _, body = b"".join(iter(lambda: wire.recv(65_536), b"")).partition(b"\r\n\r\n")
            split += INJECTED.lower().encode() in head.lower() or b"HTTP/1.1" in body
    log_lines = service.log.read_text(errors="replace").count("forged")
    measured = f"{len(requests)} sent, {split} answers split, {log_lines} lines in the log"
    return Found("line ends in paths and headers", measured, not split and not log_lines)


def _read_all(wire: socket.socket) -> bytes:
    return b"".join(iter(lambda: wire.recv(65_536), b""))
