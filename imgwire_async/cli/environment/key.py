"""Whose key it is, and whether it works."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from imgwire_async.cli.output import JsonFlag, run, show_record
from imgwire_async.cli.settings import settings

if TYPE_CHECKING:
    from imgwire_async.imgwire.client import AsyncImgwireClient


def whoami(as_json: JsonFlag = False) -> None:
    """Show the configured service and environment, and check that they work.

    The key itself is never shown.

    Example: imgwire-async whoami --base-url http://127.0.0.1:8787
    """
    key = os.environ.get("IMGWIRE_API_KEY", "")
    kinds = {"sk_": "server key", "ck_": "client key"}

    async def work(imgwire: AsyncImgwireClient) -> None:
        from imgwire_async.imgwire.service import IMGWIRE

        record: dict[str, object] = {
            "base_url": settings.base_url or os.environ.get("IMGWIRE_API_BASE_URL") or IMGWIRE.public_url,
            "environment_id": os.environ.get("IMGWIRE_ENVIRONMENT_ID"),
            "credential": kinds.get(key[:3], "session or OAuth token"),
            "health": (await imgwire.health()).get("status", "unknown"),
        }
        if not key.startswith("ck_"):  # a client key may not list
            page = await imgwire.images.list(limit=1)
            record["images"] = page.pagination.total_count
            if page.data:
                record["environment_id"] = str(page.data[0].environment_id)
        show_record(record, as_json=as_json)

    run(work, as_json=as_json)
