"""An image for the service to fetch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import UNSET, Unset, fields_of, misfit, parse_map, parse_str, to_object
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
        return cls._take(fields_of("UploadViaUrlCreate", src_dict, ("custom_metadata",)))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("UploadViaUrlCreate", rest)
        take = rest.pop
        at, value = "", None
        try:
            custom_metadata_ = value = take(at := "custom_metadata", None)
            if custom_metadata_ is None:
                custom_metadata_ = UNSET
            elif custom_metadata_.__class__ is not dict:
                custom_metadata_ = parse_map(custom_metadata_)
            file_name_ = value = take(at := "file_name", UNSET)
            if file_name_.__class__ is not str and file_name_ is not None and file_name_ is not UNSET:
                file_name_ = parse_str(file_name_)
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
            url_ = value = take(at := "url")
            if url_.__class__ is not str and url_ is not None:
                url_ = parse_str(url_)
        except (TypeError, ValueError) as error:
            raise misfit("UploadViaUrlCreate", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(
            custom_metadata=custom_metadata_,
            file_name=file_name_,
            idempotency_key=idempotency_key_,
            mime_type=mime_type_,
            purpose=purpose_,
            url=url_,
            additional_properties=rest,
        )
