"""URIs of objects, such as `s3://bucket/key`. Text only; nothing is opened here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias
from urllib.parse import unquote, urlsplit

from imgwire_async.errors import InvalidArgumentError

Provider: TypeAlias = Literal["s3", "gs", "az"]

_STORES: Final = re.compile(r"(s3|gs|az|abfss?|s3\+https?)://", re.IGNORECASE)
_FIRST: Final = frozenset("sgaSGA")
_FILE: Final = re.compile(r"file:(?://(?:localhost)?(?=/)|(?=/(?!/)))", re.IGNORECASE)
_ACCOUNT: Final = re.compile(r"(?P<container>[^@]+)@(?P<account>[a-z0-9]+)\.(?:dfs|blob)\.core\.windows\.net")

FORMS: Final = "s3://bucket/key, gs://bucket/key, az://container/key or s3+https://endpoint/bucket/key"


def is_object(text: str) -> bool:
    """Whether `text` names an object or a bucket of a store, and neither a local file nor a URL."""
    # Every item of a job is asked several times, and most are files or URLs.
    return text[:1] in _FIRST and _STORES.match(text) is not None


def local_path(text: str) -> str | None:
    """The path in a `file:` URI; None for any other text."""
    scheme = _FILE.match(text) if text[:5].lower() == "file:" else None
    return None if scheme is None else unquote(text[scheme.end() :], errors="surrogateescape")


def file_name(text: str) -> str:
    """The last segment of an object's URI or key."""
    return text.rstrip("/").rpartition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectUri:
    """The location of an object, a prefix or a whole bucket."""

    provider: Provider
    bucket: str
    key: str = ""
    """The key as written in the URI, without decoding. Empty for the whole bucket."""
    endpoint: str | None = None
    """Endpoint of a compatible store, such as `https://minio.example.com`."""
    account: str | None = None
    """Azure storage account, if the URI names it."""

    @classmethod
    def of(cls, text: str) -> ObjectUri:
        """Read a URI.

        Raises:
            InvalidArgumentError: it is not a URI of a store, or names no bucket.
        """
        if not is_object(text):
            raise _refused(text, f"it must look like {FORMS}")
        scheme, _, rest = text.partition("://")
        scheme = scheme.lower()
        if scheme.startswith("s3+"):
            endpoint, slash, rest = _with_endpoint(scheme.removeprefix("s3+"), rest)
            if not slash:
                raise _refused(text, f"it names no bucket; write {scheme}://endpoint/bucket/key")
            bucket, _, key = rest.partition("/")
            uri = cls(provider="s3", bucket=bucket, key=key, endpoint=endpoint)
        else:
            bucket, _, key = rest.partition("/")
            account = None
            if scheme.startswith("abfs") and (found := _ACCOUNT.fullmatch(bucket)) is not None:
                bucket, account = found["container"], found["account"]
            provider: Provider = "s3" if scheme == "s3" else "gs" if scheme == "gs" else "az"
            uri = cls(provider=provider, bucket=bucket, key=key, account=account)
        if not uri.bucket:
            raise _refused(text, f"it names no bucket; write {scheme}://bucket/key")
        if not re.fullmatch(r"[\w.$-]+", uri.bucket, re.ASCII):
            raise _refused(text, f"{uri.bucket!r} cannot be the name of a bucket")
        return uri

    def __str__(self) -> str:
        if self.endpoint is not None:
            start = f"s3+{self.endpoint}/{self.bucket}"
        elif self.account is not None:
            start = f"abfss://{self.bucket}@{self.account}.dfs.core.windows.net"
        else:
            start = f"{self.provider}://{self.bucket}"
        return f"{start}/{self.key}"

    def with_key(self, key: str) -> ObjectUri:
        """Another object of the same bucket."""
        return ObjectUri(
            provider=self.provider, bucket=self.bucket, key=key, endpoint=self.endpoint, account=self.account
        )


def _with_endpoint(scheme: str, rest: str) -> tuple[str, str, str]:
    authority, slash, path = rest.partition("/")
    return _endpoint(scheme, authority), slash, path


@lru_cache(maxsize=16)
def _endpoint(scheme: str, authority: str) -> str:
    try:
        parts = urlsplit(f"{scheme}://{authority}")
        usable = bool(parts.hostname) and parts.username is None and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or "?" in authority or "#" in authority:
        hint = "credentials belong in the environment or the options" if "@" in authority else "no host"
        raise InvalidArgumentError(f"an object's URI has no usable endpoint: {hint}")
    return f"{scheme}://{authority}"


def _refused(text: str, problem: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"{text!r:.200} names no object of a store: {problem}")
