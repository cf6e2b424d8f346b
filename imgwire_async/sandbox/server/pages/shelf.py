"""What the pages show of a local service, and what each service says about it."""

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
    """Pixels; 0 as long as it is unknown."""
    height: int
    size_bytes: int
    thumbnail: str | None
    """Path and query at which it is delivered, small."""
    facts: Sequence[tuple[str, str]]
    """What else is known: names and values."""


class Field(NamedTuple):
    """A field of the form: a transformation by its name."""

    name: str
    choices: tuple[str, ...] = ()
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How a picture is delivered with the transformations of the form."""

    given: Mapping[str, str]
    """What the form holds: what it held, or what an empty one stands for."""
    path: str
    """Path and query, encoded."""
    url: str
    """The same as programs get it."""
    calls: Sequence[str]
    """Lines of Python that lead to that URL."""
    error: str | None = None
    """Why it cannot be delivered so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A received file."""

    name: str
    media_type: str | None
    """As the browser has declared it."""
    path: Path
    """Is removed afterwards, if it is still there."""
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
        """What the pages are called."""

    @property
    def delivery_operation(self) -> str:
        """Name of the operation that delivers pictures."""

    @property
    def page_size(self) -> int:
        """How many images one page shows."""

    @property
    def maximum_upload_bytes(self) -> int:
        """Largest file that the pages take."""

    @property
    def fields(self) -> Sequence[Field]:
        """The form's transformations."""

    @property
    def first_fields(self) -> Sequence[Field]:
        """Fields above those, over the whole width."""

    @property
    def more_hint(self) -> str:
        """An example for further transformations, one per line."""

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment variables that lead clients here."""

    def upload_targets(self) -> Sequence[tuple[str, str]]:
        """Where an upload can go: values and what they are called; none if there is no choice."""

    async def counts(self) -> Mapping[str, int]:
        """How many images have each status."""

    async def page(self, number: int, status: str | None) -> Sequence[Picture]:
        """A page of the images, or of those with a status, newest first."""

    def find(self, id: str) -> Picture | None:
        """An image."""

    def deliver(self, picture: Picture, given: Mapping[str, str]) -> Delivery:
        """How an image is delivered with what the form holds."""

    async def keep(self, upload: Upload) -> None:
        """Store a file.

        Raises:
            PageError: it cannot be stored.
        """

    async def settled(self) -> bool:
        """Whether nothing is being processed that is going to end by itself soon."""

    async def delete(self, id: str) -> bool:
        """Delete an image. Return False if there is none."""

    async def figures(self) -> Sequence[Figures]:
        """The service's numbers."""
