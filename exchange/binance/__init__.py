"""The one adapter to Binance and everything that speaks its language, on python-binance."""
