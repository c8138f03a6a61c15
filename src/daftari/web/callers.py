"""Who sends a request of the console: the network address, the scheme and the host, as far as they can be believed.

``X-Forwarded-For``, ``-Proto`` and ``-Host`` are believed of the operator's proxies alone, ``Forwarded`` of none. The
public URL wins over all of them. Knows no route and no session.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from msgspec import Struct

from daftari.web.rsgi import RequestHeaders, RsgiScope

Network = IPv4Network | IPv6Network
FORWARDED = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded")
"""Headers that only proxies send."""
HOST_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:-[]_")
DEFAULT_PORTS = {"http": 80, "https": 443}


class Caller(Struct, frozen=True):
    """Where a request comes from, and where it was sent to."""

    address: str
    """The network address of the client, or of the last proxy that is believed."""
    scheme: str
    """``http`` or ``https``."""
    host: str
    """The host that the client used, with its port unless it is the scheme's own."""
    is_local: bool
    """Whether the client is on this machine, with no proxy between: not every proxy says that it is one, but the host
    is then another one.
    """

    @property
    def origin(self) -> str:
        """The origin of the console's own pages, as browsers write it."""
        return f"{self.scheme}://{self.host}"

    def may_give_password(self, *, insecure_cookies: bool) -> bool:
        """Whether a password may be asked for: over HTTPS, on this machine, or where the operator allows it."""
        return self.scheme == "https" or self.is_local or insecure_cookies


def read_networks(written: Iterable[str]) -> tuple[Network, ...]:
    """The proxies that are believed. Raises ``ValueError``."""
    return tuple(map(ip_network, written))


def find_caller(scope: RsgiScope, *, public_url: str | None, trusted: Sequence[Network]) -> Caller:
    """Where a request comes from."""
    headers = scope.headers
    peer = _host_of(scope.client)
    is_believed = _is_in(peer, trusted)
    address = _find_client(peer, headers, trusted) if is_believed else peer
    is_direct = not any(name in headers for name in FORWARDED)
    scheme, host = _find_target(scope, is_believed=is_believed)
    if public_url is not None:
        parts = urlsplit(public_url)
        scheme, host = parts.scheme, parts.netloc.rpartition("@")[2]
    is_local = is_direct and _is_loopback(peer) and _is_loopback_host(host)
    return Caller(address, scheme, _plain_host(scheme, host), is_local)


def is_same_origin(headers: RequestHeaders, *, origin: str) -> bool:
    """Whether a form was sent by a page of this origin, as the browser says and no page can.

    Browsers send ``Origin: null`` from a page without referrers, where ``Sec-Fetch-Site`` decides.
    """
    given = headers.get("origin")
    if given is not None and given != "null":
        return given == origin
    return ("origin" not in headers or given == "null") and headers.get("sec-fetch-site") == "same-origin"


def is_host(written: str) -> bool:
    """Whether this can be a host, which is repeated in URLs."""
    return bool(written) and HOST_CHARACTERS.issuperset(written)


# ---- what proxies say -----------------------------------------------------------------------------------


def _find_client(peer: str, headers: RequestHeaders, trusted: Sequence[Network]) -> str:
    """The first address from the right that is no proxy's; what stands left of it anyone may have written."""
    address = peer
    for written in reversed(_values(headers, "x-forwarded-for")):
        found = _read_address(written)
        if found is None:
            return address
        address = str(found)
        if not _is_in(address, trusted):
            return address
    return address


def _find_target(scope: RsgiScope, *, is_believed: bool) -> tuple[str, str]:
    """The scheme and the host that the client used."""
    scheme = "https" if scope.scheme == "https" else "http"
    host = scope.authority or scope.headers.get("host") or ""
    if is_believed:
        # The last value is that of the proxy which is believed.
        said = _values(scope.headers, "x-forwarded-proto")[-1:]
        if said and said[0].lower() in DEFAULT_PORTS:
            scheme = said[0].lower()
        named = _values(scope.headers, "x-forwarded-host")[-1:]
        if named and is_host(named[0]):
            host = named[0]
    return scheme, host if is_host(host) else scope.server


def _values(headers: RequestHeaders, name: str) -> list[str]:
    """The parts of a header that may come several times, in order, without lines that are not ASCII."""
    return [part.strip() for line in headers.get_all(name) for part in line.split(",")]


def _read_address(written: str) -> IPv4Address | IPv6Address | None:
    """An address, which may have a port; ``None`` for a name or anything else."""
    text = written
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _host_of(client: str) -> str:
    """The address of ``127.0.0.1:1234`` or ``[::1]:1234``, in its plain form."""
    found = _read_address(client)
    return client if found is None else str(found)


def _is_in(address: str, networks: Sequence[Network]) -> bool:
    found = _read_address(address)
    return found is not None and any(found in network for network in networks)


def _is_loopback(address: str) -> bool:
    found = _read_address(address)
    return found is not None and found.is_loopback


def _is_loopback_host(host: str) -> bool:
    """Whether a host is this machine to every browser."""
    name = host.lower().removeprefix("[").partition("]")[0] if host.startswith("[") else host.lower().partition(":")[0]
    return name == "localhost" or name.endswith(".localhost") or _is_loopback(name)


def _plain_host(scheme: str, host: str) -> str:
    """A host as browsers write it in an origin."""
    return host.lower().removesuffix(f":{DEFAULT_PORTS[scheme]}")
