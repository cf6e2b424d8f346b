"""Sources: creating them exactly once, updating and deploying them; no secret in an error."""

from __future__ import annotations

import traceback
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from imgwire_async.errors import (
    APIConnectionError,
    BadRequestError,
    ConflictError,
    DeadlineExceededError,
    DeploymentFailedError,
    ImgwireError,
    InvalidArgumentError,
)
from imgwire_async.imgix import AsyncImgixClient, Deployment, Source
from imgwire_async.imgix.lowlevel import models
from tests.imgix.scripted import LOST, SOURCE, Script, client_of, failure, resource

CREATE = "POST /api/v1/sources"
LIST = "GET /api/v1/sources"
GET = f"GET /api/v1/sources/{SOURCE}"
UPDATE = f"PATCH /api/v1/sources/{SOURCE}"

SHOP = Deployment(
    type="webfolder", imgix_subdomains=["shop"], webfolder_base_url="https://origin.example.com/"
)
S3 = Deployment(
    type="s3",
    imgix_subdomains=["b", "a"],
    s3_access_key="AKIA",
    s3_secret_key="t0psecret",
    s3_bucket="photos",
)


def source(status: str = "deploying", deployment: Deployment = SHOP, **attributes: Any) -> dict[str, Any]:
    given = {"name": "Shop", "enabled": True, "deployment": deployment.to_send().to_dict()} | attributes
    return resource("sources", SOURCE, deployment_status=status, **given)


def listed(*documents: dict[str, Any]) -> dict[str, Any]:
    return {"data": [document["data"] for document in documents], "meta": {}}


