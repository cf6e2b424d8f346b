"""URLs in all kinds of text are found and replaced, and nothing else changes."""

from __future__ import annotations

import pytest

from imgwire_async.migrate import translate_text

ASSETS = {"/a.jpg": "https://cdn.example.com/one", "/a(1).jpg": "https://cdn.example.com/two"}
OLD = "https://shop.imgix.net/a.jpg"
NEW = "https://cdn.example.com/one"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f'<img src="{OLD}?w=6&amp;fm=webp">', f'<img src="{NEW}?enlarge=true&amp;format=webp&amp;width=6">'),
        (f"<p>{OLD}?w=6</p>", f"<p>{NEW}?enlarge=true&width=6</p>"),
        (f"&quot;{OLD}?w=6&quot;,", f"&quot;{NEW}?enlarge=true&width=6&quot;,"),
        (
            f"<?xml version='1.0'?><a>{OLD}?w=6</a>",
            f"<?xml version='1.0'?><a>{NEW}?enlarge=true&amp;width=6</a>",
        ),
        (
            r'{"u":"https:\/\/shop.imgix.net\/a.jpg?w=6\u0026fm=webp"}',
            r'{"u":"https:\/\/cdn.example.com\/one?enlarge=true\u0026format=webp\u0026width=6"}',
        ),
        (
            r'"{\"u\":\"https:\\/\\/shop.imgix.net\\/a.jpg\"}"',
            r'"{\"u\":\"https:\\/\\/cdn.example.com\\/one\"}"',
        ),
        (
            r'u="https:\u002F\u002Fshop.imgix.net\u002Fa.jpg?w=6"',
            r'u="https:\u002F\u002Fcdn.example.com\u002Fone?enlarge=true&width=6"',
        ),
        (f"![x]({OLD}?w=6). See {OLD}.", f"![x]({NEW}?enlarge=true&width=6). See {NEW}."),
        (f"**{OLD}**", f"**{NEW}**"),
        ("a{b:url(//shop.imgix.net/a.jpg?w=6)}", "a{b:url(//cdn.example.com/one?enlarge=true&width=6)}"),
        (f'srcset="{OLD}?w=6 6w, {OLD} 7w"', f'srcset="{NEW}?enlarge=true&width=6 6w, {NEW} 7w"'),
        (f"{OLD},{OLD}\r\n", f"{NEW},{NEW}\r\n"),
        (rf'"a\r\n{OLD}\n//shop.imgix.net/a.jpg"', rf'"a\r\n{NEW}\n//cdn.example.com/one"'),
        (rf'"\u003cp\u003e{OLD}\u003c/p\u003e"', rf'"\u003cp\u003e{NEW}\u003c/p\u003e"'),
        ("https://shop.imgix.net/a(1).jpg", "https://cdn.example.com/two"),
        (f"x = '{OLD}?rect=0,0,5,5';\n", f"x = '{NEW}?crop=0%3A0%3A5%3A5';\n"),
    ],
)
def test_a_url_is_replaced_with_its_escapes(old: str, new: str) -> None:
    found = translate_text(old, assets=ASSETS)

    assert found.text == new
    assert translate_text(new, assets=ASSETS).text == new


@pytest.mark.parametrize(
    "text",
    [
        *(f"`{OLD}?w=${{width}}`", f"{OLD}?w={{{{ width }}}}", f"{OLD}?w=<%= w %>", f"{OLD}?w=%s"),
        *("https://shop.imgix.net/unknown.jpg?w=6", f"{OLD}?trim=auto", "https://example.com/a.jpg", ""),
        "https://shop.imgix.net/",
    ],
)
def test_a_url_without_a_known_new_url_is_kept(text: str) -> None:
    assert translate_text(text, assets=ASSETS).text == text


