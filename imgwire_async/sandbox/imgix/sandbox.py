"""The public imgix sandbox: Management API and rendering hosts on a real socket."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TypeVar, Unpack
from urllib.parse import quote

from starlette.types import ASGIApp

from imgwire_async.sandbox.imgix import app, auth, origins
from imgwire_async.sandbox.imgix.cdn.delivery import HOST_PREFIX
from imgwire_async.sandbox.imgix.operations import OPERATIONS, Permission
from imgwire_async.sandbox.imgix.resources import assets, reports, sources
from imgwire_async.sandbox.imgix.runtime import TABLES, Runtime, identity_of, variables
from imgwire_async.sandbox.imgix.settings import ImgixSandboxOptions, ImgixSandboxSettings
from imgwire_async.sandbox.server.runtime import Files
from imgwire_async.sandbox.server.sandbox import LocalService

T = TypeVar("T")

_EXAMPLES: Mapping[str, Mapping[str, object]] = {
    "azure": {"azure_account": "account", "azure_bucket": "bucket", "azure_sas_string": "sas"},
    "gcs": {"gcs_access_key": "access", "gcs_secret_key": "secret", "gcs_bucket": "bucket"},
    "s3": {"s3_access_key": "access", "s3_secret_key": "secret", "s3_bucket": "bucket"},
    "webproxy": {"secure_url_enabled": True},
}
"""Required fields of a source besides its hosts, filled in by `add_source`."""


class ImgixSandbox(LocalService[Runtime]):
    """A local imgix for tests, demos and development: the Management API and the rendering hosts.

    It runs in a background thread with its own event loop, so the caller may use asyncio, trio or no loop
    at all::

        async with ImgixSandbox() as sandbox:
            source_id = sandbox.add_source("shop")
            sandbox.add_file(source_id, "/heroes/hero.jpg", Path("hero.jpg").read_bytes())
            url = sandbox.rendering_url("shop.imgix.net", "/heroes/hero.jpg", "w=400")
            ...  # sandbox.base_url, sandbox.api_key

    Args:
        folder: Folder for its state, which the next sandbox with this folder uses again. None uses a
            temporary folder that is removed at the end.
        port: TCP port; 0 takes a free one.
        host: Address to listen on.
        **settings: Fields of `ImgixSandboxSettings`.

    Raises:
        TypeError: an unknown setting.
        ValueError: a setting is out of range.
    """

    _DATABASE = "imgix.sqlite"

    def __init__(
        self,
        folder: str | PathLike[str] | None = None,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        **settings: Unpack[ImgixSandboxOptions],
    ) -> None:
        self.settings = ImgixSandboxSettings(**settings)
        super().__init__(
            folder, port=port, host=host, operations=OPERATIONS, journal_size=self.settings.journal_size
        )

    @property
    def api_key(self) -> str:
        """A key with every permission, `ak_…`."""
        return self._running.runtime.identity.api_key

    @property
    def variables(self) -> Mapping[str, str]:
        """Environment variables for clients of this sandbox, such as `IMGIX_API_KEY`, and their values."""
        return variables(self._running.runtime.identity, self.base_url)

    def create_key(self, *permissions: Permission | str) -> str:
        """Create a key with these permissions only; `reset` revokes it.

        Raises:
            ValueError: the permission does not exist.
        """
        wanted = [Permission(permission) for permission in permissions]
        return self._on_loop(lambda runtime: auth.new_key(runtime, wanted))

    def add_source(
        self, subdomain: str, *, type: str = "s3", name: str | None = None, **deployment: object
    ) -> str:
        """Create a source without waiting for its deployment.

        Args:
            subdomain: Label of its host, without `.imgix.net`.
            type: `azure`, `gcs`, `s3`, `s3_compatible`, `webfolder` or `webproxy`.
            name: Display name; default: the subdomain.
            **deployment: Other fields of the deployment.

        Returns:
            Its id.
        """
        given = {"type": type, "imgix_subdomains": [subdomain], **_EXAMPLES.get(type, {}), **deployment}
        attributes: dict[str, object] = {"name": name or subdomain, "deployment": given}
        return self._on_loop(lambda runtime: str(sources.create(runtime, attributes)["id"]))

    def add_file(
        self,
        source_id: str,
        origin_path: str,
        data: bytes,
        *,
        index: bool = True,
        **attributes: object,
    ) -> None:
        """Put a file into the storage of a source.

        Args:
            source_id: The source.
            origin_path: Its path.
            data: Its bytes.
            index: Whether it becomes an asset, as if it had been requested some time ago.
            **attributes: User-defined attributes of the asset: `name`, `description`, `categories`,
                `tags`, `custom_fields`.
        """
        runtime = self._running.runtime
        path = origins.normalized(origin_path)
        incoming = runtime.files.incoming_file()
        incoming.write_bytes(data)
        facts = origins.examine(incoming, path, None)
        digest = hashlib.sha256(data).hexdigest()

        def keep(runtime: Runtime) -> None:
            sources.find(runtime, source_id)
            file = origins.keep_examined(runtime, source_id, path, incoming, len(data), digest, facts)
            if index:
                assets.index(runtime, file)
                assets.change(runtime, source_id, path, attributes)

        try:
            self._on_loop(keep)
        finally:
            incoming.unlink(missing_ok=True)

    def add_report(
        self,
        report_type: str,
        *,
        period_start: float,
        period_end: float,
        files: Sequence[bytes] = (),
        completed_after: float = 0.0,
    ) -> str:
        """Create a report and return its id.

        Args:
            report_type: Such as `source_analytics`.
            period_start: Unix time in seconds.
            period_end: Unix time in seconds.
            files: Contents of its files.
            completed_after: Seconds until it is completed.
        """
        period = (period_start, period_end)
        return self._on_loop(
            lambda runtime: reports.add(runtime, report_type, period, files, completed_after)
        )

    def rendering_url(self, host: str, path: str, query: str = "") -> str:
        """The URL at which a rendering host can be reached without DNS.

        Args:
            host: Such as `shop.imgix.net`.
            path: The origin path, not encoded.
            query: Rendering parameters, encoded.
        """
        encoded = quote(path.removeprefix("/"), safe="/!$&'()*,;=@~")
        return f"{self.base_url}{HOST_PREFIX}{host}/{encoded}" + (f"?{query}" if query else "")

    def _on_loop(self, action: Callable[[Runtime], T]) -> T:
        running = self._running
        found: list[T] = []
        running.call(lambda: found.append(action(running.runtime)))
        return found[0]

    def _open(self, folder: Path, base_url: str, closing: contextlib.ExitStack) -> Runtime:
        settings, files = self.settings, Files(folder)
        parts = self._open_parts(
            files,
            base_url,
            closing,
            tables=TABLES,
            clock=settings.clock,
            rules=settings.rules,
            variant_bytes=settings.cdn_cache_bytes,
        )
        identity = identity_of(parts["database"])
        return Runtime(settings=settings, identity=identity, files=files, **parts)

    def _application(self, runtime: Runtime) -> ASGIApp:
        return app.build(runtime)

    def _clear(self, runtime: Runtime) -> None:
        runtime.database.clear()
        runtime.files.clear()
