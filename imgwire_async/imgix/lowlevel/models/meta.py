"""Facts about the response rather than its data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import UNSET, Unset, fields_of, misfit, parse_map, to_object
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
        return cls._take(fields_of("Meta", src_dict, ("authentication", "cursor", "pagination", "server")))

    @classmethod
    def _take(cls, rest: dict[str, Any]) -> Self:
        """Like `from_dict`, but empties the dict, which is faster than copying what it holds."""
        if rest.__class__ is not dict:
            rest = fields_of("Meta", rest)
        take = rest.pop
        at, value = "", None
        try:
            authentication_ = value = take(at := "authentication", UNSET)
            if (
                authentication_.__class__ is not dict
                and authentication_ is not None
                and authentication_ is not UNSET
            ):
                authentication_ = parse_map(authentication_)
            cursor_ = value = take(at := "cursor", UNSET)
            if cursor_ is not None and cursor_ is not UNSET:
                cursor_ = Cursor._take(cursor_)
            pagination_ = value = take(at := "pagination", UNSET)
            if pagination_ is not None and pagination_ is not UNSET:
                pagination_ = PageOfNumber._take(pagination_)
            server_ = value = take(at := "server", None)
            if server_ is None:
                server_ = UNSET
            else:
                server_ = Server._take(server_)
        except (TypeError, ValueError) as error:
            raise misfit("Meta", at, value, error) from error
        if not rest:
            rest.clear()  # an empty dict still has the room for what it held
        return cls(
            authentication=authentication_,
            cursor=cursor_,
            pagination=pagination_,
            server=server_,
            additional_properties=rest,
        )