@pytest.mark.parametrize(
    "text",
    [
        *(f'"{OLD}?w=" + w', f"'{OLD}?' + query", f"'{OLD}?w=1&amp;' . $more", f"'{OLD}' . $query"),
        *(f'"{OLD}"\n    + query', f"'{OLD}' ~ query", f"'{OLD}' || query", f'"{OLD}".format(w)'),
        *(f"'{OLD}?w=$width&h=3'", f'\\"{OLD}?w=\\" + w', f"'{OLD}' '?w=1'", f"`{OLD}?w=$(width)`"),
    ],
)
def test_a_url_that_code_completes_is_kept_and_counts_as_malformed(text: str) -> None:
    found = translate_text(text, assets=ASSETS)

    assert found.text == text
    assert [url.translation.status for url in found.urls] == ["malformed"]


# Texts in which a URL is replaced; `@` is the old URL, and the rest must not change.
REPLACED_IN = [
    *('e.src=r+"@"', 'b=t?"@":"@"', "url(@)no-repeat", 'image-set("@" 1x,url(@) 2x)', ":src=\"'@'\""),
    *('![alt](@ "title (x)")', "<@>", "[![a](@)](@)", "_@_ ~@~", "| @ |", "|@|", "[img]@[/img]", "[@ text]"),
    *("a: [@, @]", "{u: @, b: 1}", "a: @ # @", r"('it\'s @\'','@')", "('it''s @''','x')", r"('@\nfoo')"),
    *('srcset="@ 1x,@ 2x"', 'srcset="@,\n  @ 2x"', "<!--@-->", "/*@*/", "<![CDATA[@]]>", "//@ is"),
    *("[&quot;@&quot;,&quot;@&quot;]", "&lt;a&gt;@&lt;/a&gt;@&lt;", "/*@*/ @"),
    *("@&lt;b", "@&amp;lt;b", "@&hellip; more", "@&nbsp;", "src=@ alt", "1\t@\tx", "1,@,@", r"@\u003c/p"),
    *("\u898b@\u3002x", "\u201c@\u201d", "\xab@\xbb", "\u300c@\u300d\u306f", "@\u2026", "@\u200bx", "@\xa0x"),
]


@pytest.mark.parametrize("text", REPLACED_IN)
def test_the_text_around_a_url_is_kept(text: str) -> None:
    found = translate_text(text.replace("@", f"{OLD}?w=6"), assets=ASSETS)

    assert found.text == text.replace("@", f"{NEW}?enlarge=true&width=6")


@pytest.mark.parametrize(
    ("ampersand", "slash"),
    [
        *(("&#38;", "/"), ("&#038;", "/"), ("&#x0026;", "/"), ("&AMP;", "/"), ("&amp;amp;", "/")),
        *((r"\x26", r"\x2F"), (r"\\\u0026", r"\\\/"), ("&amp;", "&#x2F;")),
    ],
)
def test_a_url_keeps_escapes_of_any_depth(ampersand: str, slash: str) -> None:
    def written(url: str) -> str:
        return "".join({"&": ampersand, "/": slash}.get(character, character) for character in url)

    found = translate_text(f'"{written(f"{OLD}?w=6&fm=webp")}"', assets=ASSETS)

    assert found.text == f'"{written(f"{NEW}?enlarge=true&format=webp&width=6")}"'


def test_a_fragment_is_kept() -> None:
    assert translate_text(f"{OLD}?w=6#top", assets=ASSETS).text == f"{NEW}?enlarge=true&width=6#top"


@pytest.mark.parametrize(("text", "ampersand"), [("<![CDATA[@]]>", "&"), ("<a>@</a>", "&amp;")])
def test_only_text_that_xml_parses_is_escaped_for_it(text: str, ampersand: str) -> None:
    text = f"<?xml version='1.0'?><b>{text}</b>"

    found = translate_text(text.replace("@", f"{OLD}?w=6"), assets=ASSETS)

    assert found.text == text.replace("@", f"{NEW}?enlarge=true{ampersand}width=6")


