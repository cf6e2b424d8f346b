"""Pages as seen by a browser without scripts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

import httpx

from imgwire_async.sandbox import ImgixSandbox, Sandbox


@dataclass
class Pages:
    """The pages of one sandbox."""

    sandbox: Sandbox | ImgixSandbox
    http: httpx.Client

    def get(self, path: str = "/", status: int = 200) -> str:
        response = self.http.get(path)
        assert (response.status_code, response.headers["content-type"][:9]) == (status, "text/html")
        return response.text

    def send(self, path: str, fields: dict[str, str], files: Any = None, **headers: str) -> httpx.Response:
        """Submit a form, by default like a page of the sandbox."""
        headers = {"origin": self.sandbox.base_url, **headers}
        return self.http.post(path, data=fields, files=files, headers=headers)

    def upload(self, *files: tuple[str, bytes]) -> httpx.Response:
        parts = [("files", (name, data, "application/octet-stream")) for name, data in files]
        return self.send("/gallery/upload", {"target": ""}, parts)

    def names(self) -> list[str]:
        """Names on the first page."""
        return texts(r'<bdi class="name" title="([^"]*)"', self.get())

    def links(self) -> list[str]:
        """The link targets of the images on the first page."""
        return texts(r'<a class="card" href="([^"]*)"', self.get())

    def id(self, link: str) -> str:
        return texts(r'name="id" value="([^"]*)"', self.get(link))[0]


def texts(pattern: str, page: str) -> list[str]:
    return [unescape(found) for found in re.findall(pattern, page)]


def rows(page: str) -> list[list[str]]:
    """The cells of all tables, without headings."""
    cells = [re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", row) for row in re.findall("<tr>(.*?)</tr>", page)]
    return [[unescape(re.sub("<[^>]*>", "", cell)) for cell in row] for row in cells]
