"""The project's prose avoids the words on the list."""

from __future__ import annotations

from pathlib import Path

import prose
import pytest


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ('"""A module."""\n\n# Whoever reads this.\n', 3, "Whoever"),
        ('def f():\n    """Wait.\n\n    The job goes on where\n    it was.\n    """\n', 4, "goes on where"),
        ('def f():\n    """Wait.\n\n    The job goes on\n    where it was.\n    """\n', 4, "goes on where"),
        ("# The job goes\n# on where it was.\n", 1, "goes on where"),
        ("raise ValueError(f'{name} is no number')\n", 1, "is no number"),
        ("def test_a_text_file_is_refused(): ...\n", 1, "is refused"),
    ],
    ids=["comment", "docstring", "broken line", "broken comment", "message", "name of a test"],
)
def test_a_finding_has_file_line_word_and_the_better_word(text: str, line: int, word: str) -> None:
    (found,) = prose.findings(Path("one.py"), text)

    assert (found.line, found.word) == (line, word)
    assert str(found).startswith(f"one.py:{line}: {word!r}: better ")


def test_code_in_a_guide_is_skipped() -> None:
    text = "# Title\n\n```python\nhook = 'is told'\n```\n\nThe hook is told.\n"

    assert [one.line for one in prose.findings(Path("guide.md"), text)] == [7]


def test_a_phrase_of_a_guide_is_found_across_lines_but_not_across_paragraphs() -> None:
    text = "A hook is\ntold.\n\nA hook is\n\ntold.\n\nA hook is\n```\n```\ntold.\n"

    assert [one.line for one in prose.findings(Path("guide.md"), text)] == [1]


def test_idioms_that_share_words_with_the_list_are_fine() -> None:
    text = "# connections are refused, types are told apart, and there is no image\n"

    assert list(prose.findings(Path("one.py"), text)) == []
