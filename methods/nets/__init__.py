"""The networks: torch only, every size an explicit argument, no file access."""
