"""Helpers for tests on a Ray cluster: locating workers, and checking that everything is stored once."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

from imgwire_async import AsyncImgwireClient, RayRunner
from imgwire_async.ingest.job import IngestJob
from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.journal.rows import State
from imgwire_async.ingest.runners.attending import AttendedWorker
from imgwire_async.ingest.runners.pool import WorkerPool
from tests.ingest.support import server_images

FAR = RayRunner(workers=2, num_cpus=0.5, resources={"far": 1})
"""Workers on the second node."""


def actors_left(cluster: Any) -> list[Any]:
    """Actors that are still alive after 20 seconds."""
    import ray

    assert not ray.is_initialized()  # the job has disconnected
    ray.init(address=cluster.address, log_to_driver=False)
    try:
        end = time.monotonic() + 20
        while True:
            left = [one for one in ray._private.state.actors().values() if one["State"] != "DEAD"]
            if not left or time.monotonic() > end:
                return left
            time.sleep(0.1)
    finally:
        ray.shutdown()


def workers_of(job: IngestJob) -> list[AttendedWorker]:
    assert isinstance(job._runner, WorkerPool)
    return [worker for worker in job._runner.workers if worker.has_begun]


def pid_of(worker: AttendedWorker) -> int:
    return int(worker.where.split()[1])


async def stored_once(client: AsyncImgwireClient, photos: Path, journal: Path | None = None) -> None:
    """Compare the images of the service with the files of a folder, and with a journal if given."""
    images = await server_images(client)
    found = sorted((image.original_filename, image.hash_sha256) for image in images)
    assert found == sorted(hashes_of(photos))
    if journal is not None:
        with Journal(journal) as record:
            kept = {row.key: (row.image_id, (row.sha256 or b"").hex()) for row in record.rows(State.STORED)}
        assert kept == {image.original_filename: (str(image.id), image.hash_sha256) for image in images}


def hashes_of(photos: Path) -> list[tuple[str, str]]:
    """Name and SHA-256 of all files of a folder."""
    return [(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in photos.iterdir()]
