"""The key and URL of a command, from a profile or environment variables, and the clients that use them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from imgwire_async.cli.settings import ATTEMPTS, settings
from imgwire_async.errors import ConfigurationError

if TYPE_CHECKING:
    from imgwire_async.cli.profiles import Profile
    from imgwire_async.core.clients.events import RetryEvent
    from imgwire_async.imgix.client import AsyncImgixClient
    from imgwire_async.imgwire.client import AsyncImgwireClient

VARIABLES: Final = {
    "imgwire": ("IMGWIRE_API_KEY", "IMGWIRE_API_BASE_URL", "IMGWIRE_ENVIRONMENT_ID"),
    "imgix": ("IMGIX_API_KEY", "IMGIX_API_BASE_URL"),
}
"""The environment variables of a service, which apply together; the first is its key."""
LOCAL: Final = {"imgwire": "imgwire-async sandbox", "imgix": "imgwire-async sandbox imgix"}
"""The command that runs a service locally."""
PROFILE_VARIABLE: Final = "IMGWIRE_PROFILE"
"""Environment variable with the profile for commands without `--profile`."""

_chosen: Final[dict[str, Profile | None]] = {}


def chosen_profile(service: str) -> Profile | None:
    """The profile that a command uses; None if the environment variables of its service apply.

    `--profile` takes precedence, then environment variables, then IMGWIRE_PROFILE and the default profile. So
    a key set in a shell is used there, whatever is stored. It is read once: a keyring may prompt each time.

    Args:
        service: `imgwire` or `imgix`.

    Raises:
        ConfigurationError: there is neither a profile nor a key, or the profile cannot be read.
    """
    if service not in _chosen:
        _chosen[service] = _read_profile(service)
    return _chosen[service]


def forget() -> None:
    """Forget the profiles that an earlier run in this process has read."""
    _chosen.clear()


def _read_profile(service: str) -> Profile | None:
    from imgwire_async.cli import profiles

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
            f"no API key: set the environment variable {variables[0]}, or run {profiles.LOGIN[service]}; "
            f"to try without an account, run {LOCAL[service]}"
        )
    if profile is None:
        raise profiles.unknown(name or "", service)
    settings.key_name = f"the key of profile {profile.name!r}"
    return profile


def configured_client(on_retry: Callable[[RetryEvent], None] | None = None) -> AsyncImgwireClient:
    """A client from the profile or the environment variables, and `--base-url`.

    Raises:
        ConfigurationError: there is no key, or a setting is invalid.
    """
    from imgwire_async.imgwire.client import AsyncImgwireClient

    given = _arguments("imgwire", settings.base_url)
    return AsyncImgwireClient(max_retries=ATTEMPTS - 1, on_retry=on_retry, **given)


def configured_imgix_client(
    on_retry: Callable[[RetryEvent], None] | None = None, *, base_url: str | None = None
) -> AsyncImgixClient:
    """A client for imgix from the profile or the environment variables.

    Args:
        on_retry: called before each retry.
        base_url: replaces the URL of the profile or environment variable.

    Raises:
        ConfigurationError: there is no key, or a setting is invalid.
    """
    from imgwire_async.imgix.client import AsyncImgixClient

    given = _arguments("imgix", base_url)
    return AsyncImgixClient(max_retries=ATTEMPTS - 1, on_retry=on_retry, **given)


def _arguments(service: str, base_url: str | None) -> dict[str, Any]:
    """The arguments of a client; none if it reads the environment variables itself."""
    profile = chosen_profile(service)
    if profile is not None:
        key, url, environment = profile.api_key.reveal(), profile.base_url, profile.environment_id
    elif base_url is None:
        return {}
    else:
        values = [os.environ.get(name) or None for name in VARIABLES[service]]
        key, url, environment = values[0] or "", None, values[2] if len(values) > 2 else None
    given = {"api_key": key, "base_url": url if base_url is None else base_url}
    return given | ({} if environment is None else {"environment_id": environment})
