"""The key of the account's event stream, asked for at a venue that says what the tests tell it."""

from __future__ import annotations

import pytest

from exchange.binance.futures import BinanceFuturesGateway
from exchange.binance.tests.conftest import KEY, loopback_urls
from exchange.binance.tests.scripted_server import Reply, ScriptedServer
from exchange.domain.errors import (
    CredentialsError,
    RateLimitedError,
    UnavailableError,
)
from exchange.domain.types import Environment

PATH = "/fapi/v1/listenKey"


def test_a_listen_key_is_asked_for_with_the_key_and_without_a_signature(
    script: ScriptedServer, futures: BinanceFuturesGateway
) -> None:
    script.says(PATH, {"listenKey": "pqia91ma19a5s61c"})

    assert futures.open_listen_key() == "pqia91ma19a5s61c"

    (asked,) = script.seen  # the wall clock is not asked for either
    assert (asked.method, asked.path, asked.wire, asked.key) == ("POST", PATH, "", KEY)


def test_a_reply_that_is_lost_did_no_harm(
    script: ScriptedServer, futures: BinanceFuturesGateway
) -> None:
    script.queue(PATH, Reply(drops=True))

    with pytest.raises(UnavailableError):
        futures.open_listen_key()


def test_too_many_requests_say_when_to_come_back(
    script: ScriptedServer, futures: BinanceFuturesGateway
) -> None:
    script.says(PATH, {"code": -1003, "msg": "Way too many requests"}, status=429, Retry_After="7")

    with pytest.raises(RateLimitedError) as caught:
        futures.open_listen_key()

    assert caught.value.retry_after == 7


def test_a_reply_without_a_listen_key_is_no_listen_key(
    script: ScriptedServer, futures: BinanceFuturesGateway
) -> None:
    script.says(PATH, {})

    with pytest.raises(UnavailableError, match="no field listenKey"):
        futures.open_listen_key()


def test_without_a_key_nothing_is_asked(script: ScriptedServer) -> None:
    gateway = BinanceFuturesGateway(environment=Environment.DEMO, urls=loopback_urls(script.url))

    with pytest.raises(CredentialsError):
        gateway.open_listen_key()

    gateway.close()
    assert script.seen == []
