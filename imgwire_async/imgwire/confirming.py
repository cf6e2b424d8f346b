"""Waiting until the service has fetched images from their URLs: accepted is not stored."""

from __future__ import annotations

import math
from typing import Final

import anyio

from imgwire_async.core.call import Core
from imgwire_async.errors import DeadlineExceededError, ImgwireError, NotFoundError
from imgwire_async.imgwire.lowlevel.models import Image, ImageStatus
from imgwire_async.imgwire.resources.images import Images
from imgwire_async.imgwire.resources.readiness import quarantined

LONGEST_WAIT: Final = 120.0
"""After this many seconds without any image becoming READY, the wait for all of them ends."""
_PAGE: Final = 100  # images; the service's maximum
_FEW: Final = 4
"""In each round this many images are read one by one; the others are looked up in the list."""


class _Waiting:
    def __init__(self, image: Image, since: float) -> None:
        self.image = image
        self.since = since
        self.is_final = False
        self.problem: ImgwireError | None = None
        self.woken = anyio.Event()

    def settle(self, image: Image | None, problem: ImgwireError | None = None) -> None:
        self.image, self.problem, self.is_final = image or self.image, problem, True
        self.woken.set()


class Confirmer:
    """Waits for many images to become READY together: a page of the list shows 100 of them.

    One of the waiting tasks polls for all of them; when it ends, another one takes over.

    Args:
        core: makes the requests, at the pace of reads.
    """

    def __init__(self, core: Core) -> None:
        self._images = Images(core)
        self._time = core.shared.time
        self._waiting: dict[_Waiting, None] = {}
        self._someone_looks = False
        self._pauses = core.shared.service.pauses
        self._pause = self._pauses.first
        self._progress = -math.inf

    async def confirm(self, image: Image) -> Image:
        """Wait until the image is READY.

        Raises:
            ImageQuarantinedError: the service could not fetch or use it.
            DeadlineExceededError: for two minutes no image has become READY.
            NotFoundError: the image has been deleted.
            ImgwireError: a request to the service failed.
        """
        one = _Waiting(image, self._time.monotonic())
        if not _take(one, image):
            await self._wait(one)
        if one.problem is not None:
            raise one.problem
        return one.image

    async def _wait(self, one: _Waiting) -> None:
        self._waiting[one] = None
        try:
            while not one.is_final:
                if self._someone_looks:
                    await one.woken.wait()
                    one.woken = anyio.Event()
                    continue
                self._someone_looks = True
                try:
                    await self._look()
                finally:
                    self._someone_looks = False
        finally:
            del self._waiting[one]
            if not self._someone_looks:
                for other in self._waiting:
                    other.woken.set()
                    break

    async def _look(self) -> None:
        await self._time.sleep(self._pause)
        unseen: dict[str, list[_Waiting]] = {}
        for one in self._waiting:
            if not one.is_final:
                unseen.setdefault(str(one.image.id), []).append(one)
        settled = await self._look_through_list(unseen) if len(unseen) > _FEW else 0
        for image_id in list(unseen)[:_FEW]:  # the oldest ones
            try:
                settled += _take_all(unseen[image_id], await self._images.retrieve(image_id))
            except NotFoundError as error:
                for one in unseen[image_id]:
                    one.settle(None, error)
        now = self._time.monotonic()
        if settled:
            self._progress, self._pause = now, self._pauses.first
            return
        self._pause = self._pauses.after(self._pause)
        for one in self._waiting:
            if not one.is_final and now - max(one.since, self._progress) > LONGEST_WAIT:
                one.settle(None, _too_late(one.image))

    async def _look_through_list(self, unseen: dict[str, list[_Waiting]]) -> int:
        """Read the newest images from the list, and remove those that were found from `unseen`."""
        settled = 0
        for number in range(1, math.ceil(len(unseen) / _PAGE) + 2):
            page = await self._images.list(page=number, limit=_PAGE)
            for image in page.data:
                settled += _take_all(unseen.pop(str(image.id), []), image)
            if not unseen or len(page.data) < _PAGE:
                break
        return settled


def _take_all(waiting: list[_Waiting], image: Image) -> int:
    return sum(_take(one, image) for one in waiting)


def _take(one: _Waiting, image: Image) -> bool:
    """Record an image's status. Returns whether it is final."""
    if image.status == ImageStatus.READY:
        one.settle(image)
    elif image.status == ImageStatus.QUARANTINE:
        one.settle(image, quarantined(image, "ingest"))
    else:
        one.image = image
    return one.is_final


def _too_late(image: Image) -> DeadlineExceededError:
    return DeadlineExceededError(
        f"the service accepted the URL as image {image.id}, but it was not READY within {LONGEST_WAIT:g} s, "
        f"its last status was {image.status}; the next run checks again",
        operation="ingest",
        idempotency_key=None if image.idempotency_key is None else str(image.idempotency_key),
    )
