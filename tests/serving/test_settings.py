"""Settings: which source wins, what is refused and with what words, and that no password is ever shown."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from daftari.errors import BadSettings
from daftari.settings import SETTINGS, Settings, read_settings
from daftari.store.database_url import masked


def _read(
    folder: Path, *, environ: Mapping[str, str] | None = None, config: str | None = None, **options: object
) -> Settings:
    return read_settings(options, config=config, environ=environ or {}, folder=folder)


def test_nothing_needs_to_be_set(tmp_path: Path) -> None:
    settings = _read(tmp_path)
    assert (settings.database, settings.host, settings.port) == ("./daftari.db", "127.0.0.1", 8000)
    assert (settings.workers, settings.threads, settings.public_url, settings.no_worker) == (1, 4, None, False)


def test_an_option_wins_over_a_variable_and_a_variable_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "daftari.toml").write_text('port = 1\nworkers = 1\nhost = "file"\n')
    settings = _read(tmp_path, environ={"DAFTARI_PORT": "2", "DAFTARI_WORKERS": "2"}, workers=3)
    assert (settings.host, settings.port, settings.workers) == ("file", 2, 3)


def test_the_file_is_the_one_named_by_the_option_or_the_variable(tmp_path: Path) -> None:
    for name, port in (("daftari.toml", 1), ("one.toml", 2), ("two.toml", 3)):
        (tmp_path / name).write_text(f"port = {port}\n")
    assert _read(tmp_path).port == 1
    assert _read(tmp_path, environ={"DAFTARI_CONFIG": "one.toml"}).port == 2
    assert _read(tmp_path, environ={"DAFTARI_CONFIG": "one.toml"}, config="two.toml").port == 3


def test_an_empty_variable_is_an_absent_one(tmp_path: Path) -> None:
    assert _read(tmp_path, environ={"DAFTARI_PORT": "", "DAFTARI_CONFIG": ""}).port == 8000


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("book.db", "book.db"),
        ("sqlite:///book.db", "book.db"),
        ("sqlite:////var/book.db", "/var/book.db"),
        ("postgres://ana@db/book", "postgresql://ana@db/book"),
        ("postgresql:///book?host=/run", "postgresql:///book?host=/run"),
    ],
)
def test_a_database_is_a_path_or_an_address(tmp_path: Path, given: str, meant: str) -> None:
    assert _read(tmp_path, database=given).database == meant


def test_postgresql_gets_more_threads(tmp_path: Path) -> None:
    assert _read(tmp_path, database="postgresql://db/book").threads == 16
    assert _read(tmp_path, database="postgresql://db/book", threads=2).threads == 2


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("port", "abc", "a whole number from 0 to 65535"),
        ("port", 65_536, "a whole number from 0 to 65535"),
        ("port", True, "a whole number from 0 to 65535"),
        ("port", 80.5, "a whole number from 0 to 65535"),
        ("workers", 0, "a whole number from 1 to 64"),
        ("threads", -1, "a whole number from 1 to 256"),
        ("database", "", "a path, sqlite:///PATH or postgresql://"),
        ("database", "mysql://db/book", "a path, sqlite:///PATH or postgresql://"),
        ("database", "sqlite://book.db", "a path, sqlite:///PATH or postgresql://"),
        ("database", ":memory:", "a path, sqlite:///PATH or postgresql://"),
        ("public_url", "phonebook.example", "begins with http:// or https://"),
        ("public_url", "https://phonebook.example/?a=1", "begins with http:// or https://"),
        ("public_url", "https://", "begins with http:// or https://"),
        ("public_url", "http://[::1", "begins with http:// or https://"),
        ("no_worker", "maybe", "true or false"),
        ("host", " ", "an address"),
        ("host", 7, "an address"),
    ],
)
def test_a_wrong_value_is_refused_with_what_would_be_right(
    tmp_path: Path, name: str, value: object, right: str
) -> None:
    with pytest.raises(BadSettings) as refused:
        _read(tmp_path, **{name: value})
    assert right in refused.value.message
    assert f"--{name.replace('_', '-')} is {value!r}" in refused.value.message


def test_a_wrong_value_is_named_where_it_stands(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="DAFTARI_PORT is 'x'; it must be a whole number"):
        _read(tmp_path, environ={"DAFTARI_PORT": "x"})
    (tmp_path / "daftari.toml").write_text('port = "x"')
    with pytest.raises(BadSettings, match=r"port in daftari\.toml is 'x'; it must be a whole number"):
        _read(tmp_path)


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("prot = 1", "did you mean 'port'"),
        ("Public-URL = 1", "did you mean 'public_url'"),
        ("zzz = 1", "database, database_url_file, host"),
    ],
)
def test_an_unknown_name_in_the_file_is_answered_with_the_closest_one(tmp_path: Path, written: str, hint: str) -> None:
    (tmp_path / "daftari.toml").write_text(written)
    with pytest.raises(BadSettings, match=hint):
        _read(tmp_path)


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"port 1", "is not TOML"), (b"\xff\xfe", "is not UTF-8"), (None, "cannot be read: No such file")],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None, why: str) -> None:
    if content is not None:
        (tmp_path / "own.toml").write_bytes(content)
    with pytest.raises(BadSettings, match=why):
        _read(tmp_path, config="own.toml")


@pytest.mark.parametrize(("written", "meant"), [("1", True), ("TRUE", True), ("on", True), ("0", False), ("no", False)])
def test_yes_and_no_are_read_as_people_write_them(tmp_path: Path, written: str, meant: bool) -> None:
    assert _read(tmp_path, environ={"DAFTARI_NO_WORKER": written}).no_worker is meant


@pytest.mark.parametrize(
    "database",
    [
        "postgresql://ana:s3cret@db:5432/book",
        "postgresql://db/book?user=ana&password=s3cret",
        "postgresql://db/book?sslpassword=s3cret&user=ana",
    ],
)
def test_a_password_is_never_shown(tmp_path: Path, database: str) -> None:
    settings = _read(tmp_path, database=database)
    assert settings.database == database
    for shown in (settings.masked_database, repr(settings), masked(database)):
        assert "s3cret" not in shown
        assert "db" in shown


@pytest.mark.parametrize(
    "database",
    [
        "mysql://ana:s3cret@db/book",
        "postgresql://ana:s3cret/s3cret@db/book",
        "postgresql://ana:s3cret@s3cret@db/book",
        "postgresql://ana:s3cret%s3cret@db/book",
        "postgresql://ana:s3cret%4@db/book",
        "postgresql://ana:s3cret#s3cret/s3cret@db/book",
        "postgresql://ana:s3cret",
        "postgresql://ana:s3cret/book",
        "postgresql://ana:s3cret s3cret@db/book",
        "postgresql://db:54x32/book?password=s3cret",
        "host=db user=ana password=s3cret",
        "host=db user=ana password = 's3cret \\' s3cret' dbname=book",
        "dbname=book PASSWORD=s3cret",
    ],
)
def test_a_refused_database_does_not_show_its_password_either(tmp_path: Path, database: str) -> None:
    (tmp_path / "address").write_text(f"{database}\n")
    for given in ({"database": database}, {"environ": {"DAFTARI_DATABASE_URL_FILE": "address"}}):
        with pytest.raises(BadSettings) as refused:
            _read(tmp_path, **given)
        assert "s3cret" not in refused.value.message


@pytest.mark.parametrize(
    "database",
    [
        "postgresql://ana:s3%40cr%2Fet:%25@db:5432/book",
        "postgresql://ana:!$&'()*+,;=?#@db/book",
        "postgresql://ana@db,[::1]:5433/book?target_session_attrs=read-write",
        "postgresql:///book?host=/run/postgresql&port=5433",
        "postgresql://?service=book",
    ],
)
def test_every_address_that_is_clear_is_taken(tmp_path: Path, database: str) -> None:
    assert _read(tmp_path, database=database).database == database


def test_hosts_are_read_from_a_variable_with_commas_or_from_a_list_in_the_file(tmp_path: Path) -> None:
    hosts = ("kannel.intra:13013", "[fd12::7]:8080")
    assert _read(tmp_path).outbound_hosts == ()
    assert _read(tmp_path, environ={"DAFTARI_OUTBOUND_HOSTS": ", ".join(hosts)}).outbound_hosts == hosts
    (tmp_path / "daftari.toml").write_text(f"outbound_hosts = {list(hosts)}\n")
    assert _read(tmp_path).outbound_hosts == hosts
    for wrong in ("kannel.intra", "http://kannel.intra:1", "kannel.intra:x"):
        with pytest.raises(BadSettings, match="a list of HOST:PORT"):
            _read(tmp_path, environ={"DAFTARI_OUTBOUND_HOSTS": wrong})


def test_the_databases_that_connections_may_read_are_servers_and_folders(tmp_path: Path) -> None:
    assert (_read(tmp_path).sql_hosts, _read(tmp_path).sql_files) == ((), ())
    given = {"DAFTARI_SQL_HOSTS": "db.intra:5432,10.0.0.7:3306", "DAFTARI_SQL_FILES": "/srv/shop, /srv/till"}
    settings = _read(tmp_path, environ=given)
    assert settings.sql_hosts == ("db.intra:5432", "10.0.0.7:3306")
    assert settings.sql_files == ("/srv/shop", "/srv/till")
    with pytest.raises(BadSettings, match=r"such as db\.intra:5432"):
        _read(tmp_path, environ={"DAFTARI_SQL_HOSTS": "db.intra"})
    with pytest.raises(BadSettings, match="each from the root on, such as /srv/shop"):
        _read(tmp_path, environ={"DAFTARI_SQL_FILES": "shop"})


def test_the_address_of_the_database_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "address").write_text("postgres://ana:s3cret@db/book\n")
    given = {"DAFTARI_DATABASE_URL_FILE": "address"}
    assert _read(tmp_path, environ=given).database == "postgresql://ana:s3cret@db/book"
    assert _read(tmp_path, environ=given).threads == 16
    assert _read(tmp_path, environ=given | {"DAFTARI_DATABASE": "book.db"}).database == "book.db"
    (tmp_path / "daftari.toml").write_text('database_url_file = "address"\n')
    assert _read(tmp_path).database == "postgresql://ana:s3cret@db/book"
    for missing in ("no such file", "."):
        with pytest.raises(BadSettings, match="cannot be read"):
            _read(tmp_path, environ={"DAFTARI_DATABASE_URL_FILE": missing})


def test_proxies_are_addresses_and_networks(tmp_path: Path) -> None:
    written = {"DAFTARI_TRUSTED_PROXIES": " 127.0.0.1, 10.0.0.0/8,fd00::/8 ,"}
    assert _read(tmp_path, environ=written).trusted_proxies == ("127.0.0.1/32", "10.0.0.0/8", "fd00::/8")
    (tmp_path / "daftari.toml").write_text('trusted_proxies = ["::1"]\ninsecure_cookies = true')
    settings = _read(tmp_path)
    assert (settings.trusted_proxies, settings.insecure_cookies) == (("::1/128",), True)
    for wrong in ("proxy.intra", "10.0.0.5/8", "10.0.0.0/33", "*"):
        with pytest.raises(BadSettings, match="it must be a list of addresses and networks with commas"):
            _read(tmp_path, environ={"DAFTARI_TRUSTED_PROXIES": wrong})


def test_a_secret_has_no_option_that_others_could_see_and_is_never_shown(tmp_path: Path) -> None:
    assert [setting.name for setting in SETTINGS if not setting.on_command_line] == [
        "database_url_file",
        "secret",
        "secret_file",
        "log_text",
        "insecure_cookies",
        "trusted_proxies",
        "outbound_hosts",
        "sql_hosts",
        "sql_files",
    ]
    settings = _read(tmp_path, environ={"DAFTARI_SECRET": "s3cret s3cret s3cret", "DAFTARI_SECRET_FILE": "s3cret"})
    assert (settings.secret, settings.secret_file) == ("s3cret s3cret s3cret", "s3cret")
    assert "s3cret" not in repr(settings)
    (tmp_path / "daftari.toml").write_text("secret = 1711004797")
    with pytest.raises(BadSettings) as refused:
        _read(tmp_path)
    assert "1711004797" not in refused.value.message
