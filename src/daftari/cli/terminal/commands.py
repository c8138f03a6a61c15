"""How a command is declared: its name, its examples and records of options. No settings, no command of its own.

Typer converts the values of options with Pydantic, which takes as long to import as Typer itself. The classes here
refuse a command line without it.
"""

from __future__ import annotations

import inspect
import signal
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import typer
from msgspec import Struct
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

Command = Callable[..., None]


class Options(Struct, frozen=True, kw_only=True):
    """Options that several commands take together. A command has one parameter for the record; each field, an
    annotated ``typer.Option`` with its default, is an option of the command.
    """


class LightGroup(TyperGroup):
    """A group that converts no values itself."""

    def get_help_option(self, ctx: Any) -> TyperOption | None:
        return _without_conversion(super().get_help_option(ctx))


class LightCommand(TyperCommand):
    """A command that names a missing argument or option before it converts the values of the others."""

    def get_help_option(self, ctx: Any) -> TyperOption | None:
        return _without_conversion(super().get_help_option(ctx))

    def invoke(self, ctx: Any) -> Any:
        # As it is in Python; ``main`` has changed it for the time of the imports.
        if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return super().invoke(ctx)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given, _, _ = self.make_parser(ctx).parse_args(args=[*args])
        for param in self.params:
            if not isinstance(param, TyperArgument | TyperOption) or not param.required or given.get("help"):
                continue
            if param.value_is_missing(param.consume_value(ctx, given)[0]):
                more = param.get_missing_message(ctx)
                missing = f"Missing {param.param_type_name} {param.get_error_hint()}."
                ctx.fail(f"{missing} {more}" if more else missing)
        return super().parse_args(ctx, args)


def _without_conversion(help_option: TyperOption | None) -> TyperOption | None:
    """The ``--help`` option with a value that needs no conversion when the option is absent."""
    if help_option is not None:
        help_option.default = False
    return help_option


def command_group(help: str | None = None) -> typer.Typer:
    """An empty group for the commands of one module; with ``help``, the group is a command itself."""
    return typer.Typer(cls=LightGroup, help=help, no_args_is_help=True, add_completion=False, rich_markup_mode=None)


def command(group: typer.Typer, name: str, *examples: str, note: str = "") -> Callable[[Command], Command]:
    """Adds the decorated function to a group. Its docstring is the help; ``examples`` and ``note`` follow the help."""

    def register(function: Command) -> Command:
        group.command(name, cls=LightCommand, epilog=format_examples(*examples, note=note))(_with_options(function))
        return function

    return register


def format_examples(*lines: str, note: str = "") -> str:
    """The text below the help of a command: example lines, then a note."""
    return "\n".join(["Examples:", "", "\b", *[f"  {line}" for line in lines], *(["", note] if note else [])])


def _with_options(function: Command) -> Command:
    """The function with one parameter for each field of its records of options."""
    parameters = inspect.signature(function, eval_str=True).parameters.values()
    records = {parameter.name: parameter.annotation for parameter in parameters if _is_record(parameter.annotation)}

    def call(**given: Any) -> None:
        for name, record in records.items():
            given[name] = record(**{field: given.pop(field) for field in record.__struct_fields__})
        function(**given)

    expanded = [each for parameter in parameters for each in _expand(parameter)]
    call.__name__, call.__doc__ = function.__name__, function.__doc__
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in expanded}
    # Typer reads the options from here.
    vars(call)["__signature__"] = inspect.Signature(expanded)
    return call


def _expand(parameter: inspect.Parameter) -> Iterator[inspect.Parameter]:
    """A record's fields, those of the record itself before those that it inherits; any other parameter itself."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    if not _is_record(parameter.annotation):
        yield parameter.replace(kind=keyword)
        return
    fields = {field.name: field for field in msgspec.structs.fields(parameter.annotation)}
    for record in parameter.annotation.__mro__:
        for name in vars(record).get("__annotations__", ()):
            if name in fields:
                default = fields[name].default
                default = inspect.Parameter.empty if default is msgspec.NODEFAULT else default
                yield inspect.Parameter(name, keyword, default=default, annotation=fields[name].type)


def _is_record(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Options)
