"""The stages of `scripts/regenerate.py`, from the vendor's OpenAPI document to the generated tree."""
