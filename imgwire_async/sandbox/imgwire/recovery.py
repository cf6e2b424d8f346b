"""Resumes at the next start what a stop has interrupted."""

from __future__ import annotations

from imgwire_async.sandbox.imgwire.resources import archives
from imgwire_async.sandbox.imgwire.runtime import Runtime
from imgwire_async.sandbox.imgwire.storage import fetching, processing, records


def resume(runtime: Runtime) -> None:
    """Process, fetch and pack whatever was under way when the sandbox stopped or was killed."""
    for record in records.unfinished(runtime):
        if record["status"] == "PROCESSING":
            processing.start(runtime, record["id"])
        else:
            fetching.start(runtime, record["id"])
    for job_id in archives.unfinished(runtime):
        archives.start(runtime, job_id)
