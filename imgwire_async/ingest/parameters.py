"""The parameters with which an item is created, besides its content."""

from __future__ import annotations

import hashlib
import json

from imgwire_async.core.values.metadata import Metadata
from imgwire_async.core.values.numbers import json_number_or_repr
from imgwire_async.errors import InvalidArgumentError
from imgwire_async.ingest.items import IngestItem

_NONE = (None, None, None, None)


class Parameters:
    """Purpose, custom metadata, file name and type of the items of a job.

    Args:
        purpose: for items that do not set their own.
        custom_metadata: for items that do not set their own.
    """

    def __init__(self, purpose: str | None, custom_metadata: Metadata | None) -> None:
        self._purpose = purpose
        self._custom_metadata = custom_metadata
        self._common = _digest(None, None, purpose, custom_metadata)

    def purpose(self, item: IngestItem) -> str | None:
        """The item's own value, or else the job's."""
        return self._purpose if item.purpose is None else item.purpose

    def custom_metadata(self, item: IngestItem) -> Metadata | None:
        """The item's own value, or else the job's."""
        return self._custom_metadata if item.custom_metadata is None else item.custom_metadata

    def digest(self, item: IngestItem) -> bytes | None:
        """A BLAKE2b-128 digest of the parameters, or None if there are none.

        File name and type are included only if they were given rather than derived from the source.

        Raises:
            InvalidArgumentError: a value cannot be sent.
        """
        # Most items of a resumed job end here, so their common part is computed once.
        if (item.file_name, item.mime_type, item.purpose, item.custom_metadata) == _NONE:
            return self._common
        return _digest(item.file_name, item.mime_type, self.purpose(item), self.custom_metadata(item))


def _digest(
    file_name: str | None, mime_type: str | None, purpose: str | None, custom_metadata: Metadata | None
) -> bytes | None:
    metadata = {str(name): value for name, value in (custom_metadata or {}).items()}
    if (file_name, mime_type, purpose) == (None, None, None) and not metadata:
        return None
    try:
        # repr: a value that the service does not accept is reported when it is sent.
        text = json.dumps(
            [file_name, mime_type, purpose, metadata],
            sort_keys=True,
            separators=(",", ":"),
            default=json_number_or_repr,
        )
    except (TypeError, ValueError, RecursionError) as error:
        problem = f"an argument cannot be sent as JSON: {error}"
        raise InvalidArgumentError(problem, operation="ingest") from None
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
