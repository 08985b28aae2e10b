"""The trader's world: configurations, decisions, orders and their books."""
