"""What is about to be uploaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import UNSET, FieldReader, Unset, parse_int, parse_map, parse_str, to_object
from .maps import CustomMetadata
from .supported_mime_type import SupportedMimeType


@define(kw_only=True)
class StandardUploadCreate:
    """What is about to be uploaded.

    Attributes:
        content_length: Number of bytes; the PUT must send exactly as many.
        custom_metadata: Your own values by name; a value is a text, a number or a boolean.
        file_name: Name of the file, with its extension.
        hash_sha256: SHA-256 of the bytes in lower-case hexadecimal digits.
        idempotency_key: Text of your own that names this logical upload, so that the call can be
            repeated.
        mime_type: Type of the bytes; the PUT must send the same.
        purpose: Free label.
    """

    content_length: int | None | Unset = UNSET
    custom_metadata: CustomMetadata | Unset = UNSET
    file_name: str
    hash_sha256: str | None | Unset = UNSET
    idempotency_key: str | None | Unset = UNSET
    mime_type: SupportedMimeType | None | Unset = UNSET
    purpose: str | None | Unset = UNSET
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {
                "content_length": self.content_length,
                "custom_metadata": self.custom_metadata,
                "file_name": self.file_name,
                "hash_sha256": self.hash_sha256,
                "idempotency_key": self.idempotency_key,
                "mime_type": self.mime_type,
                "purpose": self.purpose,
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
        fields = FieldReader("StandardUploadCreate", src_dict)
        return cls(
            content_length=fields.optional_nullable("content_length", parse_int),
            custom_metadata=fields.optional("custom_metadata", parse_map),
            file_name=fields.required("file_name", parse_str),
            hash_sha256=fields.optional_nullable("hash_sha256", parse_str),
            idempotency_key=fields.optional_nullable("idempotency_key", parse_str),
            mime_type=fields.optional_nullable("mime_type", SupportedMimeType),
            purpose=fields.optional_nullable("purpose", parse_str),
            additional_properties=fields.rest,
        )
