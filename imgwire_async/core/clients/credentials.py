"""The credential for the `Authorization` header: fixed, or requested from a provider when needed."""

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
    """Returns the credential for a request; a provider is called once, and again after a 401.

    Args:
        source: the credential, or a function that returns it.
        key_variable: name of the environment variable that may hold it, for messages.
    """

    def __init__(self, source: Secret | CredentialProvider, key_variable: str) -> None:
        self._key_variable = key_variable
        self._provider = None if isinstance(source, Secret) else source
        self._current = source if isinstance(source, Secret) else None
        self._asking = LoopLocal(anyio.Lock)

    @property
    def is_known(self) -> bool:
        """Whether the credential is known without calling a provider."""
        return self._current is not None

    async def current(self) -> Secret:
        """The credential to send.

        Raises:
            ConfigurationError: the provider returned no credential, or one that is not valid in a header.
        """
        if self._current is None:
            await self.renew(None)
        assert self._current is not None  # noqa: S101 - renew has set it
        return self._current

    async def renew(self, refused: Secret | None) -> bool:
        """Get another credential after the service rejected `refused` with a 401.

        Returns:
            Whether there is now a credential that differs from `refused`.
        """
        if self._provider is None:
            return False
        async with self._asking.get():
            # If many calls are rejected at once, the first one calls the provider and the others use its
            # result.
            if self._current is not None and self._current is not refused:
                return True
            fresh = await _asked(self._provider)
            check_credential(fresh, self._key_variable)
            unchanged = refused is not None and fresh.reveal() == refused.reveal()
            self._current = fresh
            return not unchanged


async def _asked(provider: CredentialProvider) -> Secret:
    # A function that is not async returns the key itself, which must not be in a local variable.
    with ForeignCode("the function that returns the API key"):
        given: object = provider()
        given = Secret(given) if isinstance(given, str) else given
        if not isinstance(given, Awaitable):
            raise ConfigurationError("the function that returns the API key must be async")
        return Secret(await given)


def check_credential(credential: Secret, key_variable: str) -> None:
    """Reject an invalid credential without showing it.

    Args:
        credential: what to check.
        key_variable: name of the environment variable that may hold it.

    Raises:
        ConfigurationError: it is empty, or contains blanks, line ends or non-ASCII characters.
    """
    # The text is a local variable only in a function that returns before anything is raised.
    problem = _problem_with(credential.reveal(), key_variable)
    if problem is not None:
        raise ConfigurationError(problem)


def _problem_with(text: object, key_variable: str) -> str | None:
    if not isinstance(text, str) or not text:
        return f"the API key is empty; pass api_key= or set {key_variable}"
    if not text.isascii() or not text.isprintable() or " " in text:
        return (
            "the API key contains spaces, line breaks or characters outside of ASCII; check that it "
            "was copied completely"
        )
    return None
