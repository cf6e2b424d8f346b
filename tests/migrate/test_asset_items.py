"""Single assets: the items made of them, before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from imgwire_async.imgix import Asset, Source
from imgwire_async.imgix.lowlevel import models
from imgwire_async.ingest.items import Entry
from imgwire_async.migrate import MetadataRules
from imgwire_async.migrate.asset_items import AssetNote, AssetReader


def source(**attributes: Any) -> Source:
    deployment = {"type": "s3", "imgix_subdomains": ["shop"], **attributes.pop("deployment", {})}
    given = {"name": "Shop", "enabled": True, "deployment": deployment, **attributes}
    return Source.of(models.Source.from_dict({"id": "s1", "type": "sources", "attributes": given}))


def entry(of: Source | None = None, **attributes: Any) -> Entry:
    given = {"origin_path": "/a/b.jpg", "content_type": "image/jpeg", **attributes}
    raw = models.Asset.from_dict({"id": f"s1{given['origin_path']}", "type": "assets", "attributes": given})
    return AssetReader(MetadataRules(), None, None).entry(of or source(), Asset.of(raw))


@pytest.mark.parametrize(
    ("content_type", "sent"),
    [
        ("image/jpeg", "image/jpeg"),
        ("IMAGE/JPG; q=1", "image/jpeg"),
        ("image/x-icon", "image/vnd.microsoft.icon"),
        ("image/heif", "image/heic"),
        (None, None),
    ],
)
def test_types_are_sent_under_the_names_of_imgwire(content_type: str | None, sent: str | None) -> None:
    made = entry(content_type=content_type)
    assert (made.skip, made.problem) == (None, None)
    assert made.item is not None
    assert made.item.mime_type == sent


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"content_type": "video/mp4"}, "video/mp4: a video"),
        ({"content_type": "text/plain; charset=utf-8"}, "text/plain; charset=utf-8: a text"),
        ({"content_type": "application/pdf"}, "application/pdf: a document"),
        ({"content_type": "image/svg+xml"}, "image/svg+xml: an image of a type that Imgwire does not store"),
        ({"content_type": None, "media_kind": "DOCUMENT"}, "document: not an image"),
    ],
)
def test_assets_that_imgwire_does_not_store_are_skipped_with_their_type(
    attributes: dict[str, Any], reason: str
) -> None:
    assert entry(**attributes).skip == reason


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/b c.jpg", "b c.jpg"),
        ("/a/", "a"),
        ("/https://example.com/x/y%20z.png?size=1", "y z.png"),
        ("/https://example.com/", "image"),
        ("/https://example.com#/x.png", "image"),
        ("/http://[::1/x.png", "x.png"),
        ("/http://[not an address]/x.png?y=/z", "x.png"),
        ("/http://example.com:port/%2Fx.png", "x.png"),
        ("/http://\u2100.example/x.png", "x.png"),
    ],
)
def test_the_file_name_is_the_last_part_of_the_path(path: str, name: str) -> None:
    made = entry(origin_path=path)
    assert made.item is not None
    assert made.item.file_name == name


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"enabled": False}, "is disabled"),
        ({"deployment": {"default_params": {"auto": "format"}}}, "has default parameters"),
        ({"deployment": {"imgix_subdomains": []}}, "has no host"),
        ({"deployment": {"secure_url_enabled": True}}, "did not return its token"),
    ],
)
def test_an_original_that_no_host_serves_is_a_problem_of_its_asset(
    changes: dict[str, Any], problem: str
) -> None:
    made = entry(source(**changes))
    assert problem in str(made.problem)
    assert made.key == "s1/a/b.jpg"


def test_the_origin_of_a_proxy_with_a_password_is_fetched_through_imgix() -> None:
    guarded = source(
        secure_url_token="t0ken",
        deployment={"type": "webproxy", "username": "me", "secure_url_enabled": True},
    )
    made = entry(guarded, origin_path="/https://example.com/a.jpg")
    assert made.item is not None
    assert str(made.item.source).startswith("https://shop.imgix.net/https%3A%2F%2Fexample.com%2Fa.jpg?s=")


def test_text_that_is_not_unicode_fails_its_asset_and_can_be_kept_in_a_journal() -> None:
    for made in (entry(origin_path="/\ud800.jpg"), entry(name="\ud800")):
        assert made.problem is not None
        assert made.key.encode()
        assert (made.note or "").encode()


def test_a_note_is_read_back_unchanged() -> None:
    note = AssetNote(
        source_id="s",
        origin_path="/ü.jpg",
        hosts=("a", "b"),
        mime_type=None,
        width=3,
        height=None,
        lost=("x",),
    )
    assert AssetNote.from_json(note.to_json()) == note
