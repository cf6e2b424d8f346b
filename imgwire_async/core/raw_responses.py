"""Methods that return the whole response: the record with status, headers and request id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from imgwire_async.core.call import Core
from imgwire_async.core.operation import Response

P = ParamSpec("P")
T = TypeVar("T")


class WithRawResponse:
    """The methods of a resource as `RawMethod`s. Subclasses set `kind` to the resource's class."""

    kind: Callable[[Core], object]

    def __init__(self, core: Core) -> None:
        self.core = core


class RawMethod(Generic[P, T]):
    """Makes a method return the response that contains its result.

    Args:
        method: a method of the resource that makes a single API call.
    """

    def __init__(self, method: Callable[Concatenate[Any, P], Awaitable[T]]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    def __get__(self, instance: WithRawResponse, owner: type) -> Callable[P, Awaitable[Response[T]]]:
        method = self._method

        async def call(*args: P.args, **kwargs: P.kwargs) -> Response[T]:
            responses: list[Response[Any]] = []
            resource = instance.kind(instance.core.recording(responses))
            data = await method(resource, *args, **kwargs)
            last = responses[-1]
            return Response(
                data=data,
                status=last.status,
                headers=last.headers,
                request_id=last.request_id,
                attempts=last.attempts,
            )

        return update_wrapper(call, method)
