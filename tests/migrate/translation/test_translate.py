"""Translations that the vectors do not cover."""

from __future__ import annotations

import base64
import subprocess
import sys
from typing import Any

import pytest

from imgwire_async.errors import InvalidTransformationError
from imgwire_async.migrate import Asset, Finding, Judgement, translate_url
from imgwire_async.migrate.translation.rules.table import NAMES, TABLE

URL = "https://shop.imgix.net/a.jpg"
CDN_URL = "https://cdn.example.com/org/env/image"


def names(found: tuple[Finding, ...]) -> list[str]:
    return [finding.name for finding in found]


def params(query: str, **context: Any) -> dict[str, object]:
    return dict(translate_url(f"{URL}?{query}", **context).transformations)


def test_the_new_url_is_based_on_the_cdn_url_of_the_asset() -> None:
    found = translate_url(f"{URL}?w=100&fm=webp", assets={"/a.jpg": CDN_URL})

    assert found.url == f"{CDN_URL}?enlarge=true&format=webp&width=100"


def test_the_known_facts_of_an_asset_are_used() -> None:
    asset = Asset(CDN_URL, width=4000, height=3000, mime_type="image/png", exif_orientation=None)

    found = translate_url(f"{URL}?w=0.5&orient=6", assets={"/a.jpg": asset})

    assert found.status == "exact"
    assert found.url == f"{CDN_URL}?enlarge=true&format=png&rotate=90&width=1500"


def test_arguments_take_precedence_over_the_asset() -> None:
    asset = Asset(CDN_URL, width=4000, height=3000)

    assert params("w=0.5", assets={"/a.jpg": asset}, width=300)["width"] == "150"


def test_the_host_distinguishes_the_same_path_of_two_sources() -> None:
    assets = {"/a.jpg": f"{CDN_URL}1", "blog.imgix.net/a.jpg": f"{CDN_URL}2"}

    assert translate_url(URL, assets=assets).url == f"{CDN_URL}1"
    assert translate_url("//blog.imgix.net/a.jpg", assets=assets).url == f"{CDN_URL}2"


def test_a_web_proxy_image_is_found_by_its_own_url() -> None:
    assets = {"https://images.example.com/a.jpg?v=2": CDN_URL}

    found = translate_url(
        "https://p.imgix.net/https%3A%2F%2Fimages.example.com%2Fa.jpg%3Fv%3D2", assets=assets
    )

    assert found.url == CDN_URL


def test_an_asset_without_a_valid_url_is_an_error_of_the_caller() -> None:
    with pytest.raises(InvalidTransformationError):
        translate_url(URL, assets={"/a.jpg": "ftp://example.com/x"})


def test_an_id_alone_is_not_enough_for_a_url() -> None:
    assert translate_url(URL, assets={"/a.jpg": "some-id"}).url is None


def test_a_watermark_takes_the_id_from_a_cdn_url() -> None:
    assert params("mark=/b%20c.png", assets={"/b c.png": f"{CDN_URL}?x=1"})["watermark"] == "image"


def test_a_watermark_without_a_host_is_a_file_of_the_same_source() -> None:
    assets = {"blog.imgix.net/logo.png": f"{CDN_URL}1", "shop.imgix.net/logo.png": f"{CDN_URL}2"}

    assert params("mark=/logo.png", assets=assets)["watermark"] == "image2"


@pytest.mark.parametrize(
    ("judgement", "query", "expected"),
    [
        (Judgement(blur_divisor=10), "blur=200", {"blur": "20"}),
        (Judgement(sharp_base=1, sharp_divisor=10), "sharp=50", {"sharpen": "6"}),
        (Judgement(usm_limits=(1, 2)), "usm=50&usmrad=9", {"sharpen": "2"}),
        (Judgement(usm_radius=4), "usm=50", {"sharpen": "4"}),
        (Judgement(tone_divisor=200), "bri=50&sat=50&con=-50", None),
        (Judgement(exposure_divisor=50), "exp=50", {"brightness": "2"}),
        (Judgement(compress_quality=60), "auto=compress", {"quality": "60", "strip_metadata": "true"}),
        (Judgement(lossless_quality=99), "fm=webp&lossless=1", {"format": "webp", "quality": "99"}),
        (Judgement(sepia="aabbcc"), "sepia=1", {"monochrome": "aabbcc"}),
    ],
)
def test_every_calibrated_number_can_be_overridden(
    judgement: Judgement, query: str, expected: dict[str, str] | None
) -> None:
    if expected is None:
        expected = {"brightness": "1.25", "contrast": "0.75", "saturation": "1.25"}

    assert params(query, judgement=judgement) == expected


@pytest.mark.parametrize("value", ["SGk", "SGk="])
def test_base64_may_be_padded(value: str) -> None:
    assert '"text":"Hi"' in str(params(f"txt64={value}")["watermark_text"])


def test_base64_of_either_alphabet_is_read() -> None:
    text = "??>>~~"
    standard = base64.b64encode(text.encode()).decode()
    assert "/" in standard or "+" in standard

    for written in (standard, standard.replace("+", "-").replace("/", "_"), standard.replace("+", "%2B")):
        assert f'"text":"{text}"' in str(params(f"t64={written}")["watermark_text"])


@pytest.mark.parametrize("value", ["SGk==", "S", "SG k", "_w", "SGk=x"])
def test_invalid_base64_is_reported_as_written(value: str) -> None:
    assert names(translate_url(f"{URL}?t64={value.replace(' ', '%20')}").unsupported) == ["t64"]


