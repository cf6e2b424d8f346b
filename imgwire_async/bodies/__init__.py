"""Sources of uploads, and detection of the image type from their first bytes."""
