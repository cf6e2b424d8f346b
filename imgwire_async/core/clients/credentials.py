"""The credential that goes into `Authorization`: fixed, or asked for when needed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from imgwire_async.core.concurrency.cancellation import ForeignCode
from imgwire_async.core.concurrency.loops import LoopLocal
from imgwire_async.core.values.redaction import Secret
from imgwire_async.errors import ConfigurationError

CredentialProvider = Callable[[], Awaitable[str]]
"""An async function that returns the current key or token; called once more after a 401."""


class Credentials:
    """Gives the credential for a request; a provider is asked once and again when the response is 401.

    Args:
        source: the credential, or what gives it.
        key_variable: name of the environment variable that may hold it, for messages.
    """

    def __init__(self, source: Secret | CredentialProvider, key_variable: str) -> None:
        self._key_variable = key_variable
        self._provider = None if isinstance(source, Secret) else source
        self._current = source if isinstance(source, Secret) else None
        self._asking = LoopLocal(anyio.Lock)

    @property
    def is_known(self) -> bool:
        """Whether `current` has nobody to ask."""
        return self._current is not None

    async def current(self) -> Secret:
        """The credential to send.

        Raises:
            ConfigurationError: the provider gave none, or one that cannot stand in a header.
        """
        if self._current is None:
            await self.renew(None)
        assert self._current is not None  # noqa: S101 - renew has set it
        return self._current

    async def renew(self, refused: Secret | None) -> bool:
        """Ask for another credential after `refused` was answered with 401.

        Returns:
            Whether there is now a credential that differs from `refused`.
        """
        if self._provider is None:
            return False
        async with self._asking.get():
            # Of many calls that are rejected at once, the first asks and the others use what it got.
            if self._current is not None and self._current is not refused:
                return True
            fresh = await _asked(self._provider)
            check_credential(fresh, self._key_variable)
            unchanged = refused is not None and fresh.reveal() == refused.reveal()
            self._current = fresh
            return not unchanged


async def _asked(provider: CredentialProvider) -> Secret:
    # A function that is not async gives the key itself, which no local variable may hold.
    with ForeignCode("the function that gives the API key"):
        given: object = provider()
        given = Secret(given) if isinstance(given, str) else given
        if not isinstance(given, Awaitable):
            raise ConfigurationError("the function that gives the API key must be async")
        return Secret(await given)


def check_credential(credential: Secret, key_variable: str) -> None:
    """Refuse what cannot be a credential, without showing it.

    Args:
        credential: what to check.
        key_variable: name of the environment variable that may hold it.

    Raises:
        ConfigurationError: it is empty, or holds blanks, line ends or characters outside of ASCII.
    """
    # The text itself is a local variable only of a function that has returned before anything is raised.
    problem = _problem_with(credential.reveal(), key_variable)
    if problem is not None:
        raise ConfigurationError(problem)


def _problem_with(text: object, key_variable: str) -> str | None:
    if not isinstance(text, str) or not text:
        return f"the API key is empty; pass api_key= or set {key_variable}"
    if not text.isascii() or not text.isprintable() or " " in text:
        return "the API key holds blanks, line ends or characters outside of ASCII; was it copied completely?"
    return None
