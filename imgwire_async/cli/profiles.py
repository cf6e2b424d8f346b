"""Profiles: URLs and keys that `login` stores for later commands.

They are stored in a file of the user, in sections named after profile and service: `[default imgwire]`. Keys
are in the system's keyring if there is one (extra: `keyring`), otherwise in that file, which only the user
can read.
"""

from __future__ import annotations

import configparser
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import typer

from imgwire_async.cli import keyrings
from imgwire_async.core.values.redaction import Secret
from imgwire_async.errors import ConfigurationError

DEFAULT: Final = "default"
"""The profile that is used without `--profile`."""
FILE_VARIABLE: Final = "IMGWIRE_CONFIG_FILE"
"""Environment variable with another path of the file."""
LOGIN: Final = {"imgwire": "imgwire-async login", "imgix": "imgwire-async imgix login"}
"""The command that stores a profile for a service."""

_PROGRAM: Final = "imgwire-async"
_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
_IN_FILE: Final = "api_key"
_IN_KEYRING: Final = "keyring"


@dataclass(frozen=True, slots=True)
class Profile:
    """A named URL and key of one service."""

    name: str
    service: str
    """`imgwire` or `imgix`."""
    api_key: Secret
    base_url: str | None = None
    """URL of the service; None for the public one."""
    environment_id: str | None = None
    """Environment id, for Imgwire credentials that are not bound to one."""
    where: str = field(default="", compare=False)
    """Where the key is stored, for display."""


def profiles_file() -> Path:
    """The file with the profiles, which need not exist."""
    given = os.environ.get(FILE_VARIABLE)
    return Path(given) if given else Path(typer.get_app_dir(_PROGRAM), "profiles.ini")


def load(name: str, service: str) -> Profile | None:
    """The profile with this name for a service, or None.

    Raises:
        ConfigurationError: the file cannot be read, or the key is no longer in the keyring.
    """
    section = _section(_read(profiles_file()), check_name(name), service)
    if section is None:
        return None
    base_url, environment_id = section.get("base_url") or None, section.get("environment_id") or None
    if section.get("key") == _IN_KEYRING:
        where = "the system's keyring"
        try:
            key = keyrings.read(_account(name, service))
        except keyrings.KeyringError as error:
            problem = f"{where} does not return the key of profile {name!r}: {error}"
            raise ConfigurationError(problem) from error
    else:
        key, where = section.get(_IN_FILE), str(profiles_file())
    if not key:
        raise ConfigurationError(
            f"profile {name!r}: no key is stored in {where}; run {LOGIN[service]} --profile {name} again"
        )
    return Profile(name, service, Secret(key), base_url, environment_id, where)


def unknown(name: str, service: str) -> ConfigurationError:
    """The error for a profile that does not exist.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    known = names(service)
    others = f"; there are: {', '.join(known)}" if known else ""
    return ConfigurationError(
        f"no profile {name!r} in {profiles_file()}{others}; run {LOGIN[service]} --profile {name}"
    )


def names(service: str) -> list[str]:
    """Names of all profiles for a service.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    parts = (section.split() for section in _read(profiles_file()).sections())
    return sorted(part[0] for part in parts if part[1:] == [service])


def store(profile: Profile, *, keyring: bool = True) -> Profile:
    """Store a profile, replacing one with the same name.

    Args:
        profile: the profile to store.
        keyring: whether to store its key in the system's keyring, if there is one, instead of the file.

    Returns:
        The profile with `where` set.

    Raises:
        ConfigurationError: the file cannot be read or written.
    """
    path = profiles_file()
    with _alone(path):
        parser = _read(path)
        title = f"{check_name(profile.name)} {profile.service}"
        earlier = _section(parser, profile.name, profile.service)
        section = {"base_url": profile.base_url, "environment_id": profile.environment_id}
        account = _account(profile.name, profile.service)
        if keyring and keyrings.write(account, profile.api_key.reveal()):
            section["key"], where = _IN_KEYRING, "the system's keyring"
        else:
            section[_IN_FILE], where = profile.api_key.reveal(), str(path)
            if earlier is not None and earlier.get("key") == _IN_KEYRING:
                with suppress(keyrings.KeyringError):  # as when it was locked just now
                    keyrings.delete(account)
        parser[title] = {option: value for option, value in section.items() if value is not None}
        _write(path, parser)
    return Profile(
        profile.name, profile.service, profile.api_key, profile.base_url, profile.environment_id, where
    )


def remove(name: str, service: str) -> bool:
    """Delete a profile and its key. Returns whether it existed.

    Raises:
        ConfigurationError: the file cannot be read or written, or the keyring reports an error.
    """
    path = profiles_file()
    with _alone(path):
        parser = _read(path)
        section = _section(parser, check_name(name), service)
        if section is None:
            return False
        if section.get("key") == _IN_KEYRING:
            try:
                keyrings.delete(_account(name, service))
            except keyrings.KeyringError as error:
                raise ConfigurationError(
                    f"the key of profile {name!r} cannot be removed from the system's keyring: {error}"
                ) from error
        parser.remove_section(f"{name} {service}")
        _write(path, parser)
        return True


def check_name(name: str) -> str:
    """Check the name of a profile.

    Raises:
        ConfigurationError: the name is invalid.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"--profile must be letters, digits, dots, hyphens and underscores, got {name!r}"
        )
    return name


def _section(parser: configparser.ConfigParser, name: str, service: str) -> configparser.SectionProxy | None:
    title = f"{name} {service}"
    return parser[title] if parser.has_section(title) else None


def _read(path: Path) -> configparser.ConfigParser:
    # Keys and URLs may contain %, and sections must not inherit values.
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    try:
        text = path.read_text(encoding="utf-8-sig")  # editors on Windows write a mark
    except FileNotFoundError:
        return parser
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(f"cannot read the profiles in {path}: {reason}") from None
    try:
        parser.read_string(text, str(path))
    except configparser.Error as error:
        # Its message shows the line, which may contain a key.
        line = getattr(error, "lineno", None) or next(iter(getattr(error, "errors", ())), (None,))[0]
        at = f", line {line}" if line else ""
        raise ConfigurationError(
            f"cannot read the profiles in {path}{at}: expected NAME = VALUE below a [PROFILE SERVICE]"
        ) from None
    return parser


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let commands that change the file take turns, so that none undoes what another has just done."""
    with ExitStack() as ended:
        if sys.platform != "win32":
            import fcntl

            with suppress(OSError, RuntimeError):  # writing the file says what is wrong with its folder
                folder = path.resolve().parent
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                descriptor = os.open(folder, os.O_RDONLY)
                ended.callback(os.close, descriptor)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def _write(path: Path, parser: configparser.ConfigParser) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = path.resolve()  # through a link to the file
        if target.exists() and not target.is_file():  # a device, which must not become a file
            raise ConfigurationError(f"cannot write the profiles to {path}: it is not a regular file")
        # Only the user can read what `mkstemp` makes.
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            Path(name).chmod(0o600)  # also where the umask takes that from its owner
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                parser.write(file)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigurationError(f"cannot write the profiles to {path}: {error.strerror}") from error


def _account(name: str, service: str) -> str:
    """The key's name in the keyring; it differs for profiles of other files."""
    given = os.environ.get(FILE_VARIABLE)
    return f"{name} {service}" if not given else f"{name} {service} {profiles_file().resolve()}"
