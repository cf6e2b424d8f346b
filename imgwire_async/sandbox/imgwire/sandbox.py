"""The public sandbox: a local Imgwire on a real socket, in its own thread."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Unpack

from starlette.types import ASGIApp

from imgwire_async.sandbox.imgwire import app, recovery
from imgwire_async.sandbox.imgwire.identity import TABLES, Identity, identity_of, variables
from imgwire_async.sandbox.imgwire.operations import OPERATIONS
from imgwire_async.sandbox.imgwire.runtime import Files, Runtime
from imgwire_async.sandbox.imgwire.settings import SandboxOptions, SandboxSettings
from imgwire_async.sandbox.server.sandbox import LocalService


class Sandbox(LocalService[Runtime]):
    """A local Imgwire service for tests, demos and development.

    It runs in a background thread with its own event loop, so the caller may use asyncio, trio or no loop
    at all::

        async with Sandbox() as sandbox:
            ...  # sandbox.base_url, sandbox.server_key, sandbox.environment_id

        with Sandbox("kept/", port=8787) as sandbox:
            ...

    Args:
        folder: Folder for records, images and keys, which the next sandbox with this folder uses again. None
            uses a temporary folder that is removed at the end.
        port: TCP port; 0 takes a free one.
        host: Address to listen on.
        **settings: Fields of `SandboxSettings`.

    Raises:
        TypeError: an unknown setting.
        ValueError: a setting is out of range.
    """

    _DATABASE = "imgwire.sqlite"

    def __init__(
        self,
        folder: str | PathLike[str] | None = None,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        **settings: Unpack[SandboxOptions],
    ) -> None:
        self.settings = SandboxSettings(**settings)
        super().__init__(
            folder, port=port, host=host, operations=OPERATIONS, journal_size=self.settings.journal_size
        )

    @property
    def server_key(self) -> str:
        """A key for every operation, `sk_…`."""
        return self._identity.server_key

    @property
    def client_key(self) -> str:
        """A key for creating and retrieving images only, `ck_…`."""
        return self._identity.client_key

    @property
    def session_token(self) -> str:
        """A dashboard session's token: every operation, if `X-Environment-Id` names the environment."""
        return self._identity.session_token

    @property
    def environment_id(self) -> str:
        """UUID of the one environment."""
        return self._identity.environment_id

    @property
    def variables(self) -> Mapping[str, str]:
        """Environment variables for clients of this sandbox, such as `IMGWIRE_API_KEY`, and their values."""
        return variables(self._identity, self.base_url)

    @property
    def organization_id(self) -> str:
        """UUID of the one organization."""
        return self._identity.organization_id

    @property
    def _identity(self) -> Identity:
        return self._running.runtime.identity

    def _open(self, folder: Path, base_url: str, closing: contextlib.ExitStack) -> Runtime:
        settings, files = self.settings, Files(folder)
        parts = self._open_parts(
            files,
            base_url,
            closing,
            tables=TABLES,
            clock=settings.clock,
            rules=settings.rate_limits,
            variant_bytes=settings.cdn_cache_bytes,
        )
        identity = identity_of(parts["database"])
        return Runtime(settings=settings, identity=identity, files=files, **parts)

    def _application(self, runtime: Runtime) -> ASGIApp:
        application = app.build(runtime)
        recovery.resume(runtime)
        return application

    def _clear(self, runtime: Runtime) -> None:
        runtime.database.clear()
        runtime.files.clear()
