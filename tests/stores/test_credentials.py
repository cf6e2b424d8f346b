"""Common sources of credentials: profiles and SSO through boto3, the Azure command line."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest

from imgwire_async.errors import ConfigurationError, SourceStoreError
from imgwire_async.stores import credentials
from imgwire_async.stores.opening import open_store
from imgwire_async.stores.reading import look
from imgwire_async.stores.uris import ObjectUri
from tests.stores.s3_server import S3Server

URI = ObjectUri.of("s3://b/k")


def fake_boto3(monkeypatch: pytest.MonkeyPatch, profiles: dict[str | None, str]) -> None:
    """A fake boto3 with these profiles and an access key for each."""

    class BotoCoreError(Exception):
        pass

    class Session:
        def __init__(self, profile_name: str | None = None) -> None:
            if profile_name not in profiles:
                raise BotoCoreError("The config profile could not be found")
            self.access_key = profiles[profile_name]

        def get_credentials(self) -> object:
            return self

    class Provider:
        config: dict[str, Any] = {"region": "eu-west-1"}  # noqa: RUF012 - as obstore has it

        def __init__(self, session: Session) -> None:
            self._session = session

        def __call__(self) -> dict[str, Any]:
            return {"access_key_id": self._session.access_key, "secret_access_key": "x", "expires_at": None}

    modules: dict[str, dict[str, object]] = {
        "boto3": {"Session": Session},
        "botocore": {},
        "botocore.exceptions": {"BotoCoreError": BotoCoreError},
        "obstore.auth.boto3": {"Boto3CredentialProvider": Provider},
    }
    for name, contents in modules.items():
        module = types.ModuleType(name)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)


async def test_a_profile_is_read_through_boto3(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_boto3(monkeypatch, {"work": "AKIDOFWORK"})
    monkeypatch.setenv("AWS_PROFILE", "work")
    s3.objects["k"] = b"x"

    await look(open_store(ObjectUri.of(s3.uri())), "k")

    assert "AKIDOFWORK" in s3.requests[0].headers["authorization"]


async def test_a_profile_can_be_an_option(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_boto3(monkeypatch, {"work": "AKIDOFWORK"})
    s3.objects["k"] = b"x"

    await look(open_store(ObjectUri.of(s3.uri()), {"profile": "work"}), "k")

    assert "AKIDOFWORK" in s3.requests[0].headers["authorization"]


def test_without_boto3_the_error_for_a_profile_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setitem(sys.modules, "boto3", None)

    with pytest.raises(ConfigurationError, match="pip install boto3"):
        open_store(URI)


def test_an_unknown_profile_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_boto3(monkeypatch, {})
    monkeypatch.setenv("AWS_PROFILE", "work")

    with pytest.raises(ConfigurationError, match="'work'"):
        open_store(URI)


def test_the_files_of_aws_are_read_if_the_environment_has_no_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake_boto3(monkeypatch, {None: "AKIDOFFILE"})
    assert credentials.aws_provider({}, None) is None
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert credentials.aws_provider({}, None) is None

    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text("[default]\n")

    provider = credentials.aws_provider({}, None)
    assert provider is not None
    assert provider()["access_key_id"] == "AKIDOFFILE"
    assert credentials.aws_provider({"access_key_id": "a"}, None) is None


def test_the_azure_command_line_is_called_only_without_other_credentials(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert credentials.azure_options({}) == {}
    (tmp_path / "az").write_text("#!/bin/sh\n")
    (tmp_path / "az").chmod(0o755)

    assert credentials.azure_options({"account_name": "shop"}) == {"use_azure_cli": "true"}
    assert credentials.azure_options({"account_key": "k"}) == {}
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", "s")
    assert credentials.azure_options({}) == {}


async def test_an_expired_login_is_a_credentials_error(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_boto3(monkeypatch, {"work": "AKIDOFWORK"})
    provider = sys.modules["obstore.auth.boto3"].Boto3CredentialProvider

    def expired(_: object) -> dict[str, Any]:
        raise RuntimeError("the SSO session has expired: hush")

    monkeypatch.setattr(provider, "__call__", expired)

    with pytest.raises(SourceStoreError) as caught:
        await look(open_store(ObjectUri.of(s3.uri()), {"profile": "work"}), "k")

    assert caught.value.reason == "credentials"
    assert "hush" not in str(caught.value)
