"""What can be uploaded: sources of bytes, and the image type that their first bytes show."""
