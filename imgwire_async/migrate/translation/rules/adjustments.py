"""Rules for background, rotation, colours and style, and for rows that need no rule of their own."""

from __future__ import annotations

from collections.abc import Mapping

from imgwire_async.migrate.translation.rules.orientation import (
    is_overridden,
    orientation_of,
    unturn_region,
)
from imgwire_async.migrate.translation.rules.state import Rule, State
from imgwire_async.migrate.translation.rules.values import FARTHEST, color, number, switch, written

_NO_EFFECT = "0 changes nothing"
_TRANSPARENT = frozenset({"image/png", "image/webp", "image/gif", "image/avif", "image/tiff"})
_OPPOSITE = {"north": "south", "south": "north", "west": "east", "east": "west"}
_FLIPS = {"h": "horizontal", "v": "vertical", "hv": "both"}


def lacking(name: str, reason: str, *, switched: bool = False) -> Rule:
    """A parameter that cannot be expressed; one that is `switched` has no effect as 0 or false."""

    def rule(state: State) -> None:
        if switched and (switch(state.given[name]) is False or number(state.given[name]) == 0):
            state.ignores(name, _NO_EFFECT)
        else:
            state.lacks(name, reason)

    return rule


def without_effect(name: str, reason: str) -> Rule:
    """A parameter that changes no picture."""
    return lambda state: state.ignores(name, reason)


def differing(name: str, reason: str) -> Rule:
    """A parameter that is not carried over, and makes some difference."""
    return lambda state: state.approximates(name, reason)


def chosen(name: str, choices: Mapping[str, tuple[tuple[str, str] | None, str, str]]) -> Rule:
    """A word: for each the transformation, its kind (`exact` or a list of `Translation`), the reason."""

    def rule(state: State) -> None:
        word = state.given[name].strip().lower()
        if word not in choices:
            state.approximates(name, "unknown value: left out")
            return
        transformation, kind, reason = choices[word]
        if transformation is not None:
            state.out[transformation[0]] = transformation[1]
        if kind == "approximate":
            state.approximates(name, reason)
        elif kind == "unsupported":
            state.lacks(name, reason)
        elif kind == "ignored":
            state.ignores(name, reason)

    return rule


def background(state: State) -> None:
    """`bg`, `fill` and `fill-color`: one background for bars and transparency."""
    given = state.given
    bars = state.fit in ("fill", "fillmax")
    paint = None
    fill = given.get("fill", "").strip().lower()
    if "fill" in given:
        if not bars:
            state.ignores("fill", "only with fit=fill or fit=fillmax")
        elif fill == "solid":
            paint = color("fff")
        elif fill in ("blur", "gen", "generative", "gradient"):
            state.lacks("fill", f"{fill}: only plain bars")
        else:
            state.approximates("fill", "unknown value: left out")
    if "fill-color" in given:
        if not bars:
            state.ignores("fill-color", "only with fit=fill or fit=fillmax")
        elif paint is None:
            state.ignores("fill-color", "only with fill=solid")
        elif (found := color(given["fill-color"])) is None:
            state.approximates("fill-color", "not a colour: left out")
        else:
            paint = found
    if "bg" in given:
        found = color(given["bg"])
        if found is None:
            state.approximates("bg", "not a colour: left out")
        elif paint is not None and found != paint:
            state.approximates("bg", "one background for bars and transparency: fill-color is taken")
        else:
            paint = found
    elif paint is not None and state.mime_type in _TRANSPARENT:
        state.approximates(
            "fill", "one background for bars and transparency: it fills transparent parts as well"
        )
    if paint is not None:
        state.out["background"] = paint.rgb
        if paint.alpha != 1:
            state.out["background_alpha"] = written(paint.alpha)


