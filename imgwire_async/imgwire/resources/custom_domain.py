"""`client.custom_domain`: deliver images from a host name of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgwire_async.core.call import Core
from imgwire_async.imgwire.lowlevel.api import custom_domain as api
from imgwire_async.imgwire.lowlevel.models import CustomDomain as CustomDomainRecord
from imgwire_async.imgwire.lowlevel.models import CustomDomainCreate

if TYPE_CHECKING:
    from imgwire_async.imgwire.resources.raw import CustomDomainWithRawResponse


class CustomDomain:
    """Operations on the custom domain of one environment, which has at most one.

    Creating it returns two CNAME records to publish. It can be used when `status` is CONNECTED and
    `certificate_status` is ACTIVE; `test_connection` has both checked again.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    @property
    def with_raw_response(self) -> CustomDomainWithRawResponse:
        """The same methods, whose results are whole responses: `await ….with_raw_response.…()`."""
        from imgwire_async.imgwire.resources.raw import CustomDomainWithRawResponse

        return CustomDomainWithRawResponse(self._core)

    async def create(self, hostname: str) -> CustomDomainRecord:
        """Claim a host name: a subdomain, without scheme, path or port.

        Raises:
            ConflictError: there is a domain already, or somebody else has claimed the name.
            PaymentRequiredError: the plan does not include custom domains.
            UnprocessableEntityError: `hostname` is not the name of a subdomain.
        """
        return (await api.custom_domain_create(self._core, body=CustomDomainCreate(hostname=hostname))).data

    async def retrieve(self) -> CustomDomainRecord:
        """Read the domain.

        Raises:
            NotFoundError: there is none.
        """
        return (await api.custom_domain_retrieve(self._core)).data

    async def delete(self) -> dict[str, str]:
        """Give the domain up.

        Returns:
            What the service says about it; its keys are undocumented. Empty when it says nothing, and when
            a repeat of a request whose answer was lost finds nothing left to delete.

        Raises:
            NotFoundError: there is none.
        """
        return (await api.custom_domain_delete(self._core)).data

    async def test_connection(self) -> CustomDomainRecord:
        """Have DNS and certificate checked now, and read the result.

        Raises:
            NotFoundError: there is no domain.
        """
        return (await api.custom_domain_test_connection(self._core)).data
