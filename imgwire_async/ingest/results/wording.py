"""Causes of failures in words."""

from __future__ import annotations

import re
from typing import Final

_IN_WORDS: Final = {
    "APIConnectionError": "no usable response",
    "APIStatusError": "rejected by the service",
    "APITimeoutError": "no response in time",
    "BadRequestError": "rejected by the service",
    "ConflictError": "in conflict with what is stored",
    "DeadlineExceededError": "not finished in time",
    "DownloadRejectedError": "could not be downloaded",
    "ImageQuarantinedError": "could not be processed by the service",
    "InternalServerError": "failed by the service",
    "InvalidArgumentError": "invalid item",
    "NotFoundError": "not found",
    "PayloadTooLargeError": "too large for the service",
    "ResponseDecodeError": "unreadable response",
    "SourceChangedError": "changed while it was being sent",
    "UnprocessableEntityError": "rejected as invalid by the service",
    "UnsupportedImageTypeError": "not a supported image",
    "UploadRejectedError": "rejected by the object store",
    "UploadSourceError": "unreadable or empty",
    "UploadVerificationError": "stored with another size or hash than was sent",
}
"""Descriptions of errors of single items, by class name. Others are described by their class name."""

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]+|[a-z0-9]+")


def in_words(cause: str) -> str:
    """A cause in words, such as `too large for the service (413)`.

    Args:
        cause: the result of `cause_of`: the class of an error, and its status and type if it has them.
    """
    name, _, details = cause.partition(" ")
    words = _IN_WORDS.get(name) or _spelled(name)
    return f"{words} ({details})" if details else words


def _spelled(class_name: str) -> str:
    words = _WORD.findall(class_name.removesuffix("Error")) or [class_name]
    return " ".join(word if word.isupper() else word.lower() for word in words)
