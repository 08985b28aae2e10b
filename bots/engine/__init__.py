"""One tick of one bot: reconcile, read, decide, record, send, publish."""
