"""How a source is served. One open object for all types of source; `type` decides which fields apply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from imgwire_async.core.operation import list_of

from ..types import UNSET, FieldReader, Unset, parse_bool, parse_int, parse_map, parse_str, to_object
from .azure_service_type import AzureServiceType
from .cache_ttl_behavior import CacheTtlBehavior
from .maps import RenderingParams
from .robots_policy import RobotsPolicy
from .source_type import SourceType


@define(kw_only=True)
class Deployment:
    """How a source is served. One open object for all types of source; `type` decides which fields
    apply.

    Attributes:
        access_key_id: Access key of an S3-compatible source.
        allows_upload: Whether imgix holds credentials that can write to the origin. Set by the
            service; it may be absent.
        annotation: Comment on this deployment.
        azure_account: Storage account of an Azure source.
        azure_bucket: Container of an Azure source.
        azure_prefix: Folder in the container that is the root of the source.
        azure_sas_string: Shared access signature of an Azure source; never returned.
        azure_service_type: Service of the storage account that holds the files.
        bucket_name: Bucket of an S3-compatible source.
        cache_ttl_behavior: How the cache time relates to the origin's cache headers.
        cache_ttl_error: Cache time of errors in seconds, 1 to 31,536,000.
        cache_ttl_value: Cache time in seconds, at most 31,536,000.
        crossdomain_xml_enabled: Whether the source serves a `crossdomain.xml`.
        custom_domains: Full host names that also serve the source; unique across sources.
        default_params: Rendering parameters applied to every request of the source.
        endpoint_url: Endpoint of an S3-compatible store.
        gcs_access_key: Access key of a Google Cloud Storage source.
        gcs_bucket: Bucket of a Google Cloud Storage source.
        gcs_prefix: Folder in the bucket that is the root of the source.
        gcs_secret_key: Secret key of a Google Cloud Storage source; never returned.
        image_error: URL of the image that is served on an error.
        image_error_append_qs: Whether the request's parameters are applied to the error image.
        image_missing: URL of the image that is served when the origin has none.
        image_missing_append_qs: Whether the request's parameters are applied to the replacement
            image.
        imgix_subdomains: Labels of the rendering hosts, without `.imgix.net`; at least one, unique
            across imgix.
        password: Password that goes with `username`; never returned.
        password_set: Whether a password is set.
        region: Region of an S3-compatible store; optional for some providers.
        request_handshake_set: Whether a request handshake is set.
        request_signing_key_set: Whether a key for signing requests to the origin is set.
        robots_txt: What the source serves as `robots.txt`.
        s3_access_key: Access key of an S3 source.
        s3_bucket: Bucket of an S3 source.
        s3_prefix: Folder in the bucket that is the root of the source.
        s3_secret_key: Secret key of an S3 source; never returned.
        secret_key: Secret key of an S3-compatible source; never returned.
        secure_url_enabled: Whether URLs must be signed; required for `webproxy`.
        storage_provider: Provider of an S3-compatible store, such as `DigitalOcean`, `Linode` or
            `Wasabi`.
        type_: Type of the source.
        username: User name for an origin that requires one; web folder and web proxy sources only.
        webfolder_base_url: Base URL of a web folder source.
    """

    access_key_id: str | None | Unset = UNSET
    allows_upload: bool | None | Unset = UNSET
    annotation: str | None | Unset = UNSET
    azure_account: str | None | Unset = UNSET
    azure_bucket: str | None | Unset = UNSET
    azure_prefix: str | None | Unset = UNSET
    azure_sas_string: str | None | Unset = field(default=UNSET, repr=False)
    azure_service_type: AzureServiceType | None | Unset = UNSET
    bucket_name: str | None | Unset = UNSET
    cache_ttl_behavior: CacheTtlBehavior | None | Unset = UNSET
    cache_ttl_error: int | None | Unset = UNSET
    cache_ttl_value: int | None | Unset = UNSET
    crossdomain_xml_enabled: bool | None | Unset = UNSET
    custom_domains: list[str] | None | Unset = UNSET
    default_params: RenderingParams | None | Unset = UNSET
    endpoint_url: str | None | Unset = UNSET
    gcs_access_key: str | None | Unset = UNSET
    gcs_bucket: str | None | Unset = UNSET
    gcs_prefix: str | None | Unset = UNSET
    gcs_secret_key: str | None | Unset = field(default=UNSET, repr=False)
    image_error: str | None | Unset = UNSET
    image_error_append_qs: bool | None | Unset = UNSET
    image_missing: str | None | Unset = UNSET
    image_missing_append_qs: bool | None | Unset = UNSET
    imgix_subdomains: list[str] | None | Unset = UNSET
    password: str | None | Unset = field(default=UNSET, repr=False)
    password_set: bool | None | Unset = UNSET
    region: str | None | Unset = UNSET
    request_handshake_set: bool | None | Unset = UNSET
    request_signing_key_set: bool | None | Unset = UNSET
    robots_txt: RobotsPolicy | None | Unset = UNSET
    s3_access_key: str | None | Unset = UNSET
    s3_bucket: str | None | Unset = UNSET
    s3_prefix: str | None | Unset = UNSET
    s3_secret_key: str | None | Unset = field(default=UNSET, repr=False)
    secret_key: str | None | Unset = field(default=UNSET, repr=False)
    secure_url_enabled: bool | None | Unset = UNSET
    storage_provider: str | None | Unset = UNSET
    type_: SourceType | None | Unset = UNSET
    username: str | None | Unset = UNSET
    webfolder_base_url: str | None | Unset = UNSET
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {
                "access_key_id": self.access_key_id,
                "allows_upload": self.allows_upload,
                "annotation": self.annotation,
                "azure_account": self.azure_account,
                "azure_bucket": self.azure_bucket,
                "azure_prefix": self.azure_prefix,
                "azure_sas_string": self.azure_sas_string,
                "azure_service_type": self.azure_service_type,
                "bucket_name": self.bucket_name,
                "cache_ttl_behavior": self.cache_ttl_behavior,
                "cache_ttl_error": self.cache_ttl_error,
                "cache_ttl_value": self.cache_ttl_value,
                "crossdomain_xml_enabled": self.crossdomain_xml_enabled,
                "custom_domains": self.custom_domains,
                "default_params": self.default_params,
                "endpoint_url": self.endpoint_url,
                "gcs_access_key": self.gcs_access_key,
                "gcs_bucket": self.gcs_bucket,
                "gcs_prefix": self.gcs_prefix,
                "gcs_secret_key": self.gcs_secret_key,
                "image_error": self.image_error,
                "image_error_append_qs": self.image_error_append_qs,
                "image_missing": self.image_missing,
                "image_missing_append_qs": self.image_missing_append_qs,
                "imgix_subdomains": self.imgix_subdomains,
                "password": self.password,
                "password_set": self.password_set,
                "region": self.region,
                "request_handshake_set": self.request_handshake_set,
                "request_signing_key_set": self.request_signing_key_set,
                "robots.txt": self.robots_txt,
                "s3_access_key": self.s3_access_key,
                "s3_bucket": self.s3_bucket,
                "s3_prefix": self.s3_prefix,
                "s3_secret_key": self.s3_secret_key,
                "secret_key": self.secret_key,
                "secure_url_enabled": self.secure_url_enabled,
                "storage_provider": self.storage_provider,
                "type": self.type_,
                "username": self.username,
                "webfolder_base_url": self.webfolder_base_url,
            },
        )

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        fields = FieldReader("Deployment", src_dict)
        return cls(
            access_key_id=fields.optional_nullable("access_key_id", parse_str),
            allows_upload=fields.optional_nullable("allows_upload", parse_bool),
            annotation=fields.optional_nullable("annotation", parse_str),
            azure_account=fields.optional_nullable("azure_account", parse_str),
            azure_bucket=fields.optional_nullable("azure_bucket", parse_str),
            azure_prefix=fields.optional_nullable("azure_prefix", parse_str),
            azure_sas_string=fields.optional_nullable("azure_sas_string", parse_str),
            azure_service_type=fields.optional_nullable("azure_service_type", AzureServiceType),
            bucket_name=fields.optional_nullable("bucket_name", parse_str),
            cache_ttl_behavior=fields.optional_nullable("cache_ttl_behavior", CacheTtlBehavior),
            cache_ttl_error=fields.optional_nullable("cache_ttl_error", parse_int),
            cache_ttl_value=fields.optional_nullable("cache_ttl_value", parse_int),
            crossdomain_xml_enabled=fields.optional_nullable("crossdomain_xml_enabled", parse_bool),
            custom_domains=fields.optional_nullable("custom_domains", list_of(parse_str)),
            default_params=fields.optional_nullable("default_params", parse_map),
            endpoint_url=fields.optional_nullable("endpoint_url", parse_str),
            gcs_access_key=fields.optional_nullable("gcs_access_key", parse_str),
            gcs_bucket=fields.optional_nullable("gcs_bucket", parse_str),
            gcs_prefix=fields.optional_nullable("gcs_prefix", parse_str),
            gcs_secret_key=fields.optional_nullable("gcs_secret_key", parse_str),
            image_error=fields.optional_nullable("image_error", parse_str),
            image_error_append_qs=fields.optional_nullable("image_error_append_qs", parse_bool),
            image_missing=fields.optional_nullable("image_missing", parse_str),
            image_missing_append_qs=fields.optional_nullable("image_missing_append_qs", parse_bool),
            imgix_subdomains=fields.optional_nullable("imgix_subdomains", list_of(parse_str)),
            password=fields.optional_nullable("password", parse_str),
            password_set=fields.optional_nullable("password_set", parse_bool),
            region=fields.optional_nullable("region", parse_str),
            request_handshake_set=fields.optional_nullable("request_handshake_set", parse_bool),
            request_signing_key_set=fields.optional_nullable("request_signing_key_set", parse_bool),
            robots_txt=fields.optional_nullable("robots.txt", RobotsPolicy),
            s3_access_key=fields.optional_nullable("s3_access_key", parse_str),
            s3_bucket=fields.optional_nullable("s3_bucket", parse_str),
            s3_prefix=fields.optional_nullable("s3_prefix", parse_str),
            s3_secret_key=fields.optional_nullable("s3_secret_key", parse_str),
            secret_key=fields.optional_nullable("secret_key", parse_str),
            secure_url_enabled=fields.optional_nullable("secure_url_enabled", parse_bool),
            storage_provider=fields.optional_nullable("storage_provider", parse_str),
            type_=fields.optional_nullable("type", SourceType),
            username=fields.optional_nullable("username", parse_str),
            webfolder_base_url=fields.optional_nullable("webfolder_base_url", parse_str),
            additional_properties=fields.rest,
        )
