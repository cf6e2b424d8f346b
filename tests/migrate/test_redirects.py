"""Redirect rules in the servers they are written for: the target is the translated URL."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from imgwire_async.errors import InvalidArgumentError
from imgwire_async.migrate import translate_url
from imgwire_async.migrate.asset_items import AssetNote
from imgwire_async.migrate.mapping import MappedUrl
from imgwire_async.migrate.redirects import RedirectKind, check_kind, redirect_lines

HOST = "img.example.com"
PATHS = (
    "/a.jpg",
    "/A.jpg",
    "/photos/b ü & (1)+$x.png",
    '/quo"te\\d/{brace}~.webp',
    "/back`tick{$HOME}{args.0}\\",
    "/doubled//slash.jpg",
    "/https://origin.example.com/c.jpg?size=1&x=%20",
)
UNKNOWN_TYPE = "/plain"
CARRIED = (
    "",
    "w=400",
    "h=300&w=400",
    "w=400&h=300&fit=clip",
    "w=400&fit=max",
    "w=400&h=300&fit=max",
    "w=400&h=300&fit=crop",
    "w=400&h=300&fit=scale",
    "fit=fill&w=400&h=300",
    "w=4096&dpr=2",
    "w=300&dpr=1.5&q=40",
    "dpr=2",
    "q=100",
    "fm=webp",
    "fm=pjpg",
    "auto=format",
    "flip=hv",
    "bg=f0a",
    "bg=ff00aa&w=20&h=10&fit=fill",
    "ixlib=python-1&w=10&s=0123456789abcdef0123456789abcdef",
)
DROPPED = ("w=0.5", "w=1", "w=9000", "w=abc", "rot=90", "q=0", "bg=red", "flip=x")
"""Queries from which a rule keeps no parameter."""


def mapped(path: str, number: int = 0, *, host: str = HOST, mime_type: str | None = "image/png") -> MappedUrl:
    note = AssetNote(source_id="s", origin_path=path, hosts=(host,), mime_type=mime_type)
    (url,) = note.old_urls()
    return MappedUrl(
        note=note, old_url=url, image_id=str(number), cdn_url=f"https://cdn.imgwire.dev/e/{number}"
    )


URLS = [mapped(path, number) for number, path in enumerate(PATHS)] + [
    mapped(UNKNOWN_TYPE, 99, mime_type=None)
]


def written(kind: RedirectKind, path: Path) -> Path:
    path.write_text("\n".join(redirect_lines(kind, lambda: iter(URLS))) + "\n", encoding="utf-8")
    return path


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def running(port: int, folder: Path, *command: str) -> Iterator[None]:
    """Run a server, which may keep files in `folder`; enters the block once it accepts connections."""
    own = os.environ | {"XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)}
    with subprocess.Popen(command, env=own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    if server.poll() is not None:
                        assert server.stdout is not None
                        pytest.fail(server.stdout.read().decode())
                    time.sleep(0.01)
            yield
        finally:
            server.terminate()


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a server with the rules."""
    program = shutil.which(request.param)
    if program is None:
        pytest.skip(f"{request.param} is not installed")
    folder, port = tmp_path_factory.mktemp(request.param), free_port()
    rules = written(request.param, folder / "rules.conf")
    configuration = folder / "configuration"
    if request.param == "nginx":
        configuration.write_text(
            f"""
            daemon off; pid {folder}/pid; error_log stderr;
            events {{ }}
            http {{
                access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
                fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
                include {rules};
                server {{
                    listen 127.0.0.1:{port}; server_name {HOST};
                    merge_slashes off;
                    location / {{
                        if ($imgwire_redirect) {{ return 301 $imgwire_redirect; }}
                        return 404;
                    }}
                }}
            }}"""
        )
        command = [program, "-c", str(configuration), "-e", "stderr"]
    else:
        configuration.write_text(
            f"{{\n\tadmin off\n\tauto_https off\n}}\n"
            f"http://{HOST}:{port} {{\n\timport {rules}\n\trespond 404\n}}\n"
        )
        command = [program, "run", "--adapter", "caddyfile", "--config", str(configuration)]
    with running(port, folder, *command):
        yield port


