"""What differs between the services whose clients are generated, one module for each."""

from __future__ import annotations

from .base import Profile
from .imgix import IMGIX
from .imgwire import IMGWIRE

PROFILES = {profile.name: profile for profile in (IMGWIRE, IMGIX)}
"""By the name that `--contract` takes."""

__all__ = ("IMGIX", "IMGWIRE", "PROFILES", "Profile")
