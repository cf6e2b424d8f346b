"""Redirects for Next.js: an ECMAScript module with a loader, and a function for a middleware."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from imgwire_async.migrate.redirects.entries import (
    CLIP,
    DENSITY,
    FITS,
    FLIPS,
    FORMATS,
    QUALITY,
    SIDE,
    Entries,
    statement,
)

_USE: Final = """\
As the loader of next/image, in next.config.mjs:

    images: { loader: 'custom', loaderFile: './imgwire-redirects.mjs' }

The src of an image is then its old URL. As a redirect, in the middleware of one of your hosts:

    const url = imgwireUrl(request.url);
    if (url) return NextResponse.redirect(url, 301);

The table is part of the bundle. For more than a few thousand images, redirect in front of the server."""


def lines(entries: Entries) -> Iterator[str]:
    """The file, line by line."""
    yield from statement("//", _USE)
    yield ""
    yield "// Host and path → URL of the image, and its own format where that is known."
    yield "const IMAGES = new Map(["
    for entry in entries():
        yield f"  {json.dumps([entry.key, [entry.cdn_url, entry.own_format]])},"
    yield "]);"
    yield from _RULES.splitlines()


_RULES: Final = f"""
const FITS = {json.dumps(FITS)};
const FLIPS = {json.dumps(FLIPS)};

/** The URL at Imgwire for one at imgix; null if its image is not known. */
export function imgwireUrl(oldUrl) {{
  let url, path;
  try {{
    url = new URL(oldUrl, 'https://unknown.invalid');
    path = decodeURIComponent(url.pathname);
  }} catch {{
    return null;
  }}
  const image = IMAGES.get(url.hostname + path);
  if (!image) return null;
  const given = (name) => url.searchParams.getAll(name).pop() ?? '';
  const matching = (name, pattern) => (pattern.test(given(name)) ? given(name) : '');
  const side = /^{SIDE}$/;
  const w = matching('w', side);
  const h = matching('h', side);
  const fit = given('fit').toLowerCase();
  let query = (w && `&width=${{w}}`) + (h && `&height=${{h}}`);
  if (w && h) query += Object.hasOwn(FITS, fit) ? FITS[fit] : '{CLIP}';
  else if (w || h) query += fit === 'max' ? '&enlarge=false' : '&enlarge=true';
  const dpr = matching('dpr', /^{DENSITY}$/);
  if (dpr && (w || h)) query += `&dpr=${{dpr}}`;
  const quality = matching('q', /^{QUALITY}$/);
  if (quality) query += `&quality=${{quality}}`;
  if (Object.hasOwn(FLIPS, given('flip'))) query += `&flip=${{FLIPS[given('flip')]}}`;
  const bg = matching('bg', /^(?:[0-9A-Fa-f]{{3}}|[0-9A-Fa-f]{{6}})$/);
  if (bg) query += `&background=${{bg.length === 3 ? [...bg].map((digit) => digit + digit).join('') : bg}}`;
  const fm = given('fm').toLowerCase();
  const auto = url.searchParams.getAll('auto').join().toLowerCase().split(',');
  if (auto.includes('format')) query += '&format=auto';
  else if (fm === 'pjpg') query += '&format=jpg&progressive=true';
  else if (/^{FORMATS}$/.test(fm)) query += `&format=${{fm}}`;
  else if (image[1]) query += `&format=${{image[1]}}`;
  return image[0] + query.replace(/^&/, '?');
}}

/** A loader of next/image. */
export default function loader({{ src, width, quality }}) {{
  const url = new URL(src, 'https://unknown.invalid');
  url.searchParams.set('w', String(width));
  if (quality) url.searchParams.set('q', String(quality));
  return imgwireUrl(url.href) ?? src;
}}"""