def rotation(state: State) -> None:
    """`rot`, `rot-type`, `orient` and `flip`, which turn and mirror together."""
    given = state.given
    angle, flips = 0, set[str]()
    mirrored = set[str]()  # between the frame in which imgix counts directions and that of Imgwire
    if "orient" in given:
        orientation = orientation_of(state)
        if orientation is None:
            state.approximates("orient", "unknown value: left out")
        elif is_overridden(state):
            state.lacks("orient", "the EXIF orientation of the source cannot be overridden")
        else:
            angle, flips = orientation.degrees, set(orientation.flips)
            mirrored = set(flips)
            if (angle or flips) and "crop" in state.out and not unturn_region(state, orientation):
                state.approximates("orient", "the region counts from the picture before it is turned")
            if state.exif_orientation == "unknown":
                state.approximates("orient", "right only for a source without EXIF orientation")
    if "rot" in given:
        turned = state.whole("rot", -FARTHEST, FARTHEST)
        if turned is not None and turned % 360:
            # Mirrored once, a picture turns the other way round.
            angle += turned if len(flips) == 1 else -turned
            if turned % 360 == 180:
                mirrored ^= {"h", "v"}
            else:
                state.approximates("rot", "imgix keeps the frame and enlarges the picture to cover it")
        elif turned == number(given["rot"]):
            state.ignores("rot", _NO_EFFECT)
        _rotation_type(state, turned)
    elif "rot-type" in given:
        state.ignores("rot-type", "only with rot")
    if "flip" in given:
        word = given["flip"].strip().lower()
        if word == "vh":
            state.approximates("flip", "vh: taken as hv")
            word = "hv"
        if word in _FLIPS:
            flips ^= set(word)
        else:
            state.approximates("flip", "unknown value: left out")
    if mirrored and "gravity" in state.out:
        state.out["gravity"] = _mirrored(state.out["gravity"], mirrored)
    if angle % 360:
        state.out["rotate"] = str(angle % 360)
    if flips:
        state.out["flip"] = _FLIPS["".join(sorted(flips))]


def _mirrored(gravity: str, flips: set[str]) -> str:
    """The gravity of the same place in a mirrored picture."""
    for axis, sides in (("v", ("north", "south")), ("h", ("west", "east"))):
        side = next((side for side in sides if side in gravity), None)
        if side is not None and axis in flips:
            gravity = gravity.replace(side, _OPPOSITE[side])
    return gravity


def _rotation_type(state: State, turned: int | None) -> None:
    if "rot-type" not in state.given:
        return
    word = state.given["rot-type"].strip().lower()
    if not turned or not turned % 360:
        state.ignores("rot-type", "only with rot")
    elif word == "pivot":
        state.approximates("rot-type", "pivot: the frame turns with the picture")
    elif word != "straighten":
        state.approximates("rot-type", "unknown value: left out")


def brightness(state: State) -> None:
    """`bri` and `exp`, two factors of one brightness."""
    factor = 1.0
    if (value := _strength(state, "bri", -100, 100)) is not None:
        factor *= 1 + value / state.judgement.tone_divisor
        state.approximates("bri", "the curve of imgix is not published")
    if (value := _strength(state, "exp", -100, 100)) is not None:
        factor *= 2 ** (value / state.judgement.exposure_divisor)
        state.approximates("exp", "brightness instead of exposure")
    if factor != 1:
        state.out["brightness"] = _tone(factor)


def contrast(state: State) -> None:
    """`con`, a factor."""
    if (value := _strength(state, "con", -100, 100)) is not None:
        state.out["contrast"] = _tone(1 + value / state.judgement.tone_divisor)
        state.approximates("con", "the curve of imgix is not published")


def saturation(state: State) -> None:
    """`sat`, a factor; without any, shades of grey."""
    if (value := _strength(state, "sat", -100, 100)) is None:
        return
    if value == -100:
        state.out["monochrome"] = "true"
        state.approximates("sat", "-100: shades of grey")
    else:
        state.out["saturation"] = _tone(1 + value / state.judgement.tone_divisor)
        state.approximates("sat", "another colour space")


def hue(state: State) -> None:
    """`hue`, degrees on both sides."""
    value = number(state.given["hue"])
    if value is None:
        state.approximates("hue", "not a number: left out")
    elif value % 360 == 0:
        state.ignores("hue", _NO_EFFECT)
    else:
        state.out["hue"] = written(value % 360)
        state.approximates("hue", "another colour space")


