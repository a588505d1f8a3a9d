"""One file per process: what it owns and how it is wired."""
