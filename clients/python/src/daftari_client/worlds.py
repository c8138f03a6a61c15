"""How one method serves two clients: it is written once, as a plan, and each client runs it in its own world.

``Contacts[Sync]`` and ``Contacts[Async]`` are one class. What ``client.contacts.get`` is depends on the world of its
room: a function that returns a contact, or one that returns a coroutine of it; that is decided here, in two
descriptors, at run time and for type checkers alike. This room must not know calls, nor HTTP.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, overload

from daftari_client.api import Api
from daftari_client.plans import Plan, Walk

T = TypeVar("T")
P = ParamSpec("P")


class Sync:
    """The world where calls return when they are done."""


class Async:
    """The world where calls are awaited."""


World = TypeVar("World", Sync, Async)


class Driver(Protocol):
    """Carries plans out. What its methods return depends on its world."""

    def run(self, plan: Plan[Any]) -> Any: ...

    def walk(self, walk: Walk[Any]) -> Any: ...


class Room(Generic[World]):
    """Calls that belong together, in one world."""

    def __init__(self, api: Api, driver: Driver) -> None:
        self._api = api
        self._driver = driver


class call(Generic[P, T]):
    """Makes a method that returns a plan into one that returns what the plan does."""

    def __init__(self, method: Callable[Concatenate[Any, P], Plan[T]]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, room: None, owner: type) -> Self: ...

    @overload
    def __get__(self, room: Room[Sync], owner: type) -> Callable[P, T]: ...

    @overload
    def __get__(self, room: Room[Async], owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...

    def __get__(self, room: Room[Any] | None, owner: type) -> Any:
        if room is None:
            return self
        return _bound(self._method, room, room._driver.run)


class walk(Generic[P, T]):
    """Makes a method that returns a walk into one that returns an iterator, for ``for`` or ``async for``."""

    def __init__(self, method: Callable[Concatenate[Any, P], Walk[T]]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, room: None, owner: type) -> Self: ...

    @overload
    def __get__(self, room: Room[Sync], owner: type) -> Callable[P, Generator[T, None, None]]: ...

    @overload
    def __get__(self, room: Room[Async], owner: type) -> Callable[P, AsyncGenerator[T, None]]: ...

    def __get__(self, room: Room[Any] | None, owner: type) -> Any:
        if room is None:
            return self
        return _bound(self._method, room, room._driver.walk)


def _bound(method: Callable[..., Any], room: Room[Any], carry_out: Callable[[Any], Any]) -> Callable[..., Any]:
    planned = method.__get__(room)

    @wraps(planned)
    def asked(*args: Any, **kwargs: Any) -> Any:
        return carry_out(planned(*args, **kwargs))

    return asked
