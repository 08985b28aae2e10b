"""Reading for engine and doors."""
