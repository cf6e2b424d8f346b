"""Errors of what takes several calls: bulk jobs and deployments."""

from __future__ import annotations

from typing import Unpack

from imgwire_async.errors.base import CallContext, ImgwireError


class IngestError(ImgwireError):
    """A bulk job could not continue."""


class JournalError(IngestError):
    """The journal is in use, damaged, not writable, or that of another program, job, service or source.

    Nothing in it was overwritten. Once the cause is gone, the same job resumes where it was.

    Attributes:
        reason: What passes, in one word: `in_use`, `full` (the disk), `not_writable` or `damaged`. Empty when
            another file has to be named, because this one belongs to something else.
    """

    def __init__(self, message: str = "", *, reason: str = "", **context: Unpack[CallContext]) -> None:
        super().__init__(message, **context)
        self.reason = reason


class IngestStoppedError(IngestError):
    """A bulk job stopped early. What was in flight has ended, and the same call resumes the job.

    Attributes:
        reason: Why, in one word: `error`, `failures`, `same_failure`, `outage`, `deadline` or `worker`.
    """

    def __init__(self, message: str = "", *, reason: str = "", **context: Unpack[CallContext]) -> None:
        super().__init__(message, **context)
        self.reason = reason


class DeploymentFailedError(ImgwireError):
    """A source is disabled or deleted, so there is no use in waiting for its deployment.

    Attributes:
        source_id: Id of the source.
    """

    def __init__(self, message: str = "", *, source_id: str = "", **context: Unpack[CallContext]) -> None:
        super().__init__(message, **context)
        self.source_id = source_id
