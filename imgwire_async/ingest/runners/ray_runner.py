"""The options for running a job on a Ray cluster. Nothing here needs Ray."""

from __future__ import annotations

import math
import os
import socket
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Final, Literal, TypeAlias

from imgwire_async.core.pace.local_limits import say_once
from imgwire_async.core.values.numbers import whole
from imgwire_async.errors import ConfigurationError, InvalidArgumentError
from imgwire_async.ingest.items import IngestItem, is_url, portable, url_or_path
from imgwire_async.ingest.sources.entries import IngestSource
from imgwire_async.ingest.sources.folders import Folder
from imgwire_async.ingest.sources.manifests import FORMATS
from imgwire_async.stores.uris import is_object, local_path

SHARD_BYTES: Final = 1024 * 1024
"""Maximum total size of the in-memory items in a shard. Larger frames are slow on a cluster: 4 MiB take 26
to 45 ms."""
WORTH_A_CLUSTER: Final = 1000.0
"""Items per second that one machine sends easily."""
_URLS_UNTIL_SAID: Final = 100
_CONNECT_SECONDS: Final = 10.0
_NOT_SHARED: Final = (
    "is on the disk of the machine that runs the job, where the workers of a cluster cannot read it; "
    "use URLs, or pass shared_paths=True if every node has it under the same path"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RayRunner:
    """Runs a job in workers on the Ray cluster that `ray.init(address="auto")` finds.

    That is the cluster of `RAY_ADDRESS`, or the one on this machine. It is neither started nor stopped.

    Raises:
        InvalidArgumentError: a value is out of its range.
    """

    workers: int | None = None
    """Number of workers; each is a Ray actor with its own event loop and connections. Default: one for every
    `num_cpus` that are free when the job starts."""
    num_cpus: float = 1
    """CPUs that Ray reserves for each worker."""
    resources: Mapping[str, float] | None = None
    """Custom Ray resources that each worker requires, to place it on certain nodes."""

    def __post_init__(self) -> None:
        if self.workers is not None:
            try:
                object.__setattr__(self, "workers", whole("workers", self.workers, least=1))
            except ValueError as error:
                raise _mistake(str(error)) from None
        if not _is_amount(self.num_cpus):
            raise _mistake(f"num_cpus must be a number of at least 0, got {self.num_cpus!r:.80}")
        given: object = self.resources
        if given is not None and not (
            isinstance(given, Mapping)
            and all(isinstance(name, str) and _is_amount(amount) for name, amount in given.items())
        ):
            raise _mistake(f"resources must map names to amounts, got {given!r:.80}")


RunnerChoice: TypeAlias = "Literal['ray'] | RayRunner | None"
"""Where a job runs: on a Ray cluster, or by default on this machine."""


def checked_runner(choice: Literal["ray"] | RayRunner, processes: int) -> RayRunner:
    """Validate the runner of a job on a cluster.

    Args:
        choice: the caller's `runner`.
        processes: the caller's `processes`, the alternative for several workers.

    Raises:
        InvalidArgumentError: the choice is not a runner, or `processes` was passed as well.
        ConfigurationError: Ray cannot be used here.
    """
    given: object = choice
    if given != "ray" and not isinstance(given, RayRunner):
        raise _mistake(f'runner must be "ray", a RayRunner or None, got {given!r:.80}')
    if processes != 1:
        raise _mistake("processes and runner cannot be combined; pass the number of workers to RayRunner")
    check_event_loop()
    return given if isinstance(given, RayRunner) else RayRunner()


def check_installed() -> None:
    """Reject a machine without Ray.

    Raises:
        ConfigurationError: it is not installed.
    """
    # None in sys.modules means that importing the module is blocked.
    if sys.modules.get("ray") is None and find_spec("ray") is None:
        raise ConfigurationError(
            "a Ray cluster needs its extra: pip install 'imgwire-async[ray]'", operation="ingest"
        )


def check_event_loop() -> None:
    """Reject trio.

    Raises:
        ConfigurationError: this runs on trio.
    """
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_run():
        raise ConfigurationError(
            "a job on a Ray cluster needs an asyncio event loop, because Ray supports no other; use asyncio, "
            "or processes= on this machine",
            operation="ingest",
        )


def check_reachable(address: str) -> None:
    """Reject a `RAY_ADDRESS` that nothing listens on: Ray itself would try for minutes. Blocks.

    Raises:
        ConfigurationError: nothing listens there.
    """
    host, _, port = address.partition("://")[-1 if "://" in address else 0].rpartition(":")
    if not (host and port.isdecimal()):
        return  # `auto` and the like
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ConfigurationError(
            f"no Ray cluster can be used: nothing listens at {address} ({error}); correct RAY_ADDRESS, or "
            "start the cluster",
            operation="ingest",
        ) from error


def check_source(source: IngestSource) -> None:
    """Reject a source whose files only this machine can read, if that is clear without iterating it.

    Raises:
        ConfigurationError: it is a folder, a file other than a manifest, or a list with a path in it.
    """
    given: object = source
    if isinstance(given, Folder):
        raise _not_shared(given.path)
    if isinstance(given, IngestItem):
        given = given.source
    if isinstance(given, str | os.PathLike):
        name = url_or_path(os.fsdecode(given))
        is_manifest = name == "-" or name.lower().endswith(tuple(FORMATS))
        if is_local(name) and (os.path.isdir(name) or not is_manifest):  # noqa: PTH112 - any name will do
            raise _not_shared(name)
    elif isinstance(given, list | tuple):
        for element in given:
            one = element.source if isinstance(element, IngestItem) else element
            if isinstance(one, str | os.PathLike) and is_local(url_or_path(os.fsdecode(one))):
                raise _not_shared(one)


class Carried:
    """Converts items for workers on other machines, and warns if those workers are useless.

    Args:
        shared_paths: whether every node has the same files under the same paths.
        relays_urls: whether workers fetch items with a URL, instead of the service.
    """

    def __init__(self, *, shared_paths: bool, relays_urls: bool) -> None:
        self._convert = on_shared_paths if shared_paths else only_remote
        self._urls_until_said = 0 if relays_urls else _URLS_UNTIL_SAID

    def __call__(self, item: IngestItem) -> IngestItem:
        """Convert the item to the form that a worker can read.

        Raises:
            InvalidArgumentError: it is a path, which only this machine can read.
        """
        if self._urls_until_said:
            self._urls_until_said = self._urls_until_said - 1 if item.is_url else 0
            if not self._urls_until_said and item.is_url:
                say_once("a cluster hardly helps with URLs, which the service fetches itself")
        return self._convert(item)


def say_if_by_url(transfer: str) -> None:
    """Warn that a cluster is useless if no bytes pass through the workers.

    Args:
        transfer: how objects of cloud stores get to the service.
    """
    if transfer == "url":
        say_once('a cluster hardly helps with transfer="url", because the service fetches the images itself')


def say_if_slow(rates: Iterable[float]) -> None:
    """Warn that a cluster is useless if the service accepts few items per second.

    Args:
        rates: limits of the service, in requests per second.
    """
    slowest = min(rates, default=math.inf)
    if slowest < WORTH_A_CLUSTER:
        say_once(
            f"a cluster does not help at {slowest:.3g} requests a second, which is what the service allows: "
            f"one machine sends {WORTH_A_CLUSTER:g}"
        )


def is_local(name: str) -> bool:
    """Whether a source is a path, not a URL or an object of a cloud store."""
    return not is_url(name) and not is_object(name)


def only_remote(item: IngestItem) -> IngestItem:
    """Convert the item to the form that workers on other machines can read.

    Raises:
        InvalidArgumentError: it is a path.
    """
    item = portable(item)
    if isinstance(item.source, str) and is_local(item.source):
        raise InvalidArgumentError(f"{item.source!r:.200} {_NOT_SHARED}", operation="ingest")
    return item


def on_shared_paths(item: IngestItem) -> IngestItem:
    """Convert the item for workers with the same files but another working directory."""
    item = portable(item)
    if isinstance(item.source, str) and is_local(item.source):
        path = local_path(item.source) or item.source
        item = replace(item, source=os.path.abspath(path))  # noqa: PTH100 - pathlib costs three times as much
    return item


def _not_shared(path: object) -> ConfigurationError:
    return ConfigurationError(
        f"{os.fsdecode(path)!r:.200} {_NOT_SHARED}",  # type: ignore[arg-type]
        operation="ingest",
    )


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


def _mistake(problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(problem, operation="ingest")
