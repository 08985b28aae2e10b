"""Refusals of the futures market in the venue's words.

Source: error codes of the USD-M API, 20xx processing issues, 40xx filters and 50xx order execution;
-5013 of transfers is not documented, clients have recorded it for both directions.
"""

from __future__ import annotations

from typing import Final

from exchange.demo.errors import VenueError

INSUFFICIENT_MARGIN: Final = (-2019, "Margin is insufficient.")
REDUCE_ONLY_REJECTED: Final = (-2022, "ReduceOnly Order is rejected.")
TOO_MANY_ORDERS: Final = (-2025, "Reach max open order limit.")
POSITION_TOO_LARGE: Final = (-2027, "Exceeded the maximum allowable position at current leverage.")
LEVERAGE_TOO_SMALL: Final = (
    -2028,
    "Leverage is smaller than permitted: insufficient margin balance.",
)
SAME_MARGIN_TYPE: Final = (-4046, "No need to change margin type.")
MARGIN_TYPE_HAS_ORDERS: Final = (
    -4047,
    "Margin type cannot be changed if there exists open orders.",
)
MARGIN_TYPE_HAS_POSITION: Final = (-4048, "Margin type cannot be changed if there exists position.")
NOT_ISOLATED: Final = (-4049, "Add margin only support for isolated position.")
INSUFFICIENT_CROSS_BALANCE: Final = (-4050, "Cross balance insufficient.")
INSUFFICIENT_ISOLATED_BALANCE: Final = (-4051, "Isolated balance insufficient.")
NO_POSITION: Final = (-4054, "Cannot add position margin: position is 0.")
SAME_POSITION_MODE: Final = (-4059, "No need to change position side.")
WRONG_POSITION_SIDE: Final = (-4061, "Order's position side does not match user's setting.")
POSITION_MODE_HAS_ORDERS: Final = (
    -4067,
    "Position side cannot be changed if there exists open orders.",
)
POSITION_MODE_HAS_POSITION: Final = (
    -4068,
    "Position side cannot be changed if there exists position.",
)
DUPLICATE_CLIENT_ORDER_ID: Final = (-4116, "ClientOrderId is duplicated.")
SYMBOL_NOT_TRADING: Final = (-4140, "Invalid symbol status for opening position.")
LEVERAGE_REDUCTION: Final = (
    -4161,
    "Leverage reduction is not supported in Isolated Margin Mode with open positions.",
)
NOT_FILLABLE: Final = (
    -5021,
    "Due to the order could not be filled immediately, the FOK order has been rejected."
    " The order will not be recorded in the order history.",
)
WOULD_TAKE: Final = (
    -5022,
    "Due to the order could not be executed as maker, the Post Only order will be rejected."
    " The order will not be recorded in the order history.",
)
TOO_EARLY_AN_END: Final = (
    -5040,
    "The goodTillDate timestamp must be greater than the current time plus 600 seconds"
    " and smaller than 253402300799000 (UTC 9999-12-31 23:59:59)",
)
UNSUPPORTED_ASSET: Final = (-1126, "This asset is not supported.")
INSUFFICIENT_FOR_TRANSFER: Final = (-5013, "Asset transfer failed: insufficient balance")


def invalid_leverage(leverage: int) -> VenueError:
    """Return the refusal of a leverage that the symbol does not have (-4028)."""
    return VenueError(-4028, f"Leverage {leverage} is not valid")
