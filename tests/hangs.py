"""The bound of tests that might hang."""

from __future__ import annotations

from typing import Final

HANGS: Final = 120.0
"""Seconds after which a test counts as hanging.

It says nothing about speed: on a busy machine, a test whose threads alternate takes ten times as long.
"""
