"""From a task to its weight files: what was published, what was trained here, where files lie, how they are fetched."""
