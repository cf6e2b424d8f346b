"""Rules for format, quality and resolution."""

from __future__ import annotations

from imgwire_async.migrate.job import Job
from imgwire_async.migrate.values import number, switch, words

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


def output(job: Job) -> None:
    """`fm`, `auto`, `q`, `lossless` and `jpg-progressive`: format and quality."""
    given, out = job.given, job.out
    auto = words(given.get("auto", ""))
    if "fm" in given:
        _format(job, negotiated="format" in auto)
    if "format" in auto:
        out["format"] = "auto"
    elif "compress" not in auto and "format" not in out and given.get("fm", "").lower() not in _NO_OUTPUTS:
        mime_type = (job.mime_type or "").partition(";")[0].strip().lower()
        if mime_type in _FORMATS:
            out["format"] = _FORMATS[mime_type]
    if "q" in given and (quality := job.whole("q", 0, 100)) is not None:
        if quality == 0:
            if number(given["q"]) == 0:
                job.approximates("q", "at least 1")
            quality = 1
        out["quality"] = str(quality)
    for word in dict.fromkeys(auto):
        _automatic(job, word)
    if "lossless" in given:
        if switch(given["lossless"]) and given.get("fm", "").strip().lower() == "webp":
            out["quality"] = str(job.judgement.lossless_quality)
            job.approximates("lossless", f"quality {out['quality']} instead")
        else:
            job.ignores("lossless", "only as true with fm=webp")
    if "jpg-progressive" in given:
        on = switch(given["jpg-progressive"])
        if on is None:
            job.approximates("jpg-progressive", "unknown value: left out")
        else:
            out["progressive"] = "true" if on else "false"


def _format(job: Job, *, negotiated: bool) -> None:
    word = job.given["fm"].strip().lower()
    if word in _NO_OUTPUTS:
        job.lacks("fm", f"{word}: {_NO_OUTPUTS[word]}")
    elif negotiated:
        job.approximates("fm", "with auto=format the fallback cannot be chosen")
    elif word not in _OUTPUTS:
        job.approximates("fm", "unknown value: left out")
    else:
        job.out["format"], difference = _OUTPUTS[word]
        if difference:
            job.approximates("fm", difference)
        if word == "pjpg":
            job.out["progressive"] = "true"


def _automatic(job: Job, word: str) -> None:
    if word == "compress":
        quality = str(job.judgement.compress_quality)
        job.out.setdefault("quality", quality)
        job.out["strip_metadata"] = "true"
        job.approximates("auto", f"compress: quality {quality} and no metadata")
    elif word == "enhance":
        job.out["normalize"] = "true"
        job.approximates("auto", "enhance: stretched contrast instead")
    elif word in ("redeye", "true"):
        job.lacks("auto", f"{word}: no counterpart")
    elif word != "format":
        job.approximates("auto", f"unknown value {word}: left out")


def resolution(job: Job) -> None:
    """`dpi`, the same on both sides."""
    if (value := job.whole("dpi", 1, 600)) is not None:
        job.out["dpi"] = str(value)
