"""`orient`, which imgix applies to the file before everything else."""

from __future__ import annotations

from typing import Final, NamedTuple

from imgwire_async.migrate.translation.rules.state import State


class Orientation(NamedTuple):
    """A turn, and what is mirrored after it."""

    degrees: int
    """Clockwise."""
    flips: str = ""
    """`h`, `v` or nothing."""


_ORIENTATIONS: Final = {
    "0": Orientation(0),
    "1": Orientation(0),
    "2": Orientation(0, "h"),
    "3": Orientation(180),
    "180": Orientation(180),
    "4": Orientation(0, "v"),
    "5": Orientation(90, "h"),
    "6": Orientation(90),
    "90": Orientation(90),
    "7": Orientation(270, "h"),
    "8": Orientation(270),
    "270": Orientation(270),
}


def orientation_of(state: State) -> Orientation | None:
    """What `orient` asks for; None for a value that it does not have."""
    return _ORIENTATIONS.get(state.given["orient"].strip())


def is_overridden(state: State) -> bool:
    """Whether the file has an orientation of its own, which Imgwire would apply."""
    return state.exif_orientation not in (None, 1, "unknown")


def turn_source(state: State) -> None:
    """Have all that counts from the source count from the turned one."""
    orientation = orientation_of(state)
    if orientation is not None and orientation.degrees % 180 and not is_overridden(state):
        state.width, state.height = state.height, state.width


def unturn_region(state: State, orientation: Orientation) -> bool:
    """Have `crop`, which Imgwire applies first, count from the file; whether its size is known."""
    width, height = state.source
    if width is None or height is None:
        return False
    x, y, across, down = map(int, state.out["crop"].split(":"))
    quarter = bool(orientation.degrees % 180)
    if "h" in orientation.flips:
        x = (height if quarter else width) - x - across
    if "v" in orientation.flips:
        y = (width if quarter else height) - y - down
    if orientation.degrees == 90:
        x, y = y, height - x - across
    elif orientation.degrees == 180:
        x, y = width - x - across, height - y - down
    elif orientation.degrees == 270:
        x, y = width - y - down, x
    if quarter:
        across, down = down, across
    state.out["crop"] = f"{x}:{y}:{across}:{down}"
    return True
