"""Sizes and pixels of renderings, compared with libvips called directly on the original."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
import pyvips
from PIL import Image

from imgwire_async.sandbox import ImgixSandbox
from tests.sandbox.imgix.support import Imgix, picture

WIDTH, HEIGHT = 300, 200
RED, GREEN, BLUE = [255, 0, 0], [0, 255, 0], [0, 0, 255]

Change = Callable[[Any], Any]


def sized(width: int, height: int) -> Change:
    def change(image: Any) -> Any:
        across, down = width / image.width, height / image.height
        if across <= 1:
            return image.resize(across, vscale=down)
        # Enlarged around the centre.
        return image.affine(
            [across, 0, 0, down],
            interpolate=pyvips.Interpolate.new("bicubic"),
            extend="copy",
            oarea=[0, 0, width, height],
            idx=0.5 - 0.5 / across,
            idy=0.5 - 0.5 / down,
        )

    return change


def part(left: int, top: int, width: int, height: int) -> Change:
    return lambda image: image.crop(left, top, width, height)


def framed(left: int, top: int, width: int, height: int, color: list[int]) -> Change:
    return lambda image: image.embed(left, top, width, height, extend="background", background=color)


def both(*changes: Change) -> Change:
    def apply(image: Any) -> Any:
        for change in changes:
            image = change(image)
        return image

    return apply


def blocks(size: int) -> Change:
    return lambda image: image.shrink(size, size).zoom(size, size)


def gray_ramp(image: Any) -> Any:
    return image.colourspace("b-w").colourspace("srgb")


SQUARE = part(50, 0, 200, 200)
FOCUS = "w=100&h=100&fit=crop&crop=focalpoint"

RENDERINGS: dict[str, Change] = {
    "w=150": sized(150, 100),
    "h=50": sized(75, 50),
    "w=600": sized(600, 400),
    "width=150": sized(150, 100),
    "w=0.5": sized(150, 100),
    "w=75&dpr=2": sized(150, 100),
    "w=600&fit=max": sized(300, 200),
    "w=150&h=150": sized(150, 100),
    "w=150&h=150&fit=clip": sized(150, 100),
    "w=400&h=900&fit=max": sized(300, 200),
    "w=150&h=150&fit=crop": both(SQUARE, sized(150, 150)),
    "w=150&h=150&fit=crop&crop=left": both(part(0, 0, 200, 200), sized(150, 150)),
    "w=150&h=150&fit=crop&crop=right": both(part(100, 0, 200, 200), sized(150, 150)),
    "w=150&h=50&fit=crop&crop=top": both(part(0, 0, 300, 100), sized(150, 50)),
    "w=150&h=50&fit=crop&crop=bottom,left": both(part(0, 100, 300, 100), sized(150, 50)),
    "w=400&h=400&fit=crop": both(SQUARE, sized(400, 400)),
    "w=600&h=600&fit=min": SQUARE,
    "w=100&h=100&fit=scale": sized(100, 100),
    "w=150&h=150&fit=fill&bg=f00": both(sized(150, 100), framed(0, 25, 150, 150, RED)),
    "w=150&h=150&fit=fill&fill=solid&fill-color=0f0": both(sized(150, 100), framed(0, 25, 150, 150, GREEN)),
    "w=400&h=400&fit=fillmax&bg=00f": framed(50, 100, 400, 400, BLUE),
    "w=150&h=150&fit=clamp": both(sized(150, 100), lambda image: image.embed(0, 25, 150, 150, extend="copy")),
    "w=100&ar=1:1&fit=crop": both(SQUARE, sized(100, 100)),
    "ar=1:1&fit=crop": SQUARE,
    "w=200&h=100&max-w=100&fit=crop": both(SQUARE, sized(100, 100)),
    "w=50&h=100&min-w=100&fit=crop": both(SQUARE, sized(100, 100)),
    "w=50&max-w=10": sized(50, 33),
    "rect=10,20,100,50": part(10, 20, 100, 50),
    "rect=0.5,0.5,0.5,0.5": part(150, 100, 150, 100),
    "rect=right,bottom,100,50": part(200, 150, 100, 50),
    "rect=center,middle,100,50": part(100, 75, 100, 50),
    "rect=250,0,100,50": part(250, 0, 50, 50),
    "rect=0,0,100,100&w=50": both(part(0, 0, 100, 100), sized(50, 50)),
    f"{FOCUS}&fp-x=0&fp-y=0": both(part(0, 0, 200, 200), sized(100, 100)),
    f"{FOCUS}&fp-x=0.4&fp-y=0.5": both(part(20, 0, 200, 200), sized(100, 100)),
    f"{FOCUS}&fp-x=1&fp-z=2": both(part(200, 50, 100, 100), sized(100, 100)),
    "pad=10&bg=0f0": framed(10, 10, 320, 220, GREEN),
    "w=170&h=120&pad=10&bg=0f0": both(sized(150, 100), framed(10, 10, 170, 120, GREEN)),
    "w=150&pad-left=50&bg=0f0": both(sized(100, 67), framed(50, 0, 150, 67, GREEN)),
    "border=5,ff0000": framed(5, 5, 310, 210, RED),
    "flip=h": lambda image: image.fliphor(),
    "flip=v": lambda image: image.flipver(),
    "flip=hv": lambda image: image.rot180(),
    "rot=180": lambda image: image.rot180(),
    "orient=6": lambda image: image.rot90(),
    "orient=8": lambda image: image.rot270(),
    "orient=2": lambda image: image.fliphor(),
    "orient=6&w=100": both(lambda image: image.rot90(), sized(100, 150)),
    "invert=true": lambda image: image.invert(),
    "bri=50": lambda image: image * 1.5,
    "exp=100": lambda image: image * 2,
    "con=50": lambda image: image.linear(1.5, -64),
    "sat=-100": lambda image: (
        image.colourspace("lch").linear([1, 0, 1], 0).copy(interpretation="lch").colourspace("srgb")
    ),
    "monochrome=ffffff": gray_ramp,
    "duotone=000000,ffffff": gray_ramp,
    "px=20": blocks(20),
    "blur=40": lambda image: image.gaussblur(2),
    "sharp=25": lambda image: image.sharpen(sigma=1.0, m1=1.0, m2=2.0),
}


@pytest.fixture(scope="module")
def served() -> Iterator[Imgix]:
    with ImgixSandbox(deployment_delay=0) as sandbox, Imgix(sandbox) as imgix:
        source = sandbox.add_source("shop")
        sandbox.add_file(source, "/a.png", picture(WIDTH, HEIGHT))
        exif = Image.Exif()
        exif[274] = 6
        sandbox.add_file(source, "/turned.jpg", picture(WIDTH, HEIGHT, "JPEG", exif=exif, quality=95))
        frames = [Image.new("RGB", (30, 20), color) for color in ("red", "green", "blue")]
        file = BytesIO()
        frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=100, loop=0)
        sandbox.add_file(source, "/moving.gif", file.getvalue())
        sandbox.add_file(source, "/drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>")
        yield imgix


def original() -> Any:
    return pyvips.Image.new_from_buffer(picture(WIDTH, HEIGHT), "")


@pytest.mark.parametrize("query", RENDERINGS)
def test_pixels_are_the_same_as_those_of_libvips(served: Imgix, query: str) -> None:
    response = served.rendered("/a.png", query)
    found = pyvips.Image.new_from_buffer(response.content, "")
    expected = RENDERINGS[query](original())
    expected = expected.rint() if expected.format in {"float", "double"} else expected
    expected = expected.cast("uchar")

    assert (found.width, found.height) == (expected.width, expected.height)
    assert "x-imgix-sandbox-not-rendered" not in response.headers
    difference = (found[:3] - expected[:3]).abs()
    assert difference.avg() < 0.5
    assert difference.max() <= 4


@pytest.mark.parametrize(
    ("query", "size"),
    [
        ("rot=90", (300, 200)),
        ("rot=10&w=150", (150, 100)),
        ("w=150&h=150&fit=facearea", (150, 150)),
        ("w=150&h=150&fit=crop&crop=entropy", (150, 150)),
        ("w=150&h=150&fit=crop&crop=faces,top", (150, 150)),
        ("w=9000", (8192, 5461)),
        ("w=abc", (300, 200)),
        ("w=-5", (300, 200)),
        ("w=100&dpr=9", (500, 333)),
        ("rect=400,0,10,10", (300, 200)),
        ("rect=1,2,3", (300, 200)),
    ],
)
def test_sizes_are_right_where_pixels_are_not_defined(
    served: Imgix, query: str, size: tuple[int, int]
) -> None:
    with Image.open(BytesIO(served.rendered("/a.png", query).content)) as found:
        assert found.size == size


@pytest.mark.parametrize(
    ("query", "format"),
    [
        ("fm=jpg", "JPEG"),
        ("fm=pjpg", "JPEG"),
        ("fm=png8", "PNG"),
        ("fm=png32", "PNG"),
        ("fm=webp", "WEBP"),
        ("fm=webp&lossless=true", "WEBP"),
        ("fm=avif", "AVIF"),
        ("fm=gif", "GIF"),
    ],
)
def test_output_formats(served: Imgix, query: str, format: str) -> None:
    with Image.open(BytesIO(served.rendered("/a.png", query).content)) as found:
        assert (found.format, found.size) == (format, (300, 200))


def test_quality_resolution_and_subsampling(served: Imgix) -> None:
    def length(query: str) -> int:
        return len(served.rendered("/turned.jpg", query).content)

    assert length("q=10") < length("auto=compress") < length("q=95")
    assert length("q=90") < length("q=90&chromasub=444")
    other = served.rendered("/turned.jpg", "chromasub=422")
    assert other.headers["x-imgix-sandbox-not-rendered"] == "chromasub"
    with Image.open(BytesIO(served.rendered("/a.png", "fm=jpg&dpi=300").content)) as found:
        assert found.info["dpi"] == (300, 300)


def test_a_picture_is_rotated_by_exif_unless_orient_overrides_it(served: Imgix) -> None:
    def size(query: str) -> tuple[int, int]:
        with Image.open(BytesIO(served.rendered("/turned.jpg", query).content)) as found:
            assert 274 not in found.getexif()
            return found.size

    assert (size("w=100"), size("w=100&orient=1"), size("orient=3")) == ((100, 150), (100, 67), (300, 200))


def test_an_animation_keeps_its_frames(served: Imgix) -> None:
    with Image.open(BytesIO(served.rendered("/moving.gif", "w=15").content)) as found:
        assert (found.size, getattr(found, "n_frames", 1)) == ((15, 10), 3)
    with Image.open(BytesIO(served.rendered("/moving.gif", "w=15&fm=png").content)) as found:
        assert getattr(found, "n_frames", 1) == 1


def test_files_that_are_not_raster_images_pass_through(served: Imgix) -> None:
    response = served.rendered("/drawing.svg", "w=15")

    assert response.headers["content-type"].startswith("image/svg+xml")
    assert response.headers["x-imgix-sandbox-not-rendered"] == "w"


def test_values_in_base64_are_treated_like_plain_ones(served: Imgix) -> None:
    # "150" in URL-safe base64 without padding
    with Image.open(BytesIO(served.rendered("/a.png", "w64=MTUw").content)) as found:
        assert found.size == (150, 100)
