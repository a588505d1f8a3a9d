"""One file per payload family: bytes to metrics and events, pure functions, listed in ingest.decoders."""
