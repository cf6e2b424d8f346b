"""From a contract to the finished tree: openapi-python-client with our templates, then ruff."""

from __future__ import annotations

import ast
import contextlib
import copy
import io
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from regeneration.checks.features import wrapped
from regeneration.checks.leftovers import is_ignored
from regeneration.contract.document import Json, Node, RegenerationError, operations, pointer, prune, resolve
from regeneration.contract.naming import name_parameter
from regeneration.contract.normalisation import ENVIRONMENT_REFERENCE
from regeneration.contract.operations import RAW_BODY, OperationFacts, body_content, facts_of, is_raw
from regeneration.profiles import Profile

GENERATOR_VERSION = "0.29.1"
"""The templates rest on internals of the generator, which its own versioning does not cover."""

_KEPT = {"__init__.py", "types.py", "operations.py", "models", "api"}


def generate(document: Node, destination: Path, profile: Profile, *, root: Path) -> None:
    """Write the tree for a document of the pipeline.

    Args:
        document: the contract.
        destination: folder to create.
        profile: the service.
        root: the checkout, where configuration and templates are.

    Raises:
        RegenerationError: the generator warned, something cannot be expressed, or an operation got lost.
    """
    _check_generator()
    facts = facts_of(document, profile)
    _run_generator(generator_input(document, profile), facts, destination, profile, root)
    for entry in destination.iterdir():
        if entry.name not in _KEPT:
            entry.unlink()
    check_complete(destination, facts)
    _format(destination)
    _check_importable(destination, root)


def generator_input(document: Node, profile: Profile) -> Node:
    """The document without what the core deals with: the environment header and every error response.

    Bodies of bytes become a mark, media types plain JSON, and query parameters get Python names.

    Raises:
        RegenerationError: a parameter or response is of a kind that no generated function could handle.
    """
    result = copy.deepcopy(document)
    for path, method, operation in operations(result):
        place = pointer("paths", path, method)
        kept = []
        for parameter in operation.get("parameters", []):
            if parameter.get("$ref") == ENVIRONMENT_REFERENCE:
                continue
            target = resolve(result, parameter, place)
            if is_ignored(target):
                continue
            if target["in"] in {"header", "cookie"}:
                raise RegenerationError(
                    f"{place}: the {target['in']} parameter {target['name']!r} is not supported"
                )
            kept.append(name_parameter(target))
        operation["parameters"] = kept
        operation["responses"] = {
            status: response for status, response in operation["responses"].items() if status.startswith("2")
        }
        for status, response in operation["responses"].items():
            content = response.pop("content", {})
            if content and profile.media_type not in content:
                raise RegenerationError(
                    f"{place}/responses/{status}: only {profile.media_type} is supported, "
                    f"not {', '.join(content)}"
                )
            if content:
                # The client asks for this one, so others are never sent to it.
                response["content"] = {"application/json": content[profile.media_type]}
        _replace_body(result, operation, place, profile)
    _unwrap(result)
    prune(result)
    _name_members(result)
    _remove_defaults(result)
    return result


def _replace_body(document: Node, operation: Node, place: str, profile: Profile) -> None:
    content = body_content(document, operation, place, profile.media_type)
    if is_raw(content):
        del operation["requestBody"]
        operation[RAW_BODY] = True
    elif content is not None:
        body = copy.deepcopy(resolve(document, operation["requestBody"], place))
        operation["requestBody"] = {**body, "content": {"application/json": content[profile.media_type]}}


def _unwrap(node: Json) -> None:
    """Put the part of an `allOf` that has only one in its place; the generator takes it for an object."""
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        while isinstance(node[key], dict) and (part := wrapped(node[key])) is not None:
            node[key] = copy.deepcopy(part)
        if isinstance(value, dict | list):
            _unwrap(node[key])


def _remove_defaults(node: Json, *, names: bool = False) -> None:
    """The templates only use the defaults of constants, and the generator is particular about the others."""
    if isinstance(node, dict):
        if not names and ("const" not in node or node["const"] != node.get("default")):
            node.pop("default", None)
        for key, value in node.items():
            _remove_defaults(value, names=key == "properties" and not names)
    elif isinstance(node, list):
        for value in node:
            _remove_defaults(value)


def _name_members(node: Json) -> None:
    """Give the members of enumerations names from which `text.members` gets their values back.

    The generator drops control characters from the values and escapes quotes; and from values it would make
    names itself, and silently drop a member whose name is taken.
    """
    if isinstance(node, dict):
        if isinstance(node.get("enum"), list):
            node["x-enum-varnames"] = [member_name(value) for value in node["enum"] if value is not None]
        for value in node.values():
            _name_members(value)
    elif isinstance(node, list):
        for value in node:
            _name_members(value)


def member_name(value: Json) -> str:
    """A name for a member of an enumeration that spells its value in hexadecimal digits."""
    return f"M{str(value).encode('utf-8', 'surrogatepass').hex()}"


def _check_generator() -> None:
    try:
        installed = version("openapi-python-client")
    except PackageNotFoundError:
        installed = "none"
    if installed != GENERATOR_VERSION:
        raise RegenerationError(
            f"openapi-python-client {GENERATOR_VERSION} is needed, installed is {installed}: "
            "install the project with its `dev` extra"
        )


