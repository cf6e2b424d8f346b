"""The position up to which a source is done, so that the next run need not list it from the beginning."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class _Open:
    """A batch with items that have no outcome yet."""

    resume: str | None
    left: int
    failed: bool


class ResumeMark:
    """Tracks the batches of a source and the latest hint up to which everything is stored or skipped.

    Args:
        identity: identity of the source; a hint of another source is ignored.
        known: the `text` of an earlier run.
    """

    def __init__(self, identity: str, known: str | None) -> None:
        self._identity = identity
        whose, hint = (None, None) if known is None else json.loads(known)
        self.hint: str | None = hint if whose == identity else None
        """The hint to start from."""
        self._batches: deque[_Open] = deque()
        self._batch_of: dict[str, _Open] = {}
        self._stuck = False

    @property
    def text(self) -> str:
        """The mark in the form that the journal stores."""
        return json.dumps([self._identity, self.hint])

    def add(self, resume: str | None, keys: Iterable[str], *, failed: bool) -> bool:
        """Track another batch.

        Args:
            resume: the hint of the batch.
            keys: keys of its items without an outcome.
            failed: whether one of its items has failed.

        Returns:
            Whether the mark has moved.
        """
        if self._stuck or (resume is None and not self._batches):
            # Sources without hints are not tracked, and the next run must find a failed item again.
            self._stuck = self._stuck or failed
            return False
        batch = _Open(resume, 0, failed)
        for key in keys:
            batch.left += 1
            self._batch_of[key] = batch
        self._batches.append(batch)
        return self._move()

    def end(self, key: str, *, failed: bool) -> bool:
        """Note that the outcome of an item is recorded. Returns whether the mark has moved."""
        batch = self._batch_of.pop(key, None)
        if batch is None:
            return False
        batch.left -= 1
        batch.failed = batch.failed or failed
        return self._move()

    def _move(self) -> bool:
        before = self.hint
        while self._batches and not self._batches[0].left:
            batch = self._batches.popleft()
            if batch.failed:
                self._stuck = True
                self._batches.clear()
                self._batch_of.clear()
            else:
                self.hint = batch.resume or self.hint
        return self.hint != before