def location(port: int, url: str) -> tuple[int, str]:
    """Status and target of the response to an old URL."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"Host": HOST})
        response = connection.getresponse()
        return response.status, response.headers.get("location", "")
    finally:
        connection.close()


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, strict_parsing=bool(urlsplit(url).query)))


def test_every_old_url_leads_to_its_image(server: int) -> None:
    for url in URLS:
        status, target = location(server, url.old_url)
        assert (status, target.partition("?")[0]) == (301, url.cdn_url), url.old_url
    assert location(server, f"https://{HOST}/missing.jpg")[0] == 404


def test_redirects_carry_over_what_a_translation_does(server: int) -> None:
    for query in CARRIED:
        _, target = location(server, f"https://{HOST}/a.jpg?{query}" if query else f"https://{HOST}/a.jpg")
        expected = translate_url(f"https://{HOST}/a.jpg?{query}", hosts=[HOST], mime_type="image/png")
        assert expected.status == "exact", query
        assert query_of(target) == expected.transformations, query
    for query in DROPPED:
        assert query_of(location(server, f"https://{HOST}/a.jpg?{query}")[1]) == {"format": "png"}, query
    assert location(server, f"https://{HOST}{UNKNOWN_TYPE}")[1] == "https://cdn.imgwire.dev/e/99"


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_module_for_next_translates_and_loads(tmp_path: Path) -> None:
    written("next", tmp_path / "redirects.mjs")
    asked = [url.old_url for url in URLS]
    asked += [f"https://{HOST}/a.jpg?{query}" for query in (*CARRIED, *DROPPED)]
    asked += [f"https://{HOST}/missing.jpg", "https://[", f"//{HOST}/a.jpg", "%"]
    (tmp_path / "main.mjs").write_text(
        "import loader, { imgwireUrl } from './redirects.mjs';\n"
        f"const found = {json.dumps(asked)}.map(imgwireUrl);\n"
        f"const src = {json.dumps(URLS[0].old_url)};\n"
        "console.log(JSON.stringify([found, loader({ src, width: 640, quality: 75 }), "
        "loader({ src: '/other.png', width: 640 })]));\n"
    )
    done = subprocess.run(["node", "main.mjs"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found, loaded, unknown = json.loads(done.stdout)
    answers: dict[str, Any] = dict(zip(asked, found, strict=True))
    for url in URLS:
        assert answers[url.old_url].partition("?")[0] == url.cdn_url
    for query in CARRIED:
        expected = translate_url(f"https://{HOST}/a.jpg?{query}", hosts=[HOST], mime_type="image/png")
        assert query_of(answers[f"https://{HOST}/a.jpg?{query}"]) == expected.transformations, query
    for query in DROPPED:
        assert query_of(answers[f"https://{HOST}/a.jpg?{query}"]) == {"format": "png"}, query
    assert [answers[asked[-4]], answers[asked[-3]], answers[asked[-1]]] == [None, None, None]
    assert answers[f"//{HOST}/a.jpg"] == "https://cdn.imgwire.dev/e/0?format=png"
    assert query_of(loaded) == {"width": "640", "enlarge": "true", "quality": "75", "format": "png"}
    assert unknown == "/other.png"


def test_the_list_for_cloudflare_has_an_entry_for_every_old_url(tmp_path: Path) -> None:
    items = json.loads(written("cloudflare", tmp_path / "list.json").read_text(encoding="utf-8"))
    assert [item["redirect"]["source_url"] for item in items] == [
        url.old_url.removeprefix("https://") for url in URLS
    ]
    assert items[0]["redirect"] == {
        "source_url": f"{HOST}/a.jpg",
        "target_url": "https://cdn.imgwire.dev/e/0?format=png",
        "status_code": 301,
        "preserve_query_string": False,
    }
    assert "translate no parameters" in items[0]["comment"]
    assert all(0 < len(item["comment"]) <= 500 for item in items)


def test_an_empty_mapping_produces_valid_files() -> None:
    assert json.loads("\n".join(redirect_lines("cloudflare", lambda: iter(())))) == []
    for kind in ("nginx", "caddy", "next"):
        assert any("NOT carried over" in line for line in redirect_lines(kind, lambda: iter(())))


def test_a_url_that_could_break_out_of_the_rules_is_rejected() -> None:
    hostile = MappedUrl(
        note=AssetNote(source_id="s", origin_path="/a", hosts=(HOST,)),
        old_url=f"https://{HOST}/a",
        image_id="1",
        cdn_url='https://cdn.imgwire.dev/e/1"; }',
    )
    for kind in ("nginx", "caddy", "next", "cloudflare"):
        with pytest.raises(InvalidArgumentError, match="cannot be used"):
            list(redirect_lines(kind, lambda: iter([hostile])))
    with pytest.raises(InvalidArgumentError, match="nginx, cloudflare, caddy, next"):
        check_kind("apache")
