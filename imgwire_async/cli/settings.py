"""The options that all commands share, as given for the command that runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from imgwire_async.cli.profiles import Profile
    from imgwire_async.core.clients.events import RetryEvent
    from imgwire_async.imgix.client import AsyncImgixClient
    from imgwire_async.imgwire.client import AsyncImgwireClient

ATTEMPTS: Final = 5
"""How often a command sends a request at most."""


@dataclass(slots=True)
class Settings:
    """What was given for all commands, and how the present one calls its parameters."""

    base_url: str | None = None
    """Takes the place of the URL in the environment variable or profile."""
    profile: str | None = None
    """Stands for all environment variables of the service."""
    key_name: str | None = None
    """How messages call the key of a profile; None for that of the environment variable."""
    verbose: bool = False
    """Show what belongs to an error beside its sentence: request, request id, attempts, causes."""
    quiet: bool = False
    """Show results and errors only: no progress and no notes."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Names of the present command's parameters in Python, and as users write them."""

    def reset(self) -> None:
        """Forget what an earlier run in this process was given."""
        self.base_url = self.profile = self.key_name = None
        self.verbose = self.quiet = False
        self.parameters = {}


settings: Final = Settings()

VARIABLES: Final = {
    "imgwire": ("IMGWIRE_API_KEY", "IMGWIRE_API_BASE_URL", "IMGWIRE_ENVIRONMENT_ID"),
    "imgix": ("IMGIX_API_KEY", "IMGIX_API_BASE_URL"),
}
"""The variables of a service, which apply together; the first is its key."""
PROFILE_VARIABLE: Final = "IMGWIRE_PROFILE"
"""Environment variable with the profile for commands that get none with `--profile`."""


def chosen_profile(service: str) -> Profile | None:
    """The profile that a command uses; None if the environment variables of its service apply.

    `--profile` comes first, then variables that are set, then IMGWIRE_PROFILE and the default profile. So a
    key that is set for one shell is the one that is used there, whatever is stored.

    Args:
        service: `imgwire` or `imgix`.

    Raises:
        ConfigurationError: there is neither a profile nor a key, or the profile cannot be read.
    """
    from imgwire_async.cli import profiles
    from imgwire_async.errors import ConfigurationError

    variables = VARIABLES[service]
    name = settings.profile
    if name is None:
        if any(os.environ.get(variable) for variable in variables):
            if not os.environ.get(variables[0]):
                raise ConfigurationError(f"no API key: set the environment variable {variables[0]}")
            return None
        name = os.environ.get(PROFILE_VARIABLE) or None
    profile = profiles.load(profiles.DEFAULT if name is None else name, service)
    if profile is None and name is None:
        raise ConfigurationError(
            f"no API key: set the environment variable {variables[0]}, or run {profiles.LOGIN[service]}"
        )
    if profile is None:
        raise profiles.unknown(name or "", service)
    settings.key_name = f"the key of profile {profile.name!r}"
    return profile


def configured_client(on_retry: Callable[[RetryEvent], None] | None = None) -> AsyncImgwireClient:
    """A client from the profile or the environment variables, and `--base-url`.

    Raises:
        ConfigurationError: there is no key, or something is not what it must be.
    """
    from imgwire_async.imgwire.client import AsyncImgwireClient

    profile = chosen_profile("imgwire")
    given: dict[str, Any] = {}
    if profile is not None:
        given = {
            "api_key": profile.api_key.reveal(),
            "base_url": profile.base_url if settings.base_url is None else settings.base_url,
            "environment_id": profile.environment_id,
        }
    elif settings.base_url is not None:
        given = {
            "api_key": os.environ["IMGWIRE_API_KEY"],
            "base_url": settings.base_url,
            "environment_id": os.environ.get("IMGWIRE_ENVIRONMENT_ID") or None,
        }
    return AsyncImgwireClient(max_retries=ATTEMPTS - 1, on_retry=on_retry, **given)


def configured_imgix_client(
    on_retry: Callable[[RetryEvent], None] | None = None, *, base_url: str | None = None
) -> AsyncImgixClient:
    """A client for imgix from the profile or the environment variables.

    Args:
        on_retry: called before a request is sent again.
        base_url: takes the place of the profile's or variable's URL.

    Raises:
        ConfigurationError: there is no key, or something is not what it must be.
    """
    from imgwire_async.imgix.client import AsyncImgixClient

    profile = chosen_profile("imgix")
    given: dict[str, Any] = {}
    if profile is not None:
        given = {
            "api_key": profile.api_key.reveal(),
            "base_url": profile.base_url if base_url is None else base_url,
        }
    elif base_url is not None:
        given = {"api_key": os.environ["IMGIX_API_KEY"], "base_url": base_url}
    return AsyncImgixClient(max_retries=ATTEMPTS - 1, on_retry=on_retry, **given)
