"""What kinds of values the generator found, and how the templates read them."""

from __future__ import annotations

from openapi_python_client.parser.properties import (
    AnyProperty,
    EnumProperty,
    ModelProperty,
)
from openapi_python_client.parser.properties.boolean import BooleanProperty
from openapi_python_client.parser.properties.const import ConstProperty
from openapi_python_client.parser.properties.date import DateProperty
from openapi_python_client.parser.properties.datetime import DateTimeProperty
from openapi_python_client.parser.properties.float import FloatProperty
from openapi_python_client.parser.properties.int import IntProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol
from openapi_python_client.parser.properties.string import StringProperty
from openapi_python_client.parser.properties.union import UnionProperty
from openapi_python_client.parser.properties.uuid import UuidProperty

from regeneration.contract.document import RegenerationError

_SCALARS: dict[type[PropertyProtocol], tuple[str, str]] = {
    AnyProperty: ("Any", "parse_any"),
    BooleanProperty: ("bool", "parse_bool"),
    DateProperty: ("datetime.date", "parse_date"),
    DateTimeProperty: ("datetime.datetime", "parse_datetime"),
    FloatProperty: ("float", "parse_float"),
    IntProperty: ("int", "parse_int"),
    NoneProperty: ("None", "parse_any"),
    StringProperty: ("str", "parse_str"),
    UuidProperty: ("UUID", "parse_uuid"),
}


def is_map(item: ModelProperty) -> bool:
    """Whether an object has no fields of its own, so that it is a plain dictionary."""
    # Not `required_properties`: those are empty until the generator has processed a referenced schema.
    return not item.data.properties and not item.data.allOf


def generality(item: PropertyProtocol) -> int:
    """How much else the parser of an alternative takes."""
    order: tuple[type[PropertyProtocol], ...] = (
        BooleanProperty, IntProperty, FloatProperty, UuidProperty, DateProperty, DateTimeProperty,
        ConstProperty, EnumProperty, StringProperty, ListProperty, ModelProperty, UnionProperty, AnyProperty,
    )  # fmt: skip
    return next((at for at, kind in enumerate(order) if isinstance(item, kind)), len(order))


def is_plain(item: PropertyProtocol) -> bool:
    """Whether a value is the same in JSON and in Python."""
    if isinstance(item, UnionProperty):
        return all(map(is_plain, item.inner_properties))
    if isinstance(item, ListProperty):
        return is_plain(item.inner_property)
    return not isinstance(item, (DateProperty, DateTimeProperty, EnumProperty, ModelProperty, UuidProperty))


def is_nullable(item: PropertyProtocol) -> bool:
    """Whether null is one of the alternatives."""
    return isinstance(item, UnionProperty) and any(
        isinstance(inner, NoneProperty) for inner in item.inner_properties
    )


def nulls_last(item: UnionProperty) -> list[PropertyProtocol]:
    """The alternatives of a union in the order in which they are printed."""
    return sorted(item.inner_properties, key=lambda inner: isinstance(inner, NoneProperty))


def scalar(item: PropertyProtocol) -> tuple[str, str]:
    """Python type and parser of a value without parts.

    Raises:
        RegenerationError: the templates do not know its type.
    """
    if isinstance(item, ConstProperty):
        # A constant of the schema is read as its type: tomorrow's value must not break today's client.
        for kind, plain in (
            (bool, BooleanProperty),
            (int, IntProperty),
            (float, FloatProperty),
            (str, StringProperty),
        ):
            if isinstance(item.value.raw_value, kind):
                return _SCALARS[plain]
    if type(item) not in _SCALARS:
        name = item.name.get_untrusted_value()
        raise RegenerationError(
            f"the field {name!r} has a type that the templates do not know: {type(item).__name__}"
        )
    return _SCALARS[type(item)]
