"""The settings, their defaults, and where each is read from.

A setting comes from the first of: the command's option, the ``DAFTARI_…`` variable, the TOML file, the default.
``SETTINGS`` is the one list of them; help, errors and the table in the docs are made from it. No use of a setting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from msgspec import Struct, convert

from daftari.errors import BadSettings
from daftari.store import POSTGRES_PREFIXES, UnclearAddress, masked, read_address, refuse_pairs

if TYPE_CHECKING:
    from daftari.connectors import Allowed

DEFAULT_DATABASE = "./daftari.db"
CONFIG_FILE = "daftari.toml"
"""The settings file that is read if it exists and no other one is named."""
PORT_MAX = 65_535
WORKERS_MAX = 64
THREADS_MAX = 256
SQLITE_THREADS = 4
"""Threads of a server process on SQLite: writes take turns, so more threads would only queue."""
POSTGRES_THREADS = 16
"""Threads of a server process on PostgreSQL, where every read and write waits for another machine."""

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_POSTGRES = ("postgresql", "postgres")


class Settings(Struct, frozen=True, kw_only=True):
    """Every setting, read and found good."""

    database: str
    host: str
    port: int
    workers: int
    threads: int
    public_url: str | None
    no_worker: bool
    secret: str | None
    secret_file: str | None
    outbound_hosts: tuple[str, ...]
    sql_hosts: tuple[str, ...]
    sql_files: tuple[str, ...]
    log_text: bool
    insecure_cookies: bool
    trusted_proxies: tuple[str, ...]

    @property
    def masked_database(self) -> str:
        """The database without its password, for output."""
        return masked(self.database)

    @property
    def allowed_databases(self) -> Allowed:
        """The databases that connections may read."""
        # Imported where it is needed: most commands read no database of others.
        from daftari.connectors import Allowed
        from daftari.outbound.addresses import read_allowed_hosts

        hosts = frozenset(read_allowed_hosts(self.sql_hosts))
        return Allowed(hosts=hosts, folders=self.sql_files, own_database=self.database)

    def __repr__(self) -> str:
        return f"Settings(database={self.masked_database!r}, host={self.host!r}, port={self.port})"


class Setting(Struct, frozen=True, kw_only=True):
    """One setting: its name, its default, what it is for, and what a good value is."""

    name: str
    default: object
    """The default; ``None`` where it depends on something that ``default_doc`` names."""
    default_doc: str = ""
    doc: str
    right: str
    read: Callable[[object], object]
    """From what was written to the value. Raises ``ValueError`` when it is not what ``right`` says."""
    on_command_line: bool = True
    """Whether commands have an option for it. A secret has none, since other users can see command lines."""

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"DAFTARI_{self.name.upper()}"

    @property
    def option(self) -> str:
        """The command's option that sets it."""
        return f"--{self.name.replace('_', '-')}"


# ---- reading one value ------------------------------------------------------------------------------


def _read_text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return value.strip()


def _read_database(value: object) -> str:
    """``sqlite:///PATH`` becomes the path; a path stays one."""
    text = _read_text(value)
    scheme, mark, rest = text.partition("://")
    if not mark:
        if text == ":memory:":
            raise ValueError
        refuse_pairs(text)
        return text
    if scheme in _POSTGRES and rest:
        return f"postgresql://{read_address(rest)}"
    if scheme == "sqlite" and rest.startswith("/") and rest != "/":
        return rest[1:]
    raise ValueError


def _read_public_url(value: object) -> str:
    text = _read_text(value).rstrip("/")
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or "?" in text or "#" in text:
        raise ValueError
    return text


