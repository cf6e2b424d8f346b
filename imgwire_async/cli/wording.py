"""Translates messages of the SDK into the vocabulary of the command line.

Errors are written for Python code: they name arguments to pass. This module, and no other, turns them into
options and environment variables.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Final
from urllib.parse import urlsplit

from imgwire_async.cli.settings import settings
from imgwire_async.cli.streams import plain
from imgwire_async.errors import ImgwireError

_PHRASES: Final = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"\.; ", "; "),
        (r"; run the same job again to resume$", ""),
        (r"^stopped early: (?:ingest: )?stopped early: ", "stopped early: "),
        (r"(^\s*|: )(?:images\.(?:create|retrieve|upload\w*|wait_until_ready)|ingest): ", r"\1"),
        (r"pass api_key= or set( the environment variable)? (\w+)", r"set\1 \2"),
        (r"with base_url= no environment variable is read.*", "set IMGWIRE_API_KEY"),
        (r"pass api_key= instead", "set IMGWIRE_API_KEY instead"),
        (r"environment_id \(or (\w+)\)", r"\1"),
        (r"use https, or pass allow_insecure=True for a network that you trust", "use https"),
        (r"; pass allow_insecure=True if you trust the network", ""),
        (r"pass allow_credentials=True to send them anyway", "leave them out"),
        (r"pass overwrite=True", "use --overwrite"),
        (r"; pass size=, or upload from a file", "; save it to a file and upload that"),
        (r" for images\.create and images\.retrieve only", " for uploads and for showing single images only"),
        (r"longer than max_retry_after \((.+?)\)", r"longer than the \1 that a command waits"),
        (r"concurrency \((\d+)\) must", r"--concurrency \1 must"),
        (r'on_change="recreate" and dedupe="content"', "--on-change recreate and --dedupe"),
        (r"; see on_change", "; --on-change says what happens to them"),
        (
            r"; it is growing, or its file system .*",
            "; it is growing, or its size is unknown: pipe it to upload -",
        ),
    )
)
_FAILURES: Final = {
    "ConnectError": "no connection",
    "ConnectTimeout": "no connection in time",
    "CutShort": "incomplete response",
    "PoolTimeout": "no free connection in time",
    "ProxyError": "no connection through the proxy",
    "ReadError": "the connection broke",
    "ReadTimeout": "no response in time",
    "TotalTimeout": "no complete response in time",
    "WriteError": "the connection broke",
    "WriteTimeout": "the request could not be sent in time",
}
"""Failures below HTTP in words, by their names in events and messages. Others are no usable responses."""
_FAILURE: Final = re.compile(rf": ({'|'.join(_FAILURES)}|RemoteProtocolError)(?=(: )|$)")
_UNREACHABLE: Final = "cannot reach the service;"
_KEY: Final = re.compile(r"check that api_key \(or (\w+)\)")
_REJECTED_FIELD: Final = re.compile(r"the service responded with 422(?: \w+)?; (?:body|path|query)\.(\w+): ")
_QUOTED: Final = r"""'[^']*'|"[^"]*\""""
_ARGUMENTS: Final = {
    "alt_text": ("alt_text", "on_alt_text"),
    "image": ("image", "image_id"),
    "image_id": ("image", "image_id"),
    "image_ids": ("image_id", "image_ids"),
    "meta": ("custom_metadata",),
    "origin_id": ("cors_origin_id",),
    "redirects": ("redirects", "kind"),
}
"""The arguments for which a command's parameter is used, if their names differ."""


def in_own_words(text: str) -> str:
    """Translate a message of the SDK for the command line.

    Arguments become options or parameters of the running command. Quoted text is unchanged.
    """
    for pattern, words in _PHRASES:
        text = pattern.sub(words, text)
    text = _FAILURE.sub(_beside_its_detail, text)
    text = _KEY.sub(lambda match: f"check that {settings.key_name or match[1]}", text)
    if found := _REJECTED_FIELD.match(text):
        text = f"{settings.parameters.get(found[1], found[1])}: {text[found.end() :]}"
    for name, spelled in settings.parameters.items():
        meant = "|".join(_meant(argument) for argument in _ARGUMENTS.get(name, (name,)))
        parts = re.split(rf"({_QUOTED})|{meant}", text)
        # Quoted text is between the pieces; None marks the position of an argument.
        text = "".join(spelled if part is None else part for part in parts)
    return text


def failure_in_words(name: str) -> str:
    """Why no response arrived, in words.

    Args:
        name: the failure in one word, such as `ConnectTimeout`.
    """
    return _FAILURES.get(name, "no usable response")


def _beside_its_detail(match: re.Match[str]) -> str:
    """What stands for the name of a failure in a message, which says by itself what most of them mean."""
    is_news = match[2] is None and match[1].endswith("Timeout")
    return f": {failure_in_words(match[1])}" if is_news else ""


def _meant(argument: str) -> str:
    """A pattern for an argument's name, only in unambiguous positions, because many names are also words."""
    patterns = [
        rf"\b{argument}=(?=[\s,;.]|$)",
        rf"(?:^|(?<=: )){argument}(?= (?:must|needs|contains|has no)\b)",
    ]
    if "_" in argument:
        patterns.append(rf"(?<![\w/.]){argument}(?![\w/.])")
    return "|".join(patterns)


def sentence(error: ImgwireError, about: str | None = None) -> str:
    """The message of an error in one line: what happened and what to do.

    Args:
        error: the error.
        about: the item that it concerns; not repeated if the message names it.
    """
    message = in_own_words(error.message) or type(error).__name__
    if error.url and message.startswith(_UNREACHABLE):
        message = f"cannot reach {_origin(error.url)};{message.removeprefix(_UNREACHABLE)}"
    if about is not None and message.startswith(name := repr(PurePath(about).name)):
        message = f"{about!r}{message.removeprefix(name)}"
    named = about is None or about in message or repr(about)[1:-1] in message
    return plain(f"Error: {message}" if named else f"{about}: {message}")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def details(error: ImgwireError) -> list[str]:
    """The details that `--verbose` shows besides the message."""
    facts = {
        "error": type(error).__name__,
        "request": f"{error.method} {error.url}" if error.method and error.url else None,
        "status": getattr(error, "status", None) or None,
        "request id": error.request_id,
        "attempts": error.attempts or None,
        "idempotency key": error.idempotency_key,
    }
    lines = [f"  {name}: {plain(str(value))}" for name, value in facts.items() if value is not None]
    cause = error.__cause__
    while cause is not None:
        lines.append(f"  caused by: {plain(f'{type(cause).__name__}: {cause}')}")
        cause = cause.__cause__
    return lines


def names_option(error: ImgwireError) -> bool:
    """Whether an error is about an option of the command rather than its input."""
    return in_own_words(error.message).startswith("--")
