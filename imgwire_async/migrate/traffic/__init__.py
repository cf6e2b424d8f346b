"""Which rendering parameters real traffic uses, and how much of it can be translated."""
