"""Names for the free-form objects of models; each is a plain `dict`."""

from __future__ import annotations

from typing import Any, TypeAlias

Authentication: TypeAlias = dict[str, Any]
Colors: TypeAlias = dict[str, Any]
CustomFields: TypeAlias = dict[str, Any]
IncludedItem: TypeAlias = dict[str, Any]
Relationships: TypeAlias = dict[str, Any]
RenderingParams: TypeAlias = dict[str, Any]
Status: TypeAlias = dict[str, Any]
Tags: TypeAlias = dict[str, Any]
