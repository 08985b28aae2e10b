"""Prices and klines as functions of market time, and the symbols that are listed."""
