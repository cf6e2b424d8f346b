"""The effect of each transformation, checked in the pixels that the CDN delivers."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from tests.sandbox.imgwire.cdn_pictures import (
    BLACK,
    BLUE,
    GREEN,
    RED,
    WHITE,
    Color,
    Stored,
    at,
    close,
    encoded,
    quarters,
    store,
)
from tests.sandbox.imgwire.support import Api, photograph


@pytest.fixture
def colors(api: Api) -> Stored:
    return store(api, quarters())


@pytest.fixture
def gray(api: Api) -> Stored:
    return store(api, Image.new("RGB", (40, 30), (100, 100, 100)))


@pytest.fixture
def photo(api: Api) -> Stored:
    return store(api, photograph("rocket.jpg"), "rocket.jpg")


def corners(image: Image.Image) -> list[Color]:
    right, bottom = image.width - 1, image.height - 1
    return [at(image, x, y)[:3] for x, y in ((0, 0), (right, 0), (0, bottom), (right, bottom))]


@pytest.mark.parametrize(
    ("query", "size"),
    [
        ("width=40", (40, 30)),
        ("h=30", (40, 30)),
        ("w=40&h=40", (40, 40)),
        ("w=40&h=40&resizing_type=inside", (40, 30)),
        ("w=40&h=40&resizing_type=fit", (40, 30)),
        ("w=40&h=40&resizing_type=outside", (53, 40)),
        ("w=40&h=40&resizing_type=contain", (40, 40)),
        ("w=40&h=40&resizing_type=force", (40, 40)),
        ("w=20&dpr=2", (40, 30)),
        ("w=160", (80, 60)),
        ("w=160&enlarge=true", (160, 120)),
        ("w=160&h=30", (80, 30)),
        ("w=160&h=160&resizing_type=fill", (80, 60)),
        ("w=160&h=160&resizing_type=fill&el=1", (160, 160)),
        ("min-width=160", (160, 120)),
        ("mh=120", (160, 120)),
        ("w=20&min_height=30", (40, 30)),
        ("crop=30:20", (30, 20)),
        ("crop=500:20", (80, 20)),
        ("crop=70:50:30:20", (10, 10)),
        ("zoom=2", (80, 60)),
        ("zoom=2&w=20", (20, 15)),
        ("rotate=90", (60, 80)),
        ("rotate=90&w=30", (30, 40)),
        ("rotate=-180", (80, 60)),
        ("extend=1:2:3:4", (86, 64)),
        ("extend_aspect_ratio=2", (120, 60)),
        ("exar=1:1", (80, 80)),
        ("padding=10", (100, 80)),
        ("pd=10:5", (100, 70)),
        ("pd=1:10:5", (100, 66)),
        ("pd=1:2:3:4", (86, 64)),
        ("pd=10&dpr=2", (120, 100)),
    ],
)
def test_the_size_of_the_result(colors: Stored, query: str, size: tuple[int, int]) -> None:
    assert colors.pixels(query).size == size


@pytest.mark.parametrize(
    ("query", "size"),
    [
        ("format=png", (1, 8192)),
        ("height=100", (1, 100)),
        ("width=1&height=100&resizing_type=inside", (1, 100)),
        ("min-width=1&height=50", (1, 50)),
        ("width=1&height=100", (1, 100)),
    ],
)
def test_a_line_of_a_picture_is_scaled_down_to_one_pixel(api: Api, query: str, size: tuple[int, int]) -> None:
    assert store(api, Image.new("RGB", (2, 20_000), RED)).picture(query).size == size


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("flip=horizontal", [GREEN, RED, WHITE, BLUE]),
        ("flip=vertical", [BLUE, WHITE, RED, GREEN]),
        ("flip=both", [WHITE, BLUE, GREEN, RED]),
        ("flip=true:false", [GREEN, RED, WHITE, BLUE]),
        ("rotate=90", [BLUE, RED, WHITE, GREEN]),
        ("rotate=270", [GREEN, WHITE, RED, BLUE]),
        ("crop=10:10:ne", [GREEN] * 4),
        ("crop=10:10&gravity=sw", [BLUE] * 4),
        ("crop=50:40:10:10", [WHITE] * 4),
        ("zoom=2:southeast", [WHITE] * 4),
        ("w=10&h=60&gravity=east", [GREEN, GREEN, WHITE, WHITE]),
        ("w=80&h=10&gravity=north", [RED, GREEN, RED, GREEN]),
        # A gravity names a side of the picture before it is mirrored.
        ("w=10&h=60&gravity=east&flip=horizontal", [GREEN, GREEN, WHITE, WHITE]),
        ("w=80&h=10&gravity=north&flip=both", [GREEN, RED, GREEN, RED]),
        ("negate=true", [(0, 255, 255), (255, 0, 255), (255, 255, 0), BLACK]),
    ],
)
def test_colors_are_in_the_expected_corners(colors: Stored, query: str, expected: list[Color]) -> None:
    assert corners(colors.pixels(query)) == expected


def test_a_picture_is_enlarged_around_its_centre(colors: Stored) -> None:
    straight = colors.pixels("w=170&enlarge=true")
    turned = colors.pixels("w=170&enlarge=true&rotate=180")

    assert turned.transpose(Image.Transpose.ROTATE_180).tobytes() == straight.tobytes()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("brightness=1.5", (150, 150, 150)),
        ("contrast=2", (72, 72, 72)),
        ("contrast=2:100", (100, 100, 100)),
        ('contrast={"multiplier":2,"pivot":50}', (150, 150, 150)),
        ("adjust=0.5", (50, 50, 50)),
        ("negate=true", (155, 155, 155)),
        ("duotone=000000:ff0000", (100, 0, 0)),
        ("duotone=0000ff:0000ff", (0, 0, 255)),
        ("colorize=255:0:0:0.2", (131, 80, 80)),
        ("colorize=ff0000", (178, 50, 50)),
        ("gradient=00ff00,00ff00:0:1", (0, 255, 0)),
        ("gradient=ffffff:0:1:multiply", (100, 100, 100)),
        ("lightness=10", (255, 255, 255)),
        ("monochrome=true", (100, 100, 100)),
        ("saturation=3", (100, 100, 100)),
        ("hue=120", (100, 100, 100)),
    ],
)
def test_gray_becomes_the_expected_color(gray: Stored, query: str, expected: Color) -> None:
    assert close(at(gray.pixels(query), 20, 15)[:3], expected, 2)


def test_hue_and_saturation_turn_and_dull_colors(api: Api) -> None:
    reddish = store(api, Image.new("RGB", (20, 20), (180, 90, 90)))

    red, green, blue = at(reddish.pixels("hue=120"), 5, 5)[:3]
    assert green > red
    assert green > blue
    dull = at(reddish.pixels("saturation=0.01"), 5, 5)[:3]
    assert max(dull) - min(dull) <= 2


def test_a_tint_keeps_the_lightness_and_gives_one_hue(photo: Stored) -> None:
    tinted = photo.pixels("width=100&monochrome=ff0000")

    red, green, blue = ImageStat.Stat(tinted).mean[:3]
    assert red > green + 30
    assert red > blue + 30


def test_normalize_stretches_the_tones(photo: Stored) -> None:
    before = ImageStat.Stat(photo.pixels("width=200").convert("L")).stddev[0]

    assert ImageStat.Stat(photo.pixels("width=200&normalize=5:95").convert("L")).stddev[0] > before * 1.2


def test_a_gradient_runs_downwards_or_along_its_angle(gray: Stored) -> None:
    down = gray.pixels("gradient=000000,ffffff:180:1")
    right = gray.pixels("gradient=000000,ffffff:90:1")

    assert at(down, 20, 0)[0] < 20
    assert at(down, 20, 29)[0] > 235
    assert at(right, 0, 15)[0] < 20
    assert at(right, 39, 15)[0] > 235


def test_blur_removes_and_sharpen_adds_detail(photo: Stored) -> None:
    def detail(query: str) -> float:
        image = photo.pixels(f"width=200&{query}").convert("L")
        shifted = ImageChops.difference(image, ImageChops.offset(image, 1, 0))
        return ImageStat.Stat(shifted).mean[0]

    plain = detail("quality=auto")
    assert detail("blur=5") < plain / 2
    assert detail("blur=true") < plain
    assert detail("sharpen=true") > plain
    assert detail('sharpen={"sigma":2,"m2":5}') > plain


@pytest.mark.parametrize("sigma", ["1e-300", "1e300"])
def test_no_sigma_is_too_small_or_too_large_to_sharpen(
    gray: Stored, sigma: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert at(gray.pixels(f"sharpen={sigma}"), 20, 15) == (100, 100, 100)
    assert "GLib" not in capfd.readouterr().err


def test_pixelate_makes_squares_of_one_color(photo: Stored) -> None:
    image = photo.pixels("width=64&pixelate=16")

    for x, y in ((0, 0), (16, 16), (48, 32)):
        assert len(image.crop((x, y, x + 16, min(y + 16, image.height))).getcolors() or []) == 1
    assert len(image.getcolors() or []) > 4


@pytest.mark.parametrize("gravity", ["attention", "entropy"])
def test_smart_gravities_find_the_salient_part(api: Api, gravity: str) -> None:
    canvas = Image.new("RGB", (400, 100), (128, 128, 128))
    canvas.paste(Image.effect_noise((60, 60), 120).convert("RGB"), (320, 20))
    canvas.paste((230, 120, 90), (335, 35, 365, 65))
    stored = store(api, canvas)

    found = stored.pixels(f"width=100&height=100&gravity={gravity}")

    assert ImageStat.Stat(found).stddev[0] > 20
    assert ImageStat.Stat(stored.pixels("width=100&height=100")).stddev[0] < 1


@pytest.mark.parametrize("algorithm", ["nearest", "cubic", "mitchell", "lanczos2", "lanczos3"])
def test_only_nearest_mixes_no_colors(colors: Stored, algorithm: str) -> None:
    image = colors.pixels(f"width=21&resizing_algorithm={algorithm}")

    assert (len(image.getcolors() or []) == 4) is (algorithm == "nearest")


def test_new_canvas_is_transparent_or_has_the_background_color(colors: Stored) -> None:
    assert at(colors.pixels("padding=5"), 0, 0)[3] == 0
    assert at(colors.pixels("padding=5&background=0a141e"), 0, 0)[:3] == (10, 20, 30)
    assert at(colors.pixels("extend=5:5:5:5:ff00ff"), 0, 0)[:3] == (255, 0, 255)
    assert at(colors.pixels("w=80&h=80&resizing_type=contain&bg=ffff00"), 0, 0)[:3] == (255, 255, 0)
    assert close(at(colors.pixels("padding=5&bg=ff0000&background_alpha=0.5"), 0, 0), (255, 0, 0, 128), 1)
    assert close(at(colors.picture("padding=30&format=jpeg").convert("RGB"), 0, 0), WHITE)


def test_rotation_by_any_angle_adds_corners(colors: Stored) -> None:
    turned = colors.pixels("rotate=45")

    diagonal = (80 + 60) / math.sqrt(2)
    assert abs(turned.width - diagonal) <= 2
    assert at(turned, 0, 0)[3] == 0
    assert at(colors.pixels("rotate=45:00ff00"), 0, 0)[:3] == GREEN


def test_transparency_survives_and_background_fills_it(api: Api) -> None:
    stored = store(api, Image.new("RGBA", (20, 20), (255, 0, 0, 0)))

    assert stored.picture("width=10").format == "PNG"
    assert at(stored.pixels("blur=2"), 5, 5)[3] == 0
    assert at(stored.pixels("background=00ff00"), 5, 5)[:3] == GREEN
    assert at(stored.pixels("negate=alpha:true"), 5, 5) == (0, 255, 255, 255)


def test_a_watermark_is_at_its_position(api: Api, gray: Stored) -> None:
    mark = store(api, Image.new("RGB", (10, 6), RED)).image["id"]

    corner = gray.pixels(f"watermark={mark}:southeast:-2:-1")
    assert corner.convert("RGB").point(lambda band: band if band == 255 else 0).getbbox() == (28, 23, 38, 29)
    moved = gray.pixels(f"wm={mark}&watermark_position=nw:3")
    assert at(moved, 3, 0)[:3] == RED
    assert at(moved, 2, 0)[:3] == (100, 100, 100)
    half = gray.pixels({"watermark": json.dumps({"image_id": mark, "left": 0, "top": 0, "opacity": 0.5})})
    assert close(at(half, 5, 3)[:3], (178, 50, 50), 2)
    large = gray.pixels(f"wm={mark}&watermark_size=20")
    assert at(large, 11, 10)[:3] == RED
    turned = gray.pixels(f"wm={mark}&watermark_rotate=90")
    assert at(turned, 20, 11)[:3] == RED
    assert at(turned, 15, 15)[:3] == (100, 100, 100)
    shadow = gray.pixels(f"wm={mark}&watermark_shadow=000:1:4:4")
    assert max(at(shadow, 22, 21)[:3]) < 60


def test_text_is_drawn_in_its_color_and_markup_is_treated_as_text(gray: Stored) -> None:
    text = {"text": "<b>M&M", "size": 20, "color": "#00ff00", "gravity": "west"}

    drawn = gray.pixels({"watermark_text": json.dumps(text)})

    assert (100, 100, 100) in [at(drawn, x, 0)[:3] for x in range(40)]
    greens = [at(drawn, x, y) for x in range(40) for y in range(30)]
    assert any(color[1] > 200 and color[0] < 80 for color in greens)


@pytest.mark.parametrize(
    ("query", "format", "mime_type"),
    [
        ("jpg", "JPEG", "image/jpeg"),
        ("JPEG", "JPEG", "image/jpeg"),
        ("png", "PNG", "image/png"),
        ("webp", "WEBP", "image/webp"),
        ("avif", "AVIF", "image/avif"),
        ("gif", "GIF", "image/gif"),
        ("tiff", "TIFF", "image/tiff"),
    ],
)
def test_every_format_is_written(colors: Stored, query: str, format: str, mime_type: str) -> None:
    response = colors.get(f"format={query}&width=40")

    assert response.headers["content-type"] == mime_type
    assert colors.picture(f"format={query}&width=40").format == format
    assert "vary" not in response.headers


def test_a_lower_quality_is_smaller(photo: Stored) -> None:
    sizes = [len(photo.get(f"width=300&quality={quality}").content) for quality in (20, "auto", 95)]

    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2] / 2


def test_coding_options_of_jpeg(photo: Stored) -> None:
    assert photo.picture("w=100&progressive=true").info.get("progressive") == 1
    assert photo.picture("w=100").info.get("progressive") is None
    assert photo.picture("w=100&dpi=150").info["dpi"] == (150, 150)
    full, half = (photo.picture(f"w=100&chroma_subsampling={mode}") for mode in ("4:4:4", "auto"))
    assert vars(full)["layer"][0][1:3] == (1, 1)
    assert vars(half)["layer"][0][1:3] == (2, 2)


def test_color_profiles(photo: Stored) -> None:
    assert "icc_profile" not in photo.picture("w=100").info
    assert "icc_profile" in photo.picture("w=100&color_profile=srgb").info
    assert "icc_profile" in photo.picture("w=100&cp=preserve").info
    assert "icc_profile" not in photo.picture("w=100&cp=keep&strip_color_profile=true").info
    assert photo.picture("w=100&cp=cmyk").mode == "CMYK"
    png = photo.get("w=10&cp=rgb16&format=png").content
    assert png[24] == 16  # bits per sample


def test_metadata_is_stripped_by_default_and_the_picture_is_upright(api: Api) -> None:
    exif = Image.Exif()
    exif[0x8298] = "(c) somebody"
    exif[0x0112] = 6
    stored = store(api, encoded(quarters(), "JPEG", exif=exif, quality=95), "a.jpg")

    upright = stored.picture("quality=90")
    assert upright.size == (60, 80)
    assert dict(upright.getexif()) == {}
    kept = stored.picture("keep_copyright=true").getexif()
    assert (kept[0x8298], kept.get(0x0112, 1)) == ("(c) somebody", 1)
    assert stored.picture("strip_metadata=false").getexif()[0x8298] == "(c) somebody"
    assert 0x8298 not in stored.picture("dpi=72").getexif()


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("w=10", None),
        ("watermark_url=aHR0cHM6Ly9leGFtcGxlLmNvbS9hLnBuZw==", "watermark_url"),
        ("adjust=1:1:2&format=png&quality=5", "adjust.color, quality"),
        ("gradient=fff:0:1:unheard-of", "gradient.blend"),
        ("format=webp&dpi=72&progressive=true", "dpi, progressive"),
        ("format=webp&chroma_subsampling=4:2:2&cp=cmyk", "color_profile, chroma_subsampling"),
    ],
)
def test_what_is_not_rendered_is_named(colors: Stored, query: str, names: str | None) -> None:
    assert colors.get(query).headers.get("x-imgwire-sandbox-not-rendered") == names


@pytest.mark.parametrize(
    ("preset", "query", "size"),
    [
        ("@thumbnail", "", (256, 256)),
        ("@small", "", (400, 267)),
        ("@thumbnail", "width=100&height=50", (100, 50)),
        ("@large", "", (640, 427)),
    ],
)
def test_presets(photo: Stored, preset: str, query: str, size: tuple[int, int]) -> None:
    assert photo.picture(query, preset=preset).size == size


def test_object_and_text_forms_are_the_same(colors: Stored) -> None:
    pairs: list[tuple[str, str, dict[str, Any]]] = [
        ("crop", "10:5:20:30", {"x": 10, "y": 5, "width": 20, "height": 30}),
        ("padding", "1:2:3:4", {"top": 1, "right": 2, "bottom": 3, "left": 4}),
        ("rotate", "30:ff0000", {"angle": 30, "background": "#f00"}),
        ("duotone", "000000:ff0000", {"shadowColor": "#000", "highlightColor": {"r": 255, "g": 0, "b": 0}}),
    ]
    for name, text, value in pairs:
        etags = {colors.get({name: form}).headers["etag"] for form in (text, json.dumps(value))}
        assert len(etags) == 1, name
