"""Endpoint functions of one resource."""

from .cors_origins_create import cors_origins_create
from .cors_origins_delete import cors_origins_delete
from .cors_origins_list import cors_origins_list
from .cors_origins_retrieve import cors_origins_retrieve
from .cors_origins_update import cors_origins_update

__all__ = (
    "cors_origins_create",
    "cors_origins_delete",
    "cors_origins_list",
    "cors_origins_retrieve",
    "cors_origins_update",
)
