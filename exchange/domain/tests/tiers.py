"""Leverage tiers that the venue published, as they were at the time that is named."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from exchange.domain.margin import LeverageBracket, LeverageBrackets


def tiers(symbol: str, *rows: tuple[int, int, int, str, int]) -> LeverageBrackets:
    """Return brackets of (floor, cap, max_leverage, rate, amount)."""
    return LeverageBrackets(
        symbol=symbol,
        brackets=tuple(
            LeverageBracket(
                floor=Decimal(floor),
                cap=Decimal(cap),
                max_leverage=max_leverage,
                maintenance_rate=Decimal(rate),
                maintenance_amount=Decimal(amount),
            )
            for floor, cap, max_leverage, rate, amount in rows
        ),
    )


# GET /fapi/v1/leverageBracket of October 2024 (binance_leverage_tiers.json of freqtrade 2024.10).
BTC_2024: Final = tiers(
    "BTCUSDT",
    (0, 50_000, 125, "0.004", 0),
    (50_000, 600_000, 100, "0.005", 50),
    (600_000, 3_000_000, 75, "0.0065", 950),
    (3_000_000, 12_000_000, 50, "0.01", 11_450),
    (12_000_000, 70_000_000, 25, "0.02", 131_450),
    (70_000_000, 100_000_000, 20, "0.025", 481_450),
    (100_000_000, 230_000_000, 10, "0.05", 2_981_450),
    (230_000_000, 480_000_000, 5, "0.1", 14_481_450),
    (480_000_000, 600_000_000, 4, "0.125", 26_481_450),
    (600_000_000, 800_000_000, 3, "0.15", 41_481_450),
    (800_000_000, 1_200_000_000, 2, "0.25", 121_481_450),
    (1_200_000_000, 1_800_000_000, 1, "0.5", 421_481_450),
)
# Those that the worked examples of the venue's support pages use ("Leverage and Margin of USDⓈ-M
# Futures", state of 2021), up to the tiers of the examples.
BTC_2021: Final = tiers(
    "BTCUSDT",
    (0, 50_000, 125, "0.004", 0),
    (50_000, 250_000, 100, "0.005", 50),
    (250_000, 1_000_000, 50, "0.01", 1_300),
    (1_000_000, 5_000_000, 20, "0.025", 16_300),
    (5_000_000, 20_000_000, 10, "0.05", 141_300),
)
ETH_2021: Final = tiers(
    "ETHUSDT",
    (0, 10_000, 100, "0.005", 0),
    (10_000, 100_000, 75, "0.0065", 15),
    (100_000, 500_000, 50, "0.01", 365),
    (500_000, 1_000_000, 25, "0.02", 5_365),
    (1_000_000, 2_000_000, 10, "0.05", 35_365),
    (2_000_000, 5_000_000, 5, "0.1", 135_365),
)
