"""The service: its routes, their permissions and their responses."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import (
    APIRouter,
    Cookie,
    Depends,
    FastAPI,
    Form,
    HTTPException,
    Query,
    Request,
    Response,
    UploadFile,
)
from fastapi.responses import FileResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel

from imgwire_async import Image
from imgwire_async.examples.gallery.origins import OnlyFromOwnPages
from imgwire_async.examples.gallery.sessions import COOKIE, SECONDS, Sessions
from imgwire_async.examples.gallery.settings import Settings
from imgwire_async.integrations.fastapi import (
    CancelOnDisconnect,
    ImgwireDep,
    LimitBodySize,
    add_error_handlers,
    imgwire_lifespan,
    upload_body,
    upload_form_file,
    upload_token_router,
)

PAGE = Path(__file__).with_name("page")

settings = Settings.from_environment()
sessions = Sessions(settings.password)


class Problem(BaseModel):
    """Why a request failed, for people."""

    detail: str


class Picture(BaseModel):
    """An image as the page shows it."""

    id: UUID
    status: str
    name: str
    description: str
    url: str
    problem: str | None

    @classmethod
    def of(cls, image: Image) -> Picture:
        """Convert an Imgwire image to the fields that the page shows."""
        rejected = "The file is damaged, too large, or not of the declared type."
        return cls(
            id=image.id,
            status=str(image.status),
            name=image.original_filename,
            description=str(image.custom_metadata.get("description", "")),
            url=image.url(preset="medium", format="auto"),
            problem=rejected if image.status == "QUARANTINE" else None,
        )


class Configuration(BaseModel):
    """What the page needs to upload."""

    api_url: str
    client_key: str
    max_bytes: int
    signed_in: bool


def is_signed_in(cookie: Annotated[str | None, Cookie(alias=COOKIE)] = None) -> bool:
    """Whether the caller is signed in."""
    return sessions.is_valid(cookie)


def signed_in(ok: Annotated[bool, Depends(is_signed_in)]) -> None:
    """Reject callers who are not signed in."""
    if not ok:
        raise HTTPException(401, "Sign in first.")


class SignedInRoute(APIRoute):
    """A route for signed-in users: a dependency would check only after a form has been received."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Check before the form is received."""
        handle = super().get_route_handler()

        async def ask_first(request: Request) -> Response:
            signed_in(is_signed_in(request.cookies.get(COOKIE)))
            return await handle(request)

        return ask_first


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error responses of a route, for its documentation."""
    return {status: {"model": Problem} for status in statuses}


app = FastAPI(title="Gallery", lifespan=imgwire_lifespan(freeze=True))  # your own: imgwire_lifespan(own)
app.add_middleware(CancelOnDisconnect)
app.add_middleware(LimitBodySize, max_bytes=settings.max_bytes + 65_536)  # a form is longer than its file
app.add_middleware(OnlyFromOwnPages)  # the last one sees a request first
add_error_handlers(app)
app.mount("/page", StaticFiles(directory=PAGE))
app.include_router(upload_token_router(authorize=signed_in))  # POST /upload-token
writing = APIRouter(route_class=SignedInRoute)
UPLOAD = problems(401, 403, 411, 413, 415, 422, 429, 502, 503, 504)


@app.get("/", include_in_schema=False)
async def page() -> FileResponse:
    """The page."""
    return FileResponse(PAGE / "gallery.html")


@app.get("/configuration")
async def configuration(ok: Annotated[bool, Depends(is_signed_in)]) -> Configuration:
    """Tell the page what it needs to upload."""
    return Configuration(
        api_url=settings.api_url, client_key=settings.client_key, max_bytes=settings.max_bytes, signed_in=ok
    )


@app.post("/session", status_code=204, responses=problems(401, 403))
async def sign_in(request: Request, response: Response, password: Annotated[str, Form()]) -> None:
    """Begin a session."""
    cookie = sessions.begin(password)
    if cookie is None:
        raise HTTPException(401, "Wrong password.")
    is_https = request.url.scheme == "https"
    response.set_cookie(COOKIE, cookie, SECONDS, httponly=True, samesite="strict", secure=is_https)


@app.delete("/session", status_code=204, responses=problems(403))
async def sign_out(response: Response) -> None:
    """End the session."""
    response.delete_cookie(COOKIE)


@writing.post("/images", status_code=201, responses=UPLOAD)
async def upload(
    file: UploadFile, imgwire: ImgwireDep, description: Annotated[str, Form(max_length=500)] = ""
) -> Picture:
    """Upload a file of a form, which FastAPI has put on disk."""
    metadata = {"description": description}
    image = await upload_form_file(imgwire, file, max_bytes=settings.max_bytes, custom_metadata=metadata)
    return Picture.of(image)


@writing.put("/images/{name}", status_code=201, responses=UPLOAD)
async def upload_raw(
    name: str, request: Request, imgwire: ImgwireDep, description: Annotated[str, Query(max_length=500)] = ""
) -> Picture:
    """Upload the body of the request while it arrives."""
    metadata = {"description": description}
    image = await upload_body(
        imgwire, request, max_bytes=settings.max_bytes, file_name=name, custom_metadata=metadata
    )
    return Picture.of(image)


@app.get("/images", responses=problems(429, 502, 503, 504))
async def pictures(imgwire: ImgwireDep, page: Annotated[int, Query(ge=1)] = 1) -> list[Picture]:
    """The images of a page, the latest first."""
    return [Picture.of(image) for image in (await imgwire.images.list(page=page, limit=25)).data]


@app.get("/images/{image_id}", responses=problems(404, 429, 502, 503, 504))
async def picture(image_id: UUID, imgwire: ImgwireDep) -> Picture:
    """One image, also while it is not ready yet."""
    return Picture.of(await imgwire.images.retrieve(image_id))


@writing.delete("/images/{image_id}", status_code=204, responses=problems(401, 403, 404, 429, 502))
async def delete(image_id: UUID, imgwire: ImgwireDep) -> None:
    """Delete an image for good."""
    await imgwire.images.delete(image_id)


app.include_router(writing)
