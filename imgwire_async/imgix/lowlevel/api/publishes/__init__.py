"""Endpoint functions of one resource."""

from .publishes_create import publishes_create

__all__ = ("publishes_create",)
