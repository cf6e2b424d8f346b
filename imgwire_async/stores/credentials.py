"""Support for credentials that obstore does not find on its own.

obstore reads the environment, web identities, and the metadata services of AWS, Google and Azure, but neither
AWS profiles nor SSO, which need boto3. It uses the Azure command line only if configured to.

It also completes credentials in its options from the environment, and may prefer those of the environment. So
credentials in the options are passed on in a way that excludes the environment.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from imgwire_async.errors import ConfigurationError

_OF_AWS: Final = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
)
_AWS_TOKENS: Final = ("session_token", "token")
_AWS_KEYS: Final = ("access_key_id", "secret_access_key", *_AWS_TOKENS)
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


_AZURE_ACCESS_KEYS: Final = ("storage_account_key", "storage_access_key", "storage_master_key")
_AZURE_BEARERS: Final = ("storage_token", "bearer_token", "token")
_AZURE_SAS: Final = ("storage_sas_key", "storage_sas_token", "sas_key", "sas_token")
_AZURE_STRONGER: Final = (
    "AZURE_STORAGE_TOKEN",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_MASTER_KEY",
)
"""Variables that obstore prefers to a service principal or an identity."""
_AZURE_PRINCIPALS: Final = ("client_", "federated", "msi", "use_")
_GOOGLE_ACCOUNTS: Final = ("service_account", "service_account_path")
_GOOGLE_OPTIONS: Final = (*_GOOGLE_ACCOUNTS, "service_account_key", "application_credentials")

Provider: TypeAlias = Callable[[], Any]
"""Returns credentials in the form of obstore."""


def aws_provider(options: Mapping[str, str], profile: str | None) -> Provider | None:
    """A provider for the keys in the options, or else one of boto3; None if obstore needs neither.

    Raises:
        ConfigurationError: the options have half of a key; or a profile is named, but boto3 is not installed
            or does not know it.
    """
    given = {name.lower().removeprefix("aws_"): value for name, value in options.items()}
    if any(given.get(name) for name in _AWS_KEYS):
        if not (given.get("access_key_id") and given.get("secret_access_key")):
            raise ConfigurationError(
                "store options: access_key_id and secret_access_key must be given together; the environment "
                "does not complete them"
            )
        token = next((given[name] for name in _AWS_TOKENS if given.get(name)), None)
        return _always(
            access_key_id=given["access_key_id"], secret_access_key=given["secret_access_key"], token=token
        )
    if "skip_signature" in given:
        return None
    profile = profile or os.environ.get("AWS_PROFILE")
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


def azure_provider(options: Mapping[str, str]) -> Provider | None:
    """A provider for a key, SAS or bearer token in the options; None if they have none of them.

    Raises:
        ConfigurationError: the options have other credentials, and a variable would replace them.
    """
    given = {name.lower().removeprefix("azure_"): value for name, value in options.items() if value}
    # In obstore's order of preference.
    for kind, names in (
        ("token", _AZURE_BEARERS),
        ("access_key", _AZURE_ACCESS_KEYS),
        ("sas_token", _AZURE_SAS),
    ):
        for name in names:
            value = given.get(name) or given.get(name.removeprefix("storage_"))
            if value:
                return _always(**{kind: value})
    _refuse_to_mix(given, _AZURE_PRINCIPALS, _AZURE_STRONGER)
    return None


def check_google_options(options: Mapping[str, str]) -> None:
    """Check that no variable replaces or contradicts credentials in the options.

    Raises:
        ConfigurationError: a variable does.
    """
    given = {name.lower().removeprefix("google_"): value for name, value in options.items() if value}
    same = _GOOGLE_ACCOUNTS if any(name in given for name in _GOOGLE_ACCOUNTS) else tuple(given)
    others = [name for name in _GOOGLE_OPTIONS[:-1] if name not in same]
    _refuse_to_mix(given, _GOOGLE_OPTIONS, [f"GOOGLE_{name.upper()}" for name in others])


def _refuse_to_mix(given: Mapping[str, str], starts: tuple[str, ...], variables: Sequence[str]) -> None:
    option = next((name for name in given if name.startswith(starts)), None)
    variable = next((name for name in variables if os.environ.get(name)), None)
    if option and variable:
        raise ConfigurationError(
            f"the environment variable {variable} would be used with or instead of the store option "
            f"{option}; unset one of them"
        )


def _always(**credentials: str | None) -> Provider:
    return lambda: {**credentials, "expires_at": None}


def azure_options(options: Mapping[str, str]) -> dict[str, str]:
    """Options that make obstore use the Azure command line if there are no other credentials."""
    given = any(name.lower().removeprefix("azure_").startswith(_AZURE_OPTIONS) for name in options)
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
