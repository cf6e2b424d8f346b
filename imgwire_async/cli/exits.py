"""How commands end: the one table of exit codes, and what leads to each."""

from __future__ import annotations

from enum import IntEnum

from imgwire_async import errors


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


EXIT_CODES = """\
Exit codes: 0 done · 1 failed: an item of a job, or output that cannot be written (disk full, closed pipe) ·
2 wrong usage or configuration; also when a job cannot write one of its outputs and has not started yet ·
3 key, plan or permission rejected (401, 402, 403) · 4 not found · 5 file or value rejected ·
6 service unreachable, busy or failing ·
7 job stopped early, or its journal is in use or cannot be written: run the same command again ·
130 Ctrl-C · 143 SIGTERM.
"""


def exit_code(error: BaseException) -> ExitCode:
    """The exit code for an error."""
    match error:
        case errors.ConfigurationError():
            return ExitCode.USAGE
        case errors.AuthenticationError() | errors.PaymentRequiredError() | errors.PermissionDeniedError():
            return ExitCode.REFUSED
        case errors.NotFoundError():
            return ExitCode.NOT_FOUND
        case errors.RateLimitError() | errors.InternalServerError():
            return ExitCode.UNREACHABLE
        case errors.APIConnectionError() | errors.DeadlineExceededError():
            return ExitCode.UNREACHABLE
        case errors.JournalError():
            # A journal of something else stays as it is, and another file has to be named.
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
