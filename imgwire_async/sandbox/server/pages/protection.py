"""Limits the developer's view and all changes to people at this machine, on these pages."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.requests import Request

from imgwire_async.sandbox.server.pages.shelf import PageError


def is_trusted(request: Request) -> bool:
    """Whether a request comes from this machine, under a name that only this machine can have.

    Another site can let its own name resolve to 127.0.0.1 and then read these pages. So the name must be
    an address or `localhost`.
    """
    client, server = request.scope.get("client"), request.scope.get("server")
    if not client or not (_is_loopback(client[0]) or (server and client[0] == server[0])):
        return False
    try:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return False
    return host == "localhost" or host.endswith(".localhost") or _address(host) is not None


def check_trusted(request: Request) -> None:
    """Check that a request `is_trusted`.

    Raises:
        PageError: it is not.
    """
    if not is_trusted(request):
        raise PageError(403, "This page is shown only on the machine that runs the sandbox.")


def check_own_form(request: Request) -> None:
    """Check that a request is trusted and was sent by a page of the sandbox, or not by a browser.

    Raises:
        PageError: another site's page has sent it.
    """
    check_trusted(request)
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    own = site in {None, "same-origin", "none"}
    if origin is not None:
        own = own and origin.lower() == f"http://{request.headers.get('host', '').lower()}"
    if not own:
        raise PageError(403, "Only forms of these pages can change anything.")


def _is_loopback(text: str) -> bool:
    address = _address(text)
    if address is None:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or (mapped is not None and mapped.is_loopback)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
