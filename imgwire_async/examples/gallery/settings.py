"""The settings of the service, checked before it starts."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Final, Self

PUBLIC_URL: Final = "https://api.imgwire.dev"
MAX_BYTES: Final = 20 * 1024 * 1024


class SettingsError(Exception):
    """The service cannot start: a setting is missing or wrong."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The service's settings, from environment variables."""

    password: str = field(repr=False)
    """GALLERY_PASSWORD: the password for uploading and deleting."""
    client_key: str
    """IMGWIRE_CLIENT_KEY: the publishable key with which browsers create images."""
    api_url: str = PUBLIC_URL
    """IMGWIRE_API_BASE_URL: the API that browsers use for that."""
    max_bytes: int = MAX_BYTES
    """GALLERY_MAX_BYTES: the maximum size of an image, in bytes."""

    @classmethod
    def from_environment(cls) -> Self:
        """Read the settings.

        Raises:
            SettingsError: one is missing or wrong; all missing ones are named.
        """
        # The server key is for the service's own client, which reads it.
        required = ("GALLERY_PASSWORD", "IMGWIRE_API_KEY", "IMGWIRE_CLIENT_KEY")
        if missing := [name for name in required if not os.environ.get(name)]:
            raise SettingsError(
                f"set {', '.join(missing)}. For a local Imgwire: "
                'eval "$(imgwire-async sandbox --env)"; export GALLERY_PASSWORD=secret'
            )
        largest = os.environ.get("GALLERY_MAX_BYTES") or str(MAX_BYTES)
        if not re.fullmatch(r"0*[1-9][0-9]{0,14}", largest):
            raise SettingsError(f"GALLERY_MAX_BYTES must be a number of bytes, got {largest[:40]!r}")
        api_url = (os.environ.get("IMGWIRE_API_BASE_URL") or PUBLIC_URL).rstrip("/")
        if not api_url.startswith(("https://", "http://")):
            raise SettingsError("IMGWIRE_API_BASE_URL must start with https:// (or http:// on this machine)")
        return cls(
            password=os.environ["GALLERY_PASSWORD"],
            client_key=os.environ["IMGWIRE_CLIENT_KEY"],
            api_url=api_url,
            max_bytes=int(largest),
        )
