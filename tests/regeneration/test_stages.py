from __future__ import annotations

from typing import Any

import pytest
import regenerate
from regeneration.contract import normalisation, overlay, selection
from regeneration.contract.document import RegenerationError, dump, parse
from regeneration.profiles import IMGWIRE

from tests.regeneration.support import SCHEMAS, Document, document, encoded, operation

ENVIRONMENT = {"$ref": "#/components/parameters/EnvironmentId"}


def plain(source: Document) -> Document:
    return normalisation.normalise(source, selection.select(source, IMGWIRE))


def only_operation(source: Document) -> Document:
    (item,) = plain(source)["paths"].values()
    (found,) = item.values()
    assert isinstance(found, dict)
    return found


def listing(**changes: Any) -> Document:
    return document({"/api/v1/images/": {"get": operation(**changes)}})


class TestSelection:
    def test_operations_that_the_vendor_ignores_are_omitted(self) -> None:
        ignored = operation(method="hide") | {"x-codegen-sdk-ignore": True}

        chosen = selection.select(document({"/a": {"get": operation()}, "/b": {"get": ignored}}), IMGWIRE)

        assert list(chosen.paths) == ["/a"]

    def test_a_known_path_is_kept_without_its_marks(self) -> None:
        bare = {"operationId": "x", "responses": {}}

        chosen = selection.select(document({"/api/v1/images/{image_id}": {"get": bare}}), IMGWIRE)

        kept = chosen.paths["/api/v1/images/{image_id}"]["get"]
        assert selection.full_name(kept) == "images.retrieve"
        assert kept["x-codegen-sdk-auth"] == "server_or_client_key"

    def test_a_known_list_gets_its_pagination_mark_back(self) -> None:
        bare = {"operationId": "x", "responses": {}}

        chosen = selection.select(document({"/api/v1/images/": {"get": bare}}), IMGWIRE)

        assert chosen.paths["/api/v1/images/"]["get"]["x-codegen-sdk-pagination"] == "offset_headers"

    def test_an_unknown_operation_besides_ours_is_omitted_with_a_note(self) -> None:
        bare = {"operationId": "x", "responses": {}}

        chosen = selection.select(
            document({"/api/v1/images/": {"get": operation()}, "/api/v1/images/new": {"put": bare}}),
            IMGWIRE,
        )

        assert list(chosen.paths) == ["/api/v1/images/"]
        assert chosen.notes == ["left out, without marks and not known by its path: PUT /api/v1/images/new"]

    @pytest.mark.parametrize(
        ("vendor", "ours"),
        [
            ("uploadViaUrl", "upload_via_url"),
            ("list", "list"),
            ("GetStats", "get_stats"),
            ("BulkDelete", "bulk_delete"),
        ],
    )
    def test_names_become_snake_case(self, vendor: str, ours: str) -> None:
        assert selection.snake_case(vendor) == ours


class TestNormalisation:
    def test_operation_id_and_tag_come_from_the_marks(self) -> None:
        found = only_operation(listing(**{"x-codegen-sdk-group-name": "corsOrigins", "tags": ["a", "b"]}))

        assert (found["operationId"], found["tags"]) == ("CorsOrigins_list", ["CORS Origins"])

    def test_prose_is_removed_but_a_field_called_title_is_kept(self) -> None:
        schema = {
            "type": "object",
            "title": "Prose",
            "description": "Prose",
            "properties": {"title": {"type": "string", "title": "Title", "examples": ["a"]}},
            "required": ["title"],
        }

        result = plain(document(schemas={"A": schema}))["components"]["schemas"]["A"]

        assert result == {
            "type": "object",
            "properties": {"title": {"type": "string"}},
            "required": ["title"],
        }

    @pytest.mark.parametrize(
        "spelling",
        [
            {"type": "string", "nullable": True, "minLength": 1},
            {"type": ["string", "null"], "minLength": 1},
            {"anyOf": [{"type": "string", "minLength": 1}, {"type": "null"}]},
        ],
    )
    def test_every_form_of_null_becomes_one(self, spelling: Document) -> None:
        result = plain(document(schemas={"A": spelling}))

        assert result["components"]["schemas"]["A"] == {
            "anyOf": [{"type": "string", "minLength": 1}, {"type": "null"}]
        }

    def test_the_environment_header_becomes_one_shared_parameter(self) -> None:
        header = {
            "name": "x-environment-id",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "format": "uuid"},
        }

        result = plain(listing(parameters=[header]))

        assert result["paths"]["/api/v1/images/"]["get"]["parameters"] == [ENVIRONMENT]
        assert result["components"]["parameters"]["EnvironmentId"] == header

    def test_a_shaped_document_without_the_environment_header_gets_it_back(self) -> None:
        assert only_operation(listing())["parameters"] == [ENVIRONMENT]

    def test_parameters_of_the_path_are_moved_to_its_operations(self) -> None:
        shared = {"name": "image_id", "in": "path", "required": True, "schema": {"type": "string"}}
        source = document({"/api/v1/images/{image_id}": {"parameters": [shared], "get": operation()}})

        assert only_operation(source)["parameters"] == [shared, ENVIRONMENT]

    def test_a_parameter_declared_twice_is_rejected(self) -> None:
        page = {"name": "page", "in": "query", "schema": {"type": "integer"}}

        with pytest.raises(RegenerationError, match="the query parameter 'page' is declared twice"):
            plain(listing(parameters=[page, page]))

    def test_a_shaped_pagination_mark_means_the_raw_one(self) -> None:
        found = only_operation(listing(**{"x-codegen-sdk-pagination": "offset_pagination"}))

        assert found["x-codegen-sdk-pagination"] == "offset_headers"

    def test_earlier_additions_of_our_overlay_are_removed(self) -> None:
        source = document(
            schemas={"Error": {"x-imgwire-added": True}, "A": {"type": "string", "x-imgwire-secret": True}}
        )

        assert plain(source)["components"]["schemas"] == {"A": {"type": "string"}}


