"""Negotiation, rejections, caching and request counts of the CDN."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgwire_async.sandbox import PresetSize, SandboxSettings
from imgwire_async.sandbox.imgwire.cdn.parameters import TABLE, InvalidTransformationError, of_pairs, parse
from tests.sandbox.imgwire.cdn_pictures import Stored, animation, at, encoded, quarters, store
from tests.sandbox.imgwire.support import PUBLIC, Api, encode, photograph

CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
FIREFOX = "image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"


def cache_of(*answers: httpx.Response) -> list[str]:
    return [answer.headers["x-imgwire-sandbox-cache"] for answer in answers]


@pytest.fixture
def photo(api: Api) -> Stored:
    return store(api, photograph(), "rocket.jpg")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (CHROME, "image/avif"),
        (FIREFOX, "image/webp"),
        ("*/*", "image/jpeg"),
        ("image/*", "image/jpeg"),
        ("", "image/jpeg"),
        ("text/html", "image/jpeg"),
        ("image/avif;q=0,image/webp", "image/webp"),
        ("image/avif;q=0.1,image/webp;q=0.9", "image/webp"),
        ("image/webp;q=nonsense", "image/jpeg"),
        ("IMAGE/WEBP", "image/webp"),
    ],
)
@pytest.mark.parametrize("query", ["width=50", "width=50&format=auto"])
def test_the_format_follows_the_accept_header(photo: Stored, accept: str, expected: str, query: str) -> None:
    response = photo.get(query, accept=accept)

    assert response.headers["content-type"] == expected
    assert response.headers["vary"] == "Accept"


def test_without_transformations_the_original_is_delivered_to_clients_that_accept_it(photo: Stored) -> None:
    assert photo.get().content == photograph()
    assert photo.get("format=auto", accept="image/jpeg").content == photograph()
    assert photo.get(accept=CHROME).headers["content-type"] == "image/avif"


@pytest.mark.parametrize(
    ("format", "name"),
    [("HEIF", "a.heic"), ("JXL", "a.jxl"), ("BMP", "a.bmp"), ("ICO", "a.ico"), ("TIFF", "a.tif")],
)
def test_types_that_browsers_do_not_support_are_converted(api: Api, format: str, name: str) -> None:
    options = {"sizes": [(120, 80)]} if format == "ICO" else {}
    stored = store(api, encode(format, (120, 80), **options), name)

    webp = stored.picture(accept=FIREFOX)
    assert (webp.format, webp.size) == ("WEBP", (120, 80))
    small = stored.picture("width=60")
    assert (small.format, small.size) == ("PNG" if format in {"BMP", "ICO"} else "JPEG", (60, 40))


def test_a_large_picture_is_negotiated_to_webp_because_avif_takes_too_long(api: Api) -> None:
    stored = store(api, Image.new("RGB", (2000, 1200), "red"))

    assert stored.get("flip=both", accept=CHROME).headers["content-type"] == "image/webp"
    assert stored.get("width=500", accept=CHROME).headers["content-type"] == "image/avif"


def test_animations_keep_their_frames_and_delays(api: Api) -> None:
    stored = store(api, animation(), "a.gif")

    for options, format in (({}, "GIF"), ({"accept": CHROME}, "WEBP")):
        picture = stored.picture("width=20&flip=both", **options)
        assert (picture.format, picture.size, vars(picture).get("n_frames", 3)) == (format, (20, 15), 3)
        durations, colors = [], []
        for frame in range(3):
            picture.seek(frame)
            colors.append(at(picture.convert("RGB"), 10, 7))
            durations.append(picture.info["duration"])
        assert [max(range(3), key=color.__getitem__) for color in colors] == [0, 1, 2]
        assert durations == [100, 200, 300]
    still = stored.picture("width=20&format=jpeg")
    assert still.size == (20, 15)


def test_an_animation_that_would_be_too_large_becomes_a_still_picture(start_api: Callable[..., Api]) -> None:
    stored = store(start_api(maximum_pixels=5000), animation(), "a.gif")

    response = stored.get("min-width=80")

    assert response.headers["x-imgwire-sandbox-not-rendered"] == "animation"
    assert Image.open(io.BytesIO(response.content)).size == (80, 60)


@pytest.mark.parametrize(
    ("query", "transformation", "suggestion"),
    [
        ("width=0", "width", None),
        ("width=8193", "width", None),
        ("width=1.5", "width", None),
        ("width=", "width", None),
        ("w=10&width=20", "width", None),
        ("width=10&width=10", "width", None),
        ("min-width=1&min_width=2", "min-width", None),
        ("widht=10", "widht", "width"),
        ("rt=cover", "rt", "rot"),
        ("blur=false", "blur", None),
        ("blur=0.2", "blur", None),
        ("quality=101", "quality", None),
        ("format=bmp", "format", None),
        ("background=red", "background", None),
        ("background=ffff", "background", None),
        ("background=1:2:300", "background", None),
        ("crop=300", "crop", None),
        ("crop=1:2:3", "crop", None),
        ('crop={"width":1}', "crop", None),
        ('crop={"width":1,"width":2,"height":1}', "crop", None),
        ('crop={"width":1,"height":1,"depth":1}', "crop", None),
        ("crop={", "crop", None),
        ("adjust=20", "adjust", None),
        ("normalize=50:50", "normalize", None),
        ("gravity=up", "gravity", None),
        ("gradient=fff:0:2", "gradient", None),
        ("padding=1:2:3:4:5", "padding", None),
        ("duotone=000", "duotone", None),
        ("watermark_url=http://example.com/a.png", "watermark_url", None),
        ("watermark_size=::", "watermark_size", None),
        ("watermark=unknown", "watermark", None),
        ("zoom=11", "zoom", None),
        ("crop=100:0:10:10&w=9999", "width", None),
        ("crop=5000:5000:10:10", "crop", None),
        ("extend=8192:0:8192", "extend", None),
        ("width=8000&dpr=8&enlarge=true", "the resizing", None),
    ],
)
def test_disallowed_values_are_rejected_and_explained(
    photo: Stored, query: str, transformation: str, suggestion: str | None
) -> None:
    response = photo.get(query)

    body = response.json()
    assert (response.status_code, body["error_type"]) == (400, "InvalidTransformationError")
    assert (body["transformation"], body["suggestion"]) == (transformation, suggestion)
    assert transformation in body["detail"]


def test_unknown_presets_and_broken_queries_are_rejected(photo: Stored) -> None:
    refused = photo.get(preset="@thumbnial")

    assert (refused.status_code, refused.json()["suggestion"]) == (400, "thumbnail")
    assert photo.get(preset="@").status_code == 400
    assert photo.get("watermark_text=%ff").status_code == 400
    assert photo.get("&".join(["w=1"] * 300)).status_code == 400


def test_images_that_are_not_ready_are_not_found(api: Api) -> None:
    pending = Stored(api.create()["image"])

    assert pending.get("width=10").status_code == 404
    assert pending.get(preset="@thumbnail").json()["error_type"] == "ResourceNotFoundError"


def test_variants_of_a_deleted_image_are_gone(api: Api, photo: Stored) -> None:
    assert photo.get("width=10").status_code == 200
    api.http.delete(f"/api/v1/images/{photo.image['id']}")

    assert photo.get("width=10").status_code == 404


def test_the_second_request_is_a_cache_hit_however_it_is_written(photo: Stored) -> None:
    first = photo.get("w=50&background=%23FFF&format=jpg")
    second = photo.get("format=JPEG&bg=ffffff&width=50")
    other = photo.get("w=51&bg=ffffff&format=jpg")

    assert cache_of(first, second, other) == ["miss", "hit", "miss"]
    assert second.content == first.content
    assert second.headers["etag"] == first.headers["etag"] != other.headers["etag"]
    assert first.headers["cache-control"] == "public, max-age=31536000, immutable"
    again = photo.get("w=50&bg=fff&f=jpg", **{"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_each_negotiated_format_is_a_separate_variant(photo: Stored) -> None:
    answers = [photo.get("w=50", accept=accept) for accept in (CHROME, FIREFOX, "*/*", "image/png")]

    assert cache_of(*answers) == ["miss", "miss", "miss", "hit"]
    assert len({answer.headers["etag"] for answer in answers}) == 3


def test_concurrent_requests_share_one_transformation(api: Api, photo: Stored) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: photo.get("w=600&blur=30").content, range(8)))

    assert len(set(answers)) == 1
    assert api.http.get("/api/v1/metrics/stats").json()["transformations"]["value"] == 1


def test_the_cache_is_bounded_and_drops_old_variants_first(start_api: Callable[..., Api]) -> None:
    stored = store(start_api(cdn_cache_bytes=30_000), photograph(), "a.jpg")

    def cached(width: int) -> str:
        return str(stored.get(f"width={width}").headers["x-imgwire-sandbox-cache"])

    assert [cached(width) for width in (300, 301, 300)] == ["miss", "miss", "hit"]
    assert [cached(width) for width in (302, 303)] == ["miss", "miss"]
    assert cached(303) == "hit"
    assert cached(301) == "miss"


def test_metrics_count_requests_bytes_hits_and_transformations(api: Api, photo: Stored) -> None:
    answers = [photo.get(query) for query in ("w=50", "w=50", "w=60", "")]
    stats = api.http.get("/api/v1/metrics/stats").json()

    values = {name: stats[name]["value"] for name in ("requests", "transformations", "transfer_bytes")}
    assert values == {
        "requests": 4,
        "transformations": 2,
        "transfer_bytes": sum(len(answer.content) for answer in answers),
    }
    assert stats["cache_hit_ratio"]["value"] == 25


def test_a_head_request_returns_the_length_of_the_variant(photo: Stored) -> None:
    got = photo.get("w=50")

    head = PUBLIC.head(f"{photo.image['cdn_url']}?w=50")

    assert (head.status_code, head.headers["content-length"]) == (200, str(len(got.content)))


def test_presets_can_be_configured(start_api: Callable[..., Api]) -> None:
    stored = store(start_api(presets={"small": PresetSize(30, 30)}), quarters())

    assert stored.picture(preset="@small").size == (30, 22)
    assert stored.get(preset="@large").status_code == 400


@pytest.mark.parametrize(
    "settings",
    [{"presets": {"huge": PresetSize(1, 1)}}, {"cdn_cache_bytes": 0}, {"presets": {"": PresetSize(1, 1)}}],
)
def test_impossible_settings_are_rejected(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"preset|cdn_cache_bytes"):
        SandboxSettings(**settings)


def test_a_preset_needs_a_valid_size() -> None:
    with pytest.raises(ValueError, match="8192"):
        PresetSize(0, 10)


def test_there_are_49_transformations_and_no_alias_is_used_twice() -> None:
    names = [name for row in TABLE for name in (row.name, *row.aliases.split())]

    assert len(TABLE) == 49
    assert len(names) == len(set(names))


@given(st.binary(max_size=200))
def test_any_query_is_accepted_or_rejected(query: bytes) -> None:
    with contextlib.suppress(InvalidTransformationError):
        parse(query)


KEYS = ["width", "height", "x", "angle", "colors", "color", "text", "image_id", "ratio", "scale", "alpha"]
MEMBERS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
OBJECTS = st.dictionaries(
    st.sampled_from(KEYS),
    MEMBERS | st.lists(MEMBERS, max_size=2) | st.dictionaries(st.sampled_from("rgb"), MEMBERS),
    max_size=3,
)
VALUES = st.one_of(
    st.text(max_size=30),
    st.text(alphabet='0123456789.:-#abcdefe{}[]",rgtrue ', max_size=30),
    OBJECTS.map(json.dumps),
)


@given(st.lists(st.tuples(st.sampled_from([row.name for row in TABLE]), VALUES), max_size=3))
def test_any_value_is_accepted_or_rejected(pairs: list[tuple[str, str]]) -> None:
    with contextlib.suppress(InvalidTransformationError):
        of_pairs(pairs)


def test_a_jpeg_is_decoded_at_a_part_of_its_resolution_without_a_visible_difference(api: Api) -> None:
    large = Image.open(io.BytesIO(photograph("coffee.png"))).convert("RGB").resize((2400, 1600))
    jpeg = store(api, encoded(large, "JPEG", quality=95), "a.jpg").picture("width=150&format=png")
    png = store(api, large).picture("width=150&format=png")

    differences = [abs(a - b) for a, b in zip(jpeg.tobytes(), png.tobytes(), strict=True)]
    assert sum(differences) / len(differences) < 3
