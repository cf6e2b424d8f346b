"""An image record that waits for its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import fields_of, misfit, parse_str, to_object
from .image import Image


@define(kw_only=True)
class StandardUpload:
    """An image record that waits for its bytes.

    Attributes:
        image: The record.
        upload_url: Presigned URL to PUT the bytes to. Whoever has it can upload: keep it out of
            logs.
    """

    image: Image
    upload_url: str = field(repr=False)
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(self.additional_properties, {"image": self.image, "upload_url": self.upload_url})

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        return cls._take(fields_of("StandardUpload", src_dict, ("image",)))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("StandardUpload", rest)
        take = rest.pop
        at, value = "", None
        try:
            image_ = value = take(at := "image")
            image_ = Image._take(image_)
            upload_url_ = value = take(at := "upload_url")
            if upload_url_.__class__ is not str:
                upload_url_ = parse_str(upload_url_)
        except (TypeError, ValueError) as error:
            raise misfit("StandardUpload", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(image=image_, upload_url=upload_url_, additional_properties=rest)
