"""A host of one file that misbehaves on request, and jobs with a finished archive."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import uuid4

from imgwire_async.models import ImageDownloadJob, ImageDownloadStatus
from tests.raw_servers import Connection, RawServer, answer, raw_server

CONTENT = random.Random(5).randbytes(300_000)
V1 = 'ETag: "v1"'


@dataclass(frozen=True, kw_only=True)
class Step:
    """The response to one request."""

    content: bytes = CONTENT
    validators: tuple[str, ...] = (V1,)
    ranges: Literal["heeded", "ignored", "wrong", "refused"] = "heeded"
    after: int | None = None
    """The fault happens after this many bytes of the body; None for no fault."""
    fault: Literal["close", "reset", "stall"] = "close"
    raw: bytes | None = None
    """The complete response, instead of the other fields."""
    length: bool = True


@contextmanager
def file_host(*steps: Step) -> Iterator[RawServer]:
    """Respond to the first request with the first step and so on; the last step is repeated."""
    left = list(steps)
    lock = threading.Lock()

    def behave(connection: Connection) -> None:
        while head := connection.read_head():
            with lock:
                step = left.pop(0) if len(left) > 1 else left[0]
            if not respond(connection, head, step):
                return

    with raw_server(behave) as server:
        yield server


def respond(connection: Connection, head: bytes, step: Step) -> bool:
    """Send one response; returns whether the connection stays open."""
    if step.raw is not None:
        connection.send(step.raw)
        return True
    body, status, lines = step.content, 200, [*step.validators, "Content-Type: Application/ZIP; x=y"]
    start = requested_start(head)
    if start is not None and step.ranges != "ignored":
        if step.ranges == "refused":
            connection.send(answer(416, b"{}"))
            return True
        start += step.ranges == "wrong"
        lines.append(f"Content-Range: bytes {start}-{len(body) - 1}/{len(body)}")
        body, status = body[start:], 206
    if step.length:
        lines.append(f"Content-Length: {len(body)}")
    connection.send("\r\n".join([f"HTTP/1.1 {status} X", *lines, "", ""]).encode())
    connection.send(body if step.after is None else body[: step.after])
    if step.after is None:
        return step.length
    if step.fault == "stall":
        connection.wait_for_end_of_test()
    if step.fault == "reset":
        connection.wait_until_received()
        connection.reset()
    return False


def requested_start(head: bytes) -> int | None:
    found = re.search(rb"(?im)^range: bytes=(\d+)-\r?$", head)
    return int(found[1]) if found else None


def header(head: bytes, name: str) -> str | None:
    found = re.search(rb"(?im)^" + name.encode() + rb": (.*?)\r?$", head)
    return found[1].decode() if found else None


def job_at(url: str, status: str = "READY") -> ImageDownloadJob:
    now = datetime.now(UTC)
    return ImageDownloadJob(
        id=uuid4(),
        created_at=now,
        updated_at=now,
        download_url=url,
        environment_id=None,
        image_ids=[],
        status=ImageDownloadStatus(status),
    )


def names_in(folder: Path | str) -> list[str]:
    """Relative paths of everything below a folder."""
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*"))
