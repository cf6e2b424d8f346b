"""The commands for bulk jobs, their journals and output files."""
