"""Sessions: anyone who knows the password may upload for a day.

Your own service already has users. The important part is that every route that writes checks for them.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Final

SECONDS: Final = 24 * 60 * 60
COOKIE: Final = "gallery_session"


class Sessions:
    """Signed cookies that contain the time until which their holder is signed in.

    All workers accept each other's cookies. Changing the password ends all sessions.

    Args:
        password: lets people sign in.
    """

    def __init__(self, password: str) -> None:
        self._password = _encoded(password)
        self._key = hashlib.sha256(b"gallery sessions\0" + self._password).digest()

    def begin(self, password: str) -> str | None:
        """Return a cookie if the password is correct, else None."""
        if not hmac.compare_digest(_encoded(password), self._password):
            return None
        until = str(int(time.time()) + SECONDS)
        return f"{until}.{self._signature(until)}"

    def is_valid(self, cookie: str | None) -> bool:
        """Whether this service made the cookie, and it has not expired."""
        until, _, signature = (cookie or "").partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(until).encode()):
            return False
        return time.time() < int(until)

    def _signature(self, until: str) -> str:
        return hmac.new(self._key, until.encode(), "sha256").hexdigest()


def _encoded(password: str) -> bytes:
    # Neither an environment variable nor a form has to be Unicode.
    return password.encode(errors="surrogatepass")
