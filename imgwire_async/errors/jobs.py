"""Errors of operations that take several calls: bulk jobs and deployments."""

from __future__ import annotations

from typing import Unpack

from imgwire_async.errors.base import CallContext, ImgwireError


class IngestError(ImgwireError):
    """A bulk job could not continue."""


class JournalError(IngestError):
    """The journal is in use, damaged, not writable, or belongs to another program, job, service or source.

    Nothing in it was overwritten. Once the cause is fixed, the same job resumes where it stopped.

    Attributes:
        reason: Why, in one word, if the cause can be fixed: `in_use`, `full` (the disk), `not_writable` or
            `damaged`. Empty if the journal belongs to something else and another file must be used.
    """

    def __init__(self, message: str = "", *, reason: str = "", **context: Unpack[CallContext]) -> None:
        super().__init__(message, **context)
        self.reason = reason


class IngestStoppedError(IngestError):
    """A bulk job stopped early. Nothing is in flight any more, and the same call resumes the job.

    Attributes:
        reason: Why, in one word: `error`, `failures`, `same_failure`, `outage`, `deadline` or `worker`.
    """

    def __init__(self, message: str = "", *, reason: str = "", **context: Unpack[CallContext]) -> None:
        super().__init__(message, **context)
        self.reason = reason


class DeploymentFailedError(ImgwireError):
    """A source is disabled or deleted, so its deployment will never finish.

    Attributes:
        source_id: Id of the source.
    """

    def __init__(self, message: str = "", *, source_id: str = "", **context: Unpack[CallContext]) -> None:
        super().__init__(message, **context)
        self.source_id = source_id
