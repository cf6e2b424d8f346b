"""Opening buckets: one store per bucket and process, because stores do not share connections."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from imgwire_async.core.pace.local_limits import most_at_once
from imgwire_async.errors import ConfigurationError, InvalidArgumentError
from imgwire_async.stores.calling import let_threads_finish
from imgwire_async.stores.credentials import aws_provider, azure_options, azure_provider, check_google_options
from imgwire_async.stores.uris import ObjectUri

_OF_THE_CLIENT: Final = frozenset(
    {"allow_http", "connect_timeout", "read_timeout", "proxy_url", "root_certificate"}
)
"""Connection options, for every provider. All other options configure the provider."""
_VARIABLES: Final = ("AWS_", "AZURE_", "GOOGLE_", "IDENTITY_")
_RETRIES: Final[dict[str, Any]] = {
    # Short: the reader decides about retries.
    "max_retries": 2,
    "retry_timeout": timedelta(seconds=10),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=2),
        "base": 2.0,
    },
}


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """An open bucket. It cannot be pickled: other processes open their own."""

    uri: ObjectUri
    """The bucket."""
    handle: Any = field(repr=False)
    """Of obstore."""

    @property
    def lists_from_a_key(self) -> bool:
        """Whether a listing can start after a key without reading the objects before it."""
        return self.uri.provider in {"s3", "gs"}

    def name(self, key: str) -> str:
        """The URI of one of its objects."""
        return f"{self.uri}{key}"


_stores: dict[tuple[object, ...], Store] = {}
_lock = threading.Lock()


def open_store(uri: ObjectUri, options: Mapping[str, str] | None = None) -> Store:
    """Open the store of a bucket, once per process, options and environment. Makes no request.

    Args:
        uri: the bucket, or any object of it.
        options: endpoint, region, credentials and so on, by obstore's names; for S3 also `profile`. Options
            not given come from the environment.

    Raises:
        ConfigurationError: the extra is missing, or an option is unknown or invalid.
        InvalidArgumentError: an option is not text.
    """
    given = dict(options or {})
    for name, value in given.items():
        if any(not isinstance(part, str) for part in (name, value)):
            raise InvalidArgumentError(f"store options must map names to strings, got {name!r:.40}")
    # The environment is part of the key: a test or notebook may change its credentials and endpoints.
    around = tuple(sorted(pair for pair in os.environ.items() if pair[0].startswith(_VARIABLES)))
    bucket = uri.with_key("")
    known = (os.getpid(), bucket, tuple(sorted(given.items())), around)
    with _lock:
        if not _stores:
            atexit.register(let_threads_finish)
        if known not in _stores:
            _stores[known] = Store(bucket, _opened(bucket, given))
        return _stores[known]


class OpenStores:
    """The stores of one job. Reads the environment only once, unlike `open_store`."""

    def __init__(self) -> None:
        self._stores: dict[tuple[object, ...], Store] = {}
        self._last: tuple[str, Mapping[str, str] | None, Store] | None = None

    def of(self, source: str, options: Mapping[str, str] | None) -> tuple[Store, str]:
        """The store and the key of an object.

        Args:
            source: the URI of the object.
            options: options of its bucket, see `open_store`.

        Raises:
            InvalidArgumentError: it is not a URI.
            ConfigurationError: as for `open_store`.
        """
        if self._last is not None:
            # Most objects are in the same bucket as the previous one.
            start, those, store = self._last
            if options is those and source.startswith(start):
                return store, source[len(start) :]
        uri = ObjectUri.of(source)
        known = uri.with_key(""), None if options is None else tuple(options.items())
        if known not in self._stores:
            self._stores[known] = open_store(uri, options)
        store = self._stores[known]
        if uri.key:
            self._last = source.removesuffix(uri.key), options, store
        return store, uri.key


def _opened(uri: ObjectUri, given: dict[str, str]) -> Any:  # noqa: ANN401 - obstore is an extra
    try:
        from obstore import exceptions, store
    except ModuleNotFoundError:
        raise ConfigurationError(
            f"{uri} needs the extra for cloud stores: pip install 'imgwire-async[cloud]'"
        ) from None
    # The total timeout of a request includes its body, and an object may be large.
    client: dict[str, Any] = {"timeout": "7days", "connect_timeout": "5s", "read_timeout": "30s"}
    config: dict[str, Any] = {}
    for name, value in given.items():
        (client if name in _OF_THE_CLIENT else config)[name] = value
    if "allow_http" in client:
        client["allow_http"] = str(client["allow_http"]).lower() in {"1", "true", "yes"}
    # obstore validates the configuration; its types list every name.
    stores: Any = store
    profile = config.pop("profile", None)
    if (most := most_at_once()) is not None:
        # Idle connections to a bucket take descriptors from the uploads, which would wait for them.
        client.setdefault("pool_max_idle_per_host", str(max(1, most // 4)))
    try:
        if uri.provider == "gs":
            check_google_options(config)
            return stores.GCSStore(uri.bucket, config=config, client_options=client, retry_config=_RETRIES)
        if uri.provider == "az":
            if uri.account is not None:
                config.setdefault("account_name", uri.account)
            config = azure_options(config) | config
            _allow_http(client, config)
            provider = azure_provider(config)
            return stores.AzureStore(
                uri.bucket,
                config=config,
                client_options=client,
                retry_config=_RETRIES,
                **({} if provider is None else {"credential_provider": provider}),
            )
        if uri.endpoint is not None:
            config.setdefault("endpoint", uri.endpoint)
        _allow_http(client, config)
        provider = aws_provider(config, profile)
        return stores.S3Store(
            uri.bucket,
            config=config,
            client_options=client,
            retry_config=_RETRIES,
            **({} if provider is None else {"credential_provider": provider}),
        )
    except exceptions.UnknownConfigurationKeyError:
        names = ", ".join(sorted(given)) or "none"
        raise ConfigurationError(f"cannot open {uri}: an option is not known (given: {names})") from None
    except (exceptions.BaseError, OSError, ValueError, TypeError) as error:
        if isinstance(error, ConfigurationError):
            raise
        # Not its text: it may quote a key.
        hint = "; name the account in AZURE_STORAGE_ACCOUNT_NAME" if uri.provider == "az" else ""
        raise ConfigurationError(
            f"cannot open {uri}: the options or environment variables are incomplete or wrong "
            f"({type(error).__name__}){hint}"
        ) from None


def _allow_http(client: dict[str, Any], config: Mapping[str, str]) -> None:
    endpoint = next((value for name, value in config.items() if name.endswith("endpoint")), None)
    endpoint = endpoint or os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT") or ""
    if endpoint.lower().startswith("http://"):
        client.setdefault("allow_http", True)
