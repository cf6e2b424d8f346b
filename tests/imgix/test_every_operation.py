"""Every operation of the contract, through the client and a socket.

With and without the permission, for objects that do not exist, and with arguments that imgix rejects.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from imgwire_async.core.operation import Operation
from imgwire_async.errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
)
from imgwire_async.imgix import AsyncImgixClient, Deployment
from imgwire_async.imgix.lowlevel import operations
from imgwire_async.sandbox import ImgixSandbox
from tests.imgix.scripted import UNLIMITED

UNKNOWN = "0" * 24
EVERY = {"sources", "asset_browse", "asset_edit", "asset_purge", "analytics"}


@dataclass(frozen=True)
class Case:
    """An operation, as the client calls it for a source, and for one that does not exist."""

    call: Callable[[AsyncImgixClient, str], Awaitable[object]]
    permissions: str
    unknown: type[Exception] | None = NotFoundError
    """The error for a source or report that does not exist; None for operations that name none."""


def webfolder(label: str) -> Deployment:
    return Deployment(type="webfolder", imgix_subdomains=[label], webfolder_base_url="https://o.example/")


async def closed(imgix: AsyncImgixClient, source: str) -> object:
    if source == UNKNOWN:
        return await imgix.upload_sessions.close(source, "none")
    session = await imgix.upload_sessions.create(source, "s.bin")
    async with httpx.AsyncClient(trust_env=False) as http:
        (await http.put(str(session.url), content=b"bytes")).raise_for_status()
    return await imgix.upload_sessions.close(source, session)


async def read(imgix: AsyncImgixClient, source: str) -> object:
    session = "none" if source == UNKNOWN else (await imgix.upload_sessions.create(source, "s.bin")).id
    return await imgix.upload_sessions.status(source, session)


async def cancelled(imgix: AsyncImgixClient, source: str) -> object:
    session = "none" if source == UNKNOWN else (await imgix.upload_sessions.create(source, "s.bin")).id
    assert await imgix.upload_sessions.cancel(source, session) is (source != UNKNOWN)
    return None


async def reported(imgix: AsyncImgixClient, source: str) -> object:
    found = (await imgix.reports.list()).data[0].id
    return await imgix.reports.retrieve("none" if source == UNKNOWN else found)


URL = "https://shop.imgix.net/a.txt"
CASES = {
    "sources.list": Case(lambda imgix, _: imgix.sources.list(), "sources", None),
    "sources.create": Case(
        lambda imgix, _: imgix.sources.create(name="New", deployment=webfolder("new")), "sources", None
    ),
    "sources.retrieve": Case(lambda imgix, source: imgix.sources.retrieve(source), "sources"),
    "sources.update": Case(lambda imgix, source: imgix.sources.update(source, name="Store"), "sources"),
    "assets.list": Case(lambda imgix, source: imgix.assets.list(source), "asset_browse"),
    "assets.retrieve": Case(lambda imgix, source: imgix.assets.retrieve(source, "a.txt"), "asset_browse"),
    "assets.update": Case(lambda imgix, source: imgix.assets.update(source, "a.txt", name="A"), "asset_edit"),
    "assets.add": Case(lambda imgix, source: imgix.assets.add(source, "a.txt"), "asset_edit"),
    "assets.refresh": Case(
        lambda imgix, source: imgix.assets.refresh(source, "a.txt"), "asset_edit asset_purge"
    ),
    "assets.upload": Case(lambda imgix, source: imgix.assets.upload(source, "b.txt", b"b"), "asset_edit"),
    "upload_sessions.create": Case(
        lambda imgix, source: imgix.upload_sessions.create(source, "c.bin"), "asset_edit"
    ),
    "upload_sessions.status": Case(read, "asset_edit"),
    "upload_sessions.close": Case(closed, "asset_edit"),
    "upload_sessions.cancel": Case(cancelled, "asset_edit", None),
    "publishes.create": Case(lambda imgix, source: imgix.publish(URL, source=source), "asset_purge"),
    "unpublishes.create": Case(lambda imgix, source: imgix.unpublish(URL, source=source), "asset_purge"),
    "purges.create": Case(lambda imgix, _: imgix.purge(URL), "asset_purge", None),
    "reports.list": Case(lambda imgix, _: imgix.reports.list(), "analytics", None),
    "reports.retrieve": Case(reported, "analytics"),
}

INVALID: dict[str, Callable[[AsyncImgixClient, str], Awaitable[object]]] = {
    "sources.create": lambda imgix, _: imgix.request("POST", "/api/v1/sources", json={"data": {}}),
    "sources.update": lambda imgix, source: imgix.request(
        "PATCH",
        f"/api/v1/sources/{source}",
        json={"data": {"id": source, "type": "sources", "attributes": {"name": 5}}},
    ),
    "assets.update": lambda imgix, source: imgix.request(
        "PATCH", f"/api/v1/sources/{source}/assets/a.txt", json={"data": {"attributes": {"categories": 5}}}
    ),
    "publishes.create": lambda imgix, source: imgix.request(
        "POST", f"/api/v1/sources/{source}/publish", json={"data": {"type": "publishes", "attributes": {}}}
    ),
    "unpublishes.create": lambda imgix, source: imgix.request(
        "POST", f"/api/v1/sources/{source}/unpublish", json={}
    ),
    "purges.create": lambda imgix, _: imgix.request(
        "POST", "/api/v1/purge", json={"data": {"type": "purges", "attributes": {"url": "no URL"}}}
    ),
}


@pytest.fixture(scope="module")
def running() -> Iterator[ImgixSandbox]:
    with ImgixSandbox(deployment_delay=0, indexing_delay=0, session_delay=0) as running:
        yield running


@pytest.fixture
def server(running: ImgixSandbox) -> Iterator[ImgixSandbox]:
    yield running
    running.reset()


def prepared(server: ImgixSandbox) -> str:
    source = server.add_source("shop")
    server.add_file(source, "/a.txt", b"a")
    server.add_report("cdn_logs", period_start=0, period_end=86_400, files=[b"log"])
    return source


def client_of(server: ImgixSandbox, key: str) -> AsyncImgixClient:
    return AsyncImgixClient(key, base_url=server.base_url, rate_limits=UNLIMITED, max_retries=0)


def declared() -> set[str]:
    named: dict[str, Any] = vars(operations)
    return {one.name for one in named.values() if isinstance(one, Operation)}


def test_no_operation_of_the_contract_is_left_out() -> None:
    assert set(CASES) == declared()


@pytest.mark.parametrize("operation", CASES)
async def test_an_operation_needs_its_permission_and_no_other(server: ImgixSandbox, operation: str) -> None:
    case, source = CASES[operation], prepared(server)
    needed = set(case.permissions.split())
    others = EVERY - needed - ({"asset_edit"} if needed == {"asset_browse"} else set())

    async with client_of(server, server.create_key(*others)) as without:
        with pytest.raises(PermissionDeniedError, match=r"lacks the permission|needs") as caught:
            await case.call(without, source)
    assert caught.value.status == 403
    async with client_of(server, server.create_key(*needed)) as allowed:
        await case.call(allowed, source)
    assert {request.status for request in server.requests.of(operation)} <= {200, 201, 202, 403}


@pytest.mark.parametrize("operation", CASES)
async def test_an_operation_with_an_unknown_key_is_rejected(server: ImgixSandbox, operation: str) -> None:
    async with client_of(server, "ak_unknown") as imgix:
        with pytest.raises(AuthenticationError, match="IMGIX_API_KEY") as caught:
            await CASES[operation].call(imgix, prepared(server))
    assert "ak_unknown" not in f"{caught.value!s}{caught.value!r}"


@pytest.mark.parametrize("operation", [name for name, case in CASES.items() if case.unknown])
async def test_what_does_not_exist_is_not_found(server: ImgixSandbox, operation: str) -> None:
    prepared(server)
    async with client_of(server, server.api_key) as imgix:
        with pytest.raises(NotFoundError) as caught:
            await CASES[operation].call(imgix, UNKNOWN)
    assert caught.value.request_id
    assert caught.value.operation


@pytest.mark.parametrize("operation", INVALID)
async def test_a_body_that_imgix_rejects_is_an_error_with_its_words(
    server: ImgixSandbox, operation: str
) -> None:
    async with client_of(server, server.api_key) as imgix:
        with pytest.raises(BadRequestError) as caught:
            await INVALID[operation](imgix, prepared(server))
    assert caught.value.detail
    assert caught.value.errors
    assert isinstance(caught.value, APIStatusError)


@pytest.mark.parametrize(
    "identity", ["a/b", "..", "?x=1", "#", "%2e%2e", "ü", "a b", "\n", "../../v1/sources"]
)
async def test_an_id_of_any_characters_is_one_segment_of_the_path(
    server: ImgixSandbox, identity: str
) -> None:
    async with client_of(server, server.api_key) as imgix:
        for call in (
            lambda: imgix.sources.retrieve(identity),
            lambda: imgix.reports.retrieve(identity),
            lambda: imgix.upload_sessions.status(UNKNOWN, identity),
        ):
            with pytest.raises((APIStatusError, InvalidArgumentError)) as caught:
                await call()
            # A server that decodes slashes before routing finds the path, but not with this method.
            assert getattr(caught.value, "status", 404) in {404, 405}
    assert {request.operation for request in server.requests} <= {
        *("sources.retrieve", "reports.retrieve", "upload_sessions.status", None)
    }
