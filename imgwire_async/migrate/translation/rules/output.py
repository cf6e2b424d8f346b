"""Rules for format, quality and resolution."""

from __future__ import annotations

from imgwire_async.migrate.translation.rules.state import State
from imgwire_async.migrate.translation.rules.values import number, switch, words

_FORMATS = {  # MIME type: format
    "image/jpeg": "jpg",
    "image/jpg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/avif": "avif",
    "image/gif": "gif",
    "image/tiff": "tiff",
}
_OUTPUTS = {  # fm: format, what differs
    "jpg": ("jpg", ""),
    "pjpg": ("jpg", ""),
    "png": ("png", ""),
    "png32": ("png", ""),
    "png8": ("png", "png8: no palette"),
    "jpeg": ("jpg", "jpeg: not documented by imgix"),
    "gif": ("gif", ""),
    "webp": ("webp", ""),
    "avif": ("avif", ""),
}
_NO_OUTPUTS = {
    **dict.fromkeys(("jp2", "jxr"), "no such format"),
    **dict.fromkeys(("json", "blurhash"), "data, not a picture"),
    **dict.fromkeys(("mp4", "webm", "hls", "dash", "spritesheet"), "a video"),
}


def output(state: State) -> None:
    """`fm`, `auto`, `q`, `lossless` and `jpg-progressive`: format and quality."""
    given, out = state.given, state.out
    auto = words(given.get("auto", ""))
    if "fm" in given:
        _format(state, negotiated="format" in auto)
    if "format" in auto:
        out["format"] = "auto"
    elif "compress" not in auto and "format" not in out and given.get("fm", "").lower() not in _NO_OUTPUTS:
        mime_type = (state.mime_type or "").partition(";")[0].strip().lower()
        if mime_type in _FORMATS:
            out["format"] = _FORMATS[mime_type]
    if "q" in given and (quality := state.whole("q", 0, 100)) is not None:
        if quality == 0:
            if number(given["q"]) == 0:
                state.approximates("q", "at least 1")
            quality = 1
        out["quality"] = str(quality)
    for word in dict.fromkeys(auto):
        _automatic(state, word)
    if "lossless" in given:
        if switch(given["lossless"]) and given.get("fm", "").strip().lower() == "webp":
            out["quality"] = str(state.judgement.lossless_quality)
            state.approximates("lossless", f"quality {out['quality']} instead")
        else:
            state.ignores("lossless", "only as true with fm=webp")
    if "jpg-progressive" in given:
        on = switch(given["jpg-progressive"])
        if on is None:
            state.approximates("jpg-progressive", "unknown value: left out")
        else:
            out["progressive"] = "true" if on else "false"


def _format(state: State, *, negotiated: bool) -> None:
    word = state.given["fm"].strip().lower()
    if word in _NO_OUTPUTS:
        state.lacks("fm", f"{word}: {_NO_OUTPUTS[word]}")
    elif negotiated:
        state.approximates("fm", "with auto=format the fallback cannot be chosen")
    elif word not in _OUTPUTS:
        state.approximates("fm", "unknown value: left out")
    else:
        state.out["format"], difference = _OUTPUTS[word]
        if difference:
            state.approximates("fm", difference)
        if word == "pjpg":
            state.out["progressive"] = "true"


def _automatic(state: State, word: str) -> None:
    if word == "compress":
        quality = str(state.judgement.compress_quality)
        state.out.setdefault("quality", quality)
        state.out["strip_metadata"] = "true"
        state.approximates("auto", f"compress: quality {quality} and no metadata")
    elif word == "enhance":
        state.out["normalize"] = "true"
        state.approximates("auto", "enhance: stretched contrast instead")
    elif word in ("redeye", "true"):
        state.lacks("auto", f"{word}: no counterpart")
    elif word != "format":
        state.approximates("auto", f"unknown value {word}: left out")


def resolution(state: State) -> None:
    """`dpi`, the same on both sides."""
    if (value := state.whole("dpi", 1, 600)) is not None:
        state.out["dpi"] = str(value)
