"""Running the installation: health for now; heartbeats, incidents and procedures join it here."""
