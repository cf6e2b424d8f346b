"""What is about to be uploaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import UNSET, Unset, fields_of, misfit, parse_int, parse_map, parse_str, to_object
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
        return cls._take(fields_of("StandardUploadCreate", src_dict, ("custom_metadata",)))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("StandardUploadCreate", rest)
        take = rest.pop
        at, value = "", None
        try:
            content_length_ = value = take(at := "content_length", UNSET)
            if (
                content_length_.__class__ is not int
                and content_length_ is not None
                and content_length_ is not UNSET
            ):
                content_length_ = parse_int(content_length_)
            custom_metadata_ = value = take(at := "custom_metadata", None)
            if custom_metadata_ is None:
                custom_metadata_ = UNSET
            elif custom_metadata_.__class__ is not dict:
                custom_metadata_ = parse_map(custom_metadata_)
            file_name_ = value = take(at := "file_name")
            if file_name_.__class__ is not str and file_name_ is not None:
                file_name_ = parse_str(file_name_)
            hash_sha256_ = value = take(at := "hash_sha256", UNSET)
            if hash_sha256_.__class__ is not str and hash_sha256_ is not None and hash_sha256_ is not UNSET:
                hash_sha256_ = parse_str(hash_sha256_)
            idempotency_key_ = value = take(at := "idempotency_key", UNSET)
            if (
                idempotency_key_.__class__ is not str
                and idempotency_key_ is not None
                and idempotency_key_ is not UNSET
            ):
                idempotency_key_ = parse_str(idempotency_key_)
            mime_type_ = value = take(at := "mime_type", UNSET)
            if mime_type_ is not None and mime_type_ is not UNSET:
                mime_type_ = SupportedMimeType._value2member_map_.get(mime_type_) or SupportedMimeType(
                    mime_type_
                )
            purpose_ = value = take(at := "purpose", UNSET)
            if purpose_.__class__ is not str and purpose_ is not None and purpose_ is not UNSET:
                purpose_ = parse_str(purpose_)
        except (TypeError, ValueError) as error:
            raise misfit("StandardUploadCreate", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(
            content_length=content_length_,
            custom_metadata=custom_metadata_,
            file_name=file_name_,
            hash_sha256=hash_sha256_,
            idempotency_key=idempotency_key_,
            mime_type=mime_type_,
            purpose=purpose_,
            additional_properties=rest,
        )
