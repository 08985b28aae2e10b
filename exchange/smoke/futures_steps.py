"""The steps of the walk that only the futures market has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from exchange.domain.futures import MarginType
from exchange.domain.futures_gateway import FuturesGateway
from exchange.permissions import as_stored, in_words, warnings_about
from exchange.smoke.report import StepStatus
from exchange.smoke.steps import (
    FindingError,
    SkippedError,
    Walk,
    compare_clocks,
    connect,
    plain,
    read_commission,
    read_klines,
    read_price,
    read_rules,
    test_order,
)

_NO_FUTURES_HINT: Final = (
    "switch on “Enable Futures” for the key at the venue. Where it is not offered, open the futures"
    " account first and create a new key: one that is older than the account never gets the right"
)
_HEDGE_HINT: Final = "switch the account to one-way mode at the venue; it needs to be flat for that"


def _gateway(walk: Walk) -> FuturesGateway:
    # The registry gives the gateway of the market that was asked for.
    return cast(FuturesGateway, walk.account_gateway())


def _read_account(walk: Walk) -> str:
    gateway = _gateway(walk)
    if walk.rules is None:
        raise SkippedError("needs the rules, which name the asset of the margin")
    asset = walk.rules.quote_asset
    balance = gateway.futures_account().balances.get(asset)
    if balance is None or not balance.wallet:
        raise FindingError(
            f"no {asset} in the futures wallet", _money_hint(walk), StepStatus.WARNING
        )
    positions = len(gateway.positions())
    return (
        f"{plain(balance.wallet)} {asset} in the wallet, {plain(balance.available)} available, "
        f"{positions} open position{'' if positions == 1 else 's'}"
    )


def _money_hint(walk: Walk) -> str:
    if walk.spot_rights is None:
        return "move money into the futures wallet on the venue's own pages"
    return "move money there: manage.py transfer_funds --key LABEL --to futures --amount AMOUNT"


def _read_permissions(walk: Walk) -> str:
    ask = walk.spot_rights or _gateway(walk).key_permissions
    # Whether the key trades spot is nothing to this walk.
    flags = as_stored(ask(), is_account_open=True) | {"can_trade": None}
    words = "; ".join(in_words(flags))
    if flags["can_use_futures"] is False:
        raise FindingError(words, _NO_FUTURES_HINT)
    if warnings := warnings_about(walk.environment, flags):
        raise FindingError(words, " ".join(warnings), StepStatus.WARNING)
    return words


def _read_mode(walk: Walk) -> str:
    if _gateway(walk).is_hedge_mode():
        raise FindingError("hedge mode, in which no bot trades", _HEDGE_HINT, StepStatus.WARNING)
    return "one-way mode"


def _read_symbol(walk: Walk) -> str:
    config = _gateway(walk).symbol_config(walk.symbol)
    words = f"{config.margin_type} margin, leverage {config.leverage}"
    if config.margin_type is not MarginType.ISOLATED:
        return f"{words}; a bot sets isolated margin and its leverage before it opens"
    return f"{words}; a bot sets its leverage before it opens"


def _read_tiers(walk: Walk) -> str:
    tiers = _gateway(walk).leverage_brackets(walk.symbol)
    first = tiers.brackets[0]
    rate = plain(first.maintenance_rate * 100)
    return (
        f"{len(tiers.brackets)} tiers, leverage up to {first.max_leverage} "
        f"for notionals up to {plain(first.cap)}, there with {rate} % maintenance margin"
    )


def _read_mark(walk: Walk) -> str:
    mark = _gateway(walk).mark_price(walk.symbol)
    return (
        f"{plain(mark.mark_price)}, funding {plain(mark.funding_rate * 100)} % "
        f"at {mark.next_funding_time:%Y-%m-%d %H:%M} UTC of market time"
    )


FUTURES_STEPS: Final[dict[str, Callable[[Walk], str]]] = {
    "connect": connect,
    "time": compare_clocks,
    "rules": read_rules,
    "price": read_price,
    "klines": read_klines,
    "account": _read_account,
    "permissions": _read_permissions,
    "commission": read_commission,
    "mode": _read_mode,
    "symbol": _read_symbol,
    "tiers": _read_tiers,
    "mark": _read_mark,
    "test_order": test_order,
}
