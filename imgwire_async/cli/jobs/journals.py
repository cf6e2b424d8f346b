"""Default locations of the journals of bulk jobs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from imgwire_async.core.clients.client import core_of
from imgwire_async.core.http.urls import same_for_all_spellings
from imgwire_async.errors import ConfigurationError, JournalError
from imgwire_async.ingest.items import is_url
from imgwire_async.ingest.journal.recognition import is_unbound
from imgwire_async.ingest.sources.entries import identity_of
from imgwire_async.stores.uris import is_object

if TYPE_CHECKING:
    from imgwire_async.imgix.client import AsyncImgixClient


def default_journal(source: str, options: Mapping[str, str] | None = None) -> Path:
    """The default journal for a source: the same file whatever the current folder.

    For a folder or file it is beside it; for a URL or bucket, in the user's state folder; for standard input,
    which may contain relative paths, in the current folder.

    Args:
        source: the source as given to the command.
        options: store options of a bucket.

    Raises:
        InvalidArgumentError: the source is a URI that names no bucket.
        JournalError: the current folder has a journal that an earlier version may have made for the source.
        ConfigurationError: the folder for the journal of a URL or bucket cannot be created, or the current
            folder was deleted.
    """
    if source == "-":
        return _current_folder() / "stdin.journal"
    if is_url(source) or is_object(source):
        return _in_state_folder(identity_of(source, options))
    here = _current_folder()
    resolved = Path(os.path.realpath(source))
    name = f"{resolved.name or 'root'}.journal"
    journal, earlier = resolved.parent / name, here / name
    if not journal.exists() and journal != earlier and is_unbound(earlier):
        raise JournalError(
            f"{earlier} was written by an earlier version, which kept the journals of all sources with this "
            f"name there; use --journal {name} to resume with it if it is that of {resolved}, or --journal "
            f"{journal} to start anew"
        )
    return journal


def migration_journal(imgix: AsyncImgixClient) -> Path:
    """The default journal of a migration, in the user's state folder.

    A journal in the current folder takes precedence, because people keep it with the project that they move.

    Args:
        imgix: the client of the account that is moved.

    Raises:
        ConfigurationError: the folder for the journal cannot be created, or the current folder was deleted.
    """
    kept = _current_folder() / "imgix.journal"
    if kept.exists():
        return kept
    service = same_for_all_spellings(core_of(imgix).options.base_url)
    return _in_state_folder(f"migration from {service}")


def _current_folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise ConfigurationError("the current folder was deleted; change to another one") from error


def _in_state_folder(name: str) -> Path:
    digest = hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
    # A relative path is invalid there, and would be another one in each folder.
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():
        try:
            state = Path.home() / ".local" / "state"
        except RuntimeError as error:
            raise ConfigurationError(
                "there is no home folder for the journal: name a file with --journal, or set XDG_STATE_HOME"
            ) from error
    folder = state / "imgwire-async"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"cannot create the folder {folder} for the journal: {error.strerror}; name a file with "
            "--journal, or set XDG_STATE_HOME"
        ) from error
    return folder / f"{digest}.journal"


def export_journal(to: str, options: Mapping[str, str] | None = None) -> Path:
    """The default journal of an export, whatever the current folder.

    For a folder it is beside it; for a bucket, in the user's state folder.

    Args:
        to: the target as given to the command.
        options: store options of a bucket.

    Raises:
        InvalidArgumentError: `to` is a URI that names no bucket.
        ConfigurationError: the folder for the journal of a bucket cannot be created.
    """
    if is_object(to):
        return _in_state_folder(f"export to {identity_of(to, options)}")
    resolved = Path(os.path.realpath(to))
    return resolved.with_name(f"{resolved.name or 'root'}.export.journal")
