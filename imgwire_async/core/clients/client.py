"""The base of the clients of all services: reading their arguments, and their lifetime."""

from __future__ import annotations

import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Self, TypedDict, Unpack

import anyio

from imgwire_async.core.call import Core
from imgwire_async.core.clients.credentials import CredentialProvider, Credentials, check_credential
from imgwire_async.core.clients.events import Hooks, as_hooks
from imgwire_async.core.clients.options import CallOptions, Timeouts
from imgwire_async.core.http.connections import Engine
from imgwire_async.core.http.urls import checked_base_url, same_for_all_spellings
from imgwire_async.core.logical_call import ClientStats, SharedState
from imgwire_async.core.pace.gate import Gate
from imgwire_async.core.pace.limits import Name, RateLimit, Scope, checked_limits
from imgwire_async.core.retry import RetryBudget
from imgwire_async.core.service import Service
from imgwire_async.core.time import RealTime, Time
from imgwire_async.core.values.redaction import Secret
from imgwire_async.errors import ConfigurationError

if TYPE_CHECKING:
    from imgwire_async.core.http.httpx_transport import HttpClient


class OptionChanges(TypedDict, total=False):
    """The options that `with_options` can change, by argument name."""

    timeout: float | Timeouts
    max_retries: int
    max_retry_after: float
    deadline: float | None
    max_wait: float
    headers: Mapping[str, str]


class ServiceClient(ABC):
    """The service-independent part of a client."""

    _core: Core
    _owns_connections: bool
    _derived_from: ServiceClient | None = None

    @abstractmethod
    def _use(self, core: Core) -> None:
        """Create the resources that use `core`."""

    def _derive(self, options: CallOptions) -> Self:
        """This client with other options, but the same connections, credentials, limits and hooks."""
        changed = type(self).__new__(type(self))
        changed._owns_connections = False  # noqa: SLF001 - an object of this class
        changed._derived_from = self  # noqa: SLF001 - whose end would be reported as a client left open
        changed._use(self._core.with_options(options))  # noqa: SLF001
        return changed

    def stats(self) -> ClientStats:
        """Attempts, retries, requests in flight and waiting, and time waited, since the client's creation."""
        return self._core.shared.stats()

    async def aclose(self) -> None:
        """Close the connections. Calls after that raise `ConfigurationError`; closing twice is harmless.

        Clients returned by `with_options` share the connections and do not close them.
        """
        if self._owns_connections:
            await self._core.shared.engine.aclose()

    async def __aenter__(self) -> Self:
        await self._core.shared.engine.load()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Close the connections properly even if the block is being cancelled.
        with anyio.CancelScope(shield=True):
            await self.aclose()

    def __repr__(self) -> str:
        core = getattr(self, "_core", None)  # missing if the constructor failed
        return f"{type(self).__name__}({f'base_url={core.options.base_url!r}' if core else ''})"

    def __reduce__(self) -> NoReturn:
        # Called by copy.copy and copy.deepcopy as well.
        raise TypeError(
            f"{type(self).__name__} holds connections and cannot be pickled or copied; "
            "create one in each process, or use with_options() for one with other settings"
        )

    def __del__(self) -> None:
        # Only a warning: closing needs an event loop, and the running one may be another one.
        core = getattr(self, "_core", None)
        if core is not None and self._owns_connections and core.shared.engine.is_open:
            warnings.warn(
                f"{self!r} was not closed; use 'async with' or 'await client.aclose()'",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )


def core_of(client: ServiceClient) -> Core:
    """The object that makes a client's requests; for tests, and for code that needs more than its methods."""
    return client._core  # noqa: SLF001 - the one way in


def keep_time(
    client: ServiceClient, time: Time, *, rate_limits: Mapping[Name, RateLimit] | None = None
) -> None:
    """Make an unused client use another clock; for tests.

    Args:
        client: the client.
        time: the clock.
        rate_limits: the limits that apply from now on.
    """
    shared = core_of(client).shared
    shared.time = time
    shared.gate = Gate(
        "auto" if shared.gate.adaptive else shared.gate.concurrency, rate_limits=rate_limits, time=time
    )
    shared.budget = RetryBudget.of_client(time.monotonic, shared.gate.concurrency)


