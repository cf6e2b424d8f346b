"""List sources."""

from __future__ import annotations

from imgwire_async.core.operation import Caller, Request, Response

from ...models import SourceList, SourceType
from ...operations import SOURCES_LIST
from ...types import UNSET, Unset, to_query


async def sources_list(
    caller: Caller,
    *,
    page_number: int | None | Unset = UNSET,
    page_size: int | None | Unset = UNSET,
    sort: str | None | Unset = UNSET,
    fields_sources: str | None | Unset = UNSET,
    filter_deployment_azure_bucket: str | None | Unset = UNSET,
    filter_deployment_bucket_name: str | None | Unset = UNSET,
    filter_deployment_custom_domains: str | None | Unset = UNSET,
    filter_deployment_gcs_bucket: str | None | Unset = UNSET,
    filter_deployment_imgix_subdomains: str | None | Unset = UNSET,
    filter_deployment_region: str | None | Unset = UNSET,
    filter_deployment_s3_bucket: str | None | Unset = UNSET,
    filter_deployment_storage_provider: str | None | Unset = UNSET,
    filter_deployment_type: SourceType | None | Unset = UNSET,
    filter_deployment_webfolder_base_url: str | None | Unset = UNSET,
    filter_enabled: bool | None | Unset = UNSET,
    filter_name: str | None | Unset = UNSET,
) -> Response[SourceList]:
    """List sources.

    Pages are counted from 0. Needs the permission Sources.

    Args:
        caller: Makes the call.
        page_number: Page to return, counted from 0. Default: 0.
        page_size: Maximum number of items per page. Default: 20.
        sort: Fields to sort by, separated by commas; a leading `-` reverses the order. Known:
            `date_deployed`, `enabled`, `name`.
        fields_sources: Attributes to return, separated by commas; dots reach nested ones. Default:
            all.
        filter_deployment_azure_bucket: Container of an Azure source.
        filter_deployment_bucket_name: Bucket of an S3-compatible source.
        filter_deployment_custom_domains: Custom domain.
        filter_deployment_gcs_bucket: Bucket of a Google Cloud Storage source.
        filter_deployment_imgix_subdomains: Subdomain, without `.imgix.net`.
        filter_deployment_region: Region of an S3-compatible store.
        filter_deployment_s3_bucket: Bucket of an S3 source.
        filter_deployment_storage_provider: Provider of an S3-compatible store.
        filter_deployment_type: Type of source.
        filter_deployment_webfolder_base_url: Base URL of a web folder.
        filter_enabled: Whether the source is enabled.
        filter_name: Name; whether exact or in part is undocumented.
    """
    request = Request(
        operation=SOURCES_LIST,
        query=to_query(
            {
                "page[number]": page_number,
                "page[size]": page_size,
                "sort": sort,
                "fields[sources]": fields_sources,
                "filter[deployment.azure_bucket]": filter_deployment_azure_bucket,
                "filter[deployment.bucket_name]": filter_deployment_bucket_name,
                "filter[deployment.custom_domains]": filter_deployment_custom_domains,
                "filter[deployment.gcs_bucket]": filter_deployment_gcs_bucket,
                "filter[deployment.imgix_subdomains]": filter_deployment_imgix_subdomains,
                "filter[deployment.region]": filter_deployment_region,
                "filter[deployment.s3_bucket]": filter_deployment_s3_bucket,
                "filter[deployment.storage_provider]": filter_deployment_storage_provider,
                "filter[deployment.type]": filter_deployment_type,
                "filter[deployment.webfolder_base_url]": filter_deployment_webfolder_base_url,
                "filter[enabled]": filter_enabled,
                "filter[name]": filter_name,
            }
        ),
    )
    return await caller.call(request, SourceList._take)
