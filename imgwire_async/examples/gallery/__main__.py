"""`python -m imgwire_async.examples.gallery`: the service on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import sys

from imgwire_async.examples.gallery.settings import SettingsError


def main() -> None:
    """Run the service."""
    parser = argparse.ArgumentParser(prog="python -m imgwire_async.examples.gallery", description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    port = parser.parse_args().port
    try:
        import uvicorn

        from imgwire_async.examples.gallery.service import app
    except ModuleNotFoundError as error:
        sys.exit(f"Error: {error}. Install the extra: pip install 'imgwire-async[fastapi]'")
    except SettingsError as error:
        sys.exit(f"Error: {error}")
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        problem = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        sys.exit(f"Error: cannot listen on port {port}: {problem.rstrip('.')}. Choose another with --port.")
    sys.stderr.write(f"http://127.0.0.1:{listener.getsockname()[1]} (Ctrl-C to stop)\n")
    with listener, contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(uvicorn.Config(app)).run(sockets=[listener])


main()
