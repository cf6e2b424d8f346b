"""Endpoint functions of one resource."""

from .upload_sessions_cancel import upload_sessions_cancel
from .upload_sessions_close import upload_sessions_close
from .upload_sessions_create import upload_sessions_create
from .upload_sessions_status import upload_sessions_status

__all__ = (
    "upload_sessions_cancel",
    "upload_sessions_close",
    "upload_sessions_create",
    "upload_sessions_status",
)
