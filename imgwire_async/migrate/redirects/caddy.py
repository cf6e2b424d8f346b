"""Redirects for Caddy: directives, to be imported into a site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from imgwire_async.migrate.redirects.entries import (
    CLIP,
    DENSITY,
    FITS,
    FLIPS,
    FORMATS,
    QUALITY,
    RESULTS,
    SIDE,
    Entries,
    statement,
)

_USE: Final = """\
Import this file into the site of your hosts:

    images.example.com {
        import redirects.caddy
    }

Caddy compares a request with one path after another, which is fast enough for tens of thousands of paths."""


_HIDDEN: Final = '"`\\{}\n\r\t'
"""Characters that are written in hexadecimal, because they quote, escape, or start a placeholder."""
_SPECIAL: Final = re.compile(f"[{re.escape(_HIDDEN)}]")


def lines(entries: Entries) -> Iterator[str]:
    """The file, line by line."""
    yield from statement("#", _USE)
    yield ""
    yield "# The URL of the image, and its own format where that is known."
    yield "map {http.request.host}{http.request.uri.path} {imgwire_image} {imgwire_own} {"
    for entry in entries():
        own = f"&format={entry.own_format}" if entry.own_format else ""
        yield f'\t"{_input(entry.key)}" "{entry.cdn_url}" "{own}"'
    yield '\tdefault "" ""'
    yield "}"
    yield from _RULES.splitlines()


def _input(key: str) -> str:
    """The key to compare a request with: an expression if it contains characters special to Caddy."""
    if not _SPECIAL.search(key):
        return key
    escaped = "".join(f"\\x{ord(one):02x}" if one in _HIDDEN else re.escape(one) for one in key)
    return f"~^{escaped}$"


_BY_FIT: Final = "\n".join(f'\t"~(?i)^both {name}$" "{query}"' for name, query in FITS.items())
_BY_FLIP: Final = "\n".join(f'\t{name} "&flip={value}"' for name, value in FLIPS.items())
_HEX: Final = "[0-9A-Fa-f]"
_ALL: Final = "".join(f"{{imgwire_{name}}}" for name in RESULTS)
_RULES: Final = f"""
map {{query.w}} {{imgwire_w}} {{
\t"~^{SIDE}$" "&width=${{1}}"
\tdefault ""
}}
map {{query.h}} {{imgwire_h}} {{
\t"~^{SIDE}$" "&height=${{1}}"
\tdefault ""
}}
map "{{imgwire_w}}|{{imgwire_h}}" {{imgwire_sides}} {{
\t"~^[|]$" "none"
\t"~^[^|]+[|][^|]+$" "both"
\tdefault "one"
}}
map "{{imgwire_sides}} {{query.fit}}" {{imgwire_fit}} {{
\t"~(?i)^one max$" "&enlarge=false"
\t"~^one " "&enlarge=true"
{_BY_FIT}
\t"~^both " "{CLIP}"
\tdefault ""
}}
map "{{imgwire_sides}} {{query.dpr}}" {{imgwire_dpr}} {{
\t"~^(?:one|both) {DENSITY.replace(chr(92) + ".", "[.]")}$" "&dpr=${{1}}"
\tdefault ""
}}
map {{query.q}} {{imgwire_q}} {{
\t"~^{QUALITY}$" "&quality=${{1}}"
\tdefault ""
}}
map {{query.flip}} {{imgwire_flip}} {{
{_BY_FLIP}
\tdefault ""
}}
map {{query.bg}} {{imgwire_bg}} {{
\t"~^({_HEX})({_HEX})({_HEX})$" "&background=${{1}}${{1}}${{2}}${{2}}${{3}}${{3}}"
\t"~^({_HEX * 6})$" "&background=${{1}}"
\tdefault ""
}}
map {{query.auto}} {{imgwire_auto}} {{
\t"~(?i)(?:^|,)format(?:,|$)" "&format=auto"
\tdefault ""
}}
map {{query.fm}} {{imgwire_fm}} {{
\t"pjpg" "&format=jpg&progressive=true"
\t"~(?i)^{FORMATS}$" "&format=${{1}}"
\tdefault ""
}}
map "{{imgwire_auto}}|{{imgwire_fm}}|{{imgwire_own}}" {{imgwire_format}} {{
\t"~^([^|]+)[|].*$" "${{1}}"
\t"~^[|]([^|]+)[|].*$" "${{1}}"
\t"~^[|][|](.*)$" "${{1}}"
\tdefault ""
}}
map "{_ALL}" {{imgwire_query}} {{
\t"~^&(.+)$" "?${{1}}"
\tdefault ""
}}
@imgwire_known expression `{{imgwire_image}} != ""`
redir @imgwire_known {{imgwire_image}}{{imgwire_query}} 301"""
