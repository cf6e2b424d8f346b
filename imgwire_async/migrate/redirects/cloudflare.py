"""Redirects for Cloudflare: items of a bulk redirect list, in the format of its API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from imgwire_async.migrate.redirects.entries import HOSTS, Entries

LONGEST_COMMENT: Final = 500  # characters
_STATEMENT: Final = (
    "Bulk redirects translate no parameters: w, h, fit and all others of the old URL are dropped, and every "
    "old URL redirects to the whole image in its own format. Translate URLs with parameters where they are "
    f"written. {HOSTS}"
)
_SHORT: Final = "No parameter of the old URL is carried over."


def lines(entries: Entries) -> Iterator[str]:
    """The file, line by line: a JSON array, the body of a request that adds items to a list."""
    yield "["
    following = ""
    comment = _STATEMENT
    for entry in entries():
        query = f"?format={entry.own_format}" if entry.own_format else ""
        item = {
            "redirect": {
                # Without a scheme it matches http and https.
                "source_url": entry.old_url.removeprefix("https://"),
                "target_url": f"{entry.cdn_url}{query}",
                "status_code": 301,
                "preserve_query_string": False,
            },
            "comment": comment,
        }
        if following:
            yield f"{following},"
        following, comment = f"  {json.dumps(item)}", _SHORT
    if following:
        yield following
    yield "]"
