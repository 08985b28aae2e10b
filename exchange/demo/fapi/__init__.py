"""The USD-M futures REST API: from a call to the venue's JSON."""
