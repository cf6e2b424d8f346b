"""The Python types of values, the functions that read them from JSON, and the imports both need."""

from __future__ import annotations

from collections.abc import Iterable

from openapi_python_client.config import Config
from openapi_python_client.parser.properties import Class, EnumProperty, ModelProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.literal_enum_property import LiteralEnumProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol
from openapi_python_client.parser.properties.union import UnionProperty
from openapi_python_client.strings import pascal_case

from regeneration.contract.discriminators import discriminators
from regeneration.contract.document import Node, RegenerationError
from regeneration.contract.naming import TAKEN_CLASSES
from regeneration.output.text import literal
from regeneration.output.values import generality, is_map, is_nullable, is_plain, nulls_last, scalar

TAKING = "._take"


def taking(parser: str) -> str:
    """A parser that empties the JSON it reads, unless another alternative may have to read it again."""
    return parser if "one_of(" in parser else parser.replace(".from_dict", TAKING)


class Types:
    """The types of one document."""

    def __init__(
        self,
        document: Node,
        models: Iterable[ModelProperty],
        enums: Iterable[EnumProperty | LiteralEnumProperty],
        config: Config,
    ) -> None:
        """Prepare for one document and the classes, maps included, that the generator found in it."""
        self._models = {str(model.class_info.name): model for model in models}
        self._enums = {str(item.class_info.name) for item in enums}
        self._classes = self._enums | {name for name, model in self._models.items() if not is_map(model)}
        self._schemas = {
            str(Class.from_string(string=name, config=config).name): schema
            for name, schema in document.get("components", {}).get("schemas", {}).items()
        }
        self._discriminators = discriminators(document, config)
        self.maps: dict[str, str] = {}
        """Annotation of each named free-form object met so far."""
        self.map_imports: set[str] = set()
        """Imports that these annotations need."""

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
        # Values that are JSON already are not converted, also where the service sends others one day.
        return "parse_map" if values is None or is_plain(values) else f"map_of({self.parser(values)})"

    def _values(self, item: ModelProperty) -> PropertyProtocol | None:
        return self._models.get(str(item.class_info.name), item).additional_properties

    def _without_null(self, item: PropertyProtocol) -> str:
        """The parser of a field whose null `from_dict` deals with."""
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
