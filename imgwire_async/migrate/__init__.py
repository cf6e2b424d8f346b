"""Moving from imgix to Imgwire: rendering URLs become transformations. No I/O.

`translate_url` documents the arguments; `translate_srcset` and `translate_text` take them too.
"""

# Names are loaded when they are first used, so that importing the package costs nothing.

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from imgwire_async.migrate.translation.records import Asset, Finding, ImgixSource, Judgement, Translation
    from imgwire_async.migrate.translation.srcset import Candidate, translate_srcset
    from imgwire_async.migrate.translation.text import FoundUrl, TranslatedText, translate_text
    from imgwire_async.migrate.translation.translate import translate_url

_MODULES: Final = {
    "Asset": "translation.records",
    "Candidate": "translation.srcset",
    "Finding": "translation.records",
    "FoundUrl": "translation.text",
    "ImgixSource": "translation.records",
    "Judgement": "translation.records",
    "TranslatedText": "translation.text",
    "Translation": "translation.records",
    "translate_srcset": "translation.srcset",
    "translate_text": "translation.text",
    "translate_url": "translation.translate",
}

# fmt: off
__all__ = [
    "Asset", "Candidate", "Finding", "FoundUrl", "ImgixSource", "Judgement", "TranslatedText", "Translation",
    "translate_srcset", "translate_text", "translate_url",
]
# fmt: on


def __getattr__(name: str) -> object:
    """Load a name of the package."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = found
    return found
