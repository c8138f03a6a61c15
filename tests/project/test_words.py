"""Words that do not come back: each is a metaphor, an archaism or a person where a thing is meant, and has a plain one.

To use a word after all, add the place and the reason to ALLOWED.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cases import each

ROOT = Path(__file__).parent.parent.parent
CLEAN = (
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "STYLE.md", "docs", "clients", "bench", "src"),
    "tests/rules",
    "tests/store",
    "tests/worker",
    "tests/files",
    "tests/sandbox",
    "tests/attack",
    "tests/gateways",
    "tests/connectors",
    "tests/support",
    "tests/oracles",
    "tests/outbound",
    *("Makefile", "pyproject.toml", ".ci/run", ".ci/system", "tests/cli"),
    *("tests/api", "tests/console", "tests/client", "tests/conftest.py", "tests/project", "tests/serving", "tests/web"),
)
"""Files and folders whose words are checked."""
LATER = ("clients/python/LICENSE", "tests/project/test_words.py")
"""Files inside CLEAN whose words are not ours, and this list."""
SUFFIXES = ("", ".md", ".py", ".sql", ".toml", ".yaml", ".j2")
WORDS = {
    # metaphors of a building
    r"houses?|housework": "server, system, package, periodic work",
    r"rooms?": "module",
    r"doors?": "server, API, entry point",
    r"desks?": "context",
    r"floors?": "layer",
    r"turnstiles?": "fair lock",
    # telling
    r"told|(?<![.])tell|tells|telling": "report, return, say, show, distinguish",
    r"last words": "final line",
    # persons where a thing is meant
    r"somebody|anybody|everybody|nobody": "name the thing: a request, a process, a caller; a person is someone, no one",
    r"who(m|so)?ever": "the client, the caller, the process that",
    r"strangers?": "unknown number, unknown client",
    r"the erased": "erased numbers",
    # archaic or home-made words
    r"anew|afresh": "again",
    r"besides?": "next to, in addition to, during, compared with",
    r"mend|mends|mended|mending": "repair, correct, fix",
    r"sweep|sweeps|swept|sweeping|sweeper": "purge, delete",
    r"tidy|tidies|tidied": "maintenance, clean up",
    r"for ever": "forever",
    r"outright": "explicitly",
    r"for good": "permanently",
    r"unseen": "invisible, without echo",
    r"at work": "running, being executed",
    r"circles?": "reference cycle, import cycle",
    r"twins?": "copy, counterpart",
    r"manners": "style, lint",
    r"in vain": "without success",
    r"lest|ere|whence|whither|thence|hither|thereof|therein|wherein|whereof": "so that … not, from where, of it",
    r"upon": "on",
    r"whilst|amongst|albeit": "while, among, although",
    r"shall": "must, will",
    r"betimes|oft|nay|aught|naught": "early, often, no, anything, nothing",
    # verbs with a particle where there is one verb
    r"(go|goes|going|went|gone) on": "continue, resume",
    r"(become|becomes|became) of": "outcome",
    r"(take|takes|taken|took|taking) (it |them )?up again": "resume",
    r"(give|gives|given|gave|giving) way": "yield, run at a lower priority",
    r"(hold|holds|held|holding) up": "block, delay",
    r"(put|puts|putting) back": "restore, undo",
    r"(let|lets|letting) (in|out)": "accept, refuse",
    r"comes? by itself": "arrives, is automatic",
    # nouns that are clauses
    r"all else": "everything else, the rest",
    r"(not |no longer )?any more": "no longer",
    r"as it likes|as they like": "any",
    r"the like|its like": "similar",
    r"by turns": "alternately",
    r"to the letter": "exactly",
    r"says of": "reports for",
}
"""A pattern, of whole words and any case, and what to write instead."""
DATA = {
    "nobody": (
        *("audiences", "auth", "bad_input", "delete_contact", "exports", "get_contact", "groups", "inbound"),
        *("isolation", "list_contacts", "opt_outs", "update_contact"),
    ),
    "somebody": ("groups",),
}
"""Words that tests of the API send as the name of something that does not exist, and those tests."""
SWEEPING = (
    "bench/connections.py",
    *("clients/python/README.md", "clients/python/src/daftari_client/connections.py", "docs/connections.md"),
    *(
        "src/daftari/api/connections.py",
        "src/daftari/api/reference/texts/connections.yaml",
        "src/daftari/api/routes.py",
    ),
    *("src/daftari/cli/connections.py", "docs/commands.md", "tests/api/test_connections.py"),
    *("tests/api/test_idempotency.py", "tests/cli/test_connections.py"),
)
"""What names the comparison of a connection's records as callers know it."""
ALLOWED = {
    **{(f"tests/api/test_{name}.py", word): "data of a request" for word, names in DATA.items() for name in names},
    **{(name, "sweep"): "the name of a call and a command" for name in SWEEPING},
    ("STYLE.md", "somebody"): "the rule against it",
    ("src/daftari/store/engine.py", "house"): "the former name of a table",
    ("tests/rules/test_import_kills.py", "nobody"): "what is no number, in a file",
    ("tests/rules/test_import_lifecycle.py", "nobody"): "what is no number, in a file",
    ("tests/rules/test_import_undo.py", "anew"): "a first name",
    ("tests/rules/test_imports.py", "nobody"): "a name in a file",
    ("tests/store/test_copy.py", "nobody"): "the name of a project",
    ("tests/store/test_copy.py", "somebody"): "a secret",
    ("tests/store/test_erasure_key.py", "somebody"): "a secret",
    ("tests/store/test_schema.py", "house"): "the former name of a table",
    ("tests/support/builders.py", "nobody"): "an unknown token",
    ("tests/support/stores.py", "nobody"): "a secret",
    ("tests/worker/test_purge.py", "nobody"): "the name of a group",
}
"""A file and a word, and why it may be there."""
BANNED = re.compile("|".join(rf"\b(?:{pattern})\b" for pattern in WORDS), re.IGNORECASE)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _clean_files() -> list[Path]:
    found = [path for name in CLEAN for path in [ROOT / name, *(ROOT / name).rglob("*")]]
    return sorted(path for path in found if path.suffix in SUFFIXES and path.is_file() and _name(path) not in LATER)


