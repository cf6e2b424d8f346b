"""`file:` URIs name local files and folders, as sources, as items and in manifests."""

from __future__ import annotations

from pathlib import Path

from imgwire_async import AsyncImgwireClient, IngestItem
from tests.ingest.support import counts, folder_of, ingest


async def test_a_folder_and_its_file_uri_are_the_same_source(
    client: AsyncImgwireClient, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path / "50% off", 3)

    _, first = await ingest(client, folder.as_uri(), journal=tmp_path / "j")
    _, again = await ingest(client, folder, journal=tmp_path / "j")

    assert counts(first) == (3, 0, 0, 0)
    assert counts(again) == (0, 3, 0, 0)


async def test_items_and_rows_may_be_file_uris(client: AsyncImgwireClient, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "50% off", 3)
    uris = [path.as_uri() for path in sorted(folder.iterdir())]
    (tmp_path / "items.csv").write_text("\n".join(["source", *uris]))

    _, named = await ingest(client, [IngestItem(uris[0]), uris[1]])
    outcomes, listed = await ingest(client, (tmp_path / "items.csv").as_uri())

    assert counts(named) == (2, 0, 0, 0)
    assert counts(listed) == (3, 0, 0, 0)
    assert {outcome.key for outcome in outcomes} == {str(path) for path in folder.iterdir()}
