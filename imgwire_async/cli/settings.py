"""The options shared by all commands, as given to the running command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

ATTEMPTS: Final = 5
"""Maximum attempts of a request."""


@dataclass(slots=True)
class Settings:
    """The shared options, and the parameter names of the current command."""

    base_url: str | None = None
    """Replaces the URL of the environment variable or profile."""
    profile: str | None = None
    """Used instead of the service's environment variables."""
    key_name: str | None = None
    """Name of a profile's key in messages; None for the key in the environment variable."""
    verbose: bool = False
    """Show the details of an error besides its message: request, request id, attempts, causes."""
    quiet: bool = False
    """Show results and errors only: no progress and no notes."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Python names of the current command's parameters, and the names that users write."""

    def reset(self) -> None:
        """Reset the options of an earlier run in this process."""
        self.base_url = self.profile = self.key_name = None
        self.verbose = self.quiet = False
        self.parameters = {}


settings: Final = Settings()
