"""Measures how long imports take, in fresh processes that take turns."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys

CONTESTANTS = {
    "import aiohttp": "import aiohttp",
    "import imgwire_async": "import imgwire_async",
    "the class of the client": "from imgwire_async import AsyncImgwireClient",
    "a client": "from imgwire_async import AsyncImgwireClient; AsyncImgwireClient('sk_bench')",
    "imgwire-async --help": "import sys; sys.argv += ['--help']; from imgwire_async.cli import main; main()",
}


def imports(rounds: int = 7) -> None:
    """Processor time of imports, of the first client, and of the command's help, next to `import aiohttp`.

    The time of an interpreter that does nothing is subtracted. Each contestant shows its median.
    """
    seconds: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    for _ in range(rounds):
        for name, code in CONTESTANTS.items():
            seconds[name].append(_cpu_seconds(code) - _cpu_seconds("pass"))
    medians = {name: statistics.median(measured) for name, measured in seconds.items()}
    for name, median in medians.items():
        print(
            f"{name:26} {median * 1000:6.0f} ms  {median / medians['import aiohttp']:5.2f} x import aiohttp"
        )


def _cpu_seconds(code: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
