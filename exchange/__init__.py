"""The venue's world: gateways, credentials and the demo exchange. Knows nothing of bots."""
