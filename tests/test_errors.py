"""The error classes: plain data that can be pickled and fits into a log line."""

from __future__ import annotations

import copy
import json
import multiprocessing
import pickle
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import imgwire_async
from imgwire_async import errors
from imgwire_async.core.responses import HttpResponse, store_error
from imgwire_async.errors import APIStatusError, CallContext, ImgwireError, ValidationIssue
from imgwire_async.imgwire.service import status_error

FIELDS: dict[str, Any] = {
    "operation": "images.create",
    "method": "POST",
    "url": "https://api.imgwire.dev/api/v1/images/standard_upload",
    "attempts": 3,
    "request_id": "req_1",
    "retry_after": 1.5,
    "idempotency_key": "key-1",
}


def all_subclasses(of: type[ImgwireError]) -> Iterator[type[ImgwireError]]:
    yield of
    for subclass in of.__subclasses__():
        yield from all_subclasses(subclass)


CLASSES = sorted(set(all_subclasses(ImgwireError)), key=lambda cls: cls.__name__)


def full_error(error_class: type[ImgwireError]) -> ImgwireError:
    if error_class is errors.InvalidTransformationError:
        return errors.InvalidTransformationError("width", [1, {"a": object()}], "1…8192", "height")
    error = error_class("something happened", **FIELDS)
    own = {
        "status": 422,
        "error_type": "SomeError",
        "detail": "text",
        "errors": (ValidationIssue(("body", 0, "file_name"), "too short", "string_too_short"),),
        "body": {"detail": ["x"]},
        "may_have_acted": False,
        "image_id": "0d6b",
        "resume_page": 4,
    }
    for name, value in own.items():
        if hasattr(error, name):
            setattr(error, name, value)
    return error


def assert_same(one: BaseException, other: ImgwireError) -> None:
    assert type(one) is type(other)
    assert vars(one) == vars(other)
    assert one.args == other.args
    assert str(one) == str(other)


@pytest.mark.parametrize("error_class", CLASSES)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_error_survives_pickling(error_class: type[ImgwireError], protocol: int) -> None:
    error = full_error(error_class)

    assert_same(pickle.loads(pickle.dumps(error, protocol)), error)


@pytest.mark.parametrize("error_class", CLASSES)
def test_every_error_survives_copying(error_class: type[ImgwireError]) -> None:
    error = full_error(error_class)

    assert_same(copy.copy(error), error)
    assert_same(copy.deepcopy(error), error)


def _raise(error: ImgwireError) -> None:
    raise error


def test_every_error_comes_back_from_a_process_pool() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for error_class in CLASSES:
            error = full_error(error_class)
            received = pool.submit(_raise, error).exception(timeout=60)
            assert received is not None
            received.__cause__ = None  # contains the traceback text of the other process
            assert_same(received, error)


@pytest.mark.parametrize("error_class", CLASSES)
def test_every_error_can_be_created_without_arguments_and_is_public(error_class: type[ImgwireError]) -> None:
    assert isinstance(str(error_class()), str)
    if error_class.__module__ == errors.__name__:
        assert getattr(imgwire_async, error_class.__name__) is error_class


def test_the_text_has_operation_problem_request_and_attempts() -> None:
    assert str(ImgwireError("it broke", **FIELDS)) == (
        "images.create: it broke (POST https://api.imgwire.dev/api/v1/images/standard_upload, "
        "request req_1, 3 attempts)"
    )
    assert str(ImgwireError("it broke")) == "it broke"


def of_answer(status: int, content: bytes) -> APIStatusError:
    return status_error(HttpResponse(status, {}, content), CallContext(operation="images.list"))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (302, errors.APIStatusError),
        (400, errors.BadRequestError),
        (401, errors.AuthenticationError),
        (402, errors.PaymentRequiredError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (409, errors.ConflictError),
        (413, errors.PayloadTooLargeError),
        (418, errors.APIStatusError),
        (422, errors.UnprocessableEntityError),
        (429, errors.RateLimitError),
        (499, errors.APIStatusError),
        (500, errors.InternalServerError),
        (503, errors.InternalServerError),
        (520, errors.InternalServerError),
        (599, errors.InternalServerError),
    ],
)
def test_each_status_has_its_class(status: int, expected: type[APIStatusError]) -> None:
    error = of_answer(status, b"")

    assert type(error) is expected
    assert error.status == status
    assert type(error.status) is int


def test_a_domain_error_has_detail_and_type() -> None:
    error = of_answer(404, b'{"detail": "Resource not found.", "error_type": "ResourceNotFoundError"}')

    assert error.detail == "Resource not found."
    assert error.error_type == "ResourceNotFoundError"
    assert error.errors == ()
    assert (
        str(error) == "images.list: the service responded with 404 ResourceNotFoundError; Resource not found."
    )


