"""Moving from imgix to Imgwire: images with their metadata (`migrate_from_imgix`), and their URLs.

`translate_url` documents the arguments of a translation; `translate_srcset` and `translate_text` accept them
as well. Translating does no I/O. `rewrite_files` and `rewrite_values` replace URLs, with the file of old and
new URLs that `read_urls` reads. `verify_urls` compares the images of both services, and `survey_traffic`
counts the parameters in access logs.
"""

# Names are loaded on first use, so that importing the package stays cheap.

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from imgwire_async.migrate.asset_items import AssetItem
    from imgwire_async.migrate.job import MigrationJob, migrate_from_imgix
    from imgwire_async.migrate.metadata import MetadataRules
    from imgwire_async.migrate.report import MigrationReport, TypeCount
    from imgwire_async.migrate.rewriting.files import RewrittenFile, rewrite_files
    from imgwire_async.migrate.rewriting.totals import UrlTotals
    from imgwire_async.migrate.rewriting.values import rewrite_values
    from imgwire_async.migrate.traffic.survey import TrafficSurvey, survey_traffic
    from imgwire_async.migrate.translation.records import Asset, Finding, ImgixSource, Judgement, Translation
    from imgwire_async.migrate.translation.srcset import Candidate, translate_srcset
    from imgwire_async.migrate.translation.text import FoundUrl, TranslatedText, translate_text
    from imgwire_async.migrate.translation.translate import translate_url
    from imgwire_async.migrate.urls_file import UrlMap, UrlRow, read_urls
    from imgwire_async.migrate.verification.results import Compared
    from imgwire_async.migrate.verification.verify import VerificationReport, verify_urls

_MODULES: Final = {
    "TrafficSurvey": "traffic.survey",
    "survey_traffic": "traffic.survey",
    "Compared": "verification.results",
    "VerificationReport": "verification.verify",
    "verify_urls": "verification.verify",
    "AssetItem": "asset_items",
    "MetadataRules": "metadata",
    "MigrationJob": "job",
    "MigrationReport": "report",
    "TypeCount": "report",
    "migrate_from_imgix": "job",
    "Asset": "translation.records",
    "Candidate": "translation.srcset",
    "Finding": "translation.records",
    "FoundUrl": "translation.text",
    "ImgixSource": "translation.records",
    "Judgement": "translation.records",
    "RewrittenFile": "rewriting.files",
    "TranslatedText": "translation.text",
    "Translation": "translation.records",
    "UrlMap": "urls_file",
    "UrlRow": "urls_file",
    "UrlTotals": "rewriting.totals",
    "read_urls": "urls_file",
    "rewrite_files": "rewriting.files",
    "rewrite_values": "rewriting.values",
    "translate_srcset": "translation.srcset",
    "translate_text": "translation.text",
    "translate_url": "translation.translate",
}

# fmt: off
__all__ = [
    "Asset", "AssetItem", "Candidate", "Compared", "Finding", "FoundUrl", "ImgixSource", "Judgement",
    "MetadataRules", "MigrationJob", "MigrationReport", "RewrittenFile", "TrafficSurvey",
    "TranslatedText", "Translation", "TypeCount", "UrlMap", "UrlRow", "UrlTotals", "VerificationReport",
    "migrate_from_imgix", "read_urls", "rewrite_files", "rewrite_values", "survey_traffic",
    "translate_srcset", "translate_text", "translate_url", "verify_urls",
]
# fmt: on


def __getattr__(name: str) -> object:
    """Load a name of the package."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = found
    return found
