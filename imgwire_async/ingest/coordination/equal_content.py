"""Items with equal content: the first one is stored, and the others share its image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from anyio import to_thread

from imgwire_async.ingest.journal.database import Journal
from imgwire_async.ingest.journal.rows import Row, State
from imgwire_async.ingest.results.outcomes import AlreadyStored, Outcome, Stored
from imgwire_async.ingest.shards.preparing import Task


@dataclass(slots=True)
class _Leader:
    """An item being stored, and the items with the same content that wait for its image."""

    key: str
    followers: list[Task] = field(default_factory=list)


class EqualContent:
    """The items of a job that are being stored, by content, and the items that wait for their images.

    Args:
        journal: records what earlier runs have stored.
        settle: called with an item, the row of its image, and the key under which the image is stored.
        run_again: called with items that no longer wait for another item.
    """

    def __init__(
        self,
        journal: Journal,
        settle: Callable[[Task, Row, str], None],
        run_again: Callable[[list[Task]], None],
    ) -> None:
        self._journal = journal
        self._settle = settle
        self._run_again = run_again
        self._leaders: dict[bytes, _Leader] = {}
        self._content: dict[str, bytes] = {}  # by the key of its leader

    async def is_first(self, task: Task) -> bool:
        """Whether this item is the first with its content. Others wait for the first, or share its image."""
        content = task.sha256
        if self._content.get(task.key, content) != content:
            # Its process died, and the file has changed since.
            self._run_again(self._disband(task))
        if content is None:
            return True
        leader = self._leaders.setdefault(content, _Leader(task.key))
        if leader.key != task.key:
            leader.followers.append(task)
            task.held = True
            return False
        self._content[task.key] = content
        row = await to_thread.run_sync(self._journal.find_content, content)
        if row is None or row.key == task.key:
            return True
        for one in (task, *self._disband(task)):
            self._settle(one, row, row.key)
        return False

    def end(self, task: Task, outcome: Outcome, state: State, *, again: bool) -> None:
        """Settle the items that wait for an item that has ended.

        Args:
            task: the item.
            outcome: how it ended.
            state: the state of the item if it is stored.
            again: whether to run the waiting items again if it was not stored.
        """
        followers = self._disband(task)
        if not followers:
            return
        if isinstance(outcome, Stored | AlreadyStored):
            row = task.row(state, self._journal.run)
            row.image_id, row.cdn_url = outcome.image_id, outcome.cdn_url
            for follower in followers:
                self._settle(follower, row, task.key)
        elif again:
            self._run_again(followers)

    def _disband(self, leader: Task) -> list[Task]:
        """Remove and return the items that wait for the image of an item."""
        content = self._content.pop(leader.key, None)
        followers = [] if content is None else self._leaders.pop(content).followers
        for task in followers:
            task.held = False
        return followers