async def test_a_source_is_created(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(CREATE, source())

    made = await imgix.sources.create(name="Shop", deployment=SHOP)

    assert (made.id, made.deployment_status) == (SOURCE, "deploying")
    assert made.deployment.webfolder_base_url == "https://origin.example.com/"
    assert script.seen[0].json == {
        "data": {
            "type": "sources",
            "attributes": {
                "name": "Shop",
                "deployment": {
                    "type": "webfolder",
                    "imgix_subdomains": ["shop"],
                    "webfolder_base_url": "https://origin.example.com/",
                },
            },
        }
    }


async def test_a_creation_whose_response_was_lost_is_looked_up(
    script: Script, imgix: AsyncImgixClient
) -> None:
    script.on(CREATE, LOST)
    script.on(LIST, listed(source(name="Another"), source()))

    made = await imgix.sources.create(name="Shop", deployment=SHOP)

    assert made.name == "Shop"
    assert script.asked == [CREATE, LIST]
    assert script.seen[1].query["filter[deployment.imgix_subdomains]"] == "shop"


async def test_a_creation_that_has_not_happened_is_repeated(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(CREATE, LOST, source())
    script.on(LIST, listed())

    await imgix.sources.create(name="Shop", deployment=SHOP)

    assert script.asked == [CREATE, LIST, CREATE]


async def test_a_subdomain_taken_by_the_lost_request_itself_is_the_source(
    script: Script, imgix: AsyncImgixClient
) -> None:
    script.on(CREATE, LOST, failure(400, "ValidationError", "The subdomain is taken."))
    script.on(LIST, listed(), listed(source()))

    assert (await imgix.sources.create(name="Shop", deployment=SHOP)).id == SOURCE


@pytest.mark.parametrize("status", [400, 409])
async def test_a_subdomain_that_is_taken_is_an_error(
    script: Script, imgix: AsyncImgixClient, status: int
) -> None:
    script.on(CREATE, failure(status, "ValidationError", "The subdomain is taken."))

    with pytest.raises((BadRequestError, ConflictError), match="subdomain is taken"):
        await imgix.sources.create(name="Shop", deployment=SHOP)
    assert script.asked == [CREATE]


async def test_a_source_with_other_attributes_is_not_taken_for_the_new_one(script: Script) -> None:
    script.on(CREATE, LOST)
    script.on(LIST, listed(source(deployment=replace(SHOP, imgix_subdomains=["shop", "other"]))))

    async with client_of(script, max_retries=0) as imgix:
        with pytest.raises(APIConnectionError):
            await imgix.sources.create(name="Shop", deployment=SHOP)


@pytest.mark.parametrize(
    ("deployment", "hint"),
    [
        (Deployment(), "type"),
        (Deployment(type="webfolder", webfolder_base_url="https://x/"), "imgix_subdomains"),
        (Deployment(type="webfolder", imgix_subdomains=["shop"]), "webfolder_base_url"),
        (Deployment(type="webfolder", imgix_subdomains="shop"), "list"),
        (replace(SHOP, imgix_subdomains=3), "list"),  # type: ignore[arg-type]
        (replace(SHOP, imgix_subdomains=[3]), "list"),  # type: ignore[list-item]
        (replace(SHOP, imgix_subdomains=["shop.imgix.net"]), "without .imgix.net"),
        (replace(S3, s3_secret_key=None), "s3_secret_key"),
        (Deployment(type="webproxy", imgix_subdomains=["shop"]), "secure_url_enabled"),
        (replace(SHOP, username="ann"), "password"),
        ({"type": "webfolder"}, "Deployment"),
    ],
)
async def test_a_deployment_that_lacks_something_is_rejected(
    script: Script, imgix: AsyncImgixClient, deployment: Any, hint: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=hint):
        await imgix.sources.create(name="Shop", deployment=deployment)
    assert script.asked == []


async def test_an_unknown_type_can_be_deployed(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(CREATE, source())

    await imgix.sources.create(name="T", deployment=Deployment(type="tape", imgix_subdomains=["t"]))


async def test_a_source_is_changed(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(UPDATE, source())
    read = Source.of(models.Source.from_dict(source()["data"]))

    await imgix.sources.update(read, name="Store", deployment=replace(read.deployment, cache_ttl_value=3600))

    assert script.seen[0].json == {
        "data": {
            "id": SOURCE,
            "type": "sources",
            "attributes": {
                "name": "Store",
                "deployment": {
                    "type": "webfolder",
                    "imgix_subdomains": ["shop"],
                    "webfolder_base_url": "https://origin.example.com/",
                    "cache_ttl_value": 3600,
                },
            },
        }
    }
    with pytest.raises(InvalidArgumentError, match="name="):
        await imgix.sources.update(SOURCE)


async def test_a_changed_deployment_needs_its_secret_again(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(UPDATE, source())

    with pytest.raises(InvalidArgumentError, match="s3_secret_key again"):
        await imgix.sources.update(SOURCE, deployment=replace(S3, s3_secret_key=None))
    await imgix.sources.update(SOURCE, deployment=S3)

    sent = script.seen[0].json["data"]["attributes"]["deployment"]
    assert sent["s3_secret_key"] == "t0psecret"


async def test_a_source_is_enabled_and_disabled(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(UPDATE, source())

    await imgix.sources.disable(SOURCE)
    await imgix.sources.enable(SOURCE)

    assert [request.json["data"]["attributes"] for request in script.seen] == [
        {"enabled": False},
        {"enabled": True},
    ]


@pytest.mark.parametrize("what", [CREATE, UPDATE])
async def test_secrets_that_the_service_quotes_are_shown_nowhere(
    script: Script, imgix: AsyncImgixClient, what: str
) -> None:
    script.on(what, failure(400, "t0psecret", "The key 't0psecret' is not valid."))

    call = (
        imgix.sources.create(name="Shop", deployment=S3)
        if what == CREATE
        else imgix.sources.update(SOURCE, deployment=S3)
    )
    with pytest.raises(BadRequestError) as caught:
        await call

    error: ImgwireError = caught.value
    shown = "".join(traceback.format_exception(error)) + repr(vars(error))
    assert "t0psecret" not in shown
    assert "is not valid" in shown


async def test_waiting_ends_when_a_source_is_deployed(script: Script, imgix: AsyncImgixClient) -> None:
    script.on(GET, source("deploying"), source("deploying"), source("deployed"))

    assert (await imgix.sources.wait_until_deployed(SOURCE)).deployment_status == "deployed"
    assert len(script.seen) == 3


async def test_the_deployment_before_an_update_does_not_end_the_wait(
    script: Script, imgix: AsyncImgixClient
) -> None:
    before = datetime.fromtimestamp(100, UTC)
    script.on(
        GET,
        source("deployed", date_deployed=100),
        source("deploying", date_deployed=100),
        source("deployed", date_deployed=200),
    )

    await imgix.sources.wait_until_deployed(SOURCE, after=before)

    assert len(script.seen) == 3


@pytest.mark.parametrize("status", ["disabled", "deleted"])
async def test_waiting_for_a_source_that_will_not_be_deployed_ends(
    script: Script, imgix: AsyncImgixClient, status: str
) -> None:
    script.on(GET, source(status))

    with pytest.raises(DeploymentFailedError, match=status) as caught:
        await imgix.sources.wait_until_deployed(SOURCE)
    assert caught.value.source_id == SOURCE


async def test_waiting_for_a_deployment_times_out(script: Script) -> None:
    script.on(GET, source("deploying"))

    async with client_of(script) as imgix:
        with pytest.raises(DeadlineExceededError, match="deploying"):
            await imgix.sources.wait_until_deployed(SOURCE, timeout=2)
