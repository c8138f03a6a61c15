"""What a driver's error means to the person who reads it. No secret is in a sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal
from urllib.parse import quote

from msgspec import Struct

from daftari.connectors.protocol import ConnectorFailed
from daftari.connectors.sql.settings import SqlSettings

SAYS_MAX = 200
"""Characters of a driver's own words that are shown."""
STATEMENT_SECONDS = 30
"""How long a statement may run at the other database."""


class Meaning(Struct, frozen=True):
    """Whether a failure may pass, and the sentence for it."""

    kind: Literal["again", "broken"]
    sentence: str


MEANINGS: Mapping[str, Meaning] = MappingProxyType(
    {
        "access": Meaning(
            "broken",
            "{title} at {place} refused the user {user}: {says}. Give the right password with "
            "`daftari connection key`; nothing is lost, the reading continues where it stopped.",
        ),
        "database": Meaning("broken", 'There is no database "{database}" at {host}: {says}.'),
        "not_readable": Meaning("broken", "The role may not read {table}: GRANT SELECT ON {table} TO {user}."),
        "table": Meaning("broken", 'There is no table or view "{table}" in {place}, or none that may be read.'),
        "columns": Meaning("broken", "The columns of {table} have changed: {says}. Check the connection again."),
        "tls": Meaning(
            "broken",
            "{place} has no TLS that can be verified: {says}. Give the authority of its certificate as `ca`, or set "
            "`insecure` on a network of your own.",
        ),
        "file": Meaning("broken", "{place} cannot be read as a SQLite database: {says}."),
        "unreachable": Meaning("again", "{place} cannot be reached: {says}."),
        "locked": Meaning("again", "{table} is locked by another program: {says}."),
        "slow": Meaning(
            "again", "{title} did not answer within {seconds} s. An index helps: CREATE INDEX ON {table} ({index})."
        ),
        "failed": Meaning("again", "{title} at {place} reports: {says}."),
    }
)


def failure(code: str, settings: SqlSettings, says: str) -> ConnectorFailed:
    """Returns the error of ours for a code of ``MEANINGS``."""
    meaning = MEANINGS[code]
    columns = settings.columns
    sentence = meaning.sentence.format(
        title=settings.title,
        place=settings.place,
        host=f"{settings.host}:{settings.port}",
        database=settings.database,
        user=settings.user,
        table=settings.table,
        index=", ".join(filter(None, (columns.updated_at, columns.id))),
        seconds=STATEMENT_SECONDS,
        says=says,
    )
    return ConnectorFailed(meaning.kind, code, sentence)


def words_of(error: BaseException, *, secret: str) -> str:
    """Returns the first line of a driver's words, without the secret and addresses with passwords."""
    args: tuple[object, ...] = getattr(error, "args", ())
    said = str(args[1] if len(args) > 1 and isinstance(args[0], int) else error)
    line = (said.strip().splitlines() or ["no reason given"])[0]
    line = re.sub(r"^connection failed: connection to server at .*?FATAL:\s+", "", line)
    for written in {secret, quote(secret, safe=""), repr(secret)[1:-1]} - {""}:
        line = line.replace(written, "***")
    line = re.sub(r"(?i)(password\s*=\s*)('[^']*'|\S+)", r"\1***", line)
    line = re.sub(r"://[^@\s]*@", "://***@", line)
    return line[:SAYS_MAX].rstrip(" .")
