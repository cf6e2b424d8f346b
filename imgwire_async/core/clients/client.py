"""What the clients of all services have in common: reading their arguments, and their lifetime."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, NoReturn, Self

import anyio

from imgwire_async.core.call import Core
from imgwire_async.core.clients.credentials import CredentialProvider, check_credential
from imgwire_async.core.clients.options import CallOptions, Timeouts
from imgwire_async.core.logical_call import ClientStats
from imgwire_async.core.service import Service
from imgwire_async.core.values.redaction import Secret
from imgwire_async.errors import ConfigurationError


class ServiceClient:
    """A client of one service: the part that does not depend on which one."""

    _core: Core
    _owns_connections: bool
    _derived_from: ServiceClient | None = None

    def _use(self, core: Core) -> None:
        """Make the resources that use `core`."""
        raise NotImplementedError

    def _derive(self, options: CallOptions) -> Self:
        """This client under other options, with the same connections, credentials, limits and hooks."""
        changed = type(self).__new__(type(self))
        changed._owns_connections = False  # noqa: SLF001 - an object of this class
        changed._derived_from = self  # noqa: SLF001 - whose end would be reported as a client left open
        changed._use(self._core.with_options(options))  # noqa: SLF001
        return changed

    def stats(self) -> ClientStats:
        """Attempts, retries, requests in flight and waiting, and time waited, since the client was made."""
        return self._core.shared.stats()

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
        core = getattr(self, "_core", None)  # missing in the traceback of a constructor that failed
        return f"{type(self).__name__}({f'base_url={core.options.base_url!r}' if core else ''})"

    def __reduce__(self) -> NoReturn:
        # Also what copy.copy and copy.deepcopy call.
        raise TypeError(
            f"{type(self).__name__} holds connections and cannot be pickled or copied; "
            "create one in each process, or use with_options() for one with other settings"
        )

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


def credential_source(
    given: Secret | CredentialProvider | None, base_url: str | None, service: Service, url_variable: str
) -> Secret | CredentialProvider:
    """What gives the credential of a client.

    Args:
        given: the credential, or what gives it.
        base_url: base URL that goes with it.
        service: names itself and the environment variable of its keys.
        url_variable: name of the environment variable that holds a base URL.

    Raises:
        ConfigurationError: there is no credential, or none that can be sent.
    """
    variable = service.key_variable
    if given is None and base_url is not None and os.environ.get(variable):
        raise ConfigurationError(
            "no API key: with base_url= no environment variable is read, so that a key does not go to a "
            f"service it does not belong to; pass api_key=, too, or set {url_variable} instead"
        )
    if given is None:
        raise ConfigurationError(f"no API key: pass api_key= or set the environment variable {variable}")
    if isinstance(given, Secret):
        check_credential(given, variable)
    elif not callable(given):
        raise ConfigurationError(
            f"api_key must be text or an async function that returns it, not {type(given).__name__}"
        )
    return given


def changed_options(options: CallOptions, given: Mapping[str, Any]) -> CallOptions:
    """Options with some of `timeout`, `max_retries`, `max_retry_after` and `deadline` replaced.

    Raises:
        ConfigurationError: a value is out of its range.
    """
    try:
        for name, value in given.items():
            match name:
                case "timeout":
                    options = replace(options, timeouts=Timeouts.of(value))
                case "deadline":
                    options = replace(options, deadline=value)
                case _:
                    options = replace(options, retry=replace(options.retry, **{name: value}))
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    return options