def _prose(path: Path) -> Iterator[tuple[int, str]]:
    """The numbered lines of a file; of Markdown without its blocks of code, which show what programs print."""
    fenced = False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if path.suffix == ".md" and line.lstrip().startswith("```"):
            fenced = not fenced
        elif path.suffix != ".md" or not (fenced or line.startswith("    ")):
            yield number, line


def _instead_of(word: str) -> str:
    return next(plain for pattern, plain in WORDS.items() if re.search(rf"\b(?:{pattern})\b", word, re.IGNORECASE))


@each("path", _clean_files(), ids=_name)
def test_no_word_comes_back(path: Path) -> None:
    found = [
        f"{_name(path)}:{number}: {match[0]!r}; write: {_instead_of(match[0])}"
        for number, line in _prose(path)
        for match in BANNED.finditer(line)
        if (_name(path), match[0].lower()) not in ALLOWED
    ]
    assert not found, "\n".join(found)


def test_the_lists_name_files_and_words_that_there_are() -> None:
    """So that an entry goes when its reason is gone."""
    assert all((ROOT / name).exists() for name in (*CLEAN, *LATER))
    for name, word in ALLOWED:
        assert re.search(rf"\b{word}\b", (ROOT / name).read_text(), re.IGNORECASE), f"{name} no longer has {word!r}"


@pytest.mark.parametrize(
    ("line", "word"),
    [("Whoever asks is told.", "Whoever"), ("It goes on.", "goes on"), ("The door is shut.", "door")],
)
def test_the_list_finds_a_word_in_any_case_and_form(line: str, word: str) -> None:
    found = BANNED.search(line)
    assert found is not None
    assert found[0] == word
    assert not BANNED.search("The houseboat has a doormat, a roommate and a fortune-teller; 'outdoors' is one word.")
