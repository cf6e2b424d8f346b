"""The server that responded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define, field

from ..types import UNSET, FieldReader, Unset, parse_map, parse_str, to_object
from .maps import Status


@define(kw_only=True)
class Server:
    """The server that responded.

    Attributes:
        commit: Commit of the server's code.
        status: `healthy`, `read_only` and `tombstone`.
        version: Version of the server.
    """

    commit: str | Unset = UNSET
    status: Status | Unset = UNSET
    version: str | Unset = UNSET
    additional_properties: dict[str, Any] = field(factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON object, fields that the schema does not know included."""
        return to_object(
            self.additional_properties,
            {"commit": self.commit, "status": self.status, "version": self.version},
        )

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the JSON object.

        Raises:
            KeyError: a required field is missing; the message is its name.
            TypeError: a value has the wrong JSON type.
            ValueError: a text is not the date, time or UUID that it should be.
        """
        fields = FieldReader("Server", src_dict)
        return cls(
            commit=fields.optional("commit", parse_str),
            status=fields.optional("status", parse_map),
            version=fields.optional("version", parse_str),
            additional_properties=fields.rest,
        )
