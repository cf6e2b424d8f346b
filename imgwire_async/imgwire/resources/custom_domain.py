"""`client.custom_domain`: deliver images from your own host name."""

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

    Creating it returns two CNAME records to publish. The domain can be used when `status` is CONNECTED and
    `certificate_status` is ACTIVE; `test_connection` checks both again.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    @property
    def with_raw_response(self) -> CustomDomainWithRawResponse:
        """The same methods, but they return the whole response: `await ….with_raw_response.…()`."""
        from imgwire_async.imgwire.resources.raw import CustomDomainWithRawResponse

        return CustomDomainWithRawResponse(self._core)

    async def create(self, hostname: str) -> CustomDomainRecord:
        """Claim a host name: a subdomain, without scheme, path or port.

        Raises:
            ConflictError: the environment already has a domain, or the name is claimed elsewhere.
            PaymentRequiredError: the plan does not include custom domains.
            UnprocessableEntityError: `hostname` is not the name of a subdomain.
        """
        return (await api.custom_domain_create(self._core, body=CustomDomainCreate(hostname=hostname))).data

    async def retrieve(self) -> CustomDomainRecord:
        """Read the domain.

        Raises:
            NotFoundError: the environment has no domain.
        """
        return (await api.custom_domain_retrieve(self._core)).data

    async def delete(self) -> dict[str, str]:
        """Remove the custom domain.

        Returns:
            The service's response; its keys are undocumented. Empty if the response is empty, or if a retry
            after a lost response finds nothing left to delete.

        Raises:
            NotFoundError: the environment has no domain.
        """
        return (await api.custom_domain_delete(self._core)).data

    async def test_connection(self) -> CustomDomainRecord:
        """Check DNS and certificate now, and return the result.

        Raises:
            NotFoundError: the environment has no domain.
        """
        return (await api.custom_domain_test_connection(self._core)).data
