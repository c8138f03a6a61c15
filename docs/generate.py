"""Writes the parts of the documentation that follow from the code. ``make docs`` runs it; a test finds differences.

``commands.md`` gets a part for each command, from its help; the text after a part is written by hand. ``settings.md``
gets the table of settings, ``limits.md`` a table for each section of ``daftari.model.limits``, ``senders.md`` tables of
each gateway that sends.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import typer
from typer.core import TyperArgument, TyperGroup
from typer.main import get_command

from daftari.cli.app import app
from daftari.cli.terminal.options import RemoteOptions
from daftari.gateways import SENDING_GATEWAYS, SendingGateway
from daftari.gateways.protocol import OutcomeWord
from daftari.model import limits
from daftari.settings import SETTINGS

DOCS = Path(__file__).parent
END = "<!-- end -->"
INTERNAL = "internal"
"""The section of the limits that is not documented."""
UNITS = {"BYTES": "", "SECONDS": " seconds", "HOURS": " hours", "DAYS": " days"}


def main() -> None:
    """Writes every page that has parts."""
    for name, build in PAGES.items():
        path = DOCS / name
        path.write_text(build(path.read_text()))


def replace_part(page: str, name: str, text: str) -> str:
    """The page with another text in the part of this name. Raises ``ValueError`` if the page has no such part."""
    begin = _begin(name)
    before, mark, rest = page.partition(begin)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"The page has no part {begin} … {END}.")
    return f"{before}{_part(name, text)}{after}"


def _part(name: str, text: str) -> str:
    return f"{_begin(name)}\n\n{text.strip()}\n\n{END}"


def _begin(name: str) -> str:
    return f"<!-- make docs: {name} -->"


# ---- commands ---------------------------------------------------------------------------------------------


def build_commands(page: str) -> str:
    """``commands.md`` with a section for each command, in the order of the help.

    Raises ``ValueError`` for a section without a command.
    """
    head, *sections = re.split(r"^(?=## `daftari )", page, flags=re.MULTILINE)
    by_hand = {_heading(section): section.partition(END)[2].strip() for section in sections}
    commands = dict(_list_commands(get_command(app), "daftari"))
    gone = [words for words in by_hand if words not in commands]
    if gone:
        raise ValueError(f"docs/commands.md has sections of commands that do not exist: {', '.join(gone)}.")
    shared = {
        param.name: param
        for param in commands["daftari export"].params
        if param.name in RemoteOptions.__struct_fields__
    }
    built = [replace_part(head, "shared options", _table([*shared.values()], commands["daftari export"])).strip()]
    for words, command in commands.items():
        built.append(f"## `{words}`\n\n{_part(words, _describe(command, shared))}")
        if by_hand.get(words):
            built.append(by_hand[words])
    return "\n\n".join(built) + "\n"


def _heading(section: str) -> str:
    return section.splitlines()[0].removeprefix("## ").strip("`")


def _list_commands(group: Any, words: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _list_commands(command, f"{words} {name}")
        else:
            yield f"{words} {name}", command


def _describe(command: Any, shared: dict[str, Any]) -> str:
    """The help of a command as Markdown."""
    own = [param for param in command.params if not _is_same(param, shared.get(param.name))]
    also = [f"`{param.opts[0]}`" for param in command.params if param not in own]
    examples, note = _split_epilog(command.epilog)
    parts = [_mark_commands(inspect.cleandoc(command.help))]
    if own:
        parts.append(_table(own, command))
    if also:
        parts.append(f"{'Also' if own else 'Takes'} {', '.join(also)}: see [shared options](#shared-options).")
    parts.append("\n".join(f"    {line}" for line in examples))
    return "\n\n".join(filter(None, [*parts, _mark_commands(note)]))


def _is_same(param: Any, other: Any) -> bool:
    return other is not None and (param.opts, param.help, param.required) == (other.opts, other.help, other.required)


def _table(params: list[Any], command: Any) -> str:
    context = typer.Context(command)
    rows = ["| option | what it is |", "|---|---|"]
    for param in params:
        written, text = param.get_help_record(context)
        name = str(param.metavar) if isinstance(param, TyperArgument) else written
        text = re.sub(r"(\d+)<=x<=(\d+)", r"from \1 to \2", text)
        text = re.sub(r"x>=(\d+)", r"at least \1", text)
        rows.append(f"| `{name.replace('|', chr(92) + '|')}` | {_mark_commands(' '.join(text.split()))} |")
    return "\n".join(rows)


def _split_epilog(epilog: str) -> tuple[list[str], str]:
    """The examples and the note of what ``format_examples`` has made."""
    _, _, listed = epilog.partition("\b\n")
    lines, _, note = listed.partition("\n\n")
    return [line.strip() for line in lines.splitlines()], note


def _mark_commands(text: str) -> str:
    """Commands in quotation marks, and options, as code."""
    text = re.sub(r"'(daftari [^']+)'", r"`\1`", text)
    return re.sub(r"(?<![`\w-])(--[a-z][a-z-]*)(?![^`]*`(?:[^`]*`[^`]*`)*[^`]*$)", r"`\1`", text)


# ---- settings and limits ------------------------------------------------------------------------------------


def build_settings(page: str) -> str:
    """``settings.md`` with a row for each setting."""
    rows = ["| in the file | option | variable | default | what it is |", "|---|---|---|---|---|"]
    for setting in SETTINGS:
        option = f"`{setting.option}`" if setting.on_command_line else "—"
        default = setting.default_doc or f"`{setting.default}`".lower()
        rows.append(f"| `{setting.name}` | {option} | `{setting.variable}` | {default} | {setting.doc} |")
    return replace_part(page, "settings", "\n".join(rows))


def build_limits(page: str) -> str:
    """``limits.md`` with a table for each section of the limits."""
    parts = []
    for section, names in _limit_sections().items():
        rows = [f"| {text.removesuffix('.')} | {_format_limit(name)} |" for name, text in names.items()]
        parts.append("\n".join([f"## {section.capitalize()}", "", "| what | most |", "|---|---|", *rows]))
    return replace_part(page, "limits", "\n\n".join(parts))


def _limit_sections() -> dict[str, dict[str, str]]:
    """The first line of each limit's docstring, by the limit's name, by the heading in the source."""
    source = inspect.getsource(limits)
    headings = [
        (number, line.strip("# -")) for number, line in enumerate(source.splitlines(), 1) if line.startswith("# ----")
    ]
    sections: dict[str, dict[str, str]] = {heading: {} for _, heading in headings if heading != INTERNAL}
    body = ast.parse(source).body
    for assigned, said in pairwise(body):
        if isinstance(assigned, ast.Assign) and isinstance(said, ast.Expr) and isinstance(said.value, ast.Constant):
            heading = [heading for number, heading in headings if number < assigned.lineno][-1]
            if heading in sections:
                sections[heading][ast.unparse(assigned.targets[0])] = str(said.value.value).splitlines()[0]
    return sections


def _format_limit(name: str) -> str:
    value: int = getattr(limits, name)
    unit = next((unit for unit in UNITS if unit in name.split("_")), None)
    if unit == "BYTES":
        for size, letter in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
            if value % size == 0:
                return f"{value // size} {letter}"
    units = UNITS.get(unit or "", "")
    return f"{value:,}{units.removesuffix('s') if value == 1 else units}"


# ---- senders ----------------------------------------------------------------------------------------------------


def build_senders(page: str) -> str:
    """``senders.md`` with what to enter for each gateway, and what its codes mean."""
    for name, gateway in SENDING_GATEWAYS.items():
        tables = filter(None, [_account_table(gateway), _codes_table(gateway)])
        page = replace_part(page, f"sender {name}", "\n\n".join(tables) or "Nothing needs to be entered.")
    return page


def _account_table(gateway: SendingGateway) -> str:
    rows = []
    for kind, fields in (("setting", gateway.settings), ("credential", gateway.credentials)):
        for field in fields:
            notes = [field.help]
            if field.one_of:
                notes.append(f"One of {', '.join(f'`{value}`' for value in field.one_of)}.")
            if field.default:
                notes.append(f"Default: `{field.default}`.")
            needed = "required " if field.is_required else ""
            rows.append(f"| `{field.name}` | {needed}{kind} | {' '.join(notes)} |")
    return "\n".join(["| name | kind | what to enter |", "|---|---|---|", *rows]) if rows else ""


def _codes_table(gateway: SendingGateway) -> str:
    rows = []
    for word in get_args(OutcomeWord):
        codes = [code for code, meant in gateway.codes.items() if meant == word]
        if codes:
            rows.append(f"| `{word}` | {', '.join(_shorten(codes))} |")
    return "\n".join(["| outcome | codes |", "|---|---|", *rows]) if rows else ""


def _shorten(codes: list[str]) -> list[str]:
    """Codes with long runs of numbers written as a range."""
    numbers = sorted(int(code) for code in codes if code.isdecimal())
    found = [code for code in codes if not code.isdecimal()]
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    for run in runs:
        found += [f"{run[0]}–{run[-1]}"] if len(run) > 3 else map(str, run)
    return found


PAGES: dict[str, Callable[[str], str]] = {
    "commands.md": build_commands,
    "settings.md": build_settings,
    "limits.md": build_limits,
    "senders.md": build_senders,
}

if __name__ == "__main__":
    main()
