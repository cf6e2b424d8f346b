"""Rules for background, rotation, colours and style, and for rows that need no rule of their own."""

from __future__ import annotations

from collections.abc import Mapping

from imgwire_async.migrate.job import Job, Rule
from imgwire_async.migrate.values import FARTHEST, color, number, switch, written

_NO_EFFECT = "0 changes nothing"
_TURNS = {  # orient: degrees clockwise, flips
    "0": (0, ""),
    "1": (0, ""),
    "2": (0, "h"),
    "3": (180, ""),
    "180": (180, ""),
    "4": (0, "v"),
    "5": (90, "h"),
    "6": (90, ""),
    "90": (90, ""),
    "7": (270, "h"),
    "8": (270, ""),
    "270": (270, ""),
}
_FLIPS = {"h": "horizontal", "v": "vertical", "hv": "both"}


def lacking(name: str, reason: str, *, switched: bool = False) -> Rule:
    """A parameter that cannot be expressed; one that is `switched` has no effect as 0 or false."""

    def rule(job: Job) -> None:
        if switched and (switch(job.given[name]) is False or number(job.given[name]) == 0):
            job.ignores(name, _NO_EFFECT)
        else:
            job.lacks(name, reason)

    return rule


def without_effect(name: str, reason: str) -> Rule:
    """A parameter that changes no picture."""
    return lambda job: job.ignores(name, reason)


def differing(name: str, reason: str) -> Rule:
    """A parameter that is not carried over, and makes some difference."""
    return lambda job: job.approximates(name, reason)


def chosen(name: str, choices: Mapping[str, tuple[tuple[str, str] | None, str, str]]) -> Rule:
    """A word: for each the transformation, its kind (`exact` or a list of `Translation`), the reason."""

    def rule(job: Job) -> None:
        word = job.given[name].strip().lower()
        if word not in choices:
            job.approximates(name, "unknown value: left out")
            return
        transformation, kind, reason = choices[word]
        if transformation is not None:
            job.out[transformation[0]] = transformation[1]
        if kind == "approximate":
            job.approximates(name, reason)
        elif kind == "unsupported":
            job.lacks(name, reason)
        elif kind == "ignored":
            job.ignores(name, reason)

    return rule


def background(job: Job) -> None:
    """`bg`, `fill` and `fill-color`: one background for bars and transparency."""
    given = job.given
    bars = job.fit in ("fill", "fillmax")
    paint = None
    fill = given.get("fill", "").strip().lower()
    if "fill" in given:
        if not bars:
            job.ignores("fill", "only with fit=fill or fit=fillmax")
        elif fill == "solid":
            paint = color("fff")
        elif fill in ("blur", "gen", "generative", "gradient"):
            job.lacks("fill", f"{fill}: only plain bars")
        else:
            job.approximates("fill", "unknown value: left out")
    if "fill-color" in given:
        if not bars:
            job.ignores("fill-color", "only with fit=fill or fit=fillmax")
        elif paint is None:
            job.ignores("fill-color", "only with fill=solid")
        elif (found := color(given["fill-color"])) is None:
            job.approximates("fill-color", "not a colour: left out")
        else:
            paint = found
    if "bg" in given:
        found = color(given["bg"])
        if found is None:
            job.approximates("bg", "not a colour: left out")
        elif paint is not None and found != paint:
            job.approximates("bg", "one background for bars and transparency: fill-color is taken")
        else:
            paint = found
    if paint is not None:
        job.out["background"] = paint.rgb
        if paint.alpha != 1:
            job.out["background_alpha"] = written(paint.alpha)


def rotation(job: Job) -> None:
    """`rot`, `rot-type`, `orient` and `flip`, which turn and mirror together."""
    given = job.given
    angle, flips = 0, set[str]()
    if "orient" in given:
        turn = _TURNS.get(given["orient"].strip())
        if turn is None:
            job.approximates("orient", "unknown value: left out")
        elif job.exif_orientation not in (None, 1, "unknown"):
            job.lacks("orient", "the EXIF orientation of the source cannot be overridden")
        else:
            angle, flips = turn[0], set(turn[1])
            if job.exif_orientation == "unknown":
                job.approximates("orient", "right only for a source without EXIF orientation")
    if "rot" in given:
        turned = job.whole("rot", -FARTHEST, FARTHEST)
        if turned is not None and turned % 360:
            # Mirrored once, a picture turns the other way round.
            angle += turned if len(flips) == 1 else -turned
            if turned % 360 != 180:
                job.approximates("rot", "imgix keeps the frame and enlarges the picture to cover it")
        elif turned == number(given["rot"]):
            job.ignores("rot", _NO_EFFECT)
        _rotation_type(job, turned)
    elif "rot-type" in given:
        job.ignores("rot-type", "only with rot")
    if "flip" in given:
        word = given["flip"].strip().lower()
        if word == "vh":
            job.approximates("flip", "vh: taken as hv")
            word = "hv"
        if word in _FLIPS:
            flips ^= set(word)
        else:
            job.approximates("flip", "unknown value: left out")
    if angle % 360:
        job.out["rotate"] = str(angle % 360)
    if flips:
        job.out["flip"] = _FLIPS["".join(sorted(flips))]


def _rotation_type(job: Job, turned: int | None) -> None:
    if "rot-type" not in job.given:
        return
    word = job.given["rot-type"].strip().lower()
    if not turned or not turned % 360:
        job.ignores("rot-type", "only with rot")
    elif word == "pivot":
        job.approximates("rot-type", "pivot: the frame turns with the picture")
    elif word != "straighten":
        job.approximates("rot-type", "unknown value: left out")


