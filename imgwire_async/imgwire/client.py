"""The client: configuration, wiring and lifetime."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self
from uuid import UUID

from imgwire_async.core.call import Core
from imgwire_async.core.clients.any_request import any_request, as_json
from imgwire_async.core.clients.client import changed_options, from_environment, new_core
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
from imgwire_async.core.operation import Operation, Replay, Request, Response
from imgwire_async.core.pace.limits import RateLimit
from imgwire_async.core.values.redaction import Secret
from imgwire_async.errors import ConfigurationError
from imgwire_async.imgwire.bulk_jobs import BulkJobs
from imgwire_async.imgwire.lowlevel.types import UNSET, Unset, parse_map
from imgwire_async.imgwire.resources.cors_origins import CorsOrigins
from imgwire_async.imgwire.resources.custom_domain import CustomDomain
from imgwire_async.imgwire.resources.images import Images
from imgwire_async.imgwire.resources.metrics import Metrics
from imgwire_async.imgwire.service import ENVIRONMENT_HEADER, IMGWIRE, Auth, RateClass

if TYPE_CHECKING:
    from imgwire_async.core.http.httpx_transport import HttpClient

_HEALTH = Operation(
    name="health",
    method="GET",
    path="/health",
    auth=Auth.SERVER_OR_CLIENT_KEY,
    replay=Replay.SAFE,
    rate_class=RateClass.READ,
)
"""Not part of the Resource API, so not in `openapi.json`."""


class AsyncImgwireClient(BulkJobs):
    """An async client of the Imgwire API.

    Create one for the whole program or application and share it between tasks. Close it with `async with` or
    `aclose()`. The connections belong to the event loop that first uses them; used again after that loop
    has ended, the client opens new ones.

    Args:
        api_key: server key (`sk_…`), client key (`ck_…`) or session token; or an async function that
            returns one, called once more after a 401. Default: the environment variable `IMGWIRE_API_KEY`.
        base_url: scheme and host of the API. Default: `IMGWIRE_API_BASE_URL`, else the public service.
        environment_id: sent as `X-Environment-Id`, which session and OAuth tokens need and keys do not.
            Default: `IMGWIRE_ENVIRONMENT_ID`; None sends no header, even if the variable is set.
        timeout: seconds, or `Timeouts` with a number for each phase of an attempt.
        max_retries: how many times a call is retried.
        max_retry_after: longest `Retry-After` to wait for, in seconds; if the service asks for more, the call
            raises at once.
        deadline: seconds that one call may take in total, including retries and waiting.
        concurrency: maximum number of requests in flight; further ones wait for a slot. With "auto" the
            client adapts to the rate the service accepts, for jobs of many calls.
        rate_limits: requests per second for classes of operations. Imgwire publishes no limits, so there are
            none by default; a 429 always delays all calls of its class.
        on_call: returns a context manager for every call with all its attempts; for tracing. Like all hooks,
            one function or a list of them. Contexts are entered in the order of the list.
        on_request: called with every attempt before it is sent. Like the following hooks sync or async; one
            that hangs ends with the call's `deadline`.
        on_response: called with every attempt when its response has arrived or it has failed.
        on_retry: called with every retry before the wait for it.
        http_client: your own `httpx.AsyncClient` to send requests with. It is never closed here, and its
            own limits, proxies and TLS settings apply.
        allow_insecure: accept a plain http base URL for another machine.

    The environment variables apply together or not at all: with `api_key=` or `base_url=`, none of them is
    read, so that a key is never sent to a service or with an environment id that it does not belong to. With
    neither, an explicit `environment_id=` replaces `IMGWIRE_ENVIRONMENT_ID` only. An empty variable counts as
    not set.

    Raises:
        ConfigurationError: there is no usable API key, or another argument cannot be used.
    """

    images: Images
    cors_origins: CorsOrigins
    custom_domain: CustomDomain
    metrics: Metrics

    def __init__(
        self,
        api_key: str | CredentialProvider | None = None,
        *,
        base_url: str | None = None,
        environment_id: str | UUID | Unset | None = UNSET,
        timeout: float | Timeouts = Timeouts(),  # noqa: B008 - immutable
        max_retries: int = 4,
        max_retry_after: float = 60.0,
        deadline: float | None = None,
        concurrency: int | Literal["auto"] = 100,
        rate_limits: Mapping[RateClass, RateLimit] | None = None,
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
            key, base_url = from_environment(IMGWIRE)
            if isinstance(environment_id, Unset):
                environment_id = os.environ.get("IMGWIRE_ENVIRONMENT_ID") or None
        self._owns_connections = True
        self._use(
            new_core(
                IMGWIRE,
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
                headers=_headers(environment_id),
            )
        )

    def _use(self, core: Core) -> None:
        self._core = core
        self.images = Images(core)
        self.cors_origins = CorsOrigins(core)
        self.custom_domain = CustomDomain(core)
        self.metrics = Metrics(core)

    def with_options(
        self,
        *,
        environment_id: str | UUID | Unset | None = UNSET,
        timeout: float | Timeouts | Unset = UNSET,
        max_retries: int | Unset = UNSET,
        max_retry_after: float | Unset = UNSET,
        deadline: float | Unset | None = UNSET,
    ) -> Self:
        """This client with other options for some calls: `imgwire.with_options(deadline=2).images.list()`.

        Connections, credentials, limits and hooks are shared, so it costs nothing and needs no closing.
        Options that are omitted keep their values. The arguments are the same as for the class.

        Raises:
            ConfigurationError: a number or the environment id is wrong.
        """
        given: dict[str, Any] = {
            "timeout": timeout,
            "max_retries": max_retries,
            "max_retry_after": max_retry_after,
            "deadline": deadline,
        }
        if not isinstance(environment_id, Unset):
            given["headers"] = _headers(environment_id)
        set_ones = {name: value for name, value in given.items() if not isinstance(value, Unset)}
        return self._derive(changed_options(self._core.options, set_ones))

    async def health(self) -> dict[str, str]:
        """Ask the service whether it is up; the keys of its response are undocumented."""
        request = Request(operation=_HEALTH)
        return (await self._core.call(request, parse_map)).data

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int | float | bool | None] | None = None,
        json: Mapping[str, Any] | None = None,
        body: bytes | None = None,
        content_type: str = "application/octet-stream",
    ) -> Response[Any]:
        """Send a request to any endpoint, with the same retries, limits, hooks and errors as all other calls.

        Args:
            method: HTTP method. A POST is sent again only if the service cannot have acted on it, or if its
                JSON holds an `idempotency_key`; all other methods count as safe to repeat.
            path: path below the base URL, such as `/api/v1/images/`; percent-encode reserved characters.
            query: query parameters; those that are None are left out.
            json: request body as JSON.
            body: raw request body, instead of `json`.
            content_type: of `body`.

        Returns:
            Status, headers and request id, and in `data` the JSON of the response ({} for an empty one).

        Raises:
            InvalidArgumentError: an argument cannot be sent.
        """
        rate_class = {"GET": RateClass.READ, "HEAD": RateClass.READ, "DELETE": RateClass.DELETE}.get(
            str(method).upper(), RateClass.WRITE
        )
        request = any_request(
            method,
            path,
            query=query,
            json=json,
            body=body,
            content_type=content_type,
            auth=Auth.SERVER_OR_CLIENT_KEY,
            rate_class=rate_class,
        )
        return await self._core.call(request, as_json)


def _headers(environment_id: str | UUID | Unset | None) -> dict[str, str]:
    """The header that names an environment, if there is one."""
    if environment_id is None or isinstance(environment_id, Unset):
        return {}
    try:
        return {ENVIRONMENT_HEADER: str(UUID(str(environment_id)))}
    except ValueError:
        problem = f"environment_id (or IMGWIRE_ENVIRONMENT_ID) must be a UUID, got {environment_id!r:.80}"
    raise ConfigurationError(problem)
