"""How one method serves both clients: it is written once, as a flow, and each client runs the flow in its mode.

``Contacts[Sync]`` and ``Contacts[Async]`` are one class. ``client.contacts.get`` returns a contact in the one mode and
a coroutine of a contact in the other. Two descriptors decide that, at run time and for type checkers. No calls of the
API here, and no HTTP.
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
    """The mode in which calls block."""


class Async:
    """The mode in which calls are awaited."""


Mode = TypeVar("Mode", Sync, Async)


class Driver(Protocol):
    """Runs flows. Its methods return results and iterators, or awaitables of them, depending on the mode."""

    def run(self, flow: Flow[Any]) -> Any: ...

    def iterate(self, iteration: Iteration[Any]) -> Any: ...


class Resource(Generic[Mode]):
    """The calls of one subject, in one mode."""

    def __init__(self, api: Api, driver: Driver) -> None:
        self._api = api
        self._driver = driver


class call(Generic[P, T]):
    """Decorates a method that returns a flow: the decorated method returns the result of the flow."""

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
    """Decorates a method that returns an iteration: the decorated one returns an iterator, or an async iterator."""

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
    make_flow = method.__get__(resource)

    @wraps(make_flow)
    def run(*args: Any, **kwargs: Any) -> Any:
        return drive(make_flow(*args, **kwargs))

    return run
