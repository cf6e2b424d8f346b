"""Upload tokens for browsers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field

from imgwire_async.imgwire.client import AsyncImgwireClient
from imgwire_async.integrations.fastapi.clients import get_imgwire


class UploadTokenAnswer(BaseModel):
    """The response that the vendor's frontends expect from a backend."""

    model_config = ConfigDict(populate_by_name=True)

    upload_token: Annotated[str, Field(alias="uploadToken")]


def upload_token_router(*, authorize: Callable[..., object], path: str = "/upload-token") -> APIRouter:
    """A router with one route, `POST path`, that returns `{"uploadToken": "…"}`.

    The application's client needs a server key. A token lets its holder upload one image, so `authorize`
    decides who gets one: it is an ordinary dependency that runs first, and rejects a request by raising
    `HTTPException` or returning False.

    Args:
        authorize: a dependency, sync or async.
        path: path of the route.
    """
    router = APIRouter()

    @router.post(path, response_model=UploadTokenAnswer)
    async def create_upload_token(
        response: Response,
        allowed: object = Depends(authorize),
        imgwire: AsyncImgwireClient = Depends(get_imgwire),  # noqa: B008 - how FastAPI declares it
    ) -> UploadTokenAnswer:
        if allowed is False:
            raise HTTPException(403, "You may not upload images.")
        token = await imgwire.images.create_upload_token()
        response.headers["cache-control"] = "no-store"
        return UploadTokenAnswer(upload_token=str(token.token))

    return router
