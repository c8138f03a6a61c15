"""Shopify's search syntax, as far as it is used: terms, comparators, quotes, AND, OR and parentheses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

Test = Callable[[Mapping[str, Any]], bool]
"""Whether something with these fields is found."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<open>\()|(?P<close>\))|(?P<word>AND|OR)(?=[\s(])"""
    r"""|(?P<field>\w+):(?P<how>>=|<=|>|<)?(?:'(?P<quoted>(?:[^'\\]|\\.)*)'|(?P<bare>[^\s()']+)))"""
)


def read_query(query: str | None) -> Test:
    """The test that a query stands for; everything passes none. Raises ``ValueError``."""
    if not query:
        return lambda _: True
    tokens: list[re.Match[str]] = []
    place = 0
    while place < len(query.rstrip()):
        found = _TOKEN.match(query, place)
        if found is None:
            raise ValueError(f"no search: {query[place:]}")
        tokens.append(found)
        place = found.end()
    test = _read_either(tokens)
    if tokens:
        raise ValueError(f"no search: {query}")
    return test


def _read_either(tokens: list[re.Match[str]]) -> Test:
    tests = [_read_both(tokens)]
    while tokens and tokens[0]["word"] == "OR":
        tokens.pop(0)
        tests.append(_read_both(tokens))
    return lambda fields: any(test(fields) for test in tests)


def _read_both(tokens: list[re.Match[str]]) -> Test:
    tests = [_read_term(tokens)]
    while tokens and not tokens[0]["close"] and tokens[0]["word"] != "OR":
        if tokens[0]["word"]:
            tokens.pop(0)
        tests.append(_read_term(tokens))
    return lambda fields: all(test(fields) for test in tests)


def _read_term(tokens: list[re.Match[str]]) -> Test:
    token = tokens.pop(0)
    if token["open"]:
        inner = _read_either(tokens)
        tokens.pop(0)
        return inner
    name, how = token["field"], token["how"] or "="
    value = token["bare"] if token["quoted"] is None else re.sub(r"\\(.)", r"\1", token["quoted"])
    return lambda fields: _compares(fields[name], how, value)


def _compares(known: Any, how: str, value: str) -> bool:
    if known is None:
        return False
    if isinstance(known, list | tuple):
        return value.casefold() in {one.casefold() for one in known}
    if isinstance(known, str):
        return known.casefold() == value.casefold()
    wanted = int(value) if value.isdecimal() else int(_read_time(value))
    compared = {"=": known == wanted, ">=": known >= wanted, "<=": known <= wanted, ">": known > wanted}
    return bool(compared.get(how, known < wanted))


def _read_time(value: str) -> float:
    return datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp()
