"""An image for the service to fetch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import UNSET, FieldReader, Unset, parse_map, parse_str, to_object
from .maps import CustomMetadata
from .supported_mime_type import SupportedMimeType


@define(kw_only=True)
class UploadViaUrlCreate:
    """An image for the service to fetch.

    Attributes:
        custom_metadata: Your own values by name; a value is a text, a number or a boolean.
        file_name: File name to use instead of the one in the URL.
        idempotency_key: Text of your own that names this logical upload, so that the call can be
            repeated.
        mime_type: Type to use instead of the one that the source declares.
        purpose: Free label.
        url: Where the image is.
    """

    custom_metadata: CustomMetadata | Unset = UNSET
    file_name: str | None | Unset = UNSET
    idempotency_key: str | None | Unset = UNSET
    mime_type: SupportedMimeType | None | Unset = UNSET
    purpose: str | None | Unset = UNSET
    url: str
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {
                "custom_metadata": self.custom_metadata,
                "file_name": self.file_name,
                "idempotency_key": self.idempotency_key,
                "mime_type": self.mime_type,
                "purpose": self.purpose,
                "url": self.url,
            },
        )

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        fields = FieldReader("UploadViaUrlCreate", src_dict)
        return cls(
            custom_metadata=fields.optional("custom_metadata", parse_map),
            file_name=fields.optional_nullable("file_name", parse_str),
            idempotency_key=fields.optional_nullable("idempotency_key", parse_str),
            mime_type=fields.optional_nullable("mime_type", SupportedMimeType),
            purpose=fields.optional_nullable("purpose", parse_str),
            url=fields.required("url", parse_str),
            additional_properties=fields.rest,
        )