LEFT_IN = [
    # completed by code
    *('"@".concat(x)', '"@" \\\n  "&h=3"', '"@" <> "&h=3"', '"@"&A1)', "('@') . '?w=2'", "('@', '&h=3')"),
    *("{{ '@' | append: '&h=3' }}", "&quot;@&quot; + w", r'"@\(w)"', "@[[w]]", r"@\&h=3", r"@\3fh"),
    *("@\\\n&h=30", "@\n  &h=30", '"@\n  &amp;h=30"', "@{% if x %}", "@&", "@=\nx"),
    # part of another URL
    *("https://o.example/?u=@&x=1", "/_next/image?url=@", "https://o.example/fetch/w_2/@", "?a=1&amp;u=@"),
    # the end of the URL is ambiguous
    *("1,@,x", "1;@;x", "1,@&v=1,x", "@&v=1;x", "@_WIDTH", "@__", "@:w", "@&eacute;b", "@^&h=3", "@(x"),
    *('"@ &h=3"', '"@&txt=Hello World&h=3"', '"@&txt=it\'s&h=3"', "'@&txt=it''s&h=3'", "@&txt=a\uff0cb&h=3"),
]


@pytest.mark.parametrize("text", LEFT_IN)
def test_a_url_that_may_be_incomplete_is_kept_and_counted(text: str) -> None:
    text = text.replace("@", f"{OLD}?w=6")
    found = translate_text(text, assets=ASSETS)

    assert found.text == text
    assert [url.translation.status for url in found.urls] == ["malformed"]


@pytest.mark.parametrize(
    "text",
    [
        "https://o.example/?u=https%3A%2F%2Fshop.imgix.net%2Fa.jpg%3Fw%3D20%26amp%3Bh%3D30",
        "https%253A%252F%252Fshop.imgix.net%252Fa.jpg",
        "https://u:p@shop.imgix.net/a.jpg",
        "https://shop.imgix.net:99999/a.jpg",
    ],
)
def test_encoded_urls_and_those_with_passwords_are_kept_and_counted(text: str) -> None:
    found = translate_text(text, assets=ASSETS)

    assert (found.text, [url.translation.status for url in found.urls]) == (text, ["malformed"])


@pytest.mark.parametrize(
    "host", ["shop.imgix.net@evil.example", "shop.imgix.net.evil.example", "shop.imgix.netx"]
)
def test_other_hosts_are_not_treated_as_imgix(host: str) -> None:
    assert not translate_text(f"https://{host}/a.jpg", assets=ASSETS).urls


@pytest.mark.parametrize("text", [f'See "{OLD}".\nThen', f'["{OLD}", "+"]', f"Is it {OLD}?", f'"{OLD}" . '])
def test_punctuation_after_a_url_does_not_complete_it(text: str) -> None:
    assert translate_text(text, assets=ASSETS).text == text.replace(OLD, NEW)


def test_every_url_of_imgix_is_reported() -> None:
    text = f"{OLD} https://example.com/ https://shop.imgix.net/unknown.jpg?trim=auto&amp;w=6"

    found = translate_text(text, assets=ASSETS).urls

    assert [(url.url, url.translation.status, url.replacement) for url in found] == [
        (OLD, "exact", NEW),
        ("https://shop.imgix.net/unknown.jpg?trim=auto&w=6", "unsupported", None),
    ]
    assert [text[url.start : url.end] for url in found] == [url.written for url in found]


def test_partial_pictures_are_replaced_if_the_caller_accepts_them() -> None:
    found = translate_text(f"{OLD}?trim=auto", assets=ASSETS, replace=("exact", "unsupported"))

    assert found.text == NEW


def test_custom_domains_are_found() -> None:
    text = "https://img.example/a.jpg https://ximg.example/a.jpg https://img.example.org/a.jpg"

    found = translate_text(text, assets=ASSETS, hosts=["Img.example"])

    assert found.text == f"{NEW} https://ximg.example/a.jpg https://img.example.org/a.jpg"


def test_a_long_text_takes_time_in_proportion_to_its_length() -> None:
    for text in (
        "//" + "a" * 200_000,
        "." * 200_000,
        f"{OLD}{'(' * 100_000}",
        f"{OLD}?{'.' * 100_000}x",
        f"{OLD}&quot;" * 2_000,
        f"{OLD}{'&amp;' * 50_000}",
        f'"{OLD}"{" " * 100_000}',
    ):
        assert len(translate_text(text, assets=ASSETS).text) > 0
