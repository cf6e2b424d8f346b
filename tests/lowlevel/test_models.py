from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgwire_async.imgwire.lowlevel import models
from imgwire_async.imgwire.lowlevel.models import Image, ImageDownloadJob, StandardUpload, UploadToken
from imgwire_async.imgwire.lowlevel.types import uuid_of
from tests.lowlevel import support
from tests.lowlevel.support import ENVIRONMENT, ID, IMAGE, TOKEN, UPLOAD_URL

RECORDS: list[tuple[Any, dict[str, Any]]] = [
    (Image, IMAGE),
    (StandardUpload, support.STANDARD_UPLOAD),
    (UploadToken, support.UPLOAD_TOKEN),
    (ImageDownloadJob, support.DOWNLOAD_JOB),
    (models.CorsOrigin, support.CORS_ORIGIN),
    (models.CustomDomain, support.CUSTOM_DOMAIN),
    (models.MetricsDatasets, support.DATASETS),
    (models.MetricsStats, support.STATS),
]
every_record = pytest.mark.parametrize(
    ("model", "record"), RECORDS, ids=[model.__name__ for model, _ in RECORDS]
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def same_moments(value: Any) -> Any:
    """The record with `Z` in timestamps written as Python writes it."""
    if isinstance(value, dict):
        return {name: same_moments(item) for name, item in value.items()}
    if isinstance(value, list):
        return [same_moments(item) for item in value]
    return value.replace("Z", "+00:00") if value == support.MOMENT else value


@every_record
def test_a_record_is_written_back_unchanged(model: Any, record: dict[str, Any]) -> None:
    parsed = model.from_dict(record)

    assert parsed.to_dict() == same_moments(record)
    assert model.from_dict(parsed.to_dict()) == parsed


@every_record
def test_a_record_can_be_pickled_copied_and_compared(model: Any, record: dict[str, Any]) -> None:
    parsed = model.from_dict(record)

    assert pickle.loads(pickle.dumps(parsed)) == parsed
    assert copy.deepcopy(parsed) == parsed
    assert parsed != model.from_dict(record | {"x": 1})


@every_record
def test_reading_does_not_change_what_was_read(model: Any, record: dict[str, Any]) -> None:
    before = copy.deepcopy(record)

    model.from_dict(record)

    assert record == before


def test_values_have_the_annotated_types() -> None:
    image = Image.from_dict(IMAGE)

    assert image.id == UUID(ID)
    assert image.environment_id == UUID(ENVIRONMENT)
    assert image.created_at == datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
    assert image.status is models.ImageStatus.READY
    assert image.mime_type is models.SupportedMimeType.IMAGE_JPEG
    assert image.deleted_at is None


def test_free_form_objects_are_separate_plain_dictionaries() -> None:
    image = Image.from_dict(IMAGE)

    assert type(image.custom_metadata) is dict
    assert type(image.exif_data) is dict
    image.custom_metadata["new"] = 1
    assert "new" not in IMAGE["custom_metadata"]


def test_a_record_shares_nothing_with_the_object_it_was_read_from() -> None:
    given = copy.deepcopy(support.STANDARD_UPLOAD)
    upload = StandardUpload.from_dict(given)

    upload.image.exif_data["new"] = 1
    upload.image.custom_metadata.clear()

    assert given == support.STANDARD_UPLOAD


def test_a_record_without_unknown_fields_keeps_no_room_for_them() -> None:
    assert sys.getsizeof(Image.from_dict(IMAGE).additional_properties) == sys.getsizeof({})


@pytest.mark.parametrize(
    ("model", "record", "message"),
    [
        (Image, IMAGE | {"status": []}, r"Image\.status: unexpected list"),
        (Image, IMAGE | {"mime_type": {}}, r"Image\.mime_type: unexpected dict"),
        (StandardUpload, support.STANDARD_UPLOAD | {"image": 3}, r"StandardUpload\.image: unexpected int"),
        (
            models.MetricsDatasets,
            support.DATASETS | {"uploads": [3]},
            r"MetricsDatasets\.uploads: unexpected list",
        ),
    ],
    ids=["list", "dict", "int", "item"],
)
def test_a_value_of_no_use_is_named_by_its_json_type(
    model: Any, record: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=f"^{message}$"):
        model.from_dict(record)


def test_custom_metadata_is_sent_as_the_plain_dictionary_it_is() -> None:
    body = models.StandardUploadCreate(file_name="a.png", custom_metadata={"a": True})

    assert body.to_dict() == {"file_name": "a.png", "custom_metadata": {"a": True}}


@given(
    custom=st.dictionaries(st.text(), st.text() | st.integers() | st.booleans()),
    exif=st.dictionaries(st.text(), json_values),
    extra=st.dictionaries(st.text().filter(lambda name: name not in IMAGE), json_values),
)
def test_any_free_form_and_unknown_content_survives_the_round_trip(
    custom: dict[str, Any], exif: dict[str, Any], extra: dict[str, Any]
) -> None:
    record = IMAGE | {"custom_metadata": custom, "exif_data": exif} | extra

    image = Image.from_dict(record)

    assert image.to_dict() == same_moments(record)
    assert image.additional_properties == extra


@given(moment=st.datetimes(timezones=st.just(UTC) | st.timezones()))
def test_any_datetime_survives_the_round_trip(moment: datetime) -> None:
    offset = moment.utcoffset()
    if offset is None or offset % timedelta(minutes=1):
        moment = moment.astimezone(UTC) if moment.year > 1 else moment.replace(tzinfo=UTC)

    image = Image.from_dict(IMAGE | {"created_at": moment.isoformat()})

    assert image.created_at == datetime.fromisoformat(moment.isoformat())
    assert Image.from_dict(image.to_dict()).created_at == image.created_at


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-05-01T12:30:00", datetime(2026, 5, 1, 12, 30, tzinfo=UTC)),
        ("2026-05-01T12:30:00.123456789Z", datetime(2026, 5, 1, 12, 30, 0, 123456, tzinfo=UTC)),
        ("2026-05-01T07:30:00-05:00", datetime(2026, 5, 1, 12, 30, tzinfo=UTC)),
        ("2026-05-01T12:30:00+0000", datetime(2026, 5, 1, 12, 30, tzinfo=UTC)),
        ("2026-05-01t12:30:00z", datetime(2026, 5, 1, 12, 30, tzinfo=UTC)),
        ("2026-05-01 12:30:00z", datetime(2026, 5, 1, 12, 30, tzinfo=UTC)),
        ("2026-05-01 12:30:00+02:00", datetime(2026, 5, 1, 10, 30, tzinfo=UTC)),
        ("2026-05-01T12:30:00-00:00", datetime(2026, 5, 1, 12, 30, tzinfo=UTC)),
        ("2026-05-01T12:30:00+23:59", datetime(2026, 4, 30, 12, 31, tzinfo=UTC)),
        ("2026-05-01T12:30:00.5Z", datetime(2026, 5, 1, 12, 30, 0, 500_000, tzinfo=UTC)),
        ("2026-05-01T12:30:00.123Z", datetime(2026, 5, 1, 12, 30, 0, 123_000, tzinfo=UTC)),
        (f"2026-05-01T12:30:00.{'9' * 50}z", datetime(2026, 5, 1, 12, 30, 0, 999_999, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2016-12-31t23:59:60.25z", datetime(2017, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC)),
        ("2017-01-01T05:29:60+05:30", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2016-12-31 15:59:60-08:00", datetime(2017, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:60Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_moments_are_read_in_every_format_and_as_utc_without_an_offset(text: str, moment: datetime) -> None:
    image = Image.from_dict(IMAGE | {"created_at": text})

    assert image.created_at == moment
    assert image.created_at.utcoffset() is not None


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("id", "not-a-uuid", ValueError),
        ("id", 7, TypeError),
        ("created_at", "yesterday", ValueError),
        ("created_at", "2026-05-01T12:30:61Z", ValueError),
        ("created_at", "2026-05-01T12:60:00Z", ValueError),
        ("created_at", "2026-13-01T12:30:60Z", ValueError),
        ("created_at", "2026-05-01T12:30:00+99:00", ValueError),
        ("created_at", "", ValueError),
        ("created_at", 1714566600, TypeError),
        ("deleted_at", "never", ValueError),
        ("deleted_at", False, TypeError),
        ("status", 1, ValueError),
        ("width", "640", TypeError),
        ("width", 640.5, TypeError),
        ("width", True, TypeError),
        ("can_upload", "false", TypeError),
        ("cdn_url", 5, TypeError),
        ("custom_metadata", [], TypeError),
    ],
)
def test_a_value_of_the_wrong_type_is_rejected_with_its_field(
    field: str, value: object, error: type[Exception]
) -> None:
    with pytest.raises(error, match=rf"^Image\.{field}: "):
        Image.from_dict(IMAGE | {field: value})


def test_a_whole_number_written_as_a_fraction_is_an_integer() -> None:
    assert Image.from_dict(IMAGE | {"width": 640.0}).width == 640


@pytest.mark.parametrize("record", [None, [], "image", 3])
def test_a_value_that_is_not_an_object_is_rejected(record: Any) -> None:
    with pytest.raises(TypeError, match=r"^Image: expected a JSON object"):
        Image.from_dict(record)


def test_a_list_of_the_wrong_type_is_rejected_with_its_field() -> None:
    with pytest.raises(TypeError, match=r"^MetricsDatasets\.uploads: expected a JSON array"):
        models.MetricsDatasets.from_dict(support.DATASETS | {"uploads": {}})


def test_secrets_are_not_in_the_repr() -> None:
    upload = StandardUpload.from_dict(support.STANDARD_UPLOAD | {"resumable_url": UPLOAD_URL})
    token = UploadToken.from_dict(support.UPLOAD_TOKEN)
    job = ImageDownloadJob.from_dict(support.DOWNLOAD_JOB)

    shown = repr([upload, token, job])

    assert "s3cret" not in shown
    assert (upload.upload_url, token.token, job.download_url) == (UPLOAD_URL, TOKEN, UPLOAD_URL)


def test_models_are_built_by_keyword_only() -> None:
    with pytest.raises(TypeError, match="positional argument"):
        models.CorsOriginCreate("a.example.com")  # type: ignore[call-arg]


def test_no_class_has_a_generated_looking_name() -> None:
    assert [name for name in models.__all__ if "Schema" in name or "Response" in name or len(name) > 30] == []


def test_a_field_with_the_same_type_in_json_and_python_costs_no_call() -> None:
    called: list[str] = []

    def note(frame: FrameType, event: str, argument: object) -> None:  # noqa: ARG001 - the interface
        if event == "call":
            called.append(frame.f_code.co_name)

    sys.setprofile(note)
    try:
        models.Image.from_dict(IMAGE)
    finally:
        sys.setprofile(None)

    parsers = [name for name in called if name.startswith("parse_")]
    assert sorted(parsers) == ["parse_datetime"] * 3 + ["parse_uuid"] * 2


@pytest.mark.parametrize(
    "text",
    [
        ID,
        ID.upper(),
        ID.replace("-", ""),
        f"{{{ID}}}",
        f"urn:uuid:{ID}",
        ID.replace("-", "_"),
        ID[:-1],
        "",
        "g" * 32,
        "0x" + "1" * 30,
        "{}" + "1" * 32,
        "+" + "1" * 31,
        "\N{ARABIC-INDIC DIGIT ONE}" * 32,
    ],
    ids=range(13),
)
def test_ids_are_read_as_the_class_reads_them(text: str) -> None:
    def read(parse: Callable[[str], UUID]) -> UUID | str:
        try:
            return parse(text)
        except ValueError as error:
            return str(error)

    found = read(uuid_of)

    assert found == read(UUID)
    assert pickle.loads(pickle.dumps(found)) == found
