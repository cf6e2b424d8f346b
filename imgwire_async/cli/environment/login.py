"""The commands that store keys for later commands and delete them."""

from __future__ import annotations

import functools
import getpass
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, TypeAlias

import typer

from imgwire_async.cli import interruptions, profiles
from imgwire_async.cli.credentials import PROFILE_VARIABLE, VARIABLES
from imgwire_async.cli.output import JsonFlag, guarded, show_json, wrong_usage
from imgwire_async.cli.settings import settings
from imgwire_async.cli.streams import is_terminal, note, say
from imgwire_async.core.values.redaction import Secret

_LONGEST_LINE: Final = 64 * 1024
NO_KEY: Final[dict[str, Any]] = {"allow_extra_args": True}
"""Context settings of `login`, so that no error message repeats a key that was given as an argument."""

NoKeyring: TypeAlias = Annotated[
    bool, typer.Option("--no-keyring", help="Store the key in the file, even if there is a keyring.")
]


def login(
    ctx: typer.Context,
    environment: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Environment to use, for a session or OAuth token."),
    ] = None,
    no_keyring: NoKeyring = False,
    as_json: JsonFlag = False,
) -> None:
    """Store an API key for later commands, after a check that it works.

    Prompts for the key, or reads it from standard input if that is not a terminal. The key is stored in the
    system's keyring if there is one (extra: keyring), otherwise in a file that only you can read.

    Example: imgwire-async login

    Example: imgwire-async login --profile staging --base-url https://api.staging.example.com < key.txt
    """
    from imgwire_async.imgwire.client import AsyncImgwireClient
    from imgwire_async.imgwire.service import IMGWIRE

    _check_no_argument(ctx)

    async def check(profile: profiles.Profile) -> None:
        key = profile.api_key.reveal()
        client = AsyncImgwireClient(
            api_key=key,
            base_url=IMGWIRE.public_url if profile.base_url is None else profile.base_url,
            environment_id=profile.environment_id,
        )
        async with client as imgwire:
            if key.startswith("ck_"):  # a client key may not list
                await imgwire.health()
            else:
                await imgwire.images.list(limit=1)

    guarded(
        functools.partial(_login, "imgwire", check, environment, keyring=not no_keyring, as_json=as_json),
        as_json=as_json,
    )


def login_to_imgix(ctx: typer.Context, no_keyring: NoKeyring = False, as_json: JsonFlag = False) -> None:
    """Store an API key of imgix for later commands, after a check that it works.

    Prompts for the key, or reads it from standard input if that is not a terminal. The key is stored in the
    system's keyring if there is one (extra: keyring), otherwise in a file that only you can read.

    Example: imgwire-async imgix login
    """
    from imgwire_async.imgix.client import AsyncImgixClient

    _check_no_argument(ctx)

    async def check(profile: profiles.Profile) -> None:
        async with AsyncImgixClient(api_key=profile.api_key.reveal(), base_url=profile.base_url) as imgix:
            await imgix.sources.list(limit=1)

    guarded(
        functools.partial(_login, "imgix", check, None, keyring=not no_keyring, as_json=as_json),
        as_json=as_json,
    )


def logout(as_json: JsonFlag = False) -> None:
    """Delete the key stored by `login`.

    Example: imgwire-async logout --profile staging
    """
    guarded(functools.partial(_logout, "imgwire", as_json=as_json), as_json=as_json)


def logout_of_imgix(as_json: JsonFlag = False) -> None:
    """Delete the key stored by `imgix login`.

    Example: imgwire-async imgix logout
    """
    guarded(functools.partial(_logout, "imgix", as_json=as_json), as_json=as_json)


def _profile_name() -> str:
    given = settings.profile
    name = (os.environ.get(PROFILE_VARIABLE) or profiles.DEFAULT) if given is None else given
    return profiles.check_name(name)


def _check_no_argument(ctx: typer.Context) -> None:
    if ctx.args:
        wrong_usage(
            "login takes no arguments; type the key when prompted or pipe it to standard input, because "
            "arguments stay in the history of the shell and are visible to other users"
        )


def _given_key() -> str:
    """What was typed or piped, which may be empty."""
    if is_terminal(sys.stdin):
        try:
            return getpass.getpass("API key (not shown): ").strip()
        except EOFError:  # Ctrl-D
            return ""
    try:
        # Bytes: a file from Windows starts with a mark, or is in another encoding.
        line = sys.stdin.buffer.readline(_LONGEST_LINE)
    except OSError:
        wrong_usage("the key cannot be read: standard input is closed")
    return line.decode("utf-8-sig", errors="replace").strip()


def _login(
    service: str,
    check: Callable[[profiles.Profile], Awaitable[None]],
    environment: str | None,
    *,
    keyring: bool,
    as_json: bool,
) -> None:
    name = _profile_name()
    key = _given_key()
    if not key:
        wrong_usage("no key was given on standard input")
    settings.key_name = "the key"
    profile = profiles.Profile(name, service, Secret(key), settings.base_url, environment)
    interruptions.run(functools.partial(check, profile))
    stored = profiles.store(profile, keyring=keyring)
    if as_json:
        show_json(
            {"profile": name, "service": service, "base_url": stored.base_url, "stored_in": stored.where}
        )
        return
    say(f"The key works. It is stored in {stored.where}, as profile {name!r}.")
    if any(os.environ.get(variable) for variable in VARIABLES[service]):
        note(
            f"{VARIABLES[service][0]} or another of its variables is set and takes "
            f"precedence; unset it, or give --profile {name}."
        )


def _logout(service: str, *, as_json: bool) -> None:
    name = _profile_name()
    if not profiles.remove(name, service):
        known = profiles.names(service)
        wrong_usage(f"no profile {name!r}" + (f"; there are: {', '.join(known)}" if known else ""))
    if as_json:
        show_json({"profile": name, "service": service, "removed": True})
    else:
        say(f"Removed the profile {name!r} and its key.")
