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
from tests.raw_servers import always, answer, raw_server
from tests.stores.s3_server import S3Server

URI = ObjectUri.of("s3://b/k")
AZURE_KEY = "b3du"


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
    assert credentials.aws_provider({"skip_signature": "true"}, None) is None


@pytest.mark.parametrize("prefix", ["", "aws_", "AWS_"])
async def test_keys_of_the_options_are_not_mixed_with_those_of_the_environment(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token-of-another-key")
    monkeypatch.setenv("AWS_PROFILE", "another")
    s3.objects["k"] = b"x"
    options = {f"{prefix}access_key_id": "AKIDOFOPTIONS", f"{prefix}secret_access_key": "x"}

    await look(open_store(ObjectUri.of(s3.uri()), options), "k")
    await look(open_store(ObjectUri.of(s3.uri()), options | {f"{prefix}session_token": "own"}), "k")

    sent = [request.headers for request in s3.requests]
    assert ["AKIDOFOPTIONS" in headers["authorization"] for headers in sent] == [True, True]
    assert [headers.get("x-amz-security-token") for headers in sent] == [None, "own"]


@pytest.mark.parametrize("name", ["access_key_id", "aws_secret_access_key", "session_token"])
def test_half_of_a_key_is_not_completed_from_the_environment(name: str) -> None:
    with pytest.raises(ConfigurationError, match="access_key_id and secret_access_key") as caught:
        open_store(URI, {name: "secret-half"})

    assert "secret-half" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({"sas_key": "?sv=1&sig=own%2B"}, "GET /b/k?sv=1&sig=own%2B HTTP/1.1"),
        ({"azure_storage_sas_token": "sv=1&sig=own"}, "GET /b/k?sv=1&sig=own HTTP/1.1"),
        ({"account_key": AZURE_KEY}, "authorization: SharedKey shop:"),
        ({"bearer_token": "own"}, "authorization: Bearer own"),
    ],
)
async def test_azure_credentials_of_the_options_are_not_mixed_with_those_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, str], shown: str
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a2V5IG9mIGFub3RoZXI=")
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", "sv=1&sig=another")
    monkeypatch.setenv("AZURE_STORAGE_TOKEN", "another")
    with raw_server(always(answer(404, b""))) as server:
        store = open_store(
            ObjectUri.of("az://b/k"), options | {"account_name": "shop", "endpoint": server.base_url}
        )
        with pytest.raises(SourceStoreError):
            await look(store, "k")

    assert shown.removeprefix("GET") in server.heads[0].decode()
    assert ("authorization:" in server.heads[0].decode().lower()) == shown.startswith("authorization")


@pytest.mark.parametrize(
    ("uri", "option", "variable"),
    [
        ("az://b/k", "azure_client_id", "AZURE_STORAGE_ACCOUNT_KEY"),
        ("az://b/k", "client_secret", "AZURE_STORAGE_TOKEN"),
        ("gs://b/k", "application_credentials", "GOOGLE_SERVICE_ACCOUNT"),
        ("gs://b/k", "service_account_key", "GOOGLE_SERVICE_ACCOUNT"),
        ("gs://b/k", "google_service_account", "GOOGLE_SERVICE_ACCOUNT_KEY"),
    ],
)
def test_a_variable_that_would_replace_the_credentials_of_the_options_is_named(
    monkeypatch: pytest.MonkeyPatch, uri: str, option: str, variable: str
) -> None:
    monkeypatch.setenv(variable, "a2V5IG9mIGFub3RoZXI=")

    with pytest.raises(ConfigurationError, match=variable):
        open_store(ObjectUri.of(uri), {option: "x"})


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
