"""The content of the pages, which each local service provides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol


class PageError(Exception):
    """Something that a page cannot do.

    Attributes:
        status: HTTP status code.
        sentence: Why, for people.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(status, sentence)
        self.status = status
        self.sentence = sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image."""

    id: str
    name: str
    status: str
    ready: bool
    """Whether it is delivered."""
    failed: bool = False
    """Whether it never will be."""
    reason: str | None = None
    """Why it is not delivered."""
    mime_type: str
    width: int
    """Pixels; 0 while unknown."""
    height: int
    size_bytes: int
    thumbnail: str | None
    """Path and query at which it is delivered, small."""
    facts: Sequence[tuple[str, str]]
    """Other facts: names and values."""


class Field(NamedTuple):
    """A field of the form: a transformation by its name."""

    name: str
    choices: tuple[str, ...] = ()
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How a picture is delivered with the transformations of the form."""

    given: Mapping[str, str]
    """The values of the form: those that were sent, or the defaults of an empty one."""
    path: str
    """Path and query, encoded."""
    url: str
    """The URL for programs."""
    calls: Sequence[str]
    """Python code that builds that URL."""
    error: str | None = None
    """Why it cannot be delivered with these values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A received file."""

    name: str
    media_type: str | None
    """The type that the browser declared."""
    path: Path
    """Removed afterwards if it still exists."""
    size: int
    """Bytes."""
    sha256: str
    """Hexadecimal."""
    target: str
    """The chosen one of `Shelf.upload_targets`, or empty."""


@dataclass(frozen=True, slots=True)
class Figures:
    """A table of numbers."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]


class Shelf(Protocol):
    """A local service as the pages see it."""

    @property
    def title(self) -> str:
        """Title of the pages."""

    @property
    def delivery_operation(self) -> str:
        """Name of the operation that delivers pictures."""

    @property
    def page_size(self) -> int:
        """How many images one page shows."""

    @property
    def maximum_upload_bytes(self) -> int:
        """Largest file that the pages accept."""

    @property
    def fields(self) -> Sequence[Field]:
        """The form's transformations."""

    @property
    def first_fields(self) -> Sequence[Field]:
        """Fields above those, in full width."""

    @property
    def more_hint(self) -> str:
        """An example for further transformations, one per line."""

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment variables that direct clients to this service."""

    def upload_targets(self) -> Sequence[tuple[str, str]]:
        """Possible destinations of an upload: values and labels; empty if there is no choice."""

    async def counts(self) -> Mapping[str, int]:
        """How many images have each status."""

    async def page(self, number: int, status: str | None) -> Sequence[Picture]:
        """A page of the images, or of those with a status, newest first."""

    def find(self, id: str) -> Picture | None:
        """An image."""

    def deliver(self, picture: Picture, given: Mapping[str, str]) -> Delivery:
        """How an image is delivered with the values of the form."""

    async def keep(self, upload: Upload) -> None:
        """Store a file.

        Raises:
            PageError: it cannot be stored.
        """

    async def settled(self) -> bool:
        """Whether no processing is in progress that will finish on its own soon."""

    async def delete(self, id: str) -> bool:
        """Delete an image. Return False if there is none."""

    async def figures(self) -> Sequence[Figures]:
        """The service's numbers."""
