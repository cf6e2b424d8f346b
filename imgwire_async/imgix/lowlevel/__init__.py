"""Typed access to each operation of the imgix Management API, generated from
`scripts/contracts/imgix/openapi.json`; do not edit.
"""