def _run_generator(
    document: Node, facts: list[OperationFacts], destination: Path, profile: Profile, root: Path
) -> None:
    # Imported here so that --help and the refusals do not pay for it.
    from openapi_python_client import Project
    from openapi_python_client.config import Config, ConfigFile, MetaType
    from openapi_python_client.parser import GeneratorData
    from openapi_python_client.parser.errors import GeneratorError

    from regeneration.contract import naming
    from regeneration.output import rendering, text, values

    config = Config.from_sources(
        ConfigFile.load_from_path(root / profile.generator_config),
        MetaType.NONE,
        document_source=root / profile.document,
        file_encoding="utf-8",
        overwrite=False,
        output_path=destination,
    )
    naming.check_class_names(document, config)
    parsed = GeneratorData.from_dict(json.loads(json.dumps(document)), config=config)
    if isinstance(parsed, GeneratorError):
        raise RegenerationError(_told(parsed))
    warnings = [
        *parsed.errors,
        *(error for group in parsed.endpoint_collections_by_tag.values() for error in group.parse_errors),
    ]
    if warnings:
        raise RegenerationError(_first(warnings))
    models = parsed.models
    parsed.models = [model for model in models if not values.is_map(model)]
    project = Project(openapi=parsed, config=config, custom_template_path=root / "scripts" / "templates")
    renderer = rendering.Renderer(document, facts, models, parsed.enums, config, profile.mixins)
    for model in parsed.models:
        renderer.model_view(model)  # gathers the named maps, which the templates print early
    project.env.globals.update(
        describe=renderer.describe,
        docstring=text.docstring,
        endpoint_view=renderer.endpoint_view,
        literal=text.literal,
        map_names=sorted(renderer.maps),
        map_imports=sorted(renderer.map_imports),
        maps=dict(sorted(renderer.maps.items())),
        members=text.members,
        model_names=sorted(str(item.class_info.name) for item in [*parsed.models, *parsed.enums]),
        model_view=renderer.model_view,
        operations=facts,
        profile=profile,
        types_names=naming.TYPES_NAMES,
    )
    with contextlib.redirect_stdout(io.StringIO()):
        errors = project.build()
    if errors:
        raise RegenerationError(_first(errors))
    (destination / "operations.py").write_text(
        project.env.get_template("operations.py.jinja").render(), "utf-8"
    )
    if renderer.maps:
        (destination / "models" / "maps.py").write_text(
            project.env.get_template("maps.py.jinja").render(), "utf-8"
        )


def _first(errors: Sequence[object]) -> str:
    """What the first error says; the others mostly follow from it."""
    return _told(errors[0])


def _told(error: object) -> str:
    said = f"{getattr(error, 'header', '')} {getattr(error, 'detail', '')}".strip()
    said = said.partition("\n\n")[0].removeprefix("WARNING parsing ")
    said = re.sub(r"<openapi_python_client\.\S+ object at \w+>", "…", " ".join(said.split()))
    operation = re.search(r"^([A-Z]+) (/\S*) within \S+\. Endpoint will not be generated\. (.+)", said)
    if operation is not None:
        place = pointer("paths", operation[2], operation[1].lower())
        return f"{place}: the generator cannot express this: {operation[3]}"
    schema = re.search(r"schema (/components/\S+?):? (.+)", said)
    if schema is not None:
        return f"{schema[1]}: the generator cannot express this: {schema[2]}"
    return f"the generator cannot express this: {said}"


def check_complete(tree: Path, facts: list[OperationFacts]) -> None:
    """Reject a tree in which an operation has no module or no function; the generator drops them silently.

    Raises:
        RegenerationError: naming every operation that is missing.
    """
    missing = []
    for fact in facts:
        module = tree / "api" / fact.package / f"{fact.function}.py"
        functions = set()
        if module.is_file():
            try:
                body = ast.parse(module.read_text("utf-8")).body
            except SyntaxError as error:
                problem = f"the generated module is not Python ({error.msg}, line {error.lineno})"
                raise RegenerationError(
                    f"{pointer('paths', fact.path, fact.method.lower())}: {problem}"
                ) from error
            functions = {node.name for node in body if isinstance(node, ast.AsyncFunctionDef)}
        if fact.function not in functions:
            missing.append(f"{fact.name} ({fact.method} {fact.path})")
    if missing:
        raise RegenerationError(f"operations without a generated function: {', '.join(missing)}")
    named = [
        str(file.relative_to(tree))
        for file in sorted(tree.rglob("*.py"))
        if "httpx" in file.read_text("utf-8")
    ]
    if named:
        raise RegenerationError(f"generated code must not know httpx: {', '.join(named)}")


def _format(tree: Path) -> None:
    """Remove unused imports, sort the rest and format, with the ruff that is installed beside this Python."""
    # Isolated, so that the result does not depend on where the temporary folder is.
    options = ["--isolated", "--no-cache", "--quiet"]
    lines = ["--config", "line-length=110", "--config", "target-version='py311'"]
    imports = ["--select", "F401,I", "--fix", "--config", "lint.isort.known-first-party=['imgwire_async']"]
    imports += ["--config", "lint.isort.split-on-trailing-comma=false"]
    for command in (["check", *imports], ["format", "--config", "format.skip-magic-trailing-comma=true"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *options, *lines, tree.name],
            cwd=tree.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RegenerationError(
                f"ruff {command[0]} failed on the generated tree:\n{done.stdout}{done.stderr}"
            )


_IMPORT_ALL = """
import importlib, sys, types
package = types.ModuleType("imgwire_async")  # without its __init__, which imports the old tree
package.__path__ = [sys.argv[1]]
sys.modules["imgwire_async"] = package
for name in sys.argv[2:]:
    importlib.import_module(name)
"""


def _check_importable(tree: Path, root: Path) -> None:
    """Import every module of the tree in a fresh interpreter."""
    modules = [
        ".".join(file.relative_to(tree.parent).with_suffix("").parts).removesuffix(".__init__")
        for file in sorted(tree.rglob("*.py"))
    ]
    done = subprocess.run(
        [sys.executable, "-B", "-c", _IMPORT_ALL, str(root / "imgwire_async"), *modules],
        cwd=tree.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RegenerationError(f"the generated tree cannot be imported:\n{done.stderr}")
