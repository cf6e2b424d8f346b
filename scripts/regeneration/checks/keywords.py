"""Which keywords of OpenAPI 3.1 and JSON Schema 2020-12 the pipeline knows, by their context."""

from __future__ import annotations

from typing import Final

ANNOTATIONS: Final = frozenset(
    [
        "title",
        "description",
        "summary",
        "default",
        "example",
        "examples",
        "deprecated",
        "externalDocs",
        "xml",
        "$comment",
        "readOnly",
        "writeOnly",
        "contentMediaType",
        "contentEncoding",
    ]
)
"""Keywords that change nothing about how a value is read and written."""
LIMITS: Final = frozenset(
    [
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "pattern",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
        "propertyNames",
        "dependentRequired",
        "contains",
        "minContains",
        "maxContains",
    ]
)
"""Keywords that only the service checks."""
SHAPES: Final = frozenset(
    [
        "$ref",
        "type",
        "format",
        "nullable",
        "enum",
        "const",
        "properties",
        "required",
        "additionalProperties",
        "unevaluatedProperties",
        "items",
        "anyOf",
        "oneOf",
        "allOf",
        "discriminator",
    ]
)
"""Keywords that shape the generated code."""
BESIDE_ALTERNATIVES: Final = frozenset(["type", "nullable", "anyOf", "oneOf", "discriminator", "required"])
OPERATION: Final = frozenset(
    [
        "tags",
        "summary",
        "description",
        "externalDocs",
        "operationId",
        "parameters",
        "requestBody",
        "responses",
        "deprecated",
        "security",
        "callbacks",
        "servers",
    ]
)
ITEM: Final = frozenset(
    [
        "summary",
        "description",
        "parameters",
        "servers",
        "get",
        "put",
        "post",
        "patch",
        "delete",
        "head",
        "options",
        "trace",
    ]
)
PARAMETER: Final = frozenset(
    [
        "name",
        "in",
        "description",
        "required",
        "deprecated",
        "allowEmptyValue",
        "style",
        "explode",
        "allowReserved",
        "schema",
        "example",
        "examples",
        "content",
    ]
)
TOP_LEVEL: Final = frozenset(
    [
        "openapi",
        "info",
        "jsonSchemaDialect",
        "servers",
        "paths",
        "webhooks",
        "components",
        "security",
        "tags",
        "externalDocs",
    ]
)
COMPONENTS: Final = frozenset(
    [
        "schemas",
        "responses",
        "parameters",
        "examples",
        "requestBodies",
        "headers",
        "securitySchemes",
        "links",
        "callbacks",
        "pathItems",
    ]
)
BODY: Final = frozenset(["description", "content", "required"])
RESPONSE: Final = frozenset(["summary", "description", "headers", "content", "links"])
MEDIA_TYPE: Final = frozenset(["schema", "example", "examples"])
