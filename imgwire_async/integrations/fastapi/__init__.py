"""Imgwire and imgix in a FastAPI or Starlette application (extra: `fastapi`).

```python
app = FastAPI(lifespan=imgwire_lifespan())
app.add_middleware(CancelOnDisconnect)
add_error_handlers(app)


@app.get("/images/{image_id}")
async def show(image_id: UUID, imgwire: ImgwireDep) -> dict[str, str]:
    image = await imgwire.images.retrieve(image_id)
    return {"url": image.url(preset="medium")}
```

`imgix_lifespan` and `ImgixDep` do the same for imgix.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

try:
    from imgwire_async.integrations.fastapi.clients import ImgwireDep, get_imgwire, imgwire_lifespan
    from imgwire_async.integrations.fastapi.disconnects import CancelOnDisconnect
    from imgwire_async.integrations.fastapi.errors import add_error_handlers, error_response
    from imgwire_async.integrations.fastapi.limits import LimitBodySize
    from imgwire_async.integrations.fastapi.tokens import upload_token_router
    from imgwire_async.integrations.fastapi.uploads import upload_body, upload_form_file
except ModuleNotFoundError as error:
    if (error.name or "").startswith("imgwire_async"):
        raise
    raise ModuleNotFoundError(
        "the FastAPI integration needs its extra: pip install 'imgwire-async[fastapi]'", name=error.name
    ) from error

if TYPE_CHECKING:
    from imgwire_async.integrations.fastapi.imgix import ImgixDep, get_imgix, imgix_lifespan

__all__ = [
    "CancelOnDisconnect",
    "ImgixDep",
    "ImgwireDep",
    "LimitBodySize",
    "add_error_handlers",
    "error_response",
    "get_imgix",
    "get_imgwire",
    "imgix_lifespan",
    "imgwire_lifespan",
    "upload_body",
    "upload_form_file",
    "upload_token_router",
]


def __getattr__(name: str) -> object:
    # An application without imgix does not load its client.
    if name in {"ImgixDep", "get_imgix", "imgix_lifespan"}:
        value: object = getattr(importlib.import_module(f"{__name__}.imgix"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
