"""Checking, comparing and hiding values before they are used."""
