"""Runs the program from its arguments to its exit code."""

from __future__ import annotations

import os
import sys

from imgwire_async.cli import interruptions
from imgwire_async.cli.app import app
from imgwire_async.cli.exits import ExitCode
from imgwire_async.cli.output import unwritable


def run_program() -> None:
    """Run the command named by the arguments, and end the process.

    Raises:
        SystemExit: always.
    """
    interruptions.by_exit()
    code: object = ExitCode.OK
    try:
        app(prog_name="imgwire-async")
    except SystemExit as ended:
        code = ended.code
    except OSError as error:  # outside of commands: in help texts and prompts
        code = unwritable(error)
    finally:
        interruptions.at_once()
    try:
        sys.stdout.flush()
        if code == ExitCode.OK:
            os.write(sys.stdout.fileno(), b"")  # fails if it is closed, even if there is nothing to write
    except OSError as error:
        code = code or unwritable(error)
    sys.exit(code if isinstance(code, int) else ExitCode.FAILED)
