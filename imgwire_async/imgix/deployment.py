"""How a source is served: the part of a source that imgix deploys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, Self

from imgwire_async.core.values.redaction import HiddenText
from imgwire_async.errors import InvalidArgumentError
from imgwire_async.imgix.lowlevel import models
from imgwire_async.imgix.lowlevel.types import Unset

SECRETS: Final = ("s3_secret_key", "gcs_secret_key", "azure_sas_string", "secret_key", "password")
"""Fields that are sent but never returned."""

SET_BY_THE_SERVICE: Final = (
    "allows_upload",
    "password_set",
    "request_handshake_set",
    "request_signing_key_set",
)
"""Fields that are returned but never sent."""

_REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "s3": ("s3_access_key", "s3_secret_key", "s3_bucket"),
    "gcs": ("gcs_access_key", "gcs_secret_key", "gcs_bucket"),
    "azure": ("azure_account", "azure_bucket", "azure_sas_string"),
    "s3_compatible": ("access_key_id", "secret_key", "bucket_name", "endpoint_url", "storage_provider"),
    "webfolder": ("webfolder_base_url",),
    "webproxy": (),
}
"""Fields that a new deployment of a type requires besides `imgix_subdomains`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """How a source is served. One record for all types of source; `type` determines which fields apply.

    A field that is missing or null is None. To change a source, send a changed copy of the deployment that
    was read: `dataclasses.replace(source.deployment, cache_ttl_value=3600)`. Fields that this version does
    not know are kept in `raw` and sent back as well.
    """

    type: str | None = None
    """Where the origin files lie: `azure`, `gcs`, `s3`, `s3_compatible`, `webfolder` or `webproxy`."""
    imgix_subdomains: Sequence[str] | None = None
    """Labels of the rendering hosts, without `.imgix.net`; at least one, unique across imgix."""
    custom_domains: Sequence[str] | None = None
    """Full host names that also serve the source."""
    allows_upload: bool | None = None
    """Whether imgix holds credentials that can write to the origin. Set by the service, which may omit it."""
    annotation: str | None = None
    """Comment on this deployment."""
    cache_ttl_behavior: str | None = None
    """`respect_origin`, `override_origin` or `enforce_minimum`."""
    cache_ttl_value: int | None = None
    """Cache time in seconds, at most 31536000."""
    cache_ttl_error: int | None = None
    """Cache time of errors in seconds, from 1 to 31536000."""
    crossdomain_xml_enabled: bool | None = None
    """Whether the source serves a `crossdomain.xml`."""
    default_params: Mapping[str, object] | None = None
    """Rendering parameters that apply to every request; if there are any, no URL returns the original."""
    image_error: str | None = None
    """URL of the image that is served on an error."""
    image_error_append_qs: bool | None = None
    """Whether the request's parameters are applied to the error image."""
    image_missing: str | None = None
    """URL of the image that is served if the origin does not have the file."""
    image_missing_append_qs: bool | None = None
    """Whether the request's parameters are applied to the replacement image."""
    secure_url_enabled: bool | None = None
    """Whether URLs must be signed; required for `webproxy`."""
    robots_txt: str | None = None
    """Response to requests for `robots.txt`: `origin`, `allow-all` or `disallow-all`."""
    s3_access_key: str | None = None
    """Access key of an S3 source."""
    s3_secret_key: str | None = field(default=None, repr=False)
    """Secret key of an S3 source; never returned."""
    s3_bucket: str | None = None
    """Bucket of an S3 source."""
    s3_prefix: str | None = None
    """Folder in the bucket that is the root of the source."""
    gcs_access_key: str | None = None
    """Access key of a Google Cloud Storage source."""
    gcs_secret_key: str | None = field(default=None, repr=False)
    """Secret key of a Google Cloud Storage source; never returned."""
    gcs_bucket: str | None = None
    """Bucket of a Google Cloud Storage source."""
    gcs_prefix: str | None = None
    """Folder in the bucket that is the root of the source."""
    azure_account: str | None = None
    """Storage account of an Azure source."""
    azure_bucket: str | None = None
    """Container of an Azure source."""
    azure_sas_string: str | None = field(default=None, repr=False)
    """Shared access signature of an Azure source; never returned."""
    azure_service_type: str | None = None
    """`blob` or `file`."""
    azure_prefix: str | None = None
    """Folder in the container that is the root of the source."""
    access_key_id: str | None = None
    """Access key of an S3-compatible source."""
    secret_key: str | None = field(default=None, repr=False)
    """Secret key of an S3-compatible source; never returned."""
    bucket_name: str | None = None
    """Bucket of an S3-compatible source."""
    endpoint_url: str | None = None
    """Endpoint of an S3-compatible store."""
    region: str | None = None
    """Region of an S3-compatible store; optional for some providers."""
    storage_provider: str | None = None
    """Provider of an S3-compatible store, such as `DigitalOcean`, `Linode` or `Wasabi`."""
    webfolder_base_url: str | None = None
    """Base URL of a web folder."""
    username: str | None = None
    """User name for the origin of a web folder or web proxy."""
    password: str | None = field(default=None, repr=False)
    """Password that goes with `username`; never returned."""
    password_set: bool | None = None
    """Whether a password is set. Set by the service."""
    request_handshake_set: bool | None = None
    """Whether a request handshake is set. Set by the service."""
    request_signing_key_set: bool | None = None
    """Whether a key that signs requests to the origin is set. Set by the service."""
    raw: models.Deployment = field(default_factory=models.Deployment, repr=False, compare=False)
    """The attributes that were read, including fields that this version does not know."""

    def __post_init__(self) -> None:
        for name in SECRETS:
            value = getattr(self, name)
            if isinstance(value, str):
                object.__setattr__(self, name, HiddenText(value))

    @classmethod
    def of(cls, raw: models.Deployment) -> Self:
        """Create the record from the service's attributes."""
        return cls(**{name: _known(getattr(raw, theirs)) for name, theirs in _NAMES.items()}, raw=raw)

    def to_send(self) -> models.Deployment:
        """The attributes to send: all fields that are set, and null for values removed since reading."""
        sent = models.Deployment.from_dict({})
        for name, theirs in _NAMES.items():
            if name in SET_BY_THE_SERVICE:
                continue
            value = getattr(self, name)
            if value is None and isinstance(getattr(self.raw, theirs), Unset):
                continue
            if isinstance(value, Sequence) and not isinstance(value, str):
                value = list(value)
            setattr(sent, theirs, value)
        sent.additional_properties.update(self.raw.additional_properties)
        return sent


