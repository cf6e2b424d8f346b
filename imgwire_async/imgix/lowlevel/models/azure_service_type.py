"""Which service of an Azure storage account holds the files. The set is open: the service may add
members.
"""

from ..types import OpenStrEnum


class AzureServiceType(OpenStrEnum):
    """Which service of an Azure storage account holds the files. The set is open: the service may add
    members.
    """

    BLOB = "blob"
    FILE = "file"
