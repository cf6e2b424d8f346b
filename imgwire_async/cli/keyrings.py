"""The system's keyring, where the keys of profiles are stored.

A keyring is whatever the user has installed: it may show a dialog, wait for a service that is gone, or raise
errors of its own. Its calls run in a thread, so that Ctrl-C ends a command even if the keyring never returns.
Call it outside of event loops, which need a second Ctrl-C.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, TypeVar

from imgwire_async.cli.streams import is_terminal, note

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SILENCE_SECONDS: Final = 10.0
"""Seconds after which a command says that it waits for the keyring."""
PATIENCE_SECONDS: Final = 60.0
"""Seconds after which a call of the keyring counts as failed; enough to unlock it in a dialog."""

_PROGRAM: Final = "imgwire-async"

_Result = TypeVar("_Result")


class KeyringError(Exception):
    """The system's keyring is missing, locked, failing or silent."""


def read(account: str) -> str | None:
    """The key stored for an account, or None.

    Raises:
        KeyringError: there is no keyring, or it fails.
    """
    return _called(lambda: _needed_backend().get_password(_PROGRAM, account))


def write(account: str, key: str) -> bool:
    """Store a key, and return whether there is a keyring that took it."""

    def call() -> bool:
        backend = _backend()
        if backend is None:
            return False
        backend.set_password(_PROGRAM, account, key)
        return True

    try:
        return _called(call)
    except KeyringError:  # locked, and there is no user to unlock it
        return False


def delete(account: str) -> None:
    """Delete the key of an account, unless it has already been deleted.

    Raises:
        KeyringError: there is no keyring, or it fails.
    """

    def call() -> None:
        backend = _needed_backend()
        from keyring.errors import PasswordDeleteError

        with suppress(PasswordDeleteError):  # deleted elsewhere
            backend.delete_password(_PROGRAM, account)

    _called(call)


def _called(call: Callable[[], _Result]) -> _Result:
    """What `call` returns, run in a thread that ends with the process at the latest."""
    called: Future[_Result] = Future()

    def work() -> None:
        try:
            called.set_result(call())
        except KeyringError as error:
            called.set_exception(error)
        except BaseException as error:  # noqa: BLE001 - whatever the user's software raises
            problem = KeyringError(str(error) or type(error).__name__)
            problem.__cause__ = error
            called.set_exception(problem)

    with _terminal_restored():
        threading.Thread(target=work, name="imgwire-keyring", daemon=True).start()
        try:
            return called.result(SILENCE_SECONDS)
        except TimeoutError:
            note("Waiting for the system's keyring. It may ask you to unlock it; press Ctrl-C to stop.")
        try:
            return called.result(PATIENCE_SECONDS - SILENCE_SECONDS)
        except TimeoutError:
            raise KeyringError(f"it has not answered for {PATIENCE_SECONDS:.0f} seconds") from None


@contextmanager
def _terminal_restored() -> Iterator[None]:
    """Restore the terminal: an interrupted prompt for the keyring's password leaves it without echo."""
    if not is_terminal(sys.stdin) or sys.platform == "win32":
        yield
        return
    import termios

    before = termios.tcgetattr(sys.stdin)
    try:
        yield
    finally:
        with suppress(termios.error):  # the terminal has been closed
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _backend() -> KeyringBackend | None:
    """The system's keyring, or None."""
    try:
        import keyring
    except ModuleNotFoundError:
        return None
    backend = keyring.get_keyring()
    return backend if backend.priority > 0 and not _is_empty(backend) else None


def _needed_backend() -> KeyringBackend:
    backend = _backend()
    if backend is None:
        raise KeyringError("there is none here; install the extra: pip install 'imgwire-async[keyring]'")
    return backend


def _is_empty(backend: KeyringBackend) -> bool:
    """Whether none of the chained keyrings can store anything."""
    links: Iterable[KeyringBackend] | None = getattr(backend, "backends", None)
    return links is not None and not any(link.priority > 0 for link in links)
