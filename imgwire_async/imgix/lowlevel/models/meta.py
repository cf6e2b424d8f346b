"""Facts about the response rather than its data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import UNSET, FieldReader, Unset, parse_map, to_object
from .cursor import Cursor
from .maps import Authentication
from .page_of_number import PageOfNumber
from .server import Server


@define(kw_only=True)
class Meta:
    """Facts about the response rather than its data.

    Attributes:
        authentication: How the caller was authenticated.
        cursor: Position in a list with cursors.
        pagination: Position in a list with numbered pages.
        server: The server that responded.
    """

    authentication: Authentication | None | Unset = field(default=UNSET, repr=False)
    cursor: Cursor | None | Unset = UNSET
    pagination: PageOfNumber | None | Unset = UNSET
    server: Server | Unset = UNSET
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {
                "authentication": self.authentication,
                "cursor": self.cursor,
                "pagination": self.pagination,
                "server": self.server,
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
        fields = FieldReader("Meta", src_dict)
        return cls(
            authentication=fields.optional_nullable("authentication", parse_map),
            cursor=fields.optional_nullable("cursor", Cursor.from_dict),
            pagination=fields.optional_nullable("pagination", PageOfNumber.from_dict),
            server=fields.optional("server", Server.from_dict),
            additional_properties=fields.rest,
        )
