"""HTTP in and out: routes by noun, authentication, one error map, the live stream."""
