from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from exchange.demo.accounts import parse_account, parse_accounts
from exchange.demo.errors import DemoExchangeError

KEY, SECRET = "k" * 64, "s" * 64


def test_spot_usdt_is_also_credited_to_the_futures_wallet() -> None:
    account = parse_account(f"{KEY}:{SECRET}:USDT=10000,BTC=0.5")
    assert account.deposits == {
        ("spot", "USDT"): Decimal(10_000),
        ("spot", "BTC"): Decimal("0.5"),
        ("um", "USDT"): Decimal(10_000),
    }


def test_a_futures_amount_of_its_own_wins() -> None:
    account = parse_account(f"{KEY}:{SECRET}:UM.USDT=7,USDT=10000")
    assert account.deposits["um", "USDT"] == 7


def test_an_account_may_own_nothing() -> None:
    assert parse_account(f"{KEY}:{SECRET}").deposits == {}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "the key must be"),
        (f"{KEY}", "the secret must be"),
        (f"short:{SECRET}:USDT=1", "the key must be"),
        (f"{KEY}x:{SECRET}:USDT=1", "the key must be"),
        (f"{KEY}:se-cret{SECRET[:20]}:USDT=1", "the secret must be"),
        (f"{KEY}:{SECRET}:usdt=1", "no asset: 'usdt'"),
        (f"{KEY}:{SECRET}:USDT", "the amount of USDT is no plain number"),
        (f"{KEY}:{SECRET}:USDT=-1", "the amount of USDT is no plain number"),
        (f"{KEY}:{SECRET}:USDT=1e3", "the amount of USDT is no plain number"),
        (f"{KEY}:{SECRET}:USDT=0.000000001", "the amount of USDT is no plain number"),
        (f"{KEY}:{SECRET}:USDT=1,USDT=2", "USDT is given twice"),
        (f"{KEY}:{SECRET}:UM.=1", "no asset: 'UM.'"),
        (f"{KEY}:{SECRET}:UMUSDT=4", "UMUSDT: .* written as UM\\.USDT=100"),
        (f"{KEY}:{SECRET}:USDT=1,UMBTC=4", "UMBTC: .* written as UM\\.BTC=100"),
    ],
)
def test_a_malformed_account_says_what_is_wrong_and_shows_no_secret(line: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as error:
        parse_account(line)
    assert SECRET[:10] not in str(error.value)


def test_a_coin_whose_name_begins_like_the_futures_wallet_is_a_coin() -> None:
    account = parse_account(f"{KEY}:{SECRET}:UMA=3,UM=2")
    assert account.deposits == {("spot", "UMA"): Decimal(3), ("spot", "UM"): Decimal(2)}


def test_a_forgotten_point_is_named_with_its_argument() -> None:
    with pytest.raises(DemoExchangeError) as error:
        parse_accounts([f"{KEY}:{SECRET}:UMUSDT=1"], [])
    assert str(error.value) == (
        "--account number 1: UMUSDT: what the futures wallet holds is written as UM.USDT=100"
    )


def test_files_may_hold_comments_and_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "accounts"
    path.write_text(f"# people\n\n{KEY}:{SECRET}:USDT=1  # the trader\n")
    assert [one.key for one in parse_accounts([], [path])] == [KEY]


def test_a_fault_in_a_file_is_named_by_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "accounts"
    path.write_text(f"# people\n{KEY}:{SECRET}:USDT=x\n")
    with pytest.raises(DemoExchangeError) as error:
        parse_accounts([], [path])
    assert str(error.value).startswith(f"{path}, line 2: the amount of USDT")


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DemoExchangeError, match="--account number 2: this key was given before"):
        parse_accounts([f"{KEY}:{SECRET}:", f"{KEY}:{SECRET}:"], [])
    with pytest.raises(DemoExchangeError, match="cannot be read"):
        parse_accounts([], [tmp_path / "absent"])


def test_an_account_does_not_print_its_secret() -> None:
    account = parse_account(f"{KEY}:{SECRET}:USDT=1")
    assert SECRET not in repr(account)
    assert KEY not in repr(account)
