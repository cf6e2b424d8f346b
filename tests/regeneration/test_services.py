"""The pipeline for a service with our own contract, and for several services at once."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import regenerate
from regeneration import diff
from regeneration.contract.document import RegenerationError, dump, operations
from regeneration.contract.operations import facts_of
from regeneration.output import generation, guard
from regeneration.output.generation import generator_input
from regeneration.profiles import IMGIX, PROFILES

from tests.lowlevel.support import RecordingCaller
from tests.regeneration.support import ROOT, Document, changed, encoded, fingerprint
from tests.regeneration.test_generation import forget

CONTRACT = ROOT / IMGIX.document
JSON_API = "application/vnd.api+json"
FREE_QUERY: Document = {"x-imgwire-free-query": True}


def contract() -> Document:
    document: Document = json.loads(CONTRACT.read_text("utf-8"))
    return document


def built(document: Document) -> Document:
    return regenerate.build(encoded(document), "contract.json", ROOT, IMGIX)[0]


def operation(**changes: Any) -> Document:
    return {
        "operationId": "things_list",
        "x-codegen-sdk-group-name": "things",
        "x-codegen-sdk-method-name": "list",
        "x-codegen-sdk-auth": "api_key",
        "responses": {"200": {"description": "", "content": {JSON_API: {"schema": {"type": "object"}}}}},
        **changes,
    }


def service(method: str = "get", schemas: Any = None, path: Any = "", **changes: Any) -> Document:
    return {
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1"},
        "paths": {f"/api/v1/things{path}": {method: operation(**changes)}},
        "components": {"schemas": schemas or {}},
    }


def parameter(name: str, where: Any = "query", **changes: Any) -> Document:
    return {"name": name, "in": where, "schema": {"type": "string"}, "required": where == "path", **changes}


class Client:
    """A freshly generated package with the only function of a small service."""

    def __init__(self, document: Document, folder: Path, package: str) -> None:
        generation.generate(built(document), folder / package, IMGIX, root=ROOT)
        self.models: Any = importlib.import_module(f"{package}.models")
        api: Any = importlib.import_module(f"{package}.api.things")
        self.call: Any = api.things_list


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield lambda document: Client(document, tmp_path, "small_service")
    forget("small_service")


class TestContract:
    def test_is_in_the_form_of_the_pipeline_and_fully_described(self) -> None:
        ours, notes = regenerate.build(CONTRACT.read_bytes(), "contract", ROOT, IMGIX)

        assert dump(ours) == CONTRACT.read_text("utf-8")
        assert notes == []

    def test_names_every_documented_status_of_an_error(self) -> None:
        for path, method, found in operations(contract()):
            statuses = {"400", "401", "403", "404", "405", "429", "500"}
            assert statuses <= found["responses"].keys(), f"{method} {path}"

    def test_requires_no_attribute_in_a_response(self) -> None:
        schemas = contract()["components"]["schemas"]

        for name in ("Source", "Asset", "UploadSession", "Report", "PurgeReceipt"):
            assert "required" not in schemas[f"{name}Attributes"], name
        assert "required" not in schemas["Deployment"]

    def test_has_no_two_paths_that_differ_only_in_a_parameter(self) -> None:
        shapes = [
            "/".join("{}" if "{" in part else part for part in path.split("/"))
            for path in contract()["paths"]
        ]

        assert len(set(shapes)) == len(shapes)


class TestSeveralServices:
    def test_are_all_checked_by_default(self, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (checkout / IMGIX.tree / "models" / "cursor.py").write_text("edited = True\n")
        before = fingerprint(checkout)

        assert regenerate.main(["--check"], checkout) == 1

        printed = capsys.readouterr().out.splitlines()
        assert [line for line in printed if line.endswith(":")] == [f"{name}:" for name in PROFILES]
        assert [line for line in printed if line.startswith("differs: ")] == [
            "differs: imgwire_async/imgix/lowlevel/models/cursor.py"
        ]
        assert fingerprint(checkout) == before

    def test_are_regenerated_one_by_one(self, checkout: Path, tmp_path: Path) -> None:
        edited = changed(contract(), "paths /api/v1/reports get x-imgwire-rate-class", "get_asset")
        source = tmp_path / "edited.json"
        source.write_bytes(encoded(edited))
        before = fingerprint(checkout)

        assert regenerate.main(["--contract", "imgix", "--source", str(source)], checkout) == 2

        after = fingerprint(checkout)
        assert {name for name in after if after[name] != before[name]} == {
            IMGIX.document,
            f"{IMGIX.tree}/operations.py",
        }
        assert regenerate.main(["--contract", "imgix", "--source", str(CONTRACT)], checkout) == 2
        assert fingerprint(checkout) == before

    def test_are_not_confused(self, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert regenerate.main(["--source", str(CONTRACT)], checkout) == 1
        assert "api_key" in capsys.readouterr().err

    def test_share_one_report(self, checkout: Path, tmp_path: Path) -> None:
        report = tmp_path / "report.md"

        assert regenerate.main(["--diff-only", "--report", str(report)], checkout) == 0

        titles = [line for line in report.read_text().splitlines() if line.startswith("# ")]
        assert titles == ["# Changes of the Resource API", "# Changes of the imgix Management API"]


class TestParameters:
    async def test_with_brackets_get_readable_names_and_are_sent_as_they_are(self, client: Any) -> None:
        names = ["page[number]", "filter[a.b]", "filter[or:c-d]", "plain"]
        small = client(service(parameters=[parameter(name) for name in names]))
        caller = RecordingCaller({})

        await small.call(caller, page_number="1", filter_a_b="2", filter_or_c_d="3", plain="4")

        assert caller.requests[0].query == dict(zip(names, "1234", strict=True))

    def test_with_the_same_name_stop_the_run(self, client: Any) -> None:
        with pytest.raises(RegenerationError, match="filter_a"):
            client(service(parameters=[parameter("filter[a]"), parameter("filter[a")]))

    async def test_of_any_name_are_sent_where_the_contract_allows_them(self, client: Any) -> None:
        small = client(service("get", None, "", parameters=[parameter("sort")], **FREE_QUERY))
        caller = RecordingCaller({})

        await small.call(caller, sort="name", further_query={"filter[custom:a]": True})

        assert caller.requests[0].query == {"sort": "name", "filter[custom:a]": "true"}

    async def test_named_like_the_arguments_of_a_function_get_another_name(self, client: Any) -> None:
        small = client(service(parameters=[parameter("content"), parameter("further_query")]))
        caller = RecordingCaller({})

        await small.call(caller, content_="1", further_query_="2")

        assert caller.requests[0].query == {"content": "1", "further_query": "2"}

    async def test_of_a_path_may_keep_their_slashes(self, client: Any) -> None:
        mark = {"x-imgwire-slashes": True}
        small = client(service(path="/{path}", parameters=[parameter("path", "path", **mark)]))
        caller = RecordingCaller({})

        await small.call(caller, "a b/c")

        assert caller.requests[0].path == "/api/v1/things/a%20b/c"

    def test_of_a_query_have_no_slashes_to_keep(self) -> None:
        ours = built(service(parameters=[parameter("path", **{"x-imgwire-slashes": True})]))
        with pytest.raises(RegenerationError, match="x-imgwire-slashes is for path parameters, not 'path'"):
            facts_of(ours, IMGIX)


class TestBodiesAndResponses:
    async def test_bytes_are_sent_as_they_are(self, client: Any) -> None:
        content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        small = client(service("post", requestBody={"required": True, "content": content}))
        caller = RecordingCaller({})

        await small.call(caller, content=b"\x00", content_type="image/png")

        request = caller.requests[0]
        assert (request.content, request.content_type, request.json) == (b"\x00", "image/png", None)

    @pytest.mark.parametrize("other", ["application/json", "multipart/form-data"])
    def test_another_media_type_is_rejected_with_its_location(self, other: str) -> None:
        ours = built(service("post", requestBody={"content": {other: {"schema": {"type": "object"}}}}))
        with pytest.raises(
            RegenerationError, match=rf"things/post/requestBody: only {re.escape(JSON_API)} .*, not {other}"
        ):
            generator_input(ours, IMGIX)

    async def test_a_response_without_content_is_not_read(self, client: Any) -> None:
        small = client(service("delete", responses={"204": {"description": ""}}))

        response = await small.call(RecordingCaller({"left": "over"}))

        assert response.data is None

    async def test_a_lone_object_is_a_list_of_one_if_the_contract_says_so(self, client: Any) -> None:
        item = {"type": "object", "properties": {"id": {"type": "string"}}}
        items = {"type": "array", "items": {"$ref": "#/components/schemas/Item"}}
        page = {
            "type": "object",
            "properties": {"data": {**items, "x-imgwire-lone": True}, "more": items},
        }
        schema = {"schema": {"$ref": "#/components/schemas/Page"}}
        responses = {"200": {"description": "", "content": {JSON_API: schema}}}
        models = client(service(schemas={"Item": item, "Page": page}, responses=responses)).models

        assert [one.id for one in models.Page.from_dict({"data": {"id": "a"}}).data] == ["a"]
        with pytest.raises(TypeError, match=r"Page\.more: expected a JSON array"):
            models.Page.from_dict({"more": {"id": "a"}})

    def test_a_constant_with_a_default_may_be_omitted(self, client: Any) -> None:
        properties = {
            "type": {"const": "things", "default": "things", "type": "string"},
            "kind": {"const": "new", "type": "string"},
        }
        new = {"type": "object", "properties": properties, "required": ["type", "kind"]}
        content = {JSON_API: {"schema": {"$ref": "#/components/schemas/New"}}}
        models = client(service("post", {"New": new}, requestBody={"content": content})).models

        assert models.New(kind="new").to_dict() == {"type": "things", "kind": "new"}
        with pytest.raises(TypeError, match="kind"):
            models.New()


class TestDifferences:
    @pytest.mark.parametrize(
        ("path", "value", "line"),
        [
            (
                "paths /api/v1/purge post x-imgwire-rate-class",
                "default",
                "behavioural: purges.create: rate class changed from purge to default",
            ),
            (
                "paths /api/v1/purge post x-imgwire-replay",
                "unsafe",
                "behavioural: purges.create: meaning of a repeat changed from safe to unsafe",
            ),
            (
                "paths /api/v1/sources/{source_id}/assets get x-imgwire-free-query",
                None,
                "breaking: assets.list: no longer takes query parameters of any name",
            ),
            (
                "components schemas Deployment properties new",
                {"type": "string"},
                "compatible: Deployment.new: new optional field (request and response)",
            ),
            (
                "components schemas SourceType enum",
                ["azure", "gcs", "s3", "s3_compatible", "webfolder"],
                "breaking: SourceType: member webproxy removed (request and response)",
            ),
        ],
    )
    def test_are_reported_with_their_meaning(self, path: str, value: object, line: str) -> None:
        found = diff.compare(built(contract()), built(changed(contract(), path, value)))

        assert line in [str(change) for change in found]

    def test_of_slashes_are_reported(self) -> None:
        edited = contract()
        for found in edited["paths"]["/api/v1/sources/{source_id}/assets/{origin_path}"]["get"]["parameters"]:
            found.pop("x-imgwire-slashes", None)

        assert "behavioural: assets.retrieve path origin_path: slashes are encoded now (request)" in [
            str(change) for change in diff.compare(built(contract()), built(edited))
        ]


class TestFacadeGuard:
    def unreachable(self, tmp_path: Path, facade: str, operation: str = "sources.create") -> list[str]:
        (tmp_path / "facade.py").write_text(facade)
        found = guard.unreachable(ROOT / IMGIX.tree, tmp_path)
        return [line for line in found if line.startswith(f"{operation}: ")]

    def test_looks_into_the_models_of_a_body(self, tmp_path: Path) -> None:
        found = self.unreachable(
            tmp_path,
            "sources_create(c, body=SourceCreate(data=SourceCreateData(attributes=attributes)))\n"
            "attributes = SourceCreateAttributes(name=name, deployment=Deployment(type_=type))\n",
        )
        assert "sources.create: field enabled of SourceCreateAttributes is not given by the facade" in found
        assert "sources.create: field s3_bucket of Deployment is not given by the facade" in found
        assert not [line for line in found if " type_ " in line or " name " in line]

    def test_treats_a_model_that_is_read_from_a_dictionary_as_complete(self, tmp_path: Path) -> None:
        found = self.unreachable(
            tmp_path,
            "sources_create(c, body=SourceCreate(data=SourceCreateData(attributes=attributes)))\n"
            "attributes = SourceCreateAttributes(name=n, enabled=e, deployment=deployment)\n"
            "deployment = models.Deployment.from_dict(given)\n",
        )
        assert found == []

    def test_knows_the_filters_that_a_facade_adds_to_the_query(self, tmp_path: Path) -> None:
        found = self.unreachable(
            tmp_path,
            "reports_list(c, page_number=p, page_size=n, sort=s, fields_reports=f, further_query=q)\n"
            "ReportFilters = TypedDict('ReportFilters', {'completed': bool})\n",
            "reports.list",
        )
        assert found == ["reports.list: query parameter filter_report_type is not given by the facade"]

    def test_finds_the_facade_complete(self) -> None:
        tree = ROOT / IMGIX.tree
        assert guard.unreachable(tree, tree.parent) == []
