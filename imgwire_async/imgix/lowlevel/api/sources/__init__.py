"""Endpoint functions of one resource."""

from .sources_create import sources_create
from .sources_list import sources_list
from .sources_retrieve import sources_retrieve
from .sources_update import sources_update

__all__ = ("sources_create", "sources_list", "sources_retrieve", "sources_update")
