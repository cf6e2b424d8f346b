"""imgix: no document is published, so we write the contract from what is publicly known."""

from __future__ import annotations

from .base import Profile

IMGIX = Profile(
    name="imgix",
    title="the imgix Management API",
    document="scripts/contracts/imgix/openapi.json",
    tree="imgwire_async/imgix/lowlevel",
    generator_config="scripts/contracts/imgix/generator-config.yaml",
    overlay=None,
    media_type="application/vnd.api+json",
    areas=("/api/v1/",),
    auth_kinds=("api_key",),
    rate_classes=(
        "default",
        "get_asset",
        "refresh_asset",
        "create_source",
        "update_source",
        "upload",
        "purge",
    ),
    default_rate_classes={"": "default"},
)
