"""What the generated models and endpoints share: UNSET, open enumerations, reading and writing JSON.

Reading is open to the future: a null where the schema declares none reads as None, and unknown fields are kept.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Mapping
from enum import Enum, StrEnum
from typing import Any, Final, Literal, Self, TypeVar, cast
from uuid import UUID, SafeUUID

from imgwire_async.core.operation import MisfitError, QueryValue, list_of

T = TypeVar("T")


class Unset:
    """The type of `UNSET`: a field or parameter that is left out, as opposed to null."""

    _instance: Unset | None = None

    def __new__(cls) -> Unset:
        """The one instance there is."""
        if Unset._instance is None:
            Unset._instance = super().__new__(cls)
        return Unset._instance

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"

    def __reduce__(self) -> str:
        return "UNSET"  # pickled and copied by name, so that `is UNSET` stays true


UNSET: Final = Unset()

_MAX_CACHED_UNKNOWN_MEMBERS = 1024
_unknown_members: dict[tuple[type, str], Any] = {}


class OpenStrEnum(StrEnum):
    """A text enumeration that takes values which the schema did not know yet.

    An unknown value gives a member that equals its text, hashes, prints, pickles and copies like any other.
    Iterating over the class gives the known members only.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        known = _unknown_members.get((cls, value))
        if known is not None:
            return cast(Self, known)
        member = str.__new__(cls, value)
        member._name_ = str(value)
        member._value_ = str(value)
        if len(_unknown_members) < _MAX_CACHED_UNKNOWN_MEMBERS:
            return cast(Self, _unknown_members.setdefault((cls, str(value)), member))
        return member

    @property
    def is_known(self) -> bool:
        """Whether the schema that this client was generated from declares the value."""
        return self._value_ in type(self)._value2member_map_

    def __reduce_ex__(self, protocol: object) -> tuple[type[Self], tuple[str]]:
        return type(self), (str(self._value_),)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


def fields_of(owner: str, source: Mapping[str, Any], containers: Iterable[str] = ()) -> dict[str, Any]:
    """The fields of a JSON object, for a model to take those that it knows.

    The arrays and objects in `containers` are copied as well.

    Raises:
        TypeError: `source` is not a JSON object; `owner` is the class to name.
    """
    if not isinstance(source, Mapping):
        raise TypeError(f"{owner}: expected a JSON object, got {type(source).__name__}")
    fields = dict(source)
    for name in containers:
        value = fields.get(name)
        if value.__class__ is dict or value.__class__ is list:
            fields[name] = _copied(value) if value else value.__class__()
    return fields


def _copied(value: Any) -> Any:
    if value.__class__ is dict:
        return {name: _copied(item) for name, item in value.items()}
    if value.__class__ is list:
        return [_copied(item) for item in value]
    return value


def misfit(owner: str, name: str, value: object, error: Exception) -> MisfitError:
    """The error for a field that cannot be read, by what its parser raised."""
    if isinstance(error, MisfitError):
        return MisfitError(f"{owner}.{name}: {error}")
    # The parser's own text may quote the value, which may be a secret.
    return MisfitError(f"{owner}.{name}: unexpected {type(value).__name__}")


def _expected(what: str, value: object) -> MisfitError:
    return MisfitError(f"expected {what}, got {type(value).__name__}")


def _read(convert: Callable[[str], T], what: str, value: object) -> T:
    if not isinstance(value, str):
        raise _expected(f"{what} as a string", value)
    try:
        return convert(value)
    except ValueError as error:
        raise MisfitError(f"expected {what}, got other text") from error


def parse_any(value: Any) -> Any:
    """JSON of any shape, as it is."""
    return value


def parse_str(value: Any) -> str:
    """A JSON string."""
    if not isinstance(value, str):
        raise _expected("a string", value)
    return value


def parse_bool(value: Any) -> bool:
    """A JSON boolean."""
    if not isinstance(value, bool):
        raise _expected("a boolean", value)
    return value


def parse_int(value: Any) -> int:
    """A JSON number without a fraction; JSON does not tell 800 from 800.0."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _expected("an integer", value)
    return value


def parse_float(value: Any) -> float:
    """A JSON number, whole ones kept as int."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise _expected("a number", value)
    return value


def parse_uuid(value: Any) -> UUID:
    """A UUID in its text form."""
    if value.__class__ is str:
        try:
            return uuid_of(value)
        except ValueError as error:
            raise MisfitError("expected a UUID, got other text") from error
    return _read(uuid_of, "a UUID", value)


_UNKNOWN: Final = SafeUUID.unknown


def uuid_of(text: str) -> UUID:
    """`UUID(text)`, but faster: the ids are a good part of what reading a record takes.

    Raises:
        ValueError: it is not the text of a UUID.
    """
    digits = text.replace("-", "")
    if len(digits) != 32:
        return UUID(text)  # in braces, for example
    try:
        number = int(digits, 16)
    except ValueError:
        return UUID(text)
    uuid = object.__new__(UUID)
    object.__setattr__(uuid, "int", number)
    object.__setattr__(uuid, "is_safe", _UNKNOWN)
    return uuid