_NAMES: Final = {one.name: one.name for one in fields(Deployment) if one.name != "raw"} | {"type": "type_"}
"""The fields by their names in the generated model."""


def _known(value: Any) -> Any:  # noqa: ANN401 - the field's own type
    if isinstance(value, list):
        return tuple(value)
    return None if isinstance(value, Unset) else value


def checked_deployment(deployment: object, operation: str, *, new: bool) -> Deployment:
    """Check a deployment and convert it for sending.

    Args:
        deployment: the record.
        operation: name of the call, for the error.
        new: whether it is for a new source and must be complete.

    Raises:
        InvalidArgumentError: it is not a `Deployment`, or lacks fields that its type requires.
    """
    if not isinstance(deployment, Deployment):
        raise InvalidArgumentError(
            f"deployment must be a Deployment, got {type(deployment).__name__}", operation=operation
        )
    problem = _problem_with(deployment, new=new)
    if problem is not None:
        raise InvalidArgumentError(problem, operation=operation)
    return deployment


def _problem_with(deployment: Deployment, *, new: bool) -> str | None:
    hosts = deployment.imgix_subdomains
    given: object = () if hosts is None else hosts
    are_hosts = isinstance(given, Iterable) and all(isinstance(host, str) for host in given)
    if not are_hosts or isinstance(given, str):
        return "imgix_subdomains must be a list of strings"
    if not deployment.type:
        return "the deployment has no type; pass one, such as type='webfolder'"
    if not hosts:
        return "the deployment needs at least one of imgix_subdomains"
    wrong = next((host for host in hosts if host.endswith(".imgix.net")), None)
    if wrong is not None:
        return f"imgix_subdomains are written without .imgix.net, got {wrong!r:.80}"
    missing = [name for name in _REQUIRED.get(deployment.type, ()) if getattr(deployment, name) is None]
    if not new:
        # An update replaces the deployment, and its secrets cannot be read back.
        missing = [name for name in missing if name in SECRETS]
        if missing:
            return (
                "an update replaces the whole deployment, and imgix does not return secrets: "
                f"pass {' and '.join(missing)} again"
            )
    if missing:
        return f"a deployment of type {deployment.type} needs {', '.join(missing)}"
    if deployment.type == "webproxy" and not deployment.secure_url_enabled:
        return "a webproxy needs signed URLs: secure_url_enabled must be true"
    if (deployment.username is None) != (deployment.password is None) and new:
        return "pass username and password together"
    return None
