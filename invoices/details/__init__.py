"""One invoice's page: what is next, where its lines go, what was sent and answered, what support is told."""
