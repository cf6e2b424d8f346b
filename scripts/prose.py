"""Finds words that this project does not use, and names the better word.

scripts/prose.py [FILE ...]     default: the whole project

Covers guides, docstrings, comments, messages, help texts and the names of tests. Code in guides and generated
code are left out. `scripts/test` runs it over the whole project.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("imgwire_async", "scripts", "tests")
PAGES = ("README.md",)
LEFT_OUT = ("lowlevel", "pickles", ".venv", "templates", "build", "recorded")
"""Parts of paths: generated code and records of earlier versions."""

WORDS = {
    r"go(?:es|ing)? on where": "resume where",
    r"goes? again": "retry",
    r"of (?:yours|ours|our own)": "your own, custom, our",
    r"made up when": "generated if",
    r"when left out": "if omitted",
    r"so many (?:seconds|bytes|items)": "this many …",
    r"(?<!here )is no (?:function|file|image|text|number|folder|list|path|URL|uuid)": "is not a …",
    r"nothing that holds": "not a supported source of",
    r"there is no such": "… does not exist",
    r"h[eo]ld(?:s|ing)? back": "delay, rate limit, slow down",
    r"leave to send": "permission to send",
    r"at (?:its|the|their) begin": "at the start",
    r"(?:is|are|was|were|be) told(?! apart| to)": "is called with, is notified, is reported",
    r"(?<!connection )(?<!connections )(?:is|are|was|were|be) refused": "is rejected",
    r"is to be had": "is available",
    r"further ado": "(leave it out)",
    r"takes? badly": "reject",
    r"[Ww]hoever": "if you …, a caller that …",
    r"a duck": "a file-like object",
    r"pass(?:es|ed|ing)? over": "skip",
    r"in the place of": "instead of",
    r"no one has": "nobody has",
    r"asked again": "retried, called once more",
    r"finds? out how": "adapts to, determines",
    r"learns? of it": "sees it, is notified",
    r"give (?:it|the \w+|an item|up the \w+) up": "release, give up on",
    r"for the lack of": "because there is no",
    r"whatever holds bytes": "any source of bytes",
    r"have somebody else": "replace",
    r", too(?=[.;,])": "as well, also",
    r"(?:cannot|could not|can) go on": "continue, resume",
    r"run goes on": "resumes",
    r"have none of their own": "do not have any",
    r"results are whole responses": "returns complete responses",
    r"what else a call can raise": "other errors of a call",
    r"what it raises ends": "its exceptions end",
    r"retries and waiting included": "including retries and waiting",
    r"[Uu]ndocumented is what": "… is undocumented",
    r"as users hold it": "as users see it",
    r"(?:cannot|can|could) be had": "is available, is not available",
    r"(?:left|stays?|kept) as (?:it|they) (?:is|are|was|were)": "unchanged",
    r"leads? (?:nowhere|elsewhere)": "is broken, points elsewhere",
    r"taken up again": "resumed",
    r"lets? it go in": "allow, delay by",
    r"most wanted first": "most preferred first",
    r"as far as the client takes": "if the client accepts",
    r"what holds (?:for|against)": "properties of, the behaviour with",
    r"h[eo]ld(?:s|ing)? (?:up (?:the|an|its) event loop|the event loop up)": "block the event loop",
    r"some(?:body|one) else's": "another …'s, third-party",
    r"some(?:body|one)'s own": "a custom …",
    r"(?:runs?|used|taken) as (?:it|they) stands?": "unchanged",
    r"(?:is|are|was|were) looked at": "is inspected, is read",
    r"what becomes of": "processing of, the result of",
    r"(?:is|are) nobody's": "belongs to no …",
    r"(?:stands?|stood) at its (?:end|start)": "its position is …",
}
"""Patterns, and what to say instead. A space stands for any white space, line breaks included."""

_ANY = "|".join(rf"(?P<p{number}>{pattern})" for number, pattern in enumerate(WORDS))
_ALL = re.compile(rf"\b(?:{_ANY})\b")
_BETTER = list(WORDS.values())


@dataclass(frozen=True, slots=True)
class Finding:
    """A place with a word that is not used."""

    path: Path
    line: int
    word: str
    better: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.word!r}: better {self.better!r}"


def findings(path: Path, text: str) -> Iterator[Finding]:
    """Words of a file that are not used, including phrases that are broken across lines."""
    passages = python_passages(text) if path.suffix == ".py" else page_passages(text)
    for first, passage in passages:
        lines = [" ".join(line.split()) for line in passage.splitlines()]
        starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
        for match in _ALL.finditer(" ".join(lines)):
            assert match.lastgroup is not None
            at = first + bisect_right(starts, match.start()) - 1
            yield Finding(path, at, match[0], _BETTER[int(match.lastgroup[1:])])


def page_passages(text: str) -> Iterator[tuple[int, str]]:
    """Paragraphs of a Markdown file outside of code, by number of their first line."""
    in_code = False
    first, paragraph = 1, list[str]()
    for number, line in enumerate([*text.splitlines(), ""], 1):
        fence = line.startswith("```")
        if fence or in_code or not line.strip():
            if paragraph:
                yield first, "\n".join(paragraph)
            first, paragraph = number + 1, []
            in_code ^= fence
        else:
            paragraph.append(line)


def python_passages(text: str) -> Iterator[tuple[int, str]]:
    """Comments, strings of more than one word, and names of tests, by number of their first line."""
    yield from comments(text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.lineno, node.name.replace("_", " ")


def comments(text: str) -> Iterator[tuple[int, str]]:
    """Comments of Python code, by number of their first line; those on consecutive lines are one."""
    last, lines = 0, list[str]()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            if lines and token.start[0] > last + 1:
                yield last - len(lines) + 1, "\n".join(lines)
                lines = []
            last = token.start[0]
            lines.append(token.string.lstrip("#"))
    if lines:
        yield last - len(lines) + 1, "\n".join(lines)


def project_files() -> list[Path]:
    """Everything with prose."""
    found = [ROOT / page for page in PAGES]
    for folder in FOLDERS:
        for suffix in ("*.py", "*.md"):
            found += (ROOT / folder).rglob(suffix)
    itself = {Path(__file__).resolve(), ROOT / "tests" / "test_prose.py"}
    return sorted(
        path for path in found if path not in itself and not {*LEFT_OUT} & set(path.relative_to(ROOT).parts)
    )


def main(*names: str) -> int:
    """Print all findings; gives the exit status."""
    paths = [Path(name).resolve() for name in names] or project_files()
    found = [one for path in paths for one in findings(path.relative_to(ROOT), path.read_text())]
    for one in found:
        print(one)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
