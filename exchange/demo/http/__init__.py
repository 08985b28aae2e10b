"""The spot REST API, and what both APIs stand on: requests, signatures, endpoints."""
