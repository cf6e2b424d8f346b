"""Errors of uploads and downloads outside of the API itself."""

from __future__ import annotations

from typing import Unpack

from imgwire_async.errors.base import CallContext, ImgwireError


class UploadError(ImgwireError):
    """An image could not be sent or used, for a reason outside the API call itself."""


class UploadSourceError(UploadError, ValueError):
    """The source cannot be read, is empty, or is of an unsupported type. Nothing was sent."""


class UnsupportedImageTypeError(UploadError, ValueError):
    """Neither content nor name shows a type that the service stores. Nothing was sent."""


class SourceChangedError(UploadError):
    """The source gave more or fewer bytes than declared, as when a file is still being written."""


class UploadRejectedError(UploadError):
    """The object store rejected the bytes.

    Attributes:
        status: HTTP status of the store's response.
    """

    def __init__(self, message: str = "", *, status: int = 0, **context: Unpack[CallContext]) -> None:
        super().__init__(message, **context)
        self.status = status


class UploadVerificationError(UploadError):
    """The size or hash in an image's record differs from what was sent.

    Attributes:
        image_id: Id of the record, as text.
    """

    def __init__(self, message: str = "", *, image_id: str = "", **context: Unpack[CallContext]) -> None:
        super().__init__(message, **context)
        self.image_id = image_id


class ImageQuarantinedError(UploadError):
    """The service could not process the image.

    Its source could not be fetched, or the data is damaged, too large or not of the declared type. The
    service gives no reason; the meaning of `QUARANTINE` is undocumented.

    Attributes:
        image_id: Id of the record, as text.
    """

    def __init__(self, message: str = "", *, image_id: str = "", **context: Unpack[CallContext]) -> None:
        super().__init__(message, **context)
        self.image_id = image_id


class DownloadError(ImgwireError):
    """An image or archive could not be fetched or stored, for a reason outside the API call itself."""


class BulkDownloadFailedError(DownloadError):
    """The job of a bulk download ended as `FAILED`: there is no archive. The service gives no reason.

    Attributes:
        job_id: Id of the job, as text.
    """

    def __init__(self, message: str = "", *, job_id: str = "", **context: Unpack[CallContext]) -> None:
        super().__init__(message, **context)
        self.job_id = job_id


class DownloadRejectedError(DownloadError):
    """The file's host responded with an error status, or with a redirect that is not followed.

    Attributes:
        status: HTTP status of the response.
    """

    def __init__(self, message: str = "", *, status: int = 0, **context: Unpack[CallContext]) -> None:
        super().__init__(message, **context)
        self.status = status


class DownloadVerificationError(DownloadError):
    """The size or hash of the downloaded file differs from the image's record.

    Attributes:
        image_id: Id of the record, as text.
    """

    def __init__(self, message: str = "", *, image_id: str = "", **context: Unpack[CallContext]) -> None:
        super().__init__(message, **context)
        self.image_id = image_id


class DownloadInterruptedError(DownloadError):
    """A transfer broke and cannot be resumed, and some of the bytes have already been delivered."""


class DownloadTargetError(DownloadError):
    """The target cannot be written: it exists, its folder does not exist, or the disk is full.

    Attributes:
        errno: Number of the operating system's error, such as `errno.ENOSPC`, or None.
    """

    def __init__(
        self, message: str = "", *, errno: int | None = None, **context: Unpack[CallContext]
    ) -> None:
        super().__init__(message, **context)
        self.errno = errno


class ArchiveError(DownloadError):
    """The archive is damaged, or contains entries that must not be extracted. Nothing was kept.

    Attributes:
        entry: Name of the entry that was rejected, as the archive spells it, or None.
    """

    def __init__(
        self, message: str = "", *, entry: str | None = None, **context: Unpack[CallContext]
    ) -> None:
        super().__init__(message, **context)
        self.entry = entry
