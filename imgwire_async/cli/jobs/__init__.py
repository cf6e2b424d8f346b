"""The commands for bulk jobs: running one, its journal and the files that it writes."""
