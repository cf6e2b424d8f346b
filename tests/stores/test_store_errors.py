"""A table of store errors: the store's response, the exception, and the number of requests."""

from __future__ import annotations

import pickle

import pytest

from imgwire_async.errors import ConfigurationError, SourceStoreError, StoreError, UploadSourceError
from imgwire_async.stores.listing import slices
from imgwire_async.stores.opening import Store, open_store
from imgwire_async.stores.reading import look, read_part, reading
from imgwire_async.stores.uris import ObjectUri
from tests.stores.s3_server import Failure, S3Server


def store_of(s3: S3Server) -> Store:
    return open_store(ObjectUri.of(s3.uri()))


async def error_of_get(s3: S3Server, key: str = "a.jpg") -> SourceStoreError:
    async def read() -> None:
        async with reading(store_of(s3), key) as opened:
            assert [chunk async for chunk in opened.chunks]

    with pytest.raises(SourceStoreError) as caught:
        await read()
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "reason", "attempts"),
    [
        (404, "NoSuchKey", "missing", 1),
        (404, "NoSuchBucket", "no_bucket", 1),
        (403, "AccessDenied", "denied", 1),
        (403, "InvalidObjectState", "archived", 1),
        (403, "InvalidAccessKeyId", "credentials", 1),
        (403, "SignatureDoesNotMatch", "credentials", 1),
        (401, "Unauthorized", "credentials", 1),
        (400, "ExpiredToken", "credentials", 1),
        (400, "InvalidRequest", "rejected", 1),
        (412, "PreconditionFailed", "changed", 1),
        (429, "TooManyRequests", "throttled", 3),
        (503, "SlowDown", "throttled", 3),
        (500, "InternalError", "unavailable", 3),
    ],
)
async def test_a_status_is_translated_into_a_reason(
    s3: S3Server, status: int, code: str, reason: str, attempts: int
) -> None:
    s3.fail = lambda _: Failure(status, code)

    error = await error_of_get(s3)

    assert (error.reason, error.status) == (reason, status)
    assert len(s3.requests) == attempts
    assert error.is_transient == (reason in {"throttled", "unavailable"})
    assert error.concerns_bucket == (reason in {"no_bucket", "credentials"})


async def test_a_redirect_to_another_region_is_reported(s3: S3Server) -> None:
    s3.fail = lambda _: Failure(301, "PermanentRedirect")

    error = await error_of_get(s3)

    assert error.reason == "region"
    assert "AWS_REGION" in str(error)


async def test_a_broken_connection_counts_as_unavailable(s3: S3Server) -> None:
    s3.fail = lambda _: Failure(0)

    assert (await error_of_get(s3)).reason == "unavailable"


async def test_an_unreachable_server_counts_as_unavailable() -> None:
    with pytest.raises(SourceStoreError) as caught:
        await look(open_store(ObjectUri.of("s3+http://127.0.0.1:1/b/k")), "k")

    assert caught.value.reason == "unavailable"


@pytest.mark.parametrize("key", ["a//b.jpg", "../b.jpg", "a/./b.jpg"])
async def test_a_key_that_cannot_be_addressed_is_reported_without_a_request(s3: S3Server, key: str) -> None:
    assert (await error_of_get(s3, key)).reason == "invalid_key"
    assert not s3.requests


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [(403, "AccessDenied", "bucket_denied"), (404, "NoSuchBucket", "no_bucket"), (404, "", "no_bucket")],
)
async def test_a_bucket_that_cannot_be_listed_says_why(
    s3: S3Server, status: int, code: str, reason: str
) -> None:
    s3.fail = lambda _: Failure(status, code)

    with pytest.raises(SourceStoreError) as caught:
        async for _ in slices(store_of(s3)):
            pass

    assert caught.value.reason == reason
    assert "cannot list" in str(caught.value)


async def test_no_text_of_the_store_is_shown(s3: S3Server) -> None:
    s3.fail = lambda _: Failure(403, "AccessDenied")

    error = await error_of_get(s3)

    assert str(error) == (
        f"cannot read '{s3.uri('a.jpg')}': access is denied; check the permissions of these credentials (403)"
    )
    assert error.__cause__ is None
    assert error.__suppress_context__


async def test_the_error_is_a_source_error_and_a_store_error_and_can_be_pickled(s3: S3Server) -> None:
    error = await error_of_get(s3)

    assert isinstance(error, StoreError)
    assert isinstance(error, UploadSourceError)
    again = pickle.loads(pickle.dumps(error))
    assert (again.reason, again.status, str(again)) == ("missing", 404, str(error))


async def test_another_version_than_the_requested_one_is_reported(s3: S3Server) -> None:
    s3.objects["a.jpg"] = b"first"
    version = (await look(store_of(s3), "a.jpg")).version
    s3.objects["a.jpg"] = b"second"

    with pytest.raises(SourceStoreError) as caught:
        await read_part(store_of(s3), "a.jpg", 3, version=version)

    assert caught.value.reason == "changed"


def test_the_error_for_an_unknown_option_names_it_without_its_value() -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_store(ObjectUri.of("s3://b/k"), {"endpont": "hush"})

    assert "endpont" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_without_an_account_the_error_for_azure_says_what_is_missing() -> None:
    with pytest.raises(ConfigurationError, match="AZURE_STORAGE_ACCOUNT_NAME"):
        open_store(ObjectUri.of("az://c/k"))
