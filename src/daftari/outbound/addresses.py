"""Which addresses may be called. No network: an address is judged after its name was resolved.

A URL comes from a project's key, and the request leaves from inside the operator's network: without a judgement, it
would reach what only this machine may reach.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx2

HostAndPort = tuple[str, int]

NEVER = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this machine, as Linux takes it
            "100.100.100.200/32",  # metadata at Alibaba
            "168.63.129.16/32",  # metadata at Azure, in a public range
            "169.254.0.0/16",  # link-local; metadata at most others
            "192.0.0.192/32",  # metadata at Oracle
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
"""What no operator's word opens: a cloud's metadata hands out the machine's own credentials."""

PRIVATE = tuple(
    map(
        IPv4Network,
        (
            "10.0.0.0/8",
            "100.64.0.0/10",  # shared by a carrier
            "127.0.0.0/8",
            "172.16.0.0/12",
            "192.0.0.0/24",  # protocols
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # relays of 6to4
            "192.168.0.0/16",
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
        ),
    )
)

NEVER_V6 = tuple(
    map(
        IPv6Network,
        (
            "::/128",
            "64:ff9b:1::/48",  # NAT64 of a network's own, which hides an IPv4 address
            "2001::/32",  # Teredo, which hides an IPv4 address
            "2002::/16",  # 6to4, which hides an IPv4 address
            "fd00:ec2::254/128",  # metadata at Amazon
            "fd20:ce::254/128",  # metadata at Google
            "fe80::/10",  # link-local
            "fec0::/10",  # once site-local
            "ff00::/8",  # multicast
        ),
    )
)

PUBLIC_V6 = IPv6Network("2000::/3")
"""All of IPv6 that is given out; what lies outside is private or nothing."""

PRIVATE_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocols
            "2001:db8::/32",  # documentation
            "3fff::/20",  # documentation
        ),
    )
)

NAT64 = IPv6Network("64:ff9b::/96")
"""IPv4 as a network without it writes it: the last 32 bits are the address that is reached."""


def may_connect(address: str, *, allowed: bool) -> bool:
    """Returns whether a resolved address may be connected to; ``allowed``: whether the operator named its host.

    What is no address may not. An IPv4 address inside an IPv6 one is judged as itself.
    """
    try:
        judged: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(judged, IPv6Address):
        judged = _inside(judged)
    if isinstance(judged, IPv4Address):
        return not _in(judged, NEVER) and (allowed or not _in(judged, PRIVATE))
    if _in(judged, NEVER_V6) or judged.scope_id is not None:
        return False
    return allowed or (judged in PUBLIC_V6 and not _in(judged, PRIVATE_V6))


def is_address(host: str) -> bool:
    """Whether a host is written as an address, so that no name has to be resolved."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _inside(address: IPv6Address) -> IPv4Address | IPv6Address:
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address


def _in(address: IPv4Address | IPv6Address, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    return any(address in network for network in networks)


def read_allowed_hosts(written: Iterable[str]) -> frozenset[HostAndPort]:
    """Returns the hosts that the operator allows, each written ``host:port``; an IPv6 address stands in brackets.

    Raises ``ValueError`` with a sentence that quotes the first one that is not so.
    """
    return frozenset(_read_allowed_host(host) for host in written)


def _read_allowed_host(written: str) -> HostAndPort:
    try:
        url = httpx2.URL(f"//{written}")
    except (httpx2.InvalidURL, ValueError):
        url = httpx2.URL()
    host = url.raw_host.decode("ascii").lower()
    if not host or url.port is None or url.userinfo or url.raw_path != b"/" or url.fragment:
        raise ValueError(f'"{written}" is no host and port; write it as in "kannel.intra:13013" or "[fd12::7]:8080".')
    return host, url.port