def sharpness(state: State) -> None:
    """`sharp`, or else `usm` by its radius."""
    judged = state.judgement
    sharp = _strength(state, "sharp", 0, 100)
    if sharp is not None:
        state.out["sharpen"] = written(judged.sharp_base + sharp / judged.sharp_divisor)
        state.approximates("sharp", "the scale of imgix is not published")
    usm = _strength(state, "usm", -100, 100)
    if usm is None:
        if "usmrad" in state.given:
            state.ignores("usmrad", "only with usm")
    elif usm < 0:
        state.lacks("usm", "no blurring mask")
    elif sharp is not None:
        state.approximates("usm", "one sharpening: sharp is taken")
    else:
        radius = judged.usm_radius
        if "usmrad" in state.given:
            found = number(state.given["usmrad"])
            if found is None:
                state.approximates("usmrad", "not a number: left out")
            else:
                radius = found
        low, high = judged.usm_limits
        state.out["sharpen"] = written(min(max(radius, low), high))
        state.approximates("usm", "by its radius only")


def blur(state: State) -> None:
    """`blur`, a sigma by a judged divisor."""
    if (value := _strength(state, "blur", 0, 2000)) is not None:
        divisor = state.judgement.blur_divisor
        state.out["blur"] = written(min(max(value / divisor, 0.3), 100.0))
        state.approximates("blur", f"the scale of imgix is not published; sigma = blur / {divisor:g}")


def pixelate(state: State) -> None:
    """`px`, the side of a block."""
    value = state.whole("px", 0, 100)
    if value is not None and value >= 2:
        state.out["pixelate"] = str(value)
        state.approximates("px", "the size of a block is taken to be in pixels")
    elif value is not None:
        state.ignores("px", _NO_EFFECT if value == 0 else "blocks of one pixel change nothing")


def tint(state: State) -> None:
    """`sepia` and `monochrome`: one colour, of which `monochrome` wins."""
    if _strength(state, "sepia", 0, 100) is not None:
        state.out["monochrome"] = state.judgement.sepia
        state.approximates("sepia", "one brown tint, whatever the strength")
    if "monochrome" in state.given:
        paint = color(state.given["monochrome"])
        if paint is None:
            state.approximates("monochrome", "not a colour: left out")
            return
        state.out["monochrome"] = paint.rgb
        lost = "" if paint.alpha == 1 else "; its strength is lost"
        state.approximates("monochrome", f"the mixture of imgix is not published{lost}")


def duotone(state: State) -> None:
    """`duotone`, a dark and a light colour."""
    parts = [color(part) for part in state.given.get("duotone", "").split(",")]
    if "duotone" in state.given:
        if len(parts) != 2 or parts[0] is None or parts[1] is None:
            state.approximates("duotone", "not two colours: left out")
        else:
            state.out["duotone"] = f"{parts[0].rgb}:{parts[1].rgb}"
            if parts[0].alpha != 1 or parts[1].alpha != 1:
                state.approximates("duotone", "the opacity of its colours is lost")
    if "duotone-alpha" in state.given:
        if "duotone" not in state.given:
            state.ignores("duotone-alpha", "only with duotone")
        elif number(state.given["duotone-alpha"]) != 100:
            state.lacks("duotone-alpha", "no mixture with the original")


def invert(state: State) -> None:
    """`invert`, the same on both sides."""
    on = switch(state.given["invert"])
    if on is None:
        state.approximates("invert", "unknown value: left out")
    elif on:
        state.out["negate"] = "alpha:false"
    else:
        state.ignores("invert", _NO_EFFECT)


def _strength(state: State, name: str, low: int, high: int) -> float | None:
    """A number of a parameter; None if it is not there, is not a number or 0, all reported."""
    if name not in state.given:
        return None
    found = state.limited(name, low, high)
    if found == 0:
        if number(state.given[name]) == 0:
            state.ignores(name, _NO_EFFECT)
        return None
    return found


def _tone(factor: float) -> str:
    return written(min(max(factor, 0.01), 10.0))
