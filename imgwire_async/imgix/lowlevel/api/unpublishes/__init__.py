"""Endpoint functions of one resource."""

from .unpublishes_create import unpublishes_create

__all__ = ("unpublishes_create",)
