"""Orders, fills and balances: the matching engine and its books."""
