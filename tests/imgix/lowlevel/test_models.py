"""Generated imgix models: sparse, forward compatible, and without secrets in their repr."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from imgwire_async.core.operation import MisfitError
from imgwire_async.imgix.lowlevel import models
from imgwire_async.imgix.lowlevel.models import (
    AssetAttributes,
    AssetList,
    Cursor,
    Deployment,
    PageOfNumber,
    SourceAttributes,
    SourceCreateAttributes,
    SourceCreateData,
    SourceDocument,
    SourceList,
    SourceType,
    UploadSessionDocument,
)
from imgwire_async.imgix.lowlevel.types import UNSET

SECRET = "s3cr3t-value"
ATTRIBUTES: list[Any] = [
    AssetAttributes,
    Deployment,
    SourceAttributes,
    models.ReportAttributes,
    models.UploadSessionAttributes,
]


def wire_names(model: Any) -> list[str]:
    """The JSON names of all fields of the model."""
    names = [field.name for field in model.__attrs_attrs__ if field.name != "additional_properties"]
    return list(model(**{name: name for name in names}).to_dict())


class TestSparseResponses:
    def test_hold_only_what_was_requested(self) -> None:
        document = {"data": {"id": "a1", "type": "sources", "attributes": {"name": "Shop"}}}
        source = SourceDocument.from_dict(document).data

        assert isinstance(source.attributes, SourceAttributes)
        assert source.attributes.name == "Shop"
        assert source.attributes.deployment is UNSET
        assert SourceDocument.from_dict(document).to_dict() == document

    @pytest.mark.parametrize("model", ATTRIBUTES)
    def test_may_lack_every_attribute(self, model: Any) -> None:
        assert model.from_dict({}).to_dict() == {}

    @pytest.mark.parametrize("model", ATTRIBUTES)
    def test_may_have_null_for_every_attribute(self, model: Any) -> None:
        nulls = dict.fromkeys(wire_names(model))

        assert model.from_dict(nulls).to_dict() == nulls

    def test_without_data_are_not_parsed_as_a_resource(self) -> None:
        with pytest.raises(KeyError, match="data"):
            SourceDocument.from_dict({})


class TestLists:
    def test_treat_a_lone_object_as_a_list_of_one(self) -> None:
        page = SourceList.from_dict({"data": {"id": "a1", "type": "sources"}})

        assert [source.id for source in page.data] == ["a1"]

    def test_may_be_empty_or_null(self) -> None:
        assert SourceList.from_dict({"data": []}).data == []
        assert SourceList.from_dict({"data": None}).data == []

    def test_name_the_item_that_is_invalid(self) -> None:
        items = [{"id": "a1"}, {"id": 7}]
        with pytest.raises(MisfitError, match=r"SourceList.data: Source.id: expected a string"):
            SourceList.from_dict({"data": items})

    @pytest.mark.parametrize("total", ["10000", 1001, None])
    def test_by_cursor_may_count_in_digits_or_numbers(self, total: object) -> None:
        page = {"data": [], "meta": {"cursor": {"current": "0", "hasMore": False, "totalRecords": total}}}
        read = AssetList.from_dict(page)

        assert isinstance(read.meta, models.Meta)
        assert isinstance(read.meta.cursor, Cursor)
        assert read.meta.cursor.total_records == total
        assert read.to_dict() == page

    def test_may_have_their_cursor_at_the_top(self) -> None:
        page = AssetList.from_dict({"data": [], "cursor": {"next": "20", "hasMore": True}})

        assert isinstance(page.cursor, Cursor)
        assert (page.cursor.next_, page.cursor.has_more) == ("20", True)

    def test_by_number_state_their_position(self) -> None:
        pagination = {"currentPage": 0, "hasNextPage": True, "nextPage": 1, "previousPage": None}
        page = SourceList.from_dict({"data": [], "meta": {"pagination": pagination}})

        assert isinstance(page.meta, models.Meta)
        assert isinstance(page.meta.pagination, PageOfNumber)
        assert page.meta.pagination.next_page == 1
        assert page.meta.pagination.previous_page is None
        assert page.meta.pagination.total_records is UNSET


class TestTheFuture:
    def test_unknown_members_parse_compare_and_pickle(self) -> None:
        deployment = Deployment.from_dict({"type": "r2", "cache_ttl_behavior": "never"})

        assert isinstance(deployment.type_, SourceType)
        assert deployment.type_ == "r2"
        assert not deployment.type_.is_known
        assert pickle.loads(pickle.dumps(deployment)) == deployment
        assert deployment.to_dict() == {"type": "r2", "cache_ttl_behavior": "never"}

    def test_undocumented_states_parse(self) -> None:
        session = UploadSessionDocument.from_dict({"data": {"attributes": {"status": "EXPIRED"}}}).data

        assert isinstance(session.attributes, models.UploadSessionAttributes)
        assert session.attributes.status == "EXPIRED"

    def test_unknown_fields_are_kept_at_every_level(self) -> None:
        document = {
            "data": {
                "id": "a1",
                "type": "sources",
                "links": {"self": "/a1"},
                "attributes": {"region": "eu", "deployment": {"type": "s3", "video": {"enabled": True}}},
            },
            "links": {"next": None},
            "meta": {"warnings": []},
        }
        assert SourceDocument.from_dict(document).to_dict() == document

    def test_included_resources_are_kept_unchanged(self) -> None:
        included = [{"type": "accounts", "id": "1", "attributes": {"name": "Acme"}}, {"type": "assets"}]
        document = {"data": {"id": "a1"}, "included": included}

        assert SourceDocument.from_dict(document).included == included

    @pytest.mark.parametrize(
        "attributes",
        [
            {"tags": {"Cup": 0.9}, "custom_fields": {"alt": "A cup"}, "colors": {"dominant_colors": {}}},
            {"tags": ["Cup"], "custom_fields": "", "colors": []},
            {"tags": "", "custom_fields": None, "colors": ""},
        ],
    )
    def test_every_known_shape_of_free_attributes_is_read(self, attributes: dict[str, Any]) -> None:
        assert AssetAttributes.from_dict(attributes).to_dict() == attributes


class TestRequests:
    def test_default_to_the_type_of_their_resource(self) -> None:
        data = SourceCreateData(
            attributes=SourceCreateAttributes(
                name="Shop",
                deployment=Deployment(
                    type_=SourceType.WEBFOLDER,
                    imgix_subdomains=["shop"],
                    webfolder_base_url="https://shop.example/",
                    robots_txt=models.RobotsPolicy.ALLOW_ALL,
                ),
            )
        )
        assert models.SourceCreate(data=data).to_dict() == {
            "data": {
                "type": "sources",
                "attributes": {
                    "name": "Shop",
                    "deployment": {
                        "type": "webfolder",
                        "imgix_subdomains": ["shop"],
                        "webfolder_base_url": "https://shop.example/",
                        "robots.txt": "allow-all",
                    },
                },
            }
        }

    def test_send_null_only_where_it_is_passed(self) -> None:
        attributes = models.AssetUpdateAttributes(description=None, categories=["shoes"])

        assert attributes.to_dict() == {"description": None, "categories": ["shoes"]}


class TestSecrets:
    @pytest.mark.parametrize(
        "field", ["s3_secret_key", "gcs_secret_key", "azure_sas_string", "secret_key", "password"]
    )
    def test_of_a_deployment_are_sent_but_not_shown(self, field: str) -> None:
        deployment = Deployment.from_dict({field: SECRET})

        assert deployment.to_dict() == {field: SECRET}
        assert SECRET not in repr(deployment)
        assert SECRET not in repr(SourceAttributes(deployment=deployment))

    @pytest.mark.parametrize(
        "holder",
        [
            SourceAttributes(secure_url_token=SECRET),
            models.UploadSessionAttributes(url=f"https://store.example/?sig={SECRET}"),
            models.ReportAttributes(files=[f"https://store.example/?sig={SECRET}"]),
            models.Meta(authentication={"tag": SECRET}),
            Deployment.from_dict({"a_secret_of_tomorrow": SECRET}),
        ],
        ids=lambda holder: type(holder).__name__,
    )
    def test_are_not_shown_anywhere_else(self, holder: Any) -> None:
        assert SECRET in str(holder.to_dict())
        assert SECRET not in repr(holder)


def test_a_value_of_the_wrong_type_is_named_without_being_quoted() -> None:
    with pytest.raises(MisfitError) as caught:
        SourceAttributes.from_dict({"deployment": {"imgix_subdomains": SECRET}})

    assert "Deployment.imgix_subdomains" in str(caught.value)
    assert SECRET not in str(caught.value)
