"""Leverage brackets: the file's own arithmetic, and files that do not add up."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.demo.errors import DemoExchangeError
from exchange.demo.market.brackets import BRACKETS_FILE, Brackets, brackets_of

BITCOIN = brackets_of("BTCUSDT")
LISTED = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "ANYUSDT")


def summed(brackets: Brackets, notional: Decimal) -> Decimal:
    """Add up the margin tier by tier, as income tax is, without using any amount."""
    parts = (
        (min(notional, row.cap if row is not brackets.rows[-1] else notional) - row.floor)
        * row.rate
        for row in brackets.rows
        if notional > row.floor
    )
    return sum(parts, Decimal(0))


@pytest.mark.parametrize(
    ("notional", "number", "maintenance"),
    [
        ("0", 1, "0"),
        ("10000", 1, "40"),
        ("50000", 1, "200"),
        ("50000.01", 2, "200.00005"),
        ("600000", 2, "2950"),
        ("1000000", 3, "5550"),
        ("3000000", 3, "18550"),
        ("100000000", 6, "2018550"),
        ("1800000000", 12, "478518550"),
        ("2000000000", 12, "578518550"),
    ],
)
def test_the_maintenance_margin_is_that_of_the_tier(
    notional: str, number: int, maintenance: str
) -> None:
    assert BITCOIN.of(Decimal(notional)).number == number
    assert BITCOIN.maintenance(Decimal(notional)) == Decimal(maintenance)


@pytest.mark.parametrize("symbol", LISTED)
@given(cents=st.integers(0, 3 * 10**11))
def test_the_amounts_are_those_of_a_sum_over_the_tiers(symbol: str, cents: int) -> None:
    brackets, notional = brackets_of(symbol), Decimal(cents).scaleb(-2)
    assert brackets.maintenance(notional) == summed(brackets, notional)


@pytest.mark.parametrize(
    ("leverage", "notional"),
    [
        *((125, 50_000), (101, 50_000), (100, 600_000), (20, 100_000_000), (19, 100_000_000)),
        *((2, 1_200_000_000), (1, 1_800_000_000)),
    ],
)
def test_a_leverage_allows_a_notional(leverage: int, notional: int) -> None:
    assert BITCOIN.max_notional(leverage) == notional
    assert BITCOIN.of(Decimal(notional)).max_leverage >= leverage
    assert BITCOIN.rows[-1].cap == notional or (
        BITCOIN.of(notional + Decimal("0.01")).max_leverage < leverage
    )


def test_no_notional_allows_more_than_the_most() -> None:
    most = [brackets_of(symbol).max_leverage for symbol in LISTED]
    assert most == [125, 125, 75, 50]
    with pytest.raises(ValueError, match="leverage 126 is over 125"):
        BITCOIN.max_notional(126)


def test_what_is_not_in_the_file_gets_the_modest_table() -> None:
    assert brackets_of("ANYUSDT") == brackets_of("*")
    assert brackets_of("ANYUSDT").max_notional(20) == 25_000


def changed(path: Path, **fields: Any) -> None:
    payload = json.loads(BRACKETS_FILE.read_text())
    payload["brackets"]["BTCUSDT"][2].update(fields)
    path.write_text(json.dumps(payload))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"cum": "951"}, "bracket 3: its amount must be 950"),
        ({"notionalFloor": "600001"}, "bracket 3 begins at 600001, not at 600000"),
        ({"notionalCap": "600000"}, "bracket 3: its cap does not lie above its floor"),
        ({"initialLeverage": "100"}, "bracket 3 asks for no more margin"),
        ({"initialLeverage": "75.5"}, "bracket 3: initialLeverage is no whole number"),
        ({"initialLeverage": "0"}, "bracket 3: no rate between 0 and 1, or no leverage"),
        ({"maintMarginRatio": "1.5"}, "bracket 3: no rate between 0 and 1"),
        ({"maintMarginRatio": "0.005"}, "bracket 3 asks for no more margin"),
        ({"bracket": "4"}, "bracket 3 is numbered 4"),
        ({"cum": 950}, "bracket 3: cum is no number in a string: 950"),
        ({"cum": "NaN"}, "bracket 3: cum is no number"),
        ({"cum": "-1"}, "bracket 3: cum is no number"),
        ({"more": "1"}, "bracket 3 must have the fields bracket, initialLeverage"),
    ],
)
def test_a_bracket_that_does_not_fit_is_named(
    tmp_path: Path, fields: dict[str, Any], words: str
) -> None:
    path = tmp_path / "brackets.json"
    changed(path, **fields)
    with pytest.raises(DemoExchangeError) as error:
        brackets_of("ETHUSDT", path)
    assert str(error.value).startswith(f"{path}, BTCUSDT: {words}")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "no readable JSON"),
        ("[]", '"brackets" must hold symbols and'),
        ('{"brackets": {"BTCUSDT": []}}', '"brackets" must hold symbols and'),
        ('{"brackets": {"*": []}}', "no list of brackets"),
        ('{"brackets": {"*": [1]}}', "bracket 1 must have the fields"),
    ],
)
def test_a_file_of_another_shape_is_named(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "brackets.json"
    path.write_text(content)
    with pytest.raises(DemoExchangeError) as error:
        brackets_of("BTCUSDT", path)
    assert str(error.value).startswith(str(path))
    assert words in str(error.value)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DemoExchangeError, match=str(tmp_path / "absent")):
        brackets_of("BTCUSDT", tmp_path / "absent")
