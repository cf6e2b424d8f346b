"""Redirects for nginx: maps, to be included in `http`."""

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
    RedirectEntry,
    statement,
)

_USE: Final = """\
Include this file in http { }, and write into the server { } of each host:

    merge_slashes off;
    location / {
        if ($imgwire_redirect) { return 301 $imgwire_redirect; }
        return 404;
    }

If map_hash_max_size or map_hash_bucket_size is set elsewhere, keep the larger value there and delete the
line here. nginx compares paths without regard to case; those that differ in nothing else are written as
regular expressions, which it tries one after the other."""


def lines(entries: Entries) -> Iterator[str]:
    """The file, line by line."""
    yield from statement("#", _USE)
    longest, count, ambiguous = _looked_at(entries())
    yield ""
    # Several keys must fit into a bucket, otherwise nginx finds no suitable table and warns.
    yield f"map_hash_bucket_size {_power_of_2(8 * (longest + 32))};"
    yield f"map_hash_max_size {_power_of_2(count + 2048)};"
    yield ""
    yield "# The URL of the image, and its own format where that is known."
    yield "map $host$uri $imgwire_entry {"
    yield '    default "";'
    for entry in entries():
        key = entry.key
        if hash(_folded(key)) in ambiguous:
            key = f"~^{re.escape(key)}$"
        yield f"    {_quoted(key)} {_quoted(f'{entry.cdn_url} {entry.own_format}'.rstrip())};"
    yield "}"
    yield from _RULES.splitlines()


def _looked_at(entries: Iterator[RedirectEntry]) -> tuple[int, int, set[int]]:
    """The length of the longest key, the number of keys, and the keys that differ only in case."""
    longest = count = 0
    seen: set[int] = set()
    twice: set[int] = set()
    for entry in entries:
        folded = hash(_folded(entry.key))
        (twice if folded in seen else seen).add(folded)
        longest, count = max(longest, len(entry.key.encode())), count + 1
    return longest, count, twice


def _folded(key: str) -> bytes:
    return key.encode().lower()  # bytes, because nginx folds only ASCII


def _power_of_2(least: int) -> int:
    return 1 << (least - 1).bit_length()


def _quoted(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'


_BY_FIT: Final = "\n".join(f'    "~*^both {name}$" "{query}";' for name, query in FITS.items())
_BY_FLIP: Final = "\n".join(f'    {name} "&flip={value}";' for name, value in FLIPS.items())
_ALL: Final = "".join(f"$imgwire_{name}" for name in RESULTS)
_RULES: Final = f"""
map $imgwire_entry $imgwire_image {{
    default "";
    "~^(?<imgwire_url>[^ ]+)" $imgwire_url;
}}
map $imgwire_entry $imgwire_own {{
    default "";
    "~ (?<imgwire_own_format>[a-z]+)$" "&format=$imgwire_own_format";
}}
map $arg_w $imgwire_w {{
    default "";
    "~^{SIDE}$" "&width=$arg_w";
}}
map $arg_h $imgwire_h {{
    default "";
    "~^{SIDE}$" "&height=$arg_h";
}}
map "$imgwire_w|$imgwire_h" $imgwire_sides {{
    default one;
    "|" none;
    "~^[^|]+\\|[^|]+$" both;
}}
map "$imgwire_sides $arg_fit" $imgwire_fit {{
    default "";
    "~*^one max$" "&enlarge=false";
    "~^one " "&enlarge=true";
{_BY_FIT}
    "~^both " "{CLIP}";
}}
map "$imgwire_sides $arg_dpr" $imgwire_dpr {{
    default "";
    "~^(one|both) {DENSITY}$" "&dpr=$arg_dpr";
}}
map $arg_q $imgwire_q {{
    default "";
    "~^{QUALITY}$" "&quality=$arg_q";
}}
map $arg_flip $imgwire_flip {{
    default "";
{_BY_FLIP}
}}
map $arg_bg $imgwire_bg {{
    default "";
    "~^(?<imgwire_r>[0-9A-Fa-f])(?<imgwire_g>[0-9A-Fa-f])(?<imgwire_b>[0-9A-Fa-f])$"
        "&background=$imgwire_r$imgwire_r$imgwire_g$imgwire_g$imgwire_b$imgwire_b";
    "~^[0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f]$" "&background=$arg_bg";
}}
map $arg_auto $imgwire_auto {{
    default "";
    "~*(^|,|%2c)format(,|%2c|$)" "&format=auto";
}}
map $arg_fm $imgwire_fm {{
    default "";
    pjpg "&format=jpg&progressive=true";
    "~*^{FORMATS}$" "&format=$arg_fm";
}}
map "$imgwire_auto|$imgwire_fm|$imgwire_own" $imgwire_format {{
    default "";
    "~^(?<imgwire_first>[^|]+)" $imgwire_first;
    "~^\\|(?<imgwire_second>[^|]+)" $imgwire_second;
    "~^\\|\\|(?<imgwire_third>.+)" $imgwire_third;
}}
map "{_ALL}" $imgwire_query {{
    default "";
    "~^&(?<imgwire_rest>.+)$" "?$imgwire_rest";
}}
map $imgwire_image $imgwire_redirect {{
    default "";
    "~." "$imgwire_image$imgwire_query";
}}"""
