"""Counting the rendering parameters of real traffic, and how much of it can be translated."""
