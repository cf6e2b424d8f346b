"""Entry point of the installed command: handles Ctrl-C and SIGTERM before the SDK is loaded.

A separate module, so that importing it does not import the package. Until its first lines have run, for about
10 ms, a signal is handled by the interpreter, which prints a traceback.
"""

# `signal` itself loads enumerations, which takes ten times as long as all of this.
import _signal  # type: ignore[import-not-found, unused-ignore]
import os

for _number in (_signal.SIGINT, _signal.SIGTERM):
    if _signal.getsignal(_number) != _signal.SIG_IGN:  # as in a shell's background jobs
        _signal.signal(_number, lambda number, _: os._exit(128 + number))


def main() -> None:
    """Run the command."""
    from imgwire_async.cli import main as run

    run()
