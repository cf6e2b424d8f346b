"""Threads that use pictures do not wait for each other forever, whatever is logged, and where."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.hangs import HANGS

IN_THREADS = """
import logging, os, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
{imports}

with open(os.devnull, "w") as null:
    handlers = [logging.StreamHandler(null), logging.StreamHandler(null)]
    logging.basicConfig(level=logging.DEBUG, handlers=handlers)
    photo = Path(sys.argv[1])
    content = photo.read_bytes()
    with ThreadPoolExecutor(4) as pool:
        print(sum(result is not None for result in pool.map(lambda _: {call}, range(24))))
"""


@pytest.mark.parametrize(
    ("imports", "call"),
    [
        ("from imgwire_async.sandbox.pictures.inspection import inspect", "inspect(photo, None, 10**9)"),
        ("from imgwire_async.migrate.verification.comparing import measure", "measure(content, content)"),
        ("from imgwire_async.ingest.results.thumbnails import thumbnail", "thumbnail(str(photo))"),
    ],
    ids=["a local service", "the verification of a migration", "thumbnails of a report"],
)
def test_two_handlers_at_debug_level_block_no_thread(photo: Path, imports: str, call: str) -> None:
    code = IN_THREADS.format(imports=imports, call=call)
    done = subprocess.run(
        [sys.executable, "-c", code, photo], capture_output=True, text=True, check=False, timeout=HANGS
    )

    assert (done.stdout, done.stderr) == ("24\n", "")


@pytest.mark.parametrize(("own", "effective"), [("NOTSET", "INFO"), ("DEBUG", "DEBUG")])
@pytest.mark.parametrize(
    "use",
    [
        "import imgwire_async.sandbox.pictures",
        "from imgwire_async.core.log_of_pyvips import keep_above_debug; keep_above_debug()",
    ],
    ids=["local services", "the client"],
)
def test_a_level_that_the_application_has_set_is_kept(use: str, own: str, effective: str) -> None:
    code = (
        "import logging, sys\n"
        "logging.getLogger('pyvips').setLevel(sys.argv[1])\n"
        f"{use}\n"
        "print(logging.getLevelName(logging.getLogger('pyvips').level))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, own], capture_output=True, text=True, check=True)

    assert done.stdout == f"{effective}\n"
