"""The venue's world: gateways, credentials and the built-in demo exchange. Knows nothing of bots."""
