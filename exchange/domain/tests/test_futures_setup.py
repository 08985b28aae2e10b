from __future__ import annotations

import logging
from dataclasses import replace
from decimal import Decimal
from typing import cast

import pytest

from exchange.domain.errors import (
    CredentialsError,
    GatewayError,
    OrderRejectedError,
    OutcomeUnknownError,
    RateLimitedError,
    TimestampError,
    UnavailableError,
)
from exchange.domain.futures import LeverageReport, MarginType, SymbolConfig
from exchange.domain.futures_gateway import FuturesGateway
from exchange.domain.futures_setup import HEDGE_MODE, SymbolSetup, leverage_used, set_up_symbol

NEW = SymbolConfig(
    symbol="BTCUSDT",
    margin_type=MarginType.CROSSED,
    leverage=20,
    max_notional=Decimal(100_000_000),
)
READY = replace(NEW, margin_type=MarginType.ISOLATED, leverage=10)
HAS_POSITION = OrderRejectedError("there is a position (code -4048)", code=-4048)
TOO_HIGH = OrderRejectedError("Leverage 50 is not valid (code -4028)", code=-4028)
LOST = OutcomeUnknownError("no answer in time")


class Account:
    """What one symbol is set up as, with a script of what goes wrong."""

    def __init__(self, config: SymbolConfig, *, is_hedged: bool = False) -> None:
        self.config = config
        self.is_hedged = is_hedged
        self.asked: list[str] = []
        self.fails: dict[str, GatewayError] = {}
        self.is_done_all_the_same = False
        self.least_leverage, self.most_leverage = 1, 125

    def is_hedge_mode(self) -> bool:
        self._ask("mode")
        return self.is_hedged

    def symbol_config(self, symbol: str) -> SymbolConfig:
        assert symbol == self.config.symbol
        self._ask("config")
        return self.config

    def set_margin_type(self, symbol: str, margin_type: MarginType) -> None:
        assert symbol == self.config.symbol
        self._change("margin", replace(self.config, margin_type=margin_type))

    def set_leverage(self, symbol: str, leverage: int) -> LeverageReport:
        given = max(self.least_leverage, min(leverage, self.most_leverage))
        self._change(f"leverage {leverage}", replace(self.config, leverage=given))
        return LeverageReport(symbol=symbol, leverage=self.config.leverage, max_notional=Decimal(1))

    def _change(self, what: str, config: SymbolConfig) -> None:
        if what.split(maxsplit=1)[0] not in self.fails or self.is_done_all_the_same:
            self.config = config
        self._ask(what)

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if error := self.fails.get(what.split(maxsplit=1)[0]):
            raise error


def set_up(account: Account, leverage: int = 10) -> SymbolSetup:
    return set_up_symbol(cast("FuturesGateway", account), "BTCUSDT", leverage=leverage)


@pytest.mark.parametrize(("configured", "used"), [(1, 1), (10, 10), (50, 50), (51, 50), (125, 50)])
def test_more_than_fifty_is_never_asked_for(configured: int, used: int) -> None:
    assert leverage_used(configured) == used


@pytest.mark.parametrize("configured", [0, -1, 126])
def test_a_leverage_that_no_venue_has_is_refused(configured: int) -> None:
    with pytest.raises(ValueError, match=f"leverage must be 1 to 125, not {configured}"):
        leverage_used(configured)
    account = Account(NEW)
    with pytest.raises(ValueError, match="leverage must be 1 to 125"):
        set_up(account, configured)
    assert account.asked == []


def test_a_new_symbol_is_isolated_and_levered(caplog: pytest.LogCaptureFixture) -> None:
    account = Account(NEW)

    setup = set_up(account)

    assert setup == SymbolSetup(
        symbol="BTCUSDT",
        wanted_leverage=10,
        leverage=10,
        margin_type=MarginType.ISOLATED,
        is_hedge_mode=False,
    )
    assert setup.entry_block is None
    assert account.asked == ["mode", "config", "margin", "leverage 10"]
    assert caplog.records == []


def test_nothing_is_changed_that_is_so_already() -> None:
    account = Account(READY)

    assert set_up(account).entry_block is None

    assert account.asked == ["mode", "config"]


def test_a_configured_leverage_above_fifty_is_asked_for_as_fifty() -> None:
    account = Account(READY)

    setup = set_up(account, 125)

    assert (setup.wanted_leverage, setup.leverage) == (50, 50)
    assert account.asked == ["mode", "config", "leverage 50"]


@pytest.mark.parametrize("config", [NEW, READY])
def test_an_account_in_hedge_mode_is_left_as_it_is(
    config: SymbolConfig, caplog: pytest.LogCaptureFixture
) -> None:
    account = Account(config, is_hedged=True)

    setup = set_up(account, 5)

    assert account.asked == ["mode", "config"]
    assert (setup.leverage, setup.margin_type) == (config.leverage, config.margin_type)
    assert setup.is_hedge_mode
    assert setup.problems == (HEDGE_MODE,)
    assert setup.entry_block is not None
    assert setup.entry_block.startswith("the account is in hedge mode; ")
    assert [record.getMessage() for record in caplog.records] == [f"BTCUSDT: {HEDGE_MODE}"]


