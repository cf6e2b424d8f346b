"""Property tests with fresh seeds, one file after another until the time is up: fuzz.py [SECONDS]."""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 60.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/test --fuzz", description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=SECONDS, help="default: %(default)s")
    end = time.monotonic() + parser.parse_args().seconds
    files = [path for path in sorted((ROOT / "tests").rglob("test_*.py")) if "@given(" in path.read_text()]
    runs = 0
    while True:
        random.shuffle(files)
        for file in files:
            # At least one run, so that a short time does not count as a success.
            if runs and time.monotonic() >= end:
                print(f"{runs} runs of files with property tests, nothing found")
                return 0
            if not passes(file):
                return 1
            runs += 1


def passes(file: Path) -> bool:
    seed = random.randrange(2**32)  # noqa: S311 - it keeps no secret
    arguments = ["-m", "hypothesis", "--hypothesis-profile=fuzz", f"--hypothesis-seed={seed}"]
    arguments.append(str(file.relative_to(ROOT)))
    run = subprocess.run([sys.executable, "-m", "pytest", "-q", *arguments], cwd=ROOT, check=False)
    if run.returncode:
        print("\nTo see it again: .venv/bin/python -m pytest", " ".join(arguments))
    return run.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
