"""Rendering hosts: values at and beyond the limits, all kinds of pictures, forged signatures."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from urllib.parse import quote, unquote, urlencode, urlsplit

import pytest
from PIL import Image

from imgwire_async.imgix import imgix_url
from imgwire_async.sandbox import ImgixSandbox
from tests.sandbox.imgix.support import Imgix, picture

ODD = ("", "0", "-1", "nan", "inf", "-inf", "1e400", "abc", "٣", "²", "0.5", "1.0", ",", ":", "0x10", " 10 ")
VALUES = {
    "w": ("1", "2", "0.0001", "100.5", "300px"),
    "h": ("1", "50"),
    "fit": ("clip", "clamp", "crop", "facearea", "fill", "fillmax", "max", "min", "scale", "CROP", "crop,"),
    "crop": ("top,left", "faces,top", "entropy", "edges", "focalpoint", "top,bottom", ",,,"),
    "ar": ("1:1", "16:9", "1:0", "-1:2", "1:1:1", "nan:1", "1e308:1e-308", "1:99999"),
    "rect": ("0,0,0,0", "299,199,1,1", "300,200,1,1", "full,full,full,full", "0,0,1e400,5", "0.9999,0,5,5"),
    "fp-x": ("1", "2"),
    "fp-y": ("1",),
    "fp-z": ("100", "1000", "1.5"),
    "max-w": ("1", "100"),
    "min-h": ("400",),
    "dpr": ("0.0001", "5", "6"),
    "pad": ("10", "300"),
    "pad-left": ("7",),
    "border": ("5,ff0000", "5", "5,", "²,000", "1.5,000", "10,transparent"),
    "bg": ("8f00", "80ff0000", "transparent", "#fff", "rgb(1,2,3)", "imgixorange"),
    "fill": ("solid", "blur", "gen"),
    "fill-color": ("4f00",),
    "flip": ("hv", "vh", "x"),
    "rot": ("1", "45", "90", "359.9", "1e5"),
    "orient": ("9", "5", "270", "6.5"),
    "bri": ("-100", "100"),
    "con": ("-100",),
    "sat": ("-500",),
    "exp": ("1e9",),
    "invert": ("true",),
    "blur": ("0.1", "2000"),
    "px": ("1", "100", "1000"),
    "sharp": ("100",),
    "monochrome": ("80ff0000", "zzz"),
    "duotone": ("000,fff", "000", "80000000,ffffff", "red,blue,"),
    "fm": ("jpg", "pjpg", "png8", "webp", "avif", "gif", "jxr", "json"),
    "q": ("100", "101"),
    "auto": ("format,compress", "enhance", "true"),
    "cs": ("srgb", "strip", "adobergb1998", "origin"),
    "lossless": ("true",),
    "chromasub": ("422", "444"),
    "dpi": ("1", "70000"),
}
MODES = {
    "rgb": "RGB",
    "alpha": "RGBA",
    "gray": "L",
    "gray-alpha": "LA",
    "palette": "P",
    "bits": "1",
    "deep": "I;16",
}


@pytest.fixture(scope="module")
def served() -> Iterator[Imgix]:
    with ImgixSandbox(deployment_delay=0) as sandbox, Imgix(sandbox) as imgix:
        source = sandbox.add_source("shop")
        for name, mode in MODES.items():
            file = io.BytesIO()
            Image.new(mode, (30, 20)).save(file, "PNG")
            sandbox.add_file(source, f"/{name}.png", file.getvalue())
        for name, size in (("pixel", (1, 1)), ("strip", (500, 1))):
            file = io.BytesIO()
            Image.new("RGB", size).save(file, "PNG")
            sandbox.add_file(source, f"/{name}.png", file.getvalue())
        file = io.BytesIO()
        Image.new("CMYK", (30, 20)).save(file, "JPEG")
        sandbox.add_file(source, "/cmyk.jpg", file.getvalue())
        frames = [Image.new("RGB", (30, 20), color) for color in ("red", "blue")]
        file = io.BytesIO()
        frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
        sandbox.add_file(source, "/moving.gif", file.getvalue())
        sandbox.add_file(source, "/note.txt", b"text")
        sandbox.add_file(source, "/broken.jpg", picture(format="JPEG")[:700])
        sandbox.add_source("signed", secure_url_enabled=True)
        yield imgix


PICTURES = (*(f"/{name}.png" for name in (*MODES, "pixel", "strip")), "/cmyk.jpg", "/moving.gif")


def check(imgix: Imgix, path: str, parameters: dict[str, str]) -> None:
    response = imgix.rendered(path, urlencode(parameters))

    assert response.status_code == 200, (path, parameters, response.text[:200])
    with Image.open(io.BytesIO(response.content)) as found:
        found.load()


SINGLE = [
    (name, value)
    for name, values in VALUES.items()
    for value in (*values, *ODD)
    if not (name in {"w", "h", "pad", "pad-left", "min-h"} and value in {"inf", "1e400"})  # 8192 pixels
]


@pytest.mark.parametrize("count", [50, pytest.param(len(SINGLE), marks=pytest.mark.slow)])
def test_an_invalid_value_is_ignored(served: Imgix, count: int) -> None:
    for number, (name, value) in enumerate(random.Random(1).sample(SINGLE, count)):
        check(served, PICTURES[number % len(PICTURES)], {name: value})


@pytest.mark.parametrize("count", [25, pytest.param(1000, marks=pytest.mark.slow)])
def test_parameters_work_in_any_combination(served: Imgix, count: int) -> None:
    rng = random.Random(1)
    for _ in range(count):
        names = rng.sample([*VALUES], rng.randint(2, 6))
        values = {name: rng.choice((*VALUES[name], *ODD[:4])) for name in names}
        if values.keys().isdisjoint({"w", "h"}):
            values["w"] = "40"
        check(served, rng.choice(PICTURES), values)


@pytest.mark.parametrize("name", ["ü", "日本", "a\r\nset-cookie: a", "a,b", "\0", "%", "auto"])
def test_parameter_names_of_any_characters_are_listed_in_the_header(served: Imgix, name: str) -> None:
    for path in ("/rgb.png", "/note.txt"):
        response = served.rendered(path, urlencode({name: "日本"}))

        assert response.status_code == 200
        assert "set-cookie" not in response.headers
        shown = unquote(response.headers["x-imgix-sandbox-not-rendered"])
        assert shown in {name, f"{name}=日本"}


def test_a_broken_picture_is_an_error_or_the_original(served: Imgix) -> None:
    response = served.rendered("/broken.jpg", "w=10")
    assert response.status_code < 500 or response.json()["errors"][0]["title"] == "RenderingFailed"


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.partition("?")[0],
        lambda url: url.replace("w=10", "w=11"),
        lambda url: f"{url}&h=5",
        lambda url: url[:-1],
        lambda url: url + "0",
        lambda url: url[:-32] + url[-32:].upper(),
        lambda url: url.replace("&s=", "&S="),
        lambda url: url.replace("?w=10&", "?").replace("s=", "s=") + "&w=10",
        lambda url: f"{url}&s={'0' * 32}",
        lambda url: url.replace("/a.png", "/a%2Epng"),
        lambda url: url[:-32] + quote("ä") * 16,
        lambda url: url[:-32],
    ],
)
def test_only_the_url_that_was_signed_is_served(served: Imgix, change: object) -> None:
    sandbox = served.sandbox
    source = next(
        item["id"]
        for item in served.http.get("sources").json()["data"]
        if item["attributes"]["name"] == "signed"
    )
    sandbox.add_file(source, "/a.png", picture())
    token = served.http.get(f"sources/{source}").json()["data"]["attributes"]["secure_url_token"]
    url = imgix_url("signed.imgix.net", "a.png", {"w": 10}, token=token)
    assert callable(change)

    def status(signed: str) -> int:
        parts = urlsplit(signed)
        given = served.sandbox.rendering_url("signed.imgix.net", "") + parts.path[1:] + f"?{parts.query}"
        return served.http.get(given, headers={"authorization": ""}).status_code

    assert status(url) == 200
    assert status(change(url)) == 403
