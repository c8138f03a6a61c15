"""How one method serves two clients: it is written once, as a flow, and each client runs it in its own mode.

``Contacts[Sync]`` and ``Contacts[Async]`` are one class. What ``client.contacts.get`` is depends on the mode of its
resource: a function that returns a contact, or one that returns a coroutine of it; that is decided here, in two
descriptors, at run time and for type checkers alike. This module must not know calls, nor HTTP.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, Self, TypeVar, overload

from daftari_client.api import Api
from daftari_client.flows import Flow, Iteration

T = TypeVar("T")
P = ParamSpec("P")


class Sync:
    """The mode where calls return when they are done."""


class Async:
    """The mode where calls are awaited."""


Mode = TypeVar("Mode", Sync, Async)


class Driver(Protocol):
    """Runs flows. What its methods return depends on its mode."""

    def run(self, flow: Flow[Any]) -> Any: ...

    def iterate(self, iteration: Iteration[Any]) -> Any: ...


class Resource(Generic[Mode]):
    """Calls that belong together, in one mode."""

    def __init__(self, api: Api, driver: Driver) -> None:
        self._api = api
        self._driver = driver


class call(Generic[P, T]):
    """Makes a method that returns a flow into one that returns the flow's result."""

    def __init__(self, method: Callable[Concatenate[Any, P], Flow[T]]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, resource: None, owner: type) -> Self: ...

    @overload
    def __get__(self, resource: Resource[Sync], owner: type) -> Callable[P, T]: ...

    @overload
    def __get__(self, resource: Resource[Async], owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...

    def __get__(self, resource: Resource[Any] | None, owner: type) -> Any:
        if resource is None:
            return self
        return _bind(self._method, resource, resource._driver.run)


class iteration(Generic[P, T]):
    """Makes a method that returns an iteration into one that returns an iterator, for ``for`` or ``async for``."""

    def __init__(self, method: Callable[Concatenate[Any, P], Iteration[T]]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, resource: None, owner: type) -> Self: ...

    @overload
    def __get__(self, resource: Resource[Sync], owner: type) -> Callable[P, Generator[T, None, None]]: ...

    @overload
    def __get__(self, resource: Resource[Async], owner: type) -> Callable[P, AsyncGenerator[T, None]]: ...

    def __get__(self, resource: Resource[Any] | None, owner: type) -> Any:
        if resource is None:
            return self
        return _bind(self._method, resource, resource._driver.iterate)


def _bind(method: Callable[..., Any], resource: Resource[Any], drive: Callable[[Any], Any]) -> Callable[..., Any]:
    method_of = method.__get__(resource)

    @wraps(method_of)
    def bound(*args: Any, **kwargs: Any) -> Any:
        return drive(method_of(*args, **kwargs))

    return bound
