"""Faults under names to type or choose: `503`, `reset`, `slow@store.put=0.1`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from imgwire_async.sandbox.server.operations import EVERY_OPERATION
from imgwire_async.sandbox.server.requests.faults import Fault, FaultKind, FaultScript

STATUSES: Final = ("400", "401", "403", "404", "408", "409", "429", "500", "502", "503", "504")
"""Those that pages offer; every status from 400 to 599 is a name."""
_STATUS: Final = re.compile("[45][0-9]{2}")
_SEED: Final = 0
"""Random failures are the same in every run."""


@dataclass(frozen=True, slots=True)
class NamedFault:
    """A fault that has a name."""

    meaning: str
    """What happens."""
    unit: str
    """The unit of its value; empty if it has none."""
    default: float | None
    kind: Callable[[float], FaultKind]
    """The fault with a value."""


NAMED: Final[Mapping[str, NamedFault]] = {
    "reset": NamedFault(
        "the connection is reset before the request is carried out", "", None, lambda _: {"reset": "before"}
    ),
    "lost-response": NamedFault(
        "the request is carried out, then the connection is reset without a response",
        "",
        None,
        lambda _: {"reset": "after"},
    ),
    "stall": NamedFault("the response comes late", "seconds", 5, lambda value: {"stall": value}),
    "truncate": NamedFault("the response ends in the middle", "", None, lambda _: {"truncate": True}),
    "slow": NamedFault(
        "bodies are received and sent slowly", "bytes per second", 20_000, lambda value: {"slow": value}
    ),
    "interrupt": NamedFault(
        "the connection is reset in the middle of the request",
        "bytes",
        1000,
        lambda value: {"disconnect_after": int(value)},
    ),
}
"""All names except statuses."""


def kind_of(name: str, value: float | None = None) -> FaultKind:
    """The fault with a name.

    Args:
        name: A status from 400 to 599, or a key of `NAMED`.
        value: For a status, the seconds of `Retry-After`; otherwise in the fault's `unit`. Default: 1 second
            for 429, none for other statuses, else the fault's own.

    Raises:
        ValueError: the name is unknown, or takes no value.
    """
    if _STATUS.fullmatch(name):
        if value is None and name == "429":
            value = 1
        return {"status": int(name)} if value is None else {"status": int(name), "retry_after": int(value)}
    named = NAMED.get(name)
    if named is None:
        known = ", ".join(NAMED)
        raise ValueError(f"unknown fault {name!r}; use a status from 400 to 599 or one of {known}")
    if value is not None and not named.unit:
        raise ValueError(f"{name} takes no value")
    return named.kind(value if value is not None else named.default or 0)


def switch_on(
    faults: FaultScript,
    name: str,
    operation: str = EVERY_OPERATION,
    *,
    value: float | None = None,
    rate: float = 1.0,
    times: int | None = None,
) -> None:
    """Add the fault with a name to a script.

    Args:
        faults: The script.
        name: See `kind_of`.
        operation: The operation that fails; `*` for all.
        value: See `kind_of`.
        rate: Share of its requests that fail, above 0 and up to 1.
        times: How often it occurs; None for every time. Cannot be combined with a rate below 1.

    Raises:
        ValueError: the name or the operation is unknown, or a number is out of its range.
    """
    kind = kind_of(name, value)
    if not 0 < rate <= 1:
        raise ValueError(f"the share of requests must be above 0 and at most 1, got {rate:g}")
    if rate == 1:
        if times is None:
            faults.always(operation, **kind)
        else:
            faults.times(times, operation, **kind)
    elif times is None:
        faults.random(rate, _SEED, [Fault(**kind)], operation)
    else:
        raise ValueError("a fault takes either a share of requests or a number of times")


def switch_on_text(faults: FaultScript, text: str) -> None:
    """Add a fault as it is typed, `NAME[@OPERATION][=RATE]`, to a script.

    Raises:
        ValueError: it is of another form, or see `switch_on`.
    """
    what, equals, share = text.partition("=")
    name, at, operation = what.partition("@")
    try:
        rate = float(share) if equals else 1.0
    except ValueError:
        raise ValueError(f"the share of requests must be a number such as 0.1, got {share!r}") from None
    switch_on(faults, name, operation if at else EVERY_OPERATION, rate=rate)
