"""The report of a bulk job as text."""

from __future__ import annotations

import random

import pytest

from imgwire_async import Failed, IngestItem, errors
from imgwire_async.ingest.results.report import FailureGroup, Tally


@pytest.mark.parametrize(
    ("error", "cause", "words"),
    [
        (
            errors.PayloadTooLargeError("over 10 MB", status=413),
            "PayloadTooLargeError 413",
            "too large for the service (413)",
        ),
        (
            errors.UnprocessableEntityError("odd", status=422, error_type="BadName"),
            "UnprocessableEntityError 422 BadName",
            "rejected as invalid by the service (422 BadName)",
        ),
        (errors.UploadSourceError("gone"), "UploadSourceError", "unreadable or empty"),
        (errors.ArchiveError("damaged"), "ArchiveError", "archive"),
        (errors.APIConnectionError("reset"), "APIConnectionError", "no usable response"),
    ],
)
def test_failures_are_grouped_under_plain_words(error: errors.ImgwireError, cause: str, words: str) -> None:
    tally = Tally(random.Random(0))
    for key in ("a", "b"):
        tally.count(Failed(key=key, item=IngestItem(key), error=error), 0.0)

    (group,) = tally.failures()

    assert (group.cause, group.count, group.in_words) == (cause, 2, words)


def test_a_class_without_its_own_words_is_spelled_out() -> None:
    assert FailureGroup("HTTPGatewayWentAwayError 599", 1, ()).in_words == "HTTP gateway went away (599)"
    assert FailureGroup("other", 1, ()).in_words == "other"


def test_every_error_of_the_package_has_its_own_words() -> None:
    names = [name for name in errors.__all__ if name.endswith("Error")]
    assert names
    assert not [name for name in names if "Error" in FailureGroup(name, 1, ()).in_words]
