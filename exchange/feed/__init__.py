"""The process that listens to venues and keeps what they tell where everybody finds it."""
