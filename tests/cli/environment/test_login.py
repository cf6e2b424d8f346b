"""Keys stored by `login`: their location, their permissions, and which key a command uses."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keyring
import keyring.backend
import keyring.errors
import pytest
from typer.testing import CliRunner, Result

from imgwire_async.cli import profiles
from imgwire_async.cli.app import app
from imgwire_async.cli.exits import ExitCode
from imgwire_async.core.values.redaction import Secret
from imgwire_async.errors import ConfigurationError
from imgwire_async.sandbox import ImgixSandbox, Sandbox

LOGIN = "imgwire_async.cli.environment.login"
Invoke = Callable[..., Result]


class Wallet(keyring.backend.KeyringBackend):
    """A keyring in memory."""

    priority = 5

    is_locked = False

    @cached_property
    def kept(self) -> dict[tuple[str, str], str]:
        return {}

    def get_password(self, service: str, username: str) -> str | None:
        self._check()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._check()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._check()
        if self.kept.pop((service, username), None) is None:
            raise keyring.errors.PasswordDeleteError

    def _check(self) -> None:
        if self.is_locked:
            raise keyring.errors.KeyringLocked("locked")


@pytest.fixture
def wallet(monkeypatch: pytest.MonkeyPatch) -> Wallet:
    wallet = Wallet()  # type: ignore[no-untyped-call]
    monkeypatch.setattr(keyring, "get_keyring", lambda: wallet)
    return wallet


@pytest.fixture
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    from keyring.backends.fail import Keyring

    monkeypatch.setattr(keyring, "get_keyring", Keyring)


@pytest.fixture(autouse=True)
def _no_variables_of_imgix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMGIX_API_KEY", raising=False)
    monkeypatch.delenv("IMGIX_API_BASE_URL", raising=False)


@pytest.fixture(autouse=True)
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "configuration" / "profiles.ini"
    monkeypatch.setenv(profiles.FILE_VARIABLE, str(path))
    return path


@pytest.fixture
def cli(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*arguments: str, **options: Any) -> Result:
        result = CliRunner().invoke(app, arguments, **options)
        for secret in (sandbox.server_key, sandbox.client_key, sandbox.session_token):
            assert secret not in result.output
        return result

    return invoke


@pytest.fixture
def signed_in(cli: Invoke, sandbox: Sandbox) -> Invoke:
    result = cli("login", "--base-url", sandbox.base_url, input=f"{sandbox.server_key}\n")
    assert result.exit_code == 0, result.output
    return cli


def whoami(cli: Invoke, *arguments: str) -> dict[str, Any]:
    result = cli("whoami", "--json", *arguments)
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


@pytest.mark.parametrize("command", [("login",), ("imgix", "login")], ids=["imgwire", "imgix"])
def test_a_key_on_the_command_line_is_rejected_and_not_repeated(
    cli: Invoke, sandbox: Sandbox, file: Path, command: tuple[str, ...]
) -> None:
    result = cli(*command, sandbox.server_key, "--json")  # `cli` checks that the key is not in the output

    assert result.exit_code == ExitCode.USAGE
    assert "pipe it to standard input" in result.output
    assert not file.exists()


@pytest.mark.usefixtures("no_keyring")
def test_without_a_keyring_the_key_is_in_a_file_that_only_the_user_can_read(
    signed_in: Invoke, sandbox: Sandbox, file: Path
) -> None:
    assert sandbox.server_key in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert whoami(signed_in)["profile"] == "default"
    assert whoami(signed_in)["base_url"] == sandbox.base_url


def test_with_a_keyring_the_file_holds_no_key(
    wallet: Wallet, signed_in: Invoke, sandbox: Sandbox, file: Path
) -> None:
    assert sandbox.server_key not in file.read_text()
    assert list(wallet.kept.values()) == [sandbox.server_key]
    assert whoami(signed_in)["credential"] == "server key"

    assert signed_in("logout").exit_code == 0
    assert not wallet.kept


def test_a_keyring_that_is_locked_is_not_used_to_store(
    wallet: Wallet, signed_in: Invoke, sandbox: Sandbox, file: Path
) -> None:
    wallet.is_locked = True

    result = signed_in("login", "--base-url", sandbox.base_url, input=sandbox.server_key)

    assert str(file) in result.stdout
    assert whoami(signed_in)["profile"] == "default"


def test_a_keyring_that_is_locked_later_is_an_error_of_the_configuration(
    wallet: Wallet, signed_in: Invoke
) -> None:
    wallet.is_locked = True

    result = signed_in("ls")

    assert result.exit_code == ExitCode.USAGE
    assert "does not return the key of profile 'default': locked" in result.stderr


def test_a_keyring_that_has_lost_the_key_says_how_to_store_it_again(
    wallet: Wallet, signed_in: Invoke
) -> None:
    wallet.kept.clear()

    result = signed_in("ls")

    assert result.exit_code == ExitCode.USAGE
    assert (
        "no key is stored in the system's keyring; run imgwire-async login --profile default" in result.stderr
    )


class _CrashError(Exception):
    """An exception that a third-party keyring may raise."""


def test_a_keyring_that_raises_its_own_errors_is_treated_as_locked(
    wallet: Wallet, signed_in: Invoke, sandbox: Sandbox, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise _CrashError("the bus is gone")

    for name in ("get_password", "set_password", "delete_password"):
        monkeypatch.setattr(wallet, name, crash)

    for command in ("ls", "logout"):
        result = signed_in(command)
        assert result.exit_code == ExitCode.USAGE
        assert "the bus is gone" in result.stderr
    assert str(file) in signed_in("login", "--base-url", sandbox.base_url, input=sandbox.server_key).stdout
    assert sandbox.server_key in file.read_text()


def test_a_keyring_that_cannot_be_loaded_is_treated_as_locked(
    cli: Invoke, sandbox: Sandbox, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash() -> None:
        raise ModuleNotFoundError("No module named 'my_keyring'")

    monkeypatch.setattr(keyring, "get_keyring", crash)

    assert str(file) in cli("login", "--base-url", sandbox.base_url, input=sandbox.server_key).stdout


def test_a_key_that_moves_to_the_file_is_removed_from_the_keyring(
    wallet: Wallet, signed_in: Invoke, sandbox: Sandbox
) -> None:
    arguments = ("login", "--no-keyring", "--base-url", sandbox.base_url)

    assert signed_in(*arguments, input=sandbox.server_key).exit_code == 0

    assert not wallet.kept


def test_a_key_in_a_keyring_that_no_longer_exists_is_not_reported_as_removed(
    wallet: Wallet, signed_in: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keyring.backends.fail import Keyring

    monkeypatch.setattr(keyring, "get_keyring", Keyring)

    result = signed_in("logout")

    assert result.exit_code == ExitCode.USAGE
    assert "cannot be removed from the system's keyring: there is none here" in result.stderr
    assert wallet.kept


def test_the_option_no_keyring_stores_the_key_in_the_file(
    wallet: Wallet, cli: Invoke, sandbox: Sandbox, file: Path
) -> None:
    arguments = ("login", "--no-keyring", "--base-url", sandbox.base_url, "--json")

    record = json.loads(cli(*arguments, input=sandbox.server_key).stdout)

    assert record == {
        "profile": "default",
        "service": "imgwire",
        "base_url": sandbox.base_url,
        "stored_in": str(file),
    }
    assert not wallet.kept


@pytest.mark.usefixtures("no_keyring")
class TestFile:
    def test_a_key_that_does_not_work_is_not_stored(self, cli: Invoke, sandbox: Sandbox, file: Path) -> None:
        result = cli("login", "--base-url", sandbox.base_url, input="sk_wrong\n")

        assert result.exit_code == ExitCode.REFUSED
        assert "check that the key is a valid key" in result.stderr
        assert "sk_wrong" not in result.output
        assert not file.exists()

    @pytest.mark.parametrize("given", ["", "\n", "  \n"])
    def test_a_missing_key_is_wrong_usage(self, cli: Invoke, given: str) -> None:
        result = cli("login", input=given)

        assert (result.exit_code, result.stderr) == (2, "Error: no key was given on standard input.\n")

    @pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "marked"])
    def test_files_of_windows_are_read(self, cli: Invoke, sandbox: Sandbox, file: Path, mark: str) -> None:
        result = cli("login", "--base-url", sandbox.base_url, input=f"{mark}{sandbox.server_key}\r\n")
        assert result.exit_code == 0, result.output
        file.write_bytes(f"{mark}{file.read_text()}".replace("\n", "\r\n").encode())

        assert whoami(cli)["base_url"] == sandbox.base_url

    @pytest.mark.parametrize("given", ["sk_é".encode("latin-1"), "sk_x".encode("utf-16"), b"sk_\0x"])
    def test_a_key_in_another_encoding_is_rejected(self, cli: Invoke, given: bytes) -> None:
        result = cli("login", input=given)

        assert result.exit_code == ExitCode.USAGE
        assert "characters outside of ASCII" in result.stderr

    def test_an_empty_base_url_does_not_mean_the_public_one(self, cli: Invoke, file: Path) -> None:
        result = cli("login", "--base-url", "", input="sk_x")

        assert result.exit_code == ExitCode.USAGE
        assert "the base URL '' must start with https://" in result.stderr
        assert not file.exists()

    def test_a_closed_standard_input_is_reported(self, cli: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
        def readline(*_: object) -> bytes:
            raise OSError(errno.EBADF, "Bad file descriptor")

        monkeypatch.setattr(
            import_module(LOGIN),
            "sys",
            SimpleNamespace(
                stdin=SimpleNamespace(
                    buffer=SimpleNamespace(readline=readline), closed=False, isatty=lambda: False
                )
            ),
        )

        result = cli("login")

        assert (result.exit_code, result.stderr) == (
            2,
            "Error: the key cannot be read: standard input is closed.\n",
        )

    @pytest.mark.parametrize(
        ("ended_by", "code"), [(KeyboardInterrupt, 130), (EOFError, 2)], ids=["Ctrl-C", "Ctrl-D"]
    )
    def test_a_prompt_ends_as_commands_do(
        self, cli: Invoke, monkeypatch: pytest.MonkeyPatch, ended_by: type[BaseException], code: int
    ) -> None:
        def prompt(_: str) -> str:
            raise ended_by

        monkeypatch.setattr(import_module(LOGIN), "is_terminal", lambda _: True)
        monkeypatch.setattr("getpass.getpass", prompt)

        assert cli("login").exit_code == code

    def test_a_client_key_can_be_stored(self, cli: Invoke, sandbox: Sandbox) -> None:
        assert cli("login", "--base-url", sandbox.base_url, input=sandbox.client_key).exit_code == 0
        assert whoami(cli)["credential"] == "client key"

    def test_a_session_token_is_stored_with_its_environment(self, cli: Invoke, sandbox: Sandbox) -> None:
        arguments = ("--base-url", sandbox.base_url, "--environment", str(sandbox.environment_id))

        assert cli("login", *arguments, input=sandbox.session_token).exit_code == 0
        assert whoami(cli)["environment_id"] == str(sandbox.environment_id)

    def test_variables_take_precedence_over_the_default_profile(
        self, signed_in: Invoke, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("IMGWIRE_API_KEY", "sk_of_another_service")
        monkeypatch.setenv("IMGWIRE_API_BASE_URL", sandbox.base_url)
        monkeypatch.setenv("IMGWIRE_PROFILE", "default")

        assert signed_in("ls", "--json").exit_code == ExitCode.REFUSED
        assert signed_in("ls", "--profile", "default").exit_code == 0

    @pytest.mark.parametrize("name", ["IMGWIRE_API_BASE_URL", "IMGWIRE_ENVIRONMENT_ID"])
    def test_a_variable_beside_the_key_is_not_mixed_with_a_profile(
        self, signed_in: Invoke, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setenv(name, "http://127.0.0.1:9")

        result = signed_in("ls")

        assert (result.exit_code, result.stderr) == (
            2,
            "Error: no API key: set the environment variable IMGWIRE_API_KEY\n",
        )

    def test_several_profiles_are_chosen_by_option_or_variable(
        self, signed_in: Invoke, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        arguments = ("login", "--profile", "work", "--base-url", sandbox.base_url)
        assert signed_in(*arguments, input=sandbox.client_key).exit_code == 0

        assert whoami(signed_in)["credential"] == "server key"
        assert whoami(signed_in, "--profile", "work")["credential"] == "client key"
        monkeypatch.setenv("IMGWIRE_PROFILE", "work")
        assert whoami(signed_in)["profile"] == "work"

    def test_an_unknown_profile_is_an_error_that_names_the_known_ones(
        self, signed_in: Invoke, file: Path
    ) -> None:
        result = signed_in("ls", "--profile", "wrok")

        advice = "run imgwire-async login --profile wrok"
        assert result.stderr == f"Error: no profile 'wrok' in {file}; there are: default; {advice}\n"
        assert result.exit_code == ExitCode.USAGE

    @pytest.mark.parametrize("name", ["", "a b", "../x", "[x]", "-x", "ä", "x\n"])
    def test_the_name_of_a_profile_must_be_plain(self, cli: Invoke, name: str) -> None:
        result = cli("login", f"--profile={name}", input="sk_x")

        assert result.exit_code == ExitCode.USAGE, result.output

    @pytest.mark.parametrize(
        ("command", "variable", "login", "local"),
        [
            ("ls", "IMGWIRE_API_KEY", "imgwire-async login", "imgwire-async sandbox"),
            ("imgix sources ls", "IMGIX_API_KEY", "imgwire-async imgix login", "imgwire-async sandbox imgix"),
        ],
        ids=["imgwire", "imgix"],
    )
    def test_without_any_configuration_the_message_names_all_ways_to_begin(
        self, cli: Invoke, command: str, variable: str, login: str, local: str
    ) -> None:
        result = cli(*command.split())

        assert result.exit_code == ExitCode.USAGE
        assert result.stderr == (
            f"Error: no API key: set the environment variable {variable}, or run {login}; to try without an "
            f"account, run {local}\n"
        )

    def test_the_error_for_a_rejected_key_names_the_profile(self, signed_in: Invoke, file: Path) -> None:
        text = file.read_text()
        key = text.partition("api_key = ")[2].split()[0]
        file.write_text(text.replace(key, "sk_old"))

        result = signed_in("ls")

        assert result.exit_code == ExitCode.REFUSED
        assert "check that the key of profile 'default' is a valid key" in result.stderr

    @pytest.mark.parametrize(
        "content",
        [b"no section = sk_secret\n", b"[x imgwire\nsk_secret", b"\xff\xfe", b"[a]\nb=1\n[a]\nb=1\n"],
    )
    def test_the_error_for_a_damaged_file_shows_none_of_its_content(
        self, cli: Invoke, file: Path, content: bytes
    ) -> None:
        file.parent.mkdir()
        file.write_bytes(content)

        result = cli("ls")

        assert result.exit_code == ExitCode.USAGE
        assert f"cannot read the profiles in {file}" in result.stderr
        assert "sk_secret" not in result.output

    def test_the_error_for_a_file_that_cannot_be_written_names_it(
        self, cli: Invoke, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(profiles.FILE_VARIABLE, "/dev/null/profiles.ini")

        result = cli("login", "--base-url", sandbox.base_url, input=sandbox.server_key)

        assert result.exit_code == ExitCode.USAGE
        assert "/dev/null/profiles.ini" in result.stderr

    def test_a_file_that_is_not_regular_is_left_unchanged(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file.parent.mkdir()
        file.touch()
        before = file.stat()
        monkeypatch.setattr(Path, "is_file", lambda _: False)  # like a device, which only root can create

        with pytest.raises(ConfigurationError, match="it is not a regular file"):
            profiles.store(profiles.Profile("x", "imgwire", Secret("sk_x")))

        assert file.stat().st_ino == before.st_ino

    @pytest.mark.parametrize("umask", [0o000, 0o777], ids=oct)
    def test_the_mode_of_the_file_does_not_depend_on_the_umask(self, file: Path, umask: int) -> None:
        file.parent.mkdir()
        before = os.umask(umask)
        try:
            profiles.store(profiles.Profile("x", "imgwire", Secret("sk_x")))
        finally:
            os.umask(before)

        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_commands_that_change_the_file_take_turns(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        turns = []
        write = profiles._write

        def observed(path: Path, *arguments: Any) -> None:
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                with pytest.raises(BlockingIOError):
                    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            finally:
                os.close(folder)
            turns.append(path)
            write(path, *arguments)

        monkeypatch.setattr(profiles, "_write", observed)
        profiles.store(profiles.Profile("x", "imgwire", Secret("sk_x")))
        profiles.remove("x", "imgwire")

        assert turns == [file, file]

    def test_logout_removes_the_profile_and_its_key(
        self, signed_in: Invoke, sandbox: Sandbox, file: Path
    ) -> None:
        assert signed_in("logout").stdout == "Removed the profile 'default' and its key.\n"
        assert sandbox.server_key not in file.read_text()
        assert signed_in("logout").exit_code == ExitCode.USAGE

    def test_percent_signs_and_other_marks_of_a_key_are_kept(self) -> None:
        key = Secret("sk_%(x)s;#=:'\"%")
        profiles.store(profiles.Profile("x", "imgwire", key))

        found = profiles.load("x", "imgwire")

        assert found is not None
        assert found.api_key.reveal() == key.reveal()
        assert key.reveal() not in repr(found)

    def test_profiles_of_the_two_services_are_separate(self, signed_in: Invoke) -> None:
        with ImgixSandbox() as imgix:
            result = signed_in("imgix", "login", "--base-url", imgix.base_url, input=imgix.api_key)
            assert result.exit_code == 0, result.output
            assert signed_in("imgix", "sources", "ls", "--json").exit_code == 0

        assert whoami(signed_in)["profile"] == "default"
        assert signed_in("imgix", "logout").exit_code == 0
        assert profiles.names("imgwire") == ["default"]
        assert profiles.names("imgix") == []
