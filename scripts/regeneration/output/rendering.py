"""What the templates print: annotations, parsers, arguments and docstrings of the generated code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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

from regeneration.contract.document import Node, RegenerationError, operations, pointer
from regeneration.contract.naming import WIRE_NAME, argument_name
from regeneration.contract.operations import FREE_QUERY, RAW_BODY, RAW_MEDIA_TYPE, OperationFacts
from regeneration.output.reading import Presence, reading
from regeneration.output.text import literal
from regeneration.output.types import TAKING, Types, taking
from regeneration.output.values import is_map, is_nullable
from regeneration.output.views import EndpointView, FieldView, ModelView
from regeneration.profiles.base import Mixin

DEFAULT = "x-imgwire-default"
LONE = "x-imgwire-lone"
"""On an array in an answer for which a lone object may stand."""
ESSENTIAL = "x-imgwire-essential"
SECRET = "x-imgwire-secret"  # noqa: S105 - the name of an extension


_TAKEN = frozenset({"to_dict", "from_dict", "_take", "additional_properties", "field"})
"""What a model defines itself, and what the body of its class calls."""

_RAW_ARGUMENTS = ("content: bytes | Body", f"content_type: str = {literal(RAW_MEDIA_TYPE)}")

_IN_PATHS = (StringProperty, IntProperty, UuidProperty, EnumProperty)
_IN_QUERIES = (*_IN_PATHS, BooleanProperty, FloatProperty, DateProperty, DateTimeProperty)


class Renderer(Types):
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
        super().__init__(document, models, enums, config)
        self._mixins = mixins
        self._places = {
            str(Class.from_string(string=name, config=config).name): pointer("components", "schemas", name)
            for name in document.get("components", {}).get("schemas", {})
        }
        self._facts = {fact.function: fact for fact in facts}
        self._operations = {(path, method): operation for path, method, operation in operations(document)}
        self._needs: dict[str, set[str]] = {}

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
            containers=[literal(field.name) for field in fields if field.is_container],
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
            parser="parse_nothing" if is_empty else taking(self.parser(response)),
        )

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
        parser = taking(self._without_null(item))
        if raw.get(LONE) is True:
            parser = f"list_or_lone({parser.removeprefix('list_of(')}"
        empty = ""
        if DEFAULT in raw:
            presence, empty = Presence.DEFAULTED, literal(raw[DEFAULT])
        elif not item.required:
            presence = Presence.OPTIONAL_NULLABLE if nullable else Presence.OPTIONAL
        elif nullable:
            presence = Presence.NULLABLE
        elif parser.startswith(("parse_map", "map_of(")) or isinstance(item, ListProperty):
            presence, empty = Presence.COLLECTION, "[]" if isinstance(item, ListProperty) else "{}"
        elif isinstance(item, ModelProperty) or raw.get(ESSENTIAL) is True:
            presence = Presence.ESSENTIAL
        else:
            presence = Presence.REQUIRED
        python_name = self._field_name(item, owner)
        variable = f"{python_name}_"  # so that it has the name of nothing else in the method
        members = f"{parser}._value2member_map_" if parser in self._enums else None
        hidden = raw.get(SECRET) is True
        default = "UNSET"
        if item.required:
            default = literal(raw["default"]) if "const" in raw and "default" in raw else ""
        options = [*([f"default={default}"] if default else []), *(["repr=False"] if hidden else [])]
        declaration = f" = field({', '.join(options)})" if hidden else f" = {default}" if default else ""
        return FieldView(
            name=name,
            python_name=python_name,
            variable=variable,
            annotation=self.annotation(item, owner) + ("" if item.required else " | Unset"),
            declaration=declaration,
            reading=reading(name, variable, parser, presence, empty, members),
            is_container=parser == "parse_map" or TAKING in parser,
        )

    def _field_name(self, item: PropertyProtocol, owner: str) -> str:
        """The name of a field; one that a method has already gets a `_`, as reserved words do."""
        name = str(item.python_name)
        mixin = self._mixins.get(owner)
        taken = _TAKEN | (mixin.methods if mixin is not None else frozenset())
        return f"{name}_" if name in taken else name

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
