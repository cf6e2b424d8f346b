"""The client: configuration, wiring and lifetime."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from types import TracebackType
from typing import Self
from uuid import UUID

import anyio

from imgwire_async.core.base_url import checked_base_url
from imgwire_async.core.call import Core, SharedState
from imgwire_async.core.credentials import CredentialProvider, Credentials, check_credential
from imgwire_async.core.options import CallOptions, Timeouts
from imgwire_async.core.redaction import Secret
from imgwire_async.core.retry import RetryHook
from imgwire_async.core.transport import Engine, HttpClient
from imgwire_async.errors import ConfigurationError
from imgwire_async.lowlevel.types import UNSET, Unset
from imgwire_async.resources.cors_origins import CorsOrigins
from imgwire_async.resources.custom_domain import CustomDomain
from imgwire_async.resources.images import Images
from imgwire_async.resources.metrics import Metrics

DEFAULT_BASE_URL = "https://api.imgwire.dev"


class AsyncImgwireClient:
    """An async client of the Imgwire API.

    Make one for the whole program or application and share it between tasks. Close it with `async with` or
    `aclose()`. The connections belong to the event loop that first uses them; used again after that loop
    has ended, the client opens new ones.

    Args:
        api_key: server key (`sk_…`), client key (`ck_…`) or session token; or an async function that
            returns one, asked again once after a 401. Default: the environment variable `IMGWIRE_API_KEY`.
        base_url: scheme and host of the API. Default: `IMGWIRE_API_BASE_URL`, else the public service.
        environment_id: sent as `X-Environment-Id`, which session and OAuth tokens need and keys do not.
            Default: `IMGWIRE_ENVIRONMENT_ID`.
        timeout: seconds, or `Timeouts` with a number for each phase of an attempt.
        max_retries: attempts after the first one.
        max_retry_after: longest `Retry-After` to wait for, in seconds; a longer one raises at once.
        deadline: seconds that one call may take in all, retries and waiting included.
        on_retry: called with a `RetryEvent` before every retry; sync or async.
        http_client: an `httpx.AsyncClient` of yours to send requests with. It is never closed here, and its
            own limits, proxies and TLS settings apply.
        allow_insecure: accept a base URL with plain http to another machine.

    Raises:
        ConfigurationError: there is no usable API key, or the base URL or environment id is wrong.
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
        environment_id: str | UUID | None = None,
        timeout: float | Timeouts = Timeouts(),  # noqa: B008 - immutable
        max_retries: int = 4,
        max_retry_after: float = 60.0,
        deadline: float | None = None,
        on_retry: RetryHook | None = None,
        http_client: HttpClient | None = None,
        allow_insecure: bool = False,
    ) -> None:
        # From here on no local variable holds the key itself, so no traceback can show it.
        source, api_key = _credential_source(api_key), None
        options = CallOptions(
            base_url=checked_base_url(
                base_url or os.environ.get("IMGWIRE_API_BASE_URL") or DEFAULT_BASE_URL,
                allow_insecure=allow_insecure,
            ),
            allow_insecure=allow_insecure,
        )
        options = _changed(
            options,
            environment_id=environment_id or os.environ.get("IMGWIRE_ENVIRONMENT_ID") or None,
            timeout=timeout,
            max_retries=max_retries,
            max_retry_after=max_retry_after,
            deadline=deadline,
            on_retry=on_retry,
        )
        self._owns_connections = True
        self._use(Core(options, Credentials(source), SharedState(Engine(http_client))))

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
        on_retry: RetryHook | Unset | None = UNSET,
    ) -> Self:
        """This client with other options for some calls: `imgwire.with_options(deadline=2).images.list()`.

        Connections, credentials and retry budget are shared, so it costs nothing and needs no closing.
        What is not given stays as it is. The arguments are those of the class.

        Raises:
            ConfigurationError: a number or the environment id is wrong.
        """
        changed = type(self).__new__(type(self))
        changed._owns_connections = False  # noqa: SLF001 - an object of this class
        changed._use(  # noqa: SLF001
            self._core.with_options(
                _changed(
                    self._core.options,
                    environment_id=environment_id,
                    timeout=timeout,
                    max_retries=max_retries,
                    max_retry_after=max_retry_after,
                    deadline=deadline,
                    on_retry=on_retry,
                )
            )
        )
        return changed

    async def aclose(self) -> None:
        """Close the connections. Calls after that raise `ConfigurationError`; closing twice is harmless.

        What `with_options` returned shares the connections and does not close them.
        """
        if self._owns_connections:
            await self._core.shared.engine.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Also when the block is being cancelled, its connections are closed properly.
        with anyio.CancelScope(shield=True):
            await self.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._core.options.base_url!r})"

    def __del__(self) -> None:
        # Only a warning: closing needs an event loop, and the one that runs now may be another one.
        core = getattr(self, "_core", None)
        if core is not None and self._owns_connections and core.shared.engine.is_open:
            warnings.warn(
                f"{self!r} was not closed; use 'async with' or 'await client.aclose()'",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )


def _credential_source(api_key: str | CredentialProvider | None) -> Secret | CredentialProvider:
    if callable(api_key):
        return api_key
    if api_key is None:
        api_key = os.environ.get("IMGWIRE_API_KEY") or None
    secret, api_key = (None if api_key is None else Secret(api_key)), None
    if secret is None:
        raise ConfigurationError("no API key: pass api_key= or set the environment variable IMGWIRE_API_KEY")
    check_credential(secret)
    return secret


def _changed(
    options: CallOptions,
    *,
    environment_id: str | UUID | Unset | None,
    timeout: float | Timeouts | Unset,
    max_retries: int | Unset,
    max_retry_after: float | Unset,
    deadline: float | Unset | None,
    on_retry: RetryHook | Unset | None,
) -> CallOptions:
    if not isinstance(environment_id, Unset):
        options = replace(options, environment_id=_environment(environment_id))
    try:
        if not isinstance(timeout, Unset):
            options = replace(options, timeouts=Timeouts.of(timeout))
        if not isinstance(max_retries, Unset):
            options = replace(options, retry=replace(options.retry, max_retries=max_retries))
        if not isinstance(max_retry_after, Unset):
            options = replace(options, retry=replace(options.retry, max_retry_after=max_retry_after))
        if not isinstance(deadline, Unset):
            options = replace(options, deadline=deadline)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    return options if isinstance(on_retry, Unset) else replace(options, on_retry=on_retry)


def _environment(value: str | UUID | None) -> UUID | None:
    if value is None or isinstance(value, UUID):
        return value
    try:
        return UUID(value)
    except ValueError:
        problem = f"environment_id (or IMGWIRE_ENVIRONMENT_ID) must be a UUID, got {value!r:.80}"
    raise ConfigurationError(problem)
