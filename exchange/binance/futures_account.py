"""What the futures gateway asks and sets of an account: wallet, positions, leverage, income."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from exchange.binance import futures_account_replies as replies
from exchange.binance.futures_base import FuturesBase
from exchange.binance.time_pages import MAX_ROWS, read_all
from exchange.domain.budget import one_asking
from exchange.domain.clock import to_milliseconds
from exchange.domain.futures import (
    MAX_LEVERAGE,
    FuturesAccountInfo,
    IncomeReport,
    IncomeType,
    LeverageReport,
    MarginType,
    PositionReport,
    SymbolConfig,
)
from exchange.domain.types import AccountInfo, CommissionRates, KeyPermissions


class FuturesAccount(FuturesBase):
    """Everything about an account but its orders."""

    def account(self) -> AccountInfo:
        """Return what may be used and what is bound, with an empty uid; weight 10."""
        with one_asking():
            info = self.futures_account()
            return replies.account(info, can_trade=self.key_permissions().can_trade)

    def futures_account(self) -> FuturesAccountInfo:
        """Return the wallet by asset; weight 5."""
        return self._calls.signed_read(
            "GET /fapi/v3/account",
            lambda: self._client.futures_account(version=3),
            replies.futures_account,
            weight=5,
        )

    def key_permissions(self) -> KeyPermissions:
        """Return whether the key may trade futures; weight 5. All else only spot's sapi tells."""
        return self._calls.signed_read(
            "GET /fapi/v1/accountConfig",
            self._client.futures_account_config,
            replies.key_permissions,
            weight=5,
        )

    def is_hedge_mode(self) -> bool:
        """Say whether a symbol may have a long and a short position at once; weight 5.

        `GET positionSide/dual` tells the same at a weight of 30.
        """
        return self._calls.signed_read(
            "GET /fapi/v1/accountConfig",
            self._client.futures_account_config,
            replies.is_hedge_mode,
            weight=5,
        )

    def commission_rates(self, symbol: str) -> CommissionRates:
        """Return what a fill of `symbol` costs, as shares of its notional; weight 20."""
        return self._calls.signed_read(
            "GET /fapi/v1/commissionRate",
            lambda: self._client.futures_commission_rate(symbol=symbol),
            replies.commission_rates,
            weight=20,
        )

    def positions(self, symbol: str | None = None) -> list[PositionReport]:
        """Return the positions that are not zero, of one symbol or of all; weight 5."""
        return self._calls.signed_read(
            "GET /fapi/v3/positionRisk",
            lambda: self._client.futures_position_information(symbol=symbol),
            replies.positions,
            weight=5,
        )

    def symbol_config(self, symbol: str) -> SymbolConfig:
        """Return leverage and margin type of a symbol; weight 5."""
        return self._calls.signed_read(
            "GET /fapi/v1/symbolConfig",
            lambda: self._client.futures_symbol_config(symbol=symbol),
            lambda reply: replies.symbol_config(reply, symbol),
            weight=5,
        )

    def open_listen_key(self) -> str:
        """Return the key of the account's event stream, which lives for an hour; weight 1.

        While one lives the venue returns and prolongs that one, so it is safe to repeat.
        """
        self._calls.require_key()
        return self._calls.read(
            "POST /fapi/v1/listenKey",
            # Unsigned. The library's own method reads the key out of the reply itself.
            lambda: self._client._request_futures_api("post", "listenKey", signed=False, data={}),
            replies.listen_key,
            weight=1,
        )

    def set_hedge_mode(self, *, is_on: bool) -> None:
        """Switch the whole account, sent once; weight 1.

        OrderRejectedError while it has orders (-4067) or positions (-4068).
        """
        self._change(
            "POST /fapi/v1/positionSide/dual",
            lambda: self._client.futures_change_position_mode(
                dualSidePosition="true" if is_on else "false"
            ),
            replies.done,
            weight=1,
        )

    def set_margin_type(self, symbol: str, margin_type: MarginType) -> None:
        """Set how a symbol is margined, sent once; weight 1.

        OrderRejectedError while it has orders (-4047) or a position (-4048).
        """
        self._change(
            "POST /fapi/v1/marginType",
            lambda: self._client.futures_change_margin_type(
                symbol=symbol, marginType=margin_type.value
            ),
            replies.done,
            weight=1,
        )

    def set_leverage(self, symbol: str, leverage: int) -> LeverageReport:
        """Ask for a leverage, once, and return the one that the symbol has now; weight 1.

        ValueError when it is not 1 to 125.
        """
        if not 1 <= leverage <= MAX_LEVERAGE:
            raise ValueError(f"leverage must be 1 to {MAX_LEVERAGE}, not {leverage}")
        return self._change(
            "POST /fapi/v1/leverage",
            lambda: self._client.futures_change_leverage(symbol=symbol, leverage=leverage),
            replies.leverage,
            weight=1,
        )

    def income(
        self,
        *,
        start: datetime,
        end: datetime | None = None,
        symbol: str | None = None,
        type: IncomeType | None = None,
    ) -> list[IncomeReport]:
        """Return every change of the wallet from `start` to `end`, both included, oldest first.

        Weight 30 per 1000 rows. The venue keeps three months. ValueError for the type OTHER.
        """
        if type is IncomeType.OTHER:
            raise ValueError("type must be one of the venue's words, not OTHER")
        fixed: dict[str, Any] = {
            "symbol": symbol,
            "incomeType": type.value if type else None,
            "endTime": to_milliseconds(end) if end else None,
            "limit": MAX_ROWS,
        }

        def page(since: datetime) -> list[IncomeReport]:
            return self._calls.signed_read(
                "GET /fapi/v1/income",
                lambda: self._client.futures_income_history(
                    startTime=to_milliseconds(since), **fixed
                ),
                replies.income,
                weight=30,
            )

        return read_all(page, start=start)
