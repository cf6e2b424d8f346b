from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import regenerate
from regeneration.contract import overlay, selection, source
from regeneration.contract.document import Node, RegenerationError
from regeneration.output import generation, guard, swap

from tests.regeneration.support import (
    OPENAPI,
    ROOT,
    changed,
    encoded,
    fingerprint,
    older_document,
    real_document,
)


def tiny_tree(document: Node, destination: Path, *_: object, **__: object) -> None:
    """Replaces the generator in tests that do not depend on its output."""
    (destination / "models").mkdir(parents=True)
    (destination / "api").mkdir()
    (destination / "operations.py").write_text(json.dumps(sorted(document["paths"])))


def written(path: Path, value: Node) -> str:
    path.write_bytes(encoded(value))
    return str(path)


def leftovers(root: Path) -> list[str]:
    return [path.name for path in root.glob(".regenerate-*")]


def test_the_checked_in_tree_is_what_the_document_generates(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert regenerate.main(["--check"], checkout) == 0
    assert capsys.readouterr().out.startswith("imgwire:\nno change of the interface\n")


def test_check_names_the_files_that_differ_and_writes_nothing(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lowlevel = checkout / "imgwire_async" / "imgwire" / "lowlevel"
    (lowlevel / "models" / "image.py").write_text("edited = True\n")
    (lowlevel / "stray.py").write_text("")
    (lowlevel / "api" / "images" / "images_list.py").unlink()
    before = fingerprint(checkout)

    assert regenerate.main(["--check"], checkout) == 1

    differing = [line for line in capsys.readouterr().out.splitlines() if line.startswith("differs: ")]
    assert differing == [
        "differs: imgwire_async/imgwire/lowlevel/api/images/images_list.py",
        "differs: imgwire_async/imgwire/lowlevel/models/image.py",
        "differs: imgwire_async/imgwire/lowlevel/stray.py",
    ]
    assert fingerprint(checkout) == before
    assert leftovers(checkout) == []


def test_a_hand_edited_document_is_noticed(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "generate", tiny_tree)
    edited = changed(real_document(), "info title", "Mine")
    (checkout / "openapi.json").write_text(json.dumps(edited, indent=2) + "\n")

    assert regenerate.main(["--check"], checkout) == 1


def test_an_older_document_generates_an_older_client_and_the_current_one_restores_it(
    checkout: Path, tmp_path: Path
) -> None:
    current = fingerprint(checkout)
    older = written(tmp_path / "older.json", older_document())

    assert regenerate.main(["--source", older], checkout) == 3
    tree = checkout / "imgwire_async" / "imgwire" / "lowlevel"
    assert not (tree / "api" / "images" / "images_upload_via_url.py").exists()
    assert "IMAGE_HEIC" not in (tree / "models" / "supported_mime_type.py").read_text()
    assert "can_upload" not in (tree / "models" / "image.py").read_text()

    assert regenerate.main(["--source", str(OPENAPI)], checkout) == 2
    assert fingerprint(checkout) == current
    assert leftovers(checkout) == []


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("info title", "Another", 0),
        ("paths /api/v1/images/token post x-codegen-sdk-auth", "server_or_client_key", 2),
        ("components schemas ImageSchema properties new", {"type": "string"}, 2),
        ("paths /api/v1/images/token", None, 3),
    ],
)
def test_the_exit_code_shows_the_kind_of_change(
    checkout: Path, tmp_path: Path, path: str, value: object, code: int
) -> None:
    new = written(tmp_path / "new.json", changed(real_document(), path, value))
    before = fingerprint(checkout)

    assert regenerate.main(["--source", new, "--diff-only"], checkout) == code
    assert fingerprint(checkout) == before


def test_the_report_is_markdown_with_a_section_for_each_kind(checkout: Path, tmp_path: Path) -> None:
    older = written(tmp_path / "older.json", older_document())
    report = tmp_path / "report.md"

    regenerate.main(["--source", older, "--diff-only", "--report", str(report)], checkout)

    text = report.read_text()
    assert text.startswith(
        "# Changes of the Resource API\n\n## Breaking\n\n- `ImageSchema.can_upload`: field removed"
    )
    assert "- `images.upload_via_url`: operation removed" in text


