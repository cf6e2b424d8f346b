from __future__ import annotations

import copy
import pickle

import pytest

from imgwire_async.imgwire.lowlevel.models import StandardUploadCreate
from imgwire_async.imgwire.lowlevel.types import UNSET, Unset


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_unset_keeps_its_identity_when_pickled(protocol: int) -> None:
    assert pickle.loads(pickle.dumps(UNSET, protocol)) is UNSET


def test_unset_keeps_its_identity_when_copied() -> None:
    assert copy.copy(UNSET) is UNSET
    assert copy.deepcopy([UNSET])[0] is UNSET
    assert Unset() is UNSET


def test_unset_is_false_and_prints_its_name() -> None:
    assert not UNSET
    assert repr(UNSET) == "UNSET"


def test_a_pickled_model_still_omits_unset_fields() -> None:
    body = pickle.loads(pickle.dumps(StandardUploadCreate(file_name="a.png")))

    assert body.purpose is UNSET
    assert body.to_dict() == {"file_name": "a.png"}
