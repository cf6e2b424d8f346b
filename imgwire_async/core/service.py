"""The description of an API: everything that the core needs to know about a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import ClassVar, Final

from imgwire_async.core.operation import Operation
from imgwire_async.core.pace.limits import RateLimit
from imgwire_async.core.responses import HttpResponse, one_line
from imgwire_async.core.values.redaction import Secret
from imgwire_async.errors import APIStatusError, CallContext, ImgwireError, status_error_class

USER_AGENT: Final = f"imgwire-async/{version('imgwire-async')}"


@dataclass(frozen=True, slots=True)
class Pauses:
    """The delays, in seconds, between polls of something that a service does in the background."""

    first: float
    longest: float

    def after(self, pause: float) -> float:
        """The delay that follows one of this length."""
        return min(pause * 1.5, self.longest)


class Service:
    """A service; each service's package has a subclass.

    Instances are shared by clients and sent to worker processes, so they must be immutable and picklable.
    """

    name: ClassVar[str]
    """The service's name as people write it; used in messages."""
    key_variable: ClassVar[str]
    """Name of the environment variable that holds the API key."""
    url_variable: ClassVar[str]
    """Name of the environment variable that overrides the public base URL."""
    public_url: ClassVar[str]
    """Base URL of the public service."""
    local_command: ClassVar[str] = ""
    """The command that runs the service locally, without an account; empty if there is none."""
    headers: ClassVar[Mapping[str, str]] = {}
    """Headers of every call in addition to `Authorization`, `Accept`, `Content-Type` and `User-Agent`."""
    rate_classes: ClassVar[Mapping[str, RateLimit | None]] = {}
    """The rate classes used by `Operation.rate_class`, with the rate limits that the service publishes."""
    pauses: ClassVar[Pauses] = Pauses(first=0.5, longest=5.0)
    """How often to poll for the results of background work."""
    user_agent: ClassVar[str] = USER_AGENT

    def check_credential(self, credential: Secret, operation: Operation) -> None:
        """Reject a credential that the service would not accept for an operation, as far as that is visible.

        Raises:
            ConfigurationError: the credential is not accepted; the message does not show it.
        """

    def is_deletion(self, operation: Operation) -> bool:
        """Whether the operation deletes. Any 2xx is then a success, and so is a 404 to a retry."""
        return operation.method == "DELETE"

    def error_for(self, response: HttpResponse, context: CallContext) -> ImgwireError:
        """The error for a response that is not a success.

        Must handle any body that servers and proxies send: HTML, text or nothing. See `error_document`.
        """
        message = one_line(f"{self.name} responded with {response.status}")
        error: APIStatusError = status_error_class(response.status)(
            message, status=response.status, **context
        )
        return error
