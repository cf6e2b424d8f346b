"""The imgix Management API: client, records, filters, and rendering URLs.

Start with `AsyncImgixClient`; `imgix_url` builds and signs URLs without a client.
"""

# Names are loaded on first use: signing a URL needs no HTTP library.

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from imgwire_async.imgix.client import AsyncImgixClient
    from imgwire_async.imgix.deployment import Deployment
    from imgwire_async.imgix.filters import (
        AssetFilters,
        AssetSort,
        ReportFilters,
        ReportSort,
        SourceFilters,
        SourceSort,
    )
    from imgwire_async.imgix.records import (
        Asset,
        PublishReceipt,
        PurgeReceipt,
        Report,
        Source,
        UnpublishReceipt,
        UploadSession,
    )
    from imgwire_async.imgix.service import ImgixRateClass
    from imgwire_async.imgix.urls import imgix_srcset, imgix_url, is_signed, url_signature

_NAMES: Final = {
    "client": ("AsyncImgixClient",),
    "deployment": ("Deployment",),
    "filters": (
        "AssetFilters",
        "AssetSort",
        "ReportFilters",
        "ReportSort",
        "SourceFilters",
        "SourceSort",
    ),
    "records": (
        "Asset",
        "PublishReceipt",
        "PurgeReceipt",
        "Report",
        "Source",
        "UnpublishReceipt",
        "UploadSession",
    ),
    "service": ("ImgixRateClass",),
    "urls": ("imgix_srcset", "imgix_url", "is_signed", "url_signature"),
}
"""The same names by module, for use at run time."""

_MODULES: Final = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "Asset",
    "AssetFilters",
    "AssetSort",
    "AsyncImgixClient",
    "Deployment",
    "ImgixRateClass",
    "PublishReceipt",
    "PurgeReceipt",
    "Report",
    "ReportFilters",
    "ReportSort",
    "Source",
    "SourceFilters",
    "SourceSort",
    "UnpublishReceipt",
    "UploadSession",
    "imgix_srcset",
    "imgix_url",
    "is_signed",
    "url_signature",
]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = value
        return value
    if name in _NAMES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
