"""Banks of items for other systems: one registry, one module a format, and what the formats share."""
