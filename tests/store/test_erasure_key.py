"""The secret that keys the hashes of erased numbers: made once, found again, and never exchanged without a word.

With another secret erased numbers would not be known again, and they could be messaged.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from daftari.errors import BadSettings, StoreUnavailable
from daftari.settings import Settings, read_settings
from daftari.store import Tx, open_store
from daftari.store.consent import erased_subject_id
from tests.conftest import ROOT, NewDatabase
from tests.support.builders import rows_of
from tests.support.stores import NOW, SECRET

OTHER = "somebody else's secret, not this one"
FINGERPRINT = "SELECT erasure_key_fingerprint FROM system"
OUTSET = 8
"""Processes that start at once."""
COMMAND_SECONDS_MAX = 60.0


@pytest.fixture
def file(new_database: NewDatabase) -> str:
    """A SQLite database that was never opened."""
    return new_database("sqlite")


@pytest.fixture
def server(new_database: NewDatabase) -> str:
    """A PostgreSQL database that was never opened."""
    return new_database("postgres")


def secret_file(database: str) -> Path:
    return Path(f"{database}.secret")


def secret_files(database: str) -> list[Path]:
    """Every file next to a database that has to do with its secret, drafts included."""
    return list(Path(database).parent.glob(f"{Path(database).name}.secret*"))


def stand_in(database: str, *, secret: str | None = None, named: str | None = None) -> int:
    """What stands for one number once it is erased: the same under the same secret, and under no other."""

    def ask(tx: Tx) -> int:
        return erased_subject_id(tx, mobile=254_722_000_000)

    store = open_store(database, threads=1, secret=secret, secret_file=named)
    try:
        return store.system_read(NOW, ask)
    finally:
        store.close()


def refused(database: str, *, secret: str | None = None, named: str | None = None) -> str:
    """The sentence with which a database is not opened; it never shows the secret."""
    with pytest.raises(BadSettings) as said:
        stand_in(database, secret=secret, named=named)
    sentence = said.value.message
    for secret_text in (SECRET, OTHER):
        assert secret_text not in sentence
    return sentence


# ---- on SQLite ----------------------------------------------------------------------------------------


def test_the_first_start_makes_the_file_next_to_the_database_for_its_owner_alone(file: str) -> None:
    assert rows_of(file, FINGERPRINT) == [(None,)]
    stand_in(file)
    made = secret_file(file)
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert len(made.read_text().strip()) >= 40
    assert secret_files(file) == [made]
    ((fingerprint,),) = rows_of(file, FINGERPRINT)
    assert len(fingerprint) == 16
    assert made.read_bytes().strip() not in Path(file).read_bytes()


def test_the_second_start_reads_it(file: str) -> None:
    first = stand_in(file)
    written = secret_file(file).read_text()
    known = rows_of(file, FINGERPRINT)
    assert stand_in(file) == first
    assert (secret_file(file).read_text(), rows_of(file, FINGERPRINT)) == (written, known)


def test_each_database_gets_a_secret_of_its_own(new_database: NewDatabase) -> None:
    one, other = new_database("sqlite"), new_database("sqlite")
    assert stand_in(one) != stand_in(other)
    assert secret_file(one).read_text() != secret_file(other).read_text()


def test_the_file_may_move_to_a_variable_and_to_another_place(file: str, tmp_path: Path) -> None:
    first = stand_in(file)
    elsewhere = tmp_path / "elsewhere"
    secret_file(file).rename(elsewhere)
    assert stand_in(file, secret=elsewhere.read_text()) == first
    assert stand_in(file, named=str(elsewhere)) == first
    assert not secret_file(file).exists()


def test_a_missing_file_is_refused_with_what_to_do_and_none_is_made(file: str) -> None:
    stand_in(file)
    secret_file(file).unlink()
    sentence = refused(file)
    for part in (f"The secret file {secret_file(file)} is missing", "Restore it", "DAFTARI_SECRET"):
        assert part in sentence
    assert not secret_file(file).exists()


def test_another_secret_is_refused_with_what_to_do(file: str) -> None:
    stand_in(file)
    kept = secret_file(file).read_text()
    for sentence in (refused(file, secret=OTHER), _with_file(file, OTHER)):
        for part in ("not the secret with which the database was made", "DAFTARI_SECRET", str(secret_file(file))):
            assert part in sentence
    secret_file(file).write_text(kept)
    stand_in(file)


def _with_file(database: str, text: str) -> str:
    secret_file(database).write_text(text)
    return refused(database)


@pytest.mark.parametrize("text", ["", "\n", "x" * 15, "  fifteen signs  "])
def test_a_secret_that_could_be_guessed_is_refused(file: str, text: str) -> None:
    assert "is shorter than 16 characters" in refused(file, secret=text)
    assert f"The secret in {secret_file(file)} is shorter than 16" in _with_file(file, text)
    assert rows_of(file, FINGERPRINT) == [(None,)]


def test_spaces_and_line_ends_around_a_secret_are_none_of_it(file: str) -> None:
    assert stand_in(file, secret=SECRET) == stand_in(file, secret=f" {SECRET}\n")


def test_a_file_that_cannot_be_read_is_refused(file: str, tmp_path: Path) -> None:
    secret_file(file).mkdir()
    assert refused(file) == f"The secret file {secret_file(file)} cannot be read: Is a directory."
    strange = tmp_path / "strange"
    strange.write_bytes(b"\xff\xfe" * 20)
    assert refused(file, named=str(strange)) == f"The secret file {strange} is not UTF-8 text."
    assert rows_of(file, FINGERPRINT) == [(None,)]


def test_a_file_that_is_named_and_not_there_is_refused_and_never_made(file: str, tmp_path: Path) -> None:
    named = tmp_path / "nowhere" / "secret"
    assert refused(file, named=str(named)) == f"The secret file {named} is not there."
    assert not secret_file(file).exists()


def test_a_file_that_is_a_link_to_nowhere_is_missing_and_is_not_replaced(file: str, tmp_path: Path) -> None:
    """What it leads to may be a disk that is not there yet."""
    elsewhere = tmp_path / "disk"
    secret_file(file).symlink_to(elsewhere)
    assert f"The secret file {secret_file(file)} is missing" in refused(file)
    assert secret_files(file) == [secret_file(file)]
    elsewhere.write_text(SECRET)
    assert stand_in(file) == stand_in(file, secret=SECRET)


def test_where_no_file_can_be_made_nothing_is_begun(tmp_path: Path, file: str) -> None:
    """The database's name is so long that none is left for the file's."""
    long = tmp_path / ("d" * 245)
    Path(file).rename(long)
    with pytest.raises(StoreUnavailable, match="cannot be made: File name too long"):
        stand_in(str(long))
    assert rows_of(str(long), FINGERPRINT) == [(None,)]


# ---- several processes --------------------------------------------------------------------------------

ASK = (
    "import sys; from daftari.store import open_store; from daftari.store.consent import erased_subject_id;"
    "sys.stdin.readline(); store = open_store(sys.argv[1], threads=1);"
    "print(store.system_read(0, lambda tx: erased_subject_id(tx, mobile=254722000000)))"
)
"""Says that it is ready by reading; then opens a database, and prints what stands for one number."""


def environment(**settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAFTARI_")}
    return {**kept, "PYTHONPATH": str(ROOT / "src"), **settings}


@pytest.mark.parametrize("turn", range(3))
def test_processes_that_start_at_once_get_one_secret(file: str, turn: int) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", ASK, file],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(OUTSET)
    ]
    with ThreadPoolExecutor(OUTSET) as pool:
        said = list(pool.map(lambda process: process.communicate("go\n", timeout=COMMAND_SECONDS_MAX), started))
    assert [err for _, err in said] == [""] * OUTSET
    assert {int(out) for out, _ in said} == {stand_in(file)}
    assert secret_files(file) == [secret_file(file)]


def test_threads_that_open_at_once_get_one_secret(file: str) -> None:
    with ThreadPoolExecutor(OUTSET) as pool:
        assert len(set(pool.map(stand_in, [file] * OUTSET))) == 1


# ---- on PostgreSQL ------------------------------------------------------------------------------------


def test_postgresql_without_a_secret_is_refused_with_what_to_do(server: str) -> None:
    sentence = refused(server)
    for part in ("PostgreSQL", "needs the secret", "DAFTARI_SECRET or DAFTARI_SECRET_FILE"):
        assert part in sentence
    assert rows_of(server, FINGERPRINT) == [(None,)]


def test_postgresql_keeps_the_first_secret_and_refuses_another(server: str, tmp_path: Path) -> None:
    first = stand_in(server, secret=SECRET)
    named = tmp_path / "secret"
    named.write_text(f"{SECRET}\n")
    assert stand_in(server, named=str(named)) == first
    sentence = refused(server, secret=OTHER)
    assert "not the secret with which the database was made" in sentence
    assert "restore the right one" not in sentence
    assert list(tmp_path.glob("*.secret")) == []


def test_one_secret_means_the_same_on_both_engines(file: str, server: str) -> None:
    assert stand_in(file, secret=SECRET) == stand_in(server, secret=SECRET)


# ---- as people set it ---------------------------------------------------------------------------------


def test_a_variable_gives_the_secret_or_names_its_file(file: str, tmp_path: Path) -> None:
    named = tmp_path / "own"
    named.write_text(SECRET)
    for given in ({"DAFTARI_SECRET": SECRET}, {"DAFTARI_SECRET_FILE": str(named)}):
        settings = read_settings({"database": file}, config=None, environ=given, folder=tmp_path)
        assert stand_in(file, secret=settings.secret, named=settings.secret_file) == stand_in(file, secret=SECRET)
    assert not secret_file(file).exists()


def test_the_secret_wins_over_the_file(file: str, settings_for: Callable[..., Settings]) -> None:
    settings = settings_for(file, secret=SECRET, secret_file="/nowhere")
    assert stand_in(file, secret=settings.secret, named=settings.secret_file) == stand_in(file, secret=SECRET)


def run(*command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "daftari", *command],
        env=environment(**settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS_MAX,
    )


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("project", "list"), ("check",)], ids=" ".join)
def test_a_command_refuses_a_missing_secret_in_one_sentence(file: str, command: tuple[str, ...]) -> None:
    stand_in(file)
    secret_file(file).unlink()
    done = run(*command, "--database", file)
    assert (done.returncode, done.stdout) == (2, "")
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith(f"daftari: The secret file {secret_file(file)} is missing")
    assert not secret_file(file).exists()


def test_a_worker_refuses_another_secret_in_one_sentence_and_never_shows_it(file: str) -> None:
    stand_in(file)
    done = run("worker", "--database", file, DAFTARI_SECRET=OTHER)
    assert done.returncode != 0
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("daftari: This is not the secret with which the database was made; give it with")
    assert OTHER not in sentence


def test_a_secret_that_is_too_short_is_refused_without_being_shown(file: str) -> None:
    done = run("project", "list", "--database", file, DAFTARI_SECRET="s3cret")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "daftari: The secret is shorter than 16 characters.\n"
