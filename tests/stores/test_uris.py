"""URIs of objects: valid and invalid ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgwire_async.errors import InvalidArgumentError
from imgwire_async.stores.uris import ObjectUri, is_object, local_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://b/k.jpg", ObjectUri(provider="s3", bucket="b", key="k.jpg")),
        ("S3://b/k.jpg", ObjectUri(provider="s3", bucket="b", key="k.jpg")),
        ("s3://my.bucket-1", ObjectUri(provider="s3", bucket="my.bucket-1")),
        ("gs://b/a/k.jpg", ObjectUri(provider="gs", bucket="b", key="a/k.jpg")),
        ("az://c/k.jpg", ObjectUri(provider="az", bucket="c", key="k.jpg")),
        ("az://$root/k.jpg", ObjectUri(provider="az", bucket="$root", key="k.jpg")),
        ("abfs://c/k.jpg", ObjectUri(provider="az", bucket="c", key="k.jpg")),
        (
            "abfss://c@shop.dfs.core.windows.net/k.jpg",
            ObjectUri(provider="az", bucket="c", key="k.jpg", account="shop"),
        ),
        (
            "s3+https://minio.example.com:9000/b/a/k.jpg",
            ObjectUri(provider="s3", bucket="b", key="a/k.jpg", endpoint="https://minio.example.com:9000"),
        ),
        (
            "s3+http://127.0.0.1/b/k.jpg",
            ObjectUri(provider="s3", bucket="b", key="k.jpg", endpoint="http://127.0.0.1"),
        ),
    ],
)
def test_a_uri_consists_of_provider_bucket_and_key(text: str, expected: ObjectUri) -> None:
    assert ObjectUri.of(text) == expected
    assert ObjectUri.of(str(expected)) == expected


def test_nothing_in_a_key_is_decoded() -> None:
    assert ObjectUri.of("s3://b/50%25 off?#1+ü.jpg").key == "50%25 off?#1+ü.jpg"


@pytest.mark.parametrize(
    "text",
    [
        "s3://",
        "s3:///k.jpg",
        "gs://",
        "s3://a b/k.jpg",
        "s3://u:p@b/k.jpg",
        "s3+https://e.example.com",
        "s3+https:///b/k",
    ],
)
def test_a_uri_without_a_usable_bucket_is_rejected(text: str) -> None:
    with pytest.raises(InvalidArgumentError):
        ObjectUri.of(text)


def test_credentials_in_a_uri_are_rejected_and_not_shown() -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        ObjectUri.of("s3+https://key:hush@e.example.com/b/k.jpg")

    assert "hush" not in str(caught.value)
    assert "environment or the options" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["photos/a.jpg", "/s3://b", "https://s3.amazonaws.com/b/k.jpg", "s3:/b/k", "s3", "file:///a", ""]
)
def test_other_strings_are_not_object_uris(text: str) -> None:
    assert not is_object(text)


def test_a_file_uri_is_a_local_path() -> None:
    path = Path("/photos/50% off/ü.jpg")

    assert local_path(path.as_uri()) == str(path)
    assert local_path("file://localhost/a.jpg") == "/a.jpg"
    assert local_path("FILE:/a.jpg") == "/a.jpg"
    assert local_path("file://elsewhere/a.jpg") is None
    assert local_path("files/a.jpg") is None