def brightness(job: Job) -> None:
    """`bri` and `exp`, two factors of one brightness."""
    factor = 1.0
    if (value := _strength(job, "bri", -100, 100)) is not None:
        factor *= 1 + value / job.judgement.tone_divisor
        job.approximates("bri", "the curve of imgix is not published")
    if (value := _strength(job, "exp", -100, 100)) is not None:
        factor *= 2 ** (value / job.judgement.exposure_divisor)
        job.approximates("exp", "brightness instead of exposure")
    if factor != 1:
        job.out["brightness"] = _tone(factor)


def contrast(job: Job) -> None:
    """`con`, a factor."""
    if (value := _strength(job, "con", -100, 100)) is not None:
        job.out["contrast"] = _tone(1 + value / job.judgement.tone_divisor)
        job.approximates("con", "the curve of imgix is not published")


def saturation(job: Job) -> None:
    """`sat`, a factor; without any, shades of grey."""
    if (value := _strength(job, "sat", -100, 100)) is None:
        return
    if value == -100:
        job.out["monochrome"] = "true"
        job.approximates("sat", "-100: shades of grey")
    else:
        job.out["saturation"] = _tone(1 + value / job.judgement.tone_divisor)
        job.approximates("sat", "another colour space")


def hue(job: Job) -> None:
    """`hue`, degrees on both sides."""
    value = number(job.given["hue"])
    if value is None:
        job.approximates("hue", "not a number: left out")
    elif value % 360 == 0:
        job.ignores("hue", _NO_EFFECT)
    else:
        job.out["hue"] = written(value % 360)
        job.approximates("hue", "another colour space")


def sharpness(job: Job) -> None:
    """`sharp`, or else `usm` by its radius."""
    judged = job.judgement
    sharp = _strength(job, "sharp", 0, 100)
    if sharp is not None:
        job.out["sharpen"] = written(judged.sharp_base + sharp / judged.sharp_divisor)
        job.approximates("sharp", "the scale of imgix is not published")
    usm = _strength(job, "usm", -100, 100)
    if usm is None:
        if "usmrad" in job.given:
            job.ignores("usmrad", "only with usm")
    elif usm < 0:
        job.lacks("usm", "no blurring mask")
    elif sharp is not None:
        job.approximates("usm", "one sharpening: sharp is taken")
    else:
        radius = judged.usm_radius
        if "usmrad" in job.given:
            found = number(job.given["usmrad"])
            if found is None:
                job.approximates("usmrad", "not a number: left out")
            else:
                radius = found
        low, high = judged.usm_limits
        job.out["sharpen"] = written(min(max(radius, low), high))
        job.approximates("usm", "by its radius only")


def blur(job: Job) -> None:
    """`blur`, a sigma by a judged divisor."""
    if (value := _strength(job, "blur", 0, 2000)) is not None:
        divisor = job.judgement.blur_divisor
        job.out["blur"] = written(min(max(value / divisor, 0.3), 100.0))
        job.approximates("blur", f"the scale of imgix is not published; sigma = blur / {divisor:g}")


def pixelate(job: Job) -> None:
    """`px`, the side of a block."""
    value = job.whole("px", 0, 100)
    if value is not None and value >= 2:
        job.out["pixelate"] = str(value)
        job.approximates("px", "the size of a block is taken to be in pixels")
    elif value is not None:
        job.ignores("px", _NO_EFFECT if value == 0 else "blocks of one pixel change nothing")


def tint(job: Job) -> None:
    """`sepia` and `monochrome`: one colour, of which `monochrome` wins."""
    if _strength(job, "sepia", 0, 100) is not None:
        job.out["monochrome"] = job.judgement.sepia
        job.approximates("sepia", "one brown tint, whatever the strength")
    if "monochrome" in job.given:
        paint = color(job.given["monochrome"])
        if paint is None:
            job.approximates("monochrome", "not a colour: left out")
            return
        job.out["monochrome"] = paint.rgb
        lost = "" if paint.alpha == 1 else "; its strength is lost"
        job.approximates("monochrome", f"the mixture of imgix is not published{lost}")


def duotone(job: Job) -> None:
    """`duotone`, a dark and a light colour."""
    parts = [color(part) for part in job.given.get("duotone", "").split(",")]
    if "duotone" in job.given:
        if len(parts) != 2 or parts[0] is None or parts[1] is None:
            job.approximates("duotone", "not two colours: left out")
        else:
            job.out["duotone"] = f"{parts[0].rgb}:{parts[1].rgb}"
            if parts[0].alpha != 1 or parts[1].alpha != 1:
                job.approximates("duotone", "the opacity of its colours is lost")
    if "duotone-alpha" in job.given:
        if "duotone" not in job.given:
            job.ignores("duotone-alpha", "only with duotone")
        elif number(job.given["duotone-alpha"]) != 100:
            job.lacks("duotone-alpha", "no mixture with the original")


def invert(job: Job) -> None:
    """`invert`, the same on both sides."""
    on = switch(job.given["invert"])
    if on is None:
        job.approximates("invert", "unknown value: left out")
    elif on:
        job.out["negate"] = "alpha:false"
    else:
        job.ignores("invert", _NO_EFFECT)


def _strength(job: Job, name: str, low: int, high: int) -> float | None:
    """A number of a parameter; None if it is not there, is not a number or 0, all reported."""
    if name not in job.given:
        return None
    found = job.limited(name, low, high)
    if found == 0:
        if number(job.given[name]) == 0:
            job.ignores(name, _NO_EFFECT)
        return None
    return found


def _tone(factor: float) -> str:
    return written(min(max(factor, 0.01), 10.0))
