from __future__ import annotations

import pytest

from exchange.domain.types import Environment, KeyPermissions
from exchange.permissions import Flags, as_stored, in_words, reason_to_refuse, warnings_about

SAFE: Flags = {
    "can_read": True,
    "can_trade": True,
    "can_withdraw": False,
    "can_use_futures": False,
    "can_transfer": False,
    "is_ip_restricted": True,
}
TOLD_NOTHING: Flags = {}
LIVE, TESTNET, DEMO = Environment.LIVE, Environment.TESTNET, Environment.DEMO


@pytest.mark.parametrize("environment", Environment)
def test_a_safe_key_is_neither_refused_nor_warned_about(environment: Environment) -> None:
    assert reason_to_refuse(environment, SAFE) is None
    assert warnings_about(environment, SAFE) == []


@pytest.mark.parametrize("environment", Environment)
def test_a_key_that_cannot_read_is_refused_everywhere(environment: Environment) -> None:
    reason = reason_to_refuse(environment, {**SAFE, "can_read": False})

    assert reason is not None
    assert "Enable Reading" in reason


def test_only_a_live_key_is_refused_for_a_right_to_withdraw() -> None:
    flags = {**SAFE, "can_withdraw": True}

    assert "Enable Withdrawals" in (reason_to_refuse(LIVE, flags) or "")
    assert reason_to_refuse(TESTNET, flags) is None
    assert reason_to_refuse(DEMO, flags) is None


def test_the_most_dangerous_comes_first() -> None:
    flags = {**SAFE, "can_withdraw": True, "is_ip_restricted": False, "can_trade": False}

    found = [words.split(".")[0] for words in warnings_about(LIVE, flags)]

    assert found == [
        "The key may withdraw, which no bot needs and a thief would use",
        "The key can be used from any address",
        "The key cannot trade: bots that use it only look",
    ]


def test_what_the_venue_does_not_say_is_not_taken_for_a_no() -> None:
    assert reason_to_refuse(LIVE, TOLD_NOTHING) is None
    assert in_words(TOLD_NOTHING) == []
    assert warnings_about(TESTNET, TOLD_NOTHING) == []
    assert [words[:21] for words in warnings_about(LIVE, TOLD_NOTHING)] == ["The venue did not say"]


def test_an_account_that_may_not_trade_is_told_from_a_key_that_may_not() -> None:
    permissions = KeyPermissions(can_trade=True, can_read=True)

    closed = as_stored(permissions, is_account_open=False)
    assert (closed["can_trade"], closed["can_withdraw"]) == (True, None)
    (warning,) = warnings_about(DEMO, closed)
    assert warning.startswith("The venue does not let this account trade")
    assert warnings_about(DEMO, as_stored(permissions, is_account_open=True)) == []
