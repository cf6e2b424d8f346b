"""Today's generated client with responses of newer and older versions of the service.

Each response is a recorded one, mutated in one place, and passes through the endpoint function.
"""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from imgwire_async.core.operation import Caller, Response
from imgwire_async.imgwire.lowlevel import models
from imgwire_async.imgwire.lowlevel.api import cors_origins, custom_domain, images, metrics
from tests.lowlevel import support
from tests.lowlevel.support import ID, IMAGE, RecordingCaller

Call = Callable[[Caller], Awaitable[Response[Any]]]
UID = UUID(ID)

ANSWERS: dict[str, tuple[Call, dict[str, Any]]] = {
    "image": (lambda c: images.images_retrieve(c, UID), IMAGE),
    "upload": (
        lambda c: images.images_create(c, body=models.StandardUploadCreate(file_name="a")),
        support.STANDARD_UPLOAD,
    ),
    "token": (images.images_create_upload_token, support.UPLOAD_TOKEN),
    "job": (lambda c: images.images_retrieve_bulk_download_job(c, UID), support.DOWNLOAD_JOB),
    "origin": (lambda c: cors_origins.cors_origins_retrieve(c, UID), support.CORS_ORIGIN),
    "domain": (custom_domain.custom_domain_retrieve, support.CUSTOM_DOMAIN),
    "datasets": (metrics.metrics_get_datasets, support.DATASETS),
    "stats": (metrics.metrics_get_stats, support.STATS),
}
NEVER_NULL = {
    *(("image", "id"), ("token", "id"), ("job", "id"), ("origin", "id"), ("domain", "id")),
    *(("upload", "image"), ("upload", "upload_url"), ("token", "token")),
    *(("stats", name) for name in support.STATS),
}
"""Records are useless without these fields, so a missing one is an error instead of None."""
MAY_BE_MISSING: dict[tuple[str, str], Any] = {
    **{
        ("image", name): None
        for name in (
            *("environment_id", "upload_token_id", "hash_sha256", "idempotency_key", "purpose"),
            *("deleted_at", "processed_metadata_at"),
        )
    },
    ("image", "can_upload"): False,
    ("image", "is_directly_deliverable"): False,
    ("image", "custom_metadata"): {},
    ("image", "exif_data"): {},
    ("token", "used_at"): None,
    ("job", "environment_id"): None,
    ("job", "download_url"): None,
    ("domain", "last_verified_at"): None,
}
FIELDS = [(kind, name) for kind, (_, record) in ANSWERS.items() for name in record]
EMPTY: dict[type, Any] = {list: [], dict: {}}


async def read(kind: str, record: Any) -> Any:
    return (await ANSWERS[kind][0](RecordingCaller(record))).data


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("image", "status"),
        ("image", "mime_type"),
        ("job", "status"),
        ("domain", "status"),
        ("domain", "certificate_status"),
    ],
)
async def test_a_new_enumeration_member_is_read(kind: str, field: str) -> None:
    record = ANSWERS[kind][1] | {field: "BRAND_NEW"}

    parsed = await read(kind, record)

    assert getattr(parsed, field) == "BRAND_NEW"
    assert not getattr(parsed, field).is_known
    assert parsed.to_dict()[field] == "BRAND_NEW"


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("value", [None, 1, "x", [1], {"deep": [{}]}])
async def test_a_new_field_is_kept_and_written_back(kind: str, value: object) -> None:
    parsed = await read(kind, ANSWERS[kind][1] | {"new_field": value})

    assert parsed.additional_properties == {"new_field": value}
    assert parsed.to_dict()["new_field"] == value


async def test_a_new_field_deep_inside_is_kept() -> None:
    record = copy.deepcopy(support.DATASETS)
    record["uploads"][0]["failed"] = 2

    parsed = await read("datasets", record)

    assert parsed.to_dict()["uploads"][0]["failed"] == 2


@pytest.mark.parametrize(("kind", "field"), [field for field in FIELDS if field not in NEVER_NULL])
async def test_a_field_that_becomes_nullable_reads_as_none_or_empty(kind: str, field: str) -> None:
    record = ANSWERS[kind][1]
    expected = MAY_BE_MISSING.get((kind, field), EMPTY.get(type(record[field])))

    parsed = await read(kind, record | {field: None})

    assert getattr(parsed, field) == expected
    assert parsed.to_dict()[field] == expected


@pytest.mark.parametrize(("kind", "field"), sorted(NEVER_NULL))
async def test_a_null_in_an_essential_field_is_rejected(kind: str, field: str) -> None:
    with pytest.raises(TypeError, match=rf"\.{field}: .*expected"):
        await read(kind, ANSWERS[kind][1] | {field: None})


@pytest.mark.parametrize(("kind", "field"), sorted(MAY_BE_MISSING))
async def test_a_field_with_a_sensible_default_may_be_missing(kind: str, field: str) -> None:
    record = {name: value for name, value in ANSWERS[kind][1].items() if name != field}

    parsed = await read(kind, record)

    assert getattr(parsed, field) == MAY_BE_MISSING[kind, field]


@pytest.mark.parametrize(("kind", "field"), [field for field in FIELDS if field not in MAY_BE_MISSING])
async def test_any_other_missing_field_is_named(kind: str, field: str) -> None:
    record = {name: value for name, value in ANSWERS[kind][1].items() if name != field}

    with pytest.raises(KeyError) as raised:
        await read(kind, record)

    assert raised.value.args == (field,)


async def test_a_response_recorded_before_april_is_read() -> None:
    added_later = ("can_upload", "is_directly_deliverable")
    record = {name: value for name, value in IMAGE.items() if name not in added_later}

    image = await read("image", record)

    assert (image.can_upload, image.is_directly_deliverable) == (False, False)


async def test_one_new_enumeration_member_does_not_break_a_page() -> None:
    page = [IMAGE, IMAGE | {"mime_type": "image/next-gen"}, IMAGE | {"status": "ARCHIVED"}]

    response = await images.images_list(RecordingCaller(page))

    assert [image.mime_type for image in response.data] == ["image/jpeg", "image/next-gen", "image/jpeg"]
