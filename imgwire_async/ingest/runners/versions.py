"""The versions that a worker and its job must share, compared before any other message."""

from __future__ import annotations

import os
import pickle
import socket
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Self

from imgwire_async.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """The versions that decide whether two processes are compatible."""

    imgwire_async: str
    python: str
    """Major and minor."""
    pickle: int
    """The highest pickle protocol."""

    @classmethod
    def here(cls) -> Self:
        """The versions of this process."""
        return cls(
            imgwire_async=version("imgwire-async"),
            python=f"{sys.version_info.major}.{sys.version_info.minor}",
            pickle=pickle.HIGHEST_PROTOCOL,
        )

    def __str__(self) -> str:
        return f"imgwire-async {self.imgwire_async}, Python {self.python}, pickle protocol {self.pickle}"


def greeting() -> dict[str, str | int]:
    """The first message of a worker. It consists of plain types that every version can read."""
    return asdict(Versions.here()) | {"where": f"process {os.getpid()} on {socket.gethostname()}"}


def check_greeting(said: dict[str, str | int]) -> None:
    """Compare the versions of a worker with those of this process.

    Args:
        said: the worker's `greeting`.

    Raises:
        ConfigurationError: the versions differ; the message says where and how.
    """
    here = Versions.here()
    theirs = {name: said.get(name) for name in asdict(here)}
    if theirs != asdict(here):
        described = "imgwire-async {imgwire_async}, Python {python}, pickle protocol {pickle}".format(
            **theirs
        )
        raise ConfigurationError(
            f"the worker that is {said.get('where')} has {described}, but the job has {here}; "
            "install the same versions on all machines",
            operation="ingest",
        )
