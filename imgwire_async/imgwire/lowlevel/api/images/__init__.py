"""Endpoint functions of one resource."""

from .images_bulk_delete import images_bulk_delete
from .images_create import images_create
from .images_create_bulk_download_job import images_create_bulk_download_job
from .images_create_upload_token import images_create_upload_token
from .images_delete import images_delete
from .images_list import images_list
from .images_retrieve import images_retrieve
from .images_retrieve_bulk_download_job import images_retrieve_bulk_download_job
from .images_upload_via_url import images_upload_via_url

__all__ = (
    "images_bulk_delete",
    "images_create",
    "images_create_bulk_download_job",
    "images_create_upload_token",
    "images_delete",
    "images_list",
    "images_retrieve",
    "images_retrieve_bulk_download_job",
    "images_upload_via_url",
)
