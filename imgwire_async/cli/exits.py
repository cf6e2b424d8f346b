"""Exit codes of all commands, and the errors that lead to each."""

from __future__ import annotations

import errno
from enum import IntEnum
from typing import Final

from imgwire_async import errors
from imgwire_async.cli.wording import names_option


class ExitCode(IntEnum):
    """How a command ends. The same for all commands."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    NOT_FOUND = 4
    INVALID = 5
    UNREACHABLE = 6
    STOPPED = 7
    INTERRUPTED = 130
    TERMINATED = 143


EXIT_CODES: Final = """\
0 done
1 failed: an item of a job; a file to write that already exists; a port that is in use; or output \
that cannot be written because standard output is closed, the reader of a pipe has ended or the disk is full
2 wrong usage or configuration: an unknown option or a wrong value of one, no key, or a file to write that \
has no folder or is not writable
3 key, plan or permission rejected (401, 402, 403)
4 not found
5 a file, id, URL or transformation was rejected
6 service unreachable, busy or failing
7 job stopped early, or its journal is in use or cannot be written: run the same command again
130 interrupted with Ctrl-C
143 ended by SIGTERM
"""
"""The table, a line for each code."""

_WRONG_TARGETS: Final = frozenset(
    {
        errno.EACCES,
        errno.EISDIR,
        errno.EINVAL,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EPERM,
        errno.EROFS,
    }
)
"""Errors for which a file can never be written to a path, unlike an existing file or a full disk."""


def exit_code(error: BaseException) -> ExitCode:
    """The exit code for an error."""
    match error:
        case errors.ConfigurationError():
            return ExitCode.USAGE
        case errors.DownloadTargetError():
            return ExitCode.USAGE if error.errno in _WRONG_TARGETS else ExitCode.FAILED
        case errors.InvalidArgumentError() | errors.UnprocessableEntityError() if names_option(error):
            return ExitCode.USAGE
        case errors.AuthenticationError() | errors.PaymentRequiredError() | errors.PermissionDeniedError():
            return ExitCode.REFUSED
        case errors.NotFoundError():
            return ExitCode.NOT_FOUND
        case errors.RateLimitError() | errors.InternalServerError():
            return ExitCode.UNREACHABLE
        case errors.APIConnectionError() | errors.DeadlineExceededError():
            return ExitCode.UNREACHABLE
        case errors.StoreError() if error.reason in {"credentials", "denied", "bucket_denied"}:
            return ExitCode.REFUSED
        case errors.StoreError() if error.is_transient or error.reason == "outage":
            return ExitCode.UNREACHABLE
        case errors.JournalError():
            # A journal that belongs to something else is left unchanged; another file must be named.
            return ExitCode.STOPPED if error.reason else ExitCode.USAGE
        case errors.IngestStoppedError():
            refused = error.__cause__ is not None and exit_code(error.__cause__) is ExitCode.REFUSED
            return ExitCode.REFUSED if refused else ExitCode.STOPPED
        case errors.APIStatusError() | errors.UploadError():
            return ExitCode.INVALID
        case errors.ImgwireError() if isinstance(error, ValueError):
            return ExitCode.INVALID
        case _:
            return ExitCode.FAILED
