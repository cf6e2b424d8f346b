"""Files that are uploaded with a form, without JavaScript."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from starlette.datastructures import UploadFile
from starlette.requests import Request

from imgwire_async.sandbox.server.pages.shelf import PageError, Shelf, Upload
from imgwire_async.sandbox.server.requests.bodies import BLOCK_BYTES, BodyTooLargeError, write_to_file
from imgwire_async.sandbox.server.runtime import ServerRuntime

MAXIMUM_FORM_BYTES: Final = 1024 * 1024 * 1024
"""Maximum size of all files of one form."""
_MAXIMUM_FILES: Final = 1000
_SETTLING_SECONDS: Final = 2.0
"""How long the page after an upload may wait for images to be processed."""


async def keep_files(request: Request, runtime: ServerRuntime, shelf: Shelf) -> tuple[int, list[str]]:
    """Store the files of a form.

    Returns:
        How many were stored, and a sentence for each of the others.

    Raises:
        PageError: the form is too long, or contains no file.
    """
    length = request.headers.get("content-length", "")
    if not length.isdigit():
        raise PageError(411, "The form must declare its length.")
    if int(length) > MAXIMUM_FORM_BYTES:
        raise PageError(413, f"All files together may have at most {MAXIMUM_FORM_BYTES:,} bytes.")
    stored, problems = 0, []
    async with request.form(max_files=_MAXIMUM_FILES) as form:
        target = form.get("target", "")
        for file in form.getlist("files"):
            if not isinstance(file, UploadFile) or not file.filename:
                continue  # what browsers send if none was chosen
            try:
                await _keep(file, runtime, shelf, target if isinstance(target, str) else "")
            except PageError as error:
                problems.append(f"{file.filename}: {error.sentence}")
            else:
                stored += 1
    if not stored and not problems:
        raise PageError(422, "Choose at least one file.")
    for _ in range(int(_SETTLING_SECONDS / 0.05)):
        if await shelf.settled():
            break
        await asyncio.sleep(0.05)
    return stored, problems


async def _keep(file: UploadFile, runtime: ServerRuntime, shelf: Shelf, target: str) -> None:
    path = runtime.files.incoming_file()
    try:
        size, sha256 = await write_to_file(_chunks(file), path, shelf.maximum_upload_bytes)
        if not size:
            raise PageError(422, "The file is empty.")
        await shelf.keep(
            Upload(
                name=file.filename or "",
                media_type=file.content_type,
                path=path,
                size=size,
                sha256=sha256,
                target=target,
            )
        )
    except BodyTooLargeError:
        raise PageError(413, f"The file exceeds {shelf.maximum_upload_bytes:,} bytes.") from None
    finally:
        path.unlink(missing_ok=True)


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(BLOCK_BYTES):
        yield chunk
