"""Pages, static files, translations."""
