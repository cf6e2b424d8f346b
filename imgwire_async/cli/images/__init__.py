"""The commands for single images."""
