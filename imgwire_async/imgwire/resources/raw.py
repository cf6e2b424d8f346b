"""Resources with methods that return the whole response: record, status, headers and request id.

`await client.images.with_raw_response.retrieve(id)` gives a `Response[Image]`.
"""

from __future__ import annotations

from imgwire_async.core.raw_responses import RawMethod, WithRawResponse
from imgwire_async.imgwire.resources.cors_origins import CorsOrigins
from imgwire_async.imgwire.resources.custom_domain import CustomDomain
from imgwire_async.imgwire.resources.images import Images
from imgwire_async.imgwire.resources.metrics import Metrics


class ImagesWithRawResponse(WithRawResponse):
    """The methods of `Images` that make one call of the API."""

    kind = Images
    list = RawMethod(Images.list)
    retrieve = RawMethod(Images.retrieve)
    upload_via_url = RawMethod(Images.upload_via_url)
    delete = RawMethod(Images.delete)
    bulk_delete = RawMethod(Images.bulk_delete)
    create_upload_token = RawMethod(Images.create_upload_token)
    create_bulk_download_job = RawMethod(Images.create_bulk_download_job)
    retrieve_bulk_download_job = RawMethod(Images.retrieve_bulk_download_job)


class CorsOriginsWithRawResponse(WithRawResponse):
    """The methods of `CorsOrigins`."""

    kind = CorsOrigins
    list = RawMethod(CorsOrigins.list)
    create = RawMethod(CorsOrigins.create)
    retrieve = RawMethod(CorsOrigins.retrieve)
    update = RawMethod(CorsOrigins.update)
    delete = RawMethod(CorsOrigins.delete)


class CustomDomainWithRawResponse(WithRawResponse):
    """The methods of `CustomDomain`."""

    kind = CustomDomain
    create = RawMethod(CustomDomain.create)
    retrieve = RawMethod(CustomDomain.retrieve)
    delete = RawMethod(CustomDomain.delete)
    test_connection = RawMethod(CustomDomain.test_connection)


class MetricsWithRawResponse(WithRawResponse):
    """The methods of `Metrics`."""

    kind = Metrics
    get_datasets = RawMethod(Metrics.get_datasets)
    get_stats = RawMethod(Metrics.get_stats)
