"""Resources with methods that return the whole response: record, status, headers and request id.

`await client.assets.with_raw_response.retrieve(source, path)` gives a `Response[Asset]`. If an error status
means that the call was successful, such as the 409 of a repeated purge, the response has that status and no
headers.
"""

from __future__ import annotations

from imgwire_async.core.call import Core
from imgwire_async.core.raw_responses import RawMethod, WithRawResponse
from imgwire_async.imgix.resources import delivery
from imgwire_async.imgix.resources.assets import Assets
from imgwire_async.imgix.resources.reports import Reports
from imgwire_async.imgix.resources.sources import Sources
from imgwire_async.imgix.resources.upload_sessions import UploadSessions


class SourcesWithRawResponse(WithRawResponse):
    """The methods of `Sources` that make one call of the API."""

    kind = Sources
    list = RawMethod(Sources.list)
    retrieve = RawMethod(Sources.retrieve)
    create = RawMethod(Sources.create)
    update = RawMethod(Sources.update)
    enable = RawMethod(Sources.enable)
    disable = RawMethod(Sources.disable)


class AssetsWithRawResponse(WithRawResponse):
    """The methods of `Assets` that make one call of the API."""

    kind = Assets
    list = RawMethod(Assets.list)
    retrieve = RawMethod(Assets.retrieve)
    update = RawMethod(Assets.update)
    add = RawMethod(Assets.add)
    refresh = RawMethod(Assets.refresh)


class UploadSessionsWithRawResponse(WithRawResponse):
    """The methods of `UploadSessions` that make one call of the API."""

    kind = UploadSessions
    create = RawMethod(UploadSessions.create)
    status = RawMethod(UploadSessions.status)
    close = RawMethod(UploadSessions.close)
    cancel = RawMethod(UploadSessions.cancel)


class ReportsWithRawResponse(WithRawResponse):
    """The methods of `Reports` that make one call of the API."""

    kind = Reports
    list = RawMethod(Reports.list)
    retrieve = RawMethod(Reports.retrieve)


class ClientWithRawResponse(WithRawResponse):
    """The methods of `AsyncImgixClient` itself that make one call of the API."""

    @staticmethod
    def kind(core: Core) -> Core:
        """The core with which the methods make their calls."""
        return core

    purge = RawMethod(delivery.purge)
    publish = RawMethod(delivery.publish)
    unpublish = RawMethod(delivery.unpublish)
