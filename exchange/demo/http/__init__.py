"""The spot REST API: from a wire request to the venue's JSON."""
