"""The command that shows and checks the configured key."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from imgwire_async.cli.credentials import VARIABLES, chosen_profile
from imgwire_async.cli.output import JsonFlag, run, show_record
from imgwire_async.cli.settings import settings

if TYPE_CHECKING:
    from imgwire_async.imgwire.client import AsyncImgwireClient


def whoami(as_json: JsonFlag = False) -> None:
    """Show the configured service and environment, and check that they work.

    The key itself is never shown. Without a profile, the environment variables apply.

    Example: imgwire-async whoami --base-url http://127.0.0.1:8787
    """
    kinds = {"sk_": "server key", "ck_": "client key"}

    async def work(imgwire: AsyncImgwireClient) -> None:
        from imgwire_async.imgwire.service import IMGWIRE

        profile = chosen_profile("imgwire")
        if profile is None:
            key, url, environment = (os.environ.get(name) for name in VARIABLES["imgwire"])
        else:
            key, url, environment = profile.api_key.reveal(), profile.base_url, profile.environment_id
        key = key or ""
        record: dict[str, object] = {
            "profile": None if profile is None else profile.name,
            "base_url": settings.base_url or url or IMGWIRE.public_url,
            "environment_id": environment,
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