@pytest.mark.parametrize("error", [HAS_POSITION, LOST, UnavailableError("overloaded")])
def test_crossed_margin_that_stays_blocks_entries(
    error: GatewayError, caplog: pytest.LogCaptureFixture
) -> None:
    account = Account(NEW)
    account.fails["margin"] = error

    setup = set_up(account, 20)

    assert account.asked == ["mode", "config", "margin", "config"]
    assert setup.entry_block == "BTCUSDT is margined CROSSED, not ISOLATED"
    assert setup.problems == (f"margin type ISOLATED was asked for, CROSSED is reported: {error}",)
    (record,) = caplog.records
    assert (record.levelno, record.name) == (logging.WARNING, "exchange.domain.futures_setup")
    assert record.getMessage() == f"BTCUSDT: wanted margin type ISOLATED, has CROSSED: {error}"


@pytest.mark.parametrize("error", [TOO_HIGH, LOST, UnavailableError("overloaded")])
def test_a_leverage_that_stays_too_high_blocks_entries(
    error: GatewayError, caplog: pytest.LogCaptureFixture
) -> None:
    account = Account(replace(READY, leverage=20))
    account.fails["leverage"] = error

    setup = set_up(account)

    assert account.asked == ["mode", "config", "leverage 10", "config"]
    assert setup.leverage == 20
    words = "BTCUSDT has leverage 20 at the venue, above the 10 configured"
    assert setup.entry_block == words
    assert setup.problems == (f"leverage 10 was asked for, 20 is reported: {error}",)
    assert [record.getMessage() for record in caplog.records] == [
        f"BTCUSDT: wanted leverage 10, has 20: {error}"
    ]


@pytest.mark.parametrize(("kept", "is_blocked"), [(9, False), (10, False), (11, True)])
def test_one_more_than_configured_is_too_much(kept: int, *, is_blocked: bool) -> None:
    account = Account(replace(READY, leverage=kept))
    account.fails["leverage"] = TOO_HIGH

    assert (set_up(account, 10).entry_block is not None) == is_blocked


def test_a_leverage_that_the_venue_sets_higher_than_asked_blocks_entries() -> None:
    account = Account(replace(READY, leverage=5))
    account.least_leverage = 12

    setup = set_up(account, 10)

    assert setup.leverage == 12
    assert setup.entry_block == "BTCUSDT has leverage 12 at the venue, above the 10 configured"


def test_a_lower_leverage_is_recorded_and_no_reason_to_wait() -> None:
    account = Account(replace(READY, leverage=5))
    account.fails["leverage"] = TOO_HIGH

    setup = set_up(account)

    assert setup.leverage == 5
    assert setup.entry_block is None
    assert len(setup.problems) == 1


def test_what_the_venue_answers_counts_and_not_what_was_asked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    account = Account(READY)
    account.most_leverage = 25

    setup = set_up(account, 50)

    assert setup.leverage == 25
    assert setup.entry_block is None
    words = "leverage 50 was asked for, 25 is reported: the venue gave no reason"
    assert setup.problems == (words,)
    assert len(caplog.records) == 1


def test_a_change_whose_answer_was_lost_counts_when_it_was_made(
    caplog: pytest.LogCaptureFixture,
) -> None:
    account = Account(NEW)
    account.fails.update(margin=LOST, leverage=LOST)
    account.is_done_all_the_same = True

    setup = set_up(account)

    assert account.asked == ["mode", "config", "margin", "config", "leverage 10", "config"]
    assert (setup.leverage, setup.margin_type) == (10, MarginType.ISOLATED)
    assert setup.entry_block is None
    assert len(setup.problems) == len(caplog.records) == 2  # told all the same


def test_everything_that_is_wrong_is_told_at_once() -> None:
    account = Account(NEW)
    account.fails.update(margin=HAS_POSITION, leverage=TOO_HIGH)

    setup = set_up(account)

    assert setup.entry_block == (
        "BTCUSDT is margined CROSSED, not ISOLATED; "
        "BTCUSDT has leverage 20 at the venue, above the 10 configured"
    )
    assert len(setup.problems) == 2


@pytest.mark.parametrize("what", ["mode", "config", "margin", "leverage"])
@pytest.mark.parametrize(
    "error",
    [RateLimitedError("wait", retry_after=5), CredentialsError("no"), TimestampError("late")],
)
def test_errors_about_the_caller_pass(what: str, error: GatewayError) -> None:
    account = Account(NEW)
    account.fails[what] = error

    with pytest.raises(type(error)) as caught:
        set_up(account)

    assert caught.value is error
    assert account.asked[-1].split()[0] == what  # nothing is asked after it


@pytest.mark.parametrize("what", ["mode", "config"])
def test_what_cannot_be_read_passes(what: str) -> None:
    account = Account(NEW)
    account.fails[what] = UnavailableError("no answer")

    with pytest.raises(UnavailableError):
        set_up(account)

    assert not {"margin", "leverage 10"} & set(account.asked)


@pytest.mark.parametrize("what", ["margin", "leverage"])
def test_a_refusal_is_told_even_when_nobody_can_say_what_is_so_now(
    what: str, caplog: pytest.LogCaptureFixture
) -> None:
    account = Account(NEW)
    account.fails[what] = HAS_POSITION
    reads = iter([NEW])

    def config(symbol: str) -> SymbolConfig:
        try:
            return next(reads)
        except StopIteration:
            raise UnavailableError("no answer") from None

    account.symbol_config = config  # type: ignore[method-assign]

    with pytest.raises(UnavailableError, match="no answer"):
        set_up(account)

    (record,) = caplog.records
    assert record.getMessage().endswith(f"has nobody knows: {HAS_POSITION}")
