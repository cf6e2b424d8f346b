"""Names for the free-form objects of models; each is a plain `dict`."""

from __future__ import annotations

from typing import Any, TypeAlias

CustomMetadata: TypeAlias = dict[str, str | int | float | bool]
ExifData: TypeAlias = dict[str, Any]
