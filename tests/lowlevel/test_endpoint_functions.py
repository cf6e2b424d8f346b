from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from imgwire_async.core.operation import Caller, Replay, Response
from imgwire_async.imgwire.lowlevel import models
from imgwire_async.imgwire.lowlevel.api import cors_origins, custom_domain, images, metrics
from imgwire_async.imgwire.lowlevel.operations import OPERATIONS
from imgwire_async.imgwire.lowlevel.types import UNSET, to_query
from imgwire_async.imgwire.service import Auth, RateClass
from tests.lowlevel import support
from tests.lowlevel.support import ID, RecordingCaller

UID = UUID(ID)


@dataclass
class Case:
    """One endpoint function, its arguments, and the expected request and result."""

    name: str
    call: Callable[[Caller], Awaitable[Response[Any]]]
    sent: str
    answer: Any
    gives: type
    query: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] | None = None


CASES = [
    Case(
        "images.list",
        lambda c: images.images_list(c, page=2, limit=100),
        "GET /api/v1/images/",
        [support.IMAGE],
        list,
        query={"page": 2, "limit": 100},
    ),
    Case(
        "images.create",
        lambda c: images.images_create(
            c,
            body=models.StandardUploadCreate(
                file_name="a.png",
                mime_type=models.SupportedMimeType.IMAGE_PNG,
                custom_metadata={"a": 1},
                purpose=None,
            ),
            upload_token="t",
        ),
        "POST /api/v1/images/standard_upload",
        support.STANDARD_UPLOAD,
        models.StandardUpload,
        query={"upload_token": "t"},
        body={"file_name": "a.png", "mime_type": "image/png", "custom_metadata": {"a": 1}, "purpose": None},
    ),
    Case(
        "images.upload_via_url",
        lambda c: images.images_upload_via_url(c, body=models.UploadViaUrlCreate(url="https://e.com/x.png")),
        "POST /api/v1/images/upload_via_url",
        support.IMAGE,
        models.Image,
        body={"url": "https://e.com/x.png"},
    ),
    Case(
        "images.create_upload_token",
        images.images_create_upload_token,
        "POST /api/v1/images/token",
        support.UPLOAD_TOKEN,
        models.UploadToken,
    ),
    Case(
        "images.create_bulk_download_job",
        lambda c: images.images_create_bulk_download_job(
            c, body=models.ImageDownloadJobCreate(image_ids=[UID])
        ),
        "POST /api/v1/images/downloads",
        support.DOWNLOAD_JOB,
        models.ImageDownloadJob,
        body={"image_ids": [ID]},
    ),
    Case(
        "images.retrieve_bulk_download_job",
        lambda c: images.images_retrieve_bulk_download_job(c, UID),
        f"GET /api/v1/images/downloads/{ID}",
        support.DOWNLOAD_JOB,
        models.ImageDownloadJob,
    ),
    Case(
        "images.bulk_delete",
        lambda c: images.images_bulk_delete(c, body=models.BulkDeleteImages(image_ids=[UID])),
        "POST /api/v1/images/bulk_delete",
        support.DELETED,
        dict,
        body={"image_ids": [ID]},
    ),
    Case(
        "images.retrieve",
        lambda c: images.images_retrieve(c, UID),
        f"GET /api/v1/images/{ID}",
        support.IMAGE,
        models.Image,
    ),
    Case(
        "images.delete",
        lambda c: images.images_delete(c, UID),
        f"DELETE /api/v1/images/{ID}",
        support.DELETED,
        dict,
    ),
    Case(
        "cors_origins.list",
        cors_origins.cors_origins_list,
        "GET /api/v1/cors_origins/",
        [support.CORS_ORIGIN],
        list,
    ),
    Case(
        "cors_origins.create",
        lambda c: cors_origins.cors_origins_create(c, body=models.CorsOriginCreate(pattern="a.b")),
        "POST /api/v1/cors_origins/",
        support.CORS_ORIGIN,
        models.CorsOrigin,
        body={"pattern": "a.b"},
    ),
    Case(
        "cors_origins.retrieve",
        lambda c: cors_origins.cors_origins_retrieve(c, UID),
        f"GET /api/v1/cors_origins/{ID}",
        support.CORS_ORIGIN,
        models.CorsOrigin,
    ),
    Case(
        "cors_origins.update",
        lambda c: cors_origins.cors_origins_update(c, UID, body=models.CorsOriginUpdate(pattern="c.d")),
        f"PATCH /api/v1/cors_origins/{ID}",
        support.CORS_ORIGIN,
        models.CorsOrigin,
        body={"pattern": "c.d"},
    ),
    Case(
        "cors_origins.delete",
        lambda c: cors_origins.cors_origins_delete(c, UID),
        f"DELETE /api/v1/cors_origins/{ID}",
        support.DELETED,
        dict,
    ),
    Case(
        "custom_domain.retrieve",
        custom_domain.custom_domain_retrieve,
        "GET /api/v1/custom_domain/",
        support.CUSTOM_DOMAIN,
        models.CustomDomain,
    ),
    Case(
        "custom_domain.create",
        lambda c: custom_domain.custom_domain_create(c, body=models.CustomDomainCreate(hostname="i.e.com")),
        "POST /api/v1/custom_domain/",
        support.CUSTOM_DOMAIN,
        models.CustomDomain,
        body={"hostname": "i.e.com"},
    ),
    Case(
        "custom_domain.delete",
        custom_domain.custom_domain_delete,
        "DELETE /api/v1/custom_domain/",
        support.DELETED,
        dict,
    ),
    Case(
        "custom_domain.test_connection",
        custom_domain.custom_domain_test_connection,
        "POST /api/v1/custom_domain/test_connection",
        support.CUSTOM_DOMAIN,
        models.CustomDomain,
    ),
    Case(
        "metrics.get_datasets",
        lambda c: metrics.metrics_get_datasets(
            c,
            interval=models.MetricsDatasetInterval.DAILY,
            tz="America/Chicago",
            date_start=datetime(2026, 5, 1, tzinfo=UTC),
            date_end=datetime(2026, 5, 2, tzinfo=timezone(timedelta(hours=-5))),
        ),
        "GET /api/v1/metrics/datasets",
        support.DATASETS,
        models.MetricsDatasets,
        query={
            "interval": "DAILY",
            "tz": "America/Chicago",
            "date_start": "2026-05-01T00:00:00+00:00",
            "date_end": "2026-05-02T00:00:00-05:00",
        },
    ),
    Case(
        "metrics.get_stats",
        metrics.metrics_get_stats,
        "GET /api/v1/metrics/stats",
        support.STATS,
        models.MetricsStats,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_an_endpoint_sends_what_its_operation_declares_and_reads_the_response(case: Case) -> None:
    caller = RecordingCaller(case.answer)

    response = await case.call(caller)

    (request,) = caller.requests
    assert request.operation is OPERATIONS[case.name]
    assert f"{request.operation.method} {request.path}" == case.sent
    assert dict(request.query) == case.query
    assert request.json == case.body
    assert type(response.data) is case.gives


def test_every_operation_has_a_test_case() -> None:
    assert sorted(case.name for case in CASES) == sorted(OPERATIONS)


async def test_parameters_that_are_none_or_unset_are_omitted() -> None:
    caller = RecordingCaller([])

    await images.images_list(caller, page=None)
    await images.images_list(caller, page=UNSET, limit=0)

    assert [dict(request.query) for request in caller.requests] == [{}, {"limit": 0}]


def test_booleans_are_words_in_a_query() -> None:
    assert to_query({"yes": True, "no": False}) == {"yes": "true", "no": "false"}


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1850, 5, 1, 12, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    ],
    ids=str,
)
@pytest.mark.parametrize("offset", [timedelta(hours=-20, seconds=-28), timedelta(hours=20, seconds=28)])
def test_an_offset_with_seconds_is_sent_in_whole_minutes(moment: datetime, offset: timedelta) -> None:
    moment = moment.replace(tzinfo=timezone(offset))

    sent = str(to_query({"since": moment})["since"])

    read = datetime.fromisoformat(sent)
    assert read - moment == timedelta()
    assert len(sent) == len("2026-05-01T00:00:00+00:00")


