"""Presigned URLs, for fetching an object without credentials."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from imgwire_async.core.values.redaction import Secret
from imgwire_async.stores.calling import call
from imgwire_async.stores.errors import failed, store_errors
from imgwire_async.stores.opening import Store
from imgwire_async.stores.uris import ObjectUri

LIFETIME: Final = 900.0
"""Validity in seconds of a URL that is created just before it is used."""
_UNESCAPED: Final = re.compile(r"[%?#\\]")
_GOOGLE_FILES: Final = ("service_account", "service_account_path", "application_credentials")
_AZURE_KEYS: Final = ("account_key", "access_key", "master_key")
_AZURE_VARIABLES: Final = (
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_MASTER_KEY",
)


async def signed_url(store: Store, key: str, *, seconds: float = LIFETIME) -> Secret:
    """Create a URL from which anyone can fetch an object for a while.

    It is never valid longer than the credentials. For Google credentials without a private key, signing takes
    a request.

    Args:
        store: its bucket.
        key: its key.
        seconds: how long the URL is valid.

    Raises:
        SourceStoreError: the store or its credentials cannot sign.
    """
    import obstore

    handle: Any = store.handle
    lifetime = timedelta(seconds=seconds)
    what = f"cannot sign a URL for {store.name(key)!r}"

    async def signed(path: str) -> str:
        try:
            with store_errors(what):
                return await call(
                    lambda: obstore.sign_async(handle, "GET", path, lifetime),
                    lambda: obstore.sign(handle, "GET", path, lifetime),
                )
        except TypeError:  # what obstore makes of a path that it cannot parse, here only
            raise failed(what, "invalid_key") from None

    # For Google, obstore 0.12 leaves characters as they are that end or change the path of a URL, so that
    # `a?b.png` would be signed as the object `a`.
    for path in (key, _UNESCAPED.sub(lambda found: quote(found[0]), key)):
        url = await signed(path)
        if unquote(urlsplit(url).path).endswith(f"/{key}"):
            return Secret(url)
    raise failed(what, "rejected")


def signs_here(uri: ObjectUri, options: Mapping[str, str] | None = None) -> bool:
    """Whether URLs of a bucket are signed locally rather than with a request each.

    Blocks, because it may read a credentials file.

    Args:
        uri: the bucket, or an object of it.
        options: options of the bucket.
    """
    # Every option has a name with and without its provider's prefix.
    given = {
        name.lower().removeprefix("google_").removeprefix("azure_storage_").removeprefix("azure_"): value
        for name, value in (options or {}).items()
    }
    if uri.provider == "s3":
        skipped = given.get("skip_signature") or given.get("aws_skip_signature") or ""
        return skipped.lower() not in {"1", "true", "yes"}
    if uri.provider == "az":
        return any(name in given for name in _AZURE_KEYS) or any(map(os.environ.get, _AZURE_VARIABLES))
    texts = [given.get("service_account_key"), os.environ.get("GOOGLE_SERVICE_ACCOUNT_KEY")]
    files = [given.get(name) or os.environ.get(f"GOOGLE_{name.upper()}") for name in _GOOGLE_FILES]
    return any(map(_has_private_key, [*texts, *map(_content, files)]))


def _content(file: str | None) -> str | None:
    try:
        return None if file is None else Path(file).read_text()
    except (OSError, ValueError):
        return None


def _has_private_key(text: str | None) -> bool:
    try:
        account = json.loads(text or "null")
    except ValueError:
        return False
    # Without OAuth there are no credentials to sign with either, and Google would be asked.
    return isinstance(account, dict) and bool(account.get("private_key")) and not account.get("disable_oauth")
