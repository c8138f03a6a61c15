"""Where a connection may go: servers and files that the operator allows, and never Daftari's own database.

A project's key makes connections. Without this judgement it could look for open ports in the operator's network, or
read any file. No driver.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from daftari.connectors.protocol import ConnectorFailed
from daftari.connectors.sql.failures import failure
from daftari.connectors.sql.settings import Allowed, SqlSettings, broken
from daftari.outbound.network import ADDRESSES_TRIED_MAX, ConnectFailed, Network, Resolve, shown

CONNECT_SECONDS = 5.0
"""For finding the address, and for each connection."""
OWN_TABLE = "system"
OWN_COLUMN = "erasure_key_fingerprint"
"""No other program has this column in a table of this name."""

FindAddresses = Callable[[SqlSettings], Sequence[str]]
"""Where to connect to: addresses, all of them judged. Raises ``ConnectorFailed``."""


def refuse_own(settings: SqlSettings) -> ConnectorFailed:
    """The error for Daftari's own database."""
    return broken("own_database", f"{settings.place} is Daftari's own database; name the one with your customers.")


def addresses_finder(allowed: Allowed, *, resolve: Resolve) -> FindAddresses:
    """Returns what finds the addresses of an allowed server."""
    network = Network(resolve=resolve, allowed_hosts=allowed.hosts)

    def find(settings: SqlSettings) -> Sequence[str]:
        host, port = settings.host, settings.port
        if (host, port) not in allowed.hosts:
            raise broken(
                "host_not_allowed",
                f'"{shown(host, port)}" is not among the servers that DAFTARI_SQL_HOSTS allows; the operator adds it.',
            )
        try:
            addresses = network.find_addresses(host, port, until=time.monotonic() + CONNECT_SECONDS)
        except ConnectFailed as error:
            if error.cause == "address":
                raise broken("address", f'"{host}" has an address that may not be connected to.') from None
            raise failure("unreachable", settings, error.message.rstrip(".")) from None
        if _is_own_server(settings, addresses, allowed.own_database):
            raise refuse_own(settings)
        return addresses[:ADDRESSES_TRIED_MAX]

    return find


def is_loopback(address: str) -> bool:
    """Returns whether an address is this machine's own, which no network lies before."""
    return ip_address(address).is_loopback


def find_file(settings: SqlSettings, allowed: Allowed) -> Path:
    """Returns the path of a SQLite file that may be read. Raises ``ConnectorFailed``."""
    written = Path(settings.database)
    refusal = broken(
        "file_not_allowed",
        f'"{settings.database}" is no file in a folder that DAFTARI_SQL_FILES allows, or it is a link; '
        "the operator adds its folder.",
    )
    if not written.is_absolute() or not allowed.folders:
        raise refusal
    try:
        path = written.resolve(strict=True)
        folders = [Path(folder).resolve(strict=True) for folder in allowed.folders if Path(folder).is_dir()]
        if written.is_symlink() or not path.is_file() or not any(path.is_relative_to(folder) for folder in folders):
            raise refusal
        if _is_own_file(path, allowed.own_database):
            raise refuse_own(settings)
    except OSError:
        raise refusal from None
    return path


def _is_own_file(path: Path, own_database: str) -> bool:
    if not own_database or own_database.startswith("postgresql://"):
        return False
    own = Path(own_database)
    return own.exists() and path.samefile(own)


def _is_own_server(settings: SqlSettings, addresses: Sequence[str], own_database: str) -> bool:
    """Whether host, port and database are those of Daftari's own URL. After connecting its table is looked for too."""
    if settings.kind != "postgresql" or not own_database.startswith("postgresql://"):
        return False
    own = urlsplit(own_database)
    given = {name: values[-1] for name, values in parse_qs(own.query).items()}
    host = (given.get("host") or own.hostname or "").lower()
    named = unquote(given.get("dbname") or own.path.lstrip("/")) or given.get("user") or unquote(own.username or "")
    if named != settings.database or str(given.get("port") or own.port or 5432) != str(settings.port):
        return False
    is_here = not host or host.startswith("/") or host == "localhost"
    return host == settings.host or host in addresses or (is_here and any(map(is_loopback, addresses)))