async def test_a_datetime_without_offset_is_rejected_before_it_is_sent() -> None:
    caller = RecordingCaller(support.STATS)

    with pytest.raises(ValueError, match="needs a time zone"):
        await metrics.metrics_get_stats(caller, date_start=datetime(2026, 5, 1))  # noqa: DTZ001 - the subject
    assert caller.requests == []


@pytest.mark.parametrize("answer", [[], "deleted", None])
async def test_a_deletion_whose_response_is_not_an_object_is_rejected(answer: object) -> None:
    with pytest.raises(TypeError, match="expected a JSON object"):
        await images.images_delete(RecordingCaller(answer), UID)


async def test_a_deletion_returns_the_map_unchanged() -> None:
    answer = {"status": "deleted", ID: None}

    response = await images.images_delete(RecordingCaller(answer), UID)

    assert response.data == answer


class TestOperations:
    def named(self, **facts: object) -> set[str]:
        return {
            operation.name
            for operation in OPERATIONS.values()
            if all(getattr(operation, name) == value for name, value in facts.items())
        }

    def test_only_creating_and_reading_an_image_accept_a_client_key(self) -> None:
        assert self.named(auth=Auth.SERVER_OR_CLIENT_KEY) == {"images.create", "images.retrieve"}
        assert self.named(auth=Auth.CLIENT_KEY) == set()

    def test_uploads_have_keys_and_other_posts_except_bulk_delete_are_unsafe(self) -> None:
        posts = {operation.name for operation in OPERATIONS.values() if operation.method == "POST"}

        assert self.named(replay=Replay.KEYED) == {"images.create", "images.upload_via_url"}
        assert self.named(replay=Replay.SAFE) & posts == {"images.bulk_delete"}
        assert self.named(replay=Replay.UNSAFE) == {
            "images.create_upload_token",
            "images.create_bulk_download_job",
            "cors_origins.create",
            "custom_domain.create",
            "custom_domain.test_connection",
        }

    def test_rate_classes_separate_uploads_and_deletions_from_the_rest(self) -> None:
        assert self.named(rate_class=RateClass.CREATE) == {"images.create"}
        assert self.named(rate_class=RateClass.URL_INGEST) == {"images.upload_via_url"}
        assert self.named(rate_class=RateClass.DELETE) == {
            "images.delete",
            "images.bulk_delete",
            "cors_origins.delete",
            "custom_domain.delete",
        }
        assert self.named(rate_class=RateClass.READ) == {
            operation.name for operation in OPERATIONS.values() if operation.method == "GET"
        }
