"""The client of the imgix Management API: configuration and wiring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from imgwire_async.core.call import Core
from imgwire_async.core.clients.any_request import any_request, as_json
from imgwire_async.core.clients.client import ServiceClient, changed_options, from_environment, new_core
from imgwire_async.core.clients.credentials import CredentialProvider
from imgwire_async.core.clients.events import (
    CallHook,
    Hook,
    Hooks,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
)
from imgwire_async.core.clients.options import Timeouts
from imgwire_async.core.operation import Response
from imgwire_async.core.pace.limits import RateLimit
from imgwire_async.core.values.redaction import Secret
from imgwire_async.imgix.arguments import SourceId
from imgwire_async.imgix.lowlevel.types import UNSET, Unset
from imgwire_async.imgix.records import PublishReceipt, PurgeReceipt, UnpublishReceipt
from imgwire_async.imgix.resources.assets import Assets
from imgwire_async.imgix.resources.delivery import publish, purge, unpublish
from imgwire_async.imgix.resources.reports import Reports
from imgwire_async.imgix.resources.sources import Sources
from imgwire_async.imgix.resources.upload_sessions import UploadSessions
from imgwire_async.imgix.service import IMGIX, ImgixRateClass

if TYPE_CHECKING:
    from imgwire_async.core.http.httpx_transport import HttpClient
    from imgwire_async.imgix.resources.raw import ClientWithRawResponse


class AsyncImgixClient(ServiceClient):
    """An async client of the imgix Management API.

    Create one for the whole program or application and share it between tasks. Close it with `async with` or
    `aclose()`. The connections belong to the event loop that first uses them; used again after that loop
    has ended, the client opens new ones.

    imgix publishes its rate limits: 4 requests per second, with other limits for some operations. The client
    keeps them from its first request on, so calls may wait; see `ImgixRateClass`. All clients with the same
    key share them, and so do all processes of one user on one machine, except on Windows or if `api_key` is a
    function. Machines do not coordinate: give each its share with `rate_limits=`. A call that would have to
    wait longer than `max_wait`, as after creating many sources, is not sent. It raises `RateLimitError`; the
    message has the time at which the call could be sent, and `retry_after` the seconds until then.

    Args:
        api_key: API key of the account; or an async function that returns one, called once more after a 401.
            Not the token that signs URLs. Default: the environment variable `IMGIX_API_KEY`.
        base_url: scheme and host of the API. Default: `IMGIX_API_BASE_URL`, else the public service.
        timeout: seconds, or `Timeouts` with a number for each phase of an attempt.
        max_retries: how many times a call is retried.
        max_retry_after: longest `Retry-After` to wait for, in seconds; if imgix asks for more, the call
            raises at once.
        deadline: seconds that one call may take in total, including retries and waiting.
        max_wait: longest wait for a published limit, in seconds, including the calls queued before it; a call
            that would wait longer raises at once. `math.inf` means no limit.
        concurrency: maximum number of requests in flight; further ones wait for a slot.
        rate_limits: limits by class that replace the published ones, for premium plans.
        on_call: returns a context manager for every call with all its attempts; for tracing. Like all hooks,
            one function or a list of them.
        on_request: called with every attempt before it is sent. Like the following hooks sync or async.
        on_response: called with every attempt when its response has arrived or it has failed.
        on_retry: called with every retry before the wait for it.
        http_client: your own `httpx.AsyncClient` to send requests with. It is never closed here, and
            its own limits, proxies and TLS settings apply.
        allow_insecure: accept a plain http base URL for another machine.

    The environment variables apply together or not at all: with `api_key=` or `base_url=`, none of them is
    read, so that a key is never sent to a service that it does not belong to. An empty variable counts as not
    set.

    Raises:
        ConfigurationError: there is no usable API key, or another argument cannot be used.
    """

    sources: Sources
    assets: Assets
    upload_sessions: UploadSessions
    reports: Reports

    def __init__(
        self,
        api_key: str | CredentialProvider | None = None,
        *,
        base_url: str | None = None,
        timeout: float | Timeouts = Timeouts(),  # noqa: B008 - immutable
        max_retries: int = 4,
        max_retry_after: float = 60.0,
        deadline: float | None = None,
        max_wait: float = 1800.0,
        concurrency: int | Literal["auto"] = 100,
        rate_limits: Mapping[ImgixRateClass, RateLimit] | None = None,
        on_call: Hooks[CallHook] | None = None,
        on_request: Hooks[Hook[RequestEvent]] | None = None,
        on_response: Hooks[Hook[ResponseEvent]] | None = None,
        on_retry: Hooks[Hook[RetryEvent]] | None = None,
        http_client: HttpClient | None = None,
        allow_insecure: bool = False,
    ) -> None:
        # From here on no local variable holds the key itself, so no traceback can show it.
        key, api_key = Secret(api_key) if isinstance(api_key, str) else api_key, None
        if key is None and base_url is None:
            key, base_url = from_environment(IMGIX)
        self._owns_connections = True
        self._use(
            new_core(
                IMGIX,
                key,
                base_url,
                concurrency=concurrency,
                rate_limits=rate_limits,
                hooks={
                    "on_call": on_call,
                    "on_request": on_request,
                    "on_response": on_response,
                    "on_retry": on_retry,
                },
                http_client=http_client,
                allow_insecure=allow_insecure,
                timeout=timeout,
                max_retries=max_retries,
                max_retry_after=max_retry_after,
                deadline=deadline,
                max_wait=max_wait,
            )
        )

    def _use(self, core: Core) -> None:
        self._core = core
        self.sources = Sources(core)
        self.assets = Assets(core)
        self.upload_sessions = UploadSessions(core)
        self.reports = Reports(core)

    def with_options(
        self,
        *,
        timeout: float | Timeouts | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        max_retry_after: float | Unset = UNSET,
        deadline: float | Unset | None = UNSET,
        max_wait: float | Unset = UNSET,
    ) -> Self:
        """This client with other options for some calls: `imgix.with_options(deadline=2).sources.list()`.

        Connections, credentials, limits and hooks are shared, so it costs nothing and needs no closing.
        Options that are omitted keep their values. The arguments are the same as for the class.

        Raises:
            ConfigurationError: a number is out of range.
        """
        given = {
            "timeout": timeout,
            "max_retries": max_retries,
            "max_retry_after": max_retry_after,
            "deadline": deadline,
            "max_wait": max_wait,
        }
        set_ones = {name: value for name, value in given.items() if not isinstance(value, Unset)}
        return self._derive(changed_options(self._core.options, set_ones))

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int | float | bool | None] | None = None,
        json: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        content_type: str = "application/octet-stream",
        rate_class: ImgixRateClass = ImgixRateClass.DEFAULT,
    ) -> Response[Any]:
        """Send a request to any endpoint, with the same retries, limits, hooks and errors as all other calls.

        Args:
            method: HTTP method. A POST is sent again only if the service cannot have acted on it; all other
                methods count as safe to repeat.
            path: path below the base URL, such as `/api/v1/sources`; percent-encode reserved characters.
            query: query parameters; those that are None are left out.
            json: JSON:API document.
            body: raw request body, instead of `json`.
            content_type: of `body`.
            rate_class: the published limit that applies to the endpoint.

        Returns:
            Status, headers and request id, and in `data` the JSON of the response ({} for an empty one).

        Raises:
            InvalidArgumentError: an argument cannot be sent.
        """
        request = any_request(
            method,
            path,
            query=query,
            json=json,
            body=body,
            content_type=content_type,
            auth="api_key",
            rate_class=rate_class,
            media_type="application/vnd.api+json",
        )
        return await self._core.call(request, as_json)

    @property
    def with_raw_response(self) -> ClientWithRawResponse:
        """`purge`, `publish` and `unpublish`, but they return the whole response.

        The resources have it as well: `await imgix.sources.with_raw_response.retrieve(source)`.
        """
        from imgwire_async.imgix.resources.raw import ClientWithRawResponse

        return ClientWithRawResponse(self._core)

    async def purge(
        self, url: str, *, sub_image: bool = False, source: SourceId | None = None
    ) -> PurgeReceipt:
        """Remove an image and all its renderings from imgix's caches. 10 per second.

        An accepted purge is not yet finished, and imgix offers no way to check. A retry is harmless: if imgix
        responds that the same URL was purged within the last 10 seconds, the purge was done, and `duplicate`
        of the receipt is True. Needs the permission Asset Purge.

        Args:
            url: full URL of the image on one of your rendering hosts. Parameters are unnecessary.
            sub_image: the image is used in other images, as a watermark or blend; purge those as well.
            source: the source of those other images, or its id; required with `sub_image`.

        Raises:
            InvalidArgumentError: `url` is not a full URL, or `source` is missing.
        """
        return await purge(self._core, url, sub_image=sub_image, source=source)

    async def publish(self, url: str, *, source: SourceId) -> PublishReceipt:
        """Make an unpublished asset available again. A retry is harmless.

        Needs the permission Asset Purge.

        Args:
            url: full URL of the asset.
            source: its source, or the id.

        Raises:
            InvalidArgumentError: `url` is not a full URL.
            NotFoundError: the source or asset does not exist.
        """
        return await publish(self._core, url, source=source)

    async def unpublish(self, url: str, *, source: SourceId) -> UnpublishReceipt:
        """Stop delivering an asset. A retry is harmless. Arguments and errors are as for `publish`."""
        return await unpublish(self._core, url, source=source)
