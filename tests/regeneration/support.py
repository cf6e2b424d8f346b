"""Small documents, and ways to change the real one."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OPENAPI = ROOT / "openapi.json"
VENDOR_DOCUMENTS = sorted((ROOT.parent / "shared" / "vendor").glob("imgwire-openapi-*.json"))
"""Not part of the project: available only on some machines of its developers."""

Document = dict[str, Any]
SCHEMAS = "#/components/schemas/"


def real_document() -> Document:
    document: Document = json.loads(OPENAPI.read_text("utf-8"))
    return document


def older_document() -> Document:
    """The document before the additions listed in section 14 of its history."""
    document = real_document()
    del document["paths"]["/api/v1/images/upload_via_url"]
    schemas = document["components"]["schemas"]
    del schemas["UploadViaUrlCreateSchema"]
    for name in ("can_upload", "is_directly_deliverable"):
        del schemas["ImageSchema"]["properties"][name]
        schemas["ImageSchema"]["required"].remove(name)
    types = {"image/jpeg", "image/png", "image/webp", "image/avif", "image/gif"}
    schemas["SupportedMimeType"]["enum"] = [
        name for name in schemas["SupportedMimeType"]["enum"] if name in types
    ]
    return document


def operation(group: str = "images", method: str = "list", **changes: Any) -> Document:
    return {
        "operationId": f"{group}_{method}_raw",
        "x-codegen-sdk-group-name": group,
        "x-codegen-sdk-method-name": method,
        "x-codegen-sdk-auth": "server_key",
        "responses": {
            "200": {"description": "", "content": {"application/json": {"schema": {"type": "object"}}}}
        },
        **changes,
    }


def document(paths: Document | None = None, schemas: Document | None = None, **changes: Any) -> Document:
    return {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {"/api/v1/images/": {"get": operation()}} if paths is None else paths,
        "components": {"schemas": schemas or {}},
        **changes,
    }


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def changed(value: Document, path: str, new: Any) -> Document:
    """A copy with another value at a path of keys, separated by spaces; None removes the value."""
    result = copy.deepcopy(value)
    node = result
    *parents, last = path.split(" ")
    for key in parents:
        node = node[key]
    if new is None:
        del node[last]
    else:
        node[last] = new
    return result


def fingerprint(root: Path) -> dict[str, str]:
    """A hash for each file that regeneration may write."""
    files = [
        root / "openapi.json",
        root / "scripts" / "contracts" / "imgix" / "openapi.json",
        *(root / "imgwire_async").glob("*/lowlevel/**/*.*"),
    ]
    return {
        str(file.relative_to(root)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.is_file() and "__pycache__" not in file.parts
    }
