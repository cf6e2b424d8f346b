"""Kind of media, as detected by the Asset Manager. The set is open: the service may add members."""

from ..types import OpenStrEnum


class MediaKind(OpenStrEnum):
    """Kind of media, as detected by the Asset Manager. The set is open: the service may add members."""

    IMAGE = "IMAGE"
    ANIMATION = "ANIMATION"
    DOCUMENT = "DOCUMENT"
    VECTOR = "VECTOR"
