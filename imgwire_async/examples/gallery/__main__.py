"""`python -m imgwire_async.examples.gallery`: the service on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import sys

import uvicorn

from imgwire_async.examples.gallery.settings import SettingsError


def main() -> None:
    """Run the service."""
    parser = argparse.ArgumentParser(prog="python -m imgwire_async.examples.gallery", description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    port = parser.parse_args().port
    try:
        from imgwire_async.examples.gallery.service import app
    except SettingsError as error:
        sys.exit(f"Error: {error}")
    uvicorn.run(app, host="127.0.0.1", port=port)


main()
