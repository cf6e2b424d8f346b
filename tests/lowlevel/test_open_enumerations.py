from __future__ import annotations

import copy
import json
import pickle
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgwire_async.imgwire.lowlevel import models, types
from imgwire_async.imgwire.lowlevel.models import ImageStatus, SupportedMimeType
from imgwire_async.imgwire.lowlevel.types import OpenStrEnum

ENUMERATIONS = [
    value
    for name in models.__all__
    if isinstance(value := getattr(models, name), type) and issubclass(value, OpenStrEnum)
]


def test_all_six_enumerations_are_open() -> None:
    assert len(ENUMERATIONS) == 6


@pytest.mark.parametrize("enumeration", ENUMERATIONS, ids=lambda enumeration: enumeration.__name__)
@given(text=st.text())
def test_any_text_is_a_member_that_behaves_like_its_text(enumeration: type[OpenStrEnum], text: str) -> None:
    member = enumeration(text)

    assert isinstance(member, enumeration)
    assert member == text
    assert member == enumeration(text)
    assert hash(member) == hash(text)
    assert (str(member), f"{member}", member.value) == (text, text, text)
    assert json.loads(json.dumps({"x": member})) == {"x": text}
    for copied in (pickle.loads(pickle.dumps(member)), copy.copy(member), copy.deepcopy(member)):
        assert (type(copied), copied) == (enumeration, text)


def test_an_unknown_member_is_one_object_and_not_a_known_one() -> None:
    known = list(ImageStatus)
    archived = ImageStatus("ARCHIVED")

    assert ImageStatus("ARCHIVED") is archived
    assert pickle.loads(pickle.dumps(archived)) is archived
    assert list(ImageStatus) == known == ["PENDING", "PROCESSING", "READY", "QUARANTINE"]
    assert "ARCHIVED" not in ImageStatus.__members__
    assert repr(archived) == "<ImageStatus.ARCHIVED: 'ARCHIVED'>"


def test_a_member_knows_if_the_schema_declares_it() -> None:
    assert ImageStatus.READY.is_known
    assert not ImageStatus("ARCHIVED").is_known
    assert not SupportedMimeType("IMAGE_PNG").is_known


def test_one_text_in_two_enumerations_is_two_members() -> None:
    assert type(ImageStatus("NEW")) is ImageStatus
    assert type(models.CustomDomainStatus("NEW")) is models.CustomDomainStatus


@pytest.mark.parametrize("value", [None, 1, b"READY", ["READY"]])
def test_a_value_that_is_not_a_string_is_rejected(value: Any) -> None:
    with pytest.raises(ValueError, match="is not a valid ImageStatus"):
        ImageStatus(value)


def test_a_hostile_service_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(types, "_MAX_CACHED_UNKNOWN_MEMBERS", 10)
    cache: dict[tuple[type, str], Enum] = {}
    monkeypatch.setattr(types, "_unknown_members", cache)

    members = [ImageStatus(f"S{number}") for number in range(100)]

    assert len(cache) == 10
    assert members[99] == ImageStatus("S99")
