"""The data models of requests and responses."""

from .asset import Asset
from .asset_attributes import AssetAttributes
from .asset_document import AssetDocument
from .asset_list import AssetList
from .asset_update import AssetUpdate
from .asset_update_attributes import AssetUpdateAttributes
from .asset_update_data import AssetUpdateData
from .azure_service_type import AzureServiceType
from .cache_ttl_behavior import CacheTtlBehavior
from .cursor import Cursor
from .deployment import Deployment
from .deployment_status import DeploymentStatus
from .json_api import JsonApi
from .maps import (
    Authentication,
    Colors,
    CustomFields,
    IncludedItem,
    Relationships,
    RenderingParams,
    Status,
    Tags,
)
from .media_kind import MediaKind
from .meta import Meta
from .page_of_number import PageOfNumber
from .publish import Publish
from .publish_attributes import PublishAttributes
from .publish_data import PublishData
from .publish_receipt import PublishReceipt
from .publish_receipt_attributes import PublishReceiptAttributes
from .publish_receipt_document import PublishReceiptDocument
from .purge import Purge
from .purge_attributes import PurgeAttributes
from .purge_data import PurgeData
from .purge_receipt import PurgeReceipt
from .purge_receipt_attributes import PurgeReceiptAttributes
from .purge_receipt_document import PurgeReceiptDocument
from .report import Report
from .report_attributes import ReportAttributes
from .report_document import ReportDocument
from .report_list import ReportList
from .report_type import ReportType
from .robots_policy import RobotsPolicy
from .server import Server
from .source import Source
from .source_attributes import SourceAttributes
from .source_create import SourceCreate
from .source_create_attributes import SourceCreateAttributes
from .source_create_data import SourceCreateData
from .source_document import SourceDocument
from .source_list import SourceList
from .source_type import SourceType
from .source_update import SourceUpdate
from .source_update_attributes import SourceUpdateAttributes
from .source_update_data import SourceUpdateData
from .unpublish import Unpublish
from .unpublish_attributes import UnpublishAttributes
from .unpublish_data import UnpublishData
from .unpublish_receipt import UnpublishReceipt
from .unpublish_receipt_attributes import UnpublishReceiptAttributes
from .unpublish_receipt_document import UnpublishReceiptDocument
from .upload_session import UploadSession
from .upload_session_attributes import UploadSessionAttributes
from .upload_session_document import UploadSessionDocument
from .upload_session_status import UploadSessionStatus

__all__ = (
    "Asset",
    "AssetAttributes",
    "AssetDocument",
    "AssetList",
    "AssetUpdate",
    "AssetUpdateAttributes",
    "AssetUpdateData",
    "Authentication",
    "AzureServiceType",
    "CacheTtlBehavior",
    "Colors",
    "Cursor",
    "CustomFields",
    "Deployment",
    "DeploymentStatus",
    "IncludedItem",
    "JsonApi",
    "MediaKind",
    "Meta",
    "PageOfNumber",
    "Publish",
    "PublishAttributes",
    "PublishData",
    "PublishReceipt",
    "PublishReceiptAttributes",
    "PublishReceiptDocument",
    "Purge",
    "PurgeAttributes",
    "PurgeData",
    "PurgeReceipt",
    "PurgeReceiptAttributes",
    "PurgeReceiptDocument",
    "Relationships",
    "RenderingParams",
    "Report",
    "ReportAttributes",
    "ReportDocument",
    "ReportList",
    "ReportType",
    "RobotsPolicy",
    "Server",
    "Source",
    "SourceAttributes",
    "SourceCreate",
    "SourceCreateAttributes",
    "SourceCreateData",
    "SourceDocument",
    "SourceList",
    "SourceType",
    "SourceUpdate",
    "SourceUpdateAttributes",
    "SourceUpdateData",
    "Status",
    "Tags",
    "Unpublish",
    "UnpublishAttributes",
    "UnpublishData",
    "UnpublishReceipt",
    "UnpublishReceiptAttributes",
    "UnpublishReceiptDocument",
    "UploadSession",
    "UploadSessionAttributes",
    "UploadSessionDocument",
    "UploadSessionStatus",
)
