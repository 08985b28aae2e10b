"""The built-in exchange: Binance's REST interface over recorded klines. No Django in here."""
