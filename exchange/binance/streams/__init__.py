"""The venue's WebSocket streams, as hints that arrive by themselves."""
