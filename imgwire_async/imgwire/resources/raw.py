"""Resources whose methods return the whole response: status, headers and request id beside the record.

`await client.images.with_raw_response.retrieve(id)` gives a `Response[Image]`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import update_wrapper
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from imgwire_async.core.call import Core
from imgwire_async.core.operation import Response
from imgwire_async.imgwire.resources.cors_origins import CorsOrigins
from imgwire_async.imgwire.resources.custom_domain import CustomDomain
from imgwire_async.imgwire.resources.images import Images
from imgwire_async.imgwire.resources.metrics import Metrics

P = ParamSpec("P")
T = TypeVar("T")


class _Raw(Generic[P, T]):
    """Makes a method return the response that its result was read from."""

    def __init__(self, method: Callable[Concatenate[Any, P], Awaitable[T]]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    def __get__(self, instance: _WithRawResponse, owner: type) -> Callable[P, Awaitable[Response[T]]]:
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


class _WithRawResponse:
    kind: Callable[[Core], object]

    def __init__(self, core: Core) -> None:
        self.core = core


class ImagesWithRawResponse(_WithRawResponse):
    """The methods of `Images` that make one call of the API."""

    kind = Images
    list = _Raw(Images.list)
    retrieve = _Raw(Images.retrieve)
    upload_via_url = _Raw(Images.upload_via_url)
    delete = _Raw(Images.delete)
    bulk_delete = _Raw(Images.bulk_delete)
    create_upload_token = _Raw(Images.create_upload_token)
    create_bulk_download_job = _Raw(Images.create_bulk_download_job)
    retrieve_bulk_download_job = _Raw(Images.retrieve_bulk_download_job)


class CorsOriginsWithRawResponse(_WithRawResponse):
    """The methods of `CorsOrigins`."""

    kind = CorsOrigins
    list = _Raw(CorsOrigins.list)
    create = _Raw(CorsOrigins.create)
    retrieve = _Raw(CorsOrigins.retrieve)
    update = _Raw(CorsOrigins.update)
    delete = _Raw(CorsOrigins.delete)


class CustomDomainWithRawResponse(_WithRawResponse):
    """The methods of `CustomDomain`."""

    kind = CustomDomain
    create = _Raw(CustomDomain.create)
    retrieve = _Raw(CustomDomain.retrieve)
    delete = _Raw(CustomDomain.delete)
    test_connection = _Raw(CustomDomain.test_connection)


class MetricsWithRawResponse(_WithRawResponse):
    """The methods of `Metrics`."""

    kind = Metrics
    get_datasets = _Raw(Metrics.get_datasets)
    get_stats = _Raw(Metrics.get_stats)
