"""Finds the texts of the console, and merges them into the files of its translations: ``make messages``.

A text that is new has no translation then, and one that is gone is dropped. A server does not need this module.
"""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from daftari.model.users import LANGUAGES

METHODS = [("**/templates/*.html", "jinja2"), ("**.py", "python")]
OPTIONS = {"**/templates/*.html": {"newstyle_gettext": "true", "trim_blocks": "true", "silent": "false"}}
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}
LINE_LENGTH = 120
HEADER = """\
# Texts of the console; `make messages` finds them.
msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: {plurals}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""
"""No dates and no places, so that two people's translations merge."""


def find_texts() -> Catalog:
    """Every text of the templates and pages, without translations."""
    found = Catalog(project="Daftari", charset="utf-8")
    with as_file(files("daftari.console")) as folder:
        for name, _, text, comments, context in extract_from_dir(
            str(folder), METHODS, OPTIONS, keywords=KEYWORDS, comment_tags=("Translators:",), strip_comment_tags=True
        ):
            found.add(text, locations=[(Path(name).as_posix(), 0)], auto_comments=comments, context=context)
    return found


def read_translation(path: Path, language: str) -> Catalog:
    """The translations in a file; none where there is no such file."""
    if not path.exists():
        return Catalog(locale=language, charset="utf-8")
    with path.open("rb") as source:
        return read_po(source, locale=language)


def main() -> None:
    """Update the files of all languages but English."""
    texts = find_texts()
    with as_file(files("daftari.console.locale")) as folder:
        for language in LANGUAGES[1:]:
            path = folder / f"{language}.po"
            catalog = read_translation(path, language)
            catalog.update(texts, no_fuzzy_matching=True)
            catalog.obsolete.clear()
            with path.open("wb") as out:
                out.write(HEADER.format(language=language, plurals=catalog.plural_forms).encode())
                write_po(out, catalog, width=LINE_LENGTH, omit_header=True, sort_output=True, no_location=True)
            missing = sum(1 for message in catalog if message.id and not message.string)
            print(f"{path.name}: {len(catalog)} texts, {missing} of them without a translation")


if __name__ == "__main__":
    main()