def from_environment(service: Service) -> tuple[Secret | None, str | None]:
    """The key and base URL in a service's environment variables; an empty variable counts as not set."""
    key = os.environ.get(service.key_variable)
    return Secret(key) if key else None, os.environ.get(service.url_variable) or None


def new_core(
    service: Service,
    key: Secret | CredentialProvider | None,
    base_url: str | None,
    *,
    concurrency: int | Literal["auto"],
    rate_limits: Mapping[Name, RateLimit] | None,
    hooks: Mapping[str, Hooks[Any] | None],
    http_client: HttpClient | None,
    allow_insecure: bool,
    **changes: Unpack[OptionChanges],
) -> Core:
    """Create the core of a client from its arguments, which mean the same for every service.

    Limits that the service publishes are shared by all clients with the same key and all processes of this
    user on this machine.

    Args:
        service: the service.
        key: the credential, or a function that returns it.
        base_url: URL of the service. Default: its public URL.
        concurrency: see `Gate`.
        rate_limits: limits by class, instead of published ones.
        hooks: the hooks of the options, by name.
        http_client: sends the requests instead of our session.
        allow_insecure: accept a plain http base URL for another machine.
        changes: the other options.

    Raises:
        ConfigurationError: there is no usable credential, or another argument cannot be used.
    """
    source = _credential_source(key, base_url, service)
    url = checked_base_url(
        service.public_url if base_url is None else base_url,
        allow_insecure=allow_insecure,
        example=service.public_url,
    )
    options = changed_options(CallOptions(base_url=url, allow_insecure=allow_insecure), changes)
    time = RealTime()
    try:
        called: dict[str, Any] = {name: as_hooks(name, given) for name, given in hooks.items()}
        published = {name: limit for name, limit in service.rate_classes.items() if limit is not None}
        scope = None
        if published and isinstance(source, Secret):  # a function may return any key
            where = f"{service.name} {same_for_all_spellings(url)} {source.digest()}"
            scope = Scope(where, on_this_machine=True)
        gate = Gate(
            concurrency,
            rate_limits=published | checked_limits(rate_limits or {}, service.rate_classes),
            time=time,
            scope=scope,
            limits_are_published=bool(published),
        )
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    shared = SharedState(
        service=service,
        engine=Engine(http_client),
        gate=gate,
        budget=RetryBudget.of_client(time.monotonic, gate.concurrency),
        time=time,
    )
    return Core(replace(options, **called), Credentials(source, service.key_variable), shared)


def _credential_source(
    given: Secret | CredentialProvider | None, base_url: str | None, service: Service
) -> Secret | CredentialProvider:
    variable = service.key_variable
    if given is None and base_url is not None and os.environ.get(variable):
        raise ConfigurationError(
            "no API key: with base_url= no environment variable is read, so that a key does not go to a "
            f"service it does not belong to; pass api_key= as well, or set {service.url_variable} instead"
        )
    if given is None:
        local = f"; to try without an account, run {service.local_command}" if service.local_command else ""
        raise ConfigurationError(
            f"no API key: pass api_key= or set the environment variable {variable}{local}"
        )
    if isinstance(given, Secret):
        check_credential(given, variable)
    elif not callable(given):
        raise ConfigurationError(
            f"api_key must be a string or an async function that returns one, not {type(given).__name__}"
        )
    return given


def changed_options(options: CallOptions, given: Mapping[str, Any]) -> CallOptions:
    """A copy of options with some of them replaced.

    Args:
        options: the current options.
        given: see `OptionChanges`.

    Raises:
        ConfigurationError: a value is out of range.
    """
    try:
        for name, value in given.items():
            match name:
                case "timeout":
                    options = replace(options, timeouts=Timeouts.of(value))
                case "deadline" | "headers" | "max_wait":
                    options = replace(options, **{name: value})
                case _:
                    options = replace(options, retry=replace(options.retry, **{name: value}))
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    return options
