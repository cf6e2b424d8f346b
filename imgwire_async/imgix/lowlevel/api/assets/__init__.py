"""Endpoint functions of one resource."""

from .assets_add import assets_add
from .assets_list import assets_list
from .assets_refresh import assets_refresh
from .assets_retrieve import assets_retrieve
from .assets_update import assets_update
from .assets_upload import assets_upload

__all__ = ("assets_add", "assets_list", "assets_refresh", "assets_retrieve", "assets_update", "assets_upload")
