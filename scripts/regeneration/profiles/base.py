"""What the pipeline has to know of a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Mixin:
    """A hand-written class that a generated one inherits."""

    module: str
    name: str
    methods: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A service: where its contract and its tree are, and which values the contract's marks may have."""

    name: str
    title: str
    """How prose names the API, such as `the imgix Management API`."""
    document: str
    """The checked-in contract, relative to the checkout."""
    tree: str
    """The generated package, relative to the checkout."""
    generator_config: str
    """Configuration of openapi-python-client, relative to the checkout."""
    overlay: str | None
    """Our prose and marks for the vendor's document. None for our own contract, which is checked and
    generated as it is."""
    media_type: str
    """Of JSON bodies in both directions."""
    areas: tuple[str, ...]
    """Where the paths of the API start. An operation there without marks is noted; others are ignored."""
    known_operations: Mapping[tuple[str, str], tuple[str, str, str]] = field(default_factory=dict)
    """Group, method and auth kind by method and path, for operations that have lost their marks."""
    auth_kinds: tuple[str, ...]
    rate_classes: tuple[str, ...]
    default_rate_classes: Mapping[str, str]
    """Rate class of an operation without a mark by its HTTP method in lower case; `` for all others."""
    mixins: Mapping[str, Mixin] = field(default_factory=dict)
    """By the name of the model that inherits."""
