"""Creating an image, putting its bytes, reading it back."""

from __future__ import annotations

from tests.sandbox.support import Api, photograph, sha256


def test_an_uploaded_photograph_becomes_ready_with_what_its_bytes_say(api: Api) -> None:
    data = photograph()

    image = api.upload(data, file_name="rocket.jpg")

    assert image["status"] == "READY"
    assert (image["width"], image["height"], image["size_bytes"]) == (640, 427, len(data))
    assert image["hash_sha256"] == sha256(data)
    assert image["can_upload"] is False
    assert api.http.get(image["cdn_url"]).content == data
