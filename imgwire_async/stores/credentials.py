"""Support for credentials that obstore does not find on its own.

obstore reads the environment, web identities, and the metadata services of AWS, Google and Azure, but neither
AWS profiles nor SSO, which need boto3. It uses the Azure command line only if configured to.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from imgwire_async.errors import ConfigurationError

_OF_AWS: Final = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
)
_AWS_OPTIONS: Final = frozenset({"access_key_id", "secret_access_key", "skip_signature", "session_token"})
_OF_AZURE: Final = (
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_CLIENT_ID",
    "AZURE_STORAGE_CLIENT_ID",
    "AZURE_FEDERATED_TOKEN_FILE",
    "IDENTITY_ENDPOINT",
)
_AZURE_OPTIONS: Final = (
    "access_key",
    "account_key",
    "sas",
    "client_",
    "bearer",
    "token",
    "skip_signature",
    "use_",
    "msi",
    "federated",
)


def aws_provider(options: Mapping[str, str], profile: str | None) -> Callable[[], Any] | None:
    """A provider that gets credentials from boto3; None if obstore finds them on its own.

    Raises:
        ConfigurationError: a profile is named, but boto3 is not installed or does not know it.
    """
    profile = profile or os.environ.get("AWS_PROFILE")
    if _AWS_OPTIONS & options.keys():
        return None
    if profile is None and (any(os.environ.get(name) for name in _OF_AWS) or not _has_aws_files()):
        return None
    try:
        import boto3
        from botocore.exceptions import BotoCoreError
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ModuleNotFoundError:
        if profile is None:
            return None
        raise ConfigurationError(
            f"the AWS profile {profile!r} needs boto3: pip install boto3 (profiles and SSO are read by it)"
        ) from None
    try:
        session = boto3.Session(profile_name=profile)
        if session.get_credentials() is None:
            return None
        return Boto3CredentialProvider(session)
    except BotoCoreError as error:
        raise ConfigurationError(f"boto3 cannot use the AWS profile {profile!r}: {error}") from error


def azure_options(options: Mapping[str, str]) -> dict[str, str]:
    """Options that make obstore use the Azure command line if there are no other credentials."""
    given = any(name.removeprefix("azure_").startswith(_AZURE_OPTIONS) for name in options)
    if given or any(os.environ.get(name) for name in _OF_AZURE) or shutil.which("az") is None:
        return {}
    return {"use_azure_cli": "true"}


def _has_aws_files() -> bool:
    files = (
        os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials",
        os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config",
    )
    try:
        return any(Path(file).expanduser().is_file() for file in files)
    except (OSError, RuntimeError):  # no home
        return False
