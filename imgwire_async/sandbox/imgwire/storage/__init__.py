"""Images and their stored data, from arrival to processing."""
