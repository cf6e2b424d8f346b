"""Endpoint functions of one resource."""

from .reports_list import reports_list
from .reports_retrieve import reports_retrieve

__all__ = ("reports_list", "reports_retrieve")
