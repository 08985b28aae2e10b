"""Whole ticks on prices and events that arrive by themselves."""