def parse_datetime(value: Any) -> datetime.datetime:
    """A date and time as in RFC 3339; without an offset it is read as UTC.

    A leap second is read as the first second of the next minute, and digits after the microseconds are dropped.
    """
    if isinstance(value, str) and value.isascii():
        try:
            parsed = datetime.datetime.fromisoformat(value)
        except ValueError:
            pass  # a leap second, small letters, or no date at all
        else:
            return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=datetime.UTC)
    return _read(_moment, "a date and time", value)


_LEAP_SECOND: Final = re.compile(r"(.{11,14}:[0-9]{2}:)60", re.DOTALL)


def _moment(text: str) -> datetime.datetime:
    text = text.upper()  # RFC 3339 allows t and z
    leap = _LEAP_SECOND.match(text)
    parsed = datetime.datetime.fromisoformat(text if leap is None else f"{leap[1]}59{text[leap.end() :]}")
    parsed = parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=datetime.UTC)
    if leap is None:
        return parsed
    try:
        return parsed + datetime.timedelta(seconds=1)
    except OverflowError:
        return parsed  # the last second that there is


def parse_date(value: Any) -> datetime.date:
    """An ISO 8601 date."""
    return _read(datetime.date.fromisoformat, "a date", value)


def parse_map(value: Any) -> dict[str, Any]:
    """A JSON object whose values are kept as they are."""
    if not isinstance(value, dict):
        raise _expected("a JSON object", value)
    return dict(value)


def parse_nothing(value: Any) -> None:
    """Nothing, whatever the response holds."""


def list_or_lone(parse: Callable[[Any], T]) -> Callable[[Any], list[T]]:
    """A parser for a JSON array; a lone object is read as an array of one."""

    parse_list = list_of(parse)

    def parse_one_or_more(value: Any) -> list[T]:
        return parse_list([value] if isinstance(value, Mapping) else value)

    return parse_one_or_more


def map_of(parse: Callable[[Any], T]) -> Callable[[Any], dict[str, T]]:
    """A parser for a JSON object whose values are of one type."""

    def parse_values(value: Any) -> dict[str, T]:
        return {name: parse(item) for name, item in parse_map(value).items()}

    return parse_values


def tagged(name: str, parsers: Mapping[str, Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """A parser for objects that say in the field `name` which of several types they are."""

    def parse_tagged(value: Any) -> Any:
        tag = parse_map(value).get(name)
        if not isinstance(tag, str) or tag not in parsers:
            raise MisfitError(f"expected an object of a known {name}")
        return parsers[tag](value)

    return parse_tagged


def nullable_of(parse: Callable[[Any], T]) -> Callable[[Any], T | None]:
    """A parser for a value that may be null."""

    def parse_nullable(value: Any) -> T | None:
        return None if value is None else parse(value)

    return parse_nullable


def one_of(*parsers: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A parser that takes the first of several that accepts the value."""

    def parse_one(value: Any) -> Any:
        for parse in parsers:
            try:
                return parse(value)
            except (KeyError, TypeError, ValueError):
                continue
        raise _expected("one of several types", value)

    return parse_one


def to_json(value: Any) -> Any:
    """A field in the form that JSON has for it.

    Raises:
        ValueError: a datetime has no offset, so it does not say which moment it means.
    """
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        return value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime.datetime):
        if value.utcoffset() is None:
            raise ValueError(f"datetime {value.isoformat()} needs a time zone, such as datetime.UTC")
        return _whole_minutes(value).isoformat()
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {name: to_json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value.to_dict() if hasattr(value, "to_dict") else value


def _whole_minutes(value: datetime.datetime) -> datetime.datetime:
    """The same moment with an offset that RFC 3339 can express; those before 1900 often have seconds."""
    offset = value.utcoffset() or datetime.timedelta()
    excess = offset % datetime.timedelta(minutes=1)
    if not excess:
        return value
    local = value.replace(tzinfo=None)
    try:
        return (local - excess).replace(tzinfo=datetime.timezone(offset - excess))
    except OverflowError:  # the first seconds that there are
        missing = datetime.timedelta(minutes=1) - excess
        return (local + missing).replace(tzinfo=datetime.timezone(offset + missing))


def to_object(additional: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON object of a model: unknown fields first, fields that are UNSET left out."""
    values = {**additional, **fields}
    return {name: to_json(value) for name, value in values.items() if not isinstance(value, Unset)}


def to_query(parameters: Mapping[str, Any]) -> dict[str, QueryValue]:
    """Query parameters in their wire form; None and UNSET are left out."""
    query: dict[str, QueryValue] = {}
    for name, value in parameters.items():
        if value is None or isinstance(value, Unset):
            continue
        if isinstance(value, bool):
            query[name] = "true" if value else "false"
        else:
            query[name] = to_json(value)
    return query
