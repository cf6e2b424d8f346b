"""Typed access to each operation of the Resource API, generated from `openapi.json`; do not edit."""
