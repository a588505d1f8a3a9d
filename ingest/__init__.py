"""Bytes in, readings out: transports, spool, decoders (one file per family), quality, dead letters."""