def _read_number(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError
        number = int(value)
        if not least <= number <= most:
            raise ValueError
        return number

    return read


def _read_list(value: object) -> tuple[str, ...]:
    """Texts, divided by commas or as a list."""
    written = value.split(",") if isinstance(value, str) else value
    if not isinstance(written, list) or not all(isinstance(text, str) for text in written):
        raise ValueError
    return tuple(filter(None, map(str.strip, written)))


def _read_hosts(value: object) -> tuple[str, ...]:
    """Hosts and ports. Raises ``ValueError`` for one that is none."""
    # Imported where it is needed: help and most commands read no hosts.
    from daftari.outbound.addresses import read_allowed_hosts

    hosts = _read_list(value)
    read_allowed_hosts(hosts)
    return hosts


def _read_folders(value: object) -> tuple[str, ...]:
    """Folders. Raises ``ValueError`` for one that is not written from the root on."""
    folders = _read_list(value)
    if not all(Path(folder).is_absolute() for folder in folders):
        raise ValueError
    return folders


def _read_networks(value: object) -> tuple[str, ...]:
    """Addresses and networks. Raises ``ValueError`` for one that is none."""
    from ipaddress import ip_network

    return tuple(str(ip_network(written)) for written in _read_list(value))


def _read_yes_or_no(value: object) -> bool:
    written = str(value).strip().lower()
    if written not in _TRUE | _FALSE:
        raise ValueError
    return written in _TRUE


SETTINGS = (
    Setting(
        name="database",
        default=DEFAULT_DATABASE,
        doc="The database of the phonebook.",
        right="a path, sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME",
        read=_read_database,
    ),
    Setting(
        name="database_url_file",
        default=None,
        default_doc="none",
        doc="The file with the address of a PostgreSQL database, which may hold a password.",
        right="the path of a file",
        read=_read_text,
        on_command_line=False,
    ),
    Setting(
        name="host",
        default="127.0.0.1",
        doc="The address to listen on; 0.0.0.0 for all.",
        right="an address",
        read=_read_text,
    ),
    Setting(
        name="port",
        default=8000,
        doc="The port to listen on; 0 for any free port.",
        right=f"a whole number from 0 to {PORT_MAX}",
        read=_read_number(0, PORT_MAX),
    ),
    Setting(
        name="workers",
        default=1,
        doc="The number of server processes.",
        right=f"a whole number from 1 to {WORKERS_MAX}",
        read=_read_number(1, WORKERS_MAX),
    ),
    Setting(
        name="threads",
        default=None,
        default_doc=f"{SQLITE_THREADS}; {POSTGRES_THREADS} on PostgreSQL",
        doc="Threads of each server process for calls that wait for the database.",
        right=f"a whole number from 1 to {THREADS_MAX}",
        read=_read_number(1, THREADS_MAX),
    ),
    Setting(
        name="public_url",
        default=None,
        default_doc="the URL of the request",
        doc="The URL that clients use, when a proxy is in front of the service; links to pages begin with it.",
        right="an address that begins with http:// or https:// and has no ? or #",
        read=_read_public_url,
    ),
    Setting(
        name="no_worker",
        default=False,
        doc="Run without the background work, which a `daftari worker` then does.",
        right="true or false",
        read=_read_yes_or_no,
    ),
    Setting(
        name="secret",
        default=None,
        default_doc="the content of the secret file",
        doc="Keys the hashes of erased numbers and seals providers' secrets; it must never change.",
        right="a text of at least 16 characters",
        read=_read_text,
        on_command_line=False,
    ),
    Setting(
        name="secret_file",
        default=None,
        default_doc="next to the SQLite file; none on PostgreSQL",
        doc="The file with the secret.",
        right="the path of a file",
        read=_read_text,
        on_command_line=False,
    ),
    Setting(
        name="log_text",
        default=False,
        doc="Whether the log has the texts of messages that the gateway `log` takes. Only for a first try.",
        right="true or false",
        read=_read_yes_or_no,
        on_command_line=False,
    ),
    Setting(
        name="insecure_cookies",
        default=False,
        doc="Whether users may sign in over plain HTTP from other machines. Only for a network that you trust.",
        right="true or false",
        read=_read_yes_or_no,
        on_command_line=False,
    ),
    Setting(
        name="trusted_proxies",
        default=(),
        default_doc="none",
        doc="Proxies whose headers `X-Forwarded-For`, `-Proto` and `-Host` are believed.",
        right="a list of addresses and networks with commas, such as 127.0.0.1, 10.0.0.0/8",
        read=_read_networks,
        on_command_line=False,
    ),
    Setting(
        name="outbound_hosts",
        default=(),
        default_doc="none",
        doc="Hosts that calls to providers and webhooks may go to although their addresses are private.",
        right="a list of HOST:PORT with commas, such as kannel.intra:13013",
        read=_read_hosts,
        on_command_line=False,
    ),
    Setting(
        name="sql_hosts",
        default=(),
        default_doc="none",
        doc="Database servers that connections may read contacts from.",
        right="a list of HOST:PORT with commas, such as db.intra:5432",
        read=_read_hosts,
        on_command_line=False,
    ),
    Setting(
        name="sql_files",
        default=(),
        default_doc="none",
        doc="Folders with SQLite files that connections may read contacts from.",
        right="a list of folders with commas, each from the root on, such as /srv/shop",
        read=_read_folders,
        on_command_line=False,
    ),
)
"""Every setting there is."""

_BY_NAME = {setting.name: setting for setting in SETTINGS}


# ---- reading them all -------------------------------------------------------------------------------


def read_settings(
    options: Mapping[str, object], *, config: str | None, environ: Mapping[str, str], folder: Path
) -> Settings:
    """The settings in force. ``options`` holds what a command was given, ``None`` for what it was not.

    Relative file names are looked up in ``folder``. Raises ``BadSettings``.
    """
    found = _read_file(config or environ.get("DAFTARI_CONFIG") or None, folder=folder)
    for setting in SETTINGS:
        if environ.get(setting.variable):
            found[setting.name] = _read(setting, environ[setting.variable], said_by=setting.variable)
        if options.get(setting.name) is not None:
            found[setting.name] = _read(setting, options[setting.name], said_by=setting.option)
    url_file = found.pop("database_url_file", None)
    if url_file is not None and "database" not in found:
        found["database"] = _read_url_file(folder / str(url_file))
    found = {setting.name: setting.default for setting in SETTINGS} | found
    if found["threads"] is None:
        found["threads"] = POSTGRES_THREADS if str(found["database"]).startswith(POSTGRES_PREFIXES) else SQLITE_THREADS
    return convert(found, Settings)


def read_database(written: str, *, said_by: str) -> str:
    """What names a database, as the setting would be read. Raises ``BadSettings`` that names ``said_by``."""
    return str(_read(_BY_NAME["database"], written, said_by=said_by))


def _read(setting: Setting, value: object, *, said_by: str) -> object:
    try:
        return setting.read(value)
    except UnclearAddress as error:
        raise BadSettings(f"{said_by} is {masked(str(value))!r}: {error}.") from None
    except ValueError:
        said = masked(value) if isinstance(value, str) else value
        if setting.name == "secret":
            said = "***"
        raise BadSettings(f"{said_by} is {said!r}; it must be {setting.right}.") from None


def _read_url_file(path: Path) -> object:
    """The address of the database that stands in a file of its own."""
    try:
        written = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadSettings(f"The file {path} with the database's address cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise BadSettings(f"The file {path} with the database's address is not UTF-8 text.") from None
    return _read(_BY_NAME["database"], written, said_by=f"The address in {path}")


def _read_file(config: str | None, *, folder: Path) -> dict[str, object]:
    """What the settings file says; nothing when none is named and there is none in the folder."""
    import tomllib

    shown = config or CONFIG_FILE
    path = folder / shown
    if config is None and not path.exists():
        return {}
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSettings(f"The settings file {shown} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise BadSettings(f"The settings file {shown} is not UTF-8 text.") from None
    except tomllib.TOMLDecodeError as error:
        raise BadSettings(f"The settings file {shown} is not TOML: {error}.") from None
    return {
        name: _read(_known(name, file=shown), value, said_by=f"{name} in {shown}") for name, value in written.items()
    }


def _known(name: str, *, file: str) -> Setting:
    if name in _BY_NAME:
        return _BY_NAME[name]
    close = get_close_matches(name.lower().replace("-", "_"), _BY_NAME, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else f"the settings are {', '.join(_BY_NAME)}."
    raise BadSettings(f"{file} has a setting called {name!r}, which does not exist; {hint}")
