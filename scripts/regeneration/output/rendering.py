"""What the templates print: annotations, parsers, arguments and docstrings of the generated code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from openapi_python_client.config import Config
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.parser.properties import (
    Class,
    EnumProperty,
    ModelProperty,
    Property,
)
from openapi_python_client.parser.properties.boolean import BooleanProperty
from openapi_python_client.parser.properties.date import DateProperty
from openapi_python_client.parser.properties.datetime import DateTimeProperty
from openapi_python_client.parser.properties.float import FloatProperty
from openapi_python_client.parser.properties.int import IntProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.literal_enum_property import LiteralEnumProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol
from openapi_python_client.parser.properties.string import StringProperty
from openapi_python_client.parser.properties.union import UnionProperty
from openapi_python_client.parser.properties.uuid import UuidProperty
from openapi_python_client.strings import pascal_case

from regeneration.contract.discriminators import discriminators
from regeneration.contract.document import Node, RegenerationError, operations, pointer
from regeneration.contract.naming import TAKEN_CLASSES, WIRE_NAME, argument_name
from regeneration.contract.operations import FREE_QUERY, RAW_BODY, RAW_MEDIA_TYPE, OperationFacts
from regeneration.output.text import literal
from regeneration.output.values import generality, is_map, is_nullable, is_plain, nulls_last, scalar
from regeneration.profiles.base import Mixin

DEFAULT = "x-imgwire-default"
LONE = "x-imgwire-lone"
"""On an array in an answer for which a lone object may stand."""
ESSENTIAL = "x-imgwire-essential"
SECRET = "x-imgwire-secret"  # noqa: S105 - the name of an extension


_TAKEN = frozenset({"to_dict", "from_dict", "additional_properties", "field"})
"""What a model defines itself, and what the body of its class calls."""

_RAW_ARGUMENTS = ("content: bytes | Body", f"content_type: str = {literal(RAW_MEDIA_TYPE)}")

_IN_PATHS = (StringProperty, IntProperty, UuidProperty, EnumProperty)
_IN_QUERIES = (*_IN_PATHS, BooleanProperty, FloatProperty, DateProperty, DateTimeProperty)


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
    late_imports: list[str]
    """Those of models that import this one, too; they have to wait until it is defined."""
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
    is_raw: bool
    """Whether the body is sent as the bytes that it is."""
    response: str
    parser: str


class Renderer:
    """Turns what the generator parsed into text for the templates."""

    def __init__(
        self,
        document: Node,
        facts: Iterable[OperationFacts],
        models: Iterable[ModelProperty],
        enums: Iterable[EnumProperty | LiteralEnumProperty],
        config: Config,
        mixins: Mapping[str, Mixin],
    ) -> None:
        """Prepare for one document and the classes, maps included, that the generator found in it."""
        self._mixins = mixins
        self._places = {
            str(Class.from_string(string=name, config=config).name): pointer("components", "schemas", name)
            for name in document.get("components", {}).get("schemas", {})
        }
        models = list(models)
        self._models = {str(model.class_info.name): model for model in models}
        self._classes = {str(item.class_info.name) for item in enums} | {
            name for name, model in self._models.items() if not is_map(model)
        }
        self._facts = {fact.function: fact for fact in facts}
        self._operations = {(path, method): operation for path, method, operation in operations(document)}
        self._schemas = {
            str(Class.from_string(string=name, config=config).name): schema
            for name, schema in document.get("components", {}).get("schemas", {}).items()
        }
        self._discriminators = discriminators(document, config)
        self._needs: dict[str, set[str]] = {}
        self.maps: dict[str, str] = {}
        """Annotation of each named free-form object met so far."""
        self.map_imports: set[str] = set()
        """Imports that these annotations need."""

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
            twice = sorted({one for one in names if names.count(one) > 1})
            raise RegenerationError(
                f"{self._place(name)}/properties: two fields would have one name: {', '.join(twice)}"
            )
        lines = [
            f"    {self._field_name(item, name)}: {raw[item.name.get_untrusted_value()]['description']}"
            for item in properties
            if raw.get(item.name.get_untrusted_value(), {}).get("description")
        ]
        summary = self.describe(model)
        needed = self._imports(properties, name)
        late = {line for line in needed if self._leads_to(_imported(line), name)}
        imports = needed - late
        mixin = self._mixins.get(name)
        if mixin is not None:
            imports.add(f"from {mixin.module} import {mixin.name}")
        return ModelView(
            name=name,
            mixin=mixin.name if mixin is not None else None,
            summary=summary,
            docstring="\n".join([summary, *(["", "Attributes:", *lines] if lines else [])]),
            imports=sorted(imports),
            late_imports=sorted(late),
            fields=fields,
        )

    def endpoint_view(self, endpoint: Endpoint) -> EndpointView:
        """What the endpoint template needs.

        Raises:
            RegenerationError: the operation has something that the templates cannot express.
        """
        facts = self._facts[str(endpoint.name)]
        place = pointer("paths", facts.path, facts.method.lower())
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
        is_empty = not next(iter(raw["responses"].values())).get("content")
        is_raw = RAW_BODY in raw
        body_argument, body = self._body(endpoint, place)
        wire_names = {item["name"]: item.get(WIRE_NAME, item["name"]) for item in raw.get("parameters", [])}
        free = (
            ["further_query: Mapping[str, QueryValue] | None = None"] if raw.get(FREE_QUERY) is True else []
        )
        arguments = [argument_name(item) for item in [*endpoint.path_parameters, *endpoint.query_parameters]]
        twice = sorted({one for one in arguments if arguments.count(one) > 1})
        if twice:
            raise RegenerationError(f"{place}: two parameters would have one name: {', '.join(twice)}")
        return EndpointView(
            name=str(endpoint.name),
            constant=facts.constant,
            summary=str(raw.get("summary") or f"{facts.name}."),
            docstring=self._endpoint_docstring(endpoint, raw, facts),
            path_arguments=[
                f"{argument_name(item)}: {self.annotation(item)}" for item in endpoint.path_parameters
            ],
            keyword_arguments=[
                *body_argument,
                *(_RAW_ARGUMENTS if is_raw else []),
                *(self._query_argument(item) for item in endpoint.query_parameters if item.required),
                *(self._query_argument(item) for item in endpoint.query_parameters if not item.required),
                *free,
            ],
            path_values=[
                f"{_literal_name(item)}: str({argument_name(item)})" for item in endpoint.path_parameters
            ],
            query_values=[
                *(
                    f"{literal(wire_names[item.name.get_untrusted_value()])}: {argument_name(item)}"
                    for item in endpoint.query_parameters
                ),
                *(["**(further_query or {})"] if free else []),
            ],
            body=body,
            is_raw=is_raw,
            response="None" if is_empty else self.annotation(response),
            parser="parse_nothing" if is_empty else self.parser(response),
        )

    def annotation(self, item: PropertyProtocol, owner: str | None = None) -> str:
        """The Python type of a value, without UNSET; `owner` is the model that the field is in, if any."""
        if isinstance(item, UnionProperty):
            return " | ".join(dict.fromkeys(self.annotation(inner, owner) for inner in nulls_last(item)))
        if isinstance(item, ListProperty):
            return f"list[{self.annotation(item.inner_property)}]"
        if isinstance(item, ModelProperty) and is_map(item):
            annotation = f"dict[str, {self._value_annotation(item)}]"
            return annotation if owner is None else self._map_name(item, annotation, owner)
        if isinstance(item, (EnumProperty, ModelProperty)):
            return str(item.class_info.name)
        return scalar(item)[0]

    def parser(self, item: PropertyProtocol) -> str:
        """An expression for the function that reads a value from JSON."""
        if isinstance(item, UnionProperty):
            parsers = self._alternatives(item)
            parser = parsers[0] if len(parsers) == 1 else f"one_of({', '.join(parsers)})"
            return f"nullable_of({parser})" if is_nullable(item) else parser
        if isinstance(item, ListProperty):
            return f"list_of({self.parser(item.inner_property)})"
        if isinstance(item, ModelProperty):
            return self._map_parser(item) if is_map(item) else f"{item.class_info.name}.from_dict"
        if isinstance(item, EnumProperty):
            if item.value_type is not str:
                raise RegenerationError(f"{item.class_info.name}: only text enumerations are supported")
            return str(item.class_info.name)
        return scalar(item)[1]

    def _alternatives(self, item: UnionProperty) -> list[str]:
        """The parsers of a union, the most particular first: any text is text, but not any text is a UUID."""
        alternatives = [inner for inner in item.inner_properties if not isinstance(inner, NoneProperty)]
        objects = [inner for inner in alternatives if isinstance(inner, ModelProperty)]
        parsers: dict[str, None] = {}
        for inner in sorted(alternatives, key=generality):
            if len(objects) > 1 and isinstance(inner, ModelProperty):
                parsers[self._tagged(objects)] = None
            else:
                parsers[self.parser(inner)] = None
        return list(parsers)

    def _tagged(self, objects: list[ModelProperty]) -> str:
        names = frozenset(str(item.class_info.name) for item in objects)
        if names not in self._discriminators:
            raise RegenerationError(f"no discriminator tells {', '.join(sorted(names))} apart")
        field, tags = self._discriminators[names]
        parsers = ", ".join(f"{literal(tag)}: {name}.from_dict" for tag, name in tags.items())
        return f"tagged({literal(field)}, {{{parsers}}})"

    def _map_parser(self, item: ModelProperty) -> str:
        values = self._values(item)
        # Values that are JSON as they are stay as they are, also where the service sends others one day.
        return "parse_map" if values is None or is_plain(values) else f"map_of({self.parser(values)})"

    def _values(self, item: ModelProperty) -> PropertyProtocol | None:
        return self._models.get(str(item.class_info.name), item).additional_properties

    def _leads_to(self, start: str, goal: str) -> bool:
        """Whether the module of one model imports that of another, over however many others."""
        if not self._needs:
            for name, model in self._models.items():
                properties = [*(model.required_properties or []), *(model.optional_properties or [])]
                self._needs[name] = {_imported(line) for line in self._imports(properties, name)}
        seen, waiting = {start}, [start]
        while waiting:
            found = self._needs.get(waiting.pop(), set())
            waiting += found - seen
            seen |= found
        return goal in seen

    def _place(self, name: str) -> str:
        """Where a class comes from, as far as that is known."""
        return self._places.get(name, name)

    def _field(self, item: PropertyProtocol, raw: Node, owner: str) -> FieldView:
        name = item.name.get_untrusted_value()
        nullable = is_nullable(item)
        plain = self._without_null(item)
        if raw.get(LONE) is True:
            plain = f"list_or_lone({plain.removeprefix('list_of(')}"
        arguments = [literal(name), plain]
        if DEFAULT in raw:
            method = "defaulted"
            arguments.append(literal(raw[DEFAULT]))
        elif not item.required:
            method = "optional_nullable" if nullable else "optional"
        elif nullable:
            method = "nullable"
        elif plain.startswith(("parse_map", "map_of(")) or isinstance(item, ListProperty):
            method = "collection"
            arguments.append("[]" if isinstance(item, ListProperty) else "{}")
        elif isinstance(item, ModelProperty) or raw.get(ESSENTIAL) is True:
            method = "essential"
        else:
            method = "required"
        hidden = raw.get(SECRET) is True
        default = "UNSET"
        if item.required:
            default = literal(raw["default"]) if "const" in raw and "default" in raw else ""
        options = [*([f"default={default}"] if default else []), *(["repr=False"] if hidden else [])]
        declaration = f" = field({', '.join(options)})" if hidden else f" = {default}" if default else ""
        return FieldView(
            name=name,
            python_name=self._field_name(item, owner),
            annotation=self.annotation(item, owner) + ("" if item.required else " | Unset"),
            declaration=declaration,
            read=f"{method}({', '.join(arguments)})",
        )

    def _field_name(self, item: PropertyProtocol, owner: str) -> str:
        """The name of a field; one that a method has already gets a `_`, as reserved words do."""
        name = str(item.python_name)
        mixin = self._mixins.get(owner)
        taken = _TAKEN | (mixin.methods if mixin is not None else frozenset())
        return f"{name}_" if name in taken else name

    def _without_null(self, item: PropertyProtocol) -> str:
        """The parser of a field whose null the FieldReader deals with."""
        parser = self.parser(item)
        return parser.removeprefix("nullable_of(").removesuffix(")") if is_nullable(item) else parser

    def _value_annotation(self, item: ModelProperty) -> str:
        values = self._values(item)
        return "Any" if values is None else self.annotation(values)

    def _map_name(self, item: ModelProperty, annotation: str, owner: str) -> str:
        is_component = str(item.class_info.name) in self._schemas
        own, short = str(item.class_info.name), pascal_case(item.name)
        name = next(
            name
            for name in ([own] if is_component else [short, f"{owner}{short}", own])
            if name == own or (self._is_free(name) and self.maps.get(name, annotation) == annotation)
        )
        self.maps[name] = annotation
        values = self._values(item)
        if values is not None:
            self.map_imports |= self._imports([values], "")
        return name

    def _is_free(self, name: str) -> bool:
        return name.isidentifier() and name not in TAKEN_CLASSES and name not in self._classes

    def _imports(self, properties: Iterable[PropertyProtocol], owner: str) -> set[str]:
        lines: set[str] = set()
        for item in properties:
            if isinstance(item, UnionProperty):
                lines |= self._imports(item.inner_properties, owner)
            elif isinstance(item, ListProperty):
                lines |= self._imports([item.inner_property], owner)
            elif isinstance(item, ModelProperty) and is_map(item):
                if owner:
                    lines.add(f"from .maps import {self.annotation(item, owner)}")
                values = self._values(item)
                if values is not None:
                    lines |= {line for line in self._imports([values], owner) if ".maps" not in line}
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
            return f"{argument_name(item)}: {self.annotation(item)}"
        null = "" if is_nullable(item) else " | None"
        return f"{argument_name(item)}: {self.annotation(item)}{null} | Unset = UNSET"

    def _endpoint_docstring(self, endpoint: Endpoint, raw: Node, facts: OperationFacts) -> str:
        prose = {item["name"]: item.get("description") for item in raw.get("parameters", [])}
        lines = [str(raw.get("summary") or f"{facts.name}."), ""]
        if raw.get("description"):
            lines += [raw["description"], ""]
        lines += ["Args:", "    caller: Makes the call."]
        for item in endpoint.path_parameters:
            text = prose.get(item.name.get_untrusted_value()) or "Part of the path."
            lines.append(f"    {argument_name(item)}: {text}")
        for body in endpoint.bodies:
            if isinstance(body.prop, ModelProperty):
                lines.append(f"    body: {self.describe(body.prop)}")
        if RAW_BODY in raw:
            lines += ["    content: The bytes.", "    content_type: Their media type."]
        for item in endpoint.query_parameters:
            text = prose.get(item.name.get_untrusted_value()) or "Query parameter."
            lines.append(f"    {argument_name(item)}: {text}")
        if raw.get(FREE_QUERY) is True:
            lines.append("    further_query: More query parameters, by the names that are sent.")
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


def _imported(line: str) -> str:
    return line.rpartition(" ")[2]


def _literal_name(item: PropertyProtocol) -> str:
    return literal(item.name.get_untrusted_value())
