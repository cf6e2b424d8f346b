"""`client.sources`: origins of files, and how they are served."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from imgwire_async.core.call import Core
from imgwire_async.core.operation import Response
from imgwire_async.core.paging import Listing
from imgwire_async.core.polling import as_wait, poll
from imgwire_async.errors import (
    DeadlineExceededError,
    DeploymentFailedError,
    InvalidArgumentError,
)
from imgwire_async.imgix.arguments import SourceId, as_id, as_source_id, unless_none
from imgwire_async.imgix.deployment import Deployment, checked_deployment
from imgwire_async.imgix.filters import (
    SOURCE_FILTERS,
    SourceFilters,
    SourceSort,
    as_arguments,
    comma_list,
    filter_query,
)
from imgwire_async.imgix.listing import by_number
from imgwire_async.imgix.lowlevel import models
from imgwire_async.imgix.lowlevel.api import sources as api
from imgwire_async.imgix.lowlevel.types import UNSET, Unset
from imgwire_async.imgix.records import Source
from imgwire_async.imgix.repeats import CalledAs, looking_first, without_secrets

if TYPE_CHECKING:
    from imgwire_async.imgix.resources.raw import SourcesWithRawResponse


class Sources:
    """Operations on the sources of an account. Sources cannot be deleted, only disabled.

    They need the permission Sources.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    @property
    def with_raw_response(self) -> SourcesWithRawResponse:
        """The same methods, but they return the whole response: `await ….with_raw_response.…()`."""
        from imgwire_async.imgix.resources.raw import SourcesWithRawResponse

        return SourcesWithRawResponse(self._core)

    def list(
        self,
        *,
        filters: SourceFilters | None = None,
        sort: SourceSort | Iterable[SourceSort] | None = None,
        fields: str | Iterable[str] | None = None,
        page: int = 0,
        limit: int | None = None,
        max_items: int | None = None,
        prefetch: int = 0,
    ) -> Listing[Source]:
        """List sources: `await` gives one `Page`, `async for` gives every source of every page.

        Args:
            filters: all of them must match.
            sort: field to sort by, or several; a leading `-` reverses the order.
            fields: attributes to return, with dots for nested ones: `deployment.custom_domains`. Default:
                all.
            page: number of the first page, counted from 0.
            limit: sources per page, from 1 to 1000; imgix's default is 20, its maximum is undocumented.
            max_items: end the iteration after this many sources.
            prefetch: how many pages an iteration fetches ahead.

        Raises:
            InvalidArgumentError: a number is out of range, or a filter is unknown.
        """
        operation = "sources.list"
        query = filter_query(filters, SOURCE_FILTERS, operation)
        ordered = comma_list(sort, "sort", operation)
        sparse = comma_list(fields, "fields", operation)

        async def fetch(number: int, size: int | None) -> Response[models.SourceList]:
            return await api.sources_list(
                self._core,
                page_number=number,
                page_size=unless_none(size),
                sort=unless_none(ordered),
                fields_sources=unless_none(sparse),
                **as_arguments(query),
            )

        return by_number(
            fetch,
            Source.of,
            operation=operation,
            page=page,
            limit=limit,
            max_items=max_items,
            prefetch=prefetch,
        )

    async def retrieve(self, source: SourceId, *, fields: str | Iterable[str] | None = None) -> Source:
        """Read one source.

        Args:
            source: the source, or its id.
            fields: attributes to return, as for `list`.

        Raises:
            InvalidArgumentError: the id is empty.
            NotFoundError: the source does not exist.
        """
        operation = "sources.retrieve"
        sparse = comma_list(fields, "fields", operation)
        response = await api.sources_retrieve(
            self._core, as_source_id(source, operation), fields_sources=unless_none(sparse)
        )
        return Source.of(response.data.data)

    async def create(self, *, name: str, deployment: Deployment, enabled: bool | None = None) -> Source:
        """Create a source and deploy it, which takes a while: see `wait_until_deployed`. 60 per hour.

        If the response is lost, the request is not simply sent again: if a source with the same name, type
        and subdomains exists by then, it is returned.

        ```python
        await imgix.sources.create(
            name="Shop",
            deployment=Deployment(
                type="webfolder", imgix_subdomains=["shop"], webfolder_base_url="https://origin.example.com/"
            ),
        )
        ```

        Args:
            name: display name.
            deployment: how it is served; must have a type, a subdomain, and the fields that the type
                requires.
            enabled: whether it serves images; imgix's default is True.

        Raises:
            InvalidArgumentError: the name is empty, or the deployment is incomplete.
            APIStatusError: with 400 or 409, a subdomain is taken: they are unique across imgix and never
                reused. `detail` has imgix's message.
        """
        operation = "sources.create"
        as_id(name, "name", operation)
        checked = checked_deployment(deployment, operation, new=True)
        body = models.SourceCreate(
            data=models.SourceCreateData(
                attributes=models.SourceCreateAttributes(
                    name=name, deployment=checked.to_send(), enabled=unless_none(enabled)
                )
            )
        )
        core = self._core.with_deadline_from_now()

        async def create() -> Source:
            return Source.of((await api.sources_create(core, body=body)).data.data)

        async def look() -> Source | None:
            return await Sources(core)._made(name, checked)  # noqa: SLF001 - an object of this class

        with without_secrets(checked):
            return await looking_first(core, create, look)

    async def _made(self, name: str, deployment: Deployment) -> Source | None:
        hosts = set(deployment.imgix_subdomains or ())
        # Looking for one of the subdomains is enough: no two sources share one.
        async for source in self.list(filters={"deployment.imgix_subdomains": min(hosts)}, limit=100):
            theirs = source.deployment
            same = source.name == name and theirs.type == deployment.type
            if same and set(theirs.imgix_subdomains or ()) == hosts:
                return source
        return None

    async def update(
        self,
        source: SourceId,
        *,
        name: str | Unset = UNSET,
        enabled: bool | Unset = UNSET,
        deployment: Deployment | Unset = UNSET,
    ) -> Source:
        """Change a source. A changed deployment is deployed at once. 60 per hour.

        A disabled source must be enabled before any other change. A changed `deployment` replaces the
        previous one as a whole, and secrets cannot be read back: pass a changed copy of the one read, with
        its secret, `dataclasses.replace(source.deployment, cache_ttl_value=3600, s3_secret_key=secret)`.

        Args:
            source: the source, or its id.
            name: display name.
            enabled: whether it serves images.
            deployment: how it is served, complete.

        Raises:
            InvalidArgumentError: no field was given, or the deployment is incomplete.
            NotFoundError: the source does not exist.
        """
        return await self._update(source, "sources.update", name=name, enabled=enabled, deployment=deployment)

    async def _update(
        self,
        source: SourceId,
        operation: str,
        *,
        name: str | Unset = UNSET,
        enabled: bool | Unset = UNSET,
        deployment: Deployment | Unset = UNSET,
    ) -> Source:
        identity = as_source_id(source, operation)
        if isinstance(name, Unset) and isinstance(enabled, Unset) and isinstance(deployment, Unset):
            raise InvalidArgumentError("pass name=, enabled= or deployment=", operation=operation)
        checked = (
            Deployment()
            if isinstance(deployment, Unset)
            else checked_deployment(deployment, operation, new=False)
        )
        body = models.SourceUpdate(
            data=models.SourceUpdateData(
                id=identity,
                attributes=models.SourceUpdateAttributes(
                    name=name,
                    enabled=enabled,
                    deployment=UNSET if isinstance(deployment, Unset) else checked.to_send(),
                ),
            )
        )
        # A response without a body leaves what is known from the request.
        caller = CalledAs(self._core, operation, if_empty=body.data.to_dict())
        with without_secrets(checked):
            return Source.of((await api.sources_update(caller, identity, body=body)).data.data)

    async def enable(self, source: SourceId) -> Source:
        """Enable a source, so that it serves images again.

        Raises:
            NotFoundError: the source does not exist.
        """
        return await self._update(source, "sources.enable", enabled=True)

    async def disable(self, source: SourceId) -> Source:
        """Disable a source; cached images may still be served. Sources cannot be deleted.

        Raises:
            NotFoundError: the source does not exist.
        """
        return await self._update(source, "sources.disable", enabled=False)

    async def wait_until_deployed(
        self,
        source: SourceId,
        *,
        after: datetime | None = None,
        timeout: float = 1800.0,  # noqa: ASYNC109
    ) -> Source:
        """Poll until a source is deployed, which can take minutes.

        Args:
            source: the source, or its id.
            after: accept only a newer deployment. imgix may start to deploy a moment after `update` has
                returned; pass the previous `date_deployed`, so that the old deployment does not count.
            timeout: seconds to wait in total.

        Raises:
            DeploymentFailedError: the source is disabled or deleted, so it will not be deployed.
            DeadlineExceededError: it was not deployed in time; the message has its last status.
            NotFoundError: the source does not exist.
        """
        operation = "sources.wait_until_deployed"
        identity = as_source_id(source, operation)
        timeout = as_wait(timeout, operation)
        status = "unknown"

        async def look() -> Source | None:
            nonlocal status
            seen = await self.retrieve(identity)
            status = seen.deployment_status or "unknown"
            if status in {"disabled", "deleted"}:
                raise DeploymentFailedError(
                    f"source {identity} is {status}, so it will not be deployed; enable it first",
                    source_id=identity,
                    operation=operation,
                )
            new = after is None or (seen.date_deployed is not None and seen.date_deployed > after)
            return seen if status == "deployed" and new else None

        found = await poll(look, seconds=timeout, shared=self._core.shared)
        if found is None:
            raise DeadlineExceededError(
                f"source {identity} was not deployed within {timeout:g} s, its last status was {status}",
                operation=operation,
            )
        return found
