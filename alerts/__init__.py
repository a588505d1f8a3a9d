"""Finding → alert → its life: one open alert per kind and device, acknowledged by people, resolved by its cause."""
