"""The modules that users see, in one table: `API.md`, the HTML reference and their tests are made from it."""

from __future__ import annotations

# In the order in which users meet them. What a module offers is described where it is met first.
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

DOCUMENTED = (
    *(name.replace(".imgwire.lowlevel", "") for name in MODULES),
    "imgwire_async.imgwire.client",
    "imgwire_async.integrations.fastapi",
    "imgwire_async.integrations.opentelemetry",
    "imgwire_async.testing",
)
"""The pages of the HTML reference: the same, and what is no part of the names that are kept."""

RESOURCES = tuple(name for name in MODULES if ".resources." in name)
"""Those with the operations of a service."""
