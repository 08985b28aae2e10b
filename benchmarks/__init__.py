"""Scripts that measure; each prints the rows of docs/measurements.md."""
