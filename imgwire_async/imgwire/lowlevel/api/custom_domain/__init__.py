"""Endpoint functions of one resource."""

from .custom_domain_create import custom_domain_create
from .custom_domain_delete import custom_domain_delete
from .custom_domain_retrieve import custom_domain_retrieve
from .custom_domain_test_connection import custom_domain_test_connection

__all__ = (
    "custom_domain_create",
    "custom_domain_delete",
    "custom_domain_retrieve",
    "custom_domain_test_connection",
)
