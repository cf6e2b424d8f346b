"""Starting, stopping, restarting and clearing a sandbox."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
import trio

from imgwire_async.sandbox import Sandbox, SandboxSettings
from imgwire_async.sandbox.imgwire.settings import SandboxOptions
from tests.hangs import HANGS
from tests.sandbox.imgwire.support import PUBLIC, connect, eventually, open_api, photograph

JPEG = {"Content-Type": "image/jpeg"}


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_the_options_of_sandbox_are_the_fields_of_its_settings() -> None:
    assert list(SandboxOptions.__annotations__) == list(SandboxSettings.__dataclass_fields__)


@pytest.mark.parametrize("run", [anyio.run, trio.run])
def test_it_runs_alongside_any_event_loop(run: object) -> None:
    async def use() -> str:
        async with Sandbox() as sandbox:
            response = await anyio.to_thread.run_sync(PUBLIC.get, sandbox.base_url + "/health")
            return str(response.json()["status"])

    assert run(use) == "ok"  # type: ignore[operator]


def test_a_cancelled_caller_still_stops_it() -> None:
    sandbox = Sandbox()

    async def use() -> None:
        with anyio.move_on_after(0.2):
            async with sandbox:
                await anyio.sleep_forever()

    anyio.run(use)

    assert repr(sandbox) == "<Sandbox not running>"


async def test_a_caller_cancelled_while_it_starts_leaves_nothing_running() -> None:
    async def use() -> None:
        async with Sandbox():
            await asyncio.sleep(60)

    def servers() -> int:
        return sum(thread.name == "imgwire-sandbox" for thread in threading.enumerate())

    before = servers()  # another one may serve other tests

    for delay in (0.0, 0.001, 0.004, 0.05):
        task = asyncio.create_task(use())
        await asyncio.sleep(delay)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert servers() == before


async def test_a_start_that_is_cancelled_before_its_thread_begins_starts_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiting, begin, ended = (threading.Event() for _ in range(3))
    run_sync = anyio.to_thread.run_sync

    async def run_late(work: Callable[..., None], *arguments: object) -> None:
        def late() -> None:
            waiting.set()
            begin.wait(20)
            work(*arguments)
            ended.set()

        monkeypatch.setattr(anyio.to_thread, "run_sync", run_sync)
        await run_sync(late)

    monkeypatch.setattr(anyio.to_thread, "run_sync", run_late)
    sandbox = Sandbox()
    task = asyncio.create_task(sandbox.__aenter__())
    assert await run_sync(waiting.wait, 20)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    begin.set()
    assert await run_sync(ended.wait, 20)

    assert repr(sandbox) == "<Sandbox not running>"
    await run_sync(sandbox.stop)


def test_it_leaves_no_threads_files_or_folders_behind() -> None:
    with Sandbox() as warm, open_api(warm).http as client:
        client.get("/health")
    gc.collect()
    files, threads = open_files(), threading.active_count()

    with Sandbox() as sandbox:
        api = open_api(sandbox)
        api.upload(photograph())
        folder = Path(str(sandbox._temporary and sandbox._temporary.name))
        assert folder.exists()
        api.http.close()

    eventually(lambda: threading.active_count() <= threads)
    gc.collect()
    assert open_files() <= files
    assert not folder.exists()


@pytest.mark.measures_time
def test_stopping_does_not_wait_for_idle_or_stalled_connections() -> None:
    sandbox = Sandbox(processing_delay=60)
    sandbox.start()
    api = open_api(sandbox)
    data = photograph()
    PUBLIC.put(api.create(data)["upload_url"], content=data, headers=JPEG)
    stalled = connect(sandbox)
    sandbox.faults.always("health", stall=60)
    stalled.request("GET", "/health")
    eventually(lambda: sandbox.requests.of("health"))

    start = time.monotonic()
    sandbox.stop()

    assert time.monotonic() - start < 20, "it waited for a stall or for the processing, of 60 s each"
    stalled.close()
    api.http.close()


@pytest.mark.measures_time
def test_stopping_cuts_an_upload_that_never_ends() -> None:
    sandbox = Sandbox()
    sandbox.start()
    api = open_api(sandbox)
    target = api.create(content_length=1000)["upload_url"].removeprefix(sandbox.base_url)
    connection = socket.create_connection(("127.0.0.1", int(sandbox.base_url.rpartition(":")[2])))
    head = f"PUT {target} HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\nContent-Length: 1000\r\n\r\n"
    connection.sendall(head.encode() + b"x")
    eventually(lambda: sandbox.requests.of("store.put"))

    start = time.monotonic()
    sandbox.stop()

    assert time.monotonic() - start < 20
    connection.close()
    api.http.close()


def test_a_kept_folder_restores_keys_images_and_bytes(tmp_path: Path) -> None:
    data = photograph()
    with Sandbox(tmp_path) as sandbox:
        keys = (sandbox.server_key, sandbox.client_key, sandbox.session_token, sandbox.environment_id)
        api = open_api(sandbox)
        with api.http:
            image = api.upload(data, custom_metadata={"a": 1})

    with Sandbox(tmp_path) as sandbox:
        api = open_api(sandbox)
        with api.http:
            again = api.retrieve(image["id"])
        assert (sandbox.server_key, sandbox.client_key, sandbox.session_token, sandbox.environment_id) == keys
        assert again["cdn_url"].startswith(sandbox.base_url)
        assert PUBLIC.get(again["cdn_url"]).content == data

    assert {**again, "cdn_url": ""} == {**image, "cdn_url": ""}


def test_interrupted_processing_is_resumed(tmp_path: Path) -> None:
    data = photograph()
    with Sandbox(tmp_path, processing_delay=60) as sandbox:
        api = open_api(sandbox)
        with api.http:
            created = api.create(data)
            PUBLIC.put(created["upload_url"], content=data, headers=JPEG)
            assert api.retrieve(created["image"]["id"])["status"] == "PROCESSING"

    with Sandbox(tmp_path) as sandbox:
        api = open_api(sandbox)
        with api.http:
            assert api.settled(created["image"]["id"])["status"] == "READY"


def test_a_killed_sandbox_processes_received_uploads_at_its_next_start(tmp_path: Path) -> None:
    script = (
        "import sys, time\n"
        "from imgwire_async.sandbox import Sandbox\n"
        "sandbox = Sandbox(sys.argv[1], processing_delay=60)\n"
        "sandbox.start()\n"
        "print(sandbox.base_url, sandbox.server_key, flush=True)\n"
        "time.sleep(600)\n"
    )
    data = photograph()
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        base_url, key = process.stdout.readline().split()
        created = PUBLIC.post(
            f"{base_url}/api/v1/images/standard_upload",
            json={"file_name": "a.jpg"},
            headers={"Authorization": f"Bearer {key}"},
        ).json()
        assert PUBLIC.put(created["upload_url"], content=data, headers=JPEG).status_code == 200
        process.kill()

    with Sandbox(tmp_path) as sandbox:
        api = open_api(sandbox)
        with api.http:
            assert sandbox.server_key == key
            assert api.settled(created["image"]["id"])["status"] == "READY"


def test_an_upload_url_survives_a_restart_on_the_same_port(tmp_path: Path) -> None:
    data = photograph()
    with Sandbox(tmp_path) as sandbox:
        port = int(sandbox.base_url.rpartition(":")[2])
        api = open_api(sandbox)
        with api.http:
            created = api.create(data)

    with Sandbox(tmp_path, port=port):
        assert PUBLIC.put(created["upload_url"], content=data, headers=JPEG).status_code == 200


def test_reset_clears_everything_except_the_keys() -> None:
    with Sandbox() as sandbox:
        api = open_api(sandbox)
        with api.http:
            image = api.upload(photograph())
            sandbox.faults.always("health", status=500)
            key = sandbox.server_key

            sandbox.reset()

            assert (len(sandbox.requests), sandbox.faults.unused(), sandbox.server_key) == (0, [], key)
            assert api.http.get("/api/v1/images/").json() == []
            assert api.http.get("/health").status_code == 200
            assert PUBLIC.get(image["cdn_url"]).status_code == 404
            assert api.upload(photograph())["status"] == "READY"


def test_a_stopped_sandbox_is_reported_as_such() -> None:
    with pytest.raises(RuntimeError, match="not running"):
        _ = Sandbox().base_url


def test_starting_twice_is_an_error() -> None:
    with Sandbox() as sandbox, pytest.raises(RuntimeError, match="already running"):
        sandbox.start()


def test_a_sandbox_can_be_started_again() -> None:
    sandbox = Sandbox()
    for _ in range(2):
        with sandbox:
            assert PUBLIC.get(sandbox.base_url + "/health").status_code == 200


def test_a_port_in_use_is_an_os_error() -> None:
    with Sandbox() as sandbox:
        port = int(sandbox.base_url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            Sandbox(port=port).start()


def test_a_folder_in_use_is_an_os_error(tmp_path: Path) -> None:
    with Sandbox(tmp_path), pytest.raises(OSError, match="in use"):
        Sandbox(tmp_path).start()


def test_a_folder_that_is_a_file_is_an_os_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()

    with pytest.raises(OSError, match="file"):
        Sandbox(path).start()


def test_a_file_that_is_not_a_database_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "imgwire.sqlite").write_bytes(b"something else entirely" * 100)

    with pytest.raises(OSError, match="not a sandbox's database"):
        Sandbox(tmp_path).start()


@pytest.mark.parametrize(
    "settings",
    [
        {"maximum_upload_bytes": 0},
        {"processing_delay": -1.0},
        {"idempotency": "maybe"},
        {"size_refusal_status": 400},
    ],
)
def test_invalid_settings_are_rejected(settings: SandboxOptions) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        Sandbox(**settings)


def test_requests_are_recorded_without_queries_or_keys() -> None:
    with Sandbox(journal_size=3) as sandbox:
        api = open_api(sandbox)
        with api.http:
            for _ in range(5):
                api.http.get("/api/v1/images/?page=1")
            before = time.monotonic()
            api.http.post("/api/v1/images/standard_upload?upload_token=secret", content=b"{}")

        assert len(sandbox.requests) == 3
        request = sandbox.requests[-1]

    assert (request.operation, request.method, request.path) == (
        "images.create",
        "POST",
        "/api/v1/images/standard_upload",
    )
    assert (request.status, request.bytes_received, request.authorized_with) == (422, 2, "Bearer")
    assert request.answered_at is not None
    assert before < request.answered_at <= time.monotonic()
    assert request.client_port > 0
    assert request.headers["content-length"] == "2"
    assert "secret" not in repr(request)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_what_to_export_and_stops_at_a_signal(number: int, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from imgwire_async.cli import main; main()", "sandbox", "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*command, "--folder", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines: dict[str, str] = {}
        while "IMGWIRE_ENVIRONMENT_ID" not in lines:
            name, _, value = process.stdout.readline().strip().removeprefix("export ").partition("=")
            lines[name] = value
        headers = {
            "Authorization": f"Bearer {lines['IMGWIRE_API_KEY']}",
            "X-Environment-Id": lines["IMGWIRE_ENVIRONMENT_ID"],
        }
        answer = PUBLIC.get(f"{lines['IMGWIRE_API_BASE_URL']}/api/v1/images/", headers=headers)
        process.send_signal(number)

        assert process.wait(HANGS) == 0
        (line,) = process.stderr.read().splitlines()
        assert " GET /api/v1/images/ 200 " in line
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("missing", "arguments", "extra"), [("typer", [], "cli"), ("fastapi", ["sandbox"], "cli,sandbox")]
)
def test_the_command_names_a_missing_extra(missing: str, arguments: list[str], extra: str) -> None:
    script = f"import sys; sys.modules[{missing!r}] = None; from imgwire_async.cli import main; main()"

    result = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
    )

    assert result.returncode == 2
    assert f"pip install 'imgwire-async[{extra}]'" in result.stderr
    assert "Traceback" not in result.stderr
