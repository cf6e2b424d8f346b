"""A local imgix per module, cleared after every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from imgwire_async.sandbox import ImgixSandbox
from tests.sandbox.imgix.support import Imgix


@pytest.fixture(scope="module")
def running_imgix() -> Iterator[ImgixSandbox]:
    with ImgixSandbox(deployment_delay=0, indexing_delay=0, session_delay=0) as sandbox:
        yield sandbox


@pytest.fixture
def imgix(running_imgix: ImgixSandbox) -> Iterator[Imgix]:
    with Imgix(running_imgix) as imgix:
        yield imgix
    running_imgix.reset()


@pytest.fixture
def start_imgix() -> Iterator[Callable[..., Imgix]]:
    """Start a local imgix with other settings; `clock=` lets a test advance time."""
    started: list[Imgix] = []

    def start(**settings: Any) -> Imgix:
        sandbox = ImgixSandbox(**settings)
        sandbox.start()
        started.append(Imgix(sandbox))
        return started[-1]

    yield start
    for imgix in started:
        imgix.http.close()
        imgix.sandbox.stop()
