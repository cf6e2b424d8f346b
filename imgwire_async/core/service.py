"""What an API is like: everything by which one service differs from another in the eyes of the core."""

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
    """Seconds between two looks at something that a service does in the background."""

    first: float
    longest: float

    def after(self, pause: float) -> float:
        """The pause that follows one of this length."""
        return min(pause * 1.5, self.longest)


class Service:
    """A service; each package of one has a subclass.

    Objects are shared by clients and sent to worker processes, so they must be immutable and pickle.
    """

    name: ClassVar[str]
    """As people write it; used in messages."""
    key_variable: ClassVar[str]
    """Name of the environment variable that holds the API key."""
    url_variable: ClassVar[str]
    """Name of the environment variable that holds another base URL than the public one."""
    public_url: ClassVar[str]
    """Base URL of the public service."""
    headers: ClassVar[Mapping[str, str]] = {}
    """Headers of every call beside `Authorization`, `Accept`, `Content-Type` and `User-Agent`."""
    rate_classes: ClassVar[Mapping[str, RateLimit | None]] = {}
    """The classes that `Operation.rate_class` names, with the rates that the service publishes."""
    pauses: ClassVar[Pauses] = Pauses(first=0.5, longest=5.0)
    """How often to look at what it does in the background."""
    user_agent: ClassVar[str] = USER_AGENT

    def check_credential(self, credential: Secret, operation: Operation) -> None:
        """Refuse a credential that the service would not accept for an operation, as far as one can see.

        Raises:
            ConfigurationError: it would not; the text does not show the credential.
        """

    def is_deletion(self, operation: Operation) -> bool:
        """Whether it deletes. Any 2xx is then a success whatever its body, and so is a 404 to a repeat."""
        return operation.method == "DELETE"

    def error_for(self, response: HttpResponse, context: CallContext) -> ImgwireError:
        """The error for a response that is not a success.

        Must survive whatever servers and proxies send: HTML, text, nothing. See `error_document`.
        """
        message = one_line(f"{self.name} answered {response.status}")
        error: APIStatusError = status_error_class(response.status)(
            message, status=response.status, **context
        )
        return error
