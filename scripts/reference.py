"""The modules that users see, in one table, from which `API.md` is made."""

from __future__ import annotations

# In the order in which users meet them. A name is described in the first module that offers it.
MODULES = (
    "imgwire_async",
    "imgwire_async.imgwire.bulk_jobs",
    "imgwire_async.imgwire.resources.images",
    "imgwire_async.imgwire.resources.image_uploads",
    "imgwire_async.imgwire.resources.image_downloads",
    "imgwire_async.imgwire.resources.lists",
    "imgwire_async.imgwire.resources.cors_origins",
    "imgwire_async.imgwire.resources.custom_domain",
    "imgwire_async.imgwire.resources.metrics",
    "imgwire_async.core.paging",
    "imgwire_async.imgwire.cdn",
    "imgwire_async.imgix",
    "imgwire_async.imgix.resources.sources",
    "imgwire_async.imgix.resources.assets",
    "imgwire_async.imgix.resources.upload_sessions",
    "imgwire_async.imgix.resources.reports",
    "imgwire_async.migrate",
    "imgwire_async.imgwire.lowlevel.models",  # as imgwire_async.models
    "imgwire_async.errors",
    "imgwire_async.sandbox",
)
"""What `API.md` lists."""
