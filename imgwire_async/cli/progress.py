"""Progress bars of uploads, on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from imgwire_async.cli.output import beside
from imgwire_async.cli.streams import plain

if TYPE_CHECKING:
    from rich.progress import ProgressColumn, TaskID

    from imgwire_async.bodies.progress import UploadProgress

_LEAST_WIDTH_FOR_NUMBERS: Final = 64


@contextmanager
def upload_bars() -> Iterator[Callable[[str], Callable[[UploadProgress], None]]]:
    """Yields a function that creates a bar: given a name, it returns the progress hook of an upload."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = beside()
    room = console.width
    numbers: list[ProgressColumn] = [DownloadColumn(), TimeRemainingColumn()]
    if room < _LEAST_WIDTH_FOR_NUMBERS:
        numbers = [TextColumn("{task.percentage:>3.0f} %")]
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(room // 4),
        *numbers,
        console=console,
        transient=True,
        disable=not console.is_terminal or console.is_dumb_terminal,
    )

    def bar(name: str) -> Callable[[UploadProgress], None]:
        task: TaskID | None = None

        def report(state: UploadProgress) -> None:
            nonlocal task
            if task is None:
                task = progress.add_task(_shortened(plain(name), room // 3), total=state.total)
            progress.update(task, completed=state.sent)

        return report

    with progress:
        yield bar


def _shortened(name: str, room: int) -> str:
    """A name shortened to leave room for its bar."""
    return name if len(name) <= room else f"{name[: room - 1]}…"
