"""How a source is served. One open object for all types of source; `type` decides which fields apply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from imgwire_async.core.operation import list_of

from ..types import UNSET, Unset, fields_of, misfit, parse_bool, parse_int, parse_map, parse_str, to_object
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
        return cls._take(fields_of("Deployment", src_dict, ("default_params",)))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("Deployment", rest)
        take = rest.pop
        at, value = "", None
        try:
            access_key_id_ = value = take(at := "access_key_id", UNSET)
            if (
                access_key_id_.__class__ is not str
                and access_key_id_ is not None
                and access_key_id_ is not UNSET
            ):
                access_key_id_ = parse_str(access_key_id_)
            allows_upload_ = value = take(at := "allows_upload", UNSET)
            if (
                allows_upload_.__class__ is not bool
                and allows_upload_ is not None
                and allows_upload_ is not UNSET
            ):
                allows_upload_ = parse_bool(allows_upload_)
            annotation_ = value = take(at := "annotation", UNSET)
            if annotation_.__class__ is not str and annotation_ is not None and annotation_ is not UNSET:
                annotation_ = parse_str(annotation_)
            azure_account_ = value = take(at := "azure_account", UNSET)
            if (
                azure_account_.__class__ is not str
                and azure_account_ is not None
                and azure_account_ is not UNSET
            ):
                azure_account_ = parse_str(azure_account_)
            azure_bucket_ = value = take(at := "azure_bucket", UNSET)
            if (
                azure_bucket_.__class__ is not str
                and azure_bucket_ is not None
                and azure_bucket_ is not UNSET
            ):
                azure_bucket_ = parse_str(azure_bucket_)
            azure_prefix_ = value = take(at := "azure_prefix", UNSET)
            if (
                azure_prefix_.__class__ is not str
                and azure_prefix_ is not None
                and azure_prefix_ is not UNSET
            ):
                azure_prefix_ = parse_str(azure_prefix_)
            azure_sas_string_ = value = take(at := "azure_sas_string", UNSET)
            if (
                azure_sas_string_.__class__ is not str
                and azure_sas_string_ is not None
                and azure_sas_string_ is not UNSET
            ):
                azure_sas_string_ = parse_str(azure_sas_string_)
            azure_service_type_ = value = take(at := "azure_service_type", UNSET)
            if azure_service_type_ is not None and azure_service_type_ is not UNSET:
                azure_service_type_ = AzureServiceType._value2member_map_.get(
                    azure_service_type_
                ) or AzureServiceType(azure_service_type_)
            bucket_name_ = value = take(at := "bucket_name", UNSET)
            if bucket_name_.__class__ is not str and bucket_name_ is not None and bucket_name_ is not UNSET:
                bucket_name_ = parse_str(bucket_name_)
            cache_ttl_behavior_ = value = take(at := "cache_ttl_behavior", UNSET)
            if cache_ttl_behavior_ is not None and cache_ttl_behavior_ is not UNSET:
                cache_ttl_behavior_ = CacheTtlBehavior._value2member_map_.get(
                    cache_ttl_behavior_
                ) or CacheTtlBehavior(cache_ttl_behavior_)
            cache_ttl_error_ = value = take(at := "cache_ttl_error", UNSET)
            if (
                cache_ttl_error_.__class__ is not int
                and cache_ttl_error_ is not None
                and cache_ttl_error_ is not UNSET
            ):
                cache_ttl_error_ = parse_int(cache_ttl_error_)
            cache_ttl_value_ = value = take(at := "cache_ttl_value", UNSET)
            if (
                cache_ttl_value_.__class__ is not int
                and cache_ttl_value_ is not None
                and cache_ttl_value_ is not UNSET
            ):
                cache_ttl_value_ = parse_int(cache_ttl_value_)
            crossdomain_xml_enabled_ = value = take(at := "crossdomain_xml_enabled", UNSET)
            if (
                crossdomain_xml_enabled_.__class__ is not bool
                and crossdomain_xml_enabled_ is not None
                and crossdomain_xml_enabled_ is not UNSET
            ):
                crossdomain_xml_enabled_ = parse_bool(crossdomain_xml_enabled_)
            custom_domains_ = value = take(at := "custom_domains", UNSET)
            if custom_domains_ is not None and custom_domains_ is not UNSET:
                custom_domains_ = list_of(parse_str)(custom_domains_)
            default_params_ = value = take(at := "default_params", UNSET)
            if (
                default_params_.__class__ is not dict
                and default_params_ is not None
                and default_params_ is not UNSET
            ):
                default_params_ = parse_map(default_params_)
            endpoint_url_ = value = take(at := "endpoint_url", UNSET)
            if (
                endpoint_url_.__class__ is not str
                and endpoint_url_ is not None
                and endpoint_url_ is not UNSET
            ):
                endpoint_url_ = parse_str(endpoint_url_)
            gcs_access_key_ = value = take(at := "gcs_access_key", UNSET)
            if (
                gcs_access_key_.__class__ is not str
                and gcs_access_key_ is not None
                and gcs_access_key_ is not UNSET
            ):
                gcs_access_key_ = parse_str(gcs_access_key_)
            gcs_bucket_ = value = take(at := "gcs_bucket", UNSET)
            if gcs_bucket_.__class__ is not str and gcs_bucket_ is not None and gcs_bucket_ is not UNSET:
                gcs_bucket_ = parse_str(gcs_bucket_)
            gcs_prefix_ = value = take(at := "gcs_prefix", UNSET)
            if gcs_prefix_.__class__ is not str and gcs_prefix_ is not None and gcs_prefix_ is not UNSET:
                gcs_prefix_ = parse_str(gcs_prefix_)
            gcs_secret_key_ = value = take(at := "gcs_secret_key", UNSET)
            if (
                gcs_secret_key_.__class__ is not str
                and gcs_secret_key_ is not None
                and gcs_secret_key_ is not UNSET
            ):
                gcs_secret_key_ = parse_str(gcs_secret_key_)
            image_error_ = value = take(at := "image_error", UNSET)
            if image_error_.__class__ is not str and image_error_ is not None and image_error_ is not UNSET:
                image_error_ = parse_str(image_error_)
            image_error_append_qs_ = value = take(at := "image_error_append_qs", UNSET)
            if (
                image_error_append_qs_.__class__ is not bool
                and image_error_append_qs_ is not None
                and image_error_append_qs_ is not UNSET
            ):
                image_error_append_qs_ = parse_bool(image_error_append_qs_)
            image_missing_ = value = take(at := "image_missing", UNSET)
            if (
                image_missing_.__class__ is not str
                and image_missing_ is not None
                and image_missing_ is not UNSET
            ):
                image_missing_ = parse_str(image_missing_)
            image_missing_append_qs_ = value = take(at := "image_missing_append_qs", UNSET)
            if (
                image_missing_append_qs_.__class__ is not bool
                and image_missing_append_qs_ is not None
                and image_missing_append_qs_ is not UNSET
            ):
                image_missing_append_qs_ = parse_bool(image_missing_append_qs_)
            imgix_subdomains_ = value = take(at := "imgix_subdomains", UNSET)
            if imgix_subdomains_ is not None and imgix_subdomains_ is not UNSET:
                imgix_subdomains_ = list_of(parse_str)(imgix_subdomains_)
            password_ = value = take(at := "password", UNSET)
            if password_.__class__ is not str and password_ is not None and password_ is not UNSET:
                password_ = parse_str(password_)
            password_set_ = value = take(at := "password_set", UNSET)
            if (
                password_set_.__class__ is not bool
                and password_set_ is not None
                and password_set_ is not UNSET
            ):
                password_set_ = parse_bool(password_set_)
            region_ = value = take(at := "region", UNSET)
            if region_.__class__ is not str and region_ is not None and region_ is not UNSET:
                region_ = parse_str(region_)
            request_handshake_set_ = value = take(at := "request_handshake_set", UNSET)
            if (
                request_handshake_set_.__class__ is not bool
                and request_handshake_set_ is not None
                and request_handshake_set_ is not UNSET
            ):
                request_handshake_set_ = parse_bool(request_handshake_set_)
            request_signing_key_set_ = value = take(at := "request_signing_key_set", UNSET)
            if (
                request_signing_key_set_.__class__ is not bool
                and request_signing_key_set_ is not None
                and request_signing_key_set_ is not UNSET
            ):
                request_signing_key_set_ = parse_bool(request_signing_key_set_)
            robots_txt_ = value = take(at := "robots.txt", UNSET)
            if robots_txt_ is not None and robots_txt_ is not UNSET:
                robots_txt_ = RobotsPolicy._value2member_map_.get(robots_txt_) or RobotsPolicy(robots_txt_)
            s3_access_key_ = value = take(at := "s3_access_key", UNSET)
            if (
                s3_access_key_.__class__ is not str
                and s3_access_key_ is not None
                and s3_access_key_ is not UNSET
            ):
                s3_access_key_ = parse_str(s3_access_key_)
            s3_bucket_ = value = take(at := "s3_bucket", UNSET)
            if s3_bucket_.__class__ is not str and s3_bucket_ is not None and s3_bucket_ is not UNSET:
                s3_bucket_ = parse_str(s3_bucket_)
            s3_prefix_ = value = take(at := "s3_prefix", UNSET)
            if s3_prefix_.__class__ is not str and s3_prefix_ is not None and s3_prefix_ is not UNSET:
                s3_prefix_ = parse_str(s3_prefix_)
            s3_secret_key_ = value = take(at := "s3_secret_key", UNSET)
            if (
                s3_secret_key_.__class__ is not str
                and s3_secret_key_ is not None
                and s3_secret_key_ is not UNSET
            ):
                s3_secret_key_ = parse_str(s3_secret_key_)
            secret_key_ = value = take(at := "secret_key", UNSET)
            if secret_key_.__class__ is not str and secret_key_ is not None and secret_key_ is not UNSET:
                secret_key_ = parse_str(secret_key_)
            secure_url_enabled_ = value = take(at := "secure_url_enabled", UNSET)
            if (
                secure_url_enabled_.__class__ is not bool
                and secure_url_enabled_ is not None
                and secure_url_enabled_ is not UNSET
            ):
                secure_url_enabled_ = parse_bool(secure_url_enabled_)
            storage_provider_ = value = take(at := "storage_provider", UNSET)
            if (
                storage_provider_.__class__ is not str
                and storage_provider_ is not None
                and storage_provider_ is not UNSET
            ):
                storage_provider_ = parse_str(storage_provider_)
            type__ = value = take(at := "type", UNSET)
            if type__ is not None and type__ is not UNSET:
                type__ = SourceType._value2member_map_.get(type__) or SourceType(type__)
            username_ = value = take(at := "username", UNSET)
            if username_.__class__ is not str and username_ is not None and username_ is not UNSET:
                username_ = parse_str(username_)
            webfolder_base_url_ = value = take(at := "webfolder_base_url", UNSET)
            if (
                webfolder_base_url_.__class__ is not str
                and webfolder_base_url_ is not None
                and webfolder_base_url_ is not UNSET
            ):
                webfolder_base_url_ = parse_str(webfolder_base_url_)
        except (TypeError, ValueError) as error:
            raise misfit("Deployment", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(
            access_key_id=access_key_id_,
            allows_upload=allows_upload_,
            annotation=annotation_,
            azure_account=azure_account_,
            azure_bucket=azure_bucket_,
            azure_prefix=azure_prefix_,
            azure_sas_string=azure_sas_string_,
            azure_service_type=azure_service_type_,
            bucket_name=bucket_name_,
            cache_ttl_behavior=cache_ttl_behavior_,
            cache_ttl_error=cache_ttl_error_,
            cache_ttl_value=cache_ttl_value_,
            crossdomain_xml_enabled=crossdomain_xml_enabled_,
            custom_domains=custom_domains_,
            default_params=default_params_,
            endpoint_url=endpoint_url_,
            gcs_access_key=gcs_access_key_,
            gcs_bucket=gcs_bucket_,
            gcs_prefix=gcs_prefix_,
            gcs_secret_key=gcs_secret_key_,
            image_error=image_error_,
            image_error_append_qs=image_error_append_qs_,
            image_missing=image_missing_,
            image_missing_append_qs=image_missing_append_qs_,
            imgix_subdomains=imgix_subdomains_,
            password=password_,
            password_set=password_set_,
            region=region_,
            request_handshake_set=request_handshake_set_,
            request_signing_key_set=request_signing_key_set_,
            robots_txt=robots_txt_,
            s3_access_key=s3_access_key_,
            s3_bucket=s3_bucket_,
            s3_prefix=s3_prefix_,
            s3_secret_key=s3_secret_key_,
            secret_key=secret_key_,
            secure_url_enabled=secure_url_enabled_,
            storage_provider=storage_provider_,
            type_=type__,
            username=username_,
            webfolder_base_url=webfolder_base_url_,
            additional_properties=rest,
        )
