"""Calls and messages between a job and one of its workers, over any link that carries bytes.

A frame is an eight-byte length and a pickle. Anyone who can write a pickle can run code, so only the two
processes ever have access to the ends of these pipes.
"""

from __future__ import annotations

import pickle
from collections.abc import Awaitable, Callable, Collection, Mapping
from enum import IntEnum
from typing import Final

import anyio
from anyio.abc import TaskGroup

from imgwire_async.errors import ImgwireError

_LENGTH: Final = 8
_PROTOCOL: Final = 5
"""The same for all versions of Python, so that ends with different versions can report the mismatch."""


class _Kind(IntEnum):
    TELL = 0
    CALL = 1
    RESULT = 2
    ERROR = 3


_Message = tuple[int, int, str, object]
"""Kind, number of the call, name of the function, and its arguments or result."""


class _Pending:
    def __init__(self) -> None:
        self.ended = anyio.Event()
        self.result: object = None
        self.error: ImgwireError | None = None


class Channel:
    """One end of a channel. Messages arrive in order, and waiting messages are sent together.

    Args:
        tells: functions that the other end may run without waiting for a result, by name.
        calls: async functions whose result the other end may wait for, by name. An `ImgwireError` is raised
            at the other end, any other exception at this one.
        gather: seconds that a message waits for others to be sent with it; 0 disables waiting.
        at_once: names of calls, of either end, and of tells that end such a wait.
    """

    def __init__(
        self,
        *,
        tells: Mapping[str, Callable[..., None]],
        calls: Mapping[str, Callable[..., Awaitable[object]]],
        gather: float = 0.0,
        at_once: Collection[str] = (),
    ) -> None:
        self._tells = tells
        self._calls = calls
        self._outgoing: list[_Message] = []
        self._gather, self._at_once = gather, at_once
        self._something = anyio.Event()
        self._hurried = anyio.Event()
        self._sending = False
        self._sent = anyio.Event()
        self._incoming = bytearray()
        self._pending: dict[int, _Pending] = {}
        self._unhurried = 0
        """Calls that are being handled and whose results are gathered."""
        self._number = 0

    @property
    def will_send(self) -> bool:
        """Whether messages are gathered here, or soon will be: the results of calls that are not urgent."""
        return bool(self._outgoing) or self._unhurried > 0

    def tell(self, name: str, *arguments: object) -> None:
        """Run a function at the other end, without waiting for it."""
        self._put((_Kind.TELL, 0, name, arguments))

    async def call(self, name: str, *arguments: object) -> object:
        """Run a function at the other end, and wait for its result.

        Raises:
            ImgwireError: the function raised it.
        """
        self._number += 1
        number, pending = self._number, _Pending()
        self._pending[number] = pending
        self._put((_Kind.CALL, number, name, arguments))
        try:
            await pending.ended.wait()
        finally:
            del self._pending[number]
        if pending.error is not None:
            raise pending.error
        return pending.result

    async def send_to(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        """Send until cancelled, or until the other end is closed.

        Args:
            write: writes all bytes passed to it, or raises `OSError` or anyio's errors for a broken stream.
        """
        while True:
            await self._something.wait()
            if self._gather:
                with anyio.move_on_after(self._gather):
                    await self._hurried.wait()
            self._something, self._hurried = anyio.Event(), anyio.Event()
            messages, self._outgoing = self._outgoing, []
            self._sending = True
            try:
                await write(_frame(messages))
            except (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
                return  # the reader will see end-of-file
            self._sending = False
            self._sent.set()

    def hurry(self) -> None:
        """Send waiting messages without further delay."""
        self._hurried.set()

    async def flush(self) -> None:
        """Wait until everything is sent."""
        self.hurry()
        while self._outgoing or self._sending:
            self._sent = anyio.Event()
            await self._sent.wait()

    def feed(self, data: bytes, tasks: TaskGroup) -> None:
        """Process received bytes and handle complete messages.

        Args:
            data: the bytes.
            tasks: where calls run.
        """
        self._incoming += data
        while len(self._incoming) >= _LENGTH:
            end = _LENGTH + int.from_bytes(self._incoming[:_LENGTH], "big")
            if len(self._incoming) < end:
                return
            frame = bytes(memoryview(self._incoming)[_LENGTH:end])
            del self._incoming[:end]
            for message in pickle.loads(frame):  # noqa: S301 - from our own process
                self._handle(message, tasks)

    def _handle(self, message: _Message, tasks: TaskGroup) -> None:
        kind, number, name, content = message
        if kind in {_Kind.TELL, _Kind.CALL}:
            assert isinstance(content, tuple)  # noqa: S101 - both ends run this code
            if kind == _Kind.TELL:
                self._tells[name](*content)
            else:
                self._unhurried += name not in self._at_once
                tasks.start_soon(self._answer, number, name, content)
        elif (pending := self._pending.get(number)) is not None:
            if isinstance(content, ImgwireError) and kind == _Kind.ERROR:
                pending.error = content
            pending.result = content
            pending.ended.set()

    async def _answer(self, number: int, name: str, arguments: tuple[object, ...]) -> None:
        try:
            self._put((_Kind.RESULT, number, name, await self._calls[name](*arguments)))
        except ImgwireError as error:
            self._put((_Kind.ERROR, number, name, error))
        finally:
            self._unhurried -= name not in self._at_once

    def _put(self, message: _Message) -> None:
        # Plain numbers, because a version at the other end may not have this class.
        self._outgoing.append((int(message[0]), *message[1:]))
        self._something.set()
        if message[2] in self._at_once:
            self._hurried.set()


def _frame(messages: list[_Message]) -> bytes:
    content = pickle.dumps(messages, _PROTOCOL)
    return len(content).to_bytes(_LENGTH, "big") + content