class TestOverlay:
    def applied(self, source: Document, *actions: tuple[str, Any]) -> tuple[Document, list[str]]:
        listed = [{"target": target, "update": update} for target, update in actions]
        return overlay.apply(source, {"overlay": "1.0.0", "actions": listed})

    def test_objects_are_merged_and_arrays_appended(self) -> None:
        result, _ = self.applied({"a": {"x": 1, "l": [1]}}, ("$.a", {"y": 2, "l": [2]}))

        assert result == {"a": {"x": 1, "y": 2, "l": [1, 2]}}

    @pytest.mark.parametrize(
        ("target", "expected"),
        [
            ("$", {"n": 1, "p": [{"name": "a"}, {"name": "b"}], "q": {"r/s": {}}}),
            ("$.p[?@.name=='b']", {"p": [{"name": "a"}, {"name": "b", "n": 1}], "q": {"r/s": {}}}),
            ("$.q['r/s']", {"p": [{"name": "a"}, {"name": "b"}], "q": {"r/s": {"n": 1}}}),
            ("$.q.*", {"p": [{"name": "a"}, {"name": "b"}], "q": {"r/s": {"n": 1}}}),
            ("$.p[*]", {"p": [{"name": "a", "n": 1}, {"name": "b", "n": 1}], "q": {"r/s": {}}}),
        ],
    )
    def test_targets_select_like_json_path(self, target: str, expected: Document) -> None:
        result, unmatched = self.applied(
            {"p": [{"name": "a"}, {"name": "b"}], "q": {"r/s": {}}}, (target, {"n": 1})
        )

        assert (result, unmatched) == (expected, [])

    def test_a_target_that_matches_nothing_is_reported(self) -> None:
        assert self.applied({}, ("$.gone", {})) == ({}, ["$.gone"])

    @pytest.mark.parametrize("target", ["paths", "$..x", "$.a[0:1]"])
    def test_a_target_beyond_our_part_of_json_path_is_rejected(self, target: str) -> None:
        with pytest.raises(RegenerationError, match="overlay target"):
            self.applied({"a": [{}]}, (target, {}))


def test_schemas_that_no_operation_reaches_are_pruned_and_the_order_is_fixed() -> None:
    answer = {"description": "", "content": {"application/json": {"schema": {"$ref": f"{SCHEMAS}B"}}}}
    schemas = {
        "Unused": {"$ref": f"{SCHEMAS}B"},
        "C": {"type": "string"},
        "B": {"items": {"$ref": f"{SCHEMAS}C"}},
    }
    source = document({"/api/v1/images/": {"get": operation(responses={"200": answer})}}, schemas)

    ours, _ = regenerate.build(encoded(source), "x", regenerate.ROOT)

    assert sorted(ours["components"]["schemas"]) == ["B", "C", "ErrorSchema"]
    assert list(parse(dump(ours).encode(), "x"))[:4] == ["openapi", "info", "servers", "security"]