def test_parameters_of_the_url_override_the_defaults_of_the_source() -> None:
    defaults = {"width": 300.0, "q": 50, "invert": True, "crop": ["top", "left"], "height": None}

    assert params("w=100&fit=crop&h=100", default_params=defaults) == {
        "width": "100",
        "height": "100",
        "enlarge": "true",
        "resizing_type": "cover",
        "gravity": "northwest",
        "quality": "50",
        "negate": "alpha:false",
    }


@pytest.mark.parametrize("host", ["imgix.net", "evilimgix.net", "a.imgix.net.example", ".imgix.net", "[::1]"])
def test_other_hosts_are_not_treated_as_imgix(host: str) -> None:
    assert translate_url(f"https://{host}/a.jpg").status == "not_imgix"


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://a.imgix.net",
            "https://a.imgix.net?w=1",
            "https://a.imgix.net:x/a",
            "https://a.imgix.net:65536/a",
        ),
        *(
            "https://a.imgix.net/a%2",
            "https://a.imgix.net/%FF",
            'https://a.imgix.net/"',
            "https:/a.imgix.net/a",
        ),
        *(
            "/a.jpg",
            "",
            "data:image/png;base64,AA==",
            "https://a.imgix.net/a\\b",
            f"https://a.b:{'9' * 5000}/a",
        ),
    ],
)
def test_a_string_that_is_not_a_url_is_malformed(url: str) -> None:
    assert translate_url(url).status == "malformed"


def test_custom_domains_are_compared_in_lower_case() -> None:
    assert translate_url("https://IMG.example/a.jpg?w=5", hosts=["Img.Example"]).status == "exact"


def test_a_region_becomes_the_source_for_everything_else() -> None:
    assert params("rect=0,0,300,200&w=400&h=300&fit=min") == {
        "crop": "0:0:300:200",
        "width": "266",
        "height": "200",
        "enlarge": "false",
        "resizing_type": "cover",
        "gravity": "center",
    }


def test_a_signature_before_the_end_is_invalid() -> None:
    found = translate_url(f"{URL}?s=de102711c3a3d3c4462283848f5a9db8&w=600", token="tok123")

    assert found.signature == "invalid"


def test_the_text_is_kept_if_the_watermark_cannot_be_expressed() -> None:
    found = translate_url(f"{URL}?txt=Hi&mark=/unknown.png")

    assert "watermark_text" in found.transformations
    assert names(found.unsupported) == ["mark"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("w=0.5", {"width": "75"}),
        ("ar=1:1&fit=crop", {"width": "150", "height": "150"}),
        ("w=300&h=300&fit=min", {"width": "150", "height": "150"}),
        ("w=200&fit=fillmax", {"width": "200", "height": "267"}),
        ("w=90&max-h=100&fit=crop", {"width": "90", "height": "100"}),
        ("rect=10,20,30,40", {"crop": "20:110:40:30"}),
        ("rect=0.5,0,0.5,1.0", {"crop": "0:0:200:75"}),
    ],
)
def test_positions_in_the_source_are_those_of_the_rotated_source(
    query: str, expected: dict[str, str]
) -> None:
    found = translate_url(f"{URL}?orient=6&{query}", width=200, height=150, exif_orientation=None)

    assert found.status == "exact"
    assert found.transformations["rotate"] == "90"
    assert {name: dict(found.transformations)[name] for name in expected} == expected


def test_a_region_of_a_rotated_image_of_unknown_size_is_approximate() -> None:
    found = translate_url(f"{URL}?orient=6&rect=10,20,30,40", exif_orientation=None)

    assert [finding.name for finding in found.approximate] == ["orient"]


def test_orientation_and_flips_are_combined() -> None:
    assert params("orient=2&flip=h", exif_orientation=None) == {}
    assert params("orient=4&flip=h", exif_orientation=None) == {"flip": "both"}


def test_importing_the_package_loads_nothing_of_the_client() -> None:
    code = (
        "import sys; from imgwire_async.migrate import translate_url; translate_url('https://a.imgix.net/a?w=2');"
        "assert not {'anyio', 'httpx', 'aiohttp', 'attrs', 'imgwire_async.cdn'} & sys.modules.keys()"
    )

    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("degrees", "turned"), [("450", "270"), ("-90", "90"), ("540", "180"), ("359.6", None)]
)
def test_any_angle_is_a_rotation(degrees: str, turned: str | None) -> None:
    assert params(f"rot={degrees}") == ({} if turned is None else {"rotate": turned})


def test_parameters_that_depend_on_an_unknown_size_are_not_reported_as_ignored() -> None:
    found = translate_url(f"{URL}?w=0.5&h=0.5&fit=crop&crop=top&dpr=2")

    assert names(found.unsupported) == ["w", "h"]
    assert found.ignored == ()


def test_spaces_in_the_url_of_a_public_watermark_are_encoded() -> None:
    address = params("mark=https%3A%2F%2Fc.example%2Fa%20b.png")["watermark_url"]

    assert base64.b64decode(str(address)) == b"https://c.example/a%20b.png"


def test_each_parameter_has_exactly_one_table_row() -> None:
    assert len(TABLE) == len({row.name for row in TABLE}) == 209
    assert len(NAMES) == sum(1 + len(row.aliases.split()) for row in TABLE)
