"""The WebSocket side of the demo exchange."""