def test_a_rejected_document_ends_with_one_sentence_and_exit_code_1(
    checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert regenerate.main(["--source", written(tmp_path / "a.json", {"swagger": "2.0"})], checkout) == 1
    assert capsys.readouterr().err == (
        f"regenerate: {tmp_path}/a.json is Swagger 2.0; OpenAPI 3.0 or 3.1 is needed\n"
    )


class TestAtomicity:
    STAGES: tuple[tuple[object, str], ...] = (
        (source, "read"),
        (selection, "select"),
        (overlay, "apply"),
        (generation, "generator_input"),
        (generation, "check_complete"),
        (generation, "_format"),
        (generation, "_check_importable"),
        (guard, "unreachable"),
        (swap, "differing_files"),
        (swap, "replace"),
    )

    @pytest.mark.parametrize(("module", "stage"), STAGES, ids=[stage for _, stage in STAGES])
    @pytest.mark.parametrize(
        "failure", [RegenerationError("broken"), OSError(28, "No space left"), KeyboardInterrupt()]
    )
    def test_a_failure_at_any_stage_leaves_the_old_tree(
        self,
        checkout: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        module: object,
        stage: str,
        failure: BaseException,
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise failure

        if module is not generation:
            monkeypatch.setattr(generation, "generate", tiny_tree)
        elif stage != "_format":
            monkeypatch.setattr(generation, "_format", lambda _: None)
        monkeypatch.setattr(module, stage, fail)
        older = written(tmp_path / "older.json", older_document())
        before = fingerprint(checkout)

        assert regenerate.main(["--source", older], checkout) == 1
        assert fingerprint(checkout) == before
        assert leftovers(checkout) == []

    @pytest.mark.parametrize("failing_rename", [1, 2, 3, 4])
    def test_a_failure_between_the_renames_restores_everything(
        self, checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing_rename: int
    ) -> None:
        monkeypatch.setattr(generation, "generate", tiny_tree)
        older = written(tmp_path / "older.json", older_document())
        before = fingerprint(checkout)
        rename: Callable[[Path, Path], Path] = Path.rename
        count = 0

        def failing(path: Path, target: Path) -> Path:
            nonlocal count
            count += 1
            if count == failing_rename:
                raise OSError(5, "Input/output error", str(path))
            return rename(path, target)

        monkeypatch.setattr(Path, "rename", failing)

        assert regenerate.main(["--source", older], checkout) == 1
        assert fingerprint(checkout) == before
        assert leftovers(checkout) == []

    def test_a_run_killed_between_two_renames_is_repaired_by_the_next(
        self, checkout: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        before = fingerprint(checkout)
        previous = checkout / ".regenerate-imgwire-dead" / "previous"
        previous.mkdir(parents=True)
        (checkout / "imgwire_async" / "imgwire" / "lowlevel").rename(previous / "lowlevel")

        assert regenerate.main([], checkout) == 0
        assert fingerprint(checkout) == before
        assert "note: put back lowlevel" in capsys.readouterr().out

    @pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
    def test_a_run_killed_while_it_generates_changes_nothing(
        self, checkout: Path, tmp_path: Path, how: signal.Signals
    ) -> None:
        older = written(tmp_path / "older.json", older_document())
        before = fingerprint(checkout)
        code = (
            f"import sys, pathlib; sys.path.insert(0, {str(ROOT / 'scripts')!r})\n"
            "import regenerate\n"
            f"sys.exit(regenerate.main(['--source', {older!r}], pathlib.Path({str(checkout)!r})))"
        )
        with subprocess.Popen([sys.executable, "-B", "-c", code], stderr=subprocess.PIPE) as process:
            give_up = time.monotonic() + 30
            while not list(checkout.glob(".regenerate-*/lowlevel/models")) and time.monotonic() < give_up:
                time.sleep(0.005)
            os.kill(process.pid, how)
            process.wait(30)

        assert process.returncode == (-signal.SIGKILL if how is signal.SIGKILL else 1)
        assert fingerprint(checkout) == before


class TestFacadeGuard:
    @pytest.fixture
    def facade(self, checkout: Path) -> Path:
        resources = checkout / "imgwire_async" / "imgwire" / "resources"
        resources.mkdir()
        return resources / "images.py"

    def unreachable(self, facade: Path) -> list[str]:
        package = facade.parent.parent
        found = guard.unreachable(package / "lowlevel", package)
        return [line for line in found if line.startswith("images.")]

    def test_an_operation_that_no_facade_method_calls_is_listed(self, facade: Path) -> None:
        facade.write_text("")

        assert "images.retrieve: not called by the facade" in self.unreachable(facade)

    def test_parameters_and_fields_that_no_call_passes_are_listed(self, facade: Path) -> None:
        facade.write_text(
            "def list(core): return api.images_list(core, page=1)\n"
            "def create(core): return api.images_create(core, body=StandardUploadCreate(file_name='a'))\n"
        )

        found = self.unreachable(facade)

        assert "images.list: query parameter limit is not given by the facade" in found
        assert "images.list: query parameter page is not given by the facade" not in found
        assert "images.create: field purpose of StandardUploadCreate is not given by the facade" in found
        assert (
            "images.create: field file_name of StandardUploadCreate is not given by the facade" not in found
        )

    def test_a_call_with_unpacked_arguments_may_pass_anything(self, facade: Path) -> None:
        facade.write_text("def list(core, **rest): return api.images_list(core, **rest)\n")

        assert not [line for line in self.unreachable(facade) if line.startswith("images.list:")]

    def test_what_a_new_schema_adds_is_printed(
        self,
        facade: Path,
        checkout: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        facade.write_text("")
        tree = checkout / "imgwire_async" / "imgwire" / "lowlevel"
        monkeypatch.setattr(generation, "generate", lambda *_, **__: None)
        monkeypatch.setattr(
            guard, "unreachable", lambda new, package: [f"{new.name} {package == tree.parent}"]
        )
        monkeypatch.setattr(swap, "differing_files", lambda *_: [])
        monkeypatch.setattr(regenerate, "_stale", lambda *_: [])

        regenerate.main([], checkout)

        assert "not reachable from the facade: lowlevel True" in capsys.readouterr().out
