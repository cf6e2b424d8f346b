"""What the templates get: the text of fields, models and endpoints."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FieldView:
    """One field of a model."""

    name: str
    python_name: str
    annotation: str
    declaration: str
    variable: str
    """The local variable that holds its value while the model is read."""
    reading: list[str]
    """The lines that read it."""
    is_container: bool
    """Whether the model would keep or empty the JSON array or object that it is read from."""


@dataclass(frozen=True, kw_only=True)
class ModelView:
    """One model class."""

    name: str
    mixin: str | None
    summary: str
    docstring: str
    imports: list[str]
    late_imports: list[str]
    """Those of models that import this one as well; they have to wait until it is defined."""
    fields: list[FieldView]
    containers: list[str]
    """Literals of the fields that `from_dict` has to copy."""


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
