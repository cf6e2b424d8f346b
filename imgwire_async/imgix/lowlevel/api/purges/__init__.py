"""Endpoint functions of one resource."""

from .purges_create import purges_create

__all__ = ("purges_create",)