def test_a_validation_error_has_its_issues() -> None:
    error = of_answer(
        422,
        b'{"detail": [{"loc": ["body", "image_ids", 0], "msg": "not a uuid", "type": "uuid", "ctx": {}}]}',
    )

    assert error.errors == (ValidationIssue(("body", "image_ids", 0), "not a uuid", "uuid"),)
    assert error.detail is None
    assert "body.image_ids.0: not a uuid" in str(error)


def test_a_422_with_a_text_as_detail_is_read_like_any_domain_error() -> None:
    error = of_answer(422, b'{"detail": "tz is unknown"}')

    assert error.detail == "tz is unknown"
    assert error.errors == ()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"[1, 2]",
        b'"text"',
        b"7",
        b'{"detail": null}',
        b'{"detail": {"nested": 1}}',
        b'{"detail": [1, null, [], {"loc": "body"}, {"loc": [{}], "msg": 1}]}',
        b'{"detail": "trunc',
        b"<html><h1>502 Bad Gateway</h1></html>",
        b"\xff\xfe\x00",
        b'{"detail": "\\ud800"}',
        b"[" * 100_000,
        b"[" * 500 + b"]" * 500,
        b'{"a":' * 200 + b"1" + b"}" * 200,
        b"9" * 10_000,
        b'{"detail": "' + b"x" * 100_000 + b'"}',
        b'{"detail": "' + b"x" * 3_000_000 + b'"}',
    ],
    ids=range(19),
)
def test_any_other_body_results_in_an_error_that_can_be_logged_and_pickled(content: bytes) -> None:
    error = of_answer(502, content)

    assert "502" in str(error)
    assert len(str(error)) <= 320
    str(error).encode()
    assert_same(pickle.loads(pickle.dumps(error)), error)
    assert_same(copy.deepcopy(error), error)


def test_the_body_is_kept_if_it_is_an_error_of_the_service_and_not_huge() -> None:
    assert of_answer(500, b'{"detail": "x", "more": [1]}').body == {"detail": "x", "more": [1]}
    assert of_answer(500, b'{"detail": "' + b"x" * 100_000 + b'"}').body is None


@pytest.mark.parametrize("content", [b'{"a": [1]}', b"<p>x</p>", b"[1]", b'{"detail": 1}', b'"text"'])
def test_the_body_of_another_service_is_not_kept(content: bytes) -> None:
    assert of_answer(500, content).body is None


def test_an_error_of_the_service_shows_neither_queries_of_urls_nor_what_was_sent() -> None:
    text = of_answer(400, b'{"detail": "cannot fetch https://a.example/b?sig=SECRET", "x": ["https://a/?S"]}')
    issues = of_answer(422, b'{"detail": [{"loc": ["q"], "msg": "no", "type": "t", "input": "SECRET"}]}')

    assert text.detail == "cannot fetch https://a.example/b"
    assert text.body == {"detail": "cannot fetch https://a.example/b", "x": ["https://a/"]}
    assert issues.body == {"detail": [{"loc": ["q"], "msg": "no", "type": "t"}]}


def test_the_issues_of_a_long_validation_error_are_all_read() -> None:
    issue = b'{"loc": ["body", "image_ids", 17], "msg": "Input should be a valid UUID", "type": "uuid"}'

    error = of_answer(422, b'{"detail": [' + b",".join([issue] * 2000) + b"]}")

    assert len(error.errors) == 2000
    assert len(str(error)) <= 320


@given(st.integers(300, 599), st.binary(max_size=200) | st.text().map(str.encode))
def test_no_body_breaks_the_parser(status: int, content: bytes) -> None:
    error = of_answer(status, content)

    assert str(status) in str(error)
    assert "\n" not in str(error)


@given(st.text(max_size=1000))
def test_the_text_of_an_error_is_one_printable_line(detail: str) -> None:
    error = status_error(
        HttpResponse(400, {}, json.dumps({"detail": detail, "error_type": detail}).encode()),
        CallContext(),
    )

    assert str(error).isprintable()
    assert len(str(error)) <= 300


def test_a_rejection_of_the_store_shows_only_its_code() -> None:
    body = b"<Error><Code>AccessDenied</Code><StringToSign>secret</StringToSign></Error>"

    error = store_error(HttpResponse(403, {}, body), CallContext())

    assert str(error) == "the object store responded with 403 AccessDenied"
    assert "secret" not in repr(vars(error))
