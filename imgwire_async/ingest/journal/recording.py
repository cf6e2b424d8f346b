"""Rows for the journal and outcomes for the caller of items that have ended."""

from __future__ import annotations

from imgwire_async.errors import ImgwireError
from imgwire_async.ingest.coordination.survey import already_stored, failed_row
from imgwire_async.ingest.items import storable
from imgwire_async.ingest.journal.rows import Row, State
from imgwire_async.ingest.results.outcomes import AlreadyStored, Changed, Failed, Stored
from imgwire_async.ingest.shards.preparing import Task
from imgwire_async.ingest.sink import StoredImage


def as_stored(task: Task, image: StoredImage, state: State, run: int, seconds: float) -> tuple[Row, Stored]:
    """Row and outcome of an item that this run has uploaded."""
    row = task.row(state, run)
    row.image_id, row.cdn_url = image.id, storable(image.url)
    outcome = Stored(
        key=task.key,
        item=task.item,
        image=image.record,
        image_id=image.id,
        cdn_url=image.url,
        size=task.size,
        attempts=task.attempts,
        seconds=seconds,
    )
    return row, outcome


def as_known(task: Task, known: Row, run: int, same_content_as: str | None) -> tuple[Row, AlreadyStored]:
    """Row and outcome of an item whose content is already stored, as recorded in `known`."""
    row = task.row(State(known.state), run)
    row.image_id, row.cdn_url = known.image_id, known.cdn_url
    row.idempotency_key = known.idempotency_key
    changed = same_content_as is None and task.parameters != known.parameters
    if changed:
        row.parameters = known.parameters
    what: Changed | None = "parameters" if changed else None
    return row, already_stored(task.key, task.item, known, what, same_content_as)


def as_failed(task: Task, error: ImgwireError, run: int) -> tuple[Row, Failed]:
    """Row and outcome of an item that has failed in this run."""
    outcome = Failed(key=task.key, item=task.item, error=error, attempts=task.attempts)
    row = failed_row(task.row(State.FAILED, run), outcome, run)
    row.image_id = getattr(error, "image_id", row.image_id)
    return row, outcome
