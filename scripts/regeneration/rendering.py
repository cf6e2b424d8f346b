"""What the templates print: annotations, parsers, arguments and docstrings of the generated code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from openapi_python_client.config import Config
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import (
    AnyProperty,
    Class,
    EnumProperty,
    ModelProperty,
    Property,
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
from openapi_python_client.strings import pascal_case

from .document import Node, RegenerationError, operations
from .operations import OperationFacts
from .text import literal

DEFAULT = "x-imgwire-default"
ESSENTIAL = "x-imgwire-essential"
SECRET = "x-imgwire-secret"  # noqa: S105 - the name of an extension


@dataclass(frozen=True)
class Mixin:
    """A hand-written class that a generated one inherits."""

    module: str
    name: str
    methods: frozenset[str]


MIXINS = {
    "Image": Mixin("imgwire_async.cdn.image_urls", "CdnUrls", frozenset({"url", "srcset", "picture"})),
    "MetricsDatasets": Mixin("imgwire_async.metrics_rows", "MetricsRows", frozenset({"to_rows"})),
}
"""By the name of the model."""

_TAKEN = frozenset({"to_dict", "from_dict", "additional_properties", "field"})
"""What a model defines itself, and what the body of its class calls."""

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
_IN_PATHS = (StringProperty, IntProperty, UuidProperty, EnumProperty)
_IN_QUERIES = (*_IN_PATHS, BooleanProperty, FloatProperty, DateProperty, DateTimeProperty)

TYPES_NAMES = (
    "nullable_of, one_of, parse_any, parse_bool, parse_date, parse_datetime, parse_float, parse_int, "
    "parse_map, parse_str, parse_uuid, to_object, to_query"
)
"""Everything that a generated module may need of `types.py`; ruff removes what it does not use."""


@dataclass(frozen=True, kw_only=True)
class FieldView:
    """One field of a model."""

    name: str
    python_name: str
    annotation: str
    declaration: str
    read: str


@dataclass(frozen=True, kw_only=True)
class ModelView:
    """One model class."""

    name: str
    mixin: str | None
    summary: str
    docstring: str
    imports: list[str]
    fields: list[FieldView]


@dataclass(frozen=True, kw_only=True)
class EndpointView:
    """One endpoint function."""

    name: str
    constant: str
    summary: str
    docstring: str
    path_arguments: list[str]
    keyword_arguments: list[str]
    path_values: list[str]
    query_values: list[str]
    body: str | None
    response: str
    parser: str


class Renderer:
    """Turns what the generator parsed into text for the templates."""

    def __init__(
        self, document: Node, facts: Iterable[OperationFacts], models: Iterable[ModelProperty], config: Config
    ) -> None:
        """Prepare for one document and the models, maps included, that the generator found in it."""
        self._models = {str(model.class_info.name): model for model in models}
        self._facts = {fact.function: fact for fact in facts}
        self._operations = {(path, method): operation for path, method, operation in operations(document)}
        self._schemas = {
            str(Class.from_string(string=name, config=config).name): schema
            for name, schema in document.get("components", {}).get("schemas", {}).items()
        }
        self.maps: dict[str, str] = {}
        """Annotation of each named free-form object met so far."""

    def describe(self, item: EnumProperty | ModelProperty) -> str:
        """The prose of a class, or a sentence that says nothing false."""
        return str(
            self._schemas.get(item.class_info.name, {}).get("description") or f"{item.class_info.name}."
        )

    def model_view(self, model: ModelProperty) -> ModelView:
        """What the model template needs.

        Raises:
            RegenerationError: a field has a type that the templates do not know, or the name of another one.
        """
        name = str(model.class_info.name)
        schema = self._schemas.get(name, {})
        properties = [*(model.required_properties or []), *(model.optional_properties or [])]
        properties.sort(key=lambda item: (item.python_name != "id", item.python_name))
        raw = schema.get("properties", {})
        fields = [
            self._field(item, raw.get(item.name.get_untrusted_value(), {}), name) for item in properties
        ]
        names = [field.python_name for field in fields]
        if len(set(names)) < len(names):
            raise RegenerationError(f"{name}: two fields would have one name: {', '.join(names)}")
        lines = [
            f"    {_field_name(item, name)}: {raw[item.name.get_untrusted_value()]['description']}"
            for item in properties
            if raw.get(item.name.get_untrusted_value(), {}).get("description")
        ]
        summary = self.describe(model)
        imports = self._imports(properties, name)
        mixin = MIXINS.get(name)
        if mixin is not None:
            imports.add(f"from {mixin.module} import {mixin.name}")
        return ModelView(
            name=name,
            mixin=mixin.name if mixin is not None else None,
            summary=summary,
            docstring="\n".join([summary, *(["", "Attributes:", *lines] if lines else [])]),
            imports=sorted(imports),
            fields=fields,
        )

    def endpoint_view(self, endpoint: Endpoint) -> EndpointView:
        """What the endpoint template needs.

        Raises:
            RegenerationError: the operation has something that the templates cannot express.
        """
        facts = self._facts[str(endpoint.name)]
        place = f"{facts.method} {facts.path}"
        raw = self._operations[facts.path, facts.method.lower()]
        if endpoint.header_parameters or endpoint.cookie_parameters:
            names = [
                item.name.get_untrusted_value()
                for item in [*endpoint.header_parameters, *endpoint.cookie_parameters]
            ]
            raise RegenerationError(
                f"{place}: header and cookie parameters are not supported: {', '.join(names)}"
            )
        self._refuse_others(endpoint.path_parameters, _IN_PATHS, f"{place}: path")
        self._refuse_others(endpoint.query_parameters, _IN_QUERIES, f"{place}: query")
        if len(endpoint.responses.patterns) != 1 or endpoint.responses.default is not None:
            raise RegenerationError(f"{place}: exactly one successful response is supported")
        response = endpoint.responses.patterns[0].prop
        body_argument, body = self._body(endpoint, place)
        return EndpointView(
            name=str(endpoint.name),
            constant=facts.constant,
            summary=str(raw.get("summary") or f"{facts.name}."),
            docstring=self._endpoint_docstring(endpoint, raw, facts),
            path_arguments=[
                f"{item.python_name}: {self.annotation(item)}" for item in endpoint.path_parameters
            ],
            keyword_arguments=[
                *body_argument,
                *(self._query_argument(item) for item in endpoint.query_parameters if item.required),
                *(self._query_argument(item) for item in endpoint.query_parameters if not item.required),
            ],
            path_values=[
                f"{_literal_name(item)}: str({item.python_name})" for item in endpoint.path_parameters
            ],
            query_values=[f"{_literal_name(item)}: {item.python_name}" for item in endpoint.query_parameters],
            body=body,
            response=self.annotation(response),
            parser=self.parser(response),
        )

    def annotation(self, item: PropertyProtocol, owner: str | None = None) -> str:
        """The Python type of a value, without UNSET; `owner` is the model that the field is in, if any."""
        if isinstance(item, UnionProperty):
            return " | ".join(dict.fromkeys(self.annotation(inner, owner) for inner in _nulls_last(item)))
        if isinstance(item, ListProperty):
            return f"list[{self.annotation(item.inner_property)}]"
        if isinstance(item, ModelProperty) and is_map(item):
            annotation = f"dict[str, {self._value_annotation(item)}]"
            return annotation if owner is None else self._map_name(item, annotation, owner)
        if isinstance(item, (EnumProperty, ModelProperty)):
            return str(item.class_info.name)
        return _scalar(item)[0]

    def parser(self, item: PropertyProtocol) -> str:
        """An expression for the function that reads a value from JSON."""
        if isinstance(item, UnionProperty):
            parsers = [
                self.parser(inner) for inner in item.inner_properties if not isinstance(inner, NoneProperty)
            ]
            parser = parsers[0] if len(parsers) == 1 else f"one_of({', '.join(parsers)})"
            return f"nullable_of({parser})" if _is_nullable(item) else parser
        if isinstance(item, ListProperty):
            return f"list_of({self.parser(item.inner_property)})"
        if isinstance(item, ModelProperty):
            return "parse_map" if is_map(item) else f"{item.class_info.name}.from_dict"
        if isinstance(item, EnumProperty):
            if item.value_type is not str:
                raise RegenerationError(f"{item.class_info.name}: only text enumerations are supported")
            return str(item.class_info.name)
        return _scalar(item)[1]

    def _field(self, item: PropertyProtocol, raw: Node, owner: str) -> FieldView:
        name = item.name.get_untrusted_value()
        nullable = _is_nullable(item)
        plain = self._without_null(item)
        arguments = [literal(name), plain]
        if DEFAULT in raw:
            method = "defaulted"
            arguments.append(literal(raw[DEFAULT]))
        elif not item.required:
            method = "optional_nullable" if nullable else "optional"
        elif nullable:
            method = "nullable"
        elif plain == "parse_map" or isinstance(item, ListProperty):
            method = "collection"
            arguments.append("{}" if plain == "parse_map" else "[]")
        elif isinstance(item, ModelProperty) or raw.get(ESSENTIAL) is True:
            method = "essential"
        else:
            method = "required"
        hidden = raw.get(SECRET) is True
        options = [*([] if item.required else ["default=UNSET"]), *(["repr=False"] if hidden else [])]
        declaration = f" = field({', '.join(options)})" if hidden else "" if item.required else " = UNSET"
        return FieldView(
            name=name,
            python_name=_field_name(item, owner),
            annotation=self.annotation(item, owner) + ("" if item.required else " | Unset"),
            declaration=declaration,
            read=f"{method}({', '.join(arguments)})",
        )

    def _without_null(self, item: PropertyProtocol) -> str:
        """The parser of a field whose null the FieldReader deals with."""
        parser = self.parser(item)
        return parser.removeprefix("nullable_of(").removesuffix(")") if _is_nullable(item) else parser

    def _value_annotation(self, item: ModelProperty) -> str:
        values = self._models.get(str(item.class_info.name), item).additional_properties
        return "Any" if values is None else self.annotation(values)

    def _map_name(self, item: ModelProperty, annotation: str, owner: str) -> str:
        is_component = str(item.class_info.name) in self._schemas
        name = str(item.class_info.name) if is_component else pascal_case(item.name)
        if self.maps.setdefault(name, annotation) != annotation:
            name = f"{owner}{name}"
            self.maps[name] = annotation
        return name

    def _imports(self, properties: Iterable[PropertyProtocol], owner: str) -> set[str]:
        lines: set[str] = set()
        for item in properties:
            if isinstance(item, UnionProperty):
                lines |= self._imports(item.inner_properties, owner)
            elif isinstance(item, ListProperty):
                lines |= self._imports([item.inner_property], owner)
            elif isinstance(item, ModelProperty) and is_map(item):
                lines.add(f"from .maps import {self.annotation(item, owner)}")
            elif isinstance(item, (EnumProperty, ModelProperty)) and item.class_info.name != owner:
                lines.add(f"from .{item.class_info.module_name} import {item.class_info.name}")
        return lines

    def _body(self, endpoint: Endpoint, place: str) -> tuple[list[str], str | None]:
        """The argument for the body and the expression that gives its JSON."""
        if not endpoint.bodies:
            return [], None
        item = endpoint.bodies[0].prop
        if not isinstance(item, ModelProperty):
            raise RegenerationError(f"{place}: the body must be a JSON object")
        expression = "to_object({}, body)" if is_map(item) else "body.to_dict()"
        if item.required:
            return [f"body: {self.annotation(item)}"], expression
        return [
            f"body: {self.annotation(item)} | Unset = UNSET"
        ], f"None if isinstance(body, Unset) else {expression}"

    def _query_argument(self, item: PropertyProtocol) -> str:
        if item.required:
            return f"{item.python_name}: {self.annotation(item)}"
        null = "" if _is_nullable(item) else " | None"
        return f"{item.python_name}: {self.annotation(item)}{null} | Unset = UNSET"

    def _endpoint_docstring(self, endpoint: Endpoint, raw: Node, facts: OperationFacts) -> str:
        prose = {item["name"]: item.get("description") for item in raw.get("parameters", [])}
        lines = [str(raw.get("summary") or f"{facts.name}."), ""]
        if raw.get("description"):
            lines += [raw["description"], ""]
        lines += ["Args:", "    caller: Makes the call."]
        for item in endpoint.path_parameters:
            lines.append(
                f"    {item.python_name}: {prose.get(item.name.get_untrusted_value()) or 'Part of the path.'}"
            )
        for body in endpoint.bodies:
            if isinstance(body.prop, ModelProperty):
                lines.append(f"    body: {self.describe(body.prop)}")
        for item in endpoint.query_parameters:
            lines.append(
                f"    {item.python_name}: {prose.get(item.name.get_untrusted_value()) or 'Query parameter.'}"
            )
        return "\n".join(lines)

    def _refuse_others(
        self, parameters: Iterable[Property], allowed: tuple[type[PropertyProtocol], ...], place: str
    ) -> None:
        for item in parameters:
            alternatives = item.inner_properties if isinstance(item, UnionProperty) else [item]
            if not all(isinstance(inner, (*allowed, NoneProperty)) for inner in alternatives):
                name = item.name.get_untrusted_value()
                raise RegenerationError(
                    f"{place} parameter {name!r} has a type that the templates cannot send"
                )


def is_map(item: ModelProperty) -> bool:
    """Whether an object has no fields of its own, so that it is a plain dictionary."""
    # Not `required_properties`: those are empty until the generator has processed a referenced schema.
    return not item.data.properties and not item.data.allOf


def _field_name(item: PropertyProtocol, owner: str) -> str:
    """The name of a field; one that a method has already gets a `_`, as reserved words do."""
    name = str(item.python_name)
    taken = _TAKEN | (MIXINS[owner].methods if owner in MIXINS else frozenset())
    return f"{name}_" if name in taken else name


def _literal_name(item: PropertyProtocol) -> str:
    return literal(item.name.get_untrusted_value())


def _is_nullable(item: PropertyProtocol) -> bool:
    return isinstance(item, UnionProperty) and any(
        isinstance(inner, NoneProperty) for inner in item.inner_properties
    )


def _nulls_last(item: UnionProperty) -> list[PropertyProtocol]:
    return sorted(item.inner_properties, key=lambda inner: isinstance(inner, NoneProperty))


def _scalar(item: PropertyProtocol) -> tuple[str, str]:
    if isinstance(item, ConstProperty):
        # A constant of the schema is read as its type: tomorrow's value must not break today's client.
        for kind, scalar in (
            (bool, BooleanProperty),
            (int, IntProperty),
            (float, FloatProperty),
            (str, StringProperty),
        ):
            if isinstance(item.value.raw_value, kind):
                return _SCALARS[scalar]
    if type(item) not in _SCALARS:
        name = item.name.get_untrusted_value()
        raise RegenerationError(
            f"the field {name!r} has a type that the templates do not know: {type(item).__name__}"
        )
    return _SCALARS[type(item)]
