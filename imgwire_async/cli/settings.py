"""The options that all commands share, as given for the command that runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from imgwire_async.core.clients.events import RetryEvent
    from imgwire_async.imgwire.client import AsyncImgwireClient

ATTEMPTS: Final = 5
"""How often a command sends a request at most."""


@dataclass(slots=True)
class Settings:
    """What was given for all commands, and how the present one calls its parameters."""

    base_url: str | None = None
    """Takes the place of IMGWIRE_API_BASE_URL."""
    verbose: bool = False
    """Show what belongs to an error beside its sentence: request, request id, attempts, causes."""
    quiet: bool = False
    """Show results and errors only: no progress and no notes."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Names of the present command's parameters in Python, and as users write them."""

    def reset(self) -> None:
        """Forget what an earlier run in this process was given."""
        self.base_url, self.verbose, self.quiet, self.parameters = None, False, False, {}


settings: Final = Settings()


def configured_client(on_retry: Callable[[RetryEvent], None] | None = None) -> AsyncImgwireClient:
    """A client from the environment variables and `--base-url`.

    Raises:
        ConfigurationError: there is no key, or something is not what it must be.
    """
    from imgwire_async.imgwire.client import AsyncImgwireClient

    if settings.base_url is None:
        return AsyncImgwireClient(max_retries=ATTEMPTS - 1, on_retry=on_retry)
    return AsyncImgwireClient(
        api_key=os.environ.get("IMGWIRE_API_KEY", ""),
        base_url=settings.base_url,
        environment_id=os.environ.get("IMGWIRE_ENVIRONMENT_ID") or None,
        max_retries=ATTEMPTS - 1,
        on_retry=on_retry,
    )
