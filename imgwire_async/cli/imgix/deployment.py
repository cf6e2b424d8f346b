"""Fields of a deployment as options, as text for every type, without secrets on the command line."""

from __future__ import annotations

import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import typer

from imgwire_async.cli.output import wrong_usage
from imgwire_async.cli.parameters import name_value_pairs

Fields: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Field of the deployment, NAME=VALUE; repeatable. Separate lists with commas; default_params "
        "is JSON; an empty value removes the field. @FILE reads the value from a file, @- from standard "
        "input; required for secrets.",
    ),
]

_TRUTH: Final = {"true": True, "false": False}


def deployment_fields(arguments: list[str] | None) -> dict[str, Any]:
    """The fields from `--set`, in the types of `Deployment`.

    Raises:
        typer.Exit: a field is unknown, its value has the wrong type, or a secret is on the command line.
    """
    return {name: _value(name, text) for name, text in name_value_pairs(arguments).items()}


def _value(name: str, text: str) -> Any:  # noqa: ANN401 - the field's own type
    from imgwire_async.imgix.deployment import SECRETS, SET_BY_THE_SERVICE, Deployment

    types = {one.name: str(one.type) for one in fields(Deployment)}
    known = types.keys() - {"raw", "type", *SET_BY_THE_SERVICE}
    if name not in known:
        wrong_usage(f"--set: unknown field of a deployment: {name!r:.80}{_similar(name, known)}")
    if name in SECRETS and text and not text.startswith("@"):
        wrong_usage(
            f"--set {name}: other users can see the command line; use {name}=@FILE, or @- for standard input"
        )
    text = _read(name, text[1:]) if text.startswith("@") else text
    if not text:
        return None
    kind = types[name].removesuffix(" | None")
    try:
        if kind == "bool":
            return _TRUTH[text.lower()]
        if kind == "int":
            return int(text)
        if kind.startswith("Sequence"):
            return text.split(",")
        if kind.startswith("Mapping"):
            return dict(json.loads(text))
    except (KeyError, ValueError, TypeError):
        words = {"bool": "true or false", "int": "a whole number"}
        wrong_usage(f"--set {name}: expected {words.get(kind, 'a JSON object')}")
    return text


def _read(name: str, path: str) -> str:
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        wrong_usage(f"--set {name}: cannot read {path!r}: {reason}")
    return text.strip()


def _similar(name: str, known: set[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
