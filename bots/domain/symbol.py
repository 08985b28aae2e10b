"""What a symbol's status at the venue means for a bot, in words."""

from __future__ import annotations

from exchange.domain.rules import TradingRules
from exchange.domain.symbol_status import NOT_LISTED, TRADING


def symbol_trouble(rules: TradingRules) -> str | None:
    """Say why no position may be opened in this symbol; None when one may.

    Without capital letter and full stop. Exits are another matter: `TradingRules.allows_exits`.
    """
    if rules.allows_entries:
        return None
    if rules.status == NOT_LISTED:
        return f"the venue no longer lists {rules.symbol}, it may be delisted or renamed"
    status = f" (status {rules.status})" if rules.status != TRADING else ""
    return f"{rules.symbol} is not trading at the venue{status}"
